"""Measure gitreg beside wandb's offline mode: `make bench`. Linux, because a process must adopt its grandchildren.

Each task (workloads.py) runs in a process of its own in a directory and a home that were empty (for gitreg: an empty
repository with one commit), the two packages in turn. What a task costs is what its process and everything that it
started cost, until the last of them is gone. Files and bytes are what is on disk afterwards and was not before.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import platform
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path

from workloads import TASKS

PACKAGES = ("gitreg", "wandb")
HERE = Path(__file__).parent
_PR_SET_CHILD_SUBREAPER = 36
_BIG = 1_000_000_000
_MANY, _SMALL = 10_000, 2048


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process cost.

    Attributes:
        wall, cpu: seconds; `cpu` is user and system time of all its processes.
        files: files on disk that were not there before, hard links counted once.
        megabytes: what they take on disk, in 10^6 bytes.
    """

    wall: float
    cpu: float
    files: float
    megabytes: float


HEADINGS = ("seconds", "CPU seconds", "files", "MB on disk")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", choices=[*TASKS, []], help="tasks to run; all without any")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is run")
    parser.add_argument("--output", type=Path, help="a file for the table, which is printed too")
    options = parser.parse_args()
    if ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        sys.exit("error: this system cannot adopt grandchildren, whose CPU time would be missed")
    with tempfile.TemporaryDirectory(prefix="gitreg-bench-") as folder:
        table = measure(Path(folder), options.tasks or list(TASKS), options.rounds)
    print(table, end="")
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(table)


def measure(folder: Path, tasks: Iterable[str], rounds: int) -> str:
    """All tasks, as a table in Markdown."""
    inputs = make_inputs(folder / "inputs")
    machine = f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} processors"
    load = f"load {os.getloadavg()[0]:.1f} at the start"
    lines = [
        f"{machine}, {load}; {', '.join(map(version, PACKAGES))}; medians of {rounds} rounds",
        "",
        f"| task | | {' | '.join(HEADINGS)} |",
        f"|---|---|{'--:|' * len(HEADINGS)}",
    ]
    for task in tasks:
        costs: dict[str, list[Cost]] = {package: [] for package in PACKAGES}
        for number in range(rounds + 1):
            # who goes first changes, and the first round only warms up
            for package in PACKAGES[:: 1 if number % 2 else -1]:
                print(f"{task} {package} {number} of {rounds}", file=sys.stderr)
                cost = run(folder / "place", package, task, inputs)
                if number:
                    costs[package].append(cost)
        lines += rows(task, costs)
    return "\n".join(lines) + "\n"


def rows(task: str, costs: dict[str, list[Cost]]) -> list[str]:
    """A line for each package, with the range of the times, and one for their ratio (gitreg's by wandb's)."""
    medians = {
        package: [statistics.median(column) for column in zip(*map(astuple, found), strict=True)]
        for package, found in costs.items()
    }
    lines = []
    for package, (wall, cpu, files, megabytes) in medians.items():
        spread = f"{min(cost.wall for cost in costs[package]):.2f} to {max(cost.wall for cost in costs[package]):.2f}"
        lines.append(f"| {task} | {package} | {wall:.2f} ({spread}) | {cpu:.2f} | {files:.0f} | {megabytes:.1f} |")
    pairs = zip(*(medians[package] for package in PACKAGES), strict=True)
    ratios = (f"{mine / theirs:.2f}" if theirs else "-" for mine, theirs in pairs)
    return [*lines, f"| | ratio | {' | '.join(ratios)} |"]


def run(place: Path, package: str, task: str, inputs: Path) -> Cost:
    """Run a task in an empty place. Raises: CalledProcessError."""
    home, work = place / "home", place / "work"
    home.mkdir(parents=True)
    work.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
    }
    if package == "gitreg":
        repository(work, environment)
    before = on_disk(place)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    command = [sys.executable, str(HERE / "workloads.py"), package, task, str(inputs)]
    subprocess.run(command, cwd=work, env=environment, check=True, stdout=sys.stderr)
    adopt()
    wall = time.perf_counter() - start
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    after = on_disk(place)
    shutil.rmtree(place)
    new = after.keys() - before.keys()
    cpu = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    return Cost(wall, cpu, len(new), sum(after[inode] for inode in new) / 1e6)


def adopt() -> None:
    """Wait for what the process left behind."""
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


def repository(work: Path, environment: dict[str, str]) -> None:
    """A repository with one commit, as `gitreg init` sets it up."""
    for command in (
        ["git", "init", "--quiet", "--initial-branch=main"],
        ["git", "config", "user.name", "Bench"],
        ["git", "config", "user.email", "bench@localhost"],
        ["git", "commit", "--quiet", "--allow-empty", "--message=start"],
        [sys.executable, "-m", "gitreg", "init", "--quiet"],
    ):
        subprocess.run(command, cwd=work, env=environment, check=True, stdout=sys.stderr)


def on_disk(place: Path) -> dict[int, int]:
    """Inode -> bytes on disk of each file below."""
    found = {}
    for path in place.rglob("*"):
        if path.is_file() and not path.is_symlink():
            status = path.stat()
            found[status.st_ino] = status.st_blocks * 512
    return found


def make_inputs(inputs: Path) -> Path:
    """What the tasks log: a file of 10^9 bytes and 10,000 of 2 KiB, all of noise, none like another."""
    noise = random.Random(0)
    (inputs / "many").mkdir(parents=True)
    with (inputs / "big.bin").open("wb") as big:
        for _ in range(_BIG // 10_000_000):
            big.write(noise.randbytes(10_000_000))
    for number in range(_MANY):
        (inputs / "many" / f"{number:05}.bin").write_bytes(noise.randbytes(_SMALL))
    return inputs


def version(package: str) -> str:
    from importlib.metadata import version

    return f"{package} {version(package)}"


if __name__ == "__main__":
    main()
