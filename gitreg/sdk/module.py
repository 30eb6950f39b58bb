"""What `import gitreg` offers as functions and values: each acts on the active run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from gitreg.sdk.artifact import Artifact
from gitreg.sdk.mappings import Active
from gitreg.sdk.session import active_config, active_summary, need_run

config = Active(active_config)
"""The active run's config."""

summary = Active(active_summary)
"""The active run's summary."""


def log(data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
    """See `Run.log`. Raises: Error without an active run."""
    need_run("log()").log(data, step, commit)


def log_artifact(
    artifact_or_path: Artifact | str | os.PathLike[str],
    name: str | None = None,
    type: str | None = None,
    aliases: str | Sequence[str] | None = None,
    tags: Sequence[str] | None = None,
) -> Artifact:
    """See `Run.log_artifact`. Raises: Error without an active run."""
    return need_run("log_artifact()").log_artifact(artifact_or_path, name, type, aliases, tags)


def use_artifact(
    artifact_or_name: Artifact | str,
    type: str | None = None,
    aliases: str | Sequence[str] | None = None,
    use_as: str | None = None,
) -> Artifact:
    """See `Run.use_artifact`. Raises: Error without an active run."""
    return need_run("use_artifact()").use_artifact(artifact_or_name, type, aliases, use_as)


def link_artifact(artifact: Artifact, target_path: str, aliases: str | Sequence[str] | None = None) -> Artifact:
    """See `Run.link_artifact`. Raises: Error without an active run."""
    return need_run("link_artifact()").link_artifact(artifact, target_path, aliases)


def log_model(
    path: str | os.PathLike[str], name: str | None = None, aliases: str | Sequence[str] | None = None
) -> Artifact:
    """See `Run.log_model`. Raises: Error without an active run."""
    return need_run("log_model()").log_model(path, name, aliases)


def use_model(name: str) -> str:
    """See `Run.use_model`. Raises: Error without an active run."""
    return need_run("use_model()").use_model(name)


def link_model(
    path: str | os.PathLike[str],
    registered_model_name: str,
    name: str | None = None,
    aliases: str | Sequence[str] | None = None,
) -> Artifact:
    """See `Run.link_model`. Raises: Error without an active run."""
    return need_run("link_model()").link_model(path, registered_model_name, name, aliases)
