"""From whatever users put into config, summary, history and metadata to values that a record can hold.

Knows numpy, torch and the like by what they offer, never by importing them.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import enum
import json
import math
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from gitreg.errors import InvalidArtifactError, TooLargeError, UsageError
from gitreg.sdk.talk import once

MAX_DEPTH = 24
MAX_ELEMENTS = 1000
MAX_KEY = 900
MAX_METADATA_KEYS = 100
MAX_BYTES = 400_000
"""What all config, all summary values, or all metadata may take as text; a record of them holds at most 1 MiB."""

_SCALARS = frozenset((float, int, bool, type(None)))
_SHORT = frozenset((float, bool, type(None)))


def plain(value: object, depth: int = 0) -> Any:
    """The value as None, bool, int, float, str, or a list or dict of such.

    - Scalars of numpy, torch and the like become Python's, and so do their arrays of at most `MAX_ELEMENTS` elements;
      of a larger one only shape and element type are kept, as text, and a warning says so once.
    - Mappings become dicts whose keys are strings, as do dataclasses and `argparse.Namespace`; tuples become lists;
      sets become lists sorted by type and text. An enum's member becomes its value.
    - Paths become text, times ISO 8601, functions and classes their dotted name; anything else its `str()`.
    - What no file can hold as UTF-8 (lone surrogates) becomes U+FFFD. NaN and infinities stay.

    Raises: UsageError for keys longer than `MAX_KEY` and for what is nested deeper than `MAX_DEPTH` (or in itself).
    """
    if type(value) in _SCALARS:
        return value
    if type(value) is dict and depth < MAX_DEPTH:
        return _mapping(value, depth)
    if isinstance(value, enum.Enum):
        return plain(value.value, depth)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return _text(value)
    if depth >= MAX_DEPTH:
        raise UsageError(f"values are nested deeper than {MAX_DEPTH} levels", hint="does a value hold itself?")
    if isinstance(value, argparse.Namespace):
        value = vars(value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return _mapping(value, depth)
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    if isinstance(value, (set, frozenset)):
        items = [plain(item, depth + 1) for item in value]
        return sorted(items, key=lambda item: (type(item).__name__, item if _is_number(item) else 0, str(item)))
    return _object(value, depth)


def metadata(values: Mapping[str, object] | None) -> dict[str, Any]:
    """An artifact's metadata as it is recorded: NaN becomes None.

    Raises: TypeError when it is no mapping; ValueError for infinities, more than `MAX_METADATA_KEYS` keys, more than
        `MAX_BYTES` bytes.
    """
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise TypeError(f"metadata must be a mapping, not {type(values).__name__}")
    if len(values) > MAX_METADATA_KEYS:
        raise ValueError(f"metadata has {len(values)} keys, at most {MAX_METADATA_KEYS} are allowed")
    found: dict[str, Any] = _finite(plain(values), "metadata")
    check_size(found, "metadata")
    return found


def check_size(value: object, what: str) -> int:
    """How many bytes plain values take. Raises: TooLargeError when these are more than `MAX_BYTES`."""
    size = len(json.dumps(value))
    if size > MAX_BYTES:
        raise TooLargeError(f"{what} would take {size} bytes, at most {MAX_BYTES} are allowed", hint="log a file")
    return size


def most_bytes(values: Mapping[str, object]) -> int:
    """At least as many bytes as plain values take among others; quicker than to measure them."""
    wide = sum(
        value.bit_length() if type(value) is int else len(json.dumps(value))
        for value in values.values()
        if type(value) not in _SHORT
    )
    # a character is at most twelve: two of \uXXXX
    return wide + 12 * sum(map(len, values)) + 30 * len(values)


def _mapping(value: Mapping[Any, object], depth: int) -> dict[str, Any]:
    # nearly all that is logged is numbers, and some people do it often
    return {_key(key): item if type(item) in _SCALARS else plain(item, depth + 1) for key, item in value.items()}


def _object(value: Any, depth: int) -> Any:
    """A value that is none of Python's own types."""
    if isinstance(value, PurePath):
        return _text(str(value))
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        return _text(f"{value.__module__}.{value.__qualname__}")
    if callable(getattr(value, "tolist", None)):
        shape = tuple(getattr(value, "shape", ()))
        if math.prod(shape) > MAX_ELEMENTS:
            once(f"of arrays of more than {MAX_ELEMENTS} values only shape and type are kept; log them in a file")
            return f"array of shape {shape}, {getattr(value, 'dtype', 'unknown type')}"
        found = value.tolist()
        # numpy has scalars wider than Python's, and gives them back as they are
        return _text(str(value)) if type(found) is type(value) else plain(found, depth)
    if callable(getattr(value, "numpy", None)):
        return plain(value.numpy(), depth + 1)
    return _text(str(value))


def _finite(value: Any, where: str) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, float) and math.isinf(value):
        raise InvalidArtifactError(f"{where} is infinite", hint="None, a text, or a large number; NaN becomes None")
    return value


def _key(key: object) -> str:
    if type(key) is str and len(key) <= MAX_KEY and key.isascii():
        return key
    text = _text(str(plain(key)))
    if len(text) > MAX_KEY:
        raise UsageError(
            f"a key is longer than {MAX_KEY} characters: '{text[:40]}...'",
            hint="log long texts as values, or in a file",
        )
    return text


def _text(text: str) -> str:
    if text.isascii():
        return str(text)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not (isinstance(value, float) and math.isnan(value))
