"""A run that records nothing, and what it "logs": with mode "disabled", and in all but the first of several ranks.

It has what `Run` asks of a live run, in memory. What it logs lies where it was added from, and in no repository.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gitreg.errors import UsageError
from gitreg.records.cards import Notes
from gitreg.records.history import told
from gitreg.records.listing import Listing
from gitreg.records.names import LATEST, CollectionName, VersionName, VersionNumber
from gitreg.records.objects import EMPTY_TREE, GITREG_IDENTITY, ZERO, Commit
from gitreg.records.records import ArtifactRecord, Place, RunRecord, State, VersionRecord
from gitreg.records.when import iso
from gitreg.registry.draft import Draft
from gitreg.registry.editing import Wanted
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Details, Version
from gitreg.sdk.logged import Logged
from gitreg.sdk.opening import open_registry
from gitreg.sdk.staging import Staging

if TYPE_CHECKING:
    from gitreg.sdk.artifact import Artifact

_COMMIT = Commit(EMPTY_TREE, (), GITREG_IDENTITY, GITREG_IDENTITY, "")


def now() -> str:
    """The time, RFC 3339 in UTC, as records have it."""
    return iso(int(time.time()))


class Unrecorded:
    """A run in memory.

    Attributes:
        record: what a commit would say.
        step: the number of the next step of the history.
    """

    def __init__(self, record: RunRecord, directory: Path) -> None:
        self.record = record
        self.step = 0
        self._directory = directory

    @cached_property
    def registry(self) -> Registry:
        """What is read from. Raises: NotARepositoryError."""
        return open_registry(self._directory, writing=False)

    def set_labels(self, labels: Mapping[str, object]) -> None:
        """As LiveRun."""
        self.record = RunRecord.parse({**self.record.document(), "tags": list(self.record.tags), **labels})

    def define_metric(self, name: str, definition: Mapping[str, object]) -> None:
        """As LiveRun."""
        self.record = replace(self.record, metrics={**self.record.metrics, name: definition})

    def update_config(self, values: Mapping[str, object]) -> None:
        """As LiveRun."""
        self.record = replace(self.record, config={**self.record.config, **values})

    def update_summary(self, values: Mapping[str, object]) -> None:
        """As LiveRun."""
        self.record = replace(self.record, summary={**self.record.summary, **values})

    def log_step(self, values: Mapping[str, object], *, summary: Mapping[str, object] | None = None) -> None:
        """As LiveRun, without a history."""
        self.step = int(str(values["_step"])) + 1
        self.update_summary(told(summary or {}))

    def log(self, artifact: Artifact) -> Logged:
        """What the artifact is from now on. Raises: as `Artifact` for metadata that cannot be recorded."""
        draft = artifact._draft()
        return Unkept(_Files(artifact._staging), draft.collection, draft.type, self.record, draft)

    def finish(self, state: State) -> None:
        """As LiveRun."""
        self.record = replace(self.record, state=state, ended=now())


class _Files:
    """Files that were added, where they lie."""

    def __init__(self, staging: Staging) -> None:
        self._staging = staging

    @cached_property
    def listing(self) -> Listing:
        return self._staging.listing()

    def download(self, root: Path, only: Collection[str] | None) -> Path:
        """Copy them. Raises: StorageError when one has changed since it was added."""
        self._staging.check(self.listing)
        for inside, path in self._staging.files().items():
            if only is None or inside in only:
                place = root / inside
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, place)
        for inside in self._staging.kept:
            if only is None or inside in only:
                place = root / inside
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(self._staging.read(inside))
        return root


class Untouched(Logged):
    """A version of the repository, used by a run that records nothing: its aliases stay where they are."""

    def __init__(self, registry: Registry, version: Version, run: RunRecord) -> None:
        super().__init__(registry, version)
        self._run = run

    @classmethod
    def of(cls, logged: Logged, run: RunRecord) -> Logged:
        """The same version for such a run."""
        return logged if isinstance(logged, Unkept) else cls(logged.registry, logged.version, run)

    def set_aliases(self, names: Collection[str], reason: str) -> None:
        """Do nothing."""

    def change_aliases(self, before: Collection[str], after: Collection[str]) -> None:
        """Do nothing."""

    def change_notes(self, wanted: Wanted) -> Notes:
        """Do nothing."""
        del wanted
        return self.notes()

    def delete(self, *, delete_aliases: bool) -> None:
        """Do nothing."""

    def link(self, target: CollectionName, names: Collection[str]) -> Logged:
        """A version of the registered model that is in no repository."""
        linked = Unkept(self, target, self.record.type, self._run, self.details.artifact, self.source())
        linked.set_aliases(names, "")
        return linked


class Unkept(Logged):
    """A version that is in no repository: `v0` of its name. It can be read for as long as its files are there."""

    def __init__(  # noqa: PLR0917  # made here only
        self,
        files: _Files | Logged,
        name: CollectionName,
        type: str,
        run: RunRecord,
        about: Draft | ArtifactRecord,
        source: Version | None = None,
    ) -> None:
        self.version = Version(VersionName(name, VersionNumber(0)), ZERO, ZERO, published=False)
        self._files = files
        self._type = type
        self._run = run
        self._about = about
        self._source = source
        self._names: list[str] = []
        self._notes = Notes()
        self._deleted = False

    @property
    def registry(self) -> Registry:  # type: ignore[override]  # where there is none, there is nothing to set
        """Raises: UsageError."""
        raise self._nowhere()

    def _nowhere(self) -> UsageError:
        return UsageError(
            f"'{self.version.name}' is in no repository: its run records nothing", hint="log it in a run that records"
        )

    @cached_property
    def details(self) -> Details:
        """What would have been recorded. It reads the files."""
        name, files, about = self.version.name, self.listing, self._about
        link = Place(self._source.name, self._source.commit) if self._source else None
        record = VersionRecord(
            name, self._type, files.digest, files.size, len(files), files.manifest_sha256, self._run.id, link
        )
        artifact = ArtifactRecord(
            self.source().name.collection,
            *(self._type, files.digest, files.size, len(files), files.pointer_md5, files.manifest_sha256),
            description=about.description,
            metadata=about.metadata,
        )
        return Details(self.version, record, artifact, self._run, _COMMIT)

    @cached_property
    def listing(self) -> Listing:
        """Its files. It reads them."""
        return self._files.listing

    @property
    def created_at(self) -> str:
        """When the run began."""
        return self._run.started

    def fresh(self) -> Version:
        """The same: it gets no other number."""
        return self.version

    def source(self) -> Version:
        """What a link stands for."""
        return self._source or self.version

    def aliases(self) -> list[str]:
        """The aliases that it was given, and `latest`."""
        return [LATEST, *self._names]

    def set_aliases(self, names: Collection[str], reason: str) -> None:
        """Remember them."""
        del reason
        self._names = list(dict.fromkeys([*self._names, *names]))

    def change_aliases(self, before: Collection[str], after: Collection[str]) -> None:
        """Remember them."""
        del before
        self._names = [name for name in dict.fromkeys(after) if name not in (LATEST, self.version.name.label)]

    def notes(self) -> Notes:
        """What was said of it."""
        return self._notes

    def change_notes(self, wanted: Wanted) -> Notes:
        """Remember it."""
        said = self._notes.description if wanted.description is None else wanted.description
        kept = [tag for tag in self._notes.tags if tag not in wanted.remove]
        self._notes = Notes(said, tuple(dict.fromkeys([*kept, *wanted.add])))
        return self._notes

    def is_deleted(self) -> bool:
        """Whether it was."""
        return self._deleted

    def delete(self, *, delete_aliases: bool) -> None:
        """Remember it."""
        del delete_aliases
        self._deleted = True

    def link(self, target: CollectionName, names: Collection[str]) -> Logged:
        """A version of the registered model that is nowhere, too."""
        linked = Unkept(self._files, target, self._type, self._run, self._about, self.source())
        linked.set_aliases(names, "")
        return linked

    def download(self, root: Path | None, only: Collection[str] | None = None) -> Path:
        """Copy the files. Raises: StorageError when one has changed since it was added."""
        return self._files.download(root or self.folder(make=True), only)

    def same_repository(self, registry: Registry) -> None:  # noqa: ARG002  # it is in none
        """Raises: UsageError."""
        raise self._nowhere()
