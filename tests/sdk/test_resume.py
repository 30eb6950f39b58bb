"""Going on with a run that has ended, and several processes that are one run."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import gitreg
from gitreg.errors import ConfigError


def ended(run_id: str = "one", **arguments: Any) -> None:
    with gitreg.init(id=run_id, **arguments) as run:
        run.log({"loss": 3})
        run.log({"loss": 1})
        run.log_artifact("README", name="readme")


@pytest.mark.parametrize("resume", ["allow", "must", "auto", True])
def test_a_run_that_has_ended_goes_on(project: Path, resume: Any) -> None:
    ended(config={"lr": 0.1}, job_type="train")
    with gitreg.init(id="one", resume=resume, config={"epochs": 5}, tags=["late"]) as run:
        assert (run.resumed, run.step, run.starting_step, run.job_type) == (True, 2, 2, "train")
        assert dict(run.config) == {"lr": 0.1, "epochs": 5}
        assert dict(run.summary) == {"loss": 1}
        run.log({"loss": 2})
        run.use_artifact("readme")
        run.log_artifact(".git/HEAD", name="branch")
    found = gitreg.Api().run("one")
    assert (found.state, found.summary, found.tags) == ("finished", {"loss": 2}, ["late"])
    assert [artifact.name for artifact in found.logged_artifacts()] == ["readme:v0", "branch:v0"]
    assert [artifact.name for artifact in found.used_artifacts()] == ["readme:v0"]


def test_a_run_that_is_about_to_go_on_is_still_what_it_was(project: Path) -> None:
    ended()
    journal = project / ".git/gitreg/journal/one.jsonl"
    # resuming copies the steps, and says last that the run goes on
    journal.write_text('{"step":{"_step":0,"_timestamp":1.0,"loss":3}}\n')
    api = gitreg.Api()
    assert [(run.id, run.state) for run in api.runs()] == [("one", "finished")]
    assert [row["loss"] for row in api.run("one").scan_history()] == [3, 1]
    shown = subprocess.run(["gitreg", "show", "one"], cwd=project, capture_output=True, check=True, text=True)
    assert " 2 steps" in shown.stdout


def test_tags_are_added_to_those_of_before(project: Path) -> None:
    ended(tags=["early"])
    with gitreg.init(id="one", resume="must", tags=["late", "early"]) as run:
        assert run.tags == ("early", "late")


def test_other_code_than_the_run_began_with_is_told(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    (project / "train.py").write_text("print(1)\n")
    ended()
    gitreg.init(id="one", resume="must").finish()
    assert "the code is not" not in caplog.text
    (project / "train.py").write_text("print(2)\n")
    gitreg.init(id="one", resume="must").finish()
    assert "the code is not what run" in caplog.text


@pytest.mark.parametrize("resume", ["allow", "never", None, False])
def test_a_run_that_is_not_there_starts(project: Path, resume: Any) -> None:
    with gitreg.init(id="one", resume=resume) as run:
        assert (run.id, run.resumed, run.starting_step) == ("one", False, 0)


def test_must_refuses_without_a_run_and_never_with_one(project: Path) -> None:
    with pytest.raises(gitreg.UsageError, match="run 'one' cannot be resumed: it is not here"):
        gitreg.init(id="one", resume="must")
    with pytest.raises(gitreg.UsageError, match="which run is to be resumed is not said"):
        gitreg.init(resume="must")
    ended()
    for resume in ("never", None):
        with pytest.raises(gitreg.UsageError, match="'one' is taken") as caught:
            gitreg.init(id="one", resume=resume)
        assert caught.value.hint
        assert 'resume="allow"' in caught.value.hint
    assert gitreg.run is None


def test_a_config_stays_unless_its_change_is_allowed(project: Path) -> None:
    ended(config={"epochs": 5})
    with pytest.raises(ConfigError, match="config of run 'one': 'epochs' is 5 and would become 6"):
        gitreg.init(id="one", resume="must", config={"epochs": 6})
    assert gitreg.Api().run("one").state == "finished"
    with gitreg.init(id="one", resume="must", config={"epochs": 6}, allow_val_change=True) as run:
        assert run.config.epochs == 6


def test_nan_in_a_config_is_nan_again(project: Path) -> None:
    for _ in range(2):
        gitreg.init(id="one", resume="allow", config={"x": float("nan")}).finish()
    assert gitreg.Api().run("one").state == "finished"


@pytest.mark.parametrize("resume", ["allow", "must", "never", None])
def test_a_run_that_is_still_going_on_is_said_to(project: Path, resume: Any) -> None:
    with (
        gitreg.init(id="one"),
        pytest.raises(gitreg.UsageError, match=f"run 'one' is still going on, in process {os.getpid()}") as caught,
    ):
        gitreg.init(id="one", resume=resume, reinit="create_new")
    assert caught.value.hint
    assert 'mode="shared"' in caught.value.hint
    assert gitreg.Api().run("one").state == "finished"


@pytest.mark.parametrize("resume", ["allow", "must", "never", None])
def test_a_run_that_was_killed_and_cannot_be_recorded_is_said_to_be(project: Path, resume: Any) -> None:
    killed("gitreg.init(id='one')")
    with (project / ".git/gitreg/journal/one.jsonl").open("a") as journal:
        journal.write('{"labels":{"notes":["a"]}}\n')
    with pytest.raises(gitreg.UsageError, match="run 'one' was killed and is not recorded yet") as caught:
        gitreg.init(id="one", resume=resume)
    assert caught.value.hint == "gitreg run recover one"


def test_what_define_metric_said_goes_on_too(project: Path) -> None:
    with gitreg.init(id="one") as run:
        run.define_metric("loss", summary="min,mean", step_metric="epoch")
        run.log({"loss": 3, "epoch": 1})
        run.log({"loss": 1, "epoch": 2})
    with gitreg.init(id="one", resume="must") as run:
        run.log({"loss": 2})
        assert dict(run.summary) == {"loss": {"min": 1, "mean": 2.0}, "epoch": 2}


def killed(text: str) -> None:
    """Run a script that kills itself in the middle."""
    script = f"import gitreg, os, signal\n{text}\nos.kill(os.getpid(), signal.SIGKILL)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL


class TestAuto:
    def test_goes_on_with_the_run_that_was_killed(self, project: Path, caplog: pytest.LogCaptureFixture) -> None:
        killed("run = gitreg.init(resume='auto', id='one'); run.log({'loss': 1}); run.log_artifact('README', name='r')")
        with gitreg.init(resume="auto") as run:
            assert (run.id, run.resumed, run.step, dict(run.summary)) == ("one", True, 1, {"loss": 1})
        assert gitreg.Api().run("one").state == "finished"
        with gitreg.init(resume=True) as run:
            assert (run.id != "one", run.resumed) == (True, False)

    def test_goes_on_with_the_run_that_failed(self, project: Path) -> None:
        with pytest.raises(ZeroDivisionError), gitreg.init(resume="auto") as first:
            raise ZeroDivisionError
        with gitreg.init() as other:
            assert other.id != first.id
        with gitreg.init(resume="auto") as run:
            assert run.id == first.id


def test_the_environment_can_ask_for_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended()
    monkeypatch.setenv("GITREG_RUN_ID", "one")
    monkeypatch.setenv("GITREG_RESUME", "must")
    with gitreg.init() as run:
        assert run.resumed


def test_it_is_said(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    ended()
    with caplog.at_level(logging.INFO, "gitreg"), gitreg.init(id="one", resume="must"):
        assert caplog.messages[0].endswith(", goes on at step 2")


def test_processes_that_share_an_id_are_one_run(project: Path) -> None:
    script = """
