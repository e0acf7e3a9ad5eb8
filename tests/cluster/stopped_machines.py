"""A virtual machine that its host stops for a while, and whose clocks do not count that time, but for the wall clock."""

import mmap
import os
import struct
import time

import msgpack

from harness import Cluster, actor_types, check, until
from hostile import CALL, REPLY, Peer
from outages import found, key_of_each_node

STOPPED_CLOCK = os.environ["REKI_STOPPED_CLOCK_LIBRARY"]


def stop_a_machine_that_is_called(c, more_environment):
    """Returns the answer to a call that was made once another node had the key, and the fence that the key had on the machine before."""
    victim = c.nodes["n2"]
    victim.terminate()
    path = os.path.join(c.folder, "stood-still")
    with open(path, "wb") as file:
        file.write(bytes(8))
    options = os.environ.get("ASAN_OPTIONS", "")
    victim.more_environment = {"LD_PRELOAD": STOPPED_CLOCK, "REKI_STOPPED_CLOCK": path,
                               "ASAN_OPTIONS": f"{options}:verify_asan_link_order=0".lstrip(":"), **more_environment}
    victim.start("--no-guard")  # which would see the stop as any other: this is about the node alone
    check("it is back", victim.wait_ready())
    key = key_of_each_node(c)["n2"]
    before = found(c, key)
    with Peer(c, victim, key) as peer:
        peer.greet()
        peer.works()
        victim.freeze()
        stopped = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        until("another node has the key", 30, lambda: found(c, key)["fence"] > before["fence"])
        peer.socket.send(peer.frame(CALL, 30000, 0, "neighbour", key, b"", "ping", b""))
        time_of_stop = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - stopped
        with open(path, "r+b") as file, mmap.mmap(file.fileno(), 8) as page:
            page[:] = struct.pack("=q", time_of_stop)
        victim.thaw()
        return msgpack.unpackb(peer.socket.recv(), strict_map_key=False), before["fence"]


def is_answered_by(answer, fence):
    return answer[0] == REPLY and answer[3][0][1] == 0 and answer[3][0][2] == fence


def serves_again(c):
    until("it has its share again", 20, lambda: c.reki("status", "n2", code=None).get("nodes", {}).get("n2", {}).get("slots", 0) > 5000)


def what_waits_for_a_machine_that_was_stopped_is_not_executed_there_once_another_has_the_key():
    with Cluster(actor_types(), expected=["fenced", "clock_stood_still", "wrong_incarnation", "hello_required"]) as c:
        answer, before = stop_a_machine_that_is_called(c, {})
        check("the call was not executed", not is_answered_by(answer, before), answer)
        until("it says what it has seen", 20, lambda: "event=clock_stood_still" in c.nodes["n2"].logged())
        serves_again(c)


def a_confirmed_type_answers_nothing_from_a_machine_that_no_clock_of_its_own_says_has_stood_still():
    with Cluster(actor_types(neighbour='lease = "confirmed"'), expected=["fenced", "wrong_incarnation", "hello_required"]) as c:
        answer, before = stop_a_machine_that_is_called(c, {"REKI_STOPPED_CLOCK_ALL": "1"})
        check("the call is not answered by the older start", not is_answered_by(answer, before), answer)
        check("nothing was noticed", "event=clock_stood_still" not in c.nodes["n2"].logged())
        serves_again(c)
