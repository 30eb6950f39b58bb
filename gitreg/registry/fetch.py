"""Bringing what the registry remote has: runs and aliases into tracking refs, version tags into tags."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from gitreg.errors import RecordError, UsageError
from gitreg.git.refs import Change
from gitreg.records import refs as names_of_refs
from gitreg.records.names import AliasName, CollectionName, RunId, VersionName
from gitreg.records.objects import ZERO, Oid
from gitreg.registry import mainline, runs, versions
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version

_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch found.

    Attributes:
        tags: every version tag of the remote.
        new: the versions that were not here before.
        conflicts: versions that are another object here than there; versions never move, so somebody must look.
        blocked: versions that cannot be written here, and the own tag that is in the way: 'model' leaves no room for
            'model/MNIST@v0'.
    """

    tags: dict[str, Oid]
    new: tuple[VersionName, ...]
    conflicts: tuple[VersionName, ...]
    blocked: dict[VersionName, str]


def fetch(registry: Registry, *, leave: frozenset[str] = frozenset()) -> Fetched:
    """Bring tracking refs and version tags up to date. What is pending here stays as it is.

    `leave` holds tags that somebody is pushing right now. Raises: UsageError without a registry remote, GitError.
    """
    if not registry.has_remote:
        raise UsageError(
            f"there is no remote '{registry.remote}'",
            hint="git remote add origin URL, or name another: git config gitreg.remote NAME",
        )
    registry.transport.fetch([names_of_refs.fetch_refspec(registry.remote)], prune=True)
    mainline.learn(registry)
    there = {name: oid for name, oid in registry.transport.tags("refs/tags/*@v*").items() if _version(name)}
    _make_drafts(registry, there, leave)
    here = {ref.name: ref.oid for ref in registry.refs.find(names_of_refs.TAGS)}
    blocked = {name: tag for name in there if name not in here and (tag := _in_the_way(name, here))}
    missing = [name for name in there if name not in here and name not in blocked]
    for start in range(0, len(missing), _CHUNK):
        registry.transport.fetch([f"{name}:{name}" for name in missing[start : start + _CHUNK]])
    registry.refs.pack_if_many()
    conflicts = [name for name, oid in there.items() if here.get(name, oid) != oid]
    in_the_way = {version: tag for name, tag in blocked.items() if (version := _version(name))}
    return Fetched(there, _versions(missing), _versions(conflicts), in_the_way)


def fetched_aliases(registry: Registry) -> dict[AliasName, Oid]:
    """The aliases that the remote had at the last fetch, and the newest move of each."""
    refs = registry.refs.find(registry.tracking + names_of_refs.ALIASES)
    named = ((names_of_refs.parse_alias(ref.name), ref.oid) for ref in refs)
    return {name: oid for name, oid in named if name}


def fetched_cards(registry: Registry) -> dict[CollectionName, Oid]:
    """The collections whose own refs the remote had at the last fetch, and the newest edit of each."""
    refs = registry.refs.find(registry.tracking + names_of_refs.CARDS)
    named = ((names_of_refs.parse_card(ref.name), ref.oid) for ref in refs)
    return {name: oid for name, oid in named if name}


def _in_the_way(name: str, here: Container[str]) -> str:
    """The tag here that takes the place of a folder of this one, '' when there is none: a ref is a file or a folder."""
    above = name.rpartition("/")[0]
    return above.removeprefix(names_of_refs.TAGS) if above in here else ""


def _make_drafts(registry: Registry, there: dict[str, Oid], leave: frozenset[str]) -> None:
    """Turn versions that became tags while there was no registry remote into drafts, as they would be with one.

    Theirs are the runs that are still pending here; a tag that the remote has deleted is no such version.
    """
    pending = {run_id for run_id, (_, published) in runs.tips(registry).items() if not published}
    if not pending:
        return
    for version in versions.all_versions(registry):
        tag = names_of_refs.version_tag(version.name)
        if not version.published or there.get(tag) == version.tag or tag in leave:
            continue
        if _run_of(registry, version) in pending:
            # the draft is there already when this was interrupted
            draft = names_of_refs.draft(version.name)
            made = registry.refs.get(draft)
            registry.refs.change(
                [Change(draft, made.oid if made else ZERO, version.tag), Change(tag, version.tag, ZERO)]
            )


def _run_of(registry: Registry, version: Version) -> RunId | None:
    """The run that made a version; None for somebody's own tag that only looks like one."""
    try:
        return versions.record(registry, version).run
    except RecordError:
        return None


def _version(ref: str) -> VersionName | None:
    return names_of_refs.parse_version(ref)


def _versions(refs: list[str]) -> tuple[VersionName, ...]:
    return tuple(sorted(version for version in map(_version, refs) if version))
