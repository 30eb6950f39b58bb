"""What an artifact says of itself: the same words for a draft and for a version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gitreg.errors import ArtifactFinalizedError, ArtifactNotLoggedError, InvalidArtifactError
from gitreg.records.names import CollectionName
from gitreg.sdk import values
from gitreg.sdk.logged import Logged
from gitreg.sdk.staging import Staging
from gitreg.sdk.talk import logger

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
    _incremental: bool = False
    _final: bool = False

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
                hint="log a new version: change what new_draft() gives",
            )
        if self._final:
            raise ArtifactFinalizedError(f"cannot {what}: '{self.name}' was finalized", hint="log it")
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
        """Bytes of all files together, with those of references as far as they are known."""
        if self._logged:
            record = self._logged.record
            return record.size + (record.references.size if record.references else 0)
        listing = self._staging.listing()
        return listing.size + sum(item.size or 0 for item in listing.references)

    def is_draft(self) -> bool:
        """Whether it is not logged yet."""
        return self._logged is None

    def finalize(self) -> None:
        """Let nothing more be added; logging does that too."""
        self._final = True

    @property
    def incremental(self) -> bool:
        """Whether a draft keeps what the newest version has and it does not."""
        return self._incremental

    @property
    def use_as(self) -> None:
        """None: W&B keeps it for jobs, which there are none of."""

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
            space = f"wandb-registry-{name.collection.space}"
            return _joined(run.entity, space, f"{name.collection.name}:{name.label}")
        return _joined(run.entity if run.project else "", run.project, str(name))

    @property
    def source_name(self) -> str:
        """The name of the logged version that a link stands for, its own name otherwise."""
        return str(self._logged.source().name) if self._logged else self.name

    @property
    def source_version(self) -> str:
        """`v0`, ... of the logged version that a link stands for, its own otherwise."""
        return self._need("source_version").source().name.label

    @property
    def source_qualified_name(self) -> str:
        """The source's name behind the entity and project that its run was labelled with."""
        logged = self._need("source_qualified_name")
        run = logged.details.run
        return _joined(run.entity if run.project else "", run.project, str(logged.source().name))

    @property
    def source_entity(self) -> str:
        """The entity that the source's run was labelled with."""
        return self._need("source_entity").details.run.entity

    @property
    def source_project(self) -> str:
        """The project that the source's run was labelled with."""
        return self._need("source_project").details.run.project

    @property
    def source_collection(self) -> ArtifactCollection:
        """The collection that the source was logged into."""
        from gitreg.sdk.collection import ArtifactCollection

        logged = self._need("source_collection")
        return ArtifactCollection(logged.registry.whole, logged.source().name.collection)

    @property
    def is_link(self) -> bool:
        """Whether it is a version of a registered model, which a draft is not. On the command line: `gitreg link`."""
        return self._logged is not None and self._logged.record.link is not None

    @property
    def collection(self) -> ArtifactCollection:
        """The collection that it is a version of. Raises: ArtifactNotLoggedError."""
        from gitreg.sdk.collection import ArtifactCollection

        logged = self._need("collection")
        return ArtifactCollection(logged.registry.whole, logged.version.name.collection)

    @property
    def created_at(self) -> str:
        """When it was logged or linked, RFC 3339 in UTC. Raises: ArtifactNotLoggedError."""
        return self._need("created_at").created_at

    @property
    def updated_at(self) -> str:
        """When it was logged or linked: a version does not change. Raises: ArtifactNotLoggedError."""
        return self._need("updated_at").created_at

    @property
    def history_step(self) -> int | None:
        """The last step that its run had logged by then, None before the first. Raises: ArtifactNotLoggedError."""
        return self._need("history_step").details.artifact.step

    @property
    def ttl(self) -> timedelta | None:
        """None: a version never expires. What is set is not kept, and a warning says so.

        Raises: ArtifactNotLoggedError when it is read; ValueError for a time that is not positive, and for a link.
        """
        self._need("ttl")
        return None

    @ttl.setter
    def ttl(self, ttl: timedelta | None) -> None:
        if self._logged and self._logged.record.link:
            raise InvalidArtifactError(f"'{self.name}' is a link, which has no ttl", hint="a version never expires")
        if ttl is not None and ttl.total_seconds() <= 0:
            raise InvalidArtifactError(f"a ttl of {ttl} is not positive", hint="a version never expires")
        if ttl is not None:
            logger.warning("a version never expires: the ttl of '%s' is not kept; delete() takes it away", self.name)

    @property
    def file_count(self) -> int:
        """How many files it has, with the references."""
        if self._logged is None:
            return len(self._staging)
        record = self._logged.record
        return record.files + (record.references.files if record.references else 0)

    @property
    def commit(self) -> str:
        """The Git commit that is its identity. Raises: ArtifactNotLoggedError."""
        return str(self._need("commit").version.commit)

    @property
    def id(self) -> str | None:
        """The same, None for a draft."""
        return self.commit if self._logged else None

    @property
    def commit_hash(self) -> str:
        """The same, by W&B's name."""
        return str(self._need("commit_hash").version.commit)

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


def _joined(*parts: str) -> str:
    """A path without its empty parts."""
    return "/".join(part for part in parts if part)
