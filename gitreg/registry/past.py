"""What an alias or 'latest' named at an earlier time.

History orders, clocks decorate: the chain is walked from its newest record, and the first one that is not later than
the moment counts, whatever the clocks of those below it said. What is pending here counts, as it does for now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gitreg.errors import NotFoundError
from gitreg.records.names import AliasName, CollectionName
from gitreg.records.when import Span, When
from gitreg.registry import aliases
from gitreg.registry.aliases import Alias, Move
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version, own


def latest_then(registry: Registry, collection: CollectionName, when: When, found: Sequence[Version]) -> Version:
    """The version of the highest number whose tag was made by then. Raises: NotFoundError, InvalidDateError."""
    last, first = when.span(registry.clock()).last, None
    for version in own(registry, reversed(found)):
        made = registry.objects.tag(version.tag).tagger
        if made.timestamp <= last:
            return version
        first = (version, made)
    hint = f"its first one here, {first[0].name.label}, is of {first[1].when}" if first else f"gitreg ls {collection}"
    raise NotFoundError("artifact", f"{collection}@{{{when}}}", f"'{collection}' had no version at '{when}'", hint=hint)


def alias_then(registry: Registry, name: AliasName, when: When, found: Sequence[Version]) -> Version:
    """The version that an alias named then, under the name it has now.

    Raises: NotFoundError when it named none, InvalidDateError, RecordError.
    """
    last = when.span(registry.clock()).last
    alias = aliases.get(registry, name)
    if alias is None:
        raise aliases.not_found(registry, name)
    after: Move | None = None
    for move in recorded(registry, alias):
        if move.by.timestamp <= last:
            if alias.by_hand and after is None:
                break
            if move.record.now is None:
                text, hint = f"'{name}' had been removed at '{when}'", f"on {move.by.when}, by {move.by.name}"
                raise NotFoundError("alias", str(name), text, hint=f"{hint}: gitreg alias log {name}")
            return aliases.placed(name, move.record.now, found)
        after = move
    raise _not_yet(alias, when, after)


def _not_yet(alias: Alias, when: When, first: Move | None) -> NotFoundError:
    """There is no record so early. `first` is the earliest one."""
    text, hint = f"'{alias.name}' did not exist at '{when}'", "nothing was ever recorded"
    if first is not None:
        hint = f"it exists since {first.by.when}, when {first.by.name} set it to {_label(first)}"
    if first is not None and first.record.seq > 1:
        # a shallow clone
        text = f"where '{alias.name}' was at '{when}' is not in this clone"
        hint = f"its history is cut off before {first.by.when}: git fetch --unshallow"
    if alias.by_hand and first is None:
        text, hint = f"when '{alias.name}' was moved by hand is not recorded", f"gitreg alias log {alias.name}"
    return NotFoundError("alias", str(alias.name), text, hint=hint)


def _label(move: Move) -> str:
    return move.record.now.version.label if move.record.now else "nothing"


def recorded(registry: Registry, alias: Alias) -> Iterator[Move]:
    """The moves of an alias, the newest first; below one that was made by hand, those that the remote had.

    Raises: RecordError.
    """
    tip = alias.tip
    if alias.by_hand:
        tip = next((ref.target for ref in aliases.refs_of(registry, alias.name) if ref.target != tip), tip)
    return aliases.moves(registry, alias.name, tip)


def in_effect(moves: Iterable[Move], span: Span) -> list[Move]:
    """The moves that were in effect at some time of the span, the newest first; a removal is one too."""
    found: list[Move] = []
    for move in moves:
        if move.by.timestamp <= span.last:
            found.append(move)
            if move.by.timestamp <= span.first:
                break
    return found
