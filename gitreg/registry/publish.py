"""Publishing: bytes first, then versions and runs, then each alias by itself, then the pending refs go.

Every step can be repeated, and an interrupted publishing is completed by the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from gitreg.data.config import Storage
from gitreg.data.storage import open_storage
from gitreg.errors import GitError, StorageError, UsageError
from gitreg.git.lfs import lfs_push, needs_lfs
from gitreg.git.refs import Change, RefMovedError
from gitreg.git.transport import Outcome, Push
from gitreg.records import refs as names_of_refs
from gitreg.records.names import VersionName
from gitreg.records.objects import ZERO, Oid
from gitreg.records.pointer import Pointer
from gitreg.registry import contents, versions
from gitreg.registry.fetch import Fetched, fetch
from gitreg.registry.live import HISTORY
from gitreg.registry.pending import (
    Pending,
    Refusal,
    collect,
    drop_published,
    exposed,
    rebase_aliases,
    renumber,
)
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version

Progress = Callable[[int], None]
# Somebody can publish between our fetch and our push, each time; more often than this is not bad luck.
_ROUNDS = 8
_RACE_SIGNS = (
    "already exists",
    "fetch first",
    "non-fast-forward",
    "stale info",
    "cannot lock ref",
    "failed to update ref",
    "atomic push failed",
    "atomic transaction failed",
)


@dataclass(slots=True)
class Report:
    """What a publishing did.

    Attributes:
        versions, aliases: published now, under their final names.
        runs: how many runs were published or extended.
        renumbered: old name -> new name.
        refused: what stays pending, and why.
        objects, bytes: what was uploaded.
        warnings: what a reader of the published runs will miss or see unexpectedly.
    """

    versions: list[VersionName] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    runs: int = 0
    renumbered: dict[VersionName, VersionName] = field(default_factory=dict)
    refused: list[Refusal] = field(default_factory=list)
    objects: int = 0
    bytes: int = 0
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Unit:
    """What is pushed together: a run with the versions it logged, or one link.

    Attributes:
        name: for people.
        pushes: its refs.
        makes: the commits of versions that it brings.
        needs: the commits of versions that must not stay behind when it is published.
    """

    name: str
    pushes: tuple[Push, ...]
    makes: frozenset[Oid] = frozenset()
    needs: frozenset[Oid] = frozenset()


def publish(
    registry: Registry,
    *,
    leave: frozenset[str] = frozenset(),
    pushing: Iterable[Oid] = (),
    progress: Progress | None = None,
) -> Report:
    """Publish everything that is pending, except the remote refs in `leave`, which somebody else is pushing.

    `pushing` holds the tips of the branches among these. What is refused stays pending and is reported.

    Raises: UsageError without a registry remote or storage, StorageError and GitError when storage or remote cannot be
    reached; nothing is half-published then.
    """
    report = Report()
    for _ in range(_ROUNDS):
        fetched = fetch(registry, leave=leave)
        drop_published(registry)
        _note_renumbered(report, renumber(registry, _taken(fetched)))
        report.refused = rebase_aliases(registry)
        pending = collect(registry)
        report.refused += pending.broken
        left = [item for item in versions.all_versions(registry) if names_of_refs.version_tag(item.name) in leave]
        _upload(registry, pending, [*pending.versions, *left], report, progress)
        if not pending:
            break
        report.warnings = exposed(registry, pending, pushing)
        again = _push_units(registry, pending, leave, report)
        again |= _push_aliases(registry, pending, leave, report)
        if not again:
            break
    else:
        report.refused += _still_racing(collect(registry), leave)
    registry.refs.pack_if_many()
    return report


def _still_racing(pending: Pending, leave: frozenset[str]) -> Iterator[Refusal]:
    """What was moved by somebody else again and again."""
    why = "it was changed on the remote each time it was tried"
    yield from (Refusal(unit.name, why, lost_race=True) for unit in _units(pending, leave))
    yield from (Refusal(str(alias.name), why, lost_race=True) for alias in pending.aliases)


def _taken(fetched: Fetched) -> Iterator[VersionName]:
    return (name for name in map(names_of_refs.parse_version, fetched.tags) if name)


def _note_renumbered(report: Report, renamed: dict[VersionName, VersionName]) -> None:
    first = {new: old for old, new in report.renumbered.items()}
    for old, new in renamed.items():
        report.renumbered[first.get(old, old)] = new


def _upload(
    registry: Registry, pending: Pending, wanted: list[Version], report: Report, progress: Progress | None
) -> None:
    """Send what the storages lack, and let go of what protects it here. Raises: StorageError, UsageError."""
    for storage, objects in _objects(registry, pending, wanted).items():
        place = open_storage(registry.project, storage)
        try:
            sent = place.upload(registry.cache, objects.items(), progress)
        except StorageError as error:
            error.hint = error.hint or f"nothing was published; storage is {storage}"
            raise
        registry.cache.release(objects)
        report.objects += len(sent)
        report.bytes += sum(size or 0 for _, size in sent)


def _objects(registry: Registry, pending: Pending, wanted: list[Version]) -> dict[Storage, contents.Needed]:
    """The objects that must be on each storage before anything is pushed."""
    needed: dict[Storage, contents.Needed] = {}
    for version in wanted:
        found = versions.details(registry, version)
        storage = _known(contents.storage_of(registry, found))
        needed.setdefault(storage, {}).update(contents.needed(registry, found))
    for run in pending.runs.values():
        text = registry.objects.blob_at(run.tip.tree, f"{HISTORY}.dvc")
        if text is not None:
            pointer = Pointer.parse(text)
            storage = _known(registry.project.default_storage)
            needed.setdefault(storage, {})[pointer.md5] = pointer.size
    return needed


def _known(storage: Storage | None) -> Storage:
    if storage is None:
        raise UsageError(
            "there is no storage to publish the bytes to", hint="set one: gitreg init --storage URL_OR_PATH"
        )
    return storage


def _units(pending: Pending, leave: frozenset[str]) -> list[Unit]:
    """What to push, in graph order: a run's inputs come from runs that began before it, a link follows its source."""
    units = []
    made: dict[Oid, list[Version]] = {}
    for version in pending.versions:
        made.setdefault(version.commit, []).append(version)
    loose = dict.fromkeys(pending.versions)
    for run in pending.runs.values():
        found = (version for commit in run.outputs for version in made.get(commit, []))
        own = [version for version in found if not version.name.collection.space]
        for version in own:
            del loose[version]
        pushes = [Push(run.tip.oid, names_of_refs.run(run.record.id)), *(_tag_push(version) for version in own)]
        wanted = tuple(push for push in pushes if push.ref not in leave)
        makes, needs = frozenset(run.outputs), frozenset(use.commit for use in run.inputs)
        units.append(Unit(f"run '{run.record.name}'", wanted, makes, needs - makes))
    rest = [version for version in loose if names_of_refs.version_tag(version.name) not in leave]
    units += [Unit(f"'{item.name}'", (_tag_push(item),), needs=frozenset({item.commit})) for item in rest]
    return _in_order([unit for unit in units if unit.pushes])