import gitreg, sys
with gitreg.init(id="one", mode="shared") as run:
    print(run.status().attached, flush=True)
    sys.stdin.readline()
    run.summary[sys.argv[1]] = 1
    run.log_artifact("README", name=f"readme-{sys.argv[1]}")
"""

    def process(name: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", script, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    with process("a") as first:
        assert first.stdout
        assert first.stdout.readline() == "False\n"
        with process("b") as second:
            assert second.stdout
            assert second.stdout.readline() == "True\n"
            second.communicate("go\n")
        first.communicate("go\n")
    assert (first.returncode, second.returncode) == (0, 0)
    run = gitreg.Api().run("one")
    assert (run.state, run.summary) == ("finished", {"b": 1, "a": 1})
    assert [artifact.name for artifact in run.logged_artifacts()] == ["readme-b:v0", "readme-a:v0"]


def test_many_that_start_at_once_are_one_run(project: Path) -> None:
    script = "import gitreg, sys; run = gitreg.init(id='one', mode='shared'); print('up', flush=True); sys.stdin.read()"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(4)
    ]
    for process in started:
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
    for process in started:
        process.communicate()
        assert process.returncode in (0, 1)
    assert gitreg.Api().run("one").state == "finished"
    assert os.listdir(project / ".git" / "gitreg" / "journal") == []  # noqa: PTH208  # names are enough


def shared(text: str) -> subprocess.Popen[str]:
    """A process that takes part in run `one`, and goes on after each line that it has printed when it is sent one."""
    script = f"""
