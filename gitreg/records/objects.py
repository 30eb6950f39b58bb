"""Raw Git objects as bytes and back: commits, tags, trees. What git prints about them is never parsed.

The source of the formats is git's `Documentation/gitformat-*`, and `git fsck --strict` in the tests.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from gitreg.errors import RecordError
from gitreg.records.when import iso

# git's own list (gpg-interface.c); a tag is signed by one of these blocks after its message.
_SIGNATURE = re.compile(rb"^-----BEGIN (?:PGP SIGNATURE|PGP MESSAGE|SIGNED MESSAGE|SSH SIGNATURE)-----", re.MULTILINE)
# 9999-12-31T23:59:59Z: git keeps larger times, and has none before 1970
_LAST_SECOND = 253_402_300_799
_HEX = re.compile(r"[0-9a-f]{40}\Z")


@dataclass(frozen=True, slots=True, order=True)
class Oid:
    """An object id; prints as 40 hexadecimal digits."""

    raw: bytes

    @classmethod
    def parse(cls, text: str) -> Oid:
        """Parse 40 lower case hexadecimal digits. Raises: RecordError."""
        if not _HEX.match(text):
            raise RecordError(f"not an object id: {text!r}")
        return cls(bytes.fromhex(text))

    @property
    def short(self) -> str:
        """The first 10 digits, for people."""
        return self.raw.hex()[:10]

    def __str__(self) -> str:
        return self.raw.hex()

    def __bool__(self) -> bool:
        return any(self.raw)


ZERO = Oid(bytes(20))
EMPTY_TREE = Oid.parse("4b825dc642cb6eb9a060e54bf8d69288fbee4904")


def hash_object(kind: str, data: bytes) -> Oid:
    """The id that git gives to an object of this kind and content."""
    # SHA-1 is git's name for the object here, not a protection.
    return Oid(hashlib.sha1(f"{kind} {len(data)}\0".encode() + data, usedforsecurity=False).digest())


@dataclass(frozen=True, slots=True)
class Identity:
    """Who and when, as a commit's header has it: `Name <email> 1700000000 +0100`."""

    text: str

    @property
    def name(self) -> str:
        """The name without the address."""
        return self.text.partition("<")[0].strip()

    @property
    def email(self) -> str:
        """The address without brackets."""
        return self.text.partition("<")[2].partition(">")[0]

    @property
    def person(self) -> str:
        """`Name <email>`."""
        return f"{self.name} <{self.email}>"

    @property
    def timestamp(self) -> int:
        """Seconds since 1970 in UTC; 0 when the header holds none, or one that no calendar has."""
        tail = self.text.rpartition(">")[2].split()
        seconds = int(tail[0]) if tail and re.fullmatch(r"[0-9]{1,18}", tail[0]) else 0
        return seconds if seconds <= _LAST_SECOND else 0

    @property
    def when(self) -> str:
        """The time in RFC 3339 and UTC."""
        return iso(self.timestamp)


GITREG_IDENTITY = Identity("gitreg <gitreg@localhost> 0 +0000")


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit. `extra` holds header lines that gitreg does not write (encoding, signature), as they stand."""

    tree: Oid
    parents: tuple[Oid, ...]
    author: Identity
    committer: Identity
    message: str
    extra: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> Commit:
        """Parse a commit's content. Raises: RecordError."""
        headers, extra, body = _split(data, ("tree", "parent", "author", "committer"))
        tree, parents = _one(headers, "tree"), headers.get("parent", [])
        return cls(
            Oid.parse(tree),
            tuple(Oid.parse(parent) for parent in parents),
            Identity(_one(headers, "author")),
            Identity(_one(headers, "committer")),
            body.decode("utf-8", "replace"),
            extra,
        )

    def encode(self) -> bytes:
        """The commit's content. Raises: RecordError when the message holds NUL or a lone surrogate."""
        lines = [f"tree {self.tree}", *(f"parent {parent}" for parent in self.parents)]
        lines += [f"author {self.author.text}", f"committer {self.committer.text}"]
        return "\n".join(lines).encode() + b"\n" + self.extra + b"\n" + _message(self.message)


@dataclass(frozen=True, slots=True)
class Tag:
    """An annotated tag on a commit, without its signature."""

    target: Oid
    name: str
    tagger: Identity
    message: str

    @classmethod
    def parse(cls, data: bytes) -> Tag:
        """Parse a tag's content. Raises: RecordError when it is not a tag on a commit."""
        headers, _, body = _split(data, ("object", "type", "tag", "tagger"))
        signature = [match.start() for match in _SIGNATURE.finditer(body)]
        body = body[: signature[-1]] if signature else body
        if _one(headers, "type") != "commit":
            raise RecordError("a version's tag must point at a commit")
        return cls(
            Oid.parse(_one(headers, "object")),
            _one(headers, "tag"),
            Identity(_one(headers, "tagger")),
            body.decode("utf-8", "replace"),
        )

    def encode(self) -> bytes:
        """The tag's content. Raises: RecordError when the message holds NUL or a lone surrogate."""
        head = f"object {self.target}\ntype commit\ntag {self.name}\ntagger {self.tagger.text}\n\n"
        return head.encode() + _message(self.message)


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One line of a tree. `mode` is as git has it, in octal digits; empty means that of a regular file or a subtree."""

    name: bytes
    oid: Oid
    is_tree: bool = False
    mode: bytes = field(default=b"", compare=False)


def encode_tree(entries: Iterable[TreeEntry]) -> bytes:
    """A tree's content in git's order (a subtree sorts as if it ended with '/')."""
    ordered = sorted(entries, key=lambda entry: entry.name + (b"/" if entry.is_tree else b""))
    modes = (entry.mode or (b"40000" if entry.is_tree else b"100644") for entry in ordered)
    return b"".join(
        mode + b" " + entry.name + b"\0" + entry.oid.raw for mode, entry in zip(modes, ordered, strict=True)
    )


def parse_tree(data: bytes) -> tuple[TreeEntry, ...]:
    """A tree's entries in git's order. Raises: RecordError."""
    entries = []
    position = 0
    while position < len(data):
        space, nul = data.find(b" ", position), data.find(b"\0", position)
        if not position < space < nul or nul + 21 > len(data):
            raise RecordError("malformed tree")
        mode = data[position:space]
        entries.append(TreeEntry(data[space + 1 : nul], Oid(data[nul + 1 : nul + 21]), mode == b"40000", mode))
        position = nul + 21
    return tuple(entries)


def _split(data: bytes, known: tuple[str, ...]) -> tuple[dict[str, list[str]], bytes, bytes]:
    """The known headers, the other header lines as they stand, and the message."""
    head, blank, body = data.partition(b"\n\n")
    if not blank:
        raise RecordError("object without a message")
    headers: dict[str, list[str]] = {}
    extra: list[bytes] = []
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        name = key.decode("ascii", "replace")
        if name in known and not extra:
            headers.setdefault(name, []).append(value.decode("utf-8", "replace"))
        else:
            extra.append(line + b"\n")
    return headers, b"".join(extra), body


def _one(headers: dict[str, list[str]], key: str) -> str:
    values = headers.get(key, [])
    if len(values) != 1:
        raise RecordError(f"object with {len(values)} '{key}' headers")
    return values[0]


def _message(text: str) -> bytes:
    if "\0" in text:
        raise RecordError("a message must not hold NUL")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise RecordError("a message must not hold a lone surrogate") from error
