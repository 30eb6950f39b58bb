"""Aliases: chains of promotion commits, FORMAT.md 7. Moving one appends a commit; nothing is ever rewritten."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from gitreg.errors import Error, LostRaceError, NotFoundError, RecordError, RefusedError, UsageError, reading
from gitreg.git.objects import Batch, MissingObjectError
from gitreg.git.refs import Change, Ref
from gitreg.records import refs as names_of_refs
from gitreg.records.behind import NOBODY, By, Evidence
from gitreg.records.names import AliasName, CollectionName, VersionName, parse_number
from gitreg.records.objects import EMPTY_TREE, ZERO, Commit, Identity, Oid, hash_object
from gitreg.records.records import ALIAS, AliasRecord, Place, alias_root_message
from gitreg.records.similar import closest, listed
from gitreg.records.trailers import Message
from gitreg.registry import cards, chains
from gitreg.registry.hold import held
from gitreg.registry.protection import check_direct
from gitreg.registry.repository import Registry, retried
from gitreg.registry.versions import Version, all_versions


@dataclass(frozen=True, slots=True)
class Alias:
    """An alias as it stands.

    Attributes:
        name: collection and alias.
        tip: what the ref points at.
        place: the version it names, None when it has been removed.
        record: the newest promotion's record; None when the ref was moved by hand, and for a chain without any.
        published: False while its newest move is pending.
        by: who moved it last, and when, None where there is no record.
        there: what the remote's ref points at, None when that is not known, or there is none.
    """

    name: AliasName
    tip: Oid
    place: Place | None
    record: AliasRecord | None
    published: bool
    by: Identity | None = None
    there: Oid | None = None

    @property
    def by_hand(self) -> bool:
        """True when somebody moved the ref without a promotion commit."""
        return self.record is None and self.place is not None


Move = chains.Step[AliasRecord]
"""One step of an alias's history."""


def root(name: AliasName) -> Commit:
    """The commit that an alias's chain starts at; everyone computes the same one."""
    return chains.root(alias_root_message(name))


def get(registry: Registry, name: AliasName) -> Alias | None:
    """The alias, None when nobody ever set it. Raises: RecordError when its ref points at something else."""
    return _current(registry, name, refs_of(registry, name))


def refs_of(registry: Registry, name: AliasName) -> list[Ref]:
    """The pending and the published ref of an alias, as far as there are any."""
    return registry.refs.find(*(names_of_refs.alias(name, base) for base in registry.bases()))


def all_aliases(registry: Registry, collection: CollectionName | None = None) -> list[Alias]:
    """The aliases of a collection, or of all, that name a version; by name. One that cannot be read is left out."""
    return [alias for alias in every(registry, collection) if alias.place]


def every(
    registry: Registry,
    collection: CollectionName | None = None,
    unreadable: Callable[[AliasName, Error], None] = lambda *_: None,
) -> list[Alias]:
    """As `all_aliases`, with those that were removed; `unreadable` is told of each that cannot be read."""
    if collection is None:
        patterns = [base + names_of_refs.ALIASES for base in registry.bases()]
    else:
        patterns = [names_of_refs.aliases_pattern(collection, base) for base in registry.bases()]
    grouped: dict[AliasName, list[Ref]] = {}
    for ref in registry.refs.find(*patterns):
        name = names_of_refs.parse_alias(ref.name)
        if name:
            grouped.setdefault(name, []).append(ref)
    found = (_readable(registry, name, refs, unreadable) for name, refs in sorted(grouped.items()))
    return [alias for alias in found if alias]


def _readable(
    registry: Registry, name: AliasName, refs: list[Ref], unreadable: Callable[[AliasName, Error], None]
) -> Alias | None:
    """What somebody broke on the remote must not hide everything else; `get` says what is wrong with it."""
    try:
        return _current(registry, name, refs)
    except (RecordError, MissingObjectError) as error:
        unreadable(name, error)
        return None


def _current(registry: Registry, name: AliasName, refs: list[Ref]) -> Alias | None:
    ends = chains.tips(registry, refs)
    if ends.now is None:
        return None
    found = read(registry, name, ends.now, published=ends.is_published or registry.is_server)
    return replace(found, there=ends.published.target) if ends.published else found


