"""Files that killed commands of gitreg have left: half-written objects, temporary files, a hook that was being made."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gitreg.errors import Error
from gitreg.git import hooks
from gitreg.git.locks import OldFile
from gitreg.git.quarantine import KEEP
from gitreg.registry.repository import Registry

LEFTOVER_AGE = 3600.0
"""Seconds after which a temporary file is nobody's; one that is being written changes all the time."""

_TEMPORARY = re.compile(r"\.gitreg-[A-Za-z0-9_]+\.tmp\Z")
_HOOK_FOLDER = re.compile(r"(?:\.gitreg-[A-Za-z0-9_]+\.tmp|gitreg-[a-z0-9_]{8})\Z")


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What was found.

    Attributes:
        old: temporary files that can be removed.
        folders: of these, the ones that go with their last file.
        young: others, which a command that goes on may still be writing.
        damaged: objects of the cache that were moved aside, because their bytes are wrong.
    """

    old: tuple[OldFile, ...]
    folders: tuple[Path, ...]
    young: tuple[Path, ...]
    damaged: tuple[Path, ...]

    def remove(self) -> int:
        """Remove what is old and unchanged since; how many files. Raises: OSError."""
        removed = sum(file.remove() for file in self.old)
        for folder in self.folders:
            # somebody may have put something into it
            with contextlib.suppress(OSError):
                folder.rmdir()
        return removed


def find(registry: Registry) -> Leftovers:
    """Look where gitreg writes: Git's objects, cache, local storage, hooks, its own folders, DVC's configuration.

    Raises: OSError.
    """
    files, damaged, folders = [], [], []
    for path in (*_of_the_clone(registry), *_of_the_project(registry)):
        if path.name.endswith(".corrupt"):
            damaged.append(path)
        else:
            files.append(path)
    for folder in _hook_folders(registry):
        folders.append(folder)
        files += sorted(folder.iterdir())
    for path in _of_the_objects(registry.git.common_dir / "objects"):
        (folders if path.is_dir() else files).append(path)
    old = [file for path in files if (file := OldFile.find(path, LEFTOVER_AGE))]
    known = {file.path for file in old}
    young = tuple(path for path in files if path not in known and path.is_file())
    return Leftovers(tuple(old), tuple(folders), young, tuple(damaged))


def _of_the_clone(registry: Registry) -> Iterator[Path]:
    # its own folder, and the team's in the working tree
    for top in (registry.private, *([registry.git.worktree / ".gitreg"] if registry.git.worktree else [])):
        for folder, _, files in os.walk(top):
            yield from (Path(folder, name) for name in sorted(files) if _TEMPORARY.match(name))


def _of_the_objects(store: Path) -> Iterator[Path]:
    """Code that was about to be captured, and what keeps git from taking it; folders after what they hold."""
    for name in sorted(os.listdir(store)):  # noqa: PTH208 - their names are enough
        if _TEMPORARY.match(name) and _is_old(store / name):
            for folder, _, files in os.walk(store / name, topdown=False):
                yield from (Path(folder, file) for file in sorted(files))
                yield Path(folder)
    for path in sorted((store / "pack").glob("*.keep")):
        with contextlib.suppress(FileNotFoundError):
            if path.read_bytes() == KEEP:
                yield path
                if not path.with_suffix(".idx").exists():
                    # git takes no pack that it does not see
                    yield from (path.with_suffix(".pack"), path.with_suffix(".rev"))


def _is_old(folder: Path) -> bool:
    """Whether a folder is nobody's: a file in it may be as old as the one that it is a copy of."""
    try:
        return time.time() - folder.stat().st_mtime > LEFTOVER_AGE
    except FileNotFoundError:
        return False


def _of_the_project(registry: Registry) -> Iterator[Path]:
    try:
        project, cache = registry.project, registry.cache.directory
        storage = project.default_storage
    except Error:
        # no project, or a configuration that cannot be read, which is another check's business
        return
    yield from _objects(cache, deep=True)
    if storage and storage.path:
        # it may be a share with millions of objects: half-written ones lie above them
        yield from _objects(storage.path, deep=False)
    for root in dict.fromkeys((project.root, project.worktree)):
        yield from _entries(root / ".dvc")


def _objects(directory: Path, *, deep: bool) -> Iterator[Path]:
    root = directory / "files" / "md5"
    yield from _entries(root)
    if deep and root.is_dir():
        for folder in sorted(root.iterdir()):
            if len(folder.name) == 2 and folder.is_dir():
                yield from _entries(folder)


def _entries(folder: Path) -> Iterator[Path]:
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - a cache has many; their names are enough
    except (FileNotFoundError, NotADirectoryError):
        return
    yield from (folder / name for name in names if _TEMPORARY.match(name) or name.endswith(".corrupt"))


def _hook_folders(registry: Registry) -> Iterator[Path]:
    found = hooks.state(registry.git)
    if found.kind == "shared":
        return
    folder = found.path.parent
    for name in sorted(os.listdir(folder)) if folder.is_dir() else ():  # noqa: PTH208 - their names are enough
        path = folder / name
        if _HOOK_FOLDER.match(name) and path.is_dir() and not path.is_symlink():
            yield path
