"""References: files of an artifact that are kept elsewhere, and the text that lists them (FORMAT.md 5.7).

Pure: nothing is asked or fetched here.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields

from gitreg.errors import RecordError
from gitreg.records.plain import visible

_MD5 = re.compile(r"(?:[0-9a-f]{32})?\Z")
_SHA256 = re.compile(r"(?:[0-9a-f]{64})?\Z")
_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://.")
MAX_URI, MAX_TEXT = 4000, 1000
"""The characters that an address and another text may have."""


def md5_digest(md5: str) -> str:
    """An md5, in hex, as W&B's digest has it: in base64."""
    return base64.b64encode(bytes.fromhex(md5)).decode()


@dataclass(frozen=True, slots=True)
class Reference:
    """A file that is kept elsewhere. What is not known is empty.

    Attributes:
        path: in the artifact.
        uri: where it is.
        size: bytes, None when nobody knows.
        md5, sha256: of its bytes, lower case hex.
        etag: what the server calls these bytes, without quotes.
        version: of the object, where the storage keeps several.
        modified: when it was changed, as the server writes it; only where nothing above tells one content from another.

    Raises: RecordError.
    """

    path: str
    uri: str
    size: int | None = None
    md5: str = ""
    sha256: str = ""
    etag: str = ""
    version: str = ""
    modified: str = ""

    def __post_init__(self) -> None:
        for name in ("path", "uri", "md5", "sha256", "etag", "version", "modified"):
            text, most = getattr(self, name), MAX_URI if name == "uri" else MAX_TEXT
            # what a path may be is said of all files of an artifact
            if not isinstance(text, str) or (name != "path" and (len(text) > most or visible(text) != text)):
                raise RecordError(f"reference {self.path!r} has a bad '{name}'")
        if not _MD5.match(self.md5) or not _SHA256.match(self.sha256):
            raise RecordError(f"reference {self.path!r} has a bad hash")
        if self.size is not None and (type(self.size) is not int or self.size < 0):
            raise RecordError(f"reference {self.path!r} has a bad size")
        if not _URI.match(self.uri):
            raise RecordError(f"reference {self.path!r} has no address")

    @property
    def scheme(self) -> str:
        """`file`, `https`, `s3`, ..."""
        return self.uri.partition("://")[0].lower()

    @property
    def is_checkable(self) -> bool:
        """Whether something tells its bytes from others. Without that nobody gets them from here."""
        return bool(self.md5 or self.sha256 or self.etag)

    @property
    def digest(self) -> str:
        """What stands for it in W&B's digest: the etag, else the md5 in base64, else the address."""
        if self.etag:
            return self.etag
        if self.md5:
            return md5_digest(self.md5)
        if self.scheme == "file":
            return md5_digest(hashlib.md5(self.uri.encode(), usedforsecurity=False).hexdigest())
        return self.uri

    @property
    def line(self) -> bytes:
        """The line that is written."""
        known = {item.name: getattr(self, item.name) for item in fields(self)}
        present = {key: value for key, value in known.items() if value not in ("", None)}
        return f"{json.dumps(present, ensure_ascii=False)}\n".encode()


@dataclass(frozen=True, slots=True)
class Summed:
    """What a record says of an artifact's references.

    Attributes:
        manifest: sha256 of the text that lists them.
        files: how many there are.
        size: bytes, as far as they are known.
    """

    manifest: str
    files: int
    size: int

    @classmethod
    def of(cls, references: Iterable[Reference]) -> Summed | None:
        """None when there are none."""
        found = tuple(references)
        if not found:
            return None
        return cls(hashlib.sha256(encode(found)).hexdigest(), len(found), sum(item.size or 0 for item in found))

    def document(self) -> dict[str, object]:
        """The mapping that is written."""
        return {"manifest": self.manifest, "files": self.files, "size": self.size}


def encode(references: Iterable[Reference]) -> bytes:
    """The text that lists them, in their order."""
    return b"".join(reference.line for reference in references)


def parse(text: bytes) -> tuple[Reference, ...]:
    """Read it back; exactly what `encode` gives is accepted. Raises: RecordError."""
    if text and not text.endswith(b"\n"):
        raise RecordError("the list of references is cut off")
    return tuple(_parse(line, number) for number, line in enumerate(text.split(b"\n")[:-1], 1))


def _parse(line: bytes, number: int) -> Reference:
    with contextlib.suppress(ValueError, TypeError, RecursionError):
        found = Reference(**json.loads(line))
        # one text for one list: what would be written differently is refused
        if found.line == line + b"\n":
            return found
    raise RecordError(f"line {number} of the list of references is malformed")
