"""A client of reki, written from docs/protocol.md alone.

Needs Python 3.9 with Debian's python3-zmq, python3-msgpack and python3-xxhash. Copy this file, or put its folder on the
path.

    from reki import Client, RekiError

    with Client(["tcp://127.0.0.1:7101"], cluster="shop") as shop:
        actor = shop.lookup_or_start("counter", "user_123")
        print(actor.node, actor.fence, actor.started)
        print(shop.call("counter", "user_123", "increment", {"by": 2}))
        for key in shop.list("counter", "user_"):
            print(key)
        try:
            shop.call("counter", "nobody", "get", start=False)
        except RekiError as e:
            print(e.name, e.text)         # not_running ...
        for event in shop.watch("counter", "user_123"):
            print(event.kind, event.reason, event.node, event.fence)

- Any node's address will do. The client reads the table of owners and goes straight to the owner of each key.
- Every method takes `timeout` in seconds (default: the client's) and ends within it, with a result or a RekiError.
- What may be repeated is repeated within the time-out, while nodes join, leave, restart or fail. A `call` or `send` is
  repeated only if it is certain that it was not executed; where that is not known the error is `unknown_outcome`.
- `args` and `fields` are a dict, ordered and completed by the type's description, or a list in that order, or bytes
  that hold msgpack. Replies are what msgpack makes of them: a struct is a list of its fields.
- Keys are str or bytes. Keys that come back are str if they are UTF-8, else bytes.
- One thread at a time; nothing happens between calls.
"""

from __future__ import annotations

import itertools
import math
import random
import secrets
import struct
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Iterator, Sequence, Union

import msgpack
import xxhash
import zmq

__all__ = ["Actor", "Client", "Event", "Member", "RekiError", "View"]

Key = Union[str, bytes]

VERSION = 1
FRAME_BYTES_MAX = (1 << 20) + (128 << 10)
SLOTS = 16384
NOBODY = 0xFFFF  # in a table
REDIRECTS_MAX = 2

HELLO, WELCOME, REJECT, REQUEST, REPLY, PING, PONG, GOODBYE = range(1, 9)
(LOOKUP_OR_START, LOOKUP, START, STOP, CALL, SEND, LIST, COUNT, DESCRIBE, STATUS, VIEW, WATCH) = range(1, 13)
CLIENT_ROLE = 1
FAIL_IF_RESTARTING = 1
JOINING = 0

NAMES = {
    1: "not_running", 2: "already_started", 3: "start_failed", 4: "actor_crashed", 5: "restarting", 6: "crash_loop",
    7: "gone", 8: "refused", 20: "unknown_type", 21: "unknown_message", 22: "malformed_message", 23: "too_large",
    24: "invalid_argument", 25: "unsupported", 26: "would_block", 40: "overloaded", 41: "deadline_exceeded",
    42: "unknown_outcome", 43: "unreachable", 44: "unavailable", 45: "shutting_down", 46: "wrong_node",
    60: "malformed_frame", 61: "wrong_cluster", 62: "version_mismatch", 63: "hello_required", 64: "wrong_incarnation",
    80: "bad_config", 81: "address_in_use", 82: "bad_plugin", 83: "bad_data_dir", 99: "internal",
}
CODES = {name: code for code, name in NAMES.items()}
KINDS = {
    1: "started", 2: "restarted", 3: "stopped", 4: "crashed", 5: "down", 10: "running", 11: "not_running",
    12: "restarting", 20: "missed", 21: "watching", 22: "moved", 23: "ended", 24: "unwatched", 30: "joined",
    31: "leaving", 32: "left", 33: "lost", 34: "coordinator", 35: "member", 36: "view",
}
REASONS = {
    0: "none", 1: "stopped", 2: "stopped_self", 3: "passivated", 4: "closing", 5: "crashed", 6: "start_failed",
    7: "moved", 8: "node_lost", 20: "fell_behind", 21: "node_restarted", 22: "not_kept", 23: "node_joined",
}

# Seconds. A node that owes an answer is sent a PING after this silence, and given up for now after that one; a node to
# which there is no connection after the third.
PING_AFTER = 0.1
SILENCE_MAX = 0.3
NO_CONNECTION_MAX = 0.03
HELLO_AGAIN = 0.3
PAUSE_MIN, PAUSE_MAX, PAUSES_PER_LENGTH = 0.002, 0.05, 8
VIEW_POLL_MIN, VIEW_POLL_MAX, VIEW_POLL_TIMEOUT = 0.01, 0.02, 1.0
GIVE_UP_BEFORE = 0.002
FENCES_MAX = 65536
# Of a node that is there and does not serve. Nothing was executed.
REFUSALS = ("wrong_node", "unavailable", "shutting_down")
# What may be different in a moment, or at another node.
PASSING = ("unreachable", "deadline_exceeded", "unavailable", "shutting_down", "overloaded")
# How long a node may hold a watcher's question: if it is the only one that is asked, and if the others wait meanwhile.
HOLD, HOLD_OF_SEVERAL = 2.0, 0.1
# A watcher is told of a node that has not answered for so long.
UNWATCHED_AFTER = 1.0


