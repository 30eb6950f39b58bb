"""The golden repository, ways to tamper with it, and a reader that shares no line with gitreg."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from answers import MAKE, Answer
from conftest import Shell
from helpers import VERIFY

# Build an object anew, its text edited by sed: rewrite COMMIT EDIT prints its id; retag TAG EDIT and again ALIAS EDIT
# move the ref to it.
TOOLS = """
rewrite() { git cat-file commit "$1" | sed "$2" | git hash-object -w -t commit --stdin; }
retag() {
    new=$(git cat-file tag "refs/tags/$1" | sed "$2" | git hash-object -w -t tag --stdin)
    git update-ref "refs/tags/$1" "$new"
}
again() { git update-ref "refs/gitreg/aliases/$1" "$(rewrite "refs/gitreg/aliases/$1" "$2")"; }
"""


@pytest.fixture(params=["dash", "busybox sh"])
def verify(request: pytest.FixtureRequest, need: Callable[[str], str]) -> Callable[..., Answer]:
    shell = request.param.split()
    shell[0] = need(shell[0])

    def run(*arguments: str | Path) -> Answer:
        command = [*shell, str(VERIFY), *map(str, arguments)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        return Answer(done.returncode, done.stdout.decode().splitlines(), done.stderr.decode())

    return run


@pytest.fixture
def golden(tmp_path: Path, sh: Shell) -> Path:
    sh(f"sh '{MAKE}' golden")
    return tmp_path / "golden"


@pytest.fixture
def change(golden: Path, sh: Shell) -> Callable[[str], str]:
    """Run shell in the golden repository, with the tools above."""

    def run(script: str) -> str:
        return sh(TOOLS + script, cwd=golden)

    return run
