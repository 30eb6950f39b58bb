"""What every list has in common: its options, how much of it is shown, in which form, and the pager."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import click

from gitreg.cli import console, human, tables
from gitreg.cli.pager import paged
from gitreg.cli.tables import Column, Form, Row
from gitreg.errors import UsageError
from gitreg.git.runner import Git

Command = TypeVar("Command", bound=Callable[..., Any])
Item = TypeVar("Item")

SHOWN = 30


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `--format` and `--limit` ask for.

    Attributes:
        form: `table` for people, else one for programs.
        limit: how many rows at most, None for all of them.
    """

    form: Form
    limit: int | None

    def first(self, items: Iterable[Item]) -> list[Item]:
        """As many of the items as are shown; no more are looked at."""
        return list(islice(items, self.limit))


def _limit(context: click.Context, parameter: click.Parameter, value: str | None) -> int | str | None:
    del context, parameter
    if value is None or value == "all":
        return value
    if not (value.isascii() and value.isdecimal()) or len(value) > 9 or int(value) < 1:
        raise click.BadParameter("write a number from 1 on, or 'all'")
    return int(value)


def options(function: Command) -> Command:
    """`--format`, `--json` and `--limit`; the command gets them as `wanted`."""

    @functools.wraps(function)
    def run(*arguments: Any, form: Form | None, as_json: bool, limit: int | str | None, **others: Any) -> Any:
        if as_json and form not in (None, "json"):
            raise UsageError(f"--json and --format {form} are two forms", hint="leave one out")
        chosen: Form = "json" if as_json else form or "table"
        most = SHOWN if limit is None and chosen == "table" else limit
        return function(*arguments, wanted=Wanted(chosen, most if isinstance(most, int) else None), **others)

    for option in (
        click.option("--json", "as_json", is_flag=True, help="The same as --format json."),
        click.option(
            "--limit",
            callback=_limit,
            metavar="N|all",
            help=f"At most N. Default: {SHOWN} in a table, else all.",
        ),
        click.option("--format", "form", type=click.Choice(["table", "csv", "tsv", "json"]), help="Default: table."),
    ):
        run = option(run)
    return run  # type: ignore[return-value]  # click's decorators keep the function


def show(
    wanted: Wanted,
    command: str,
    rows: Sequence[Row],
    *,
    columns: Sequence[Column],
    git: Git,
    key: str,
    total: int,
    noun: str,
    about: Row | None = None,
    fields: Sequence[str] | None = None,
    tells: bool = False,
) -> None:
    """Print the rows of a list, those that `wanted` asks for, in their order.

    `key` is where they stand in the JSON document, beside what it says `about` them. `total` is how many there are, and
    `noun` what they are called. `fields` are the columns of CSV and TSV, see `tables.delimited`. With `tells`, the
    columns for which a terminal has no room are told.
    """
    if wanted.form == "json":
        console.document(command, {**(about or {}), key: list(rows)})
    elif wanted.form in ("csv", "tsv"):
        click.echo(tables.delimited(wanted.form, rows, fields), nl=False)
    elif rows:
        with paged(git.config("core.pager")):
            gone = tables.table(columns, rows)
        if gone and tells:
            more = f" and {len(gone) - 10} more" if len(gone) > 10 else ""
            console.say(f"no room for {', '.join(gone[:10])}{more}; --format csv has all")
        if len(rows) < total:
            console.say(f"{len(rows):,} of {human.plural(total, noun)}; --limit all shows all")
