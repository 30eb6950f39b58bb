"""A run's step history, FORMAT.md 4.3: JSON Lines in the tree of its last commit, or a DVC object when it is long."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable

from gitreg.records.objects import Oid
from gitreg.records.pointer import Pointer
from gitreg.registry import trees
from gitreg.registry.repository import Registry

HISTORY = "run/history.jsonl"


def encode(events: Iterable[tuple[str, object]]) -> bytes:
    """The history that a journal's events hold; empty without any."""
    rows: dict[tuple[object, object], dict[str, object]] = {}
    for number, (event, value) in enumerate(events):
        if event == "step" and isinstance(value, dict):
            # parts of one step have one time; two processes may be at the same step
            rows.setdefault((value["_step"], value.get("_timestamp", number)), {}).update(value)
    lines = (json.dumps(_strict(row), ensure_ascii=False, allow_nan=False) + "\n" for row in rows.values())
    return "".join(lines).encode()


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


def _strict(value: object) -> object:
    """The value for strict JSON, which has no NaN and no infinities: they become strings."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    return [_strict(item) for item in value] if isinstance(value, list) else value
