"""Where mutants are made and judged: a git worktree with a build folder in it, below build/mutation. The tree that people work
in is never touched, whatever ends this program.
"""
import contextlib
import dataclasses
import json
import math
import os
import pathlib
import signal
import subprocess
import threading
import time

from areas import Step, once_more, steps_of, what_failed
from drawing import Mutant

BUILD_LIMIT_S = 1800
# Of a processor's time, and so much more of the clock's: on a busy machine the same tests take many times as long.
STEP_LIMIT_S, STEP_LIMIT_FACTOR, WAIT_FACTOR = 30, 5, 5


@dataclasses.dataclass(frozen=True)
class Verdict:
    what: str  # "killed", "survived", "does not compile", or "open" where not all tests were run
    by: str = ""


@dataclasses.dataclass(frozen=True)
class Run:
    ended_well: bool
    why: str  # what failed; empty if all went well
    seconds: float


class Baseline:
    """Seconds that each step takes without a mutant, kept as they are measured."""

    def __init__(self, path: pathlib.Path):
        self.path = path
        self.known = dict(map(json.loads, path.read_text().splitlines())) if path.exists() else {}

    def __contains__(self, step: Step) -> bool:
        return " ".join(step.command) in self.known

    def __getitem__(self, step: Step) -> float:
        return self.known[" ".join(step.command)]

    def __setitem__(self, step: Step, seconds: float) -> None:
        self.known[" ".join(step.command)] = seconds
        with open(self.path, "a") as file:
            file.write(json.dumps([" ".join(step.command), seconds]) + "\n")


class Workshop:
    """The tree of one commit, without or with one mutant in it. One thread; one at a time of them in a build folder."""

    def __init__(self, root: pathlib.Path, commit: str, jobs: int, place: pathlib.Path | None = None):
        self.place = place or root / "build/mutation"
        # As deep in its tree as any preset's, so that ccache has what those have compiled.
        self.tree, self.log = self.place / "tree", self.place / "log"
        self.build_folder = self.tree / "build/mutation"
        self.jobs, self.apart = jobs, apart()
        self.place.mkdir(parents=True, exist_ok=True)
        self.baseline = Baseline(self.place / f"baseline-{commit[:12]}.jsonl")
        self._check_out(root, commit)

    def sources(self) -> dict[str, str]:
        names = subprocess.check_output(["git", "ls-files", "core", "actor", "net", "node", "client"], cwd=self.tree, text=True)
        return {name: (self.tree / name).read_text() for name in names.split() if name.endswith((".cpp", ".hpp"))}

    def configure(self) -> None:
        command = ["cmake", "-S", self.tree, "-B", self.build_folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
                   "-DCMAKE_CXX_FLAGS_DEBUG=-O0 -g0", "-DREKI_WERROR=ON", "-DREKI_PCH=ON", *linker_options()]
        if self._logged(command, BUILD_LIMIT_S) != 0:
            raise SystemExit(f"error: the tree does not configure: see {self.log}")

    def judge(self, mutant: Mutant, steps_max: int = 100) -> Verdict:
        """As far as it takes: the first test that fails is enough."""
        path, steps = self.tree / mutant.path, steps_of(mutant.path, self.tree)
        before = path.read_text()
        try:
            for step in steps[:steps_max]:
                if step not in self.baseline:
                    put(path, before)
                    self._measure(step)
                put(path, mutant.applied_to(before))
                if not self._build(step):
                    return Verdict("does not compile") if step is steps[0] else Verdict("killed", f"the build for {step.name}")
                run = self._run(step, STEP_LIMIT_S + STEP_LIMIT_FACTOR * self.baseline[step])
                if not run.ended_well:
                    return Verdict("killed", f"{step.name}: {run.why}")
        finally:
            put(path, before)
        return Verdict("survived" if len(steps) <= steps_max else "open", ", ".join(step.name for step in steps[:steps_max]))

    def _check_out(self, root: pathlib.Path, commit: str) -> None:
        if not (self.tree / ".git").exists():
            subprocess.run(["git", "worktree", "prune"], cwd=root, check=True)
            subprocess.run(["git", "worktree", "add", "--quiet", "--detach", self.tree, commit], cwd=root, check=True)
        subprocess.run(["git", "checkout", "--quiet", "--force", "--detach", commit], cwd=self.tree, check=True)

    def _measure(self, step: Step) -> None:
        """What fails without a mutant says nothing about one."""
        if not self._build(step):
            raise SystemExit(f"error: without a mutant {step.name} does not build: see {self.log}")
        run = self._run(step, 1800)
        if not run.ended_well:
            raise SystemExit(f"error: without a mutant {step.name} fails: {run.why}")
        self.baseline[step] = run.seconds

    def _build(self, step: Step) -> bool:
        return self._logged(["ninja", "-C", self.build_folder, f"-j{self.jobs}", *step.targets], BUILD_LIMIT_S) == 0

    def _run(self, step: Step, limit_s: float) -> Run:
        run = self._run_once(step, limit_s)
        if not step.twice or run.ended_well or run.why.startswith(("more than", "SIGXCPU")):
            return run
        return self._run_once(once_more(step, run.why), limit_s)

    def _run_once(self, step: Step, limit_s: float) -> Run:
        start = time.monotonic()
        program = str(self.build_folder / step.command[0]) if "/" in step.command[0] else step.command[0]
        processor_s = math.ceil(limit_s)
        command = [*self.apart, "prlimit", f"--cpu={processor_s}:{processor_s + 10}", program, *step.command[1:]]
        limit_s *= WAIT_FACTOR
        failed = ""
        with group(command, self.build_folder, limit_s) as (process, too_late):
            for line in process.stdout:
                failed = failed or what_failed(line) or ""
                if failed and step.command[0] != "ctest":
                    break  # the rest would say no more; but clusters are to clear up
            else:
                process.wait()
        seconds = time.monotonic() - start
        if too_late.is_set():
            failed = f"more than {limit_s:.0f} s"
        elif not failed and process.returncode != 0:
            failed = how_ended(process.returncode)
        return Run(not failed, failed, seconds)

    def _logged(self, command: list, limit_s: float) -> int:
        with open(self.log, "w") as log, group(command, self.place, limit_s) as (process, _):
            for line in process.stdout:
                log.write(line)
            return process.wait()


