"""`gitreg alias log`: every move of an alias, what was in effect on a day, and all of them for an audit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge

import click

from gitreg.cli import behind, console, context, documents, human, lists
from gitreg.cli.documents import Document
from gitreg.cli.lists import Wanted
from gitreg.cli.tables import Column, Row
from gitreg.errors import Error, RecordError, UsageError
from gitreg.git.objects import MissingObjectError
from gitreg.records.behind import By
from gitreg.records.names import AliasName, parse_collection
from gitreg.records.when import When
from gitreg.registry import aliases, past, resolve
from gitreg.registry.aliases import Alias
from gitreg.registry.past import Step
from gitreg.registry.repository import Registry

_FIELDS = (
    *("at", "alias", "action", "version", "previous", "commit", "by", "reason", "seq", "published", "record"),
    *("behind.asked.who", "behind.asked.how", "behind.approved"),
    *("behind.merged.commit", "behind.merged.who", "behind.merged.how", "evidence"),
)


@click.command(
    "log",
    short_help="Show every move of an alias, the newest first.",
    epilog=context.examples(
        "gitreg alias log model/MNIST:production",
        "gitreg alias log model/MNIST:production --at 2026-01-02",
        "gitreg alias log --all --format csv",
    ),
)
@click.argument("name", metavar="[COLLECTION:ALIAS|COLLECTION]", required=False)
@click.option("--all", "everything", is_flag=True, help="All aliases of the registry.")
@click.option("--at", metavar="DATE", help="What was in effect then; of a day, all that was.")
@lists.options
def log(name: str | None, at: str | None, *, everything: bool, wanted: Wanted) -> None:
    """Show every move of an alias, or of all aliases of a collection, the newest first.

    DATE is such as 2026-03-01 (the whole day in UTC), 2026-03-01T12:00+01:00, yesterday or '3 days ago'. To get or show
    the version that an alias named at the end of it: COLLECTION:ALIAS@{DATE}.

    In CSV and TSV every move is one line, and in CSV no text can become a spreadsheet's formula.
    """
    if (name is None) != everything:
        raise UsageError("name one alias or one collection, or --all", hint="gitreg alias log COLLECTION:ALIAS")
    when = None if at is None else When.parse(at)
    with context.opened() as registry:
        only, chosen = _chosen(registry, name)
        found = list(_then(registry, chosen, when, only)) if when else _merged(registry, chosen, only)
        rows = [{**documents.move(step), **({"last": last} if when else {})} for step, last in wanted.first(found)]
        total = len(found) if isinstance(found, list) else sum(item.record.seq for item in chosen if item.record)
        if wanted.limit is None or len(rows) < wanted.limit:
            total = len(rows)
        lists.show(
            wanted,
            "alias-log",
            rows,
            columns=_columns(rows, when, one=only is not None, within=name is not None),
            git=registry.git,
            key="moves",
            total=total,
            noun="move",
            about={"alias": str(only) if only else None, "when": at},
            fields=(*_FIELDS, *(("until", "last") if when else ())),
        )
        if wanted.form == "table":
            _tell(registry, rows, chosen, when, only)


def _chosen(registry: Registry, name: str | None) -> tuple[AliasName | None, list[Alias]]:
    """The alias that was named, None for several; and as they stand. Raises: NotFoundError, UsageError."""
    if name is None or not (":" in name or "@" in name):
        collection = None if name is None else resolve.collection(registry, parse_collection(name))
        return None, aliases.every(registry, collection, unreadable=_left_out)
    only = resolve.alias(registry, name)
    alias = aliases.get(registry, only)
    if alias is None:
        raise aliases.not_found(registry, only)
    return only, [alias]


def _left_out(name: AliasName, error: Error) -> None:
    console.warn(f"the moves of '{name}' are not all here: {error}")


def _history(registry: Registry, alias: Alias, only: AliasName | None) -> Iterator[Step]:
    """The moves of an alias. Among several, one that is damaged hides no others."""
    try:
        yield from past.steps(registry, alias)
    except (RecordError, MissingObjectError) as error:
        if only:
            raise
        _left_out(alias.name, error)


def _merged(registry: Registry, chosen: Sequence[Alias], only: AliasName | None) -> Iterator[tuple[Step, bool]]:
    """All moves, the newest first; those of one alias in the order of its history. Read as far as they are shown."""
    histories = [_history(registry, alias, only) for alias in chosen]
    return ((step, False) for step in merge(*histories, key=lambda step: -step.time))


def _then(
    registry: Registry, chosen: Sequence[Alias], when: When, only: AliasName | None
) -> Iterator[tuple[Step, bool]]:
    """What was in effect then, by alias, and whether it was so at the end.

    Raises: NotFoundError when the only one that was asked for did not exist.
    """
    span = when.span(registry.clock())
    for alias in chosen:
        found = past.in_effect(_history(registry, alias, only), span)
        if only and not found:
            first = [step.move for step in past.steps(registry, alias)][-1:]
            raise past.not_yet(alias, when, first[0] if first else None)
        if only or any(step.move.record.now for step in found):
            yield from ((step, number == 0) for number, step in enumerate(found))


def _columns(rows: Sequence[Document], when: When | None, *, one: bool, within: bool) -> list[Column]:
    """`one` is whether they are the moves of one alias, `within` whether those of one collection."""
    several = when is not None and not all(row["last"] for row in rows)
    named = Column("ALIAS", lambda row: row["alias"].rpartition(":")[2] if within else row["alias"], least=20)
    name = [] if one else [named]
    version = Column("VERSION", lambda row: row["version"] or "removed")
    told = [
        Column("BY", lambda row: row["by"].partition(" <")[0], rank=2),
        Column("REASON", lambda row: row["reason"].partition("\n")[0], least=12, rank=1),
        Column("", lambda row: "" if row["published"] else "unpublished"),
    ]
    if when:
        return [
            Column("", lambda row: "*" if row["last"] and several else ""),
            *name,
            version,
            Column("FROM", lambda row: _minute(row["at"]), least=16),
            Column("UNTIL", lambda row: _minute(row["until"]) if row["until"] else "now", rank=3),
            *told,
        ]
    if any(row["behind"] for row in rows):
        told[1:1] = [
            Column("ASKED", lambda row: behind.asked(_by(row)), rank=4),
            Column("APPROVED", lambda row: behind.approved(_by(row)), rank=5),
            Column("MERGED", lambda row: _commit(_by(row)), rank=6),
        ]
    number = [Column("", lambda row: f"#{row['seq']}")] if one else []
    was = Column("WAS", lambda row: row["previous"] or "", rank=3)
    return [*number, *name, version, was, Column("AT", lambda row: _minute(row["at"]), least=16), *told]


def _by(row: Row) -> By:
    return By.read(row["behind"])


def _commit(by: By) -> str:
    return by.merged.commit.short if by.merged else ""


def _minute(when: str) -> str:
    return human.date(when)[:16]


def _tell(
    registry: Registry, rows: Sequence[Document], chosen: Sequence[Alias], when: When | None, only: AliasName | None
) -> None:
    """What the table does not say."""
    if not when and any(row["behind"] for row in rows):
        console.say(behind.TOLD)
    if when and any(not row["last"] for row in rows):
        console.say(f"* is what it was at the end of {when}, UTC")
    for alias in chosen:
        if alias.by_hand and alias.place:
            label = alias.place.version.label
            console.say(f"somebody moved '{alias.name}' to {label} by hand: there is no record of when and why")
            console.say(f"to record it: gitreg alias set {alias.name} {label} --reason WHY")
    if not rows and not any(alias.by_hand for alias in chosen):
        console.say("no alias was in effect then" if when else "no moves; 'gitreg alias set' makes one")
    other = aliases.elsewhere(registry, only) if only and not when else None
    if other:
        where = other.place.version.label if other.place else "nothing"
        console.say(f"on '{registry.remote}' it names {where} now, so what is unpublished here cannot be published")
        console.say(f"to take that: gitreg alias reset {only}; to move it all the same: gitreg alias set again")
