"""What is printed on a terminal of 80 columns. For one to talk with, see `terminal`, where only the talk is on it."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path

import pytest


def pseudo_terminal(columns: int) -> tuple[int, int]:
    """Both ends of a terminal of so many columns and 24 lines; skips the test where the system gives none."""
    try:
        ours, theirs = pty.openpty()
    except OSError as error:
        pytest.skip(f"no pseudo-terminal is to be had here: {error}")
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    return ours, theirs


def on_a_terminal(line: str, cwd: Path, **env: str) -> str:
    """What a line of shell leaves on a terminal of 80 columns and 24 lines. `env` is added to the environment."""
    ours, theirs = pseudo_terminal(80)
    environment = {**os.environ, "TERM": "xterm", **env}
    for name in ("COLUMNS", "LINES"):
        environment.pop(name, None)
    with subprocess.Popen(
        ["sh", "-c", line], cwd=cwd, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ):
        os.close(theirs)
        seen = b""
        while True:
            try:
                data = os.read(ours, 1 << 16)
            except OSError:
                # Linux's word for a terminal that nobody has open any more
                break
            if not data:
                break
            seen += data
    os.close(ours)
    return seen.decode().replace("\r\n", "\n")
