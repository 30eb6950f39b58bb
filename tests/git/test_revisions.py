"""What is taken for a commit: what was meant, and nothing that somebody else has put in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import Shell
from gitreg.errors import NotFoundError, UsageError
from gitreg.git import revisions
from gitreg.git.runner import Git
from gitreg.records.objects import Oid

MAIN = "refs/remotes/origin/main"


@pytest.fixture
def git(repo: Path, sh: Shell) -> Git:
    """A clone with three commits; 'origin/main' is at the last."""
    sh("git commit --quiet --allow-empty -m two && git commit --quiet --allow-empty -m three", cwd=repo)
    sh(f"git update-ref {MAIN} HEAD", cwd=repo)
    return Git.discover(repo)


def oid(git: Git, revision: str) -> Oid:
    return Oid.parse(git.text("rev-parse", revision))


def test_a_tag_is_not_taken_for_the_branch_of_its_name(git: Git) -> None:
    assert revisions.commit(git, "origin/main~1") == oid(git, "HEAD~1")
    git.run("tag", "origin/main", "HEAD~1")
    # whatever somebody has configured
    git.run("config", "core.warnAmbiguousRefs", "false")
    for text in ("origin/main", "origin/main~1", "origin/main^{commit}"):
        with pytest.raises(UsageError, match="is the name of several refs") as caught:
            revisions.commit(git, text)
        assert "refs/remotes/origin/main" in str(caught.value.hint)
    assert revisions.commit(git, MAIN) == oid(git, "HEAD")
    assert revisions.commit(git, f"{MAIN}~1") == oid(git, "HEAD~1")


def test_a_ref_is_not_taken_for_another_that_is_not_there(git: Git) -> None:
    git.run("tag", MAIN, "HEAD~1")
    assert revisions.commit(git, MAIN) == oid(git, "HEAD")
    git.run("update-ref", "-d", MAIN)
    for text in (MAIN, f"{MAIN}~0", f"{MAIN}^{{commit}}"):
        with pytest.raises(NotFoundError):
            revisions.commit(git, text)


def test_an_id_is_what_it_is_whatever_branch_is_called_so(git: Git) -> None:
    head = oid(git, "HEAD")
    git.run("update-ref", f"refs/heads/{head}", "HEAD~1")
    assert revisions.commit(git, str(head)) == head
    assert revisions.commit(git, f"{head}~1") == oid(git, "HEAD~1")
