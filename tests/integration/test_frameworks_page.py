"""The page about the frameworks is run as somebody who reads it would, with the frameworks."""

from __future__ import annotations

from pathlib import Path

import pytest

import pages
from conftest import Shell

PAGE = Path(__file__).resolve().parents[2] / "gitreg" / "docs" / "frameworks.md"


def test_the_page_can_be_followed(tmp_path: Path, sh: Shell) -> None:
    sh("git init --quiet work && cd work && gitreg init && git add . && git commit --quiet -m 'start the project'")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HF_HUB_OFFLINE", "1")
        pages.run(PAGE, tmp_path)
