"""Processes that ask to be let in and may not: they are told why by name and place, serve nothing, and cost nobody anything."""

import os
import re

from harness import NODE, Cluster, check, counter_type, free_ports, until

TOLD = 10  # seconds


class Door(Cluster):
    """Three nodes, and newcomers with configs of their own."""

    def __init__(self, expected):
        super().__init__(counter_type(), expected=expected)

    def newcomer(self, id, change):
        """A process as node `id` of a config that `change` has made of the cluster's. Its log is at `self.log_of(id)`."""
        folder = os.path.join(self.folder, f"newcomer-{id}")
        os.mkdir(folder)
        with open(self.config) as config:
            text = change(config.read())
        with open(os.path.join(folder, "cluster.toml"), "w") as config:
            config.write(text)
        with open(self.log_of(id), "wb") as log:
            return self.start(NODE, "--config", os.path.join(folder, "cluster.toml"), "--node", id, stdout=log, stderr=log)

    def log_of(self, id):
        return os.path.join(self.folder, f"newcomer-{id}.log")

    def is_told(self, id, *words):
        """A line of the newcomer's log has all the words, soon."""
        def log():
            with open(self.log_of(id)) as lines:
                return list(lines)
        try:
            until(f"newcomer {id} is told", TOLD, lambda: any(all(word in line for word in words) for line in log()))
        except AssertionError:
            check(f"newcomer {id} is told {words}", False, *log())

    def says(self, id, *words):
        lines = self.nodes[id].logged().splitlines()
        check(f"node {id} says {words}", any(all(word in line for word in words) for line in lines), lines[-20:])

    def fourth(self, text):
        """The config with a node n4 in it, which is no voter."""
        port, control = free_ports(2)
        return (text + f'[[node]]\nid = "n4"\nlisten = "tcp://127.0.0.1:{port}"\ncontrol = "tcp://127.0.0.1:{control}"\n'
                f'data_dir = "{self.folder}/data/n4"\n')

    def goes_on(self):
        """As before: the same three incarnations serve, and nobody else."""
        nodes = {n["node"]: n["state"] for n in self.reki("nodes")["nodes"]}
        check("the three are in, and no fourth", nodes == {"n1": "up", "n2": "up", "n3": "up"}, nodes)
        check("they serve", [self.reki("call", "counter", f"k{i}", "increment")["reply"] for i in range(3)] == [1, 1, 1])


def who_has_another_profile_is_told_both_values_and_serves_nothing():
    with Door(expected=["join_refused"]) as c:
        newcomer = c.newcomer("n4", lambda text: c.fourth(text.replace('profile = "cloud"', 'profile = "lan"')))
        c.is_told("n4", "event=not_let_in", "profile", "lan", "cloud")
        check("it goes on asking", newcomer.poll() is None)
        coordinator = c.reki("nodes")["coordinator"]
        c.says(coordinator, "event=join_refused", "node=n4", "profile")
        c.goes_on()


def who_has_a_living_nodes_id_is_told_where_that_one_is():
    with Door(expected=["join_refused"]) as c:
        coordinator = c.reki("nodes")["coordinator"]
        second_process(c, next(id for id in c.ids if id != coordinator))
        c.says(coordinator, "event=join_refused")


def who_has_the_coordinators_id_is_told_where_that_one_is():
    with Door(expected=["join_refused"]) as c:
        second_process(c, c.reki("nodes")["coordinator"])


def second_process(c, id):
    """It is told, costs nothing, and some other node's log says who it was."""
    living = c.nodes[id]
    incarnation = c.status(id)["incarnation"]
    port, control = free_ports(2)
    c.newcomer(id, lambda text: text.replace(f':{living.port}"', f':{port}"').replace(
        f':{living.control_port}"', f':{control}"').replace(living.data_dir, living.data_dir + "-of-another"))
    c.is_told(id, "event=not_let_in", f"node '{id}' is alive at {living.address}")
    until("a node says who came", TOLD, lambda: any(
        re.search(rf"event=join_refused node={id} at=\S+:{control}", node.logged()) for node in c.nodes.values()))
    check("the living one is the same", c.status(id)["incarnation"] == incarnation)
    c.goes_on()


def who_is_of_another_cluster_is_told_what_it_has_come_to():
    with Door(expected=["wrong_cluster"]) as c:
        c.newcomer("n4", lambda text: c.fourth(text).replace(f'name = "{c.name}"', 'name = "elsewhere"'))
        c.is_told("n4", "event=wrong_cluster", f"is of cluster '{c.name}'", "'elsewhere'")
        until("a node says who came", TOLD, lambda: any(
            re.search(r"event=wrong_cluster text=\"'n4' at \S+ is of cluster 'elsewhere'", node.logged()) for node in c.nodes.values()))
        c.goes_on()
