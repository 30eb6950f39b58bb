"""The files of an artifact that is being put together: where they lie, without copying or reading them.

A file is read when its hash is asked for or when it is logged, and by then it must still be the one that was added.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gitreg.data.cache import walk_directory
from gitreg.data.hashing import Stored, hash_file, storage_error
from gitreg.errors import InvalidArtifactError, StorageError
from gitreg.records.listing import FileEntry, Listing
from gitreg.records.paths import check_path


@dataclass(frozen=True, slots=True)
class _Source:
    """A file as it was when it was added."""

    path: Path
    state: tuple[int, int, int, int]

    @classmethod
    def of(cls, path: Path) -> _Source:
        """Raises: InvalidArtifactError when it is no regular file, nor a link to one."""
        try:
            found = path.stat()
        except OSError as error:
            raise InvalidArtifactError(f"'{path}' is not a file: {error.strerror}", hint="check the path") from error
        if not stat.S_ISREG(found.st_mode):
            raise InvalidArtifactError(f"'{path}' is not a file", hint="add_dir adds a directory")
        # absolute, because the process may change its directory before it logs
        return cls(path.absolute(), (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns))

    def check(self) -> None:
        """Raises: StorageError when it is not the file that was added any more."""
        try:
            now = _Source.of(self.path)
        except InvalidArtifactError as error:
            raise StorageError(
                f"'{self.path}' is gone since it was added",
                hint="adding a file makes no copy: keep it until the artifact is logged, or write it with new_file",
            ) from error
        if now != self:
            raise self.changed()

    def changed(self) -> StorageError:
        """The error for a file that is another one by now."""
        return StorageError(
            f"'{self.path}' has changed since it was added",
            hint="log the artifact before you change its files, or add the file again with overwrite=True",
        )


class Staging:
    """The files of a draft, by their path inside the artifact."""

    def __init__(self) -> None:
        self._sources: dict[str, _Source] = {}
        self._hashes: dict[_Source, Stored] = {}
        self._directory: Path | None = None

    def __contains__(self, name: str) -> bool:
        return name in self._sources

    def __len__(self) -> int:
        return len(self._sources)

    def add_file(self, path: Path, name: str | None, *, overwrite: bool) -> None:
        """Add a file, under `name` or its own.

        Raises: InvalidArtifactError when there is no such file, or the name is taken by other content and may not be
            overwritten; UnsafePathError.
        """
        inside = inside_path(name if name is not None else path.name)
        self._add(inside, _Source.of(path), overwrite=overwrite)

    def add_directory(self, path: Path, name: str | None, *, overwrite: bool) -> None:
        """Add all files below a directory. Raises: as `add_file`, StorageError for what is no file."""
        if not path.is_dir():
            raise InvalidArtifactError(f"'{path}' is not a directory", hint="add_file adds one file")
        prefix = f"{inside_path(name)}/" if name and PurePosixPath(name) != PurePosixPath() else ""
        for inside, file in walk_directory(path).items():
            self._add(prefix + inside, _Source.of(file), overwrite=overwrite)

    def new_path(self) -> Path:
        """A path for a new file of this draft, in a directory that goes away with it."""
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="gitreg-"))
            weakref.finalize(self, shutil.rmtree, self._directory, ignore_errors=True)
        descriptor, name = tempfile.mkstemp(dir=self._directory)
        os.close(descriptor)
        return Path(name)

    def remove(self, path: str) -> None:
        """Take out a file, or all files of a directory. Raises: FileNotFoundError."""
        inside = PurePosixPath(path).as_posix()
        found = [name for name in self._sources if name == inside or name.startswith(f"{inside}/")]
        if not found:
            raise FileNotFoundError(f"no such file or directory in the artifact: '{path}'")
        for name in found:
            del self._sources[name]

    def files(self) -> dict[str, Path]:
        """Where each file lies. Raises: StorageError when one has changed since it was added."""
        for source in self._sources.values():
            source.check()
        return {name: source.path for name, source in self._sources.items()}

    def check(self, stored: Listing) -> None:
        """See that what was stored is what was added, and what was hashed since. Raises: StorageError when it is not.

        While a file is copied the cache watches it, so one that is now as it was when it was added was copied as such.
        """
        for name, source in self._sources.items():
            source.check()
            known, found = self._hashes.get(source), stored.get(name)
            if known and found and known.sha256 != found.sha256:
                raise source.changed()

    def listing(self) -> Listing:
        """The files with their hashes; each file is read once. Raises: StorageError, UnsafePathError."""
        return Listing.of(self._entries())

    def _entries(self) -> Iterator[FileEntry]:
        for name, source in self._sources.items():
            stored = self._hash(source)
            yield FileEntry(name, stored.size, stored.md5, stored.sha256)

    def _add(self, inside: str, source: _Source, *, overwrite: bool) -> None:
        known = self._sources.get(inside)
        if known is not None and known != source and not overwrite and self._hash(known) != self._hash(source):
            raise InvalidArtifactError(
                f"'{inside}' is in the artifact already, with other content", hint="pass overwrite=True to replace it"
            )
        self._sources[inside] = source

    def _hash(self, source: _Source) -> Stored:
        known = self._hashes.get(source)
        if known is None:
            source.check()
            try:
                known = hash_file(source.path)
            except OSError as error:
                raise storage_error(f"'{source.path}' cannot be read", error) from error
            source.check()
            self._hashes[source] = known
        return known


def inside_path(name: str) -> str:
    """A path inside an artifact without `./` and `//`. Raises: UnsafePathError for what could leave it."""
    return check_path(PurePosixPath(name).as_posix() if name else name)
