"""Four records of FORMAT.md as frozen types: runs, artifacts, versions, promotions. Edits are in `cards`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar, get_args

from gitreg.errors import InvalidNameError, RecordError
from gitreg.records import fields, trailers
from gitreg.records.behind import NOBODY, By, Evidence
from gitreg.records.fields import SCHEMA, Document
from gitreg.records.names import (
    AliasName,
    CollectionName,
    RunId,
    VersionName,
    VersionNumber,
    check_alias,
    check_run_id,
    parse_number,
)
from gitreg.records.objects import Oid
from gitreg.records.references import Summed

RUN = "Gitreg-Run"
ARTIFACT = "Gitreg-Artifact"
VERSION = "Gitreg-Version"
ALIAS = "Gitreg-Alias"

State = Literal["running", "finished", "failed", "crashed"]
Action = Literal["set", "delete", "adopt"]
T = TypeVar("T")

_MD5 = re.compile(r"[0-9a-f]{32}\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Use:
    """A version as a run's input or repeated output: the commit is what counts, the name is a hint.

    Attributes:
        version: its name when it was used.
        commit: the version's commit.
        digest: W&B's digest of the content.
        unpublished: True when it was a draft, so that its number may have changed since.
    """

    version: VersionName
    commit: Oid
    digest: str
    unpublished: bool = False

    @classmethod
    def parse(cls, document: Document) -> Use:
        """Raises: RecordError."""
        return cls(
            _version(document),
            _oid(document, "commit"),
            _hex(document, "digest", _MD5),
            fields.boolean(document, "unpublished", default=False),
        )

    def document(self) -> dict[str, object]:
        """The mapping that is written."""
        return {
            "artifact": str(self.version.collection),
            "version": self.version.label,
            "commit": str(self.commit),
            "digest": self.digest,
            **({"unpublished": True} if self.unpublished else {}),
        }


@dataclass(frozen=True, slots=True)
class Code:
    """The code of a run: the commit it starts at, and why there is no snapshot when one was wanted."""

    commit: Oid
    snapshot: bool
    error: str = ""

    @classmethod
    def parse(cls, document: Document) -> Code:
        """Read the field `code` of a run's record. Raises: RecordError."""
        code = fields.mapping(document, "code", required=True)
        return cls(_oid(code, "commit"), fields.boolean(code, "snapshot"), fields.string(code, "error", ""))


@dataclass(frozen=True, slots=True)
class RunRecord:
    """`Gitreg-Run`, FORMAT.md 4.4."""

    id: RunId
    name: str
    code: Code
    state: State = "running"
    job_type: str = ""
    group: str = ""
    project: str = ""
    entity: str = ""
    notes: str = ""
    tags: tuple[str, ...] = ()
    started: str = ""
    ended: str = ""
    config: Mapping[str, object] = field(default_factory=dict)
    summary: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, object] = field(default_factory=dict)
    inputs: tuple[Use, ...] = ()
    reused: tuple[Use, ...] = ()

    @classmethod
    def parse(cls, document: Document) -> RunRecord:
        """Raises: RecordError, NewerSchemaError."""
        fields.check_schema(document, "run")
        return cls(
            id=named(check_run_id, document, "id"),
            name=fields.string(document, "name"),
            code=Code.parse(document),
            state=fields.word(document, "state", get_args(State)),
            job_type=fields.string(document, "job_type", ""),
            group=fields.string(document, "group", ""),
            project=fields.string(document, "project", ""),
            entity=fields.string(document, "entity", ""),
            notes=fields.string(document, "notes", ""),
            tags=fields.strings(document, "tags"),
            started=fields.string(document, "started", ""),
            ended=fields.string(document, "ended", ""),
            config=fields.mapping(document, "config"),
            summary=fields.mapping(document, "summary"),
            metrics=fields.mapping(document, "metrics"),
            inputs=fields.items(document, "inputs", Use.parse),
            reused=fields.items(document, "reused", Use.parse),
        )

    def document(self) -> dict[str, object]:
        """The mapping that is written."""
        code: dict[str, object] = {"commit": str(self.code.commit), "snapshot": self.code.snapshot}
        if self.code.error:
            code["error"] = self.code.error
        return {
            "schema": SCHEMA,
            "id": self.id,
            "name": self.name,
            **fields.present(
                job_type=self.job_type,
                group=self.group,
                project=self.project,
                entity=self.entity,
                notes=self.notes,
                tags=list(self.tags),
            ),
            "state": self.state,
            **fields.present(started=self.started, ended=self.ended),
            "code": code,
            "config": self.config,
            "summary": self.summary,
            **fields.present(
                metrics=self.metrics,
                inputs=[use.document() for use in self.inputs],
                reused=[use.document() for use in self.reused],
            ),
        }

    def parents(self, previous: Oid) -> tuple[Oid, ...]:
        """What the parents of this record's commit must be, FORMAT.md 4.2."""
        return tuple(dict.fromkeys([previous, *(use.commit for use in self.inputs)]))


