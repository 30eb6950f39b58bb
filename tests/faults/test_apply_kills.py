"""A kill before calls of `gitreg apply`: the same command again makes every move once, and none is lost."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from crashing import Command, World, prepared
from killpoints import Points, ends_when_repeated

from conftest import run_shell
from gitreg.registry import aliases
from gitreg.registry.repository import Registry
from tally import Tally

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD is of Linux")

# one request is applied, and fetched: a fetch that is killed may have brought an alias and not its version, until the
# next one. Of the two requests after it, the second takes an alias away and moves another back
_STORY = """
git clone --quiet ../server.git ../third && cd ../third
mkdir -p .gitreg/aliases/model
merge() { git add .gitreg && git commit --quiet -m "$1" && git push --quiet --no-verify origin HEAD:main; }
printf 'production: v1\\ncanary: v0\\n' >.gitreg/aliases/m.yaml && merge one
gitreg apply
(cd ../work && gitreg fetch) 2>/dev/null
printf 'production: v1\\n' >.gitreg/aliases/model/M.yaml && merge two
printf 'production: v0\\n' >.gitreg/aliases/m.yaml && merge three
"""
_HISTORY = {
    "m:canary": [("v0", "one"), ("nothing", "three")],
    "m:production": [("v0", ""), ("v1", "one"), ("v0", "three")],
    "model/M:production": [("v0", ""), ("v1", "two")],
}


class ApplyWorld(World):
    """The world with requests that are merged."""

    def __init__(self, base: Path) -> None:
        super().__init__(base)
        self.goes_on(_STORY)


def _applied(world: World) -> None:
    with Registry.opened(world.server) as registry:
        found = {
            str(alias.name): [
                (record.now.version.label if record.now else "nothing", _subject(world, record.by.merged))
                for record in (move.record for move in reversed(aliases.history(registry, alias.name)))
            ]
            for alias in aliases.every(registry)
        }
    assert found == _HISTORY


def _subject(world: World, merged: object) -> str:
    commit = getattr(merged, "commit", None)
    return run_shell(f"git log -1 --format=%s {commit}", world.server).strip() if commit else ""


COMMAND = Command("gitreg apply", ("gitreg", "apply"), (), "model/M:production: v0 -> v1", _applied)


@pytest.fixture
def points(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, need: Callable[[str], str]) -> Points:
    return Points(prepared(tmp_path_factory, ApplyWorld), tmp_path, need("cc"))


def test_an_apply_that_is_killed_ends_when_it_is_repeated(points: Points, tally: Tally, *, full: bool) -> None:
    ends_when_repeated(points, COMMAND, tally, 200 if full else 6)
