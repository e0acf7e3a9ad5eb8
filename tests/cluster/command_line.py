"""The command `reki` as a person and as a script use it, against three nodes."""

import json
import os

from harness import COMMAND, Cluster, actor_types, check, counter_type, free_ports, say


def a_session_goes_through_all_verbs_as_json():
    with Cluster(counter_type() + actor_types()) as c:
        started = c.reki("start", "counter", "user_123")
        check("start starts", started["state"] == "started" and started["start_number"] >= 1 and started["fence"] > 0, started)
        check("start finds", c.reki("start", "counter", "user_123") == {**started, "state": "found"})
        there = c.reki("start", "--new", "counter", "user_123", code=6)["error"]
        check("start --new says that it is there, and which", there["name"] == "already_started"
              and f"fence {started['fence']} on node {started['node']}" in there["text"], there)
        check("lookup finds", c.reki("lookup", "counter", "user_123") == {**started, "state": "found"})
        check("lookup never starts", c.reki("lookup", "counter", "nobody", code=4)["error"]["name"] == "not_running")
        check("call", c.reki("call", "counter", "user_123", "increment", '{"by":2}')["reply"] == 2)
        check("call with defaults", c.reki("call", "counter", "user_123", "increment")["reply"] == 3)
        check("send", c.reki("send", "counter", "user_123", "increment", '{"by":-10}')["fence"] == started["fence"])
        check("what was sent is done", c.reki("call", "counter", "user_123", "get")["reply"] == -7)
        check("call starts", c.reki("call", "counter", "new", "get")["state"] == "started")
        check("call --no-start does not",
              c.reki("call", "--no-start", "counter", "nobody", "get", code=4)["error"]["name"] == "not_running")
        check("arguments of a start", c.reki("call", "slow", "s", "ping", "--args", '{"ms":1}')["reply"] == 1)

        owner = c.reki("owner", "counter", "user_123")
        check("owner", owner["node"] == started["node"] and owner["address"] == c.nodes[owner["node"]].address, owner)
        nodes = c.reki("nodes")
        check("nodes", [(n["node"], n["state"], n["address"]) for n in nodes["nodes"]]
              == [(n.id, "up", n.address) for n in c.nodes.values()] and nodes["cluster"] == c.name, nodes)
        status = c.reki("status")["nodes"]
        check("status of all", sorted(status) == ["n1", "n2", "n3"] and all(s["uptime_ms"] > 0 for s in status.values()), status)
        check("status counts actors", sum(s["actors"] for s in status.values()) == 3, status)
        check("status of one", list(c.reki("status", "n2")["nodes"]) == ["n2"])
        check("no such node", c.reki("status", "n9", code=2)["error"]["name"] == "invalid_argument")
        described = {t["type"]: {m["message"] for m in t["messages"]} for t in c.reki("describe")}
        check("describe", described["counter"] == {"increment", "get"} and "slow" in described, described)
        check("describe one", [t["type"] for t in c.reki("describe", "counter")] == ["counter"])

        stopped = c.reki("stop", "counter", "user_123")
        check("stop names the start that is over", stopped["fence"] == started["fence"] and stopped["state"] == "stopped")
        check("stop finds none", c.reki("stop", "counter", "user_123", code=4)["error"]["name"] == "not_running")
        check("its next start is another", c.reki("start", "counter", "user_123")["fence"] > started["fence"])
        check("it begins anew", c.reki("call", "counter", "user_123", "get")["reply"] == 0)


