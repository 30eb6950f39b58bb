"""`gitreg ls`, `show`, `runs`: reading what is there. Needs no network, no lock and no write access."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import partial
from graphlib import TopologicalSorter

import click

from gitreg.cli import console, context, documents, human, tables
from gitreg.cli.documents import Document
from gitreg.cli.tables import Column
from gitreg.errors import NotFoundError, UsageError
from gitreg.records.names import parse_collection
from gitreg.records.objects import Oid
from gitreg.registry import aliases, index, resolve, versions
from gitreg.registry import runs as registry_runs
from gitreg.registry.live import live_runs
from gitreg.registry.recover import dead_runs
from gitreg.registry.repository import Registry
from gitreg.registry.runs import Run
from gitreg.registry.versions import Version

_SHOWN = 20


@click.command("ls", epilog=context.examples("gitreg ls", "gitreg ls mnist_model"))
@click.argument("collection", required=False)
@context.json_option
def ls(collection: str | None, *, as_json: bool) -> None:
    """List collections, or the versions of COLLECTION, the newest last."""
    with context.opened() as registry:
        if collection is not None and (":" in collection or "@" in collection):
            raise UsageError(f"'{collection}' is one version, not a collection", hint=f"gitreg show {collection}")
        if collection is None:
            _list_collections(registry, as_json=as_json)
        else:
            _list_versions(registry, collection, as_json=as_json)


def _list_collections(registry: Registry, *, as_json: bool) -> None:
    grouped: dict[object, list[Version]] = defaultdict(list)
    for version in versions.all_versions(registry):
        grouped[version.name.collection].append(version)
    named: dict[object, list[Document]] = defaultdict(list)
    for alias in aliases.all_aliases(registry):
        if alias.place:
            named[alias.name.collection].append({"alias": alias.name.alias, "version": alias.place.version.label})
    lines: list[Document] = []
    for collection, found in grouped.items():
        newest = next(versions.own(registry, reversed(found)), None)
        if newest is None:
            continue
        record = context.readable(f"'{newest.name}'", partial(versions.record, registry, newest))
        if record is None:
            continue
        lines.append(
            {
                "collection": str(collection),
                "type": record.type,
                "versions": len(found),
                "unpublished": sum(not version.published for version in found),
                "latest": newest.name.label,
                "aliases": named[collection],
                "registered": record.link is not None,
            }
        )
    if as_json:
        console.document("ls", {"collections": lines})
    elif not lines:
        console.say(
            "no versions yet; 'gitreg put PATH --name NAME --type TYPE' logs one, 'gitreg fetch' brings others'"
        )
    else:
        tables.table(
            [
                Column("COLLECTION", lambda row: row["collection"], least=24),
                Column("TYPE", lambda row: row["type"], rank=2),
                Column("VERSIONS", lambda row: str(row["versions"]), right=True, rank=1),
                Column("LATEST", lambda row: row["latest"]),
                Column("ALIASES", lambda row: _aliases(row["aliases"]), least=16),
            ],
            lines,
        )


def _aliases(found: object) -> str:
    """`production=v3, staging=v4`."""
    items = found if isinstance(found, list) else []
    return ", ".join(f"{item['alias']}={item['version']}" for item in items)


def _list_versions(registry: Registry, collection: str, *, as_json: bool) -> None:
    name = resolve.collection(registry, parse_collection(collection))
    known = aliases.all_aliases(registry, name)
    listed = versions.own(registry, versions.all_versions(registry, name))
    lines = (
        context.readable(f"'{version.name}'", partial(documents.version_line, registry, version, known))
        for version in listed
    )
    found = [line for line in lines if line]
    if as_json:
        console.document("ls", {"collection": str(name), "versions": found})
        return
    tables.table(
        [
            Column("VERSION", lambda row: row["version"]),
            Column("TYPE", lambda row: row["type"], rank=4),
            Column("SIZE", lambda row: human.size(row["size"]), right=True, rank=2),
            Column("FILES", lambda row: str(row["files"]), right=True, rank=3),
            Column("CREATED", lambda row: human.date(row["created"])),
            Column("BY", lambda row: row["by"].partition(" <")[0], rank=1),
            Column("ALIASES", lambda row: ", ".join(row["aliases"]), least=16),
            Column("", lambda row: "" if row["published"] else "unpublished"),
        ],
        found,
    )


@click.command(
    "show", epilog=context.examples("gitreg show model/MNIST:production", "gitreg show mnist_model:v0 --json")
)
@click.argument("reference", metavar="REF")
@context.json_option
def show(reference: str, *, as_json: bool) -> None:
    """Show a version: its metadata, files, run, inputs, aliases and who used it.

    REF is NAME:v3, NAME:ALIAS, or NAME for the newest version.
    """
    with context.opened() as registry:
        found = versions.details(registry, context.version(registry, reference))
        page = documents.version_page(registry, found)
    if as_json:
        console.document("show", page)
        return
    run = found.run
    console.out(str(found.version))
    facts = [
        ("type", found.artifact.type),
        ("aliases", ", ".join(page["aliases"])),  # type: ignore[arg-type]
        ("description", found.artifact.description),
        ("content", f"{human.plural(found.artifact.files, 'file')}, {human.size(found.artifact.size)}"),
        ("created", f"{page['created']} by {page['by']}"),
        ("run", f"{run.name} ({run.id})" + (f", {run.job_type}" if run.job_type else "")),
        ("code", found.run.code.commit.short + (" (with uncommitted changes)" if run.code.snapshot else "")),
        ("link to", str(found.record.link.version) if found.record.link else ""),
        ("linked as", ", ".join(page["links"]) if not found.record.link else ""),  # type: ignore[arg-type]
        ("commit", str(found.version.commit)),
        ("digest", found.artifact.digest),
    ]
    for title, text in facts:
        if text:
            console.out(f"  {title:<12} {text}")
    _section("metadata", found.artifact.metadata.items())
    _section("config", run.config.items())
    _section("summary", run.summary.items())
    _section("inputs", ((f"{use['artifact']}:{use['version']}", "") for use in page["inputs"]))  # type: ignore[attr-defined]
    _section("used by", ((user["name"], user["job_type"]) for user in page["used_by"]))  # type: ignore[attr-defined]
    files = page["files"]
    if not isinstance(files, list):
        console.say("the list of files is not here; 'gitreg get' brings it")
    else:
        _section("files", ((file["path"], human.size(file["size"])) for file in files[:_SHOWN]))
        if len(files) > _SHOWN:
            console.out(f"  ... and {len(files) - _SHOWN} more; --json lists all")


def _section(title: str, items: object) -> None:
    """A titled block of pairs; nothing when there are none."""
    pairs = [(str(key), _short(value)) for key, value in items]  # type: ignore[attr-defined]
    if pairs:
        console.out(f"\n{title}")
        width = max(len(key) for key, _ in pairs)
        for key, value in pairs:
            console.out(f"  {key:<{width}}  {value}".rstrip())


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


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
