"""Redis: SET NX of new keys and GET, by redis-benchmark. redis_bench.py [--seconds S]"""
import argparse
import csv
import io
import subprocess

from peer import figure, need, server


def measure(port, name, clients, pipeline, count, command):
    done = subprocess.run(["redis-benchmark", "-p", str(port), "-n", str(count), "-c", str(clients), "-P", str(pipeline),
                           "-r", "1000000000", "--csv", *command], stdout=subprocess.PIPE, text=True, check=True)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    figure(name + ".rate", float(rows[-1]["rps"]), "1/s")
    figure(name + ".p50", float(rows[-1]["p50_latency_ms"]) * 1e6, "ns")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=1)
    seconds = parser.parse_args().seconds
    need("redis", ("redis-server", "redis-server"), ("redis-benchmark", "redis-tools"))

    def command(directory, port):
        return ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", directory]

    with server(command) as port:
        for name, request in (("set_nx", ["SET", "key:__rand_int__", "x", "NX"]), ("get", ["GET", "key:__rand_int__"])):
            # redis-benchmark wants a number of requests; these take about that long.
            measure(port, f"redis.{name}.50", 50, 1, max(1000, int(100000 * seconds)), request)
            measure(port, f"redis.{name}.16x64", 16, 64, max(1024, int(500000 * seconds)), request)


if __name__ == "__main__":
    main()
