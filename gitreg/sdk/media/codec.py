"""A column's values as Arrow arrays, and back: types are kept, and what comes back is checked.

How a column is stored is its `Info`, which `table.json` holds. Nothing here knows files.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from gitreg.errors import InvalidValueError, RecordError
from gitreg.sdk import values as plain_values
from gitreg.sdk.media import tagged
from gitreg.sdk.media.base import Media, need
from gitreg.sdk.media.kinds import media_class

Info = dict[str, Any]
"""How a column is stored: `kind`, and for some kinds `dtype`, `shape`, `media`, `format`."""

Arrays = dict[str, Any]
"""Arrow arrays by what they are of the column; '' is its values."""

_WHOLE = 1 << 53
"""Every integer up to this is a float, too."""
_LONGEST = 1 << 63


@dataclass(frozen=True, slots=True)
class Encoded:
    """A column as it is stored.

    Attributes:
        repeats: whether many of its values are equal, and large.
        alone: whether it is big by nature, and gets a file of its own.
    """

    info: Info
    arrays: Arrays
    repeats: bool = False
    alone: bool = False


def encode(name: object, values: Any) -> Encoded:
    """A column's values, an array or a list, as they are stored. Raises: InvalidValueError for what cannot be."""
    if not isinstance(values, list):
        return _from_array(name, values)
    present = [value for value in values if value is not None]
    types = {type(value) for value in present}
    if not types:
        return Encoded({"kind": "null"}, {"": need("pyarrow").nulls(len(values))})
    if issubclass(media := next(iter(types)), Media) and len(types) == 1:
        return _from_media(media, values)
    if all(hasattr(kind, "dtype") for kind in types):
        return _from_arrays(name, values, present)
    for kind, convert in _PLAIN.items():
        array = convert(types, values)
        if array is not None:
            return Encoded({"kind": kind}, {"": array})
    return Encoded({"kind": "json"}, {"": _texts([None if value is None else tagged.dumps(value) for value in values])})


def decode(info: Info, arrays: Mapping[str, Any], rows: int) -> Any:
    """The values of a column. Raises: RecordError when the arrays are not what the info says."""
    arrow = need("pyarrow")
    try:
        kind = info["kind"]
        if kind == "null":
            return [None] * rows
        if kind == "array":
            return _to_array(info, arrays[""], rows)
        if kind == "arrays":
            return _to_arrays(info, arrays)
        if kind == "media":
            return _to_media(info, arrays)
        if kind == "json":
            return [None if text is None else tagged.loads(text) for text in _listed(arrays[""])]
        return _as_is(kind, arrays[""])
    except (KeyError, TypeError, ValueError, OverflowError, arrow.ArrowException) as error:
        raise RecordError(f"a column of the table is malformed: {str(error)[:200]}") from error


def joined(parts: list[Any]) -> Any:
    """The values of a column whose parts, one at least, were decoded one by one."""
    if len(parts) == 1:
        return parts[0]
    return list(chain.from_iterable(parts)) if isinstance(parts[0], list) else need("numpy").concatenate(parts)


# plain values: each of these gives an Arrow array, or None when the values are of no such type


def _booleans(types: set[type], values: list[Any]) -> Any:
    return need("pyarrow").array(values, "bool") if types == {bool} else None


def _integers(types: set[type], values: list[Any]) -> Any:
    if types != {int} or not all(value is None or -_LONGEST <= value < _LONGEST for value in values):
        return None
    return need("pyarrow").array(values, "int64")


def _floats(types: set[type], values: list[Any]) -> Any:
    if types == {int, float} and not all(
        value is None or type(value) is float or abs(value) <= _WHOLE for value in values
    ):
        return None
    if not types <= {int, float} or types == {int}:
        return None
    return need("pyarrow").array([None if value is None else float(value) for value in values], "float64")


def _strings(types: set[type], values: list[Any]) -> Any:
    return _texts(values) if types == {str} else None


def _binaries(types: set[type], values: list[Any]) -> Any:
    return need("pyarrow").array(values, "large_binary") if types == {bytes} else None


