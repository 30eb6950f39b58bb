"""A kill before each call that changes the file system: rename, link, unlink, fsync, creation, writing.

A random moment hits the same long steps again and again; this reaches every short one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from crashing import Command, World, prepared
from killed import COMMANDS, complete, progress
from killpoints import WORDS, Points

from tally import FAULTS, Tally

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD is of Linux")


@pytest.fixture
def points(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, need: Callable[[str], str]) -> Points:
    return Points(prepared(tmp_path_factory, World), tmp_path, need("cc"))


def _spread(total: int, most: int) -> list[int]:
    """At most so many of 1, ..., total, evenly."""
    return sorted({1 + round((step + 0.5) * total / most - 0.5) for step in range(most)})


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_kill_before_any_call_loses_nothing(points: Points, command: Command, tally: Tally, *, full: bool) -> None:
    points.run(command, 0, group=False)
    command.done(points.world)
    total = len(points.calls())
    assert total > 10
    for at in _spread(total, 250 if full else 2):
        ended = points.run(command, at, group=at % 2 == 0)
        calls = points.calls()
        if len(calls) < at:
            # it came by with fewer calls this time, and nothing was killed
            command.done(points.world)
            continue
        last = calls[at - 1]
        print(f"call {at} of {total}: {last}\n{ended.code} {ended.text}")  # noqa: T201 - for a failure
        with tally.attempt(FAULTS, f"killed before a {WORDS[last.kind]} of {command.name}"):
            assert points.world.problems() == []
            if command.sign in ended.text:
                command.done(points.world)
            how_far = progress(points.world, command, ended)
            complete(points.world, command, tally)
        tally.add(FAULTS, f"{command.name} was killed: {how_far}", tried=0, held=1)
