"""A callback for the `Trainer` of Hugging Face's transformers: with `callbacks=[Callback()]` a run records it.

`WandbCallback` is the same class. Importing this module needs transformers: `pip install 'gitreg[transformers]'`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gitreg.errors import MissingExtraError, UsageError
from gitreg.sdk import session
from gitreg.sdk.artifact import Artifact
from gitreg.sdk.environment import Environment
from gitreg.sdk.run import Run
from gitreg.sdk.talk import logger

try:
    from transformers import TrainerCallback
except ModuleNotFoundError as error:
    raise MissingExtraError(error.name or "transformers", "transformers") from error

__all__ = ["Callback", "WandbCallback"]

_MODES = ("false", "end", "checkpoint")
# Said once, at the end of a training: they belong into the summary, not into the history.
_TOTALS = frozenset("train_runtime train_samples_per_second train_steps_per_second train_loss total_flos".split())


class Callback(TrainerCallback):  # type: ignore[misc]  # published without types
    """Logs arguments, the model's configuration, and what the Trainer logs, as `train/...`, `eval/...` and `test/...`.

    Each call is a step of the run and holds `train/global_step`. An active run is used as it is, otherwise one starts
    with the training, called `run_name`; it ends with the program or with `gitreg.finish()`. Of several processes only
    the one of rank zero in the world logs.
    """

    def __init__(self, log_model: str | None = None, model_name: str | None = None) -> None:
        """Say what becomes a version of the model `model_name` (default `model-<run id>`).

        `log_model` is "false", "end" for the model as it is after training, or "checkpoint" for each checkpoint, too;
        without it GITREG_LOG_MODEL says so. The last model has the alias `final_model`, a checkpoint
        `checkpoint_global_step_<n>`. Raises: UsageError for another word.
        """
        super().__init__()
        self._log_model = log_model or Environment.read().log_model or "false"
        if self._log_model not in _MODES:
            raise UsageError(f"log_model {self._log_model!r} is not supported", hint=f"one of {', '.join(_MODES)}")
        self._model_name = model_name
        self._run: Run | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        """Start the run, a new one for each trial of a search, and set its config."""
        del control
        if state.is_hyper_param_search and state.is_world_process_zero:
            session.finish()
            self._run = None
        self._begun(args, state, model)

    def on_log(
        self,
        args: Any,
        state: Any,
        control: Any,
        model: Any = None,
        logs: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Log what the Trainer says now and then."""
        del control
        run = self._begun(args, state, model)
        if run and logs:
            run.summary.update({key: value for key, value in logs.items() if key in _TOTALS})
            values = {key: value for key, value in logs.items() if key not in _TOTALS}
            run.log({**_rewritten(values), "train/global_step": state.global_step})

    def on_predict(
        self, args: Any, state: Any, control: Any, metrics: Mapping[str, Any], model: Any = None, **_: Any
    ) -> None:
        """Log the metrics of a prediction."""
        del control
        run = self._begun(args, state, model)
        if run:
            run.log(_rewritten(metrics))

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Log a checkpoint."""
        del control
        if self._run and self._log_model == "checkpoint" and state.is_world_process_zero:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            aliases = [f"epoch_{round(state.epoch, 2)}", f"checkpoint_global_step_{state.global_step}"]
            self._log_folder(self._run, folder, aliases, {})

    def on_train_end(
        self, args: Any, state: Any, control: Any, model: Any = None, processing_class: Any = None, **_: Any
    ) -> None:
        """Log the model, the best one where the Trainer has loaded it again (`load_best_model_at_end`)."""
        del control
        if not self._run or self._log_model == "false" or not state.is_world_process_zero:
            return
        if not hasattr(model, "save_pretrained"):
            logger.warning("%s has no save_pretrained: the model is not logged", type(model).__name__)
            return
        facts = {"final_model": True}
        if args.load_best_model_at_end and args.metric_for_best_model:
            facts[f"eval/{args.metric_for_best_model.removeprefix('eval_')}"] = state.best_metric
        with TemporaryDirectory() as folder:
            for part in (model, processing_class):
                if hasattr(part, "save_pretrained"):
                    part.save_pretrained(folder)
            self._log_folder(self._run, Path(folder), ["final_model"], facts)

    def _begun(self, args: Any, state: Any, model: Any) -> Run | None:
        """The run, which starts here when it has not; None in processes that log nothing."""
        if not state.is_world_process_zero:
            return None
        if self._run is None:
            self._run = session.active_run() or _start(args, state)
            config = getattr(model, "config", None)
            settings = config if isinstance(config, Mapping) else config.to_dict() if config else {}
            self._run.config.update({**settings, **args.to_dict()}, allow_val_change=True)
            if hasattr(model, "num_parameters"):
                self._run.config.update({"model/num_parameters": model.num_parameters()}, allow_val_change=True)
            self._run.define_metric("train/global_step")
            self._run.define_metric("*", step_metric="train/global_step")
        return self._run

    def _log_folder(self, run: Run, folder: Path, aliases: list[str], facts: Mapping[str, object]) -> None:
        numbers = {
            key: value for key, value in run.summary.items() if type(value) in (int, float) and not key.startswith("_")
        }
        artifact = Artifact(self._model_name or f"model-{run.id}", "model", metadata={**numbers, **facts})
        artifact.add_dir(folder)
        run.log_artifact(artifact, aliases=aliases)


WandbCallback = Callback


def _start(args: Any, state: Any) -> Run:
    """A new run, called as the trial of a search, or `run_name`."""
    if state.trial_name:
        return session.init(name=state.trial_name, group=args.run_name or args.output_dir)
    return session.init(name=args.run_name)


def _rewritten(values: Mapping[str, Any]) -> dict[str, Any]:
    """`eval_loss` as `eval/loss`, `test_loss` as `test/loss`, everything else as `train/...`."""
    found = {}
    for key, value in values.items():
        kind, _, rest = key.partition("_")
        found[f"{kind}/{rest}" if kind in ("eval", "test") and rest else f"train/{key}"] = value
    return found
