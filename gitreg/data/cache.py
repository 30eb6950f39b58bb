"""DVC's cache, written as DVC writes it, in one pass over the input and safe against crashes.

An object is complete and on disk before it has its name. Until a storage has it, it is also hard-linked under `keep`,
so that `git worktree remove`, `git clean -xfd` and `dvc gc` take no bytes that exist nowhere else.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from gitreg.data.hashing import READ_FLAGS, Stored, hash_file, pump, refusals
from gitreg.data.walk import walk_directory
from gitreg.data.whole import sync
from gitreg.errors import DamagedObjectError, StorageError
from gitreg.progress import NOBODY, SILENT, Progress, Task
from gitreg.records.listing import FileEntry, Listing
from gitreg.records.paths import check_paths
from gitreg.records.references import Reference

__all__ = ["Cache", "Stored", "store", "walk_directory"]

_NAME = re.compile(r"[0-9a-f]{32}(?:\.dir)?\Z")
_MODE = 0o444
# fsync waits for the disk, and disks take many at once; more threads only fight over the interpreter.
_WORKERS = 8
_BATCH = 16
_NO_LINKS = frozenset({errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS})


@dataclass(slots=True)
class _Temporary:
    path: Path
    descriptor: int
    landed: bool = False

    def move(self, place: Path) -> None:
        if os.name == "nt":  # Windows renames no open file and replaces no read-only one
            os.close(self.descriptor)
            self.descriptor = -1
            if place.exists():
                place.chmod(0o666)
        self.path.replace(place)
        self.landed = True


class Cache:
    """A DVC cache directory (what `cache.dir` names).

    Attributes:
        directory: the cache; made when something is stored.
        keep: where hard links protect unpublished objects, or None.
    """

    def __init__(self, directory: Path, keep: Path | None = None, *, shared: bool = False) -> None:
        self.directory = directory
        self.keep = keep
        self._objects = directory / "files" / "md5"
        self._shared = shared
        self._unsynced: set[Path] = set()
        self._syncing = threading.Lock()

    def path(self, md5: str) -> Path:
        """Where the object of that name lies, whether it is there or not. Raises: StorageError for no DVC hash."""
        return _place(self._objects, md5)

    def has(self, md5: str, size: int | None = None) -> bool:
        """Whether the object is here, with that many bytes; one that the cache lost comes back from `keep`.

        Says nothing about its content. Raises: StorageError.
        """
        place = self.path(md5)
        with refusals(f"object '{md5}' cannot be looked for"):
            if _is_object(place, size):
                return True
            kept = _place(self.keep, md5) if self.keep else None
            if kept is None or not _is_object(kept, size):
                return False
        with refusals(f"object '{md5}' cannot be restored"):
            self._make_parent(place)
            if not _link(kept, place):
                with self._temporary() as temporary:
                    shutil.copyfile(kept, temporary.path)
                    os.fsync(temporary.descriptor)
                    temporary.path.chmod(_MODE)
                    temporary.move(place)
        self.sync()
        return True

    def add(self, source: Path, task: Task = NOBODY) -> Stored:
        """Store a regular file, or what a symbolic link to one holds.

        Raises: StorageError, also when the file changes while it is read.
        """
        return self.add_all({source.name: source}, task)[0]

    def add_all(self, sources: Mapping[str, Path], task: Task = NOBODY) -> list[Stored]:
        """Store many files, by what people call them; the hashes come in the order of the files.

        Raises: StorageError.
        """
        items = list(sources.items())
        batches = [items[start : start + _BATCH] for start in range(0, len(items), _BATCH)]
        with ThreadPoolExecutor(_WORKERS) as pool:
            futures = [pool.submit(self._add_batch, batch, task) for batch in batches]
            try:
                stored = [item for future in futures for item in future.result()]
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        self.sync()
        return stored

    def add_bytes(self, data: bytes, suffix: str = "") -> Stored:
        """Store bytes; a directory object has the suffix `.dir`. Raises: StorageError."""
        stored = Stored(
            hashlib.md5(data, usedforsecurity=False).hexdigest(), hashlib.sha256(data).hexdigest(), len(data)
        )
        with refusals("an object cannot be stored"), self._temporary() as temporary:
            temporary.path.write_bytes(data)
            self._land(temporary, stored, suffix, keep=True)
        self.sync()
        return stored

    def read(self, md5: str) -> bytes | None:
        """The bytes of a small object that is here; None when it is damaged. Raises: StorageError."""
        with refusals(f"object '{md5}' cannot be read"):
            data = self.path(md5).read_bytes()
        return data if hashlib.md5(data, usedforsecurity=False).hexdigest() == md5.partition(".")[0] else None

    @contextmanager
    def receive(self, md5: str) -> Iterator[Path]:
        """A temporary file for an object that comes from elsewhere; it gets its name when its bytes are right.

        Call `sync` after the last one. Raises: StorageError for wrong bytes, of which nothing is left.
        """
        self.path(md5)
        with refusals(f"object '{md5}' cannot be stored"), self._temporary() as temporary:
            yield temporary.path
            # Whoever wrote it may have put another file in its place.
            os.close(temporary.descriptor)
            temporary.descriptor = os.open(temporary.path, os.O_RDWR | getattr(os, "O_BINARY", 0))
            stored = hash_file(temporary.path)
            name, dot, suffix = md5.partition(".")
            if stored.md5 != name:
                raise DamagedObjectError(f"object '{md5}' is damaged: the md5 of its bytes is {stored.md5}", [md5])
            self._land(temporary, stored, dot + suffix, keep=False)

    def release(self, md5s: Iterable[str]) -> None:
        """Drop the links that protect these objects, when a storage has them. Raises: StorageError."""
        if self.keep is None:
            return
        for md5 in md5s:
            with refusals(f"object '{md5}' cannot be released"):
                _place(self.keep, md5).unlink(missing_ok=True)

    def protect(self, md5s: Iterable[str]) -> None:
        """Link these objects, which are here, under `keep`, as storing them does. Raises: StorageError."""
        if self.keep is None:
            return
        for md5 in md5s:
            with refusals(f"object '{md5}' cannot be protected"):
                kept = _place(self.keep, md5)
                self._make_parent(kept)
                _link(self.path(md5), kept)
        self.sync()

    def aside(self, md5: str) -> Path:
        """Where a damaged object of that name goes. Raises: StorageError."""
        place = self.path(md5)
        return place.with_name(f"{place.name}.corrupt")

    def quarantine(self, md5: str) -> Path:
        """Move a damaged object aside, as `<object>.corrupt`, so that it can be fetched again. Raises: StorageError."""
        place, aside = self.path(md5), self.aside(md5)
        with refusals(f"object '{md5}' cannot be moved aside"):
            if self.keep:
                kept = _place(self.keep, md5)
                # The link is the same damaged file, unless the cache's own copy was replaced since.
                if kept.exists() and place.exists() and kept.samefile(place):
                    kept.unlink()
            place.replace(aside)
        return aside

    def sync(self) -> None:
        """Make the names of what was stored last through a crash. Raises: StorageError."""
        # Whoever waits here for another thread's sync may count on it afterwards.
        with self._syncing:
            while self._unsynced:
                directory = self._unsynced.pop()
                with refusals(f"directory '{directory}' cannot be synced"):
                    sync(directory)

    def _add_batch(self, sources: Sequence[tuple[str, Path]], task: Task) -> list[Stored]:
        """Store a few files; written first and synced after, they share the disk's work."""
        with ExitStack() as stack:
            written = []
            for name, source in sources:
                with refusals(f"'{source}' cannot be stored"):
                    temporary = stack.enter_context(self._temporary())
                    written.append((name, source, temporary, _copy(source, temporary, task)))
            for name, source, temporary, stored in written:
                with refusals(f"'{source}' cannot be stored"):
                    is_new = self._land(temporary, stored, "", keep=True)
                task.done("stored" if is_new else "skipped", name, stored.size)
            return [stored for _, _, _, stored in written]

    @contextmanager
    def _temporary(self) -> Iterator[_Temporary]:
        """An empty file in the cache's file system; gone afterwards unless it got another name."""
        self._make_directory(self._objects)
        descriptor, name = tempfile.mkstemp(prefix=".gitreg-", suffix=".tmp", dir=self._objects)
        temporary = _Temporary(Path(name), descriptor)
        try:
            yield temporary
        finally:
            if temporary.descriptor >= 0:
                os.close(temporary.descriptor)
            if not temporary.landed:
                temporary.path.unlink(missing_ok=True)

    def _land(self, temporary: _Temporary, stored: Stored, suffix: str, *, keep: bool) -> bool:
        """Give a complete temporary file its name; False when the object is there already."""
        md5 = stored.md5 + suffix
        place = self.path(md5)
        self._make_parent(place)
        is_there = self._holds(place, stored)
        if is_there:
            sync(place)  # DVC, which may have put it there, does not
        else:
            os.fsync(temporary.descriptor)
            temporary.path.chmod(_MODE)
            temporary.move(place)
        if keep and self.keep:
            kept = _place(self.keep, md5)
            self._make_parent(kept)
            _link(place, kept)
        return not is_there

    def _holds(self, place: Path, stored: Stored) -> bool:
        """Whether the object is there with exactly these bytes; a damaged one may be replaced."""
        if not _is_object(place, stored.size):
            return False
        if hash_file(place, want_md5=False).sha256 == stored.sha256:
            return True
        if hash_file(place).md5 == stored.md5:
            raise StorageError(f"two different files have the md5 {stored.md5}; DVC can keep only one of them")
        return False

    def _make_parent(self, place: Path) -> None:
        self._make_directory(place.parent)
        # also when both are there: whoever made the one or filled the other may have been killed before syncing
        self._unsynced.update(place.parents[:2])

    def _make_directory(self, directory: Path) -> None:
        if directory.is_dir():
            return
        self._make_directory(directory.parent)
        self._unsynced.add(directory.parent)
        directory.mkdir(exist_ok=True)
        if self._shared and directory.is_relative_to(self.directory):
            directory.chmod(0o2775)