class RekiError(Exception):
    """What came instead of a result: the protocol's `code` and its `name`, words, and when trying again can help."""

    def __init__(self, code: int, text: str = "", retry_after: float = 0.0, owner: str = ""):
        self.code = code
        self.name = NAMES.get(code, f"code_{code}")
        self.text = text
        self.retry_after = retry_after  # seconds, 0 if unknown
        self.owner = owner  # `wrong_node`: the node that should be asked
        self.incarnation = 0  # of the node that said so, with the epoch of its view; 0 if none did
        self.epoch = 0
        again = f" (try again in {retry_after:.3f} s)" if retry_after else ""
        super().__init__(f"{self.name}: {text}{again}" if text else self.name + again)


def _error(name: str, text: str) -> RekiError:
    return RekiError(CODES[name], text)


class _Silence(Exception):
    """A node has not been heard for SILENCE_MAX, or is not connected; whatever was sent to it may be sent again."""


@dataclass(frozen=True)
class Actor:
    """One start of a key's actor, as seen when the node answered."""

    type: str
    key: Key
    node: str
    fence: int
    started: bool  # by this very call

    @property
    def epoch(self) -> int:
        return self.fence >> 32

    @property
    def start_number(self) -> int:
        return self.fence & 0xFFFFFFFF


@dataclass(frozen=True)
class Member:
    node: str
    incarnation: int
    address: str
    weight: int
    zone: str
    state: int  # 0 joining, 1 up, 2 leaving


@dataclass(frozen=True)
class View:
    """Who is in the cluster and who owns what."""

    epoch: int
    term: int
    cluster: str
    hash_seed: int
    coordinator: str
    members: tuple[Member, ...]
    table: tuple[int, ...]

    def slot(self, type: str, key: Key) -> int:
        type_hash = xxhash.xxh3_64_intdigest(type.encode(), seed=self.hash_seed)
        return xxhash.xxh3_64_intdigest(_bytes(key), seed=type_hash) % SLOTS

    def owner(self, type: str, key: Key) -> Member | None:
        index = self.table[self.slot(type, key)]
        return self.members[index] if index < len(self.members) else None

    @staticmethod
    def decode(payload: bytes, have: View | None = None) -> View | None:
        """The view in the payload, or the one that its delta makes of `have`; None if the delta is not for that."""
        parts = _unpack(payload)
        if parts[0] == "delta":
            return have._changed(*parts[1:9]) if have is not None and have.epoch == parts[1] else None
        epoch, term, cluster, seed, coordinator, members, table = parts[:7]
        listed = tuple(Member(*member[:6]) for member in members)
        return View(epoch, term, cluster, seed, coordinator, listed, struct.unpack(f">{SLOTS}H", table))

    def _changed(self, base, epoch, term, coordinator, removed, changed, slots, check) -> View | None:
        members = {m.node: m for m in self.members if m.node not in removed}
        members.update((member[0], Member(*member[:6])) for member in changed)
        listed = tuple(sorted(members.values(), key=lambda m: m.node.encode()))
        places = {m.node: place for place, m in enumerate(listed)}
        moved = [places.get(m.node, NOBODY) for m in self.members]
        table = [moved[owner] if owner != NOBODY else NOBODY for owner in self.table]
        for slot, owner in struct.iter_unpack(">HH", slots):
            table[slot] = owner
        view = View(epoch, term, self.cluster, self.hash_seed, coordinator, listed, tuple(table))
        return view if view._check() == check else None

    def _check(self) -> int:
        said = (m.node.encode() + struct.pack(">QIB", m.incarnation, m.weight, m.state) for m in self.members)
        return xxhash.xxh3_64_intdigest(b"".join(said) + struct.pack(f">{SLOTS}H", *self.table), seed=self.hash_seed)


@dataclass(frozen=True)
class Event:
    """Something that a watcher is told: see section 8 of the protocol for `kind` and `reason`."""

    kind: str
    reason: str = "none"
    time: float = 0.0  # the node's wall clock, in seconds since 1970; 0 for what no node has told
    type: str = ""
    key: Key = ""
    node: str = ""  # where it happened, or whom it is about
    other: str = ""  # moved: from where
    fence: int = 0
    text: str = ""
    retry_after: float = 0.0  # seconds
    number: int = 0  # missed: events; about nodes: the epoch, or a member's state


def _bytes(key: Key) -> bytes:
    return key.encode() if isinstance(key, str) else key


def _unpack(payload: bytes) -> Any:
    # A str of the wire may be no UTF-8, a map's key anything.
    return msgpack.unpackb(payload, unicode_errors="replace", strict_map_key=False)


def _key(raw: Key) -> Key:
    try:
        return raw.decode() if isinstance(raw, bytes) else raw
    except UnicodeDecodeError:
        return raw


@dataclass
class _Welcome:
    node: str
    incarnation: int


@dataclass
class _Answer:
    """A reply of the code 0."""

    node: str
    fence: int = 0
    started: bool = False
    payload: bytes = b""
    incarnation: int = 0
    epoch: int = 0


