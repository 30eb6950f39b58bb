"""Publishing: bytes first, then versions and runs, then each alias and each collection's edits; then pending refs go.

Every step can be repeated, and an interrupted publishing is completed by the next one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial

from gitreg.data.config import Storage
from gitreg.data.storage import open_storage
from gitreg.errors import DamagedObjectError, MissingBytesError, RecordError, StorageError, UsageError
from gitreg.git.objects import MissingObjectError
from gitreg.git.refs import RefMovedError
from gitreg.git.transport import Outcome, Push
from gitreg.records import refs as names_of_refs
from gitreg.records.names import AliasName, VersionName
from gitreg.records.objects import Oid
from gitreg.records.policy import Policy
from gitreg.records.records import Place
from gitreg.registry import aliases, cards, contents, editing, history, policy, versions
from gitreg.registry.editing import PendingCard
from gitreg.registry.fetch import Fetched, fetch
from gitreg.registry.pending import (
    Pending,
    Refusal,
    collect,
    drop_published,
    exposed,
    rebase_aliases,
    rebase_cards,
    renumber,
)
from gitreg.registry.pushing import is_race, push_lfs, push_units, settle, units_of
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version

# Somebody can publish between our fetch and our push, each time; more often than this is not bad luck.
_ROUNDS = 8


@dataclass(slots=True)
class Report:
    """What a publishing did.

    Attributes:
        versions, aliases, cards: published now, under their final names.
        edits: how many of collections were published.
        runs: how many runs were published or extended.
        renumbered: old name -> new name.
        refused: what stays pending, and why.
        objects, bytes, places: what was uploaded, and where to.
        warnings: what a reader of the published runs will miss or see unexpectedly.
    """

    versions: list[VersionName] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    cards: list[str] = field(default_factory=list)
    edits: int = 0
    runs: int = 0
    renumbered: dict[VersionName, VersionName] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    objects: int = 0
    bytes: int = 0
    places: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def publish(
    registry: Registry,
    *,
    leave: frozenset[str] = frozenset(),
    pushing: Iterable[Oid] = (),
) -> Report:
    """Publish everything that is pending, except the remote refs in `leave`, which somebody else is pushing.

    `pushing` holds the tips of the branches among these. What is refused stays pending and is reported.

    Raises: UsageError without a registry remote or storage, StorageError and GitError when storage or remote cannot be
    reached; nothing is half-published then.
    """
    report = Report()
    for _ in range(_ROUNDS - 1):
        # another command of this clone may be at work too
        with contextlib.suppress(RefMovedError):
            if not _round(registry, leave, pushing, report):
                break
    else:
        report.refused += _round(registry, leave, pushing, report)
    registry.refs.pack_if_many()
    return report


def _round(registry: Registry, leave: frozenset[str], pushing: Iterable[Oid], report: Report) -> list[Refusal]:
    """Try to publish what is pending; what was not, only because somebody else was faster."""
    fetched = fetch(registry, leave=leave)
    drop_published(registry)
    _note_renumbered(report, renumber(registry, _taken(fetched)))
    report.refused = [*rebase_aliases(registry), *rebase_cards(registry)]
    pending = collect(registry)
    report.refused += pending.broken
    left = (item for item in versions.all_versions(registry) if names_of_refs.version_tag(item.name) in leave)
    behind = _upload(registry, pending, list(versions.own(registry, left)), report)
    if not pending:
        return []
    report.warnings = exposed(registry, pending, pushing)
    raced = _push_units(registry, pending, leave, behind, report)
    raced += _push_aliases(registry, pending, leave, report)
    return raced + _push_cards(registry, pending, leave, report)


def _raced(name: str, failed: Iterable[Outcome]) -> Refusal | None:
    """The refusal of something that somebody else changed on the remote, if this goes on; None for another reason."""
    races = [outcome for outcome in failed if is_race(outcome)]
    if not races:
        return None
    # somebody's push at this moment has it, or one that was killed
    locked = next((outcome.words for outcome in races if ".lock': File exists" in outcome.words), None)
    if locked:
        return Refusal(name, f"the remote refused it: {locked}")
    return Refusal(name, "it had changed on the remote, or had no room there, each time it was tried", lost_race=True)


def _taken(fetched: Fetched) -> Iterator[VersionName]:
    return (name for name in map(names_of_refs.parse_version, fetched.tags) if name)


def _note_renumbered(report: Report, renamed: dict[VersionName, VersionName]) -> None:
    first = {new: old for old, new in report.renumbered.items()}
    for old, new in renamed.items():
        report.renumbered[first.get(old, old)] = new


def _upload(registry: Registry, pending: Pending, left: list[Version], report: Report) -> dict[Oid, str]:
    """Send what the storages lack, and let go of what protects it here.

    Returns the commits of pending versions that must stay behind, because their bytes are nowhere, with words for it.
    Raises: StorageError, MissingBytesError for a version of `left`, UsageError without a storage.
    """
    needed, behind, called = _objects(registry, pending, left)
    for storage, objects in needed.items():
        place = open_storage(registry.project, storage)
        try:
            sent = place.upload(registry.cache, objects.items(), registry.progress, called)
        except DamagedObjectError as error:
            # It is as good as gone, and holds back no more than an object that is gone.
            for md5 in error.md5s:
                registry.cache.quarantine(md5)
            return _upload(registry, pending, left, report)
        except StorageError as error:
            error.hint = error.hint or f"nothing was published; storage is {storage}"
            raise
        registry.cache.release(objects)
        if sent and storage.url not in report.places:
            report.places.append(storage.url)
        report.objects += len(sent)
        report.bytes += sum(size or 0 for _, size in sent)
    return behind


def _objects(
    registry: Registry, pending: Pending, left: list[Version]
) -> tuple[dict[Storage, contents.Needed], dict[Oid, str], dict[str, str]]:
    """The objects that must be on each storage before anything is pushed, and the versions that lack theirs.

    Last, what people call the objects.
    """
    needed: dict[Storage, contents.Needed] = {}
    behind: dict[Oid, str] = {}
    names: dict[str, str] = {}
    for version in {item.commit: item for item in (*reversed(pending.versions), *left)}.values():
        found = versions.details(registry, version)
        storage = _known(contents.storage_of(registry, found))
        try:
            objects = contents.needed(registry, found)
            contents.make_directory_object(registry, found)
            lost = _nowhere(registry, storage, objects)
            called = contents.names(registry, found)
        except MissingBytesError as error:
            # a large manifest: without it nobody knows which objects there are
            objects, lost, called = {}, list(error.md5s), {}
        if lost and version not in left:
            behind[version.commit] = _lost(registry, version, storage, {called.get(md5, md5): md5 for md5 in lost})
        else:
            needed.setdefault(storage, {}).update(objects)
            names |= {md5: f"{version.name}/{path}" for md5, path in called.items()}
    for run in pending.runs.values():
        pointer = history.pointer(registry, run.end.tree) if run.end else None
        if run.end and pointer:
            storage = _known(contents.storage_in(registry, run.end.tree))
            needed.setdefault(storage, {})[pointer.md5] = pointer.size
            names[pointer.md5] = f"history of run {run.record.name}"
    return needed, behind, names


def _nowhere(registry: Registry, storage: Storage, objects: contents.Needed) -> list[str]:
    """Those of the objects that are neither in the cache nor on the storage."""
    absent = [(md5, size) for md5, size in objects.items() if not registry.cache.has(md5, size)]
    return [md5 for md5, _ in open_storage(registry.project, storage).missing(absent)] if absent else []


def _lost(registry: Registry, version: Version, storage: Storage, lost: dict[str, str]) -> str:
    """Words for a version some of whose objects (what they are called -> DVC hash) are nowhere."""
    first = min(lost)
    more = f" and {len(lost) - 1} more of its objects are" if len(lost) > 1 else " is"
    aside = registry.cache.aside(lost[first])
    damaged = f" (what was here is damaged, and now '{aside}')" if aside.exists() else ""
    return f"'{first}' of '{version.name}'{more} neither here nor on {storage}{damaged}; log the files again"


def _known(storage: Storage | None) -> Storage:
    if storage is None:
        raise UsageError(
            "there is no storage to publish the bytes to", hint="set one: gitreg init --storage URL_OR_PATH"
        )
    return storage


def _push_units(
    registry: Registry, pending: Pending, leave: frozenset[str], behind: dict[Oid, str], report: Report
) -> list[Refusal]:
    """Push versions and runs; what was not taken because somebody else was faster."""
    units = units_of(pending, leave)
    push_lfs(registry, pending, units)
    by_ref = {names_of_refs.version_tag(version.name): version.name for version in pending.versions}
    raced: list[Refusal] = []
    accepted: list[Push] = []
    for unit, outcomes, why in push_units(registry, units, behind):
        if why:
            report.refused.append(Refusal(unit.name, why))
            continue
        there = {outcome.ref for outcome in outcomes if outcome.ok}
        accepted += (push for push in unit.pushes if push.ref in there)
        failed = [outcome for outcome in outcomes if not outcome.ok]
        race = _raced(unit.name, failed)
        if race:
            raced.append(race)
        elif failed:
            # the others of the unit failed only because this one did
            first = next((outcome for outcome in failed if "atomic push fail" not in outcome.words), failed[0])
            which = f" '{first.ref.removeprefix(names_of_refs.TAGS)}'" if len(unit.pushes) > 1 else " it"
            report.refused.append(Refusal(unit.name, f"the remote refused{which}: {first.words}"))
    moved = settle(registry, accepted)
    done = [push.ref for push in accepted if push.ref not in moved]
    report.versions += (by_ref[ref] for ref in done if ref in by_ref)
    report.runs += sum(ref not in by_ref for ref in done)
    return raced


def _push_aliases(registry: Registry, pending: Pending, leave: frozenset[str], report: Report) -> list[Refusal]:
    """Push promotions, each by itself; what was not taken because somebody else was faster."""
    found = []
    rules = cache(partial(policy.current, registry))
    for alias in pending.aliases:
        now = alias.moves[-1].record.now
        line = f"{alias.name} -> {now.version.label if now else 'nothing'}"
        why = _or_why(partial(_is_protected, rules, alias.name))
        why = why or (_or_why(partial(_is_gone, registry, now)) if now else "")
        places = [move.record.now for move in alias.moves if move.record.now]
        found.append(_Chain(str(alias.name), names_of_refs.alias(alias.name), alias.tip, places, line, why))
    accepted, raced = _push_chains(registry, found, leave, report)
    report.aliases += [chain.line for chain in accepted]
    return raced


def _push_cards(registry: Registry, pending: Pending, leave: frozenset[str], report: Report) -> list[Refusal]:
    """Push edits of collections, each by itself, after the aliases, which what is deleted may have lost."""
    found = []
    for card in pending.cards:
        places = [step.record.version for step in card.edits if step.record.version]
        line = f"{card.name}: {editing.words(card.edits)}"
        why = _or_why(partial(_still_named, registry, card))
        found.append(_Chain(str(card.name), names_of_refs.card(card.name), card.tip, places, line, why))
    accepted, raced = _push_chains(registry, found, leave, report)
    report.cards += [chain.line for chain in accepted]
    there = {chain.ref for chain in accepted}
    report.edits += sum(len(card.edits) for card in pending.cards if names_of_refs.card(card.name) in there)
    return raced


def _or_why(ask: Callable[[], str]) -> str:
    """Its answer, or why it cannot be told: one thing that somebody broke on the remote holds back no other."""
    try:
        return ask()
    except (RecordError, MissingObjectError) as error:
        return str(error)


def _is_protected(rules: Callable[[], Policy], name: AliasName) -> str:
    """Why moves of an alias that were made before it was protected must not be published. '' when it is not."""
    if not rules().rule(name).protected:
        return ""
    return f"it is protected: give it up with 'gitreg alias reset {name}', and ask for it with 'gitreg promote'"


def _is_gone(registry: Registry, place: Place) -> str:
    """Why an alias must not be published: its version is deleted. '' when it is not."""
    gone = cards.state(registry, place.version.collection).deletion(place)
    return f"'{place.version}' was deleted by {gone.by.partition(' <')[0]}" if gone else ""


def _still_named(registry: Registry, card: PendingCard) -> str:
    """Why a deletion must not be published: an alias names the version on the remote. '' when none does."""
    gone = cards.at(registry, card.name, card.tip).deleted
    mine = {step.record.version for step in card.edits if step.record.version in gone}
    for ref in registry.refs.find(names_of_refs.aliases_pattern(card.name, registry.tracking)) if mine else ():
        name = names_of_refs.parse_alias(ref.name)
        place = aliases.read(registry, name, ref, published=True).place if name else None
        if place is not None and place in mine:
            return f"'{name}' names '{place.version}' there, which was deleted here: gitreg undelete {place.version}"
    return ""


@dataclass(frozen=True, slots=True)
class _Chain:
    """Records that are pushed by themselves.

    Attributes:
        name: whose, for people.
        ref, tip: what is pushed where.
        places: the versions that must be published first.
        line: what they say, for people.
        why: why they must not be published, '' when they may.
    """

    name: str
    ref: str
    tip: Oid
    places: Sequence[Place]
    line: str
    why: str


def _push_chains(
    registry: Registry, chains: Sequence[_Chain], leave: frozenset[str], report: Report
) -> tuple[list[_Chain], list[Refusal]]:
    """Push each by itself; those that were taken, and what was not because somebody else was faster."""
    known = (version for version in versions.all_versions(registry) if version.published) if chains else ()
    published = {(version.name.collection, version.commit) for version in known}
    stuck = {refusal.name for refusal in report.refused}
    ready = []
    for chain in chains:
        held = next((item for item in chain.places if (item.version.collection, item.commit) not in published), None)
        if chain.name in stuck or chain.ref in leave:
            continue
        if held and names_of_refs.version_tag(held.version) in leave:
            report.warnings.append(f"'{chain.name}' is published by the next push, after '{held.version}'")
        elif held or chain.why:
            why = f"'{held.version}' is not published" if held else chain.why
            report.refused.append(Refusal(chain.name, why))
        else:
            ready.append(chain)
    if not ready:
        return [], []
    pushed = registry.transport.push([Push(chain.tip, chain.ref) for chain in ready], atomic=False)
    outcomes = {outcome.ref: outcome for outcome in pushed}
    accepted = [chain for chain in ready if outcomes[chain.ref].ok]
    settle(registry, [Push(chain.tip, chain.ref) for chain in accepted])
    raced: list[Refusal] = []
    for chain in ready:
        outcome = outcomes[chain.ref]
        if outcome.ok:
            continue
        race = _raced(chain.name, [outcome])
        (raced if race else report.refused).append(
            race or Refusal(chain.name, f"the remote refused it: {outcome.words}")
        )
    return accepted, raced
