"""Reading an artifact: its files by name, and writing them where a user wants them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gitreg.errors import InvalidArtifactError
from gitreg.records.listing import FileEntry, Listing
from gitreg.sdk import targets
from gitreg.sdk.described import Described
from gitreg.sdk.files import ArtifactFile

if TYPE_CHECKING:
    from gitreg.sdk.media.base import Media
    from gitreg.sdk.media.table import Table
    from gitreg.sdk.views import RunView


class Readable(Described):
    """The files of an artifact, and who made and used it."""

    def _listing(self) -> Listing:
        return self._logged.listing if self._logged else self._staging.listing()

    def _file(self, entry: FileEntry) -> ArtifactFile:
        return ArtifactFile(entry.path, entry.size, entry.md5, entry.sha256, self)

    def files(self, names: Sequence[str] | None = None) -> list[ArtifactFile]:
        """Its files by path, only those in `names` when given. On the command line: `gitreg show`."""
        return [self._file(entry) for entry in self._listing() if names is None or entry.path in names]

    def get_entry(self, name: str | os.PathLike[str]) -> ArtifactFile:
        """The file of that path. Raises: KeyError."""
        entry = self._listing().get(str(name).removeprefix("./"))
        if entry is None:
            raise KeyError(f"'{name}' is not in artifact '{self.name}'")
        return self._file(entry)

    def get(self, name: str) -> Table | Media | None:
        """The table, image or other medium of that name, or None.

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
        self, root: str | os.PathLike[str] | None = None, path_prefix: str | os.PathLike[str] | None = None
    ) -> str:
        """Write its files (those below `path_prefix`) into `root`, every byte checked, and return that directory.

        The default is `./artifacts/<name>:v<N>`. Files that are right stay, others of `root` are left alone. On the
        command line: `gitreg get`. Raises: ArtifactNotLoggedError, StorageError, IntegrityError, UnsafePathError.
        """
        logged = self._need("download")
        only = None
        if path_prefix is not None:
            only = {entry.path for entry in logged.listing if entry.path.startswith(str(path_prefix))}
        return str(logged.download(_path(root), only))

    def verify(self, root: str | os.PathLike[str] | None = None) -> None:
        """Check that `root` (default: where `download` writes) holds exactly its files.

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
        return RunView.find(logged.registry, logged.record.run)

    def used_by(self) -> list[RunView]:
        """The runs that used it, by id. Raises: ArtifactNotLoggedError."""
        from gitreg.sdk.views import RunView

        logged = self._need("used_by")
        return RunView.users(logged.registry, logged.version.commit)


def _path(root: str | os.PathLike[str] | None) -> Path | None:
    return None if root is None else targets.place(root)
