"""What runs say of a version: the one that made it, and those that used it.

Only what everybody can see counts: runs that are published and finished. A run says something of what it made, else of
what it used; where it used several versions that might be meant, of none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from gitreg.errors import RecordError
from gitreg.git.objects import MissingObjectError
from gitreg.promotion.request import Measured
from gitreg.records import dotted
from gitreg.records import refs as names_of_refs
from gitreg.records.names import CollectionName, RunId, VersionName
from gitreg.records.objects import Oid
from gitreg.records.policy import Data
from gitreg.records.records import Use
from gitreg.registry import order, runs, versions
from gitreg.registry.facts import Catalogue
from gitreg.registry.repository import Registry
from gitreg.registry.runs import Run
from gitreg.registry.usage import Usage
from gitreg.registry.versions import Details, Version


@dataclass(frozen=True)
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
        return self.results.get(metric, self._plain.get(metric))

    @cached_property
    def _plain(self) -> dict[str, object]:
        found: dict[str, object] = {}
        for name, value in self.results.items():
            found.setdefault(dotted.plain(name), value)
        return found

    @cached_property
    def numbers(self) -> dict[str, float]:
        """The numbers that it says, by dotted name, without its bookkeeping."""
        told = ((name, dotted.number(value)) for name, value in self.results.items() if not name.startswith("_"))
        return {name: number for name, number in told if number is not None}

    def measured(self, value: float, why: str = "") -> Measured:
        """A number that it says, and why that does not count."""
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

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self._base = names_of_refs.PENDING if registry.is_server else registry.tracking
        self._sources: dict[Oid, tuple[Source, ...]] = {}
        self._types: dict[Oid, str] = {}
        self._versions: dict[CollectionName, dict[Oid, list[Version]]] = {}
        self._catalogue = Catalogue(registry)
        self._usage = Usage(registry)

    def sources(self, version: Version) -> tuple[Source, ...]:
        """The runs that made or used a version, those that do not count too; the newest in the graph first.

        Raises: RecordError, MissingObjectError when the version itself cannot be read.
        """
        if version.commit not in self._sources:
            made = versions.details(self.registry, version)
            self._types[version.commit] = made.artifact.type
            found, read = {}, {}
            for run_id in dict.fromkeys([made.run.id, *self._usage.used_by(version.commit)]):
                published = self.registry.objects.at(names_of_refs.run(run_id, self._base))
                tip = published or self._usage.tip(run_id) or version.commit
                try:
                    read[run_id] = self._chain(run_id, tip)
                    found[run_id] = self._source(made, read[run_id], is_published=published is not None)
                except (RecordError, MissingObjectError) as error:
                    why = f"cannot be read: {error.message}"
                    found[run_id] = Source(run_id, run_id, "", tip, "", "", run_id == made.run.id, why)
            ordered = order.newest_in_graph(read)
            self._sources[version.commit] = tuple(found[run_id] for run_id in dict.fromkeys([*ordered, *found]))
        return self._sources[version.commit]

    def counting(self, version: Version) -> tuple[Source, ...]:
        """Those of them that count. Raises: as `sources`."""
        return tuple(source for source in self.sources(version) if not source.why)

    def measured(self, version: Version) -> dict[str, list[Measured]]:
        """The numbers that count, by the metric's dotted name, the newest first. Raises: as `sources`."""
        found: dict[str, list[Measured]] = {}
        for source in self.counting(version):
            for name, number in source.numbers.items():
                found.setdefault(name, []).append(source.measured(number))
        return found

    def inputs(self, version: Version) -> frozenset[Oid]:
        """What the run that made a version had used before it did. Raises: RecordError, MissingObjectError."""
        run = runs.chain(self.registry, version.commit)
        return frozenset(use.commit for use in run.inputs) if run else frozenset()

    def among(self, used: frozenset[Oid], data: Data) -> frozenset[Oid]:
        """Those of the versions that were used that are meant by `data`, as far as they are published."""
        named = (version for commit in used for version in self._known(data.collection).get(commit, ()))
        meant = (version for version in named if data.number in (None, version.name.number))
        return frozenset(version.commit for version in meant if self._is_sound(version))

    def published(self, data: Data) -> bool:
        """Whether there is such a version, published."""
        known = self._known(data.collection).values()
        return any(data.number in (None, version.name.number) for found in known for version in found)

    def _known(self, collection: CollectionName) -> dict[Oid, list[Version]]:
        """The published versions of a collection by commit."""
        if collection not in self._versions:
            found = self._versions[collection] = {}
            for version in versions.all_versions(self.registry, collection):
                if version.published:
                    found.setdefault(version.commit, []).append(version)
        return self._versions[collection]

    def _is_sound(self, version: Version) -> bool:
        """Whether tag and commit agree: a tag that only is called so says nothing of what it points at."""
        try:
            versions.details(self.registry, version)
        except (RecordError, MissingObjectError):
            return False
        return True

    def _chain(self, run_id: RunId, tip: Oid) -> Run:
        """Raises: RecordError, MissingObjectError."""
        run = runs.chain(self.registry, tip)
        if run is None or run.record.id != run_id:
            raise RecordError("its ref leads to something else")
        return run

    def _source(self, made: Details, run: Run, *, is_published: bool) -> Source:
        """Raises: RecordError, MissingObjectError."""
        version, record = made.version.commit, run.record
        own = record.id == made.run.id
        uses = {use.commit: use for use in run.inputs if use.commit != version}
        same_type = {commit for commit in uses if self._type(commit) == made.artifact.type}
        by = self.registry.objects.commit(run.tip.oid).author
        if not is_published:
            why = "is not published"
        elif record.state != "finished":
            why = "is still running" if record.state == "running" else f"has {record.state}"
        elif not run.complete:
            why = "is cut off here, as in a shallow clone"
        elif version not in ([commit.oid for commit in run.commits] if own else [use.commit for use in run.inputs]):
            why = "is another run of the same id"
        else:
            why = "" if own else self._about_another(made, run, len(same_type))
        return Source(
            run=record.id,
            name=record.name,
            job_type=record.job_type,
            commit=run.tip.oid,
            who=by.name,
            at=by.when,
            own=own,
            why=why,
            used=frozenset(uses),
            on=tuple(name for use in uses.values() if (name := self._name(use))),
            data=frozenset(uses.keys() - same_type),
            results=dotted.flat(runs.results(made.run, record) if own else record.summary),
            metrics=record.metrics,
        )

    def _about_another(self, made: Details, run: Run, others: int) -> str:
        """Why what a run says is not about the version that it used; '' where it is."""
        kind = made.artifact.type
        outputs = {
            commit.artifact.collection for commit in run.commits if commit.artifact and commit.artifact.type == kind
        }
        outputs |= {use.version.collection for use in run.reused if self._type(use.commit) == kind}
        if outputs:
            return f"speaks of what it made: {', '.join(sorted(map(str, outputs)))}"
        return f"used {others + 1} versions of type '{kind}', and does not say which it speaks of" if others else ""

    def _type(self, commit: Oid) -> str:
        """The type of a version by its commit. Raises: RecordError, MissingObjectError."""
        if commit not in self._types:
            found = runs.parse(self.registry.objects.commit(commit), commit)
            self._types[commit] = found.artifact.type if found and found.artifact else ""
        return self._types[commit]

    def _name(self, use: Use) -> VersionName | None:
        version = self._catalogue.of(use)
        return version.name if version else None
