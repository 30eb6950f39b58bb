"""What the command line says: data on standard output, talk and errors on standard error, hostile bytes on neither."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

import click

from gitreg.errors import Error
from gitreg.records.plain import visible

_LONGEST = 1000
_UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB")


def out(text: str = "") -> None:
    """A line of data. Line breaks inside it are kept, everything else that a terminal would obey is not."""
    _write(sys.stdout, text)


def say(text: str) -> None:
    """A line of talk."""
    _write(sys.stderr, text)


def _write(stream: TextIO, text: str) -> None:
    click.echo(_safe(text), file=stream)


def _safe(text: str) -> str:
    return "\n".join(visible(line) for line in text.split("\n"))


def fail(error: Error) -> None:
    """The one format of errors."""
    _failure(error.message, error.hint)


def _failure(message: str, hint: str | None) -> None:
    plain = not sys.stderr.isatty() or os.environ.get("NO_COLOR")
    head = "error:" if plain else click.style("error:", fg="red", bold=True)
    click.echo(f"{head} {_line(message)}", file=sys.stderr)
    if hint:
        say(f"hint: {_line(hint)}")


def _line(text: str) -> str:
    """One line, and one that somebody reads to its end: names in it may be of any length, and hold line breaks."""
    shown = visible(text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."


def usage(error: click.ClickException) -> None:
    """Click's own complaints in our format; a group without a command shows its help."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return
    message, _, guess = error.format_message().rstrip(".").partition(". Did you mean")
    context = getattr(error, "ctx", None)
    hint = f"{context.command_path} --help" if context else "gitreg --help"
    _failure(message[:1].lower() + message[1:], f"did you mean{guess}" if guess else hint)


def document(command: str, fields: dict[str, object]) -> None:
    """Print one JSON document, `gitreg/<command>/1`."""
    click.echo(json_text({"schema": f"gitreg/{command}/1", **fields}), nl=False)


def json_text(fields: dict[str, Any]) -> str:
    """A JSON document for people and programs. NaN and infinities become null: JSON has neither."""
    text = json.dumps(_jsonable(fields), ensure_ascii=False, indent=2)
    # terminal controls in strings are escaped by JSON; the rest of what must not be shown raw is made so
    return "".join(_escaped(character) for character in text) + "\n"


def _escaped(character: str) -> str:
    if character == "\n" or visible(character) == character:
        return character
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _jsonable(value: object) -> object:
    if isinstance(value, dict):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124 - NaN
        return None
    return value


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as their widest cell, two spaces between."""
    lines = [tuple(map(visible, line)) for line in (head, *rows)]
    widths = [max(_columns(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        cells = (cell + " " * (width - _columns(cell)) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes: East Asian wide characters take two, accents none."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) > 0 for character in text)


def size(count: int) -> str:
    """A number of bytes for people: `0 bytes`, `1.2 MB`, in powers of 1000."""
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{count} bytes" if unit == 0 else f"{value:.3g} {_UNITS[unit]}"


def plural(count: int, noun: str) -> str:
    """`1 file`, `2 files`, `1 alias`, `2 aliases`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}{'es' if noun.endswith('s') else 's'}"
