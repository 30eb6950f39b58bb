"""Clocks that are wrong, run backwards or tell another zone: times order nothing (FORMAT.md 3.6)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from odd_kinds import FULL, gitreg
from stories import START, World, copy

from conftest import run_shell
from tally import FAULTS, Tally

# When each of the story's steps happens: logging twice, promoting twice, publishing, and somebody else's part.
CLOCKS: dict[str, tuple[str, ...]] = {
    "2001": ("2001-02-03 04:05:06",) * 6,
    "2040, after the end of 32 bits": ("2040-02-03 04:05:06",) * 6,
    "running backwards, a year at each step": tuple(f"20{year}-01-01 00:00:00" for year in (30, 29, 28, 27, 26, 25)),
    "2040, then 2001, in turns": ("2040-01-01 00:00:00", "2001-01-01 00:00:00") * 3,
    "the first second of 1970": ("1970-01-01 00:00:01",) * 6,
    "2100": ("2100-03-01 00:00:00",) * 6,
    "the same second for everything": ("2026-01-02 03:04:05",) * 6,
}


def step_by_step(world: World, at: Callable[[int, str], str]) -> None:
    """Log, promote, publish, go on elsewhere: versions and aliases are in the order in which they were made."""
    do = iter(range(6))

    def step(script: str, where: str = "work") -> str:
        return at(next(do), f"cd '{world.folder / where}'; {script}")

    world("git clone --quiet server.git other && git -C other config remote.origin.url ../server.git", "")
    step("echo one >../model && gitreg put ../model --name m --type model && gitreg alias set m:production v0")
    step("echo two >../model && gitreg run --use m:v0 -- gitreg put ../model --name m --type model")
    step("gitreg alias set m:production v1 --reason better && git push --quiet")
    step(
        "gitreg init 2>/dev/null; gitreg fetch; echo three >../model; gitreg put ../model --name m --type model",
        "other",
    )
    step("gitreg alias set m:production v2 --reason best && git push --quiet origin main", "other")
    step("gitreg fetch")
    assert [item["version"] for item in world.json("ls m")["versions"]] == ["v2", "v1", "v0"]
    assert world.json("show m:latest")["version"] == "v2"
    moves = [item["version"] for item in world.json("alias log m:production")["moves"]]
    assert moves == ["v2", "v1", "v0"]
    assert world.json("show m:production")["version"] == "v2"
    drawn = world("gitreg lineage m:v1")
    assert "m:v0" in drawn
    assert world("gitreg status").endswith("nothing is waiting to be published\n")
    for version in ("m:v0", "m:v1", "m:v2", "m:production"):
        assert world(f"cat $(gitreg get {version} -o ../got-{version.replace(':', '-')})/model")
    assert world("cat ../got-m-v0/model ../got-m-production/model") == "one\nthree\n"
    assert world("git fsck --strict --no-dangling 2>&1", "server.git") == ""
    assert world.verify("m:v2").code == 0


@pytest.fixture
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return copy(START, tmp_path_factory, tmp_path / "world")


@pytest.mark.parametrize("name", [name for name in CLOCKS if name != "2100"] if FULL else list(CLOCKS)[2:3])
def test_commits_of_any_time_are_in_the_order_in_which_they_were_made(name: str, world: World, tally: Tally) -> None:
    with tally.attempt(FAULTS, f"clock: Git's says {name}"):

        def at(number: int, script: str) -> str:
            when = f"{CLOCKS[name][number]} +0000"
            return run_shell(script, world.folder, {"GIT_COMMITTER_DATE": when, "GIT_AUTHOR_DATE": when})

        step_by_step(world, at)


@pytest.mark.parametrize("name", CLOCKS if FULL else ["2040, then 2001, in turns"])
def test_a_machine_of_any_time_makes_the_same_order(
    name: str, world: World, need: Callable[[str], str], tally: Tally
) -> None:
    faketime = need("faketime")
    with tally.attempt(FAULTS, f"clock: the machine's says {name}"):

        def at(number: int, script: str) -> str:
            quoted = script.replace("'", "'\\''")
            unset = "unset GIT_COMMITTER_DATE GIT_AUTHOR_DATE"
            return run_shell(f"{unset}; {faketime} '{CLOCKS[name][number]}' sh -eu -c '{quoted}'", world.folder)

        step_by_step(world, at)


def test_a_date_that_git_does_not_take_is_told_as_that(world: World, tally: Tally) -> None:
    with tally.attempt(FAULTS, "clock: Git's says 2100, which it does not take"):
        env = {"GIT_COMMITTER_DATE": "2100-03-01 00:00:00 +0000"}
        done = world.attempt("gitreg put train.py --name m --type model", env=env)
        assert done.code == 1
        error, hint = done.err.splitlines()
        assert "invalid date format" in error
        assert "from 1970 to 2099" in hint
        assert world.pending() == []


ZONES = ("UTC", "Pacific/Kiritimati", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia", "EST5EDT", "XXX-23:59:59")


@pytest.mark.parametrize("zone", ZONES if FULL else ["XXX-23:59:59"])
def test_a_zone_changes_nothing_but_the_offset(zone: str, world: World, tally: Tally) -> None:
    with tally.attempt(FAULTS, "clock: an odd time zone"):
        told = world(
            """
            unset GIT_COMMITTER_DATE GIT_AUTHOR_DATE
            echo one >../model && gitreg put ../model --name m --type model 2>/dev/null
            gitreg show m:latest --json
            """,
            TZ=zone,
        )
        shown = json.loads(told.partition("\n")[2])
        assert shown["version"] == "v0"
        elsewhere = world.json("show m:latest")
        assert elsewhere == shown
        world("git push --quiet && git fsck --strict --no-dangling", TZ=zone)
        assert world.verify("m:v0").code == 0


# what git itself takes from GIT_COMMITTER_DATE
@pytest.mark.parametrize("offset", ["+1400", "-1200", "+0545", "-0330", "+2359", "-0000"])
def test_an_offset_that_git_takes_is_read_back(
    offset: str, world: World, monkeypatch: pytest.MonkeyPatch, tally: Tally
) -> None:
    with tally.attempt(FAULTS, "clock: an odd offset"):
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"1700000000 {offset}")
        assert gitreg("put train.py --name m --type model".split(), world.work).code == 0
        shown = gitreg("show m:latest --json".split(), world.work)
        assert json.loads(shown.out)["run"]["started"] == "2023-11-14T22:13:20Z"
