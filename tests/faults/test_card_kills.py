"""A kill before calls of `gitreg delete`, and of a push of edits: the same command again ends where one does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from crashing import Command, World
from test_kill_points import Points

from conftest import run_shell
from gitreg.records.names import CollectionName
from gitreg.records.objects import Oid
from gitreg.registry import cards, versions
from gitreg.registry.repository import Registry
from tally import FAULTS, Tally

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD is of Linux")

_SOURCE = Path(__file__).with_name("killpoint.c")
M = CollectionName.parse("m")
# both clones say something of m; in `work` of drafts, too, which get other numbers when they are published
_STORY = """
(cd ../other && gitreg edit m --tag theirs && gitreg edit m:v1 --tag other && gitreg push) 2>/dev/null
(gitreg edit m --tag ours --description words && gitreg edit m:v1 --tag one && gitreg edit m:v2 --tag two) 2>/dev/null
"""


class CardWorld(World):
    """The world with edits of collections."""

    def __init__(self, base: Path) -> None:
        super().__init__(base)
        run_shell(_STORY, self.work)
        shutil.rmtree(self._prepared)
        self.folder.rename(self._prepared)
        self.restore()


def _deleted(world: World) -> None:
    with Registry.opened(world.work) as registry:
        state = cards.state(registry, M)
        (gone,) = state.deleted
        stone = state.deletion(gone)
        assert stone
        assert (str(gone.version), stone.reason) == ("m:v2", "wrong")
        # their edits are not here yet, and ours all stay
        assert [edit.record.action for edit in cards.edits(registry, M, _tip(registry))] == ["delete", *["edit"] * 3]


def _tip(registry: Registry) -> Oid:
    (ref,) = [ref for ref in cards.refs_of(registry, M) if ref.name.startswith("refs/gitreg/")]
    return ref.oid


def _published(world: World) -> None:
    assert run_shell("git for-each-ref refs/gitreg", world.work) == ""
    with Registry.opened(world.server) as registry:
        state = cards.state(registry, M)
        assert (state.notes().description, set(state.notes().tags)) == ("words", {"ours", "theirs"})
        said = [state.notes(version.place).tags for version in versions.all_versions(registry, M)]
        # of two versions a server that is killed may have got the second, and the first gets a higher number
        assert (said[:2], {*said[2:]}) == ([(), ("other",)], {("one",), ("two",)})
        seqs = [edit.record.seq for edit in cards.edits(registry, M, _tip(registry))]
        assert seqs == [5, 4, 3, 2, 1]


COMMANDS = (
    Command(
        "gitreg delete",
        ("gitreg", "delete", "m:v2", "--reason", "wrong"),
        (),
        "undo with: gitreg undelete",
        _deleted,
    ),
    Command("gitreg push of edits", ("gitreg", "push"), (), "published 2 versions", _published),
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cards")


_WORLD: list[CardWorld] = []


@pytest.fixture
def world(base: Path) -> CardWorld:
    if not _WORLD:
        _WORLD.append(CardWorld(base))
    _WORLD[0].restore()
    return _WORLD[0]


@pytest.fixture
def points(world: CardWorld, tmp_path: Path, need: Callable[[str], str]) -> Points:
    library = tmp_path / "killpoint.so"
    subprocess.run([need("cc"), "-shared", "-fPIC", "-O1", "-o", library, _SOURCE, "-ldl"], check=True)
    return Points(world, library)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_an_edit_that_is_killed_ends_when_it_is_repeated(
    world: CardWorld, points: Points, tally: Tally, command: Command, *, full: bool
) -> None:
    points.run(command, 0, group=False)
    command.done(world)
    total = len(points.calls())
    assert total > 10
    most = min(total, 200) if full else 4
    for at in sorted({1 + step * (total - 1) // (most - 1) for step in range(most)}):
        ended = points.run(command, at, group=at % 2 == 0)
        print(f"call {at} of {total}: {points.calls()[-1]}\n{ended.code} {ended.text}")  # noqa: T201 - for a failure
        with tally.attempt(FAULTS, f"killed during {command.name}"):
            assert world.problems() == []
            again = world.run(command)
            if again.code not in (0, 6) and world.locks():
                for lock in world.locks():
                    os.utime(lock, (lock.stat().st_atime - 120, lock.stat().st_mtime - 120))
                run_shell("gitreg doctor --fix >/dev/null 2>&1", world.work)
                for lock in world.locks():
                    lock.unlink()
                again = world.run(command)
            # it was deleted already
            assert again.code in (0, 6), again.text
            command.done(world)
            assert world.problems() == []
