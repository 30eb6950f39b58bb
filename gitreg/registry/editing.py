"""Writing to a collection's own ref: each edit is a commit on top of the last, which says what was changed and why.

What others have published meanwhile is never overwritten: edits are put on top of it, field by field, and where both
changed the same text in different ways somebody has to choose.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from gitreg.errors import LostRaceError, NotFoundError, RecordError, RefusedError
from gitreg.git.objects import Batch, MissingObjectError
from gitreg.git.refs import Change
from gitreg.records import cards as codec
from gitreg.records import refs as names_of_refs
from gitreg.records.cards import CollectionRecord, Deletion, Notes
from gitreg.records.names import AliasName, CollectionName
from gitreg.records.objects import ZERO, Commit, Identity, Oid, hash_object
from gitreg.records.records import Place
from gitreg.registry import aliases, cards, chains, policy, versions
from gitreg.registry.cards import Edit, Files, State
from gitreg.registry.hold import held
from gitreg.registry.repository import Registry, retried
from gitreg.registry.versions import Version

Renamed = Callable[[Place], Place | None]


@dataclass(frozen=True, slots=True)
class End:
    """Where the next record goes: the tip, its sequence number, and the state there."""

    tip: Oid
    seq: int
    state: State


@dataclass(frozen=True, slots=True)
class PendingCard:
    """A collection with edits that are not published: the oldest first."""

    name: CollectionName
    tip: Oid
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an edit is to change; None leaves a text as it is, and tags are added and taken away."""

    description: str | None = None
    card: str | None = None
    add: Collection[str] = ()
    remove: Collection[str] = ()


def edit(
    registry: Registry, collection: CollectionName, wanted: Wanted, *, version: Version | None = None, reason: str = ""
) -> tuple[State, tuple[str, ...]]:
    """Change what is said of a collection, or of one of its versions; the state now, and which fields have changed.

    Raises: InvalidNameError and TooLargeError for tags and texts that cannot be, RefusedError when others have changed
    the same and this clone's edits are still pending, NotFoundError when the version is dropped at the same moment.
    """
    place = version.place if version else None
    if wanted.description is not None:
        codec.check_description(wanted.description)
    codec.check_tags(wanted.add)
    told = wanted.description is not None
    logged = versions.details(registry, version).artifact.description if version and told else ""

    def files(state: State) -> Files:
        notes = state.notes(place)
        kept = [tag for tag in notes.tags if tag not in wanted.remove]
        tags = tuple(dict.fromkeys([*kept, *wanted.add]))
        codec.check_count(tags)
        # what it was logged with needs no words
        said = (None if wanted.description == logged else wanted.description) if told else notes.description
        found = {codec.notes_path(place): Notes(said, tags).encode()}
        return found if wanted.card is None else {**found, codec.CARD: codec.encode_card(wanted.card)}

    return _write(registry, CollectionRecord(collection, "edit", 0, place, reason=reason), files, version)


def delete(registry: Registry, version: Version, *, reason: str = "", delete_aliases: bool = False) -> list[AliasName]:
    """Mark a version as deleted; its tag, its commit and its bytes stay. Returns the aliases that were removed.

    Raises: RefusedError while aliases name it, unless `delete_aliases`, and always while one of them is protected;
    LostRaceError when an alias is moved to it at the same moment; as `edit`.
    """
    named = [AliasName(version.name.collection, alias) for alias in aliases.of_version(registry, version)]
    kept = next((alias for alias in named if policy.protected(registry, alias)), None)
    if kept:
        raise RefusedError(
            f"'{version.name}' cannot be deleted: '{kept}' names it, and is protected",
            hint=f"let it name another version first: gitreg promote {kept} VERSION",
        )
    if named and not delete_aliases:
        words = " and ".join(f"'{alias}'" for alias in named)
        raise RefusedError(
            f"'{version.name}' cannot be deleted: {words} {'name' if len(named) > 1 else 'names'} it",
            hint=f"gitreg delete {version.name} --delete-aliases removes {'them' if len(named) > 1 else 'it'} too",
        )
    for name in named:
        aliases.move(registry, name, None, reason=reason or f"{version.name} was deleted", expected=version.commit)
    now = registry.now()
    stone = Deletion(now.when, now.person, reason)
    path = codec.deletion_path(version.place)
    record = CollectionRecord(version.name.collection, "delete", 0, version.place, reason=reason)
    _write(registry, record, lambda state: {} if version.place in state.deleted else {path: stone.encode()}, version)
    late = aliases.of_version(registry, version)
    if late:
        undelete(registry, version, reason="an alias was moved to it at the same moment")
        name = AliasName(version.name.collection, late[0])
        raise LostRaceError(f"'{name}' names '{version.name}', which is new", hint="nothing was deleted")
    return named


