"""Every line of the README is run, as somebody who reads it would."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from conftest import Shell

README = Path(__file__).resolve().parent.parent / "README.md"


def blocks(section: str, language: str) -> list[str]:
    """The code blocks between `<!-- section: begin -->` and `<!-- section: end -->`."""
    text = README.read_text(encoding="utf-8")
    found = re.search(rf"<!-- {section}: begin -->(.*?)<!-- {section}: end -->", text, re.DOTALL)
    assert found, f"the README has no section '{section}'"
    return re.findall(rf"```{language}\n(.*?)```", found[1], re.DOTALL)


@pytest.fixture
def place(tmp_path: Path, sh: Shell) -> Path:
    """A server and a clone of it."""
    sh("git init --quiet --bare server.git && git clone --quiet server.git work", tmp_path)
    work = tmp_path / "work"
    sh("git commit --quiet --allow-empty -m 'start the project'", work)
    return tmp_path


def test_the_minute_the_python_and_the_stock_commands_work(place: Path, sh: Shell) -> None:
    work, other = place / "work", place / "other"
    *here, there = blocks("session", "sh")
    for block in here:
        sh(block, work)
    sh("git clone --quiet server.git other", place)
    sh(there, other)
    assert (other / "model" / "model.bin").read_text() == "4.9,1\n5.1,0\n"
    assert "digits_model:v0" in (other / "lineage.svg").read_text(encoding="utf-8")

    (program,) = blocks("python", "python")
    script = place / "session.py"
    script.write_text(program)
    printed = sh(f"'{sys.executable}' '{script}'", work)
    assert printed.startswith("model/Digits:v0 ")

    (stock,) = blocks("stock", "sh")
    printed = sh(stock, other)
    assert "digits_model@v0" in printed
    assert "production -> model/Digits@v0" in printed
    assert (other / "digits_model" / "model.bin").read_text() == "4.9,1\n5.1,0\n"

    (checks,) = blocks("checks", "sh")
    for clone in (work, other):
        printed = sh(f"({checks}) 2>&1", clone)
        assert ("problem" in printed, printed.count(": nothing is wrong")) == (False, 2), printed


def test_the_commands_at_the_top_are_targets_of_the_makefile() -> None:
    makefile = (README.parent / "Makefile").read_text(encoding="utf-8")
    targets = re.findall(r"^make ([a-z]+)", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert targets == ["demo", "test"]
    assert all(f"\n{target}:" in makefile for target in targets)


def test_what_the_readme_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README.read_text(encoding="utf-8"))
    assert [link for link in links if not (README.parent / link).exists()] == []
