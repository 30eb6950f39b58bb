"""A disk that is full: one clear error, nothing half-written, and the same command works when there is room.

Once by a limit on the size of a file, which hits every write of gitreg and of the git it starts at a chosen byte, and
once on a small file system that really is full.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from conftest import Shell
from helpers import fingerprint
from tally import FAULTS, Tally

_BIG = 300_000
_LIMITED = """\
import resource, sys
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from gitreg.cli.main import main
main()
"""
_RUN = """\
import resource, sys
import gitreg
from gitreg.errors import Error
run = gitreg.init()
room = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), room[1]))
told = 0
try:
    while True:
        run.log({"loss": told})
        told += 1
except (Error, OSError) as error:
    print(f"told {told}", getattr(error, "hint", None), flush=True)
resource.setrlimit(resource.RLIMIT_FSIZE, room)
run.log({"loss": -1})
run.finish()
"""


@dataclass(frozen=True)
class Case:
    """A command, what is done before it, the paths it is there to write, and what tells that it has worked.

    `limit` is the size of a file, in bytes, that the bounded form tries.
    """

    arguments: str
    limit: int = 2000
    before: str = "true"
    writes: tuple[str, ...] = ()
    worked: str = "true"


CASES = {
    "put": Case("put model --name m --type model", worked="gitreg get m:v0 -o got && diff -r model got"),
    "alias set": Case("alias set s:production v0", 100, worked="test $(gitreg alias ls s | grep -c production) = 1"),
    "get from the cache": Case("get s:v0 -o out", writes=("out",), worked="diff seed/data out/data"),
    "get from the storage": Case(
        "get s:v0 -o out", before="rm -rf .dvc/cache", writes=("out",), worked="diff seed/data out/data"
    ),
    "push": Case(
        "push",
        before="gitreg put model --name m --type model",
        worked="git ls-remote --tags origin | grep m@v0 && rm -rf .dvc/cache .git/gitreg/keep"
        " && gitreg get m:v0 -o got && diff -r model got",
    ),
    "init": Case(
        "init --storage ../storage",
        100,
        before="git rm -rf --quiet .dvc .dvcignore && git commit --quiet -m bare && rm -rf .dvc .git/hooks/pre-push"
        " && git config --unset-all remote.origin.fetch gitreg",
        writes=(".dvc", ".dvcignore"),
        worked="for file in .dvc/.gitignore .dvcignore; do git show HEAD~:$file | cmp - $file; done"
        " && gitreg put model --name m --type model"
        " && git push && git ls-remote --tags origin | grep m@v0",
    ),
}


@pytest.fixture
def office(tmp_path: Path, sh: Shell) -> Path:
    """A folder with a server, a storage, and a clone `a` with a published version and a folder `model` to log."""
    place = tmp_path / "office"
    place.mkdir()
    sh(
        "git init --quiet --bare server.git && mkdir storage && git clone --quiet server.git a 2>&1 && cd a"
        " && gitreg init --storage ../storage && git add . && git commit --quiet -m start"
        " && git push --quiet -u origin main"
        " && mkdir seed model && seq 2000 > seed/data && echo one > model/one"
        f" && head -c {_BIG} /dev/zero | tr '\\0' x > model/two"
        " && echo '/seed /model /out /got' | tr ' ' '\\n' > .git/info/exclude"
        " && gitreg put seed --name s --type data && gitreg push",
        place,
    )
    return place


@pytest.fixture
def git_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git gets the error, as on a full disk: Python resets its children's SIGXFSZ, which would kill them."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "git").write_text(f"#!/bin/sh\ntrap '' XFSZ\nexec {shutil.which('git')} \"$@\"\n")
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def moved(office: Path, to: Path, sh: Shell) -> Path:
    """A copy of the office, whose clone is returned."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(office, to, symlinks=True)
    sh(f"sed -i 's,{office},{to},' .git/config .dvc/config && git update-index -q --refresh || true", to / "a")
    return to / "a"


def leftovers(folder: Path) -> list[str]:
    """What a command that failed must not leave."""
    return [str(path) for path in folder.rglob("*") if ".tmp" in path.name or path.suffix == ".lock"]


def refs(clone: Path, sh: Shell) -> str:
    return sh("git for-each-ref; git --git-dir=../server.git for-each-ref", clone)


