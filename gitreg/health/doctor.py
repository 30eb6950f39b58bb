"""Looks a clone over, mends what can be mended safely, and tries out remote and storage when it is asked to.

A check that fails itself is a finding, and never the end of the others. Nothing here needs the network but `tried_out`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from gitreg.data.storage import open_storage
from gitreg.errors import Error
from gitreg.git.objects import Batch
from gitreg.git.transport import Push
from gitreg.health import checkup_setup, checkup_state
from gitreg.health.diagnosis import Diagnosis, ok, problem, warning
from gitreg.records import refs as names_of_refs
from gitreg.records.objects import EMPTY_TREE, GITREG_IDENTITY, ZERO, Commit, Oid
from gitreg.registry.repository import Registry

Check = Callable[[Registry], Iterator[Diagnosis]]


def examine(registry: Registry, *, command: str = "") -> Iterator[Diagnosis]:
    """Every check, in the order in which one builds on another. `command` is the `gitreg` that a hook falls back to."""
    checks: dict[str, Check] = {
        "versions": checkup_setup.versions,
        "repository": checkup_setup.repository,
        "identity": checkup_setup.identity,
        "locks": checkup_state.stale_locks,
        "project": checkup_setup.project,
        "remote": checkup_setup.remote,
        "hook": partial(checkup_setup.hook, command=command),
        "storage": checkup_setup.storage,
        "refs": checkup_state.in_the_way,
        "runs": checkup_state.killed_runs,
        "pending": checkup_state.waiting,
        "leftovers": checkup_state.left_behind,
        "keep": checkup_state.protected,
        "index": checkup_state.derived_index,
    }
    said = set()
    for name, check in checks.items():
        for found in _guarded(name, check, registry):
            # several checks may fail for one reason, such as a configuration that cannot be read
            if found.words not in said:
                said.add(found.words)
                yield found


def tried_out(registry: Registry) -> Iterator[Diagnosis]:
    """Write something small to the registry remote and to the storage, and take it away again."""
    yield from _guarded("remote", _push, registry)
    yield from _guarded("storage", _store, registry)


def mended(diagnosis: Diagnosis) -> Diagnosis:
    """The diagnosis after its mending was tried; the same when there is none."""
    if diagnosis.mend is None:
        return diagnosis
    try:
        done = diagnosis.mend()
    except (Error, OSError) as error:
        return replace(diagnosis, words=f"{diagnosis.words}; mending it failed: {_words(error)}", mend=None)
    return replace(diagnosis, level="fixed", words=done, todo="", mend=None) if done else replace(diagnosis, mend=None)


def _guarded(name: str, check: Check, registry: Registry) -> Iterator[Diagnosis]:
    try:
        yield from check(registry)
    except (Error, OSError) as error:
        yield problem(name, _words(error), (error.hint or "") if isinstance(error, Error) else "")


def _words(error: Error | OSError) -> str:
    if isinstance(error, Error):
        return " ".join(error.message.split())
    return f"{error.strerror or error}" + (f": '{error.filename}'" if error.filename else "")


def _push(registry: Registry) -> Iterator[Diagnosis]:
    """Push a ref that is nobody's and delete it again, as a run's ref is pushed."""
    if not registry.has_remote:
        yield warning("remote", f"there is no remote '{registry.remote}' to try", "git remote add NAME URL")
        return
    remote = registry.remote
    push = Push(_throwaway(registry), names_of_refs.trial(secrets.token_hex(8)))
    (pushed,) = registry.transport.push([push], atomic=False)
    if not pushed.ok:
        todo = f"ask whoever runs '{remote}' for the right to create refs below {names_of_refs.PENDING}"
        yield problem("remote", f"'{remote}' refuses what is pushed there: {pushed.words}", todo)
        return
    (deleted,) = registry.transport.push([replace(push, oid=ZERO)], atomic=False)
    if deleted.ok:
        yield ok("remote", f"'{remote}' takes what is pushed: a throwaway ref was made and deleted there")
    else:
        words = f"'{remote}' takes what is pushed, and refuses deletions ({deleted.words}), which gitreg does not need"
        yield warning("remote", words, f"it keeps '{push.ref}', which does no harm; on the server: git update-ref -d")


def _throwaway(registry: Registry) -> Oid:
    """A commit of nothing, the same one each time."""
    batch = Batch()
    batch.add("tree", b"")
    commit = Commit(EMPTY_TREE, (), GITREG_IDENTITY, GITREG_IDENTITY, "gitreg doctor\n")
    oid = batch.add("commit", commit.encode())
    registry.objects.write(batch.objects)
    return oid


def _store(registry: Registry) -> Iterator[Diagnosis]:
    """Write an object to the storage, read it back and remove it."""
    found = registry.project.default_storage if checkup_setup.is_set_up(registry) else None
    if found is None:
        yield warning("storage", "there is none to try", "gitreg init --storage URL_OR_PATH")
        return
    left = open_storage(registry.project, found).probe()
    if left:
        words = f"{found} takes objects and gives them back, and refuses to remove them, which gitreg does not need"
        yield warning("storage", words, f"it keeps a throwaway object of 30 bytes: {left}")
    else:
        yield ok("storage", f"{found}: a throwaway object was written, read back and removed")
