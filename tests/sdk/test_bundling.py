"""Runs that go into a file: what they are begun with."""

from __future__ import annotations

from pathlib import Path

from conftest import Shell


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
