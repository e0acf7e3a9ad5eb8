"""A network in virtual time: in place of ZeroMQ and of the clock of client/python/reki.py, for one thread.

    with Network() as network:
        network.add(NodeModel("n1"))
        ...                     # whatever the client does now takes no real time, and the same time in each run
"""

import heapq
import itertools
from collections import deque
from unittest import mock

import msgpack

import reki

ONE_WAY = 0.001  # seconds, unless a node has another `one_way`
TICK = 1e-5  # what each look at a socket takes, so that whoever spins sees the time pass
IDLE_LOOKS_MAX = 20  # looks at sockets, one after the other, for which nothing happens and nobody waits


class Network:
    def __init__(self):
        self.now = 1000.0
        self.nodes = {}  # by address
        self.sockets = []
        self.sent = []  # (time, address, frame) of all that the client has sent
        self.slept = []  # each wait of the client's, in seconds
        self.idle_looks = 0
        self._events = []
        self._order = itertools.count()

    def __enter__(self):
        network = self

        class OfThisNetwork(Socket):
            def __init__(self, context, address):
                super().__init__(network, address)

        self._patches = [mock.patch.object(reki, "time", self), mock.patch.object(reki, "_Socket", OfThisNetwork)]
        for patch in self._patches:
            patch.start()
        return self

    def __exit__(self, *_):
        for patch in self._patches:
            patch.stop()

    def add(self, *nodes):
        for node in nodes:
            self.nodes[node.address] = node

    def after(self, seconds, function, *args):
        heapq.heappush(self._events, (self.now + seconds, next(self._order), function, args))

    def frames(self, kind, address=None):
        return [frame for _, at, frame in self.sent if frame[0] == kind and address in (None, at)]

    def times(self, kind, address=None):
        return [time for time, at, frame in self.sent if frame[0] == kind and address in (None, at)]

    def kill(self, node):
        """The connections break, and nobody listens any more."""
        del self.nodes[node.address]
        for socket in self.sockets:
            if socket.address == node.address:
                socket.has_broken = True

    # What reki takes from the module `time`.

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.run(self.now + seconds, lambda: False)

    def run(self, until, done):
        """Lets things happen until then, or until it is done."""
        while not done():
            if not self._events or self._events[0][0] > until:
                self.now = max(self.now, until)
                return
            at, _, function, args = heapq.heappop(self._events)
            self.now = max(self.now, at)
            function(*args)


class Socket:
    """What reki._Socket is, for one connection; and its route at the node."""

    def __init__(self, network, address):
        self.network = network
        self.address = address
        self.inbox = deque()
        self.has_broken = False
        self.closed = False
        network.sockets.append(self)

    def close(self):
        self.closed = True

    def writable(self):
        return self.address in self.network.nodes

    def readable(self):
        return bool(self.inbox)

    def broken(self):
        if self.inbox or not self.has_broken:
            return False
        self.has_broken = False
        return True

    def send(self, data):
        assert not self.closed
        network, node = self.network, self.network.nodes[self.address]
        frame = msgpack.unpackb(data)
        network.sent.append((network.now, self.address, frame))
        network.after(getattr(node, "one_way", ONE_WAY), self._arrive, node, frame)

    def _arrive(self, node, frame):
        if node.deaf or self.network.nodes.get(self.address) is not node:
            return
        self.tell(*node._frame(self, frame), one_way=getattr(node, "one_way", ONE_WAY))

    def tell(self, *frames, one_way=ONE_WAY):
        """The node sends these over this connection."""
        for frame in frames:
            self.network.after(one_way, self.inbox.append, frame if isinstance(frame, bytes) else msgpack.packb(frame))

    def receive(self, until, or_writable):
        assert not self.closed
        network = self.network
        waits = until > network.now + TICK
        network.run(network.now + TICK, lambda: False)
        network.run(until, lambda: self.inbox or self.has_broken or (or_writable and self.writable()))
        network.idle_looks = 0 if waits or self.inbox else network.idle_looks + 1
        assert network.idle_looks <= IDLE_LOOKS_MAX, "the client spins"
        return self.inbox.popleft() if self.inbox else None
