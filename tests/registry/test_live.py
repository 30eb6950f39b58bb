"""A run while it goes on: its commits, its journal, other processes, and publishing in the middle of it."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
import yaml

from desks import Desk, World
from gitreg.errors import GitError, NotFoundError, RecordError, UsageError
from gitreg.records.names import RunId
from gitreg.records.records import Code, RunRecord
from gitreg.registry import facts, order, runs, trees
from gitreg.registry.journal import Journal
from gitreg.registry.live import LiveRun
from helpers import agrees, capture, fingerprint, steps


def ref(run: LiveRun) -> str:
    return f"refs/gitreg/runs/{run.record.id[:2]}/{run.record.id}"


def record(desk: Desk, revision: str) -> dict[str, object]:
    found = yaml.safe_load(desk.git(f"log -1 --format='%(trailers:key=Gitreg-Run,valueonly)' {revision}"))
    assert isinstance(found, dict)
    return found


def test_the_parents_of_a_runs_commits_are_what_came_before_and_what_was_used_since(desk: Desk) -> None:
    one, two = desk.log("a", "1", "dataset"), desk.log("b", "2", "dataset")
    run = desk.start()
    assert desk.oid(ref(run)) == desk.oid("HEAD")
    run.use(one)
    run.use(one)
    first, _ = run.log_artifact(desk.draft("m", "x"))
    run.use(two)
    run.use(one)
    second, _ = run.log_artifact(desk.draft("m", "y"))
    run.finish("finished")
    assert desk.git("log -1 --format=%P m@v0^0").split() == [desk.git("rev-parse HEAD"), str(one.commit)]
    assert desk.git("log -1 --format=%P m@v1^0").split() == [str(first.commit), str(two.commit)]
    assert desk.git(f"log -1 --format=%P {ref(run)}").split() == [str(second.commit)]
    found = runs.get(desk.registry, run.record.id)
    assert [str(use.version) for use in found.inputs] == ["a:v0", "b:v0"]
    assert found.outputs == (first.commit, second.commit)
    assert (found.complete, found.record.state, found.record.ended) == (True, "finished", "2026-01-02T03:04:05Z")
    for reference in ("m:v0", "m:v1"):
        agrees(desk.path, reference)
    assert desk.sh("git fsck --strict --no-dangling 2>&1") == ""


def test_a_run_may_use_what_it_has_made(desk: Desk) -> None:
    run = desk.start()
    first, _ = run.log_artifact(desk.draft("a", "x"))
    run.use(first)
    run.log_artifact(desk.draft("b", "y"))
    run.finish("finished")
    assert desk.git("log -1 --format=%P b@v0^0").split() == [str(first.commit)]
    assert [str(use.version) for use in runs.get(desk.registry, run.record.id).inputs] == ["a:v0"]
    agrees(desk.path, "b:v0")


def test_a_run_starts_at_the_snapshot_of_the_code_and_touches_nothing(desk: Desk) -> None:
    desk.sh(
        "echo changed >README && echo 'print(1)' >train.py && git add train.py && git stash --quiet && git stash apply"
    )
    before = fingerprint(desk.path)
    code = capture(desk.registry.git, desk.registry.objects)
    run = desk.start(code=code)
    run.log_artifact(desk.draft("m", "x"))
    run.finish("finished")
    assert fingerprint(desk.path) == before | {"refs/tags/m@v0": fingerprint(desk.path)["refs/tags/m@v0"]}
    assert desk.git("rev-parse m@v0^0^") == str(code.commit)
    assert desk.git("rev-parse m@v0^0^^") == desk.git("rev-parse HEAD")
    assert desk.git(f"diff --name-only HEAD {code.commit}").split() == ["README", "train.py"]
    assert record(desk, "m@v0")["code"] == {"commit": str(code.commit), "snapshot": True}
    agrees(desk.path, "m:v0")


def test_what_a_run_says_is_known_so_far_in_each_commit_and_whole_in_the_last(desk: Desk) -> None:
    run = desk.start()
    run.update_config({"lr": 1e-3, "layers": [1, 2]})
    run.update_summary({"loss": 1.0})
    run.log_artifact(desk.draft("m", "x"))
    run.update_summary({"loss": math.nan, "note": "a\nb"})
    run.finish("failed")
    first, last = record(desk, "m@v0"), record(desk, ref(run))
    assert (first["state"], first["summary"]) == ("running", {"loss": 1.0})
    assert (last["state"], last["config"]) == ("failed", {"lr": 1e-3, "layers": [1, 2]})
    summary = last["summary"]
    assert isinstance(summary, dict)
    assert math.isnan(summary["loss"])
    assert desk.git(f"log -1 --format=%s {ref(run)}") == "finish quiet-river-1 (failed)"


def test_what_is_logged_after_a_label_was_set_is_known(desk: Desk) -> None:
    run = desk.start()
    run.log_step({"_step": 0, "loss": 1.0}, summary={"loss": 1.0})
    run.set_labels({"notes": "a word", "tags": ["b"]})
    run.log_step({"_step": 1, "loss": 0.5}, summary={"loss": 0.5})
    assert run.record.summary == {"loss": 0.5}
    run.finish("finished")
    last = runs.get(desk.registry, run.record.id).record
    assert (last.summary, last.notes, last.tags) == ({"loss": 0.5}, "a word", ("b",))


@pytest.mark.parametrize("values", [{"a": "\ud800"}, {"a": object()}, {"\ud800": 1}])
def test_what_no_record_can_hold_is_refused_when_it_is_set_and_the_run_goes_on(
    desk: Desk, values: dict[str, object]
) -> None:
    run = desk.start()
    for setter in (run.update_config, run.update_summary):
        with pytest.raises(RecordError):
            setter(values)
    with pytest.raises(RecordError, match="'step' of a run cannot be kept"):
        run.log_step({"_step": 0, **values})
    run.log_step({"_step": 0, "ok": 1})
    run.finish("finished")
    assert steps(desk.git(f"show {ref(run)}:run/history.json")) == [{"_step": 0, "ok": 1}]


@pytest.mark.parametrize("labels", [{"notes": ["a"]}, {"notes": "\ud800"}, {"notes": "a" * 2_000_000}, {"tags": "a"}])
def test_labels_that_no_record_can_hold_are_refused_when_they_are_set_and_the_run_goes_on(
    desk: Desk, labels: dict[str, object]
) -> None:
    run = desk.start()
    with pytest.raises(RecordError):
        run.set_labels(labels)
    run.finish("finished")
    assert runs.get(desk.registry, run.record.id).record.notes == ""


def test_a_name_with_odd_characters_makes_a_subject_of_one_line(desk: Desk) -> None:
    run = desk.start("two\nlines\x1b[31m\u202e")
    run.log_artifact(desk.draft("m", "x", "odd\ntype"))
    run.finish("finished")
    assert desk.git(f"log -1 --format=%s {ref(run)}") == "finish two\\x0alines\\x1b[31m\\u202e (finished)"
    assert runs.get(desk.registry, run.record.id).record.name == "two\nlines\x1b[31m\u202e"


def test_the_history_is_in_the_last_commits_tree(desk: Desk) -> None:
    run = desk.start()
    for step in range(3):
        run.log_step({"_step": step, "loss": 1 / (step + 1), "text": "é\n"})
    run.finish("finished")
    rows = steps(desk.git(f"show {ref(run)}:run/history.json"))
    assert [(row["_step"], row["text"]) for row in rows] == [(0, "é\n"), (1, "é\n"), (2, "é\n")]
    assert desk.git(f"ls-tree -r --name-only {ref(run)}") == "run/history.json"
    assert not Journal.of(desk.registry.private, run.record.id).path.exists()
    empty = desk.start()
    empty.finish("finished")
    assert desk.git(f"ls-tree -r {ref(empty)}") == ""


def test_the_history_is_strict_json(desk: Desk) -> None:
    run = desk.start()
    run.log_step({"_step": 0, "loss": float("nan"), "bounds": [float("inf"), {"low": float("-inf")}], "ok": 1.5})
    run.finish("finished")

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    columns = json.loads(desk.git(f"show {ref(run)}:run/history.json"), parse_constant=refuse)
    assert columns == {"_step": [0], "loss": ["NaN"], "bounds": [["Infinity", {"low": "-Infinity"}]], "ok": [1.5]}


def test_a_big_history_is_kept_in_the_cache_and_uploaded(ada: Desk, world: World) -> None:
    run = ada.start()
    text = "x" * (trees.MAX_BLOB // 2)
    for step in range(3):
        run.log_step({"_step": step, "text": text})
    run.finish("finished")
    paths = ".dvc/.gitignore .dvc/config run/.gitignore run/history.json.dvc"
    assert ada.git(f"ls-tree -r --name-only {ref(run)}").split() == paths.split()
    pointer = yaml.safe_load(ada.git(f"show {ref(run)}:run/history.json.dvc"))["outs"][0]
    assert ada.publish().objects == 1
    stored = world.storage / "files" / "md5" / pointer["md5"][:2] / pointer["md5"][2:]
    assert [step["_step"] for step in steps(stored.read_text())] == [0, 1, 2]
    # and stock DVC finds it by what the commit says
    there = ada.sh(
        f"git clone --quiet '{world.server}' ../there && cd ../there && git fetch --quiet origin {ref(run)} &&"
        " git checkout --quiet FETCH_HEAD && dvc pull --quiet && cat run/history.json"
    )
    assert len(steps(there)) == 3


def test_an_id_is_taken_once_here_or_on_the_remote(ada: Desk, bob: Desk) -> None:
    run = ada.start()
    again = RunRecord(id=run.record.id, name="n", code=run.record.code)
    with pytest.raises(UsageError, match=f"run '{run.record.id}' is still going on, in process {os.getpid()}"):
        LiveRun.start(ada.registry, again)
    run.log_artifact(ada.draft("m", "x"))
    run.finish("finished")
    with pytest.raises(UsageError, match="is taken"):
        LiveRun.start(ada.registry, again)
    ada.publish()
    bob.fetch()
    with pytest.raises(UsageError, match="is taken"):
        LiveRun.start(bob.registry, again)


def test_a_run_that_cannot_start_leaves_nothing(desk: Desk) -> None:
    nowhere = Code(desk.oid("HEAD").parse("1" * 40), snapshot=False)
    with pytest.raises(GitError, match="nonexistent object"):
        desk.start(code=nowhere)
    assert list((desk.registry.private / "journal").iterdir()) == []
    assert desk.refs("refs/gitreg") == []


ATTACHED = """
import sys
from pathlib import Path
from gitreg.git.runner import Git
from gitreg.records.names import CollectionName, Reference, RunId
from gitreg.registry import resolve
from gitreg.registry.draft import Draft
from gitreg.registry.live import LiveRun
from gitreg.registry.repository import Registry

