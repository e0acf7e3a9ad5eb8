"""A cluster that has lost most of its voters for good goes on from one that is left: `reki voters rescue`."""

import shlex
import shutil

import harness
from disks import EXIT_USAGE, DiskCluster
from harness import check, until

KEYS = [f"k{i}" for i in range(8)]


def rescue(c, *words, code):
    done = c.reki("voters", "rescue", "--timeout", "3s", *words, code=code)
    return done["error"]["text"] if code else done


def fences(c):
    return {key: until(f"{key} is served", harness.END, lambda key=key: c.fence(key), every=0.1) for key in KEYS}


def command_in(text):
    """The words behind `reki voters rescue` that the warning ends with."""
    return shlex.split(text[text.rindex("reki voters rescue"):])[3:]


def ends_as_retired(c, id):
    node = c.nodes[id]
    node.killed = True
    ended = node.process.wait(harness.END)
    check(f"{id} stops for good", ended == EXIT_USAGE and "was rescued without this node's" in c.said(node), ended, c.said(node))
    c.refuses(id, "is retired", "remove its data directory")


def two_of_three_disks_are_lost_and_the_third_goes_on_with_higher_fences():
    with DiskCluster(nodes=4, expected=["rescued", "retired", "voters_differ", "wrong_incarnation"]) as c:
        before = fences(c)
        check("a cluster that runs is not rescued", "has a coordinator" in rescue(c, code=EXIT_USAGE))
        c.kill("n2", "n3")
        for id in ("n2", "n3"):
            shutil.copytree(c.data_dir(id), c.data_dir(id) + ".before")
            c.lose_disk(id)
        warning = until("it is without a majority", harness.END,
                        lambda: text if "nothing was changed" in (text := rescue(c, code=EXIT_USAGE)) else None, every=0.2)
        check("it says what is given up and what nobody can prevent", "Given up" in warning and "Nothing can prevent" in warning, warning)
        words = command_in(warning)
        lost = [word for word in words if word.startswith(("n2/", "n3/"))]
        check("it names each lost store", len(lost) == 2 and words[-1] == f"give up {c.name}", words)
        for wrong in ([*words[:-1], "give up everything"], words[2:], [*words[:2], "--lost", "n3/1", *words[4:]], words[:-2]):
            check("anything else changes nothing", "nothing was changed" in rescue(c, *wrong, code=EXIT_USAGE), wrong)
        check("no register has changed", "event=rescued" not in c.nodes["n1"].logged())
        done = rescue(c, *words, code=0)
        check("it is done", done["survivor"] == "n1" and sorted(done["lost"]) == sorted(lost), done)
        after = fences(c)
        check("all fences are above all before", min(after.values()) > max(before.values()), before, after)
        check("and above all that the others could give", min(after.values()) >= 1 << 58, after)
        until("who had no vote is back", harness.END, lambda: [n["state"] for n in c.reki("nodes")["nodes"]] == ["up"] * 2)
        check("it is not done twice", "a majority of the voters answers" in (t := rescue(c, *words, code=EXIT_USAGE)) or "has a coordinator" in t, t)
        # The disk of a lost voter is found again.
        shutil.copytree(c.data_dir("n2") + ".before", c.data_dir("n2"))
        c.nodes["n2"].start()
        ends_as_retired(c, "n2")
        c.lose_disk("n2")
        c.restart("n2", "n3")
        c.reki("voters", "add", "n2", "n3", "--timeout", "30s")
        c.all_vote("n1", "n2", "n3")
        c.kill("n1")
        last = fences(c)
        check("the cluster is as good as any", min(last.values()) > max(before.values()), last)
        c.restart("n1")
        c.all_vote("n1", "n2", "n3")


def both_lost_voters_come_back_and_are_told_before_they_vote():
    with DiskCluster(nodes=3, expected=["rescued", "retired", "voters_differ", "wrong_incarnation"]) as c:
        before = fences(c)
        c.kill("n2", "n3")
        warning = until("it is without a majority", harness.END,
                        lambda: text if "nothing was changed" in (text := rescue(c, code=EXIT_USAGE)) else None, every=0.2)
        rescue(c, *command_in(warning), code=0)
        c.kill("n1")
        c.nodes["n1"].start()  # it rests anew
        check("its ports are free", c.nodes["n1"].wait_ready())
        for id in ("n2", "n3"):
            c.nodes[id].start()
        for id in ("n2", "n3"):
            ends_as_retired(c, id)
        after = fences(c)
        check("the rescued cluster serves", min(after.values()) > max(before.values()), before, after)
