"""`Run`: what `gitreg.init` returns. Thread safe; everything it is told is kept before the call returns."""

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

from gitreg.errors import TooLargeError, UsageError
from gitreg.records.records import RunRecord
from gitreg.registry.live import LiveRun
from gitreg.sdk import talk
from gitreg.sdk.artifact import Artifact
from gitreg.sdk.mappings import Config, Summary, check_keys
from gitreg.sdk.run_artifacts import ArtifactVerbs
from gitreg.sdk.talk import logger
from gitreg.sdk.values import check_size, plain


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
class Run(ArtifactVerbs):
    """A run that is going on, made by `gitreg.init`. On the command line: `gitreg run`.

    After `finish` it can be read; everything that would change it raises UsageError.
    """

    def __init__(
        self,
        live: LiveRun,
        *,
        directory: Path,
        attached: bool = False,
        allow_val_change: bool = False,
        on_finish: Callable[[Run], None] = lambda run: None,  # noqa: ARG005  # nobody to tell
    ) -> None:
        self._live = live
        self._directory = directory
        self._attached = attached
        self._on_finish = on_finish
        self._lock = threading.RLock()
        self._finished = False
        self._process = os.getpid()
        self._step = live.step
        self._began: float | None = None
        self._logged: dict[Artifact, None] = {}
        self._config = Config(lambda: self._live.record.config, self._write_config, allow_val_change=allow_val_change)
        self._summary = Summary(lambda: self._live.record.summary, self._write_summary)

    # what it is

    @property
    def _now(self) -> RunRecord:
        return self._live.record

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags."""
        return self._live.record.tags

    @property
    def path(self) -> str:
        """`entity/project/id`, without the empty ones."""
        return "/".join(self._path)

    @property
    def url(self) -> None:
        """None: there is no server with a page for it."""

    @property
    def dir(self) -> str:
        """The directory from which the repository was found."""
        return str(self._directory)

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
        return RunStatus(self._live.record.state, self._step, self._attached)

    # what it logs

    def log(self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        """Log values under their names: one step of the history, and the newest values in the summary.

        `data` becomes plain values (`gitreg.sdk.values.plain`). Without `step` each call is a step of its own, unless
        `commit=False`, which leaves the step open for the next call. Calls with the same `step` are one step, until a
        higher one or `commit=True`; a lower one is dropped with a warning. Raises: TypeError when `data` is no mapping
        with strings as keys, UsageError after `finish`.
        """
        check_keys(data, "log")
        values: dict[str, Any] = plain(data)
        step = None if step is None else operator.index(step)
        with self._open("log"):
            if step is not None and step < self._step:
                logger.warning("step %d is lower than the current step %d: its values are dropped", step, self._step)
                return
            if step is not None and step > self._step:
                self._step, self._began = step, None
            if values:
                # what a step gets later has the same step and time, which makes it one row
                self._began = self._began or time.time()
                row = {"_step": self._step, "_timestamp": self._began}
                self._live.log_step({**row, **values, **row}, summary=values if self._fits(values) else {})
            if commit if commit is not None else step is None:
                # the next call's step, also after one with nothing in it
                self._step, self._began = max(self._live.step, self._step + 1), None
                self._live.step = self._step

    def _fits(self, values: Mapping[str, Any]) -> bool:
        """Whether there is room for values in the summary; if not, they are in the history only."""
        try:
            check_size({**self._live.record.summary, **values}, "the summary")
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
            if self._attached:
                self._live.detach()
            else:
                self._live.finish("failed" if exit_code else "finished")
                talk.finished(self._live)
            self._finished = True
            self._live.registry.close()
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
            check_size({**self._live.record.summary, **values}, "the summary")
            if values:
                self._live.update_summary(values)


def _exit_code(error: BaseException | None) -> int:
    """The exit code of a process that ends with this exception."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return 0
    return 1
