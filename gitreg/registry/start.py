"""Starting a run: its id, its name, and the code as it is now."""

from __future__ import annotations

import contextlib
import secrets
import string
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from gitreg.errors import GitError, RecordError
from gitreg.git.objects import MissingObjectError
from gitreg.git.refs import Change, RefMovedError
from gitreg.git.snapshot import Capture, captured
from gitreg.records import refs as names_of_refs
from gitreg.records.names import RunId
from gitreg.records.objects import ZERO
from gitreg.records.records import Code, RunRecord
from gitreg.registry.journal import Journal
from gitreg.registry.live import LiveRun
from gitreg.registry.names import new_name
from gitreg.registry.repository import Registry

_ID_LENGTH = 8


def new_id() -> RunId:
    """Eight random characters."""
    return RunId("".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(_ID_LENGTH)))


def start_run(
    registry: Registry,
    *,
    run_id: RunId | None = None,
    name: str = "",
    config: Mapping[str, object] | None = None,
    brief: bool = False,
    **labels: Any,
) -> LiveRun:
    """Start a run with the code as it is now, uncommitted changes included unless `gitreg.code` is `head`.

    `labels` are fields of `RunRecord`; a `brief` run is there for one artifact, and is taken back when it is killed
    before it has one. When the code could not be captured, the record's `code.error` says why.
    Raises: UsageError when the id is taken, RecordError for a config that a record cannot hold, GitError.
    """
    with _code(registry) as found:
        record = RunRecord(
            id=run_id or new_id(),
            name=name or new_name(registry),
            code=found.code,
            started=registry.now().when,
            config=config or {},
            **labels,
        )
        try:
            return LiveRun.start(registry, record, brief=brief)
        except GitError as error:
            if "nonexistent object" not in error.stderr:
                raise
            # a `git gc` took the code
            found.hold()
            return LiveRun.start(registry, record, brief=brief)


def has_other_code(registry: Registry, code: Code) -> bool:
    """Whether the code is not any more what a run began with, uncommitted changes included. False when nobody knows."""
    with contextlib.suppress(MissingObjectError, RecordError), _code(registry) as found:
        if found.code.error:
            return False
        commits = {found.code.commit, code.commit}
        return len({registry.objects.commit(commit).tree for commit in commits}) > 1
    return False


def _code(registry: Registry) -> AbstractContextManager[Capture]:
    """The code as it is now, captured as `gitreg.code` says."""
    snapshot = registry.git.config("gitreg.code", "snapshot") == "snapshot"
    return captured(registry.git, registry.objects, snapshot=snapshot)


def discard_run(run: LiveRun) -> bool:
    """Take a run back of which nothing is committed, as if it had never started; False when something is.

    For a command that failed before it did anything, such as one with a mistyped name.
    """
    ref = run.registry.refs.get(names_of_refs.run(run.record.id))
    try:
        run.registry.refs.change([Change(ref.name, run.record.code.commit, ZERO)] if ref else [])
    except RefMovedError:
        return False
    run.detach()
    Journal.of(run.registry.private, run.record.id).remove()
    return True
