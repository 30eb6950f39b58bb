"""One line of what `gitreg doctor` says, and how what is wrong is mended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "fixed", "warning", "problem"]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a check found. Its texts may hold hostile names: whoever prints them escapes them.

    Attributes:
        level: 'problem' when it stops work, 'warning' when something should be done, 'fixed' when it was.
        check: which check, in one word.
        words: what it found.
        todo: what to do about it: a command, or words.
        mend: does it, where that is safe, and says in words what it did; None where a person has to. Raises: Error,
            OSError.
    """

    level: Level
    check: str
    words: str
    todo: str = ""
    mend: Callable[[], str] | None = None


def ok(check: str, words: str) -> Diagnosis:
    """Nothing to do."""
    return Diagnosis("ok", check, words)


def warning(check: str, words: str, todo: str = "", mend: Callable[[], str] | None = None) -> Diagnosis:
    """Something should be done."""
    return Diagnosis("warning", check, words, todo, mend)


def problem(check: str, words: str, todo: str = "", mend: Callable[[], str] | None = None) -> Diagnosis:
    """Something stops work."""
    return Diagnosis("problem", check, words, todo, mend)


def plural(count: int, noun: str) -> str:
    """`1 file`, `2 files`, `2 aliases`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}{'es' if noun.endswith('s') else 's'}"


def listed(names: list[str], limit: int = 3) -> str:
    """`'a'`, `'a' and 'b'`, `'a', 'b', 'c' and 4 more`."""
    shown = [f"'{name}'" for name in names[:limit]]
    rest = [f"{len(names) - limit} more"] if len(names) > limit else []
    *first, last = [*shown, *rest]
    return f"{', '.join(first)} and {last}" if first else last
