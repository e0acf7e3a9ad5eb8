"""What the programs that measure other systems share: a server of their own on free ports, ended with them."""
import contextlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time


def figure(name, value, unit):
    print(json.dumps({"name": name, "value": value, "unit": unit}), flush=True)


def need(what, *programs):
    """Ends the program with the line for what cannot be measured, unless all of these are installed."""
    for program, package in programs:
        if shutil.which(program) is None:
            print(json.dumps({"skipped": what, "why": f"{package} is not installed"}))
            sys.exit(0)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    with socket.socket() as s:
        s.settimeout(1)
        return s.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def server(command, ports=1):
    """Runs `command(directory, port...)` in a directory of its own until the first of its ports answers.

    Another program may take a port between its choice and its use: then the server ends, and is started anew.
    """
    with tempfile.TemporaryDirectory(prefix="bench_") as directory:
        for _ in range(3):
            chosen = [free_port() for _ in range(ports)]
            child = subprocess.Popen(command(directory, *chosen), cwd=directory, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
            try:
                end = time.monotonic() + 10
                while child.poll() is None and time.monotonic() < end and not answers(chosen[0]):
                    time.sleep(0.02)
                if child.poll() is None and answers(chosen[0]):
                    yield chosen[0]
                    return
            finally:
                child.send_signal(signal.SIGKILL)
                child.wait()
        sys.exit("error: the server does not start")
