"""Taking runs out of a bundle into this clone, FORMAT.md 12, after everything that `fsck` checks.

The clone is to a bundle what a remote is to a clone: versions get the numbers that are free there, moves of aliases and
edits go on top of what is there. Bytes come first, then objects, then refs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gitreg.errors import RefusedError
from gitreg.git.bundle import Header
from gitreg.git.objects import Batch
from gitreg.git.quarantine import Quarantine
from gitreg.git.refs import Change, is_ancestor
from gitreg.health.unpacking import check_all, unpack_bytes, unpacked
from gitreg.records import refs as names_of_refs
from gitreg.records.names import AliasName, RunId, VersionName
from gitreg.records.objects import ZERO, Oid
from gitreg.records.records import Place
from gitreg.registry import aliases, chains, editing, pending, runs, versions
from gitreg.registry.bundle import Parcel, needed
from gitreg.registry.pending import rebase_aliases, rebase_cards
from gitreg.registry.repository import Registry, retried
from gitreg.registry.runs import Run

_CHAINS = tuple(names_of_refs.PENDING + below for below in (names_of_refs.ALIASES, names_of_refs.CARDS))


@dataclass(slots=True)
class Imported:
    """What was in a bundle, and what became of it.

    Attributes:
        runs: all of its runs, by id.
        new: the ids of those that were not here, or not completely.
        is_new: whether anything was not here.
        versions: what is new here, under its name in the bundle -> its name here.
        left: what was not taken, and why: aliases that name something else here, texts that differ.
        objects, bytes: the DVC objects of the bundle, and their size.
    """

    runs: dict[RunId, Run] = field(default_factory=dict)
    new: list[RunId] = field(default_factory=list)
    is_new: bool = False
    versions: dict[VersionName, VersionName] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    objects: int = 0
    bytes: int = 0


def check(registry: Registry, file: Path) -> Imported:
    """Check a bundle as taking it would, and change nothing. Raises: as `take`."""
    with unpacked(registry, file, own_cache=True) as (parcel, header):
        found = _checked(parcel, file, header)
        _settle_refs(registry, parcel, found)
        return found


def take(registry: Registry, file: Path) -> Imported:
    """Take a bundle's runs in. What is here already stays as it is, so that taking it again changes nothing.

    Its versions are unpublished here, and get the next free numbers. Raises: BundleError when something in it is not
    what it must be; RefusedError when a run of the same id is here with other content; NotFoundError when something
    that it needs is not here; RecordError for a file that is no bundle; GitError, StorageError.
    """
    with unpacked(registry, file, own_cache=False) as (parcel, header):
        if _is_known(registry, parcel, header):
            return Imported(_runs_in(parcel, header))
        found = _checked(parcel, file, header)
        retried(lambda: _take(registry, parcel, header, found))
        return found


def _runs_in(parcel: Parcel, header: Header) -> dict[RunId, Run]:
    """A bundle's runs, by id. Raises: RecordError."""
    found = (runs.chain(parcel, oid) for ref, oid in header.refs.items() if names_of_refs.parse_run(ref))
    return {run.record.id: run for run in sorted(filter(None, found), key=lambda run: run.record.started)}


def _is_known(registry: Registry, parcel: Parcel, header: Header) -> bool:
    """Whether all that a bundle says is here."""
    tips = runs.tips(registry)
    here = {(version.name.collection, version.commit) for version in versions.all_versions(registry)}
    drafts = [version for version in versions.all_versions(parcel) if not version.published]
    if not all((draft.name.collection, draft.commit) in here for draft in drafts):
        return False
    for ref, oid in header.refs.items():
        run_id, alias = names_of_refs.parse_run(ref), names_of_refs.parse_alias(ref)
        if run_id and tips.get(run_id, (ZERO, False))[0] != oid:
            return False
        if alias and _place(registry, alias) != _place(parcel, alias):
            return False
    return not any(map(names_of_refs.parse_card, header.refs))


def _place(registry: Registry, name: AliasName) -> Oid | None:
    """The commit that an alias names, None when it names nothing."""
    found = aliases.get(registry, name)
    return found.place.commit if found and found.place else None


def _checked(parcel: Parcel, file: Path, header: Header) -> Imported:
    """What is in the bundle, its bytes unpacked and all of it checked. Raises: BundleError, StorageError."""
    found = Imported()
    if names_of_refs.BUNDLED in header.refs:
        found.objects, found.bytes = unpack_bytes(parcel, file)
    check_all(parcel, file, header)
    found.runs = _runs_in(parcel, header)
    return found


def _take(registry: Registry, parcel: Parcel, header: Header, found: Imported) -> None:
    changes = _settle_refs(registry, parcel, found)
    if not changes:
        return
    registry.cache.protect(set(needed(parcel, {ref.name: ref.oid for ref in parcel.refs.find(names_of_refs.PENDING)})))
    with Quarantine.opened(registry.git, registry.objects, also=parcel.folder / "objects") as aside:
        aside.bring([change.new for change in changes], header.needs)
        registry.refs.change(changes)
    registry.refs.pack_if_many()


