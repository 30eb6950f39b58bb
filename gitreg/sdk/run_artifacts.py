"""What a run does with artifacts: it logs, uses and links them, and models are artifacts of a kind."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from gitreg.errors import (
    ArtifactFinalizedError,
    InvalidArtifactError,
    InvalidValueError,
    NotAModelError,
    TypeMismatchError,
)
from gitreg.records.names import CollectionName
from gitreg.registry.editing import Wanted
from gitreg.registry.live import LiveRun
from gitreg.sdk import talk, targets
from gitreg.sdk.artifact import Artifact
from gitreg.sdk.labels import Labelled
from gitreg.sdk.logged import Logged
from gitreg.sdk.noted import tag_list
from gitreg.sdk.unrecorded import Unrecorded, Untouched


class ArtifactVerbs(Labelled):
    """The part of `Run` that is about artifacts."""

    _directory: Path
    _live: LiveRun | Unrecorded
    _logged: dict[Artifact, None]

    @abstractmethod
    def _open(self, verb: str) -> AbstractContextManager[None]:
        """Hold the run while it is changed. Raises: UsageError once it is finished."""

    def log_artifact(
        self,
        artifact_or_path: Artifact | str | os.PathLike[str],
        name: str | None = None,
        type: str | None = None,
        aliases: str | Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
    ) -> Artifact:
        """Make a version of a draft, or of a file or directory, as an output of this run.

        A path becomes an artifact `name` (default `run-<id>-<basename>`) of `type` (default `unspecified`). The same
        content as the newest version makes no new version. The given artifact becomes the logged one, and is returned.
        `aliases` are moved to it, and `tags` added. On the command line: `gitreg put`.

        Raises: TypeMismatchError (a ValueError) when the name is of another type; ValueError for a path that is not
            there and for names that are not allowed, before anything is logged; ArtifactFinalizedError for an artifact
            that something else has logged; StorageError; UsageError after `finish`. ProtectedAliasError when only a
            merged request moves one of `aliases`: then the version is logged, and no alias has moved.
        """
        names, words = targets.alias_list(aliases), tag_list(tags)
        with self._open("log_artifact"):
            if isinstance(artifact_or_path, Artifact):
                artifact = artifact_or_path
            else:
                artifact = self._from_path(artifact_or_path, name, type or "unspecified")
            logged = artifact._logged
            if logged is not None and artifact not in self._logged:
                raise ArtifactFinalizedError(
                    f"'{artifact.name}' is logged already", hint="link it, use it, or move an alias to it"
                )
            if logged is None:
                if isinstance(self._live, Unrecorded):
                    logged = artifact._logged = self._live.log(artifact)
                else:
                    version, created = self._live.log_artifact(artifact._draft())
                    talk.logged(self._live.registry, version, created=created)
                    logged = Logged(self._live.registry, version)
                    artifact._become(logged)
                self._logged[artifact] = None
            if words:
                logged.change_notes(Wanted(add=words))
            logged.set_aliases(names, "set when it was logged")
            artifact._aliases = artifact._tags = None
            return artifact

    def _from_path(self, path: str | os.PathLike[str], name: str | None, type: str) -> Artifact:
        place = targets.place(path)
        artifact = Artifact(name or targets.default_name(self.id, place.absolute().name), type)
        if place.is_dir():
            artifact.add_dir(place)
        elif place.exists():
            artifact.add_file(place)
        else:
            raise InvalidArtifactError(f"'{place}' is not a file or directory", hint="check the path")
        return artifact

    def use_artifact(
        self,
        artifact_or_name: Artifact | str,
        type: str | None = None,
        aliases: str | Sequence[str] | None = None,
        use_as: str | None = None,  # noqa: ARG002  # W&B keeps it for jobs, which there are none of
    ) -> Artifact:
        """Make a version an input of this run, and return it.

        A name without version or alias means the one that `aliases` names, else the newest. A draft is logged first, by
        a run of its own. On the command line: `gitreg run --use`. Raises: NotFoundError (a CommError),
        InvalidNameError, TypeMismatchError (a ValueError), UsageError after `finish`.
        """
        with self._open("use_artifact"):
            live = self._live
        if isinstance(artifact_or_name, Artifact) and artifact_or_name._logged is None:
            if isinstance(live, Unrecorded):
                self.log_artifact(artifact_or_name, aliases=aliases)
            else:
                from gitreg.sdk.session import log_alone

                # without this run's lock: the other run is this session's business
                log_alone(artifact_or_name, self, aliases)
        with self._open("use_artifact"):
            if isinstance(artifact_or_name, Artifact):
                artifact = artifact_or_name
                logged = artifact._need("use_artifact")
                if isinstance(live, LiveRun):
                    logged.same_repository(live.registry)
            else:
                logged = Logged(live.registry, targets.find(live.registry, artifact_or_name, aliases))
                if isinstance(live, Unrecorded):
                    logged = Untouched.of(logged, live.record)
                artifact = Artifact._of(logged)
            if type is not None and artifact.type != type:
                raise TypeMismatchError(artifact.name, artifact.type, type)
            if isinstance(live, LiveRun):
                live.use(logged.fresh())
            return artifact

    def link_artifact(
        self, artifact: Artifact, target_path: str, aliases: str | Sequence[str] | None = None
    ) -> Artifact:
        """Make an artifact a version of the registered model `target_path`, and return that version.

        `target_path` is `registry/NAME` (also W&B's `wandb-registry-model/NAME` and `entity/model-registry/NAME`); a
        bare NAME is in the registry `model`. The model is made when it is not there. `aliases` go on the link. A draft
        is logged first. On the command line: `gitreg link`. Raises: InvalidNameError, RefusedError, UsageError.
        """
        if not isinstance(artifact, Artifact):
            words = f"what is linked is an artifact, not {type(artifact).__name__}"
            raise InvalidValueError(words, hint="link what log_artifact or use_artifact returns")
        target, names = targets.link_target(target_path), targets.alias_list(aliases)
        with self._open("link_artifact"):
            if artifact._logged is None:
                self.log_artifact(artifact)
            logged = artifact._need("link_artifact")
            if isinstance(self._live, Unrecorded):
                logged = Untouched.of(logged, self._live.record)
            else:
                logged.same_repository(self._live.registry)
            return Artifact._of(logged.link(target, names))

    def log_model(
        self, path: str | os.PathLike[str], name: str | None = None, aliases: str | Sequence[str] | None = None
    ) -> Artifact:
        """Log a file or directory as an artifact of type `model`, see `log_artifact`."""
        return self.log_artifact(path, name=name, type="model", aliases=aliases)

    def use_model(self, name: str) -> str:
        """Use a model, download it, and return the path of its file, or of its directory when it has several.

        It goes to `./artifacts/<name>:v<N>`. Raises: NotAModelError (a ValueError and an AssertionError) when its type
        does not contain `model`; as `use_artifact` and `Artifact.download`.
        """
        with self._open("use_model"):
            logged = Logged(self._live.registry, targets.find(self._live.registry, name))
            if "model" not in logged.record.type.lower():
                raise NotAModelError(
                    f"'{logged.version.name}' is of type '{logged.record.type}', which is no model",
                    hint="use run.use_artifact(...).download()",
                )
            artifact = self.use_artifact(Artifact._of(logged))
        root = artifact.download()
        files = artifact.files()
        return str(Path(root) / files[0].path) if len(files) == 1 else root

    def link_model(
        self,
        path: str | os.PathLike[str],
        registered_model_name: str,
        name: str | None = None,
        aliases: str | Sequence[str] | None = None,
    ) -> Artifact:
        """Log a file or directory as a model, link it to `model/<registered_model_name>`, and return the link.

        `aliases` go on the link only. On the command line: `gitreg put`, then `gitreg link`. Raises: NotAModelError (a
        ValueError and an AssertionError) for a registered name with `/`; as `log_artifact` and `link_artifact`.
        """
        if "/" in registered_model_name:
            raise NotAModelError(
                f"{registered_model_name[:200]!r} is no name of a registered model: it holds '/'",
                hint="link_artifact takes REGISTRY/NAME",
            )
        target = CollectionName(targets.DEFAULT_REGISTRY, CollectionName.parse(registered_model_name).name)
        names = targets.alias_list(aliases)
        with self._open("link_model"):
            return self.link_artifact(self.log_model(path, name=name), str(target), names)
