"""What the command line says: data on standard output, talk and errors on standard error, hostile bytes on neither."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import Any, Literal, TextIO

import click

from gitreg.errors import Error
from gitreg.records.plain import visible

When = Literal["auto", "always", "never"]
_LONGEST = 1000


@dataclass(slots=True)
class Settings:
    """How the user wants to be talked to; the global options of the command line.

    Attributes:
        quiet: no talk; data, warnings and errors stay.
        verbose: also a line for each file and object.
        trace: a line for each git command.
        color: colours; 'auto' is for terminals, unless NO_COLOR is set.
        pager: whether long lists go through git's pager on a terminal.
    """

    quiet: bool = False
    verbose: bool = False
    trace: bool = False
    color: When = "auto"
    pager: bool = True


settings = Settings()


def has_color(stream: TextIO) -> bool:
    """Whether text for this stream may be coloured. See https://no-color.org."""
    if settings.color != "auto":
        return settings.color == "always"
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


def is_terminal(stream: TextIO) -> bool:
    """Whether somebody looks at this stream, on a terminal that can do more than print lines."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def has_unicode(stream: TextIO) -> bool:
    """Whether blocks and arrows can be written there."""
    return (stream.encoding or "").lower().replace("-", "") == "utf8"


def out(text: str = "") -> None:
    """A line of data. Line breaks inside it are kept, everything else that a terminal would obey is not."""
    _write(sys.stdout, text)


def say(text: str) -> None:
    """A line of talk; not with --quiet."""
    if not settings.quiet:
        _write(sys.stderr, text)


def detail(text: str, *, over: str = "") -> None:
    """A line of talk that only --verbose asks for; `over` takes away what is drawn where it goes."""
    if settings.verbose:
        _write(sys.stderr, over + visible(text), safe=True)


def warn(text: str) -> None:
    """A line that is also said with --quiet: something is not as it should be, and the command goes on."""
    _write(sys.stderr, f"{styled('warning:', sys.stderr, fg='yellow', bold=True)} {visible(text)}", safe=True)


def styled(text: str, stream: TextIO, **style: Any) -> str:
    """Text free of control characters in `click.style`'s words, plain where the stream has no colours."""
    return click.style(visible(text), **style) if has_color(stream) else visible(text)


def _write(stream: TextIO, text: str, *, safe: bool = False) -> None:
    shown = text if safe else "\n".join(visible(line) for line in text.split("\n"))
    # click would take colours away wherever it sees no terminal; that is decided here
    click.echo(shown, file=stream, color=True)


def fail(error: Error) -> None:
    """The one format of errors."""
    _failure(error.message, error.hint)


def _failure(message: str, hint: str | None) -> None:
    _write(sys.stderr, f"{styled('error:', sys.stderr, fg='red', bold=True)} {_line(message)}", safe=True)
    if hint:
        _write(sys.stderr, f"{styled('hint:', sys.stderr, fg='cyan', bold=True)} {_line(hint)}", safe=True)


def _line(text: str) -> str:
    """One line, and one that somebody reads to its end: names in it may be of any length, and hold line breaks."""
    shown = visible(text)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}..."


def usage(error: click.ClickException) -> None:
    """Click's own complaints in our format; a group without a command shows its help."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return
    # click sets the words to choose from on lines of their own
    said = " ".join(error.format_message().split()).rstrip(".")
    message, _, guess = said.partition(". Did you mean")
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
    return (
        "\n".join(line if visible(line) == line else "".join(map(_escaped, line)) for line in text.split("\n")) + "\n"
    )


def _escaped(character: str) -> str:
    if visible(character) == character:
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def _jsonable(value: object) -> object:
    if isinstance(value, dict):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):  # noqa: PLR0124 - NaN
        return None
    return value
