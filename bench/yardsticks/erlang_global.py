"""Erlang's `global`: names over two nodes on this machine. erlang_global.py [--seconds S]

An epmd of its own, on a free port: one that runs already is left alone.
"""
import argparse
import os
import pathlib
import subprocess
import tempfile

from peer import need, server

HERE = pathlib.Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=1)
    seconds = parser.parse_args().seconds
    need("erlang", ("erlc", "erlang-base"), ("epmd", "erlang-base"))

    def command(_, port):
        return ["epmd", "-port", str(port), "-address", "127.0.0.1"]

    with server(command) as port:
        environment = dict(os.environ, ERL_EPMD_PORT=str(port), ERL_EPMD_ADDRESS="127.0.0.1", ERL_CRASH_DUMP_BYTES="0",
                           ERL_FLAGS="-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}")
        with tempfile.TemporaryDirectory(prefix="bench_") as directory:
            subprocess.run(["erlc", "-o", directory, str(HERE / "bench_global.erl")], check=True)
            subprocess.run(["erl", "-noinput", "-pa", directory, "-run", "bench_global", "main", str(int(seconds * 1000))],
                           env=environment, check=True, timeout=60 + 10 * seconds)


if __name__ == "__main__":
    main()
