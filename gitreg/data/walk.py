"""Find the files of a directory that is to become an artifact."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from gitreg.data.hashing import refusals
from gitreg.errors import StorageError, UsageError
from gitreg.records.paths import check_path


def walk_directory(path: Path) -> dict[str, Path]:
    """All files below a directory, by their path inside the artifact, sorted.

    A symbolic link to a file counts as what it holds. Directories without files leave no trace, as in DVC and W&B;
    nothing else is skipped.

    Raises: UsageError for no directory; StorageError for links to directories, dangling links, pipes, sockets, devices
        and what cannot be read; UnsafePathError for names that an artifact cannot have.
    """
    if not path.is_dir():
        raise UsageError(f"'{path}' is no directory")
    found: dict[str, Path] = {}
    pending = [("", path)]
    while pending:
        prefix, directory = pending.pop()
        with refusals(f"'{directory}' cannot be read"), os.scandir(directory) as entries:
            for entry in entries:
                name, place = prefix + entry.name, directory / entry.name
                if entry.is_dir(follow_symlinks=False):
                    pending.append((f"{name}/", place))
                else:
                    _check_file(place)
                    found[check_path(name)] = place
    return dict(sorted(found.items()))


def _check_file(place: Path) -> None:
    """Raises: StorageError for anything but a regular file or a symbolic link to one."""
    with refusals(f"'{place}' cannot be read"):
        mode = place.lstat().st_mode
        if stat.S_ISLNK(mode):
            mode = place.stat().st_mode
            if stat.S_ISDIR(mode):
                raise StorageError(f"'{place}' is a symbolic link to a directory", hint="copy what it points to")
    if not stat.S_ISREG(mode):
        raise StorageError(f"'{place}' is no regular file")
