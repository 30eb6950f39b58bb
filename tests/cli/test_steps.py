"""`gitreg steps`: what a run logged, in each form of a list."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import badinput
import pytest

import gitreg
from conftest import Shell
from gitreg.cli import tables


@pytest.fixture
def run(project: Path) -> str:
    """A run of 100 steps, `val/loss` in every fourth."""
    with gitreg.init(name="long") as run:
        for step in range(100):
            run.log({"loss": 100 / (step + 1), "word": "a,b", **({"val/loss": step} if step % 4 == 3 else {})})
    return run.id


def test_a_table_shows_thirty_steps_evenly_spread(run: str) -> None:
    done = badinput.run("steps", "long")
    assert done.err == "30 of 100 steps; --limit all shows all\n"
    title, *lines = done.out.splitlines()
    assert title.split() == ["STEP", "loss", "word", "val/loss"]
    assert [int(line.split()[0]) for line in (lines[0], lines[1], lines[-1])] == [0, 3, 99]
    assert lines[-1].split() == ["99", "1", "a,b", "99"]
    assert len(badinput.run("steps", run, "--limit", "all").out.splitlines()) == 101


def test_metrics_by_name_are_all_columns_of_the_steps_that_have_them(run: str) -> None:
    lines = badinput.run("steps", run, "loss", "val/loss", "--limit", "2").out.splitlines()
    assert [line.split() for line in lines] == [["STEP", "loss", "val/loss"], ["3", "25", "3"], ["99", "1", "99"]]


def test_a_metric_has_the_name_that_its_column_has(project: Path) -> None:
    with gitreg.init(name="nested") as run:
        run.log({"train": {"loss": 1, "acc": 0.5}})
    assert badinput.run("steps", "nested").out.splitlines()[0].split() == ["STEP", "train.loss", "train.acc"]
    assert badinput.run("steps", "nested", "train.loss").out.split() == ["STEP", "train.loss", "0", "1"]
    assert badinput.run("steps", "nested", "train.loss", "--format", "csv").out == "_step,train.loss\n0,1\n"
    done = badinput.run("steps", "nested", "train.los")
    assert (done.code, done.err.splitlines()[1]) == (6, "hint: did you mean 'train.loss'?")


@pytest.fixture
def mixed(project: Path) -> str:
    """A run with texts, a histogram and numbers, in this order."""
    with gitreg.init(id="mixed") as run:
        run.log({"why": "x" * 1000, "what": {"in": gitreg.Histogram([1, 2, 3])}, "v.loss": 0.5, "acc": 0.25})
    return run.id


def test_the_table_shortens_what_is_long_and_programs_get_all(mixed: str) -> None:
    title, line = badinput.run("steps", mixed).out.splitlines()
    assert title.split() == ["STEP", "why", "what.in", "v.loss", "acc"]
    assert line.split() == ["0", "x" * 39 + "…", "histogram", "0.5", "0.25"]
    (row,) = json.loads(badinput.run("steps", mixed, "--json").out)["steps"]
    assert (len(row["why"]), len(row["what"]["in"]["values"])) == (1000, 64)
    assert "x" * 1000 in badinput.run("steps", mixed, "--format", "csv").out


def test_a_narrow_terminal_shows_the_numbers_and_says_what_it_leaves_out(
    mixed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "terminal_width", lambda: 24)
    done = badinput.run("steps", mixed)
    assert done.out.splitlines()[0].split() == ["STEP", "v.loss", "acc"]
    assert done.err == "no room for why, what.in; --format csv has all\n"
    monkeypatch.setattr(tables, "terminal_width", lambda: 80)
    assert badinput.run("steps", mixed).err == ""


def test_programs_get_every_step(run: str) -> None:
    rows = list(csv.DictReader(io.StringIO(badinput.run("steps", run, "--format", "csv").out)))
    assert [(row["_step"], row["word"], row["val/loss"]) for row in rows[2:4]] == [("2", "a,b", ""), ("3", "a,b", "3")]
    assert len(rows) == 100
    document = json.loads(badinput.run("steps", run, "loss", "--json").out)
    assert document["steps"][0] == {"_step": 0, "loss": 100.0}
    assert (document["id"], len(document["steps"])) == (run, 100)


def test_what_is_not_there_is_told(run: str) -> None:
    done = badinput.run("steps", run, "los")
    assert (done.code, done.err) == (6, f"error: run '{run}' logged no 'los'\nhint: did you mean 'loss'?\n")
    done = badinput.run("steps", "nobody")
    assert (done.code, done.err) == (6, "error: run 'nobody' not found\nhint: 'gitreg runs' lists them\n")
    gitreg.init(name="empty").finish()
    done = badinput.run("steps", "empty")
    assert (done.code, done.out, done.err) == (0, "", "no step of run 'empty' is here\n")


def test_a_run_that_was_resumed_shows_all_its_steps_and_runs_until_it_ends(project: Path, sh: Shell) -> None:
    with gitreg.init(id="again") as run:
        run.log({"loss": 1})
    with gitreg.init(id="again", resume="must") as run:
        assert run.step == 1
        run.log({"loss": 0.5})
        run.config["seen"] = True
        assert [row["state"] for row in json.loads(badinput.run("runs", "--json").out)["runs"]] == ["running"]
        assert "running" in badinput.run("show", "again").out
        assert badinput.run("steps", "again", "--format", "csv").out.count("\n") == 3
    assert [row["state"] for row in json.loads(badinput.run("runs", "--json").out)["runs"]] == ["finished"]
    assert badinput.run("steps", "again", "--format", "csv").out.count("\n") == 3
    sh("gitreg fsck 2>/dev/null", project)