def undelete(registry: Registry, version: Version, *, reason: str = "") -> bool:
    """Take back that a version is deleted; False when it is not. Raises: as `edit`."""
    path = codec.deletion_path(version.place)
    record = CollectionRecord(version.name.collection, "undelete", 0, version.place, reason=reason)
    return bool(_write(registry, record, lambda _: {path: None}, version)[1])


def reset(registry: Registry, collection: CollectionName) -> State:
    """Give up this clone's unpublished edits of a collection; what it says then. Raises: NotFoundError."""
    ref = registry.refs.get(names_of_refs.card(collection)) if registry.has_remote else None
    if ref is None:
        raise NotFoundError("card", str(collection), f"no edit of '{collection}' is pending", hint="gitreg status")
    registry.refs.change([Change(ref.name, ref.oid, ZERO)])
    return cards.state(registry, collection)


def _write(
    registry: Registry, record: CollectionRecord, files: Callable[[State], Files], version: Version | None
) -> tuple[State, tuple[str, ...]]:
    """Append a record and the files that it is about; the state then, and what has changed."""
    collection = record.collection
    ref = names_of_refs.card(collection)

    def attempt() -> tuple[State, tuple[str, ...]]:
        refs = cards.refs_of(registry, collection)
        pending = next((found.oid for found in refs if found.name == ref), ZERO)
        batch = Batch()
        end = _end(registry, batch, collection, chains.tips(registry, refs))
        fresh = {path: data for path, data in files(end.state).items() if data != end.state.read(path)}
        if not fresh:
            return end.state, ()
        last = append(registry, batch, end, record, fresh)
        change = Change(ref, pending, last.tip)
        registry.transact(batch, [change, *(held(registry, version) if version else ())])
        return last.state, end.state.changed(fresh) or (record.action,)

    return retried(attempt)


def _end(registry: Registry, batch: Batch, collection: CollectionName, ends: chains.Tips) -> End:
    """Where the next record goes. What is pending is put on top of what others have published meanwhile first.

    Raises: RefusedError where both changed the same.
    """
    if ends.now is None:
        batch.add("tree", b"")
        root = batch.add("commit", cards.root(collection).encode())
        return End(root, 0, State(registry, collection))
    if ends.pending and ends.published and chains.is_overtaken(registry, ends):
        onto = end_at(registry, collection, ends.published.oid)
        steps = cards.unpublished(registry, collection, ends)
        end, conflicts = replay(registry, batch, steps, onto)
        if conflicts:
            raise RefusedError(f"'{collection}': {clash(conflicts)}", hint=way_out(collection))
        return end
    return end_at(registry, collection, ends.now.oid)


def end_at(registry: Registry, collection: CollectionName, tip: Oid) -> End:
    """The end of a chain. Raises: RecordError when its newest commit is no record."""
    state = cards.at(registry, collection, tip)
    if tip == hash_object("commit", cards.root(collection).encode()):
        return End(tip, 0, state)
    record = cards.record(collection, registry.objects.commit(tip))
    if record is None:
        raise RecordError(
            f"the card of '{collection}' points at commit {tip.short}, which is no record",
            hint=f"somebody moved the ref by hand; look at it: git log --first-parent {tip.short}",
        )
    return End(tip, record.seq, state)


def clash(conflicts: Sequence[str]) -> str:
    """What to say of fields that were changed here and elsewhere."""
    return f"{' and '.join(dict.fromkeys(conflicts))} {'was' if len(conflicts) == 1 else 'were'} changed by others, too"


