"""What was said of a collection and its versions after they were made, and which versions are deleted: FORMAT.md 11.

Most collections have nothing of that, and asking costs two lines to the process that reads objects. Which versions are
deleted is told by names in the tree alone. What is pending here counts on top of what others have published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol, TypeVar

from gitreg.errors import Error, GitError, RecordError, VersionDeletedError, reading
from gitreg.git.objects import Batch, MissingObjectError
from gitreg.git.refs import Change, Ref
from gitreg.records import cards, objects
from gitreg.records import refs as names_of_refs
from gitreg.records.cards import COLLECTION, CollectionRecord, Deletion, Notes
from gitreg.records.names import CollectionName, VersionName
from gitreg.records.objects import Commit, Oid, TreeEntry
from gitreg.records.records import Place
from gitreg.records.trailers import Message
from gitreg.registry import chains
from gitreg.registry.repository import Registry

Placed = TypeVar("Placed", bound="_Placed")
Files = Mapping[str, bytes | None]
"""Paths with new content; None for a file that goes."""


class _Placed(Protocol):
    """Something with a name and a commit: a version."""

    @property
    def place(self) -> Place:
        """Both of them."""


@dataclass(frozen=True)
class State:
    """What a collection's ref says: a tree, with files laid over it.

    Attributes:
        collection: whose.
        tree: None for nothing.
        over: what differs from the tree.
        published: False while some of it is pending.
    """

    registry: Registry = field(repr=False)
    collection: CollectionName
    tree: Oid | None = None
    over: Files = field(default_factory=dict)
    published: bool = True

    def read(self, path: str) -> bytes | None:
        """A file, None when there is none. Raises: RecordError, MissingObjectError."""
        if path in self.over or self.tree is None:
            return self.over.get(path)
        with self._reading():
            return self.registry.objects.blob_at(self.tree, path)

    def _reading(self) -> AbstractContextManager[None]:
        return reading(f"the card of '{self.collection}'", names_of_refs.card(self.collection))

    def notes(self, place: Place | None = None) -> Notes:
        """What is said of a version, or of the collection itself. Raises: RecordError, MissingObjectError."""
        data = self.read(cards.notes_path(place))
        with self._reading():
            return Notes.parse(data)

    @property
    def card(self) -> str:
        """The collection's Markdown, '' without any. Raises: RecordError, MissingObjectError."""
        data = self.read(cards.CARD)
        with self._reading():
            return cards.decode_card(data)

    def deletion(self, place: Place) -> Deletion | None:
        """The tombstone of a version, None when it is not deleted. Raises: RecordError, MissingObjectError."""
        if place not in self.deleted:
            return None
        data = self.read(cards.deletion_path(place))
        with self._reading():
            return Deletion.parse(data) if data is not None else None

    @cached_property
    def deleted(self) -> frozenset[Place]:
        """The versions that are deleted. Raises: RecordError, MissingObjectError."""
        found = set(self._places(cards.DELETED))
        for path, data in self.over.items():
            known = cards.parse_path(path, self.collection)
            if known and known[0] == cards.DELETED:
                (found.add if data is not None else found.discard)(known[1])
        return frozenset(found)

    def _places(self, folder: str) -> Iterator[Place]:
        if self.tree is None:
            return
        with self._reading():
            top = self.registry.objects.tree(self.tree).get(folder)
            for path, _ in _files(self.registry, top.oid if top and top.is_tree else None, f"{folder}/"):
                known = cards.parse_path(path, self.collection)
                if known:
                    yield known[1]

    def with_(self, changes: Files) -> State:
        """The state with these files."""
        return replace(self, over={**self.over, **changes})

    def changed(self, files: Files) -> tuple[str, ...]:
        """The fields that these files change, as a record names them; none for tombstones. Raises: RecordError."""
        paths = sorted((path for path in files if not path.startswith(f"{cards.DELETED}/")), reverse=True)
        return tuple(name for path in paths for name in cards.changed_fields(path, self.read(path), files[path]))

    def write(self, batch: Batch) -> Oid:
        """Add the state's tree to the batch."""
        return batch.edit_tree(self.registry.objects, self.tree, self.over)


def _files(registry: Registry, tree: Oid | None, prefix: str = "") -> Iterator[tuple[str, Oid]]:
    """All files below a tree, with their objects."""
    for name, entry in _entries(registry, tree).items():
        if entry.is_tree and prefix.count("/") < _DEEPEST:
            yield from _files(registry, entry.oid, f"{prefix}{name}/")
        elif not entry.is_tree:
            yield prefix + name, entry.oid