@dataclass(frozen=True, slots=True)
class ArtifactRecord:
    """`Gitreg-Artifact`, FORMAT.md 5.6."""

    collection: CollectionName
    type: str
    digest: str
    size: int
    files: int
    pointer: str
    manifest: str
    description: str = ""
    metadata: Mapping[str, object] = field(default_factory=dict)
    references: Summed | None = None
    step: int | None = None

    @classmethod
    def parse(cls, document: Document) -> ArtifactRecord:
        """Raises: RecordError, NewerSchemaError."""
        fields.check_schema(document, "artifact")
        pointer = fields.string(document, "pointer")
        if not _MD5.match(pointer.removesuffix(".dir")) or not pointer.endswith(".dir"):
            raise RecordError(f"field 'pointer' holds {pointer!r}, expected the md5 of a directory object")
        return cls(
            collection=named(CollectionName.parse, document, "collection"),
            type=fields.string(document, "type"),
            digest=_hex(document, "digest", _MD5),
            size=fields.integer(document, "size"),
            files=fields.integer(document, "files"),
            pointer=pointer,
            manifest=_hex(document, "manifest", _SHA256),
            description=fields.string(document, "description", ""),
            metadata=fields.mapping(document, "metadata"),
            references=_references(document),
            step=fields.integer(document, "step") if "step" in document else None,
        )

    def document(self) -> dict[str, object]:
        """The mapping that is written."""
        return {
            "schema": SCHEMA,
            "collection": str(self.collection),
            "type": self.type,
            **fields.present(description=self.description, metadata=self.metadata),
            "digest": self.digest,
            "size": self.size,
            "files": self.files,
            "pointer": self.pointer,
            "manifest": self.manifest,
            **_told(self.references),
            **({} if self.step is None else {"step": self.step}),
        }


@dataclass(frozen=True, slots=True)
class Place:
    """A version by name and commit, as links and promotions point at one."""

    version: VersionName
    commit: Oid


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """`Gitreg-Version`, FORMAT.md 6.2. `link` is the source of a link, None for a logged version."""

    version: VersionName
    type: str
    digest: str
    size: int
    files: int
    manifest: str
    run: RunId
    link: Place | None = None
    references: Summed | None = None

    @classmethod
    def parse(cls, document: Document) -> VersionRecord:
        """Raises: RecordError, NewerSchemaError."""
        fields.check_schema(document, "version")
        link = fields.mapping(document, "link")
        return cls(
            version=VersionName(
                named(CollectionName.parse, document, "collection"), VersionNumber(fields.integer(document, "number"))
            ),
            type=fields.string(document, "type"),
            digest=_hex(document, "digest", _MD5),
            size=fields.integer(document, "size"),
            files=fields.integer(document, "files"),
            manifest=_hex(document, "manifest", _SHA256),
            run=named(check_run_id, document, "run"),
            link=Place(_version(link), _oid(link, "commit")) if link else None,
            references=_references(document),
        )

    def document(self) -> dict[str, object]:
        """The mapping that is written."""
        document: dict[str, object] = {
            "schema": SCHEMA,
            "collection": str(self.version.collection),
            "number": self.version.number,
            "type": self.type,
            "digest": self.digest,
            "size": self.size,
            "files": self.files,
            "manifest": self.manifest,
            **_told(self.references),
            "run": self.run,
        }
        if self.link:
            document["link"] = {
                "artifact": str(self.link.version.collection),
                "version": self.link.version.label,
                "commit": str(self.link.commit),
            }
        return document

    def renumbered(self, number: VersionNumber) -> VersionRecord:
        """The same version under another number."""
        return replace(self, version=replace(self.version, number=number))


