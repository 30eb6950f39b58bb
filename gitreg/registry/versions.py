"""Versions: listing them, reading what they say, and giving new ones their numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gitreg.errors import RecordError, RefusedError
from gitreg.git.objects import Batch
from gitreg.git.refs import Change, Ref
from gitreg.records import refs as names_of_refs
from gitreg.records.listing import Listing
from gitreg.records.names import CollectionName, VersionName, VersionNumber
from gitreg.records.objects import ZERO, Commit, Oid, Tag
from gitreg.records.records import ARTIFACT, RUN, VERSION, ArtifactRecord, RunRecord, VersionRecord
from gitreg.records.trailers import Message, compose
from gitreg.registry import trees
from gitreg.registry.repository import Registry


@dataclass(frozen=True, slots=True)
class Version:
    """A version that exists.

    Attributes:
        name: collection and number; provisional while it is a draft.
        tag: the tag object.
        commit: its identity.
        published: False for a draft, and in a clone for everything while it has no registry remote.
    """

    name: VersionName
    tag: Oid
    commit: Oid
    published: bool

    def __str__(self) -> str:
        return str(self.name) if self.published else f"{self.name} (unpublished)"


@dataclass(frozen=True, slots=True)
class Details:
    """What a version's commit says.

    Attributes:
        version: whose details these are.
        record: its tag's record.
        artifact: its commit's record; of the source, for a link.
        run: the run's record as it was when the artifact was logged.
        commit: the commit itself.
    """

    version: Version
    record: VersionRecord
    artifact: ArtifactRecord
    run: RunRecord
    commit: Commit


def all_versions(registry: Registry, collection: CollectionName | None = None) -> list[Version]:
    """The versions of a collection, or of all, by collection and number; a draft stands after a published twin."""
    if collection is None:
        patterns = [names_of_refs.TAGS, names_of_refs.DRAFTS]
    else:
        patterns = [
            names_of_refs.versions_pattern(collection, base) for base in (names_of_refs.TAGS, names_of_refs.DRAFTS)
        ]
    found = (_version(registry, ref) for ref in registry.refs.find(*patterns))
    return sorted((version for version in found if version), key=lambda version: (version.name, not version.published))


def _version(registry: Registry, ref: Ref) -> Version | None:
    """The version that a ref holds; None for other people's tags."""
    name = names_of_refs.parse_version(ref.name) if ref.is_tag else None
    published = ref.name.startswith(names_of_refs.TAGS) and (registry.has_remote or registry.is_server)
    return Version(name, ref.oid, ref.target, published) if name else None


def collections(registry: Registry) -> list[CollectionName]:
    """The collections that have a version, by name."""
    return sorted({version.name.collection for version in all_versions(registry)})


def newest(registry: Registry, collection: CollectionName) -> Version | None:
    """The version with the highest number."""
    return max(all_versions(registry, collection), key=lambda version: version.name.number, default=None)


def details(registry: Registry, version: Version) -> Details:
    """What a version's tag and commit say, checked against each other. Raises: RecordError, MissingObjectError."""
    tag = registry.objects.tag(version.tag)
    record = _tag_record(tag, version)
    commit = registry.objects.commit(tag.target)
    message = Message.parse(commit.message)
    artifact, run = message.record(ARTIFACT), message.record(RUN)
    if artifact is None or run is None:
        raise RecordError(f"the commit of '{version.name}' logs no artifact")
    found = Details(version, record, ArtifactRecord.parse(artifact), RunRecord.parse(run), commit)
    source = record.link.version.collection if record.link else version.name.collection
    if (found.artifact.collection, found.artifact.digest, found.artifact.manifest, found.run.id) != (
        source,
        record.digest,
        record.manifest,
        record.run,
    ):
        raise RecordError(f"tag and commit of '{version.name}' disagree")
    return found


def _tag_record(tag: Tag, version: Version) -> VersionRecord:
    document = Message.parse(tag.message).record(VERSION)
    if document is None:
        raise RecordError(f"tag '{tag.name}' has no {VERSION} record")
    record = VersionRecord.parse(document)
    if not (tag.name == version.name.tag == record.version.tag and tag.target == version.commit):
        raise RecordError(f"header, ref and record of tag '{version.name.tag}' disagree")
    return record


def record(registry: Registry, version: Version) -> VersionRecord:
    """What a version's tag says, without reading its commit. Raises: RecordError."""
    return _tag_record(registry.objects.tag(version.tag), version)


def listing(registry: Registry, found: Details) -> Listing:
    """A version's files. Raises: RecordError, MissingBytesError when a large manifest is not here."""
    return trees.read(registry, found.commit.tree, found.artifact)


def tag_object(registry: Registry, record: VersionRecord, commit: Oid) -> tuple[str, bytes]:
    """The tag of a version as an object to write."""
    message = compose(str(record.version), {VERSION: record.document()})
    return ("tag", Tag(commit, record.version.tag, registry.now(), message).encode())


def create(
    registry: Registry, batch: Batch, record: VersionRecord, commit: Oid, also: Iterable[Change] = ()
) -> Version:
    """Give the commit the next free number of its collection, in one transaction with the changes of `also`.

    `batch` holds what has to be written first. A new version is a draft, or a tag at once without a registry remote.
    Raises: RefMovedError when somebody took the number or a ref of `also` has moved: look again, then try again.
    """
    last = newest(registry, record.version.collection)
    numbered = record.renumbered(VersionNumber(last.name.number + 1 if last else 0))
    tag = batch.add(*tag_object(registry, numbered, commit))
    name = numbered.version
    ref = names_of_refs.draft(name) if registry.has_remote else names_of_refs.version_tag(name)
    registry.transact(batch, [Change(ref, ZERO, tag), *also])
    return Version(name, tag, commit, published=False)


def check_collection(registry: Registry, collection: CollectionName, *, link: bool) -> None:
    """Refuse a new version that the collection must not have. Raises: RefusedError."""
    last = newest(registry, collection)
    if last is None:
        twin = next((name for name in collections(registry) if str(name).lower() == str(collection).lower()), None)
        if twin:
            raise RefusedError(f"'{collection}' differs from '{twin}' only by case", hint=f"use '{twin}'")
        return
    if (record(registry, last).link is not None) != link:
        kind, other = ("links", "log into another collection") if not link else ("logged versions", "link elsewhere")
        raise RefusedError(f"'{collection}' holds {kind}", hint=other)


def logged_type(registry: Registry, collection: CollectionName) -> str | None:
    """The type that a collection's versions have, None when there are none yet."""
    last = newest(registry, collection)
    return record(registry, last).type if last else None
