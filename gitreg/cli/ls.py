"""`gitreg ls`: collections, and the versions of one. Needs no network, no lock and no write access."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import click

from gitreg.cli import columns, console, context, human, lists, query, rows
from gitreg.cli.documents import Document
from gitreg.cli.lists import Wanted
from gitreg.cli.query import Query
from gitreg.cli.tables import Column
from gitreg.errors import UsageError
from gitreg.records.cards import check_tags
from gitreg.records.names import CollectionName, check_alias, parse_collection
from gitreg.registry import aliases, cards, resolve, versions
from gitreg.registry.cards import State
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version
from gitreg.sdk.filters import Filter
from gitreg.sdk.targets import check_type


@click.command(
    "ls",
    epilog=context.examples(
        "gitreg ls", "gitreg ls mnist_model", "gitreg ls mnist_model --where 'accuracy>0.9' --sort -accuracy"
    ),
)
@click.argument("collection", required=False)
@click.option("--type", "type_", type=context.TEXT, metavar="TYPE", help="Only of this type.")
@click.option("--alias", type=context.TEXT, metavar="ALIAS", help="Only what this alias names.")
@click.option("--project", type=context.TEXT, metavar="NAME", help="Only what a run of this project made.")
@click.option("--tag", type=context.TEXT, metavar="TAG", help="Only what has this tag.")
@click.option("--deleted", is_flag=True, help="Also what is deleted.")
@query.options
@lists.options
def ls(
    collection: str | None,
    *,
    type_: str | None,
    alias: str | None,
    project: str | None,
    tag: str | None,
    deleted: bool,
    asked: Query,
    wanted: Wanted,
) -> None:
    """List collections, or the versions of COLLECTION, the newest first.

    KEY is a field of --json, such as size, created, config.lr or summary.loss. Any other word, such as loss, is looked
    for in the summary, the config and the metadata.
    """
    if collection is not None and (":" in collection or "@" in collection):
        raise UsageError(f"'{collection}' is one version, not a collection", hint=f"gitreg show {collection}")
    where = "aliases" if collection is not None else "aliases.alias"
    also = [
        *([{"type": check_type(type_ if type_.strip() else "")}] if type_ is not None else []),
        *([{where: check_alias(alias)}] if alias is not None else []),
        *([{"project": project}] if project is not None else []),
        *([{"tags": check_tags([tag])[0]}] if tag is not None else []),
    ]
    with context.opened() as registry:
        if collection is None:
            _list_collections(registry, asked, also, wanted, deleted=deleted)
        else:
            name = resolve.collection(registry, parse_collection(collection))
            _list_versions(registry, name, asked, also, wanted, deleted=deleted)
        context.tell_unfetched(registry)


def _list_collections(
    registry: Registry, asked: Query, also: Sequence[Filter], wanted: Wanted, *, deleted: bool
) -> None:
    states = cards.states(registry, lambda name, error: context.left_out(f"the card of '{name}'", error))
    grouped: dict[CollectionName, list[Version]] = defaultdict(list)
    for version in versions.all_versions(registry):
        grouped[version.name.collection].append(version)
    named: dict[CollectionName, list[Document]] = defaultdict(list)
    for alias in aliases.all_aliases(registry):
        if alias.place:
            named[alias.name.collection].append({"alias": alias.name.alias, "version": alias.place.version.label})
    made = (
        rows.collection_row(registry, state, some, named[name])
        for name, everything in grouped.items()
        for state in (states.get(name) or State(registry, name),)
        if (some := everything if deleted else cards.living(registry, everything, state))
    )
    newest = sorted(query.tried(made, lambda row: row["created"]), key=lambda pair: pair[1], reverse=True)
    usual = _of_collections(registry, columns.when(registry))
    asked = columns.named(asked, usual, [row for row, _ in newest])
    found = query.search(registry, [row for row, _ in newest], asked, also, wanted.limit)
    if not newest and wanted.form == "table":
        console.say("no versions here yet")
        console.say("  log one:                    gitreg put PATH --name NAME --type TYPE")
        console.say("  bring what others have:     gitreg fetch")
    else:
        columns.show(registry, wanted, asked, found, usual, command="ls", noun="collection")


def _of_collections(registry: Registry, when: columns.Cell) -> columns.Usual:
    return [
        ("collection", Column("COLLECTION", lambda row: row["collection"], least=16)),
        ("type", Column("TYPE", lambda row: row["type"], rank=3)),
        ("versions", Column("VERSIONS", lambda row: f"{row['versions']:,}", right=True, rank=2)),
        ("latest", Column("LATEST", lambda row: row["latest"])),
        ("created", Column("CREATED", lambda row: when(row, "created"), rank=1, least=14)),
        ("size", Column("SIZE", lambda row: human.size(row["size"]), right=True, rank=4)),
        ("aliases", Column("ALIASES", _aliases, least=28)),
        ("tags", Column("TAGS", lambda row: ", ".join(row["tags"]), rank=6, least=12)),
        columns.METRICS,
        ("summary", Column("RESULTS", columns.results, rank=5, least=16)),
        ("unpublished", Column("", lambda row: _unpublished(registry, row))),
    ]


def _aliases(row: Mapping[str, Any]) -> str:
    """`production=v3, staging=v4`."""
    return ", ".join(f"{item['alias']}={item['version']}" for item in row["aliases"])


def _unpublished(registry: Registry, row: Mapping[str, Any]) -> str:
    """How much of a collection others cannot see; nothing where there are no others."""
    count = row["unpublished"] if registry.has_remote else 0
    return f"{count:,} unpublished" if count else ""


def _list_versions(
    registry: Registry, name: CollectionName, asked: Query, also: Sequence[Filter], wanted: Wanted, *, deleted: bool
) -> None:
    state = cards.state(registry, name)
    known = versions.all_versions(registry, name)
    named = aliases.by_version(aliases.all_aliases(registry, name), known)
    shown = known if deleted else cards.living(registry, known, state)
    everything = [rows.version_row(registry, version, named, state) for version in reversed(shown)]
    usual = _of_versions(registry, columns.when(registry))
    asked = columns.named(asked, usual, everything)
    found = query.search(registry, everything, asked, also, wanted.limit)
    about = {"collection": str(name)}
    columns.show(registry, wanted, asked, found, usual, command="ls", noun="version", metrics=3, about=about)


def _of_versions(registry: Registry, when: columns.Cell) -> columns.Usual:
    return [
        ("version", Column("VERSION", lambda row: row["version"])),
        ("aliases", Column("ALIASES", lambda row: ", ".join(row["aliases"]), least=16)),
        columns.METRICS,
        ("size", Column("SIZE", lambda row: human.size(row["size"]), right=True, rank=4)),
        ("files", Column("FILES", lambda row: f"{row['files']:,}", right=True, rank=7)),
        ("created", Column("CREATED", lambda row: when(row, "created"), rank=1, least=14)),
        ("by", Column("BY", lambda row: row["by"].partition(" <")[0], rank=6)),
        ("tags", Column("TAGS", lambda row: ", ".join(row["tags"]), rank=2, least=12)),
        ("published", Column("", lambda row: "unpublished" if registry.has_remote and not row["published"] else "")),
        ("deleted", Column("", lambda row: "deleted" if row["deleted"] else "")),
    ]
