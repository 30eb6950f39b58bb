"""Taking runs out of a bundle into this clone, FORMAT.md 12, after everything that `fsck` checks.

A bundle comes from a stranger. Its objects are unpacked aside, into a repository of their own that reads this one's
too, and nothing of it is in this repository before all of it has been checked: bytes come first, then objects, then
refs.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gitreg.data.hashing import refusals
from gitreg.errors import BundleError, DamagedObjectError, GitError, NotFoundError, RefusedError
from gitreg.git import bundle
from gitreg.git.bundle import Header
from gitreg.git.quarantine import Quarantine
from gitreg.git.refs import Change, is_ancestor
from gitreg.health.fsck import fsck
from gitreg.records import refs as names_of_refs
from gitreg.records.names import AliasName, RunId, VersionName
from gitreg.records.objects import ZERO, Identity, Oid
from gitreg.registry import aliases, chains, pending, runs, versions
from gitreg.registry.bundle import Parcel, needed, object_path
from gitreg.registry.pending import rebase_aliases, rebase_cards
from gitreg.registry.repository import Registry, retried
from gitreg.registry.runs import Run

_PATH = re.compile(r"files/md5/([0-9a-f]{2})/([0-9a-f]{30}(?:\.dir)?)\Z")
# A writer does not compress bytes. Whoever wants to fill a disk with a small file does.
_MOST = 20
_FREE = 64 << 20
_CHAINS = (f"{names_of_refs.PENDING}aliases/", f"{names_of_refs.PENDING}collections/")


@dataclass(slots=True)
class Imported:
    """What was in a bundle, and what became of it.

    Attributes:
        runs: all of its runs, by id.
        new: the ids of those that were not here, or not completely.
        versions: what is new here, under its name in the bundle -> its name here.
        left: what was not taken, and why: aliases that name something else here, texts that differ.
        objects, bytes: the DVC objects of the bundle, and their size.
    """

    runs: dict[RunId, Run] = field(default_factory=dict)
    new: list[RunId] = field(default_factory=list)
    versions: dict[VersionName, VersionName] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    objects: int = 0
    bytes: int = 0


class _Quarantined(Parcel):
    """A bundle's repository, in which the clone's user is at work."""

    def __init__(self, folder: Path, clone: Registry, *, own_cache: bool) -> None:
        super().__init__(folder, cache=None if own_cache else clone.cache)
        self._clone = clone
        self.progress = clone.progress

    def now(self) -> Identity:
        """The clone's."""
        return self._clone.now()


def check(registry: Registry, file: Path) -> Imported:
    """Check a bundle as taking it would, and change nothing. Raises: as `take`."""
    with _unpacked(registry, file, own_cache=True) as (parcel, header):
        found = _checked(parcel, file, header)
        _settle_refs(registry, parcel, found)
        return found


def take(registry: Registry, file: Path) -> Imported:
    """Take a bundle's runs in. What is here already stays as it is, so that taking it again changes nothing.

    Its versions are unpublished here, and get the next free numbers. Raises: BundleError when something in it is not
    what it must be; RefusedError when a run of the same id is here with other content; NotFoundError when something
    that it needs is not here; RecordError for a file that is no bundle; GitError, StorageError.
    """
    with _unpacked(registry, file, own_cache=False) as (parcel, header):
        if _is_known(registry, parcel, header):
            return Imported(_runs_in(parcel, header))
        found = _checked(parcel, file, header)
        retried(lambda: _take(registry, parcel, header, found))
        return found


