"""`gitreg alias`: movable names such as 'production', with their history."""

from __future__ import annotations

from collections.abc import Container

import click

from gitreg.cli import console, context, documents, human, tables
from gitreg.cli.tables import Column
from gitreg.errors import InvalidNameError, NotFoundError, UsageError
from gitreg.records.names import (
    LATEST,
    AliasName,
    CollectionName,
    Reference,
    check_alias,
    parse_collection,
    parse_number,
)
from gitreg.records.objects import Oid
from gitreg.registry import aliases, resolve
from gitreg.registry.aliases import Alias
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version, all_versions


@click.group("alias")
def alias() -> None:
    """Set, remove and list aliases, and show their history.

    An alias names one version of a collection at a time. Moving it adds to its history and removes nothing.
    """


def _name(registry: Registry, text: str) -> AliasName:
    """The alias that `COLLECTION:ALIAS` means. Raises: InvalidNameError, NotFoundError."""
    reference = Reference.parse(text)
    if not isinstance(reference.selector, str):
        raise UsageError(f"'{text}' is a version, not an alias", hint="versions never move; aliases are words")
    if reference.selector == LATEST:
        hint = "write COLLECTION:ALIAS, such as mnist_model:production"
        if ":" in text or "@" in text:
            hint = "it is always the newest version; choose another word"
        raise UsageError(f"'{text}' names no alias", hint=hint)
    collection = resolve.collection(registry, reference.candidates)
    return AliasName(collection, check_alias(reference.selector))


def _version(registry: Registry, name: AliasName, text: str) -> Version:
    """The version of the alias's collection that `v3`, an alias, or a whole reference means."""
    reference = Reference.parse(text if ":" in text or "@" in text else f"{name.collection}:{text}")
    found = resolve.version(registry, reference)
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
    """Make an alias name VERSION (v3, or another alias)."""
    with context.opened() as registry:
        alias_name = _name(registry, name)
        target = _version(registry, alias_name, version)
        before = aliases.get(registry, alias_name)
        seen = None if expected is None else _version(registry, alias_name, expected).commit
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
        alias_name = _name(registry, name)
        before = aliases.get(registry, alias_name)
        aliases.move(registry, alias_name, None, reason=reason)
    console.say(f"{alias_name} names nothing now")
    if before and before.place:
        console.say(f"undo with: gitreg alias set {alias_name} {before.place.version.label}")


@alias.command("reset", epilog=context.examples("gitreg alias reset model/MNIST:production"))
@click.argument("name", metavar="COLLECTION:ALIAS")
def reset(name: str) -> None:
    """Give up unpublished moves of an alias, such as one that was refused because somebody else was faster."""
    with context.opened() as registry:
        alias_name = _name(registry, name)
        there = aliases.reset(registry, alias_name)
    where = there.place.version.label if there and there.place else "nothing"
    console.say(f"{alias_name} names {where}, as far as is known here; 'gitreg fetch' asks '{registry.remote}'")


@alias.command("ls", epilog=context.examples("gitreg alias ls", "gitreg alias ls model/MNIST"))
@click.argument("collection", required=False)
@context.json_option
def ls(collection: str | None, *, as_json: bool) -> None:
    """List aliases, of COLLECTION or of all."""
    with context.opened() as registry:
        only = None if collection is None else resolve.collection(registry, parse_collection(collection))
        found = aliases.all_aliases(registry, only)
        here = {(version.name.collection, version.commit) for version in all_versions(registry, only)}
    if as_json:
        console.document(
            "alias-ls",
            {
                "aliases": [
                    {
                        "collection": str(item.name.collection),
                        "alias": item.name.alias,
                        "version": item.place.version.label if item.place else None,
                        "commit": str(item.place.commit) if item.place else None,
                        "published": item.published,
                        "by_hand": item.by_hand,
                    }
                    for item in found
                ]
            },
        )
    elif not found:
        console.say("no aliases; 'gitreg alias set COLLECTION:ALIAS VERSION' makes one")
    else:
        tables.table(
            [
                Column("ALIAS", lambda row: row["name"], least=24),
                Column("VERSION", lambda row: row["version"]),
                Column("", lambda row: row["note"], rank=1),
            ],
            [
                {
                    "name": str(item.name),
                    "version": item.place.version.label if item.place else "",
                    "note": _note(item, here),
                }
                for item in found
            ],
        )


def _note(item: Alias, here: Container[tuple[CollectionName, Oid]]) -> str:
    if item.place and (item.name.collection, item.place.commit) not in here:
        return "not a version here"
    return "moved by hand" if item.by_hand else "" if item.published else "unpublished"


@alias.command("log", epilog=context.examples("gitreg alias log model/MNIST:production"))
@click.argument("name", metavar="COLLECTION:ALIAS")
@context.json_option
def log(name: str, *, as_json: bool) -> None:
    """Show every move of an alias, the newest first."""
    with context.opened() as registry:
        alias_name = _logged_name(registry, name)
        there = aliases.published(registry, alias_name)
        moves = [documents.move(step, published=step.oid in there) for step in aliases.history(registry, alias_name)]
        other = aliases.elsewhere(registry, alias_name)
        remote = registry.remote
    if as_json:
        console.document("alias-log", {"alias": name, "moves": moves})
        return
    tables.table(
        [
            Column("", lambda row: f"#{row['seq']}"),
            Column("VERSION", lambda row: row["version"] or "removed"),
            Column("WAS", lambda row: row["previous"] or "", rank=2),
            Column("AT", lambda row: human.date(row["at"]), least=19),
            Column("BY", lambda row: row["by"].partition(" <")[0], rank=1),
            Column("REASON", lambda row: row["reason"].partition("\n")[0], least=20),
            Column("", lambda row: "" if row["published"] else "unpublished"),
        ],
        moves,
    )
    if other:
        where = other.place.version.label if other.place else "nothing"
        console.say(f"on '{remote}' it names {where} now, so what is unpublished here cannot be published")
        console.say(f"to take that: gitreg alias reset {alias_name}; to move it all the same: gitreg alias set again")


def _logged_name(registry: Registry, text: str) -> AliasName:
    """The alias of `text`. A version has no history of this kind, so its mistake gets a hint of its own."""
    try:
        return _name(registry, text)
    except (InvalidNameError, NotFoundError, UsageError):
        if parse_number(text.rpartition(":")[2]) is not None:
            raise UsageError(f"'{text}' is a version, and versions never move", hint=f"gitreg show {text}") from None
        raise