def way_out(collection: CollectionName) -> str:
    """What to do about it; the other text stays in the history either way."""
    return f"take theirs: gitreg edit {collection} --theirs; keep yours: gitreg edit {collection} --ours"


def append(
    registry: Registry,
    batch: Batch,
    end: End,
    record: CollectionRecord,
    files: Files,
    *,
    author: Identity | None = None,
) -> End:
    """Add one commit after `end` to the batch; the end then."""
    state = end.state.with_(files)
    changed = end.state.changed(files) if record.action == "edit" else ()
    record = replace(record, seq=end.seq + 1, changed=changed)
    now = registry.now()
    commit = Commit(state.write(batch), (end.tip,), author or now, now, record.message())
    return End(batch.add("commit", commit.encode()), record.seq, state)


def replay(
    registry: Registry, batch: Batch, steps: Iterable[Edit], onto: End, place: Renamed = lambda place: place
) -> tuple[End, list[str]]:
    """Append edits after `onto`; those that change nothing there, or are of a version that is no more, are left out.

    Last, the fields that were changed differently there: the edits stand in what comes of it.
    """
    conflicts: list[str] = []
    for step in steps:
        commit = registry.objects.commit(step.oid)
        base = cards.at(registry, onto.state.collection, commit.parents[0])
        files, found = cards.merge(base, cards.changes(registry, base.tree, commit.tree), onto.state, place)
        conflicts += found
        if files:
            about = place(step.record.version) if step.record.version else None
            onto = append(registry, batch, onto, replace(step.record, version=about), files, author=step.by)
    return onto, conflicts


def pending_cards(
    registry: Registry, broken: Callable[[CollectionName, str], None] = lambda *_: None
) -> Iterator[PendingCard]:
    """The collections with edits that are not published; `broken` is told of what cannot be, and why."""
    for ref in [] if registry.is_server else registry.refs.find(names_of_refs.PENDING + names_of_refs.CARDS):
        name = names_of_refs.parse_card(ref.name)
        if name is None:
            continue
        try:
            end_at(registry, name, ref.oid)
            found = cards.unpublished(registry, name, chains.tips(registry, cards.refs_of(registry, name)))
        except (RecordError, MissingObjectError) as error:
            broken(name, str(error))
            continue
        if found:
            yield PendingCard(name, ref.oid, found)


def rebase(registry: Registry, card: PendingCard, *, ours: bool = False) -> list[str]:
    """Put a collection's pending edits on top of what others have published; the fields that both changed, if any.

    Then nothing is done, unless `ours` says that this clone's edits count. Raises: RecordError, RefMovedError.
    """
    there = registry.refs.get(names_of_refs.card(card.name, registry.tracking))
    if there is None or there.oid == registry.objects.commit(card.edits[0].oid).parents[0]:
        return []
    batch = Batch()
    end, conflicts = replay(registry, batch, card.edits, end_at(registry, card.name, there.oid))
    if conflicts and not ours:
        return conflicts
    change = Change(names_of_refs.card(card.name), card.tip, ZERO if end.tip == there.oid else end.tip)
    registry.transact(batch, [change])
    return conflicts


def renamed(registry: Registry, batch: Batch, place: Renamed) -> dict[str, tuple[Oid, Oid]]:
    """What becomes of pending edits when versions get other names or commits, or go: ref -> old and new tip."""
    found = {}
    for card in pending_cards(registry):
        about = {step.record.version for step in card.edits if step.record.version}
        if all(place(version) == version for version in about):
            continue
        base = registry.objects.commit(card.edits[0].oid).parents[0]
        end, _ = replay(registry, batch, card.edits, end_at(registry, card.name, base), place)
        found[names_of_refs.card(card.name)] = (card.tip, ZERO if end.tip == base else end.tip)
    return found


def words(edits: Iterable[Edit]) -> str:
    """What edits change, for people: `description; tags of v3; v2 deleted`."""
    found: dict[str, None] = {}
    for record in (step.record for step in edits):
        label = record.version.version.label if record.version else ""
        fields = ", ".join(record.changed)
        found[f"{label} {record.action}d" if not fields else f"{fields} of {label}" if label else fields] = None
    return "; ".join(found)