class _Connection:
    """The DEALER to one incarnation of a node, and what that node is known to have taken."""

    def __init__(self, client: Client, address: str, named: int = 0):
        self.client = client
        self.address = address
        self.named = named  # the incarnation that the view names there, 0 if it names none
        self.welcome: _Welcome | None = None
        self.refusal: RekiError | None = None  # of the connection, since the last WELCOME
        self.hello_at = 0.0  # not before
        self.frames = 0  # REQUESTs sent so far
        self.frames_at_hello = 0
        self.said = 0  # REQUESTs and PINGs
        self.said_at_hello = 0
        self.frames_refused = 0  # by REJECT, since the last WELCOME
        self.pings = itertools.count(1)
        self.nonce = 0  # of the last PING of this session
        self.socket = client.context.socket(zmq.DEALER)
        self.socket.set(zmq.LINGER, 0)
        self.socket.set(zmq.IMMEDIATE, 1)  # else frames wait for a dead node and reach its next incarnation, late
        self.socket.set(zmq.RECONNECT_IVL, 10)
        self.socket.set(zmq.RECONNECT_IVL_MAX, 500)
        self.socket.set(zmq.MAXMSGSIZE, FRAME_BYTES_MAX)
        self.monitor = self.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self.poller = zmq.Poller()
        self.poller.register(self.monitor, zmq.POLLIN)
        self.socket.connect(address)

    def close(self) -> None:
        self.socket.disable_monitor()
        self.monitor.close(0)
        self.socket.close(0)

    @property
    def name(self) -> str:
        return f"{self.welcome.node} at {self.address}" if self.welcome else self.address

    def ask(self, request: list, deadline: float, repeat: bool) -> _Answer:
        """The answer to one request, [id, op, flags, ...]. RekiError, or _Silence while there is time left."""
        return _Exchange(self, request, deadline, repeat).run()

    def writable(self) -> bool:
        return not self.monitor.poll(0) and bool(self.socket.poll(0, zmq.POLLOUT))

    def broken(self) -> bool:
        """True, once, when the connection was lost and all that came before has been read."""
        if not self.monitor.poll(0) or self.socket.poll(0, zmq.POLLIN):
            return False
        while self.monitor.poll(0):
            self.monitor.recv_multipart()
        self.lost()
        return True

    def receive(self, until: float, or_writable: bool) -> tuple[int, list] | None:
        """The next frame, if one comes until then and the connection stays."""
        self.poller.register(self.socket, zmq.POLLIN | (zmq.POLLOUT if or_writable else 0))
        wait = max(0, math.ceil((until - time.monotonic()) * 1000))
        if not dict(self.poller.poll(wait)).get(self.socket, 0) & zmq.POLLIN:
            return None
        try:
            kind, *rest = _unpack(self.socket.recv(zmq.DONTWAIT))
            return kind, rest
        except Exception as e:  # msgpack has many
            raise _error("malformed_frame", f"{self.name} sent bytes that are no frame: {e}") from None

    def _send(self, frame: list) -> None:
        data = msgpack.packb(frame)
        if len(data) > FRAME_BYTES_MAX:  # the node would close the connection without a word
            raise _error("too_large", f"a frame of {len(data)} bytes, at most {FRAME_BYTES_MAX} may be")
        self.socket.send(data, zmq.DONTWAIT)

    def send_hello(self) -> None:
        client = self.client
        self._send([HELLO, "reki", VERSION, VERSION, client.cluster, CLIENT_ROLE, client.name, client.incarnation])
        self.hello_at = time.monotonic() + HELLO_AGAIN
        self.frames_at_hello = self.frames
        self.said_at_hello = self.said

    def send_ping(self) -> None:
        self.nonce = next(self.pings)
        self._send([PING, self.nonce])
        self.said += 1

    def send_request(self, request: list, deadline: float) -> None:
        left = deadline - time.monotonic()
        remaining = max(1, int(1000 * (left - min(0.02, left / 10))))  # so that the node's own answer is here in time
        id, op, *rest = request
        self._send([REQUEST, self.client.epoch, self.welcome.incarnation, [[id, op, remaining, *rest]]])
        self.frames += 1
        self.said += 1

    def welcomed(self, rest: list) -> int | None:
        """The number of the last REQUEST that may have been executed; None if this session had its WELCOME before."""
        version, cluster, node, incarnation, epoch = rest[:5]
        if cluster != self.client.cluster:
            raise _error("wrong_cluster", f"{self.address} belongs to cluster '{cluster}'")
        if version != VERSION:
            raise _error("version_mismatch", f"{self.address} chose version {version}")
        if self.welcome and self.welcome.incarnation == incarnation:
            return None
        self.welcome = _Welcome(node, incarnation)
        self.refusal = None
        self.nonce = 0
        self.client.seen(epoch, self.address)
        refused, self.frames_refused = self.frames_refused, 0
        return self.frames_at_hello - refused

    def rejected(self, rest: list, in_doubt: bool) -> None:
        code, text = rest[:2]
        name = NAMES.get(code)
        if name in ("hello_required", "wrong_incarnation"):
            self.frames_refused += 1
            self.lost()
            return
        error = RekiError(code, f"{self.address}: {text}")
        if name not in ("malformed_frame", "too_large"):  # these are about one frame, the others about the connection
            self.lost()
            self.hello_at = time.monotonic() + HELLO_AGAIN
            self.refusal = error
            if in_doubt:
                raise _error("unknown_outcome", f"{self.address} has not answered, and now says: {text}")
        raise error

    def lost(self) -> None:
        if self.welcome is not None:
            self.welcome = None
            self.hello_at = 0.0

    def find(self, rest: list, id: int) -> _Answer | None:
        """The answer to request `id` in a REPLY."""
        epoch, incarnation, replies = rest[:3]
        if self.welcome is None or incarnation != self.welcome.incarnation:
            return None  # of an earlier incarnation of the node
        self.client.seen(epoch, self.address)
        for reply in replies:
            if reply[0] != id:
                continue
            code, first, second, third = [*reply[1:], None, None, None][:4]
            if code == 0:
                return _Answer(self.welcome.node, first or 0, bool(second), third or b"", incarnation, epoch)
            error = RekiError(code, first or "", (second or 0) / 1000, third or "")
            error.incarnation, error.epoch = incarnation, epoch
            raise error
        return None


