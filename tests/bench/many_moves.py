"""Measure what planning a request costs that moves many aliases of a large registry, all of them behind gates.

The registry has 100,000 versions in 200 collections, with a run each, and every collection an alias that the request
moves to the newest version.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from crowd import crowd
from gitreg.git.objects import Batch
from gitreg.git.refs import Change
from gitreg.records import refs as names_of_refs
from gitreg.records.names import AliasName, CollectionName, VersionName, VersionNumber
from gitreg.records.objects import ZERO
from gitreg.registry import aliases, versions
from gitreg.registry.repository import Registry

POLICY = """
aliases:
  production:
    protected: true
    gates: {accuracy: ">= 0.1", val_loss: {no_regression: 10, job_type: train}}
    inputs: [data]
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--collections", type=int, default=200)
    parser.add_argument("--versions", type=int, default=500, help="of each collection")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        repo = Path(place)
        _repository(repo, options.versions, options.collections)
        _ask(repo, options.versions - 1, options.collections)
        print(f"{options.collections * options.versions:,} versions, {options.collections} aliases to move")
        print("| | seconds | CPU seconds | bytes | git commands |\n|---|--:|--:|--:|--:|")
        for form in ("text", "json", "markdown"):
            found = [_plan(repo, form) for _ in range(options.rounds)]
            wall, cpu = (statistics.median(times) for times in list(zip(*found, strict=True))[:2])
            print(f"| `--format {form}` | {wall:.1f} | {cpu:.1f} | {found[0][2]:,} | {found[0][3]} |")


def _repository(repo: Path, count: int, collections: int) -> None:
    for key, value in {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}.items():
        os.environ[key] = value
    for who in ("AUTHOR", "COMMITTER"):
        os.environ[f"GIT_{who}_NAME"] = os.environ[f"GIT_{who}_EMAIL"] = "bench"
    _run(repo, "git init --quiet -b main")
    (repo / ".gitreg").mkdir()
    (repo / ".gitreg" / "policy.yaml").write_text(POLICY)
    _run(repo, "git add .")
    _run(repo, "git commit --quiet -m start")
    _run(repo, f"git remote add origin {repo / 'server.git'}")
    _run(repo, "git update-ref refs/remotes/origin/main HEAD")
    crowd(repo, versions=count, collections=collections, remote="origin")
    with Registry.opened(repo) as registry:
        batch, changes = Batch(), []
        batch.add("tree", b"")
        for version in versions.all_versions(registry):
            if version.name.number == 0 and version.name.collection.name != "data":
                name = AliasName(version.name.collection, "production")
                base = aliases.Link(batch.add("commit", aliases.root(name).encode()), 0, None)
                tip = aliases.append(registry, batch, name, base, version.place)
                changes.append(Change(names_of_refs.alias(name, registry.tracking), ZERO, tip))
        registry.transact(batch, changes)


def _ask(repo: Path, number: int, collections: int) -> None:
    folder = repo / ".gitreg" / "aliases"
    folder.mkdir()
    for at in range(collections):
        name = VersionName(CollectionName.parse(f"model_{at:04}"), VersionNumber(number))
        (folder / f"{name.collection}.yaml").write_text(f"production: {name.label}\n")


def _plan(repo: Path, form: str) -> tuple[float, float, int, int]:
    """Seconds, CPU seconds, bytes of the answer, and how many git commands it took."""
    used, started = _cpu(), time.perf_counter()
    command = [sys.executable, "-m", "gitreg", "--trace", "plan", "--format", form]
    done = subprocess.run(command, cwd=repo, capture_output=True, check=False)
    if done.returncode != 3:
        raise SystemExit(done.stderr.decode().splitlines()[-2:])
    return time.perf_counter() - started, _cpu() - used, len(done.stdout), done.stderr.count(b" ms  git ")


def _cpu() -> float:
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


def _run(repo: Path, line: str) -> None:
    subprocess.run(line.split(), cwd=repo, check=True, capture_output=True)


if __name__ == "__main__":
    main()
