"""Killing a command before one of the calls that change the file system, whichever of its processes makes it.

The calls are counted over gitreg's process and all of git's, the server's included, by a library that is loaded before
the C library (`killpoint.c`).
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from conftest import run_shell
from tally import FAULTS, Tally

if TYPE_CHECKING:
    from crashing import Command, Ended, World

WORDS = {"r": "rename", "l": "link", "u": "unlink", "s": "fsync", "c": "creation of a file", "w": "write to a file"}
_SOURCE = Path(__file__).with_name("killpoint.c")


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

    def __init__(self, world: World, folder: Path, compiler: str) -> None:
        self.world = world
        self._library = folder / "killpoint.so"
        self._counter = folder / "counter"
        self._log = folder / "calls"
        build = [compiler, "-shared", "-fPIC", "-O1", "-o", str(self._library), str(_SOURCE), "-ldl"]
        subprocess.run(build, check=True)

    def run(self, command: Command, at: int, *, group: bool) -> Ended:
        """Run the command in a fresh world, and kill before call number `at`."""
        self.world.restore()
        self._counter.write_bytes(bytes(8))
        self._log.unlink(missing_ok=True)
        env = {
            "LD_PRELOAD": str(self._library),
            "KILLPOINT_COUNTER": str(self._counter),
            "KILLPOINT_LOG": str(self._log),
            "KILLPOINT_KINDS": "".join(WORDS),
            "KILLPOINT_AT": str(at),
            "KILLPOINT_GROUP": str(int(group)),
        }
        return self.world.end(self.world.start(command, env))

    def calls(self) -> list[Call]:
        """What the last run's processes did, in order."""
        lines = self._log.read_text(errors="replace").split("\n")[:-1] if self._log.exists() else []
        return [Call(int(number), kind, int(pid), *rest) for number, kind, pid, *rest in (x.split("\t") for x in lines)]


def ends_when_repeated(points: Points, command: Command, tally: Tally, most: int) -> None:
    """Kill the command at so many points, the first and the last among them; run again, it ends where one does."""
    world = points.world
    points.run(command, 0, group=False)
    command.done(world)
    total = len(points.calls())
    assert total > 10
    most, killed = min(total, most), 0
    for at in sorted({1 + step * (total - 1) // (most - 1) for step in range(most)}):
        ended = points.run(command, at, group=at % 2 == 0)
        calls = points.calls()
        if len(calls) < at:
            # it came by with fewer calls this time, and nothing was killed
            command.done(world)
            continue
        killed += 1
        print(f"call {at} of {total}: {calls[at - 1]}\n{ended.code} {ended.text}")  # noqa: T201 - for a failure
        with tally.attempt(FAULTS, f"killed during {command.name}"):
            assert world.problems() == []
            again = world.run(command)
            if again.code not in (0, 6) and world.locks():
                for lock in world.locks():
                    os.utime(lock, (lock.stat().st_atime - 120, lock.stat().st_mtime - 120))
                run_shell("gitreg doctor --fix >/dev/null 2>&1", world.work)
                # the server's, which only its owner can remove
                for lock in world.locks():
                    assert lock.is_relative_to(world.server)
                    lock.unlink()
                again = world.run(command)
            # it may have been done before the kill
            assert again.code in (0, 6), again.text
            command.done(world)
            assert world.problems() == []
    assert killed
