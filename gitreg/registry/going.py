"""The runs that have not ended in this clone: those that go on, and those that were killed and are not recorded yet.

Their journals know them. One that does not begin is of a run that is as it was, for now; one of a run whose last commit
is written has only to go away.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from gitreg.errors import Error, InvalidNameError, NotFoundError, RecordError, UsageError
from gitreg.git.objects import MissingObjectError
from gitreg.records.names import RunId, check_run_id
from gitreg.records.records import RunRecord, State
from gitreg.registry import runs
from gitreg.registry.journal import Journal
from gitreg.registry.live import LiveRun
from gitreg.registry.repository import Registry


@dataclass(frozen=True, slots=True)
class Going:
    """A run that has not ended here.

    Attributes:
        record: what it says, with what is not committed.
        state: `running`, or `crashed` when it has no process any more.
    """

    record: RunRecord
    state: State


def journals(registry: Registry) -> Iterator[tuple[RunId, Journal]]:
    """The journals that are there, with the runs that they are of."""
    for journal in Journal.all_in(registry.private):
        # somebody else's file has another name
        with contextlib.suppress(InvalidNameError):
            yield check_run_id(journal.path.stem), journal


def at(registry: Registry, run_id: RunId) -> Going | None:
    """A run that has not ended here; None when it has, does not go on yet, or has a journal that cannot be read."""
    return _going(registry, Journal.of(registry.private, run_id))


def everything(registry: Registry) -> dict[RunId, Going]:
    """All of these runs, by id."""
    found = {run_id: _going(registry, journal) for run_id, journal in journals(registry)}
    return {run_id: going for run_id, going in found.items() if going}


def young(registry: Registry) -> list[RunRecord]:
    """Those that have not committed anything yet. Raises: RecordError, MissingObjectError for the commits of one."""
    found = (_young(registry, run_id, journal) for run_id, journal in journals(registry))
    return [going.record for going in found if going]


def _young(registry: Registry, run_id: RunId, journal: Journal) -> Going | None:
    # first, as it is quick: the journal of a run with many steps is large
    try:
        if runs.chain_of(registry, run_id):
            return None
    except Error:
        if _going(registry, journal):
            raise
        return None
    return _going(registry, journal)


def dead_runs(registry: Registry) -> list[RunId]:
    """Those that were killed, also one whose journal cannot be read. Writes nothing."""
    return [run_id for run_id, journal in journals(registry) if not journal.is_held and _is_kept(registry, journal)]


def _is_kept(registry: Registry, journal: Journal) -> bool:
    """Whether a journal holds what is recorded nowhere else."""
    try:
        return _record(registry, journal) is not None
    except RecordError:
        # recovering it says what is wrong
        return True


def _going(registry: Registry, journal: Journal) -> Going | None:
    with contextlib.suppress(RecordError):
        record = _record(registry, journal)
        return Going(record, "running" if journal.is_held else "crashed") if record else None
    return None


def _record(registry: Registry, journal: Journal) -> RunRecord | None:
    """What a run says that has not ended; None when it has, or does not go on yet. Raises: RecordError."""
    try:
        run = LiveRun.read(registry, journal)
        # what is wrong with its commits is said where they are read
        with contextlib.suppress(RecordError, MissingObjectError):
            run.note_commits()
    except (NotFoundError, UsageError):
        return None
    return run.record if run.record.state == "running" else None
