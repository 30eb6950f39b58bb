"""`gitreg alias`: movable names such as 'production', with their history."""

from __future__ import annotations

from collections.abc import Container

import click

from gitreg.cli import console, context, human, lists
from gitreg.cli.alias_log import log
from gitreg.cli.lists import Wanted
from gitreg.cli.tables import Column, Row
from gitreg.errors import UsageError
from gitreg.records.names import AliasName, CollectionName, parse_collection, split_date
from gitreg.records.objects import Oid
from gitreg.records.when import iso
from gitreg.registry import aliases, resolve
from gitreg.registry.aliases import Alias
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version, all_versions


@click.group("alias")
def alias() -> None:
    """Set, remove and list aliases, and show their history.

    An alias names one version of a collection at a time. Moving it adds to its history and removes nothing.
    """


def version_of(registry: Registry, name: AliasName, text: str) -> Version:
    """The version of the alias's collection that `v3`, `ALIAS`, `ALIAS@{DATE}`, or a whole reference means."""
    head, _ = split_date(text)
    found = context.version(registry, text if ":" in head or "@" in head else f"{name.collection}:{text}")
    if found.name.collection != name.collection:
        raise UsageError(
            f"'{found.name}' is no version of '{name.collection}'",
            hint=f"link it first: gitreg link {found.name} {name.collection}"
            if name.collection.space
            else f"its versions: gitreg ls {name.collection}",
        )
    return found


@alias.command(
    "set",
    short_help="Make an alias name another version: promote, or roll back.",
    epilog=context.examples(
        "gitreg alias set model/MNIST:production v0 --reason 'the best of ten'",
        "gitreg alias set model/MNIST:production staging --from v0",
    ),
)
@click.argument("name", metavar="COLLECTION:ALIAS")
@click.argument("version")
@click.option("--reason", default="", type=context.TEXT, help="Why; it is kept in the history.")
@click.option("--from", "expected", metavar="VERSION", help="Only if the alias names this version now.")
def set_alias(name: str, version: str, reason: str, expected: str | None) -> None:
    """Make an alias name VERSION (v3, or another alias): promote it, or roll back to it.

    The move waits here until it is published, by 'git push' or 'gitreg push'. A protected alias moves by
    'gitreg promote' only.
    """
    with context.opened() as registry:
        alias_name = resolve.alias(registry, name)
        target = version_of(registry, alias_name, version)
        before = aliases.get(registry, alias_name)
        seen = None if expected is None else version_of(registry, alias_name, expected).commit
        after, moved = aliases.move(registry, alias_name, target, reason=reason, expected=seen)
    was = before.place.version.label if before and before.place else "nothing"
    if not moved:
        console.say(f"{alias_name} names {target.name.label} already")
        return
    console.say(f"{alias_name}: {was} -> {target.name.label}{'' if after.published else ' (unpublished)'}")
    if before and before.by_hand:
        console.say(f"the ref had been moved by hand to {was}; the history says so now")
    undo = f"alias set {alias_name} {was}" if before and before.place else f"alias rm {alias_name}"
    console.say(f"undo with: gitreg {undo}")


@alias.command("rm", epilog=context.examples("gitreg alias rm model/MNIST:staging --reason 'no longer tested'"))
@click.argument("name", metavar="COLLECTION:ALIAS")
@click.option("--reason", default="", type=context.TEXT, help="Why; it is kept in the history.")
def rm(name: str, reason: str) -> None:
    """Remove an alias; its history stays."""
    with context.opened() as registry:
        alias_name = resolve.alias(registry, name)
        before = aliases.get(registry, alias_name)
        aliases.move(registry, alias_name, None, reason=reason)
    console.say(f"{alias_name} names nothing now")
    if before and before.place:
        console.say(f"undo with: gitreg alias set {alias_name} {before.place.version.label}")


@alias.command(
    "reset",
    short_help="Give up unpublished moves of an alias.",
    epilog=context.examples("gitreg alias reset model/MNIST:production"),
)
@click.argument("name", metavar="COLLECTION:ALIAS")
def reset(name: str) -> None:
    """Give up unpublished moves of an alias, such as one that was refused because somebody else was faster."""
    with context.opened() as registry:
        alias_name = resolve.alias(registry, name)
        there = aliases.reset(registry, alias_name)
    where = there.place.version.label if there and there.place else "nothing"
    console.say(f"{alias_name} names {where}, as far as is known here; 'gitreg fetch' asks '{registry.remote}'")


@alias.command(
    "ls",
    short_help="List aliases: what each names, since when, and why.",
    epilog=context.examples("gitreg alias ls", "gitreg alias ls model/MNIST"),
)
@click.argument("collection", required=False)
@lists.options
def ls(collection: str | None, *, wanted: Wanted) -> None:
    """List aliases, of COLLECTION or of all: what each names, since when, and why."""
    with context.opened() as registry:
        only = None if collection is None else resolve.collection(registry, parse_collection(collection))
        found = aliases.all_aliases(registry, only)
        here = {(version.name.collection, version.commit) for version in all_versions(registry, only)}
        rows = [_row(item, here) for item in wanted.first(found)]
        if not found and wanted.form == "table":
            console.say("no aliases; 'gitreg alias set COLLECTION:ALIAS VERSION' makes one")
            return
        now = iso(registry.clock())
        lists.show(
            wanted,
            "alias-ls",
            rows,
            columns=[
                Column("ALIAS", lambda row: f"{row['collection']}:{row['alias']}", least=24),
                Column("VERSION", lambda row: row["version"]),
                Column("SINCE", lambda row: human.ago(row["at"], now) if row["at"] else "", rank=1),
                Column("BY", lambda row: (row["by"] or "").partition(" <")[0], rank=3),
                Column("REASON", lambda row: (row["reason"] or "").partition("\n")[0], least=16, rank=2),
                Column("", _note),
            ],
            git=registry.git,
            key="aliases",
            total=len(found),
            noun="alias",
            fields=("collection", "alias", "version", "commit", "at", "by", "reason", "published", "by_hand", "here"),
        )


def _row(item: Alias, here: Container[tuple[CollectionName, Oid]]) -> Row:
    assert item.place is not None
    return {
        "collection": str(item.name.collection),
        "alias": item.name.alias,
        "version": item.place.version.label,
        "commit": str(item.place.commit),
        "at": item.by.when if item.by else None,
        "by": item.by.person if item.by else None,
        "reason": item.record.reason if item.record else None,
        "published": item.published,
        "by_hand": item.by_hand,
        "here": (item.name.collection, item.place.commit) in here,
    }


def _note(row: Row) -> str:
    if not row["here"]:
        return "not a version here"
    return "moved by hand" if row["by_hand"] else "" if row["published"] else "unpublished"


alias.add_command(log)