class _Exchange:
    """One request at one node, until it is answered or there is no more hope."""

    def __init__(self, connection: _Connection, request: list, deadline: float, repeat: bool):
        self.connection = connection
        self.request = request
        self.deadline = deadline
        self.repeat = repeat  # it may be executed twice without harm
        self.frame = 0  # the number of the one that carries the request; 0: not sent, or known to be refused
        self.said = 0  # the same, PINGs counted too
        self.began = self.heard = self.sent = self.asked = time.monotonic()

    def run(self) -> _Answer:
        while True:
            now = time.monotonic()
            if self.connection.broken() and self.frame != 0:
                if self.in_doubt:
                    raise _error("unknown_outcome", f"the connection to {self.connection.name} is over: no answer")
                raise _Silence()
            say_at, say = self._next()
            if now >= say_at and self.connection.writable():
                say()
                continue
            patience = SILENCE_MAX if now < say_at else NO_CONNECTION_MAX  # what is to be said cannot be said
            give_up_at = self.deadline if self.in_doubt else min(self.deadline, max(self.heard, self.sent) + patience)
            if now >= give_up_at:
                raise self._given_up(now)
            until = give_up_at if now >= say_at else min(give_up_at, say_at)
            frame = self.connection.receive(until, or_writable=now >= say_at)
            if frame is None:
                continue
            self.heard = time.monotonic()
            answer = self._take(*frame)
            if answer is not None:
                return answer

    @property
    def in_doubt(self) -> bool:
        return self.frame != 0 and not self.repeat

    def _next(self) -> tuple[float, Any]:
        """What is to be said to the node, and from when on."""
        if self.connection.welcome is None:
            return self.connection.hello_at, self.connection.send_hello
        if self.frame == 0:
            return 0.0, self._say_request
        return max(self.heard, self.asked) + PING_AFTER, self._say_ping

    def _say_request(self) -> None:
        self.connection.send_request(self.request, self.deadline)
        self.frame, self.said = self.connection.frames, self.connection.said
        self.sent = self.asked = time.monotonic()

    def _say_ping(self) -> None:
        self.connection.send_ping()
        self.asked = time.monotonic()

    def _take(self, kind: int, rest: list) -> _Answer | None:
        connection = self.connection
        if kind == REPLY:
            return connection.find(rest, self.request[0])
        if kind == WELCOME:
            last_taken = connection.welcomed(rest)
            if last_taken is not None and self.frame != 0:
                if self.in_doubt and self.frame <= last_taken:
                    raise _error("unknown_outcome", f"the connection to {connection.name} was over before it answered")
                self.frame = 0
        elif kind == REJECT:
            connection.rejected(rest, self.in_doubt)
        elif kind == GOODBYE:
            in_doubt = self.in_doubt and self.said <= connection.said_at_hello + rest[0]
            connection.lost()
            if in_doubt:
                raise _error("unknown_outcome", f"{connection.name} has closed and not answered")
            raise _Silence()
        elif kind == PONG and rest[0] == connection.nonce:
            if rest[1] == 0:
                connection.lost()
            else:
                connection.client.seen(rest[1], connection.address)
        return None

    def _given_up(self, now: float) -> Exception:
        if now < self.deadline:
            return _Silence()
        name = self.connection.name
        if self.in_doubt:
            return _error("unknown_outcome", f"{name} has not answered in time; it may have executed the message")
        if self.frame != 0 and self.heard > self.began:
            return _error("deadline_exceeded", f"{name} is there but has not answered in time")
        return self.connection.refusal or _error("unreachable", f"no answer from {name}")