def check_failed(
    done: subprocess.CompletedProcess[str], clone: Path, before: tuple[str, dict[str, str]], case: Case, sh: Shell
) -> None:
    """One error with a hint, and nothing but that."""
    lines = done.stderr.splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    # a server without room for a ref looks like one that lost a race
    failed = (1, 5) if case.arguments == "push" else (1,)
    assert done.returncode in failed, done
    assert (len(errors), done.stdout) == (1, ""), done
    assert [line for line in lines if line.startswith("hint: ")], done
    assert leftovers(clone.parent) == []
    assert refs(clone, sh) == before[0]
    assert mine(clone, case) == before[1]


def mine(clone: Path, case: Case) -> dict[str, str]:
    """Everything of the user's, except what the command is there to write."""
    mine = fingerprint(clone)
    return {
        name: value
        for name, value in mine.items()
        if not any(name.partition(" ")[2].split("/")[0] == path for path in case.writes)
    }


@pytest.mark.parametrize("name", CASES)
@pytest.mark.usefixtures("git_that_is_told")
def test_a_write_that_fails_at_any_byte_leaves_nothing_and_can_be_repeated(
    *, name: str, office: Path, tmp_path: Path, sh: Shell, tally: Tally, full: bool
) -> None:
    case = CASES[name]
    limits = [case.limit] if not full else [0, *(round(1.8**power) for power in range(22))]
    failed = 0
    for limit in limits:
        clone = moved(office, tmp_path / "copy", sh)
        sh(case.before, clone)
        before = refs(clone, sh), mine(clone, case)
        with tally.attempt(FAULTS, f"no room for more than some bytes of a file: {name}, then once more with room"):
            command = [sys.executable, "-c", _LIMITED, str(limit), *case.arguments.split()]
            done = subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)
            if done.returncode:
                failed += 1
                check_failed(done, clone, before, case, sh)
                sh(f"gitreg {case.arguments}", clone)
            sh(case.worked, clone)
    assert failed


@pytest.mark.usefixtures("git_that_is_told")
def test_steps_that_were_kept_stay_when_there_is_no_room_for_more(
    *, office: Path, sh: Shell, tally: Tally, full: bool
) -> None:
    runs = "git for-each-ref --format='%(refname)' refs/gitreg/runs"
    before = set(sh(runs, office / "a").split())
    for limit in (1000, 5000) if not full else range(700, 40_000, 1800):
        with tally.attempt(FAULTS, "no room for more steps of a run, then room"):
            printed = sh(f"{sys.executable} -c '{_RUN}' {limit}", office / "a")
            told, hint = printed.removeprefix("told ").strip().split(" ", 1)
            assert hint != "None"
            (run,) = set(sh(runs, office / "a").split()) - before
            losses = sh(f"gitreg steps {run.rpartition('/')[2]} loss --format csv", office / "a").split()[1:]
            assert [int(line.split(",")[-1]) for line in losses] == [*range(int(told)), -1]
            sh(f"git update-ref -d {run}", office / "a")


@contextlib.contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[Path]:
    """A file system of that size. Skips where none can be mounted."""
    place.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m", "gitreg-test", str(place)]
    if os.geteuid() != 0 or subprocess.run(["mount", *options], capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a file system, and not in every container")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize("name", CASES)
def test_a_disk_that_is_full_leaves_nothing_and_can_be_repeated(
    *, name: str, office: Path, tmp_path: Path, sh: Shell, tally: Tally, full: bool
) -> None:
    case = CASES[name]
    failed = 0
    if not full and name not in ("put", "push"):
        pytest.skip("only in the full form")
    with small_disk(tmp_path / "disk", 4) as disk:
        for pages in (0,) if not full else (0, 1, 2, 3, 5, 8, 13, 20, 30, 45, 60, 75, 90, 120):
            clone = moved(office, disk / "office", sh)
            sh(case.before, clone)
            before = refs(clone, sh), mine(clone, case)
            ballast = disk / "ballast"
            with tally.attempt(FAULTS, f"a full disk: {name}, then once more with room"):
                fill(ballast, pages)
                done = subprocess.run(
                    ["gitreg", *case.arguments.split()], cwd=clone, capture_output=True, text=True, check=False
                )
                ballast.unlink()
                if done.returncode:
                    failed += 1
                    check_failed(done, clone, before, case, sh)
                    sh(f"gitreg {case.arguments}", clone)
                sh(case.worked, clone)
    assert failed


def fill(ballast: Path, pages: int) -> None:
    """Take all room of a file system but so many pages."""
    found = os.statvfs(ballast.parent)
    with ballast.open("wb", buffering=0) as file:
        os.posix_fallocate(file.fileno(), 0, max(found.f_bavail - pages, 1) * found.f_frsize)
