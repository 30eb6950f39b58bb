"""A version's bytes: which objects they are, fetching what is not here, and writing them out, checked."""

from __future__ import annotations

import contextlib
from collections.abc import Container, Iterator, Mapping
from pathlib import Path

from gitreg.data.config import Storage, parse_version_config
from gitreg.data.materialise import materialise, read_file
from gitreg.data.storage import open_storage
from gitreg.errors import IntegrityError, MissingBytesError, NotFoundError, StorageError
from gitreg.records.listing import Listing
from gitreg.records.objects import Oid
from gitreg.records.pointer import Pointer
from gitreg.registry import trees, versions
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Details

Needed = dict[str, int | None]
"""DVC hash -> size in bytes, None where only the storage knows it."""


def needed(registry: Registry, found: Details) -> Needed:
    """Everything a storage must have of a version: its files, its directory object, large manifests."""
    listing = versions.listing(registry, found)
    objects: Needed = {entry.md5: entry.size for entry in listing.entries}
    objects[listing.pointer_md5] = len(listing.directory_object)
    side = _sidecars(registry, found)
    return objects | {pointer.md5: pointer.size for pointer in side}


def _sidecars(registry: Registry, found: Details) -> tuple[Pointer, ...]:
    with versions.reading_of(found.version):
        return trees.sidecars(registry, found.commit.tree, found.artifact.collection)


def storage_of(registry: Registry, found: Details) -> Storage | None:
    """The storage that a version's tree names, else this clone's default."""
    with versions.reading_of(found.version):
        return storage_in(registry, found.commit.tree)


def storage_in(registry: Registry, tree: Oid) -> Storage | None:
    """The storage that a tree names, else this clone's default. Raises: RecordError."""
    return parse_version_config(trees.config(registry, tree)) or registry.project.default_storage


def make_directory_object(registry: Registry, found: Details) -> None:
    """Write the directory object again when the cache has lost it: the version's listing says what is in it.

    Raises: StorageError, MissingBytesError when a large listing is not here.
    """
    listing = versions.listing(registry, found)
    if not registry.cache.has(listing.pointer_md5, len(listing.directory_object)):
        registry.cache.add_bytes(listing.directory_object, ".dir")


def names(registry: Registry, found: Details) -> dict[str, str]:
    """What people call the objects of a version: DVC hash -> a path in it."""
    listing = versions.listing(registry, found)
    called = {entry.md5: entry.path for entry in reversed(listing.entries)}
    return {listing.pointer_md5: ""} | _sidecar_names(registry, found) | called


def _sidecar_names(registry: Registry, found: Details) -> dict[str, str]:
    side = _sidecars(registry, found)
    return {pointer.md5: f"artifacts/{pointer.path}" for pointer in side}


def _storages(registry: Registry, own: Storage | None) -> Iterator[Storage]:
    """Where bytes may be: their own storage, the default, then any other remote of the user's."""
    if registry.storages is not None:
        yield from registry.storages
        return
    default = registry.project.default_storage
    seen: set[str] = set()
    for storage in (own, default, *registry.project.storages):
        if storage and storage.url not in seen:
            seen.add(storage.url)
            yield storage


def ensure(registry: Registry, found: Details, only: Container[str] | None = None) -> Listing:
    """Bring the version's bytes (or those of the files in `only`) into the cache; the listing of all its files.

    Raises: MissingBytesError when no storage has them, StorageError.
    """
    side: Needed = {pointer.md5: pointer.size for pointer in _sidecars(registry, found)}
    called = _sidecar_names(registry, found)
    _download(registry, found, side, called)
    for _ in side:
        # reading one moves it aside when it is damaged
        with contextlib.suppress(MissingBytesError):
            versions.listing(registry, found)
            break
        _download(registry, found, side, called)
    listing = versions.listing(registry, found)
    entries = [entry for entry in reversed(listing.entries) if only is None or entry.path in only]
    files: Needed = {entry.md5: entry.size for entry in entries}
    _download(registry, found, files, {entry.md5: entry.path for entry in entries})
    return listing


def _download(registry: Registry, found: Details, objects: Needed, called: Mapping[str, str]) -> None:
    # a bare repository has no storage of its own, and can be read as far as nothing is needed from one
    if objects:
        download(registry, str(found.version.name), storage_of(registry, found), objects, called)


def download(registry: Registry, owner: str, own: Storage | None, objects: Needed, called: Mapping[str, str]) -> None:
    """Bring the objects of `owner` into the cache from its own storage, or from any other of the user's.

    Raises: MissingBytesError when no storage has them, StorageError.
    """
    missing = {md5: size for md5, size in objects.items() if not registry.cache.has(md5, size)}
    failures: list[StorageError] = []
    for storage in _storages(registry, own) if missing else ():
        try:
            place = open_storage(registry.project, storage)
            place.download(registry.cache, missing.items(), registry.progress, called)
        except StorageError as error:
            failures.append(error)
        missing = {md5: size for md5, size in missing.items() if not registry.cache.has(md5, size)}
        if not missing:
            return
    if missing:
        raise _nowhere(owner, {called[md5]: md5 for md5 in missing}, failures, offline=registry.storages == ())


def _nowhere(owner: str, missing: Mapping[str, str], failures: list[StorageError], *, offline: bool) -> StorageError:
    """What is to be said of files (path -> DVC hash) that no storage has given."""
    what = f"'{min(missing)}' of '{owner}'"
    if len(missing) > 1:
        what = f"{len(missing)} files of '{owner}', '{min(missing)}' the first,"
    if offline:
        why = f"{what} cannot be had offline: it was not fetched before"
        return MissingBytesError(why, sorted(missing.values()), hint="get it once without 'offline'")
    if not failures:
        why = f"{what} cannot be fetched: it names no storage"
        return MissingBytesError(why, sorted(missing.values()), hint="set one: gitreg init --storage URL")
    others = "".join(f"; {error}" for error in failures[1:])
    words = f"{what} cannot be fetched: {failures[0]}{others}"
    hint = next((error.hint for error in failures if error.hint), None)
    if all(isinstance(error, MissingBytesError) for error in failures):
        hint = hint or "somebody who has it can publish it again: gitreg push, or log it again"
        return MissingBytesError(words, sorted(missing.values()), hint=hint)
    return StorageError(words, hint=hint or "run the same command again, or log it again where the files are")


def write_out(registry: Registry, found: Details, target: Path, *, only: Container[str] | None = None) -> Listing:
    """Write a version's files (or those in `only`) into the directory `target`, every byte checked.

    Each damaged object of the cache is fetched again, once. Raises: StorageError, IntegrityError, UnsafePathError.
    """
    damaged: set[str] = set()
    while True:
        listing = ensure(registry, found, only)
        try:
            materialise(listing, registry.cache, target, only=only, progress=registry.progress)
        except IntegrityError as error:
            if error.path in damaged:
                raise
            damaged.add(error.path)
        else:
            return listing


def read(registry: Registry, found: Details, path: str) -> bytes:
    """The bytes of one file of a version, checked; nothing else is fetched, and nothing is written but the cache.

    A damaged object of the cache is fetched again, once. Raises: NotFoundError, StorageError, IntegrityError.
    """
    damaged = False
    while True:
        entry = ensure(registry, found, (path,)).get(path)
        if entry is None:
            raise NotFoundError("file", f"{found.version.name}/{path}")
        try:
            return read_file(entry, registry.cache)
        except IntegrityError:
            if damaged:
                raise
            damaged = True
