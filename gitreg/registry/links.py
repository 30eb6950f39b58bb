"""Links: versions of a registered model that name the commit of a logged version."""

from __future__ import annotations

from dataclasses import replace

from gitreg.errors import RefusedError
from gitreg.git.objects import Batch
from gitreg.git.refs import RefMovedError
from gitreg.records import refs as names_of_refs
from gitreg.records.names import CollectionName, VersionName, VersionNumber
from gitreg.records.objects import Oid
from gitreg.records.records import Place
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version, check_collection, create, newest, record, version_of


def link(registry: Registry, source: Version, target: CollectionName) -> tuple[Version, bool]:
    """Make a version of a registered model from a logged version; False when its newest version is that already.

    Raises: RefusedError.
    """
    found = record(registry, source)
    origin = found.link or Place(source.name, source.commit)
    if target == origin.version.collection:
        raise RefusedError(f"'{target}' cannot be linked to itself", hint="name a registry: model/NAME")
    check_collection(registry, target, link=True)
    linked = replace(found, version=VersionName(target, VersionNumber(0)), link=origin)
    while True:
        last = newest(registry, target)
        if last and last.commit == source.commit:
            return last, False
        try:
            return create(registry, Batch(), linked, source.commit), True
        except RefMovedError:
            continue


def of_commit(registry: Registry, commit: Oid) -> list[Version]:
    """The links that name this commit, by name."""
    # a link lies in a registry's folder, so only names with a '/' are looked at
    patterns = [f"{base}*/*@v*" for base in (names_of_refs.TAGS, names_of_refs.DRAFTS)]
    found = (version_of(registry, ref) for ref in registry.refs.pointing_at(commit, *patterns))
    return [item for item in found if item and record(registry, item).link is not None]
