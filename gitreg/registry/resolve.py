"""From what people write to the version they mean, with a hint when there is none."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher

from gitreg.errors import NotFoundError, RecordError, UsageError
from gitreg.git.objects import MissingObjectError
from gitreg.records.names import LATEST, AliasName, CollectionName, Reference, split_date
from gitreg.records.similar import closest, listed
from gitreg.registry import aliases, cards, facts, order, past
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version, all_versions, collections, details, own

_REGISTRIES = ("model", "dataset")
_FEW = 5
# of what two names have in common, from 0 to 1
_SLIP = 0.8


def version(registry: Registry, reference: Reference, *, deleted: bool = False) -> Version:
    """The version that a reference means; with `deleted` also one that is deleted, by its number.

    Raises: NotFoundError with the likeliest other name as a hint, VersionDeletedError, InvalidDateError for a date in
    the future.
    """
    if registry.look_up:
        return registry.look_up(reference, deleted=deleted)
    for name in reference.candidates:
        found = all_versions(registry, name)
        if found and _is_meant(registry, name, reference.candidates, found):
            version = _select(registry, name, reference, found)
            # an alias that names a deleted version was moved there at the same moment; it goes on working
            stone = None if deleted or _by_alias(reference) else cards.state(registry, name).deletion(version.place)
            if stone:
                raise cards.deleted_error(name, version.place, stone)
            return version
    raise _no_collection(registry, reference.candidates, reference.text, reference)


def _by_alias(reference: Reference) -> bool:
    return isinstance(reference.selector, str) and reference.selector != LATEST


def _is_meant(
    registry: Registry, name: CollectionName, candidates: tuple[CollectionName, ...], found: list[Version]
) -> bool:
    def label() -> str:
        newest = next(own(registry, reversed(found)), None)
        return details(registry, newest).run.project if newest else ""

    return name == candidates[0] or is_meant(name, candidates, collections(registry), label)


def is_meant(
    name: CollectionName,
    candidates: Sequence[CollectionName],
    known: Iterable[CollectionName],
    label: Callable[[], str],
) -> bool:
    """Whether `X/name` may mean the collection 'name', X being a project's label; `label` tells the collection's.

    It may not when X is a space of this repository or a registry's usual name: a slip in a registered model's name
    would silently mean something else. Nor when the collection is labelled with another project.
    """
    space = candidates[0].space
    if not space or name == candidates[0]:
        return True
    if space in _REGISTRIES or any(other.space == space for other in known):
        return False
    return label() in ("", space)


def collection(registry: Registry, candidates: Iterable[CollectionName]) -> CollectionName:
    """The collection of several candidates that exists. Raises: NotFoundError."""
    options = tuple(candidates)
    for name in options:
        found = all_versions(registry, name)
        if found and _is_meant(registry, name, options, found):
            return name
    raise _no_collection(registry, options, str(options[0]))


def alias(registry: Registry, text: str) -> AliasName:
    """The alias that `COLLECTION:ALIAS` means, whether or not it is set.

    Raises: InvalidNameError, UsageError for what names no alias, NotFoundError for a collection that is not there.
    """
    reference = Reference.parse(text)
    selector = reference.selector
    if not isinstance(selector, str):
        raise UsageError(f"'{text}' is a version, and versions never move", hint=f"gitreg show {text}")
    if selector == LATEST:
        named = ":" in text or "@" in text
        hint = (
            "it is always the newest version; choose another word"
            if named
            else "write COLLECTION:ALIAS, such as mnist_model:production"
        )
        raise UsageError(f"'{text}' names no alias", hint=hint)
    if reference.when:
        head, _ = split_date(text)
        raise UsageError(
            f"'{text}' is a version of the past, not an alias", hint=f"gitreg alias log {head} --at '{reference.when}'"
        )
    return AliasName(collection(registry, reference.candidates), selector)


def _select(registry: Registry, collection: CollectionName, reference: Reference, found: list[Version]) -> Version:
    selector, when = reference.selector, reference.when
    if selector == LATEST:
        if when:
            return past.latest_then(registry, collection, when, found)
        return next(own(registry, reversed(cards.living(registry, found))), found[-1])
    if isinstance(selector, str):
        name = AliasName(collection, selector)
        return past.alias_then(registry, name, when, found) if when else aliases.version_of(registry, name, found)
    # the draft stands after its published twin, and what is pending here is meant first
    matches = [item for item in found if item.name.number == selector]
    if not matches:
        has = f"'{collection}' has {told_numbers(cards.living(registry, found))}"
        raise NotFoundError("artifact", f"{collection}:v{selector}", hint=has)
    return matches[-1]


def told_numbers(found: Iterable[Version]) -> str:
    """`v0, v1`, `v0 to v12`, or the newest where some have been deleted."""
    numbers = list(dict.fromkeys(version.name.number for version in found))
    if not numbers:
        return "no versions any more"
    if len(numbers) > _FEW and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"v{numbers[0]} to v{numbers[-1]}"
    few = ", ".join(f"v{number}" for number in numbers[-_FEW:])
    return few if len(numbers) <= _FEW else f"..., {few}"


def _no_collection(
    registry: Registry, candidates: tuple[CollectionName, ...], text: str, reference: Reference | None = None
) -> NotFoundError:
    known = collections(registry)
    close = closest_collection(candidates[0], known)
    run = _run(registry, reference) if reference else ""
    if run:
        hint = run
    elif not _is_slip(candidates[0], close) and (unnamed := _linked_without_a_name(registry, known)):
        hint = f"this repository has {unnamed}"
    elif close:
        hint = f"did you mean '{close}{_tail(registry, close, reference) if reference else ''}'?"
    elif known:
        hint = f"this repository has {listed([str(name) for name in known])}"
    else:
        hint = "this repository has no versions yet; 'gitreg fetch' brings what others have published"
    return NotFoundError("artifact" if reference else "collection", text, hint=hint)


def _is_slip(wanted: CollectionName, close: CollectionName | None) -> bool:
    """Whether somebody who wrote the one name has surely meant the other."""
    return close is not None and SequenceMatcher(None, wanted.name.lower(), close.name.lower()).ratio() > _SLIP


def _linked_without_a_name(registry: Registry, known: Sequence[CollectionName]) -> str:
    """Registered models whose source got the name of a run and a file, because nobody gave one; '' for none."""
    found = []
    for name in [name for name in known if name.space][-_FEW:]:
        with contextlib.suppress(RecordError, MissingObjectError):
            newest = next(own(registry, reversed(all_versions(registry, name))), None)
            link = details(registry, newest).record.link if newest else None
            if link and link.version.collection.name.startswith("run-"):
                found.append(f"{link.version}, linked as {newest.name}" if newest else "")
    return "; ".join(found)


def _run(registry: Registry, reference: Reference) -> str:
    """Which versions the run of this name or id made; '' when there is none."""
    if reference.selector != LATEST or reference.when:
        return ""
    word = reference.text.removesuffix(f":{LATEST}")
    ids = order.named(registry, word)
    if not ids:
        return ""
    try:
        run = facts.run(registry, ids[0])
        made = [str(known.name) for known in facts.outputs(registry, run)] if run else []
    except (RecordError, MissingObjectError):
        return f"'{word}' is a run: gitreg show {ids[0]}"
    return f"'{word}' is a run; it made {listed(made) if made else 'no version'}"


def closest_collection(wanted: CollectionName, known: Sequence[CollectionName]) -> CollectionName | None:
    """The likeliest collection: the same but for case, the same name in another space, or one that is alike."""
    everywhere = {name.name: name for name in reversed(known)}
    here = {name.name: name for name in known if name.space == wanted.space}
    # who writes 'MNIST' means 'model/MNIST' rather than 'mnist', who writes 'model/mnist' does not mean 'mnist'
    if wanted.name in everywhere and not (wanted.space and wanted.name.casefold() in map(str.casefold, here)):
        return everywhere[wanted.name]
    found = (names[close] for names in (here, everywhere) if (close := closest(wanted.name, names)))
    return next(found, None)


def _tail(registry: Registry, collection: CollectionName, reference: Reference) -> str:
    """What stood behind the mistaken name, when there is such a thing in the collection that was meant."""
    selector = reference.selector
    if selector == LATEST:
        return ""
    if isinstance(selector, str):
        close = closest(selector, (alias.name.alias for alias in aliases.all_aliases(registry, collection)))
        return f":{close}{split_date(reference.text)[1]}" if close else ""
    return f":v{selector}" if any(item.name.number == selector for item in all_versions(registry, collection)) else ""
