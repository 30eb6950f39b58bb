"""Which paths a file inside an artifact may have (FORMAT.md 5.3).

Paths come from strangers: everything that reads or writes an artifact's files passes here first. What a file system
does with a path is not this module's business.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from gitreg.errors import UnsafePathError

# An empty part, '.', '..', NUL, a drive letter; and what Windows and macOS take for '.git' (git's own core.protectNTFS
# and core.protectHFS), after the characters that HFS+ ignores are gone.
_SUSPECT = re.compile(r"(?:\A|/)\.{0,2}(?:/|\Z)|\0|\A[A-Za-z]:|git|\A-\Z", re.IGNORECASE)
_GIT_PART = re.compile(r"(?:\A|/)(?:\.git|git~1)[. ]*(?:::?[^/]*)?(?:/|\Z)", re.IGNORECASE)
_IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")


def check_path(path: str) -> str:
    """Return `path` when it may name a file of an artifact.

    Raises: UnsafePathError.
    """
    if path.isascii():
        if not _SUSPECT.search(path):
            return path
        plain = path
    else:
        try:
            path.encode()
        except UnicodeEncodeError:
            raise UnsafePathError(path, "it is not valid Unicode") from None
        plain = _IGNORED_BY_HFS.sub("", path)
    why = _reason(path, plain)
    if why:
        raise UnsafePathError(path, why)
    return path


def _reason(path: str, plain: str) -> str | None:
    if not path:
        return "it is empty"
    if path.startswith("/"):
        return "it is absolute"
    if path == "-":
        return "'sha256sum -c' takes it for its standard input"
    if "\0" in path:
        return "it holds a NUL"
    if path[1:2] == ":" and path[0].isascii() and path[0].isalpha():
        return "it starts with a drive letter"
    for part in path.split("/"):
        if part in ("", ".", ".."):
            return f"it holds the part '{part}'" if part else "a part is empty"
    return "it holds a part '.git'" if _GIT_PART.search(plain) else None


def check_paths(paths: Iterable[str]) -> None:
    """Check each path, and that all of them can stand in one directory on any file system.

    Raises: UnsafePathError when a path is unsafe, is another's parent, stands twice, or differs from another by case
        or Unicode normalisation alone.
    """
    seen: dict[str, str] = {}
    for path in paths:
        folded = _folded(check_path(path))
        other = seen.get(folded)
        if other is not None:
            why = "it stands twice" if other == path else f"it differs from {other!r} only by case or normalisation"
            raise UnsafePathError(path, why)
        seen[folded] = path
    parents: set[str] = set()
    for folded in seen:
        parent = folded.rpartition("/")[0]
        while parent and parent not in parents:
            parents.add(parent)
            parent = parent.rpartition("/")[0]
    for parent in parents & seen.keys():
        raise UnsafePathError(seen[parent], "it is a file and another path's directory")


def _folded(path: str) -> str:
    """What a file system that ignores case and normalisation compares (Unicode's canonical caseless matching)."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())