def _settle_refs(registry: Registry, parcel: Parcel, found: Imported) -> list[Change]:
    """What is to be changed here; nothing when all of it is here.

    What is there already leaves the parcel. Raises: RefusedError, TypeMismatchError.
    """
    found.left = []
    made = _runs(registry, parcel, found)
    _drop_known(registry, parcel)
    _mirror(registry, parcel)
    taken = [version.name for version in versions.all_versions(registry)]
    before = {new: old for old, new in pending.renumber(parcel, taken).items()}
    drafts = [version for version in versions.all_versions(parcel) if not version.published]
    found.versions = {before.get(draft.name, draft.name): draft.name for draft in drafts}
    runs_of = {versions.record(parcel, draft).run for draft in drafts}
    found.new = [run_id for run_id in found.runs if run_id in runs_of or run_id in made]
    ref = names_of_refs.draft if registry.has_remote else names_of_refs.version_tag
    named = [Change(ref(draft.name), ZERO, draft.tag) for draft in drafts]
    # a kill may part them: without the run, taking it again brings the rest
    changes = [*named, *_chains(registry, parcel, found), *made.values()]
    found.is_new = bool(changes)
    if not changes:
        found.left = []
    return changes


def _runs(registry: Registry, parcel: Parcel, found: Imported) -> dict[RunId, Change]:
    """What is to be changed of runs: those that are not here, or go on in the bundle.

    Raises: RefusedError for a run that is here and is another.
    """
    here = runs.tips(registry)
    changes = {}
    for run_id, run in found.runs.items():
        known = here[run_id][0] if run_id in here else None
        if known and is_ancestor(parcel.git, run.tip.oid, known):
            continue
        if known and not is_ancestor(parcel.git, known, run.tip.oid):
            raise RefusedError(
                f"run '{run_id}' is here already, and is another",
                hint=f"look at it: gitreg show {run_id}; if it can go: gitreg drop {run_id}",
            )
        pending_ref = registry.refs.get(names_of_refs.run(run_id))
        old = pending_ref.oid if pending_ref else ZERO
        changes[run_id] = Change(names_of_refs.run(run_id), old, run.tip.oid)
    return changes


def _drop_known(registry: Registry, parcel: Parcel) -> None:
    """Leave out the versions that are here; check that the others can be. Raises: RefusedError, TypeMismatchError."""
    gone: list[Change] = []
    known: dict[Place, Place] = {}
    seen = set()
    for draft in versions.all_versions(parcel):
        if draft.published:
            continue
        collection = draft.name.collection
        twins = [item for item in versions.all_versions(registry, collection) if item.commit == draft.commit]
        if twins:
            known[draft.place] = twins[-1].place
            gone.append(Change(names_of_refs.draft(draft.name), draft.tag, ZERO))
        elif collection not in seen:
            seen.add(collection)
            record = versions.record(parcel, draft)
            last = versions.head(registry, collection).last
            versions.check_next(registry, collection, last, type=record.type, link=record.link is not None)
    batch = Batch()
    edits = editing.renamed(parcel, batch, lambda place: known.get(place, place))
    parcel.transact(batch, [*gone, *(Change(ref, old, new) for ref, (old, new) in edits.items())])


def _mirror(registry: Registry, parcel: Parcel) -> None:
    """Let the parcel know where the clone's aliases and cards are that are in it too."""
    changes = []
    for ref in parcel.refs.find(*_CHAINS):
        below = ref.name.removeprefix(names_of_refs.PENDING)
        now = chains.tips(registry, registry.refs.find(*(base + below for base in registry.bases()))).now
        known = parcel.refs.get(parcel.tracking + below)
        changes.append(Change(parcel.tracking + below, known.oid if known else ZERO, now.oid if now else ZERO))
    parcel.refs.change(changes)


def _chains(registry: Registry, parcel: Parcel, found: Imported) -> Iterator[Change]:
    """The aliases and cards, as they go on from what is here; those that cannot are left."""
    refused = {refusal.name: refusal for refusal in (*rebase_aliases(parcel), *rebase_cards(parcel))}
    for ref in parcel.refs.find(*_CHAINS):
        name = names_of_refs.parse_alias(ref.name) or names_of_refs.parse_card(ref.name)
        there = parcel.refs.get(parcel.tracking + ref.name.removeprefix(names_of_refs.PENDING))
        if there and is_ancestor(parcel.git, ref.oid, there.oid):
            continue
        if str(name) not in refused:
            own = registry.refs.get(ref.name)
            yield Change(ref.name, own.oid if own else ZERO, ref.oid)
        elif not isinstance(name, AliasName):
            found.left.append(f"'{name}': {refused[str(name)].why}; what the bundle says is left out")
        else:
            now, wanted = aliases.get(registry, name), aliases.read(parcel, name, ref, published=False).place
            if wanted and wanted.commit != _place(registry, name):
                where = now.place.version.label if now and now.place else "nothing"
                how = f"to move it: gitreg alias set {name} {wanted.version.label}"
                found.left.append(f"alias '{name}' names {where} here, and stays; {how}")
