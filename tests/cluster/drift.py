"""Nodes whose configs should be the same, and are not, beyond what the cluster agrees on: they serve, and people are told."""

from harness import check, until
from newcomers import Door

SOON = 10  # seconds


def a_node_with_other_options_of_a_type_is_told_of_on_both_sides_and_in_the_status():
    with Door(expected=["config_differs"]) as c:
        check("nothing to tell of", all("config_warning" not in c.status(id) for id in c.ids))
        newcomer = c.newcomer("n4", lambda text: c.fourth(text).replace("[types.counter]\n", "[types.counter]\ncap = 777\n"))
        until("it is let in all the same", 30, lambda: len(c.reki("nodes")["nodes"]) == 4)
        coordinator = c.reki("nodes")["coordinator"]
        until("the coordinator tells of it", SOON, lambda: "event=config_differs text=\"the config of node 'n4' is another: types are counter " in c.nodes[coordinator].logged())
        c.is_told("n4", "event=config_differs", f"the config of node '{coordinator}' is another")
        status = c.reki("status")["nodes"]
        check("and status, on both", all("types are counter " in status[id]["config_warning"] for id in (coordinator, "n4")), status)
        check("what it is can be seen", status["n1"]["config_types"] == status["n2"]["config_types"] != status["n4"]["config_types"], status)
        check("and what it is not", status["n1"]["config_plugins"] == status["n4"]["config_plugins"], status)
        for other in set(c.ids) - {coordinator}:
            check("others have nothing to say", "config_differs" not in c.nodes[other].logged())
        newcomer.terminate()
        newcomer.wait(30)
        until("it is out", 20, lambda: len(c.reki("nodes")["nodes"]) == 3)
        check("and with it the warning", "config_warning" not in c.status(coordinator))
