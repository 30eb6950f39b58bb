"""`gitreg runs`: the runs that are known here. Needs no network, no lock and no write access."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from gitreg.cli import columns, console, context, human, lists, query, rows
from gitreg.cli.lists import Wanted
from gitreg.cli.query import Query
from gitreg.cli.rows import Row
from gitreg.cli.tables import Column
from gitreg.records.names import RunId
from gitreg.registry import going, index, order
from gitreg.registry import runs as registry_runs
from gitreg.registry.facts import Catalogue
from gitreg.registry.repository import Registry

_STATES = ("running", "finished", "failed", "crashed", "unknown")
# what a name may take of a narrow terminal
_LONGEST = 32
_COLORS = {"running": "cyan", "finished": "green", "failed": "red", "crashed": "red", "unknown": "yellow"}


@click.command(
    "runs",
    epilog=context.examples("gitreg runs --state failed", "gitreg runs --where 'config.lr<0.01' --sort -accuracy"),
)
@click.option("--state", type=click.Choice(_STATES), metavar="STATE", help=f"Only these: {', '.join(_STATES)}.")
@click.option("--job-type", type=context.TEXT, metavar="TYPE", help="Only of this job type.")
@click.option("--project", type=context.TEXT, metavar="NAME", help="Only of this project.")
@click.option(
    "--tag", "tags", type=context.TEXT, multiple=True, metavar="TAG", help="Only with this tag; given twice, with both."
)
@query.options
@lists.options
def runs(
    *,
    state: str | None,
    job_type: str | None,
    project: str | None,
    tags: tuple[str, ...],
    asked: Query,
    wanted: Wanted,
) -> None:
    """List runs, the newest first.

    KEY is a field of --json, such as started, duration, config.lr or summary.loss. Any other word, such as loss, is
    looked for in the summary and the config.
    """
    fields = {"state": state, "job_type": job_type, "project": project}
    also = [{key: value} for key, value in fields.items() if value is not None] + [{"tags": tag} for tag in tags]
    with context.opened() as registry:
        everything = _newest_first(registry)
        killed = len(going.dead_runs(registry))
        asked = columns.named(asked, _usual(registry), everything)
        found = query.search(registry, everything, asked, also, wanted.limit)
        if not everything and wanted.form == "table":
            console.say("no runs yet; 'gitreg run -- COMMAND' makes one")
        else:
            usual = _usual(registry, found.rows if wanted.form == "table" else ())
            columns.show(registry, wanted, asked, found, usual, command="runs", noun="run", metrics=3)
    if wanted.form == "table" and any(row["state"] == "unknown" for row in found.rows):
        console.say("how some of them ended is not known here; 'gitreg fetch' brings it")
    if killed:
        console.say(f"{human.plural(killed, 'run')} killed and not recorded yet: gitreg run recover")


def _newest_first(registry: Registry) -> list[Row]:
    """All runs."""
    published = {run_id: there for run_id, (_, there) in registry_runs.tips(registry).items()}
    with index.updated(registry) as known:
        tips, told = known.tips(), known.began()
    live = going.everything(registry)
    young = {run_id: item.record for run_id, item in live.items() if run_id not in tips}
    began = {run_id: told[run_id] for run_id in tips} | order.began(young.values())
    catalogue = Catalogue(registry)

    def row(run_id: RunId) -> Row:
        def state(told: str) -> str:
            if run_id in live:
                # also one that had ended, and was resumed
                return live[run_id].state
            # all that is here of a run without a ref is the commit of one of its versions
            return "unknown" if told == "running" and run_id not in published else told

        if run_id in young:
            return rows.live_row(young[run_id], state)
        there = published.get(run_id, True)
        return rows.run_row(registry, run_id, tips[run_id], published=there, state=state, catalogue=catalogue)

    return [row(run_id) for run_id in order.newest_first(registry, began, tips.get)]


def _usual(registry: Registry, shown: Sequence[Row] = ()) -> columns.Usual:
    """The columns; where room is short, the name and the version of what the runs that are shown made stay whole."""
    when = columns.when(registry)
    made = max((len(name) for row in shown for name in row["outputs"]), default=0)
    return [
        ("name", Column("RUN", lambda row: row["name"], least=14)),
        ("id", Column("ID", lambda row: row["id"])),
        ("state", Column("STATE", lambda row: row["state"], style=lambda row: {"fg": _COLORS.get(row["state"])})),
        ("job_type", Column("JOB TYPE", lambda row: row["job_type"], rank=4)),
        columns.METRICS,
        ("started", Column("STARTED", lambda row: when(row, "started"), rank=2, least=14)),
        ("duration", Column("TOOK", _took, rank=7, right=True)),
        ("inputs", Column("USED", lambda row: ", ".join(query.used(row)), rank=6, least=10)),
        ("outputs", Column("MADE", lambda row: ", ".join(row["outputs"]), rank=1, least=min(made, _LONGEST))),
    ]


def _took(row: Mapping[str, Any]) -> str:
    return "" if row["duration"] is None else human.duration(row["duration"])
