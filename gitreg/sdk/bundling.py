"""Runs that go into a file, because there is no repository here or it must not be written: into which one.

All runs of a process go into one file, so that they can use what the earlier ones have logged; with `{id}` in its name
each run has a file of its own. What such a file is made from, `registry.bundle`, stays until the process ends, or
until the next run of such a name begins.
"""

from __future__ import annotations

import atexit
import contextlib
import glob
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gitreg.errors import Error, NoRepositoryError, NotARepositoryError
from gitreg.git.runner import Git
from gitreg.records.names import RunId
from gitreg.registry.bundle import END, Bundle, names, was_begun_here
from gitreg.registry.journal import Journal
from gitreg.registry.repository import Registry
from gitreg.registry.start import new_id
from gitreg.sdk.environment import Environment
from gitreg.sdk.notebook import rest_after_cells
from gitreg.sdk.talk import logger

_ID = "{id}"
_DEFAULT = f"gitreg-{_ID}.bundle"

# by process, working directory and name: a forked process has files of its own
_open: dict[tuple[int, Path, str], Bundle] = {}


def opened(directory: Path, mode: str, run_id: RunId | None) -> tuple[Bundle, RunId] | None:
    """The file that a run goes into, and the run's id; None for a run that goes into the repository.

    GITREG_BUNDLE names it. Without, it is for a run that is offline where there is no repository.
    Raises: StorageError, GitError.
    """
    name = Environment.read().bundle
    if name is None and mode != "offline":
        return None
    clone = _clone(directory, only_try=name is not None)
    if clone and (name is None or (run_id and _goes_on(clone.private, run_id))):
        return None
    folder = _goes_into(run_id) if run_id else None
    run_id = run_id or new_id()
    found = Bundle(folder, directory, clone=clone) if folder else _own(name, run_id, directory, clone)
    rest_after_cells(found)
    return found, run_id


def _own(name: str | None, run_id: RunId, directory: Path, clone: Registry | None) -> Bundle:
    """The file of that name that this process writes, a new one for its first run. Raises: StorageError, GitError."""
    if name is not None and (name.endswith("/") or Path(name).is_dir()):
        name = str(Path(name) / _DEFAULT)
    for_each = name is not None and _ID in name
    key = (os.getpid(), Path.cwd(), f"{name}\0{run_id}" if for_each else name or "")
    found = _open.get(key)
    if found is None:
        _leave_idle()
        template = os.path.abspath(name or _DEFAULT)  # noqa: PTH100 - resolve() would follow links
        _finish_killed(template)
        found = _open[key] = _create(template, run_id, directory, clone)
    return found


def joined(directory: Path, run_id: RunId) -> Bundle | None:
    """The file that a run of another process, `gitreg run`, goes into; None when it goes into none."""
    folder = _goes_into(run_id)
    return Bundle(folder, directory, clone=_clone(directory, only_try=True)) if folder else None


def _goes_into(run_id: RunId) -> Path | None:
    """What the file of another process's run is made from."""
    name = Environment.read().bundle
    folder = Path(os.path.abspath(f"{name}{END}"))  # noqa: PTH100 - as above
    if name is None or not _goes_on(folder / "gitreg", run_id):
        return None
    if any(bundle.folder == folder for key, bundle in _open.items() if key[0] == os.getpid()):
        return None
    return folder


def latest() -> Bundle | None:
    """The file that this process's last run went into, None when there is none."""
    return next((bundle for key, bundle in reversed(_open.items()) if key[0] == os.getpid()), None)


def _goes_on(private: Path, run_id: RunId) -> bool:
    return Journal.of(private, run_id).path.exists()


def _clone(directory: Path, *, only_try: bool) -> Registry | None:
    """The repository around a directory, None without one; one that cannot be used is as good, with `only_try`."""
    try:
        return Registry(Git.discover(directory))
    except NoRepositoryError:
        return None
    except NotARepositoryError as error:
        if not only_try:
            raise
        logger.warning("no commit is recorded as the code: %s", error)
        return None


def _create(template: str, run_id: RunId, directory: Path, clone: Registry | None) -> Bundle:
    wanted = Path(template.replace(_ID, run_id))
    made = (Bundle.create(target, directory, clone) for target in names(wanted, run_id))
    found = next(bundle for bundle in made if bundle)
    if found.target != wanted:
        logger.warning("'%s' is there, or being written: the run goes into '%s'", wanted, found.target)
    else:
        logger.info("the run goes into '%s'", found.target)
    if clone is None and directory in (Path("/"), Path(tempfile.gettempdir()), *_home()):
        found.git.run("config", "gitreg.code", "head")
        logger.warning("'%s' holds more than code: none is recorded; start in the folder of the code", directory)
    return found


def _home() -> Iterator[Path]:
    # whose it is cannot always be told
    with contextlib.suppress(RuntimeError):
        yield Path.home()


def _finish_killed(template: str) -> None:
    """Write the files of this name that killed processes of this machine have not; one that cannot be is only told."""
    before, found, after = template.partition(_ID)
    pattern = "*".join((glob.escape(before), glob.escape(after))) if found else glob.escape(before)
    for folder in map(Path, glob.glob(f"{pattern}{END}")):  # noqa: PTH207 - an absolute pattern
        try:
            bundle = Bundle.reopened(folder) if was_begun_here(folder) else None
            if bundle is None:
                continue
            done = bundle.recover()
            for record in done.runs:
                logger.warning("run '%s' was killed; what it had logged is in '%s'", record.name, bundle.target)
            for run_id, error in done.failed.items():
                logger.warning("run '%s' was killed and cannot be recorded: %s", run_id, error)
            bundle.leave()
        except Error as error:
            logger.warning("'%s' was left by a killed process, and cannot be finished: %s", folder, error)


def _leave_idle() -> None:
    """Let go of the files of single runs that have ended."""
    for key, bundle in list(_open.items()):
        if "\0" in key[2] and key[0] == os.getpid() and bundle.is_idle:
            _leave(key)


@atexit.register
def _leave_all() -> None:
    """Let go of the files of this process; runs that it left open have been ended before."""
    for key in list(_open):
        if key[0] == os.getpid():
            _leave(key)


def _leave(key: tuple[int, Path, str]) -> None:
    bundle = _open.pop(key)
    try:
        bundle.leave()
    except Error as error:
        # what was logged is in the folder, and one file must not keep the others from being written
        logger.error("%s; 'gitreg run import %s' finishes it", error, bundle.folder)
