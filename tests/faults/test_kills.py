"""`kill -9` at random moments: nothing that was acknowledged is lost, and the same command again completes."""

from __future__ import annotations

import os
import random
import time

import pytest
from crashing import Command, World, prepared
from killed import COMMANDS, complete, progress

from tally import FAULTS, Tally

# read before the tests are sealed off from the environment
_SEED = int(os.environ.get("GITREG_SEED") or time.time_ns() % 1_000_000)

_NOTHING = Command("gitreg --version", ("gitreg", "--version"), (), "", lambda _: None)


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return prepared(tmp_path_factory, World)


_SECONDS: dict[str, float] = {}


def _seconds(world: World, command: Command) -> float:
    """How long a command takes when nobody disturbs it; measured once a worker."""
    if command.name not in _SECONDS:
        started = time.monotonic()
        ended = world.run(command)
        _SECONDS[command.name] = time.monotonic() - started
        assert ended.code == 0, ended.text
        command.done(world)
    return _SECONDS[command.name]


@pytest.mark.parametrize("group", [True, False], ids=["with its children", "alone"])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_command_that_is_killed_loses_nothing_and_completes_when_it_is_repeated(
    world: World, command: Command, tally: Tally, *, group: bool, full: bool
) -> None:
    print(f"GITREG_SEED={_SEED}")  # noqa: T201 - pytest shows it when the test fails
    rng = random.Random(f"{_SEED} {command.name} {group}")
    case = f"kill -9 during {command.name}, {'the whole process group' if group else 'only the Python process'}"
    start_up, duration = _seconds(world, _NOTHING), _seconds(world, command)
    # smaller after each kill that came too late, so that most come before the command says that it is done; for those
    # at any moment, and for those that wait for the first thing it leaves
    reach = {False: 1.0, True: 1.0}
    for number in range(50 if full else 1):
        world.restore()
        with tally.attempt(FAULTS, case):
            process = world.start(command)
            # half of the moments are in the part where it leaves something; that may be too short to be hit
            waits = number % 2 != group and reach[True] > 0.3
            moment = rng.uniform(start_up, start_up + (duration - start_up) * reach[False])
            if waits:
                moment = rng.uniform(0, (duration - start_up) / 2 * reach[True])
                while process.poll() is None and not command.steps[0].seen(world):
                    pass
            ended = world.kill_after(process, moment, group=group)
            reach[waits] = reach[waits] * 0.8 if command.sign in ended.text else min(reach[waits] * 1.05, 1.0)
            how_far = progress(world, command, ended)
            assert world.problems() == [], (moment, how_far)
            if command.sign in ended.text:
                command.done(world)
            tally.add(FAULTS, f"{command.name} was killed: {how_far}", tried=0, held=1)
            complete(world, command, tally)
