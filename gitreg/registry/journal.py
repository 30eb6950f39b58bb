"""A live run's journal: what it has logged and not committed, one JSON document a line, appended as it happens.

Steps, which may be many, are written together, half a second later at most. It is what a second process attaches to,
and what a killed run is recovered from. It lies under `<git common dir>/gitreg/journal/` and goes away when the run is
finished. Every process of the run holds a shared `flock` on it, which the system lets go of however the process ends: a
journal that nobody holds is a dead run's.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from gitreg.data.hashing import refusals
from gitreg.data.locks import lock
from gitreg.errors import Error, NotFoundError, RecordError, StorageError, UsageError
from gitreg.records.names import RunId
from gitreg.records.when import iso

_FLAGS = os.O_RDWR | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)

WRITER = "process"
"""The event that says who wrote what follows, or takes part in the run: a process id."""

# In seconds: how long a line may wait to be written with others.
DELAY = 0.5
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Journal:
    """The journal of one run. Lines are appended whole, so several processes and threads may write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = -1
        self._cut = False
        self._waiting: list[bytes] = []
        self._written = -DELAY
        self._ended = False
        self._writer: threading.Thread | None = None
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._is_forked = False

    @classmethod
    def of(cls, private: Path, run_id: RunId) -> Journal:
        """The journal of a run in a repository's private folder."""
        return cls(private / "journal" / f"{run_id}.jsonl")

    @classmethod
    def all_in(cls, private: Path) -> list[Journal]:
        """The journals that are there, by name; some may be somebody else's files."""
        return [cls(path) for path in sorted((private / "journal").glob("*.jsonl"))]

    @property
    def last_sign(self) -> str:
        """When the last line was written, RFC 3339 in UTC. Raises: NotFoundError."""
        with self._found():
            return iso(int(self.path.stat().st_mtime))

    @property
    def age(self) -> float:
        """The seconds since then. Raises: NotFoundError."""
        with self._found():
            return time.time() - self.path.stat().st_mtime

    @property
    def is_held(self) -> bool:
        """Whether the run has a process, as far as anybody can tell. Writes nothing."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except (FileNotFoundError, PermissionError):
            return True
        try:
            return not lock(descriptor, alone=True)
        finally:
            os.close(descriptor)

    @property
    def descriptor(self) -> int:
        """The open file, by which a child process can hold the run too; -1 while it is closed."""
        return self._descriptor

    def create(self) -> None:
        """Begin an empty journal and hold it. Raises: FileExistsError when there is one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self.path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o666)
        lock(self._descriptor, alone=False)

    def hold(self) -> None:
        """Open the journal as one of the run's processes. Raises: NotFoundError when there is none."""
        if self._descriptor < 0:
            with self._found():
                self._descriptor = os.open(self.path, _FLAGS)
            # waits while somebody takes the run for dead, and then there is no journal
            lock(self._descriptor, alone=False)
            if self._is_gone():
                self.close()
                raise self._not_found()
            self._cut = not self._ends_whole()

    def seize(self) -> bool:
        """Open the journal of a run that has no process left; False when it has one, or when nobody can tell."""
        try:
            descriptor = os.open(self.path, _FLAGS)
        except FileNotFoundError:
            return False
        if not lock(descriptor, alone=True):
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        if self._is_gone():
            self.close()
            return False
        self._cut = not self._ends_whole()
        return True

    def append(self, event: str, value: object, **more: object) -> None:
        """Add an event, and `more` with it, or none of them; NaN and infinities are written as Python's json does.

        Raises: RecordError for a value that is not of JSON's types; UsageError when the run has been ended by another
            process; StorageError.
        """
        self._add(event, {event: value, **more}, at_once=True)

    def append_soon(self, event: str, value: object, **more: object) -> None:
        """The same, for what comes often: it is on disk half a second later, and after `flush`.

        What cannot be written then is tried again until it can be; meanwhile the next call raises StorageError.
        """
        self._add(event, {WRITER: os.getpid(), event: value, **more}, at_once=False)

    def _add(self, event: str, document: Mapping[str, object], *, at_once: bool) -> None:
        try:
            line = _encode(document).encode() + b"\n"
        except (TypeError, ValueError) as error:
            raise RecordError(f"'{event}' of a run cannot be kept: {error}") from error
        with self._mine():
            self._waiting.append(line)
            if not at_once and not self._ended and time.monotonic() - self._written < DELAY and self._written_later():
                return
            try:
                self._write()
            except Error:
                # the caller is told, and may say it again; what waited before it goes on waiting
                self._waiting = self._waiting[:-1]
                raise

    def flush(self) -> None:
        """Write what waits. Raises: StorageError; UsageError when it is lost: another process has ended the run."""
        with self._mine():
            try:
                if self._waiting:
                    self._write()
            except UsageError as error:
                count, self._waiting = len(self._waiting), []
                lost = f"the last {count} of what this one was told are lost"
                raise UsageError(f"{error}; {lost}", hint=error.hint) from error

    def _mine(self) -> threading.RLock:
        """The lock. In a forked process it is another one, and what waits there is the parent's to write."""
        if self._process != os.getpid():
            self._process, self._is_forked = os.getpid(), True
            self._waiting, self._lock, self._writer = [], threading.RLock(), None
        return self._lock

    def _written_later(self) -> bool:
        """Have a thread write what waits; False when that would be too late."""
        if self._is_forked:
            # such processes often end without telling anybody
            return False
        if self._writer is None:
            self._writer = threading.Thread(target=self._write_later, name="gitreg journal", daemon=True)
            try:
                self._writer.start()
            except RuntimeError:
                # the interpreter is ending
                self._writer = None
                return False
        return True

    def _write_later(self) -> None:
        """Write what waits, again and again, until nothing does."""
        while True:
            time.sleep(DELAY)
            with self._lock:
                try:
                    if self._waiting:
                        self._write()
                        continue
                except StorageError:
                    # the next call raises it, unless there is room by then
                    continue
                except Error:
                    # so does that, and nothing will help
                    self._ended = True
                self._writer = None
                return

    def _write(self) -> None:
        """Write what waits. Raises: as `append`; what is not written, or is lost, waits on."""
        self.hold()
        lines = b"".join(self._waiting)
        if self._cut:
            lines = b"\n" + lines
        # O_APPEND, and one write: after a kill -9 a line is there or it is not
        with refusals(f"the journal of run '{self.path.stem}' cannot be written"):
            written = os.write(self._descriptor, lines)
        self._written = time.monotonic()
        if self._is_gone():
            self._ended = True
            raise UsageError(f"run '{self.path.stem}' has been ended by another process", hint="start another run")
        if written:
            # a full disk takes part of a line; the next write starts a new one
            whole = lines.rfind(b"\n", 0, written) + 1
            self._waiting = lines[whole:].splitlines(keepends=True)
            self._cut = written > whole
        if self._waiting:
            raise StorageError(f"the journal of run '{self.path.stem}' could not be written", hint="is the disk full?")

    def _is_gone(self) -> bool:
        """Whether the file that is open has been removed, and what is written into it is lost."""
        return os.fstat(self._descriptor).st_nlink == 0

    def _ends_whole(self) -> bool:
        """False when the disk was full, or the power went, in the middle of a line."""
        with self.path.open("rb") as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                return file.read() == b"\n"
        return True

    def events(self) -> Iterator[tuple[str, object]]:
        """All events in order. Lines that were cut off are passed over: they were never acknowledged.

        Raises: NotFoundError when there is no journal.
        """
        with self._found():
            lines = self.path.read_bytes().split(b"\n")
        for line in lines[:-1]:
            with contextlib.suppress(ValueError, RecursionError):
                document = json.loads(line)
                if isinstance(document, Mapping):
                    yield from document.items()

    @contextlib.contextmanager
    def _found(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise self._not_found() from error

    def _not_found(self) -> NotFoundError:
        return NotFoundError("run", self.path.stem, f"run '{self.path.stem}' is not live here")

    def close(self) -> None:
        """Close the file, so that this process holds the run no more; the journal stays."""
        with self._mine():
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def remove(self) -> None:
        """The run is committed: the journal goes, with what waits to be written into it."""
        self._waiting = []
        self.path.unlink(missing_ok=True)
        self.close()
