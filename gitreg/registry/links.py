"""Links: versions of a registered model that name the commit of a logged version."""

from __future__ import annotations

from dataclasses import replace

from gitreg.errors import RecordError, RefusedError
from gitreg.git.objects import Batch, MissingObjectError
from gitreg.records import refs as names_of_refs
from gitreg.records.names import CollectionName, VersionName, VersionNumber
from gitreg.records.objects import Oid
from gitreg.records.records import Place
from gitreg.registry import cards
from gitreg.registry.hold import held
from gitreg.registry.repository import Registry, retried
from gitreg.registry.versions import Version, check_next, create, head, record, version_of

# a link lies in a registry's folder, so only names with a '/' are looked at
_PATTERNS = [f"{base}*/*@v*" for base in (names_of_refs.TAGS, names_of_refs.DRAFTS)]


def link(registry: Registry, source: Version, target: CollectionName) -> tuple[Version, bool]:
    """Make a version of a registered model from a logged version; False when its newest version is that already.

    Raises: RefusedError, TypeMismatchError when the registered model holds another type, NotFoundError when the version
    is dropped at the same moment.
    """
    found = record(registry, source)
    origin = found.link or Place(source.name, source.commit)
    if target == origin.version.collection:
        raise RefusedError(f"'{target}' cannot be linked to itself", hint="name a registry: model/NAME")

    def attempt() -> tuple[Version, bool]:
        at = head(registry, target)
        check_next(registry, target, at.last, type=found.type, link=True)
        if at.newest and at.newest.commit == source.commit:
            return at.newest, False
        name = VersionName(target, VersionNumber(at.number))
        fresh = replace(found, version=name, link=origin)
        return create(registry, Batch(), fresh, source.commit, held(registry, source)), True

    return retried(attempt)


def of_commit(registry: Registry, commit: Oid) -> list[Version]:
    """The links that name this commit and are not deleted, by name."""
    found = (version_of(registry, ref) for ref in registry.refs.pointing_at(commit, *_PATTERNS))
    return [item for item in found if item and is_link(registry, item) and cards.living(registry, [item])]


def everything(registry: Registry) -> list[Version]:
    """What may be a link, by its name alone: all versions in a registry or space."""
    found = (version_of(registry, ref) for ref in registry.refs.find(*_PATTERNS))
    return [item for item in found if item]


def is_link(registry: Registry, version: Version) -> bool:
    """Whether a version is a link. A tag that cannot be read is none, and hides no others: reading it says why."""
    try:
        return record(registry, version).link is not None
    except (RecordError, MissingObjectError):
        return False
