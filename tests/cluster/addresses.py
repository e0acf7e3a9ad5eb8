"""Addresses of all forms in one cluster: a name, IPv6, and a node that listens on all addresses and tells another."""

import os
import socket

from harness import COMMAND, NODE, Cluster, check, counter_type


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


class Seeded(Cluster):
    """Each node's file has itself and the name at which the others are: `localhost`, with IPv4 and IPv6 where there is that. n1
    and n2 are there, on one port; n3 has another and is found by nobody. `config` lists all, for commands."""

    CONTROL = ["127.0.0.1", "[::1]" if has_ipv6() else "127.0.0.2", "127.0.0.1"]

    def make_nodes(self):
        nodes = super().make_nodes()
        nodes["n2"].control_port = nodes["n1"].control_port
        for node in nodes.values():
            node.words = lambda node=node: [NODE, "--config", self.file_of(node), "--node", node.id]
            with open(self.file_of(node), "w") as file:
                file.write(f'[cluster]\nname = "{self.name}"\nprofile = "{self.profile}"\n'
                           f'seeds = ["dns://localhost:{nodes["n1"].control_port}"]\n{self.node_table(node)}{self.types}')
        return nodes

    def file_of(self, node):
        return os.path.join(self.folder, f"{node.id}.toml")

    def node_table(self, node):
        control = self.CONTROL[self.ids.index(node.id)]
        return (f'[[node]]\nid = "{node.id}"\nlisten = "{node.address}"\ncontrol = "tcp://{control}:{node.control_port}"\n'
                f'data_dir = "{node.data_dir}"\n')


def nodes_whose_files_have_only_themselves_find_each_other_by_a_name():
    with Seeded(counter_type(), settings='voters = ["n1"]\n') as c:
        replies = {c.reki("call", "counter", f"k{i}", "increment")["reply"] for i in range(30)}
        check("all keys are served", replies == {1}, replies)
        check("all are in", [n["node"] for n in c.reki("nodes")["nodes"]] == c.ids)
        c.run(COMMAND, "config", "check", c.file_of(c.nodes["n3"]))
        for id in ("n3", "n1"):  # n1 has been told where n2 is; it finds the way by its register, and n3 by the name
            c.nodes[id].terminate()
            c.nodes[id].start()
            check(f"{id} is back", c.nodes[id].wait_ready())
        done = c.run(COMMAND, "--config", c.file_of(c.nodes["n3"]), "init", code=2)
        check("init says that it wants voters", "voters = " in done.stderr, done)


def where_nobody_can_connect_is_refused_before_anything_starts():
    with Cluster(counter_type()) as c:
        with open(c.config) as config:
            text = config.read()
        bad = os.path.join(c.folder, "bad.toml")
        with open(bad, "w") as config:
            config.write(text.replace(c.nodes["n1"].address, f"tcp://0.0.0.0:{c.nodes['n1'].port}"))
        done = c.run(COMMAND, "config", "check", bad, code=2)
        check("what is wrong and what to do", "others cannot connect" in done.stderr and "advertise" in done.stderr, done)
