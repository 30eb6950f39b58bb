"""What the files of the default branch said of aliases, commit by commit, along its first parents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gitreg.errors import SettingsError
from gitreg.promotion import source, wanted
from gitreg.promotion.wanted import FOLDER, Entry
from gitreg.records.names import AliasName, CollectionName
from gitreg.records.objects import Oid
from gitreg.registry.repository import Registry


@dataclass(frozen=True, slots=True)
class Request:
    """A commit of the default branch that changed what is said of an alias.

    Attributes:
        commit: which.
        parent: its first parent, whose policy counts; None for the first commit of all.
        entry: what is said since; None where the alias is not listed any more.
    """

    commit: Oid
    parent: Oid | None
    entry: Entry | None


class Said:
    """What the files said up to a commit.

    Attributes:
        registry: where it is read.
        line: the commits of the default branch, each with its place.
    """

    def __init__(self, registry: Registry, line: Mapping[Oid, int], head: Oid) -> None:
        """Raises: GitError."""
        self.registry = registry
        self.line = line
        self._parents = dict(zip(line, (None, *line), strict=False))
        self._changes = self._changed(head)
        self._known: dict[tuple[Oid, CollectionName], Mapping[AliasName, Entry] | None] = {}

    def _changed(self, head: Oid) -> dict[CollectionName, list[Oid]]:
        """The commits that changed the file of a collection, the oldest first."""
        git = self.registry.git
        found: dict[CollectionName, list[Oid]] = {}
        commits = git.run("rev-list", "--first-parent", "--reverse", str(head), "--", FOLDER, offline=True).split()
        # where its parents are not told, those of a merge would all be compared
        pairs = (f"{oid} {parent or ''}".strip() for oid in map(_oid, commits) for parent in [self._parents[oid]])
        ask = ("diff-tree", "--stdin", "-r", "-z", "--root", "--name-only", "--no-renames", "--no-ext-diff")
        answer = git.run(*ask, "--", FOLDER, stdin="".join(f"{pair}\n" for pair in pairs).encode(), offline=True)
        at: Oid | None = None
        for word in answer.split(b"\0")[:-1]:
            if not word.startswith(FOLDER.encode()):
                at = _oid(word)
                continue
            try:
                collection = wanted.collection_of(word.decode())
            except (SettingsError, UnicodeDecodeError):
                # it says nothing of any alias, and is told of where the newest commit is read
                continue
            if at:
                found.setdefault(collection, []).append(at)
        return found

    def since(self, alias: AliasName, place: int) -> list[Request]:
        """What was asked for after the commit of this place, the oldest first. What cannot be read asks for nothing."""
        fresh: list[tuple[Oid, Entry | None]] = []
        before: Entry | None = None
        for commit in reversed(self._changes.get(alias.collection, ())):
            entries = self._entries(commit, alias.collection)
            if entries is None:
                continue
            entry = entries.get(alias)
            if self.line[commit] <= place:
                before = entry
                break
            fresh.append((commit, entry))
        found = []
        for commit, entry in reversed(fresh):
            if _plain(entry) != _plain(before):
                found.append(self.at(commit, entry))
            before = entry
        return found

    def at(self, commit: Oid, entry: Entry | None) -> Request:
        """What a commit says of an alias, as a request."""
        return Request(commit, self._parents[commit], entry)

    def _entries(self, commit: Oid, collection: CollectionName) -> Mapping[AliasName, Entry] | None:
        """What a commit says of a collection's aliases; None when it cannot be read."""
        key = commit, collection
        if key not in self._known:
            try:
                self._known[key] = source.of_collection(self.registry, commit, collection)
            except SettingsError:
                self._known[key] = None
        return self._known[key]


def _plain(entry: Entry | None) -> Entry | None:
    """An entry without its line: where it stands asks for nothing."""
    return replace(entry, line=0) if entry else None


def _oid(word: bytes) -> Oid:
    return Oid(bytes.fromhex(word.decode()))
