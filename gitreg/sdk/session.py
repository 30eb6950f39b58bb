"""The runs of this process: starting them, the active one, and ending them when the process ends."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from gitreg.errors import Error, NotARepositoryError, UsageError
from gitreg.git.runner import Git
from gitreg.records.names import RunId, check_run_id
from gitreg.registry.live import LiveRun
from gitreg.registry.recover import recover
from gitreg.registry.repository import Registry
from gitreg.registry.start import new_id, start_run
from gitreg.sdk import talk
from gitreg.sdk.artifact import Artifact
from gitreg.sdk.environment import Environment
from gitreg.sdk.mappings import Config, Summary, config_values
from gitreg.sdk.run import Run
from gitreg.sdk.run_artifacts import ArtifactVerbs
from gitreg.sdk.talk import logger
from gitreg.sdk.values import check_size, plain

_MODES = ("online", "offline", "shared")
_REINIT = (None, True, False, "default", "return_previous", "finish_previous", "create_new")


class _Session:
    """What this process has started.

    Attributes:
        active: the run that module-level functions act on.
        open: all unfinished runs.
        failed: whether an exception reached the top.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.active: Run | None = None
        self.open: list[Run] = []
        self.failed = False
        self._hooked = False

    def add(self, run: Run) -> None:
        with self.lock:
            self.open.append(run)
            if not self._hooked:
                self._hooked = True
                atexit.register(self.end)
                self._chain_excepthook()

    def remove(self, run: Run) -> None:
        with self.lock:
            self.open.remove(run)
            if self.active is run:
                self.active = None

    def _chain_excepthook(self) -> None:
        previous = sys.excepthook

        def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
            self.failed = True
            previous(kind, error, trace)

        sys.excepthook = hook

    def end(self) -> None:
        """Finish what the program left open; an error of one run does not keep the others open."""
        errors: list[Exception] = []
        for run in list(self.open):
            # a forked process must not end its parent's runs
            if run._is_mine:
                try:
                    run.finish(exit_code=1 if self.failed else 0)
                except Exception as error:  # noqa: BLE001  # raised below
                    errors.append(error)
        if errors:
            raise errors[0]


_session = _Session()


def init(  # noqa: PLR0917  # W&B's signature
    entity: str | None = None,
    project: str | None = None,
    dir: str | Path | None = None,
    id: str | None = None,
    name: str | None = None,
    notes: str | None = None,
    tags: Sequence[str] | None = None,
    config: object = None,
    allow_val_change: bool | None = None,
    group: str | None = None,
    job_type: str | None = None,
    mode: str | None = None,
    reinit: bool | str | None = None,
    resume: bool | str | None = None,
    save_code: bool | None = None,
    settings: object = None,
    force: bool | None = None,
) -> Run:
    """Start a run in the repository around `dir` (default: the current directory) and return it.

    The code is fixed now: HEAD's commit, or a snapshot of what is not committed. `entity` and `project` are labels.
    `config` is a mapping, an `argparse.Namespace` or the path of a YAML file. Arguments that are left out are taken
    from GITREG_ENTITY, GITREG_PROJECT, GITREG_DIR, GITREG_NAME, GITREG_NOTES, GITREG_TAGS, GITREG_RUN_GROUP,
    GITREG_JOB_TYPE and GITREG_MODE. Everything works offline, so the modes online, offline and shared are the same;
    `save_code`, `settings` and `force` are taken and mean nothing.

    While a run is active, a second `init` returns it; with `reinit="finish_previous"` (or True, and in notebooks) the
    first is finished, with `"create_new"` both go on. Inside `gitreg run` the run is the one that it started, whose
    config counts more than what is given here. On the command line: `gitreg run`.

    What is started, logged and finished is told through `logging`, as 'gitreg'. A script shows it with
    `logging.basicConfig(level="INFO")`; at a prompt and in a notebook it is shown.

    Raises: NotARepositoryError; InvalidNameError, UsageError for arguments that make no sense and for an id that is
        taken; GitError when Git knows no name and address of yours.
    """
    del save_code, settings, force
    environment = Environment.read()
    _check_modes(mode or environment.mode, reinit, resume)
    with _session.lock:
        previous = _session.active
        if previous is not None and reinit != "create_new":
            if reinit in (True, "finish_previous") or (reinit in (None, "default") and _in_notebook()):
                previous.finish()
            else:
                logger.info("run '%s' is active: init returns it", previous.name)
                return previous
        directory = Path(dir or environment.directory or ".").absolute()
        registry = open_registry(directory)
        values = config_values(config)
        check_size(values, "config")
        labels: dict[str, Any] = {
            "job_type": _label(job_type or environment.job_type),
            "group": _label(group or environment.group),
            "project": _label(project or environment.project),
            "entity": _label(entity or environment.entity),
            "notes": plain(notes or environment.notes or ""),
            "tags": _tags(tags or environment.tags),
        }
        attached = environment.run_id if id in (None, environment.run_id) else None
        if attached:
            live = _attach(registry, check_run_id(attached), values, labels)
        else:
            run_id = check_run_id(id) if id is not None else None
            _recover(registry)
            live = start_run(registry, run_id=run_id, name=_label(name or environment.name), config=values, **labels)
            if live.record.code.error:
                logger.warning("uncommitted changes are not recorded: %s", live.record.code.error)
        talk.listen()
        talk.started(live, attached=bool(attached))
        run = Run(
            live,
            directory=directory,
            attached=bool(attached),
            allow_val_change=bool(allow_val_change),
            on_finish=_session.remove,
        )
        _session.add(run)
        if reinit != "create_new":
            _session.active = run
        return run


