"""Files that a killed process has left: git's locks, and any other file that is old and can be removed for that.

A lock is stale when nothing has touched it for a while; it is looked at again right before it is removed.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gitreg.git.runner import Git
from gitreg.records import refs as names_of_refs

LOCK_AGE = 60.0
"""Seconds after which a lock is taken for stale: no command holds one of these for that long."""

_PACKED = ("packed-refs.lock", "packed-refs.new")
# They belong to commands of the user's own, which may hold them while an editor is open.
_USERS = ("index.lock", "HEAD.lock", "config.lock", "shallow.lock")


@dataclass(frozen=True, slots=True)
class OldFile:
    """A file as it was when it was found.

    Attributes:
        path: where it lies.
        age: seconds since its content changed.
        state: its device, inode and time of change.
    """

    path: Path
    age: float
    state: tuple[int, int, int]

    @classmethod
    def find(cls, path: Path, older: float) -> OldFile | None:
        """The regular file at `path`, when it has not changed for that many seconds. Raises: OSError."""
        try:
            found = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        age = time.time() - found.st_mtime
        return cls(path, age, (found.st_dev, found.st_ino, found.st_mtime_ns)) if age > older else None

    def remove(self) -> bool:
        """Remove it, unless it is another by now. False when it is, or is gone. Raises: OSError."""
        again = OldFile.find(self.path, 0.0)
        if again is None or again.state != self.state:
            return False
        self.path.unlink(missing_ok=True)
        return True


def of_refs(git: Git) -> list[OldFile]:
    """Old locks of all refs, and of git's file of packed refs: nobody can write these refs."""
    found = (OldFile.find(path, LOCK_AGE) for path in _places(git.common_dir))
    return [lock for lock in found if lock]


def stale(git: Git) -> list[OldFile]:
    """Those of the refs that gitreg writes."""
    return [lock for lock in of_refs(git) if _is_ours(git, lock.path.relative_to(git.common_dir).as_posix())]


def of_the_users(git: Git) -> list[OldFile]:
    """Old locks of the user's own files, which gitreg reports and never removes."""
    places = dict.fromkeys(folder / name for folder in (git.git_dir, git.common_dir) for name in _USERS)
    found = (OldFile.find(path, LOCK_AGE) for path in places)
    return [lock for lock in found if lock]


def _places(root: Path) -> Iterator[Path]:
    # git writes the new file beside the old one, and does not replace one that is there
    yield from (root / name for name in _PACKED)
    # not rglob: it stumbles over a folder that git removes meanwhile, because its last ref has gone
    for folder, _, files in os.walk(root / "refs"):
        yield from (Path(folder, name) for name in sorted(files) if name.endswith(".lock"))


def _is_ours(git: Git, name: str) -> bool:
    ref = name.removesuffix(".lock")
    if name in _PACKED or ref.startswith("refs/gitreg") or names_of_refs.parse_version(ref):
        return True
    # a branch that there is not yet, as a request for a move makes one; others' are their owners'
    return ref.startswith("refs/heads/") and git.attempt("show-ref", "--verify", "--quiet", ref).status != 0
