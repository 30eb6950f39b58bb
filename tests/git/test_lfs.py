"""Runs whose code has files in Git LFS, with the real git-lfs and a bare repository as its server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import Shell
from gitreg.errors import GitError
from gitreg.git.lfs import lfs_push, needs_lfs
from gitreg.git.objects import Objects
from gitreg.git.runner import Git
from gitreg.git.transport import Push, Transport
from gitreg.records.objects import Oid
from helpers import capture

RUN = "refs/gitreg/runs/ab/abc"


class Clone:
    """A clone that tracks `*.bin` with LFS, pushed with all its files."""

    def __init__(self, path: Path, shell: Shell) -> None:
        self.path = path
        self.git = Git.discover(path)
        self.objects = Objects(self.git)
        self._shell = shell

    def sh(self, script: str) -> str:
        return self._shell(script, cwd=self.path)

    @property
    def url(self) -> str:
        return Transport(self.git, "origin").push_urls()[0]

    def uploaded(self) -> int:
        return sum(path.is_file() for path in (self.path.parent / "server.git" / "lfs" / "objects").rglob("*"))

    def head(self) -> Oid:
        return Oid.parse(self.sh("git rev-parse HEAD").strip())


@pytest.fixture(params=["../server.git", "file://{}/server.git"])
def clone(request: pytest.FixtureRequest, repo: Path, sh: Shell, need: Callable[[str], str]) -> Iterator[Clone]:
    need("git-lfs")
    sh("git init --quiet --bare server.git")
    sh(f"git remote add origin {request.param.format(repo.parent)}; git lfs install --local >/dev/null", cwd=repo)
    sh("git lfs track '*.bin' >/dev/null; echo one >w.bin; git add . && git commit --quiet -m weights", cwd=repo)
    sh("git push --quiet origin main 2>/dev/null", cwd=repo)
    found = Clone(repo, sh)
    assert found.uploaded() == 1
    yield found
    found.objects.close()


def test_a_snapshots_files_are_uploaded_before_its_run_is_pushed(clone: Clone, sh: Shell) -> None:
    clone.sh("echo two >w.bin")
    code = capture(clone.git, clone.objects)
    assert code.snapshot
    assert clone.sh(f"git show {code.commit}:w.bin").startswith("version https://git-lfs.github.com/spec/v1")
    assert needs_lfs(clone.git, [code.commit])
    pushes = [Push(code.commit, RUN)]
    lfs_push(clone.git, "origin", clone.url, pushes)
    assert clone.uploaded() == 2
    assert Transport(clone.git, "origin").push(pushes, atomic=False)[0].ok
    sh("git clone --quiet server.git other 2>/dev/null; git -C other lfs install --local >/dev/null")
    sh(f"git -C other fetch --quiet origin {RUN} && git -C other checkout --quiet FETCH_HEAD 2>/dev/null")
    assert sh("cat other/w.bin") == "two\n"


def test_what_the_remote_has_is_not_sent_again(clone: Clone) -> None:
    clone.sh("rm -r .git/lfs/objects")
    lfs_push(clone.git, "origin", clone.url, [Push(clone.head(), RUN)])
    assert clone.uploaded() == 1


def test_nothing_of_a_users_push_hook_runs(clone: Clone) -> None:
    clone.sh("printf '#!/bin/sh\\ntouch ../ran\\n' >.git/hooks/pre-push; echo two >w.bin")
    lfs_push(clone.git, "origin", clone.url, [Push(capture(clone.git, clone.objects).commit, RUN)])
    assert clone.uploaded() == 2
    assert not (clone.path.parent / "ran").exists()


def test_an_upload_that_fails_says_why(clone: Clone) -> None:
    clone.sh("echo two >w.bin")
    code = capture(clone.git, clone.objects)
    clone.sh("rm -r .git/lfs/objects")
    with pytest.raises(GitError, match="git lfs failed"):
        lfs_push(clone.git, "origin", clone.url, [Push(code.commit, RUN)])


@pytest.mark.parametrize(
    "change", ["git config --unset filter.lfs.clean", "git rm --quiet .gitattributes && git commit -qm x"]
)
def test_code_without_lfs_needs_none(clone: Clone, change: str) -> None:
    assert needs_lfs(clone.git, [clone.head()])
    clone.sh(change)
    assert not needs_lfs(clone.git, [clone.head()])


def test_no_code_needs_none(clone: Clone) -> None:
    assert not needs_lfs(clone.git, [])


def test_the_repositorys_private_attributes_count(clone: Clone) -> None:
    clone.sh("git rm --quiet .gitattributes && git commit -qm x; echo '*.bin filter=lfs' >.git/info/attributes")
    assert needs_lfs(clone.git, [clone.head()])


def test_attributes_of_a_folder_count(clone: Clone) -> None:
    clone.sh("mkdir -p a/b; git mv .gitattributes a/b/.gitattributes && git commit -qm x")
    assert needs_lfs(clone.git, [clone.head()])