def keys_are_listed_page_by_page():
    with Cluster(counter_type()) as c:
        keys = [f"user_{n}" for n in range(25)] + ["Zürich", "with blank", "x" * 1024]
        for key in keys:
            c.reki("start", "counter", key)
        listed, cursor = [], ""
        for pages in range(100):
            page = c.reki("list", "counter", "--limit", "7", *(["--cursor", cursor] if cursor else []))
            check("a page is as long as asked, to the last but one", len(page["keys"]) == 7 or not page["cursor"], page)
            listed += page["keys"]
            cursor = page["cursor"]
            if not cursor:
                break
        check("all keys, once each", sorted(listed) == sorted(keys) and pages >= 3, listed, pages)
        check("--all", sorted(c.reki("list", "counter", "--all", "--limit", "3")["keys"]) == sorted(keys))
        check("--prefix", sorted(c.reki("list", "counter", "--prefix", "user_2")["keys"])
              == sorted(k for k in keys if k.startswith("user_2")))
        check("count", c.reki("count", "counter")["count"] == len(keys))
        check("count --prefix", c.reki("count", "counter", "--prefix", "user_")["count"] == 25)
        check("lines for people", sorted(c.reki("list", "counter", "--all", json_out=False).splitlines()) == sorted(keys))
        check("a foreign cursor", c.reki("list", "counter", "--cursor", "!!", code=2)["error"]["name"] == "invalid_argument")
        check("a limit of 0", "--limit" in c.run(COMMAND, "--config", c.config, "list", "counter", "--limit", 0, code=2).stderr)


def people_get_tables_and_errors_with_a_remedy():
    with Cluster(counter_type(), expected={"bad_request"}) as c:
        out = c.reki("start", "counter", "user_123", json_out=False)
        check("a table", out.splitlines()[0].split() == ["KEY", "STATE", "NODE", "START", "FENCE"] and "started" in out, out)
        check("a call prints its reply", c.reki("call", "counter", "user_123", "increment", '{"by":2}', json_out=False) == "2\n")
        check("nodes", "SHARE" in c.reki("nodes", json_out=False))
        check("count", c.reki("count", "counter", json_out=False) == "1\n")
        check("describe", "increment" in c.reki("describe", "counter", json_out=False))
        check("status", "uptime_ms" in c.reki("status", "n1", json_out=False))

        def fails(code, wanted, *words):
            done = c.run(COMMAND, "--config", c.config, *words, code=code)
            check(f"{words} prints nothing on stdout", done.stdout == "", done)
            for text in wanted:
                check(f"{words} says {text}", text in done.stderr, done.stderr)

        fails(2, ["Did you mean 'reki lookup'?"], "lokup", "counter", "x")
        fails(2, ["KEY"], "lookup", "counter")
        fails(2, ["--what"], "lookup", "counter", "x", "--what")
        fails(2, ["--timeout"], "--timeout", "soon", "count", "counter")
        fails(2, ["--timeout"], "--timeout", "0", "count", "counter")
        fails(4, ["unknown_type", "did you mean 'counter'?"], "call", "countr", "x", "get")
        fails(4, ["unknown_type"], "start", "countr", "x")
        fails(4, ["unknown_message", "did you mean 'increment'?"], "call", "counter", "x", "incremnt")
        fails(2, ["did you mean 'by'?"], "call", "counter", "x", "increment", '{"bye":2}')
        fails(2, ["by"], "call", "counter", "x", "increment", '{"by":"two"}')
        fails(2, ["JSON"], "call", "counter", "x", "increment", '{"by":')
        fails(4, ["not_running", "start it"], "lookup", "counter", "nobody")
        fails(1, ["too_large"], "start", "counter", "k" * 1025)
        fails(2, ["invalid_argument"], "start", "counter", "")
        check("nothing of all this has started anything", c.reki("count", "counter")["count"] == 1)


def what_cannot_be_written_is_an_error():
    with Cluster(counter_type()) as c:
        c.reki("start", "counter", "k")
        verbs = (["list", "counter"], ["--json", "list", "counter"], ["count", "counter"], ["call", "counter", "k", "get"], ["nodes"],
                 ["status"], ["describe"], ["owner", "counter", "k"], ["watch", "counter", "k", "--count", "1"], ["--help"])
        for words in verbs:
            for where in (">/dev/full", ">&-"):
                done = c.run("bash", "-c", f'exec "$@" {where}', "-", COMMAND, "--config", c.config, *words, code=1)
                check(f"{words} {where} says so", "cannot write to stdout" in done.stderr, done.stderr)
        # No connection has taken the number of what is closed, and nothing is written into one.
        done = c.run("bash", "-c", 'exec "$@" >&- 2>&- <&-', "-", COMMAND, "--config", c.config, "lookup", "counter", "nobody", code=4)
        check("nothing is said", done.stdout == done.stderr == "")


