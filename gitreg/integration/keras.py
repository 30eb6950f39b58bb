"""Callbacks for Keras 3, whatever its backend: pass one to `model.fit`, and the active run records the training.

`MetricsLogger` logs metrics, `ModelCheckpoint` models, an `EvalCallback` of yours predictions as tables; `Callback` is
W&B's older one, with a bit of everything. The names with `Wandb` in front are the same classes. Importing this needs
Keras: `pip install 'gitreg[keras]'`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from gitreg.errors import MissingExtraError, UsageError
from gitreg.sdk.artifact import Artifact
from gitreg.sdk.media.base import as_array, need
from gitreg.sdk.run import Run
from gitreg.sdk.session import need_run
from gitreg.sdk.talk import logger, once
from gitreg.sdk.targets import default_name

try:
    import keras
except ModuleNotFoundError as error:
    if error.name != "keras":
        raise  # the backend that it is told to use, which is the user's to choose
    raise MissingExtraError("keras", "keras") from error

from gitreg.integration.keras_examples import Examples
from gitreg.integration.keras_tables import EvalCallback

__all__ = [
    "Callback",
    "EvalCallback",
    "MetricsLogger",
    "ModelCheckpoint",
    "WandbCallback",
    "WandbEvalCallback",
    "WandbMetricsLogger",
    "WandbModelCheckpoint",
]

Mode = Literal["auto", "min", "max"]
Logs = Mapping[str, Any] | None

_MAXIMISED = ("acc", "auc", "precision", "recall", "f1", "fbeta", "fmeasure", "iou", "r2_score")
_WITHOUT_MEANING = frozenset(
    "class_colors compute_flops data_type infer_missing_processors input_type log_gradients output_type predictions"
    " prediction_row_processor save_graph training_data validation_indexes validation_row_processor".split()
)


def _active_run(who: object) -> Run:
    return need_run(f"integration.keras.{type(who).__name__}()")


class _Batches:
    """Counts the batches of a training and says which ones to log: the first of each epoch, and then every n-th."""

    def __init__(self, every: int, first: int = 0) -> None:
        self._every = every
        self._before = first
        self._last = -1

    def next_epoch(self) -> None:
        self._before += self._last + 1
        self._last = -1

    def due(self, batch: int) -> int | None:
        """The number of this batch in the training, None for one to pass over. Not every batch is told."""
        last, self._last = self._last, batch
        return self._before + batch if batch // self._every > last // self._every else None


class MetricsLogger(keras.callbacks.Callback):  # type: ignore[misc]  # published without types
    """Logs the metrics that Keras computes, and the learning rate, to the active run.

    At the end of each epoch these are `epoch/epoch` (from 0), `epoch/<metric>` and `epoch/learning_rate`. With
    `log_freq="batch"`, or a number n for every n-th batch of an epoch, there are also `batch/batch_step`,
    `batch/<metric>` and `batch/learning_rate`; the batches count from `initial_global_step`.
    """

    def __init__(self, log_freq: Literal["epoch", "batch"] | int = "epoch", initial_global_step: int = 0) -> None:
        """Raises: Error without an active run, UsageError for a `log_freq` that means nothing."""
        super().__init__()
        self._run = _active_run(self)
        self._batches = None
        self._run.define_metric("epoch/*", step_metric="epoch/epoch")
        if log_freq != "epoch":
            self._run.define_metric("batch/*", step_metric="batch/batch_step")
            self._batches = _Batches(_positive(1 if log_freq == "batch" else log_freq, "log_freq"), initial_global_step)
            # Keras waits for each batch where a class defines this method, so only loggers of batches have it
            self.on_train_batch_end = self._on_train_batch_end

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Log the epoch."""
        if self._batches:
            self._batches.next_epoch()
        self._log("epoch", {"epoch": epoch, **(logs or {})})

    def _on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        assert self._batches
        step = self._batches.due(batch)
        if step is not None:
            self._log("batch", {"batch_step": step, **(logs or {})})

    def _log(self, kind: str, values: Mapping[str, Any]) -> None:
        rate = getattr(self.model.optimizer, "learning_rate", None)
        if rate is not None:
            values = {**values, "learning_rate": float(rate)}
        self._run.log({f"{kind}/{key}": value for key, value in values.items()})