def read(registry: Registry, name: AliasName, ref: Ref, *, published: bool) -> Alias:
    """The alias as this ref has it. Raises: RecordError when the ref points at something else."""
    with reading(f"alias '{name}'", ref.name):
        commit = registry.objects.commit(ref.target)
        record = _record(name, commit)
    if record is not None:
        return Alias(name, ref.target, record.now, record, published, commit.author)
    if ref.target == hash_object("commit", root(name).encode()):
        return Alias(name, ref.target, None, None, published)
    version = next((item for item in all_versions(registry, name.collection) if item.commit == ref.target), None)
    if version is None:
        raise RecordError(
            f"alias '{name}' points at commit {ref.target.short}, which is no version of '{name.collection}'",
            hint=f"somebody moved {ref.name} by hand; move it back, or delete the ref",
        )
    return Alias(name, ref.target, Place(version.name, version.commit), None, published)


def _record(name: AliasName, commit: Commit) -> AliasRecord | None:
    """The promotion record of a commit, None when it has none. Raises: RecordError when it is not this alias's."""
    document = Message.parse(commit.message).record(ALIAS)
    if document is None:
        return None
    record = AliasRecord.parse(document)
    expected = (record.now.commit,) if record.now else ()
    if record.alias != name or not commit.parents or commit.parents[1:] != expected:
        raise RecordError(f"a promotion record of '{name}' does not fit its commit")
    return record


def version_of(registry: Registry, name: AliasName, versions: Sequence[Version]) -> Version:
    """The version that an alias names. Raises: NotFoundError; RecordError when it names another collection's."""
    alias = get(registry, name)
    if alias is None or alias.place is None:
        raise not_found(registry, name)
    return placed(name, alias.place, versions)


def placed(name: AliasName, place: Place, versions: Sequence[Version]) -> Version:
    """The version of a place that an alias's record names. Raises: as `version_of`."""
    found = version_at(versions, place)
    if found is None:
        label = place.version.label
        if any(item.name == place.version for item in versions):
            raise RecordError(
                f"alias '{name}' names {label} at commit {place.commit.short}, which is no version of it",
                hint=f"gitreg did not write it; gitreg alias log {name} shows who did",
            )
        raise NotFoundError(
            "artifact", str(name), f"'{name}' names {label}, whose tag is not here", hint="gitreg fetch brings it"
        )
    return found


def version_at(versions: Iterable[Version], place: Place) -> Version | None:
    """The version of this commit, the one of the same name first: a draft's number may have changed."""
    matches = [item for item in versions if item.commit == place.commit]
    return next((item for item in matches if item.name == place.version), matches[0] if matches else None)


Named = Mapping[tuple[VersionName, Oid], list[str]]
"""The aliases by the version that they name, its name and commit."""


def by_version(known: Iterable[Alias], versions: Iterable[Version]) -> Named:
    """Which of the known aliases name which of their collections' versions.

    A commit that was linked more than once has several versions; an alias names the one that its record says.
    """
    at: dict[tuple[CollectionName, Oid], list[Version]] = {}
    for version in versions:
        at.setdefault((version.name.collection, version.commit), []).append(version)
    found: dict[tuple[VersionName, Oid], list[str]] = {}
    for alias in known:
        place = alias.place
        named = version_at(at.get((alias.name.collection, place.commit), ()), place) if place else None
        if named is not None:
            found.setdefault((named.name, named.commit), []).append(alias.name.alias)
    return found


def of_version(registry: Registry, version: Version) -> list[str]:
    """The aliases that name a version, by name, without 'latest'."""
    collection = version.name.collection
    named = by_version(all_aliases(registry, collection), all_versions(registry, collection))
    return named.get((version.name, version.commit), [])


def history(registry: Registry, name: AliasName) -> list[Move]:
    """All moves of an alias, the newest first. Raises: NotFoundError, RecordError."""
    alias = get(registry, name)
    if alias is None:
        raise not_found(registry, name)
    return list(moves(registry, name, alias.tip))


def moves(registry: Registry, name: AliasName, tip: Oid) -> Iterator[Move]:
    """The promotion records from `tip` down to the root, or to where a shallow clone cuts the chain.

    Nothing when the tip was moved there by hand. Raises: RecordError when the chain is not in sequence.
    """
    return chains.walk(registry, f"alias '{name}'", tip, root(name), parse=partial(_record, name), follows=_follows)


