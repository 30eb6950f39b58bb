"""Worlds that end-to-end tests play in: a bare repository as the server, a folder as the storage, clones.

Everything is done by the installed `gitreg`, by real git and by a real shell. A story that takes seconds is told once a
worker and copied: remotes are relative, and the storage, whose URL is in every version's tree, is shared by the copies
(it only ever grows).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conftest import run_shell, sealed_environment

if TYPE_CHECKING:
    import pytest

VERIFY = Path(__file__).parents[1] / "reader" / "verify.sh"
ALIAS = "refs/gitreg-remotes/origin/aliases/model/Digits@production"

START = """
git init --quiet --bare server.git
mkdir storage
git clone --quiet server.git work 2>/dev/null
cd work
git config remote.origin.url ../server.git
gitreg init --storage ../storage 2>/dev/null
echo 'print("training")' >train.py
git add .
git commit --quiet -m 'start the project'
git push --quiet --set-upstream origin main
git remote set-head origin main  # as in a clone of what is not empty
"""

# dataset -> run -> two models -> link -> production; `data` and `model.bin` lie outside the repository
LOG = """
mkdir -p ../data/sub
echo 'one' >../data/a.txt
echo 'two' >../data/sub/b.txt
gitreg put ../data --name digits --type dataset
echo 'weights one' >../model.bin
gitreg run --job-type train_model --config lr=0.1 --config optimizer=adam --use digits:latest -- \
    gitreg put ../model.bin --name mnist --type model
echo 'weights two' >../model.bin
gitreg run --job-type train_model --config lr=0.01 --config optimizer=adam --use digits:latest -- \
    gitreg put ../model.bin --name mnist --type model --metadata accuracy=0.97
gitreg link mnist:v0 model/Digits
gitreg alias set model/Digits:production v0 --reason 'the first'
gitreg link mnist:v1 model/Digits
gitreg alias set model/Digits:production v1 --reason 'better of two'
"""


@dataclass(frozen=True)
class Done:
    """What a command left."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class World:
    """A folder with `server.git`, `storage`, and the clone `work`."""

    folder: Path

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def server(self) -> Path:
        return self.folder / "server.git"

    def __call__(self, script: str, where: str = "work", **env: str) -> str:
        """Run shell in a folder of this world; what it printed. A failure ends the test."""
        return run_shell(script, self.folder / where, env)

    def attempt(
        self, script: str, where: str = "work", *, env: Mapping[str, str] | None = None, stdin: bytes = b""
    ) -> Done:
        """Run shell, whatever comes of it."""
        return attempt(script, self.folder / where, env=env, stdin=stdin)

    def json(self, command: str, where: str = "work") -> Any:
        """What `gitreg COMMAND --json` says."""
        return json.loads(self(f"gitreg {command} --json", where))

    def pending(self, where: str = "work") -> list[str]:
        """The refs that are not published yet."""
        return self("git for-each-ref --format='%(refname)' refs/gitreg/", where).split()

    def published(self) -> list[str]:
        """What the server has besides branches: tags, aliases and the number of runs."""
        refs = self("git for-each-ref --format='%(refname)' refs/tags refs/gitreg", "server.git").split()
        runs = sum(ref.startswith("refs/gitreg/runs/") for ref in refs)
        return [ref for ref in refs if not ref.startswith("refs/gitreg/runs/")] + [f"{runs} runs"]

    def verify(self, reference: str, where: str = "work", directory: str = "") -> Done:
        """What the second reader says of a version."""
        return self.attempt(f"sh '{VERIFY}' . '{reference}' {directory}", where)


def attempt(script: str, cwd: Path, *, env: Mapping[str, str] | None = None, stdin: bytes = b"") -> Done:
    """Run shell in a folder, whatever comes of it."""
    done = subprocess.run(
        ["sh", "-c", script], cwd=cwd, env={**os.environ, **(env or {})}, input=stdin, capture_output=True, check=False
    )
    return Done(done.returncode, *(data.decode("utf-8", "backslashreplace") for data in (done.stdout, done.stderr)))


_TOLD: dict[str, Path] = {}


def tell(script: str, factory: pytest.TempPathFactory) -> World:
    """The world that a story leaves. It is told once in a worker, so nobody may change it: see `copy`."""
    if script not in _TOLD:
        folder = factory.mktemp("story")
        run_shell(script, folder, sealed_environment(factory.mktemp("story-home")))
        _TOLD[script] = folder
    return World(_TOLD[script])


def copy(script: str, factory: pytest.TempPathFactory, folder: Path) -> World:
    """A world of one's own in which the story has just been told."""
    told = tell(script, factory).folder
    shutil.copytree(told, folder, symlinks=True, ignore=lambda path, _: ["storage"] if Path(path) == told else [])
    (folder / "storage").symlink_to(told / "storage")
    return World(folder)
