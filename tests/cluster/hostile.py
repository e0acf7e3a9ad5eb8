"""Whatever a peer sends: a typed answer, a count and a line in the log, and the next good request is served."""

import random

import msgpack
import zmq

from harness import Cluster, actor_types, check, say, until

HELLO, WELCOME, REJECT, REQUEST, REPLY, PING, PONG, GOODBYE = range(1, 9)
LOOKUP_OR_START, LOOKUP, START, STOP, CALL, SEND, LIST, COUNT, DESCRIBE, STATUS, VIEW = range(1, 12)
UNKNOWN_TYPE, UNKNOWN_MESSAGE, MALFORMED_MESSAGE, TOO_LARGE, INVALID_ARGUMENT, UNSUPPORTED = range(20, 26)
WRONG_NODE = 46
MALFORMED_FRAME, WRONG_CLUSTER, VERSION_MISMATCH, HELLO_REQUIRED, WRONG_INCARNATION = range(60, 65)
MIB = 1 << 20
FRAME_MAX = MIB + (128 << 10)
# What the log and `status` call it.
EVENTS = {"wrong_cluster", "version_mismatch", "malformed_frame", "bad_request", "hello_required", "wrong_incarnation"}


def pack(value):
    return msgpack.packb(value)


class Peer:
    """One DEALER, no manners."""

    def __init__(self, cluster, node, key):
        self.cluster = cluster
        self.node = node
        self.key = key
        self.ids = 0
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.set(zmq.LINGER, 0)
        self.socket.set(zmq.RCVTIMEO, 30000)
        self.socket.set(zmq.SNDTIMEO, 30000)
        self.socket.set(zmq.RECONNECT_IVL, 10)
        self.socket.connect(node.address)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.context.term()

    def exchange(self, data):
        self.socket.send(data)
        return msgpack.unpackb(self.socket.recv(), strict_map_key=False)

    def hello(self, cluster=None, low=1, high=1, magic="reki", name="hostile"):
        return self.exchange(pack([HELLO, magic, low, high, cluster or self.cluster.name, 1, name, 77]))

    def greet(self):
        welcome = self.hello()
        check("a good HELLO is welcomed", welcome[:4] == [WELCOME, 1, self.cluster.name, self.node.id], welcome)

    def frame(self, *request, target=0):
        """A REQUEST with one request: op, remaining_ms, flags, type, ..."""
        self.ids += 1
        return pack([REQUEST, 0, target, [[self.ids, *request]]])

    def ask(self, *request, **options):
        """The reply to one request, without its id."""
        reply = self.exchange(self.frame(*request, **options))
        check("a REPLY", reply[0] == REPLY and len(reply[3]) == 1 and reply[3][0][0] == self.ids, reply)
        return reply[3][0][1:]

    def works(self):
        reply = self.ask(CALL, 10000, 0, "neighbour", self.key, b"", "ping", b"")
        check("the next good request is served", reply[0] == 0 and reply[3], reply)


class Served:
    """A cluster, one of its nodes, a key that this one owns, and what it has counted."""

    def __init__(self, expected=EVENTS):
        self.cluster = Cluster(expected=expected)

    def __enter__(self):
        self.cluster.__enter__()
        self.node = self.cluster.nodes["n2"]
        self.key = next(k for k in (f"key_{n}" for n in range(1000)) if self.cluster.owner("neighbour", k) == "n2")
        return self

    def __exit__(self, *error):
        return self.cluster.__exit__(*error)

    def peer(self):
        return Peer(self.cluster, self.node, self.key)

    def counted(self, event, by, do):
        """`do` makes the node count `event` so often and log it."""
        before = self.cluster.status("n2")[event]
        do()
        after = self.cluster.status("n2")[event]
        check(f"{event} is counted {by} times", after - before == by, before, after)
        until(f"{event} is logged", 10, lambda: f"event={event}" in self.node.logged())


def rejected(answer, code):
    check(f"REJECT {code} with words", answer[:2] == [REJECT, code] and answer[2], answer)


