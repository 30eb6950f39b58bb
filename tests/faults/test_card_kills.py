"""A kill before calls of `gitreg delete`, and of a push of edits: the same command again ends where one does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from crashing import Command, World, prepared
from killpoints import Points, ends_when_repeated

from conftest import run_shell
from gitreg.records.names import CollectionName
from gitreg.records.objects import Oid
from gitreg.registry import cards, versions
from gitreg.registry.repository import Registry
from tally import Tally

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD is of Linux")

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
        self.goes_on(_STORY)


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


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> CardWorld:
    return prepared(tmp_path_factory, CardWorld)


@pytest.fixture
def points(world: CardWorld, tmp_path: Path, need: Callable[[str], str]) -> Points:
    return Points(world, tmp_path, need("cc"))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_an_edit_that_is_killed_ends_when_it_is_repeated(
    world: CardWorld, points: Points, tally: Tally, command: Command, *, full: bool
) -> None:
    ends_when_repeated(points, command, tally, 200 if full else 4)
