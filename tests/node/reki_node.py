"""Runs reki-node as a person would, one case a run: reki_node.py CASE REKI_NODE GOOD_PLUGIN FOREIGN_PLUGIN REKI"""

import fcntl
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios

import msgpack
import zmq

BINARY, GOOD, FOREIGN, COMMAND = sys.argv[2:6]
folder = tempfile.TemporaryDirectory(prefix="reki-node-test.")


def free_port():
    """One for requests, the port of whose control plane is free too."""
    while True:
        with socket.socket() as s, socket.socket() as control:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
            if port > 55535:
                continue
            try:
                control.bind(("127.0.0.1", port + 10000))
            except OSError:
                continue
            return port


def config(more="", port=None, node_more=""):
    """A file with one node; `more` begins at line 7, `node_more` is line 6. Its leases are the longer ones, for machines
    that are busy."""
    path = os.path.join(folder.name, "cluster.toml")
    with open(path, "w") as f:
        f.write(f'cluster = {{ name = "test", profile = "cloud" }}\n\n[[node]]\nid = "n1"\nlisten = "tcp://127.0.0.1:{port or free_port()}"\n'
                f"{node_more}\n{more}")
    return path


def run(*arguments, binary=BINARY, **more):
    return subprocess.run([binary, *arguments], capture_output=True, text=True, timeout=30, **more)


def refused(path, *wanted, node="n1", code=2, **more):
    """It says all of `wanted` on stderr, with and without --check, and exits with `code`."""
    for check in ([], ["--check"]):
        done = run("--config", path, "--node", node, *check, **more)
        assert done.returncode == code, done
        for text in wanted:
            assert re.search(text, done.stderr), f"{text!r} is not in {done.stderr!r}"


