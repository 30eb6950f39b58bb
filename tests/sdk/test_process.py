"""How a process ends, and what it leaves: each test is a script in a Python of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import gitreg
from conftest import Shell


def script(project: Path, text: str, *, status: int = 0) -> str:
    """Run a script with all warnings on; its standard error."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", text],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    return done.stderr


def test_a_run_that_nobody_finished_is_finished_when_the_process_ends(project: Path) -> None:
    assert script(project, "import gitreg; gitreg.init(id='a').log({'x': 1}, commit=False)") == ""
    run = gitreg.Api().run("a")
    assert (run.state, run.summary) == ("finished", {"x": 1})


def test_an_unhandled_exception_fails_every_open_run(project: Path) -> None:
    text = "import gitreg; gitreg.init(id='a'); gitreg.init(id='b', reinit='create_new'); 1 / 0"
    assert script(project, text, status=1).splitlines()[-1] == "ZeroDivisionError: division by zero"
    assert [(run.id, run.state) for run in gitreg.Api().runs()] == [("a", "failed"), ("b", "failed")]


@pytest.mark.parametrize(
    ("code", "status", "state"), [("3", 3, "failed"), ("'bad'", 1, "failed"), ("0", 0, "finished"), ("", 0, "finished")]
)
def test_the_code_of_sys_exit_is_how_the_run_ended(project: Path, code: str, status: int, state: str) -> None:
    script(project, f"import gitreg, sys; gitreg.init(id='a'); sys.exit({code})", status=status)
    assert gitreg.Api().run("a").state == state


def test_sys_exit_is_given_back_when_no_run_is_open(project: Path) -> None:
    before = sys.exit
    with gitreg.init(), gitreg.init(reinit="create_new"):
        assert sys.exit != before
    assert sys.exit is before


def test_who_else_wraps_sys_exit_is_called_once(project: Path) -> None:
    text = """
import gitreg, sys
with gitreg.init():
    ours = sys.exit
    sys.exit = lambda status: (print('mine', file=sys.stderr), ours(status))
gitreg.init(id='b')
sys.exit(4)
"""
    assert script(project, text, status=4) == "mine\n"
    assert gitreg.Api().run("b").state == "failed"


def test_an_exit_that_the_program_catches_fails_no_later_run(project: Path) -> None:
    text = """
import gitreg, sys
with gitreg.init(id='a'):
    try:
        sys.exit(2)
    except SystemExit as error:
        assert error.code == 2
gitreg.init(id='b')
"""
    script(project, text)
    assert [(run.id, run.state) for run in gitreg.Api().runs()] == [("a", "finished"), ("b", "finished")]


def test_the_excepthook_that_was_there_is_called(project: Path) -> None:
    text = "import gitreg, sys; sys.excepthook = lambda *a: print('mine', file=sys.stderr); gitreg.init(id='a'); 1 / 0"
    assert script(project, text, status=1) == "mine\n"
    assert gitreg.Api().run("a").state == "failed"


def test_a_forked_process_does_not_end_its_parents_run(project: Path) -> None:
    text = """
import gitreg, os, sys
run = gitreg.init(id='a')
artifact = run.log_artifact('README', name='readme')
child = os.fork()
if child == 0:
    assert artifact.get_entry('README').size == 10
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
assert gitreg.Api().run('a').state == 'running'
assert gitreg.Api().artifact('readme').commit == artifact.commit
run.log({'x': 1})
"""
    assert script(project, text) == ""
    run = gitreg.Api().run("a")
    assert (run.state, run.summary) == ("finished", {"x": 1})


def test_an_artifact_outlives_its_run_and_leaves_no_process(project: Path) -> None:
    text = """
import gitreg
with gitreg.init() as run:
    artifact = run.log_artifact('README', name='readme')
artifact.download('x')
artifact.verify('x')
"""
    assert script(project, text) == ""


@pytest.mark.parametrize("change", ["staged", "unstaged", "untracked", "detached", "unborn"])
def test_logging_touches_nothing_of_the_users(project: Path, sh: Shell, change: str) -> None:
    changes = {
        "staged": "echo 1 >>README && git add README",
        "unstaged": "echo 1 >>README",
        "untracked": "echo 1 >new.py",
        "detached": "git checkout --quiet --detach",
        "unborn": "git checkout --quiet --orphan empty && git rm --quiet -r --cached . && git add .dvc",
    }
    sh(changes[change], cwd=project)
    look = (
        "cat .git/HEAD; sha256sum .git/index; git for-each-ref refs/heads refs/stash; "
        "find . -path ./.git -prune -o -path ./.dvc/cache -prune -o -type f -exec sha256sum {} + | sort"
    )
    before = sh(look, cwd=project)
    script(
        project,
        """
import gitreg
with gitreg.init(config={'a': 1}) as run:
    run.log_artifact('README', name='readme')
    run.log({'x': 1})
with gitreg.init() as run:
    run.use_artifact('readme').files()
    run.link_model('README', 'Readme')
gitreg.Api().runs()
""",
    )
    assert sh(look, cwd=project) == before
    assert sh("git fsck --strict --no-dangling", cwd=project) == ""
