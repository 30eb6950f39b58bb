"""`gitreg push` and `gitreg fetch`: publishing what is pending, bringing what others published."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

import click

from gitreg.cli import console, context, human
from gitreg.errors import LostRaceError, PublishError
from gitreg.records.names import AliasName, CollectionName
from gitreg.records.objects import Oid
from gitreg.registry import aliases, cards, editing
from gitreg.registry.fetch import fetch as fetch_all
from gitreg.registry.fetch import fetched_aliases, fetched_cards
from gitreg.registry.publish import Report, publish
from gitreg.registry.repository import Registry

_SHOWN = 20


@click.command("push", epilog=context.examples("gitreg push", "gitreg push --verbose"))
def push() -> None:
    """Publish what is pending: bytes to the storage, then versions and runs, then aliases, to the registry remote.

    'git push' does the same through the hook that 'gitreg init' installs. Long uploads are better done here first.
    """
    with context.opened() as registry:
        report = publish(registry)
        remote = registry.remote
    tell(report, remote)


def tell(report: Report, remote: str) -> None:
    """Say what was published. Raises: LostRaceError or PublishError when something was refused."""
    for old, new in report.renumbered.items():
        console.say(f"{old} is now {new.label}: somebody else published {old.label} first")
    if report.objects:
        what = f"{human.plural(report.objects, 'object')}, {human.size(report.bytes)}"
        console.say(f"uploaded {what}, to {' and '.join(report.places)}")
    _some([f"published {line}" for line in (*sorted(report.versions), *report.aliases, *report.cards)])
    counts = [
        *((len(report.versions), "version"), (report.runs, "run")),
        *((len(report.aliases), "alias"), (report.edits, "edit")),
    ]
    published = ", ".join(human.plural(count, noun) for count, noun in counts if count)
    if published:
        final = "; versions stay for good" if report.versions else ""
        console.say(f"published {published} to '{remote}'{final}")
    for warning in report.warnings:
        console.say(f"note: {warning}")
    for refusal in report.refused:
        console.warn(f"refused: {refusal.name}: {refusal.why}")
    if not report.refused:
        if not published:
            console.say("nothing to publish")
        return
    refused = [f"{refusal.name}: {refusal.why}" for refusal in report.refused]
    message = f"{human.plural(len(refused), 'change')} could not be published and stay pending"
    if all(refusal.lost_race for refusal in report.refused):
        hint = next((refusal.hint for refusal in report.refused if refusal.hint), "push again")
        raise LostRaceError(message, hint=hint)
    raise PublishError(message, refused, hint="'gitreg status' lists what is pending")


@click.command("fetch", epilog=context.examples("gitreg fetch"))
def fetch() -> None:
    """Bring versions, runs and aliases that others have published. What is pending here stays as it is."""
    with context.opened() as registry:
        before, edited = fetched_aliases(registry), fetched_cards(registry)
        found = fetch_all(registry)
        moved = [name for name, oid in fetched_aliases(registry).items() if before.get(name) != oid]
        lines = [*map(str, found.new), *(_place(registry, name) for name in moved)]
        for name, oid in fetched_cards(registry).items():
            lines += _edits(registry, name, oid, edited.get(name)) if edited.get(name) != oid else []
        remote = registry.remote
    for version in found.conflicts:
        console.warn(f"tag '{version.tag}' is not the same here and on '{remote}'; versions must never move")
    for version, tag in found.blocked.items():
        console.warn(f"'{version}' cannot be brought: your tag '{tag}' is in its place")
        console.say(f"hint: rename your tag: git tag {tag}-old {tag} && git tag -d {tag}")
    console.say(f"'{remote}' has {human.plural(len(found.tags), 'version')}, {len(found.new) or 'none'} new here")
    _some([f"  {line}" for line in lines])


def _place(registry: Registry, name: AliasName) -> str:
    """Where an alias is now."""
    alias = context.readable(f"alias '{name}'", lambda: aliases.get(registry, name))
    return f"{name} -> {alias.place.version.label if alias and alias.place else 'nothing'}"


def _edits(registry: Registry, name: CollectionName, tip: Oid, before: Oid | None) -> list[str]:
    """What has been changed of a collection since."""

    def read() -> str:
        found = takewhile(lambda step: step.oid != before, cards.edits(registry, name, tip))
        return f"{name}: {editing.words(reversed(list(found)))}"

    line = context.readable(f"the card of '{name}'", read)
    return [line] if line else []


def _some(lines: Sequence[str]) -> None:
    """A list, all of it with --verbose."""
    for line in lines if console.settings.verbose else lines[:_SHOWN]:
        console.say(line)
    if len(lines) > _SHOWN and not console.settings.verbose:
        console.say(f"... and {len(lines) - _SHOWN} more; --verbose names all")
