"""`gitreg ls`: collections, and the versions of one. Needs no network, no lock and no write access."""

from __future__ import annotations

from collections import defaultdict
from functools import partial

import click

from gitreg.cli import console, context, documents, human, tables
from gitreg.cli.documents import Document
from gitreg.cli.tables import Column
from gitreg.errors import UsageError
from gitreg.records.names import parse_collection
from gitreg.registry import aliases, resolve, versions
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version


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
    everything = versions.all_versions(registry, name)
    named = aliases.by_version(aliases.all_aliases(registry, name), everything)
    listed = versions.own(registry, everything)
    lines = (
        context.readable(f"'{version.name}'", partial(documents.version_line, registry, version, named))
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
