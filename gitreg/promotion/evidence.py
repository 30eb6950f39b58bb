"""What runs say of a version: the one that made it, and those that used it.

Only what everybody can see counts: runs that are published and finished. A run says something of what it made, else of
what it used; where it used several versions that might be meant, of none.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gitreg.promotion.request import Measured
from gitreg.records import dotted
from gitreg.records import refs as names_of_refs
from gitreg.records.names import CollectionName, RunId, VersionName
from gitreg.records.objects import Oid
from gitreg.records.policy import Data
from gitreg.registry import index
from gitreg.registry.index import Index
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version


@dataclass(frozen=True, slots=True)
class Source:
    """A run that may say something of a version.

    Attributes:
        run, name, job_type: the run's id, its name, and what kind of run it was.
        commit: its newest published commit.
        who, at: the author of that commit, and when.
        used: the commits of what it used, without the version itself.
        on: the same by name, as far as the versions are here.
        data: those of `used` that are of another type than the version: what it was trained or evaluated on.
        own: True for the run that made the version.
        results: what it says, by dotted path.
        metrics: what it says of metrics, FORMAT.md 4.6.
        why: why it does not count, '' where it does.
    """

    run: RunId
    name: str
    job_type: str
    commit: Oid
    who: str
    at: str
    own: bool
    why: str = ""
    used: frozenset[Oid] = frozenset()
    on: tuple[VersionName, ...] = ()
    data: frozenset[Oid] = frozenset()
    results: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, object] = field(default_factory=dict)

    def says(self, metric: str) -> object:
        """What it says of a metric, None where it says nothing. The name may be written with quotes or without."""
        if metric in self.results:
            return self.results[metric]
        return next((value for name, value in self.results.items() if dotted.plain(name) == metric), None)

    def measured(self, value: float, why: str = "") -> Measured:
        """A number that it says."""
        return Measured(
            value,
            self.run,
            self.name,
            self.job_type,
            self.commit,
            self.who,
            self.at,
            self.on,
            self.own,
            self.why or why,
        )


class Evidence:
    """What runs say of versions. What has been asked once is kept."""

    def __init__(self, registry: Registry, known: Index) -> None:
        self.registry = registry
        self._index = known
        self._base = names_of_refs.PENDING if registry.is_server else registry.tracking
        self._sources: dict[Oid, tuple[Source, ...]] = {}
        self._types: dict[Oid, str] = {}
        self._versions: dict[CollectionName, dict[Oid, VersionName]] = {}

    def sources(self, version: Version) -> tuple[Source, ...]:
        """The runs that made or used a version, those that do not count too; the newest in the graph first.

        Raises: RecordError, MissingObjectError when the version itself cannot be read.
        """
        raise NotImplementedError

    def measured(self, version: Version) -> dict[str, list[Measured]]:
        """The numbers that count, by the metric's dotted name, the newest first. Raises: as `sources`."""
        raise NotImplementedError

    def used(self, source: Source, data: Data) -> bool:
        """Whether a run used a version of the collection, or the one that is meant."""
        raise NotImplementedError


@contextlib.contextmanager
def opened(registry: Registry) -> Iterator[Evidence]:
    """What runs say of versions, as of now."""
    with index.updated(registry) as known:
        yield Evidence(registry, known)