def _entries(registry: Registry, tree: Oid | None) -> dict[str, TreeEntry]:
    return registry.objects.tree(tree) if tree and tree != objects.EMPTY_TREE else {}


# versions/0/v3.COMMIT.yaml; what lies deeper is nothing of ours
_DEEPEST = 2


def _difference(registry: Registry, old: Oid, new: Oid, prefix: str = "") -> Iterator[tuple[str, Oid | None]]:
    """The files that differ between two trees, with the objects that the new one has."""
    if old == new:
        return
    before, after = _entries(registry, old), _entries(registry, new)
    for name in sorted({*before, *after}):
        one, other = before.get(name), after.get(name)
        if one == other:
            continue
        trees = [entry.oid if entry and entry.is_tree else objects.EMPTY_TREE for entry in (one, other)]
        if prefix.count("/") < _DEEPEST:
            yield from _difference(registry, trees[0], trees[1], f"{prefix}{name}/")
        blobs = [entry.oid if entry and not entry.is_tree else None for entry in (one, other)]
        if blobs[0] != blobs[1]:
            yield prefix + name, blobs[1]


def changes(registry: Registry, old: Oid | None, new: Oid | None) -> Files:
    """The files that differ, as the new tree has them. Raises: RecordError, MissingObjectError."""
    found = _difference(registry, old or objects.EMPTY_TREE, new or objects.EMPTY_TREE)
    return {path: registry.objects.read(oid)[1] if oid else None for path, oid in found}


def merge(
    base: State, files: Files, onto: State, place: Callable[[Place], Place | None] = lambda place: place
) -> tuple[Files, list[str]]:
    """What files that changed `base` change in another state of it, field by field.

    `place` tells what a version is called now, None for one whose files go. Last, the fields that were changed
    differently there; `files` counts in them. Raises: RecordError.
    """
    fresh: dict[str, bytes | None] = {}
    conflicts = []
    for old, mine in files.items():
        path = old
        about = cards.parse_path(old, base.collection)
        if about:
            version = place(about[1])
            if version is None:
                continue
            path = cards.moved(old, version)
        there = onto.read(path)
        now, conflict = cards.merged(path, base.read(old), mine, there)
        if now != there:
            fresh[path] = now
        if conflict:
            conflicts.append(f"{conflict} of {about[1].version.label}" if about else conflict)
    return fresh, conflicts


def root(collection: CollectionName) -> Commit:
    """The commit that a collection's chain starts at; everyone computes the same one."""
    return chains.root(cards.root_message(collection))


def record(collection: CollectionName, commit: Commit) -> CollectionRecord | None:
    """The record of a commit, None when it has none. Raises: RecordError when it is not this collection's."""
    document = Message.parse(commit.message).record(COLLECTION)
    if document is None:
        return None
    found = CollectionRecord.parse(document)
    if found.collection != collection or len(commit.parents) != 1:
        raise RecordError(f"a record of '{collection}' does not fit its commit")
    return found


Edit = chains.Step[CollectionRecord]
"""One edit of a collection's history."""


def edits(registry: Registry, collection: CollectionName, tip: Oid) -> Iterator[Edit]:
    """The edits from `tip` down to the root, or to where a shallow clone cuts them. Raises: RecordError."""
    what, start = f"the card of '{collection}'", root(collection)
    return chains.walk(
        registry, what, tip, start, parse=lambda commit: record(collection, commit), follows=lambda *_: True
    )


def disagreement(registry: Registry, collection: CollectionName, edit: Edit) -> str:
    """What an edit does and does not say, '' when it does what it says. Raises: RecordError, MissingObjectError."""
    commit = registry.objects.commit(edit.oid)
    before = at(registry, collection, commit.parents[0])
    files = changes(registry, before.tree, commit.tree)
    strange = [path for path in files if path not in _own(edit.record)]
    if strange or not files:
        what = f"'{strange[0]}', and does not say so" if strange else "nothing"
        return f"its edit {edit.record.seq} changes {what}"
    if edit.record.action == "edit":
        is_told = edit.record.changed == before.changed(files)
    else:
        is_told = [data is not None for data in files.values()] == [edit.record.action == "delete"]
    return "" if is_told else f"its edit {edit.record.seq} says something else than it does"


def _own(told: CollectionRecord) -> tuple[str, ...]:
    """The files that an edit may change."""
    if told.action != "edit" and told.version:
        return (cards.deletion_path(told.version),)
    return (cards.notes_path(told.version),) if told.version else (cards.ABOUT, cards.CARD)


def unpublished(registry: Registry, collection: CollectionName, ends: chains.Tips) -> tuple[Edit, ...]:
    """The edits that the remote does not have, the oldest first. Raises: RecordError, MissingObjectError."""
    known = edits(registry, collection, ends.published.oid) if ends.published else ()
    return chains.fresh(edits(registry, collection, ends.pending.oid), known) if ends.pending else ()