class ModelCheckpoint(keras.callbacks.ModelCheckpoint):  # type: ignore[misc]  # published without types
    """Keras's ModelCheckpoint, whose arguments these are; each file that it saves becomes a version of a model.

    The model is called `run_<id>_model`. A version has the alias `epoch_<n>`, or `epoch_<n>_batch_<m>` when `save_freq`
    is a number of batches (both from 0), and the metrics of that moment as metadata.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: Mode = "auto",
        save_freq: Literal["epoch"] | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        """Raises: Error without an active run, ValueError for what Keras does not take."""
        super().__init__(
            filepath, monitor, verbose, save_best_only, save_weights_only, mode, save_freq, initial_value_threshold
        )
        self._run = _active_run(self)

    def _save_model(self, epoch: int, batch: int | None, logs: Logs) -> None:
        """Save as Keras does, which decides whether to."""
        path = Path(self._get_file_path(epoch, batch, logs or {}))
        before = _stamp(path)
        super()._save_model(epoch, batch, logs or {})
        if _stamp(path) == before:
            return
        artifact = Artifact(f"run_{self._run.id}_model", "model", metadata={"epoch": epoch, **_facts(logs)})
        artifact.add_file(path)
        self._run.log_artifact(
            artifact, aliases=[f"epoch_{epoch}" if batch is None else f"epoch_{epoch}_batch_{batch}"]
        )


class Callback(keras.callbacks.Callback):  # type: ignore[misc]  # published without types
    """W&B's first callback for Keras, with a bit of everything. Each epoch is a step of the run.

    - Metrics go under their own names, with `epoch` (from 0); with `log_batch_frequency=n` also those of every n-th
      batch.
    - An epoch is the best so far when its `monitor` is, in the sense of `mode`; `auto` maximises accuracies and the
      like, and minimises the rest. The summary then gets `best_<monitor>` and `best_epoch` (see `log_best_prefix`), and
      with `save_model` the model is kept as `model-best.keras` in the run's directory, with `save_weights_only` its
      weights as `model-best.weights.h5`. That is a file of yours: to make it a version, log it with `Run.log_model`, or
      use `ModelCheckpoint`.
    - `log_weights` logs the least, greatest and mean value of each weight and their standard deviation, under
      `parameters/<path>`.
    - `log_evaluation` logs a table `validation_predictions` when training ends, and with `log_evaluation_frequency=n`
      after every n-th epoch, in an artifact `run-<id>-validation_predictions` of type `run_table`. It holds `input`,
      `target` and `output` of each example, and of a classifier also `target_class` and `output_class`, as `labels` if
      given; of more than 64 MiB the first ones. The examples are those that `model.fit` validates with, unless
      `validation_data` (arrays `(x, y)`, or what yields batches of them) or `generator` is given; `validation_steps`
      says how many batches to take. This needs the extra `tables`.

    Other arguments of W&B's callback are taken and mean nothing; a warning names them.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        verbose: int = 0,  # what it does is told through logging
        mode: Mode = "auto",
        save_weights_only: bool = False,
        log_weights: bool = False,
        log_gradients: bool = False,
        save_model: bool = True,
        training_data: object = None,
        validation_data: Any = None,
        labels: Sequence[str] | None = None,
        predictions: int | None = None,
        generator: Iterable[Any] | None = None,
        log_evaluation: bool = False,
        validation_steps: int | None = None,
        log_batch_frequency: int | None = None,
        log_best_prefix: str | None = "best_",
        log_evaluation_frequency: int = 0,
        **other: object,
    ) -> None:
        """Raises: Error without an active run, UsageError for a `mode` or frequency that means nothing, TypeError."""
        super().__init__()
        other |= {"log_gradients": log_gradients, "training_data": training_data, "predictions": predictions}
        if unknown := sorted(other.keys() - _WITHOUT_MEANING):
            raise TypeError(f"Callback() got an unexpected keyword argument '{unknown[0]}'")
        if said := sorted(name for name, value in other.items() if value is not None and value is not False):
            logger.warning("%s: this callback does nothing with it", ", ".join(said))
        if mode not in {"auto", "min", "max"}:
            raise UsageError(f"mode {str(mode)[:100]!r} is not known", hint="use 'auto', 'min' or 'max'")
        self._run = _active_run(self)
        self._monitor = monitor
        self._maximise = mode == "max" or (mode == "auto" and any(word in monitor.lower() for word in _MAXIMISED))
        self._prefix = log_best_prefix
        self._best = self._run.summary.get(f"{log_best_prefix}{monitor}")  # of a run that is resumed
        self._path = None
        if save_model and not self._run.disabled:
            self._path = Path(self._run.dir) / ("model-best.weights.h5" if save_weights_only else "model-best.keras")
        self._log_weights = log_weights
        self._labels = labels
        self._evaluate_every = log_evaluation_frequency
        self._examples = None
        if log_evaluation:
            # now, and not when everything is trained
            need("pyarrow")
            self._examples = Examples(generator if validation_data is None else validation_data, validation_steps)
        self._batches = None
        if log_batch_frequency is not None:
            self._batches = _Batches(_positive(log_batch_frequency, "log_batch_frequency"))
            self.on_train_batch_end = self._on_train_batch_end  # see MetricsLogger

    def _on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        if self._batches and self._batches.due(batch) is not None:
            self._run.log(logs or {})

    def on_test_end(self, logs: Logs = None) -> None:  # Keras's signature
        """Remember the validation data, which Keras has here."""
        if self._examples:
            self._examples.remember(self.model)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Log the epoch, and keep its model when it is the best."""
        if self._batches:
            self._batches.next_epoch()
        values = {"epoch": epoch, **(logs or {})}
        if self._log_weights:
            own = f"{self.model.name}/"
            values |= {f"parameters/{w.path.removeprefix(own)}": _statistics(w) for w in self.model.weights}
        self._run.log(values)
        self._keep_best(epoch, values.get(self._monitor))
        if self._evaluate_every and epoch % self._evaluate_every == 0:
            self._evaluate()

    def on_train_end(self, logs: Logs = None) -> None:  # Keras's signature
        """Log the predictions of the trained model."""
        self._evaluate()

    def _keep_best(self, epoch: int, value: Any) -> None:
        if value is None or not math.isfinite(value := float(value)):
            return
        if self._best is not None and (value <= self._best if self._maximise else value >= self._best):
            return
        self._best = value
        if self._prefix is not None:
            self._run.summary.update({f"{self._prefix}{self._monitor}": value, f"{self._prefix}epoch": epoch})
        if self._path:
            save = self.model.save if self._path.suffix == ".keras" else self.model.save_weights
            try:
                save(self._path, overwrite=True)
            except Exception as error:  # noqa: BLE001  # whatever a model of the user's raises; the training goes on
                logger.warning("the best model is not kept: %s", error)
                self._path = None
            else:
                logger.info("epoch %d: %s is %g, the best so far: saved as %s", epoch, self._monitor, value, self._path)

    def _evaluate(self) -> None:
        if not self._examples:
            return
        try:
            table = self._examples.table(self.model, self._labels)
        except Exception as error:  # noqa: BLE001  # whatever data and a model of the user's raise; the training goes on
            logger.warning("validation_predictions is not logged: %s", error)
            return
        if table is None:
            once("validation_predictions: the callback cannot read the validation data; give it validation_data")
            return
        artifact = Artifact(default_name(self._run.id, "validation_predictions"), "run_table")
        artifact.add(table, "validation_predictions")
        self._run.log_artifact(artifact)


def _statistics(weight: Any) -> dict[str, float]:
    """The least, greatest and mean value of a weight, and their standard deviation."""
    array = as_array(weight.numpy()).astype("float64")
    if not array.size:
        return {}
    return {"min": array.min(), "max": array.max(), "mean": array.mean(), "std": array.std()}


def _facts(logs: Logs) -> dict[str, Any]:
    """The metrics that metadata can hold."""
    return {
        key: value for key, value in (logs or {}).items() if isinstance(value, (int, float)) and math.isfinite(value)
    }


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is written anew; None when there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _positive(value: object, name: str) -> int:
    """Raises: UsageError."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError(f"{name} {str(value)[:100]!r} is not a number of batches", hint="use a whole number from 1")
    return value


WandbCallback = Callback
WandbEvalCallback = EvalCallback
WandbMetricsLogger = MetricsLogger
WandbModelCheckpoint = ModelCheckpoint
