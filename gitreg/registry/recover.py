"""Runs whose processes were killed: found by their journals, which nobody holds any more, and committed as crashed."""

from __future__ import annotations

from dataclasses import dataclass, field

from gitreg.errors import Error, NotFoundError, RefusedError, UsageError
from gitreg.records.names import RunId
from gitreg.records.records import RunRecord
from gitreg.registry.going import journals
from gitreg.registry.journal import Journal
from gitreg.registry.live import LiveRun
from gitreg.registry.repository import Registry
from gitreg.registry.start import discard_run

# A journal without a first line is one that begins at this moment, or whose run was killed as it began.
_BEGINS = 60.0


@dataclass(slots=True)
class Recovered:
    """What became of the runs that were killed.

    Attributes:
        runs: those that are recorded now, as they ended.
        failed: run id -> why it could not be recorded; it can be tried again.
    """

    runs: list[RunRecord] = field(default_factory=list)
    failed: dict[RunId, Error] = field(default_factory=dict)


def recover(registry: Registry, only: RunId | None = None) -> Recovered:
    """Commit runs that were killed, or `only` this one, as crashed, with everything they had logged.

    One that had been started for a single artifact and has none is taken back. Raises: NotFoundError, RefusedError when
    `only` is not here or has a process; what goes wrong with a run otherwise is in `failed`.
    """
    done = Recovered()
    for run_id, journal in journals(registry):
        if only not in (None, run_id):
            continue
        if not journal.seize():
            if only:
                raise RefusedError(f"run '{only}' is going on", hint="end its process first")
            continue
        try:
            _recover(registry, journal, done)
        except Error as error:
            done.failed[run_id] = error
        finally:
            journal.close()
        if only:
            return done
    if only:
        raise NotFoundError("run", only, f"run '{only}' is not live here", hint="'gitreg runs' lists runs")
    return done


def _recover(registry: Registry, journal: Journal, done: Recovered) -> None:
    try:
        run = LiveRun.read(registry, journal)
    except UsageError:
        if journal.age > _BEGINS:
            journal.remove()
        return
    run.catch_up()
    if run.brief and discard_run(run):
        return
    run.finish("crashed", ended=journal.last_sign)
    done.runs.append(run.record)
