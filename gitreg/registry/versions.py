"""Versions: listing them, reading what they say, and giving new ones their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from gitreg.errors import RecordError, RefusedError, TypeMismatchError, reading
from gitreg.git.objects import Batch
from gitreg.git.refs import Change, Ref
from gitreg.records import refs as names_of_refs
from gitreg.records.listing import Listing
from gitreg.records.names import MAX_NUMBER, CollectionName, VersionName
from gitreg.records.objects import ZERO, Commit, Identity, Oid, Tag
from gitreg.records.records import VERSION, ArtifactRecord, Place, RunRecord, VersionRecord
from gitreg.records.trailers import Message, compose
from gitreg.registry import cards, runs, trees
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

    @property
    def place(self) -> Place:
        """Its name and its identity."""
        return Place(self.name, self.commit)

    def __str__(self) -> str:
        return str(self.name) if self.published else f"{self.name} (unpublished)"


@dataclass(frozen=True, slots=True)
class Head:
    """How far a collection has come.

    Attributes:
        newest: the version with the highest number of those that are not deleted, None without one; a draft before a
            published twin.
        last: the same of all, deleted or not.
        number: the next free number. Other people's tags of such a name take one too.
    """

    newest: Version | None
    last: Version | None
    number: int


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
        refs = registry.refs.find(names_of_refs.TAGS, names_of_refs.DRAFTS)
    else:
        refs = _refs_of(registry, collection)
    found = (version_of(registry, ref) for ref in refs)
    return sorted((version for version in found if version), key=_place)


def _place(version: Version) -> tuple[str, str, int, bool]:
    # plain tuples: comparing dataclasses takes longer than everything else about 10,000 versions
    name = version.name
    return name.collection.space, name.collection.name, name.number, not version.published


def _refs_of(registry: Registry, collection: CollectionName) -> list[Ref]:
    bases = (names_of_refs.TAGS, names_of_refs.DRAFTS)
    return registry.refs.find(*(names_of_refs.versions_pattern(collection, base) for base in bases))


def version_of(registry: Registry, ref: Ref) -> Version | None:
    """The version that a ref holds; None for other people's tags."""
    name = names_of_refs.parse_version(ref.name) if ref.is_tag else None
    published = ref.name.startswith(names_of_refs.TAGS) and (registry.has_remote or registry.is_server)
    return Version(name, ref.oid, ref.target, published) if name else None


def is_own(registry: Registry, oid: Oid) -> bool:
    """Whether an object is the tag of a version, and not somebody's own that is only named like one.

    Raises: MissingObjectError.
    """
    try:
        # one that is larger than a record may be is none either
        kind, data = registry.objects.read(oid)
        return kind == "tag" and VERSION in Message.parse(Tag.parse(data).message).trailers
    except RecordError:
        return False


def own(registry: Registry, found: Iterable[Version]) -> Iterator[Version]:
    """Those that really are versions, each looked at when it is reached. See `is_own`."""
    return (version for version in found if is_own(registry, version.tag))


def collections(registry: Registry) -> list[CollectionName]:
    """The collections that have a version, by name."""
    return sorted({version.name.collection for version in all_versions(registry)})


def head(registry: Registry, collection: CollectionName) -> Head:
    """How far the collection has come."""
    refs = _refs_of(registry, collection)
    names = [name for name in (names_of_refs.parse_version(ref.name) for ref in refs) if name]
    found = [version for version in (version_of(registry, ref) for ref in refs) if version]
    last = max(found, key=_place, default=None)
    newest = max(cards.living(registry, found), key=_place, default=None)
    return Head(newest, last, max((name.number + 1 for name in names), default=0))


def newest(registry: Registry, collection: CollectionName) -> Version | None:
    """The version with the highest number that is not deleted; a draft before a published twin."""
    return head(registry, collection).newest


def details(registry: Registry, version: Version) -> Details:
    """What a version's tag and commit say, checked against each other. Raises: RecordError, MissingObjectError."""
    with reading_of(version):
        return _details(registry, version)


def _details(registry: Registry, version: Version) -> Details:
    tag = registry.objects.tag(version.tag)
    record = _tag_record(tag, version)
    commit = registry.objects.commit(tag.target)
    logged = runs.parse(commit, tag.target)
    if logged is None or logged.artifact is None:
        raise RecordError(f"the commit of '{version.name}' logs no artifact")
    artifact, run = logged.artifact, logged.record
    source = record.link.version.collection if record.link else version.name.collection
    for what, told, there in (
        ("collection", source, artifact.collection),
        ("commit", record.link.commit if record.link else tag.target, tag.target),
        ("type", record.type, artifact.type),
        ("digest", record.digest, artifact.digest),
        ("size", record.size, artifact.size),
        ("files", record.files, artifact.files),
        ("manifest", record.manifest, artifact.manifest),
        ("references", record.references, artifact.references),
        ("run", record.run, run.id),
    ):
        if told != there:
            raise RecordError(f"tag and commit of '{version.name}' disagree about '{what}'")
    return Details(version, record, artifact, run, commit)


