"""Registries of linked models as `Api.registries` hands them out: `registries().collections().versions()`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from operator import attrgetter
from typing import Any

from gitreg.errors import UsageError
from gitreg.records.names import CollectionName
from gitreg.registry import versions
from gitreg.registry.repository import Registry
from gitreg.sdk import filters
from gitreg.sdk.artifact import Artifact
from gitreg.sdk.collection import ArtifactCollection
from gitreg.sdk.filters import NOTHING, Filter
from gitreg.sdk.lazy import Lazy

_PREFIX = "wandb-registry-"
Keys = Mapping[str, Callable[[Any], Any]]

_ARTIFACT: Keys = {name: attrgetter(name) for name in "metadata created_at description name version type".split()} | {
    "tag": attrgetter("tags"),
    "alias": attrgetter("aliases"),
}
_COLLECTION: Keys = {
    "tag": attrgetter("tags"),
    "name": lambda collection: collection.name.rpartition("/")[2],
    "description": attrgetter("description"),
    "type": attrgetter("type"),
}
_REGISTRY: Keys = {"name": attrgetter("name")}


class Versions(Lazy[Artifact]):
    """Versions, each read when it is reached; to count them reaches all."""

    def __init__(self, collections: Iterable[ArtifactCollection], fits: Filter | None) -> None:
        found = (artifact for collection in collections for artifact in collection.artifacts())
        super().__init__(_fitting(found, fits, _ARTIFACT, "versions"))


class Collections(Lazy[ArtifactCollection]):
    """Collections, each looked at when it is reached."""

    def __init__(self, registry: Registry, names: Iterable[CollectionName], fits: Filter | None) -> None:
        found = (ArtifactCollection(registry, name) for name in names)
        super().__init__(_fitting(found, fits, _COLLECTION, "collections"))

    def versions(self, filter: Filter | None = None) -> Versions:  # noqa: A002  # W&B's name
        """Their versions that fit, the newest of each collection first.

        Keys: `tag`, `alias`, `created_at`, `metadata.NAME`, `name`, `version`, `type`, `description`.
        """
        return Versions(self, filter)


class ModelRegistry:
    """A registry: the registered models of one name before the `/`."""

    def __init__(self, registry: Registry, name: str, collections: list[CollectionName]) -> None:
        self._registry = registry
        self._name = name
        self._collections = collections

    @property
    def name(self) -> str:
        """Such as `model`."""
        return self._name

    @property
    def full_name(self) -> str:
        """W&B's name for it: `wandb-registry-model`."""
        return f"{_PREFIX}{self._name}"

    def collections(self, filter: Filter | None = None) -> Collections:  # noqa: A002  # W&B's name
        """Its registered models that fit, by name. Keys: `name`, `tag`, `description`, `type`."""
        return Collections(self._registry, self._collections, filter)

    def versions(self, filter: Filter | None = None) -> Versions:  # noqa: A002  # W&B's name
        """All versions that fit, see `Collections.versions`."""
        return self.collections().versions(filter)

    def __repr__(self) -> str:
        return f"<Registry {self._name}>"


class Registries(Lazy[ModelRegistry]):
    """The registries of a repository, by name."""

    def __init__(self, registry: Registry, fits: Filter | None = None) -> None:
        self._registry = registry
        named = groupby((name for name in versions.collections(registry) if name.space), lambda name: name.space)
        found = (ModelRegistry(registry, space, list(names)) for space, names in named)
        super().__init__(_fitting(found, fits, _REGISTRY, "registries"))

    def collections(self, filter: Filter | None = None) -> Collections:  # noqa: A002  # W&B's name
        """The registered models of all of them that fit, see `ModelRegistry.collections`."""
        return Collections(self._registry, (name for item in self for name in item._collections), filter)

    def versions(self, filter: Filter | None = None) -> Versions:  # noqa: A002  # W&B's name
        """All versions that fit, see `Collections.versions`."""
        return self.collections().versions(filter)


def bare(name: str) -> str:
    """A registry's name, also from W&B's long form."""
    return name.rpartition("/")[2].removeprefix(_PREFIX)


def _fitting(found: Iterable[Any], fits: Filter | None, keys: Keys, what: str) -> Iterator[Any]:
    """What fits. Raises: UsageError for a filter that means nothing, when the first is looked at."""

    def look_at(item: Any) -> Callable[[str], Any]:
        def look(key: str) -> Any:
            first, _, rest = key.partition(".")
            name = {"createdAt": "created_at", "tags": "tag", "aliases": "alias"}.get(first, first)
            if name not in keys:
                raise UsageError(f"{what} have no {key[:100]!r}", hint=f"one of {', '.join(sorted(keys))}")
            value = keys[name](item)
            return filters.dig(value, rest) if rest else NOTHING if value is None else value

        return look

    return (item for item in found if not fits or filters.fits(look_at(item), fits))
