"""`gitreg run`: a command as a run. The `init()` of a script in it attaches to the same run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

import click

from gitreg.cli import console, context
from gitreg.cli.run_import import import_runs
from gitreg.errors import Error, NotFoundError, UsageError
from gitreg.records.names import RunId, check_run_id
from gitreg.records.records import State
from gitreg.registry import recover, runs
from gitreg.registry.live import LiveRun
from gitreg.registry.recover import Recovered
from gitreg.registry.repository import Registry
from gitreg.registry.start import discard_run, new_id, start_run
from gitreg.registry.versions import all_versions

_FORWARDED = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name)]


def begin(
    registry: Registry,
    *,
    run_id: RunId | None = None,
    name: str = "",
    job_type: str = "",
    config: Mapping[str, object] | None = None,
    brief: bool = False,
) -> LiveRun:
    """Start a run at the code as it is now, and say so when that could not be captured; record what was killed."""
    tell_recovered(registry)
    run = start_run(registry, run_id=run_id, name=name, job_type=job_type, config=config, brief=brief)
    if run.record.code.error:
        console.warn(f"uncommitted changes are not recorded: {run.record.code.error}")
    return run


def tell_recovered(registry: Registry, only: RunId | None = None) -> Recovered:
    """Record the runs that were killed, and say so. Raises: NotFoundError, RefusedError, about `only` one."""
    found = recover.recover(registry, only)
    for record in found.runs:
        console.say(f"run {record.name} ({record.id}) was killed; what it had logged is recorded, as {record.state}")
    for run_id, error in found.failed.items():
        console.warn(f"run '{run_id}' was killed and cannot be recorded: {error}")
    return found


@contextlib.contextmanager
def started(registry: Registry, *, job_type: str) -> Iterator[LiveRun]:
    """The run that this command is part of, or one of its own that ends with it.

    When the command fails before it has logged anything, there was no run.
    """
    attached = context.attached_run()
    if attached:
        try:
            run = LiveRun.attach(registry, check_run_id(attached))
        except NotFoundError as error:
            words = f"run '{attached}', which {context.RUN_VARIABLE} names, is not going on in this repository"
            raise NotFoundError("run", attached, words, hint=f"unset {context.RUN_VARIABLE}") from error
        yield run
        run.detach()
        return
    run = begin(registry, job_type=job_type, brief=True)
    try:
        yield run
    except BaseException:
        if not discard_run(run):
            run.finish("failed")
        raise
    run.finish("finished")


@click.command("recover", epilog=context.examples("gitreg run recover", "gitreg run recover 3kf9a1xq"))
@click.argument("run_id", metavar="[RUN_ID]", required=False)
def recover_runs(run_id: str | None) -> int:
    """Record runs whose process was killed, or the one of RUN_ID, as crashed, with everything they had logged.

    The next run that starts in this clone does it too.
    """
    with context.opened() as registry:
        found = tell_recovered(registry, None if run_id is None else check_run_id(run_id))
    if not found.runs and not found.failed:
        console.say("no run was killed here")
    return 1 if found.failed else 0


_OTHERS = {"recover": recover_runs, "import": import_runs}


class _RunCommand(click.Command):
    """`gitreg run -- COMMAND`, `gitreg run recover` and `gitreg run import`: a command to run has `--` before it."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Click's; that of `recover` or `import` when it is asked for."""
        if args and args[0] in _OTHERS:
            return _OTHERS[args[0]].make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Click's; that of `recover` or `import` when it is asked for."""
        return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)


