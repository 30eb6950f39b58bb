"""What the ref of a collection holds, FORMAT.md 11: the record of each edit, the files of the state, and merging them.

A version is known by its number and its commit together: a draft's number is provisional, and a registered model may
link one commit twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from gitreg.errors import InvalidNameError, RecordError, TooLargeError
from gitreg.records import fields, trailers, yamlio
from gitreg.records.fields import SCHEMA, Document
from gitreg.records.names import CollectionName, VersionName, VersionNumber, parse_number
from gitreg.records.objects import Oid
from gitreg.records.records import Place, named, place

COLLECTION = "Gitreg-Collection"

CARD = "card.md"
ABOUT = "collection.yaml"
VERSIONS = "versions"
DELETED = "deleted"

MAX_CARD = 1 << 20
MAX_DESCRIPTION = 1 << 16
MAX_TAGS = 1000
MAX_TAG = 256
# versions in one folder: a tree is written anew with each edit
_FOLDER = 100

Action = Literal["edit", "delete", "undelete"]

_TAG = re.compile(r"[-\w]+(?: +[-\w]+)*\Z")
_PLACE = re.compile(rf"({VERSIONS}|{DELETED})/(0|[1-9][0-9]*)/(v[0-9]+)\.([0-9a-f]{{40}})\.yaml\Z")


def check_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """The tags, each once, in their order. W&B's rule: letters, digits, `_`, `-`, and blanks between words.

    Raises: InvalidNameError, TooLargeError.
    """
    found = tuple(dict.fromkeys(tags))
    for tag in found:
        why = None
        if len(tag) > MAX_TAG:
            why = f"longer than {MAX_TAG} characters"
        elif not _TAG.match(tag):
            why = "only letters, digits, '_', '-', and blanks between words are allowed"
        if why:
            raise InvalidNameError(tag, "tag", why, hint="such as 'ready for review'")
    check_count(found)
    return found


def check_count(tags: Sequence[str]) -> None:
    """Raises: TooLargeError for more tags than there may be."""
    if len(tags) > MAX_TAGS:
        raise TooLargeError(f"{len(tags)} tags are more than {MAX_TAGS}", hint="put the rest into the metadata")


def check_description(text: str) -> str:
    """Raises: TooLargeError, RecordError for what a record cannot hold."""
    yamlio.dump({"description": text})
    if len(text) > MAX_DESCRIPTION:
        raise TooLargeError(
            f"a description of {len(text):,} characters is longer than {MAX_DESCRIPTION:,}",
            hint="long texts belong into the card: gitreg edit NAME --card FILE",
        )
    return text


def encode_card(text: str) -> bytes | None:
    """The file of a card, with a line break at its end; None for an empty one. Raises: TooLargeError, RecordError."""
    lines = text.replace("\r\n", "\n").rstrip("\n")
    try:
        data = f"{lines}\n".encode()
    except UnicodeEncodeError as error:
        raise RecordError("a card must not hold a lone surrogate") from error
    if "\0" in lines:
        raise RecordError("a card must not hold NUL")
    if len(data) > MAX_CARD:
        raise TooLargeError(f"a card of {len(data):,} bytes is larger than {MAX_CARD:,}", hint="link to the rest of it")
    return data if lines else None


def decode_card(data: bytes | None) -> str:
    """The Markdown of a card, '' without one. Raises: RecordError."""
    return _text(data or b"")


def _text(data: bytes) -> str:
    if len(data) > MAX_CARD:
        raise RecordError(f"a file of the collection's ref is larger than {MAX_CARD} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise RecordError("a file of the collection's ref is not UTF-8") from error


@dataclass(frozen=True, slots=True)
class Notes:
    """What was said of a collection or a version after it was made.

    Attributes:
        description: None where nothing was said: of a version, the one it was logged with counts.
        tags: in the order in which they were given.
    """

    description: str | None = None
    tags: tuple[str, ...] = ()

    @classmethod
    def parse(cls, data: bytes | None) -> Notes:
        """Read the file; nothing where there is none. Raises: RecordError, NewerSchemaError."""
        if data is None:
            return cls()
        document = yamlio.load(_text(data))
        fields.check_schema(document, "collection")
        return cls(
            fields.string(document, "description") if "description" in document else None,
            fields.strings(document, "tags"),
        )

    def encode(self) -> bytes | None:
        """The file, None when there is nothing to say."""
        said = {} if self.description is None else {"description": self.description}
        document = {**said, **fields.present(tags=list(self.tags))}
        return yamlio.dump({"schema": SCHEMA, **document}).encode() if document else None


@dataclass(frozen=True, slots=True)
class Deletion:
    """The tombstone of a version.

    Attributes:
        when: RFC 3339 in UTC.
        by: `Name <email>`.
        reason: may be empty.
    """

    when: str
    by: str
    reason: str = ""

    @classmethod
    def parse(cls, data: bytes) -> Deletion:
        """Read the file. Raises: RecordError, NewerSchemaError."""
        document = yamlio.load(_text(data))
        fields.check_schema(document, "collection")
        return cls(
            fields.string(document, "when"), fields.string(document, "by"), fields.string(document, "reason", "")
        )

    def encode(self) -> bytes:
        """The file."""
        document = {"when": self.when, "by": self.by, **fields.present(reason=self.reason)}
        return yamlio.dump({"schema": SCHEMA, **document}).encode()


def notes_path(place: Place | None) -> str:
    """Where the notes of a version lie in the tree; of the collection itself for None."""
    return _path(VERSIONS, place) if place else ABOUT


def deletion_path(place: Place) -> str:
    """Where the tombstone of a version lies in the tree."""
    return _path(DELETED, place)


def _path(folder: str, place: Place) -> str:
    number = place.version.number
    return f"{folder}/{number // _FOLDER}/v{number}.{place.commit}.yaml"


def parse_path(path: str, collection: CollectionName) -> tuple[str, Place] | None:
    """The folder, and the version that a file is about; None for any other file."""
    match = _PLACE.match(path)
    number = parse_number(match[3]) if match else None
    if match is None or number is None or match[2] != str(number // _FOLDER):
        return None
    return match[1], Place(VersionName(collection, VersionNumber(number)), Oid.parse(match[4]))


def moved(path: str, place: Place) -> str:
    """The path of the same file for a version under another number or commit."""
    return _path(path.partition("/")[0], place)


def merged(path: str, base: bytes | None, mine: bytes | None, theirs: bytes | None) -> tuple[bytes | None, str]:
    """A file that two have changed: tags as sets, other fields by who changed them.

    Last, which field both changed in different ways, '' for none; there, mine stands. Raises: RecordError.
    """
    if theirs in (base, mine):
        return mine, ""
    if path == ABOUT or path.startswith(f"{VERSIONS}/"):
        old, own, other = Notes.parse(base), Notes.parse(mine), Notes.parse(theirs)
        kept = [tag for tag in other.tags if tag in own.tags or tag not in old.tags]
        tags = dict.fromkeys([*kept, *(tag for tag in own.tags if tag not in old.tags)])
        changed = own.description != old.description
        both = changed and other.description not in (old.description, own.description)
        fresh = Notes(own.description if changed else other.description, tuple(tags))
        return fresh.encode(), "description" if both else ""
    if path.startswith(f"{DELETED}/"):
        # deleted by both: the first tombstone stands; brought back here, and deleted once more there
        return (theirs, "") if base is None else (mine, "deletion")
    return mine, "card" if path == CARD else path


@dataclass(frozen=True, slots=True)
class CollectionRecord:
    """`Gitreg-Collection`, FORMAT.md 11.4. `version` is None in an edit of the collection itself."""

    collection: CollectionName
    action: Action
    seq: int
    version: Place | None = None
    changed: tuple[str, ...] = ()
    reason: str = ""

    @classmethod
    def parse(cls, document: Document) -> CollectionRecord:
        """Raises: RecordError, NewerSchemaError."""
        fields.check_schema(document, "collection")
        action: Action = fields.word(document, "action", get_args(Action))
        collection = named(CollectionName.parse, document, "collection")
        about = "version" in document or action != "edit"
        return cls(
            collection,
            action,
            fields.integer(document, "seq"),
            place(document, collection) if about else None,
            fields.strings(document, "changed"),
            fields.string(document, "reason", ""),
        )

    def document(self) -> dict[str, object]:
        """The mapping that is written."""
        place = self.version
        return {
            "schema": SCHEMA,
            "collection": str(self.collection),
            "action": self.action,
            "seq": self.seq,
            **({"version": place.version.label, "commit": str(place.commit)} if place else {}),
            **fields.present(changed=list(self.changed), reason=self.reason),
        }

    @property
    def subject(self) -> str:
        """The commit's first line: `m:v3: tags`, `m: description, card`, `m:v3: delete`."""
        what = str(self.version.version if self.version else self.collection)
        return f"{what}: {', '.join(self.changed) or self.action}"

    def message(self) -> str:
        """The commit's message. Raises: RecordError."""
        return trailers.compose(self.subject, {COLLECTION: self.document()}, self.reason)


def changed_fields(path: str, old: bytes | None, new: bytes | None) -> list[str]:
    """Which fields differ between two states of a file, as a record names them. Raises: RecordError."""
    if path == CARD:
        return ["card"] if old != new else []
    before, after = Notes.parse(old), Notes.parse(new)
    pairs = (("description", before.description, after.description), ("tags", before.tags, after.tags))
    return [name for name, one, other in pairs if one != other]


def root_message(collection: CollectionName) -> str:
    """The message of a collection's root commit, FORMAT.md 11.1."""
    return f"collection {collection}@card\n"
