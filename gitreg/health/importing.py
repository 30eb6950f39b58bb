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
from gitreg.errors import BundleError, GitError, NotFoundError, RefusedError
from gitreg.git import bundle
from gitreg.git.bundle import Header
from gitreg.git.quarantine import Quarantine
from gitreg.git.refs import Change, is_ancestor
from gitreg.health.fsck import fsck
from gitreg.records import refs as names_of_refs
from gitreg.records.names import RunId, VersionName
from gitreg.records.objects import ZERO, Identity, Oid
from gitreg.registry import aliases, pending, runs, versions
from gitreg.registry.bundle import Parcel, needed, object_path
from gitreg.registry.repository import Registry, retried
from gitreg.registry.runs import Run

_PATH = re.compile(r"files/md5/([0-9a-f]{2})/([0-9a-f]{30}(?:\.dir)?)\Z")
# A writer does not compress bytes. Whoever wants to fill a disk with a small file does.
_MOST = 20
_FREE = 64 << 20


@dataclass(slots=True)
class Imported:
    """What was in a bundle, and what became of it.

    Attributes:
        runs: all of its runs, by id.
        new: the ids of those that were not here, or not completely.
        versions: what is new here, under its name in the bundle -> its name here.
        aliases: the aliases that have come along.
        left: why the others, and what else could not come, has not.
        objects, bytes: the DVC objects of the bundle, and their size.
    """

    runs: dict[RunId, Run] = field(default_factory=dict)
    new: list[RunId] = field(default_factory=list)
    versions: dict[VersionName, VersionName] = field(default_factory=dict)
    aliases: list[str] = field(default_factory=list)
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
            parcel.refs.change(Change(name, ZERO, oid) for name, oid in header.refs.items())
            _show_sources(registry, parcel)
            yield parcel, header
        finally:
            parcel.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpack(parcel: Parcel, file: Path, header: Header) -> None:
    try:
        bundle.unpack(parcel.git, file, header)
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
    here = {version.place.commit for version in versions.all_versions(registry)}
    drafts = [version for version in versions.all_versions(parcel) if not version.published]
    return all(version.commit in here for version in drafts) and all(
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
            with parcel.cache.receive(md5) as place:
                copy(item, place)
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
    """What is to be changed here, versions under the numbers that are free; nothing when all of it is here.

    What is here leaves the parcel. Raises: RefusedError, TypeMismatchError.
    """
    found.versions, found.aliases, found.left = {}, [], []
    changes = _runs(registry, parcel, found)
    _drop_known(registry, parcel)
    taken = [version.name for version in versions.all_versions(registry)]
    renamed = pending.renumber(parcel, taken)
    drafts = [version for version in versions.all_versions(parcel) if not version.published]
    before = {new: old for old, new in renamed.items()}
    found.versions = {before.get(draft.name, draft.name): draft.name for draft in drafts}
    ref = names_of_refs.draft if registry.has_remote else names_of_refs.version_tag
    named = [Change(ref(draft.name), ZERO, draft.tag) for draft in drafts]
    # a kill may part them: without the run, taking it again brings the rest
    changes = [*named, *_chains(registry, parcel, found), *changes]
    made = {versions.record(parcel, draft).run for draft in drafts}
    found.new += [run_id for run_id in found.runs if run_id in made and run_id not in found.new]
    if not (named or changes):
        found.left = []
    return changes


def _runs(registry: Registry, parcel: Parcel, found: Imported) -> list[Change]:
    """The runs that are not here. Raises: RefusedError for one that is here and is another."""
    here = runs.tips(registry)
    found.new = []
    changes = []
    for run_id, run in found.runs.items():
        tip = run.tip.oid
        known = here.get(run_id)
        if known and not is_ancestor(parcel.git, tip, known[0]):
            raise RefusedError(
                f"run '{run_id}' is here already, and is another",
                hint=f"look at it: gitreg show {run_id}; if it can go: gitreg drop {run_id}",
            )
        if not known:
            changes.append(Change(names_of_refs.run(run_id), ZERO, tip))
            found.new.append(run_id)
    return changes


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


def _chains(registry: Registry, parcel: Parcel, found: Imported) -> list[Change]:
    """The aliases and cards that can come along: those that go on from what is here, or are new."""
    changes = []
    for ref in parcel.refs.find(f"{names_of_refs.PENDING}aliases/", f"{names_of_refs.PENDING}collections/"):
        below = ref.name.removeprefix(names_of_refs.PENDING)
        here = registry.refs.find(*(base + below for base in registry.bases()))
        if any(is_ancestor(parcel.git, ref.oid, known.oid) for known in here):
            continue
        name = names_of_refs.parse_alias(ref.name)
        if all(is_ancestor(parcel.git, known.oid, ref.oid) for known in here):
            old = next((known.oid for known in here if known.name == ref.name), ZERO)
            changes.append(Change(ref.name, old, ref.oid))
            found.aliases += [str(name)] if name else []
        elif name:
            now, theirs = aliases.get(registry, name), aliases.get(parcel, name)
            place, wanted = now and now.place, theirs and theirs.place
            if (place and place.commit) != (wanted and wanted.commit):
                where = f"names {place.version.label}" if place else "names nothing"
                how = f"set {name} {wanted.version.label}" if wanted else f"rm {name}"
                found.left.append(f"alias '{name}' {where} here, and stays; the bundle's: gitreg alias {how}")
        else:
            found.left.append(f"what the bundle says of '{names_of_refs.parse_card(ref.name)}' stays there")
    return changes