@contextlib.contextmanager
def _unpacked(registry: Registry, file: Path, *, own_cache: bool) -> Iterator[tuple[Parcel, Header]]:
    """The bundle as a repository, without its bytes; they will go into the clone's cache, or its own."""
    with refusals(f"'{file}' cannot be read"):
        # another kind of file may never end
        if not file.is_file():
            raise NotFoundError("file", str(file), hint="name a file that a run was written into")
        header = bundle.read_header(file)
    _check_header(registry, file, header)
    store = Path(registry.git.text("rev-parse", "--path-format=absolute", "--git-path", "objects"))
    with refusals("the bundle cannot be unpacked"):
        folder = Path(tempfile.mkdtemp(prefix=".gitreg-", suffix=".tmp", dir=store))
    try:
        bundle.make_repository(folder, alternate=store)
        parcel = _Quarantined(folder, registry, own_cache=own_cache)
        try:
            with registry.progress.task("unpacking"), refusals(f"'{file}' cannot be read"):
                _unpack(parcel, file, header)
            _show_sources(registry, parcel)
            yield parcel, header
        finally:
            parcel.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpack(parcel: Parcel, file: Path, header: Header) -> None:
    try:
        bundle.unpack(parcel.git, file, header)
        parcel.refs.change(Change(name, ZERO, oid) for name, oid in header.refs.items())
    except GitError as error:
        words = error.message.partition(" failed: ")[2]
        raise BundleError(f"'{file}' cannot be unpacked: {words}", hint=error.hint) from error


def _check_header(registry: Registry, file: Path, header: Header) -> None:
    """Raises: BundleError for refs that no bundle of ours has, NotFoundError when it needs what is not here."""
    for ref in header.refs:
        draft = names_of_refs.parse_version(ref) if ref.startswith(names_of_refs.DRAFTS) else None
        other = names_of_refs.parse_run(ref) or names_of_refs.parse_alias(ref) or names_of_refs.parse_card(ref)
        known = ref.startswith(names_of_refs.PENDING) and (draft or other)
        if not known and ref != names_of_refs.BUNDLED:
            raise BundleError(f"'{file}' holds the ref {ref[:200]!r}, which is none of gitreg's")
    missing = next((oid for oid in header.needs if registry.objects.at(str(oid)) is None), None)
    if missing:
        words = f"'{file}' goes on from commit {missing.short}, which is not here"
        raise NotFoundError("commit", str(missing), words, hint="bring it first: git fetch, and gitreg fetch")


def _runs_in(parcel: Parcel, header: Header) -> dict[RunId, Run]:
    """A bundle's runs, by id. Raises: RecordError."""
    chains = (runs.chain(parcel, oid) for ref, oid in header.refs.items() if names_of_refs.parse_run(ref))
    return {run.record.id: run for run in sorted(filter(None, chains), key=lambda run: run.record.started)}


def _is_known(registry: Registry, parcel: Parcel, header: Header) -> bool:
    """Whether all runs and versions of a bundle are here."""
    tips = runs.tips(registry)
    here = {(version.name.collection, version.commit) for version in versions.all_versions(registry)}
    drafts = [version for version in versions.all_versions(parcel) if not version.published]
    return all((draft.name.collection, draft.commit) in here for draft in drafts) and all(
        tips.get(run_id, (ZERO, False))[0] == oid
        for run_id, oid in ((names_of_refs.parse_run(ref), oid) for ref, oid in header.refs.items())
        if run_id
    )


def _checked(parcel: Parcel, file: Path, header: Header) -> Imported:
    """What is in the bundle, its bytes unpacked and all of it checked. Raises: BundleError, StorageError."""
    found = Imported()
    if names_of_refs.BUNDLED in header.refs:
        _unpack_bytes(parcel, file, found)
    _check(parcel, file, header)
    found.runs = _runs_in(parcel, header)
    return found


def _show_sources(registry: Registry, parcel: Parcel) -> None:
    """Let the bundle's repository know the published versions that its links name, so that they count as published."""
    found: dict[str, Oid] = {}
    for version in versions.all_versions(parcel):
        link = versions.record(parcel, version).link
        for source in versions.all_versions(registry, link.version.collection) if link else ():
            if source.commit == version.commit:
                found[names_of_refs.version_tag(source.name)] = source.tag
    parcel.refs.change(Change(name, ZERO, oid) for name, oid in found.items())


