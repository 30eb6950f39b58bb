"""The moves of aliases, and what an alias or 'latest' named at an earlier time.

History orders, clocks decorate: the chain is walked from its newest record, and the first one that is not later than
the moment counts, whatever the clocks of those below it said. What is pending here counts, as it does for now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from gitreg.errors import NotFoundError
from gitreg.git.refs import is_ancestor
from gitreg.records.names import AliasName, CollectionName
from gitreg.records.when import Span, When, iso
from gitreg.registry import aliases, cards
from gitreg.registry.aliases import Alias, Move
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version, own


@dataclass(frozen=True, slots=True)
class Step:
    """A move as one of its alias's history.

    Attributes:
        alias: whose history.
        move: the move.
        next: the one after it, None for the newest.
        published: False while it is pending.
    """

    alias: AliasName
    move: Move
    next: Move | None
    published: bool

    @property
    def time(self) -> int:
        """When the move was made, in seconds since 1970, by the clock of who made it."""
        return self.move.by.timestamp


def steps(registry: Registry, alias: Alias) -> Iterator[Step]:
    """The history of an alias, the newest first, read as far as it is asked for.

    Where a hand moved the ref, it is what is known to have been published before. Raises: RecordError.
    """
    tip, published = (alias.there or alias.tip, True) if alias.by_hand else (alias.tip, alias.published)
    known = {alias.there}
    if alias.there and not published and not is_ancestor(registry.git, alias.there, tip):
        # somebody else moved it too: what was published before is on both ways
        known |= aliases.published(registry, alias.name)
    later: Move | None = None
    for move in aliases.moves(registry, alias.name, tip):
        published = published or move.oid in known
        yield Step(alias.name, move, later, published)
        later = move


def in_effect(history: Iterable[Step], span: Span) -> list[Step]:
    """The moves that were in effect at some time of the span, the newest first; a removal is one too."""
    found: list[Step] = []
    for step in history:
        if step.time <= span.last:
            found.append(step)
            if step.time <= span.first:
                break
    return found


def alias_then(registry: Registry, name: AliasName, when: When, found: Sequence[Version]) -> Version:
    """The version that an alias named then, under the name it has now.

    Raises: NotFoundError when it named none, InvalidDateError, RecordError.
    """
    last = when.span(registry.clock()).last
    alias = aliases.get(registry, name)
    if alias is None:
        raise aliases.not_found(registry, name)
    after: Move | None = None
    for step in steps(registry, alias):
        if step.time <= last:
            if alias.by_hand and after is None:
                break
            now = step.move.record.now
            if now is None:
                text, hint = f"'{name}' had been removed at '{when}'", f"on {step.move.by.when}, by {step.move.by.name}"
                raise NotFoundError("alias", str(name), text, hint=f"{hint}: gitreg alias log {name}")
            return aliases.placed(name, now, found)
        after = step.move
    raise not_yet(alias, when, after)


def not_yet(alias: Alias, when: When, first: Move | None) -> NotFoundError:
    """Why there is no record of where an alias was then. `first` is the earliest one that there is."""
    text, hint = f"'{alias.name}' did not exist at '{when}'", "nothing was ever recorded"
    if first is not None:
        version = first.record.now.version.label if first.record.now else "nothing"
        hint = f"it exists since {first.by.when}, when {first.by.name} set it to {version}"
    if first is not None and first.record.seq > 1:
        # a shallow clone
        text = f"where '{alias.name}' was at '{when}' is not in this clone"
        hint = f"its history is cut off before {first.by.when}: git fetch --unshallow"
    if alias.by_hand and first is None:
        text, hint = f"when '{alias.name}' was moved by hand is not recorded", f"gitreg alias log {alias.name}"
    return NotFoundError("alias", str(alias.name), text, hint=hint)


def latest_then(registry: Registry, collection: CollectionName, when: When, found: Sequence[Version]) -> Version:
    """The version of the highest number whose tag was made by then, and that was not deleted.

    Raises: NotFoundError, InvalidDateError.
    """
    last, first = when.span(registry.clock()).last, None
    state = cards.state(registry, collection)
    until = iso(last)
    for version in own(registry, reversed(found)):
        made = registry.objects.tag(version.tag).tagger
        if made.timestamp <= last:
            stone = state.deletion(version.place)
            if stone is None or stone.when > until:
                return version
            continue
        first = (version, made)
    hint = f"its first one here, {first[0].name.label}, is of {first[1].when}" if first else f"gitreg ls {collection}"
    raise NotFoundError("artifact", f"{collection}@{{{when}}}", f"'{collection}' had no version at '{when}'", hint=hint)
