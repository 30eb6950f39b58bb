"""A repository that is read without a clone: of what it holds, only what a name means is fetched, and kept for later.

For a version that is one tag, for an alias its newest move too, each without its history: some kilobytes, however
large the repository is. What is asked about more than one version is answered from `whole`, which has the metadata of
everything.
"""

from __future__ import annotations

import contextlib
import re
import weakref
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from gitreg.data.config import Storage
from gitreg.errors import GitError, MissingBytesError, NotFoundError, RecordError
from gitreg.git.address import Address
from gitreg.git.objects import MissingObjectError
from gitreg.git.runner import Trace
from gitreg.progress import SILENT, Progress
from gitreg.records import refs as names_of_refs
from gitreg.records.names import LATEST, AliasName, CollectionName, Reference, Selector, VersionName
from gitreg.records.similar import closest, listed
from gitreg.registry import aliases, cards, fetch, resolve, trees, versions
from gitreg.registry.mirror import Mirror
from gitreg.registry.mirrored import REMOTE, Mirrored
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version

_NARROW, _WHOLE = "versions.git", "whole.git"
# of commits only what they say
_PARTIAL = (f"remote.{REMOTE}.promisor=true", f"remote.{REMOTE}.partialCloneFilter=tree:0")
# git's words about objects that should be here
_DAMAGE = re.compile(
    "missing object|missing necessary objects|all necessary objects|bad object|corrupt|is empty|not a git repository"
)

_ONLINE = "ask for it once online"

T = TypeVar("T")


class _AbsentError(Exception):
    """The remote has no such ref."""


