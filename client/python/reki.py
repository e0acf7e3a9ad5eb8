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
- Every method takes `timeout` in seconds (default: the client's; more than 0, at most an hour) and ends within it, with a
  result or a RekiError.
- An argument of a wrong type or out of its range is refused before anything is sent: `invalid_argument`, or `too_large`
  for a type, key, message, args or fields that are longer than the protocol allows. What msgpack cannot pack is a
  `malformed_message`.
- What may be repeated is repeated within the time-out, while nodes join, leave, restart or fail. A `call` or `send` is
  repeated only if it is certain that it was not executed; where that is not known the error is `unknown_outcome`.
- `args` and `fields` are a dict, ordered and completed by the type's description, or a list in that order, or bytes
  (bytearray, memoryview) that hold msgpack. Replies are what msgpack makes of them: a struct is a list of its fields.
- Keys are str or bytes (bytearray, memoryview). Keys that come back are str if they are UTF-8, else bytes.
- A client may be used by several threads at once; an iterator of `list` or `watch` by one at a time. Nothing happens
  between calls.
- After fork() the child makes a client of its own: the parent's answers it with a RuntimeError.
"""

from __future__ import annotations

import contextlib
import ipaddress
import itertools
import math
import numbers
import operator
import os
import random
import re
import secrets
import socket
import struct
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Sequence, Union

import msgpack
import xxhash
import zmq

__all__ = ["Actor", "Client", "Event", "Member", "RekiError", "View"]

Key = Union[str, bytes]

VERSION = 1
FRAME_BYTES_MAX = (1 << 20) + (128 << 10)
SLOTS = 16384
NOBODY = 0xFFFF  # in a table
# The bounds of arguments, in bytes unless they say otherwise: see "Limits" in section 2 of the protocol.
NAME_MAX, KEY_MAX, ARGS_MAX, PAYLOAD_MAX = 64, 1024, 64 << 10, 1 << 20
PAGE_MAX = 10000  # keys
FENCE_MAX = (1 << 64) - 1
TIMEOUT_MAX = 3600.0  # seconds
FOREVER = 1e300  # seconds; what a watch of more lasts
ADDRESS = re.compile(r"tcp://(?:[0-9A-Za-z._-]{1,253}|\[([0-9A-Fa-f]*:[0-9A-Fa-f:.]{1,45})(?:%[0-9A-Za-z._-]{1,64})?\]):([0-9]{1,5})")
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
    80: "bad_config", 81: "address_in_use", 82: "bad_plugin", 83: "bad_data_dir", 84: "data_dir_unavailable", 99: "internal",
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
# which there is no connection after the third, one that is only asked for its view after the fourth.
PING_AFTER = 0.1
SILENCE_MAX = 0.3
NO_CONNECTION_MAX = 0.03
VIEW_ANSWER_MAX = 0.05
# A node that has left the view may still send the last of its replies; after this no more are waited for.
LAST_REPLIES = 1.0
HELLO_AGAIN = 0.3
PAUSE_MIN, PAUSE_MAX, PAUSES_PER_LENGTH = 0.002, 0.05, 8
VIEW_POLL_MIN, VIEW_POLL_MAX, VIEW_POLL_TIMEOUT = 0.01, 0.02, 1.0
# How long a thread that waits for a reply may be away from it to look for a newer view.
VIEW_LOOK_MAX = 0.1
GIVE_UP_BEFORE = 0.002
# A call is sent again only if its answer can be expected in time: twice the way of the last refusal, at most this.
TRIP_MAX = 0.1
FENCES_MAX = 65536
# Of a node that is there and does not serve. Nothing was executed.
REFUSALS = ("wrong_node", "unavailable", "shutting_down")
# What may be different in a moment, or at another node.
PASSING = ("unreachable", "deadline_exceeded", "unavailable", "shutting_down", "overloaded")
# How long a node may hold a watcher's question: if it is the only one that is asked, and if the others wait meanwhile.
HOLD, HOLD_OF_SEVERAL = 2.0, 0.1
# A watcher is told of a node that has not answered for so long.
UNWATCHED_AFTER = 1.0
# A node that has nothing more to tell is not asked again before this, unless there is a newer view.
ASK_AGAIN = 1.0


class RekiError(Exception):
    """What came instead of a result: the protocol's `code` and its `name`, words, and when trying again can help."""

    def __init__(self, code: int, text: str = "", retry_after: float = 0.0, owner: str = ""):
        self.code = code
        self.name = NAMES.get(code, f"code_{code}")
        self.text = text
        self.retry_after = retry_after  # seconds, 0 if unknown
        self.owner = owner  # `wrong_node`: the node that should be asked
        self.node = ""  # the node that said so, and of which start, for `already_started`; else 0
        self.fence = 0
        self.existing: Actor | None = None  # of a `start` that was answered with `already_started`: the actor that is there
        self.incarnation = 0  # of the node that said so, with the epoch of its view; 0 if none did
        self.epoch = 0
        again = f" (try again in {retry_after:.3f} s)" if retry_after else ""
        super().__init__(f"{self.name}: {text}{again}" if text else self.name + again)


def _error(name: str, text: str) -> RekiError:
    return RekiError(CODES[name], text)


# ---- arguments: each check returns what it lets pass, in the form that is used from there on


def _must_be(what: str, allowed: str, value: Any) -> RekiError:
    try:
        shown = repr(value)
    except Exception:  # the value's own, or an int of thousands of digits
        shown = f"a {type(value).__name__}"
    shown = shown if len(shown) <= 100 else shown[:100] + "..."
    return _error("invalid_argument", f"{what} must be {allowed}, not {shown}")


def _sized(what: str, data: bytes, most: int, beyond: str = "too_large") -> bytes:
    if len(data) > most:
        raise _error(beyond, f"{what} has {len(data)} bytes, at most {most} may be")
    return data


def _name(what: str, value: Any, beyond: str = "too_large") -> str:
    try:
        _sized(what, str.encode(value), NAME_MAX, beyond)
    except (TypeError, ValueError):
        raise _must_be(what, "a str that UTF-8 can hold", value) from None
    return value


def _bytes(what: str, value: Any) -> bytes:
    """A key, or the beginning of keys."""
    try:
        data = value.encode() if isinstance(value, str) else bytes(memoryview(value))
    except (TypeError, ValueError):
        raise _must_be(what, "a str that UTF-8 can hold, or bytes", value) from None
    return _sized(what, data, KEY_MAX)


def _key_bytes(value: Any) -> bytes:
    data = _bytes("key", value)
    if not data:
        raise _error("invalid_argument", f"key is empty; it must have 1 to {KEY_MAX} bytes")
    return data


def _place(type: Any, key: Any) -> tuple[str, bytes]:
    return _name("type", type), _key_bytes(key)


def _integer(what: str, value: Any, least: int, most: int) -> int:
    try:
        number = least - 1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = least - 1
    if not least <= number <= most:
        raise _must_be(what, f"a whole number from {least} to {most}", value)
    return number


def _fence(value: Any) -> int:
    return _integer("fence", value, 0, FENCE_MAX)


def _seconds(value: Any, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 < value <= most:  # NaN is not
        at_most = f" and at most {most:g}" if most < math.inf else ""
        raise _must_be("timeout", f"a number of seconds, more than 0{at_most}", value)
    return float(min(value, FOREVER))  # an int may be more than any float


def _addresses(value: Any) -> list[str]:
    try:
        addresses = [value] if isinstance(value, str) else list(value)
    except TypeError:
        addresses = []
    if not addresses:
        raise _must_be("addresses", "one or more of the form tcp://HOST:PORT or tcp://[IPV6]:PORT", value)
    for address in addresses:
        if not _is_address(address):
            raise _must_be("an address", "tcp://HOST:PORT or tcp://[IPV6]:PORT, with a port from 1 to 65535", address)
    return addresses


def _is_address(value: Any) -> bool:
    parts = ADDRESS.fullmatch(value) if isinstance(value, str) else None
    return parts is not None and 1 <= int(parts[2]) <= 65535 and (parts[1] is None or _is_ip(parts[1]))


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


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
        type_hash = xxhash.xxh3_64_intdigest(_name("type", type).encode(), seed=self.hash_seed)
        return xxhash.xxh3_64_intdigest(_key_bytes(key), seed=type_hash) % SLOTS

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


class _LookUp:
    """The numbers of a host's name, found on a thread of its own: a name server that is silent takes some twenty seconds."""

    def __init__(self, host: str):
        self.numbers: list[str] | None = None  # None: not known yet
        self.begun = time.monotonic()
        self.done, told = socket.socketpair()  # readable once it is known

        def look_up() -> None:
            with told:
                try:
                    found = [info[4][0] for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
                except (OSError, ValueError):  # ValueError: DNS can have no such name
                    found = []
                self.numbers = found

        threading.Thread(target=look_up, daemon=True).start()

    def close(self) -> None:
        self.done.close()


class _Dialer:
    """Connects a DEALER to an address whose host may be a name, which ZeroMQ would look up where all connections wait for it.

    A name is looked up again while there is no connection.
    """

    AGAIN = 1.0  # seconds

    def __init__(self, dealer: zmq.Socket, poller: zmq.Poller, address: str):
        self.dealer, self.poller = dealer, poller
        self.host, _, self.port = address[len("tcp://") :].rpartition(":")
        self.connected_to = ""
        self.look_up: _LookUp | None = None
        if _is_ip(self.host.strip("[]").partition("%")[0]):
            self._connect(address)
        else:
            self._ask()

    def _ask(self) -> None:
        self.look_up = _LookUp(self.host)
        self.poller.register(self.look_up.done, zmq.POLLIN)

    def _connect(self, address: str) -> None:
        self.dealer.set(zmq.IPV6, int("[" in address))
        self.dealer.connect(address)

    def due(self) -> float:
        """When `turn` is due while there is no connection."""
        waits = self.look_up is None or self.look_up.numbers is None
        return math.inf if waits else self.look_up.begun + self.AGAIN

    def turn(self, connected: bool) -> None:
        if self.look_up is None or self.look_up.numbers is None:
            return
        if self.look_up.done.fileno() >= 0:
            self.poller.unregister(self.look_up.done)
            self.look_up.close()
            if not connected:
                self._found([f"tcp://[{n}]:{self.port}" if ":" in n else f"tcp://{n}:{self.port}" for n in self.look_up.numbers])
        elif not connected and time.monotonic() >= self.due():
            self._ask()

    def _found(self, addresses: list[str]) -> None:
        """The next of them after the one that was tried."""
        if not addresses or addresses == [self.connected_to]:
            return
        tried = addresses.index(self.connected_to) if self.connected_to in addresses else -1
        if self.connected_to:
            self.dealer.disconnect(self.connected_to)
        self.connected_to = addresses[(tried + 1) % len(addresses)]
        self._connect(self.connected_to)

    def close(self) -> None:
        if self.look_up is not None:
            self.look_up.close()


class _Socket:
    """A DEALER to one address. All of ZeroMQ that a connection needs; tests put a network of their own in its place.

    Of one thread at a time.
    """

    def __init__(self, context: zmq.Context, address: str):
        self.dealer = context.socket(zmq.DEALER)
        self.dealer.set(zmq.LINGER, 0)
        self.dealer.set(zmq.IMMEDIATE, 1)  # else frames wait for a dead node and reach its next incarnation, late
        self.dealer.set(zmq.RECONNECT_IVL, 10)
        self.dealer.set(zmq.RECONNECT_IVL_MAX, 500)
        self.dealer.set(zmq.MAXMSGSIZE, FRAME_BYTES_MAX)
        self.monitor = self.dealer.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self.poller = zmq.Poller()
        self.poller.register(self.monitor, zmq.POLLIN)
        self.dialer = _Dialer(self.dealer, self.poller, address)

    def close(self) -> None:
        self.dialer.close()
        with contextlib.suppress(zmq.ContextTerminated):
            self.dealer.disable_monitor()
        self.monitor.close(0)
        self.dealer.close(0)

    def writable(self) -> bool:
        connected = bool(self.dealer.poll(0, zmq.POLLOUT))
        self.dialer.turn(connected)
        return connected and not self.monitor.poll(0)

    def broken(self) -> bool:
        """True, once, when the connection was lost and all that came before has been read."""
        if not self.monitor.poll(0) or self.dealer.poll(0, zmq.POLLIN):
            return False
        while self.monitor.poll(0):
            self.monitor.recv_multipart()
        return True

    def readable(self) -> bool:
        return bool(self.dealer.poll(0, zmq.POLLIN))

    def send(self, data: bytes) -> None:
        self.dealer.send(data, zmq.DONTWAIT)

    def receive(self, until: float, or_writable: bool) -> bytes | None:
        """The next frame, if one comes until then and the connection stays."""
        self.poller.register(self.dealer, zmq.POLLIN | (zmq.POLLOUT if or_writable else 0))
        if or_writable:
            until = min(until, self.dialer.due())
        wait = max(0, math.ceil((until - time.monotonic()) * 1000))
        if not dict(self.poller.poll(wait)).get(self.dealer, 0) & zmq.POLLIN:
            self.dialer.turn(bool(self.dealer.poll(0, zmq.POLLOUT)))
            return None
        return self.dealer.recv(zmq.DONTWAIT)


class _Connection:
    """The session with one incarnation of a node, and what that node is known to have taken. Of one thread at a time."""

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
        self.socket = _Socket(client.context, address)

    def close(self) -> None:
        self.socket.close()

    @property
    def name(self) -> str:
        return f"{self.welcome.node} at {self.address}" if self.welcome else self.address

    @property
    def met(self) -> int:
        """The incarnation that is there as far as is known."""
        return self.welcome.incarnation if self.welcome else self.named

    def ended(self) -> None:
        """After GOODBYE: the node waits for this connection to be closed."""
        self.lost()
        self.socket.close()
        self.socket = _Socket(self.client.context, self.address)

    def ask(self, request: list, deadline: float) -> _Answer:
        """The answer to one request, [id, op, flags, ...]. RekiError, or _Silence while there is time left."""
        return _Exchange(self, request, deadline).run()

    def broken(self) -> bool:
        """True, once, when the connection was lost and all that came before has been read."""
        broken = self.socket.broken()
        if broken:
            self.lost()
        return broken

    def receive(self, until: float, or_writable: bool) -> tuple[int, list] | None:
        data = self.socket.receive(until, or_writable)
        if data is None:
            return None
        try:
            kind, *rest = _unpack(data)
            return kind, rest
        except Exception as e:  # msgpack has many
            raise _error("malformed_frame", f"{self.name} sent bytes that are no frame: {e}") from None

    def _send(self, frame: list) -> None:
        self.socket.send(msgpack.packb(frame))

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
        if cluster != (self.client.cluster or cluster):
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
            code, first, second, third, there = [*reply[1:], None, None, None, None][:5]
            if code == 0:
                return _Answer(self.welcome.node, first or 0, bool(second), third or b"", incarnation, epoch)
            error = RekiError(code, first or "", (second or 0) / 1000, third or "")
            error.incarnation, error.epoch = incarnation, epoch
            error.node, error.fence = self.welcome.node, there or 0
            raise error
        return None


class _Exchange:
    """One request at one node, until it is answered or there is no more hope."""

    def __init__(self, connection: _Connection, request: list, deadline: float):
        op = request[1]
        self.connection = connection
        self.request = request
        self.deadline = deadline
        self.repeat = op not in (CALL, SEND)  # it may be executed twice without harm
        self.keyed = op <= SEND
        self.patience = VIEW_ANSWER_MAX if op == VIEW else SILENCE_MAX
        self.frame = 0  # the number of the one that carries the request; 0: not sent, or known to be refused
        self.said = 0  # the same, PINGs counted too
        self.asked_of: _Welcome | None = None  # whoever was sent the request
        self.look_at = 0.0  # for a newer view, not before
        self.left_at = math.inf  # when whoever was asked was first found to be in the view no more
        self.heard = self.sent = self.asked = time.monotonic()

    def run(self) -> _Answer:
        while True:
            now = time.monotonic()
            if self.connection.broken() and self.frame != 0:
                raise self._settled(f"the connection to {self.connection.name} is over: no answer")
            if self.keyed and self.frame != 0:
                self._follow_view(now)
            say_at, say = self._next()
            if now >= say_at and self.connection.socket.writable():
                with contextlib.suppress(zmq.Again):  # the connection was lost just now
                    say()
                continue
            give_up_at = self._give_up_at(can_say=now < say_at)
            if now >= give_up_at:
                raise self._given_up(now)
            until = min(give_up_at, self._look_at(), say_at if now < say_at else math.inf)
            frame = self.connection.receive(until, or_writable=now >= say_at)
            if frame is None:
                continue
            self.heard = time.monotonic()
            answer = self._take(*frame)
            if answer is not None:
                return answer

    def _give_up_at(self, can_say: bool) -> float:
        if self.in_doubt:
            return self.deadline
        return min(self.deadline, max(self.heard, self.sent) + (self.patience if can_say else NO_CONNECTION_MAX))

    def _look_at(self) -> float:
        """When the view is of interest again: from when on the silence is a long one."""
        return max(self.look_at, max(self.heard, self.sent) + SILENCE_MAX) if self.in_doubt else math.inf

    def _follow_view(self, now: float) -> None:
        """Looks for a newer view if there is one, or may be one without the silent node that was asked; ends the wait for
        a node that the view does not have: at once if it is silent, else when its last replies must have come."""
        client = self.connection.client
        silent = now >= max(self.heard, self.sent) + SILENCE_MAX
        if client._view_is_old() or (silent and now >= self.look_at):
            client._poll_view(min(self.deadline, now + VIEW_LOOK_MAX), besides=self.connection.address)
            self.look_at = max(client._poll_view_at, time.monotonic() + VIEW_POLL_MIN)
        if client._has(self.asked_of):
            self.left_at = math.inf
            return
        self.left_at = min(self.left_at, now)
        answers = self.connection.socket.readable()
        if not answers and (silent or now >= self.left_at + LAST_REPLIES):
            raise self._settled(f"{self.asked_of.node} has left the cluster and not answered")

    def _settled(self, why: str) -> Exception:
        """What has no answer, and will get none."""
        return _error("unknown_outcome", why) if self.in_doubt else _Silence()

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
        self.asked_of = self.connection.welcome
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
            connection.ended()
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
        if self.frame != 0 and self.heard > self.sent:
            return _error("deadline_exceeded", f"{name} is there but has not answered in time")
        return self.connection.refusal or _error("unreachable", f"no answer from {name}")


class _Watcher:
    """What one watch has been told so far. Asks one node after the other, in the rhythm of its reader."""

    def __init__(self, client: Client, type: str, key: bytes):
        self.client, self.type, self.key = client, type, key
        self.positions: dict[str, list] = {}  # by node, of those that are watched; "" for all of them
        self.failing: dict[str, float] = {}  # by node, since when; of those whose last answer was none
        self.unwatched: set[str] = set()  # the reader knows that they do not answer
        self.ended: set[str] = set()
        self.waits: dict[str, tuple[float, int]] = {}  # by node: not asked before then, or a view of that epoch
        self.handed_over = False  # the last that was told of the key is that its actor stopped to move
        self.moved_by = 0  # the view by which the key's node has said that it is another's

    def step(self, end: float) -> Iterator[Event]:
        view = self.client._current_view(min(end, self.client._deadline(None)))
        yield from self._follow(view)
        hold = HOLD if len(self.positions) == 1 else HOLD_OF_SEVERAL
        asked = [node for node in self.positions if self._may_ask(view, node)]
        for node in asked:
            yield from self._ask(view, node, min(end, time.monotonic() + hold))
        if not asked:
            time.sleep(random.uniform(VIEW_POLL_MIN, VIEW_POLL_MAX))
            self.client._poll_view(min(end, self.client._deadline(None)))

    def _may_ask(self, view: View, node: str) -> bool:
        not_before, epoch = self.waits.get(node, (0.0, 0))
        return time.monotonic() >= not_before or view.epoch >= epoch

    def _follow(self, view: View) -> Iterator[Event]:
        members = [member.node for member in view.members]
        owner = view.owner(self.type, self.key) if self.key else None
        wanted = [""] if not self.type else members if not self.key else [owner.node] if owner else []
        first = not self.positions
        if self.key and not first:
            (at,) = self.positions
            if at in wanted or (at in members and not 0 < self.moved_by <= view.epoch):
                return  # its actor is there until the node says otherwise
            reason = "moved" if self.moved_by or at in self.ended or self.handed_over else "node_lost"
            self.moved_by = 0
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
            self.client._poll_view(self.client._deadline(None))  # perhaps it is gone
            return
        yield from self._told(node, *_unpack(payload)[:3])

    def _answer(self, view: View, node: str, deadline: float) -> bytes:
        rest = self.type, self.key, msgpack.packb(self.positions[node])
        if not node:
            return self.client._anywhere(WATCH, deadline, *rest)
        member = next(member for member in view.members if member.node == node)
        request = [next(self.client._ids), WATCH, 0, *rest]
        try:
            answer = self.client._ask_at(member.address, request, deadline, member.incarnation)
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
        self.moved_by = 0
        for raw in events:
            kind, reason, time_ms, key, fence, text, retry_after_ms, named, number = [*raw, *[None] * 9][:9]
            kind, reason = KINDS.get(kind, ""), REASONS.get(reason, f"reason_{reason}")
            if not kind:  # of a later version
                continue
            if kind == "moved":
                self.moved_by = number
                if begins:  # it is behind, and has told nothing yet that could be gone on from
                    self.positions[node] = [0, 0]
                self.client.seen(number, "")
                is_behind = number <= self.client.epoch
                self._wait(node, PAUSE_MAX if is_behind else ASK_AGAIN, max(number, self.client.epoch + 1))
                continue
            if kind == "ended":
                self.ended.add(node)
                self._wait(node, ASK_AGAIN, self.client.epoch + 1)
                if had_ended or self.moved_by:  # known, or of no matter: the key is elsewhere
                    continue
            self.handed_over = (kind, reason) == ("stopped", "moved")
            where, other = (named or "", "") if not self.type else (node, named or "")
            yield Event(kind, reason, time_ms / 1000, self.type, _key(key or self.key), where, other,
                        fence or 0, text or "", (retry_after_ms or 0) / 1000, number or 0)

    def _wait(self, node: str, seconds: float, epoch: int) -> None:
        self.waits[node] = time.monotonic() + seconds, epoch

    def _event(self, kind: str, reason: str = "none", **more: Any) -> Event:
        return Event(kind, reason, type=self.type, key=_key(self.key), **more)


class _Routed:
    """One request to a key's owner, by the rules of "Trying again" in section 2."""

    def __init__(self, client: Client, request: list, deadline: float):
        self.client = client
        self.request = request
        self.deadline = deadline
        _, op, _, type, key, *_ = request
        self.key = type, key
        self.repeat = op not in (CALL, SEND)
        # Answers to requests that were under way together may overtake each other.
        self.fence_min = None if op in (LOOKUP, LOOKUP_OR_START) else client._fence_seen(self.key)
        self.redirects = 0
        self.named = "", 0  # the owner that a redirect named, and the epoch of our view by then
        self.at_once = False
        self.last: RekiError = _error("unreachable", "no answer in time")
        self.trip = 0.0  # how long the last refusal took to come

    def run(self) -> _Answer:
        for pause in self.client._pauses(self.deadline):
            view = self.client._current_view(self.deadline)
            owner = self._owner(view)
            if self._too_late():
                break
            try:
                answer = self._ask(view, owner)
            except _Silence:
                self._silent(owner)
                continue
            if answer is not None:
                return answer
            if self.at_once:
                self.at_once = False
                continue
            self.redirects = 0
            pause()
            self.client._poll_view(self.deadline)
        raise self.last

    def _owner(self, view: View) -> Member | None:
        (named, epoch), self.named = self.named, ("", 0)
        if view.epoch > epoch:  # it knows better than whoever has sent us on
            named = ""
        return next((m for m in view.members if m.node == named), None) or view.owner(*self.key)

    def _too_late(self) -> bool:
        """True if what is sent now would be in doubt at the deadline."""
        return not self.repeat and self.trip > 0 and time.monotonic() + min(2 * self.trip, TRIP_MAX) >= self.deadline

    def _ask(self, view: View, owner: Member | None) -> _Answer | None:
        """None if it is to be asked again: `at_once` or after a pause."""
        if owner is None:
            self.last = _error("unavailable", f"nobody owns {_key(self.key[1])!r}")
            return None
        asked_at = time.monotonic()
        try:
            answer = self.client._ask_at(owner.address, self.request, self.deadline, owner.incarnation)
        except RekiError as e:
            self.trip = time.monotonic() - asked_at
            outdated = self._refused(view, owner, e)
        else:
            outdated = self.client._why_outdated(owner, answer)
            outdated = outdated or self.client._why_old_start(self.key, answer, self.fence_min)
            if not outdated:
                return answer
        if outdated:
            self.last = _error("unavailable" if self.repeat else "unknown_outcome", outdated)
            if not self.repeat:
                raise self.last
        return None

    def _refused(self, view: View, owner: Member, error: RekiError) -> str:
        """Why an error does not count; empty if the node does not serve now. Raises what is the caller's."""
        if error.name == "wrong_node":
            self._redirected(view, error)
        of_a_node = error.incarnation != 0
        if error.name in REFUSALS or (error.name == "overloaded" and not of_a_node):
            self.last = error
            return ""
        if not of_a_node:
            raise self.last if error.name in PASSING and self.last.name in REFUSALS and self.repeat else error
        outdated = self.client._why_outdated(owner, error) or self.client._why_old_start(self.key, error, self.fence_min)
        if not outdated:
            raise error
        return outdated

    def _redirected(self, view: View, error: RekiError) -> None:
        if self.redirects < REDIRECTS_MAX and error.epoch >= self.client.epoch:
            self.redirects += 1
            self.at_once = True
            self.named = error.owner, view.epoch

    def _silent(self, owner: Member) -> None:
        if self.last.name not in REFUSALS:
            self.last = _error("unreachable", f"{owner.node} at {owner.address} is silent")
        self.client._poll_view(self.deadline, besides=owner.address)


class _Connections:
    """The connections of a client. Each is lent to one thread at a time; who finds none free makes another, so that there
    are as many to a node as threads that wait for it at once.

    Of any thread, but close() of one.
    """

    def __init__(self, client: Client):
        self.client = client
        self.process = os.getpid()
        self.lock = threading.Lock()  # guards all below
        self.free: dict[str, list[_Connection]] = {}  # by address; those used last come last
        self.wanted: set[str] | None = None  # the addresses of the view and those configured; None without a view
        self.closed = False

    def check(self) -> None:
        """To come first in each call: after fork() a lock may be held for ever, by a thread that the child does not have."""
        if os.getpid() != self.process:
            raise RuntimeError("this reki.Client was made before fork(): the child process needs one of its own")

    @contextlib.contextmanager
    def lent(self, address: str, named: int) -> Iterator[_Connection]:
        """`named`: the incarnation that is to be there by the view; 0 for any."""
        try:
            connection = self._take(address, named)
            try:
                yield connection
            finally:
                self._give_back(connection)
        except zmq.ContextTerminated:
            raise self._over() from None

    def _take(self, address: str, named: int) -> _Connection:
        with self.lock:
            if self.closed:
                raise self._over()
            free = self.free.get(address, [])
            while free:
                connection = free.pop()
                if named in (0, connection.named):
                    return connection
                if connection.met in (0, named):
                    connection.named = named
                    return connection
                connection.close()  # libzmq would try the old incarnation again every now and then
            return _Connection(self.client, address, named)

    def _give_back(self, connection: _Connection) -> None:
        with self.lock:
            if self.closed or not (self.wanted is None or connection.address in self.wanted):
                connection.close()
            else:
                self.free.setdefault(connection.address, []).append(connection)

    @staticmethod
    def _over() -> RuntimeError:
        return RuntimeError("this reki.Client is closed")

    def known(self) -> set[str]:
        """The addresses of the nodes that have said WELCOME."""
        with self.lock:
            return {address for address, free in self.free.items() if any(c.welcome for c in free)}

    def keep(self, addresses: set[str]) -> None:
        """Closes all others, those that are lent when they come back."""
        with self.lock:
            self.wanted = addresses
            for address in set(self.free) - addresses:
                for connection in self.free.pop(address):
                    connection.close()

    def close(self) -> None:
        with self.lock:
            self.closed = True
            for connection in itertools.chain(*self.free.values()):
                connection.close()
            self.free.clear()


class Client:
    """See the module's text. `addresses`: those of one or more nodes, tcp://HOST:PORT or tcp://[IPV6]:PORT; `cluster`, any if
    empty, and `name`, which is for the nodes' logs, are of at most 64 bytes."""

    def __init__(self, addresses: Union[str, Sequence[str]], cluster: str, name: str = "", timeout: float = 5.0):
        self.cluster = _name("cluster", cluster, beyond="invalid_argument")
        self.name = _name("name", name, beyond="invalid_argument")
        self.timeout = _seconds(timeout, TIMEOUT_MAX)
        self.incarnation = secrets.randbits(64) or 1
        self._addresses = _addresses(addresses)
        self.context = zmq.Context()
        self._connections = _Connections(self)
        self._ids = itertools.count(1)
        self._turns = itertools.count(1)
        self._descriptions: dict[str, list] = {}
        # Held by the one thread that asks for a view.
        self._view_lock = threading.Lock()
        self._poll_view_at = 0.0
        # Guards what follows. Nothing waits while it is held.
        self._lock = threading.Lock()
        self._view: View | None = None
        self._epoch_seen = 0
        self._epoch_asked = 0  # the highest that somebody has been asked about
        self._informant = ""  # the address of the node that spoke of _epoch_seen
        self._fences: OrderedDict[tuple[str, bytes], int] = OrderedDict()  # the highest seen; keys used last come last

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Calls of other threads that are under way end with a RuntimeError. Does nothing in a process that has inherited
        the client by fork()."""
        if os.getpid() == self._connections.process:
            self._connections.close()
            self.context.term()

    # ---- about a key

    def lookup_or_start(self, type: str, key: Key, args: Any = None, *, timeout: float | None = None) -> Actor:
        deadline, at = self._deadline(timeout), _place(type, key)
        return self._actor(LOOKUP_OR_START, at, deadline, self._args(type, args, deadline))

    def lookup(self, type: str, key: Key, *, timeout: float | None = None) -> Actor:
        """Never starts anything: `not_running`."""
        return self._actor(LOOKUP, _place(type, key), self._deadline(timeout))

    def start(self, type: str, key: Key, args: Any = None, *, timeout: float | None = None) -> Actor:
        """`already_started` if the key has an actor, or if another's start of it comes first; the error's `existing` is that actor."""
        deadline, at = self._deadline(timeout), _place(type, key)
        try:
            return self._actor(START, at, deadline, self._args(type, args, deadline))
        except RekiError as e:
            if e.name == "already_started" and e.fence:
                e.existing = Actor(type, _key(at[1]), e.node, e.fence, started=False)
            raise

    def stop(self, type: str, key: Key, *, fence: int = 0, timeout: float | None = None) -> int:
        """Returns when the actor has stopped: the fence of the start that is over."""
        rest = [None, None, None, _fence(fence)]
        return self._keyed(STOP, _place(type, key), self._deadline(timeout), rest).fence

    def call(self, type: str, key: Key, message: str, fields: Any = None, *, start: bool = True, args: Any = None,
             fence: int = 0, wait_for_restart: bool = True, timeout: float | None = None) -> Any:
        """The actor's reply, None if it has none to give. With `start` it is started (with `args`) if it is not
        running; a `fence` other than 0 is for that one start. Without `wait_for_restart` an actor that is in back-off
        after a crash gives `restarting` at once."""
        flags = 0 if wait_for_restart else FAIL_IF_RESTARTING
        payload = self._message(CALL, _place(type, key), message, fields, start, args, fence, flags, timeout).payload
        return _unpack(payload) if payload else None

    def send(self, type: str, key: Key, message: str, fields: Any = None, *, start: bool = True, args: Any = None,
             fence: int = 0, timeout: float | None = None) -> Actor:
        """Returns when the message is in the actor's mailbox."""
        at = _place(type, key)
        answer = self._message(SEND, at, message, fields, start, args, fence, 0, timeout)
        return Actor(type, _key(at[1]), answer.node, answer.fence, answer.started)

    # ---- about the cluster

    def list(self, type: str, prefix: Key = "", *, page: int = 1000, timeout: float | None = None) -> Iterator[Key]:
        """The keys of the type's actors on all nodes, node by node; `timeout` is for each page. A key that moves to
        another node meanwhile may come twice or not at all."""
        self._deadline(timeout)  # a mistake is told here, before the first page is asked for
        return self._pages(_name("type", type), _bytes("prefix", prefix), _integer("page", page, 1, PAGE_MAX), timeout)

    def _pages(self, type: str, prefix: bytes, page: int, timeout: float | None) -> Iterator[Key]:
        node, cursor = "", b""
        while True:
            deadline = self._deadline(timeout)
            member = next((m for m in self._serving(deadline) if m.node >= node), None)
            if member is None:
                return
            args = msgpack.packb([cursor if member.node == node else b"", page])
            payload = self._of_newest_view(deadline, lambda: [self._at(member, LIST, deadline, type, prefix, args)])
            if payload is None:
                continue
            keys, cursor = _unpack(payload[0])[:2]
            yield from map(_key, keys)
            node = member.node if cursor else member.node + "\0"

    def count(self, type: str, prefix: Key = "", *, timeout: float | None = None) -> int:
        deadline, rest = self._deadline(timeout), (_name("type", type), _bytes("prefix", prefix))
        while True:
            members = self._serving(deadline)
            counts = self._of_newest_view(deadline, lambda: [self._at(member, COUNT, deadline, *rest) for member in members])
            if counts is not None:
                return sum(map(_unpack, counts))

    def describe(self, type: str = "", *, timeout: float | None = None) -> list:
        """[[type, args, [[message, fields, reply], ...]], ...] as in section 4 of the protocol; all types if empty."""
        return _unpack(self._anywhere(DESCRIBE, self._deadline(timeout), _name("type", type)))

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
        then each event once, or `missed`. Ends `timeout` seconds after the first is asked for, which may be more than
        an hour. Whoever does not read on for long misses what the nodes no longer keep, and is told so."""
        self._deadline(timeout, math.inf)  # a mistake is told here
        watcher = _Watcher(self, _name("type", type), _bytes("key", key))
        if watcher.key and not type:
            raise _error("invalid_argument", "a key is watched together with its type")
        return self._watched(watcher, timeout)

    def _watched(self, watcher: _Watcher, timeout: float | None) -> Iterator[Event]:
        end = self._deadline(timeout, math.inf)
        while time.monotonic() < end:
            yield from watcher.step(end)

    # ---- requests

    @property
    def epoch(self) -> int:
        return self._view.epoch if self._view else 0

    def seen(self, epoch: int, address: str) -> None:
        with self._lock:
            if epoch > self._epoch_seen:
                self._epoch_seen, self._informant = epoch, address

    def _deadline(self, timeout: float | None, most: float = TIMEOUT_MAX) -> float:
        self._connections.check()
        return time.monotonic() + _seconds(self.timeout if timeout is None else timeout, most)

    def _ask_at(self, address: str, request: list, deadline: float, named: int = 0) -> _Answer:
        """The answer of the node at this address, of the incarnation `named` if that is not 0."""
        with self._connections.lent(address, named) as connection:
            return connection.ask(request, deadline)

    def _actor(self, op: int, at: tuple[str, bytes], deadline: float, args: bytes | None = None) -> Actor:
        answer = self._keyed(op, at, deadline, [] if args is None else [args])
        return Actor(at[0], _key(at[1]), answer.node, answer.fence, answer.started)

    def _message(self, op: int, at: tuple[str, bytes], message: str, fields: Any, start: bool, args: Any, fence: int,
                 flags: int, timeout: float | None) -> _Answer:
        deadline, message, fence = self._deadline(timeout), _name("message", message), _fence(fence)
        packed_args = self._args(at[0], args, deadline) if start else None
        payload = self._fields(at[0], message, fields, deadline)
        return self._keyed(op, at, deadline, [packed_args, message, payload, fence], flags)

    def _keyed(self, op: int, at: tuple[str, bytes], deadline: float, rest: list, flags: int = 0) -> _Answer:
        """Asks the key's owner until there is an answer."""
        request = [next(self._ids), op, flags, *at, *rest]
        return _Routed(self, request, deadline).run()

    def _why_outdated(self, owner: Member, said: _Answer | RekiError) -> str:
        """Why what a node has said does not count; empty if it does."""
        view = self._view  # perhaps newer than the one by which it was asked
        member = next((m for m in view.members if m.node == owner.node), owner)
        if view.term and member.incarnation not in (0, said.incarnation) and said.epoch <= view.epoch:
            return f"an incarnation of {owner.node} answered that is not the one in view {view.epoch}"
        return ""

    def _fence_seen(self, key: tuple[str, bytes]) -> int:
        with self._lock:
            return self._fences.get(key, 0)

    def _why_old_start(self, key: tuple[str, bytes], answer: _Answer | RekiError, fence_min: int | None) -> str:
        """As above, for an answer of a fence below `fence_min`, which is the highest seen so far if left out."""
        if not self._view.term or not answer.fence:
            return ""
        with self._lock:
            highest = self._fences.get(key, 0)
            if answer.fence < (highest if fence_min is None else fence_min):
                return f"{answer.node} answered for start {answer.fence} of the actor, but start {highest} has been seen"
            self._fences[key] = max(highest, answer.fence)
            self._fences.move_to_end(key)
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

        while time.monotonic() < deadline - GIVE_UP_BEFORE:
            yield pause

    def _at(self, member: Member, op: int, deadline: float, *rest: Any) -> bytes:
        """The payload of one node's answer."""
        request = [next(self._ids), op, 0, *rest]
        last = _error("unreachable", f"no answer from {member.node} at {member.address}")
        for pause in self._pauses(deadline):
            try:
                answer = self._ask_at(member.address, request, deadline)
                outdated = "" if op == STATUS else self._why_outdated(member, answer)
                if not outdated:
                    return answer.payload
                last = _error("unavailable", outdated)
            except _Silence:
                continue
            except RekiError as e:
                if e.name not in REFUSALS:
                    raise
                last = e
            pause()
        raise last

    def _anywhere(self, op: int, deadline: float, *rest: Any, besides: str = "", in_turn: bool = False) -> bytes:
        """The payload of the first node's answer that comes; the node at `besides` is asked last, and those with a
        connection first, unless all are to be asked `in_turn`."""
        request = [next(self._ids), op, 0, *rest]
        last: RekiError | None = None
        addresses = self._known_addresses(besides, in_turn)
        for pause in self._pauses(deadline):
            for address in addresses:
                try:
                    return self._ask_at(address, request, deadline).payload
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
        members = [member.address for member in self._view.members] if self._view else []
        turn = next(self._turns) % len(members) if members else 0
        informant = self._informant if self._epoch_seen > self.epoch else ""
        known = self._connections.known()

        def rank(address: str) -> tuple[bool, bool, bool]:
            return address == besides, address != informant, not in_turn and address not in known

        return sorted(dict.fromkeys(members[turn:] + members[:turn] + self._addresses), key=rank)

    def _current_view(self, deadline: float) -> View:
        if self._view is None:
            self._fetch_first_view(deadline)
        elif self._view_is_old():
            self._poll_view(deadline, at_once=True)
        return self._view

    def _fetch_first_view(self, deadline: float) -> None:
        if not self._view_lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise _error("unreachable", "no view in time")
        try:
            if self._view is None:
                self._refresh(deadline)
        finally:
            self._view_lock.release()

    def _view_is_old(self) -> bool:
        """True if a node has told of a newer one, and nobody has been asked for that."""
        return self._epoch_seen > max(self.epoch, self._epoch_asked)

    def _has(self, asked: _Welcome) -> bool:
        """If that incarnation of the node may be in the cluster, by the view."""
        return self._view is None or any(
            m.node == asked.node and (not self._view.term or m.incarnation in (0, asked.incarnation))
            for m in self._view.members)

    def _poll_view(self, deadline: float, besides: str = "", at_once: bool = False) -> None:
        """Asks one node after the other for a newer view; if none answers, the one that we have will do for now. Leaves
        it to another thread that does so already: one question at a time."""
        now, epoch = time.monotonic(), self.epoch
        until = min(deadline, now + VIEW_POLL_TIMEOUT)
        if not at_once and now < self._poll_view_at:
            return
        if not self._view_lock.acquire(timeout=max(0.0, until - now) if at_once else 0):
            return
        try:
            if self.epoch == epoch:  # else it has come while we waited for the lock
                self._refresh(until, besides)
        except RekiError as e:
            if e.name not in PASSING:
                raise
        finally:
            self._poll_view_at = time.monotonic() + random.uniform(VIEW_POLL_MIN, VIEW_POLL_MAX)
            self._view_lock.release()

    def _refresh(self, deadline: float, besides: str = "") -> None:
        """Under _view_lock."""
        for epoch in (self.epoch, 0):
            args = msgpack.packb([epoch, epoch > 0])
            payload = self._anywhere(VIEW, deadline, "", b"", args, besides=besides, in_turn=True)
            view = View.decode(payload, self._view) if payload else self._view
            if view is not None:  # else the delta is for another view than ours
                break
        with self._lock:
            self._epoch_asked = self._epoch_seen
            if view is None or view.epoch <= self.epoch:
                return
            self._view = view
        self._connections.keep({member.address for member in view.members}.union(self._addresses))

    def _serving(self, deadline: float) -> list[Member]:
        members = [member for member in self._current_view(deadline).members if member.state != JOINING]
        if not members:
            raise _error("unavailable", f"no node has joined in view {self.epoch}")
        return members

    def _of_newest_view(self, deadline: float, ask: Callable[[], list[bytes]]) -> list[bytes] | None:
        """What nodes of the view say of themselves. None if there is a newer view by now, which may have others: they are
        to be chosen anew."""
        epoch = self.epoch
        try:
            out = ask()
        except RekiError:
            if self._current_view(deadline).epoch == epoch:
                raise
            return None
        return out if self._current_view(deadline).epoch == epoch else None

    # ---- values

    def _args(self, type: str, args: Any, deadline: float) -> bytes:
        if isinstance(args, dict):
            args = _shaped(self._description(type, deadline)[1], args, type)
        return _packed("args", args, ARGS_MAX)

    def _fields(self, type: str, message: str, fields: Any, deadline: float) -> bytes:
        if isinstance(fields, dict):
            fields = _shaped(self._fields_schema(type, message, deadline), fields, message)
        return _packed("fields", fields, PAYLOAD_MAX)

    def _fields_schema(self, type: str, message: str, deadline: float) -> Any:
        for name, fields, *_ in self._description(type, deadline)[2]:
            if name == message:
                return fields
        self._descriptions.pop(type, None)  # it may learn the message
        raise _error("unknown_message", f"type '{type}' has no message '{message}'")

    def _description(self, type: str, deadline: float) -> list:
        description = self._descriptions.get(type)
        if description is None:
            for description in _unpack(self._anywhere(DESCRIBE, deadline, type)):
                self._descriptions[description[0]] = description
            description = self._descriptions.get(type)
        if description is None:
            raise _error("unknown_type", f"no type '{type}'")
        return description


def _packed(what: str, value: Any, most: int) -> bytes:
    if value is None:
        return b""
    try:
        data = bytes(value) if isinstance(value, (bytes, bytearray, memoryview)) else msgpack.packb(value)
    except (TypeError, ValueError, OverflowError) as e:
        raise _error("malformed_message", f"{what} cannot be packed: {e}") from None
    return _sized(what, data, most)


def _shaped(schema: Any, value: Any, where: str) -> Any:
    """`value` with each dict that stands for a struct as the array of the struct's fields."""
    kind = schema if isinstance(schema, str) else schema[0]
    if kind == "struct" and isinstance(value, dict):
        fields = [field[:3] for field in schema[1]]
        unknown = set(value) - {name for name, _, _ in fields}
        if unknown:
            names = ", ".join(name for name, _, _ in fields) or "none"
            raise _error("malformed_message", f"{where} has no field '{min(map(str, unknown))}'; its fields: {names}")
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