class _Watcher:
    """What one watch has been told so far. Asks one node after the other, in the rhythm of its reader."""

    def __init__(self, client: Client, type: str, key: Key):
        self.client, self.type, self.key = client, type, key
        self.positions: dict[str, list] = {}  # by node, of those that are watched; "" for all of them
        self.failing: dict[str, float] = {}  # by node, since when; of those whose last answer was none
        self.unwatched: set[str] = set()  # the reader knows that they do not answer
        self.ended: set[str] = set()
        self.handed_over = False  # the last that was told of the key is that its actor stopped to move
        self.moved_by = 0  # the view by which the key's node has said that it is another's

    def step(self, end: float) -> Iterator[Event]:
        view = self.client._current_view(min(end, time.monotonic() + self.client.timeout))
        yield from self._follow(view)
        hold = HOLD if len(self.positions) == 1 else HOLD_OF_SEVERAL
        for node in list(self.positions):
            yield from self._ask(view, node, min(end, time.monotonic() + hold))
        if not self.positions:
            time.sleep(PAUSE_MAX)
            self.client._poll_view(end)

    def _follow(self, view: View) -> Iterator[Event]:
        members = [member.node for member in view.members]
        owner = view.owner(self.type, self.key) if self.key else None
        wanted = [""] if not self.type else members if not self.key else [owner.node] if owner else []
        first = not self.positions
        moved_by, self.moved_by = self.moved_by, 0
        if self.key and not first:
            (at,) = self.positions
            if at in wanted or (at in members and not moved_by):
                return  # its actor is there until the node says otherwise
            reason = "moved" if moved_by or at in self.ended or self.handed_over else "node_lost"
            if wanted:
                yield self._event("moved", reason, node=wanted[0], other=at)
        gone = [node for node in self.positions if node not in wanted]
        for node in gone:
            del self.positions[node]
            if not self.key and node not in self.ended:
                yield self._event("missed", "node_lost", node=node)
        for node in wanted:
            if node not in self.positions:
                self.positions[node] = [0, 0]
                if not first and not self.key:
                    yield self._event("missed", "node_joined", node=node)

    def _ask(self, view: View, node: str, deadline: float) -> Iterator[Event]:
        try:
            payload = self._answer(view, node, deadline)
        except RekiError as e:
            if e.name not in PASSING:
                raise
            if e.name == "deadline_exceeded":
                return
            since = self.failing.setdefault(node, time.monotonic())
            if node not in self.unwatched and time.monotonic() - since >= UNWATCHED_AFTER:
                self.unwatched.add(node)
                yield self._event("unwatched", node=node, text=str(e))
            time.sleep(PAUSE_MAX)
            self.client._poll_view(time.monotonic() + self.client.timeout)  # perhaps it is gone
            return
        yield from self._told(node, *_unpack(payload)[:3])

    def _answer(self, view: View, node: str, deadline: float) -> bytes:
        rest = self.type, _bytes(self.key), msgpack.packb(self.positions[node])
        if not node:
            return self.client._anywhere(WATCH, deadline, *rest)
        member = next(member for member in view.members if member.node == node)
        request = [next(self.client._ids), WATCH, 0, *rest]
        try:
            answer = self.client._connection(member.address, member.incarnation).ask(request, deadline, True)
        except _Silence:
            raise _error("unreachable", f"{node} at {member.address} is silent") from None
        if outdated := self.client._why_outdated(member, answer):
            raise _error("unavailable", outdated)
        return answer.payload

    def _told(self, node: str, incarnation: int, sequence: int, events: list) -> Iterator[Event]:
        missed = bool(events) and events[0][0] == 20
        self.failing.pop(node, None)
        if node in self.unwatched and not missed and self.positions[node] != [0, 0]:
            yield self._event("watching", node=node)
        self.unwatched.discard(node)
        begins = self.positions[node] == [0, 0]
        self.positions[node] = [incarnation, sequence]
        had_ended = node in self.ended
        self.ended.discard(node)
        for raw in events:
            kind, reason, time_ms, key, fence, text, retry_after_ms, named, number = [*raw, *[None] * 9][:9]
            kind, reason = KINDS.get(kind, f"kind_{kind}"), REASONS.get(reason, f"reason_{reason}")
            if kind == "moved":
                self.moved_by = number
                if begins:  # it is behind, and has told nothing yet that could be gone on from
                    self.positions[node] = [0, 0]
                self.client.seen(number, "")
                time.sleep(PAUSE_MIN)  # it may be behind
                continue
            if kind == "ended":
                self.ended.add(node)
                time.sleep(PAUSE_MIN)
                if had_ended or self.moved_by:  # known, or of no matter: the key is elsewhere
                    continue
            self.handed_over = (kind, reason) == ("stopped", "moved")
            where, other = (named or "", "") if not self.type else (node, named or "")
            yield Event(kind, reason, time_ms / 1000, self.type, _key(key) if key else self.key, where, other,
                        fence or 0, text or "", (retry_after_ms or 0) / 1000, number or 0)

    def _event(self, kind: str, reason: str = "none", **more: Any) -> Event:
        return Event(kind, reason, type=self.type, key=self.key, **more)


