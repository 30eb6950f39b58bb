"""Chains of records below a ref, which an alias and a collection each have: read, and told what of them is published.

Each commit's first parent is the one before it, down to a root that everyone computes alike. Nothing is ever rewritten
that has been published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from gitreg.errors import RecordError, reading
from gitreg.git.objects import MissingObjectError
from gitreg.git.refs import Ref, is_ancestor
from gitreg.records import refs as names_of_refs
from gitreg.records.objects import EMPTY_TREE, GITREG_IDENTITY, Commit, Identity, Oid, hash_object
from gitreg.registry.repository import Registry


class Numbered(Protocol):
    """A record that knows its place in its chain."""

    @property
    def seq(self) -> int:
        """1 for the first."""


Record = TypeVar("Record", bound=Numbered)


@dataclass(frozen=True, slots=True)
class Step(Generic[Record]):
    """One record of a chain, its commit and its author."""

    oid: Oid
    record: Record
    by: Identity


@dataclass(frozen=True, slots=True)
class Tips:
    """Where a chain ends: here, and as the remote is known to have it. What others have gone on from is not pending."""

    pending: Ref | None
    published: Ref | None

    @property
    def now(self) -> Ref | None:
        """The one that counts."""
        return self.pending or self.published

    @property
    def is_published(self) -> bool:
        """Whether nothing is pending."""
        return self.published is not None and (self.pending is None or self.pending.oid == self.published.oid)


def root(message: str) -> Commit:
    """The commit that a chain starts at; everyone computes the same one."""
    return Commit(EMPTY_TREE, (), GITREG_IDENTITY, GITREG_IDENTITY, message)


def tips(registry: Registry, refs: Sequence[Ref]) -> Tips:
    """The pending and the published ref of a chain, of those that there are."""
    pending = next((ref for ref in refs if ref.name.startswith(names_of_refs.PENDING)), None)
    published = next((ref for ref in refs if ref is not pending), None)
    if pending and published and pending.oid != published.oid and is_ancestor(registry.git, pending.oid, published.oid):
        # it has been published, and others have gone on since
        pending = None
    return Tips(pending, published)


def is_overtaken(registry: Registry, found: Tips) -> bool:
    """Whether what is pending does not follow what is published: others have appended to the chain too."""
    return bool(
        found.pending and found.published and not is_ancestor(registry.git, found.published.oid, found.pending.oid)
    )


def walk(
    registry: Registry,
    what: str,
    tip: Oid,
    start: Commit,
    *,
    parse: Callable[[Commit], Record | None],
    follows: Callable[[Record | None, Record], bool],
) -> Iterator[Step[Record]]:
    """The records from `tip` down to the root `start`, or to where a shallow clone cuts the chain.

    `parse` gives the record of a commit, `follows` says whether a record (None: the root) may stand before another.
    Nothing when the tip is no record. Raises: RecordError when the chain is not in sequence.
    """
    end = hash_object("commit", start.encode())
    later: Record | None = None
    while tip != end:
        try:
            commit = registry.objects.commit(tip)
        except MissingObjectError:
            if later is None:
                raise
            return
        with reading(f"the history of {what} at commit {tip.short}", str(tip)):
            record = parse(commit)
        if record is None and later is None:
            return
        if record is None or (later and not (record.seq + 1 == later.seq and follows(record, later))):
            raise RecordError(f"the history of {what} is broken at commit {tip.short}", hint=_look(tip))
        yield Step(tip, record, commit.author)
        later, tip = record, commit.parents[0]
    if later and not (later.seq == 1 and follows(None, later)):
        raise RecordError(f"the history of {what} does not begin at its first record", hint=_look(tip))


def _look(tip: Oid) -> str:
    return f"it is damaged, or gitreg did not write it; to look at it: git log --first-parent {tip.short}"


def fresh(steps: Iterable[Step[Record]], known: Iterable[Step[Record]]) -> tuple[Step[Record], ...]:
    """The steps of a pending chain that are not among those of the published one, the oldest first."""
    there = {step.oid for step in known}
    found: list[Step[Record]] = []
    for step in steps:
        if step.oid in there:
            break
        found.append(step)
    return tuple(reversed(found))
