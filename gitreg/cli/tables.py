"""Lists: as a table for people, as CSV, TSV or JSON for programs. The same rows, whatever the form.

The widths of characters are rich's. Its tables are not used: they take three seconds for 10,000 rows, and cannot leave
a column out where a terminal is narrow.
"""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import click

from gitreg.cli import console
from gitreg.records.plain import visible

Form = Literal["table", "csv", "tsv", "json"]
Row = Mapping[str, Any]
_GAP = 2
# with the full-width signs of East Asian keyboards
_FORMULA = re.compile(r"(^\s*|;\s*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        head: its title.
        cell: the text of a row's cell.
        rank: what is left out first where the terminal is too narrow: the highest. 0 always stays.
        least: how many columns of the terminal the text may be shortened to.
        right: aligned to the right, as numbers are.
        style: `click.style`'s words for a row's cell.
    """

    head: str
    cell: Callable[[Row], str]
    rank: int = 0
    least: int = 12
    right: bool = False
    style: Callable[[Row], Mapping[str, Any]] | None = None


def table(columns: Sequence[Column], rows: Sequence[Row]) -> list[str]:
    """Print rows below a line of titles, nothing without rows. Columns that are empty in every row are left out.

    On a terminal a line fits its width: the columns of the highest rank go, then the longest texts are shortened. In
    a pipe nothing is shortened. The titles of the columns for which there was no room are given back.
    """
    if not rows:
        return []
    heads = [visible(column.head) for column in columns]
    cells = [[visible(column.cell(row)) for column in columns] for row in rows]
    kept = [place for place, column in enumerate(columns) if any(line[place] for line in cells)]
    if not kept:
        return []
    room, all_kept = terminal_width(), list(kept)
    widths = {
        place: max(cell_width(text) for text in (heads[place], *(line[place] for line in cells))) for place in kept
    }
    if room is not None:
        kept, widths = _fitted(columns, kept, widths, room)
    color = console.has_color(sys.stdout)
    there, sizes = [columns[place] for place in kept], [widths[place] for place in kept]
    plain: list[Mapping[str, Any]] = [{}] * len(kept)
    lines = [_line(there, [heads[place] for place in kept], sizes, [{"bold": True}] * len(kept) if color else plain)]
    for row, line in zip(rows, cells, strict=True):
        styles = [column.style(row) if column.style else {} for column in there] if color else plain
        lines.append(_line(there, [line[place] for place in kept], sizes, styles))
    click.echo("\n".join(lines), color=True)
    return [heads[place] for place in all_kept if place not in kept]


def terminal_width() -> int | None:
    """How wide a line may be: None in a pipe."""
    return shutil.get_terminal_size().columns if sys.__stdout__ and sys.__stdout__.isatty() else None


def _fitted(
    columns: Sequence[Column], kept: list[int], widths: dict[int, int], room: int
) -> tuple[list[int], dict[int, int]]:
    """The columns that stay, and how wide they are."""

    def total(widths: Mapping[int, int]) -> int:
        return sum(widths[place] for place in kept) + _GAP * (len(kept) - 1)

    def least() -> dict[int, int]:
        return {place: min(widths[place], max(columns[place].least, cell_width(columns[place].head))) for place in kept}

    while total(least()) > room and any(columns[place].rank for place in kept):
        kept.remove(max(kept, key=lambda place: (columns[place].rank, place)))
    floor, fitted = least(), dict(widths)
    while total(fitted) > room:
        widest = max(kept, key=lambda place: fitted[place] - floor[place])
        if fitted[widest] == floor[widest]:
            break
        fitted[widest] -= 1
    return kept, fitted


def _line(
    columns: Sequence[Column],
    texts: Sequence[str],
    widths: Sequence[int],
    styles: Sequence[Mapping[str, Any]],
) -> str:
    """One line; `styles` are empty, or one for each column."""
    parts = []
    for column, text, width, style in zip(columns, texts, widths, styles, strict=True):
        shown = shortened(text, width)
        blank = " " * (width - cell_width(shown))
        if style and shown:
            shown = click.style(shown, **style)
        parts.append(blank + shown if column.right else shown + blank)
    return (" " * _GAP).join(parts).rstrip()


def shortened(text: str, width: int) -> str:
    """The text in at most this many columns of a terminal, with an ellipsis where something was cut."""
    from rich.cells import set_cell_size

    return text if cell_width(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"


def cell_width(text: str) -> int:
    """How many columns of a terminal a text takes: East Asian wide characters take two, accents none."""
    from rich.cells import cell_len

    return len(text) if text.isascii() else cell_len(text)


def flat(document: Row) -> dict[str, Any]:
    """A document with its nested mappings as dotted keys: `config.lr`, `code.commit`."""
    found: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, Mapping):
            found |= {f"{key}.{inner}": item for inner, item in flat(value).items()}
        else:
            found[key] = value
    return found


def delimited(form: Literal["csv", "tsv"], rows: Iterable[Row], fields: Sequence[str] | None = None) -> str:
    """Rows as RFC 4180's CSV, or as lines of fields between tabs, below a line of names.

    `fields` are dotted names; by default all that occur, in order of first occurrence. A list is written as JSON. Line
    breaks, tabs and control characters are made visible, so a row is always one line. In CSV, what a spreadsheet
    would take for a formula (text that begins with = + - @, also behind the semicolon that separates the cells of half
    the world) gets an apostrophe before it; numbers stay numbers.
    """
    flattened = [flat(row) for row in rows]
    names = list(fields) if fields is not None else list(dict.fromkeys(name for row in flattened for name in row))
    if not names:
        return ""
    lines = [[visible(name) for name in names], *([_plain(row.get(name)) for name in names] for row in flattened)]
    if form == "tsv":
        return "".join("\t".join(line) + "\n" for line in lines)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_inert(cell) for cell in line] for line in lines)
    return text.getvalue()


def _plain(value: object) -> str:
    """One value on one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return visible(value) if isinstance(value, str) else visible(json.dumps(value, ensure_ascii=False, default=str))


def _inert(cell: str) -> str:
    try:
        float(cell)
    except ValueError:
        return _FORMULA.sub(r"\1'", cell)
    return cell
