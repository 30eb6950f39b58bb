"""What a request would move: files against the aliases that the registry remote is known to have.

Data is read and nothing else: nothing of what a request holds is run, checked out or followed, so that a stranger's may
be planned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property

from gitreg.errors import RecordError, SettingsError
from gitreg.git import revisions
from gitreg.promotion import gates, merged, requested, source, touched, wanted
from gitreg.promotion.merged import Merged, Said
from gitreg.promotion.moving import Mover
from gitreg.promotion.published import Published
from gitreg.promotion.request import Move, Plan, Problem
from gitreg.promotion.source import Wanted
from gitreg.promotion.wanted import NEVER, Entry
from gitreg.records.names import AliasName
from gitreg.records.objects import Oid
from gitreg.records.policy import Policy
from gitreg.registry import aliases, mainline, subjects
from gitreg.registry import policy as policies
from gitreg.registry.aliases import Alias
from gitreg.registry.repository import Registry

COMPARED = 50
_NOTHING = Wanted({}, (), {})


def plan(registry: Registry, base: Oid | None, head: Oid | None, *, compare: bool = False) -> Plan:
    """What would move if the files of `head` were merged into `base`, and what `base` wants already.

    Args:
        base: whose policy counts, and whose files were there before; None in a repository without any commit.
        head: whose files say what is wanted; None for the working tree.
        compare: look up, of the first COMPARED moves, what differs besides the metrics.

    Raises: Error where aliases are not known here, MissingObjectError in a clone that lacks a part of either commit.
    """
    published = Published(registry)
    fork, notes = _fork(registry, base, head)
    # most requests began at the base, and what is asked for drift is the base
    files = {commit: source.at(registry, commit) for commit in {fork, base, head} if commit}
    began, before = (files[commit] if commit else _NOTHING for commit in (fork, base))
    found = merged.merge(before, began, files[head] if head else source.in_worktree(registry))
    policy, broken, told = _policies(registry, base, fork, head)
    moves = list(_Planner(Mover(published), policy, found, fork, COMPARED if compare else 0).moves())
    return Plan(
        base,
        head,
        moves=tuple(move for move, said in moves if said.origin != "base"),
        drift=tuple(move for move, said in moves if said.origin == "base"),
        broken=(*broken, *found.broken),
        notes=(*notes, *told),
    )


def _fork(registry: Registry, base: Oid | None, head: Oid | None) -> tuple[Oid | None, tuple[str, ...]]:
    """Where the request began, and what is to be said of that."""
    tip = head or registry.objects.at("HEAD")
    if not base or not tip:
        return base, ()
    fork = revisions.merge_base(registry.git, base, tip)
    if fork:
        return fork, ()
    # without it, what was merged since the request began looks as if the request took it back
    return base, (f"where {tip.short} parts from {base.short} is not known here: fetch more of their history",)


def _policies(
    registry: Registry, base: Oid | None, fork: Oid | None, head: Oid | None
) -> tuple[Policy, list[SettingsError], tuple[str, ...]]:
    """The policy that counts, what is wrong with it or with the one that the request brings, and what is to be said."""
    broken: list[SettingsError] = []
    found = Policy()
    try:
        found = policies.at(registry, base)
    except SettingsError as error:
        broken.append(error)
    note, wrong = touched.policy(registry, base, fork, head)
    broken += [wrong] if wrong else []
    # of the working tree git would have to be asked file by file
    notes = (note, touched.review(registry, fork, head) if head else "")
    return found, broken, tuple(filter(None, notes))


class _Planner:
    """Makes the moves of a plan.

    Attributes:
        mover: says of each whether it may be made.
        policy: what counts.
        found: what is wanted.
        fork: where the request began.
        compare: of how many more it is looked up what differs besides the metrics.
    """

    def __init__(self, mover: Mover, policy: Policy, found: Merged, fork: Oid | None, compare: int) -> None:
        self.mover = mover
        self.published = mover.published
        self.policy = policy
        self.found = found
        self.fork = fork
        self._now: dict[AliasName, Alias | RecordError | None] = {}
        self.compare = compare

    def moves(self) -> Iterator[tuple[Move, Said]]:
        """Every alias that is to move, with what is said of it; by collection and alias."""
        unknown = self.found.unknown
        if unknown is None:
            return
        names = sorted({*self.found.said, *self.published.aliases})
        for name, _ in self.published.reads(names):
            self._now[name] = self._alias(name)
        known = [alias for alias in self._now.values() if isinstance(alias, Alias)]
        asked = [said.entry.version for said in self.found.said.values() if said.entry and said.entry.version]
        self.published.know([*asked, *(alias.place.version for alias in known if alias.place)])
        for name in names:
            if name.collection not in unknown:
                said = self.found.of(name)
                move = self._move(name, said)
                if move:
                    yield move, said

    def _alias(self, name: AliasName) -> Alias | RecordError | None:
        try:
            return self.published.alias(name)
        except RecordError as error:
            return error

    def _move(self, name: AliasName, said: Said) -> Move | None:
        """The move that is to be made, None where there is nothing to do."""
        now, entry = self._now.get(name), said.entry
        if isinstance(now, RecordError):
            return self._unreadable(name, None, entry, now) if entry else None
        tip = now.tip if now else None

        def stale(entry: Entry) -> Problem | None:
            # what has been merged is not made anew; `apply` says whether it still may
            if said.origin == "base":
                return None
            late = requested.stale(entry, tip)
            return None if late and tip and self._saw(name, tip, entry.after) else late

        history = (step.record for step in aliases.moves(self.published.registry, name, tip)) if tip else ()
        try:
            move = self.mover.move(name, now, entry, policy=self.policy, history=history, stale=stale)
            move = self._detailed(move) if move and said.origin != "base" else move
        except RecordError as error:
            move = self._unreadable(name, now, entry, error)
        if move and said.origin == "both":
            return replace(move, problems=(*move.problems, _conflict(name, said.other)))
        return move

    def _saw(self, name: AliasName, tip: Oid, after: str) -> bool:
        """Whether all moves after `after` were merged before the request began, as for a revert; `apply` asks that."""
        for step in aliases.moves(self.published.registry, name, tip):
            if str(step.oid).startswith(after):
                return True
            merged = step.record.by.merged
            if merged is None or merged.commit not in self._before:
                return False
            if step.record.seq == 1:
                return after == NEVER
        return False

    @cached_property
    def _before(self) -> Mapping[Oid, int]:
        """The commits of the default branch that the request is on top of."""
        return mainline.line(self.published.registry, self.fork) if self.fork else {}

    def _unreadable(self, name: AliasName, now: Alias | None, entry: Entry | None, error: RecordError) -> Move:
        """An alias, or a version of it, whose records are no such: nothing is known of it, so it stays where it is."""
        return Move(
            name,
            old=now.place if now else None,
            new=None,
            tip=now.tip if now else None,
            path=wanted.path_of(name.collection),
            entry=entry,
            protected=self.policy.rule(name).protected,
            problems=(Problem(str(error), error.hint or ""),),
        )

    def _detailed(self, move: Move) -> Move:
        """The same with what tells how good both versions are, and of the first few also what else differs."""
        old, new = (self.published.of(place) if place else None for place in (move.old, move.new))
        if new is None:
            return move
        measured = gates.metrics(self.mover.evidence, self.policy, self.policy.rule(move.alias), old, new)
        if old is None or not self.compare:
            return replace(move, metrics=measured)
        self.compare -= 1
        registry = self.published.registry
        pair = (subjects.of_version(registry, version) for version in (old, new))
        return replace(move, metrics=measured, comparison=subjects.comparison(registry, *pair))


def _conflict(name: AliasName, other: wanted.Entry | None) -> Problem:
    said = other.version.label if other and other.version else "nothing"
    return Problem(
        f"'{name}' has been changed to {said} since this request began", "merge the default branch, and choose"
    )
