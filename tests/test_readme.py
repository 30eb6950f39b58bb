"""Every line of the README, and of the quickstart in Japanese, is run as somebody who reads it would."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import pages
from conftest import Shell

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
JAPANESE = ROOT / "gitreg" / "docs" / "quickstart.ja.md"


@pytest.mark.parametrize("page", [README, JAPANESE], ids=lambda page: page.name)
def test_the_session_and_the_python_work(page: Path, tmp_path: Path, sh: Shell) -> None:
    sh("git init --quiet --bare server.git && git clone --quiet server.git work")
    sh("git commit --quiet --allow-empty -m 'start the project'", tmp_path / "work")
    printed = pages.run(page, tmp_path)
    assert printed.splitlines()[-1].startswith("model/Digits:v0 ")
    other = tmp_path / "other"
    assert (other / "model" / "model.bin").read_text() == "4.9,1\n5.1,0\n"
    assert "digits_model:v0" in (other / "lineage.svg").read_text(encoding="utf-8")


def test_the_quickstart_has_the_commands_of_the_readme() -> None:
    here, there = (pages.blocks(page.read_text(encoding="utf-8")) for page in (README, JAPANESE))
    comment = re.compile(r" *# .*")
    assert [comment.sub("", block.text) for block in there] == [comment.sub("", block.text) for block in here]


def test_the_commands_at_the_top_are_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^make ([a-z]+)", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert targets == ["demo", "test"]
    assert all(f"\n{target}:" in makefile for target in targets)
