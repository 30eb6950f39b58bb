"""Which run is the newer one, and which runs a word means, the newest first."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Mapping
from graphlib import TopologicalSorter
from heapq import heappop, heappush
from itertools import groupby

from gitreg.errors import InvalidNameError, RecordError
from gitreg.git.objects import MissingObjectError
from gitreg.records.names import RunId, check_run_id
from gitreg.records.objects import Oid
from gitreg.records.records import RunRecord
from gitreg.registry import going, index, runs
from gitreg.registry.repository import Registry
from gitreg.registry.runs import Run

# when a run began, as it says itself, and its name
Began = tuple[str, str]

_NUMBERED = re.compile(r"-([0-9]{1,9})\Z")


def began(found: Iterable[RunRecord]) -> dict[RunId, Began]:
    """When runs began, and their names."""
    return {record.id: (record.started, record.name) for record in found}


def newest_first(registry: Registry, known: Mapping[RunId, Began], tip: Callable[[RunId], Oid | None]) -> list[RunId]:
    """Runs by the time they began, which is in seconds.

    Of those of the same second, a run is newer than those whose versions it used, then by the number that its name ends
    with, as names that are made up do, then by its id. `tip` gives a run's newest commit, None when it has none.
    """

    def run(run_id: RunId) -> Run | None:
        # what cannot be read is named where it would be shown
        with contextlib.suppress(RecordError, MissingObjectError):
            newest = tip(run_id)
            return runs.chain(registry, newest) if newest else None
        return None

    groups = (list(group) for _, group in groupby(_by_age(known), key=lambda run_id: known[run_id][0]))
    return [run_id for group in groups for run_id in _makers_first(group, run)][::-1]


def newest_in_graph(found: Mapping[RunId, Run]) -> list[RunId]:
    """Runs by the graph: one is newer than those whose versions it used, whatever the clocks said.

    Of runs that did not use each other's, the one that began last. For where a wrong clock would decide something.
    """
    return _makers_first(_by_age(began(run.record for run in found.values())), found.get)[::-1]


def _by_age(known: Mapping[RunId, Began]) -> list[RunId]:
    def key(run_id: RunId) -> tuple[str, int, RunId]:
        started, name = known[run_id]
        number = _NUMBERED.search(name)
        return started, int(number[1]) if number else 0, run_id

    return sorted(known, key=key)


def named(registry: Registry, word: str) -> list[RunId]:
    """The run of this id; else those of this name, the newest first. A name is a label, and several may have it."""
    young = began(going.young(registry))
    with index.updated(registry) as known:
        with contextlib.suppress(InvalidNameError):
            run_id = check_run_id(word)
            if run_id in young or known.tip(run_id):
                return [run_id]
        # no database takes what is no UTF-8
        found = known.named(word.encode("utf-8", "backslashreplace").decode())
        found |= {run_id: told for run_id, told in young.items() if told[1] == word}
        return newest_first(registry, found, lambda run_id: None if run_id in young else known.tip(run_id))


def _makers_first(group: list[RunId], read: Callable[[RunId], Run | None]) -> list[RunId]:
    """Runs, each after those whose versions it used, else as they were.

    Two may have used each other's, so it is their first commits that are put in order.
    """
    if len(group) == 1:
        return group
    earlier: dict[Oid, list[Oid]] = {}
    first: dict[RunId, Oid] = {}
    rank: dict[Oid, int] = {}
    for number, run_id in enumerate(group):
        run = read(run_id)
        for before, commit in zip((None, *run.commits), run.commits, strict=False) if run else ():
            first.setdefault(run_id, commit.oid)
            rank[commit.oid] = number
            earlier[commit.oid] = [use.commit for use in commit.record.inputs] + ([before.oid] if before else [])
    place: dict[Oid, int] = {}
    ready: list[tuple[int, bytes, Oid]] = []
    sorter = TopologicalSorter(earlier)
    sorter.prepare()
    while sorter.is_active():
        for oid in sorter.get_ready():
            heappush(ready, (rank.get(oid, -1), oid.raw, oid))
        *_, oid = heappop(ready)
        place[oid] = len(place)
        sorter.done(oid)
    return sorted(group, key=lambda run_id: place[first[run_id]] if run_id in first else len(place))