def refs_of(registry: Registry, collection: CollectionName) -> list[Ref]:
    """The pending and the published ref, as far as there are any."""
    return registry.refs.find(*(names_of_refs.card(collection, base) for base in registry.bases()))


def state(registry: Registry, collection: CollectionName) -> State:
    """The state of one collection, which is empty when nobody ever said anything. Raises: RecordError."""
    names = [names_of_refs.card(collection, base) for base in registry.bases()]
    found = ((name, registry.objects.at(name)) for name in names)
    return _state(registry, collection, [Ref(name, oid, oid, is_tag=False) for name, oid in found if oid])


def states(
    registry: Registry, unreadable: Callable[[CollectionName, Error], None] = lambda *_: None
) -> dict[CollectionName, State]:
    """The states of all collections that have one; `unreadable` is told of each that cannot be read."""
    grouped: dict[CollectionName, list[Ref]] = {}
    for ref in registry.refs.find(*(base + names_of_refs.CARDS for base in registry.bases())):
        name = names_of_refs.parse_card(ref.name)
        if name:
            grouped.setdefault(name, []).append(ref)
    registry.objects.read_ahead(ref.oid for refs in grouped.values() for ref in refs)
    return {name: _readable(registry, name, refs, unreadable) for name, refs in grouped.items()}


def _readable(
    registry: Registry,
    collection: CollectionName,
    refs: list[Ref],
    unreadable: Callable[[CollectionName, Error], None],
) -> State:
    """What somebody broke on the remote must not hide everything else; `state` says what is wrong with it."""
    try:
        found = _state(registry, collection, refs)
        _ = found.deleted
    except (RecordError, MissingObjectError) as error:
        unreadable(collection, error)
        return State(registry, collection)
    return found


def _state(registry: Registry, collection: CollectionName, refs: list[Ref]) -> State:
    ends = chains.tips(registry, refs)
    if ends.now is None:
        return State(registry, collection)
    if ends.pending and ends.published and chains.is_overtaken(registry, ends):
        there = at(registry, collection, ends.published.oid)
        base = at(registry, collection, _common(registry, ends.pending.oid, ends.published.oid))
        mine = changes(registry, base.tree, _tree(registry, collection, ends.pending.oid))
        return replace(there.with_(merge(base, mine, there)[0]), published=False)
    found = at(registry, collection, ends.now.oid)
    return replace(found, published=ends.is_published or registry.is_server)


def at(registry: Registry, collection: CollectionName, commit: Oid) -> State:
    """The state as of a commit of the chain. Raises: RecordError, MissingObjectError."""
    tree = _tree(registry, collection, commit)
    return State(registry, collection, None if tree == objects.EMPTY_TREE else tree)


def _tree(registry: Registry, collection: CollectionName, commit: Oid) -> Oid:
    with reading(f"the card of '{collection}'", str(commit)):
        return registry.objects.commit(commit).tree


def _common(registry: Registry, one: Oid, other: Oid) -> Oid:
    """Where two ends of a chain part."""
    try:
        return Oid.parse(registry.git.run("merge-base", str(one), str(other), offline=True).decode().strip())
    except GitError as error:
        raise RecordError(f"commits {one.short} and {other.short} have no beginning in common") from error


def undisturbed(registry: Registry, place: Place) -> Change:
    """What lets a transaction fail when an edit comes between, such as the deletion of this version.

    Raises: VersionDeletedError when it is deleted already.
    """
    collection = place.version.collection
    ref = names_of_refs.card(collection)
    now = registry.objects.at(ref) or objects.ZERO
    stone = state(registry, collection).deletion(place)
    if stone:
        raise deleted_error(collection, place, stone)
    return Change(ref, now, now)


def deleted_error(collection: CollectionName, place: Place, stone: Deletion) -> VersionDeletedError:
    """What to say to who asks for a version that is deleted."""
    name = str(VersionName(collection, place.version.number))
    hint = f"gitreg show {name} --deleted shows it, gitreg undelete {name} brings it back"
    return VersionDeletedError(name, when=stone.when, by=stone.by, reason=stone.reason, hint=hint)


def living(registry: Registry, found: Iterable[Placed], known: State | None = None) -> list[Placed]:
    """Those versions of a collection that are not deleted, in their order. `known` is its state, where it is known."""
    items = list(found)
    if not items:
        return items
    deleted = (known or state(registry, items[0].place.version.collection)).deleted
    return [item for item in items if item.place not in deleted] if deleted else items
