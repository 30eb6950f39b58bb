"""Finished and published runs: their commits read back, checked, and put together."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from gitreg.errors import NotFoundError, RecordError, reading
from gitreg.git.objects import MissingObjectError
from gitreg.records import refs as names_of_refs
from gitreg.records.names import RunId
from gitreg.records.objects import Commit, Identity, Oid
from gitreg.records.records import ARTIFACT, RUN, ArtifactRecord, RunRecord, Use
from gitreg.records.trailers import Message
from gitreg.registry.repository import Registry


@dataclass(frozen=True, slots=True)
class RunCommit:
    """One commit of a run. `artifact` is None in the last one; `previous` is the code's commit in the first one."""

    oid: Oid
    previous: Oid
    record: RunRecord
    artifact: ArtifactRecord | None
    tree: Oid
    by: Identity


@dataclass(frozen=True, slots=True)
class Run:
    """A run as its commits tell it.

    Attributes:
        record: of the newest commit.
        commits: the oldest first; never empty.
        complete: False where a shallow clone cuts the chain.
    """

    record: RunRecord
    commits: tuple[RunCommit, ...]
    complete: bool

    @property
    def inputs(self) -> tuple[Use, ...]:
        """Every version that the run used, in the order of use."""
        return tuple(use for commit in self.commits for use in commit.record.inputs)

    @property
    def reused(self) -> tuple[Use, ...]:
        """Versions that the run logged again with the same content."""
        return tuple(use for commit in self.commits for use in commit.record.reused)

    @property
    def outputs(self) -> tuple[Oid, ...]:
        """The commits of the versions that the run made."""
        return tuple(commit.oid for commit in self.commits if commit.artifact)

    @property
    def tip(self) -> RunCommit:
        """The newest commit."""
        return self.commits[-1]

    @property
    def end(self) -> RunCommit | None:
        """The newest commit that ended the run, which holds its history. A run that was resumed goes on after it."""
        return next((commit for commit in reversed(self.commits) if commit.record.state != "running"), None)


def parse(commit: Commit, oid: Oid) -> RunCommit | None:
    """A run's commit, None when it is another commit. Raises: RecordError when its parents do not fit its record."""
    message = Message.parse(commit.message)
    document = message.record(RUN)
    if document is None:
        return None
    record = RunRecord.parse(document)
    if not commit.parents or commit.parents != record.parents(commit.parents[0]):
        raise RecordError(f"the parents of commit {oid.short} are not the inputs of run '{record.id}'")
    artifact = message.record(ARTIFACT)
    made = ArtifactRecord.parse(artifact) if artifact else None
    return RunCommit(oid, commit.parents[0], record, made, commit.tree, commit.committer)


def chain(registry: Registry, tip: Oid) -> Run | None:
    """The run whose newest commit is `tip`, None when that is no run's commit. Raises: RecordError."""
    found = list(walk(registry, tip))
    if not found:
        return None
    complete = found[-1].previous == found[-1].record.code.commit
    return Run(found[0].record, tuple(reversed(found)), complete)


def walk(registry: Registry, oid: Oid) -> Iterator[RunCommit]:
    """A run's commits, the newest first, as far as they are here; nothing when `oid` is no run's commit.

    Raises: RecordError, MissingObjectError when `oid` itself is not here.
    """
    run_id: RunId | None = None
    while True:
        try:
            commit = registry.objects.commit(oid)
        except MissingObjectError:
            if run_id is None:
                raise
            return
        with reading(f"commit {oid.short}", str(oid)):
            found = parse(commit, oid)
        if run_id is None and found is None:
            return
        if found is None or run_id not in (None, found.record.id):
            raise RecordError(f"commit {oid.short} is on run '{run_id}' and does not belong to it")
        run_id = found.record.id
        yield found
        if commit.parents[0] == found.record.code.commit:
            return
        oid = commit.parents[0]


def tips(registry: Registry) -> dict[RunId, tuple[Oid, bool]]:
    """The newest commit of every run that has a ref, and whether that is published; what is pending counts first."""
    found: dict[RunId, tuple[Oid, bool]] = {}
    for ref in registry.refs.find(*(base + names_of_refs.RUNS for base in registry.bases())):
        run_id = names_of_refs.parse_run(ref.name)
        if run_id and (run_id not in found or ref.name.startswith(names_of_refs.PENDING)):
            found[run_id] = (ref.target, registry.is_server or not ref.name.startswith(names_of_refs.PENDING))
    return found


def tip(registry: Registry, run_id: RunId) -> Oid | None:
    """The newest commit of a run that has a ref, what is pending first."""
    found = {ref.name: ref.target for ref in registry.refs.find(*_refs_of(registry, run_id))}
    return next((found[name] for name in _refs_of(registry, run_id) if name in found), None)


def results(logged: RunRecord, last: RunRecord | None) -> dict[str, object]:
    """What a run says of a version: its summary as it was when the version was logged, and what only came later.

    So the checkpoints of one run differ, and a test after the last of them counts too. `last` is what the run's newest
    commit says, None when that is not here.
    """
    return {**(last.summary if last else {}), **logged.summary}


def newest_record(registry: Registry, run_id: RunId) -> RunRecord | None:
    """What the newest commit of a run says, None when it has no ref here. Raises: RecordError, MissingObjectError.

    For lists of many: it lists no refs.
    """
    oid = next(filter(None, map(registry.objects.at, _refs_of(registry, run_id))), None)
    found = parse(registry.objects.commit(oid), oid) if oid else None
    return found.record if found and found.record.id == run_id else None


def _refs_of(registry: Registry, run_id: RunId) -> list[str]:
    return [names_of_refs.run(run_id, base) for base in registry.bases()]


def chain_of(registry: Registry, run_id: RunId) -> Run | None:
    """The run of an id, None when it has no commit of its own here. Raises: RecordError."""
    found = tip(registry, run_id)
    run = chain(registry, found) if found else None
    # a run that has only just started points at its code, which may be another run's commit
    return run if run and run.record.id == run_id else None


def get(registry: Registry, run_id: RunId) -> Run:
    """A run by its id. Raises: NotFoundError, also for a run that has only just started."""
    run = chain_of(registry, run_id)
    if run is None:
        known = tips(registry)
        close = difflib.get_close_matches(run_id, known, n=1)
        hint = f"did you mean '{close[0]}'?" if close else "'gitreg runs' lists them"
        raise NotFoundError("run", run_id, hint=hint)
    return run