@dataclass(frozen=True, slots=True)
class AliasRecord:
    """`Gitreg-Alias`, FORMAT.md 7.4. `now` is None in a removal, `previous` when the alias was nowhere.

    `by` and `evidence` are empty in a move that somebody made directly.
    """

    alias: AliasName
    action: Action
    seq: int
    now: Place | None
    previous: Place | None
    reason: str = ""
    by: By = NOBODY
    evidence: tuple[Evidence, ...] = ()

    @classmethod
    def parse(cls, document: Document) -> AliasRecord:
        """Raises: RecordError, NewerSchemaError."""
        fields.check_schema(document, "alias")
        action: Action = fields.word(document, "action", get_args(Action))
        if action == "delete" and ("version" in document or "commit" in document):
            raise RecordError("field 'action' holds 'delete', and the record names a version")
        collection = named(CollectionName.parse, document, "collection")
        previous = fields.mapping(document, "previous")
        return cls(
            alias=AliasName(collection, named(check_alias, document, "alias")),
            action=action,
            seq=fields.integer(document, "seq"),
            now=place(document, collection) if action != "delete" else None,
            previous=place(previous, collection) if previous else None,
            reason=fields.string(document, "reason", ""),
            by=By.read(fields.mapping(document, "by")),
            evidence=fields.items(document, "evidence", Evidence.parse),
        )

    def document(self) -> dict[str, object]:
        """The mapping that is written."""
        document: dict[str, object] = {
            "schema": SCHEMA,
            "collection": str(self.alias.collection),
            "alias": self.alias.alias,
            "action": self.action,
            "seq": self.seq,
        }
        if self.now:
            document |= {"version": self.now.version.label, "commit": str(self.now.commit)}
        if self.previous:
            document["previous"] = {"version": self.previous.version.label, "commit": str(self.previous.commit)}
        told = fields.present(
            reason=self.reason, by=self.by.document(), evidence=[item.document() for item in self.evidence]
        )
        return {**document, **told}

    @property
    def subject(self) -> str:
        """The promotion commit's first line."""
        return f"{self.alias.alias} -> {self.now.version.tag if self.now else 'nothing'}"

    def message(self) -> str:
        """The promotion commit's message. Raises: RecordError."""
        # git would take a line such as 'Key: value' at the reason's end for a trailer only in the last paragraph,
        # which is ours; blank lines inside the reason are its own.
        return trailers.compose(self.subject, {ALIAS: self.document()}, self.reason)


def alias_root_message(alias: AliasName) -> str:
    """The message of an alias's root commit, FORMAT.md 7.1."""
    return f"alias {alias.ref_name}\n"


def _references(document: Document) -> Summed | None:
    found = fields.mapping(document, "references")
    if not found:
        return None
    return Summed(_hex(found, "manifest", _SHA256), fields.integer(found, "files"), fields.integer(found, "size"))


def _told(references: Summed | None) -> dict[str, object]:
    return {"references": references.document()} if references else {}


def named(check: Callable[[str], T], document: Document, key: str) -> T:
    """A name, which `check` reads. Raises: RecordError."""
    text = fields.string(document, key)
    try:
        return check(text)
    except InvalidNameError as error:
        raise RecordError(f"field '{key}': {error}") from error


def _oid(document: Document, key: str) -> Oid:
    text = fields.string(document, key)
    try:
        return Oid.parse(text)
    except RecordError as error:
        raise RecordError(f"field '{key}' holds {text!r}, expected an object id") from error


def _hex(document: Document, key: str, pattern: re.Pattern[str]) -> str:
    text = fields.string(document, key)
    if not pattern.match(text):
        raise RecordError(f"field '{key}' holds {text!r}, expected a hash")
    return text


def _number(document: Document) -> VersionNumber:
    text = fields.string(document, "version")
    number = parse_number(text)
    if number is None:
        raise RecordError(f"field 'version' holds {text!r}, expected v<number>")
    return number


def _version(document: Document) -> VersionName:
    return VersionName(named(CollectionName.parse, document, "artifact"), _number(document))


def place(document: Document, collection: CollectionName) -> Place:
    """The version of the collection that `version` and `commit` say. Raises: RecordError."""
    return Place(VersionName(collection, _number(document)), _oid(document, "commit"))
