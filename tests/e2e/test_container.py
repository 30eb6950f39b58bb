"""A container as they are: no repository, no name for git, a home that cannot be written, code on a read-only disk."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Shell

CODE = """
import gitreg, pathlib
with gitreg.init(job_type="train") as run:
    run.log({"loss": 0.5})
    weights = pathlib.Path("{out}/weights.bin")
    weights.write_text("weights")
    run.log_model(str(weights), name="m")
"""
# a number that no user has
NOBODY = 54321


class Container:
    """A folder with code, one to write to, and an environment in which git knows nobody."""

    def __init__(self, path: Path) -> None:
        self.code, self.out, self.home = path / "code", path / "out", path / "home"
        for folder in (self.code, self.out, self.home):
            folder.mkdir(parents=True)
        (self.code / "train.py").write_text("print('training')\n")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "XDG_", "DVC_"))}
        self.env = {**kept, "HOME": str(self.home), "GIT_CONFIG_NOSYSTEM": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        self.as_user: list[str] = []

    def run(self, **env: str) -> subprocess.CompletedProcess[str]:
        """Train."""
        return subprocess.run(
            [*self.as_user, sys.executable, "-c", CODE.replace("{out}", str(self.out))],
            cwd=self.code,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def container() -> Iterator[Container]:
    # tmp_path lies in a folder that only the user of the tests may enter
    with tempfile.TemporaryDirectory(prefix="gitreg-container-") as folder:
        Path(folder).chmod(0o755)
        yield Container(Path(folder))


@pytest.fixture
def stranger(container: Container) -> Container:
    """The same, as a user without a name who may write nothing but `out`; only root can become one."""
    # this user may read everything, so that the interpreter may lie anywhere
    read = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    container.as_user = ["setpriv", "--reuid", str(NOBODY), "--clear-groups", *read]
    command = [*container.as_user, sys.executable, "-c", "import gitreg"]
    if not shutil.which("setpriv") or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("this system lets nobody become another user: setpriv --reuid")
    container.home.chmod(0o700)
    os.chown(container.out, NOBODY, NOBODY)
    return container


def test_git_knows_nobody_and_the_run_says_who_and_where(container: Container, repo: Path, sh: Shell) -> None:
    done = container.run(GITREG_BUNDLE=str(container.out / "run.bundle"))
    assert done.returncode == 0, done.stderr
    sh(f"gitreg run import {container.out}/run.bundle && gitreg fsck", repo)
    (run,) = json.loads(sh("gitreg runs --json", repo))["runs"]
    assert (
        run["by"] == f"{pwd.getpwuid(os.getuid()).pw_name} <{pwd.getpwuid(os.getuid()).pw_name}@{os.uname().nodename}>"
    )


def test_a_name_in_the_environment_counts(container: Container, repo: Path, sh: Shell) -> None:
    who = {"GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org"}
    done = container.run(GITREG_BUNDLE=str(container.out / "run.bundle"), **who)
    assert done.returncode == 0, done.stderr
    sh(f"gitreg run import {container.out}/run.bundle", repo)
    (run,) = json.loads(sh("gitreg runs --json", repo))["runs"]
    assert run["by"] == "Ada <ada@example.org>"


def test_a_user_without_a_name_and_a_home_trains_from_a_read_only_folder(
    stranger: Container, repo: Path, sh: Shell
) -> None:
    before = sorted(stranger.code.iterdir())
    done = stranger.run(GITREG_BUNDLE=str(stranger.out / "run.bundle"))
    assert done.returncode == 0, done.stderr
    assert sorted(stranger.code.iterdir()) == before
    assert sorted(path.name for path in stranger.out.iterdir()) == ["run.bundle", "weights.bin"]
    sh(f"gitreg run import {stranger.out}/run.bundle && gitreg fsck", repo)
    (run,) = json.loads(sh("gitreg runs --json", repo))["runs"]
    assert run["by"] == f"user-{NOBODY} <user-{NOBODY}@{os.uname().nodename}>"
    assert run["code"]["snapshot"]
    assert sh(f"git show {run['code']['commit']}:train.py", repo) == "print('training')\n"


def test_where_the_file_cannot_be_written_that_is_said_before_anything_else(stranger: Container) -> None:
    for env in ({"GITREG_BUNDLE": "run.bundle"}, {"GITREG_MODE": "offline"}):
        done = stranger.run(**env)
        assert done.returncode == 1
        assert re.search("bundle '.*' cannot be written: Permission denied", done.stderr)


def test_a_clone_of_somebody_else_on_a_read_only_disk_is_no_obstacle(
    stranger: Container, repo: Path, sh: Shell
) -> None:
    shutil.rmtree(stranger.code)
    sh(f"cp -r {repo} {stranger.code}", repo)
    target = str(stranger.out / "run.bundle")
    done = stranger.run(GITREG_BUNDLE=target)
    assert done.returncode == 0, done.stderr
    assert "git does not trust" in done.stderr
    # as git itself wants it to be said
    done = stranger.run(
        GITREG_BUNDLE=str(stranger.out / "trusted.bundle"),
        GIT_CONFIG_COUNT="1",
        GIT_CONFIG_KEY_0="safe.directory",
        GIT_CONFIG_VALUE_0="*",
    )
    assert done.returncode == 0, done.stderr
    sh(f"gitreg run import {stranger.out}/*.bundle && gitreg fsck", repo)
    codes = {run["code"]["commit"] for run in json.loads(sh("gitreg runs --json", repo))["runs"]}
    assert sh("git rev-parse HEAD", repo).strip() in codes


def test_a_home_folder_and_the_root_are_not_taken_for_code(container: Container, repo: Path, sh: Shell) -> None:
    (container.home / "private.py").write_text("password = 1\n")
    container.code = container.home
    done = container.run(GITREG_BUNDLE=str(container.out / "run.bundle"))
    assert done.returncode == 0, done.stderr
    assert "holds more than code" in done.stderr
    sh(f"gitreg run import {container.out}/run.bundle", repo)
    (run,) = json.loads(sh("gitreg runs --json", repo))["runs"]
    assert sh(f"git ls-tree -r {run['code']['commit']}", repo) == ""
