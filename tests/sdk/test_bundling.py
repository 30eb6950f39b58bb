"""Runs that go into a file: what they are begun with, and what a notebook does with it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

import gitreg
from conftest import Shell
from gitreg.sdk import notebook


def test_a_repository_that_cannot_be_used_is_told_of_once_by_each_process(tmp_path: Path, sh: Shell) -> None:
    sh("mkdir work && echo 'gitdir: ../nowhere' >work/.git")
    train = """
python -c 'import gitreg
with gitreg.init() as run: run.log({"loss": 1})' 2>../inner.txt
"""
    (tmp_path / "work" / "train.sh").write_text(train)
    outer = sh("GITREG_BUNDLE=../run.bundle gitreg run -- sh train.sh 2>&1", tmp_path / "work")
    for said in (outer, (tmp_path / "inner.txt").read_text()):
        assert said.count("no commit is recorded as the code: ") == 1, said


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the system does not list them")
def test_its_reading_process_ends_with_each_cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells: list[Callable[[], None]] = []
    shell = SimpleNamespace(events=SimpleNamespace(register=lambda _, function: cells.append(function)))
    # a WeakSet takes what has a hash
    kernel = type("Shell", (), vars(shell))()
    monkeypatch.setattr(notebook, "shell", lambda: kernel)
    monkeypatch.setenv("GITREG_BUNDLE", str(tmp_path / "run.bundle"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Path("weights").write_text("weights")
    with gitreg.init() as run:
        run.log_artifact("weights", name="net")
        assert run.use_artifact("net:v0").version == "v0"
        assert _children()
        for end in cells:
            end()
        assert not _children()


def _children() -> list[str]:
    """What this process has started and not waited for."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
