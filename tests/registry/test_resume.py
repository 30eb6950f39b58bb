"""Going on with a run that had ended."""

from __future__ import annotations

import pytest

from desks import Desk
from gitreg.health.fsck import fsck
from gitreg.records.names import RunId
from gitreg.registry import history, runs
from gitreg.registry.live import LiveRun
from helpers import agrees


def steps(desk: Desk, run_id: RunId) -> list[object]:
    found = history.fetched(desk.registry, runs.get(desk.registry, run_id))
    return [(row["_step"], row["loss"]) for row in found.rows()]


def ended(desk: Desk, state: str = "finished") -> RunId:
    """A run with a version and two steps."""
    run = desk.start()
    run.update_config({"lr": 0.1})
    run.log_step({"_step": 0, "loss": 1.0}, summary={"loss": 1.0})
    run.log_artifact(desk.draft("m", "x"))
    run.log_step({"_step": 1, "loss": 0.5}, summary={"loss": 0.5})
    run.finish("failed" if state == "failed" else "finished")
    return run.record.id


def sound(desk: Desk) -> None:
    assert [finding for finding in fsck(desk.reopen()).findings if finding.severity != "note"] == []


@pytest.mark.parametrize("state", ["finished", "failed"])
def test_a_run_goes_on_where_it_ended(desk: Desk, state: str) -> None:
    data = desk.log("data", "d", "dataset")
    run_id = ended(desk, state)
    before = runs.get(desk.registry, run_id)
    run = LiveRun.resume(desk.registry, run_id)
    assert (run.step, run.record.state, run.record.ended) == (2, "running", "")
    assert (run.record.config, run.record.summary) == ({"lr": 0.1}, {"loss": 0.5})
    run.use(data)
    run.log_step({"_step": 2, "loss": 0.25}, summary={"loss": 0.25, "acc": 1})
    run.log_artifact(desk.draft("m", "y"))
    run.finish("finished")
    found = runs.get(desk.registry, run_id)
    assert (found.record.state, found.record.summary) == ("finished", {"loss": 0.25, "acc": 1})
    assert [commit.oid for commit in found.commits[:2]] == [commit.oid for commit in before.commits]
    assert [str(use.version) for use in found.inputs] == ["data:v0"]
    assert desk.version("m").name.number == 1
    assert steps(desk, run_id) == [(0, 1.0), (1, 0.5), (2, 0.25)]
    agrees(desk.path, "m:v1")
    sound(desk)