def put(path: pathlib.Path, text: str) -> None:
    """Leaves a file alone that has this text, so that nothing is built for it."""
    if path.read_text() != text:
        path.write_text(text)


@contextlib.contextmanager
def group(command: list, folder: pathlib.Path, limit_s: float):
    """A command with all its children, which end with this block or after the limit."""
    too_late = threading.Event()
    process = subprocess.Popen(command, cwd=folder, text=True, errors="replace", stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)

    def kill() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    def end() -> None:
        too_late.set()
        kill()

    timer = threading.Timer(limit_s, end)
    timer.start()
    try:
        yield process, too_late
    finally:
        timer.cancel()
        kill()
        process.stdout.close()
        process.wait()


def apart() -> list[str]:
    """Before a command: where the system lets us, its processes see no others, so that no mutant can harm them, and all end with it."""
    for options in ([], ["--user", "--map-root-user"]):
        words = ["unshare", *options, "--pid", "--fork", "--kill-child", "--mount-proc"]
        with contextlib.suppress(OSError):
            if subprocess.run([*words, "true"], capture_output=True).returncode == 0:
                return [*words, "sh", "-c", '"$@"; exit $?', "sh"]
    return []


def how_ended(code: int) -> str:
    with contextlib.suppress(ValueError):
        if code < 0 or code > 128:
            return signal.Signals(-code if code < 0 else code - 128).name
    return f"exit code {code}"


def linker_options() -> list[str]:
    """A fast linker where there is one: most of what a mutant takes is linking."""
    for name, option in (("ld.lld", "lld"), ("ld.gold", "gold")):
        if any(os.access(os.path.join(folder, name), os.X_OK) for folder in os.get_exec_path()):
            return [f"-DCMAKE_{kind}_LINKER_FLAGS=-fuse-ld={option}" for kind in ("EXE", "SHARED", "MODULE")]
    return []