def _times(types: set[type], values: list[Any]) -> Any:
    """Times of a zone are kept in UTC; those without one, and dates, as they are."""
    arrow = need("pyarrow")
    if types == {dt.date}:
        return arrow.array(values, arrow.date32())
    if types != {dt.datetime}:
        return None
    zoned = {value.tzinfo is not None for value in values if value is not None}
    if len(zoned) > 1:
        return None
    return arrow.array(values, arrow.timestamp("us", tz="UTC" if zoned == {True} else None))


def _lists(types: set[type], values: list[Any]) -> Any:
    """Lists of floats, or of integers, such as embeddings; other lists are JSON."""
    if types != {list}:
        return None
    arrow = need("pyarrow")
    items = {type(item) for value in values if value is not None for item in value}
    if items == {float}:
        return arrow.array(values, arrow.list_(arrow.float64()))
    if items == {int} and all(-_LONGEST <= item < _LONGEST for value in values for item in value or ()):
        return arrow.array(values, arrow.list_(arrow.int64()))
    return None


_PLAIN: dict[str, Callable[[set[type], list[Any]], Any]] = {
    "boolean": _booleans,
    "integer": _integers,
    "float": _floats,
    "string": _strings,
    "bytes": _binaries,
    "time": _times,
    "list": _lists,
}


def _as_is(kind: str, array: Any) -> list[Any]:
    arrow = need("pyarrow")
    types = arrow.types
    known: dict[str, Callable[[Any], bool]] = {
        "boolean": types.is_boolean,
        "integer": types.is_int64,
        "float": types.is_float64,
        "string": _is_text,
        "bytes": _is_text,
        "time": lambda found: types.is_timestamp(found) or types.is_date32(found),
        "list": lambda found: types.is_list(found) and found.value_type in (arrow.int64(), arrow.float64()),
    }
    if kind not in known:
        raise ValueError(f"no such kind of column: {str(kind)[:100]!r}")
    if not known[kind](array.type):
        raise ValueError(f"a column of kind {kind} holds {array.type}")
    if types.is_timestamp(array.type):
        array = array.cast(arrow.timestamp("us", tz=array.type.tz))
        if array.type.tz is not None:
            # without asking for the system's list of zones
            naive = array.cast(arrow.timestamp("us"))
            return [None if value is None else value.replace(tzinfo=dt.timezone.utc) for value in naive.to_pylist()]
    found: list[Any] = _listed(array)
    return found


def _is_text(kind: Any) -> bool:
    types = need("pyarrow").types
    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        types.is_string(kind) or types.is_large_string(kind) or types.is_binary(kind) or types.is_large_binary(kind)
    )


def _texts(values: Sequence[str | None]) -> Any:
    """Texts; what is no Unicode (lone surrogates) becomes U+FFFD."""
    arrow = need("pyarrow")
    try:
        return arrow.array(values, "large_string")
    except UnicodeEncodeError:
        return arrow.array([plain_values.plain(value) for value in values], "large_string")


def _listed(array: Any) -> list[Any]:
    """The values one by one; equal texts of a dictionary are one object."""
    if not need("pyarrow").types.is_dictionary(array.type):
        return list(array.to_pylist())
    known = array.dictionary.to_pylist()
    return [None if index is None else known[index] for index in array.indices.to_pylist()]


# arrays


def _storable(name: object, dtype: Any) -> Any:
    """The little-endian element type to store. Raises: InvalidValueError."""
    if not tagged.can_hold(dtype):
        raise InvalidValueError(
            f"column '{name}' has elements of type {dtype}, which cannot be stored",
            hint="convert it: array.astype(...)",
        )
    return dtype.newbyteorder("<")


