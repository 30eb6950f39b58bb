"""The runs of this process: starting them, the active one, and ending them when the process ends."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, NoReturn

from gitreg.errors import Error, UsageError
from gitreg.registry.live import LiveRun
from gitreg.registry.start import new_id
from gitreg.sdk import notebook, talk
from gitreg.sdk.artifact import Artifact
from gitreg.sdk.environment import Environment
from gitreg.sdk.mappings import Config, Summary
from gitreg.sdk.run import Run
from gitreg.sdk.run_artifacts import ArtifactVerbs
from gitreg.sdk.settings import settings as settings_of
from gitreg.sdk.starting import Wanted, start
from gitreg.sdk.talk import logger

_REINIT = (None, True, False, "default", "return_previous", "finish_previous", "create_new")


class _Session:
    """What this process has started.

    Attributes:
        active: the run that module-level functions act on.
        open: all unfinished runs.
        left: the ids of other processes' runs that were finished here.
        failed: whether an exception reached the top, or sys.exit was called with anything but 0.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.active: Run | None = None
        self.open: list[Run] = []
        self.left: set[str] = set()
        self.failed = False
        self._hooked = False
        self._exits: tuple[Callable[..., NoReturn], Callable[..., NoReturn]] = (sys.exit, sys.exit)

    def add(self, run: Run) -> None:
        with self.lock:
            if not self.open:
                self.failed = False
                self._wrap_exit()
            self.open.append(run)
            if not self._hooked:
                self._hooked = True
                atexit.register(self.end)
                self._chain_excepthook()

    def remove(self, run: Run) -> None:
        with self.lock:
            self.open.remove(run)
            if run.status().attached:
                self.left.add(run.id)
            if self.active is run:
                self.active = None
            if not self.open and sys.exit is self._exits[1]:
                sys.exit = self._exits[0]

    def _wrap_exit(self) -> None:
        """Have `sys.exit` tell how the process ends, while a run is open."""
        previous = sys.exit

        def leave(status: Any = None, /) -> NoReturn:
            # elsewhere it ends a thread, and in a notebook a cell. Whether somebody catches it, nobody can see here:
            # a script that goes on has to end its run with `finish` or a `with`, or the run is called failed
            if threading.current_thread() is threading.main_thread() and not notebook.shell():
                self.failed = status not in (None, 0)
            previous(status)

        self._exits = (previous, leave)
        sys.exit = leave

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
    dir: str | os.PathLike[str] | None = None,
    id: str | None = None,
    name: str | None = None,
    notes: str | None = None,
    tags: Sequence[str] | None = None,
    config: object = None,
    config_exclude_keys: Sequence[str] | None = None,
    config_include_keys: Sequence[str] | None = None,
    allow_val_change: bool | None = None,
    group: str | None = None,
    job_type: str | None = None,
    mode: str | None = None,
    force: bool | None = None,
    reinit: bool | str | None = None,
    resume: bool | str | None = None,
    resume_from: str | None = None,
    fork_from: str | None = None,
    save_code: bool | None = None,
    tensorboard: bool | None = None,
    sync_tensorboard: bool | None = None,
    monitor_gym: bool | None = None,
    settings: object = None,
) -> Run:
    """Start a run in the repository around `dir` (default: the current directory) and return it.

    The code is fixed now: HEAD's commit, or a snapshot of what is not committed. `entity` and `project` are labels.
    `config` is a mapping, an `argparse.Namespace` or the path of a YAML file. What is left out is taken from `settings`
    (`gitreg.Settings`, or a mapping), else from the environment: GITREG_ENTITY, GITREG_PROJECT, GITREG_DIR,
    GITREG_RUN_ID, GITREG_NAME, GITREG_NOTES, GITREG_TAGS, GITREG_RUN_GROUP, GITREG_JOB_TYPE, GITREG_MODE,
    GITREG_RESUME, GITREG_SILENT and GITREG_RANKS.

    With GITREG_BUNDLE the run goes into the file of that name instead, for `gitreg run import` in a clone; with mode
    offline so does one where there is no repository, into `gitreg-RUN_ID.bundle` in the current directory.

    Everything works offline, so the modes online and offline are the same otherwise. With `mode="disabled"` the run is
    in memory: it needs no repository and writes nothing, and what it logs is in no repository. With `mode="shared"`
    processes that say the same `id` are one run, which the first of them ends.

    `resume` says what is to be done with a run `id` that has ended: "allow" goes on with it when there is one, "must"
    refuses when there is none, "never" when there is one; "auto" (or True) without an `id` goes on with the run that
    was started so and did not end well. Its config stays, unless `allow_val_change`.

    Of several distributed processes (torchrun, MPI, Slurm, ...) only the first records: in the others the run is in
    memory, can read versions, and says so once. GITREG_RANKS=all, `settings={"ranks": "all"}` or `mode="shared"` lets
    all of them record.

    While a run is active, a second `init` returns it; with `reinit="finish_previous"` (or True, and in notebooks) the
    first is finished, with `"create_new"` both go on. Inside `gitreg run` the run is the one that it started, whose
    config counts more than what is given here; after `finish`, an `init` without an `id` starts a run of its own. On
    the command line: `gitreg run`.

    What is started, logged and finished is told through `logging`, as 'gitreg'. A script shows it with
    `logging.basicConfig(level="INFO")`; at a prompt and in a notebook it is shown, unless GITREG_SILENT or the setting
    `silent` (errors only) or `quiet` (warnings, too) says otherwise. The other arguments of W&B's are taken and mean
    nothing.

    Raises: NotARepositoryError; InvalidNameError, UsageError for arguments that make no sense, for an id that is taken
        and a run that cannot be resumed; ConfigError when a resumed run's config would change; GitError when Git knows
        no name and address of yours.
    """
    given = locals()
    told = settings_of(given.pop("settings"))
    given = {**told._arguments, **{key: value for key, value in given.items() if value is not None}}
    _check_reinit(given.get("reinit"))
    if given.get("resume_from") or given.get("fork_from"):
        raise UsageError("a run cannot be gone back in", hint="use_artifact the version to start from, in a new run")
    if given.get("tensorboard") or given.get("sync_tensorboard") or given.get("monitor_gym"):
        talk.once("init: tensorboard and gym are not recorded; log what you want to see, with run.log")
    silent = told.silent or Environment.read().silent
    talk.listen("ERROR" if silent else "WARNING" if told.quiet else None)
    reinit = given.get("reinit")
    with _session.lock:
        previous = _session.active
        if previous is not None and reinit != "create_new":
            if reinit in (True, "finish_previous") or (reinit in (None, "default") and notebook.shell()):
                previous.finish()
            else:
                logger.info("run '%s' is active: init returns it", previous.name)
                return previous
        wanted = Wanted.of(given, told.ranks, left=_session.left)
        started = start(wanted)
        if isinstance(started.live, LiveRun):
            talk.started(started.live, attached=started.attached, resumed=started.resumed)
        run = Run(started, wanted, on_finish=_session.remove)
        _session.add(run)
        if reinit != "create_new":
            _session.active = run
        return run