class Client:
    """See the module's text. `addresses`: those of one or more nodes; `name` is for the nodes' logs."""

    def __init__(self, addresses: Union[str, Sequence[str]], cluster: str, name: str = "", timeout: float = 5.0):
        self.cluster = cluster
        self.name = name
        self.timeout = timeout
        self.incarnation = secrets.randbits(64) or 1
        self.context = zmq.Context()
        self._addresses = [addresses] if isinstance(addresses, str) else list(addresses)
        self._connections: dict[str, _Connection] = {}
        self._ids = itertools.count(1)
        self._view: View | None = None
        self._epoch_seen = 0
        self._informant = ""  # the address of the node that spoke of that epoch
        self._poll_view_at = 0.0
        self._turn = 0
        self._fences: OrderedDict[tuple[str, bytes], int] = OrderedDict()  # the highest seen; keys used last come last
        self._descriptions: dict[str, list] = {}

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()
        self.context.term()

    # ---- about a key

    def lookup_or_start(self, type: str, key: Key, args: Any = None, *, timeout: float | None = None) -> Actor:
        deadline = self._deadline(timeout)
        return self._actor(LOOKUP_OR_START, type, key, deadline, self._args(type, args, deadline))

    def lookup(self, type: str, key: Key, *, timeout: float | None = None) -> Actor:
        """Never starts anything: `not_running`."""
        return self._actor(LOOKUP, type, key, self._deadline(timeout))

    def start(self, type: str, key: Key, args: Any = None, *, timeout: float | None = None) -> Actor:
        """`already_started` if the key has an actor."""
        deadline = self._deadline(timeout)
        return self._actor(START, type, key, deadline, self._args(type, args, deadline))

    def stop(self, type: str, key: Key, *, fence: int = 0, timeout: float | None = None) -> int:
        """Returns when the actor has stopped: the fence of the start that is over."""
        return self._keyed(STOP, type, key, self._deadline(timeout), [None, None, None, fence]).fence

    def call(self, type: str, key: Key, message: str, fields: Any = None, *, start: bool = True, args: Any = None,
             fence: int = 0, wait_for_restart: bool = True, timeout: float | None = None) -> Any:
        """The actor's reply, None if it has none to give. With `start` it is started (with `args`) if it is not
        running; a `fence` other than 0 is for that one start. Without `wait_for_restart` an actor that is in back-off
        after a crash gives `restarting` at once."""
        flags = 0 if wait_for_restart else FAIL_IF_RESTARTING
        payload = self._message(CALL, type, key, message, fields, start, args, fence, flags, timeout).payload
        return _unpack(payload) if payload else None

    def send(self, type: str, key: Key, message: str, fields: Any = None, *, start: bool = True, args: Any = None,
             fence: int = 0, timeout: float | None = None) -> Actor:
        """Returns when the message is in the actor's mailbox."""
        answer = self._message(SEND, type, key, message, fields, start, args, fence, 0, timeout)
        return Actor(type, key, answer.node, answer.fence, answer.started)

    # ---- about the cluster

    def list(self, type: str, prefix: Key = "", *, page: int = 1000, timeout: float | None = None) -> Iterator[Key]:
        """The keys of the type's actors on all nodes, node by node; `timeout` is for each page. A key that moves to
        another node meanwhile may come twice or not at all."""
        for member in self._serving(self._deadline(timeout)):
            cursor = b""
            while True:
                args = msgpack.packb([cursor, page])
                payload = self._at(member, LIST, self._deadline(timeout), type, _bytes(prefix), args)
                keys, cursor = _unpack(payload)[:2]
                yield from map(_key, keys)
                if not cursor:
                    break

    def count(self, type: str, prefix: Key = "", *, timeout: float | None = None) -> int:
        deadline = self._deadline(timeout)
        members = self._serving(deadline)
        return sum(_unpack(self._at(member, COUNT, deadline, type, _bytes(prefix))) for member in members)

    def describe(self, type: str = "", *, timeout: float | None = None) -> list:
        """[[type, args, [[message, fields, reply], ...]], ...] as in section 4 of the protocol; all types if empty."""
        return _unpack(self._anywhere(DESCRIBE, self._deadline(timeout), type))

    def status(self, *, timeout: float | None = None) -> dict[str, dict]:
        """What each node says about itself."""
        deadline = self._deadline(timeout)
        members = self._current_view(deadline).members
        return {member.node: _unpack(self._at(member, STATUS, deadline)) for member in members}

    def view(self, *, timeout: float | None = None) -> View:
        """The table that this client goes by, fetched anew if a newer one is known to exist."""
        return self._current_view(self._deadline(timeout))

    def nodes(self, *, timeout: float | None = None) -> tuple[Member, ...]:
        return self.view(timeout=timeout).members

    def watch(self, type: str = "", key: Key = "", *, timeout: float = math.inf) -> Iterator[Event]:
        """What happens to a key, to all keys of a type, or without both to the nodes, as it happens: first how it is,
        then each event once, or `missed`. Ends after `timeout` seconds. Whoever does not read on for long misses
        what the nodes no longer keep, and is told so."""
        end = time.monotonic() + timeout
        watcher = _Watcher(self, type, key)
        while time.monotonic() < end:
            yield from watcher.step(end)

    # ---- requests

    @property
    def epoch(self) -> int:
        return self._view.epoch if self._view else 0

    def seen(self, epoch: int, address: str) -> None:
        if epoch > self._epoch_seen:
            self._epoch_seen, self._informant = epoch, address

    def _deadline(self, timeout: float | None) -> float:
        return time.monotonic() + (self.timeout if timeout is None else timeout)

    def _connection(self, address: str, named: int = 0) -> _Connection:
        connection = self._connections.get(address)
        if connection and named not in (0, connection.named):
            met = connection.welcome.incarnation if connection.welcome else connection.named
            if met not in (0, named):  # libzmq would try the old incarnation again every now and then
                connection.close()
                connection = None
            else:
                connection.named = named
        if connection is None:
            connection = self._connections[address] = _Connection(self, address, named)
        return connection

    def _actor(self, op: int, type: str, key: Key, deadline: float, args: bytes | None = None) -> Actor:
        answer = self._keyed(op, type, key, deadline, [] if args is None else [args])
        return Actor(type, key, answer.node, answer.fence, answer.started)

    def _message(self, op: int, type: str, key: Key, message: str, fields: Any, start: bool, args: Any, fence: int,
                 flags: int, timeout: float | None) -> _Answer:
        deadline = self._deadline(timeout)
        packed_args = self._args(type, args, deadline) if start else None
        payload = self._fields(type, message, fields, deadline)
        return self._keyed(op, type, key, deadline, [packed_args, message, payload, fence], flags)

    def _keyed(self, op: int, type: str, key: Key, deadline: float, rest: list, flags: int = 0) -> _Answer:
        """Asks the key's owner until there is an answer, by the rules of "Trying again" in section 2."""
        request = [next(self._ids), op, flags, type, _bytes(key), *rest]
        repeat = op not in (CALL, SEND)
        redirects = 0
        named = ""  # the owner that a redirect named
        last: RekiError = _error("unreachable", "no answer in time")
        trip = 0.0  # how long the last answer took
        for pause in self._pauses(deadline):
            view = self._current_view(deadline)
            if trip and not repeat and time.monotonic() + min(2 * trip, 0.1) >= deadline:
                break  # what is sent now would be in doubt at the deadline
            asked_at = time.monotonic()
            owner = next((m for m in view.members if m.node == named), None) or view.owner(type, key)
            named = ""
            if owner is None:
                last = _error("unavailable", f"nobody owns {key!r}")
                pause()
                self._poll_view(deadline)
                continue
            try:
                answer = self._connection(owner.address, owner.incarnation).ask(request, deadline, repeat)
                outdated = self._why_outdated(owner, answer) or self._why_old_start(type, key, answer)
                if not outdated:
                    return answer
            except _Silence:
                if last.name not in REFUSALS:
                    last = _error("unreachable", f"{owner.node} at {owner.address} is silent")
                self._poll_view(deadline, besides=owner.address)
                continue
            except RekiError as e:
                trip = time.monotonic() - asked_at
                if e.name == "wrong_node" and redirects < REDIRECTS_MAX and e.epoch >= self.epoch:
                    redirects += 1
                    self._poll_view(deadline, at_once=True)
                    named = e.owner if self._view.epoch <= view.epoch else ""
                    last = e
                    continue
                if e.name in REFUSALS:
                    outdated = ""
                    last = e
                elif not e.incarnation:  # it is not a node's answer
                    raise last if e.name in PASSING and last.name in REFUSALS and repeat else e
                else:
                    outdated = self._why_outdated(owner, e)
                    if not outdated:
                        raise
            if outdated:
                last = _error("unavailable" if repeat else "unknown_outcome", outdated)
                if not repeat:
                    raise last
            redirects = 0
            pause()
            self._poll_view(deadline)
        raise last

    def _why_outdated(self, owner: Member, said: _Answer | RekiError) -> str:
        """Why what a node has said does not count; empty if it does."""
        if self._view.term and owner.incarnation not in (0, said.incarnation) and said.epoch <= self.epoch:
            return f"an incarnation of {owner.node} answered that is not the one in view {self.epoch}"
        return ""

    def _why_old_start(self, type: str, key: Key, answer: _Answer) -> str:
        if not self._view.term or not answer.fence:
            return ""
        at = (type, _bytes(key))
        highest = self._fences.get(at, 0)
        if answer.fence < highest:
            return f"{answer.node} answered for start {answer.fence} of the actor, but start {highest} has been seen"
        self._fences[at] = answer.fence
        self._fences.move_to_end(at)
        if len(self._fences) > FENCES_MAX:
            self._fences.popitem(last=False)
        return ""

    def _pauses(self, deadline: float) -> Iterator[Any]:
        """While there is time: a function that waits a little, longer the more often it was called."""
        pauses = itertools.count()

        def pause() -> None:
            length = min(PAUSE_MAX, PAUSE_MIN * 2 ** min(20, next(pauses) // PAUSES_PER_LENGTH))
            wait = length * random.uniform(0.5, 1.0)
            time.sleep(max(0.0, min(wait, deadline - GIVE_UP_BEFORE - time.monotonic())))

        while time.monotonic() < deadline:
            yield pause

    def _at(self, member: Member, op: int, deadline: float, *rest: Any) -> bytes:
        """The payload of one node's answer."""
        request = [next(self._ids), op, 0, *rest]
        while True:
            try:
                return self._connection(member.address).ask(request, deadline, True).payload
            except _Silence:
                continue

    def _anywhere(self, op: int, deadline: float, *rest: Any, besides: str = "", in_turn: bool = False) -> bytes:
        """The payload of the first node's answer that comes; the node at `besides` is asked last, and those with a
        connection first, unless all are to be asked `in_turn`."""
        request = [next(self._ids), op, 0, *rest]
        last: RekiError | None = None
        addresses = self._known_addresses(besides, in_turn)
        for pause in self._pauses(deadline):
            for address in addresses:
                try:
                    return self._connection(address).ask(request, deadline, True).payload
                except _Silence:
                    continue
                except RekiError as e:
                    if e.name not in PASSING:
                        raise
                    last = e
            pause()
        raise last or _error("unreachable", "no answer from " + ", ".join(addresses))

    def _known_addresses(self, besides: str, in_turn: bool) -> list[str]:
        """Who knows more than we do comes first."""
        self._turn += 1
        members = [member.address for member in self._view.members] if self._view else []
        turn = self._turn % len(members) if members else 0
        informant = self._informant if self._epoch_seen > self.epoch else ""

        def rank(address: str) -> tuple[bool, bool, bool]:
            connection = self._connections.get(address)
            stranger = not in_turn and (connection is None or connection.welcome is None)
            return address == besides, address != informant, stranger

        return sorted(dict.fromkeys(members[turn:] + members[:turn] + self._addresses), key=rank)

    def _current_view(self, deadline: float) -> View:
        if self._view is None:
            self._refresh(deadline)
        elif self._epoch_seen > self._view.epoch:
            self._poll_view(deadline, at_once=True)
        return self._view

    def _poll_view(self, deadline: float, besides: str = "", at_once: bool = False) -> None:
        """Asks one node after the other for a newer view; if none answers, the one that we have will do for now."""
        now = time.monotonic()
        if not at_once and now < self._poll_view_at:
            return
        try:
            self._refresh(min(deadline, now + VIEW_POLL_TIMEOUT), besides)
        except RekiError as e:
            if e.name not in PASSING:
                raise
        self._poll_view_at = time.monotonic() + random.uniform(VIEW_POLL_MIN, VIEW_POLL_MAX)

    def _refresh(self, deadline: float, besides: str = "") -> None:
        for epoch in (self.epoch, 0):
            args = msgpack.packb([epoch, epoch > 0])
            payload = self._anywhere(VIEW, deadline, "", b"", args, besides=besides, in_turn=True)
            view = View.decode(payload, self._view) if payload else self._view
            if view is not None:  # else the delta is for another view than ours
                break
        if view is not None and (self._view is None or view.epoch > self._view.epoch):
            self._view = view
            self._leave_others()
        self._epoch_seen = self.epoch  # what there is to be had now

    def _leave_others(self) -> None:
        stay = {member.address for member in self._view.members}.union(self._addresses)
        for address in [address for address in self._connections if address not in stay]:
            self._connections.pop(address).close()

    def _serving(self, deadline: float) -> list[Member]:
        return [member for member in self._current_view(deadline).members if member.state != JOINING]

    # ---- values

    def _args(self, type: str, args: Any, deadline: float) -> bytes:
        if isinstance(args, dict):
            args = _shaped(self._description(type, deadline)[1], args, type)
        return _packed(args)

    def _fields(self, type: str, message: str, fields: Any, deadline: float) -> bytes:
        if isinstance(fields, dict):
            fields = _shaped(self._fields_schema(type, message, deadline), fields, message)
        return _packed(fields)

    def _fields_schema(self, type: str, message: str, deadline: float) -> Any:
        for name, fields, *_ in self._description(type, deadline)[2]:
            if name == message:
                return fields
        del self._descriptions[type]  # it may learn the message
        raise _error("unknown_message", f"type '{type}' has no message '{message}'")

    def _description(self, type: str, deadline: float) -> list:
        if type not in self._descriptions:
            for description in _unpack(self._anywhere(DESCRIBE, deadline, type)):
                self._descriptions[description[0]] = description
        if type not in self._descriptions:
            raise _error("unknown_type", f"no type '{type}'")
        return self._descriptions[type]


def _packed(value: Any) -> bytes:
    if value is None:
        return b""
    return value if isinstance(value, bytes) else msgpack.packb(value)


def _shaped(schema: Any, value: Any, where: str) -> Any:
    """`value` with each dict that stands for a struct as the array of the struct's fields."""
    kind = schema if isinstance(schema, str) else schema[0]
    if kind == "struct" and isinstance(value, dict):
        fields = [field[:3] for field in schema[1]]
        unknown = set(value) - {name for name, _, _ in fields}
        if unknown:
            names = ", ".join(name for name, _, _ in fields) or "none"
            raise _error("malformed_message", f"{where} has no field '{sorted(unknown)[0]}'; its fields: {names}")
        while fields and fields[-1][0] not in value:
            fields.pop()
        return [_shaped(inner, value[name], f"{where}.{name}") if name in value else _unpack(default)
                for name, inner, default in fields]
    if kind == "array" and isinstance(value, (list, tuple)):
        return [_shaped(schema[1], each, where) for each in value]
    if kind == "map" and isinstance(value, dict):
        return {name: _shaped(schema[2], each, where) for name, each in value.items()}
    if kind == "optional" and value is not None:
        return _shaped(schema[1], value, where)
    return value