def _from_array(name: object, array: Any) -> Encoded:
    """An array whose first axis is the rows."""
    arrow = need("pyarrow")
    dtype, shape = _storable(name, array.dtype), array.shape[1:]
    info = {"kind": "array", "dtype": dtype.name, "shape": list(shape)}
    flat = need("numpy").ascontiguousarray(array, dtype)
    if not shape:
        return Encoded(info, {"": _elements(flat)})
    length = math.prod(shape)
    if not length:
        return Encoded(info, {"": arrow.nulls(len(array))})
    elements = _elements(flat.reshape(-1), raw=True)
    stored = arrow.FixedSizeListArray.from_arrays(elements, len(elements) // max(1, len(array)) or length)
    if dtype.kind in "iuf":
        # what other readers of Arrow know as a tensor; they see the shape
        stored = arrow.ExtensionArray.from_storage(arrow.fixed_shape_tensor(elements.type, shape), stored)
    return Encoded(info, {"": stored}, alone=True)


def _elements(flat: Any, *, raw: bool = False) -> Any:
    """One-dimensional elements; with `raw`, without nulls: truths are bytes, times integers, complex numbers pairs."""
    arrow, kind = need("pyarrow"), flat.dtype.kind
    if kind == "c":
        pairs = flat.view(f"f{flat.itemsize // 2}")
        return arrow.array(pairs) if raw else arrow.FixedSizeListArray.from_arrays(arrow.array(pairs), 2)
    if kind == "b" and raw:
        return arrow.array(flat.view("u1"))
    if kind == "m" or (kind == "M" and (raw or flat.dtype.name[11:-1] not in ("s", "ms", "us", "ns", "D"))):
        return arrow.array(flat.view("i8"))
    return arrow.array(flat)


def _to_array(info: Info, stored: Any, rows: int) -> Any:
    numpy, arrow = need("numpy"), need("pyarrow")
    dtype, shape = tagged.dtype_of(info["dtype"]), _shape(info["shape"])
    native = dtype.newbyteorder("=")
    if not math.prod(shape):
        return numpy.empty((rows, *shape), native)
    if not shape and dtype.kind != "c":
        if stored.null_count and dtype.kind != "M":
            raise ValueError("an array has missing values")
        flat = stored.to_numpy(zero_copy_only=False)
        if flat.dtype.kind not in {"m": "i", "M": "iM"}.get(dtype.kind, dtype.kind):
            raise ValueError(f"an array of {dtype} holds {stored.type}")
        return flat.astype(native) if dtype.kind == "M" and flat.dtype.kind == "M" else _viewed(flat, native)
    length = math.prod(shape) * (2 if dtype.kind == "c" else 1)
    types = arrow.types
    if not (types.is_list(stored.type) or types.is_large_list(stored.type)) or stored.null_count:
        raise ValueError(f"an array of shape {shape} holds {stored.type}")
    lengths = numpy.diff(stored.offsets.to_numpy())
    flat = stored.flatten()
    if len(flat) != rows * length or flat.null_count or (lengths != length).any():
        raise ValueError("an array has rows of several lengths")
    return _viewed(flat.to_numpy(zero_copy_only=False), native).reshape((rows, *shape))


def _viewed(flat: Any, dtype: Any) -> Any:
    """Elements under the type that they had, in memory that may be written to."""
    wanted = {"b": "u1", "m": "i8", "M": "i8", "c": f"f{dtype.itemsize // 2}"}.get(dtype.kind, dtype.str)
    if flat.dtype != need("numpy").dtype(wanted) and flat.dtype != dtype:
        raise ValueError(f"elements of {dtype} are stored as {flat.dtype}")
    return flat.view(dtype).copy()


def _shape(found: object) -> tuple[int, ...]:
    if not isinstance(found, list) or len(found) > 32 or not all(type(n) is int and 0 <= n < 1 << 40 for n in found):
        raise ValueError(f"no shape of an array: {str(found)[:100]}")
    return tuple(found)


def _from_arrays(name: object, values: list[Any], present: list[Any]) -> Encoded:
    """Arrays or numpy's scalars one by one: one array when they are alike, else each with its shape."""
    arrow, numpy = need("pyarrow"), need("numpy")
    dtypes, shapes = {value.dtype for value in present}, {value.shape for value in present}
    if len(dtypes) == 1 and len(shapes) == 1 and len(present) == len(values):
        return _from_array(name, numpy.stack(values) if shapes != {()} else numpy.array(values, dtypes.pop()))
    if len(dtypes) > 1 or () in shapes:
        # scalars with missing ones between them become Python's, arrays of several types are kept one by one
        found = [value.item() if getattr(value, "shape", None) == () else value for value in values]
        if all(value is None or type(value) in (bool, int, float) for value in found):
            return encode(name, found)
        texts = [None if value is None else tagged.dumps(value) for value in values]
        return Encoded({"kind": "json"}, {"": _texts(texts)})
    dtype = _storable(name, dtypes.pop())
    flat = [
        numpy.empty(0, dtype) if value is None else numpy.ascontiguousarray(value, dtype).reshape(-1)
        for value in values
    ]
    elements = _elements(numpy.concatenate(flat), raw=True)
    each = 2 if dtype.kind == "c" else 1
    offsets = numpy.concatenate([[0], numpy.cumsum([len(part) * each for part in flat])])
    rows = arrow.LargeListArray.from_arrays(arrow.array(offsets, "int64"), elements)
    sizes = arrow.array([None if value is None else list(value.shape) for value in values], arrow.list_(arrow.int64()))
    return Encoded({"kind": "arrays", "dtype": dtype.name}, {"": rows, "shape": sizes}, alone=True)


def _to_arrays(info: Info, arrays: Mapping[str, Any]) -> list[Any]:
    arrow, dtype = need("pyarrow"), tagged.dtype_of(info["dtype"]).newbyteorder("=")
    rows, shapes, types = arrays[""], arrays["shape"].to_pylist(), arrow.types
    if not (types.is_list(rows.type) or types.is_large_list(rows.type)):
        raise ValueError(f"arrays are stored as {rows.type}")
    offsets = rows.offsets.to_numpy() - rows.offsets[0].as_py()
    flat = rows.flatten()
    if flat.null_count or rows.null_count:
        raise ValueError("arrays have missing values")
    elements = flat.to_numpy(zero_copy_only=False)
    found: list[Any] = []
    for row, shape in enumerate(shapes):
        part = elements[offsets[row] : offsets[row + 1]]
        found.append(None if shape is None else _viewed(part, dtype).reshape(_shape(shape)))
    return found


# media


def _from_media(media: type[Media], values: list[Any]) -> Encoded:
    """Encoded bytes; caption and details beside them where there are any."""
    arrow = need("pyarrow")
    present = [value for value in values if value is not None]
    info: Info = {"kind": "media", "media": media.kind}
    data = [None if value is None else value.data for value in values]
    arrays = {"": arrow.array(data, "large_binary")}
    formats = {value.format for value in present}
    if len(formats) == 1:
        info["format"] = formats.pop()
    else:
        arrays["format"] = _texts([None if value is None else value.format for value in values])
    if any(value.caption is not None for value in present):
        arrays["caption"] = _texts([None if value is None else value.caption for value in values])
    if any(value._details for value in present):
        details = [tagged.dumps(value._details) if value and value._details else None for value in values]
        arrays["details"] = _texts(details)
    return Encoded(info, arrays, repeats=len({*data}) * 2 <= len(data), alone=True)


def _to_media(info: Info, arrays: Mapping[str, Any]) -> list[Media | None]:
    made = media_class(info["media"])
    if made is None:
        raise ValueError(f"no such kind of media: {str(info['media'])[:100]!r}")
    if not _is_text(arrays[""].type):
        raise ValueError(f"media are stored as {arrays[''].type}")
    data = _listed(arrays[""])
    nothing: list[Any] = [None] * len(data)
    formats = _listed(arrays["format"]) if "format" in arrays else [str(info["format"])] * len(data)
    captions = _listed(arrays["caption"]) if "caption" in arrays else nothing
    details = _listed(arrays["details"]) if "details" in arrays else nothing
    return [
        None if item is None else made._of(item, str(end), caption, _details(more))
        for item, end, caption, more in zip(data, formats, captions, details, strict=True)
    ]


def _details(text: str | None) -> dict[str, Any]:
    found = {} if text is None else tagged.loads(text)
    if not isinstance(found, dict):
        raise TypeError("details of a medium are a mapping")
    return found