def _in_order(units: list[Unit]) -> list[Unit]:
    """Each unit after those that make what it needs, as far as that is possible: two runs may use each other's."""
    maker = {commit: unit for unit in units for commit in unit.makes}
    # not by name: two runs may have the same
    found: dict[Unit, None] = {}
    for unit in units:
        todo = [unit]
        seen = {unit}
        while todo:
            before = [maker[commit] for commit in todo[-1].needs if commit in maker]
            first = next((item for item in before if item not in found and item not in seen), None)
            if first:
                seen.add(first)
                todo.append(first)
            else:
                found[todo.pop()] = None
    return list(found)


def _tag_push(version: Version) -> Push:
    return Push(version.tag, names_of_refs.version_tag(version.name))


def _push_units(registry: Registry, pending: Pending, leave: frozenset[str], report: Report) -> bool:
    """Push versions and runs; True when another round is needed because somebody took a number."""
    units = _units(pending, leave)
    _push_lfs(registry, pending, units)
    by_ref = {names_of_refs.version_tag(version.name): version for version in pending.versions}
    again = False
    for unit, outcomes, missing in _pushed(registry, units):
        if missing:
            report.refused.append(Refusal(unit.name, f"it needs {missing}, which was not published"))
            continue
        failed = [outcome for outcome in outcomes if not outcome.ok]
        for outcome in outcomes:
            push = next(push for push in unit.pushes if push.ref == outcome.ref)
            if outcome.ok and not _settle(registry, push, by_ref.get(push.ref)):
                continue
            if outcome.ok and push.ref in by_ref:
                report.versions.append(by_ref[push.ref].name)
            elif outcome.ok:
                report.runs += 1
        if any(_is_race(outcome) for outcome in failed):
            again = True
        elif failed:
            # the others of the unit failed only because this one did
            first = next((outcome for outcome in failed if "atomic push fail" not in outcome.words), failed[0])
            which = f" '{first.ref.removeprefix(names_of_refs.TAGS)}'" if len(unit.pushes) > 1 else " it"
            report.refused.append(Refusal(unit.name, f"the remote refused{which}: {first.words}"))
    return again


