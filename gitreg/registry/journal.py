"""A live run's journal: what it has logged and not committed, one JSON document a line, appended as it happens.

It is what a second process attaches to, and what a killed run is recovered from. It lies under
`<git common dir>/gitreg/journal/` and goes away when the run is finished.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from gitreg.errors import NotFoundError, RecordError, StorageError
from gitreg.records.names import RunId


class Journal:
    """The journal of one run. Lines are appended whole, so several processes may write."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    @classmethod
    def of(cls, private: Path, run_id: RunId) -> Journal:
        """The journal of a run in a repository's private folder."""
        return cls(private / "journal" / f"{run_id}.jsonl")

    def create(self) -> None:
        """Begin an empty journal. Raises: FileExistsError when there is one."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.touch(exist_ok=False)

    def append(self, event: str, value: object) -> None:
        """Add an event; NaN and infinities are written as Python's json does.

        Raises: RecordError for a value that is not of JSON's types, StorageError, OSError.
        """
        try:
            line = json.dumps({event: value}, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        except (TypeError, ValueError) as error:
            raise RecordError(f"'{event}' of a run cannot be kept: {error}") from error
        if self._file is None:
            cut = not self._ends_whole()
            # unbuffered and O_APPEND: a line is one write, after a kill -9 it is there or it is not
            self._file = self.path.open("ab", buffering=0)
            line = b"\n" + line if cut else line
        if self._file.write(line) != len(line):
            # a full disk takes part of a line; the next append starts a new one
            self.close()
            raise StorageError(f"the journal of run '{self.path.stem}' could not be written", hint="is the disk full?")

    def _ends_whole(self) -> bool:
        """False when the disk was full, or the power went, in the middle of a line."""
        with self.path.open("rb") as file:
            if file.seek(0, 2):
                file.seek(-1, 2)
                return file.read() == b"\n"
        return True

    def events(self) -> Iterator[tuple[str, object]]:
        """All events in order. Lines that were cut off are passed over: they were never acknowledged.

        Raises: NotFoundError when there is no journal.
        """
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError as error:
            raise NotFoundError("run", self.path.stem, f"run '{self.path.stem}' is not live here") from error
        for line in lines[:-1]:
            with contextlib.suppress(ValueError):
                document = json.loads(line)
                if isinstance(document, Mapping):
                    yield from document.items()

    def close(self) -> None:
        """Close the file; the journal stays."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def remove(self) -> None:
        """The run is committed: the journal goes."""
        self.close()
        self.path.unlink(missing_ok=True)
