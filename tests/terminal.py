"""A command on a terminal of its own: what it draws there, and what somebody sees at the end."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from screens import pseudo_terminal

# in a session of its own, whose terminal is standard input: Ctrl-C comes as a signal
_LEADER = "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
_LEADER += "os.execvp(sys.argv[1], sys.argv[1:])"
_STYLE = re.compile(r"\x1b\[[\d;]*m")
_STEP = re.compile(r"\r|\n|\x1b\[2K|[^\r\n\x1b]+")


class Terminal:
    """A command that runs on a terminal; its standard output is a pipe.

    Attributes:
        drawn: all that came to the terminal so far.
    """

    def __init__(self, *argv: str, cwd: Path, env: Mapping[str, str | None] | None = None, columns: int = 80) -> None:
        self.drawn = ""
        self._master, slave = pseudo_terminal(columns)
        # the tests themselves may run in CI, and without a terminal; pytest-xdist says how wide another one is
        plain = {"TERM": "xterm-256color", "CI": None, "COLUMNS": None, "LINES": None}
        changed = {**os.environ, **plain, **(env or {})}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LEADER, *argv],
            cwd=cwd,
            env={name: value for name, value in changed.items() if value is not None},
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=slave,
        )
        os.close(slave)

    def until(self, words: str) -> None:
        """Wait until these words have been drawn. Raises: AssertionError when the command ends without."""
        while words not in self.drawn:
            assert self._read(), (words, self.drawn)

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def end(self) -> tuple[int, str]:
        """The exit code and the standard output."""
        while self._read():
            pass
        out, _ = self._process.communicate()
        os.close(self._master)
        return self._process.returncode, out.decode()

    def _read(self) -> bool:
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:
            # Linux's way to say that nobody has it open any more
            data = b""
        self.drawn += data.decode("utf-8", "backslashreplace")
        return bool(data)

    @property
    def screen(self) -> list[str]:
        """The lines that somebody sees, without the empty ones at the end."""
        lines, column = [""], 0
        for step in _STEP.findall(_STYLE.sub("", self.drawn)):
            if step == "\r":
                column = 0
            elif step == "\n":
                lines.append("")
            elif step == "\x1b[2K":
                lines[-1] = ""
            else:
                lines[-1] = lines[-1][:column].ljust(column) + step + lines[-1][column + len(step) :]
                column += len(step)
        while lines and not lines[-1].strip():
            lines.pop()
        return lines
