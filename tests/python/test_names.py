"""Addresses: names that change, names that nobody answers for, and IPv6."""

import os
import random
import re
import socket
import sys
import threading
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "client", "python")]

from fake_node import FakeNode, share  # noqa: E402
from reki import Client, RekiError, _LookUp as LookUp  # noqa: E402


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
    except OSError:
        return False
    return True


class Names:
    """A name server, in place of the system's."""

    def __init__(self):
        self.all = {}
        self.silent = threading.Event()  # until then the others are not answered
        self.asked = []

    def __call__(self, host, port, **_):
        self.asked.append(host)
        if host not in self.all:
            self.silent.wait(60)
            raise OSError("nobody knows it")
        return [(None, None, 0, "", (number, 0)) for number in self.all[host]]


class Addresses(unittest.TestCase):
    def setUp(self):
        self.names = Names()
        self.addCleanup(self.names.silent.set)
        patch = mock.patch("socket.getaddrinfo", self.names)
        patch.start()
        self.addCleanup(patch.stop)

    def node(self, name="n1", called=None, **options):
        node = FakeNode(name, **options)
        self.addCleanup(node.close)
        if called:
            node.address = f"tcp://{called}:" + node.address.rpartition(":")[2]
        return node

    def client(self, *nodes, **options):
        share(nodes)
        client = Client([n.address for n in nodes], "shop", timeout=10, **options)
        self.addCleanup(client.close)
        return client

    def use(self, client):
        for key in "abcdefgh":
            client.call("counter", key, "increment")

    @unittest.skipUnless(has_ipv6(), "no ::1 here")
    def test_a_node_that_listens_on_ipv6_is_used(self):
        self.use(self.client(self.node(host="[::1]")))
        self.assertEqual(self.names.asked, [])

    def test_a_node_is_used_by_its_name(self):
        self.names.all["n1.test"] = ["127.0.0.1"]
        self.use(self.client(self.node(called="n1.test")))

    def test_a_name_that_nobody_answers_for_costs_only_its_own_node(self):
        node = self.node()
        share([node])
        client = Client(["tcp://gone.test:7101", node.address], "shop", timeout=10)
        self.addCleanup(client.close)
        self.use(client)

    def test_of_several_addresses_of_a_name_one_that_answers_is_found(self):
        self.names.all["n1.test"] = ["127.0.0.9", "127.0.0.1"]
        self.use(self.client(self.node(called="n1.test")))

    def test_a_name_that_is_known_later_is_asked_for_again(self):
        node = self.node(called="n1.test")
        self.names.silent.set()
        client = self.client(node)
        self.assertRaises(RekiError, client.call, "counter", "a", "increment", timeout=0.3)
        self.names.all["n1.test"] = ["127.0.0.1"]
        self.use(client)

    def test_a_name_that_cannot_be_one_has_no_address(self):
        with mock.patch("socket.getaddrinfo", side_effect=UnicodeError("label empty or too long")):
            look_up = LookUp("a..b")
            self.addCleanup(look_up.close)
            self.assertEqual(look_up.done.recv(1), b"")
            self.assertEqual(look_up.numbers, [])

    def refused(self, nonsense):
        with self.subTest(nonsense), self.assertRaisesRegex(RekiError, "invalid_argument.*" + re.escape(repr(nonsense)[:100])):
            Client(["tcp://n1:7101", nonsense], "shop")

    def test_what_is_no_address_is_refused_by_name(self):
        for nonsense in ("", "n1", "n1:7101", "tcp://", "tcp://n1", "tcp://:7101", "ftp://n1:7", "TCP://n1:7", "tcp://n1:7\n",
                         " tcp://n1:7", "tcp://n1:port", "tcp://::1:7101", "tcp://a b:7", "tcp://n1:7/", "tcp://zürich:7",
                         f"tcp://{'n' * 254}:7",
                         "tcp://[]:7", "tcp://[n1]:7", "tcp://[127.0.0.1]:7", "tcp://[1::2::3]:7", "tcp://[::1:7", "tcp://[fe80::1%]:7",
                         None, 7101, 0.5, b"tcp://n1:7", ["tcp://n1:7"], ("n1", 7101)):
            self.refused(nonsense)

    def test_what_is_no_port_is_refused(self):
        rng = random.Random(1)
        above = [65536, 99999, *(65536 + rng.getrandbits(rng.randrange(1, 80)) for _ in range(50))]
        for port in (0, "00000", -1, "+7", " 7", "7 ", "7.0", "0x7", "7_1", "\u0663", "", "9" * 5000, *above):
            for host in ("127.0.0.1", "n1.test", "[::1]"):
                self.refused(f"tcp://{host}:{port}")

    def test_one_wrong_character_is_enough(self):
        rng = random.Random(2)
        for _ in range(200):
            address = rng.choice(["tcp://n1.test:7101", "tcp://127.0.0.1:7101", "tcp://[fe80::1]:7101"])
            at = rng.randrange(len(address) + 1)
            wrong = rng.choice("/ \t\n\0@#?;,'\"\\(){}<>|*$!~^&=+ü\ud800")
            self.refused(address[:at] + wrong + address[at:])

    def test_what_is_an_address_is_taken(self):
        rng = random.Random(3)
        ports = [1, 65535, *(rng.randrange(1, 65536) for _ in range(20))]
        hosts = ["n1", "n_1.a-b.test.", "n" * 253, "127.0.0.1", "[::]", "[::1]", "[fe80::1%eth0]", "[fe80::1%br-lan.7]",
                 "[::ffff:10.0.0.1]"]
        addresses = [f"tcp://{host}:{port}" for host in hosts for port in ports]
        for given in (addresses, tuple(addresses), iter(addresses), *addresses):
            Client(given, "shop").close()


if __name__ == "__main__":
    unittest.main()
