"""`gitreg runs`: the runs that are known here. Needs no network, no lock and no write access."""

from __future__ import annotations

from functools import partial
from graphlib import TopologicalSorter

import click

from gitreg.cli import console, context, documents, human, tables
from gitreg.cli.tables import Column
from gitreg.errors import NotFoundError
from gitreg.records.objects import Oid
from gitreg.registry import index
from gitreg.registry import runs as registry_runs
from gitreg.registry.live import live_runs
from gitreg.registry.recover import dead_runs
from gitreg.registry.runs import Run


@click.command("runs")
@context.json_option
def runs(*, as_json: bool) -> None:
    """List runs, the newest last."""
    with context.opened() as registry:
        published = {run_id: there for run_id, (_, there) in registry_runs.tips(registry).items()}
        with index.updated(registry) as known:
            tips = known.tips()
        chains = (
            context.readable(f"run '{run_id}'", partial(registry_runs.chain, registry, tip))
            for run_id, tip in tips.items()
        )
        found = [run for run in chains if run]
        found = _in_order(found)
        lines = [documents.run_page(registry, run, published=published.get(run.record.id, True)) for run in found]
        lines += [documents.run_line(record) for record in live_runs(registry)]
        killed = dead_runs(registry)
    lines.sort(key=lambda line: str(line["started"]))
    for line in lines:
        if line["state"] == "running" and line["id"] not in published:
            # all that is here is the commit of one of its versions
            line["state"] = "unknown"
        if line["id"] in killed:
            line["state"] = "crashed"
    if as_json:
        console.document("runs", {"runs": lines})
    elif not lines:
        console.say("no runs yet; 'gitreg run -- COMMAND' makes one")
    else:
        tables.table(
            [
                Column("RUN", lambda row: row["name"]),
                Column("ID", lambda row: row["id"]),
                Column("STATE", lambda row: row["state"]),
                Column("JOB TYPE", lambda row: row["job_type"], rank=2),
                Column("STARTED", lambda row: human.date(row["started"]), rank=1),
                Column("MADE", lambda row: _made(row.get("outputs")), rank=3),
                Column("RESULTS", lambda row: _results(row["summary"])),
            ],
            lines,
        )
        if any(line["state"] == "unknown" for line in lines):
            console.say("how some of them ended is not known here; 'gitreg fetch' brings it")
    if killed:
        console.say(f"{human.plural(len(killed), 'run')} killed and not recorded yet: gitreg run recover")


def _made(outputs: object) -> str:
    return ", ".join(map(str, outputs)) if isinstance(outputs, list) else ""


def _in_order(found: list[Run]) -> list[Run]:
    """By the time they started; those of the same second after the runs whose versions they used."""
    earlier: dict[Oid, list[Oid]] = {}
    for run in sorted(found, key=lambda run: run.record.id):
        for before, commit in zip((None, *run.commits), run.commits, strict=False):
            earlier[commit.oid] = [use.commit for use in commit.record.inputs] + ([before.oid] if before else [])
    place = {commit: number for number, commit in enumerate(TopologicalSorter(earlier).static_order())}
    return sorted(found, key=lambda run: (run.record.started, place[run.commits[0].oid]))


def _results(summary: object) -> str:
    """The first few numbers of a summary."""
    if not isinstance(summary, dict):
        raise NotFoundError("run", "summary")
    numbers = [(key, value) for key, value in summary.items() if isinstance(value, (int, float)) and key[:1] != "_"]
    return ", ".join(f"{key}={value:.4g}" for key, value in numbers[:3])