registry = Registry(Git.discover(Path(".")))
run = LiveRun.attach(registry, RunId(sys.argv[1]))
assert run.record.config == {"lr": 0.1}, run.record
assert run.step == 1
run.update_summary({"loss": 0.5})
run.log_step({"_step": 1, "loss": 0.5})
Path(".git/child").write_text("made by a child")
print(run.log_artifact(Draft(CollectionName.parse("m"), "model", {"x": Path(".git/child")}))[0].commit)
run.detach()
registry.close()
"""


def test_another_process_goes_on_with_the_run(desk: Desk) -> None:
    data = desk.log("data", "d", "dataset")
    run = desk.start()
    run.update_config({"lr": 0.1})
    run.use(data)
    run.log_step({"_step": 0})
    run.detach()
    command = [sys.executable, "-c", ATTACHED, run.record.id]
    printed = subprocess.run(command, cwd=desk.path, check=True, capture_output=True).stdout.decode().strip()
    back = LiveRun.attach(desk.registry, run.record.id)
    assert (back.record.inputs, back.record.summary, back.step) == ((), {"loss": 0.5}, 2)
    back.finish("finished")
    found = runs.get(desk.registry, run.record.id)
    assert [str(oid) for oid in found.outputs] == [printed]
    assert [str(use.version) for use in found.inputs] == ["data:v0"]
    assert desk.git(f"log -1 --format=%P {printed}").split() == [desk.git("rev-parse HEAD"), str(data.commit)]
    assert len(steps(desk.git(f"show {ref(run)}:run/history.json"))) == 2


def test_a_line_that_was_cut_off_is_not_glued_to_the_next(desk: Desk) -> None:
    run = desk.start()
    run.update_config({"a": 1})
    run.detach()
    path = Journal.of(desk.registry.private, run.record.id).path
    with path.open("ab") as file:
        file.write(b'{"config":{"b":')
    back = LiveRun.attach(desk.registry, run.record.id)
    back.update_config({"c": 3})
    back.detach()
    again = LiveRun.attach(desk.registry, run.record.id)
    assert again.record.config == {"a": 1, "c": 3}
    again.finish("crashed")
    assert runs.get(desk.registry, run.record.id).record.state == "crashed"


def test_a_run_that_is_not_live_here_cannot_be_attached_to(desk: Desk) -> None:
    with pytest.raises(NotFoundError, match="run 'abc' is not live here"):
        LiveRun.attach(desk.registry, RunId("abc"))
    Journal.of(desk.registry.private, RunId("abc")).create()
    with pytest.raises(UsageError, match="has not started yet"):
        LiveRun.attach(desk.registry, RunId("abc"))


def test_publishing_in_the_middle_of_a_run_and_going_on(ada: Desk, bob: Desk) -> None:
    run = ada.start()
    first, _ = run.log_artifact(ada.draft("m", "x"))
    assert ada.publish().refused == []
    assert ada.refs("refs/gitreg/runs", "refs/gitreg/drafts") == []
    bob.fetch()
    assert runs.get(bob.registry, run.record.id).record.state == "running"
    second, _ = run.log_artifact(ada.draft("m", "y"))
    run.log_step({"_step": 0})
    assert ada.git(f"log -1 --format=%P {second.commit}") == str(first.commit)
    agrees(ada.path, "m:v1")
    run.finish("finished")
    assert ada.publish().refused == []
    bob.fetch()
    found = runs.get(bob.registry, run.record.id)
    assert (found.record.state, found.outputs) == ("finished", (first.commit, second.commit))
    agrees(bob.path, "m:v1")


def test_a_run_goes_on_from_what_it_made_should_the_remote_lose_it(ada: Desk, world: World) -> None:
    run = ada.start()
    first, _ = run.log_artifact(ada.draft("m", "x"))
    ada.publish()
    world.on_server(f"git update-ref -d {ref(run)}")
    ada.fetch()
    second, _ = run.log_artifact(ada.draft("m", "y"))
    assert ada.git(f"log -1 --format=%P {second.commit}") == str(first.commit)
    run.finish("finished")
    assert ada.publish().refused == []
    assert runs.get(ada.registry, run.record.id).outputs == (first.commit, second.commit)


def test_a_run_that_has_logged_nothing_is_not_published(ada: Desk, world: World) -> None:
    run = ada.start()
    report = ada.publish()
    assert (report.runs, world.published()) == (0, [])
    run.finish("finished")
    assert ada.publish().runs == 1
    assert len(world.published()) == 1


def test_who_mistypes_a_runs_id_is_told_which_was_meant(desk: Desk) -> None:
    run = desk.start()
    run.finish("finished")
    last = "1" if run.record.id.endswith("0") else "0"
    with pytest.raises(NotFoundError) as caught:
        runs.get(desk.registry, RunId(run.record.id[:-1] + last))
    assert caught.value.hint == f"did you mean '{run.record.id}'?"
    assert runs.tip(desk.registry, run.record.id) == desk.oid(ref(run))


def test_what_another_process_of_the_run_used_is_not_lost_with_a_commit(desk: Desk) -> None:
    first, second = desk.log("a", "1"), desk.log("b", "2")
    run = desk.start()
    other = LiveRun.attach(desk.registry, run.record.id)
    run.use(first)
    other.use(second)
    run.log_artifact(desk.draft("m", "weights"))
    run.detach()
    other.detach()
    ending = LiveRun.attach(desk.registry, run.record.id)
    ending.finish("finished")
    inputs = runs.get(desk.registry, run.record.id).inputs
    assert {str(use.version) for use in inputs} == {"a:v0", "b:v0"}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs whose journals are read from now on, in order."""
    whole, found = Journal.events, []

    def counted(journal: Journal) -> Iterator[tuple[str, object]]:
        found.append(journal.path.stem)
        return whole(journal)

    monkeypatch.setattr(Journal, "events", counted)
    return found


