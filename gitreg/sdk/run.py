"""`Run`: what `gitreg.init` returns. Thread safe. All that it is told is kept at once, steps within a second."""

from __future__ import annotations

import contextlib
import operator
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, final

from gitreg.errors import Error, InvalidValueError, TooLargeError, UsageError
from gitreg.registry.live import LiveRun
from gitreg.sdk import media, talk
from gitreg.sdk.artifact import Artifact
from gitreg.sdk.mappings import Config, Summary, check_keys
from gitreg.sdk.metrics import Metric, Metrics, check
from gitreg.sdk.run_about import About
from gitreg.sdk.run_extras import OtherVerbs
from gitreg.sdk.starting import Started, Wanted, ended
from gitreg.sdk.talk import logger
from gitreg.sdk.values import MAX_BYTES, check_size, most_bytes, plain


@dataclass(frozen=True, slots=True)
class RunStatus:
    """How a run stands.

    Attributes:
        state: running, finished or failed.
        step: the number of the next step.
        attached: True when another process (`gitreg run`) ends it.
    """

    state: str
    step: int
    attached: bool


@final
class Run(About, OtherVerbs):
    """A run that is going on, made by `gitreg.init`. On the command line: `gitreg run`.

    After `finish` it can be read; everything that would change it raises UsageError.
    """

    def __init__(
        self,
        started: Started,
        wanted: Wanted,
        *,
        on_finish: Callable[[Run], None] = lambda run: None,  # noqa: ARG005  # nobody to tell
    ) -> None:
        self._started = started
        self._live = started.live
        self._directory = wanted.directory
        self._mode = wanted.mode
        self._on_finish = on_finish
        self._lock = threading.RLock()
        self._finished = False
        self._process = os.getpid()
        self._first = self._step = self._live.step
        self._began: float | None = None
        self._summary_size = MAX_BYTES
        self._logged: dict[Artifact, None] = {}
        self._saved: dict[str, Path] = {}
        self._alerts: dict[str, float] = {}
        allow = wanted.allow_val_change
        self._config = Config(lambda: self._live.record.config, self._write_config, allow_val_change=allow)
        self._summary = Summary(lambda: self._live.record.summary, self._write_summary)
        self._metrics = Metrics(self._live.record.metrics)
        if self._metrics.needs_rows and isinstance(self._live, LiveRun):
            self._metrics.catch_up(self._live.rows())

    # what it is

    @property
    def config(self) -> Config:
        """What it was asked to do."""
        return self._config

    @property
    def summary(self) -> Summary:
        """What came out of it: the last value of everything that was logged, and what is set here."""
        return self._summary

    @property
    def step(self) -> int:
        """The number of the step that `log` writes to next."""
        return self._step

    def status(self) -> RunStatus:
        """How it stands."""
        return RunStatus(self._live.record.state, self._step, self._started.attached)

    # what it logs

    def log(self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        """Log values under their names: one step of the history, and the newest values in the summary.

        `data` becomes plain values (`gitreg.sdk.values.plain`); a table or medium is logged as an artifact, and a small
        mapping says which (`gitreg.sdk.media.runs.kept`). Without `step` each call is a step of its own, unless
        `commit=False`, which leaves the step open for the next call. Calls with the same `step` are one step, until a
        higher one or `commit=True`; a lower one is dropped with a warning.

        What is logged is on disk within a second, and before anything else of the run is: a process that is killed may
        lose what it logged in its last second, and more only in code that keeps Python's interpreter lock for longer.
        Raises: TypeError when `data` is no mapping with strings as keys; StorageError when this, or what was logged
        before, cannot be written; UsageError after `finish`.
        """
        check_keys(data, "log")
        step = None if step is None else _whole(step)
        with self._open("log"):
            if step is not None and step < self._step:
                logger.warning("step %d is lower than the current step %d: its values are dropped", step, self._step)
                return
            if isinstance(self._live, LiveRun):
                data = media.kept(self, data, self._step if step is None else step)
            values: dict[str, Any] = plain(data)
            if step is not None and step > self._step:
                self._step, self._began = step, None
            if values:
                # what a step gets later has the same step and time, which makes it one row
                self._began = self._began or time.time()
                values = self._metrics.row(values)
                row = {"_step": self._step, "_timestamp": self._began}
                row = {**row, **values, **row}
                told = self._metrics.summary(values)
                self._live.log_step(row, summary=(row if told is values else told) if self._fits(told) else {})
            if commit if commit is not None else step is None:
                # the next call's step, also after one with nothing in it
                self._step, self._began = max(self._live.step, self._step + 1), None
                self._live.step = self._step

    def define_metric(  # noqa: PLR0917  # W&B's signature
        self,
        name: str,
        step_metric: str | Metric | None = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | None = None,
        overwrite: bool | None = None,
        *,
        goal: str | None = None,
    ) -> Metric:
        """Say what is to be known of the metric `name`, or of all whose names begin so, with a `*` at its end.

        `summary` says what the summary holds of it from now on in place of the last value: `min`, `max`, `mean`,
        `last`, `first` and `best`, separated by commas, each a value under the metric's name
        (`run.summary["loss"]["min"]`), or `none`. NaN is no number to be the lowest. `goal` is `minimize` or
        `maximize`: which values are the better ones, for `gitreg diff` and for `best`. `step_metric` is the metric that
        it is drawn over; a row without it gets its last value, unless `step_sync=False`. Values nested in others have
        names with dots. What was said of it before stays, unless it is said anew, or `overwrite`.

        Raises: UsageError (an Error) for what makes no sense, and once the run is finished.
        """
        new = check(name, step_metric=step_metric, step_sync=step_sync, hidden=hidden, summary=summary, goal=goal)
        with self._open("define_metric"):
            metric = self._metrics.define(new, overwrite=bool(overwrite))
            check_size({**self._now.metrics, metric.name: metric.document()}, "what is known of metrics")
            self._live.define_metric(metric.name, metric.document())
            return metric

    def _fits(self, values: Mapping[str, Any]) -> bool:
        """Whether there is room for values in the summary; if not, they are in the history only."""
        # an upper bound: what replaces something else is counted on top of it, until all is measured again
        self._summary_size += most_bytes(values)
        if self._summary_size > MAX_BYTES:
            try:
                self._summary_size = check_size({**self._live.record.summary, **values}, "the summary")
            except TooLargeError as error:
                logger.warning("%s: %s are in the history only", error, ", ".join(values))
                return False
        return True

    # its end

    def finish(self, exit_code: int | None = None) -> None:
        """End the run: `finished`, or `failed` when `exit_code` is neither 0 nor None. A second call does nothing.

        Inside `gitreg run` that command ends the run, with its own exit code. Raises: GitError when the last commit
        cannot be written; the run then goes on, and `finish` can be called again.
        """
        with self._lock:
            if self._finished:
                return
            try:
                self._log_saved()
            except Error as error:
                logger.warning("what 'save' was told of is not saved: %s", error)
            if self._mode == "shared" and isinstance(self._live, LiveRun) and not self._started.attached:
                self._live.await_others()
            live = self._live
            if isinstance(live, LiveRun) and self._started.attached:
                try:
                    live.detach()
                except UsageError as error:
                    # nobody can do anything about it any more
                    logger.warning("%s", error)
            else:
                live.finish("failed" if exit_code else "finished")
            if isinstance(live, LiveRun):
                if not self._started.attached:
                    ended(self._started)
                    talk.finished(live)
                live.registry.close()
            self._finished = True
        self._on_finish(self)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish(exit_code=_exit_code(error))

    # how it is kept

    @property
    def _is_mine(self) -> bool:
        """False in a process that was forked from the run's."""
        return self._process == os.getpid()

    @contextlib.contextmanager
    def _open(self, verb: str) -> Iterator[None]:
        """Hold the run while it is changed. Raises: UsageError once it is finished."""
        with self._lock:
            if self._finished:
                raise UsageError(
                    f"run '{self.name}' is finished: {verb} is not possible any more", hint="start another"
                )
            yield

    def _write_config(self, values: Mapping[str, Any]) -> None:
        with self._open("changing its config"):
            check_size({**self._live.record.config, **values}, "config")
            if values:
                self._live.update_config(values)

    def _write_summary(self, values: Mapping[str, Any]) -> None:
        with self._open("changing its summary"):
            self._summary_size = check_size({**self._live.record.summary, **values}, "the summary")
            if values:
                self._live.update_summary(values)


def _whole(step: object) -> int:
    """The number of a step. Raises: InvalidValueError (a TypeError)."""
    try:
        return int(step) if isinstance(step, float) and step.is_integer() else operator.index(step)  # type: ignore[arg-type]
    except TypeError:
        raise InvalidValueError(f"step={step!r:.100} is no whole number", hint="such as step=100") from None


def _exit_code(error: BaseException | None) -> int:
    """The exit code of a process that ends with this exception."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return 0
    return 1
