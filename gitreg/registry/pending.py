"""What this clone made and has not published, and bringing it in line with what others published meanwhile.

Drafts get free numbers; links, promotions and edits follow them; promotions and edits are replayed on the new tip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby

from gitreg.errors import RecordError
from gitreg.git.objects import Batch, MissingObjectError
from gitreg.git.refs import Change, Ref, is_ancestor
from gitreg.records import refs as names_of_refs
from gitreg.records.names import AliasName, RunId, VersionName, VersionNumber
from gitreg.records.objects import ZERO, Oid
from gitreg.records.records import Place
from gitreg.registry import aliases, chains, editing, runs, versions
from gitreg.registry.aliases import Link, Move
from gitreg.registry.editing import PendingCard
from gitreg.registry.repository import Registry
from gitreg.registry.runs import Run
from gitreg.registry.versions import Version

PARTED = "somebody else went on with it too, and published that; 'gitreg drop RUN' takes back what was done here"


@dataclass(frozen=True, slots=True)
class PendingAlias:
    """An alias with moves that are not published: the oldest first."""

    name: AliasName
    tip: Oid
    moves: tuple[Move, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something that stays pending, and why. `lost_race` when somebody else was faster, then what to do about it."""

    name: str
    why: str
    lost_race: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """Everything that would be published now. A run that has logged nothing yet is left out.

    Attributes:
        versions, runs, aliases, cards: what can be published.
        broken: what cannot, until somebody mends it.
        parted: the runs of these that somebody else went on with too, and published that.
    """

    versions: tuple[Version, ...]
    runs: Mapping[RunId, Run]
    aliases: tuple[PendingAlias, ...]
    cards: tuple[PendingCard, ...] = ()
    broken: tuple[Refusal, ...] = ()
    parted: frozenset[RunId] = frozenset()

    @property
    def refused(self) -> tuple[Refusal, ...]:
        """What stays here, and why."""
        return (*self.broken, *(Refusal(f"run '{self.runs[run_id].record.name}'", PARTED) for run_id in self.parted))

    def __bool__(self) -> bool:
        return bool(self.versions or self.runs or self.aliases or self.cards)


def collect(registry: Registry) -> Pending:
    """Read what is pending."""
    broken: list[Refusal] = []
    found: dict[RunId, Run] = {}
    for run_id, (tip, published) in runs.tips(registry).items():
        try:
            run = None if published else runs.chain(registry, tip)
        except (RecordError, MissingObjectError) as error:
            broken.append(Refusal(f"run '{run_id}'", str(error)))
            continue
        # a run that has only just started points at its code, which may be another run's commit
        if run and run.record.id == run_id:
            found[run_id] = run
    moved = tuple(_moved_aliases(registry, broken))
    cards = tuple(editing.pending_cards(registry, lambda name, why: broken.append(Refusal(str(name), why))))
    # after what leads to them: bytes are uploaded for these, and a run that goes on gets more
    drafts = tuple(version for version in versions.all_versions(registry) if not version.published)
    return Pending(drafts, found, moved, cards, tuple(broken), _parted(registry, found))


def _parted(registry: Registry, found: Mapping[RunId, Run]) -> frozenset[RunId]:
    """The runs that go on from one commit in two ways, here and on the remote: somebody else resumed them too."""
    tracking = registry.refs.find(registry.tracking + names_of_refs.RUNS) if found and not registry.is_server else ()
    there = {names_of_refs.parse_run(ref.name): ref.target for ref in tracking}
    return frozenset(
        run_id
        for run_id, run in found.items()
        if run.complete
        and there.get(run_id, run.tip.oid) not in {commit.oid for commit in run.commits}
        and not is_ancestor(registry.git, run.tip.oid, there[run_id])
    )


def _moved_aliases(registry: Registry, broken: list[Refusal]) -> Iterator[PendingAlias]:
    """The aliases with moves that are not published; one that cannot be, because of what it holds, goes to `broken`."""
    for ref in [] if registry.is_server else registry.refs.find(names_of_refs.PENDING + names_of_refs.ALIASES):
        name = names_of_refs.parse_alias(ref.name)
        if name is None:
            continue
        try:
            tracking = registry.refs.get(names_of_refs.alias(name, registry.tracking))
            moves = _unpublished_moves(registry, name, ref.oid, tracking)
            if moves:
                yield PendingAlias(name, ref.oid, moves)
            elif not (tracking and is_ancestor(registry.git, ref.oid, tracking.oid)):
                why = "its ref was moved by hand; 'gitreg alias set' makes that a promotion"
                broken.append(Refusal(str(name), why))
        except (RecordError, MissingObjectError) as error:
            broken.append(Refusal(str(name), str(error)))


def _unpublished_moves(registry: Registry, name: AliasName, tip: Oid, tracking: Ref | None) -> tuple[Move, ...]:
    """The moves of a pending chain that the remote does not have, the oldest first."""
    known = aliases.moves(registry, name, tracking.oid) if tracking else ()
    return chains.fresh(aliases.moves(registry, name, tip), known)


