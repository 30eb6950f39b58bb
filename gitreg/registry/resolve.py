"""From what people write to the version they mean, with a hint when there is none."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from gitreg.errors import NotFoundError
from gitreg.records.names import LATEST, AliasName, CollectionName, Reference, Selector, selector_label
from gitreg.registry import aliases
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version, all_versions, collections


def version(registry: Registry, reference: Reference) -> Version:
    """The version that a reference means. Raises: NotFoundError with the likeliest other name as a hint."""
    for name in reference.candidates:
        found = all_versions(registry, name)
        if found:
            return _select(registry, name, reference.selector, found)
    raise _no_collection(registry, reference.candidates, reference.text)


def collection(registry: Registry, candidates: Iterable[CollectionName]) -> CollectionName:
    """The collection of several candidates that exists. Raises: NotFoundError."""
    options = tuple(candidates)
    for name in options:
        if all_versions(registry, name):
            return name
    raise _no_collection(registry, options, str(options[0]), kind="collection")


def _select(registry: Registry, collection: CollectionName, selector: Selector, found: list[Version]) -> Version:
    if selector == LATEST:
        return found[-1]
    if isinstance(selector, str):
        return aliases.version_of(registry, AliasName(collection, selector), found)
    # the draft stands after its published twin, and what is pending here is meant first
    matches = [item for item in found if item.name.number == selector]
    if not matches:
        numbers = ", ".join(item.name.label for item in found[-5:])
        raise NotFoundError(
            "artifact", f"{collection}:{selector_label(selector)}", hint=f"'{collection}' has {numbers}"
        )
    return matches[-1]


def _no_collection(
    registry: Registry, candidates: tuple[CollectionName, ...], text: str, *, kind: str = "artifact"
) -> NotFoundError:
    known = [str(name) for name in collections(registry)]
    wanted = str(candidates[0])
    # a run's nameless artifact that was linked is what somebody who names the artifact often means
    close = difflib.get_close_matches(wanted, known, n=1)
    if close:
        hint = f"did you mean '{close[0]}'?"
    elif known:
        hint = f"this repository has {', '.join(known[:8])}{', ...' if len(known) > 8 else ''}"
    else:
        hint = "this repository has no versions yet; 'gitreg fetch' brings what others have published"
    return NotFoundError(kind, text, hint=hint)
