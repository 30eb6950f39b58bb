"""What is unpublished here and needs something else that is unpublished: asked before anything is taken back."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from gitreg.errors import RecordError
from gitreg.records import refs as names_of_refs
from gitreg.records.names import AliasName, CollectionName, RunId
from gitreg.records.objects import Oid
from gitreg.records.records import Place, RunRecord, Use, VersionRecord
from gitreg.registry import going, pending, runs, versions
from gitreg.registry.repository import Registry
from gitreg.registry.runs import Run, RunCommit
from gitreg.registry.versions import Version


@dataclass(frozen=True, slots=True)
class Need:
    """Something unpublished that needs a version.

    Attributes:
        words: what it is, for people: `link 'model/M:v0'`.
        command: what takes it back; empty for a run that goes on.
        link, run: set for those, which others may need in turn.
    """

    words: str
    command: str
    link: Version | None = None
    run: RunId | None = None


class Unpublished:
    """What a clone has and has not published, read once.

    Attributes:
        runs: those with commits, by id.
        live: the records of those that go on here, or were killed and not recovered, by id.
        logged: the versions that are no links.
    """

    def __init__(self, registry: Registry) -> None:
        found = pending.collect(registry)
        self._registry = registry
        self._aliases = found.aliases
        self.runs: Mapping[RunId, Run] = found.runs
        own: dict[Version, VersionRecord] = {}
        for item in versions.own(registry, found.versions):
            # 'gitreg fsck' says what is wrong with it
            with contextlib.suppress(RecordError):
                own[item] = versions.record(registry, item)
        self.logged = tuple(item for item, record in own.items() if not record.link)
        self._links = tuple(item for item, record in own.items() if record.link)
        self._all = versions.all_versions(registry)
        self._published = frozenset(version.commit for version in self._all if version.published)
        self.live = {run_id: item.record for run_id, item in going.everything(registry).items()}
        self._by_hand = tuple(registry.refs.find(names_of_refs.PENDING + names_of_refs.ALIASES))

    def commits_of(self, run: Run) -> tuple[RunCommit, ...]:
        """The commits of a run that are not published: its end."""
        tracking = self._registry.refs.get(names_of_refs.run(run.record.id, self._registry.tracking))
        there = runs.chain(self._registry, tracking.target) if tracking else None
        known = self._published | {commit.oid for commit in (there.commits if there else ())}
        first = max((at + 1 for at, commit in enumerate(run.commits) if commit.oid in known), default=0)
        return run.commits[first:]

    def of_commits(self, commits: Collection[Oid], *, run: RunId) -> list[Need]:
        """What needs any of these commits, which belong to `run`, apart from the run itself."""
        found = [_link(item) for item in self._links if item.commit in commits]
        moved = {alias.name for alias in self._aliases for move in alias.moves if _names(move.record.now, commits)}
        found += [_alias(name) for name in sorted(moved | self._moved_by_hand(commits))]
        found += [self._run(item) for item in self._users(commits, None) if item.id != run]
        return found

    def of_link(self, link: Version) -> list[Need]:
        """What needs a link: moves of its collection's aliases to it, and runs that used the version by its name."""
        collection = link.name.collection
        twins = [item for item in self._all if item.name.collection == collection and item.commit == link.commit]
        moved = {
            alias.name
            for alias in self._aliases
            if alias.name.collection == collection
            and any(move.record.now and move.record.now.version == link.name for move in alias.moves)
        }
        users: list[RunRecord] = []
        if len(twins) == 1:
            moved |= {name for name in self._moved_by_hand({link.commit}) if name.collection == collection}
            users = list(self._users({link.commit}, collection))
        return [*(_alias(name) for name in sorted(moved)), *map(self._run, users)]

    def in_order(self, needs: Iterable[Need]) -> list[Need]:
        """These and all that need them in turn, in the order in which they can be taken back."""
        done: dict[Need, None] = {}
        seen: set[Need] = set()

        def visit(need: Need) -> None:
            if need in seen:
                return
            seen.add(need)
            for other in self._of(need):
                visit(other)
            done[need] = None

        for need in sorted(needs, key=lambda need: (need.run is not None, need.link is not None)):
            visit(need)
        return list(done)

    def _of(self, need: Need) -> list[Need]:
        if need.link:
            return self.of_link(need.link)
        run = self.runs.get(need.run) if need.run else None
        return self.of_commits({commit.oid for commit in self.commits_of(run)}, run=run.record.id) if run else []

    def _users(self, commits: Collection[Oid], collection: CollectionName | None) -> Iterator[RunRecord]:
        """The runs that used one of these commits (by this collection's name), logged it again, or started there."""
        for record in {**{run.record.id: run.record for run in self.runs.values()}, **self.live}.values():
            run = self.runs.get(record.id)
            held = (*record.inputs, *record.reused, *((*run.inputs, *run.reused) if run else ()))
            if _uses(held, commits, collection) or (collection is None and record.code.commit in commits):
                yield record

    def _run(self, record: RunRecord) -> Need:
        words = f"run '{record.name}' ({record.id})"
        if record.id in self.live:
            return Need(f"{words}, which goes on,", "", run=record.id)
        return Need(words, f"gitreg drop {record.id}", run=record.id)

    def _moved_by_hand(self, commits: Collection[Oid]) -> set[AliasName]:
        """The aliases whose pending ref points straight at one of these commits."""
        found = (names_of_refs.parse_alias(ref.name) for ref in self._by_hand if ref.target in commits)
        return {name for name in found if name}


def _names(place: Place | None, commits: Collection[Oid]) -> bool:
    return place is not None and place.commit in commits


def _uses(found: Iterable[Use], commits: Collection[Oid], collection: CollectionName | None) -> bool:
    return any(use.commit in commits and collection in (None, use.version.collection) for use in found)


def _link(version: Version) -> Need:
    return Need(f"link '{version.name}'", f"gitreg drop {version.name}", link=version)


def _alias(name: AliasName) -> Need:
    return Need(f"alias '{name}'", f"gitreg alias reset {name}")
