"""One repository alone, or clones with a server and a storage between them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Shell
from desks import Desk, World


@pytest.fixture
def desk(repo: Path, sh: Shell) -> Iterator[Desk]:
    """A repository without a remote."""
    found = Desk(repo, sh)
    yield found
    found.registry.close()


@pytest.fixture
def world(repo: Path, tmp_path: Path, sh: Shell) -> Iterator[World]:
    found = World(tmp_path, sh)
    config = f"""[core]\n    remote = storage\n['remote "storage"']\n    url = {found.storage}\n"""
    (repo / ".dvc" / "config").write_text(config)
    sh(
        "git init --quiet --bare ../server.git && git commit --quiet -am storage &&"
        " git push --quiet ../server.git main",
        repo,
    )
    yield found
    found.close()


@pytest.fixture
def ada(world: World) -> Desk:
    return world.clone("ada")


@pytest.fixture
def bob(world: World) -> Desk:
    return world.clone("bob")
