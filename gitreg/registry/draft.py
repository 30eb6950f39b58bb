"""An artifact that is to be logged: new files, files kept from versions that are there, and references."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gitreg.data.cache import store
from gitreg.records.listing import FileEntry, Listing
from gitreg.records.names import CollectionName, RunId, VersionName
from gitreg.records.objects import Oid
from gitreg.records.records import ArtifactRecord, VersionRecord
from gitreg.records.references import Reference, Summed
from gitreg.registry import contents, versions
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Details, Version


@dataclass(frozen=True, slots=True)
class Kept:
    """A file of a version, to be in another version as well.

    Attributes:
        entry: the file, by its path in `source`.
        source: the version.
        registry: where that is.
    """

    entry: FileEntry
    source: Details
    registry: Registry = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Draft:
    """An artifact to be logged.

    Attributes:
        collection, type, description, metadata: as they are recorded.
        files: path inside the artifact -> file to read.
        check: told what was stored, it raises StorageError when that is not what was meant.
        kept: path inside the artifact -> file of a version, which is neither read nor stored again.
        references: files that are kept elsewhere.
        incremental: everything of the newest version that nothing above replaces is kept too.
    """

    collection: CollectionName
    type: str
    files: Mapping[str, Path]
    description: str = ""
    metadata: Mapping[str, object] = field(default_factory=dict)
    check: Callable[[Listing], None] = lambda _: None
    kept: Mapping[str, Kept] = field(default_factory=dict)
    references: Sequence[Reference] = ()
    incremental: bool = False

    def artifact_record(self, listing: Listing, step: int | None) -> ArtifactRecord:
        """What its commit will say; `step` is the last of the run's history."""
        return ArtifactRecord(
            collection=self.collection,
            type=self.type,
            digest=listing.digest,
            size=listing.size,
            files=len(listing),
            pointer=listing.pointer_md5,
            manifest=listing.manifest_sha256,
            description=self.description,
            metadata=self.metadata,
            references=Summed.of(listing.references),
            step=step,
        )

    def version_record(self, name: VersionName, listing: Listing, run: RunId) -> VersionRecord:
        """What its tag will say."""
        return VersionRecord(
            version=name,
            type=self.type,
            digest=listing.digest,
            size=listing.size,
            files=len(listing),
            manifest=listing.manifest_sha256,
            run=run,
            references=Summed.of(listing.references),
        )

    def subject(self, listing: Listing) -> str:
        """The first line of its commit."""
        elsewhere = f", {len(listing.references)} references" if listing.references else ""
        return f"log {self.collection} ({self.type}, {len(listing)} files, {listing.size} bytes{elsewhere})"


def is_same(listing: Listing, record: VersionRecord) -> bool:
    """Whether a version has this content."""
    told = record.digest, record.manifest, record.references
    return told == (listing.digest, listing.manifest_sha256, Summed.of(listing.references))


def gather(registry: Registry, draft: Draft, last: Version | None) -> Listing:
    """Store the new files of a draft, and see to it that the kept ones can be published with it.

    `last` is the newest version. Raises: StorageError, UnsafePathError, RecordError.
    """
    kept, references = dict(draft.kept), list(draft.references)
    if draft.incremental and last:
        base = versions.details(registry, last)
        listing = contents.ensure(registry, base, only=())
        taken = {*draft.files, *kept, *(reference.path for reference in references)}
        kept.update((entry.path, Kept(entry, base, registry)) for entry in listing if entry.path not in taken)
        references += (reference for reference in listing.references if reference.path not in taken)
    _secure(registry, draft.collection, kept.values())
    entries = [replace(item.entry, path=path) for path, item in kept.items()]
    listing = store(draft.files, registry.cache, registry.progress, kept=entries, references=references)
    draft.check(listing)
    return listing


def _secure(registry: Registry, collection: CollectionName, kept: Collection[Kept]) -> None:
    """Keep what is here of these files, and fetch the others, unless the collection has them where this one will be."""
    here: list[str] = []
    fetch: dict[Oid, tuple[Details, set[str]]] = {}
    is_there: dict[Oid, bool] = {}
    for other in {id(item.registry): item for item in kept}.values():
        registry.check_same(other.registry, other.source.version.name)
    for item in kept:
        entry, source = item.entry, item.source
        commit = source.version.commit
        if registry.cache.has(entry.md5, entry.size):
            here.append(entry.md5)
            continue
        if commit not in is_there:
            is_there[commit] = _is_there(registry, collection, source)
        if not is_there[commit]:
            fetch.setdefault(commit, (source, set()))[1].add(entry.path)
    for source, paths in fetch.values():
        contents.ensure(registry, source, paths)
        here += (item.entry.md5 for item in kept if item.source is source and item.entry.path in paths)
    registry.cache.protect(here)


def _is_there(registry: Registry, collection: CollectionName, source: Details) -> bool:
    """Whether a version is a published one of the collection, on the storage that a version made now names."""
    here = source.version.published and source.artifact.collection == collection
    return here and contents.storage_of(registry, source) == registry.project.default_storage
