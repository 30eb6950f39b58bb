"""What people see: the commands that are used most, on a terminal of 80 columns and in a pipe, recorded as text.

`sessions/*.txt` are read by eye before they are committed; after a change that is meant:
UPDATE_SNAPSHOTS=1 pytest tests/cli/test_sessions.py
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from conftest import Shell
from crowd import crowd
from screens import on_a_terminal

SESSIONS = Path(__file__).parent / "sessions"
UPDATE = bool(os.environ.get("UPDATE_SNAPSHOTS"))

# Who looks, and the pager's part, which is somebody else's story. Runs draw their ids, so those are made known here.
ENVIRONMENT = {"NO_COLOR": "1", "GIT_PAGER": "cat"}

# What a terminal may break: sentences, not columns.
_PROSE = ("error: ", "hint: ", "  note: ")
# A line that a progress bar has taken back, and what moves the cursor.
_DRAWN = [(r"[^\n]*\r(?!\n)|\x1b\[\??[0-9;]*[A-Za-z]", "")]
_COMMITS = [(r"\b[0-9a-f]{40}\b", "9ab1c2d" + "0" * 33), (r"\b[0-9a-f]{10}\b", "9ab1c2d000")]
_CHANCE = [
    # an id may happen to have no digit, and then only its place tells it from a word
    (r"\b(?=[a-z]*[0-9])[a-z0-9]{8}\b|(?<=first-try \()[a-z]{8}(?=\))|(?<=gitreg drop )[a-z]{8}$", "3kf9a1xq"),
    (r"\b[a-z]+-[a-z]+-[0-9]+\b", "vague-morning-5"),
]

SET_UP = """
git init --quiet --bare ../server.git && git remote add origin ../server.git
gitreg init --storage ../storage 2>/dev/null && git add . && git commit --quiet -m 'set up gitreg'
git push --quiet origin main 2>/dev/null
"""
ALIASES = """
gitreg alias set model:production v{old} --reason 'best on the hidden set' 2>/dev/null
gitreg alias set model:staging v{new} --reason 'ready to try' 2>/dev/null
gitreg alias set model:production v{better} --reason 'two points better' 2>/dev/null
"""

LISTS = (
    "gitreg ls",
    "gitreg ls model",
    "gitreg ls model --sort -accuracy --limit 3",
    "gitreg runs --limit 5",
)
READ = (
    *LISTS,
    "gitreg ls model --where 'lr<0.02' --where 'accuracy>0.9' --limit 5",
    "gitreg runs --state failed --limit 3",
    "gitreg show model",
    "gitreg show model:production",
    "gitreg show run00001",
    "gitreg diff model:v0 model:production",
    "gitreg alias ls",
    "gitreg alias log model:production",
    "gitreg lineage model:production",
    "gitreg status",
)
# Everything that somebody does in a first hour, in a clone with a server and a storage.
FIRST_HOUR = (
    "gitreg put ../data --name digits --type dataset",
    "gitreg run --name first-try --config lr=0.1 --use digits -- sh train.sh",
    "gitreg ls",
    "gitreg link digits_model model/Digits",
    "gitreg alias set model/Digits:production v0 --reason 'first one that works'",
    "git push --quiet origin main",
    "gitreg status",
    "gitreg get model/Digits:production -o ../model",
    "gitreg alias set model/Digits:prodution v0 --from v3",
    "gitreg show model/Digits:prodution",
    "gitreg show model/Digits",
    "gitreg lineage model/Digits:production",
)
# What somebody sees who asks for the move of an alias that the policy protects.
POLICY = """
aliases:
  production:
    protected: true
    gates:
      accuracy: ">= 0.9"
      val_loss: {no_regression: 0.05, job_type: train}
    evaluated_on: [data]
