"""A git that is too old is told as that, once and without another process for each command; so is one that is none."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from odd_kinds import FULL
from stories import Done, attempt

from conftest import Shell
from tally import FAULTS, Tally

# git 2.30 and older print what `rev-parse` does not know as an option, and refuse options that their commands have not.
OLD = """\
#!/bin/sh
echo "$*" >>"$LOG"
case "$*" in
version | --version) echo 'git version {version}' ;;
rev-parse\\ *)
  for word; do
    case $word in --path-format=*) echo "$word" ;; esac
  done
  for word; do
    case $word in
    rev-parse | --path-format=*) ;;
    --show-object-format) {object_format} ;;
    *) PATH=$REAL git rev-parse "$word" || exit ;;
    esac
  done
  ;;
*--no-write-fetch-head* | *fetch*--stdin*) echo 'error: unknown option' >&2; exit 129 ;;
*) PATH=$REAL exec git "$@" ;;
esac
"""
# 2.25 knows no object format either
OLD_ONES = {
    "2.30.9": "PATH=$REAL git rev-parse --show-object-format",
    "2.25.1": "echo --show-object-format",
    "1.8.3.1": "echo --show-object-format",
    "2.24.3 (Apple Git-128)": "echo --show-object-format",
}


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that comes first on PATH; `git` in it writes what it is asked into `log`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("REAL", os.environ["PATH"])
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def program(path: Path, text: str) -> None:
    (path / "git").write_text(text)
    (path / "git").chmod(0o755)


def asked(folder: Path) -> list[str]:
    """What git was asked; GitPython wants to know the version when it is imported, which is not ours to change."""
    lines = (folder / "log").read_text().splitlines()
    while lines[:1] == ["version"]:
        del lines[0]
    return lines


COMMANDS = ("ls", "put README --name m --type model", "init", "push", "fetch", "show m", "status", "run -- true")


@pytest.mark.parametrize("version", OLD_ONES)
def test_an_old_git_is_told_as_one(version: str, path: Path, repo: Path, tmp_path: Path, tally: Tally) -> None:
    program(path, OLD.format(version=version, object_format=OLD_ONES[version]))
    for command in COMMANDS if FULL or version == "2.30.9" else COMMANDS[:1]:
        with tally.attempt(FAULTS, f"a git that is too old ({version}) is told as that"):
            (tmp_path / "log").unlink(missing_ok=True)
            done = attempt(f"gitreg {command}", repo)
            error, hint = done.err.splitlines()
            assert done.code == 1
            assert error == f"error: this is git version {version}, which is too old"
            assert hint == "hint: install git 2.31 or newer"
            assert asked(tmp_path)[1:] == ["version"]
    assert attempt("git status --porcelain", repo) == Done(0, "", "")


def test_a_git_that_is_new_enough_is_not_asked_for_its_version(path: Path, repo: Path, tmp_path: Path) -> None:
    program(path, '#!/bin/sh\necho "$*" >>"$LOG"\nPATH=$REAL exec git "$@"\n')
    assert attempt("gitreg ls", repo).code == 0
    assert asked(tmp_path)[0].startswith("rev-parse ")
    assert "version" not in asked(tmp_path)


def test_a_git_that_is_not_there_is_told(repo: Path, tmp_path: Path, tally: Tally) -> None:
    gitreg = shutil.which("gitreg")
    (tmp_path / "empty").mkdir()
    with tally.attempt(FAULTS, "no git at all is told as that"):
        done = attempt(f"PATH='{tmp_path}/empty' '{gitreg}' ls", repo)
        assert done == Done(1, "", "error: git is not installed\nhint: install git 2.31 or newer\n")


def test_no_command_asks_git_for_what_is_newer_than_the_oldest(sh: Shell) -> None:
    """The options that came after 2.31, from git's release notes; a git of that age would refuse them."""
    newer = (
        "--show-ref-format --exclude-hidden --no-lazy-fetch --batch-command --trailer --refetch --exclude -Z"
        " --write-tree --include-root-refs --also-filter-submodules --ref-format --output-object-format --disk-usage"
    ).split()
    source = sh(f"cat '{Path(__file__).parents[2]}'/gitreg/git/*.py")
    assert [word for word in newer if f'"{word}' in source] == []
