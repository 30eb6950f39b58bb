"""A page about one thing: titles at the left, what is to be said beside them, on a terminal within its width.

Text comes from strangers. It goes through `visible` here, in one place, and colours come after it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import click

from gitreg.cli import console, tables
from gitreg.records.plain import visible

_GAP = "  "
_LEAST = 8


@dataclass(frozen=True, slots=True)
class Text:
    """Words in one style, in `click.style`'s words."""

    words: str
    style: dict[str, Any] = field(default_factory=dict)


Words = str | Text
Line = Sequence[Words]


def dim(words: str) -> Text:
    """What is there for those who look for it."""
    return Text(words, {"dim": True})


def bold(words: str) -> Text:
    """What is looked for first."""
    return Text(words, {"bold": True})


def name(words: str) -> Text:
    """A name that another command takes."""
    return Text(words, {"fg": "cyan"})


def good(words: str) -> Text:
    """A state in which nothing is left to do."""
    return Text(words, {"fg": "green"})


def bad(words: str) -> Text:
    """A state that somebody should look at."""
    return Text(words, {"fg": "red"})


def odd(words: str) -> Text:
    """A state that will not stay, or that is worth knowing."""
    return Text(words, {"fg": "yellow"})


class Page:
    """Prints a page, part by part.

    Attributes:
        width: the columns of the terminal, None in a pipe, where nothing is wrapped or shortened.
        blocks: whether the output can show more than ASCII.
    """

    def __init__(self, titles: int) -> None:
        """`titles` is how wide the titles at the left are."""
        self.width = tables.terminal_width()
        self.blocks = console.has_unicode(sys.stdout)
        self._color = console.has_color(sys.stdout)
        self._titles = titles

    @property
    def dot(self) -> str:
        """What stands between the parts of a line."""
        return " · " if self.blocks else " - "

    @property
    def arrow(self) -> str:
        """What stands between what was and what is."""
        return "→" if self.blocks else "->"

    def head(self, *parts: Words) -> None:
        """The first line."""
        for line in self._wrapped(_joined(parts, self.dot), self.width):
            self._print(line)

    def blank(self) -> None:
        """An empty line before what follows."""
        click.echo()

    def note(self, text: str) -> None:
        """A text over the whole width; nothing for an empty one."""
        for line in text.strip().splitlines():
            for part in self._wrapped([line], self.width):
                self._print(part)

    def fact(self, title: str, *lines: Line, indent: int = 0) -> None:
        """A title, and lines beside it that are wrapped; nothing without lines."""
        room = self.width - self._titles - len(_GAP) - indent if self.width else None
        blank = " " * indent
        self._beside(title, [[blank, *part] for line in lines for part in self._wrapped(line, room)])

    def grid(
        self,
        title: str,
        rows: Iterable[Line],
        *,
        right: Iterable[int] = (),
        heads: bool = False,
        spare: int | None = None,
    ) -> None:
        """A title, and a small table beside it; the columns in `right` are numbers, the one in `spare` can go.

        `heads` says that the first row is one of titles. What does not fit is shortened, the widest column first; then
        columns are left out, the last one first.
        """
        cells = [[_text(cell) for cell in row] for row in rows]
        widths = [
            max((tables.cell_width(cell.words) for cell in column if cell), default=0) for column in zip_longest(*cells)
        ]
        numbers, lines = set(right), []
        if spare is not None and self._over(widths) > 0:
            cells = [[cell for at, cell in enumerate(row) if at != spare] for row in cells]
            del widths[spare]
            numbers = {at - (at > spare) for at in numbers}
        self._fit(widths)
        for place, whole in enumerate(cells):
            row = whole[: len(widths)]
            line: list[Words] = []
            for at, cell in enumerate(row):
                shown = tables.shortened(cell.words, widths[at])
                blank = " " * (widths[at] - tables.cell_width(shown))
                style = {"dim": True} if heads and place == 0 else cell.style
                last = at == len(row) - 1
                text = Text(shown, style)
                line += [blank, text] if at in numbers else [text, "" if last else blank]
                line += [] if last else [_GAP]
            lines.append(line)
        self._beside(title, lines)

    def _over(self, widths: Sequence[int]) -> int:
        """By how many columns a grid is too wide."""
        room = self.width - self._titles - len(_GAP) if self.width else math.inf
        return int(max(sum(widths) + len(_GAP) * (len(widths) - 1) - room, 0))

    def _fit(self, widths: list[int]) -> None:
        while self._over(widths) and max(widths) > _LEAST:
            widths[widths.index(max(widths))] -= 1
        while self._over(widths) and len(widths) > 1:
            widths.pop()

    def _beside(self, title: str, lines: Iterable[Line]) -> None:
        for number, line in enumerate(lines):
            shown = title if number == 0 else ""
            self._print([Text(shown.ljust(self._titles), {"dim": True}), _GAP, *line])

    def _wrapped(self, line: Line, room: int | None) -> list[Line]:
        """The line in parts of at most `room` columns, cut where words end; a longer word is cut anywhere."""
        texts = [_text(words) for words in line]
        if room is None or sum(tables.cell_width(text.words) for text in texts) <= room:
            return [texts]
        parts: list[list[Words]] = [[]]
        used = 0
        for text in texts:
            for word in _split(text.words, room):
                if used and used + tables.cell_width(word.rstrip(" ")) > room:
                    parts.append([])
                    used = 0
                shown = word if used else word.lstrip(" ")
                parts[-1].append(Text(shown, text.style))
                used += tables.cell_width(shown)
        return [part for part in parts if part]

    def _print(self, line: Line) -> None:
        parts = [_text(words) for words in line]
        text = "".join(
            click.style(part.words, **part.style) if self._color and part.style and part.words.strip() else part.words
            for part in parts
        )
        click.echo(text.rstrip(), color=True)


def middle(text: str, width: int) -> str:
    """A path in at most this many columns: its beginning and its end."""
    if tables.cell_width(text) <= width:
        return text
    end, used = len(text), 0
    while used + tables.cell_width(text[end - 1]) <= width * 2 // 3:
        end -= 1
        used += tables.cell_width(text[end])
    return tables.shortened(text, width - used) + text[end:]


def _text(words: Words) -> Text:
    """Words that can be shown; line breaks in them are one space each."""
    text = words if isinstance(words, Text) else Text(words)
    return Text(visible(text.words.replace("\r\n", " ").replace("\n", " ")), text.style)


def _joined(parts: Iterable[Words], between: str) -> list[Words]:
    line: list[Words] = []
    for part in parts:
        if _text(part).words:
            line += [dim(between), part] if line else [part]
    return line


def _split(text: str, room: int) -> list[str]:
    """Words with the spaces behind them; what is longer than `room` in pieces."""
    pieces: list[str] = []
    for word in text.replace(" ", " \0").split("\0"):
        piece = ""
        for character in word:
            if piece and tables.cell_width(piece + character) > room:
                pieces.append(piece)
                piece = ""
            piece += character
        pieces.append(piece)
    return [piece for piece in pieces if piece]