class Elsewhere(Mirrored):
    """A repository that is somewhere else, as far as it is asked about."""

    def __init__(
        self,
        address: Address,
        *,
        home: Path | None = None,
        offline: bool = False,
        storage: Storage | None = None,
        trace: Trace | None = None,
        progress: Progress = SILENT,
    ) -> None:
        """Read the repository of an address; what is fetched of it is kept below `home`, by default the user's cache.

        Bytes come from the storage that a version's tree names, or from `storage` alone. `offline` asks neither the
        remote nor a storage: an alias is then what it was when it was last asked for. Raises: StorageError, GitError;
        NotFoundError when there is nothing yet to be read `offline`.
        """
        mirror = Mirror(address, home, read_only=offline)
        if offline and not mirror.has(_NARROW):
            raise NotFoundError(
                "repository", address.public, f"nothing of '{address.public}' was fetched before", hint=_ONLINE
            )
        super().__init__(mirror, _NARROW, (), offline=offline, storage=storage, trace=trace, progress=progress)

    @cached_property
    def whole(self) -> Registry:
        """The metadata of everything, brought up to date once. Raises: GitError, StorageError."""
        if self.offline and not self.mirror.has(_WHOLE):
            raise NotFoundError(
                "repository", self.place, f"of '{self.place}' only single versions were fetched before", hint=_ONLINE
            )
        return self._mending(_WHOLE, self._everything)

    def _everything(self) -> Registry:
        only = self.storages[0] if self.storages else None
        found = Mirrored(
            self.mirror,
            _WHOLE,
            _PARTIAL,
            offline=self.offline,
            storage=only,
            trace=self.git.trace,
            progress=self.progress,
        )
        weakref.finalize(self, found.objects.close)
        if not self.offline:
            with found.fetching():
                fetch.fetch(found)
        return found

    def look_up(self, reference: Reference, *, deleted: bool = False) -> Version:
        """The version that a reference means, with its tag, its commit and its tree here.

        Raises: NotFoundError, VersionDeletedError, InvalidDateError, RecordError, GitError.
        """
        return self._mending(_NARROW, lambda: self._checked(reference, deleted=deleted))

    def _mending(self, name: str, work: Callable[[], T]) -> T:
        """Do `work`, and if what is kept has lost something, again with a new repository of that name."""
        try:
            return work()
        except GitError as error:
            if self.offline or not (isinstance(error, MissingObjectError) or _DAMAGE.search(error.stderr)):
                raise
        self.close()
        self.mirror.renew(name)
        return work()

    def _checked(self, reference: Reference, *, deleted: bool) -> Version:
        # what others have published since is asked for anew
        self.__dict__.pop("_known", None)
        found = self._found(reference)
        by_alias = isinstance(reference.selector, str) and reference.selector != LATEST
        collection = found.name.collection
        stone = None if deleted or by_alias else cards.state(self, collection).deletion(found.place)
        if stone:
            raise cards.deleted_error(collection, found.place, stone)
        if versions.is_own(self, found.tag):
            details = versions.details(self, found)
            trees.config(self, details.commit.tree)
            # a large manifest comes with the bytes
            with contextlib.suppress(MissingBytesError):
                versions.listing(self, details)
        return found

    def _found(self, reference: Reference) -> Version:
        first = reference.candidates[0]
        if reference.when:
            then = resolve.version(self.whole, reference).name
            with contextlib.suppress(_AbsentError):
                return self._bring(then)
            raise self._nothing(reference, first)
        with contextlib.suppress(_AbsentError):
            return self._in(first, reference.selector)
        name = self._meant(reference.candidates)
        if name and name != first:
            with contextlib.suppress(_AbsentError):
                return self._in(name, reference.selector)
        raise self._nothing(reference, name)

    def _in(self, collection: CollectionName, selector: Selector) -> Version:
        """What a selector means in a collection. Raises: _AbsentError when there is no such thing."""
        if not isinstance(selector, str):
            return self._bring(VersionName(collection, selector))
        if selector == LATEST:
            return self._newest(collection)
        return self._named(AliasName(collection, selector))

    def _bring(self, name: VersionName) -> Version:
        """The version of that name; nobody is asked when it is here, as versions never move. Raises: _AbsentError."""
        found = self._here(name)
        if found is None:
            tag = names_of_refs.version_tag(name)
            self._fetch(name.collection, f"{tag}:{tag}")
            found = self._here(name)
        if found is None:
            raise _AbsentError
        return found

    def _here(self, name: VersionName) -> Version | None:
        ref = self.refs.get(names_of_refs.version_tag(name))
        return versions.version_of(self, ref) if ref else None

    def _newest(self, collection: CollectionName) -> Version:
        """The highest number that is not deleted. Raises: _AbsentError."""
        found = self._known_of(collection)
        if not found:
            raise _AbsentError
        # with it comes what is said of them, and which are deleted
        tag = names_of_refs.version_tag(found[-1].name)
        self._fetch(collection, f"{tag}:{tag}")
        for version in reversed(cards.living(self, found) or found):
            brought = self._bring(version.name)
            if versions.is_own(self, brought.tag):
                return brought
        raise _AbsentError

    def _named(self, name: AliasName) -> Version:
        """The version that an alias names. Raises: _AbsentError."""
        ref = names_of_refs.alias(name, self.tracking)
        try:
            self._fetch(name.collection, f"+{names_of_refs.alias(name)}:{ref}")
        except _AbsentError:
            # offline it would still name what it did
            with self.mirror.alone():
                self.git.run("update-ref", "--no-deref", "-d", ref)
            raise
        tip = self.refs.get(ref)
        if tip is None:
            raise _AbsentError
        try:
            place = aliases.read(self, name, tip, published=True).place
        except RecordError:
            # somebody moved it by hand, onto a version that is not here
            found = next((item for item in self._known_of(name.collection) if item.commit == tip.target), None)
            if found is None:
                raise
            return self._bring(found.name)
        if place is None:
            raise aliases.not_found(self, name)
        try:
            found = self._bring(place.version)
        except _AbsentError:
            # says so when there is no other tag of that commit
            return self._bring(aliases.placed(name, place, self._known_of(name.collection)).name)
        if found.commit != place.commit:
            raise RecordError(
                f"alias '{name}' names {place.version.label} at commit {place.commit.short}, which was another version",
                hint=f"versions never move; if the repository was made anew, delete '{self.mirror.folder}'",
            )
        return found

    def _fetch(self, collection: CollectionName, *refspecs: str) -> None:
        """Bring refs without their history, and what is said of their collection. Raises: _AbsentError, GitError."""
        if self.offline:
            return
        card = names_of_refs.card(collection)
        # a pattern, as most collections have no such ref
        about = f"+{card}*:{names_of_refs.card(collection, self.tracking)}*"
        with self.fetching():
            try:
                self.transport.fetch([*refspecs, about], depth=1)
            except GitError as error:
                if "couldn't find remote ref" in error.stderr:
                    raise _AbsentError from error
                raise

    @cached_property
    def _known(self) -> list[Version]:
        """Every version of the remote by collection and number, from the names of its tags; offline, those here."""
        if self.offline:
            return versions.all_versions(self)
        with self.asking():
            found = self.transport.annotated_tags("refs/tags/*@v*")
        named = ((names_of_refs.parse_version(name), *ids) for name, ids in found.items())
        known = [Version(name, tag, commit, published=True) for name, tag, commit in named if name]
        return sorted(known, key=lambda version: version.name)

    def _known_of(self, collection: CollectionName) -> list[Version]:
        return [version for version in self._known if version.name.collection == collection]

    def _meant(self, candidates: Sequence[CollectionName]) -> CollectionName | None:
        """The first of several collections that there is. Raises: GitError."""
        there = sorted({version.name.collection for version in self._known})
        for name in candidates:
            if name in there and resolve.is_meant(name, candidates, there, partial(self._label, name)):
                return name
        return None

    def _label(self, collection: CollectionName) -> str:
        """The project that the newest version of a collection is labelled with."""
        with contextlib.suppress(_AbsentError):
            return versions.details(self, self._newest(collection)).run.project
        return ""

    def _nothing(self, reference: Reference, name: CollectionName | None) -> NotFoundError:
        """What to say when there is no such thing: in the collection `name`, or without it no such collection."""
        selector = reference.selector
        if self.offline:
            words = f"'{reference}' of '{self.place}' was not fetched before"
            return NotFoundError("artifact", str(reference), words, hint=_ONLINE)
        if name is None:
            there = sorted({version.name.collection for version in self._known})
            close = resolve.closest_collection(reference.candidates[0], there)
            hint = f"it has {listed([str(item) for item in there])}" if there else "it has no versions"
            words = f"artifact '{reference}' not found in '{self.place}'"
            return NotFoundError("artifact", str(reference), words, hint=f"did you mean '{close}'?" if close else hint)
        if not isinstance(selector, str):
            hint = f"'{name}' has {resolve.told_numbers(self._known_of(name))}"
            return NotFoundError("artifact", f"{name}:v{selector}", hint=hint)
        base = names_of_refs.PENDING + names_of_refs.ALIASES
        with self.asking():
            found = map(names_of_refs.parse_alias, self.transport.refs(f"{base}{name}@*"))
        there_too = sorted(item.alias for item in found if item and item.collection == name)
        close_alias = closest(selector, there_too)
        hint = f"it has {listed(there_too)}" if there_too else "it has none yet"
        hint = f"did you mean '{close_alias}'?" if close_alias else hint
        return NotFoundError("alias", f"{name}:{selector}", f"alias '{selector}' not found in '{name}'", hint=hint)
