"""A collection on a page, and as the document `gitreg/collection/1`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from gitreg.cli import context, documents, human, parts
from gitreg.cli.documents import Document
from gitreg.cli.page import Line, Page, bad, bold, dim, good, name, odd
from gitreg.cli.sparkline import sparkline
from gitreg.errors import Error, RecordError
from gitreg.git.objects import MissingObjectError
from gitreg.records import dotted
from gitreg.records.names import CollectionName, VersionName
from gitreg.records.objects import Identity
from gitreg.registry import cards, facts, measures, runs, versions
from gitreg.registry.cards import State
from gitreg.registry.facts import Standing
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Details, Version

# how many of the newest versions the trend is of, and how many are shown with how many metrics
_TREND, _NEWEST, _COLUMNS = 24, 5, 2


@dataclass(frozen=True, slots=True)
class Item:
    """One version of the collection.

    Attributes:
        found: what its tag and commit say.
        made: who made it when.
        numbers: the metrics that its run came to; those of its metadata when it came to none.
    """

    found: Details
    made: Identity
    numbers: Mapping[str, float]

    @property
    def name(self) -> VersionName:
        """What it is called."""
        return self.found.version.name


@dataclass(frozen=True, slots=True)
class CollectionFacts:
    """What there is to say of a collection.

    Attributes:
        name: what it is called.
        all: its versions, the oldest first.
        newest: some of them that can be read, the newest first; never empty.
        standings: the aliases that name one of its versions, or a link to one, with the version.
        state: what is said of it besides.
    """

    name: CollectionName
    all: Sequence[Version]
    newest: Sequence[Item]
    standings: Sequence[tuple[VersionName, Standing]]
    state: State

    @classmethod
    def read(cls, registry: Registry, name: CollectionName, *, deleted: bool = False) -> CollectionFacts:
        """Raises: RecordError, MissingObjectError when none of its newest versions can be read."""
        state = cards.state(registry, name)
        everything = versions.all_versions(registry, name)
        # one whose versions are all deleted is still to be seen
        found = everything if deleted else cards.living(registry, everything, state) or everything
        newest = list(islice(versions.own(registry, reversed(found)), _TREND)) or found[-1:]
        read = [(version, _read(registry, version)) for version in newest]
        items = [item for _, item in read if isinstance(item, Item)]
        for version, error in read:
            if isinstance(error, Error):
                if not items:
                    raise error
                context.left_out(f"'{version.name}'", error)
        standings = facts.of_collection(registry, name, found)
        return cls(name, found, items, standings, state)

    @property
    def measure(self) -> str | None:
        """The metric that the trend is of: the first of the newest version's, a known measure before others."""
        return next(iter(measures.ranked(self.newest[0].numbers)), None)

    def trend(self, measure: str) -> list[tuple[VersionName, float]]:
        """The metric in the newest versions that have it, the oldest first."""
        return [(item.name, item.numbers[measure]) for item in reversed(self.newest) if measure in item.numbers]

    def aliases(self, version: VersionName) -> list[str]:
        """Which aliases name a version; those of links by their whole names."""
        return [self.called(item) for name, item in self.standings if name == version]

    @property
    def description(self) -> str:
        """What is said of it, else of its newest version."""
        newest = self.newest[0].found
        said = self.state.notes(newest.version.place).description
        return self.state.notes().description or (newest.artifact.description if said is None else said)

    def called(self, item: Standing) -> str:
        """An alias as it is called here: 'production', 'model/MNIST:production'."""
        return item.alias.alias if item.alias.collection == self.name else str(item.alias)


def _read(registry: Registry, version: Version) -> Item | Error:
    """One version, or why it cannot be read."""
    try:
        found = versions.details(registry, version)
        return Item(found, registry.objects.tag(version.tag).tagger, _numbers(registry, found))
    except (RecordError, MissingObjectError) as error:
        return error


def _numbers(registry: Registry, found: Details) -> dict[str, float]:
    try:
        last = runs.newest_record(registry, found.run.id)
    except (RecordError, MissingObjectError):
        last = None
    return dotted.numbers(runs.results(found.run, last)) or dotted.numbers(found.artifact.metadata)


