"""What a request would move."""

from __future__ import annotations

import pytest

from desks import Desk
from gitreg.promotion.plan import plan
from gitreg.promotion.request import Plan
from gitreg.promotion.wanted import FOLDER
from gitreg.records.objects import Oid


class Asking:
    """A clone in which somebody asks for moves, with m:v0, m:v1 and m:v2 published."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.file = desk.path / FOLDER / "m.yaml"

    def writes(self, text: str, collection: str = "m") -> None:
        place = self.desk.path / FOLDER / f"{collection}.yaml"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def commits(self, text: str, collection: str = "m") -> Oid:
        self.writes(text, collection)
        self.desk.sh("git add .gitreg && git commit --quiet -m 'ask for a move'")
        return self.desk.oid("HEAD")

    def merges(self, text: str, collection: str = "m") -> Oid:
        """What is on the default branch then."""
        found = self.commits(text, collection)
        self.desk.sh("git push --quiet origin HEAD:main")
        return found

    def plan(self, head: Oid | None = None) -> Plan:
        return plan(self.desk.reopen(), self.desk.oid("origin/main"), head)

    def __call__(self, text: str, collection: str = "m") -> Plan:
        """The plan of a working tree that says this."""
        self.writes(text, collection)
        return self.plan()


@pytest.fixture
def asking(ada: Desk) -> Asking:
    for content in ("zero", "one", "two"):
        ada.log("m", content)
    ada.publish()
    return Asking(ada)


def shown(found: Plan) -> list[str]:
    return [
        f"{move.alias} {move.old.version.label if move.old else '-'} -> {move.new.version.label if move.new else '-'}"
        for move in found.moves
    ]


def problems(found: Plan) -> list[str]:
    return [problem.message for move in found.moves for problem in move.problems]


def test_a_file_that_lists_an_alias_asks_for_its_move(asking: Asking) -> None:
    found = asking("production: v1\n")
    assert shown(found) == ["m:production - -> v1"]
    assert found.state == "pending"
    assert not found.moves[0].refused
