"""Finds the `git push` that started a hook: git tells its hooks nothing of `--dry-run`.

Looks at other processes' arguments, which only the command line does.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from gitreg.registry.prepush import is_push

# husky and pre-commit put a shell or two between git and the hook
_GENERATIONS = 8


def push_arguments(pid: int) -> list[str] | None:
    """The arguments of the `git push` that is process `pid` or one of its ancestors; None when there is none."""
    for _ in range(_GENERATIONS):
        arguments = parent_arguments(pid)
        if arguments and is_push(arguments):
            return arguments
        above = _parent(pid)
        if above is None or above <= 1:
            return None
        pid = above
    return None


def parent_arguments(pid: int) -> list[str] | None:
    """The arguments of a process, its program first; None when they cannot be read."""
    try:
        data = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        # no /proc: macOS, the BSDs. Arguments with spaces fall apart, which no option has.
        return (_ps("args=", pid) or "").split() or None
    return data.decode("utf-8", "surrogateescape").removesuffix("\0").split("\0") if data else None


def _parent(pid: int) -> int | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text("utf-8", "replace")
        text = next((line[5:] for line in status.splitlines() if line.startswith("PPid:")), "")
    except OSError:
        text = _ps("ppid=", pid) or ""
    return int(text) if text.strip().isdigit() else None


def _ps(field: str, pid: int) -> str | None:
    try:
        done = subprocess.run(
            ["ps", "-o", field, "-p", str(pid)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="surrogateescape",
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