def _tag_record(tag: Tag, version: Version) -> VersionRecord:
    document = Message.parse(tag.message).record(VERSION)
    if document is None:
        raise RecordError(
            f"tag '{version.name.tag}' is not gitreg's: it has no {VERSION} record",
            hint=f"if the tag is yours, log into a collection of another name than '{version.name.collection}'",
        )
    record = VersionRecord.parse(document)
    if not (tag.name == version.name.tag == record.version.tag and tag.target == version.commit):
        raise RecordError(f"header, ref and record of tag '{version.name.tag}' disagree")
    return record


def record(registry: Registry, version: Version) -> VersionRecord:
    """What a version's tag says, without reading its commit. Raises: RecordError."""
    return tagged(registry, version)[0]


def tagged(registry: Registry, version: Version) -> tuple[VersionRecord, Identity]:
    """What a version's tag says, and who made it when. Raises: RecordError."""
    with reading_of(version):
        tag = registry.objects.tag(version.tag)
        return _tag_record(tag, version), tag.tagger


def reading_of(version: Version) -> AbstractContextManager[None]:
    """While a version is read: a RecordError says which one it is."""
    return reading(f"'{version.name}'", str(version.tag))


def listing(registry: Registry, found: Details) -> Listing:
    """A version's files. Raises: RecordError, MissingBytesError when a large manifest is not here."""
    with reading_of(found.version):
        return trees.read(registry, found.commit.tree, found.artifact)


def tag_object(registry: Registry, record: VersionRecord, commit: Oid) -> tuple[str, bytes]:
    """The tag of a version as an object to write."""
    message = compose(str(record.version), {VERSION: record.document()})
    return ("tag", Tag(commit, record.version.tag, registry.now(), message).encode())


def create(
    registry: Registry, batch: Batch, record: VersionRecord, commit: Oid, also: Iterable[Change] = ()
) -> Version:
    """Make a version of the commit, in one transaction with the changes of `also`.

    `record` holds the number that was free when the caller looked; `batch` what has to be written first. A new version
    is a draft, or a tag at once without a registry remote. Raises: RefusedError when a collection has no numbers left,
    RefMovedError when somebody took the number or a ref of `also` has moved: look again, then try again.
    """
    name = record.version
    if name.number > MAX_NUMBER:
        raise RefusedError(f"'{name.collection}' has no numbers left", hint="log into another collection")
    tag = batch.add(*tag_object(registry, record, commit))
    ref = names_of_refs.draft(name) if registry.has_remote else names_of_refs.version_tag(name)
    registry.transact(batch, [Change(ref, ZERO, tag), *also])
    return Version(name, tag, commit, published=False)


def check_next(
    registry: Registry, collection: CollectionName, last: Version | None, *, type: str, link: bool
) -> VersionRecord | None:
    """The record of the last version, after which one of this type may come; None before the first.

    Raises: TypeMismatchError, RefusedError for links among logged versions (or the other way round), for a name that
    differs from another only by case, and where a tag leaves no room for it.
    """
    if last is None:
        _check_place(registry, collection)
        twin = next((name for name in collections(registry) if str(name).lower() == str(collection).lower()), None)
        if twin and twin != collection:
            raise RefusedError(f"'{collection}' differs from '{twin}' only by case", hint=f"use '{twin}'")
        return None
    found = record(registry, last)
    if (found.link is not None) != link:
        kind, other = ("links", "log into another collection") if not link else ("logged versions", "link elsewhere")
        raise RefusedError(f"'{collection}' holds {kind}", hint=other)
    if found.type != type:
        raise TypeMismatchError(str(collection), found.type, type, hint="choose another name or type")
    return found


def _check_place(registry: Registry, collection: CollectionName) -> None:
    """Raises: RefusedError when somebody's own tag has the name of the registry: a ref is a file or a folder."""
    tag = registry.refs.get(names_of_refs.TAGS + collection.space) if collection.space else None
    if tag:
        raise RefusedError(
            f"the tag '{collection.space}' leaves no room for versions of '{collection}'",
            hint=f"rename it: git tag {collection.space}-old {collection.space} && git tag -d {collection.space}",
        )


def logged_type(registry: Registry, collection: CollectionName) -> str | None:
    """The type that a collection's versions have, None when there are none yet."""
    last = next(own(registry, reversed(all_versions(registry, collection))), None)
    return record(registry, last).type if last else None
