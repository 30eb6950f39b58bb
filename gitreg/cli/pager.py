"""Long output goes through the pager that git would use, on a terminal only."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator

from gitreg.cli import console

# git's own: quit when it fits on one screen, keep colours, leave the text on the screen
_LESS = {"LESS": "FRX", "LV": "-c"}


@contextlib.contextmanager
def paged(configured: str) -> Iterator[None]:
    """Send standard output through the pager that git(1) says: GIT_PAGER, core.pager, PAGER, less.

    `configured` is core.pager. In a pipe, with --no-pager, and when the pager is `cat` or '', nothing is started.
    """
    choices = (os.environ.get("GIT_PAGER"), configured or None, os.environ.get("PAGER"), "less")
    command = next(choice for choice in choices if choice is not None)
    if not (console.settings.pager and console.is_terminal(sys.stdout)) or command in ("", "cat"):
        yield
        return
    # decided while standard output is still the terminal
    color, console.settings.color = console.settings.color, "always" if console.has_color(sys.stdout) else "never"
    # a shell line of the user's own, as it is for git; nothing from a repository's content gets into it
    pager = subprocess.Popen(command, shell=True, stdin=subprocess.PIPE, env={**_LESS, **os.environ})  # noqa: S602
    assert pager.stdin is not None
    terminal, sys.stdout = sys.stdout, io.TextIOWrapper(pager.stdin, encoding="utf-8", errors="replace")
    try:
        # who has seen enough leaves the pager; that is no failure
        with contextlib.suppress(BrokenPipeError):
            yield
    finally:
        with contextlib.suppress(BrokenPipeError):
            sys.stdout.close()
        sys.stdout = terminal
        console.settings.color = color
        while True:
            try:
                pager.wait()
                break
            except KeyboardInterrupt:
                # Ctrl-C is the pager's, for as long as it is there
                continue
