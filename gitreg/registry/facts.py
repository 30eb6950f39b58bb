"""What is asked first of a version or run: where it is in use, what it was made from, who used it, how it went.

Each answer costs a few reads, whatever the size of the registry. Names are those that versions have now.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gitreg.errors import MissingBytesError, NotARepositoryError, NotFoundError, RecordError
from gitreg.git.objects import MissingObjectError
from gitreg.records import refs as names_of_refs
from gitreg.records.behind import NOBODY, By, Evidence
from gitreg.records.history import History
from gitreg.records.listing import Listing
from gitreg.records.names import AliasName, CollectionName, RunId, VersionName, VersionNumber
from gitreg.records.objects import Identity, Oid
from gitreg.records.records import Place, RunRecord, Use, VersionRecord
from gitreg.records.when import When
from gitreg.registry import aliases, going, history, index, links, order, past, runs, versions
from gitreg.registry.aliases import Alias
from gitreg.registry.journal import Journal
from gitreg.registry.repository import Registry
from gitreg.registry.runs import Run, RunCommit
from gitreg.registry.versions import Details, Version

# Beyond so many runs, listing all at once is quicker than looking for each.
_FEW = 20
# Beyond so many collections, listing all versions at once is quicker than those of each.
_MANY = 40
# for what is known by its commit alone
_ANY = VersionNumber(0)


@dataclass(frozen=True, slots=True)
class Standing:
    """An alias that names a version.

    Attributes:
        alias: its name.
        version: the version of the alias's collection: the version itself, a link to it, or what it links to.
        by: who moved it there, and when; None when a hand did, which nothing records.
        reason: why.
        previous: where it was before.
        published: False while the move is pending.
        until: when it was moved on, where it stood there once; '' where it stands there now.
        behind: who stands behind that besides who moved it.
        evidence: the numbers that let it pass.
    """

    alias: AliasName
    version: VersionName
    by: Identity | None
    reason: str
    previous: VersionName | None
    published: bool
    until: str = ""
    behind: By = NOBODY
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """A version that a run used or made.

    Attributes:
        name: the one it has now; the one it had then when it is not here.
        commit: its identity.
        digest: of its content, as the run noted it; '' for what the run made.
        record: what its tag says, None when that is not here or cannot be read.
        again: the run logged it again, with the same content.
    """

    name: VersionName
    commit: Oid
    digest: str = ""
    record: VersionRecord | None = None
    again: bool = False


class Catalogue:
    """The versions of collections, each collection listed once; when there are many, all at once."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._listed: set[CollectionName] = set()
        self._at: dict[tuple[CollectionName, Oid], list[Version]] = {}

    def at(self, place: Place) -> Version | None:
        """The version that a record means. A draft's number may have changed since."""
        collection = place.version.collection
        if collection not in self._listed and len(self._listed) <= _MANY:
            for version in versions.all_versions(self._registry, None if len(self._listed) == _MANY else collection):
                if version.name.collection not in self._listed:
                    self._at.setdefault((version.name.collection, version.commit), []).append(version)
            self._listed.add(collection)
        return aliases.version_at(self._at.get((collection, place.commit), ()), place)

    def of(self, use: Use) -> Version | None:
        """The version that a run used, or logged again; None when it is not here."""
        return self.at(Place(use.version, use.commit))

    def made(self, run: Run) -> list[Version]:
        """The versions that a run made, as far as they are here."""
        logged = ((commit.artifact.collection, commit.oid) for commit in run.commits if commit.artifact)
        found = (self.at(Place(VersionName(collection, _ANY), oid)) for collection, oid in logged)
        return [version for version in found if version]

    def known(self, version: Version) -> Known:
        """A version that a run made."""
        return Known(version.name, version.commit, record=self._record(version))

    def used(self, use: Use, *, again: bool = False) -> Known:
        """A version that a run used, or logged again."""
        version = self.of(use)
        name = version.name if version else use.version
        return Known(name, use.commit, use.digest, self._record(version), again)

    def _record(self, version: Version | None) -> VersionRecord | None:
        try:
            return versions.record(self._registry, version) if version else None
        except (RecordError, MissingObjectError):
            # it hides nothing else; 'gitreg show' of it says what is wrong
            return None


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What there is to say of a run.

    Attributes:
        record, state: what is known best.
        tip: its newest commit; None before the first.
        published: whether the registry remote has it as it is here.
        complete: False where a shallow clone cuts it.
        inputs, outputs: what it used and made.
        steps: the step history, None when it is not here.
    """

    record: RunRecord
    state: str
    tip: RunCommit | None
    published: bool
    complete: bool
    inputs: Sequence[Known]
    outputs: Sequence[Known]
    steps: History | None


def inputs(registry: Registry, run: Run) -> list[Known]:
    """What a run used, in the order of use."""
    catalogue = Catalogue(registry)
    return [catalogue.used(use) for use in run.inputs]


def outputs(registry: Registry, run: Run) -> list[Known]:
    """What a run made, as far as it is here, and then what it logged again."""
    catalogue = Catalogue(registry)
    made = [catalogue.known(version) for version in catalogue.made(run)]
    return made + [catalogue.used(use, again=True) for use in run.reused]


def standings(registry: Registry, version: Version, record: VersionRecord) -> list[Standing]:
    """The aliases that name a version, also those of its links, and of what it links to; its own come first."""
    own = version.name.collection
    linked = {link.name.collection for link in links.of_commit(registry, version.commit)}
    source = {record.link.version.collection} if record.link else set()
    catalogue = Catalogue(registry)
    found = []
    for collection in (own, *sorted((linked | source) - {own})):
        for alias in aliases.all_aliases(registry, collection):
            if alias.place and alias.place.commit == version.commit:
                named = catalogue.at(alias.place)
                # a commit that was linked twice has two versions in one collection
                if named and (collection != own or named.name == version.name):
                    found.append(standing(registry, alias, named.name))
    return found


def of_collection(
    registry: Registry, collection: CollectionName, found: Sequence[Version]
) -> list[tuple[VersionName, Standing]]:
    """The aliases that name one of a collection's versions, with the version: its own, then those of links to them.

    `found` are all versions of the collection.
    """
    commits = {version.commit for version in found}
    catalogue = Catalogue(registry)
    linked = {link.name.collection for link in links.everything(registry) if link.commit in commits}
    standings = []
    for name in (collection, *sorted(linked - {collection})):
        for alias in aliases.all_aliases(registry, name):
            named = catalogue.at(alias.place) if alias.place and alias.place.commit in commits else None
            if named:
                version = (
                    named if name == collection else catalogue.at(Place(VersionName(collection, _ANY), named.commit))
                )
                standings.append(((version or named).name, standing(registry, alias, named.name)))
    return standings


def standing(registry: Registry, alias: Alias, version: VersionName) -> Standing:
    """An alias as it stands, which names `version`."""
    record = alias.record
    by = registry.objects.commit(alias.tip).author if record else None
    previous = record.previous.version if record and record.previous else None
    found = Standing(alias.name, version, by, record.reason if record else "", previous, alias.published)
    return replace(found, behind=record.by, evidence=record.evidence) if record else found


def users(registry: Registry, commit: Oid) -> dict[RunId, Oid]:
    """The runs that used the version of this commit with the newest commit of each, the one that began last first."""
    with index.updated(registry) as known:
        found = known.used_by(commit)
        tips = known.tips() if len(found) > _FEW else {run_id: known.tip(run_id) for run_id in found}
        began = known.began()
    here = {run_id: began.get(run_id, ("", "")) for run_id in found if tips.get(run_id)}
    return {run_id: tip for run_id in order.newest_first(registry, here, tips.get) if (tip := tips.get(run_id))}


def stood(registry: Registry, name: AliasName, when: When) -> Standing | None:
    """An alias as it stood then; None where nothing is recorded of it. Raises: InvalidDateError, RecordError."""
    alias = aliases.get(registry, name)
    last = when.span(registry.clock()).last
    moves = past.steps(registry, alias) if alias else ()
    step = next((step for step in moves if step.time <= last), None)
    record = step.move.record if step else None
    if step is None or record is None or record.now is None:
        return None
    previous = record.previous.version if record.previous else None
    until = step.next.by.when if step.next else ""
    told = Standing(name, record.now.version, step.move.by, record.reason, previous, step.published, until)
    return replace(told, behind=record.by, evidence=record.evidence)


def run_of(registry: Registry, found: Details) -> Run:
    """The run that made a version, as far as it is known here. Raises: RecordError, MissingObjectError."""
    try:
        return runs.get(registry, found.run.id)
    except (NotFoundError, MissingObjectError):
        run = runs.chain(registry, found.version.commit)
        if run is None:
            raise
        return run


def run(registry: Registry, run_id: RunId) -> Run | None:
    """The run of an id, also one that is known by its versions only; None when it has no commit here.

    Raises: RecordError.
    """
    found = runs.chain_of(registry, run_id)
    if found is None:
        with index.updated(registry) as known:
            tip = known.tip(run_id)
        found = runs.chain(registry, tip) if tip else None
    return found if found and found.record.id == run_id else None


def of_run(registry: Registry, run_id: RunId) -> RunFacts:
    """Everything about a run. Raises: NotFoundError, RecordError, MissingObjectError."""
    found = run(registry, run_id)
    if found:
        record, state = current(registry, found.record)
    else:
        known = going.at(registry, run_id)
        if known is None:
            raise NotFoundError("run", run_id, hint="'gitreg runs' lists them")
        record, state = known.record, known.state
    catalogue = Catalogue(registry)
    used = [catalogue.used(use) for use in found.inputs] if found else []
    seen = {item.commit for item in used}
    # a run that goes on has used these since its last commit
    used += [catalogue.used(use) for use in record.inputs if use.commit not in seen]
    return RunFacts(
        record,
        state,
        found.tip if found else None,
        # what is pending here has a ref of its own
        found is not None and (registry.is_server or registry.refs.get(names_of_refs.run(run_id)) is None),
        found is None or found.complete,
        used,
        outputs(registry, found) if found else [],
        steps(registry, found, run_id),
    )


def current(registry: Registry, record: RunRecord) -> tuple[RunRecord, str]:
    """A run's newest record and its state, with what is known better here while it goes on.

    It goes on here, or was killed here (`crashed`) and that is not recorded yet: then its journal knows more. Without
    one it goes on elsewhere, or nothing but one of its versions is here (`unknown`).
    """
    # also of a run that had ended: it may have been resumed
    known = going.at(registry, record.id)
    if known:
        return known.record, known.state
    if record.state != "running":
        return record, record.state
    return record, "running" if runs.tip(registry, record.id) else "unknown"


def steps(registry: Registry, run: Run | None, run_id: RunId) -> History | None:
    """The step history of a run, also of one that goes on here; None when it is not here."""
    try:
        with contextlib.suppress(NotFoundError):
            return history.so_far(Journal.of(registry.private, run_id))
        return history.read(registry, run) if run else History()
    except (NotARepositoryError, MissingObjectError, RecordError):
        return None


def files(registry: Registry, found: Details) -> Listing | None:
    """A version's files; None when a large list's bytes are not here, or a partial clone cannot ask for the tree."""
    try:
        return versions.listing(registry, found)
    except (MissingBytesError, NotARepositoryError, MissingObjectError):
        return None
