"""Whether versions are what FORMAT.md 5 and 6 say: tag against commit, tree, pointer, listing, manifest, bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from gitreg.data.config import Storage, parse_version_config, version_config
from gitreg.data.configfile import Section, normalised, parse
from gitreg.errors import RecordError
from gitreg.git.objects import MissingObjectError
from gitreg.health.check_bytes import Bytes, Owner, Wanted
from gitreg.health.findings import Findings, ToldError
from gitreg.health.survey import Step, Survey
from gitreg.records import refs as names_of_refs
from gitreg.records.listing import Listing
from gitreg.records.names import CollectionName, VersionName
from gitreg.records.objects import Oid
from gitreg.records.pointer import Pointer
from gitreg.records.trailers import Message
from gitreg.registry import trees, versions
from gitreg.registry.versions import Details, Version


@dataclass(slots=True)
class Versions:
    """Checks the versions of a survey.

    Attributes:
        count: how many were checked.
        runs: the runs that made them.
    """

    survey: Survey
    content: Bytes
    count: int = 0
    runs: set[str] = field(default_factory=set)
    _types: dict[CollectionName, dict[tuple[str, bool], list[VersionName]]] = field(default_factory=dict)
    _seen: set[Oid] = field(default_factory=set)
    _storages: dict[bytes, Storage | None] = field(default_factory=dict)

    @property
    def _findings(self) -> Findings:
        return self.survey.findings

    def check(self) -> None:
        """Check each version, then what they must not be to each other."""
        published = {version.commit for version in self.survey.versions if version.published}
        # the version that was logged comes before its links, and speaks for the tree
        for version in sorted(self.survey.versions, key=lambda item: item.name.collection.space != ""):
            if self.survey.covers(version.name.collection):
                self.count += 1
                remedy = _remedy(version)
                self.survey.told.add(version.name)
                with self._findings.guarded(version.name, remedy):
                    self._check(version, remedy, is_draft=version.commit not in published)
                    self.survey.told.discard(version.name)
        self._check_collections()
        self._check_twins()

    def _check(self, version: Version, remedy: str, *, is_draft: bool) -> None:
        try:
            found = versions.details(self.survey.registry, version)
        except (RecordError, MissingObjectError):
            # when it is the commit that cannot be read, this says so, once for all that needs it
            step = self.survey.step(version.commit)
            if step is None or version.published or self._has_record(version):
                raise
            # 'gitreg drop' has to read the tag of what it takes back
            ref = names_of_refs.draft if self.survey.is_draft(version) else names_of_refs.version_tag
            remedy = f"git update-ref -d {ref(version.name)} && gitreg drop {step.run}, and log the artifact again"
            with self._findings.guarded(version.name, remedy):
                raise
            raise ToldError("the tag cannot be read") from None
        self.survey.steps.setdefault(version.commit, Step.of(found.commit, found.run, found.artifact))
        self.runs.add(found.run.id)
        kind = (found.record.type, found.record.link is not None)
        self._types.setdefault(version.name.collection, {}).setdefault(kind, []).append(version.name)
        subject = Message.parse(self.survey.registry.objects.tag(version.tag).message).subject
        if subject != str(version.name):
            self._findings.warning(version.name, f"its tag's first line says '{subject}'", remedy)
        if version.commit not in self._seen:
            self._seen.add(version.commit)
            self._check_content(found, remedy, is_draft=is_draft)

    def _has_record(self, version: Version) -> bool:
        try:
            versions.record(self.survey.registry, version)
        except RecordError:
            return False
        return True

    def _check_content(self, found: Details, remedy: str, *, is_draft: bool) -> None:
        """Check the tree, and the bytes as far as the tree can say which they are."""
        subject, name = found.version.name, found.artifact.collection.name
        files, problems = trees.examine(self.survey.registry, found.commit.tree, name)
        for problem in problems:
            self._findings.error(subject, problem, remedy)
        storage = self._storage(subject, files.get(".dvc/config", b""), remedy)
        owner = self._owner(found, storage, is_draft=is_draft)
        manifest = self._sidecar(found, owner, files, "sha256", remedy)
        sizes = self._sidecar(found, owner, files, "files", remedy)
        references = self._references(found, owner, files, remedy)
        pointer = files.get(f"artifacts/{name}.dvc")
        if manifest is None or sizes is None or references is None or pointer is None:
            return
        listing = Listing.parse(manifest, sizes, references)
        for what in trees.disagreements(found.artifact, listing, pointer):
            self._findings.error(subject, f"its files and its {what} disagree", remedy)
        folder = listing.directory_object
        sha256 = hashlib.sha256(folder).hexdigest()
        objects = [Wanted(entry.md5, entry.size, entry.sha256, f"'{entry.path}'") for entry in listing]
        self.content.need(owner, [*objects, Wanted(listing.pointer_md5, len(folder), sha256, "its directory object")])

    def _storage(self, subject: VersionName, text: bytes, remedy: str) -> Storage | None:
        """The storage that a version's own configuration names."""
        if text not in self._storages:
            self._storages[text] = None
            with self._findings.guarded(subject, remedy):
                storage = self._storages[text] = parse_version_config(text)
                if _sections(text) != _sections(version_config(storage)):
                    problem = "'.dvc/config' in its tree says more than where the storage is: is it a secret?"
                    self._findings.error(subject, problem, f"change what is secret there; {remedy}")
        return self._storages[text]

    def _owner(self, found: Details, storage: Storage | None, *, is_draft: bool) -> Owner:
        version = found.version
        put = f"log the same files again: gitreg put PATH --name {found.artifact.collection} --type TYPE"
        get = f"'gitreg get {version.name}' fetches it again"
        if not is_draft:
            return Owner(str(version.name), "published", get, storage or self.content.default)
        if self.survey.registry.has_remote or self.survey.is_draft(version):
            return Owner(str(version.name), "draft", put, storage or self.content.default)
        return Owner(str(version.name), "alone", get if storage else put, storage)

    def _references(self, found: Details, owner: Owner, files: dict[str, bytes], remedy: str) -> bytes | None:
        """The list of references, empty without any, None when it cannot be had; why, is reported."""
        name = f"artifacts/{found.artifact.collection.name}.references"
        if name in files or f"{name}.dvc" in files:
            return self._sidecar(found, owner, files, "references", remedy)
        if found.artifact.references:
            self._findings.error(found.version.name, f"its tree has no '{name}'", remedy)
            return None
        return b""

    def _sidecar(self, found: Details, owner: Owner, files: dict[str, bytes], end: str, remedy: str) -> bytes | None:
        """The manifest or listing, None when it cannot be had; why, is reported."""
        subject, name = found.version.name, f"{found.artifact.collection.name}.{end}"
        text = files.get(f"artifacts/{name}")
        if text is not None:
            if len(text) > trees.MAX_BLOB:
                problem = f"'{name}' has {len(text)} bytes in its tree, where at most 1 MiB belongs"
                self._findings.warning(subject, problem, remedy)
            return text
        if f"artifacts/{name}.dvc" not in files:
            return None
        pointer = Pointer.parse(files[f"artifacts/{name}.dvc"])
        if pointer.is_dir or pointer.path != name:
            raise RecordError(f"'artifacts/{name}.dvc' in its tree is no pointer to '{name}'")
        told = found.artifact
        recorded = {"sha256": told.manifest, "references": told.references.manifest if told.references else ""}
        sha256 = recorded.get(end, "")
        text = self.content.text(owner, Wanted(pointer.md5, pointer.size, sha256, f"'{name}'"))
        if text is None and owner.state == "published" and self.content.cache and not self.content.is_here(pointer.md5):
            problem = f"'{name}' is too large for Git and not in the cache, so its files were not checked"
            self._findings.note(subject, problem, f"gitreg get {subject}, then check again")
        return text

    def _check_collections(self) -> None:
        """A collection holds versions of one type, and either links or logged versions."""
        for collection, kinds in self._types.items():
            links = [name for (_, link), names in kinds.items() if link for name in names]
            logged = [name for (_, link), names in kinds.items() if not link for name in names]
            if links and logged:
                few = min(links, logged, key=len)
                problem = f"it holds links and logged versions: {few[0].label}{_more(few)} among the others"
                self._findings.error(collection, problem, "link or log into another collection from now on")
            types = sorted({type for type, _ in kinds})
            if len(types) > 1:
                problem = f"it holds versions of several types: {', '.join(types)}"
                self._findings.warning(collection, problem, "log other types into another collection from now on")
        self._check_case()

    def _check_case(self) -> None:
        """Names that differ only by case are one file where file systems ignore case."""
        names = {version.name.collection for version in self.survey.versions}
        for kind, texts in (("collection", map(str, names)), ("space", {name.space for name in names if name.space})):
            for twins in _twins(texts):
                if self.survey.scope is None or any(
                    str(name) in twins or name.space in twins for name in self.survey.scope
                ):
                    problem = f"{kind} '{twins[0]}' and '{twins[1]}' differ only by case"
                    self._findings.error(
                        twins[0], problem, "use one of them from now on; a clone on macOS has only one"
                    )

    def _check_twins(self) -> None:
        """A number that is pending here and published."""
        by_name: dict[VersionName, list[Version]] = {}
        for version in self.survey.versions:
            if self.survey.covers(version.name.collection):
                by_name.setdefault(version.name, []).append(version)
        for name, found in by_name.items():
            if len(found) < 2:
                continue
            if len({version.tag for version in found}) == 1:
                problem = "it is published, and its draft is still here: publishing was interrupted"
                self._findings.note(name, problem, "gitreg push")
            else:
                problem = "somebody else has published this number; the draft here gets another one"
                self._findings.note(name, problem, "gitreg push")


def _remedy(version: Version) -> str:
    """What to do about a version that is not what it must be."""
    if version.published:
        return "published versions never change: log the artifact again, as a new version"
    return f"gitreg drop {version.name}, and log the artifact again"


def _sections(text: bytes) -> Section:
    return normalised(parse(text.decode(), None, interpolation=False).dict())


def _twins(names: Iterable[str]) -> Iterator[list[str]]:
    """Groups of names that differ only by case."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(name.lower(), []).append(name)
    return (sorted(group) for group in groups.values() if len(group) > 1)


def _more(found: Sequence[object]) -> str:
    return f" and {len(found) - 1} more" if len(found) > 1 else ""