def _follows(earlier: AliasRecord | None, later: AliasRecord) -> bool:
    return later.previous == (earlier.now if earlier else None)


def move(
    registry: Registry,
    name: AliasName,
    version: Version | None,
    *,
    reason: str = "",
    expected: Oid | None = None,
) -> tuple[Alias, bool]:
    """Make the alias name `version`, or nothing when it is None; False when it does already.

    `expected` is the commit of the version that the caller believes the alias names. Raises: ProtectedAliasError for
    an alias that only `apply` moves, LostRaceError when it names another, NotFoundError when there is nothing to
    remove, or the version is deleted, or dropped at the same moment, UsageError for another collection's version.
    """
    if version is not None:
        _check_case(registry, name)
    if version is not None and version.name.collection != name.collection:
        raise UsageError(f"'{version.name}' is no version of '{name.collection}'", hint=f"link it: {name.collection}")

    def attempt() -> tuple[Alias, bool]:
        refs = refs_of(registry, name)
        pending = next((ref.oid for ref in refs if ref.name.startswith(names_of_refs.PENDING)), ZERO)
        valid = _without_overtaken(registry, name, refs)
        current = _current(registry, name, valid)
        place = current.place if current else None
        if expected is not None and (place is None or place.commit != expected):
            where = f"names {place.version.label}" if place else "names nothing"
            raise LostRaceError(f"alias '{name}' {where} now", hint=f"look at 'gitreg alias log {name}' and try again")
        if version is None and place is None:
            raise not_found(registry, name)
        ref = names_of_refs.alias(name)
        if current and not current.by_hand and (place and place.commit) == (version and version.commit):
            if len(valid) < len(refs):
                registry.refs.change([Change(ref, pending, ZERO)])
            return current, False
        check_direct(registry, [name], version, remove=version is None)
        now = Place(version.name, version.commit) if version else None
        batch = Batch()
        base = end_of(registry, name, current, batch)
        tip = append(registry, batch, name, base, now, reason=reason)
        also = [*held(registry, version), cards.undisturbed(registry, version.place)] if version else []
        registry.transact(batch, [Change(ref, pending, tip), *also])
        return read(registry, name, Ref(ref, tip, tip, is_tag=False), published=False), True

    return retried(attempt)


def _check_case(registry: Registry, name: AliasName) -> None:
    """Raises: RefusedError when another alias differs by case only: some file systems take them for one."""
    for known in all_aliases(registry, name.collection):
        if known.name != name and known.name.alias.lower() == name.alias.lower():
            raise RefusedError(f"'{name}' differs from '{known.name}' only by case", hint=f"use '{known.name.alias}'")


def reset(registry: Registry, name: AliasName) -> Alias | None:
    """Give up this clone's unpublished moves of an alias; where it is then, as far as is known here.

    Raises: NotFoundError when none is pending.
    """
    pending = registry.refs.get(names_of_refs.alias(name))
    if pending is None or registry.is_server:
        raise NotFoundError("alias", str(name), f"no move of '{name}' is pending", hint="gitreg status")
    registry.refs.change([Change(pending.name, pending.oid, ZERO)])
    return get(registry, name)


def published(registry: Registry, name: AliasName) -> frozenset[Oid]:
    """The promotion commits of an alias that the remote is known to have; on a server, all."""
    base = names_of_refs.PENDING if registry.is_server else registry.tracking
    refs = registry.refs.find(names_of_refs.alias(name, base))
    return frozenset(move.oid for ref in refs for move in moves(registry, name, ref.target))


def elsewhere(registry: Registry, name: AliasName) -> Alias | None:
    """Where others have moved the alias since, when this clone's pending move can no longer be published."""
    refs = refs_of(registry, name)
    left = _without_overtaken(registry, name, refs)
    return read(registry, name, left[0], published=True) if len(left) < len(refs) else None


