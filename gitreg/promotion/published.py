"""What the registry remote is known to have: aliases, versions, and which of these are deleted.

What is pending here does not count: a request is about what everybody sees. Names are asked for together, because each
question to git takes longer than its answer.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from functools import cached_property

from gitreg.errors import Error, RecordError
from gitreg.git.refs import Ref
from gitreg.records import refs as names_of_refs
from gitreg.records.names import AliasName, CollectionName, VersionName
from gitreg.records.objects import Oid
from gitreg.records.records import Place
from gitreg.registry import aliases, cards, resolve, versions
from gitreg.registry.aliases import Alias
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version

# `git for-each-ref` takes what it looks for as arguments.
_AT_ONCE = 1000


class Known:
    """The versions of a collection that this clone has.

    Attributes:
        names: of all of them.
        published: those that the remote has, by number.
    """

    def __init__(self, found: Iterable[Version]) -> None:
        known = list(found)
        self.names = frozenset(version.name for version in known)
        self.published = [version for version in known if version.published]
        self._commits = sorted((str(version.commit), version.name) for version in self.published)

    @cached_property
    def told(self) -> str:
        """The numbers of the published ones, in words."""
        return resolve.told_numbers(self.published) if self.published else "no published version"

    def of_commit(self, digits: str) -> VersionName | None:
        """The published version whose commit begins so."""
        place = bisect.bisect_left(self._commits, (digits,))
        found = self._commits[place : place + 1] if digits else []
        return next((name for commit, name in found if commit.startswith(digits)), None)


class Published:
    """The registry remote, as far as this clone knows it; a server without one is its own.

    Attributes:
        registry: where it is read.
        base: the namespace of its refs below `refs/gitreg/`.
    """

    def __init__(self, registry: Registry) -> None:
        """Raises: Error in a clone that has nothing to compare with."""
        self.registry = registry
        self.base = names_of_refs.PENDING if registry.is_server else registry.tracking
        self._versions: dict[VersionName, Version | None] = {}
        self._known: dict[CollectionName, Known] = {}
        self._deleted: dict[CollectionName, frozenset[Place] | RecordError] = {}
        if not registry.is_server:
            self._check()

    def _check(self) -> None:
        registry = self.registry
        if not registry.has_remote:
            hint = f"git remote add {registry.remote} URL && gitreg init"
            raise Error(f"there is no remote '{registry.remote}', so nothing is published", hint=hint)
        # whoever publishes a version publishes its run
        if not registry.refs.any_below(self.base) and any(item.published for item in versions.all_versions(registry)):
            hint = f"gitreg fetch; or git fetch {registry.remote} '{names_of_refs.fetch_refspec(registry.remote)}'"
            raise Error("aliases are not known here", hint=hint)

    @cached_property
    def aliases(self) -> dict[AliasName, Ref]:
        """All refs of aliases."""
        found = self.registry.refs.find(self.base + names_of_refs.ALIASES)
        return {name: ref for ref in found if (name := names_of_refs.parse_alias(ref.name))}

    def alias(self, name: AliasName) -> Alias | None:
        """An alias as it stands, None when nobody ever set it. Raises: RecordError, MissingObjectError."""
        ref = self.aliases.get(name)
        return aliases.read(self.registry, name, ref, published=True) if ref else None

    def twin(self, name: AliasName) -> AliasName | None:
        """An alias that names a version, and differs from this one by case only. Raises: as `alias`."""
        others = (known for known in self._folded.get(_folded(name), ()) if known != name)
        return next((known for known in others if (found := self.alias(known)) and found.place), None)

    @cached_property
    def _folded(self) -> dict[AliasName, list[AliasName]]:
        found: dict[AliasName, list[AliasName]] = {}
        for name in self.aliases:
            found.setdefault(_folded(name), []).append(name)
        return found

    @cached_property
    def collections(self) -> list[CollectionName]:
        """Those that have a version here, published or not; by name."""
        return versions.collections(self.registry)

    def known(self, collection: CollectionName) -> Known:
        """The versions of a collection, published or not: asked for once, however many requests miss one."""
        if collection not in self._known:
            self._known[collection] = Known(versions.all_versions(self.registry, collection))
        return self._known[collection]

    def know(self, names: Iterable[VersionName]) -> None:
        """Ask for versions together, and for what is deleted of their collections."""
        wanted = [name for name in dict.fromkeys(names) if name not in self._versions]
        found = self._find([names_of_refs.version_tag(name) for name in wanted])
        self._versions |= dict.fromkeys(wanted)
        for version in filter(None, (versions.version_of(self.registry, ref) for ref in found)):
            self._versions[version.name] = version
        collections = [name for name in dict.fromkeys(name.collection for name in wanted) if name not in self._deleted]
        self._deleted |= dict.fromkeys(collections, frozenset())
        for ref in self._find([names_of_refs.card(name, self.base) for name in collections]):
            collection = names_of_refs.parse_card(ref.name)
            if collection:
                try:
                    self._deleted[collection] = cards.at(self.registry, collection, ref.target).deleted
                except RecordError as error:
                    # it stops what asks for this collection, and nothing else
                    self._deleted[collection] = error

    def _find(self, names: Sequence[str]) -> list[Ref]:
        parts = (names[start : start + _AT_ONCE] for start in range(0, len(names), _AT_ONCE))
        return [ref for part in parts for ref in self.registry.refs.find(*part)]

    def version(self, name: VersionName) -> Version | None:
        """The version of this name that the remote has."""
        self.know([name])
        return self._versions[name]

    def of(self, place: Place) -> Version | None:
        """The version that an alias's record means, None when its tag is not here."""
        found = self.version(place.version)
        return found if found and found.commit == place.commit else None

    def is_deleted(self, version: Version) -> bool:
        """Whether somebody has marked it as deleted. Raises: RecordError."""
        self.know([version.name])
        found = self._deleted[version.name.collection]
        if isinstance(found, RecordError):
            raise found
        return version.place in found

    def reads(self, names: Iterable[AliasName]) -> Iterable[tuple[AliasName, Oid]]:
        """The aliases of these names with their tips, read ahead in windows."""
        found = [(name, self.aliases[name].target) for name in names if name in self.aliases]
        for start in range(0, len(found), _AT_ONCE):
            part = found[start : start + _AT_ONCE]
            self.registry.objects.read_ahead(oid for _, oid in part)
            yield from part


def _folded(name: AliasName) -> AliasName:
    return AliasName(name.collection, name.alias.lower())
