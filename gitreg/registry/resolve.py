"""From what people write to the version they mean, with a hint when there is none."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from gitreg.errors import NotFoundError
from gitreg.records.names import LATEST, AliasName, CollectionName, Reference, Selector, selector_label
from gitreg.registry import aliases
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version, all_versions, collections, details, own

_REGISTRIES = ("model", "dataset")


def version(registry: Registry, reference: Reference) -> Version:
    """The version that a reference means. Raises: NotFoundError with the likeliest other name as a hint."""
    for name in reference.candidates:
        found = all_versions(registry, name)
        if found and _is_meant(registry, name, reference.candidates, found):
            return _select(registry, name, reference.selector, found)
    raise _no_collection(registry, reference.candidates, reference.text)


def _is_meant(
    registry: Registry, name: CollectionName, candidates: tuple[CollectionName, ...], found: list[Version]
) -> bool:
    """Whether `X/name` may mean the collection 'name', X being a project's label.

    It may not when X is a space of this repository or a registry's usual name: a slip in a registered model's name
    would silently mean something else. Nor when the collection is labelled with another project.
    """
    space = candidates[0].space
    if not space or name == candidates[0]:
        return True
    if space in _REGISTRIES or any(known.space == space for known in collections(registry)):
        return False
    newest = next(own(registry, reversed(found)), None)
    label = details(registry, newest).run.project if newest else ""
    return label in ("", space)


def collection(registry: Registry, candidates: Iterable[CollectionName]) -> CollectionName:
    """The collection of several candidates that exists. Raises: NotFoundError."""
    options = tuple(candidates)
    for name in options:
        found = all_versions(registry, name)
        if found and _is_meant(registry, name, options, found):
            return name
    raise _no_collection(registry, options, str(options[0]), kind="collection")


def _select(registry: Registry, collection: CollectionName, selector: Selector, found: list[Version]) -> Version:
    if selector == LATEST:
        return next(own(registry, reversed(found)), found[-1])
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
