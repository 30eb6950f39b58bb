"""Where what was read of a repository without a clone is kept: a folder of the user's cache, one for each address.

It holds bare repositories and bytes, all of which can be fetched again, so it may be deleted at any time. One process
at a time fetches into it, and so finds nothing of git's locks but what a killed one has left. Whoever only reads asks
for nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path

from gitreg.data import locks
from gitreg.data.hashing import refusals
from gitreg.git.address import Address
from gitreg.git.bundle import make_repository

_SLUG = re.compile(r"[^A-Za-z0-9.]+")
_LONGEST = 60
_NEW = "new-"


class Mirror:
    """The folder of one address.

    Attributes:
        address: whose.
        folder: where it is.
        kept: False where there is no cache that can be written: it is gone with this object then.
    """

    def __init__(self, address: Address, home: Path | None = None, *, read_only: bool = False) -> None:
        """Find the folder below `home` (default: the user's cache), and make it unless `read_only`.

        Raises: StorageError.
        """
        self.address = address
        self._seen: dict[str, int] = {}
        home = home or user_cache()
        self.folder = (home or Path("nowhere")) / "repositories" / _name(address.public)
        self.kept = home is not None and (read_only or self._make())
        if not self.kept:
            with refusals("no folder for what is fetched can be made"):
                self.folder = Path(tempfile.mkdtemp(prefix="gitreg-"))
            weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def _make(self) -> bool:
        """Whether there is such a folder now that can be written."""
        try:
            # what is private there is private here
            self.folder.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(self._lock())
        except OSError:
            return False
        return True

    def _lock(self) -> int:
        return os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)

    def has(self, name: str) -> bool:
        """Whether there is a repository of that name."""
        return self._which(name) != 0

    def _which(self, name: str) -> int:
        """The repository of that name that there is now, 0 for none."""
        try:
            return (self.folder / name / "HEAD").stat().st_ino
        except OSError:
            return 0

    def repository(self, name: str) -> Path:
        """The repository of that name, made when it is not there. Raises: StorageError, GitError."""
        self._seen[name] = self._which(name)
        if not self._seen[name]:
            self.renew(name)
        return self.folder / name

    def renew(self, name: str) -> None:
        """Make the repository anew that was handed out, because it is damaged, unless somebody else has done so.

        Raises: StorageError, GitError.
        """
        place = self.folder / name
        with self.alone(), refusals(f"'{place}' cannot be made"):
            if self._which(name) in (0, self._seen[name]):
                with tempfile.TemporaryDirectory(dir=self.folder, prefix=_NEW) as fresh:
                    made = Path(fresh, name)
                    made.mkdir()
                    make_repository(made)
                    if place.exists():
                        place.rename(Path(fresh, "old"))
                    made.rename(place)
            self._seen[name] = self._which(name)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """While nobody else writes here. Raises: StorageError."""
        with refusals(f"'{self.folder}' cannot be written"):
            while True:
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                descriptor = self._lock()
                held = locks.wait(descriptor)
                # somebody may have deleted the folder meanwhile
                if os.fstat(descriptor).st_nlink:
                    break
                os.close(descriptor)
        try:
            if held:
                self._sweep()
            yield
        finally:
            os.close(descriptor)

    def _sweep(self) -> None:
        """Remove what a killed process has left, and git's locks: who would hold one waits for this folder."""
        for place in self.folder.glob(f"{_NEW}*"):
            shutil.rmtree(place)
        for repository in self.folder.glob("*.git"):
            for place in (*repository.glob("*.lock"), *(repository / "refs").rglob("*.lock")):
                place.unlink(missing_ok=True)


def user_cache() -> Path | None:
    """The folder of gitreg in the user's cache; None for a user without a home."""
    import platformdirs

    found = Path(platformdirs.user_cache_dir("gitreg"))
    return found if found.is_absolute() else None


def _name(public: str) -> str:
    """A name that people recognise, and no other address has."""
    slug = _SLUG.sub("-", public.partition("://")[2] or public).strip("-.")[-_LONGEST:].lstrip("-.")
    return f"{slug}-{hashlib.sha256(public.encode()).hexdigest()[:12]}"
