"""Nodes of one's own making, by docs/protocol.md, that can be told to misbehave: frames in, frames out."""

import struct
import threading

import msgpack
import xxhash
import zmq

HELLO, WELCOME, REJECT, REQUEST, REPLY, PING, PONG, GOODBYE = range(1, 9)
LOOKUP_OR_START, LOOKUP, START, STOP, CALL, SEND, LIST, COUNT, DESCRIBE, STATUS, VIEW, WATCH = range(1, 13)

SILENCE = object()  # what a handler returns to leave a request without a reply


class Request:
    def __init__(self, raw):
        fields = list(raw) + [None] * (10 - len(raw))
        self.raw = raw
        self.id, self.op, self.remaining_ms, self.flags, self.type, self.key, self.args, self.message = fields[:8]
        self.payload, self.fence = fields[8], fields[9] or 0


class NodeModel:
    """Serves counters; does no I/O. Everything in it may be read and set from the test's thread between its calls.

    `before`: a function of (node, request) that may return a reply (without the id), SILENCE, or None to go on.
    `on_frame`: a function of (node, route, frame) that may return the frames to answer with, or None to go on.
    """

    def __init__(self, name="n1", cluster="shop", incarnation=1000):
        self.name, self.cluster, self.incarnation = name, cluster, incarnation
        self.sessions = set()
        self.hellos = []
        self.requests = []  # each Request that was read in a session
        self.targets = []  # of their frames
        self.rejects = 0
        self.pings = 0
        self.read = {}  # by route: REQUESTs and PINGs since the WELCOME
        self.actors = {}  # (type, key) -> [fence, value]
        self.starts = 0
        self.epoch = 5
        self.view_payload = b""
        self.view_deltas = {}  # by the epoch they are for
        self.before = lambda node, request: None
        self.on_frame = lambda node, route, frame: None
        self.reject_hello = None  # (code, text)
        self.welcome_cluster = cluster
        self.answers_ping = True
        self.deaf = False
        self.reply_incarnation = None
        self.descriptions = [
            ["counter", ["struct", [["start_at", "int", msgpack.packb(0)]]],
             [["increment", ["struct", [["by", "int", msgpack.packb(1)], ["times", "int", msgpack.packb(1)]]], "int"],
              ["get", ["struct", []], "int"]]]]
        self.address = "tcp://%s:7101" % name

    def forget_sessions(self):
        self.sessions.clear()

    def restart(self):
        """A new incarnation behind the same connections, as after a fast restart."""
        self.incarnation += 1
        self.actors.clear()
        self.forget_sessions()

    def ops(self, op):
        return [r for r in self.requests if r.op == op]

    def _frame(self, route, frame):
        answer = self.on_frame(self, route, frame)
        return self._answer(route, frame) if answer is None else answer

    def _answer(self, route, frame):
        kind = frame[0]
        if kind in (REQUEST, PING):
            self.read[route] = self.read.get(route, 0) + 1
        if kind == HELLO:
            self.hellos.append(frame)
            if self.reject_hello:
                return [[REJECT, *self.reject_hello]]
            if frame[4] not in ("", self.cluster):
                return [[REJECT, 61, "this is cluster " + self.cluster]]
            if not frame[2] <= 1 <= frame[3]:
                return [[REJECT, 62, "version 1 only"]]
            self.sessions.add(route)
            self.read[route] = 0
            return [[WELCOME, 1, self.welcome_cluster, self.name, self.incarnation, self.epoch]]
        if kind == PING:
            self.pings += 1
            return [[PONG, frame[1], self.epoch if route in self.sessions else 0]] if self.answers_ping else []
        if kind != REQUEST:
            return [[REJECT, 60, "no such frame"]]
        if route not in self.sessions:
            self.rejects += 1
            return [[REJECT, 63, "say HELLO"]]
        if frame[2] not in (0, self.incarnation):
            self.rejects += 1
            return [[REJECT, 64, "restarted"]]
        replies = []
        extra = []
        for raw in frame[3]:
            request = Request(raw)
            self.requests.append(request)
            self.targets.append(frame[2])
            reply = self.before(self, request)
            if isinstance(reply, tuple):  # frames to be sent first, and then the reply
                extra, reply = reply
            if reply is None:
                reply = self._serve(request)
            if reply is not SILENCE:
                replies.append([request.id, *reply])
        if not replies:
            return extra
        return [*extra, [REPLY, self.epoch, self.reply_incarnation or self.incarnation, replies]]

    def _serve(self, r):
        if r.op == VIEW:
            have, deltas = msgpack.unpackb(r.args)
            return [0, 0, False, self.view_deltas.get(have, self.view_payload) if deltas else self.view_payload]
        if r.op == DESCRIBE:
            return [0, 0, False, msgpack.packb([d for d in self.descriptions if r.type in ("", d[0])])]
        if r.op == STATUS:
            return [0, 0, False, msgpack.packb({"node": self.name, "actors": len(self.actors)})]
        if r.op in (LIST, COUNT):
            keys = sorted(key for kind, key in self.actors if kind == r.type and key.startswith(r.key or b""))
            if r.op == COUNT:
                return [0, 0, False, msgpack.packb(len(keys))]
            cursor, limit = msgpack.unpackb(r.args)
            rest = [key for key in keys if key > cursor]
            page = rest[:limit]
            return [0, 0, False, msgpack.packb([page, page[-1] if len(rest) > limit else b""])]
        return self._serve_key(r)

    def _serve_key(self, r):
        if r.type not in [d[0] for d in self.descriptions]:
            return [20, "no type " + r.type]
        if not 0 < len(r.key) <= 1024:
            return [23 if r.key else 24, "key"]
        at = (r.type, r.key)
        there = at in self.actors
        if r.op == STOP:
            return [0, self.actors.pop(at)[0]] if there else [1, "not running"]
        if r.op == START and there:
            return [2, "is running", 0, "", self.actors[at][0]]
        if not there:
            if r.op == LOOKUP or (r.op in (CALL, SEND) and r.args is None):
                return [1, "not running"]
            self.starts += 1
            args = msgpack.unpackb(r.args) if r.args else []
            self.actors[at] = [(self.epoch << 32) | self.starts, args[0] if args else 0]
        actor = self.actors[at]
        if r.fence and r.fence != actor[0]:
            return [7, "that start is over"]
        if r.op not in (CALL, SEND):
            return [0, actor[0], not there]
        fields = msgpack.unpackb(r.payload) if r.payload else []
        if len(fields) > 2:
            return [22, "too many fields"]
        if r.message == "increment":
            by, times = (list(fields) + [1, 1][len(fields):])[:2]
            actor[1] += by * times
        elif r.message != "get":
            return [21, "no such message"]
        return [0, actor[0], not there, msgpack.packb(actor[1])]