def _push_lfs(registry: Registry, pending: Pending, units: list[Unit]) -> None:
    """Upload what the runs' code has in Git LFS: its own hook does not run for our push. Raises: GitError."""
    if needs_lfs(registry.git, [run.record.code.commit for run in pending.runs.values()]):
        pushes = [push for unit in units for push in unit.pushes]
        lfs_push(registry.git, registry.remote, registry.transport.push_urls()[0], pushes)


def _pushed(registry: Registry, units: list[Unit]) -> Iterator[tuple[Unit, list[Outcome], str]]:
    """Push all units at once where the server does that atomically, else one by one, as atomically as it can.

    Yields each with its outcomes, or with the name of the unit that it needs and that was not published.
    """
    if not units:
        return
    everything = [push for unit in units for push in unit.pushes]
    try:
        outcomes = {outcome.ref: outcome for outcome in registry.transport.push(everything, atomic=True)}
        if all(outcome.ok for outcome in outcomes.values()):
            yield from ((unit, [outcomes[push.ref] for push in unit.pushes], "") for unit in units)
            return
        atomic = True
    except GitError as error:
        if "--atomic" not in error.stderr:
            raise
        atomic = False
    behind: dict[Oid, str] = {}
    for unit in units:
        missing = next((behind[commit] for commit in unit.needs if commit in behind), "")
        found = [] if missing else registry.transport.push(unit.pushes, atomic=atomic)
        if missing or not all(outcome.ok for outcome in found):
            behind |= dict.fromkeys(unit.makes, unit.name)
        yield unit, found, missing


def _is_race(outcome: Outcome) -> bool:
    """Whether somebody else made or moved the ref: a client's words, and a server's that lost its own race."""
    return any(sign in outcome.words for sign in _RACE_SIGNS)


def _settle(registry: Registry, push: Push, version: Version | None) -> bool:
    """The remote has it: move it from pending to published here. False when it went on meanwhile, and stays pending."""
    if version:
        here = registry.refs.get(push.ref)
        changes = [
            Change(push.ref, here.oid if here else ZERO, push.oid),
            Change(names_of_refs.draft(version.name), push.oid, ZERO),
        ]
    else:
        tracking = push.ref.replace(names_of_refs.PENDING, registry.tracking, 1)
        known = registry.refs.get(tracking)
        changes = [Change(tracking, known.oid if known else ZERO, push.oid), Change(push.ref, push.oid, ZERO)]
    try:
        registry.refs.change(changes)
    except RefMovedError:
        return False
    return True


def _push_aliases(registry: Registry, pending: Pending, leave: frozenset[str], report: Report) -> bool:
    """Push promotions, each by itself; True when another round is needed because somebody moved one."""
    known = (version for version in versions.all_versions(registry) if version.published)
    published = {(version.name.collection, version.commit) for version in known}
    stuck = {refusal.name for refusal in report.refused}
    ready = []
    for alias in pending.aliases:
        places = [move.record.now for move in alias.moves if move.record.now]
        held = next((place for place in places if (place.version.collection, place.commit) not in published), None)
        ref = names_of_refs.alias(alias.name)
        if str(alias.name) in stuck or ref in leave:
            continue
        if held and names_of_refs.version_tag(held.version) in leave:
            report.warnings.append(f"'{alias.name}' is published by the next push, after '{held.version}'")
        elif held:
            report.refused.append(Refusal(str(alias.name), f"'{held.version}' is not published"))
        else:
            ready.append((alias, Push(alias.tip, ref)))
    if not ready:
        return False
    outcomes = {outcome.ref: outcome for outcome in registry.transport.push([push for _, push in ready], atomic=False)}
    again = False
    for alias, push in ready:
        outcome = outcomes[push.ref]
        if outcome.ok:
            _settle(registry, push, None)
            report.aliases.append(alias.moves[-1].record.subject)
        elif _is_race(outcome):
            again = True
        else:
            report.refused.append(Refusal(str(alias.name), f"the remote refused it: {outcome.words}"))
    return again
