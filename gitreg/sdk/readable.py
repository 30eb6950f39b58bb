"""Reading an artifact: its files by name, and writing them where a user wants them."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gitreg.errors import InvalidArtifactError
from gitreg.records.listing import FileEntry, Listing
from gitreg.records.plain import visible
from gitreg.records.references import Reference
from gitreg.sdk import targets
from gitreg.sdk.described import Described
from gitreg.sdk.files import ArtifactFile, ArtifactManifest
from gitreg.sdk.talk import logger

if TYPE_CHECKING:
    from gitreg.sdk.views import RunView


class Readable(Described):
    """The files of an artifact, and who made and used it."""

    def _listing(self) -> Listing:
        return self._logged.listing if self._logged else self._staging.listing()

    def _file(self, entry: FileEntry | Reference) -> ArtifactFile:
        return ArtifactFile(entry.path, self, entry)

    def _find(self, name: str | os.PathLike[str]) -> FileEntry | Reference:
        """What has that path. Raises: KeyError."""
        path = str(name).removeprefix("./")
        if self._logged:
            found = self._logged.listing.get(path) or self._logged.listing.reference(path)
        else:
            found = self._staging.find(path)
        if found is None:
            raise KeyError(f"'{name}' is not in artifact '{self.name}'")
        return found

    def files(
        self,
        names: Sequence[str] | None = None,
        per_page: int = 50,  # noqa: ARG002  # W&B's argument: there is no server to ask page by page
        path_prefix: str | None = None,
    ) -> list[ArtifactFile]:
        """Its files and references by path, those in `names` and below `path_prefix` when given.

        On the command line: `gitreg show`.
        """
        listing = self._listing()
        found = [*map(self._file, listing.entries), *map(self._file, listing.references)]
        found.sort(key=attrgetter("path"))
        wanted = None if names is None else set(names)
        return [
            entry
            for entry in found
            if (wanted is None or entry.path in wanted) and entry.path.startswith(path_prefix or "")
        ]

    @property
    def manifest(self) -> ArtifactManifest:
        """Its files and references by path, as W&B offers them."""
        return ArtifactManifest({entry.path: entry for entry in self.files()}, self)

    def get_entry(self, name: str | os.PathLike[str]) -> ArtifactFile:
        """The file or reference of that path. Raises: KeyError."""
        return self._file(self._find(name))

    def get_path(self, name: str | os.PathLike[str]) -> ArtifactFile:
        """The file or reference of that path: the older word for `get_entry`. Raises: KeyError."""
        return self.get_entry(name)

    def get_added_local_path_name(self, local_path: str | os.PathLike[str]) -> str | None:
        """Under which name a file of this machine was added to a draft; None when it was not."""
        return self._staging.name_of(targets.place(local_path))

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def get(self, name: str) -> Any:
        """The `Table`, `Image` or other medium of that name, or None.

        Only what it needs is fetched, and each column of a table when it is first asked for; nothing but the cache is
        written. Of a draft it gives what was added. Raises: StorageError, IntegrityError, RecordError for what is
        malformed, MissingExtraError.
        """
        from gitreg.sdk.media import store

        return store.get(self, name)

    def file(self, root: str | os.PathLike[str] | None = None) -> str:
        """Download its only file and return the path. Raises: ValueError when it has not exactly one."""
        self._need("file")
        found = self.files()
        if len(found) != 1:
            raise InvalidArtifactError(f"'{self.name}' has {len(found)} files, not one", hint="use download")
        return found[0].download(root)

    def download(
        self,
        root: str | os.PathLike[str] | None = None,
        allow_missing_references: bool = False,
        skip_cache: bool | None = None,  # noqa: ARG002  # W&B's argument: every file is checked and copied anyway
        path_prefix: str | os.PathLike[str] | None = None,
        multipart: bool | None = None,  # noqa: ARG002  # W&B's argument
    ) -> str:
        """Write its files (those whose paths begin with `path_prefix`) into `root` and return that directory.

        Every byte is checked. The default is `./artifacts/<name>:v<N>`. Files that are right stay, others of `root` are
        left alone. References are fetched from where they lead; with `allow_missing_references` those that are gone, or
        have nothing they could be checked by, are left out with a warning. Where no path begins with `path_prefix`, a
        warning says so. On the command line: `gitreg get`.

        Raises: ArtifactNotLoggedError, StorageError, IntegrityError, UnsafePathError; ChangedReferenceError (a
            ValueError) when a reference leads to something else by now, MissingReferenceError, UncheckedReferenceError.
        """
        only = None
        if path_prefix is not None:
            only = {entry.path for entry in self.files(path_prefix=str(path_prefix))}
            if not only:
                logger.warning("no file of '%s' begins with '%s'", self.name, visible(str(path_prefix)))
        return self._download(root, only, allow_missing=allow_missing_references)

    def _download(
        self, root: str | os.PathLike[str] | None, only: Collection[str] | None, *, allow_missing: bool = False
    ) -> str:
        logged = self._need("download")
        place = logged.download(_path(root), only)
        logged.follow(place, only, allow_missing=allow_missing)
        return str(place)

    def checkout(self, root: str | os.PathLike[str] | None = None) -> str:
        """Make `root` (default: `./artifacts/<name>`) hold its files and nothing else, and return that directory.

        What is taken away are files of other versions, byte for byte. Raises: DifferencesError (a ValueError), before
        anything is changed, when `root` has anything else; as `download`.
        """
        logged = self._need("checkout")
        place = _path(root) or logged.folder(with_version=False)
        logged.clear(place)
        return self._download(place, None)

    def verify(self, root: str | os.PathLike[str] | None = None) -> None:
        """Check that `root` (default: where `download` writes) holds exactly its files.

        References may be missing, and are checked when their hash is known.

        Raises: DifferencesError (a ValueError) with a line for each difference, ArtifactNotLoggedError.
        """
        logged = self._need("verify")
        logged.verify(_path(root) or logged.folder())

    def logged_by(self) -> RunView | None:
        """The run that logged it; None when that run is not in this clone.

        Raises: ArtifactNotLoggedError, RecordError when the run's commits cannot be read.
        """
        from gitreg.sdk.views import RunView

        logged = self._need("logged_by")
        return RunView.find(logged.registry.whole, logged.record.run)

    def used_by(self) -> list[RunView]:
        """The runs that used it, by id. Raises: ArtifactNotLoggedError."""
        from gitreg.sdk.views import RunView

        logged = self._need("used_by")
        return RunView.users(logged.registry.whole, logged.version.commit)


def _path(root: str | os.PathLike[str] | None) -> Path | None:
    return None if root is None else targets.place(root)