class Running:
    """A node that is ready."""

    def __init__(self, path, *more):
        self.process = subprocess.Popen([BINARY, "--config", path, "--node", "n1", *more], stderr=subprocess.PIPE,
                                        text=True, start_new_session=True)
        made = subprocess.run([COMMAND, "--config", path, "init", "--if-needed", "--timeout", "30s"], capture_output=True,
                              text=True)
        assert made.returncode == 0, made
        self.lines = []
        for line in self.process.stderr:
            self.lines.append(line)
            if "event=ready" in line:
                break
        else:
            raise AssertionError(f"it ended before it was ready: {self.lines}")
        self.address = re.search(r"address=(\S+)", line).group(1)
        self.pid = int(re.search(r"pid=(\d+)", line).group(1))  # the node's own, not its guard's

    def end(self, with_signal, to=os.kill):
        to(self.process.pid, with_signal)
        self.lines += self.process.stderr.readlines()
        return self.process.wait(timeout=30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def check_accepts_a_good_config():
    done = run("--config", config(f'[types.counter]\nplugin = "{GOOD}"\n'), "--node", "n1", "--check")
    assert done.returncode == 0 and "ok" in done.stdout, done


def a_config_that_is_not_there_exits_with_2():
    refused("nowhere.toml", "nowhere.toml: .*--config")


def a_folder_as_config_exits_with_2():
    refused(folder.name, "--config")


def an_unknown_key_is_named_with_its_place():
    refused(config(node_more="lisen = 3"), r"cluster\.toml:6:1: .*lisen.*did you mean 'listen'")


def a_wrong_type_is_named_with_its_place():
    refused(config(node_more='weight = "heavy"'), r"cluster\.toml:6:10: weight is .*whole number")


def a_duplicate_node_is_named_with_its_place():
    refused(config(f'[[node]]\nid = "n1"\nlisten = "tcp://127.0.0.1:{free_port()}"\n'),
            r"cluster\.toml:8:6: .*'n1' is taken.*line 4.*")


def an_unknown_node_id_lists_those_there_are():
    refused(config(), r"no \[\[node\]\] with id 'n2'.*use one of: n1", node="n2")


def a_missing_plugin_is_named_with_its_place():
    refused(config('[types.counter]\nplugin = "nowhere.so"\n'), r"cluster\.toml:8:10: .*nowhere\.so' does not exist; build it")


def a_plugin_of_another_abi_is_named_with_both():
    refused(config(f'[types.counter]\nplugin = "{FOREIGN}"\n'), r"cluster\.toml:8:10: .*abacus 3.*gcc.*build both")


def a_plugin_that_throws_while_it_is_loaded_is_named():
    plugin = os.path.join(os.path.dirname(GOOD), "throwing_at_load_plugin.so")
    refused(config(f'[types.counter]\nplugin = "{plugin}"\n'), r"throwing_at_load_plugin\.so' threw .*no number today")


def a_type_without_factory_is_named_with_its_place():
    refused(config("[types.counter]\n"), r"cluster\.toml:7:\d+: .*no factory for type 'counter'.*plugin = ")


def a_data_dir_that_its_user_may_not_write_exits_with_2():
    os.chmod(folder.name, 0o755)
    closed = os.path.join(folder.name, "closed")
    os.mkdir(closed, 0o555)
    # Where we are one whom permissions do not bind, another user: who may not reach the binary where it is.
    other = {"user": 65534, "group": 65534, "extra_groups": [], "binary": shutil.copy(BINARY, folder.name)} if os.getuid() == 0 else {}
    path = config(node_more='data_dir = "closed/n1"')
    refused(path, r"data directory '\S+/closed/n1' cannot be used: user '?\w+'? may not write '\S+/closed' \(Permission denied\)",
            r"give it to that user \(chown\), or have data_dir", **other)
    assert os.listdir(closed) == []
    refused(config(node_more='data_dir = "cluster.toml/n1"'), r"cannot make the directory '\S+cluster\.toml': Not a directory", **other)


def a_wrong_argument_exits_with_2():
    for arguments in ([], ["--config"], ["--what"], ["--config", config(), "--node", "n1", "--log-level", "loud"]):
        done = run(*arguments)
        assert done.returncode == 2 and done.stderr, done
    assert run("--help").returncode == 0


def a_port_in_use_exits_with_3():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", free_port()))
        taken.listen()
        path = config(port=taken.getsockname()[1])
        done = run("--config", path, "--node", "n1")
        assert done.returncode == 3, done
        assert re.search(r"cluster\.toml:5:10: .*in use; stop", done.stderr), done
        assert run("--config", path, "--node", "n1", "--check").returncode == 0


def a_data_directory_that_cannot_be_one_exits_with_2_and_one_in_use_with_3():
    done = run("--config", config(node_more='data_dir = "cluster.toml/below"'), "--node", "n1")
    assert done.returncode == 2 and "Not a directory" in done.stderr, done
    with Running(config(node_more='data_dir = "one"')):
        done = run("--config", config(node_more='data_dir = "one"'), "--node", "n1")
        assert done.returncode == 3 and "in use by process" in done.stderr, done


def without_a_data_dir_a_service_of_systemd_has_it_in_its_state_directory():
    state, other = (os.path.join(folder.name, name) for name in ("state", "other"))
    os.environ["STATE_DIRECTORY"] = f"{state}:{other}"
    for more, place in (("", f"{state}/test/n1"), ('data_dir = "own"', os.path.join(folder.name, "own"))):
        with Running(config(node_more=more)) as node:
            assert os.path.exists(f"{place}/lock"), place
            assert node.end(signal.SIGTERM) == 0, node.lines
    assert os.listdir(state) == ["test"] and not os.path.exists(other) and not os.path.exists(os.path.join(folder.name, "data"))


def run_in_terminal(terminal, path, *more):
    """As what a person starts in it: its foreground, and its stderr."""
    process = subprocess.Popen([BINARY, "--config", path, "--node", "n1", *more], stdin=terminal, stdout=terminal, stderr=terminal,
                               start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(terminal)
    return process


def a_terminal_that_is_closed_ends_nothing():
    for more in ((), ("--no-guard",)):
        path = config()
        window, terminal = os.openpty()
        process = run_in_terminal(terminal, path, *more)
        reki = [COMMAND, "--config", path]
        try:
            subprocess.run([*reki, "init", "--if-needed", "--timeout", "30s"], capture_output=True, check=True)
            said = b""
            while b"event=ready" not in said:
                said += os.read(window, 4096)
            os.close(window)  # SIGHUP to the whole session, and each further write to stderr fails
            for number in (signal.SIGHUP, signal.SIGUSR1):
                os.killpg(process.pid, number)
            subprocess.run([*reki, "status"], capture_output=True, check=True, timeout=30)
            assert process.poll() is None, process.returncode
            process.terminate()
            assert process.wait(timeout=30) == 0, process.returncode
        finally:
            process.kill()
            process.wait()


def close_standard_files():
    for fd in range(3):
        os.close(fd)


def without_standard_files_it_logs_into_none_of_its_own():
    path = config()
    process = subprocess.Popen([BINARY, "--config", path, "--node", "n1"], preexec_fn=close_standard_files)
    try:
        subprocess.run([COMMAND, "--config", path, "init", "--timeout", "30s"], capture_output=True, check=True)
        assert {os.readlink(f"/proc/{process.pid}/fd/{fd}") for fd in range(3)} == {"/dev/null"}
        process.terminate()
        assert process.wait(timeout=30) == 0, process.returncode
    finally:
        process.kill()
        process.wait()


def sigterm_stops_it_cleanly():
    with Running(config()) as node:
        assert node.end(signal.SIGTERM) == 0, node.lines
        assert any("event=stopped" in line for line in node.lines), node.lines


def sigint_stops_it_cleanly():
    with Running(config()) as node:
        assert node.end(signal.SIGINT) == 0, node.lines


def a_signal_to_the_whole_process_group_stops_it_cleanly():
    for number in (signal.SIGINT, signal.SIGTERM):
        with Running(config()) as node:
            assert node.end(number, to=os.killpg) == 0, node.lines
            assert any("event=stopped" in line for line in node.lines), node.lines


def its_guard_ends_as_it_does():
    with Running(config()) as node:
        assert node.pid != node.process.pid
        os.kill(node.pid, signal.SIGKILL)
        assert node.process.wait(timeout=30) == 128 + signal.SIGKILL
        assert "event=node_killed" in node.process.stderr.read()


def it_ends_with_its_guard():
    with Running(config()) as node:
        fd = os.pidfd_open(node.pid)
        node.process.kill()
        assert select.select([fd], [], [], 30)[0], "it lives on unguarded"
        os.close(fd)


def without_a_guard_it_is_the_process_that_was_started():
    with Running(config(), "--no-guard") as node:
        assert node.pid == node.process.pid
        assert node.end(signal.SIGTERM) == 0, node.lines


def it_serves_what_its_plugin_has():
    with Running(config(f'[types.counter]\nplugin = "{os.path.relpath(GOOD, folder.name)}"\n')) as node:
        peer = zmq.Context.instance().socket(zmq.DEALER)
        peer.linger = 0
        peer.rcvtimeo = 20000
        peer.connect(node.address)
        peer.send(msgpack.packb([1, "reki", 1, 1, "test", 1, "py", 5]))
        assert msgpack.unpackb(peer.recv())[0] == 2
        peer.send(msgpack.packb([4, 0, 0, [[1, 5, 5000, 0, "counter", "k", b"", "increment", msgpack.packb([4])]]]))
        reply = msgpack.unpackb(peer.recv())
        assert reply[0] == 5 and msgpack.unpackb(reply[3][0][4]) == 4, reply
        peer.send(b"garbage")
        assert msgpack.unpackb(peer.recv())[:2] == [3, 60]
        peer.close()
        assert node.end(signal.SIGTERM) == 0, node.lines
        assert any("event=malformed_frame" in line for line in node.lines), node.lines


def once_it_has_stopped_it_may_take_its_time_to_exit():
    os.environ["REKI_TEST_EXIT_MS"] = "3000"
    with Running(config(f'[types.counter]\nplugin = "{GOOD}"\n')) as node:
        del os.environ["REKI_TEST_EXIT_MS"]
        assert node.end(signal.SIGTERM) == 0, node.lines
        assert not any("event=fenced" in line for line in node.lines), node.lines


globals()[sys.argv[1]]()
