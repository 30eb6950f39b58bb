"""`gitreg runs`: which runs are listed, in which order, and what is said of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import badinput
import pytest

import gitreg
from crowd import crowd
from desks import Desk, World
from gitreg.git.objects import Objects
from gitreg.records.records import Code, RunRecord
from gitreg.registry import going
from gitreg.registry.journal import Journal
from gitreg.registry.live import LiveRun
from gitreg.registry.start import new_id
from screens import on_a_terminal


@pytest.fixture
def thirty(repo: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """41 runs, as the current directory."""
    crowd(repo, versions=40)
    monkeypatch.chdir(repo)
    return repo


def listed(*arguments: str) -> list[Any]:
    done = badinput.run("runs", "--json", *arguments)
    assert (done.code, done.err) == (0, ""), done
    found = json.loads(done.out)["runs"]
    assert isinstance(found, list)
    return found


def names(*arguments: str) -> list[str]:
    return [run["name"] for run in listed(*arguments)]


def test_the_newest_thirty_are_shown_first_and_the_rest_is_counted(thirty: Path) -> None:
    done = badinput.run("runs")
    assert done.err == "30 of 41 runs; --limit all shows all\n"
    assert [line.split()[1] for line in done.out.splitlines()[1:]] == [
        f"run{number:05}" for number in range(40, 10, -1)
    ]
    assert len(listed()) == 41
    assert badinput.run("runs", "--format", "csv").out.count("\n") == 42


def test_a_table_says_what_went_in_and_what_came_out(thirty: Path) -> None:
    title, line, *_ = badinput.run("runs", "--limit", "1").out.splitlines()
    assert title.split() == [
        "RUN",
        "ID",
        "STATE",
        "JOB",
        "TYPE",
        "accuracy",
        "val_loss",
        "STARTED",
        "TOOK",
        "USED",
        "MADE",
    ]
    assert line.split() == (
        "sunny-river-40 run00040 finished train 0.54 0.66 4 minutes ago 4 min 54 s data:v0 model:v39".split()
        if "sunny-river-40" in line
        else ["vague-river-40", *"run00040 finished train 0.54 0.66 4 minutes ago 4 min 54 s data:v0 model:v39".split()]
    )


def test_runs_are_filtered_and_sorted_by_their_fields_config_and_results(thirty: Path) -> None:
    failed = listed("--state", "failed")
    assert [run["id"] for run in failed] == ["run00039", "run00029", "run00019", "run00009"]
    assert listed("--job-type", "load")[0]["outputs"] == ["data:v0"]
    assert len(listed("--project", "digits")) == 41
    assert listed("--project", "other") == []
    best = listed("--sort", "-accuracy", "--limit", "1", "--where", "config.lr<0.05", "--where", "state=finished")[0]
    fitting = [run for run in listed() if run["config"].get("lr", 1) < 0.05 and run["state"] == "finished"]
    assert best == max(fitting, key=lambda run: run["summary"]["accuracy"])
    assert [run["id"] for run in listed("--where", "inputs.version=v0", "--limit", "1")] == ["run00040"]
    assert [run["id"] for run in listed("--where", "outputs=model:v3")] == ["run00004"]
    assert len(listed("--where", "duration>4", "--where", "duration<1000")) == 41


def test_the_headings_of_the_table_name_columns_and_orders(thirty: Path) -> None:
    done = badinput.run("runs", "--columns", "MADE,Used,took", "--sort", "-TOOK", "--limit", "1")
    assert done.out.splitlines()[0].split() == ["MADE", "USED", "TOOK"]
    assert badinput.run("runs", "--columns", "Id,MADE", "--format", "csv").out.startswith("id,outputs")
    assert names("--sort", "-TOOK") == names("--sort", "-duration")
    assert listed("--where", "inputs=data:v0", "--limit", "1") == listed("--where", "USED~^data", "--limit", "1")


def test_columns_of_which_nothing_is_known_print_no_blank_lines(thirty: Path) -> None:
    done = badinput.run("runs", "--columns", "nope")
    assert (done.out, done.err) == (
        "",
        "note: none of them has 'nope'\nnote: nothing in nope\n30 of 41 runs; --limit all shows all\n",
    )
    assert badinput.run("runs", "--columns", "tags").err.startswith("note: nothing in tags\n")


def test_on_a_narrow_terminal_the_name_of_a_run_gives_way_to_the_version_it_made(desk: Desk) -> None:
    run = desk.start("a-rather-long-name-of-a-run")
    run.log_artifact(desk.draft("a_model_with_a_long_name", "1"))
    run.finish("finished")
    line = on_a_terminal("gitreg --no-pager runs", desk.path, NO_COLOR="1").splitlines()[1]
    assert line.startswith("a-rather-lon")
    assert "…" in line.split()[0]
    assert line.endswith(" a_model_with_a_long_name:v0")


def test_the_index_is_asked_for_the_order_and_only_what_is_shown_is_read(
    thirty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    badinput.run("runs")
    read = Objects.read
    seen: list[str] = []

    def counting(self: Objects, oid: Any) -> tuple[str, bytes]:
        seen.append(str(oid))
        return read(self, oid)

    monkeypatch.setattr(Objects, "read", counting)
    badinput.run("runs", "--limit", "5")
    # its two commits
    assert len(seen) == 5 * 2


def test_runs_of_the_same_second_stand_above_those_whose_versions_they_used(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk.path)
    used: list[str] = []
    version = None
    for number in range(6):
        run = desk.start(f"step-{number}")
        if version:
            run.use(version)
        version, _ = run.log_artifact(desk.draft(f"part{number}", str(number)))
        run.finish("finished")
        used.insert(0, f"step-{number}")
    assert names() == used


def test_two_runs_that_used_each_others_versions_are_listed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk.path)
    one, two = desk.start("one"), desk.start("two")
    first, _ = one.log_artifact(desk.draft("a", "1"))
    two.use(first)
    second, _ = two.log_artifact(desk.draft("b", "2"))
    one.use(second)
    one.log_artifact(desk.draft("c", "3"))
    for run in (one, two):
        run.finish("finished")
    assert sorted(names()) == ["one", "two"]


def test_the_state_is_what_is_known_here(ada: Desk, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ada.log("a", "1")
    ada.publish()
    world.on_server("git for-each-ref --format='delete %(refname)' refs/gitreg/runs | git update-ref --stdin")
    other = world.clone("other")
    other.sh("git fetch --quiet --tags")
    monkeypatch.chdir(other.path)
    done = badinput.run("runs")
    assert "unknown" in done.out
    assert done.err == "how some of them ended is not known here; 'gitreg fetch' brings it\n"
    assert badinput.run("runs", "--state", "running").out == ""


def test_a_run_without_a_commit_is_listed_and_a_killed_one_has_crashed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk.path)
    running, killed = desk.start("running"), desk.start("killed")
    killed.detach()
    done = badinput.run("runs", "--format", "tsv", "--columns", "name,state,commit")
    title, *lines = done.out.splitlines()
    assert (title, sorted(lines)) == ("name\tstate\tcommit", ["killed\tcrashed\t", "running\trunning\t"])
    assert done.err == "1 run killed and not recorded yet: gitreg run recover\n"
    running.finish("finished")


@pytest.mark.parametrize(
    ("state", "left"),
    [
        ("finished", "a resuming that has not begun"),
        ("finished", "a resuming that was killed before it began"),
        ("finished", "the end is recorded, the journal still there"),
        ("finished", "a newer gitreg's"),
        ("crashed", "a run that was killed"),
        ("running", "a run that goes on"),
    ],
)
def test_the_list_the_page_and_python_agree_on_how_a_run_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, state: str, left: str
) -> None:
    monkeypatch.chdir(desk.path)
    run = desk.start()
    run.log_artifact(desk.draft("m", "1"))
    run_id, journal = run.record.id, Journal.of(desk.registry.private, run.record.id)
    noted = journal.path.read_bytes()
    if state == "finished":
        run.finish("finished")
    if "resuming" in left:
        journal.create()
        journal.append("step", {"_step": 0})
    if "killed" in left:
        run.detach()
        journal.close()
    if "recorded" in left:
        journal.path.write_bytes(noted)
    if "newer" in left:
        journal.path.write_bytes(b'{"start":{"schema":99}}\n')
    assert [row["state"] for row in json.loads(badinput.run("runs", "--json").out)["runs"]] == [state]
    assert json.loads(badinput.run("show", run_id, "--json").out)["state"] == state
    assert gitreg.Api().run(run_id).state == state
    is_dead = state == "crashed" or "newer" in left
    assert going.dead_runs(desk.registry) == ([run_id] if is_dead else [])
    assert ("its process was killed" in badinput.run("fsck").out) == is_dead


@pytest.mark.parametrize("started", ["", "yesterday", "2026-01-01T00:00:00", "9999-99-99T00:00:00Z", "\x1b[31m"])
def test_a_time_that_is_none_is_shown_as_it_is(desk: Desk, monkeypatch: pytest.MonkeyPatch, started: str) -> None:
    monkeypatch.chdir(desk.path)
    code = Code(desk.oid("HEAD"), snapshot=False)
    run = LiveRun.start(desk.registry, RunRecord(id=new_id(), name="odd", code=code, started=started))
    run.log_artifact(desk.draft("m", "1"))
    run.finish("finished")
    done = badinput.run("runs")
    assert done.code == 0
    assert "\x1b" not in done.out
    assert names("--where", "started>2000-01-01") == (["odd"] if started.startswith(("2", "9", "y")) else [])
