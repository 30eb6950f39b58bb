"""All versions of one name, as the SDK hands them out."""

from __future__ import annotations

from gitreg.registry import aliases, cards, versions
from gitreg.sdk.artifact import Artifact
from gitreg.sdk.lazy import Lazy
from gitreg.sdk.logged import Logged
from gitreg.sdk.noted import NotedCollection


class ArtifactCollection(NotedCollection):
    """A collection: the versions of one name. On the command line: `gitreg ls COLLECTION`."""

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

    def artifacts(self, per_page: int = 50) -> Lazy[Artifact]:  # noqa: ARG002  # W&B's argument: nothing comes in pages
        """Its versions that are not deleted, the newest first. Each is read when it is looked at."""
        found = cards.living(self._registry, versions.all_versions(self._registry, self._name))
        own = versions.own(self._registry, reversed(found))
        return Lazy(own, lambda item: Artifact._of(Logged(self._registry, item)))

    def __repr__(self) -> str:
        return f"<ArtifactCollection {self.name}>"