class FakeNode(NodeModel):
    """Behind a ROUTER, in a thread of its own."""

    def __init__(self, *args, host="127.0.0.1", **options):
        super().__init__(*args, **options)
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.linger = 0
        self._socket.ipv6 = "[" in host
        self.address = "tcp://%s:%d" % (host, self._socket.bind_to_random_port("tcp://" + host))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._stop.set()
        self._thread.join(5)
        self._context.term()

    def die(self):
        """kill -9: the connections break, the port is closed. A handler may do it too."""
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(5)

    def _run(self):
        while not self._stop.is_set():
            if not self._socket.poll(20):
                continue
            route, data = self._socket.recv_multipart()
            if self.deaf:
                continue
            for frame in self._frame(route, msgpack.unpackb(data)):
                self._socket.send_multipart([route, frame if isinstance(frame, bytes) else msgpack.packb(frame)])
        self._socket.close()


def share(nodes, epoch=5, owner=None, term=0, among=None, delta_from=None):
    """Gives all the nodes one view of `among` (themselves if left out). `owner(slot)`: an index into these; slot modulo
    their number if left out. `term`: 0 as if made from a config, else by a coordinator.

    With `delta_from` also a delta to it from the view of that epoch, of the same nodes.
    """
    among = among or nodes
    owner = owner or (lambda slot: slot % len(among))
    # With what only nodes need, and with elements of a later version: a client passes over both.
    members = [[n.name, n.incarnation, n.address, 1, "", 1, "tcp://10.0.0.1:17101", "later"] for n in among]
    voters = [[1, 77, nodes[0].name, "tcp://10.0.0.1:17101"]]
    table = struct.pack(">16384H", *map(owner, range(16384)))
    payload = msgpack.packb([epoch, term, nodes[0].cluster, 77, nodes[0].name, members, table, voters, [], None])
    deltas = {}
    if delta_from is not None:
        slots = b"".join(struct.pack(">HH", slot, owner(slot)) for slot in range(16384))
        said = b"".join(n.name.encode() + struct.pack(">QIB", n.incarnation, 1, 1) for n in among)
        check = xxhash.xxh3_64_intdigest(said + table, seed=77)
        deltas[delta_from] = msgpack.packb(["delta", delta_from, epoch, term, nodes[0].name, [], [], slots, check, [], []])
    for node in nodes:
        node.view_payload = payload
        node.view_deltas = deltas
        node.epoch = epoch


def slot_of(type, key, seed=77):
    return xxhash.xxh3_64_intdigest(key.encode(), seed=xxhash.xxh3_64_intdigest(type.encode(), seed=seed)) % 16384
