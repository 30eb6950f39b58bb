"""What `verify.sh` answers, for the tests that ask it about the golden repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

MAKE = Path(__file__).parent / "golden" / "make.sh"


class Answer(NamedTuple):
    code: int
    lines: list[str]
    errors: str

    def all(self, word: str) -> list[str]:
        return [line.partition(" ")[2] for line in self.lines if line.split(" ")[0] == word]


def cache_of(repo: Path) -> Path:
    return repo / ".dvc" / "cache"


def assert_failed(answer: Answer, words: str) -> None:
    assert answer.code == 1, answer
    assert re.search(rf"^FAILED: .*{words}", answer.lines[-1]), answer
    assert "ok" not in answer.lines
