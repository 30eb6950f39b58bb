"""Holding on to a version while something new names it, so that nobody takes it back at the same moment."""

from __future__ import annotations

from gitreg.errors import NotFoundError
from gitreg.git.refs import Change
from gitreg.records import refs as names_of_refs
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version


def held(registry: Registry, version: Version) -> list[Change]:
    """What lets a transaction fail unless the version is still here; nothing for a published one, which stays.

    Raises: NotFoundError when it has been dropped.
    """
    if version.published:
        return []
    bases = (names_of_refs.TAGS, names_of_refs.DRAFTS)
    patterns = [names_of_refs.versions_pattern(version.name.collection, base) for base in bases]
    # its number may have changed, or it may have been published meanwhile
    found = [ref for ref in registry.refs.find(*patterns) if ref.is_tag and ref.target == version.commit]
    if not found:
        raise NotFoundError("artifact", str(version.name), f"'{version.name}' was dropped meanwhile", hint="gitreg ls")
    if registry.has_remote and any(ref.name.startswith(names_of_refs.TAGS) for ref in found):
        return []
    return [Change(found[0].name, found[0].oid, found[0].oid)]
