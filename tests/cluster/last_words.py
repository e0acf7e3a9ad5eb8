"""The last words of a node that closes: a client that reads late finds the reply to each call that was executed."""

import itertools
import signal
import time

import msgpack
import zmq

from harness import ACTORS, Cluster, actor_types, check, say
from hostile import CALL, GOODBYE, REPLY, REQUEST, Peer

PAUSE = 0.65  # seconds in which the client reads nothing
PEERS = 4
CALLS = 250  # of each peer
KEYS = 10


class LateReader(Peer):
    """A client with the socket options of the protocol's page. Its calls have numbers of their own."""

    def __init__(self, cluster, node, first):
        super().__init__(cluster, node, None)
        self.socket.disconnect(node.address)
        self.socket.set(zmq.IMMEDIATE, 1)
        self.socket.connect(node.address)
        self.first = first
        self.sent = []  # the numbers of each frame's calls
        self.codes = {}
        self.read = None  # frames that the node has read, by its GOODBYE
        self.greet()

    def send(self, keys, calls_per_frame):
        numbers = range(self.first, self.first + CALLS)
        for at in range(0, CALLS, calls_per_frame):
            frame = numbers[at : at + calls_per_frame]
            requests = [[n, CALL, 20000, 0, "scribe", keys[n % len(keys)], b"", "note", msgpack.packb([n, 2])] for n in frame]
            self.socket.send(msgpack.packb([REQUEST, 0, 0, requests]))
            self.sent.append(frame)

    def read_all(self, deadline):
        """Up to GOODBYE; then it closes the connection, as the page asks for."""
        while self.read is None and self.socket.poll(max(0, (deadline - time.monotonic()) * 1000)):
            kind, *rest = msgpack.unpackb(self.socket.recv())
            if kind == REPLY:
                self.codes.update({reply[0]: reply[1] for reply in rest[2]})
            elif kind == GOODBYE:
                self.read = rest[0]
        self.socket.close()


def executed(c):
    return {number for _, _, event, _, _, number in c.witness("scribe") if event == "noted"}


def every_call_that_was_executed_has_a_reply_that_a_late_reader_finds():
    with Cluster(actor_types() + f'[types.scribe]\nplugin = "{ACTORS}"\n') as c:
        node = c.nodes["n2"]
        keys = list(itertools.islice((k for k in (f"key_{n}" for n in range(1000)) if c.owner("scribe", k) == "n2"), KEYS))
        peers = [LateReader(c, node, i * CALLS) for i in range(PEERS)]
        for peer, calls_per_frame in zip(peers, (1, 5, 50, CALLS)):
            peer.send(keys, calls_per_frame)
        while not executed(c):
            time.sleep(0.005)
        node.signal(signal.SIGTERM)
        time.sleep(PAUSE)  # what is tested: the client is busy with something else
        deadline = time.monotonic() + 30
        for peer in peers:
            peer.read_all(deadline)
        done = executed(c)
        codes = {n: code for peer in peers for n, code in peer.codes.items()}
        lost = sorted(n for n in done if codes.get(n) != 0)
        say(f"{PEERS * CALLS} calls, {len(done)} executed, {len(lost)} of them without a reply that says so: {[(n, codes.get(n)) for n in lost[:20]]}")
        counts = {code: list(codes.values()).count(code) for code in sorted(set(codes.values()))}
        say(f"replies by code: {counts}; GOODBYE: {[peer.read for peer in peers]}")
        check("each peer has read GOODBYE", all(peer.read is not None for peer in peers))
        check("no call was executed without a reply that could be read", not lost, lost)
        for peer in peers:
            unread = [n for frame in peer.sent[peer.read:] for n in frame]
            check("what GOODBYE does not count was not executed", not done.intersection(unread), peer.read)
            owed = [n for frame in peer.sent[:peer.read] for n in frame if n not in peer.codes]
            check("what it counts was answered", not owed, owed)
        node.wait_end()
        node.killed = True  # it has ended well already
