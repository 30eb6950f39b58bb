"""A default branch whose files say what aliases shall name, and people who merge into it and apply it."""

from __future__ import annotations

from collections.abc import Iterator

from desks import Desk, alias_name
from gitreg.git.objects import Batch
from gitreg.promotion.apply import Applied, apply
from gitreg.promotion.people import Told
from gitreg.promotion.wanted import FOLDER
from gitreg.records.behind import By, Merged
from gitreg.records.objects import Oid
from gitreg.records.policy import PATH
from gitreg.registry import aliases


class Team:
    """A clone from which somebody merges and applies; m:v0, m:v1 and m:v2 are published."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        for content in ("zero", "one", "two"):
            desk.log("m", content)
        desk.publish()

    def write(self, text: str | None, collection: str = "m") -> None:
        place = self.desk.path / FOLDER / f"{collection}.yaml"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text) if text is not None else place.unlink()

    def commit(self, text: str | None, collection: str = "m", message: str = "ask for a move") -> Oid:
        self.write(text, collection)
        self.desk.sh(f"git add -A .gitreg && git commit --quiet -m '{message}'")
        return self.desk.oid("HEAD")

    def merge(self, text: str | None, collection: str = "m", message: str = "ask for a move") -> Oid:
        """One commit on the default branch."""
        found = self.commit(text, collection, message)
        self.desk.sh("git push --quiet origin HEAD:main")
        return found

    def policy(self, text: str) -> Oid:
        (self.desk.path / ".gitreg").mkdir(exist_ok=True)
        (self.desk.path / PATH).write_text(text)
        self.desk.sh(
            "git add .gitreg && git commit --quiet -m 'agree on a policy' && git push --quiet origin HEAD:main"
        )
        return self.desk.oid("HEAD")

    def direct(self, reference: str, version: str | None, reason: str = "") -> None:
        """Moved past the default branch, and published."""
        self.desk.promote(reference, version, reason)
        self.desk.publish()

    def forge(self, reference: str, version: str, merged: Oid | None = None) -> None:
        """A direct move by other means than gitreg; it may say of itself that a commit asks for it."""
        registry, name, batch = self.desk.reopen(), alias_name(reference), Batch()
        now = aliases.get(registry, name)
        place = self.desk.version(f"{name.collection}:{version}").place
        by = By(merged=Merged(merged) if merged else None)
        tip = aliases.after(registry, batch, name, now, place, reason="", by=by, evidence=()).tip
        registry.objects.write(batch.objects)
        self.desk.sh(f"git push --quiet --no-verify origin {tip}:refs/gitreg/aliases/{name.ref_name}")

    def apply(
        self, head: Oid | None = None, *, base: Oid | None = None, told: Told | None = None, dry_run: bool = False
    ) -> Applied:
        return apply(self.desk.reopen(), head, base=base, told=told, dry_run=dry_run)

    def history(self, reference: str = "m:production") -> list[str]:
        """The moves that are published, the oldest first: `v3 9ab1c2d`, with the merged commit; `-` without one."""
        return list(reversed([*self._history(reference)]))

    def _history(self, reference: str) -> Iterator[str]:
        name = alias_name(reference)
        registry = self.desk.reopen()
        ref = registry.refs.get(f"{registry.tracking}aliases/{name.ref_name}")
        for step in aliases.moves(registry, name, ref.target) if ref else ():
            record = step.record
            merged = record.by.merged
            yield f"{record.now.version.label if record.now else 'nothing'} {merged.commit.short if merged else '-'}"

    def tip(self, reference: str = "m:production") -> Oid:
        return self.desk.oid(f"refs/gitreg-remotes/origin/aliases/{alias_name(reference).ref_name}")


def shown(found: Applied) -> list[str]:
    """`m:production nothing -> v1`, for each alias that was moved."""
    moves = {**found.moved, **found.earlier}
    ways = {name: [steps[0].move.old, *(step.move.new for step in steps)] for name, steps in moves.items()}
    return [
        f"{name} {' -> '.join(place.version.label if place else 'nothing' for place in way)}"
        for name, way in ways.items()
    ]


def problems(found: Applied) -> list[str]:
    return [problem.message for step in (*found.refused, *found.lost) for problem in step.move.problems]
