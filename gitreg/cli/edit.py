"""`gitreg edit`, `delete`, `undelete` and `unlink`: what is said of what there is already, and taking it away."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from gitreg.cli import console, context
from gitreg.errors import NotFoundError, UsageError
from gitreg.health.diagnosis import listed
from gitreg.records.cards import check_tags
from gitreg.records.names import CollectionName, parse_collection
from gitreg.registry import cards, editing, resolve, versions
from gitreg.registry.cards import State
from gitreg.registry.editing import Wanted
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version


@click.command(
    "edit",
    epilog=context.examples(
        "gitreg edit model/MNIST --description 'Digits, 28 x 28' --tag vision",
        "gitreg edit mnist_model:v3 --tag 'ready for review' --untag wip",
        "gitreg edit model/MNIST --card MODEL_CARD.md",
    ),
)
@click.argument("name", metavar="NAME|REF")
@click.option("--description", type=context.TEXT, metavar="TEXT", help="What it is, in words; '' for none.")
@click.option("--tag", "tags", multiple=True, type=context.TEXT, metavar="TAG", help="Add a tag; may be repeated.")
@click.option("--untag", multiple=True, type=context.TEXT, metavar="TAG", help="Take a tag away; may be repeated.")
@click.option("--card", metavar="FILE", type=context.Place(dir_okay=False), help="Its page, in Markdown; - is stdin.")
@click.option("--reason", default="", type=context.TEXT, help="Why; it is kept in the history.")
@click.option("--theirs", is_flag=True, help="Give up unpublished edits of the collection.")
@click.option("--ours", is_flag=True, help="Put unpublished edits over what others have changed, too.")
def edit(
    name: str,
    *,
    description: str | None,
    tags: tuple[str, ...],
    untag: tuple[str, ...],
    card: Path | None,
    reason: str,
    theirs: bool,
    ours: bool,
) -> None:
    """Change the description and tags of a collection NAME or a version REF, and the card of a collection.

    Each edit is a commit, waits here until it is published, and leaves the text before it in the history. Where others
    have changed the same text meanwhile, publishing waits until --theirs or --ours says which one counts.
    """
    check_tags(tags)
    is_edit = bool(tags or untag or card or description is not None)
    if theirs + ours + is_edit != 1:
        why = "nothing is to be changed" if not (theirs or ours) else "--theirs and --ours go alone"
        raise UsageError(why, hint="give --description, --tag, --untag or --card")
    with context.opened() as registry:
        if theirs or ours:
            _choose(registry, resolve.collection(registry, parse_collection(name)), ours=ours)
            return
        collection, version = _meant(registry, name)
        if card and version:
            raise UsageError(f"'{name}' is a version, and a card is of a collection", hint=f"gitreg edit {collection}")
        before = cards.state(registry, collection)
        known = before.notes(version.place if version else None).tags
        unknown = next((tag for tag in untag if tag not in known), None)
        if unknown is not None:
            hint = f"it has {listed(list(known), 5)}" if known else "it has no tags"
            raise NotFoundError("tag", unknown, f"'{name}' has no tag '{unknown}'", hint=hint)
        wanted = Wanted(description, _card(card) if card else None, tags, untag)
        after, changed = editing.edit(registry, collection, wanted, version=version, reason=reason)
        what = str(version.name if version else collection)
        if not changed:
            console.say(f"{what} says that already")
            return
        waits = f"; {context.published_by(registry)}" if registry.has_remote else ""
        console.say(f"{what}: changed {', '.join(changed)}{waits}")
        console.say(f"undo with: {_undo(registry, before, after, version, changed)}")


def _meant(registry: Registry, text: str) -> tuple[CollectionName, Version | None]:
    if ":" in text or "@" in text:
        version = context.version(registry, text)
        return version.name.collection, version
    return resolve.collection(registry, parse_collection(text)), None


def _card(path: Path) -> str:
    """The text of a card's file. Raises: UsageError for what is no text."""
    if str(path) != "-" and (context.path(path).is_dir() or not context.path(path).exists()):
        raise UsageError(f"'{path}' is no file", hint="name a Markdown file, or - for the standard input")
    data = sys.stdin.buffer.read() if str(path) == "-" else context.path(path).read_bytes()
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"'{path}' is not UTF-8", hint="save it as UTF-8") from error