"""
REQUEST = (
    "gitreg plan",
    "gitreg --quiet promote model:production v8 --reason 'two points better'",
    "gitreg plan",
    "gitreg --quiet promote model:production v10 --reason 'three points better'",
    "gitreg plan",
    "printf 'staging: v2\ncanary: {version: v77, after: none}\n' >>.gitreg/aliases/model.yaml",
    "gitreg plan",
    "gitreg status --drift",
    "echo 'canary: newest' >>.gitreg/aliases/model.yaml",
    "gitreg plan",
)


def in_a_pipe(line: str, cwd: Path) -> str:
    """What a line prints into a pipe; what it says on standard error follows, each line after a bar."""
    done = subprocess.run(["sh", "-c", line], cwd=cwd, capture_output=True, check=False)
    said = "".join(f"| {text}\n" for text in done.stderr.decode().splitlines())
    return done.stdout.decode() + said + (f"(exit code {done.returncode})\n" if done.returncode else "")


def record(
    name: str,
    cwd: Path,
    terminal: Sequence[str],
    pipe: Sequence[str] = (),
    *,
    settled: Callable[[str], str] = lambda text: text,
) -> None:
    """Play the lines and compare with what was recorded, once `settled` has taken out what is never the same."""
    parts = ["# On a terminal of 80 columns\n"]
    for line in terminal:
        shown = stable(on_a_terminal(line, cwd, **ENVIRONMENT), cwd)
        wide = [text for text in shown.splitlines() if len(text) > 80 and not text.startswith(_PROSE)]
        assert not wide, (line, wide)
        parts.append(f"$ {line}\n{shown}")
    if pipe:
        parts.append("# In a pipe\n")
        parts += [f"$ {line}\n{stable(in_a_pipe(line, cwd), cwd)}" for line in pipe]
    text = settled("\n".join(parts))
    file = SESSIONS / f"{name}.txt"
    if UPDATE:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text()


def stable(text: str, cwd: Path) -> str:
    """The same on every machine: the folder, the commits that hold its name, and what is drawn over again."""
    return _without(_DRAWN + _COMMITS, text.replace(str(cwd.parent), "/tmp"))


def without_chance(text: str) -> str:
    """The ids and names that runs draw, replaced by others."""
    return _without(_CHANCE, text)


def _without(words: Iterable[tuple[str, str]], text: str) -> str:
    for pattern, word in words:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    return text


@pytest.fixture
def set_up(repo: Path, sh: Shell) -> Path:
    sh(SET_UP, cwd=repo)
    return repo


@pytest.fixture
def with_versions(set_up: Path, sh: Shell) -> Callable[[int], Path]:
    """`with_versions(30)`: a repository with so many versions of a model, two of which have an alias."""

    def make(count: int) -> Path:
        crowd(set_up, versions=count, remote="origin")
        sh(ALIASES.format(old=count // 3, new=count - 1, better=count * 4 // 5), cwd=set_up)
        return set_up

    return make


def test_nothing(set_up: Path) -> None:
    lines = ("gitreg ls", "gitreg ls model", "gitreg runs", "gitreg alias ls", "gitreg lineage --all", "gitreg status")
    record("nothing", set_up, lines, lines)


def test_one_version(with_versions: Callable[[int], Path]) -> None:
    record("one-version", with_versions(1), READ)


def test_thirty_versions(with_versions: Callable[[int], Path]) -> None:
    words = ("ls", "ls model --limit 3", "ls model --limit 2 --format csv", "runs --limit 3", "show model", "alias ls")
    record("thirty-versions", with_versions(30), READ, [f"gitreg {line}" for line in words])


def test_ten_thousand_versions(with_versions: Callable[[int], Path]) -> None:
    more = ("gitreg show model", "gitreg alias log model:production", "gitreg lineage model:production")
    record("ten-thousand-versions", with_versions(10_000), (*LISTS, *more))


def test_a_request(with_versions: Callable[[int], Path], sh: Shell) -> None:
    repo = with_versions(12)
    (repo / ".gitreg").mkdir()
    (repo / ".gitreg" / "policy.yaml").write_text(POLICY)
    sh(
        """
        for alias in production staging; do
            git update-ref refs/gitreg-remotes/origin/aliases/model@$alias refs/gitreg/aliases/model@$alias
            git update-ref -d refs/gitreg/aliases/model@$alias
        done
        git add .gitreg && git commit --quiet -m 'agree on a policy' && git push --quiet origin main
        """,
        cwd=repo,
    )
    record("request", repo, REQUEST, ("gitreg plan --head HEAD", "gitreg status --drift"))


def test_the_first_hour(set_up: Path, sh: Shell) -> None:
    sh(
        """
        mkdir ../data && printf '5.1,0\\n4.9,1\\n' >../data/train.csv && echo labels >../data/labels.txt
        echo 'sort ../data/*.csv >../model.bin && gitreg put ../model.bin --name digits_model --type model' >train.sh
        git add train.sh && git commit --quiet -m 'train by sorting'
        """,
        cwd=set_up,
    )
    record("first-hour", set_up, FIRST_HOUR, settled=without_chance)
