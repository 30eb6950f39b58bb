"""What `define_metric` says of metrics, and what that makes of the summary."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

import gitreg
from conftest import Shell
from helpers import recorded

LOSSES = [3, 1, 2]


@pytest.mark.parametrize(
    ("definition", "held"),
    [
        ({}, 2),
        ({"summary": "min"}, {"min": 1}),
        ({"summary": "max"}, {"max": 3}),
        ({"summary": "mean"}, {"mean": 2.0}),
        ({"summary": "last"}, {"last": 2}),
        ({"summary": "first"}, {"first": 3}),
        ({"summary": "copy"}, 2),
        ({"summary": "best", "goal": "minimize"}, {"best": 1}),
        ({"summary": "best", "goal": "maximize"}, {"best": 3}),
        ({"summary": "min,max, MEAN"}, {"min": 1, "max": 3, "mean": 2.0}),
        ({"summary": "none"}, None),
        ({"summary": "min,none"}, None),
        ({"hidden": True}, 2),
    ],
)
def test_the_summary_holds_what_was_asked_for(project: Path, definition: dict[str, Any], held: object) -> None:
    with gitreg.init() as run:
        run.define_metric("loss", **definition)
        for loss in LOSSES:
            run.log({"loss": loss, "other": loss})
        assert run.summary.as_dict() == ({"other": 2} if held is None else {"loss": held, "other": 2})
    assert gitreg.Api().run(run.id).summary == run.summary.as_dict()


def test_values_that_are_no_numbers_are_never_the_lowest(project: Path) -> None:
    with gitreg.init() as run:
        run.define_metric("loss", summary="min,max,mean,last,first")
        for loss in (3, math.nan, "diverged", True, 1):
            run.log({"loss": loss})
        assert run.summary["loss"] == {"min": 1, "max": 3, "mean": 2.0, "last": 1, "first": 3}
        run.define_metric("word", summary="min")
        run.log({"word": "none"})
        assert "word" not in run.summary


def test_a_beginning_with_a_star_means_all_that_begin_so_and_a_name_counts_more(project: Path) -> None:
    with gitreg.init() as run:
        run.define_metric("*", summary="last")
        run.define_metric("val/*", summary="max")
        run.define_metric("val/loss", summary="min")
        for value in LOSSES:
            run.log({"val/loss": value, "val/acc": value, "lr": value})
        assert run.summary.as_dict() == {"val/loss": {"min": 1}, "val/acc": {"max": 3}, "lr": {"last": 2}}


def test_nested_values_have_names_with_dots(project: Path) -> None:
    with gitreg.init() as run:
        run.define_metric("net.loss", summary="min")
        run.define_metric("net.gone", summary="none")
        for value in LOSSES:
            run.log({"net": {"loss": value, "acc": value, "gone": value}, "empty": {}})
        assert run.summary.as_dict() == {"net": {"loss": {"min": 1}, "acc": 2}, "empty": {}}


def test_a_second_definition_adds_to_the_first_unless_it_overwrites(project: Path) -> None:
    with gitreg.init() as run:
        run.define_metric("loss", summary="min", goal="minimize")
        metric = run.define_metric("loss", summary="max", hidden=True)
        assert (metric.summary, metric.goal, metric.hidden) == (("min", "max"), "minimize", True)
        metric = run.define_metric("loss", summary="mean", overwrite=True)
        assert (metric.name, metric.summary, metric.goal, metric.hidden) == ("loss", ("mean",), "", None)


def test_a_row_without_its_step_metric_gets_the_last_value(project: Path) -> None:
    with gitreg.init() as run:
        epoch = run.define_metric("epoch")
        metric = run.define_metric("loss", step_metric=epoch)
        assert (metric.step_metric, metric.step_sync) == ("epoch", True)
        run.define_metric("acc", step_metric="epoch", step_sync=False)
        for row in ({"loss": 9}, {"epoch": 1, "loss": 3}, {"loss": 1}, {"acc": 2}, {"epoch": 2, "loss": 0}):
            run.log(row)
    rows = gitreg.Api().run(run.id).history(pandas=False)
    assert [row.get("epoch") for row in rows] == [None, 1, 1, None, 2]


def test_it_is_recorded_where_the_format_says(project: Path, sh: Shell) -> None:
    with gitreg.init() as run:
        run.define_metric("loss", summary="min", goal="minimize", step_metric="epoch", hidden=True)
        run.define_metric("epoch")
    assert recorded(project, run.id).metrics == {
        "loss": {"goal": "minimize", "summary": ["min"], "step_metric": "epoch", "hidden": True},
        "epoch": {},
    }
    trailer = sh(
        f"git log -1 --format='%(trailers:key=Gitreg-Run,valueonly)' refs/gitreg/runs/{run.id[:2]}/{run.id}", project
    )
    assert "metrics: {loss: {goal: minimize, summary: [min], step_metric: epoch, hidden: true}, epoch: {}}" in trailer


def test_what_a_record_says_wrongly_is_not_said(project: Path) -> None:
    from gitreg.sdk.metrics import Metrics

    metrics = Metrics({"a": 3, "b": {"summary": "min", "goal": "up"}, "c": {"summary": ["min", 7, "new"]}})
    assert metrics.summary({"a": 1, "b": 2, "c": 3}) == {"a": 1, "b": 2, "c": {"min": 3}}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"name": ""}, "name '' makes no sense"),
        ({"name": 3}, "name 3 makes no sense"),
        ({"name": "a*b"}, "name 'a\\*b' makes no sense"),
        ({"name": "a", "summary": "median"}, "'median' is not known"),
        ({"name": "a", "summary": ["min"]}, "summary \\['min'\\] makes no sense"),
        ({"name": "a", "goal": "up"}, "'up' is not known"),
        ({"name": "a", "summary": "best"}, "which is the best is not said"),
        ({"name": "a", "hidden": "yes"}, "hidden 'yes' makes no sense"),
    ],
)
def test_what_makes_no_sense_is_refused(project: Path, arguments: dict[str, Any], words: str) -> None:
    with gitreg.init() as run, pytest.raises(gitreg.Error, match=words):
        run.define_metric(**arguments)
    assert recorded(project, run.id).metrics == {}


def test_after_finish_it_is_refused(project: Path) -> None:
    with gitreg.init() as run:
        pass
    with pytest.raises(gitreg.UsageError, match="is finished: define_metric"):
        run.define_metric("loss")


def test_a_goal_says_which_of_two_runs_is_the_better_one(project: Path, sh: Shell) -> None:
    for run_id, latency in (("one", 30), ("two", 20)):
        with gitreg.init(id=run_id) as run:
            run.define_metric("latency", summary="min", goal="minimize")
            run.log({"latency": latency, "loss_scale": 1, "aaa": 1})
    found = json.loads(sh("gitreg diff one two --json || test $? = 3", project))
    assert [(item["name"], item["better"]) for item in found["metrics"] if item["change"]] == [("latency.min", True)]
    # what is known to be good or bad comes first
    shown = sh("gitreg show two", project)
    assert shown.index("latency.min") < shown.index("aaa")
