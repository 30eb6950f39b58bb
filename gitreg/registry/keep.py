"""The hard links that protect unpublished bytes: whose they are, and letting go of those that are nobody's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gitreg.errors import MissingBytesError, RecordError
from gitreg.git.objects import MissingObjectError
from gitreg.records import refs as names_of_refs
from gitreg.registry import contents, history, versions
from gitreg.registry.pending import collect
from gitreg.registry.repository import Registry
from gitreg.registry.runs import Run

_FOLDER = re.compile(r"[0-9a-f]{2}\Z")
_REST = re.compile(r"[0-9a-f]{30}(?:\.dir)?\Z")


@dataclass(frozen=True, slots=True)
class Orphans:
    """Objects that are protected here and belong to nothing that is pending.

    Attributes:
        spare: the cache has them too, so that nothing is lost without the link.
        last: the cache has lost them: the protected file is the only one here.
    """

    spare: tuple[str, ...] = ()
    last: tuple[str, ...] = ()


def needed(registry: Registry) -> set[str] | None:
    """The objects of everything that is pending; None when something pending cannot be read, so nobody knows."""
    found = collect(registry)
    if found.broken:
        return None
    objects: set[str] = set()
    try:
        for version in {item.commit: item for item in versions.own(registry, found.versions)}.values():
            objects.update(contents.needed(registry, versions.details(registry, version)))
        for run in found.runs.values():
            objects.update(history_of(registry, run))
    except (RecordError, MissingObjectError, MissingBytesError):
        return None
    return objects


def history_of(registry: Registry, run: Run) -> contents.Needed:
    """The object of a run's long history; nothing when that is short, or there is none."""
    pointer = history.pointer(registry, run.end.tree) if run.end else None
    return {pointer.md5: pointer.size} if pointer else {}


def orphans(registry: Registry, among: Iterable[str] | None = None) -> Orphans:
    """The protected objects (of these, or all) that nothing needs. None while a run goes on: it may be storing some."""
    kept = _kept(registry) if among is None else [md5 for md5 in among if _is_kept(registry, md5)]
    if not kept or _is_busy(registry):
        return Orphans()
    wanted = needed(registry)
    free = [md5 for md5 in kept if wanted is not None and md5 not in wanted]
    spare = [md5 for md5 in free if _is_linked(registry, md5)]
    return Orphans(tuple(spare), tuple(md5 for md5 in free if md5 not in spare))


def let_go(registry: Registry, among: Iterable[str] | None = None) -> int:
    """Remove the links of orphans that the cache has too; how many. Raises: StorageError, NotARepositoryError."""
    before = _state(registry)
    found = orphans(registry, among).spare
    registry.cache.release(found)
    if found and (_is_busy(registry) or _state(registry) != before):
        # somebody began to log meanwhile, perhaps the same bytes
        registry.cache.protect(found)
        return 0
    return len(found)


def _is_busy(registry: Registry) -> bool:
    return any((registry.private / "journal").glob("*.jsonl"))


def _state(registry: Registry) -> list[object]:
    return list(registry.refs.find(names_of_refs.PENDING, names_of_refs.TAGS))


def _kept(registry: Registry) -> list[str]:
    found = []
    for folder in sorted((registry.private / "keep").glob("*")):
        if _FOLDER.match(folder.name) and folder.is_dir():
            found += [
                folder.name + name for name in sorted(path.name for path in folder.iterdir()) if _REST.match(name)
            ]
    return found


def _is_kept(registry: Registry, md5: str) -> bool:
    return (registry.private / "keep" / md5[:2] / md5[2:]).is_file()


def _is_linked(registry: Registry, md5: str) -> bool:
    """Whether the cache's object is the protected file itself."""
    kept, place = registry.private / "keep" / md5[:2] / md5[2:], registry.cache.path(md5)
    return place.is_file() and kept.is_file() and place.samefile(kept)
