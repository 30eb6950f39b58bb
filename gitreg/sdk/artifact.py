"""`Artifact`: a draft to put files into, and after it is logged a version to read."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

from gitreg.errors import InvalidArtifactError
from gitreg.registry.draft import Draft
from gitreg.sdk import targets, values
from gitreg.sdk.files import ArtifactFile
from gitreg.sdk.logged import Logged
from gitreg.sdk.readable import Readable
from gitreg.sdk.staging import Staging, inside_path

if TYPE_CHECKING:
    import os

    from gitreg.sdk.media.base import Media
    from gitreg.sdk.media.table import Table

_MODES = {"x", "w", "xb", "bx", "wb", "bw", "xt", "tx", "wt", "tw"}


class Artifact(Readable):
    """Files that belong together, under a name.

    A new one is a draft: add files, then log it with `Run.log_artifact`. A logged one is a version and never changes;
    only its aliases move. On the command line: `gitreg put`, `gitreg get`, `gitreg show`.
    """

    def __init__(
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> None:
        """Make a draft.

        Raises: InvalidNameError (a ValueError) for a name or type that is not allowed, ValueError and TypeError for
        metadata that cannot be recorded (`gitreg.sdk.values.metadata`).
        """
        self._collection = targets.artifact_name(name)
        self._type = targets.check_type(type)
        self._description: str | None = values.plain(description)
        self._metadata = values.metadata(metadata)
        self._staging = Staging()
        self._logged: Logged | None = None
        self._aliases: tuple[list[str], list[str]] | None = None

    @classmethod
    def _of(cls, logged: Logged) -> Artifact:
        """A version that is there already."""
        artifact = cls.__new__(cls)
        artifact._staging = Staging()
        artifact._become(logged)
        return artifact

    def _become(self, logged: Logged) -> None:
        """From a draft to the version that it is now. What was staged is no longer needed."""
        record = logged.record
        self._collection = record.version.collection
        self._type = record.type
        self._description = logged.details.artifact.description or None
        self._metadata = copy.deepcopy(dict(logged.details.artifact.metadata))
        self._staging = Staging()
        self._logged = logged
        self._aliases = None

    def _draft(self) -> Draft:
        """What is to be logged. Raises: ValueError for metadata, StorageError when a file has changed."""
        files = self._staging.files()
        facts = values.metadata(self._metadata)
        return Draft(self._collection, self._type, files, self._description or "", facts, self._staging.check)

    # putting it together

    def add_file(self, local_path: str | os.PathLike[str], name: str | None = None, *, overwrite: bool = False) -> None:
        """Add a file, under `name` or its own.

        It is not copied or read now: it must stay as it is until the artifact is logged. Raises: ValueError when there
        is no such file, for names that are absolute or hold `..`, and for a name that is taken by other content unless
        `overwrite`; ArtifactFinalizedError.
        """
        self._need_draft("add a file").add_file(targets.place(local_path), name, overwrite=overwrite)

    def add_dir(self, local_path: str | os.PathLike[str], name: str | None = None, *, overwrite: bool = False) -> None:
        """Add all files below a directory, hidden ones too, under `name/` or at the root.

        Raises: ValueError and ArtifactFinalizedError as in `add_file`; StorageError for pipes, sockets, and symbolic
        links that lead to directories or nowhere.
        """
        self._need_draft("add a directory").add_directory(targets.place(local_path), name, overwrite=overwrite)

    def add(self, obj: Table | Media, name: str, overwrite: bool = False) -> ArtifactFile:
        """Add a table, an image or another medium under `name`; the entry of the file that `get(name)` begins with.

        A table becomes the folder `<name>.table`, an image or another medium one file, `<name>.png` for example. The
        same object gives the same bytes. Raises: InvalidValueError (a TypeError) for anything else; ValueError for a
        name that is taken by other content unless `overwrite`; MissingExtraError; ArtifactFinalizedError.
        """
        from gitreg.sdk.media import store

        return store.add(self, obj, name, overwrite=overwrite)

    @contextlib.contextmanager
    def new_file(self, name: str, mode: str = "x", encoding: str | None = None) -> Iterator[IO[Any]]:
        """Open a new file of this name for writing; it is added when the `with` block ends without an exception.

        `mode` is `x` (the name must be free) or `w`, with `b` for bytes; text is UTF-8. Raises: ValueError.
        """
        staging = self._need_draft("add a file")
        if mode not in _MODES:
            raise InvalidArtifactError(
                f"a new file cannot be opened with mode {mode[:100]!r}", hint="use 'x', 'w', 'xb' or 'wb'"
            )
        inside = inside_path(name)
        if "x" in mode and inside in staging:
            raise InvalidArtifactError(f"'{inside}' is in the artifact already", hint="mode 'w' replaces it")
        path = staging.new_path()
        try:
            with path.open(mode.replace("x", "w"), encoding=None if "b" in mode else encoding or "utf-8") as file:
                yield file
            self._need_draft("add a file").add_file(path, inside, overwrite="w" in mode)
        except BaseException:
            path.unlink()
            raise

    def remove(self, item: str | os.PathLike[str] | ArtifactFile) -> None:
        """Take a file, or all files of a directory, out of a draft. Raises: FileNotFoundError."""
        staging = self._need_draft("remove a file")
        staging.remove(item.path if isinstance(item, ArtifactFile) else str(item))

    # keeping it

    def wait(self, timeout: int | None = None) -> Artifact:  # noqa: ARG002  # W&B's argument: there is no server to wait for
        """Return at once: logging ends when the version is there. Raises: ArtifactNotLoggedError."""
        self._need("wait")
        return self

    def save(self) -> None:
        """Log a draft to the active run, or to a run of its own; write changed aliases of a logged one.

        Raises: as `Run.log_artifact`; ArtifactFinalizedError when metadata of a logged artifact were changed;
        LostRaceError when an alias that is removed names another version by now.
        """
        if self._logged is None:
            from gitreg.sdk.session import log_draft

            log_draft(self)
            return
        if self._metadata != dict(self._logged.details.artifact.metadata):
            self._need_draft("change the metadata")
        if self._aliases is not None:
            before, after = self._aliases
            self._logged.change_aliases(before, after)
            self._aliases = (self._logged.aliases(), after)
            after[:] = self._aliases[0]

    def link(self, target_path: str, aliases: str | Sequence[str] | None = None) -> Artifact:
        """Link it to a registered model, see `Run.link_artifact`. A draft is saved first."""
        target, names = targets.link_target(target_path), targets.alias_list(aliases)
        if self._logged is None:
            self.save()
        return Artifact._of(self._need("link").link(target, names))

    def __repr__(self) -> str:
        return f"<Artifact {self.name} ({self._type})>"
