"""Addresses of all forms in one cluster: a name, IPv6, and a node that listens on all addresses and tells another."""

import os
import socket

from harness import COMMAND, Cluster, check, counter_type


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
    except OSError:
        return False
    return True


class Mixed(Cluster):
    """Of n1, n2 and n3, by number: where it listens, and what others connect to."""

    HOSTS = [("localhost", "localhost"), ("0.0.0.0", "127.0.0.1"), ("[::1]", "[::1]") if has_ipv6() else ("127.0.0.1", "127.0.0.1")]

    def node_table(self, node):
        listen, told = self.HOSTS[self.ids.index(node.id)]
        table = (f'[[node]]\nid = "{node.id}"\nlisten = "tcp://{listen}:{node.port}"\ncontrol = "tcp://{listen}:{node.control_port}"\n'
                 f'data_dir = "{node.data_dir}"\n')
        return table if listen == told else table + f'advertise = "tcp://{told}:{node.port}"\n'

    def told(self, id):
        return f"tcp://{self.HOSTS[self.ids.index(id)][1]}:{self.nodes[id].port}"


def names_ipv6_and_advertised_addresses_work_together():
    with Mixed(counter_type()) as c:
        replies = {c.reki("call", "counter", f"k{i}", "increment")["reply"] for i in range(30)}
        check("all keys are served", replies == {1}, replies)
        nodes = {n["node"]: n["address"] for n in c.reki("nodes")["nodes"]}
        check("others are told what they can connect to", nodes == {id: c.told(id) for id in c.ids}, nodes)
        for id in c.ids:
            others = c.run(COMMAND, "--connect", c.told(id), "call", "counter", "k1", "increment")
            check(f"all is reached through {id}", others.returncode == 0, others)


def where_nobody_can_connect_is_refused_before_anything_starts():
    with Cluster(counter_type()) as c:
        with open(c.config) as config:
            text = config.read()
        bad = os.path.join(c.folder, "bad.toml")
        with open(bad, "w") as config:
            config.write(text.replace(c.nodes["n1"].address, f"tcp://0.0.0.0:{c.nodes['n1'].port}"))
        done = c.run(COMMAND, "config", "check", bad, code=2)
        check("what is wrong and what to do", "others cannot connect" in done.stderr and "advertise" in done.stderr, done)