def store(
    files: Mapping[str, Path],
    cache: Cache,
    progress: Progress = SILENT,
    *,
    kept: Sequence[FileEntry] = (),
    references: Sequence[Reference] = (),
) -> Listing:
    """Store an artifact's files and its directory object; what is in it besides these is not touched.

    `files` maps the path inside the artifact to the file on disk. Raises: UnsafePathError, StorageError.
    """
    check_paths([*files, *(item.path for item in kept), *(item.path for item in references)])
    with progress.task("storing", size=_total(files.values()), files=len(files)) as task:
        stored = cache.add_all(files, task)
    added = (FileEntry(path, item.size, item.md5, item.sha256) for path, item in zip(files, stored, strict=True))
    listing = Listing.of([*added, *kept], references)
    cache.add_bytes(listing.directory_object, ".dir")
    return listing


def _total(files: Iterable[Path]) -> int | None:
    """Their bytes, None when one of them cannot be looked at: storing it says why."""
    with suppress(OSError):
        return sum(file.stat().st_size for file in files)
    return None


def _place(directory: Path, md5: str) -> Path:
    if not _NAME.match(md5):
        raise StorageError(f"{md5!r} is no name of an object")
    return directory / md5[:2] / md5[2:]


def _is_object(place: Path, size: int | None) -> bool:
    try:
        found = place.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return stat.S_ISREG(found.st_mode) and (size is None or found.st_size == size)


def _state(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _link(source: Path, target: Path) -> bool:
    """Make `target` the same file as `source`, whatever it was; False where the file system has no such links."""
    try:
        os.link(source, target)
    except FileExistsError:
        if not target.samefile(source):
            temporary = target.with_name(f".gitreg-{secrets.token_hex(8)}.tmp")
            os.link(source, temporary)
            temporary.replace(target)
            # When another process was as quick, both are one file, and renaming it did nothing.
            temporary.unlink(missing_ok=True)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return False
    return True


def _copy(source: Path, temporary: _Temporary, task: Task) -> Stored:
    """Copy a regular file and hash it. Raises: OSError, StorageError when it is none or changes meanwhile."""
    descriptor = os.open(source, READ_FLAGS)
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise StorageError(f"'{source}' is no regular file")
        stored = pump(descriptor, before.st_size, temporary.descriptor, task.advance)
        unchanged = _state(before) == _state(os.fstat(descriptor)) == _state(source.stat())
    finally:
        os.close(descriptor)
    if not unchanged or stored.size != before.st_size:
        raise StorageError(f"'{source}' changed while it was read", hint="try again when nothing writes to it")
    return stored
