"""A virtual machine that its host stops for a while, and whose clocks do not count that time, but for the wall clock.

    stopped_machines.py [--stops N]

does the case of confirmed leases, in which the wall clock does not count it either, so often. Wants the environment of the cluster
tests (CMakeLists.txt)."""

import argparse
import mmap
import os
import struct
import time

import msgpack

from harness import Cluster, actor_types, check, say, until
from hostile import CALL, REPLY, Peer
from outages import found, key_of_each_node

STOPPED_CLOCK = os.environ["REKI_STOPPED_CLOCK_LIBRARY"]


class Stoppable:
    """n2, on a machine whose clocks do not count what it is stopped."""

    def __init__(self, c, more_environment):
        self.c, self.node, self.stopped_ns = c, c.nodes["n2"], 0
        self.path = os.path.join(c.folder, "stood-still")
        self.node.terminate()
        with open(self.path, "wb") as file:
            file.write(bytes(8))
        options = os.environ.get("ASAN_OPTIONS", "")
        self.node.more_environment = {"LD_PRELOAD": STOPPED_CLOCK, "REKI_STOPPED_CLOCK": self.path,
                                      "ASAN_OPTIONS": f"{options}:verify_asan_link_order=0".lstrip(":"), **more_environment}
        self.node.start("--no-guard")  # which would see the stop as any other: this is about the node alone
        check("it is back", self.node.wait_ready())

    def stop_while_called(self):
        """Returns the answer to a call that was made once another node had the key, and the fence that the key had before."""
        key = key_of_each_node(self.c)["n2"]
        before = found(self.c, key)
        with Peer(self.c, self.node, key) as peer:
            peer.greet()
            peer.works()
            self.node.freeze()
            stopped = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            until("another node has the key", 30, lambda: found(self.c, key)["fence"] > before["fence"])
            peer.socket.send(peer.frame(CALL, 30000, 0, "neighbour", key, b"", "ping", b""))
            self.stopped_ns += time.clock_gettime_ns(time.CLOCK_BOOTTIME) - stopped
            with open(self.path, "r+b") as file, mmap.mmap(file.fileno(), 8) as page:
                page[:] = struct.pack("=q", self.stopped_ns)
            self.node.thaw()
            return msgpack.unpackb(peer.socket.recv(), strict_map_key=False), before["fence"]


def is_answered_by(answer, fence):
    return answer[0] == REPLY and answer[3][0][1] == 0 and answer[3][0][2] == fence


def serves_again(c):
    until("it has its share again", 20, lambda: c.reki("status", "n2", code=None).get("nodes", {}).get("n2", {}).get("slots", 0) > 5000)


def what_waits_for_a_machine_that_was_stopped_is_not_executed_there_once_another_has_the_key():
    with Cluster(actor_types(), expected=["fenced", "clock_stood_still", "wrong_incarnation", "hello_required"]) as c:
        answer, before = Stoppable(c, {}).stop_while_called()
        check("the call was not executed", not is_answered_by(answer, before), answer)
        until("it says what it has seen", 20, lambda: "event=clock_stood_still" in c.nodes["n2"].logged())
        serves_again(c)


def a_confirmed_type_answers_nothing_from_a_machine_that_no_clock_of_its_own_says_has_stood_still(stops=1):
    with Cluster(actor_types(neighbour='lease = "confirmed"'), expected=["fenced", "wrong_incarnation", "hello_required"]) as c:
        machine = Stoppable(c, {"REKI_STOPPED_CLOCK_ALL": "1"})
        unnoticed, noticed = 0, 0
        while unnoticed < stops and noticed < 3 + stops // 50:
            answer, before = machine.stop_while_called()
            check("the call is not answered by the older start", not is_answered_by(answer, before), answer)
            serves_again(c)
            # A stop between its readings of two clocks makes them differ: then it is no case of this.
            all_noticed = machine.node.logged().count("event=clock_stood_still")
            unnoticed += all_noticed == noticed
            noticed = all_noticed
            if unnoticed % 20 == 0:
                say(f"{unnoticed} stops, {noticed} noticed")
        check("nothing was noticed", unnoticed == stops, noticed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--stops", type=int, default=1)
    a_confirmed_type_answers_nothing_from_a_machine_that_no_clock_of_its_own_says_has_stood_still(parser.parse_args().stops)
