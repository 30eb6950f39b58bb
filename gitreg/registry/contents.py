"""A version's bytes: which objects they are, fetching what is not here, and writing them out, checked."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Container, Iterator
from pathlib import Path

from gitreg.data.config import Storage, parse_version_config
from gitreg.data.materialise import materialise
from gitreg.data.storage import open_storage
from gitreg.errors import IntegrityError, MissingBytesError, StorageError
from gitreg.records.listing import Listing
from gitreg.registry import trees, versions
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Details

Progress = Callable[[int], None]
Needed = dict[str, int | None]
"""DVC hash -> size in bytes, None where only the storage knows it."""


def needed(registry: Registry, found: Details) -> Needed:
    """Everything a storage must have of a version: its files, its directory object, large manifests."""
    listing = versions.listing(registry, found)
    objects: Needed = {entry.md5: entry.size for entry in listing.entries}
    objects[listing.pointer_md5] = len(listing.directory_object)
    side = trees.sidecars(registry, found.commit.tree, found.artifact.collection)
    return objects | {pointer.md5: pointer.size for pointer in side}


def storage_of(registry: Registry, found: Details) -> Storage | None:
    """The storage that a version's tree names, else this clone's default."""
    return parse_version_config(trees.config(registry, found.commit.tree)) or registry.project.default_storage


def _storages(registry: Registry, found: Details) -> Iterator[Storage]:
    """Where a version's bytes may be, the likeliest first."""
    own = storage_of(registry, found)
    default = registry.project.default_storage
    yield from dict.fromkeys(storage for storage in (own, default) if storage)


def ensure(
    registry: Registry, found: Details, only: Container[str] | None = None, progress: Progress | None = None
) -> Listing:
    """Bring the version's bytes (or those of the files in `only`) into the cache; the listing of all its files.

    Raises: MissingBytesError when no storage has them, StorageError.
    """
    side: Needed = {
        pointer.md5: pointer.size for pointer in trees.sidecars(registry, found.commit.tree, found.artifact.collection)
    }
    _download(registry, found, side, progress)
    for _ in side:
        # reading one moves it aside when it is damaged
        with contextlib.suppress(MissingBytesError):
            versions.listing(registry, found)
            break
        _download(registry, found, side, progress)
    listing = versions.listing(registry, found)
    files: Needed = {entry.md5: entry.size for entry in listing.entries if only is None or entry.path in only}
    _download(registry, found, files, progress)
    return listing


def _download(registry: Registry, found: Details, objects: Needed, progress: Progress | None) -> None:
    missing = {md5: size for md5, size in objects.items() if not registry.cache.has(md5, size)}
    if not missing:
        return
    failures: list[StorageError] = []
    for storage in _storages(registry, found):
        try:
            open_storage(registry.project, storage).download(registry.cache, missing.items(), progress)
        except StorageError as error:
            failures.append(error)
        missing = {md5: size for md5, size in missing.items() if not registry.cache.has(md5, size)}
        if not missing:
            return
    if failures:
        raise failures[0]
    raise MissingBytesError(
        f"{len(missing)} of the files of '{found.version.name}' are not here, and it names no storage",
        sorted(missing),
        hint="set one: gitreg init --storage URL",
    )


def write_out(
    registry: Registry,
    found: Details,
    target: Path,
    *,
    only: Container[str] | None = None,
    progress: Progress | None = None,
) -> Listing:
    """Write a version's files (or those in `only`) into the directory `target`, every byte checked.

    Each damaged object of the cache is fetched again, once. Raises: StorageError, IntegrityError, UnsafePathError.
    """
    damaged: set[str] = set()
    while True:
        listing = ensure(registry, found, only, progress)
        try:
            materialise(listing, registry.cache, target, only=only)
        except IntegrityError as error:
            if error.path in damaged:
                raise
            damaged.add(error.path)
        else:
            return listing
