"""`gitreg fsck` against damage that nobody chose, and beside somebody who works."""

from __future__ import annotations

import itertools
import os
import random
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from damaging import DRAFT, Ground, flip, told
from forge import STORY, Forge
from forgeries import FORGERIES

from conftest import run_shell
from gitreg.health.fsck import fsck
from gitreg.registry.repository import Registry
from tally import FAULTS, Tally

WRITER = """
set -eu
n=0
while [ $n -lt $1 ]; do
    n=$((n + 1))
    echo "weights $n" >../busy.bin
    gitreg run --use digits:latest -- gitreg put ../busy.bin --name busy --type model
    gitreg alias set busy:production latest
    [ $((n % 2)) = 0 ] || gitreg push
done
"""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Ground]]:
    with told(tmp_path_factory) as again:
        yield again


def shorten(path: Path) -> None:
    path.chmod(0o644)
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    path.chmod(0o644)
    os.truncate(path, 0)


def overwrite(path: Path) -> None:
    """Zeros, as a file system leaves what it had not written yet."""
    path.chmod(0o644)
    path.write_bytes(bytes(path.stat().st_size))


WAYS: dict[str, Callable[[Path], None]] = {
    "flipped": flip,
    "cut short": shorten,
    "emptied": empty,
    "zeroed": overwrite,
    "deleted": Path.unlink,
}


def objects(ground: Ground) -> list[Path]:
    """The Git objects that are gitreg's own: tags, and what belongs to runs and aliases; not the code."""
    refs = "--glob=refs/gitreg --glob=refs/gitreg-remotes --tags"
    ours = ground.git(f"rev-list --objects {refs} --not main").splitlines()
    tags = ground.git(f"rev-parse digits@v0 mnist@v0 model/Digits@v0 {DRAFT}").splitlines()
    code = set(ground.git("rev-list --objects main").split())
    empty_tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    names = {line.split()[0] for line in (*ours, *tags)} - code - {empty_tree}
    return [ground.loose(name) for name in sorted(names)]


def refs(ground: Ground) -> list[Path]:
    names = ground.git("for-each-ref --format='%(refname)' refs/gitreg refs/tags").split()
    return [ground.work / ".git" / name for name in names]


def unpublished(ground: Ground) -> list[Path]:
    """The cached bytes that exist nowhere else."""
    return sorted(
        path for path in (ground.work / ".dvc" / "cache").rglob("*") if path.is_file() and path.stat().st_nlink > 1
    )


def _is_missed(name: Path) -> bool:
    """Whether anything here knows that a file was there: not of a tag, which others may delete, nor of an alias."""
    return not {"tags", "aliases"} & set(name.parts)


@pytest.mark.parametrize(
    ("what", "places"),
    [("a Git object", objects), ("a ref", refs), ("unpublished bytes", unpublished)],
)
def test_one_damaged_file_is_always_found(
    what: str, places: Callable[[Ground], list[Path]], fresh: Callable[[], Ground], tally: Tally, *, full: bool
) -> None:
    ground = fresh()
    names = [path.relative_to(ground.folder) for path in places(ground)]
    assert names
    tries = [(name, way) for name, way in itertools.product(names, WAYS) if way != "deleted" or _is_missed(name)]
    random.Random(7).shuffle(tries)
    for name, way in tries if full else tries[:12]:
        ground = fresh()
        target = ground.folder / name
        with tally.attempt(FAULTS, f"fsck finds: {what} {way}"):
            WAYS[way](target)
            if way == "deleted" and what == "unpublished bytes":
                md5 = f"{target.parent.name}{target.name}"
                (ground.work / ".git" / "gitreg" / "keep" / md5[:2] / md5[2:]).unlink()
            found = ground.findings()
            assert any(item.severity == "error" for item in found), (name, way, found)


def test_every_forged_record_is_named_and_hides_no_other(tmp_path: Path, tally: Tally, *, full: bool) -> None:
    run_shell(STORY, tmp_path)
    forge = Forge(tmp_path / "repo")
    forged = {f"bad{at}": item for at, item in enumerate(FORGERIES[:: 1 if full else 12])}
    for name, item in forged.items():
        item.make(forge, name)
    forge.write()
    here = run_shell("git for-each-ref --format='%(refname)' refs/tags", tmp_path / "repo").split()
    with Registry.opened(tmp_path / "repo") as registry:
        report = fsck(registry)
    words = [f"{item.subject} {item.problem}" for item in report.findings if item.severity != "note"]
    assert not [line for line in words if re.search(r"\b(data|good|model/Good)\b", line)]
    assert max(map(len, words)) < 1000
    named = {name for line in words for name in re.findall(r"\bbad[0-9]+\b", line)}
    for name, item in forged.items():
        # Git itself refuses a ref on some of them
        if item.refused and f"refs/tags/{name}@v0" in here:
            with tally.attempt(FAULTS, f"fsck finds what somebody forged: {item.family}"):
                assert name in named, item.case


def test_there_is_no_false_alarm_beside_somebody_who_works(
    fresh: Callable[[], Ground], tally: Tally, *, full: bool
) -> None:
    ground = fresh()
    rounds = 40 if full else 2
    writer = subprocess.Popen(
        ["sh", "-c", WRITER, "sh", str(rounds)], cwd=ground.work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    with tally.attempt(FAULTS, "fsck beside a clone that logs, promotes and publishes: no false alarm"):
        while writer.poll() is None:
            assert [item for item in ground.findings() if item.severity != "note"] == []
        output = writer.communicate()[0]
        assert writer.returncode == 0, output
        assert [item for item in ground.findings() if item.severity != "note"] == []
