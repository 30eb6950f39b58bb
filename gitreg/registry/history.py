"""A run's step history, FORMAT.md 4.3: in the tree of the commit that ends it, or a DVC object when it is long."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence

from gitreg.data.config import VERSION_GITIGNORE, version_config
from gitreg.errors import MissingBytesError, NotFoundError, RecordError, reading
from gitreg.records import dotted
from gitreg.records.history import History, Row, encode
from gitreg.records.names import RunId
from gitreg.records.objects import Oid
from gitreg.records.pointer import Pointer
from gitreg.registry import contents, trees
from gitreg.registry.journal import WRITER, Journal
from gitreg.registry.repository import Registry
from gitreg.registry.runs import Run

HISTORY = "run/history.json"
_NAME = "history.json"
_POINTER = f"{HISTORY}.dvc"
PATHS: Sequence[set[str]] = (set(), {HISTORY}, {_POINTER, "run/.gitignore", ".dvc/config", ".dvc/.gitignore"})
"""What the tree of the commit that ends a run may hold."""
# In bytes. More than this is not read to be looked at.
_READABLE = 64 << 20


def rows(events: Iterable[tuple[str, object]]) -> Iterable[Row]:
    """The steps that a journal's events hold."""
    found: dict[tuple[object, object, int], dict[str, object]] = {}
    writer = 0
    for number, (event, value) in enumerate(events):
        if event == WRITER and isinstance(value, int):
            writer = value
        elif event in ("step", "log") and isinstance(value, dict):
            # parts of one step have one time; two processes may be at the same step, even at the same time
            time = value.get("_timestamp")
            # of a run that somebody else began, it may be anything
            time = time if isinstance(time, (int, float)) else number
            found.setdefault((value["_step"], time, writer), {}).update(value)
    return found.values()


def files(registry: Registry, history: bytes) -> dict[str, bytes]:
    """The files of the tree that holds a history; a long one goes into the cache. Raises: StorageError."""
    if len(history) <= trees.MAX_BLOB:
        return {HISTORY: history} if history else {}
    stored = registry.cache.add_bytes(history)
    return {
        _POINTER: Pointer(_NAME, stored.md5, stored.size, None).encode(),
        "run/.gitignore": f"/{_NAME}\n".encode(),
        ".dvc/config": version_config(registry.project.default_storage),
        ".dvc/.gitignore": VERSION_GITIGNORE,
    }


def pointer(registry: Registry, tree: Oid) -> Pointer | None:
    """The DVC object that a tree names, None when it holds the history itself. Raises: RecordError."""
    text = registry.objects.blob_at(tree, _POINTER)
    return Pointer.parse(text) if text is not None else None


def read(registry: Registry, run: Run) -> History | None:
    """The steps of a run as of when it ended last; none when it logged none.

    None when they are in a DVC object that is not here, is damaged, or is too long to look at. Raises: RecordError.
    """
    return _read(registry, run, _READABLE)


def fetched(registry: Registry, run: Run) -> History:
    """The same, however long, and brought here from a storage when it has to be.

    Raises: MissingBytesError when no storage has it, StorageError, RecordError.
    """
    found = _read(registry, run, None)
    if found is None and run.end:
        stored = pointer(registry, run.end.tree)
        if stored:
            if registry.cache.has(stored.md5, stored.size):
                # and damaged
                registry.cache.quarantine(stored.md5)
            own = contents.storage_in(registry, run.end.tree)
            called = {stored.md5: HISTORY}
            contents.download(registry, f"run {run.record.name}", own, {stored.md5: stored.size}, called)
            found = _read(registry, run, None)
    if found is None:
        raise MissingBytesError(f"the steps of run '{run.record.id}' are damaged in the cache", [])
    return found


def _read(registry: Registry, run: Run, longest: int | None) -> History | None:
    if run.end is None:
        return History()
    text = registry.objects.blob_at(run.end.tree, HISTORY)
    if text is None:
        stored = pointer(registry, run.end.tree)
        text = _stored(registry, stored, longest) if stored else b""
    if text is None:
        return None
    with reading(f"the step history of run '{run.record.id}'", str(run.end.oid)):
        return History(text)


def _stored(registry: Registry, stored: Pointer, longest: int | None) -> bytes | None:
    if (longest is not None and stored.size > longest) or not registry.cache.has(stored.md5, stored.size):
        return None
    return registry.cache.read(stored.md5)


def newest(registry: Registry, run_id: RunId, run: Run | None) -> History:
    """The steps of a run, also of one that goes on here, or was killed here. Raises: as `fetched`."""
    with contextlib.suppress(NotFoundError):
        return so_far(Journal.of(registry.private, run_id))
    return fetched(registry, run) if run else History()


def complete(history: History, keys: Sequence[str]) -> Sequence[int]:
    """The numbers of the rows that have all these columns. Raises: RecordError."""
    columns = [history.column(key) for key in keys]
    if not columns:
        return range(len(history))
    return [number for number in columns[0] if all(number in column for column in columns)]


def sample(numbers: Sequence[int], most: int) -> Sequence[int]:
    """At most so many of the numbers, evenly spread, the last one always among them."""
    last = len(numbers) - 1
    if last < most:
        return numbers
    return [numbers[round(last * at / (most - 1))] for at in range(most)] if most > 1 else [numbers[last]]


def so_far(journal: Journal) -> History:
    """The steps of a run that goes on here, or was killed here. Raises: NotFoundError, also before it goes on."""
    events = list(journal.events())
    if not any(event == "start" for event, _ in events):
        raise NotFoundError("run", journal.path.stem, f"run '{journal.path.stem}' does not go on yet")
    return History(encode(rows(events)))


def names(history: History) -> list[str]:
    """The dotted names of what was logged, without gitreg's own. A column that cannot be read is passed over."""
    return list(dict.fromkeys(name for name, _ in _values(history) if not name.startswith("_")))


def series(history: History) -> dict[str, list[float]]:
    """The numbers that were logged, by dotted name, in the order of the steps; NaN and infinities among them.

    A column that cannot be read is passed over: fsck says so.
    """
    found: dict[str, list[float]] = {}
    for name, value in _values(history):
        number = dotted.number(value)
        if number is not None and not name.startswith("_"):
            found.setdefault(name, []).append(number)
    return found


def _values(history: History) -> Iterator[tuple[str, object]]:
    for key in history.keys:
        try:
            column = history.column(key)
        except RecordError:
            continue
        for value in column.values():
            yield from dotted.flat({key: value}).items()
