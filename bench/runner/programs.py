"""Runs the programs of bench/: each prints its figures as JSON lines."""

import json
import os
import subprocess

LONGEST = 900  # seconds; a program that takes longer hangs


class Failed(Exception):
    pass


class Programs:
    """The programs of one build."""

    def __init__(self, source, build):
        self.source = source
        self.build = build
        self.folders = [os.path.join(build, "bench", name) for name in ("remote", "local", "yardsticks")]

    def command_of(self, name):
        """The first words of the command line; None: there is no such program."""
        if name.endswith(".py"):
            return ["/usr/bin/python3", "-B", os.path.join(self.source, "bench", "yardsticks", name)]
        path = self.path(name)
        return [path] if path else None

    def path(self, name):
        """None: there is no such program."""
        for folder in self.folders:
            if os.path.isfile(path := os.path.join(folder, name)):
                return path
        return None

    @property
    def node(self):
        return os.path.join(self.build, "node", "reki-node")

    @property
    def command(self):
        return os.path.join(self.build, "client", "cli", "reki")

    @property
    def echo_plugin(self):
        return os.path.join(self.build, "bench", "remote", "bench_echo.so")

    def run(self, words):
        """Its lines, as dicts. A program that was not built, because a package is missing, is skipped with a word."""
        command = self.command_of(words[0])
        if command is None:
            return [{"skipped": words[0], "why": f"{words[0]} is not built"}]
        done = subprocess.run([*command, *words[1:]], capture_output=True, text=True, timeout=LONGEST)
        if done.returncode != 0:
            raise Failed(f"{' '.join(words)}: exit code {done.returncode}\n{done.stderr}")
        return lines_of(done.stdout)

    def begin(self, words):
        """A process whose stdout is to be read."""
        return subprocess.Popen([self.path(words[0]), *words[1:]], stdout=subprocess.PIPE, text=True)


def lines_of(text):
    return [json.loads(line) for line in text.splitlines()]
