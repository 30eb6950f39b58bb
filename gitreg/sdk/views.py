"""Runs to read: what finished, published and running runs say of themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from gitreg.errors import InvalidValueError, MissingExtraError, RecordError, UsageError
from gitreg.git.objects import MissingObjectError
from gitreg.records.history import STEP, History
from gitreg.records.names import RunId
from gitreg.records.objects import Oid
from gitreg.records.records import RunRecord, Use
from gitreg.registry import going, history, index, runs
from gitreg.registry.facts import Catalogue
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version
from gitreg.sdk.artifact import Artifact
from gitreg.sdk.labels import Labelled
from gitreg.sdk.logged import Logged
from gitreg.sdk.media.base import need
from gitreg.sdk.recorded import User, recorded, refuse
from gitreg.sdk.talk import logger


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
        live = going.at(registry, run_id)
        run = runs.chain(registry, tip) if tip else None
        if run and run.record.id != run_id:
            # it has only just started, at code that is another run's commit
            run = None
        record = replace(live.record, state=live.state) if live else run and run.record
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
        """What it was asked to do. It refuses to be changed, as `summary` and `tags` do: see `update`."""
        return recorded(dict(self._record.config), self.id)

    @property
    def summary(self) -> dict[str, Any]:
        """What came out of it: the last value of everything it logged."""
        return recorded(dict(self._record.summary), self.id)

    @property
    def summary_metrics(self) -> dict[str, Any]:
        """`summary`."""
        return self.summary

    @property
    def path(self) -> list[str]:
        """Entity, project and id, without the empty ones."""
        return self._path

    @property
    def tags(self) -> list[str]:
        """Its tags."""
        return recorded(list(self._record.tags), self.id)

    @property
    def display_name(self) -> str:
        """`name`."""
        return self.name

    @property
    def user(self) -> User | None:
        """Whose run it is, with `name` and `email`; None before it has committed anything."""
        by = self._run.commits[0].by if self._run else None
        return User(by.name, by.email) if by else None

    def update(self) -> NoReturn:
        """Refuse: what is recorded stays; `init(id=..., resume="must")` goes on with the run. Raises: UsageError."""
        refuse(self.id)

    @property
    def created_at(self) -> str:
        """When it started, RFC 3339 in UTC."""
        return self._record.started

    @property
    def commit(self) -> str:
        """The commit of the code that ran; a snapshot when there were uncommitted changes."""
        return str(self._record.code.commit)

    @property
    def url(self) -> None:
        """None: there is no server with a page for it."""

    @property
    def metadata(self) -> dict[str, Any]:
        """Where it comes from, in W&B's words: `{"git": {"commit": ...}, "startedAt": ...}`."""
        return {"git": {"commit": self.commit}, "startedAt": self.created_at}

    @property
    def lastHistoryStep(self) -> int:  # noqa: N802  # W&B's word
        """The number of its last step, -1 before the first. Raises: as `history`."""
        steps = self._steps().column(STEP).values()
        return max((step for step in steps if isinstance(step, int)), default=-1)

    def history(
        self,
        samples: int = 500,
        keys: Sequence[str] | None = None,
        x_axis: str = STEP,
        pandas: bool | None = None,
        stream: str = "default",
    ) -> Any:
        """Its steps, at most `samples` of them, evenly spread, the first and the last among them.

        `keys` are the metrics wanted, a list or one name, `train.loss` for one in a mapping: these and `x_axis`, of the
        steps that have all of `keys`; only they are read. Of a metric that was never logged there are no steps, and a
        warning says so. A pandas data frame where pandas is installed, else, and with `pandas=False`, a list with a
        mapping for each step; `pandas=True` insists. What a step did not log is NaN in the frame, and not in the
        mapping. Nothing is recorded of the machine, so the stream `system` is empty.

        Steps that are not in this clone are fetched from the storage. On the command line: `gitreg steps`. Raises:
        UsageError, also for keys that are no names (a ValueError); MissingExtraError; MissingBytesError when no storage
        has the steps; StorageError, RecordError.
        """
        wanted = _names(keys)
        steps = self._steps() if stream == "default" else History()
        self._warn(steps, wanted)
        columns = list(dict.fromkeys((x_axis, *wanted))) if wanted else list(steps.keys)
        if samples < 1:
            raise UsageError(f"{samples} samples are none", hint="1 or more; scan_history gives all steps")
        rows = list(steps.rows(columns, history.sample(history.complete(steps, wanted), samples)))
        if pandas is False:
            return rows
        try:
            frames = need("pandas", "pandas")
        except MissingExtraError:
            if pandas:
                raise
            return rows
        return frames.DataFrame.from_records(rows, columns=columns)

    def scan_history(
        self,
        keys: Sequence[str] | None = None,
        page_size: int = 1000,  # noqa: ARG002  # W&B's, whose pages come from a server
        min_step: int = 0,
        max_step: int | None = None,
        use_cache: bool = True,  # noqa: ARG002
    ) -> Iterator[dict[str, Any]]:
        """All its steps, a mapping each, from `min_step` to below `max_step`; see `history` for `keys` and `Raises`."""
        wanted = _names(keys)
        steps = self._steps()
        self._warn(steps, wanted)
        at = steps.column(STEP)
        inside = (
            number
            for number in history.complete(steps, wanted)
            if isinstance(step := at.get(number), int) and min_step <= step and (max_step is None or step < max_step)
        )
        return steps.rows(wanted or None, inside)

    def _warn(self, steps: History, wanted: list[str]) -> None:
        """Say which metrics nobody logged: no step has all of them, then."""
        for name in wanted:
            if steps.keys and not steps.column(name):
                logger.warning("run '%s' logged no '%s'; it logged %s", self.id, name, ", ".join(steps.keys[:10]))

    def _steps(self) -> History:
        return history.newest(self._registry, self._record.id, self._run)

    def logged_artifacts(self, per_page: int = 100) -> list[Artifact]:  # noqa: ARG002  # W&B's
        """The versions that it made or logged again, in this order, as far as they are in this clone."""
        catalogue = Catalogue(self._registry)
        made = catalogue.made(self._run) if self._run else []
        return self._artifacts([*made, *map(catalogue.of, self._uses("reused"))])

    def used_artifacts(self, per_page: int = 100) -> list[Artifact]:  # noqa: ARG002  # W&B's
        """The versions that it used, in the order of use, as far as they are in this clone."""
        return self._artifacts(map(Catalogue(self._registry).of, self._uses("inputs")))

    def _uses(self, field: str) -> tuple[Use, ...]:
        """What is committed, then what a running run has not committed yet."""
        committed: tuple[Use, ...] = getattr(self._run, field) if self._run else ()
        pending: tuple[Use, ...] = getattr(self._record, field)
        return tuple(dict.fromkeys([*committed, *pending]))

    def _artifacts(self, found: Iterable[Version | None]) -> list[Artifact]:
        return [Artifact._of(Logged(self._registry, version)) for version in found if version]


def _names(keys: object) -> list[str]:
    """The names of metrics. Raises: InvalidValueError."""
    found = [keys] if isinstance(keys, str) else list(keys) if isinstance(keys, (list, tuple)) else keys
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(key, str) for key in found):
        raise InvalidValueError(f"keys {keys!r:.100} are no list of metrics", hint='such as keys=["loss", "accuracy"]')
    return found
