"""Version tags that somebody pushes to a server: made once, well-formed (FORMAT.md 5 and 6), never moved or deleted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from gitreg.errors import RecordError, RefusedError, TypeMismatchError
from gitreg.records import refs as names
from gitreg.records.listing import Listing
from gitreg.records.names import CollectionName, VersionName
from gitreg.records.objects import Oid, Tag
from gitreg.records.records import VersionRecord
from gitreg.records.trailers import Message
from gitreg.registry import runs, trees, versions
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Details, Version

# a ref below one of a version would leave no room for that
_LOOKS_LIKE_A_VERSION = re.compile(r"(refs/tags/.+?@v[0-9]+)(/.+)?\Z", re.DOTALL)
# Listing one collection's versions takes milliseconds, listing all of a large registry a second.
_FEW = 50
_NEXT = "to publish a version: gitreg push, which gives it the next number"


@dataclass
class Versions:
    """Checks the tags of a push.

    Attributes:
        coming: the refs of the push and what they would point at, but for those that it deletes.
    """

    registry: Registry
    coming: Mapping[str, Oid]
    _commits: dict[VersionName, Oid | None] = field(default_factory=dict)
    _first: dict[CollectionName, VersionRecord | None] = field(default_factory=dict)

    def check(self, ref: str, old: Oid, new: Oid) -> None:
        """Raises: RefusedError, RecordError, MissingObjectError, TypeMismatchError."""
        match = _LOOKS_LIKE_A_VERSION.match(ref)
        if not match:
            return
        tag = ref.removeprefix(names.TAGS)
        # of what is deleted the pusher may have said anything: git takes an object that is not there for a broken ref
        there = old if new else self.registry.objects.at(ref)
        if there and versions.is_own(self.registry, there):
            if not new:
                hint = f"to mark it as deleted: gitreg delete {tag.replace('@', ':')}"
                raise RefusedError(f"version '{tag}' is published and is never deleted", hint=hint)
            hint = f"to have the published one: git tag -d {tag}, then git fetch"
            raise RefusedError(f"version '{tag}' is published and never moves", hint=hint)
        if not new:
            return
        name = names.parse_version(match[1])
        is_own = versions.is_own(self.registry, new)
        if is_own and (old or name is None or match[2]):
            words = "is somebody's own tag, and its number is taken" if old else "is no name of a version"
            raise RefusedError(f"'{tag}' {words}", hint=_NEXT)
        if is_own and name:
            self._check_version(name, new)
        elif name and (self._last(name.collection) or self._logs_artifact(new)):
            words = f"'{tag}' is no version's tag, and would take a number of '{name.collection}'"
            raise RefusedError(words, hint=f"choose another name; {_NEXT}")

    def commit_of(self, name: VersionName) -> Oid | None:
        """The commit of a version that is published, or would be by this push. Raises: RecordError."""
        if name not in self._commits:
            ref = names.version_tag(name)
            oid = self.registry.objects.at(ref) or self.coming.get(ref)
            is_own = oid and versions.is_own(self.registry, oid)
            self._commits[name] = self.registry.objects.tag(oid).target if oid and is_own else None
        return self._commits[name]

    def _check_version(self, name: VersionName, oid: Oid) -> None:
        tag = Tag.parse(self.registry.objects.read(oid)[1])
        found = versions.details(self.registry, Version(name, oid, tag.target, published=True))
        if Message.parse(tag.message).subject != str(name):
            raise RecordError(f"its first line does not say '{name}'")
        self._check_tree(found)
        self._check_collection(found.record)

    def _check_tree(self, found: Details) -> None:
        """Check what needs no bytes. Raises: RecordError."""
        name = found.artifact.collection.name
        files, problems = trees.examine(self.registry, found.commit.tree, name)
        if problems:
            raise RecordError(problems[0])
        manifest, sizes = files.get(f"artifacts/{name}.sha256"), files.get(f"artifacts/{name}.files")
        references = files.get(f"artifacts/{name}.references", b"")
        if manifest is None or sizes is None or f"artifacts/{name}.references.dvc" in files:
            return
        listing = Listing.parse(manifest, sizes, references)
        for what in trees.disagreements(found.artifact, listing, files[f"artifacts/{name}.dvc"]):
            raise RecordError(f"its files and its {what} disagree")

    def _check_collection(self, record: VersionRecord) -> None:
        """A collection has one type, and either links or logged versions; no other differs from it by case alone."""
        collection = record.version.collection
        last = self._last(collection)
        if last is None:
            twin = self._by_case.setdefault(str(collection).lower(), collection)
            if twin != collection:
                raise RefusedError(f"'{collection}' differs from '{twin}' only by case", hint=f"use '{twin}'")
            self._first[collection] = record
        elif (last.link is None) != (record.link is None):
            raise RefusedError(f"'{collection}' holds {'links' if last.link else 'logged versions'}", hint=_NEXT)
        elif last.type != record.type:
            raise TypeMismatchError(str(collection), last.type, record.type)

    def _last(self, collection: CollectionName) -> VersionRecord | None:
        """The record of a version that the collection has already, None when there is none. Raises: RecordError."""
        if collection not in self._first:
            last = next(versions.own(self.registry, reversed(self._known(collection))), None)
            self._first[collection] = versions.record(self.registry, last) if last else None
        return self._first[collection]

    def _known(self, collection: CollectionName) -> list[Version]:
        if len(self.coming) <= _FEW:
            return versions.all_versions(self.registry, collection)
        return self._all.get(collection, [])

    @cached_property
    def _all(self) -> dict[CollectionName, list[Version]]:
        found: dict[CollectionName, list[Version]] = {}
        for version in versions.all_versions(self.registry):
            found.setdefault(version.name.collection, []).append(version)
        return found

    @cached_property
    def _by_case(self) -> dict[str, CollectionName]:
        return {str(name).lower(): name for name in versions.collections(self.registry)}

    def _logs_artifact(self, oid: Oid) -> bool:
        """Whether it is a commit, and a version's."""
        kind, _ = self.registry.objects.read(oid)
        step = runs.parse(self.registry.objects.commit(oid), oid) if kind == "commit" else None
        return step is not None and step.artifact is not None
