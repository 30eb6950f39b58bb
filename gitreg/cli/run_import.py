"""`gitreg run import`: taking runs out of the files that they were written into where there was no repository."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gitreg.cli import console, context, human
from gitreg.errors import BundleError, Error, RefusedError
from gitreg.health import importing
from gitreg.health.importing import Imported
from gitreg.registry.bundle import END, Bundle
from gitreg.registry.repository import Registry
from gitreg.registry.runs import Run


@click.command(
    "import", epilog=context.examples("gitreg run import run.bundle", "gitreg run import --check results/*.bundle")
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=context.Place())
@click.option("--check", is_flag=True, help="Check the files, say what is in them, and take nothing.")
def import_runs(files: tuple[Path, ...], check: bool) -> int:  # noqa: FBT001 - click passes it by name
    """Take runs out of files that GITREG_BUNDLE has named.

    Everything in a file is checked first, and nothing of one that is damaged is taken. Its versions are unpublished
    here, under the next free numbers. Taking a file again changes nothing. FILE.partial, which a killed process has
    left, is finished first: its runs are crashed ones.
    """
    with context.opened() as registry:
        # one file must not keep the others out
        codes = [_import(registry, file, check=check) for file in files]
    return max(codes)


def _import(registry: Registry, file: Path, *, check: bool) -> int:
    """Take a file in, or say why not; the exit code."""
    try:
        path = _whole(Path(os.path.normpath(context.path(file))), check=check)
        _tell(registry, file, (importing.check if check else importing.take)(registry, path), check=check)
    except Error as error:
        for line in error.findings[1:] if isinstance(error, BundleError) else ():
            console.warn(line)
        console.fail(error)
        return error.exit_code
    return 0


def _whole(path: Path, *, check: bool) -> Path:
    """The file, made from what a killed process has left. Raises: RefusedError while a process is at it."""
    if not path.name.endswith(END) or not path.is_dir():
        return path
    if check:
        raise RefusedError(f"'{path}' is not finished", hint="leave out --check, and it is; then check the file")
    left = Bundle.reopened(path)
    if left is None:
        raise RefusedError(f"a process is writing '{path}'", hint="wait until it ends")
    done = left.recover()
    left.leave()
    for record in done.runs:
        console.say(f"run {record.name} ({record.id}) was killed; what it had logged is in '{left.target}'")
    for run_id, error in done.failed.items():
        console.warn(f"run '{run_id}' was killed and cannot be recorded: {error}")
    return left.target


def _tell(registry: Registry, file: Path, found: Imported, *, check: bool) -> None:
    for run_id, run in found.runs.items():
        console.say(f"run {run.record.name} ({run_id}) {run.record.state}{_made(run)}")
    for old, new in found.versions.items():
        if old != new and not check:
            console.say(f"  {old} is {new.label} here")
    for words in found.left:
        console.warn(words)
    what = f"{human.plural(len(found.runs), 'run')} in '{file}'"
    if not found.is_new:
        console.say(f"{what}: all of it is here already")
    elif check:
        console.say(f"{what}, {human.size(found.bytes)}: nothing is wrong; gitreg run import takes what is new")
    else:
        console.say(f"took {what}, {human.size(found.bytes)}; {context.published_by(registry)}")
        if found.new:
            console.say(f"undo with: {' && '.join(f'gitreg drop {run_id}' for run_id in found.new)}")


def _made(run: Run) -> str:
    made = [str(commit.artifact.collection) for commit in run.commits if commit.artifact]
    return f", logged {', '.join(dict.fromkeys(made))}" if made else ""
