"""Refs below `refs/gitreg/` that somebody pushes to a server: records that go on, aliases that move as it is asked for.

Policy and wanted aliases are those of the default branch as it is on the server. A branch that comes in the same push
says nothing yet: git may take one ref of a push and refuse another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import chain

from gitreg.errors import RefusedError
from gitreg.promotion import backing, source
from gitreg.promotion.backing import Branch
from gitreg.promotion.guard_versions import Versions
from gitreg.promotion.wanted import Entry
from gitreg.records import cards as codec
from gitreg.records import refs as names
from gitreg.records.names import AliasName, CollectionName, RunId
from gitreg.records.objects import EMPTY_TREE, Oid
from gitreg.records.policy import Policy
from gitreg.records.records import Place
from gitreg.records.trailers import Message
from gitreg.registry import aliases, cards, mainline, policy, runs
from gitreg.registry.aliases import Move
from gitreg.registry.repository import Registry


@dataclass
class Records:
    """Checks the runs, aliases and collections of a push.

    Attributes:
        coming: the refs of the push and what they would point at, but for those that it deletes.
        versions: the tags of the same push, and those that are published.
    """

    registry: Registry
    coming: Mapping[str, Oid]
    versions: Versions
    _files: dict[tuple[Oid, CollectionName], Mapping[AliasName, Entry]] = field(default_factory=dict)

    def check(self, ref: str, old: Oid, new: Oid) -> None:
        """Raises: RefusedError, RecordError, MissingObjectError."""
        short = ref.removeprefix(names.PENDING)
        if not new:
            hint = "what an alias names is taken away by: gitreg alias rm, or gitreg promote --remove"
            raise RefusedError(f"'{short}' is a record of the registry and is never deleted", hint=hint)
        run, alias, card = names.parse_run(ref), names.parse_alias(ref), names.parse_card(ref)
        if run:
            known = self._run(run, old, new)
        elif alias:
            known = self._alias(alias, old, new)
        elif card:
            known = self._card(card, old, new)
        else:
            raise RefusedError(f"'{ref}' is no ref of the registry", hint="FORMAT.md, section 2, lists them")
        if known is None:
            raise RefusedError(f"'{short}' would point at commit {new.short}, which is no record of it")
        if not known:
            hint = "git fetch, then gitreg push, which puts this clone's changes on top"
            raise RefusedError(f"'{short}' has moved on the server and only ever moves forward", hint=hint)

    def _run(self, run_id: RunId, old: Oid, new: Oid) -> bool | None:
        """Whether the run goes on from `old`; None when `new` is none of its commits."""
        last = None
        for last in runs.walk(self.registry, new):
            if last.record.id != run_id:
                return None
            if last.oid == old:
                return True
            for use in last.record.inputs:
                used = runs.parse(self.registry.objects.commit(use.commit), use.commit)
                if used is None or used.artifact is None or used.artifact.digest != use.digest:
                    words = f"run '{run_id}' used '{use.version}', commit {use.commit.short}, which is no such version"
                    raise RefusedError(words)
        return None if last is None else not old

    def _card(self, collection: CollectionName, old: Oid, new: Oid) -> bool | None:
        """Whether the edits go on from `old`; None when `new` is no edit."""
        edit = None
        for edit in cards.edits(self.registry, collection, new):
            if edit.oid == old:
                break
            problem = cards.disagreement(self.registry, collection, edit)
            if problem:
                raise RefusedError(f"the card of '{collection}' cannot be taken: {problem}")
        else:
            if edit is None or old:
                return None if edit is None else False
        # what cannot be read would hide what is said of the collection from everybody
        state, deleted = cards.at(self.registry, collection, new), self._deleted(collection, old, new)
        _ = state.notes(), state.card, [state.deletion(place) for place in deleted]
        if deleted and self._policy.protects:
            self._check_living(collection, deleted)
        return True

    def _deleted(self, collection: CollectionName, old: Oid, new: Oid) -> frozenset[Place]:
        """The versions whose deletion the edits after `old` have written: there may be thousands that are older."""
        before = cards.at(self.registry, collection, old).tree if old else None
        files = cards.changes(self.registry, before, cards.at(self.registry, collection, new).tree)
        found = (codec.parse_path(path, collection) for path, data in files.items() if data is not None)
        return frozenset(place for folder, place in filter(None, found) if folder == codec.DELETED)

    def _check_living(self, collection: CollectionName, deleted: frozenset[Place]) -> None:
        """Check that nobody takes the version away from under a protected alias."""
        for ref in self.registry.refs.find(names.aliases_pattern(collection)):
            name = names.parse_alias(ref.name)
            if name and self._policy.rule(name).protected:
                place = aliases.read(self.registry, name, ref, published=True).place
                if place in deleted:
                    hint = f"let it name another version first: gitreg promote {name} VERSION"
                    words = f"'{place.version}' cannot be deleted: '{name}' names it, and is protected"
                    raise RefusedError(words, hint=hint)

    def _alias(self, name: AliasName, old: Oid, new: Oid) -> bool | None:
        """Whether the moves go on from `old`; None when `new` is none of them."""
        # a commit may be a promotion and a version
        is_by_hand = bool(old) and next(aliases.moves(self.registry, name, old), None) is None
        fresh: list[Move] = []
        adopted = False
        moves = aliases.moves(self.registry, name, new)
        before: Iterable[Move] = moves
        for move in moves:
            if move.oid == old:
                before = chain([move], moves)
                break
            fresh.append(move)
            now = move.record.now
            adopted = is_by_hand and move.record.action == "adopt" and now is not None and now.commit == old
            if adopted:
                break
        else:
            if not fresh or old:
                return False if fresh else None
        if not old:
            self._check_case(name)
        for move in fresh:
            self._check_move(name, move)
        self._check_backed(name, before, fresh[::-1], adopted=adopted)
        return True

    def _check_case(self, name: AliasName) -> None:
        for other in self._by_case[name.collection, name.alias.lower()] - {name}:
            raise RefusedError(f"'{name}' differs from '{other}' only by case", hint=f"use '{other.alias}'")

    @cached_property
    def _by_case(self) -> Mapping[tuple[CollectionName, str], set[AliasName]]:
        found: dict[tuple[CollectionName, str], set[AliasName]] = {}
        here = (ref.name for ref in self.registry.refs.find(names.PENDING + names.ALIASES))
        for name in filter(None, map(names.parse_alias, chain(here, self.coming))):
            found.setdefault((name.collection, name.alias.lower()), set()).add(name)
        return found

    def _check_move(self, name: AliasName, move: Move) -> None:
        """A promotion commit says what it does, names a version that is published, and has its tree."""
        record, commit = move.record, self.registry.objects.commit(move.oid)
        what = f"record {record.seq} of alias '{name}'"
        if Message.parse(commit.message).subject != record.subject:
            raise RefusedError(f"the first line of {what} does not say '{record.subject}'")
        tree = EMPTY_TREE
        if record.now:
            if self.versions.commit_of(record.now.version) != record.now.commit:
                where = f"{record.now.version.label}, commit {record.now.commit.short}"
                hint = "publish the version first: gitreg push does it in this order"
                raise RefusedError(f"{what} names {where}, which is not published", hint=hint)
            tree = self.registry.objects.commit(record.now.commit).tree
        if commit.tree != tree:
            raise RefusedError(f"the tree of {what} is not its version's: a deployment would check out another")

    def _check_backed(self, name: AliasName, before: Iterable[Move], fresh: list[Move], *, adopted: bool) -> None:
        """Check that the default branch asks for the moves of a protected alias, and for those that say so."""
        if self._tip is None:
            return
        protected = self._policy.rule(name).protected
        if not protected and not any(move.record.by.merged for move in fresh):
            return
        branch = Branch(self._branch, self._line, partial(self._says, name))
        why = backing.objection(
            branch,
            (move.record for move in before),
            [move.record for move in fresh],
            protected=protected,
            adopted=adopted,
        )
        if why:
            now = fresh[-1].record.now
            asked = f"{name} {now.version.label}" if now else f"{name} --remove"
            hint = f"ask for it: gitreg promote {asked}; once that is merged, 'gitreg apply' moves it"
            if f"refs/heads/{self._branch}" in self.coming:
                hint = f"push '{self._branch}' first: of a push of both, git may take one and refuse the other"
            is_protected = "is protected, and" if protected else "cannot move:"
            raise RefusedError(f"'{name}' {is_protected} {why}", hint=hint)

    @cached_property
    def _tip(self) -> Oid | None:
        return self.registry.objects.at("HEAD")

    @cached_property
    def _branch(self) -> str:
        return mainline.named(self.registry, "HEAD")

    @cached_property
    def _policy(self) -> Policy:
        return policy.at(self.registry, self._tip)

    @cached_property
    def _line(self) -> Mapping[Oid, int]:
        return mainline.line(self.registry, self._tip) if self._tip else {}

    def _says(self, name: AliasName, commit: Oid) -> Entry | None:
        """What the default branch's file says of an alias at a commit. Raises: SettingsError."""
        key = commit, name.collection
        if key not in self._files:
            self._files[key] = source.of_collection(self.registry, commit, name.collection)
        return self._files[key].get(name)
