"""A version as the SDK hands it out: read once when asked for, and its aliases moved."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from pathlib import Path

from gitreg.data import materialise
from gitreg.data.follow import follow
from gitreg.errors import DifferencesError
from gitreg.records.cards import Notes
from gitreg.records.listing import Listing
from gitreg.records.names import LATEST, AliasName, CollectionName, check_alias, parse_number
from gitreg.records.records import Place, VersionRecord
from gitreg.registry import aliases, cards, contents, editing, links, versions
from gitreg.registry.aliases import version_at
from gitreg.registry.editing import Wanted
from gitreg.registry.protection import check_direct
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Details, Version
from gitreg.sdk.talk import logger


class Logged:
    """A version of a repository.

    Attributes:
        registry: where it is.
        version: as it was found; a draft may have got another number since, see `fresh`.
    """

    def __init__(self, registry: Registry, version: Version) -> None:
        self.registry = registry
        self.version = version

    @cached_property
    def details(self) -> Details:
        """What its commit says."""
        return versions.details(self.registry, self.version)

    @property
    def record(self) -> VersionRecord:
        """What its tag says."""
        return self.details.record

    @cached_property
    def listing(self) -> Listing:
        """Its files; a large manifest is fetched."""
        return contents.ensure(self.registry, self.details, only=())

    @property
    def created_at(self) -> str:
        """When its tag was made, RFC 3339 in UTC."""
        return self.registry.objects.tag(self.version.tag).tagger.when

    def fresh(self) -> Version:
        """The version under the number that it has now."""
        if self.version.published or not self.registry.has_remote:
            # only a draft gets another number
            return self.version
        found = versions.all_versions(self.registry, self.version.name.collection)
        return version_at(found, Place(self.version.name, self.version.commit)) or self.version

    def source(self) -> Version:
        """The logged version that a link stands for; itself when it is none; where it is not here, a hint."""
        origin = self.record.link
        if origin is None:
            return self.version
        found = versions.all_versions(self.registry, origin.version.collection)
        return version_at(found, origin) or Version(
            origin.version, self.version.tag, origin.commit, published=self.version.published
        )

    def links(self) -> list[Version]:
        """The versions of registered models that stand for it, by name."""
        return links.of_commit(self.registry.whole, self.version.commit)

    def aliases(self) -> list[str]:
        """Its aliases by name, `latest` included."""
        version = self.fresh()
        newest = versions.newest(self.registry.whole, version.name.collection)
        is_latest = newest is not None and (newest.name, newest.commit) == (version.name, version.commit)
        return [*([LATEST] if is_latest else []), *aliases.of_version(self.registry.whole, version)]

    def set_aliases(self, names: Collection[str], reason: str) -> None:
        """Make these aliases name this version."""
        version = self.fresh() if names else self.version
        wanted = [AliasName(version.name.collection, check_alias(name)) for name in names]
        # none of them is moved when one may not be
        moving = [name for name in wanted if name.alias not in aliases.of_version(self.registry, version)]
        check_direct(self.registry, moving, version)
        for name in wanted:
            aliases.move(self.registry, name, version, reason=reason)

    def change_aliases(self, before: Collection[str], after: Collection[str]) -> None:
        """Add and remove aliases so that what was `before` becomes `after`; `latest` and numbers are computed.

        Raises: InvalidNameError before anything is moved; LostRaceError when one that is removed names another version.
        """
        own = {LATEST, self.version.name.label, self.fresh().name.label}
        added = [check_alias(name) for name in dict.fromkeys(after) if name not in before and name not in own]
        gone = [name for name in dict.fromkeys(before) if name not in after and name not in own]
        removed = [AliasName(self.version.name.collection, name) for name in gone if parse_number(name) is None]
        check_direct(self.registry, removed, remove=True)
        self.set_aliases(added, "set with Artifact.save")
        for alias in removed:
            aliases.move(self.registry, alias, None, reason="removed with Artifact.save", expected=self.version.commit)

    def notes(self) -> Notes:
        """What was said of it since it was logged."""
        version = self.fresh()
        return cards.state(self.registry, version.name.collection).notes(version.place)

    def change_notes(self, wanted: Wanted) -> Notes:
        """Say something else of it; what is said then. Raises: RefusedError, InvalidNameError, TooLargeError."""
        version = self.fresh()
        state, _ = editing.edit(self.registry, version.name.collection, wanted, version=version)
        return state.notes(version.place)

    def is_deleted(self) -> bool:
        """Whether somebody has deleted it."""
        version = self.fresh()
        return version.place in cards.state(self.registry, version.name.collection).deleted

    def delete(self, *, delete_aliases: bool) -> None:
        """Mark it as deleted. Raises: RefusedError."""
        editing.delete(self.registry, self.fresh(), delete_aliases=delete_aliases)

    def link(self, target: CollectionName, names: Collection[str]) -> Logged:
        """Link it as a version of a registered model. Raises: RefusedError."""
        check_direct(self.registry, [AliasName(target, check_alias(name)) for name in names])
        version, _ = links.link(self.registry, self.fresh(), target)
        linked = Logged(self.registry, version)
        linked.set_aliases(names, "set when it was linked")
        return linked

    def folder(self, *, make: bool = False, with_version: bool = True) -> Path:
        """Where a download goes by default: `./artifacts/<name>:v<N>` of the source, as in W&B.

        Raises: StorageError, see `default_folder`.
        """
        name = self.source().name
        return materialise.default_folder(
            Path().absolute(), str(name if with_version else name.collection), make=make or not with_version
        )

    def download(self, root: Path | None, only: Collection[str] | None = None) -> Path:
        """Write the files (those in `only`), every byte checked. Raises: StorageError, IntegrityError."""
        root = root or self.folder(make=True)
        contents.write_out(self.registry, self.details, root, only=only)
        return root

    def follow(self, root: Path, only: Collection[str] | None = None, *, allow_missing: bool = False) -> None:
        """Fetch the references (those in `only`) into `root`. Raises: see `gitreg.data.follow`."""
        wanted = [item for item in self.listing.references if only is None or item.path in only]
        if wanted:
            left_out = follow(self.registry.project, wanted, root, self.registry.progress, allow_missing=allow_missing)
            for error in left_out:
                logger.warning("%s", error)

    def clear(self, root: Path) -> None:
        """Take away the files of other versions of the collection, where they are not this one's too.

        Raises: DifferencesError, before anything is changed, when `root` has files of no version.
        """
        strange = materialise.strangers(self.listing, root)
        if not strange:
            return
        known: dict[str, set[str]] = {}
        whole = self.registry.whole
        for version in versions.all_versions(whole, self.source().name.collection):
            details = versions.details(whole, version)
            for entry in contents.ensure(whole, details, only=()):
                known.setdefault(entry.path, set()).add(entry.sha256)
        kept = materialise.take_away(root, {path: known.get(path, set()) for path in strange})
        if kept:
            more = f" and {len(kept) - 1} more" if len(kept) > 1 else ""
            raise DifferencesError(
                f"'{root}' has files of no version of '{self.source().name.collection}': '{kept[0]}'{more}",
                kept,
                hint="move them away, or use download, which leaves them alone",
            )

    def verify(self, root: Path) -> None:
        """Raises: DifferencesError when the files in `root` are not exactly this version's."""
        differences = materialise.verify(self.listing, root)
        if differences:
            more = f" and {len(differences) - 1} more" if len(differences) > 1 else ""
            raise DifferencesError(
                f"'{root}' is not {self.version.name}: {differences[0]}{more}", differences, hint="download it again"
            )

    def same_repository(self, registry: Registry) -> None:
        """Raises: UsageError when it comes from another repository."""
        registry.check_same(self.registry, self.version.name)
