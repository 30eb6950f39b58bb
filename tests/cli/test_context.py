"""What a command works on: a repository, or the file that a run goes into."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import click
import pytest

from conftest import Shell
from gitreg.cli import context
from gitreg.git.runner import Git
from gitreg.records.names import RunId
from gitreg.registry.repository import Registry
from gitreg.sdk import bundling


@pytest.mark.parametrize("way", ["opened", "opened_for_run"])
def test_a_command_that_fails_leaves_no_process_that_reads_a_file(
    repo: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    registry = Registry(Git.discover(repo))
    closed: list[str] = []
    monkeypatch.setattr(registry, "close", lambda: closed.append(way))
    monkeypatch.setattr(bundling, "joined", lambda *_: registry)
    monkeypatch.setattr(bundling, "opened", lambda *_: (registry, RunId("a")))
    monkeypatch.setenv(context.BUNDLE, "run.bundle")
    if way == "opened":
        monkeypatch.setenv(context.RUN_VARIABLE, "a")
    opened: AbstractContextManager[Registry] = (
        context.opened() if way == "opened" else context.opened_for_run(RunId("a"))
    )
    with click.Context(click.Command("x"), obj={"directory": repo}), pytest.raises(KeyError), opened:
        raise KeyError
    assert closed == [way]


def test_what_git_does_in_a_file_is_traced_too(tmp_path: Path, sh: Shell) -> None:
    sh("mkdir work && echo weights >weights")
    put = "gitreg --trace put ../weights --name m --type model 2>../inner.txt"
    outer = sh(f"GITREG_BUNDLE=../run.bundle gitreg --trace run -- sh -c '{put}' 2>&1", tmp_path / "work")
    for said in (outer, (tmp_path / "inner.txt").read_text()):
        assert " ms  git update-ref" in said
