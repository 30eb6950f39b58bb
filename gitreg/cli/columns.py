"""How the fields of a list look to people, and which results are worth a column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from gitreg.cli import console, human, lists, query
from gitreg.cli.lists import Wanted
from gitreg.cli.query import Found, Query, look
from gitreg.cli.rows import Row as ReadRow
from gitreg.cli.tables import Column, Row
from gitreg.errors import UsageError
from gitreg.records import dotted
from gitreg.records.when import iso
from gitreg.registry import measures
from gitreg.registry.repository import Registry
from gitreg.sdk.filters import NOTHING

Cell = Callable[[Row, str], str]
Usual = Sequence[tuple[str, Column]]

_METRICS = 3


METRICS = ("", Column("", lambda _: ""))
"""Where the headline metrics stand among the usual columns."""


def show(
    registry: Registry,
    wanted: Wanted,
    asked: Query,
    found: Found,
    usual: Usual,
    *,
    command: str,
    noun: str,
    metrics: int = 0,
    about: Row | None = None,
) -> None:
    """Print what was found; `usual` and at most so many `metrics` are the columns of a table."""
    rows: list[Row] = list(found.rows)
    shown: Sequence[Column] = ()
    if wanted.form == "table":
        if not found.total:
            console.say(f"no {noun} fits")
        shown = _chosen(usual, asked, rows, metrics)
        if rows and not any(column.cell(row) for row in rows for column in shown):
            console.say(f"note: nothing in {', '.join(asked.columns)}")
    elif asked.columns and wanted.form == "json":
        raise UsageError("--columns is for tables, CSV and TSV", hint="leave it out, and choose with jq")
    else:
        rows = [{key: _plain(row, key) for key in asked.columns} if asked.columns else dict(row) for row in rows]
    lists.show(
        wanted,
        command,
        rows,
        columns=shown,
        git=registry.git,
        key=f"{noun}s",
        total=found.total,
        noun=noun,
        about=about,
        fields=asked.columns or None,
    )


def named(asked: Query, usual: Usual, rows: Sequence[ReadRow]) -> Query:
    """What is asked, in which the headings of the usual columns stand for their fields; case does not matter."""
    return query.named(asked, {column.head: key for key, column in usual if column.head}, rows)


def when(registry: Registry) -> Cell:
    """Cells with times as `3 days ago`."""
    now = iso(registry.clock())
    return lambda row, key: human.ago(row[key], now) if row[key] else ""


def _cell(row: Row, key: str) -> str:
    """Any value for people: a number as a metric, a list with commas; '' for nothing."""
    value = look(row, key)
    return "" if value is NOTHING else _text(value)


def _plain(row: Row, key: str) -> Any:
    value = look(row, key)
    return None if value is NOTHING else value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return human.number(value)
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={_text(item)}" for key, item in value.items())
    return "" if value is None else str(value)


def _chosen(usual: Usual, asked: Query, rows: Sequence[Row], metrics: int) -> list[Column]:
    """The columns that the query names, or the usual ones, with what it asks about and the headline metrics."""
    known = {key: column for key, column in usual if key}
    if asked.columns:
        return [replace(known.get(key) or _generic(key, rows), rank=0) for key in asked.columns]
    keys = [key for key in asked.keys if key not in known and any(look(row, key) is not NOTHING for row in rows)]
    named = {key.removeprefix("summary.") for key in keys}
    headline = [key for key in headlines(rows) if key not in named][: max(metrics - len(keys), 0)]
    # what was asked about stays, and so does one metric
    ranks = [0] * max(len(keys), 1) + [3, 5]
    results = [replace(_generic(key, rows), rank=rank) for key, rank in zip([*keys, *headline], ranks, strict=False)]
    return [column for key, plain in usual for column in ([plain] if key else results)]


def _generic(key: str, rows: Sequence[Row]) -> Column:
    numeric = all(isinstance(value, (int, float)) for value in (look(row, key) for row in rows) if value is not NOTHING)
    return Column(key, lambda row: _cell(row, key), right=numeric, least=8)


def headlines(rows: Iterable[Row]) -> list[str]:
    """The metrics that most of the rows have, the most frequent first; of those, the ones that tell what is better."""
    counted = Counter(name for row in rows for name in _metrics(row))
    return sorted(counted, key=lambda name: (-counted[name], measures.direction(name) is None))


def _metrics(row: Row) -> dict[str, float]:
    """The numbers of a summary; of the metadata, when somebody put them there."""
    return dotted.numbers(row["summary"]) or dotted.numbers(row.get("metadata") or {})


def results(row: Row, most: int = _METRICS) -> str:
    """The first few numbers of a summary: `accuracy=0.9, loss=0.1`."""
    found = measures.ranked(_metrics(row))
    return ", ".join(f"{name}={human.number(value)}" for name, value in islice(found.items(), most))
