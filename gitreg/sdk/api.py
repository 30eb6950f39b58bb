"""`Api`: reading a repository without being a run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from gitreg.errors import NotFoundError, TypeMismatchError, UsageError
from gitreg.records.names import check_run_id, parse_collection
from gitreg.registry import resolve, runs, versions
from gitreg.registry.order import named
from gitreg.registry.repository import Registry
from gitreg.sdk import targets
from gitreg.sdk.artifact import Artifact
from gitreg.sdk.collection import ArtifactCollection
from gitreg.sdk.environment import Environment
from gitreg.sdk.filters import Filter
from gitreg.sdk.lazy import Lazy
from gitreg.sdk.logged import Logged
from gitreg.sdk.opening import open_elsewhere, open_registry
from gitreg.sdk.registries import ModelRegistry, Registries, bare
from gitreg.sdk.views import RunView

_NEWEST_FIRST = ("-created_at", "-createdAt")
_OLDEST_FIRST = ("+created_at", "+createdAt", "created_at", "createdAt")


class Api:
    """Everything in the repository around `dir` (default: GITREG_DIR, or the current directory).

    Reads what is in this clone: no network, no lock, no write access. Looking at an artifact here makes it no input of
    a run.

    With `repo`, an address as for `git clone`, it is read where it is, with git's own credentials: `artifact` fetches
    one version, and whatever is about more than that fetches the metadata of everything, once for each `Api`. It is
    kept in the user's cache. A version that is there is not asked for again; an alias is, each time.
    """

    def __init__(
        self,
        dir: str | os.PathLike[str] | None = None,
        *,
        overrides: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        api_key: str | None = None,
        repo: str | os.PathLike[str] | None = None,
        storage: str | None = None,
        offline: bool = False,
    ) -> None:
        """Look at a repository, at `repo` without a clone. W&B's arguments are taken and mean nothing here.

        With `repo`, bytes come from the storage that a version names, or from `storage` alone; `offline` asks nobody,
        and takes what was fetched before. Raises: UsageError.
        """
        del overrides, timeout, api_key
        if repo is None and (storage is not None or offline):
            raise UsageError(f"'{'offline' if storage is None else 'storage'}' is for 'repo'", hint="Api(repo=URL)")
        if repo is not None and dir is not None:
            raise UsageError("'dir' is a clone and 'repo' is none", hint="leave one of them out")
        self._directory = Path(dir or Environment.read().directory or ".").absolute()
        self._elsewhere = None if repo is None else partial(open_elsewhere, repo, storage, offline=offline)

    @cached_property
    def _one(self) -> Registry:
        """The repository, as far as one version is asked for."""
        return self._elsewhere() if self._elsewhere else open_registry(self._directory, writing=False)

    @property
    def _registry(self) -> Registry:
        return self._one.whole

    def artifact(self, name: str, type: str | None = None) -> Artifact:
        """The version that `NAME:VERSION_OR_ALIAS` means, the newest for a bare NAME.

        `NAME:ALIAS@{2026-03-01}` is the one that the alias named then. On the command line: `gitreg show`.

        Raises: NotFoundError (a CommError), InvalidNameError, InvalidDateError, TypeMismatchError (ValueErrors).
        """
        artifact = Artifact._of(Logged(self._one, targets.find(self._one, name)))
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

    def artifacts(
        self,
        type_name: str | None = None,
        name: str | None = None,
        order: str | None = None,
        per_page: int = 50,  # noqa: ARG002  # W&B's argument: nothing comes in pages
        tags: Sequence[str] | None = None,
    ) -> Sequence[Artifact]:
        """The versions of a collection, or of all, the newest of each first; each is read when it is looked at.

        Only those with all of `tags`, which are read to be found. With `order="+created_at"` the oldest come first. On
        the command line: `gitreg ls`. Raises: NotFoundError, InvalidNameError, UsageError, TypeMismatchError when the
        collection `name` is of another type.
        """
        if order not in (None, *_NEWEST_FIRST, *_OLDEST_FIRST):
            raise UsageError(f"order {order!r} is not known", hint="+created_at or -created_at")
        lists: Iterable[Lazy[Artifact]]
        if name is None:
            lists = (collection.artifacts() for collection in self.artifact_collections(type_name=type_name))
        else:
            lists = [self.artifact_collection(type_name, name).artifacts()]
        wanted = set([tags] if isinstance(tags, str) else tags or ())
        step = -1 if order in _OLDEST_FIRST else 1
        places = ((found, number) for found in lists for number in range(len(found))[::step])
        if wanted:
            places = ((found, number) for found, number in places if wanted <= set(found[number].tags))
        return Lazy(places, lambda place: place[0][place[1]])

    def artifact_collection(self, type_name: str | None, name: str) -> ArtifactCollection:
        """The collection of that name. Raises: NotFoundError, InvalidNameError, TypeMismatchError."""
        collection = resolve.collection(self._registry, parse_collection(name))
        found = ArtifactCollection(self._registry, collection)
        if type_name is not None and found.type != type_name:
            raise TypeMismatchError(name, found.type, type_name)
        return found

    def artifact_collection_exists(self, name: str, type: str | None = None) -> bool:
        """Whether there is such a collection. Raises: InvalidNameError."""
        try:
            self.artifact_collection(type, name)
        except (NotFoundError, TypeMismatchError):
            return False
        return True

    def artifact_collections(
        self,
        project_name: str | None = None,
        type_name: str | None = None,
        per_page: int = 50,  # noqa: ARG002  # W&B's argument: nothing comes in pages
    ) -> list[ArtifactCollection]:
        """All collections (of a type), by name.

        A single argument is the type. Of two, the first is W&B's project, which says nothing of collections here.
        """
        wanted = type_name or project_name
        found = (ArtifactCollection(self._registry, name) for name in versions.collections(self._registry))
        return [collection for collection in found if wanted is None or collection.type == wanted]

    def artifact_types(self, project: str | None = None) -> list[ArtifactType]:  # noqa: ARG002  # W&B's: a label
        """The types that versions have, by name."""
        return [ArtifactType(self, name) for name in sorted({item.type for item in self.artifact_collections()})]

    def artifact_type(self, type_name: str, project: str | None = None) -> ArtifactType:
        """The type of that name. Raises: NotFoundError."""
        known = {item.name: item for item in self.artifact_types(project)}
        if type_name not in known:
            hint = f"this repository has {', '.join(known)}" if known else "it has none yet"
            raise NotFoundError("type", type_name, hint=hint)
        return known[type_name]

    def registries(
        self,
        organization: str | None = None,  # noqa: ARG002  # W&B's: the repository is the organization
        filter: Filter | None = None,  # noqa: A002  # W&B's name
        order: str | None = None,
        per_page: int = 100,  # noqa: ARG002  # W&B's argument: nothing comes in pages
    ) -> Registries:
        """The registries of linked models that fit, by name: `registries().collections(...).versions(...)`.

        `filter` is as in `runs`; its key is `name`. Raises: UsageError, when the first one is looked at.
        """
        if order not in (None, "name", "+name"):
            raise UsageError(f"order {order!r} is not known", hint="they come by name")
        return Registries(self._registry, filter)

    def registry(self, name: str, organization: str | None = None) -> ModelRegistry:  # noqa: ARG002  # see `registries`
        """The registry of that name, also in W&B's long form. Raises: NotFoundError."""
        known = {item.name: item for item in self.registries()}
        if bare(name) not in known:
            hint = f"this repository has {', '.join(known)}" if known else "linking a model makes it: run.link_artifact"
            raise NotFoundError("registry", name, hint=hint)
        return known[bare(name)]

    def run(self, path: str) -> RunView:
        """The run of an id or name, also written `entity/project/id`; of several of that name the newest.

        Raises: NotFoundError, InvalidNameError.
        """
        word = path.strip("/").rpartition("/")[2]
        known = named(self._registry, word)
        run_id = known[0] if known else check_run_id(word)
        found = RunView.find(self._registry, run_id)
        if found is None:
            # says which ids come close
            runs.get(self._registry, run_id)
            raise NotFoundError("run", run_id)
        return found

    def runs(  # noqa: PLR0917  # W&B's signature
        self,
        path: str | None = None,
        filters: Filter | None = None,
        order: str = "+created_at",
        per_page: int = 50,  # noqa: ARG002  # W&B's argument: nothing comes in pages
        include_sweeps: bool = True,  # noqa: ARG002  # the same
        lazy: bool = True,  # noqa: ARG002  # the same
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

    def from_path(self, path: str) -> RunView | Artifact:
        """The version when there is a `:` in the path, else the run. Raises: NotFoundError, InvalidNameError."""
        return self.artifact(path) if ":" in path else self.run(path)

    @property
    def default_entity(self) -> str | None:
        """GITREG_ENTITY: the label that runs get which say nothing else."""
        return Environment.read().entity

    def flush(self) -> None:
        """Forget what was read; what is asked for next is read anew."""
        self.__dict__.pop("_one", None)


class ArtifactType:
    """A type that versions have, such as `model`."""

    def __init__(self, api: Api, name: str) -> None:
        self._api = api
        self._name = name

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    def collections(self) -> list[ArtifactCollection]:
        """The collections of this type, by name."""
        return self._api.artifact_collections(self._name)

    def collection(self, name: str) -> ArtifactCollection:
        """The collection of that name. Raises: NotFoundError, InvalidNameError, TypeMismatchError."""
        return self._api.artifact_collection(self._name, name)

    def __repr__(self) -> str:
        return f"<ArtifactType {self._name}>"
