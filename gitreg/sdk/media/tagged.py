"""Values of any type as JSON text, and back as they were.

JSON's own types stand for themselves. Everything else is a mapping with `_type`, and so is a mapping that has this key
itself or keys that are no text. Mappings are sorted, so equal values have equal texts.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from gitreg.errors import RecordError
from gitreg.sdk import values
from gitreg.sdk.media.base import Media, need
from gitreg.sdk.media.kinds import media_class

TAG = "_type"
_DTYPE = re.compile(
    r"bool|u?int(?:8|16|32|64)|float(?:16|32|64)|complex(?:64|128)|(?:datetime|timedelta)64\[(?:ns|us|ms|s|m|h|D|W|M|Y)\]"
)


def dumps(value: object) -> str:
    """The text of a value. Raises: UsageError for what is nested too deep."""
    return json.dumps(_tagged(value, 0), ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def loads(text: str) -> Any:
    """The value of a text. Raises: RecordError."""
    try:
        return json.loads(text, object_hook=_untagged)
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        raise RecordError(f"a value in the table is malformed: {str(error)[:200]}") from error


def dtype_of(name: object) -> Any:
    """The element type of that name, little-endian; only numbers, truths and times are known. Raises: RecordError."""
    if not isinstance(name, str) or not _DTYPE.fullmatch(name):
        raise RecordError(f"a table has no values of the type {str(name)[:100]!r}")
    return need("numpy").dtype(name).newbyteorder("<")


def can_hold(dtype: Any) -> bool:
    """Whether arrays of that element type can be kept."""
    return _DTYPE.fullmatch(dtype.name) is not None


def _tagged(value: Any, depth: int) -> Any:
    if value is None or type(value) in (bool, int):
        return value
    if type(value) is str:
        return values.plain(value)
    if type(value) is float:
        return value if math.isfinite(value) else {TAG: "float", "value": str(value)}
    if depth > values.MAX_DEPTH:
        # which says so
        return values.plain(value, depth)
    if isinstance(value, (list, tuple)):
        return [_tagged(item, depth + 1) for item in value]
    if isinstance(value, Mapping):
        if TAG not in value and all(type(key) is str for key in value):
            return {values.plain(key): _tagged(item, depth + 1) for key, item in value.items()}
        items = [[_tagged(key, depth + 1), _tagged(item, depth + 1)] for key, item in value.items()]
        return {TAG: "dict", "items": sorted(items, key=lambda item: json.dumps(item, sort_keys=True))}
    if isinstance(value, bytes):
        return {TAG: "bytes", "data": _text(value)}
    if isinstance(value, Media):
        document = {TAG: "media", "kind": value.kind, "format": value.format, "data": _text(value.data)}
        return {**document, "caption": value.caption, "details": _tagged(value._details, depth + 1)}
    if isinstance(value, (dt.datetime, dt.date)):
        return {TAG: "datetime" if isinstance(value, dt.datetime) else "date", "value": value.isoformat()}
    if hasattr(value, "dtype") and hasattr(value, "tobytes") and hasattr(value.dtype, "newbyteorder"):
        if can_hold(value.dtype):
            raw = value.astype(value.dtype.newbyteorder("<")).tobytes()
            return {TAG: "ndarray", "dtype": value.dtype.name, "shape": list(value.shape), "data": _text(raw)}
        return _tagged(value.tolist(), depth + 1)
    return values.plain(value, depth)


def _untagged(found: dict[str, Any]) -> Any:
    kind = found.get(TAG)
    if kind is None:
        return found
    if kind == "float":
        return float(found["value"])
    if kind == "dict":
        return dict(found["items"])
    if kind == "bytes":
        return base64.b64decode(found["data"], validate=True)
    if kind == "datetime":
        return dt.datetime.fromisoformat(found["value"])
    if kind == "date":
        return dt.date.fromisoformat(found["value"])
    if kind == "media":
        made = media_class(found["kind"])
        if made is None:
            raise ValueError(f"no such kind of media: {str(found['kind'])[:100]!r}")
        return made._of(base64.b64decode(found["data"], validate=True), *_described(found))
    if kind == "ndarray":
        raw = base64.b64decode(found["data"], validate=True)
        array = need("numpy").frombuffer(raw, dtype_of(found["dtype"])).reshape(found["shape"])
        return array.astype(array.dtype.newbyteorder("="))[()]
    raise ValueError(f"no such type: {str(kind)[:100]!r}")


def _described(found: Mapping[str, Any]) -> tuple[str, str | None, dict[str, Any]]:
    format, caption, details = found["format"], found.get("caption"), found.get("details") or {}
    if not (isinstance(format, str) and isinstance(caption, (str, type(None))) and isinstance(details, dict)):
        raise TypeError("a medium's format and caption are text")
    return format, caption, details


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
