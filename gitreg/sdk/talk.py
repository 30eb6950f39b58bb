"""What the SDK tells people, through `logging` as 'gitreg': INFO for what it did, WARNING for what they should know.

A script shows it when it says so: `logging.basicConfig(level="INFO")`. Somebody at a prompt or in a notebook sees it.
"""

from __future__ import annotations

import logging
import sys

from gitreg.registry.live import LiveRun
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version, record

logger = logging.getLogger("gitreg")


class _Prompt(logging.StreamHandler):  # type: ignore[type-arg]  # it has one only for type checkers
    """Shows what is told, for as long as the program has no handlers of its own."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show a line."""
        if not logging.getLogger().handlers:
            super().emit(record)


_said: set[str] = set()
# what was set here, by the logger's name
_levels: dict[str, int] = {}


def once(text: str) -> None:
    """A warning, the first time in this process."""
    if text not in _said:
        _said.add(text)
        logger.warning("%s", text)


def listen(level: str | None = None) -> None:
    """Show what is told to somebody at a prompt, unless logging is set up already.

    Below `level` nothing is told at all. What the program has said itself counts more.
    """
    if logger.level != _levels.get(logger.name, logging.NOTSET):
        return
    shows = any(isinstance(handler, _Prompt) for handler in logger.handlers)
    prompt = hasattr(sys, "ps1") and (shows or not logger.hasHandlers())
    _levels[logger.name] = getattr(logging, level) if level else logging.INFO if prompt else logging.NOTSET
    logger.setLevel(_levels[logger.name])
    if prompt and not shows:
        logger.addHandler(_Prompt())


def started(live: LiveRun, *, attached: bool, resumed: bool = False) -> None:
    """A run has started, was started by `gitreg run`, or goes on."""
    run, where = live.record, live.registry.git.worktree
    uncommitted = " with uncommitted changes" if run.code.snapshot else ""
    by = ", started by 'gitreg run'" if attached else f", code {run.code.commit.short}{uncommitted}"
    on = f", goes on at step {live.step}" if resumed else ""
    logger.info("run %s (%s) in %s%s%s", run.name, run.id, where, by, on)


def logged(registry: Registry, version: Version, *, created: bool) -> None:
    """A version was made, or was there already."""
    if not created:
        logger.info("the same content is %s already; no new version was made", version.name)
    elif logger.isEnabledFor(logging.INFO):
        made = record(registry, version)
        elsewhere = f", {made.references.files} kept elsewhere" if made.references else ""
        files = f"{made.files} file{'s' * (made.files != 1)}, {made.size} bytes{elsewhere}"
        logger.info("logged %s: %s", version.name, files)


def finished(live: LiveRun) -> None:
    """A run has ended."""
    if logger.isEnabledFor(logging.INFO):
        what = "'gitreg push' publishes it, " if live.registry.has_remote else ""
        run = live.record
        if live.registry.target:
            logger.info("run %s %s; in a clone: gitreg run import %s", run.name, run.state, live.registry.target)
            return
        logger.info("run %s %s; %s'gitreg drop %s' takes it back", run.name, run.state, what, run.id)
