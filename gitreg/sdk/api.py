"""`Api`: reading a repository without being a run."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

from gitreg.errors import NotFoundError, TypeMismatchError, UsageError
from gitreg.records.names import check_run_id, parse_collection
from gitreg.registry import resolve, runs, versions
from gitreg.registry.repository import Registry
from gitreg.sdk import filters, targets
from gitreg.sdk.artifact import Artifact
from gitreg.sdk.collection import ArtifactCollection
from gitreg.sdk.environment import Environment
from gitreg.sdk.logged import Logged
from gitreg.sdk.opening import open_registry
from gitreg.sdk.views import RunView


class Api:
    """Everything in the repository around `dir` (default: GITREG_DIR, or the current directory).

    Reads what is in this clone: no network, no lock, no write access. Looking at an artifact here makes it no input of
    a run.
    """

    def __init__(self, dir: str | os.PathLike[str] | None = None) -> None:
        self._directory = Path(dir or Environment.read().directory or ".").absolute()

    @cached_property
    def _registry(self) -> Registry:
        return open_registry(self._directory, writing=False)

    def artifact(self, name: str, type: str | None = None) -> Artifact:
        """The version that `NAME:VERSION_OR_ALIAS` means, the newest for a bare NAME.

        `NAME:ALIAS@{2026-03-01}` is the one that the alias named then. On the command line: `gitreg show`.

        Raises: NotFoundError (a CommError), InvalidNameError, InvalidDateError, TypeMismatchError (ValueErrors).
        """
        artifact = Artifact._of(Logged(self._registry, targets.find(self._registry, name)))
        if type is not None and artifact.type != type:
            raise TypeMismatchError(name, artifact.type, type)
        return artifact

    def artifact_exists(self, name: str, type: str | None = None) -> bool:
        """Whether there is such a version. Raises: InvalidNameError."""
        try:
            self.artifact(name, type)
        except (NotFoundError, TypeMismatchError):
            return False
        return True

    def artifacts(self, type_name: str | None = None, name: str | None = None) -> list[Artifact]:
        """The versions of a collection, or of all, the newest of each first. On the command line: `gitreg ls`.

        Raises: NotFoundError, InvalidNameError, TypeMismatchError when the collection `name` is of another type.
        """
        if name is None:
            return [artifact for found in self.artifact_collections(type_name) for artifact in found.artifacts()]
        return self.artifact_collection(type_name, name).artifacts()

    def artifact_collection(self, type_name: str | None, name: str) -> ArtifactCollection:
        """The collection of that name. Raises: NotFoundError, InvalidNameError, TypeMismatchError."""
        collection = resolve.collection(self._registry, parse_collection(name))
        found = ArtifactCollection(self._registry, collection)
        if type_name is not None and found.type != type_name:
            raise TypeMismatchError(name, found.type, type_name)
        return found

    def artifact_collections(self, type_name: str | None = None) -> list[ArtifactCollection]:
        """All collections (of a type), by name."""
        found = (ArtifactCollection(self._registry, name) for name in versions.collections(self._registry))
        return [collection for collection in found if type_name is None or collection.type == type_name]

    def run(self, path: str) -> RunView:
        """The run of an id, also written `entity/project/id`. Raises: NotFoundError, InvalidNameError."""
        run_id = check_run_id(path.strip("/").rpartition("/")[2])
        found = RunView.find(self._registry, run_id)
        if found is None:
            # says which ids come close
            runs.get(self._registry, run_id)
            raise NotFoundError("run", run_id)
        return found

    def runs(
        self, path: str | None = None, filters: filters.Filter | None = None, order: str = "+created_at"
    ) -> list[RunView]:
        """The runs that fit, those of a project when `path` is `project` or `entity/project`.

        `filters` are W&B's (`gitreg.sdk.filters`): `{"state": "finished", "config.lr": {"$lt": 0.1}}`. `order` is a key
        behind `+` or `-`; runs without it come last. A run that cannot be read is left out: `run` says why. On the
        command line: `gitreg runs`. Raises: UsageError.
        """
        from gitreg.sdk import filters as language

        project = path.strip("/").rpartition("/")[2] if path else None
        found = [run for run in RunView.all(self._registry) if not project or run.project == project]
        key, descending = order.lstrip("+-"), order.startswith("-")
        if not key:
            raise UsageError(f"order {order!r} names no key", hint="such as -created_at or +summary.loss")
        found = [run for run in found if language.fits(language.of_run(run), filters or {})]
        return language.ordered(found, lambda run: language.of_run(run)(key), descending=descending)