def strangers_are_refused_and_welcome_once_they_say_hello_well():
    with Served() as s, s.peer() as peer:
        early = peer.frame(LOOKUP, 1000, 0, "neighbour", s.key)
        s.counted("hello_required", 1, lambda: rejected(peer.exchange(early), HELLO_REQUIRED))
        s.counted("wrong_cluster", 1, lambda: rejected(peer.hello(cluster="production"), WRONG_CLUSTER))
        s.counted("version_mismatch", 2, lambda: (rejected(peer.hello(low=7, high=9), VERSION_MISMATCH),
                                                  rejected(peer.hello(low=0, high=0), VERSION_MISMATCH)))
        s.counted("malformed_frame", 2, lambda: (rejected(peer.hello(magic="kafka"), MALFORMED_FRAME),
                                                 rejected(peer.hello(name="x" * 1000), TOO_LARGE)))
        s.counted("hello_required", 1, lambda: rejected(peer.exchange(early), HELLO_REQUIRED))
        peer.greet()
        peer.works()
        s.counted("wrong_incarnation", 1, lambda: rejected(
            peer.exchange(peer.frame(LOOKUP, 1000, 0, "neighbour", s.key, target=99)), WRONG_INCARNATION))
        check("a later version's HELLO gets ours", peer.hello(low=1, high=40)[:2] == [WELCOME, 1])
        peer.works()


def frames_that_are_none_are_rejected_and_the_next_is_served():
    chance = random.Random(2)
    with Served() as s, s.peer() as peer:
        good = peer.frame(CALL, 10000, 0, "neighbour", s.key, b"", "ping", b"")
        bad = {
            "nothing": b"",
            "text": b"GET / HTTP/1.1\r\n\r\n",
            "a number": pack(1),
            "a map": pack({1: 2}),
            "an empty array": pack([]),
            "an unknown kind": pack([200, 1, 2, 3]),
            "a frame that only nodes send": pack([REPLY, 0, 0, []]),
            "more requests claimed than there are": b"\x94\x04\x00\x00\xdd\xff\xff\xff\xff",
            "a key of 4 GB claimed": pack([REQUEST, 0, 0, []])[:-1] + b"\x91\x97\x01\x01\x01\x00\xa1t\xc6\xff\xff\xff\xff",
            "arrays in arrays": b"\x94\x04\x00\x00\x91\x98\x01\x01\x01\x00" + b"\x91" * 100_000,
            "too many requests": pack([REQUEST, 0, 0, [[n, STATUS, 1000] for n in range(5000)]]),
        }
        bad.update({f"{size} random bytes": b"\xc1" + chance.randbytes(size) for size in (1, 10, 1000, 100_000)})
        bad.update({f"a frame cut at {cut}": good[:cut] for cut in range(len(good))})

        peer.greet()
        peer.works()

        def send_all():
            for what, data in bad.items():
                answer = peer.exchange(data)
                check(f"{what} is rejected", answer[:2] in ([REJECT, MALFORMED_FRAME], [REJECT, TOO_LARGE]), answer)
                peer.works()

        s.counted("malformed_frame", len(bad), send_all)

        def send_more_than_a_frame():
            peer.socket.send(good + b"\x00")
            kinds = {msgpack.unpackb(peer.socket.recv())[0] for _ in range(2)}
            check("what was read before the fault stands", kinds == {REPLY, REJECT}, kinds)
            peer.works()

        s.counted("malformed_frame", 1, send_more_than_a_frame)

        def send_parts():
            peer.socket.send_multipart([good, good])
            rejected(msgpack.unpackb(peer.socket.recv()), MALFORMED_FRAME)
            peer.works()
            peer.socket.send_multipart([b""] * 1000)
            rejected(msgpack.unpackb(peer.socket.recv()), MALFORMED_FRAME)
            peer.works()

        s.counted("malformed_frame", 2, send_parts)


def an_oversize_frame_costs_its_sender_the_connection_alone():
    with Served() as s, s.peer() as peer, s.peer() as other:
        peer.greet()
        other.greet()
        peer.socket.send(b"\x94\x04" + bytes(FRAME_MAX))
        other.works()
        # The connection comes back by itself, as one that the node does not know.
        answer = until("an answer on the next connection", 30, lambda: again(peer, s.key), every=0.1)
        rejected(answer, HELLO_REQUIRED)
        peer.greet()
        peer.works()
        other.works()


