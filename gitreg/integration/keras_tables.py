"""`EvalCallback`: a callback for Keras whose subclasses say which rows go into tables, and when training logs them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from gitreg.sdk.artifact import Artifact
from gitreg.sdk.media.table import Table
from gitreg.sdk.session import need_run


class EvalCallback(ABC, keras.callbacks.Callback):  # type: ignore[misc]  # published without types
    """A base for callbacks that log what is predicted in a training, and with what it is compared, as tables.

    When training begins, `add_ground_truth` fills `data_table`, which is logged as a dataset `val` and used by the run;
    from then on it is `data_table_ref`. After each epoch `add_model_predictions` fills a new `pred_table`, and each is
    a version of `run_<id>_pred`. For another name or moment, override `on_train_begin` or `on_epoch_end`.
    """

    data_table: Table
    pred_table: Table
    data_table_ref: Table

    def __init__(self, data_table_columns: Sequence[str], pred_table_columns: Sequence[str]) -> None:
        """Raises: Error without an active run."""
        super().__init__()
        self._run = need_run(f"integration.keras.{type(self).__name__}()")
        self.data_table_columns = list(data_table_columns)
        self.pred_table_columns = list(pred_table_columns)

    @abstractmethod
    def add_ground_truth(self, logs: Mapping[str, Any] | None = None) -> None:
        """Add a row to `self.data_table` for each example."""

    @abstractmethod
    def add_model_predictions(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Add a row to `self.pred_table` for each prediction of `self.model`."""

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Log what is to be compared with."""
        self.init_data_table(self.data_table_columns)
        self.add_ground_truth(logs)
        self.log_data_table()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log what is predicted."""
        self.init_pred_table(self.pred_table_columns)
        self.add_model_predictions(epoch, logs)
        self.log_pred_table()

    def init_data_table(self, column_names: Sequence[str]) -> None:
        """Begin `data_table`."""
        self.data_table = Table(columns=list(column_names))

    def init_pred_table(self, column_names: Sequence[str]) -> None:
        """Begin a `pred_table`."""
        self.pred_table = Table(columns=list(column_names))

    def log_data_table(self, name: str = "val", type: str = "dataset", table_name: str = "val_data") -> None:
        """Log `data_table` in an artifact of this name, which is an input of the run, and read it back from there."""
        artifact = Artifact(name, type)
        artifact.add(self.data_table, table_name)
        found = self._run.use_artifact(artifact).get(table_name)
        assert isinstance(found, Table)
        self.data_table_ref = found

    def log_pred_table(
        self, type: str = "evaluation", table_name: str = "eval_data", aliases: Sequence[str] | None = None
    ) -> None:
        """Log `pred_table` as a version of `run_<id>_pred`."""
        artifact = Artifact(f"run_{self._run.id}_pred", type)
        artifact.add(self.pred_table, table_name)
        self._run.log_artifact(artifact, aliases=aliases)
