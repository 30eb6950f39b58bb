"""What is printed on a terminal of 80 columns. For one to talk with, see `terminal`, where only the talk is on it."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path


def on_a_terminal(line: str, cwd: Path, **env: str) -> str:
    """What a line of shell leaves on a terminal of 80 columns and 24 lines. `env` is added to the environment."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
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