def _recover(registry: Registry) -> None:
    """Record the runs that were killed here earlier; one that cannot be recorded keeps nobody from working."""
    found = recover(registry)
    for record in found.runs:
        logger.warning("run '%s' was killed; what it had logged is recorded, as %s", record.name, record.state)
    for run_id, error in found.failed.items():
        logger.warning("run '%s' was killed and cannot be recorded: %s", run_id, error)


def open_registry(directory: Path, *, writing: bool = True) -> Registry:
    """The repository around a directory; its reading process ends with it.

    Raises: NotARepositoryError, with `writing` also when it is not set up yet.
    """
    if not os.path.isdir(directory):  # noqa: PTH112 - Path's raises for what can be no path
        raise NotARepositoryError(f"{str(directory)[:200]!r} is not a directory", hint="check the path")
    registry = Registry(Git.discover(directory))
    # artifacts outlive their run, so nobody knows when the last of them is read
    weakref.finalize(registry, registry.objects.close)
    if writing:
        _ = registry.cache
    return registry


def _attach(registry: Registry, run_id: RunId, config: Mapping[str, Any], labels: Mapping[str, Any]) -> LiveRun:
    """The run that `gitreg run` has started, with the config and labels that it has not set itself."""
    live = LiveRun.attach(registry, run_id)
    new = {key: value for key, value in config.items() if key not in live.record.config}
    kept = [key for key, value in config.items() if key not in new and live.record.config[key] != value]
    if kept:
        logger.warning("config %s: the value that the run was started with stays", ", ".join(kept))
    if new:
        live.update_config(new)
    live.add_labels({**labels, "tags": list(labels["tags"])})
    return live


def finish(exit_code: int | None = None) -> None:
    """End the active run, see `Run.finish`; nothing without one."""
    if _session.active is not None:
        _session.active.finish(exit_code)


def active_run() -> Run | None:
    """The run that module-level functions act on, None without one."""
    return _session.active


def need_run(verb: str) -> Run:
    """The active run. Raises: Error without one."""
    run = _session.active
    if run is None:
        raise Error(f"You must call gitreg.init() before gitreg.{verb}")
    return run


def active_config() -> Config:
    """The active run's config. Raises: Error without one."""
    return need_run("config").config


def active_summary() -> Summary:
    """The active run's summary. Raises: Error without one."""
    return need_run("summary").summary


def log_draft(artifact: Artifact) -> None:
    """Log a draft to the active run, or to a run of its own."""
    run = _session.active
    if run is not None:
        run.log_artifact(artifact)
    else:
        with init(job_type="auto") as own:
            own.log_artifact(artifact)


def log_alone(artifact: Artifact, user: ArtifactVerbs, aliases: str | Sequence[str] | None) -> None:
    """Log a draft that `user` wants as an input to a run of its own, so that it is no output of its user."""
    place = user._directory
    with init(user.entity, user.project, place, id=new_id(), job_type="auto", reinit="create_new") as own:
        own.log_artifact(artifact, aliases=aliases)


def _check_modes(mode: str | None, reinit: object, resume: object) -> None:
    """Raises: UsageError for what is not there."""
    if mode is not None and mode not in _MODES:
        raise UsageError(
            f"mode {mode[:100]!r} is not supported", hint=f"one of {', '.join(_MODES)}: all of them work offline"
        )
    if reinit not in _REINIT:
        raise UsageError(
            f"reinit={str(reinit)[:100]!r} is not supported", hint="finish_previous, return_previous or create_new"
        )
    if resume not in (None, False, "never", "allow", "auto"):
        raise UsageError(
            f"resume={str(resume)[:100]!r} is not supported", hint="a finished run never changes: start another"
        )


def _label(text: str | None) -> str:
    """A label of a run. Raises: UsageError for control characters."""
    if text and not text.isprintable():
        raise UsageError(f"{text[:100]!r} holds control characters", hint="labels are for people: write plain words")
    return text or ""


def _tags(tags: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(plain(str(tag)) for tag in ([tags] if isinstance(tags, str) else tags or ())))


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return type(shell).__name__ == "ZMQInteractiveShell"
