"""Pieces of Markdown for comments on pull requests, as GitHub, GitLab and Gitea read it.

Every word that somebody else wrote stands in a code span: a name cannot mention people, load a picture, begin a
command of the host's, or make a row.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from gitreg.records.plain import visible

LONGEST, ROWS = 120, 50
"""How many characters of a text, and how many rows of a table, are shown."""


def code(words: str, longest: int = LONGEST) -> str:
    """A code span that ends where it should."""
    shown = _shown(words, longest)
    if not shown.strip():
        return ""
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    space = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{space}{shown}{space}{fence}"


def html_code(words: str, longest: int = LONGEST) -> str:
    """The same for a place where HTML is read and Markdown is not, such as the title of what is folded."""
    return f"<code>{html.escape(_shown(words, longest))}</code>"


def _shown(words: str, longest: int) -> str:
    # what is made visible is never shorter
    shown = visible(words[: longest + 1])
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def row(cells: Sequence[str]) -> str:
    """A row of a table. A cell ends at any bar that has no backslash before it, also inside a code span."""
    return " | ".join(["", *(cell.replace("|", "\\|") for cell in cells), ""]).strip(" ")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, right: range = range(0)) -> Iterator[str]:
    """A table. `right` says which columns are numbers."""
    yield row(heads)
    yield row(["--:" if at in right else "---" for at in range(len(heads))])
    yield from map(row, rows)
