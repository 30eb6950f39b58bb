"""What the files would say once a request is merged: line by line, as git's own merge would have it.

A request that began before others were merged does not take back what those say. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from gitreg.errors import SettingsError
from gitreg.promotion import wanted
from gitreg.promotion.source import Wanted
from gitreg.promotion.wanted import Entry
from gitreg.records.names import AliasName, CollectionName

Origin = Literal["base", "head", "both"]


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of an alias.

    Attributes:
        entry: None when no file lists it.
        origin: who says so: the base already, the request, or each of them something else ('both').
        other: what the base says, in that case.
    """

    entry: Entry | None
    origin: Origin
    other: Entry | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """What base and request say together.

    Attributes:
        said: by alias; of aliases that only the base or the fork lists too.
        broken: files that cannot be read, by path and line.
        mended: the collections of which the base says nothing that can be read; None when it may be any. That one of
            their aliases is not listed is the request's word.
    """

    said: Mapping[AliasName, Said]
    broken: tuple[SettingsError, ...]
    mended: frozenset[CollectionName] | None = frozenset()

    def of(self, alias: AliasName) -> Said:
        """What is said of an alias, also of one that no file lists."""
        is_mended = self.mended is None or alias.collection in self.mended
        return self.said.get(alias, Said(None, "head" if is_mended else "base"))

    @property
    def unknown(self) -> frozenset[CollectionName] | None:
        """The collections of which nobody knows what is wanted; None when it may be any."""
        try:
            return frozenset(wanted.collection_of(error.path) for error in self.broken)
        except SettingsError:
            return None


def merge(base: Wanted, fork: Wanted, head: Wanted) -> Merged:
    """What the files would say. `fork` is where the request began; what it has not changed is as the base has it."""
    said = {
        alias: _said(base.entries.get(alias), fork.entries.get(alias), head.entries.get(alias))
        for alias in sorted({*base.entries, *fork.entries, *head.entries})
    }
    ours, began, theirs = _by_path(base.broken), _by_path(fork.broken), _by_path(head.broken)
    broken = [
        error
        for path in sorted({*ours, *theirs})
        for error in (ours if _texts(began, path) == _texts(theirs, path) else theirs).get(path, ())
    ]
    return Merged(said, tuple(broken), Merged({}, base.broken).unknown)


def _said(base: Entry | None, fork: Entry | None, head: Entry | None) -> Said:
    ours, began, theirs = (replace(entry, line=0) if entry else None for entry in (base, fork, head))
    if theirs in (began, ours):
        return Said(base, "base")
    return Said(head, "head") if began == ours else Said(head, "both", base)


def _by_path(errors: Iterable[SettingsError]) -> dict[str, list[SettingsError]]:
    found: dict[str, list[SettingsError]] = {}
    for error in errors:
        found.setdefault(error.path, []).append(error)
    return found


def _texts(errors: Mapping[str, list[SettingsError]], path: str) -> list[str]:
    return [error.message for error in errors.get(path, ())]