def finish(exit_code: int | None = None) -> None:
    """End the active run, see `Run.finish`; nothing without one."""
    if _session.active is not None:
        _session.active.finish(exit_code)


def setup(settings: object = None) -> None:
    """Do nothing: W&B's word for starting its service, which there is none of."""


def teardown(exit_code: int | None = None) -> None:
    """Finish every run that this process has open, see `Run.finish`."""
    for run in list(_session.open):
        run.finish(exit_code)


def login(
    key: str | None = None, relogin: bool | None = None, host: str | None = None, force: bool | None = None, **more: Any
) -> bool:
    """Return True: there is nothing to log in to. W&B's arguments are taken, and none of them is kept."""
    del key, relogin, host, force, more
    return True


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
        left = set(_session.left)
        with init(id=Environment.read().run_id, job_type="auto") as own:
            own.log_artifact(artifact)
        # an `init` that the program says itself counts as the first one
        _session.left = left


def log_alone(artifact: Artifact, user: ArtifactVerbs, aliases: str | Sequence[str] | None) -> None:
    """Log a draft that `user` wants as an input to a run of its own, so that it is no output of its user."""
    place = user._directory
    with init(user.entity, user.project, place, id=new_id(), job_type="auto", reinit="create_new") as own:
        own.log_artifact(artifact, aliases=aliases)


def _check_reinit(reinit: object) -> None:
    """Raises: UsageError for what is not there."""
    if reinit not in _REINIT:
        raise UsageError(
            f"reinit={str(reinit)[:100]!r} is not known", hint="finish_previous, return_previous or create_new"
        )
