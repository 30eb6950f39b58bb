"""From a bare word to the collection that it means, or to the likeliest thing where it means nothing."""

from __future__ import annotations

from gitreg.errors import InvalidNameError, NotFoundError
from gitreg.records import refs as names_of_refs
from gitreg.records.names import AliasName, CollectionName, parse_collection
from gitreg.records.similar import closest
from gitreg.registry import index, resolve
from gitreg.registry.repository import Registry


def collection(registry: Registry, word: str) -> CollectionName | None:
    """The collection that a word means, None when there is none."""
    try:
        return resolve.collection(registry, parse_collection(word))
    except (InvalidNameError, NotFoundError):
        return None


def not_found(registry: Registry, word: str) -> NotFoundError:
    """There is nothing of this name: the likeliest collection, else an alias of that name, else the likeliest run.

    Raises: InvalidNameError for what can be no name.
    """
    hint = ""
    try:
        resolve.collection(registry, parse_collection(word))
    except NotFoundError as error:
        hint = error.hint or hint
    if not hint.startswith("did you mean"):
        with index.updated(registry) as known:
            close = closest(word, [*known.names(), *known.tips()])
        close = next((str(name) for name in _aliases(registry) if name.alias == word), close)
        hint = f"did you mean '{close}'?" if close else hint
    return NotFoundError("collection", word, f"no collection and no run is called '{word}'", hint=hint)


def _aliases(registry: Registry) -> list[AliasName]:
    """The names of all aliases, also of those that were removed."""
    refs = registry.refs.find(*(base + names_of_refs.ALIASES for base in registry.bases()))
    return [name for name in (names_of_refs.parse_alias(ref.name) for ref in refs) if name]
