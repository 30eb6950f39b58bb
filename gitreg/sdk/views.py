"""Runs to read: what finished, published and running runs say of themselves."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterable
from typing import Any

from gitreg.errors import NotFoundError, RecordError
from gitreg.git.objects import MissingObjectError
from gitreg.records.names import RunId, VersionName, VersionNumber
from gitreg.records.objects import Oid
from gitreg.records.records import Place, RunRecord, Use
from gitreg.registry import index, runs, versions
from gitreg.registry.aliases import version_at
from gitreg.registry.journal import Journal
from gitreg.registry.live import LiveRun
from gitreg.registry.repository import Registry
from gitreg.sdk.artifact import Artifact
from gitreg.sdk.labels import Labelled
from gitreg.sdk.logged import Logged


class RunView(Labelled):
    """A run as it was when it was read. On the command line: `gitreg runs`.

    A run that goes on in this clone is read from its journal, so it may know more than its commits.
    """

    def __init__(self, registry: Registry, record: RunRecord, run: runs.Run | None) -> None:
        self._registry = registry
        self._record = record
        self._run = run

    @classmethod
    def find(cls, registry: Registry, run_id: RunId) -> RunView | None:
        """The run of that id, None when it is not in this clone. Raises: RecordError."""
        with index.updated(registry) as known:
            return cls._at(registry, run_id, known.tip(run_id))

    @classmethod
    def all(cls, registry: Registry) -> list[RunView]:
        """Every run that this clone knows, by id; one whose commits cannot be read is left out."""
        with index.updated(registry) as known:
            tips = known.tips()
        # one that has logged nothing yet is in no index
        tips |= {run_id: tip for run_id, (tip, _) in runs.tips(registry).items()}
        return cls._readable(registry, sorted(tips.items()))

    @classmethod
    def users(cls, registry: Registry, commit: Oid) -> list[RunView]:
        """The runs that used the version of this commit, by id; one whose commits cannot be read is left out."""
        with index.updated(registry) as known:
            return cls._readable(registry, [(run_id, known.tip(run_id)) for run_id in known.used_by(commit)])

    @classmethod
    def _readable(cls, registry: Registry, tips: Iterable[tuple[RunId, Oid | None]]) -> list[RunView]:
        found = []
        for run_id, tip in tips:
            # what somebody broke on the remote must not hide everything else; `find` says what is wrong with it
            with contextlib.suppress(RecordError, MissingObjectError):
                found.append(cls._at(registry, run_id, tip))
        return [view for view in found if view]

    @classmethod
    def _at(cls, registry: Registry, run_id: RunId, tip: Oid | None) -> RunView | None:
        try:
            live = LiveRun.read(registry, Journal.of(registry.private, run_id)).record
        except NotFoundError:
            live = None
        run = runs.chain(registry, tip) if tip else None
        if run and run.record.id != run_id:
            # it has only just started, at code that is another run's commit
            run = None
        record = live or (run and run.record)
        return cls(registry, record, run) if record else None

    @property
    def _now(self) -> RunRecord:
        return self._record

    @property
    def state(self) -> str:
        """`running`, `finished`, `failed` or `crashed`."""
        return self._record.state

    @property
    def config(self) -> dict[str, Any]:
        """What it was asked to do."""
        return copy.deepcopy(dict(self._record.config))

    @property
    def summary(self) -> dict[str, Any]:
        """What came out of it: the last value of everything it logged."""
        return copy.deepcopy(dict(self._record.summary))

    @property
    def path(self) -> list[str]:
        """Entity, project and id, without the empty ones."""
        return self._path

    @property
    def tags(self) -> list[str]:
        """Its tags."""
        return list(self._record.tags)

    @property
    def created_at(self) -> str:
        """When it started, RFC 3339 in UTC."""
        return self._record.started

    @property
    def commit(self) -> str:
        """The commit of the code that ran; a snapshot when there were uncommitted changes."""
        return str(self._record.code.commit)

    def logged_artifacts(self) -> list[Artifact]:
        """The versions that it made or logged again, in this order, as far as they are in this clone."""
        made = [
            self._version(Place(VersionName(commit.artifact.collection, VersionNumber(0)), commit.oid))
            for commit in (self._run.commits if self._run else ())
            if commit.artifact
        ]
        return [artifact for artifact in (*made, *map(self._of_use, self._uses("reused"))) if artifact]

    def used_artifacts(self) -> list[Artifact]:
        """The versions that it used, in the order of use, as far as they are in this clone."""
        return [artifact for artifact in map(self._of_use, self._uses("inputs")) if artifact]

    def _uses(self, field: str) -> tuple[Use, ...]:
        """What is committed, then what a running run has not committed yet."""
        committed: tuple[Use, ...] = getattr(self._run, field) if self._run else ()
        pending: tuple[Use, ...] = getattr(self._record, field)
        return tuple(dict.fromkeys([*committed, *pending]))

    def _of_use(self, use: Use) -> Artifact | None:
        return self._version(Place(use.version, use.commit))

    def _version(self, place: Place) -> Artifact | None:
        found = version_at(versions.all_versions(self._registry, place.version.collection), place)
        return Artifact._of(Logged(self._registry, found)) if found else None
