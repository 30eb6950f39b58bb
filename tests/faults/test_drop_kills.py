"""A kill before each call of `gitreg drop` that changes the file system: the same command again ends where one does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from crashing import Command, World, prepared
from killpoints import Points, ends_when_repeated

from conftest import run_shell
from gitreg.registry import index, runs, versions
from gitreg.registry.repository import Registry
from gitreg.registry.runs import Run
from tally import Tally

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD is of Linux")

_STORY = """
gitreg run --name several -- sh -c '
    for n in 1 2 3; do echo $n >../x$n; gitreg put ../x$n --name x$n --type model --use data:v0; done
' >/dev/null 2>&1
"""


class DropWorld(World):
    """The world with a run of several drafts, which are not counted among what must stay."""

    def __init__(self, base: Path) -> None:
        super().__init__(base)
        self.goes_on(_STORY)
        self.several = next(run for run in self.runs() if run.record.name == "several")

    def runs(self) -> list[Run]:
        """The pending runs."""
        with Registry.opened(self.work) as registry:
            found = [runs.chain(registry, tip) for tip, _ in runs.tips(registry).values()]
        return [run for run in found if run]

    def outputs(self) -> list[str]:
        """What the run has made, by its commits and by the versions that name them."""
        with Registry.opened(self.work) as registry:
            run = runs.chain_of(registry, self.several.record.id)
            named = {item.commit: str(item.name) for item in versions.all_versions(registry)}
            for item in versions.all_versions(registry):
                versions.listing(registry, versions.details(registry, item))
            users = index.used_by(registry, self.several.inputs[0].commit)
        assert (self.several.record.id in users) == (run is not None)
        logged = set(run.outputs) if run else set()
        assert {named.get(oid) for oid in logged} == {name for name in named.values() if name.startswith("x")}
        return [named.get(oid, "nothing") for oid in run.outputs] if run else []


def _one(world: World) -> None:
    assert isinstance(world, DropWorld)
    assert world.outputs() == ["x1:v0", "x3:v0"]


def _all(world: World) -> None:
    assert isinstance(world, DropWorld)
    assert world.outputs() == []
    assert not [name for name in run_shell("gitreg ls", world.work).splitlines() if name.startswith("x")]


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> DropWorld:
    return prepared(tmp_path_factory, DropWorld)


@pytest.fixture
def points(world: DropWorld, tmp_path: Path, need: Callable[[str], str]) -> Points:
    return Points(world, tmp_path, need("cc"))


@pytest.mark.parametrize("whole", [False, True], ids=["a version of several", "a run"])
def test_a_drop_that_is_killed_ends_when_it_is_repeated(
    world: DropWorld, points: Points, tally: Tally, *, whole: bool, full: bool
) -> None:
    what = world.several.record.id if whole else "x2:v0"
    name = "gitreg drop of a run" if whole else "gitreg drop of one version of several"
    command = Command(name, ("gitreg", "drop", what), (), "to undo it", _all if whole else _one)
    ends_when_repeated(points, command, tally, sys.maxsize if full else 4)
