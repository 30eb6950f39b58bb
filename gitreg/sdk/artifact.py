"""`Artifact`: a draft to put files into, and after it is logged a version to read."""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, get_args

from gitreg.data import references
from gitreg.data.config import Project
from gitreg.data.follow import unchecked
from gitreg.errors import InvalidArtifactError, NotARepositoryError
from gitreg.records.plain import visible
from gitreg.records.references import Reference
from gitreg.registry.draft import Draft, Kept
from gitreg.registry.repository import Registry
from gitreg.sdk import targets, values
from gitreg.sdk.files import ArtifactFile
from gitreg.sdk.logged import Logged
from gitreg.sdk.noted import Noted
from gitreg.sdk.readable import Readable
from gitreg.sdk.staging import Staging, inside_path
from gitreg.sdk.talk import logger

if TYPE_CHECKING:
    from gitreg.sdk.media.base import Media
    from gitreg.sdk.media.table import Table

Policy = Literal["mutable", "immutable"]
_MODES = {"x", "w", "xb", "bx", "wb", "bw", "xt", "tx", "wt", "tw"}


class Artifact(Noted, Readable):
    """Files that belong together, under a name.

    A new one is a draft: add files, then log it with `Run.log_artifact`. A logged one is a version, and never changes;
    only its aliases move, and its tags and description can be edited. On the command line: `gitreg put`, `gitreg get`,
    `gitreg show`.
    """

    def __init__(  # noqa: PLR0917  # W&B's signature
        self,
        name: str,
        type: str,
        description: str | None = None,
        metadata: Mapping[str, object] | None = None,
        incremental: bool = False,
        use_as: str | None = None,  # noqa: ARG002  # W&B keeps it for jobs, which there are none of
    ) -> None:
        """Make a draft.

        With `incremental`, logging it keeps every file of the newest version that the draft has no other file for;
        `new_draft` starts from a certain version, and can also leave files out.

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
        self._incremental = bool(incremental)

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
        staged = self._staging
        return Draft(
            self._collection,
            self._type,
            staged.files(),
            self._description or "",
            values.metadata(self._metadata),
            staged.check,
            staged.kept,
            staged.references,
            self._incremental,
        )

    def new_draft(self) -> Artifact:
        """A draft with all that a logged one has, to change and log as the next version.

        Files that stay are neither read nor stored again, and need not be here. Of a link it is a draft of the version
        that the link stands for. Raises: ArtifactNotLoggedError.
        """
        logged = self._need("new_draft")
        draft = Artifact(str(logged.source().name.collection), self._type, self._description, self._metadata)
        for entry in logged.listing:
            draft._staging.keep(entry.path, Kept(entry, logged.details, logged.registry))
        draft._staging.refer(logged.listing.references)
        return draft

    # putting it together

    def add_file(  # noqa: PLR0917  # W&B's signature
        self,
        local_path: str | os.PathLike[str],
        name: str | None = None,
        is_tmp: bool = False,
        skip_cache: bool | None = None,  # noqa: ARG002  # W&B's argument: what is logged is kept in the cache
        policy: Policy | None = None,
        overwrite: bool = False,
    ) -> ArtifactFile:
        """Add a file, under `name` or its own, and return its entry.

        It is not copied or read now: it must stay as it is until the artifact is logged, unless `policy` is `mutable`,
        which makes a copy. With `is_tmp` the name's first part is replaced by what begins the content's md5. Raises:
        ValueError when there is no such file, for names that are absolute or hold `..`, and for a name that is taken
        by other content unless `overwrite`; ArtifactFinalizedError.
        """
        staging, path = self._need_draft("add a file"), targets.place(local_path)
        _check_policy(policy)
        if is_tmp:
            name = staging.temporary_name(path, name)
        return ArtifactFile(staging.add_file(path, name, overwrite=overwrite, copy=policy == "mutable"), self)

    def add_dir(
        self,
        local_path: str | os.PathLike[str],
        name: str | None = None,
        skip_cache: bool | None = None,  # noqa: ARG002  # W&B's argument: what is logged is kept in the cache
        policy: Policy | None = None,
        merge: bool = False,
    ) -> None:
        """Add all files below a directory, hidden ones too, under `name/` or at the root.

        `policy` is as in `add_file`; with `merge` files of a name that is taken replace what was there. Raises:
        ValueError and ArtifactFinalizedError as in `add_file`; StorageError for pipes, sockets, and symbolic links that
        lead to directories or nowhere.
        """
        staging = self._need_draft("add a directory")
        _check_policy(policy)
        staging.add_directory(targets.place(local_path), name, overwrite=merge, copy=policy == "mutable")

    def add_reference(
        self,
        uri: ArtifactFile | str | os.PathLike[str],
        name: str | None = None,
        checksum: bool = True,
        max_objects: int | None = None,
    ) -> list[ArtifactFile]:
        """Add a file that stays where it is: its address, and what tells its bytes from others. The new entries.

        `uri` is `s3://`, `gs://`, `azure://`, `https://`, `http://`, `file://`, or a path. A folder, prefix or bucket
        adds an entry for each file, at most `max_objects` (10,000,000). Recorded are the size and, for files, md5 and
        sha256; for the others the etag, and the version of an S3 object. Without `checksum` nothing is read or asked,
        and nothing can be checked later, so that nobody can download it from here; a warning says so, as for a server
        that gives no etag. An address of another kind needs a
        `name`, and is as one without `checksum`. An entry of a logged artifact is no reference: its file is kept, as
        `new_draft` does.

        Who the servers are told you are is your own configuration's business: a DVC remote of the same bucket, or above
        the address (`dvc remote modify --local`), else what the cloud's own tools use.

        Raises: ValueError when there is nothing, for an address that holds a password or a token, and as `add_file`;
        StorageError; ArtifactFinalizedError.
        """
        staging = self._need_draft("add a reference")
        if isinstance(uri, ArtifactFile):
            return [self._add_entry(staging, uri, name)]
        found = references.look(_project(), os.fspath(uri), name, checksum=checksum, max_objects=max_objects)
        added = staging.refer(found)
        _tell_unchecked(found)
        return [ArtifactFile(inside, self) for inside in added]

    def _add_entry(self, staging: Staging, entry: ArtifactFile, name: str | None) -> ArtifactFile:
        known, inside = entry._known, inside_path(name or entry.path)
        if isinstance(known, Reference):
            staging.refer([replace(known, path=inside)])
        else:
            source = entry._artifact._need("add_reference")
            staging.keep(inside, Kept(known, source.details, source.registry))
        return ArtifactFile(inside, self)

    def __setitem__(self, name: str, item: Table | Media) -> None:
        self.add(item, name)

    def add(self, obj: Table | Media, name: str, overwrite: bool = False) -> ArtifactFile:
        """Add a table, an image or another medium under `name`; the entry of the file that `get(name)` begins with.

        A table becomes the folder `<name>.table`, an image or another medium one file, `<name>.png` for example. The
        same object gives the same bytes. Raises: InvalidValueError (a TypeError) for anything else; ValueError for a
        name that is taken by other content unless `overwrite`; MissingExtraError; ArtifactFinalizedError.
        """
        from gitreg.sdk.media import store

        return store.add(self, obj, name, overwrite=overwrite)

    @contextlib.contextmanager
    def new_file(
        self,
        name: str,
        mode: str = "x",
        encoding: str | None = None,
        policy: Policy | None = None,
    ) -> Iterator[IO[Any]]:
        """Open a new file of this name for writing; it is added when the `with` block ends without an exception.

        `mode` is `x` (the name must be free) or `w`, with `b` for bytes; text is UTF-8. Raises: ValueError.
        """
        staging = self._need_draft("add a file")
        _check_policy(policy)
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
        """Log a draft to the active run, or to a run of its own; of a logged one write aliases, tags and description.

        Raises: as `Run.log_artifact`; ArtifactFinalizedError when metadata of a logged artifact were changed;
        RefusedError when others have changed the same description; LostRaceError when an alias that is removed names
        another version by now.
        """
        if self._logged is None:
            from gitreg.sdk.session import log_draft

            log_draft(self)
            return
        if self._metadata != dict(self._logged.details.artifact.metadata):
            self._need_draft("change the metadata")
        self._save_notes()
        if self._aliases is not None:
            before, after = self._aliases
            self._logged.change_aliases(before, after)
            self._aliases = (self._logged.aliases(), after)
            after[:] = self._aliases[0]

    @property
    def source_artifact(self) -> Artifact:
        """The logged artifact that a link stands for; itself when it is none. Raises: ArtifactNotLoggedError."""
        logged = self._need("source_artifact")
        return Artifact._of(Logged(logged.registry.whole, logged.source())) if logged.record.link else self

    @property
    def linked_artifacts(self) -> list[Artifact]:
        """Its links by name, none of a link. Raises: ArtifactNotLoggedError."""
        logged = self._need("linked_artifacts")
        if logged.record.link:
            return []
        return [Artifact._of(Logged(logged.registry.whole, found)) for found in logged.links()]

    def link(self, target_path: str, aliases: str | Sequence[str] | None = None) -> Artifact:
        """Link it to a registered model, see `Run.link_artifact`. A draft is saved first."""
        target, names = targets.link_target(target_path), targets.alias_list(aliases)
        if self._logged is None:
            self.save()
        return Artifact._of(self._need("link").link(target, names))

    def __repr__(self) -> str:
        return f"<Artifact {self.name} ({self._type})>"


def _check_policy(policy: str | None) -> None:
    """Raises: InvalidArtifactError."""
    if policy is not None and policy not in get_args(Policy):
        raise InvalidArtifactError(f"there is no policy {str(policy)[:100]!r}", hint="'mutable' makes a copy")


def _tell_unchecked(found: Sequence[Reference]) -> None:
    """Warn of references that nobody will be able to download, while they can still be added in another way."""
    unknown = [item for item in found if unchecked(item)]
    if unknown:
        more = f" and {len(unknown) - 1} more" if unknown[1:] else ""
        words = "cannot be downloaded later: '%s'%s; nothing is known by which its bytes could be checked"
        logger.warning(words, visible(unknown[0].path), more)


def _project() -> Project | None:
    """The project of the active run, else around the current directory: it may know the way to a bucket."""
    from gitreg.sdk.session import active_run

    run = active_run()
    with contextlib.suppress(NotARepositoryError), Registry.opened(Path(run.dir if run else "")) as registry:
        return registry.project
    return None
