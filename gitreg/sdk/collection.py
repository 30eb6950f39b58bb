"""All versions of one name, as the SDK hands them out."""

from __future__ import annotations

from gitreg.records.names import CollectionName
from gitreg.registry import aliases, versions
from gitreg.registry.repository import Registry
from gitreg.sdk.artifact import Artifact
from gitreg.sdk.logged import Logged


class ArtifactCollection:
    """A collection: the versions of one name. On the command line: `gitreg ls COLLECTION`."""

    def __init__(self, registry: Registry, name: CollectionName) -> None:
        self._registry = registry
        self._name = name

    @property
    def name(self) -> str:
        """`name`, or `registry/name` for a registered model."""
        return str(self._name)

    @property
    def type(self) -> str:
        """The type of its versions."""
        return versions.logged_type(self._registry, self._name) or ""

    @property
    def aliases(self) -> list[str]:
        """The aliases that name one of its versions."""
        return [item.name.alias for item in aliases.all_aliases(self._registry, self._name)]

    def artifacts(self) -> list[Artifact]:
        """Its versions, the newest first."""
        found = versions.all_versions(self._registry, self._name)
        return [Artifact._of(Logged(self._registry, item)) for item in versions.own(self._registry, reversed(found))]

    def __repr__(self) -> str:
        return f"<ArtifactCollection {self.name}>"
