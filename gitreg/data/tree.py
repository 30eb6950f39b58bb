"""Files below one directory, opened and replaced so that no symbolic link inside it leads out of it.

On POSIX every step is relative to an open directory and follows no link, so a link that appears between check and use
is refused as well. Elsewhere the parents are looked at before each step.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import stat
from collections.abc import Container
from pathlib import Path

from gitreg.data.locks import lock
from gitreg.errors import StorageError

_HAS_DIR_FD = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW") and hasattr(os, "O_DIRECTORY")
_COMMON = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_READ = os.O_RDONLY | _COMMON | getattr(os, "O_NONBLOCK", 0)
_SEIZE = os.O_RDWR | _COMMON | getattr(os, "O_NONBLOCK", 0)
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | _COMMON
_TEMPORARY = re.compile(r"\.gitreg-[0-9a-f]{16}\.tmp")
_ON_WINDOWS = os.name == "nt"
# Characters, ends of parts and devices that mean something else there.
_WINDOWS_SPECIAL = re.compile(
    r"""[\\:*?"<>|\x00-\x1f]|[. ](?:/|\Z)|(?:\A|/)(?:con|prn|aux|nul|com[1-9]|lpt[1-9])(?:[./]|\Z)""", re.IGNORECASE
)


class Tree:
    """A directory to write files into, by paths with `/` that have been checked (`records.paths`).

    A file gets its name when it is complete. Until then its writer holds a lock on it, so that the next one sees which
    are nobody's any more.

    Methods raise OSError, and StorageError where a link or a file is in the way.
    """

    def __init__(self, root: Path, *, relative: bool = _HAS_DIR_FD) -> None:
        self.root = root
        self._relative = relative
        root.mkdir(parents=True, exist_ok=True)
        # The directories from the root to the last one used, open; files come sorted, so most steps reuse them.
        self._open: list[tuple[str, int]] = []
        # The temporary files, and what keeps each of them locked.
        self._locked: dict[str, int] = {}
        if relative:
            self._open.append(("", os.open(root, os.O_RDONLY | os.O_DIRECTORY)))

    def close(self) -> None:
        """Give back the directories that are open, and the locks."""
        for temporary in list(self._locked):
            self._release(temporary)
        while self._open:
            os.close(self._open.pop()[1])

    def open_existing(self, path: str) -> int | None:
        """A descriptor of the regular file that is there, or None when there is none."""
        try:
            where, name = self._parent(path, make=False)
            descriptor = os.open(name, _READ, dir_fd=where)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            return None  # a symbolic link, to be replaced
        mode = os.fstat(descriptor).st_mode
        if not self._relative and Path(name).is_symlink():
            mode = 0
        if not stat.S_ISREG(mode):
            os.close(descriptor)
            if stat.S_ISDIR(mode):
                raise StorageError(f"'{self.root / path}' is a directory where a file belongs", hint="move it away")
            return None
        return descriptor

    def create(self, path: str) -> tuple[str, int]:
        """A new file beside `path`: its temporary path, and a descriptor to write to."""
        if _ON_WINDOWS and _WINDOWS_SPECIAL.search(path):
            raise StorageError(f"'{path}' cannot be a file on Windows")
        while True:
            temporary = f"{path.rpartition('/')[0]}/.gitreg-{secrets.token_hex(8)}.tmp".lstrip("/")
            where, name = self._parent(temporary)
            descriptor = os.open(name, _CREATE, 0o644, dir_fd=where)
            if not lock(descriptor, alone=False):
                return temporary, descriptor
            # somebody who swept may have been quicker than the lock
            if os.fstat(descriptor).st_nlink:
                self._locked[temporary] = os.dup(descriptor)
                return temporary, descriptor
            os.close(descriptor)

    def move(self, temporary: str, path: str) -> None:
        """Give the file that `create` made its name; a file or link of that name is replaced."""
        where, old = self._parent(temporary)
        _, new = self._parent(path)
        os.replace(old, new, src_dir_fd=where, dst_dir_fd=where)
        self._release(temporary)

    def remove(self, temporary: str) -> None:
        """Remove the file that `create` made."""
        where, name = self._parent(temporary)
        os.unlink(name, dir_fd=where)
        self._release(temporary)

    def sweep(self, path: str, keep: Container[str]) -> None:
        """Remove the files beside `path`, those in `keep` excepted, that `create` made for a process that has ended.

        What cannot be opened or removed stays.
        """
        folder = path.rpartition("/")[0]
        try:
            where, place = self._parent(path, make=False)
            names = os.listdir(Path(place).parent if where is None else where)  # noqa: PTH208 - pathlib takes no number
        except FileNotFoundError:
            return
        for name in names:
            temporary = f"{folder}/{name}".lstrip("/")
            if _TEMPORARY.fullmatch(name) and temporary not in keep:
                with contextlib.suppress(OSError):  # another user's, or no file at all
                    self._sweep(temporary)

    def _sweep(self, temporary: str) -> None:
        where, name = self._parent(temporary, make=False)
        descriptor = os.open(name, _SEIZE, dir_fd=where)
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode) and lock(descriptor, alone=True):
                os.unlink(name, dir_fd=where)
        finally:
            os.close(descriptor)

    def _release(self, temporary: str) -> None:
        descriptor = self._locked.pop(temporary, -1)
        if descriptor >= 0:
            os.close(descriptor)

    def _parent(self, path: str, *, make: bool = True) -> tuple[int | None, str]:
        """What the system's calls take as `dir_fd` and as name."""
        *parents, name = path.split("/")
        if not self._relative:
            return None, str(self._checked(parents, make=make) / name)
        depth = 1
        while depth < len(self._open) and depth <= len(parents) and self._open[depth][0] == parents[depth - 1]:
            depth += 1
        while len(self._open) > depth:
            os.close(self._open.pop()[1])
        for index in range(depth - 1, len(parents)):
            part, above = parents[index], self._open[-1][1]
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(part, dir_fd=above)
            try:
                descriptor = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
            except OSError as error:
                if isinstance(error, FileNotFoundError):
                    raise
                if stat.S_ISDIR(os.stat(part, dir_fd=above, follow_symlinks=False).st_mode):
                    raise
                raise self._in_the_way(parents[: index + 1]) from error
            self._open.append((part, descriptor))
        return self._open[-1][1], name

    def _checked(self, parents: list[str], *, make: bool) -> Path:
        directory = self.root
        for index, part in enumerate(parents):
            directory /= part
            if directory.is_symlink() or (directory.exists() and not directory.is_dir()):
                raise self._in_the_way(parents[: index + 1])
            if make:
                directory.mkdir(exist_ok=True)
        return directory

    def _in_the_way(self, parents: list[str]) -> StorageError:
        return StorageError(
            f"'{self.root.joinpath(*parents)}' is no directory, or a symbolic link to one",
            hint="nothing is written through it; move it away",
        )
