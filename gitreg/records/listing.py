"""The files of an artifact with their sizes and hashes, and the texts that hold them (FORMAT.md 5.2 to 5.7).

Pure: bytes in, bytes out. Everything that identifies an artifact's content (DVC's directory object, W&B's digest, the
manifest) is computed here from one frozen value.
"""

from __future__ import annotations

import hashlib
import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter

from gitreg.errors import RecordError, UnsafePathError
from gitreg.records import references as codec
from gitreg.records.paths import check_paths
from gitreg.records.references import Reference, md5_digest

_MD5 = re.compile(r"[0-9a-f]{32}\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_MANIFEST_LINE = re.compile(r"(\\?)([0-9a-f]{64})  (.+)\Z", re.DOTALL)
_FILES_LINE = re.compile(r"(\\?)([0-9a-f]{32})  (0|[1-9][0-9]{0,18})  (.+)\Z", re.DOTALL)
_ESCAPED = re.compile(r"\\(.?)", re.DOTALL)
_CHARACTERS = {"\\": "\\", "n": "\n", "r": "\r"}


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file.

    Attributes:
        path: relative to the artifact's root, `/` between its parts.
        size: bytes.
        md5, sha256: lower case hex.
    """

    path: str
    size: int
    md5: str
    sha256: str

    @property
    def digest(self) -> str:
        """What stands for it in W&B's digest: the md5 in base64."""
        return md5_digest(self.md5)


@dataclass(frozen=True, slots=True)
class Listing:
    """All files of an artifact, and what it refers to elsewhere, each sorted by the UTF-8 bytes of their paths.

    Iteration, `len` and `size` are about the files.

    Raises: RecordError (UnsafePathError for a path) when the entries are not sorted or not valid.
    """

    entries: tuple[FileEntry, ...]
    references: tuple[Reference, ...] = ()

    def __post_init__(self) -> None:
        files = [entry.path for entry in self.entries]
        elsewhere = [reference.path for reference in self.references]
        _check_order(files)
        _check_order(elsewhere)
        by_md5: dict[str, FileEntry] = {}
        for entry in self.entries:
            if not _MD5.match(entry.md5) or not _SHA256.match(entry.sha256) or entry.size < 0:
                raise RecordError(f"file {entry.path!r} has a bad size or hash")
            # DVC keeps one object for each md5, so the other file would be lost.
            twin = by_md5.setdefault(entry.md5, entry)
            if (twin.size, twin.sha256) != (entry.size, entry.sha256):
                raise RecordError(f"files {twin.path!r} and {entry.path!r} differ but have the same md5")
        check_paths(files + elsewhere)

    @classmethod
    def of(cls, entries: Iterable[FileEntry], references: Iterable[Reference] = ()) -> Listing:
        """Sort and check. Raises: RecordError, UnsafePathError."""
        # Python orders text by code points, which is the order of its UTF-8 bytes.
        by_path = attrgetter("path")
        return cls(tuple(sorted(entries, key=by_path)), tuple(sorted(references, key=by_path)))

    @classmethod
    def parse(cls, manifest: bytes, files: bytes, references: bytes = b"") -> Listing:
        """Read the texts back; exactly what `manifest`, `files_text` and `references_text` give is accepted.

        Raises: RecordError, UnsafePathError.
        """
        hashes = list(_lines(manifest, _MANIFEST_LINE, "manifest"))
        sizes = list(_lines(files, _FILES_LINE, "listing"))
        if [groups[-1] for groups in hashes] != [groups[-1] for groups in sizes]:
            raise RecordError("manifest and listing name different files")
        return cls(
            tuple(
                FileEntry(path, int(size), md5, sha256)
                for (sha256, path), (md5, size, _) in zip(hashes, sizes, strict=True)
            ),
            codec.parse(references),
        )

    def get(self, path: str) -> FileEntry | None:
        """The entry of that path, or None."""
        at = bisect_left(self.entries, path, key=attrgetter("path"))
        return self.entries[at] if at < len(self.entries) and self.entries[at].path == path else None

    def reference(self, path: str) -> Reference | None:
        """The reference of that path, or None."""
        at = bisect_left(self.references, path, key=attrgetter("path"))
        return self.references[at] if at < len(self.references) and self.references[at].path == path else None

    def __iter__(self) -> Iterator[FileEntry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(entry.size for entry in self.entries)

    @property
    def digest(self) -> str:
        """W&B's digest of the artifact (FORMAT.md 5.6)."""
        digest = hashlib.md5(b"wandb-artifact-manifest-v1\n", usedforsecurity=False)
        lines = {entry.path: entry.digest for entry in self.entries}
        if self.references:
            lines |= {reference.path: reference.digest for reference in self.references}
            lines = dict(sorted(lines.items()))
        for path, text in lines.items():
            digest.update(f"{path}:{text}\n".encode())
        return digest.hexdigest()

    @property
    def directory_object(self) -> bytes:
        """What DVC stores as `<md5>.dir`."""
        return json.dumps([{"md5": entry.md5, "relpath": entry.path} for entry in self.entries]).encode()

    @property
    def pointer_md5(self) -> str:
        """The name of the directory object, `<md5>.dir`."""
        return hashlib.md5(self.directory_object, usedforsecurity=False).hexdigest() + ".dir"

    @property
    def manifest(self) -> bytes:
        """Input for `sha256sum -c`."""
        return b"".join(_line(entry.sha256, entry.path) for entry in self.entries)

    @property
    def manifest_sha256(self) -> str:
        """sha256 of the manifest in hex."""
        return hashlib.sha256(self.manifest).hexdigest()

    @property
    def files_text(self) -> bytes:
        """md5 and size of every file, in the manifest's form."""
        return b"".join(_line(f"{entry.md5}  {entry.size}", entry.path) for entry in self.entries)

    @property
    def references_text(self) -> bytes:
        """The references, one a line; empty without any."""
        return codec.encode(self.references)


def _check_order(paths: Sequence[str]) -> None:
    """Raises: RecordError when paths are not sorted, UnsafePathError when one stands twice."""
    for before, path in pairwise(paths):
        if path == before:
            raise UnsafePathError(path, "it stands twice")
        if path < before:
            raise RecordError(f"file {path!r} is out of order")


def _line(head: str, path: str) -> bytes:
    """A line as GNU `sha256sum` writes it."""
    if "\\" in path or "\n" in path or "\r" in path:
        escaped = path.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
        return f"\\{head}  {escaped}\n".encode()
    return f"{head}  {path}\n".encode()


def _lines(text: bytes, pattern: re.Pattern[str], what: str) -> Iterator[tuple[str, ...]]:
    """The fields of each line, the path last and without its escapes. Raises: RecordError."""
    try:
        decoded = text.decode()
    except UnicodeDecodeError as error:
        raise RecordError(f"the {what} is not UTF-8") from error
    if decoded and not decoded.endswith("\n"):
        raise RecordError(f"the {what} is cut off")
    for number, line in enumerate(decoded.split("\n")[:-1], 1):
        match = pattern.match(line)
        if not match:
            raise RecordError(f"line {number} of the {what} is malformed")
        escaped, *fields = match.groups()
        if escaped or "\\" in fields[-1] or "\r" in fields[-1]:
            fields[-1] = _unescape(fields[-1]) if escaped else ""
            # One text for one listing: what would be written differently is refused.
            if _line("  ".join(fields[:-1]), fields[-1]) != f"{line}\n".encode():
                raise RecordError(f"line {number} of the {what} is malformed")
        yield tuple(fields)


def _unescape(text: str) -> str:
    return _ESCAPED.sub(lambda match: _CHARACTERS.get(match[1], ""), text)