def _without_overtaken(registry: Registry, name: AliasName, refs: list[Ref]) -> list[Ref]:
    """The refs of an alias without a pending one that can no longer be published, because others moved the alias too.

    A new move starts from what is published then; otherwise it could never be published either.
    """
    ends = chains.tips(registry, refs)
    if len(refs) != 2 or ends.published is None:
        return refs
    if ends.pending is None:
        return [ends.published]
    if not chains.is_overtaken(registry, ends):
        return refs
    by_hand = _record(name, registry.objects.commit(ends.pending.target)) is None
    return refs if by_hand else [ends.published]


@dataclass(frozen=True, slots=True)
class Link:
    """The end of a chain that the next record is appended to: its tip, its sequence number, what it names."""

    tip: Oid
    seq: int
    place: Place | None


def end_of(registry: Registry, name: AliasName, current: Alias | None, batch: Batch) -> Link:
    """Where the next record goes; what was moved by hand is adopted first."""
    if current and current.record:
        return Link(current.tip, current.record.seq, current.place)
    batch.add("tree", b"")
    start = Link(batch.add("commit", root(name).encode()), 0, None)
    if current is None or current.place is None:
        return start
    known = registry.refs.get(names_of_refs.alias(name, registry.tracking))
    newest = next(moves(registry, name, known.target), None) if known else None
    if newest:
        start = Link(newest.oid, newest.record.seq, newest.record.now)
    tip = append(registry, batch, name, start, current.place, action="adopt", reason="moved by hand")
    return Link(tip, start.seq + 1, current.place)


def append(
    registry: Registry,
    batch: Batch,
    name: AliasName,
    base: Link,
    now: Place | None,
    *,
    action: str = "set",
    reason: str = "",
    by: By = NOBODY,
    evidence: tuple[Evidence, ...] = (),
    author: Identity | None = None,
) -> Oid:
    """Add one promotion commit after `base` to the batch and return its id."""
    record = AliasRecord(
        alias=name,
        action="delete" if now is None else "adopt" if action == "adopt" else "set",
        seq=base.seq + 1,
        now=now,
        previous=base.place,
        reason=reason,
        by=by,
        evidence=evidence,
    )
    committer = registry.now()
    tree = registry.objects.commit(now.commit).tree if now else EMPTY_TREE
    parents = (base.tip, now.commit) if now else (base.tip,)
    return batch.add("commit", Commit(tree, parents, author or committer, committer, record.message()).encode())


def after(
    registry: Registry,
    batch: Batch,
    name: AliasName,
    current: Alias | None,
    now: Place | None,
    *,
    reason: str,
    by: By,
    evidence: tuple[Evidence, ...],
) -> Alias:
    """The alias as it is after one more move, whose commit is added to the batch and to nothing else."""
    base = end_of(registry, name, current, batch)
    tip = append(registry, batch, name, base, now, reason=reason, by=by, evidence=evidence)
    commit = Commit.parse(batch.objects[-1][1])
    return Alias(name, tip, now, _record(name, commit), published=False, by=commit.author)


def not_found(registry: Registry, name: AliasName) -> NotFoundError:
    """Why there is no such alias: it was removed, or it is another word that was meant."""
    known = every(registry, name.collection)
    removed = next((alias.record for alias in known if alias.name == name and alias.record), None)
    if removed:
        was = f", and named {removed.previous.version.label} before" if removed.previous else ""
        hint = f"it was removed{was}: gitreg alias log {name}"
    else:
        hint = _guess(registry, name, [alias.name.alias for alias in known if alias.place])
    return NotFoundError("alias", str(name), f"alias '{name.alias}' not found in '{name.collection}'", hint=hint)


def _guess(registry: Registry, name: AliasName, known: Sequence[str]) -> str:
    number = parse_number(f"v{name.alias}")
    versions = all_versions(registry, name.collection)
    if any(version.name.number == number for version in versions):
        return f"did you mean '{name.collection}:v{number}'?"
    close = closest(name.alias, known)
    if close:
        return f"did you mean '{close}'?"
    # what is promoted is often the link in a registered model, not the logged version
    commits = {version.commit for version in versions}
    links = [item for item in all_aliases(registry) if item.name.alias == name.alias]
    twin = next((item.name for item in links if item.place and item.place.commit in commits), None)
    if twin:
        return f"did you mean '{twin}'?"
    if known:
        return f"'{name.collection}' has {listed(known)}"
    return f"'{name.collection}' has no aliases here; 'gitreg fetch' brings what others have published"