def exposed(registry: Registry, pending: Pending, pushing: Iterable[Oid] = ()) -> list[str]:
    """What publishing these runs shows to others besides results: code that is on none of the remote's branches.

    `pushing` holds commits that git is putting on branches there right now.
    """
    snapshots = [run for run in pending.runs.values() if run.record.code.snapshot]
    notes = []
    if snapshots:
        which, example = _runs(snapshots), snapshots[0].record.code.commit.short
        notes.append(f"uncommitted changes go with {which}, to be seen by: git show {example}")
    others: dict[Oid, list[Run]] = {}
    for run in pending.runs.values():
        if not run.record.code.snapshot:
            others.setdefault(run.record.code.commit, []).append(run)
    for commit, found in others.items():
        if not _is_on_a_branch(registry, commit, pushing):
            notes.append(f"commit {commit.short} goes with {_runs(found)} and is on no branch of the remote")
    return notes


def _runs(found: list[Run]) -> str:
    """`run 'a'`, `runs 'a' and 'b'`, `runs 'a', 'b' and 7 more`."""
    names = [f"'{run.record.name}'" for run in found]
    if len(names) == 1:
        return f"run {names[0]}"
    if len(names) == 2:
        return f"runs {names[0]} and {names[1]}"
    return f"runs {names[0]}, {names[1]} and {len(names) - 2} more"


def _is_on_a_branch(registry: Registry, commit: Oid, pushing: Iterable[Oid]) -> bool:
    """Whether the remote has the commit on a branch, or has it as soon as what git is pushing is there."""
    if any(is_ancestor(registry.git, commit, tip) for tip in pushing):
        return True
    known = f"refs/remotes/{registry.remote}/"
    return bool(registry.git.run("for-each-ref", "--count=1", f"--contains={commit}", "--", known))


def drop_published(registry: Registry) -> None:
    """Remove pending refs of which the remote has all, as an interrupted publishing leaves them."""
    there = {ref.name: ref.oid for ref in registry.refs.find(names_of_refs.TAGS, registry.tracking)}
    done = []
    for ref in registry.refs.find(names_of_refs.PENDING):
        if ref.name.startswith(names_of_refs.DRAFTS):
            published = there.get(ref.name.replace(names_of_refs.DRAFTS, names_of_refs.TAGS, 1))
            gone = published == ref.oid
        else:
            published = there.get(ref.name.replace(names_of_refs.PENDING, registry.tracking, 1))
            gone = published is not None and (published == ref.oid or is_ancestor(registry.git, ref.oid, published))
        if gone:
            done.append(Change(ref.name, ref.oid, ZERO))
    registry.refs.change(done)


def renumber(registry: Registry, taken: Iterable[VersionName]) -> dict[VersionName, VersionName]:
    """Give drafts whose number is taken the next free one; links, and promotions that name them, follow.

    A transaction that is killed leaves a part of its changes. Higher numbers are given first and old names go last, so
    that no draft is ever without a name; what has two then, loses the lower one here.

    Returns old name -> new name of those that changed. One transaction. Raises: RefMovedError, GitError.
    """
    top: dict[object, int] = {}
    # a tag that only this clone has took its number too, whoever made it
    here = (names_of_refs.parse_version(ref.name) for ref in registry.refs.find(names_of_refs.TAGS))
    for name in (*taken, *(name for name in here if name)):
        top[name.collection] = max(name.number, top.get(name.collection, -1))
    known = versions.all_versions(registry)
    drafts = [version for version in known if not version.published]
    twins = _twins(drafts)
    final: dict[Version, VersionName] = {}
    for collection, group in groupby(drafts, key=lambda version: version.name.collection):
        last = top.get(collection, -1)
        for draft in group:
            if draft not in twins:
                last = max(last + 1, draft.name.number)
                final[draft] = VersionName(collection, VersionNumber(last))
    names = {draft: final[twins.get(draft, draft)] for draft in drafts}
    renamed = {Place(draft.name, draft.commit): name for draft, name in names.items() if name != draft.name}
    if not renamed:
        return {}
    batch = Batch()
    old = {names_of_refs.draft(draft.name): draft.tag for draft in drafts}
    new: dict[str, Oid] = {}
    for draft in reversed(drafts):
        if draft not in twins:
            name, tag = _rename_draft(registry, batch, draft, renamed)
            new[names_of_refs.draft(name)] = tag
    places = {Place(version.name, version.commit) for version in known}
    # what a renumbering that was interrupted has renamed already, and promotions and edits still call by its old name
    moved = {(name.collection, draft.commit): name for draft, name in names.items()}

    def now(place: Place) -> Place:
        name = renamed.get(place)
        if name is None and place not in places:
            name = moved.get((place.version.collection, place.commit))
        return replace(place, version=name or place.version)

    for alias in _moved_aliases(registry, []):
        ref = names_of_refs.alias(alias.name)
        old[ref] = alias.tip
        new[ref] = _rename_moves(registry, batch, alias, now)
    for ref, (before, after) in editing.renamed(registry, batch, now).items():
        old[ref], new[ref] = before, after
    changes = [Change(ref, old.get(ref, ZERO), new.get(ref, ZERO)) for ref in {**new, **old}]
    registry.transact(batch, [change for change in changes if change.old != change.new])
    return {place.version: name for place, name in renamed.items()}


