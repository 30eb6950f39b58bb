"""Nested values by dotted path: `optimizer.lr`. For looking at them and comparing them; records keep them nested."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

Path = tuple[str, ...]
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


def leaves(values: Mapping[str, object], above: Path = ()) -> Iterator[tuple[Path, object]]:
    """What is no mapping with something in it, with the keys that lead there, in the order given."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value and not is_medium(value):
            yield from leaves(value, (*above, key))
        else:
            yield (*above, key), value


def is_medium(value: object) -> bool:
    """Whether it stands for a table, a picture or another medium that a run has logged: a mapping with `_type`."""
    return isinstance(value, Mapping) and isinstance(value.get("_type"), str)


def dotted(path: Path) -> str:
    """A path as it is read: `optimizer.lr`. A key that would be misread is quoted: `"a.b".c`."""
    return ".".join(json.dumps(key, ensure_ascii=False) if not key or "." in key else key for key in path)


def plain(name: str) -> str:
    """A dotted path without quotes, as the names of metrics in FORMAT.md 4.6 are written."""
    return _QUOTED.sub(lambda match: str(json.loads(match[0])), name)


def flat(values: Mapping[str, object]) -> dict[str, object]:
    """The leaves by dotted path."""
    return {dotted(path): value for path, value in leaves(values)}


def numbers(values: Mapping[str, object]) -> dict[str, float]:
    """The leaves that are numbers, by dotted path. What begins with `_` is bookkeeping, as `_step` is, and left out."""
    found = {name: number(value) for name, value in flat(values).items() if not name.startswith("_")}
    return {name: value for name, value in found.items() if value is not None}


def number(value: object) -> float | None:
    """A number that can be calculated with, None for what is none; an integer that no float reaches is infinite."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
    return value
