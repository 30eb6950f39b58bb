"""Who used which version, asked of the graph alone.

The index answers that, too, and is made first where there is none, by reading every run. So for a few questions in a
clone that was made a minute ago, as those of CI are, one pass over the graph is quicker.
"""

from __future__ import annotations

import contextlib
from functools import cached_property

from gitreg.errors import RecordError
from gitreg.git.family import second_parents
from gitreg.git.objects import MissingObjectError
from gitreg.records import refs as names_of_refs
from gitreg.records.names import RunId
from gitreg.records.objects import Oid
from gitreg.registry import runs
from gitreg.registry.repository import Registry


class Usage:
    """What the runs that have a ref have used; as of the first question."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @cached_property
    def _commits(self) -> dict[Oid, list[Oid]]:
        """The commits of runs by what they used: FORMAT.md 4.2."""
        return second_parents(self._registry.git, *(base + names_of_refs.RUNS for base in self._registry.bases()))

    def used_by(self, commit: Oid) -> list[RunId]:
        """The runs that used the version of this commit, by id."""
        found = set()
        for oid in self._commits.get(commit, ()):
            # a merge of somebody's code says nothing, and what cannot be read is told where the run is read
            with contextlib.suppress(RecordError, MissingObjectError):
                run = runs.parse(self._registry.objects.commit(oid), oid)
                found.update([run.record.id] if run else [])
        return sorted(found)

    def tip(self, run_id: RunId) -> Oid | None:
        """The newest commit of a run that has a ref, what is pending first."""
        refs = (names_of_refs.run(run_id, base) for base in self._registry.bases())
        return next(filter(None, map(self._registry.objects.at, refs)), None)