def _undo(registry: Registry, before: State, after: State, version: Version | None, changed: tuple[str, ...]) -> str:
    """The line that takes an edit back."""
    what = str(version.name if version else before.collection)
    logged = versions.details(registry, version).artifact.description if version else ""
    place = version.place if version else None
    old, new = before.notes(place), after.notes(place)
    words = ["gitreg", "edit", what]
    if "description" in changed:
        words += ["--description", logged if old.description is None else old.description]
    words += [word for tag in new.tags if tag not in old.tags for word in ("--untag", tag)]
    words += [word for tag in old.tags if tag not in new.tags for word in ("--tag", tag)]
    line = shlex.join(words)
    if "card" not in changed:
        return line
    if not before.card:
        return f"{line} --card /dev/null"
    return f"git show {before.tree}:card.md | {line} --card -"


def _choose(registry: Registry, collection: CollectionName, *, ours: bool) -> None:
    """Decide between unpublished edits and those of others that changed the same."""
    if not ours:
        editing.reset(registry, collection)
        console.say(f"the unpublished edits of {collection} are given up; 'gitreg fetch' brings what others say")
        return
    card = next((card for card in editing.pending_cards(registry) if card.name == collection), None)
    over = editing.rebase(registry, card, ours=True) if card else []
    if not over:
        console.say(f"nobody else has changed what is changed here of {collection}, as far as is known")
        return
    console.say(f"{collection}: your {' and '.join(over)} will replace theirs, which stays in the history")
    console.say(f"publish it: {context.published_by(registry)}")


@click.command(
    "delete",
    epilog=context.examples("gitreg delete mnist_model:v3 --reason 'trained on the test set'"),
)
@click.argument("version", metavar="NAME:vN")
@click.option("--reason", default="", type=context.TEXT, help="Why; it is kept in the history.")
@click.option("--delete-aliases", is_flag=True, help="Remove the aliases that name it, too, unless they are protected.")
def delete(version: str, *, reason: str, delete_aliases: bool) -> None:
    """Mark a version as deleted: it is no longer listed, nor found as the newest one or by its name.

    Nothing is lost: its tag, commit and bytes stay, lineage still shows it, and links to it go on working. Its number
    is never used again. What is not published can be taken back altogether: 'gitreg drop'.
    """
    with context.opened() as registry:
        _delete(registry, context.numbered(registry, version), reason, delete_aliases=delete_aliases)


@click.command("unlink", epilog=context.examples("gitreg unlink model/MNIST:v3"))
@click.argument("version", metavar="NAME:vN")
@click.option("--reason", default="", type=context.TEXT, help="Why; it is kept in the history.")
@click.option("--delete-aliases", is_flag=True, help="Remove the aliases that name it, too, unless they are protected.")
def unlink(version: str, *, reason: str, delete_aliases: bool) -> None:
    """Take a version out of its registered model; the version that it links to stays as it is."""
    with context.opened() as registry:
        found = context.numbered(registry, version)
        if versions.record(registry, found).link is None:
            raise UsageError(f"'{found.name}' is no link", hint=f"to take away the version: gitreg delete {found.name}")
        _delete(registry, found, reason, delete_aliases=delete_aliases)


def _delete(registry: Registry, version: Version, reason: str, *, delete_aliases: bool) -> None:
    gone = editing.delete(registry, version, reason=reason, delete_aliases=delete_aliases)
    newest = versions.newest(registry, version.name.collection)
    for alias in gone:
        console.say(f"{alias} names nothing now")
    left = f"latest is {newest.name.label}" if newest else "no version is left"
    waits = f"; {context.published_by(registry)}" if registry.has_remote else ""
    console.say(f"deleted {version.name}, {left}{waits}")
    if registry.has_remote and not version.published:
        console.say(f"note: it is not published; to take it back altogether: gitreg drop {version.name}")
    again = "".join(f" && gitreg alias set {alias} {version.name.label}" for alias in gone)
    console.say(f"undo with: gitreg undelete {version.name}{again}")


@click.command("undelete", epilog=context.examples("gitreg undelete mnist_model:v3"))
@click.argument("version", metavar="NAME:vN")
@click.option("--reason", default="", type=context.TEXT, help="Why; it is kept in the history.")
def undelete(version: str, *, reason: str) -> None:
    """Bring back a version that was deleted. Aliases that were removed with it are set again by 'gitreg alias set'."""
    with context.opened() as registry:
        found = context.numbered(registry, version, deleted=True)
        if not editing.undelete(registry, found, reason=reason):
            console.say(f"{found.name} is not deleted")
            return
        waits = f"; {context.published_by(registry)}" if registry.has_remote else ""
    console.say(f"{found.name} is back{waits}")
    console.say(f"undo with: gitreg delete {found.name}")
