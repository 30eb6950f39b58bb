"""`gitreg show`: what is known of one thing. Needs no network, no lock and no write access."""

from __future__ import annotations

import click

from gitreg.cli import console, context, parts, show_collection, show_run, show_version
from gitreg.cli.documents import Document
from gitreg.cli.page import Page
from gitreg.cli.pager import paged
from gitreg.cli.show_collection import CollectionFacts
from gitreg.cli.show_version import VersionFacts
from gitreg.errors import NotFoundError
from gitreg.records.names import Reference, parse_collection
from gitreg.records.plain import visible
from gitreg.registry import cards, facts, find, order, resolve
from gitreg.registry.facts import RunFacts
from gitreg.registry.repository import Registry

Facts = VersionFacts | CollectionFacts | RunFacts


@click.command(
    "show",
    epilog=context.examples(
        "gitreg show mnist_model", "gitreg show model/MNIST:production", "gitreg show mnist_model:v0 --json"
    ),
)
@click.argument("thing", metavar="NAME|REF|RUN")
@click.option("--card", is_flag=True, help="Print the collection's card, in Markdown, and nothing else.")
@click.option("--deleted", is_flag=True, help="Show also what is deleted.")
@context.json_option
def show(thing: str, *, card: bool, deleted: bool, as_json: bool) -> None:
    """Show a collection, a version or a run.

    NAME is a collection: its aliases, its newest versions and how they compare. NAME:v3 or NAME:ALIAS is a version:
    how good it is, what it was made from, by whom and how, and who uses it. RUN is the id or the name of a run.
    """
    with context.opened() as registry:
        if card:
            _card(registry, thing)
            return
        found = _find(registry, thing, deleted=deleted)
        if not isinstance(found, RunFacts):
            context.tell_unfetched(registry)
        if as_json:
            console.document(*_document(registry, found))
            return
        with paged(registry.git.config("core.pager")):
            _show(registry, found)


def _card(registry: Registry, thing: str) -> None:
    """The card as it was written, but for what a terminal would obey."""
    name = resolve.collection(registry, parse_collection(thing))
    text = cards.state(registry, name).card
    if not text:
        hint = f"write one: gitreg edit {name} --card FILE"
        raise NotFoundError("card", str(name), f"'{name}' has no card", hint=hint)
    for line in text.splitlines():
        click.echo(visible(line))


def _find(registry: Registry, thing: str, *, deleted: bool) -> Facts:
    if ":" in thing or "@" in thing:
        return VersionFacts.read(registry, Reference.parse(thing), deleted=deleted)
    name, ids = find.collection(registry, thing), order.named(registry, thing)
    if name:
        if ids:
            console.say(f"note: there is a run '{thing}' as well: gitreg show {ids[0]}")
        return CollectionFacts.read(registry, name, deleted=deleted)
    if not ids:
        raise find.not_found(registry, thing)
    if len(ids) > 1:
        console.say(f"note: the newest of {len(ids)} runs called '{thing}'; the others: {', '.join(ids[1:])}")
    return facts.of_run(registry, ids[0])


def _document(registry: Registry, found: Facts) -> tuple[str, Document]:
    if isinstance(found, VersionFacts):
        return "version", show_version.document(registry, found)
    if isinstance(found, RunFacts):
        return "run", show_run.document(registry, found)
    return "collection", show_collection.document(found)


def _show(registry: Registry, found: Facts) -> None:
    page = Page(parts.TITLES)
    if isinstance(found, VersionFacts):
        show_version.show(page, registry, found)
    elif isinstance(found, RunFacts):
        show_run.show(page, registry, found)
    else:
        show_collection.show(page, registry, found)