def test_the_journal_of_a_run_is_read_once_for_what_it_says_and_once_for_its_steps(desk: Desk, read: list[str]) -> None:
    run = desk.start()
    run.update_summary({"loss": 1})
    assert facts.of_run(desk.registry, run.record.id).record.summary == {"loss": 1}
    run.log_artifact(desk.draft("m", "x"))
    assert facts.of_run(desk.registry, run.record.id).state == "running"
    assert read == [run.record.id] * 4


def test_to_find_a_run_by_name_no_journal_is_read_of_a_run_with_a_commit(desk: Desk, read: list[str]) -> None:
    young, old = desk.start("young"), desk.start("old")
    old.log_artifact(desk.draft("m", "x"))
    assert order.named(desk.registry, "young") == [young.record.id]
    assert order.named(desk.registry, "old") == [old.record.id]
    assert read == [young.record.id] * 2


def test_a_run_whose_commits_are_broken_is_named_while_it_goes_on_and_else_hides_nothing(desk: Desk) -> None:
    young, broken = desk.start("young"), desk.start("broken")
    bad = desk.git("commit-tree HEAD^{tree} -p HEAD -m x -m 'Gitreg-Run: [x]'")
    desk.git(f"update-ref {ref(broken)} {bad}")
    with pytest.raises(RecordError, match=f"commit {bad[:10]}"):
        order.named(desk.reopen(), "young")
    broken.detach()
    # one that does not begin is of a run that is as it was
    Journal.of(desk.registry.private, broken.record.id).path.write_text("")
    assert order.named(desk.reopen(), "young") == [young.record.id]
