"""A bundle of a stranger's: its objects unpacked aside, into a repository of their own, and checked there.

That repository reads the clone's objects too, and nothing of it is in the clone.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gitreg.data.hashing import refusals
from gitreg.errors import BundleError, DamagedObjectError, GitError, NotFoundError
from gitreg.git import bundle
from gitreg.git.bundle import File, Header
from gitreg.git.refs import Change
from gitreg.health.fsck import fsck
from gitreg.records import refs as names_of_refs
from gitreg.records.objects import ZERO, Identity, Oid
from gitreg.registry import versions
from gitreg.registry.bundle import Parcel, needed, object_path
from gitreg.registry.repository import Registry

_PATH = re.compile(r"files/md5/([0-9a-f]{2})/([0-9a-f]{30}(?:\.dir)?)\Z")
# A writer does not compress bytes. Whoever wants to fill a disk with a small file does.
_MOST = 20
_FREE = 64 << 20
_ID, _TREES = 20, 1000
_WORKERS = 8


class _Quarantined(Parcel):
    """A bundle's repository, in which the clone's user is at work."""

    def __init__(self, folder: Path, clone: Registry, *, own_cache: bool) -> None:
        super().__init__(folder, cache=None if own_cache else clone.cache)
        self._clone = clone
        self.progress = clone.progress

    def now(self) -> Identity:
        """The clone's."""
        return self._clone.now()


@contextlib.contextmanager
def unpacked(registry: Registry, file: Path, *, own_cache: bool) -> Iterator[tuple[Parcel, Header]]:
    """The bundle as a repository, without its bytes; they will go into the clone's cache, or its own."""
    with refusals(f"'{file}' cannot be read"):
        # another kind of file may never end
        if not file.is_file():
            words = f"'{file}' is no file" if file.exists() else None
            raise NotFoundError("file", str(file), words, hint="name a file that a run was written into")
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


def _show_sources(registry: Registry, parcel: Parcel) -> None:
    """Let the bundle's repository know the published versions that its links name, so that they count as published."""
    found: dict[str, Oid] = {}
    for version in versions.all_versions(parcel):
        link = versions.record(parcel, version).link
        for source in versions.all_versions(registry, link.version.collection) if link else ():
            if source.commit == version.commit:
                found[names_of_refs.version_tag(source.name)] = source.tag
    parcel.refs.change(Change(name, ZERO, oid) for name, oid in found.items())


def unpack_bytes(parcel: Parcel, file: Path) -> tuple[int, int]:
    """Bring the bundle's DVC objects into the parcel's cache; how many, and their bytes.

    Raises: BundleError, StorageError.
    """
    size = file.stat().st_size
    listed = _listed(parcel, file)
    total = sum(item.size for item in listed)
    if total > _MOST * size + _FREE:
        raise BundleError(f"'{file}' has {size} bytes and holds {total}, more than an honest one can")
    named = [(item, _md5(file, item.path)) for item in listed]
    aside = parcel.folder / "aside"
    aside.mkdir()

    def store(blob: Path, md5: str, size: int) -> None:
        with parcel.cache.receive(md5) as place:
            shutil.move(blob, place)
        told.advance(size)
        told.done("stored", md5, size)

    task = parcel.progress.task("unpacking", size=total, files=len(listed))
    # storing one waits for the disk, which takes many at once
    with bundle.reader(parcel.git) as copy, task as told, ThreadPoolExecutor(_WORKERS) as pool:
        work = []
        for item, md5 in named:
            copy(item, aside / md5)
            work.append(pool.submit(store, aside / md5, md5, item.size))
        try:
            for future in work:
                future.result()
        except DamagedObjectError as error:
            pool.shutdown(cancel_futures=True)
            raise BundleError(f"'{file}' is damaged: {error.message}") from error
    parcel.cache.sync()
    return len(listed), total


def _listed(parcel: Parcel, file: Path) -> list[File]:
    # each has other bytes, and so an id of its own in the file
    return list(bundle.files(parcel.git, names_of_refs.BUNDLED, _TREES + file.stat().st_size // _ID))


def _md5(file: Path, path: str) -> str:
    """The DVC object that lies at a path in a bundle. Raises: BundleError."""
    match = _PATH.match(path)
    if not match:
        raise BundleError(f"'{file}' holds {path[:200]!r}, which is no object of DVC's")
    return match[1] + match[2]


def check_all(parcel: Parcel, file: Path, header: Header) -> None:
    """Check all of it as `fsck` does, and that there is nothing more. Raises: BundleError."""
    errors = [finding for finding in fsck(parcel).findings if finding.severity == "error"]
    if errors:
        more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
        lines = [f"{finding.subject}: {finding.problem}" for finding in errors]
        raise BundleError(f"'{file}' is not what it must be: {lines[0]}{more}", lines)
    spare: set[str] = set()
    if names_of_refs.BUNDLED in header.refs:
        spare = {item.path for item in _listed(parcel, file)}
        spare -= {object_path(md5) for md5 in needed(parcel, header.refs)}
    if spare:
        raise BundleError(f"'{file}' holds '{min(spare)}', which belongs to none of its versions")
