"""A CI job on each host: the double, and the environment as the host sets it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from doubles import Double, served
from jobs import KINDS, variables


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    assert isinstance(request.param, str)
    return request.param


@pytest.fixture
def summary(tmp_path: Path) -> Path:
    return tmp_path / "summary.md"


@pytest.fixture
def host(kind: str, summary: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Double]:
    """A job on each of the hosts, one after the other."""
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "GH_TOKEN", "GITEA_TOKEN", "FORGEJO_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with served(KINDS[kind]) as server:
        for name, value in variables(kind, server, summary).items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a plan has written, in the current directory."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "plan.md"
    path.write_text("<!-- gitreg:plan -->\n\n### ✅ `m:production` moves to `v3` when this is merged\n")
    return path
