"""What an artifact that is being put together holds: files, files of versions that are there already, references.

A file stays where it lies, and is not copied. It is read when its hash is asked for or it is logged, and by then it
must still be the one that was added.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from gitreg.data.cache import walk_directory
from gitreg.data.hashing import Stored, hash_file, refusals, storage_error
from gitreg.errors import InvalidArtifactError, StorageError
from gitreg.records.listing import FileEntry, Listing
from gitreg.records.paths import check_path
from gitreg.records.references import Reference
from gitreg.registry import contents
from gitreg.registry.draft import Kept


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


_Item = _Source | Kept | Reference


class Staging:
    """The files of a draft, by their path inside the artifact."""

    def __init__(self) -> None:
        self._items: dict[str, _Item] = {}
        self._hashes: dict[_Source, Stored] = {}
        self._directory: Path | None = None

    def __contains__(self, name: str) -> bool:
        return name in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def add_file(self, path: Path, name: str | None, *, overwrite: bool, copy: bool = False) -> str:
        """Add a file, or a copy of it, under `name` or its own; that name.

        Raises: InvalidArtifactError when there is no such file, or the name is taken by other content and may not be
            overwritten; UnsafePathError.
        """
        inside = inside_path(name if name is not None else path.name)
        self._add(inside, self._source(path, copy=copy), overwrite=overwrite)
        return inside

    def temporary_name(self, path: Path, name: str | None) -> str:
        """The name of a file that has no lasting one: its first part says what is in it."""
        stored = self._hash(_Source.of(path))
        folder, _, own = (name if name is not None else path.name).rpartition("/")
        _, dot, rest = own.partition(".")
        return f"{folder}/{stored.md5[:20]}{dot}{rest}".lstrip("/")

    def add_directory(self, path: Path, name: str | None, *, overwrite: bool, copy: bool = False) -> None:
        """Add all files below a directory. Raises: as `add_file`, StorageError for what is no file."""
        if not path.is_dir():
            raise InvalidArtifactError(f"'{path}' is not a directory", hint="add_file adds one file")
        prefix = f"{inside_path(name)}/" if name and PurePosixPath(name) != PurePosixPath() else ""
        for inside, file in walk_directory(path).items():
            self._add(prefix + inside, self._source(file, copy=copy), overwrite=overwrite)

    def keep(self, inside: str, kept: Kept) -> None:
        """Add a file of a version. Raises: InvalidArtifactError when the name is taken by other content."""
        self._add(inside, kept, overwrite=False)

    def refer(self, references: Iterable[Reference]) -> list[str]:
        """Add references; their names.

        Raises: InvalidArtifactError when one is taken by other content, UnsafePathError.
        """
        found = [replace(reference, path=inside_path(reference.path)) for reference in references]
        for reference in found:
            self._add(reference.path, reference, overwrite=False)
        return [reference.path for reference in found]

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
        found = [name for name in self._items if name == inside or name.startswith(f"{inside}/")]
        if not found:
            raise FileNotFoundError(f"no such file or directory in the artifact: '{path}'")
        for name in found:
            del self._items[name]

    def find(self, inside: str) -> FileEntry | Reference | None:
        """What has that path, or None; a file is read, once. Raises: StorageError."""
        item = self._items.get(inside)
        if isinstance(item, _Source):
            stored = self._hash(item)
            return FileEntry(inside, stored.size, stored.md5, stored.sha256)
        return replace(item.entry, path=inside) if isinstance(item, Kept) else item

    def path_of(self, inside: str) -> Path | None:
        """Where an added file lies, None for what is no file of this machine."""
        item = self._items.get(inside)
        return item.path if isinstance(item, _Source) else None

    def read(self, inside: str) -> bytes:
        """The bytes of a file, those of a version's checked. Raises: StorageError, IntegrityError."""
        item = self._items[inside]
        if isinstance(item, _Source):
            item.check()
            with refusals(f"'{item.path}' cannot be read"):
                return item.path.read_bytes()
        assert isinstance(item, Kept)
        return contents.read(item.registry, item.source, item.entry.path)

    def name_of(self, path: Path) -> str | None:
        """Under which name a file of this machine was added, the first one; None when it was not."""
        place = path.absolute()
        return next((name for name, source in self._sources() if source.path == place), None)

    def files(self) -> dict[str, Path]:
        """Where each file lies. Raises: StorageError when one has changed since it was added."""
        for _, source in self._sources():
            source.check()
        return {name: source.path for name, source in self._sources()}

    @property
    def kept(self) -> dict[str, Kept]:
        """The files of versions."""
        return {name: item for name, item in self._items.items() if isinstance(item, Kept)}

    @property
    def references(self) -> list[Reference]:
        """The references."""
        return [item for item in self._items.values() if isinstance(item, Reference)]

    def check(self, stored: Listing) -> None:
        """See that what was stored is what was added, and what was hashed since. Raises: StorageError when it is not.

        While a file is copied the cache watches it, so one that is now as it was when it was added was copied as such.
        """
        for name, source in self._sources():
            source.check()
            known, found = self._hashes.get(source), stored.get(name)
            if known and found and known.sha256 != found.sha256:
                raise source.changed()

    def listing(self) -> Listing:
        """The files with their hashes; each file is read once. Raises: StorageError, UnsafePathError."""
        kept = (replace(item.entry, path=name) for name, item in self.kept.items())
        return Listing.of([*self._entries(), *kept], self.references)

    def _source(self, path: Path, *, copy: bool) -> _Source:
        found = _Source.of(path)
        if not copy:
            return found
        place = self.new_path()
        with refusals(f"'{path}' cannot be copied"):
            shutil.copyfile(path, place)
        found.check()
        return _Source.of(place)

    def _sources(self) -> Iterator[tuple[str, _Source]]:
        return ((name, item) for name, item in self._items.items() if isinstance(item, _Source))

    def _entries(self) -> Iterator[FileEntry]:
        for name, source in self._sources():
            stored = self._hash(source)
            yield FileEntry(name, stored.size, stored.md5, stored.sha256)

    def _add(self, inside: str, item: _Item, *, overwrite: bool) -> None:
        known = self._items.get(inside)
        if known is not None and known != item and not overwrite and self._content(known) != self._content(item):
            raise InvalidArtifactError(
                f"'{inside}' is in the artifact already, with other content", hint="pass overwrite=True to replace it"
            )
        self._items[inside] = item

    def _content(self, item: _Item) -> object:
        """What tells one content from another."""
        if isinstance(item, Kept):
            return item.entry.sha256
        return item if isinstance(item, Reference) else self._hash(item).sha256

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
