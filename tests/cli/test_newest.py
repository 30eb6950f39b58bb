"""Which run is the newest: `gitreg runs`, `gitreg show` and `gitreg diff` agree."""

from __future__ import annotations

import json

import badinput
import pytest

from desks import Desk
from gitreg.records.names import RunId
from gitreg.records.records import Code, RunRecord
from gitreg.registry.live import LiveRun

OLD, NEW = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"


@pytest.fixture(autouse=True)
def _here(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk.path)


def start(desk: Desk, id: str, started: str, name: str = "twin") -> LiveRun:
    code = Code(desk.oid("HEAD"), snapshot=False)
    return LiveRun.start(desk.registry, RunRecord(id=RunId(id), name=name, code=code, started=started))


def listed() -> list[str]:
    return [run["id"] for run in json.loads(badinput.run("runs", "--json").out)["runs"]]


def shown(name: str = "twin") -> list[str]:
    """The run that `gitreg show` shows, and the others that it names, in its order."""
    done = badinput.run("show", name, "--json")
    return [json.loads(done.out)["id"], *done.err.rpartition("; the others: ")[2].strip().split(", ")]


@pytest.mark.parametrize("newest", ["recorded", "running", "killed"])
def test_the_newest_run_of_a_name_began_last_whether_it_goes_on_was_killed_or_is_recorded(
    desk: Desk, newest: str
) -> None:
    states = ("recorded", "running", "killed")
    runs = {state: start(desk, f"run{state}", NEW if state == newest else OLD) for state in states}
    runs["recorded"].finish("finished")
    runs["killed"].detach()
    assert shown()[0] == f"run{newest}"
    assert shown() == listed()
    runs["running"].finish("finished")


def test_of_the_same_second_the_newer_one_used_what_the_older_one_made(desk: Desk) -> None:
    one, two = start(desk, "bbbbbbbb", OLD), start(desk, "aaaaaaaa", OLD)
    version, _ = one.log_artifact(desk.draft("part", "1"))
    two.use(version)
    for run in (one, two):
        run.finish("finished")
    assert shown() == listed() == ["aaaaaaaa", "bbbbbbbb"]


def test_of_the_same_second_the_newer_one_has_the_higher_number(desk: Desk) -> None:
    version = desk.log("part", "1")
    for id, number in (("aaaaaaaa", 10), ("bbbbbbbb", 9), ("cccccccc", 8)):
        run = start(desk, id, "2126-01-01T00:00:00Z", f"jumping-monkey-{number}")
        if number != 10:
            run.use(version)
        run.finish("finished")
    assert listed()[:3] == ["aaaaaaaa", "bbbbbbbb", "cccccccc"]
    users = json.loads(badinput.run("show", "part:v0", "--json").out)["used_by"]
    assert [user["id"] for user in users] == ["bbbbbbbb", "cccccccc"]


def test_of_the_same_second_and_name_the_id_decides(desk: Desk) -> None:
    for id in ("bbbbbbbb", "cccccccc", "aaaaaaaa"):
        start(desk, id, OLD).finish("finished")
    assert shown() == listed() == ["cccccccc", "bbbbbbbb", "aaaaaaaa"]


@pytest.mark.parametrize("command", [("lineage",), ("get",)])
def test_where_a_version_is_wanted_a_run_is_told_with_what_it_made(desk: Desk, command: tuple[str, ...]) -> None:
    # a collection that is alike does not hide it
    desk.log("lr-0.2", "1")
    run = start(desk, "aaaaaaaa", OLD, "lr-0.1")
    run.log_artifact(desk.draft("part", "1"))
    run.log_artifact(desk.draft("digits", "2"))
    run.finish("finished")
    for told in ("lr-0.1", "lr-0.1:latest", "aaaaaaaa"):
        done = badinput.run(*command, told)
        word = told.removesuffix(":latest")
        assert (done.code, done.err.splitlines()[1:]) == (6, [f"hint: '{word}' is a run; it made part:v0, digits:v0"])
    assert "did you mean" in badinput.run(*command, "lr-0.1:v0").err


def test_a_run_that_made_nothing_is_told_too_also_where_the_index_cannot_be_written(desk: Desk) -> None:
    run = start(desk, "aaaaaaaa", OLD, "idle")
    badinput.run("runs")
    (index,) = (desk.path / ".git" / "gitreg").glob("index-*.sqlite")
    index.unlink()
    index.mkdir()
    assert badinput.run("lineage", "idle").err.endswith("hint: 'idle' is a run; it made no version\n")
    run.finish("finished")
    assert badinput.run("lineage", "idle").err.endswith("hint: 'idle' is a run; it made no version\n")
