"""A run that was killed keeps what it had logged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from conftest import Shell
from desks import Desk, World
from gitreg.errors import NotFoundError, RefusedError, UsageError
from gitreg.git.refs import Change
from gitreg.records.names import RunId
from gitreg.records.objects import ZERO
from gitreg.registry import going, recover, runs
from gitreg.registry.journal import Journal
from gitreg.registry.live import LiveRun
from helpers import agrees, steps

SCRIPT = """
import os, signal, sys
import gitreg
with gitreg.init(config={"lr": 0.1}, job_type="train") as run:
    run.use_artifact("data:v0")
    for step in range(3):
        run.log({"loss": 1 / (step + 1)})
    run.log({"open": 1}, commit=False)
    run.log({"still": 2}, commit=False)
    # what is logged is on disk a little later
    while b"still" not in open(f".git/gitreg/journal/{run.id}.jsonl", "rb").read():
        pass
    print(run.id, flush=True)
    if sys.argv[1:] == ["log"]:
        open("weights", "w").write("w")
        run.log_model("weights", name="m")
        run.summary["after"] = True
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(desk: Desk, *arguments: str) -> RunId:
    """A script that kills itself in the middle of its run; the run's id."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], cwd=desk.path, capture_output=True, check=False, text=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return RunId(done.stdout.strip())


def journal(desk: Desk, run_id: RunId) -> Journal:
    return Journal.of(desk.registry.private, run_id)


def test_a_killed_run_is_recovered_with_all_that_it_had_logged(desk: Desk) -> None:
    desk.log("data", "d", "dataset")
    run_id = killed(desk)
    assert going.dead_runs(desk.registry) == [run_id]
    os.utime(journal(desk, run_id).path, (1e9, 1e9))
    done = recover.recover(desk.registry)
    assert [record.id for record in done.runs] == [run_id]
    run = runs.get(desk.registry, run_id)
    assert (run.record.state, run.record.ended) == ("crashed", "2001-09-09T01:46:40Z")
    assert (run.record.config, run.record.job_type) == ({"lr": 0.1}, "train")
    assert run.record.summary["loss"] == pytest.approx(1 / 3)
    assert [str(use.version) for use in run.inputs] == ["data:v0"]
    rows = steps(desk.git(f"show {run.tip.oid}:run/history.json"))
    assert [row["_step"] for row in rows] == [0, 1, 2, 3]
    # also of a step that was not complete
    assert {key: value for key, value in rows[3].items() if key[0] != "_"} == {"open": 1, "still": 2}
    assert run.record.summary["still"] == 2
    assert not journal(desk, run_id).path.exists()
    assert recover.recover(desk.registry).runs == []


def test_what_it_made_stays_and_what_it_said_after_is_kept(desk: Desk) -> None:
    desk.log("data", "d", "dataset")
    run_id = killed(desk, "log")
    recover.recover(desk.registry)
    run = runs.get(desk.registry, run_id)
    assert (run.record.state, run.record.summary["after"], len(run.commits)) == ("crashed", True, 2)
    assert run.outputs == (desk.version("m:v0").commit,)
    agrees(desk.path, "m:v0")


def test_the_next_run_of_a_script_recovers_it_and_says_so(desk: Desk) -> None:
    desk.log("data", "d", "dataset")
    run_id = killed(desk)
    code = "import gitreg; gitreg.init().finish()"
    done = subprocess.run([sys.executable, "-c", code], cwd=desk.path, capture_output=True, check=True, text=True)
    assert "was killed; what it had logged is recorded, as crashed" in done.stderr
    assert runs.get(desk.reopen(), run_id).record.state == "crashed"


def test_the_command_line_recovers_one_or_all_and_a_run_called_recover_can_be_run(desk: Desk, sh: Shell) -> None:
    desk.log("data", "d", "dataset")
    first, second = killed(desk), killed(desk)
    # the second script has recovered the first run
    assert runs.get(desk.reopen(), first).record.state == "crashed"
    assert f"({second}) was killed" in sh("gitreg run recover 2>&1", cwd=desk.path)
    assert sh("gitreg run recover 2>&1", cwd=desk.path) == "no run was killed here\n"
    third = killed(desk)
    assert third in sh(f"gitreg run recover {third} 2>&1", cwd=desk.path)
    assert "is not live here" in sh(f"gitreg run recover {third} 2>&1 || true", cwd=desk.path)
    program = desk.path / ".git" / "recover"
    program.write_text("#!/bin/sh\necho a command\n")
    program.chmod(0o755)
    assert "a command" in sh("PATH=.git:$PATH gitreg run -- recover", cwd=desk.path)


def test_until_then_it_is_listed_as_crashed(desk: Desk, sh: Shell) -> None:
    desk.log("data", "d", "dataset")
    run_id = killed(desk)
    lines = sh("gitreg runs 2>&1", cwd=desk.path).splitlines()
    assert [line.split()[2] for line in lines if f" {run_id} " in line] == ["crashed"]
    assert lines[-1] == "1 run killed and not recorded yet: gitreg run recover"


def test_a_run_that_has_a_process_is_left_alone(desk: Desk) -> None:
    run = desk.start()
    assert going.dead_runs(desk.registry) == []
    assert recover.recover(desk.registry).runs == []
    with pytest.raises(RefusedError, match=f"run '{run.record.id}' is going on"):
        recover.recover(desk.registry, run.record.id)
    with pytest.raises(NotFoundError, match="run 'abc' is not live here"):
        recover.recover(desk.registry, RunId("abc"))
    run.finish("finished")


def test_a_run_goes_on_while_its_command_does_whoever_started_it(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "fifo.sh").write_text(f"mkfifo {tmp_path}/go && echo ready >{tmp_path}/ready && cat {tmp_path}/go\n")
    os.mkfifo(tmp_path / "ready")
    command = [str(Path(sys.executable).parent / "gitreg"), "run", "--", "sh", str(tmp_path / "fifo.sh")]
    starter = subprocess.Popen(command, cwd=desk.path, stderr=subprocess.DEVNULL)
    assert (tmp_path / "ready").read_text() == "ready\n"
    starter.kill()
    starter.wait()
    [found] = Journal.all_in(desk.registry.private)
    assert found.is_held
    (tmp_path / "go").write_text("")
    while found.is_held:
        pass
    assert [record.state for record in recover.recover(desk.registry).runs] == ["crashed"]


def test_a_run_that_was_there_for_one_artifact_only_and_has_none_never_was(desk: Desk) -> None:
    run = desk.start()
    brief = LiveRun.start(desk.registry, replace(run.record, id=RunId("brief1")), brief=True)
    brief.detach()
    run.detach()
    done = recover.recover(desk.registry)
    assert [record.id for record in done.runs] == [run.record.id]
    assert desk.refs("refs/gitreg/runs") == [f"refs/gitreg/runs/{run.record.id[:2]}/{run.record.id}"]


def test_a_last_commit_that_was_written_and_not_noted_is_not_written_again(desk: Desk) -> None:
    run = desk.start()
    run.log_artifact(desk.draft("m", "x"))
    text = journal(desk, run.record.id).path.read_bytes()
    run.finish("finished")
    tip = runs.tip(desk.registry, run.record.id)
    journal(desk, run.record.id).path.write_bytes(text)
    assert [(record.id, record.state) for record in recover.recover(desk.registry).runs] == [
        (run.record.id, "finished")
    ]
    assert runs.tip(desk.registry, run.record.id) == tip
    assert Journal.all_in(desk.registry.private) == []


def test_a_commit_that_was_written_and_not_noted_keeps_its_inputs_to_itself(desk: Desk) -> None:
    data = desk.log("data", "d", "dataset")
    run = desk.start()
    run.use(data)
    path = journal(desk, run.record.id).path
    text = path.read_bytes()
    version, _ = run.log_artifact(desk.draft("m", "x"))
    run.detach()
    path.write_bytes(text)
    again = LiveRun.attach(desk.registry, run.record.id)
    assert again.record.inputs == ()
    again.finish("finished")
    found = runs.get(desk.registry, run.record.id)
    assert ([str(use.version) for use in found.inputs], found.outputs) == (["data:v0"], (version.commit,))


def test_a_kill_between_the_draft_and_the_runs_ref_loses_neither(ada: Desk, world: World) -> None:
    run = ada.start()
    first, _ = run.log_artifact(ada.draft("m", "x"))
    second, _ = run.log_artifact(ada.draft("m", "y"))
    ref = f"refs/gitreg/runs/{run.record.id[:2]}/{run.record.id}"
    # as a transaction is left that was killed half-way, twice over
    ada.registry.refs.change([Change(ref, second.commit, run.record.code.commit)])
    run.detach()
    recover.recover(ada.registry)
    found = runs.get(ada.registry, run.record.id)
    assert (found.record.state, found.outputs) == ("crashed", (first.commit, second.commit))
    assert ada.publish().refused == []
    assert len(world.published()) == 3


def test_a_run_without_its_ref_is_recovered(desk: Desk) -> None:
    run = desk.start()
    run.update_summary({"loss": 1})
    run.detach()
    desk.registry.refs.change(
        [Change(f"refs/gitreg/runs/{run.record.id[:2]}/{run.record.id}", run.record.code.commit, ZERO)]
    )
    recover.recover(desk.registry)
    assert runs.get(desk.registry, run.record.id).record.summary == {"loss": 1}


def test_a_journal_that_cannot_be_read_is_reported_and_hides_no_other(desk: Desk) -> None:
    run = desk.start()
    run.detach()
    folder = desk.registry.private / "journal"
    (folder / "newer.jsonl").write_text('{"start":{"schema":99}}\n')
    (folder / "no.run.id!.jsonl").write_text("somebody's\n")
    (folder / "young.jsonl").write_text("")
    (folder / "old.jsonl").write_text("")
    os.utime(folder / "old.jsonl", (1e9, 1e9))
    done = recover.recover(desk.registry)
    assert [record.id for record in done.runs] == [run.record.id]
    assert {name: type(error).__name__ for name, error in done.failed.items()} == {"newer": "NewerSchemaError"}
    assert sorted(path.name for path in folder.iterdir()) == ["newer.jsonl", "no.run.id!.jsonl", "young.jsonl"]


def test_what_is_logged_to_a_run_that_another_process_has_ended_is_refused_and_not_lost_silently(desk: Desk) -> None:
    run = desk.start()
    other = LiveRun.attach(desk.registry, run.record.id)
    run.finish("finished")
    with pytest.raises(UsageError, match="has been ended by another process"):
        other.update_summary({"late": 1})
    other.detach()
    with pytest.raises(NotFoundError, match="is not live here"):
        other.update_summary({"late": 1})
    assert Journal.all_in(desk.registry.private) == []


def test_the_time_of_the_last_sign_is_utc(desk: Desk) -> None:
    run = desk.start()
    path = journal(desk, run.record.id).path
    moment = datetime(2026, 3, 1, 23, 59, 59, tzinfo=timezone.utc).timestamp()
    os.utime(path, (moment, moment))
    assert journal(desk, run.record.id).last_sign == "2026-03-01T23:59:59Z"
    run.finish("finished")
