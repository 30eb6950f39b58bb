"""The repositories that several tests of the SDK play in."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Shell


@pytest.fixture
def clones(tmp_path: Path, sh: Shell) -> tuple[Path, Path]:
    """Two clones of one server, with a storage that both can reach."""
    sh(
        """
git init --quiet --bare server.git
mkdir storage
git clone --quiet server.git a 2>/dev/null
cd a
gitreg init --storage ../storage
git add .
git commit --quiet -m start
git push --quiet origin HEAD
cd ..
git clone --quiet server.git b
cd b
gitreg init
"""
    )
    return tmp_path / "a", tmp_path / "b"
