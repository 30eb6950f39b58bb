"""Measure the step history: what `run.log`, `finish` and reading it cost. In a repository of its own.

The clocks run around the calls, not around the process; CPU time is that of its threads, too.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gitreg

METRICS = ("loss", "accuracy", "val/loss", "val/accuracy", "lr")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100_000, help="calls of run.log in a run")
    parser.add_argument("--rounds", type=int, default=5, help="runs")
    options = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as place:
        _repository(Path(place))
        for _ in range(options.rounds):
            for what, wall, cpu in _measure(options.calls):
                found.setdefault(what, []).append((wall, cpu))
    print(f"medians of {options.rounds} runs with {options.calls:,} calls and {len(METRICS)} metrics")
    print("CPU time is without that of other processes")
    for what, times in found.items():
        wall, cpu = (statistics.median(column) for column in zip(*times, strict=True))
        unit, factor = ("us a call", 1e6 / options.calls) if what == "run.log" else ("ms", 1e3)
        print(f"{what:24} {wall * factor:9.2f} {unit}, {cpu * factor:9.2f} {unit} of CPU")


def _repository(place: Path) -> None:
    for name, value in {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}.items():
        os.environ[name] = value
    for who in ("AUTHOR", "COMMITTER"):
        os.environ[f"GIT_{who}_NAME"] = os.environ[f"GIT_{who}_EMAIL"] = "bench"
    os.chdir(place)
    for command in ("git init --quiet", "git commit --quiet --allow-empty -m start"):
        subprocess.run(command.split(), check=True, capture_output=True)
    subprocess.run([sys.executable, "-m", "gitreg", "init"], check=True, capture_output=True)


def _measure(calls: int) -> Iterator[tuple[str, float, float]]:
    """What is measured, with the seconds and the CPU seconds that it took."""
    taken: list[tuple[str, float, float]] = []

    @contextmanager
    def clocked(what: str) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        taken.append((what, time.perf_counter() - wall, time.process_time() - cpu))

    run = gitreg.init()
    with clocked("run.log"):
        for step in range(calls):
            done = step / calls
            run.log(dict.fromkeys(METRICS, 1 / (1 + 10 * done) + step % 7 / 1000))
    with clocked("finish"):
        run.finish()
    found = gitreg.Api().run(run.id)
    with clocked("one metric of all steps"):
        assert sum(1 for _ in found.scan_history(keys=["loss"])) == calls
    with clocked("500 samples of all"):
        assert len(found.history(pandas=False)) == min(calls, 500)
    with clocked("gitreg show"):
        subprocess.run(["gitreg", "show", run.id], check=True, capture_output=True)
    return iter(taken)


if __name__ == "__main__":
    main()