def texts_of_any_bytes_cannot_command_a_terminal():
    with Cluster(counter_type()) as c:
        keys = ["a\x1b[31mred", "two\nlines", "back\rspace", "c1\u009b31m", "del\x7f"]
        for key in keys:
            c.reki("start", "counter", key)
        listed = c.reki("list", "counter", json_out=False).splitlines()
        check("a line each", sorted(listed) == ["a\\x1b[31mred", "back\\rspace", "c1\\u009b31m", "del\\u007f", "two\\nlines"], listed)
        check("exact in JSON", sorted(c.reki("list", "counter")["keys"]) == sorted(keys))
        error = c.run(COMMAND, "--config", c.config, "call", "a\x1b[2J", "k", "get", code=4).stderr
        check("an error too", "\x1b" not in error and "a\\x1b[2J" in error, error)


def integers_pass_readers_that_round_them():
    with Cluster(counter_type()) as c:
        def count(by):
            return c.reki("call", "counter", "k", "increment", json.dumps({"by": by}))["reply"]
        check("up to 2^53 they are numbers", count(2**53) == 2**53)
        check("beyond they are strings", count(1) == str(2**53 + 1))
        check("which are taken too", count("-1") == 2**53 and count(str(2**53)) == str(2**54))
        check("an incarnation is one", isinstance(c.status("n1")["incarnation"], str))
        done = c.run(COMMAND, "--config", c.config, "call", "counter", "k", "increment", '{"by":"1 "}', code=2)
        check("what is no number is not", "expected" in done.stderr, done.stderr)


def addresses_and_configs_lead_to_the_right_cluster_or_are_explained():
    with Cluster(counter_type(), expected={"wrong_cluster"}) as c:
        address = c.nodes["n3"].address
        clean = {name: value for name, value in os.environ.items() if not name.startswith("REKI_C")}

        def run(*words, code=0, **more):
            return c.run(COMMAND, *words, code=code, env={**clean, **more})

        check("--connect", run("--connect", address, "--cluster", c.name, "count", "counter").stdout == "0\n")
        check("from the environment", run("count", "counter", REKI_CONNECT=address, REKI_CLUSTER=c.name).stdout == "0\n")
        check("a config in the environment", run("count", "counter", REKI_CONFIG=c.config).stdout == "0\n")
        check("options may follow the verb", json.loads(run("count", "counter", "--json", "--config", c.config).stdout)["count"] == 0)
        check("no cluster at all", "--config" in run("count", "counter", code=2).stderr)
        check("another cluster's name", "wrong_cluster" in run("--connect", address, "--cluster", "production", "status", code=2).stderr)
        nobody = f"tcp://127.0.0.1:{free_ports(1)[0]}"
        done = run("--connect", nobody, "--cluster", c.name, "--timeout", "300ms", "status", code=3)
        check("nobody there", "unreachable" in done.stderr and nobody in done.stderr, done.stderr)
        done = run("--connect", nobody, "--cluster", c.name, "--timeout", "300ms", "--json", "status", code=3)
        check("as JSON", json.loads(done.stdout)["error"]["name"] == "unreachable", done.stdout)
        run("--config", c.config, "--timeout", "1us", "start", "counter", "x", code=3)
        check("no address", run("--connect", "localhost", "--cluster", c.name, "status", code=2).stderr)

        good = run("config", "check", c.config)
        check("config check", "3 nodes" in good.stdout, good)
        bad = os.path.join(c.folder, "bad.toml")
        with open(bad, "w") as file:
            file.write('[cluster]\nname = "x"\n[[node]]\nid = "n1"\nlissten = "tcp://127.0.0.1:7101"\n')
        done = run("config", "check", bad, code=2)
        check("its mistakes with their place", f"{bad}:5:1" in done.stderr and "did you mean 'listen'" in done.stderr, done)
        check("no file", "nowhere.toml" in run("config", "check", "nowhere.toml", code=2).stderr)
        say(done.stderr)
