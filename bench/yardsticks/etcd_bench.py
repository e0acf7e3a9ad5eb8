"""etcd: put-if-absent of new keys and get, 64 clients at its JSON gateway. etcd_bench.py --client PROGRAM [--seconds S]"""
import argparse
import subprocess

from peer import need, server


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--client", required=True, help="the program etcd_load")
    parser.add_argument("--seconds", default="1")
    options = parser.parse_args()
    need("etcd", ("etcd", "etcd-server"))

    def command(directory, port, peer_port):
        return ["etcd", "--data-dir", directory, "--listen-client-urls", f"http://127.0.0.1:{port}",
                "--advertise-client-urls", f"http://127.0.0.1:{port}", "--listen-peer-urls", f"http://127.0.0.1:{peer_port}",
                "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer_port}",
                "--initial-cluster", f"default=http://127.0.0.1:{peer_port}", "--log-level", "error"]

    with server(command, ports=2) as port:
        subprocess.run([options.client, "--url", f"http://127.0.0.1:{port}", "--seconds", options.seconds], check=True)


if __name__ == "__main__":
    main()
