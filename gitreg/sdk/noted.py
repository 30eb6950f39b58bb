"""What is said of versions and collections after they were made: tags, descriptions, cards, and deletion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gitreg.errors import InvalidArtifactError
from gitreg.records.cards import check_tags
from gitreg.records.names import CollectionName
from gitreg.registry import cards, editing
from gitreg.registry.editing import Wanted
from gitreg.registry.repository import Registry
from gitreg.sdk import values
from gitreg.sdk.described import Described


def tag_list(tags: str | Iterable[str] | None) -> list[str]:
    """The tags that a caller gave, each once. Raises: InvalidNameError (a ValueError)."""
    return list(check_tags([tags] if isinstance(tags, str) else list(tags or ())))


class TagList:
    """Tags that a caller may change in place, and what they were before."""

    def __init__(self, tags: Sequence[str]) -> None:
        self._before = tuple(tags)
        self.now = list(tags)

    def wanted(self, description: str | None = None, card: str | None = None) -> Wanted:
        """What has to be written. Raises: InvalidNameError."""
        now = tag_list(self.now)
        added = [tag for tag in now if tag not in self._before]
        return Wanted(description, card, added, [tag for tag in self._before if tag not in now])

    def renew(self, tags: Sequence[str]) -> None:
        """They are written: these are there now. Who holds the list goes on with it."""
        self._before, self.now[:] = tuple(tags), tags


class Noted(Described):
    """The part of an artifact that can be changed after it was logged; `save` writes that."""

    _tags: TagList | None = None
    _said: str | None = None

    @property
    def description(self) -> str | None:
        """What it is, in words. Of a logged one: change it, then `save`.

        On the command line: `gitreg edit`.
        """
        if self._logged is None:
            return self._description
        said = self._logged.notes().description if self._said is None else self._said
        return self._description if said is None else said or None

    @description.setter
    def description(self, text: str | None) -> None:
        if self._logged is None:
            self._description = values.plain(text)
        else:
            self._said = str(values.plain(text or ""))

    @property
    def tags(self) -> list[str]:
        """Words to find it by. Change the list, then `save`.

        A tag has 1 to 256 letters, digits, `_`, `-`, and blanks between words. On the command line: `gitreg edit`.
        Raises: ArtifactNotLoggedError.
        """
        logged = self._need("tags")
        if self._tags is None:
            self._tags = TagList(logged.notes().tags)
        return self._tags.now

    @tags.setter
    def tags(self, tags: Sequence[str]) -> None:
        self.tags[:] = tag_list(tags)

    @property
    def state(self) -> str:
        """`PENDING` for a draft, `COMMITTED` once it is logged, `DELETED` when somebody has deleted it."""
        if self._logged is None:
            return "PENDING"
        return "DELETED" if self._logged.is_deleted() else "COMMITTED"

    def _save_notes(self) -> None:
        """Write what has changed. Raises: InvalidNameError, TooLargeError, RefusedError."""
        logged = self._need("save")
        if self._tags is not None or self._said is not None:
            wanted = self._tags.wanted(self._said) if self._tags else Wanted(self._said)
            now = logged.change_notes(wanted)
            if self._tags is not None:
                self._tags.renew(now.tags)
            self._said = None

    def delete(self, delete_aliases: bool = False) -> None:
        """Mark the version as deleted: it is no longer listed, nor found by its name, and its number stays taken.

        Its tag, commit and bytes stay, lineage shows it as deleted, links to it go on working, and `gitreg undelete`
        brings it back. Deleting a link leaves its source alone. On the command line: `gitreg delete`.

        Raises: ArtifactNotLoggedError; RefusedError while aliases name it, unless `delete_aliases`, and always while
        a protected one does.
        """
        self._need("delete").delete(delete_aliases=delete_aliases)
        self._aliases = None

    def unlink(self) -> None:
        """Take a link out of its registered model; its source stays. On the command line: `gitreg unlink`.

        Raises: ArtifactNotLoggedError; InvalidArtifactError (a ValueError) for what is no link; as `delete`.
        """
        logged = self._need("unlink")
        if logged.record.link is None:
            raise InvalidArtifactError(f"'{self.name}' is no link", hint="delete takes away a version itself")
        self.delete()


class NotedCollection:
    """The part of a collection that people write; `save` keeps what has changed."""

    def __init__(self, registry: Registry, name: CollectionName) -> None:
        self._registry = registry
        self._name = name
        self._tags: TagList | None = None
        self._texts: dict[str, str] = {}

    def _state(self) -> cards.State:
        return cards.state(self._registry, self._name)

    @property
    def description(self) -> str:
        """What it is, in words; '' without any. Change it, then `save`. On the command line: `gitreg edit`."""
        return self._texts.get("description", self._state().notes().description or "")

    @description.setter
    def description(self, text: str | None) -> None:
        self._texts["description"] = str(values.plain(text or ""))

    @property
    def card(self) -> str:
        """A page about it, in Markdown; '' without any. Change it, then `save`. On the command line: `gitreg edit`."""
        return self._texts.get("card", self._state().card)

    @card.setter
    def card(self, text: str | None) -> None:
        self._texts["card"] = text or ""

    @property
    def tags(self) -> list[str]:
        """Words to find it by, as those of an artifact. Change the list, then `save`."""
        if self._tags is None:
            self._tags = TagList(self._state().notes().tags)
        return self._tags.now

    @tags.setter
    def tags(self, tags: Sequence[str]) -> None:
        self.tags[:] = tag_list(tags)

    def save(self) -> None:
        """Write what has changed. Raises: InvalidNameError (a ValueError), TooLargeError, RefusedError."""
        wanted = (self._tags or TagList(())).wanted(**self._texts)
        now, _ = editing.edit(self._registry, self._name, wanted)
        if self._tags is not None:
            self._tags.renew(now.notes().tags)
        self._texts = {}