def _unpack_bytes(parcel: Parcel, file: Path, found: Imported) -> None:
    """Bring the bundle's DVC objects into the parcel's cache. Raises: BundleError, StorageError."""
    size = file.stat().st_size
    listed = list(bundle.files(parcel.git, names_of_refs.BUNDLED))
    found.objects, found.bytes = len(listed), sum(item.size for item in listed)
    if found.bytes > _MOST * size + _FREE:
        raise BundleError(f"'{file}' has {size} bytes and holds {found.bytes}, more than an honest one can")
    task = parcel.progress.task("unpacking", size=found.bytes, files=found.objects)
    with bundle.reader(parcel.git) as copy, task as told:
        for item in listed:
            match = _PATH.match(item.path)
            if not match:
                raise BundleError(f"'{file}' holds {item.path[:200]!r}, which is no object of DVC's")
            md5 = match[1] + match[2]
            try:
                with parcel.cache.receive(md5) as place:
                    copy(item, place)
            except DamagedObjectError as error:
                raise BundleError(f"'{file}' is damaged: {error.message}") from error
            told.advance(item.size)
            told.done("stored", md5, item.size)
    parcel.cache.sync()


def _check(parcel: Parcel, file: Path, header: Header) -> None:
    """Check all of it as `fsck` does, and that there is nothing more. Raises: BundleError."""
    errors = [finding for finding in fsck(parcel).findings if finding.severity == "error"]
    if errors:
        more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
        lines = [f"{finding.subject}: {finding.problem}" for finding in errors]
        raise BundleError(f"'{file}' is not what it must be: {lines[0]}{more}", lines)
    spare: set[str] = set()
    if names_of_refs.BUNDLED in header.refs:
        spare = {item.path for item in bundle.files(parcel.git, names_of_refs.BUNDLED)}
        spare -= {object_path(md5) for md5 in needed(parcel, header.refs)}
    if spare:
        raise BundleError(f"'{file}' holds '{min(spare)}', which belongs to none of its versions")


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

    The clone is to the parcel what a remote is to a clone: versions get the numbers that are free there, moves of
    aliases and edits go on top of what is there, and what is there leaves the parcel.
    Raises: RefusedError, TypeMismatchError.
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
    found.new = [run_id for run_id in found.runs if run_id in runs_of or names_of_refs.run(run_id) in made]
    ref = names_of_refs.draft if registry.has_remote else names_of_refs.version_tag
    named = [Change(ref(draft.name), ZERO, draft.tag) for draft in drafts]
    # a kill may part them: without the run, taking it again brings the rest
    changes = [*named, *_chains(registry, parcel, found), *(Change(name, ZERO, tip) for name, tip in made.items())]
    if not found.new:
        found.left = []
    return changes


def _runs(registry: Registry, parcel: Parcel, found: Imported) -> dict[str, Oid]:
    """The refs of the runs that are not here. Raises: RefusedError for a run that is here and is another."""
    here = runs.tips(registry)
    for run_id, run in found.runs.items():
        if run_id in here and not is_ancestor(parcel.git, run.tip.oid, here[run_id][0]):
            raise RefusedError(
                f"run '{run_id}' is here already, and is another",
                hint=f"look at it: gitreg show {run_id}; if it can go: gitreg drop {run_id}",
            )
    return {names_of_refs.run(run_id): run.tip.oid for run_id, run in found.runs.items() if run_id not in here}


def _drop_known(registry: Registry, parcel: Parcel) -> None:
    """Leave out the versions that are here; check that the others can be. Raises: RefusedError, TypeMismatchError."""
    gone = []
    seen = set()
    for draft in versions.all_versions(parcel):
        if draft.published:
            continue
        collection = draft.name.collection
        here = versions.all_versions(registry, collection)
        if any(version.commit == draft.commit for version in here):
            gone.append(Change(names_of_refs.draft(draft.name), draft.tag, ZERO))
        elif collection not in seen:
            seen.add(collection)
            record = versions.record(parcel, draft)
            newest = versions.newest(registry, collection)
            versions.check_next(registry, collection, newest, type=record.type, link=record.link is not None)
    parcel.refs.change(gone)


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
            if wanted and not (now and now.place and now.place.commit == wanted.commit):
                where = now.place.version.label if now and now.place else "nothing"
                how = f"to move it: gitreg alias set {name} {wanted.version.label}"
                found.left.append(f"alias '{name}' names {where} here, and stays; {how}")
