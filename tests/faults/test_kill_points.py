"""A kill before each call that changes the file system: rename, link, unlink, fsync, creation, writing.

The calls are counted over gitreg's process and all of git's, the server's included, by a library that is loaded before
the C library (`killpoint.c`). A random moment hits the same long steps again and again; this reaches every short one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from crashing import Command, Ended, World, prepared
from killed import COMMANDS, complete, progress

from tally import FAULTS, Tally

_SOURCE = Path(__file__).with_name("killpoint.c")
_WORDS = {"r": "rename", "l": "link", "u": "unlink", "s": "fsync", "c": "creation of a file", "w": "write to a file"}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="LD_PRELOAD is of Linux")


@dataclass(frozen=True)
class Call:
    """A call that counts: its number, its kind, and who made it."""

    number: int
    kind: str
    pid: int
    command: str
    path: str


class Points:
    """Commands with the library loaded."""

    def __init__(self, world: World, library: Path) -> None:
        self.world = world
        self._library = library
        self._counter = library.with_name("counter")
        self._log = library.with_name("calls")

    def run(self, command: Command, at: int, *, group: bool) -> Ended:
        """Run the command in a fresh world, and kill before call number `at`."""
        self.world.restore()
        self._counter.write_bytes(bytes(8))
        self._log.unlink(missing_ok=True)
        env = {
            "LD_PRELOAD": str(self._library),
            "KILLPOINT_COUNTER": str(self._counter),
            "KILLPOINT_LOG": str(self._log),
            "KILLPOINT_KINDS": "".join(_WORDS),
            "KILLPOINT_AT": str(at),
            "KILLPOINT_GROUP": str(int(group)),
        }
        return self.world.end(self.world.start(command, env))

    def calls(self) -> list[Call]:
        """What the last run's processes did, in order."""
        lines = self._log.read_text(errors="replace").split("\n")[:-1] if self._log.exists() else []
        return [Call(int(number), kind, int(pid), *rest) for number, kind, pid, *rest in (x.split("\t") for x in lines)]


@pytest.fixture
def points(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, need: Callable[[str], str]) -> Points:
    import subprocess

    library = tmp_path / "killpoint.so"
    subprocess.run([need("cc"), "-shared", "-fPIC", "-O1", "-o", library, _SOURCE, "-ldl"], check=True)
    return Points(prepared(tmp_path_factory), library)


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
        with tally.attempt(FAULTS, f"killed before a {_WORDS[last.kind]} of {command.name}"):
            assert points.world.problems() == []
            if command.sign in ended.text:
                command.done(points.world)
            how_far = progress(points.world, command, ended)
            complete(points.world, command, tally)
        tally.add(FAULTS, f"{command.name} was killed: {how_far}", tried=0, held=1)