def _twins(drafts: Iterable[Version]) -> dict[Version, Version]:
    """Drafts whose commit got a higher number in a renumbering that was interrupted -> the draft with that number.

    A registered model may hold a version twice, but not twice in a row.
    """
    found: dict[Version, Version] = {}
    for _, group in groupby(drafts, key=lambda version: version.name.collection):
        highest: dict[Oid, Version] = {}
        for draft in reversed(list(group)):
            if draft.commit in highest:
                found[draft] = highest[draft.commit]
            elif draft.name.collection.space:
                highest = {draft.commit: draft}
            else:
                highest[draft.commit] = draft
    return found


def _rename_draft(
    registry: Registry, batch: Batch, draft: Version, renamed: Mapping[Place, VersionName]
) -> tuple[VersionName, Oid]:
    """The draft's new name and tag; the old ones when nothing that its tag says has changed."""
    record = versions.record(registry, draft)
    name = renamed.get(Place(draft.name, draft.commit), draft.name)
    link = record.link
    if link:
        link = replace(link, version=renamed.get(link, link.version))
    fresh = replace(record.renumbered(name.number), link=link)
    tag = draft.tag if fresh == record else batch.add(*versions.tag_object(registry, fresh, draft.commit))
    return name, tag


def _rename_moves(registry: Registry, batch: Batch, alias: PendingAlias, now: Callable[[Place], Place]) -> Oid:
    """The tip of the alias's pending moves with the versions' new names; the same tip when none is named."""

    def current(place: Place | None) -> Place | None:
        return now(place) if place else None

    places = [(current(move.record.now), current(move.record.previous)) for move in alias.moves]
    if places == [(move.record.now, move.record.previous) for move in alias.moves]:
        return alias.tip
    first = alias.moves[0]
    base = Link(registry.objects.commit(first.oid).parents[0], first.record.seq - 1, places[0][1])
    return _replay(registry, batch, alias, base, [now for now, _ in places])


def _replay(registry: Registry, batch: Batch, alias: PendingAlias, base: Link, places: Iterable[Place | None]) -> Oid:
    """Append the alias's pending moves, to `places`, after `base`; steps that change nothing are left out."""
    for move, place in zip(alias.moves, places, strict=True):
        if (place and place.commit) == (base.place and base.place.commit) and move.record.action != "adopt":
            continue
        tip = aliases.append(
            registry,
            batch,
            alias.name,
            base,
            place,
            action=move.record.action,
            reason=move.record.reason,
            by=move.record.by,
            evidence=move.record.evidence,
            author=move.by,
        )
        base = Link(tip, base.seq + 1, place)
    return base.tip


def rebase_aliases(registry: Registry) -> list[Refusal]:
    """Replay pending moves of aliases that others moved too, where the alias still names what the mover saw.

    Returns those that stay as they are, because it names something else now, or something that cannot be read.
    Raises: RefMovedError, GitError.
    """
    refused = []
    for alias in _moved_aliases(registry, []):
        try:
            why = _rebase(registry, alias)
        except (RecordError, MissingObjectError) as error:
            refused.append(Refusal(str(alias.name), str(error)))
            continue
        if why:
            hint = f"take what is there: gitreg alias reset {alias.name}; or set it again, and push again"
            refused.append(Refusal(str(alias.name), why, lost_race=True, hint=hint))
    return refused


def rebase_cards(registry: Registry) -> list[Refusal]:
    """Put pending edits of collections on top of those that others have published, field by field.

    Returns those that stay as they are, because both changed the same text. Raises: RefMovedError, GitError.
    """
    refused = []
    for card in editing.pending_cards(registry):
        try:
            conflicts = editing.rebase(registry, card)
        except (RecordError, MissingObjectError) as error:
            refused.append(Refusal(str(card.name), str(error)))
            continue
        if conflicts:
            hint = editing.way_out(card.name)
            refused.append(Refusal(str(card.name), editing.clash(conflicts), lost_race=True, hint=hint))
    return refused


def _rebase(registry: Registry, alias: PendingAlias) -> str:
    """Replay one alias's pending moves; why they must stay as they are, '' when they need not."""
    published = registry.refs.get(names_of_refs.alias(alias.name, registry.tracking))
    first = registry.objects.commit(alias.moves[0].oid).parents[0]
    if published is None or published.oid == first:
        return ""
    there = aliases.read(registry, alias.name, published, published=True)
    seen = alias.moves[0].record.previous
    if (there.place and there.place.commit) != (seen and seen.commit):
        where = there.place.version.label if there.place else "nothing"
        last = next(aliases.moves(registry, alias.name, there.tip), None)
        return f"it names {where} there now" + (f", moved by {last.by.name}" if last else "")
    batch = Batch()
    base = aliases.end_of(registry, alias.name, there, batch)
    tip = _replay(registry, batch, alias, base, [move.record.now for move in alias.moves])
    change = Change(names_of_refs.alias(alias.name), alias.tip, ZERO if tip == published.oid else tip)
    registry.transact(batch, [change])
    return ""
