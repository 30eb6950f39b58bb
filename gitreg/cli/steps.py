"""`gitreg steps`: what a run logged step by step. What is not in this clone is fetched from the storage."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import click

from gitreg.cli import console, context, human, lists, parts
from gitreg.cli.lists import Wanted
from gitreg.cli.tables import Column, Row, shortened
from gitreg.errors import NotFoundError
from gitreg.records import dotted
from gitreg.records.history import STEP, History
from gitreg.records.names import RunId
from gitreg.records.similar import closest
from gitreg.registry import facts, history, order
from gitreg.registry.repository import Registry

# of a text in a table, in columns of a terminal
_WIDEST = 40


@click.command(
    "steps",
    epilog=context.examples("gitreg steps 3kf9a1xq", "gitreg steps 3kf9a1xq loss val/loss --format csv"),
)
@click.argument("run", metavar="RUN")
@click.argument("metrics", metavar="[METRIC]...", nargs=-1, type=context.TEXT)
@lists.options
def steps(run: str, metrics: tuple[str, ...], *, wanted: Wanted) -> None:
    """Print what a run logged, a line for each step.

    RUN is the id or the name of a run. METRIC is a name that it logged, such as val/loss: only these are printed, of
    the steps that have all of them. Of more steps than --limit they are evenly spread, and the last is among them. The
    table shortens long texts; CSV, TSV and JSON have all.
    """
    with context.opened() as registry:
        run_id = _named(registry, run)
        found = history.newest(registry, run_id, facts.run(registry, run_id))
        _check(found, run, metrics)
        numbers = history.complete(found, metrics)
        shown = numbers if wanted.limit is None else history.sample(numbers, wanted.limit)
        rows: list[Row] = list(found.rows([STEP, *metrics] if metrics else None, shown))
        if wanted.form == "table":
            rows = [{dotted.plain(name): value for name, value in dotted.flat(row).items()} for row in rows]
        if not rows and wanted.form == "table":
            console.say(f"no step of run '{run}' {'has all of these' if metrics else 'is here'}")
        lists.show(
            wanted,
            "steps",
            rows,
            columns=_columns(rows) if wanted.form == "table" else (),
            git=registry.git,
            key="steps",
            total=len(numbers),
            noun="step",
            about={"id": run_id},
            tells=True,
        )


def _named(registry: Registry, word: str) -> RunId:
    """The run of that id or name, the newest of several. Raises: NotFoundError."""
    found = order.named(registry, word)
    if not found:
        raise NotFoundError("run", word, hint="'gitreg runs' lists them")
    if len(found) > 1:
        console.say(f"note: the newest of {len(found)} runs called '{word}'; the others: {', '.join(found[1:])}")
    return found[0]


def _check(found: History, run: str, metrics: tuple[str, ...]) -> None:
    """Raises: NotFoundError for a metric that was never logged."""
    for metric in metrics:
        if metric not in found.keys and not found.column(metric):
            known = history.names(found)
            close = closest(metric, known)
            hint = f"did you mean '{close}'?" if close else f"it logged {', '.join(known[:10]) or 'nothing'}"
            raise NotFoundError("metric", metric, f"run '{run}' logged no '{metric}'", hint=hint)


def _columns(rows: Sequence[Row]) -> list[Column]:
    keys = dict.fromkeys(key for row in rows for key in row if not key.startswith("_"))
    first = Column("STEP", lambda row: str(row.get(STEP, "")), right=True)
    # where there is no room, numbers stay longest
    ranks = {key: 1 if all(isinstance(row.get(key, 0), (int, float)) for row in rows) else 2 for key in keys}
    return [first, *(Column(key, functools.partial(_cell, key), rank=ranks[key], least=6, right=True) for key in keys)]


def _cell(key: str, row: Row) -> str:
    value = row.get(key, "")
    return human.number(value) if isinstance(value, float) else shortened(parts.value(value), _WIDEST)
