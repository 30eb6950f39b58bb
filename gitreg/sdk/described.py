"""What an artifact says of itself: the same words for a draft and for a version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gitreg.errors import ArtifactFinalizedError, ArtifactNotLoggedError
from gitreg.records.names import CollectionName
from gitreg.sdk import values
from gitreg.sdk.logged import Logged
from gitreg.sdk.staging import Staging

if TYPE_CHECKING:
    from gitreg.sdk.collection import ArtifactCollection


class Described:
    """The facts of an artifact."""

    _collection: CollectionName
    _type: str
    _description: str | None
    _metadata: dict[str, Any]
    _staging: Staging
    _logged: Logged | None
    _aliases: tuple[list[str], list[str]] | None

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
