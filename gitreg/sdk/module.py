"""What `import gitreg` offers as functions and values: each acts on the active run."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from gitreg.sdk.artifact import Artifact
from gitreg.sdk.mappings import Active
from gitreg.sdk.metrics import Metric
from gitreg.sdk.run_extras import AlertLevel, is_code, is_no_code
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


def define_metric(  # noqa: PLR0917  # W&B's signature
    name: str,
    step_metric: str | Metric | None = None,
    step_sync: bool | None = None,
    hidden: bool | None = None,
    summary: str | None = None,
    overwrite: bool | None = None,
    *,
    goal: str | None = None,
) -> Metric:
    """See `Run.define_metric`. Raises: Error without an active run."""
    run = need_run("define_metric()")
    return run.define_metric(name, step_metric, step_sync, hidden, summary, overwrite, goal=goal)


def log_code(
    root: str | os.PathLike[str] | None = ".",
    name: str | None = None,
    include_fn: Callable[..., bool] = is_code,
    exclude_fn: Callable[..., bool] = is_no_code,
) -> Artifact | None:
    """See `Run.log_code`. Raises: Error without an active run."""
    return need_run("log_code()").log_code(root, name, include_fn, exclude_fn)


def save(
    glob_str: str | os.PathLike[str],
    base_path: str | os.PathLike[str] | None = None,
    policy: str = "live",
    glob: bool = True,
) -> list[str]:
    """See `Run.save`. Raises: Error without an active run."""
    return need_run("save()").save(glob_str, base_path, policy, glob)


def alert(
    title: str, text: str, level: str | AlertLevel | None = None, wait_duration: float | timedelta | None = None
) -> None:
    """See `Run.alert`. Raises: Error without an active run."""
    need_run("alert()").alert(title, text, level, wait_duration)


def watch(  # noqa: PLR0917  # W&B's signature
    models: Any,
    criterion: Any = None,
    log: str | None = "gradients",
    log_freq: int = 1000,
    idx: int | None = None,
    log_graph: bool = False,
) -> None:
    """See `Run.watch`. Raises: Error without an active run."""
    need_run("watch()").watch(models, criterion, log, log_freq, idx, log_graph)


def unwatch(models: Any = None) -> None:
    """See `Run.unwatch`. Raises: Error without an active run."""
    need_run("unwatch()").unwatch(models)


def mark_preempting() -> None:
    """See `Run.mark_preempting`. Raises: Error without an active run."""
    need_run("mark_preempting()").mark_preempting()
