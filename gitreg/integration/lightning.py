"""A logger for PyTorch Lightning: pass `Logger()` to a `Trainer`, and a run records the training.

`WandbLogger` is the same class. It works with `lightning` and with `pytorch_lightning`; importing this module needs one
of them: `pip install 'gitreg[lightning]'`.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from gitreg.errors import MissingExtraError, UsageError
from gitreg.sdk.api import Api
from gitreg.sdk.artifact import Artifact
from gitreg.sdk.environment import Environment
from gitreg.sdk.media.files import Audio, Video
from gitreg.sdk.media.image import Image
from gitreg.sdk.media.table import Table
from gitreg.sdk.run import Run
from gitreg.sdk.session import active_run, init

__all__ = ["Logger", "WandbLogger"]


def _package() -> str:
    """The Lightning that is there; of two the one that the program uses. Raises: MissingExtraError."""
    found = [name for name in ("lightning", "pytorch_lightning") if find_spec(name)]
    if not found:
        raise MissingExtraError("lightning", "lightning")
    name = min(found, key=lambda name: name not in sys.modules)
    return f"{name}.pytorch" if name == "lightning" else name


_lightning = _package()
_base: Any = import_module(f"{_lightning}.loggers.logger")
_rank_zero_only: Any = import_module(f"{_lightning}.utilities").rank_zero_only


class Logger(_base.Logger):  # type: ignore[misc]  # published without types
    """Logs hyperparameters, metrics and, with `log_model`, checkpoints of a training.

    Metrics are logged with `trainer/global_step`, each call a step of the run. Of several processes only the one of
    rank zero logs. A strategy that sends the logger to processes of its own (`ddp_spawn`) is refused: use `ddp`.
    """

    def __init__(
        self,
        name: str | None = None,
        save_dir: str | os.PathLike[str] | None = None,
        version: str | None = None,
        offline: bool = False,
        dir: str | os.PathLike[str] | None = None,
        id: str | None = None,
        anonymous: bool | None = None,
        project: str | None = None,
        log_model: Literal["all"] | bool = False,
        experiment: Run | None = None,
        prefix: str = "",
        checkpoint_name: str | None = None,
        **options: Any,
    ) -> None:
        """Start nothing yet: the run starts when it is first asked for. An active run is used as it is.

        `save_dir` (or `dir`) is where Lightning puts checkpoints; the repository is the one around the current
        directory. `version` (or `id`) is the run's id, `prefix` stands before the names of all metrics.

        With `log_model=True` checkpoints that are kept become versions of `checkpoint_name` (default `model-<id>`) at
        the end of a training, with "all" each one when it is written; the best one has the alias `best`. What else
        `gitreg.init` takes may follow. `offline` and `anonymous` mean nothing here.

        Raises: UsageError for a `log_model` that means nothing.
        """
        del offline, anonymous
        super().__init__()
        if log_model not in (True, False, "all"):
            raise UsageError(f"log_model={log_model!r} is not supported", hint="True, False or 'all'")
        self._log_model = log_model
        self._prefix = prefix
        self._checkpoint_name = checkpoint_name
        folder = save_dir or dir
        self._save_dir = os.fspath(folder) if folder else None
        self._project = project
        self._id = version or id
        self._options = {"name": name, "resume": "allow", **options}
        self._experiment = experiment
        self._checkpoints: dict[int, Any] = {}
        self._known: dict[str, float] = {}

    def __reduce__(self) -> str:
        """Refuse to be pickled: the run would go on in a process that nobody ends."""
        raise UsageError(
            "a Logger cannot be sent to another process", hint='use strategy="ddp", whose processes start the program'
        )

    @property
    @_base.rank_zero_experiment  # type: ignore[untyped-decorator]  # published without types
    def experiment(self) -> Run:
        """The run; in a process of another rank something that takes every call and does nothing."""
        if self._experiment is None:
            self._experiment = active_run() or self._start()
        return self._experiment

    def _start(self) -> Run:
        run = init(project=self._project, id=self._id, **self._options)
        run.define_metric("trainer/global_step")
        run.define_metric("*", step_metric="trainer/global_step")
        return run

    @property
    def name(self) -> str:
        """The project, below `save_dir` the first folder of checkpoints."""
        return self._project or Environment.read().project or "lightning_logs"

    @property
    def version(self) -> str | None:
        """The run's id, None for one that has not started and will get one."""
        return self._experiment.id if self._experiment else self._id

    @property
    def save_dir(self) -> str | None:
        """Where Lightning puts checkpoints, None for its own default."""
        return self._save_dir

    @_rank_zero_only  # type: ignore[untyped-decorator]  # published without types
    def log_hyperparams(self, params: Mapping[str, Any] | Namespace) -> None:
        """Set them in the run's config; a value that is there already changes."""
        self.experiment.config.update(params, allow_val_change=True)

    @_rank_zero_only  # type: ignore[untyped-decorator]  # published without types
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Log one step of the run; `step` is Lightning's."""
        values = {f"{self._prefix}-{key}" if self._prefix else key: value for key, value in metrics.items()}
        self.experiment.log(values if step is None else {**values, "trainer/global_step": step})

    def log_table(
        self,
        key: str,
        columns: list[str | int] | None = None,
        data: Any = None,
        dataframe: Any = None,
        step: int | None = None,
    ) -> None:
        """Log a `gitreg.Table` of what is given."""
        self.log_metrics({key: Table(columns=columns, data=data, dataframe=dataframe)}, step)

    log_text = log_table

    def log_image(self, key: str, images: list[Any], step: int | None = None, **options: Any) -> None:
        """Log a `gitreg.Image` of each; `options` are its arguments, with a value for each. Raises: UsageError."""
        self._log_media(Image, key, images, step, options)

    def log_audio(self, key: str, audios: list[Any], step: int | None = None, **options: Any) -> None:
        """Log a `gitreg.Audio` of each, as `log_image`."""
        self._log_media(Audio, key, audios, step, options)

    def log_video(self, key: str, videos: list[Any], step: int | None = None, **options: Any) -> None:
        """Log a `gitreg.Video` of each, as `log_image`."""
        self._log_media(Video, key, videos, step, options)

    def _log_media(
        self, kind: Any, key: str, items: list[Any], step: int | None, options: Mapping[str, Sequence[Any]]
    ) -> None:
        for name, values in options.items():
            if len(values) != len(items):
                raise UsageError(
                    f"there are {len(items)} in '{key}' and {len(values)} in '{name}'", hint="one for each"
                )
        each = [{name: values[index] for name, values in options.items()} for index in range(len(items))]
        media = [kind(item, **described) for item, described in zip(items, each, strict=True)]
        self.log_metrics({key: media}, step)

    def watch(self, model: Any, log: str | None = "gradients", log_freq: int = 100, log_graph: bool = True) -> None:
        """See `Run.watch`."""
        self.experiment.watch(model, log=log, log_freq=log_freq, log_graph=log_graph)

    def use_artifact(self, artifact: str, artifact_type: str | None = None) -> Artifact:
        """See `Run.use_artifact`."""
        found: Artifact = self.experiment.use_artifact(artifact, type=artifact_type)
        return found

    @staticmethod
    @_rank_zero_only  # type: ignore[untyped-decorator]  # published without types
    def download_artifact(
        artifact: str,
        save_dir: str | os.PathLike[str] | None = None,
        artifact_type: str | None = None,
        use_artifact: bool = True,
    ) -> str:
        """Download a version and return its directory; with `use_artifact` it is an input of the active run."""
        run = active_run() if use_artifact else None
        find = run.use_artifact if run else Api().artifact
        return find(artifact, type=artifact_type).download(save_dir)

    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """Lightning has written a checkpoint: log it now, or remember to do so at the end."""
        if self._log_model == "all" or (self._log_model and checkpoint_callback.save_top_k == -1):
            self._log_checkpoints(checkpoint_callback)
        elif self._log_model:
            self._checkpoints[id(checkpoint_callback)] = checkpoint_callback

    @_rank_zero_only  # type: ignore[untyped-decorator]  # published without types
    def finalize(self, status: str) -> None:
        """Log the checkpoints that are left. The run goes on, for tests and what else the program does."""
        if status == "success":
            for callback in self._checkpoints.values():
                self._log_checkpoints(callback)
            self._checkpoints.clear()

    @_rank_zero_only  # type: ignore[untyped-decorator]  # published without types
    def _log_checkpoints(self, callback: Any) -> None:
        """Log the files that a callback keeps and that are new since they were last looked at, the oldest first."""
        scores = {
            callback.last_model_path: callback.current_score,
            callback.best_model_path: callback.best_model_score,
            **callback.best_k_models,
        }
        files = [(path.stat().st_mtime, str(path)) for path in map(Path, filter(None, scores)) if path.is_file()]
        for written, path in sorted(files):
            if self._known.get(path) == written:
                continue
            self._known[path] = written
            kept = ("monitor", "mode", "save_last", "save_top_k", "save_weights_only")
            # Lightning hands out a proxy, of which `type` would speak
            settings = {key: getattr(callback, key) for key in kept if hasattr(callback, key)}
            name = self._checkpoint_name or f"model-{self.experiment.id}"
            facts = {"score": scores[path], "original_filename": Path(path).name, callback.__class__.__name__: settings}
            artifact = Artifact(name, "model", metadata=facts)
            artifact.add_file(path, "model.ckpt")
            aliases: Sequence[str] = ["best"] if path == callback.best_model_path else []
            self.experiment.log_artifact(artifact, aliases=aliases)


WandbLogger = Logger
