"""Going on with a run that had ended."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from desks import Desk, World
from gitreg.errors import MissingBytesError, NotFoundError, RecordError, UsageError
from gitreg.git.objects import Batch
from gitreg.git.refs import Change
from gitreg.health.fsck import fsck
from gitreg.records import refs
from gitreg.records.names import RunId
from gitreg.registry import drop, facts, going, history, recover, runs, trees
from gitreg.registry.journal import Journal
from gitreg.registry.live import LiveRun
from gitreg.registry.pending import PARTED
from gitreg.registry.start import has_other_code, start_run
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


def test_code_that_cannot_be_captured_is_not_taken_for_other_code(desk: Desk) -> None:
    desk.sh("echo 'print(2)' >train.py")
    code = start_run(desk.registry).record.code
    assert code.snapshot
    assert not has_other_code(desk.registry, code)
    desk.sh("git config filter.broken.required true; git config filter.broken.clean false")
    desk.sh("echo '* filter=broken' >.git/info/attributes; echo 'print(2) ' >train.py")
    assert not has_other_code(desk.registry, code)
    desk.sh("rm .git/info/attributes")
    assert has_other_code(desk.registry, code)


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


def test_a_run_that_logged_nothing_more_ends_again_with_all_it_had(desk: Desk) -> None:
    run_id = ended(desk)
    LiveRun.resume(desk.registry, run_id).finish("failed")
    assert runs.get(desk.registry, run_id).record.state == "failed"
    assert steps(desk, run_id) == [(0, 1.0), (1, 0.5)]
    sound(desk)


def test_a_published_run_goes_on_in_another_clone_and_is_published_again(ada: Desk, bob: Desk) -> None:
    run_id = ended(ada)
    ada.publish()
    bob.fetch()
    run = LiveRun.resume(bob.registry, run_id)
    run.log_step({"_step": run.step, "loss": 0.25})
    assert going.everything(bob.registry).keys() == {run_id}
    assert facts.of_run(bob.registry, run_id).state == "running"
    run.log_artifact(bob.draft("m", "y"))
    assert bob.publish().refused == []
    # its steps are those of its last end, until the next
    ada.fetch()
    assert (runs.get(ada.registry, run_id).record.state, len(steps(ada, run_id))) == ("running", 2)
    run.finish("finished")
    assert bob.publish().refused == []
    ada.fetch()
    assert runs.get(ada.registry, run_id).record.state == "finished"
    assert steps(ada, run_id) == [(0, 1.0), (1, 0.5), (2, 0.25)]
    agrees(ada.path, "m:v1")
    sound(ada)
    sound(bob)


@pytest.mark.parametrize("fetches", ["before", "while", "after"])
def test_of_two_who_go_on_with_a_run_the_first_to_publish_is_taken_and_nothing_is_lost(
    ada: Desk, bob: Desk, fetches: str
) -> None:
    run_id = ended(ada)
    ada.publish()
    bob.fetch()
    theirs = LiveRun.resume(bob.registry, run_id)
    theirs.log_step({"_step": 2, "loss": 0.1})
    mine = LiveRun.resume(ada.registry, run_id)
    mine.log_step({"_step": 2, "loss": 0.2})
    if fetches == "before":
        mine.log_artifact(ada.draft("m", "mine"))
    theirs.finish("finished")
    assert bob.publish().refused == []
    if fetches == "while":
        ada.fetch()
    mine.finish("failed")
    refused = ada.publish().refused
    assert [refusal.name for refusal in refused] == ["run 'quiet-river-1'"]
    assert refused[0].why == PARTED
    assert not refused[0].lost_race
    assert steps(bob, run_id)[2] == (2, 0.1)
    assert steps(ada, run_id)[2] == (2, 0.2)
    drop.drop_run(ada.reopen(), run_id)
    assert ada.publish().refused == []
    assert steps(ada, run_id)[2] == (2, 0.1)
    assert ada.all() == ["m:v0"]
    sound(ada)


def test_a_run_that_was_killed_after_it_was_resumed_keeps_everything(desk: Desk) -> None:
    run_id = ended(desk)
    run = LiveRun.resume(desk.registry, run_id)
    run.log_step({"_step": 2, "loss": 0.25})
    run.detach()
    with pytest.raises(UsageError, match="was killed and is not recorded yet") as caught:
        LiveRun.resume(desk.registry, run_id)
    assert caught.value.hint == f"gitreg run recover {run_id}"
    assert [record.state for record in recover.recover(desk.registry).runs] == ["crashed"]
    assert steps(desk, run_id) == [(0, 1.0), (1, 0.5), (2, 0.25)]
    again = LiveRun.resume(desk.registry, run_id)
    assert again.step == 3
    again.finish("finished")
    assert [commit.record.state for commit in runs.get(desk.registry, run_id).commits] == [
        "running",
        "finished",
        "crashed",
        "finished",
    ]
    sound(desk)


def test_a_resuming_that_is_cut_short_takes_nothing_from_the_run(desk: Desk) -> None:
    run_id = ended(desk)
    journal = Journal.of(desk.registry.private, run_id)
    journal.create()
    journal.append("step", {"_step": 0, "loss": 1.0})
    journal.close()
    os.utime(journal.path, (1e9, 1e9))
    assert recover.recover(desk.registry).runs == []
    assert not journal.path.exists()
    assert runs.get(desk.registry, run_id).record.state == "finished"


def test_only_a_run_that_has_ended_and_is_not_going_on_is_resumed(ada: Desk, bob: Desk) -> None:
    with pytest.raises(NotFoundError, match="run 'nothing1' not found"):
        LiveRun.resume(ada.registry, RunId("nothing1"))
    assert list((ada.registry.private / "journal").iterdir()) == []
    run = ada.start()
    with pytest.raises(UsageError, match=f"run '{run.record.id}' is still going on"):
        LiveRun.resume(ada.registry, run.record.id)
    run.log_artifact(ada.draft("m", "x"))
    ada.publish()
    bob.fetch()
    with pytest.raises(UsageError, match="has not ended, as far as is known here") as caught:
        LiveRun.resume(bob.registry, run.record.id)
    assert "gitreg run recover" in (caught.value.hint or "")


STRANGE = ['["x",1]', "[null,null]", '{"at":[5,-1],"values":[0,1]}', "[0,1e400]", "[[0],1]"]


@pytest.mark.parametrize("column", STRANGE)
def test_a_run_whose_steps_make_no_sense_is_not_resumed(desk: Desk, column: str) -> None:
    run_id = ended(desk)
    forged(desk, run_id, f'{{\n"_step": {column},\n"loss": [1.0,0.5]\n}}\n')
    with pytest.raises(RecordError, match=f"step history of run '{run_id}'"):
        LiveRun.resume(desk.registry, run_id)
    assert going.everything(desk.registry) == {}


def test_a_run_whose_times_make_no_sense_can_be_finished(desk: Desk) -> None:
    run_id = ended(desk)
    forged(desk, run_id, '{\n"_step": [0,1],\n"_timestamp": [[1],{"a":2}],\n"loss": [1.0,0.5]\n}\n')
    run = LiveRun.resume(desk.registry, run_id)
    run.log_step({"_step": 2, "loss": 0.25})
    run.finish("finished")
    assert steps(desk, run_id) == [(0, 1.0), (1, 0.5), (2, 0.25)]


def forged(desk: Desk, run_id: RunId, text: str) -> None:
    """Put another history into the commit that ended a run."""
    end = runs.get(desk.registry, run_id).tip.oid
    commit = desk.registry.objects.commit(end)
    batch = Batch()
    fresh = batch.add("commit", replace(commit, tree=batch.add_tree({history.HISTORY: text.encode()})).encode())
    desk.registry.transact(batch, [Change(refs.run(run_id), end, fresh)])


def test_a_long_history_is_fetched_when_the_run_goes_on(ada: Desk, bob: Desk) -> None:
    run = ada.start()
    for step in range(3):
        run.log_step({"_step": step, "text": "x" * (trees.MAX_BLOB // 2)})
    run.finish("finished")
    ada.publish()
    bob.fetch()
    assert history.read(bob.registry, runs.get(bob.registry, run.record.id)) is None
    again = LiveRun.resume(bob.registry, run.record.id)
    again.log_step({"_step": 3, "text": ""})
    again.finish("finished")
    found = history.read(bob.registry, runs.get(bob.registry, run.record.id))
    assert found is not None
    assert [len(str(row["text"])) for row in found.rows()] == [trees.MAX_BLOB // 2] * 3 + [0]
    assert bob.publish().refused == []
    sound(bob)


def test_a_long_history_that_is_nowhere_keeps_a_run_as_it_is(ada: Desk, bob: Desk, world: World) -> None:
    run = ada.start()
    run.log_step({"_step": 0, "text": "x" * (trees.MAX_BLOB + 1)})
    run.finish("finished")
    ada.publish()
    bob.fetch()
    for stored in (world.storage / "files").rglob("*"):
        if stored.is_file():
            stored.unlink()
    with pytest.raises(MissingBytesError, match=r"'run/history\.json' of 'run quiet-river-1' cannot be fetched"):
        LiveRun.resume(bob.registry, run.record.id)
    assert list((bob.registry.private / "journal").iterdir()) == []