@click.command(
    "run",
    cls=_RunCommand,
    # what follows COMMAND belongs to it
    context_settings={"allow_interspersed_args": False},
    epilog=context.examples(
        "gitreg run --config lr=0.1 --use mnist_dataset:latest -- python train.py --epochs 5",
        "gitreg run --job-type evaluate -- sh evaluate.sh",
    ),
)
@click.option("--name", default="", type=context.TEXT, help="The run's name. Default: one like jumping-monkey-1.")
@click.option("--job-type", default="", metavar="TYPE", type=context.TEXT, help="Such as train_model.")
@click.option(
    "--config",
    multiple=True,
    metavar="K=V",
    type=context.TEXT,
    help="A setting; the value is read as YAML. May be repeated.",
)
@click.option("--use", "uses", multiple=True, metavar="REF", help="A version that the command reads; may be repeated.")
@click.argument("command", metavar="-- COMMAND [ARGS]...", nargs=-1, type=click.UNPROCESSED)
def run(name: str, job_type: str, config: tuple[str, ...], uses: tuple[str, ...], command: tuple[str, ...]) -> int:
    """Run COMMAND as a run, and end with its exit code.

    The code is recorded as it is now, uncommitted changes included. gitreg.init() in a Python script and 'gitreg put'
    in a shell script add to this run. When it is killed, what it had logged is recorded by the next run that starts in
    this clone, or by 'gitreg run recover'.
    """
    if not command:
        raise UsageError("no command to run", hint="gitreg run -- python train.py")
    if context.attached_run():
        raise UsageError("this is inside a run already", hint="run the command without 'gitreg run'")
    run_id = new_id()
    with context.opened_for_run(run_id) as registry:
        # what the command logs needs a place: said now, and not after hours
        _ = registry.cache
        settings = context.pairs(config, "--config")
        inputs = [context.version(registry, use) for use in uses]
        live = begin(registry, run_id=run_id, name=name, job_type=job_type, config=settings)
        try:
            for version in inputs:
                live.use(version)
        except BaseException:
            discard_run(live)
            raise
        code = live.record.code
        uncommitted = " with uncommitted changes" if code.snapshot else ""
        console.say(f"run {live.record.name} ({run_id}), code {code.commit.short}{uncommitted}")
        child = _Child()
        with _signals_for(child):
            status = _execute(command, live, child)
            # the command's processes have added to it; held without a gap, or somebody would take the run for dead
            whole = LiveRun.attach(registry, run_id)
            live.detach()
            state: State = "finished" if status == 0 else "failed"
            whole.finish(state)
            made = context.readable(f"what run '{run_id}' has logged", lambda: _made(registry, run_id))
            how = f"{state} (exit code {status})" if status else state
            what = f"{live.record.name} {how}, logged {', '.join(made or ()) or 'no version'}"
            console.say(f"run {what}; {context.published_by(registry)}")
            if not registry.target:
                console.say(f"undo with: gitreg drop {run_id}")
    return status


def _made(registry: Registry, run_id: RunId) -> list[str]:
    """The versions that a run has made."""
    found = runs.chain_of(registry, run_id)
    commits = found.commits if found else ()
    collections = dict.fromkeys(commit.artifact.collection for commit in commits if commit.artifact)
    made = {commit.oid for commit in commits}
    return [str(item.name) for name in collections for item in all_versions(registry, name) if item.commit in made]


class _Child:
    """The command of a run, and the signals that go to it: those that come before it is known are kept for it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def start(self, command: Sequence[str], **options: Any) -> int:
        """Start the command and wait for its end; its exit code as Popen has it. Raises: OSError."""
        self._process = subprocess.Popen(command, **options)
        for number in self._early:
            self._process.send_signal(number)
        return self._process.wait()

    def send(self, number: int, _: FrameType | None) -> None:
        """Hand a signal on."""
        if self._process:
            self._process.send_signal(number)
        else:
            self._early.append(number)


@contextlib.contextmanager
def _signals_for(child: _Child) -> Iterator[None]:
    """Hand signals that would end this process to the command, and stay to record what came of it.

    SIGINT comes to the command from the terminal by itself. After the command has ended, all of them are ignored:
    `timeout` sends its signal twice.
    """
    before = {number: signal.signal(number, child.send) for number in _FORWARDED}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _execute(command: tuple[str, ...], live: LiveRun, child: _Child) -> int:
    """The exit code of the command, as a shell would give it.

    It holds the run as well: should this process be killed, the run goes on for as long as the command does.
    """
    environment = {**os.environ, context.RUN_VARIABLE: live.record.id}
    if live.registry.target:
        # whatever its name was made of
        environment[context.BUNDLE] = str(live.registry.target)
    held = () if os.name == "nt" else (live.descriptor,)
    try:
        status = child.start(command, env=environment, cwd=context.directory(), pass_fds=held)
    except FileNotFoundError:
        console.fail(Error(f"command '{command[0]}' not found"))
        return 127
    except PermissionError:
        console.fail(Error(f"'{command[0]}' cannot be executed"))
        return 126
    return 128 - status if status < 0 else status
