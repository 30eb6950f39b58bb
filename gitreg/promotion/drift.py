"""Aliases that are not where the default branch wants them, or were moved past its review."""

from __future__ import annotations

from dataclasses import dataclass

from gitreg.errors import RecordError, SettingsError
from gitreg.promotion import source
from gitreg.promotion.moving import is_managed
from gitreg.promotion.plan import plan
from gitreg.promotion.published import Published
from gitreg.promotion.request import Move
from gitreg.records.objects import Oid
from gitreg.registry import policy as policies
from gitreg.registry.aliases import Alias
from gitreg.registry.repository import Registry


@dataclass(frozen=True, slots=True)
class Drift:
    """What is not as the default branch says.

    Attributes:
        base: its commit.
        moves: what would have to move.
        unreviewed: protected aliases that no file lists, and somebody has moved directly; by name.
        broken: files that cannot be read; nothing is said of what they are about.
    """

    base: Oid
    moves: tuple[Move, ...]
    unreviewed: tuple[Alias, ...]
    broken: tuple[SettingsError, ...]

    def __bool__(self) -> bool:
        return bool(self.moves or self.unreviewed)


def drift(registry: Registry, base: Oid) -> Drift:
    """What differs from what `base` wants. Raises: as `plan`."""
    found = plan(registry, base, base)
    return Drift(base, found.drift, () if found.broken else tuple(_unreviewed(registry, base)), found.broken)


def _unreviewed(registry: Registry, base: Oid) -> list[Alias]:
    """Raises: MissingObjectError."""
    policy, listed = policies.at(registry, base), source.at(registry, base).entries
    published = Published(registry)
    names = sorted(name for name in published.aliases if name not in listed and policy.rule(name).protected)
    found = []
    for name, _ in published.reads(names):
        try:
            alias = published.alias(name)
        except RecordError:
            # fsck says what is wrong with it; whatever it is, it names no version
            continue
        if alias and alias.place and not is_managed(alias):
            found.append(alias)
    return found