def a_key_of_another_node_is_redirected_and_never_served_here():
    with Served() as s, s.peer() as peer:
        peer.greet()
        for operation in (LOOKUP_OR_START, LOOKUP, START, STOP, CALL, SEND):
            elsewhere = next(k for k in (f"{operation}_{n}" for n in range(1000)) if s.cluster.owner("neighbour", k) == "n3")
            message = [b"", "ping", b""] if operation in (CALL, SEND) else [b""]
            reply = peer.ask(operation, 10000, 0, "neighbour", elsewhere, *message)
            check("wrong_node, and which it is", reply[0] == WRONG_NODE and reply[3] == "n3", reply)
            peer.works()
        check("none of them runs anywhere", s.cluster.reki("list", "neighbour", "--all")["keys"] == [s.key])


def again(peer, key):
    peer.socket.send(peer.frame(LOOKUP, 1000, 0, "neighbour", key))
    if not peer.socket.poll(500):
        return None
    return msgpack.unpackb(peer.socket.recv())


def requests_that_break_a_rule_get_a_typed_error_each_and_are_counted():
    with Served() as s, s.peer() as peer:
        key = s.key
        blob = next(k for k in (f"blob_{n}" for n in range(1000)) if s.cluster.owner("blob", k) == "n2")
        slow = next(k for k in (f"slow_{n}" for n in range(1000)) if s.cluster.owner("slow", k) == "n2")
        bad = {
            "an unknown operation": (UNSUPPORTED, [99, 1000, 0, "neighbour", key]),
            "operation 0": (UNSUPPORTED, [0, 1000, 0, "neighbour", key]),
            "an empty key": (INVALID_ARGUMENT, [LOOKUP, 1000, 0, "neighbour", ""]),
            "a key of 1025 bytes": (TOO_LARGE, [LOOKUP, 1000, 0, "neighbour", "k" * 1025]),
            "a type of 65 bytes": (TOO_LARGE, [LOOKUP, 1000, 0, "t" * 65, key]),
            "a message's name of 65 bytes": (TOO_LARGE, [CALL, 1000, 0, "neighbour", key, None, "m" * 65, b""]),
            "arguments of 65 KiB": (TOO_LARGE, [START, 1000, 0, "slow", slow, bytes(65 << 10)]),
            "a message over 1 MiB": (TOO_LARGE, [CALL, 1000, 0, "blob", blob, b"", "put", bytes(MIB + 1)]),
            "an unknown message": (UNKNOWN_MESSAGE, [CALL, 1000, 0, "neighbour", key, b"", "dance", b""]),
            "an unknown message to nobody": (UNKNOWN_MESSAGE, [CALL, 1000, 0, "blob", blob, b"", "dance", b""]),
            "a message with extra fields": (MALFORMED_MESSAGE, [CALL, 1000, 0, "blob", blob, b"", "put", pack([b"x", 1])]),
            "a message of another kind": (MALFORMED_MESSAGE, [CALL, 1000, 0, "blob", blob, b"", "put", pack([7])]),
            "a message that is no msgpack": (MALFORMED_MESSAGE, [CALL, 1000, 0, "blob", blob, b"", "put", b"\xc1"]),
            "a message that breaks off": (MALFORMED_MESSAGE, [CALL, 1000, 0, "blob", blob, b"", "put", b"\x91\xa9x"]),
            "arguments of another kind": (MALFORMED_MESSAGE, [START, 1000, 0, "slow", slow, pack(["soon"])]),
            "arguments that are no msgpack": (MALFORMED_MESSAGE, [START, 1000, 0, "slow", slow, b"\xc1\xc1"]),
            "arguments that claim 4 G elements": (MALFORMED_MESSAGE, [START, 1000, 0, "slow", slow, b"\xdd\xff\xff\xff\xff"]),
            "a list of none": (INVALID_ARGUMENT, [LIST, 1000, 0, "neighbour", "", pack([b"", 0])]),
            "a list of too many": (TOO_LARGE, [LIST, 1000, 0, "neighbour", "", pack([b"", 10001])]),
            "a list with a foreign cursor": (None, [LIST, 1000, 0, "neighbour", "", pack([b"\xff" * 3000, 10])]),
            "a list of an unknown type": (UNKNOWN_TYPE, [LIST, 1000, 0, "rocket", "", pack([b"", 10])]),
            "a time that is text": (MALFORMED_FRAME, [LOOKUP, "soon", 0, "neighbour", key]),
            "a key that is a number": (MALFORMED_FRAME, [LOOKUP, 1000, 0, "neighbour", 7]),
            "a negative fence": (MALFORMED_FRAME, [CALL, 1000, 0, "neighbour", key, None, "ping", b"", -1]),
            "a time of 2^40 ms": (None, [LOOKUP, 1 << 40, 0, "neighbour", key]),
        }
        peer.greet()
        peer.works()
        for what, (code, request) in bad.items():
            def ask():
                reply = peer.ask(*request)
                say(f"{what}: {reply[:2]}")
                check(f"{what} is an error, with words", reply[0] != 0 and reply[1], reply)
                check(f"{what} is error {code}", code in (None, reply[0]), reply)
                peer.works()
            s.counted("bad_request", 1, ask)
        many = [[1000 + n, *request] for n, (_, request) in enumerate(bad.values()) if len(str(request)) < 2000]
        good = [2000, CALL, 10000, 0, "neighbour", key, b"", "ping", b""]
        replies = []
        peer.socket.send(pack([REQUEST, 0, 0, [*many, good]]))
        while len(replies) <= len(many):
            replies += msgpack.unpackb(peer.socket.recv())[3]
        codes = {reply[0]: reply[1] for reply in replies}
        check("a good request among bad ones is served", codes.pop(2000) == 0 and 0 not in codes.values(), codes)

        # Ids that cannot be read: there is nobody to tell, and those around them are served.
        lookup = [LOOKUP, 1000, 0, "neighbour", key]
        nameless = [["x", *lookup], [None, *lookup], [-7, *lookup], [[1], *lookup], [{1: 2}, *lookup], [1.5, *lookup], "no array", None, []]

        def ask_all():
            replies = []
            peer.socket.send(pack([REQUEST, 0, 0, [[3000, *good[1:]], *nameless, [3001, *good[1:]]]]))
            while len(replies) < 2:
                kind, *rest = msgpack.unpackb(peer.socket.recv())
                check("no REJECT", kind == REPLY, kind, rest)
                replies += rest[2]
            codes = {reply[0]: reply[1] for reply in replies}
            check("those around requests without an id are served", codes == {3000: 0, 3001: 0}, codes)
            peer.works()

        s.counted("bad_request", len(nameless), ask_all)

        # Types have no owner of their own that a peer could know, so the node where their keys fall says that it has none.
        key = next(k for k in (f"key_{n}" for n in range(1000)) if s.cluster.owner("rocket", k) == "n2")
        s.counted("bad_request", 1, lambda: check("an unknown type", peer.ask(
            LOOKUP_OR_START, 1000, 0, "rocket", key, b"")[0] == UNKNOWN_TYPE))
        peer.works()

        # The other direction has the same bound.
        reply = peer.ask(CALL, 10000, 0, "blob", blob, b"", "fetch", pack([MIB - 8]))
        check("a reply of just 1 MiB arrives", reply[0] == 0 and len(reply[3]) == MIB - 8 + 5, reply[0])


def a_reply_over_the_bound_is_an_error_to_its_caller_alone():
    with Served(expected=EVENTS | {"reply_too_large"}) as s, s.peer() as peer:
        blob = next(k for k in (f"blob_{n}" for n in range(1000)) if s.cluster.owner("blob", k) == "n2")
        peer.greet()

        def ask():
            reply = peer.ask(CALL, 10000, 0, "blob", blob, b"", "fetch", pack([2 * MIB]))
            check("too_large", reply[0] == TOO_LARGE and reply[1], reply[:2])
            peer.works()

        s.counted("reply_too_large", 1, ask)
