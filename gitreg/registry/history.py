"""A run's step history, FORMAT.md 4.3: JSON Lines in the tree of its last commit, or a DVC object when it is long."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping

from gitreg.errors import MissingBytesError
from gitreg.records import dotted
from gitreg.records.objects import Oid
from gitreg.records.pointer import Pointer
from gitreg.registry import trees
from gitreg.registry.journal import Journal
from gitreg.registry.repository import Registry
from gitreg.registry.runs import Run

HISTORY = "run/history.jsonl"
# In bytes. More than this is not read to be looked at.
_READABLE = 64 << 20
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

Row = Mapping[str, object]


def encode(events: Iterable[tuple[str, object]]) -> bytes:
    """The history that a journal's events hold; empty without any."""
    lines = (json.dumps(_strict(row), ensure_ascii=False, allow_nan=False) + "\n" for row in _rows(events))
    return "".join(lines).encode()


def _rows(events: Iterable[tuple[str, object]]) -> Iterable[Row]:
    rows: dict[tuple[object, object], dict[str, object]] = {}
    for number, (event, value) in enumerate(events):
        if event in ("step", "log") and isinstance(value, dict):
            # parts of one step have one time; two processes may be at the same step
            rows.setdefault((value["_step"], value.get("_timestamp", number)), {}).update(value)
    return rows.values()


def files(registry: Registry, history: bytes) -> dict[str, bytes]:
    """The files of the last commit's tree; a long history goes into the cache. Raises: StorageError."""
    if len(history) <= trees.MAX_BLOB:
        return {HISTORY: history} if history else {}
    stored = registry.cache.add_bytes(history)
    name = HISTORY.rpartition("/")[2]
    return {f"{HISTORY}.dvc": Pointer(name, stored.md5, stored.size, None).encode()}


def pointer(registry: Registry, tree: Oid) -> Pointer | None:
    """The DVC object that a last commit's tree names, None when it holds the history itself. Raises: RecordError."""
    text = registry.objects.blob_at(tree, f"{HISTORY}.dvc")
    return Pointer.parse(text) if text is not None else None


def read(registry: Registry, run: Run) -> list[Row] | None:
    """The steps of a run that has ended, the first one first; none when it logged none.

    None when they are in a DVC object that is not here, is damaged, or is too long to look at.
    """
    if run.end is None:
        return []
    text = registry.objects.blob_at(run.end.tree, HISTORY)
    if text is None:
        stored = pointer(registry, run.end.tree)
        if stored is None:
            return []
        text = _stored(registry, stored)
    return None if text is None else list(_parsed(text))


def need(registry: Registry, run: Run) -> list[Row]:
    """The same, fetched from a storage when it is not here. Raises: MissingBytesError."""
    found = read(registry, run)
    if found is None:
        raise MissingBytesError(f"the step history of run '{run.record.id}' is not here", [])
    return found


def _stored(registry: Registry, stored: Pointer) -> bytes | None:
    if stored.size > _READABLE or not registry.cache.has(stored.md5, stored.size):
        return None
    text = registry.cache.path(stored.md5).read_bytes()
    return text if hashlib.md5(text, usedforsecurity=False).hexdigest() == stored.md5 else None


def _parsed(text: bytes) -> Iterator[Row]:
    """What is no JSON object is passed over: fsck says so."""
    for line in text.splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            row = json.loads(line)
            if isinstance(row, dict):
                yield row


def so_far(journal: Journal) -> list[Row]:
    """The steps of a run that goes on here, or was killed here. Raises: NotFoundError."""
    return list(_rows(journal.events()))


def series(rows: Iterable[Row]) -> dict[str, list[float]]:
    """The numbers that were logged, by dotted name, in the order of the steps; NaN and infinities among them."""
    found: dict[str, list[float]] = {}
    for row in rows:
        for name, value in dotted.flat(row).items():
            read = _NOT_FINITE.get(value) if isinstance(value, str) else dotted.number(value)
            if read is not None and not name.startswith("_"):
                found.setdefault(name, []).append(read)
    return found


def _strict(value: object) -> object:
    """The value for strict JSON, which has no NaN and no infinities: they become strings."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    return [_strict(item) for item in value] if isinstance(value, list) else value
