"""`Artifact`: a draft to put files into, and after it is logged a version to read."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from gitreg.errors import ArtifactFinalizedError, ArtifactNotLoggedError, InvalidArtifactError
from gitreg.records.listing import FileEntry, Listing
from gitreg.registry.live import Draft
from gitreg.sdk import targets, values
from gitreg.sdk.files import ArtifactFile
from gitreg.sdk.logged import Logged
from gitreg.sdk.staging import Staging, inside_path

if TYPE_CHECKING:
    import os

    from gitreg.sdk.collection import ArtifactCollection
    from gitreg.sdk.views import RunView

_MODES = {"x", "w", "xb", "bx", "wb", "bw", "xt", "tx", "wt", "tw"}


class Artifact:
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

    def _need(self, what: str) -> Logged:
        if self._logged is None:
            raise ArtifactNotLoggedError(
                f"'{what}' of artifact '{self._collection}' is known once it is logged",
                hint="log it first: run.log_artifact(artifact)",
            )
        return self._logged

    def _need_draft(self, what: str) -> Staging:
        if self._logged is not None:
            raise ArtifactFinalizedError(
                f"cannot {what}: '{self.name}' is logged and never changes",
                hint="log a new version with a new Artifact",
            )
        return self._staging

    def _draft(self) -> Draft:
        """What is to be logged. Raises: ValueError for metadata, StorageError when a file has changed."""
        files = self._staging.files()
        facts = values.metadata(self._metadata)
        return Draft(self._collection, self._type, files, self._description or "", facts, self._staging.check)

    # what it is

    @property
    def name(self) -> str:
        """The name; with the version once it is logged: `mnist_model:v0`."""
        return str(self._logged.fresh().name) if self._logged else str(self._collection)

    @property
    def type(self) -> str:
        """Its type, such as `model` or `dataset`."""
        return self._type

    @property
    def description(self) -> str | None:
        """What it is, in words. Setting it on a logged one raises ArtifactFinalizedError."""
        return self._description

    @description.setter
    def description(self, text: str | None) -> None:
        self._need_draft("change the description")
        self._description = values.plain(text)

    @property
    def metadata(self) -> dict[str, Any]:
        """Facts about it, at most 100. Of a draft it may be changed in place; of a logged one `save` refuses that."""
        return self._metadata

    @metadata.setter
    def metadata(self, facts: Mapping[str, object]) -> None:
        self._need_draft("change the metadata")
        self._metadata = values.metadata(facts)

    @property
    def digest(self) -> str:
        """W&B's digest of the content, the md5 of its manifest in hex. Of a draft it reads all files, once."""
        return self._logged.record.digest if self._logged else self._staging.listing().digest

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return self._logged.record.size if self._logged else self._staging.listing().size

    @property
    def state(self) -> str:
        """`PENDING` for a draft, `COMMITTED` once it is logged."""
        return "COMMITTED" if self._logged else "PENDING"

    @property
    def version(self) -> str:
        """`v0`, `v1`, ... Provisional until it is published. Raises: ArtifactNotLoggedError."""
        return self._need("version").fresh().name.label

    @property
    def aliases(self) -> list[str]:
        """Its aliases, `latest` for the newest version. Change the list, then `save`.

        On the command line: `gitreg alias`. Raises: ArtifactNotLoggedError.
        """
        logged = self._need("aliases")
        if self._aliases is None:
            now = logged.aliases()
            self._aliases = (list(now), now)
        return self._aliases[1]

    @aliases.setter
    def aliases(self, names: Sequence[str]) -> None:
        self.aliases[:] = list(names)

    @property
    def qualified_name(self) -> str:
        """The name behind the entity and project that its run was labelled with: `entity/project/name:v0`."""
        logged = self._need("qualified_name")
        name, run = logged.fresh().name, logged.details.run
        if name.collection.space:
            parts = [run.entity, f"wandb-registry-{name.collection.space}", f"{name.collection.name}:{name.label}"]
        else:
            parts = [run.entity if run.project else "", run.project, str(name)]
        return "/".join(part for part in parts if part)

    @property
    def source_name(self) -> str:
        """The name of the logged version that a link stands for, its own name otherwise."""
        return str(self._need("source_name").source().name)

    @property
    def is_link(self) -> bool:
        """Whether it is a version of a registered model. On the command line: `gitreg link`."""
        return self._need("is_link").record.link is not None

    @property
    def collection(self) -> ArtifactCollection:
        """The collection that it is a version of. Raises: ArtifactNotLoggedError."""
        from gitreg.sdk.collection import ArtifactCollection

        logged = self._need("collection")
        return ArtifactCollection(logged.registry, logged.version.name.collection)

    @property
    def created_at(self) -> str:
        """When it was logged or linked, RFC 3339 in UTC. Raises: ArtifactNotLoggedError."""
        return self._need("created_at").created_at

    @property
    def file_count(self) -> int:
        """How many files it has."""
        return self._logged.record.files if self._logged else len(self._staging)

    @property
    def commit(self) -> str:
        """The Git commit that is its identity. Raises: ArtifactNotLoggedError."""
        return str(self._need("commit").version.commit)

    @property
    def entity(self) -> str:
        """The entity that its run was labelled with. Raises: ArtifactNotLoggedError."""
        return self._need("entity").details.run.entity

    @property
    def project(self) -> str:
        """The project that its run was labelled with. Raises: ArtifactNotLoggedError."""
        return self._need("project").details.run.project

    @property
    def url(self) -> None:
        """None: there is no server with a page for it."""
        self._need("url")

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

    # reading it

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


def _path(root: str | os.PathLike[str] | None) -> Path | None:
    return None if root is None else targets.place(root)