def document(shown: CollectionFacts) -> Document:
    """Everything about one collection; `gitreg ls NAME --json` has all its versions."""
    latest, measure = shown.newest[0], shown.measure
    return {
        "collection": str(shown.name),
        "type": latest.found.artifact.type,
        "description": shown.description,
        "tags": list(shown.state.notes().tags),
        "card": shown.state.card,
        "registered": latest.found.record.link is not None,
        "versions": len(_numbers_of(shown.all)),
        "unpublished": sum(not version.published for version in shown.all),
        "latest": latest.name.label,
        "aliases": [{**parts.standing_document(item), "names": name.label} for name, item in shown.standings],
        "newest": [_document(shown, item) for item in shown.newest[:_NEWEST]],
        "trend": {
            "metric": measure,
            "values": [{"version": version.label, "value": value} for version, value in shown.trend(measure)],
        }
        if measure
        else None,
    }


def _document(shown: CollectionFacts, item: Item) -> Document:
    record = item.found.record
    return {
        "version": item.name.label,
        "published": item.found.version.published,
        "aliases": shown.aliases(item.name),
        "created": item.made.when,
        "by": item.made.person,
        "size": record.size,
        "files": record.files,
        "run": record.run,
        "link": documents.place(record.link),
        "metrics": dict(item.numbers),
        "commit": str(item.found.version.commit),
    }


def _numbers_of(found: Iterable[Version]) -> set[int]:
    # a draft may have a published twin of the same number
    return {version.name.number for version in found}


def show(page: Page, registry: Registry, shown: CollectionFacts) -> None:
    """The page."""
    latest, at = shown.newest[0].found, parts.now(registry)
    count = len(_numbers_of(shown.all))
    pending = sum(not version.published for version in shown.all)
    kind = f"registered {latest.artifact.type}" if latest.record.link else latest.artifact.type
    left = odd(f"{pending:,} unpublished") if pending else ""
    page.head(bold(str(shown.name)), kind, human.plural(count, "version"), left)
    page.note(shown.description)
    page.blank()
    parts.tags(page, shown.state.notes().tags)
    lines = len(shown.state.card.splitlines())
    if lines:
        page.fact("card", [human.plural(lines, "line"), dim(f"  gitreg show {shown.name} --card")])
    for number, (version, item) in enumerate(shown.standings):
        words: Line = [good(shown.called(item)), f" {page.arrow} {version.label}"]
        # where the alias of a link was before is another collection's number
        shown_item = item if item.alias.collection == shown.name else replace(item, previous=None)
        parts.standing(page, "" if number else "aliases", shown_item, at, words)
    _show_trend(page, shown)
    _show_newest(page, shown, at)
    if count > _NEWEST:
        page.fact("", [dim(f"gitreg ls {shown.name} lists all")])


def _show_newest(page: Page, shown: CollectionFacts, at: str) -> None:
    items = shown.newest[:_NEWEST]
    measured = list(measures.ranked({key: value for item in reversed(items) for key, value in item.numbers.items()}))
    columns = measured[:_COLUMNS]
    rows: list[Line] = [["", "made", "source" if items[0].found.record.link else "by", *columns]] if columns else []
    for item in items:
        link = item.found.record.link
        numbers = [parts.measured(item.numbers[key]) if key in item.numbers else "" for key in columns]
        source = name(str(link.version)) if link else item.made.name
        gone = item.found.version.place in shown.state.deleted
        aliases = bad("deleted") if gone else good(", ".join(shown.aliases(item.name)))
        rows.append([name(item.name.label), human.ago(item.made.when, at), source, *numbers, aliases])
    page.grid("newest", rows, right=range(3, 3 + len(columns)), heads=bool(columns), spare=2)


def _show_trend(page: Page, shown: CollectionFacts) -> None:
    trend = shown.trend(shown.measure) if shown.measure else []
    if shown.measure is None or len(trend) < 2:
        return
    (first, old), (last, new) = trend[0], trend[-1]
    drawn = sparkline([value for _, value in trend], width=_TREND, blocks=page.blocks)
    ends = f"{human.number(old)} in {first.label}, {human.number(new)} in {last.label}"
    page.fact("trend", [shown.measure, "  ", name(drawn), "  ", dim(ends)])
