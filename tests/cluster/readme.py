"""The session in README.md, typed as it stands there, answers as it stands there."""

import os
import re

from harness import COMMAND, SOURCE, Cluster, check, counter_type


def session():
    """[(command, output)] of the block under `<!-- session -->`."""
    with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as readme:
        block = re.search(r"<!-- session -->\n```\n(.*?)```\n", readme.read(), re.S)[1]
    parts = re.split(r"^\$ (.*)\n", block, flags=re.M)[1:]
    return list(zip(parts[::2], parts[1::2]))


def shape(text):
    """Without what differs from run to run: fences, and the node that a key is on, which goes by the cluster's name."""
    return [re.sub(r"\d{10,}", "FENCE", re.sub(r"\bn[123]\b", "NODE", line)).split() for line in text.splitlines()]


def the_readmes_session_answers_as_written():
    commands = session()
    check("the README has a session", len(commands) >= 5, commands)
    with Cluster(counter_type(), expected={"bad_request"}) as c:
        environment = dict(os.environ, REKI_CONFIG=c.config, PATH=os.path.dirname(COMMAND) + ":" + os.environ["PATH"])
        for command, expected in commands:
            check("a reki command", command.startswith("reki "), command)
            done = c.run("sh", "-c", command + ' 2>&1 || test $? -eq 4', env=environment)
            check(f"`{command}` answers as written", shape(done.stdout) == shape(expected), done.stdout, expected)
