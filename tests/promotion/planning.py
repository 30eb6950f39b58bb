"""What the tests of plans share."""

from __future__ import annotations

from applying import Team

from desks import Desk
from gitreg.promotion.plan import plan
from gitreg.promotion.request import Move, Plan
from gitreg.records.objects import Oid
from gitreg.records.records import Place


class Asking(Team):
    """A clone from which somebody asks for moves; m:v0, m:v1 and m:v2 are published."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.git = desk.git

    def plan(self, head: str | None = None, base: str = "origin/main") -> Plan:
        """The plan of a revision, or of the working tree."""
        return plan(self.desk.reopen(), self.desk.oid(base), self.desk.oid(head) if head else None)

    def __call__(self, text: str | None, collection: str = "m") -> Plan:
        """The plan of a working tree whose file says this."""
        self.write(text, collection)
        return self.plan()

    def on_branch(self, name: str, text: str | None, collection: str = "m") -> Oid:
        """A request on a branch of its own; the default branch is checked out then."""
        self.desk.sh(f"git checkout --quiet -b {name}")
        found = self.commit(text, collection)
        self.desk.sh("git checkout --quiet main")
        return found


def shown(moves: tuple[Move, ...]) -> list[str]:
    """`m:production v0 -> v1`, for each."""
    return [f"{move.alias} {_label(move.old)} -> {_label(move.new)}" for move in moves]


def _label(place: Place | None) -> str:
    return place.version.label if place else "nothing"


def problems(found: Plan) -> list[str]:
    """What is wrong with the moves."""
    return [problem.message for move in found.moves for problem in move.problems]


def hints(found: Plan) -> list[str]:
    """What to do about it."""
    return [problem.hint for move in found.moves for problem in move.problems]
