"""What is shown of work that takes its time: a bar on a terminal, and with --verbose a line for each file."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from typing import TextIO

from gitreg.cli import console, human
from gitreg.progress import SILENT, Did, Progress, Task

# Seconds until a bar is worth looking at, and between two pictures of it.
_SOON, _AGAIN = 0.3, 0.1
_ERASE = "\r\x1b[2K"


def listener() -> Progress:
    """Who is told what a command does, as the global options say. A trace would write into a bar."""
    asked = console.settings
    if asked.quiet:
        return SILENT
    in_ci = os.environ.get("CI", "") not in ("", "0", "false")
    draws = console.is_terminal(sys.stderr) and not in_ci and not asked.trace
    return _Shown(draws=draws) if draws or asked.verbose else SILENT


class _Shown(Progress):
    def __init__(self, *, draws: bool) -> None:
        self._draws = draws

    @contextlib.contextmanager
    def task(self, label: str, *, size: int | None = None, files: int | None = None) -> Iterator[Task]:
        """A bar for as long as the block takes, if that is long."""
        if not self._draws:
            yield _ShownTask()
            return
        task = _DrawnTask()
        drawing = threading.Thread(target=task.draw, args=(sys.stderr, label, size, files), daemon=True)
        drawing.start()
        try:
            yield task
        finally:
            task.ended.set()
            drawing.join()


class _ShownTask(Task):
    """A line for each file, with --verbose."""

    def done(self, what: Did, name: str, size: int | None) -> None:
        """A file is done."""
        console.detail(_words(what, name, size))


class _DrawnTask(Task):
    """Counts, and draws what it has counted, from a thread of its own."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self._lock = threading.Lock()
        self._bytes = 0
        self._files = 0

    def advance(self, count: int) -> None:
        """So many more bytes have passed."""
        with self._lock:
            self._bytes += count

    def done(self, what: Did, name: str, size: int | None) -> None:
        """A file is done."""
        with self._lock:
            self._files += 1
        if console.settings.verbose:
            # in one piece with what takes the bar away; it comes again below the line
            console.detail(_words(what, name, size), over=_ERASE)

    def draw(self, stream: TextIO, label: str, size: int | None, files: int | None) -> None:
        """Draw a bar again and again until the task has ended, then take it away. Most tasks end before the first."""
        if self.ended.wait(_SOON):
            return
        from gitreg.cli.bar import Bar

        bar = Bar(stream, label, size, files, color=console.has_color(stream))
        # the terminal may go away; whoever works goes on
        with contextlib.suppress(OSError):
            while not self.ended.wait(_AGAIN):
                self._write(stream, _ERASE + bar.line(self._bytes, self._files))
            self._write(stream, _ERASE)

    @staticmethod
    def _write(stream: TextIO, text: str) -> None:
        if _in_foreground(stream):
            stream.write(text)
            stream.flush()


def _words(what: Did, name: str, size: int | None) -> str:
    """`uploaded    model.bin  1.2 MB`."""
    return f"{what:<10}  {name}" + ("" if size is None else f"  {human.size(size)}")


def _in_foreground(stream: TextIO) -> bool:
    """Whether the terminal is this job's, and not the shell's: after Ctrl-Z, and when Ctrl-C has ended `git push`."""
    try:
        return os.tcgetpgrp(stream.fileno()) == os.getpgrp()
    except (AttributeError, OSError):
        # Windows has no such thing, and a terminal that controls nobody has no foreground
        return True
