"""Small files that are there whole or not at all, also after the power went: written beside their place, then renamed.

Whether the new name is there by then is the file system's business; `sync` of the directory waits for it. What is too
large to be in memory, or goes where a repository may have put links, is written by `cache` and `tree`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from gitreg.data.hashing import READ_FLAGS, refusals

_MODE = 0o644


def write(file: Path, content: bytes) -> None:
    """Replace the file at once. Raises: StorageError."""
    write_all({file: content})


def write_all(contents: Mapping[Path, bytes], mode: int | None = None) -> None:
    """Replace the files in this order, once all of them are on the disk: none when one of them cannot be.

    Without `mode` each keeps its own, and a new one has 0644. Raises: StorageError.
    """
    with ExitStack() as stack:
        written = []
        for file, content in contents.items():
            own = file.stat().st_mode & 0o777 if mode is None and file.exists() else _MODE
            written.append((stack.enter_context(_written(file, content, mode or own)), file))
        for temporary, file in written:
            temporary.replace(file)


def create(file: Path, content: bytes) -> bool:
    """Make a file that is not there yet, whole or not at all; False when it is there. Raises: StorageError."""
    if os.path.lexists(file):
        return False
    with _written(file, content, _MODE) as temporary:
        try:
            os.link(temporary, file)  # unlike a rename it replaces nothing that another process has just made
        except FileExistsError:
            return False
        except OSError:
            temporary.replace(file)  # a file system without links
    return True


def sync(place: Path) -> None:
    """Wait until a file's bytes, or a directory's names, are on the disk. Raises: OSError."""
    if os.name == "posix":  # elsewhere only what can be written is synced
        descriptor = os.open(place, READ_FLAGS)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _written(file: Path, content: bytes, mode: int) -> Iterator[Path]:
    """A complete file beside `file`, gone afterwards unless it got another name. Raises: StorageError."""
    with refusals(f"'{file}' cannot be written"):
        descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=".gitreg-", suffix=".tmp")
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            temporary.chmod(mode)
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)
