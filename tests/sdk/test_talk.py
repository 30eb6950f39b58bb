"""What the SDK tells of itself: nothing in a script that did not ask, a few lines at a prompt."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

STORY = """\
import gitreg
run = gitreg.init(name="one")
logged = run.log_artifact("x", name="data", type="t")
again = run.log_artifact("x", name="data", type="t")
run.finish()
"""
TOLD = r"""run one \((\w+)\) in \S+/repo, code \w+ with uncommitted changes
logged data:v0: 1 file, 2 bytes
the same content is data:v0 already; no new version was made
run one finished; 'gitreg drop \1' takes it back
"""
SET_UP = "import logging\nlogging.basicConfig(level='INFO', format='%(message)s')\n"


@pytest.fixture
def repository(repo: Path) -> Path:
    """A repository with something to log that is not committed."""
    (repo / "x").write_text("1\n")
    (repo / "README").write_text("changed\n")
    return repo


def said(repository: Path, script: str, *flags: str) -> str:
    """What Python says on standard error when it is given this script line by line; it prints nothing else."""
    done = subprocess.run(
        [sys.executable, *flags],
        input=script,
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ""
    return done.stderr.replace(">>> ", "").strip("\n") + "\n"


def test_a_script_that_did_not_ask_hears_nothing(repository: Path) -> None:
    assert said(repository, STORY) == "\n"


def test_a_script_hears_what_was_done_when_it_shows_info(repository: Path) -> None:
    assert re.fullmatch(TOLD, said(repository, SET_UP + STORY))


def test_somebody_at_a_prompt_sees_it(repository: Path) -> None:
    assert re.fullmatch(TOLD, said(repository, STORY, "-i", "-q"))


@pytest.mark.parametrize("script", [SET_UP + STORY, STORY.replace("\n", f"\n{SET_UP}", 1)])
def test_somebody_at_a_prompt_who_has_set_logging_up_sees_it_once(repository: Path, script: str) -> None:
    assert re.fullmatch(TOLD, said(repository, script, "-i", "-q"))


def test_logging_that_is_set_up_after_the_start_is_the_only_one_from_then_on(repository: Path) -> None:
    later = STORY.replace("logged =", f"{SET_UP.replace('message', 'levelname')}logged =")
    assert said(repository, later, "-i", "-q").splitlines()[1:] == ["INFO"] * 3


def test_somebody_at_a_prompt_who_wants_silence_has_it(repository: Path) -> None:
    quiet = "import logging\nlogging.getLogger('gitreg').setLevel('WARNING')\n"
    assert said(repository, quiet + STORY, "-i", "-q") == "\n"


def test_inside_gitreg_run_it_says_whose_run_it_is(repository: Path) -> None:
    script = SET_UP + "import gitreg\ngitreg.init()"
    done = subprocess.run(
        ["gitreg", "run", "--name", "two", "--", sys.executable, "-c", script],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.search(r"^run two \(\w+\) in \S+/repo, started by 'gitreg run'$", done.stderr, re.MULTILINE)