import gitreg, sys
def turn():
    print(flush=True)
    sys.stdin.readline()
run = gitreg.init(id="one", mode="shared")
turn()
{text}
"""
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", script], stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def turn(process: subprocess.Popen[str]) -> None:
    """Have it go on to where it waits next."""
    assert process.stdin
    assert process.stdout
    process.stdin.write("\n")
    process.stdin.flush()
    process.stdout.readline()


def test_the_summary_is_of_all_who_take_part_in_the_order_in_which_they_said_it(project: Path) -> None:
    logs = "run.log({NAME: 1, 'both': NAME}); turn(); run.log({NAME: 2, 'both': NAME}); run.config[NAME] = 1; turn()"
    with shared(logs.replace("NAME", "'a'")) as first:
        assert first.stdout
        first.stdout.readline()
        with shared(logs.replace("NAME", "'b'")) as second:
            assert second.stdout
            second.stdout.readline()
            for process in (first, second, second):
                turn(process)
            assert second.communicate("\n")[1] == ""
        turn(first)
        assert first.communicate("\n")[1] == ""
    run = gitreg.Api().run("one")
    assert (run.summary, run.config) == ({"a": 2, "b": 2, "both": "a"}, {"a": 1, "b": 1})


def test_whoever_leaves_after_the_end_is_told_what_is_lost(project: Path) -> None:
    with shared("run.log({'a': 1})") as first:
        assert first.stdout
        first.stdout.readline()
        logs = """
run.log({'b': 1})
turn()
try:
    run.log({'b': 2})
    run._live._journal.flush()
except gitreg.UsageError as error:
    assert "has been ended by another process" in str(error), error
else:
    raise SystemExit("nothing was said")
run._live._journal._waiting = [b'{}']
run.finish()
run.finish()
"""
        with shared(logs) as second:
            assert second.stdout
            second.stdout.readline()
            turn(second)
            assert first.communicate("\n")[1] == ""
            said = second.communicate("\n")[1]
    assert (first.returncode, second.returncode) == (0, 0)
    assert said == "run 'one' has been ended by another process; the last 1 of what this one was told are lost\n"
    assert gitreg.Api().run("one").summary == {"b": 1, "a": 1}


def test_what_is_logged_just_before_the_end_is_kept(project: Path) -> None:
    with shared("turn()") as first:
        assert first.stdout
        first.stdout.readline()
        # the second line waits to be written with others, and nobody asks for it
        with shared("run.log({'b': 1}); run.log({'b': 2}); turn()") as second:
            assert second.stdout
            second.stdout.readline()
            turn(second)
            turn(first)
            assert first.communicate("\n")[1] == ""
            assert second.communicate("\n")[1] == ""
    assert gitreg.Api().run("one").summary == {"b": 2}


def test_the_summary_holds_what_forked_processes_logged(project: Path) -> None:
    with gitreg.init(id="one") as run:
        child = os.fork()
        if child == 0:
            run.log({"child": 1})
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        run.log({"parent": 1})
    assert gitreg.Api().run("one").summary == {"child": 1, "parent": 1}
