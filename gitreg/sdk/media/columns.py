"""A column in memory: an array whose first axis is the rows, or a list of values; read when first asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gitreg.errors import InvalidTableError, InvalidValueError
from gitreg.sdk import values
from gitreg.sdk.media.base import Media, as_array, need

ANY = "any"
"""The kind of a column that may hold values of several kinds."""

_KINDS: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    bytes: "bytes",
    dt.datetime: "time",
    dt.date: "time",
    list: "list",
    dict: "dict",
}
_KINDS_OF_DTYPES = {"b": "boolean", "i": "number", "u": "number", "f": "number", "c": "number", "M": "time"}
_NOTHING = frozenset({"NAType", "NaTType"})


def kind_and_value(value: Any) -> tuple[str, Any]:
    """What kind of value it is, and the value as a table keeps it.

    Tensors become arrays, tuples and sets lists, paths and the like text (`gitreg.sdk.values.plain`); what pandas and
    numpy have for a missing value becomes None. Scalars of numpy keep their type. Raises: InvalidTableError for
    a table.
    """
    kind = _KINDS.get(type(value))
    if kind is not None:
        return kind, value
    if isinstance(value, Media):
        return value.kind, value
    dtype = getattr(value, "dtype", None)
    if dtype is not None and hasattr(value, "shape"):
        return _array(value)
    if type(value).__name__ in _NOTHING:
        return "null", None
    if isinstance(value, dt.datetime):
        # pandas's, which may hold nanoseconds
        made = getattr(value, "to_pydatetime", None)
        return ("time", made(warn=False)) if made else ("time", value)
    if isinstance(value, (tuple, set, frozenset)):
        return "list", sorted(value, key=repr) if isinstance(value, (set, frozenset)) else list(value)
    if isinstance(value, Mapping):
        return "dict", dict(value)

    from gitreg.sdk.media.table import Table

    if isinstance(value, Table):
        raise InvalidTableError("a table is no cell of another", hint="add or log each by a name of its own")
    return kind_and_value(values.plain(value))


def _array(value: Any) -> tuple[str, Any]:
    if isinstance(value, (str, bytes)):
        # numpy's texts are Python's, too, and have no dimension to be indexed by
        return kind_and_value(value.item())  # type: ignore[union-attr]
    if type(value).__module__ != "numpy":
        value = as_array(value)
    kind = value.dtype.kind
    if value.shape:
        return ("array", value) if kind in "biufcMm" else ("list", value.tolist())
    value = value[()]
    if kind in "Mm" and need("numpy").isnat(value):
        return "null", None
    if kind == "m":
        return "string", str(value)
    if kind in _KINDS_OF_DTYPES:
        return _KINDS_OF_DTYPES[kind], value
    return kind_and_value(value.item() if hasattr(value, "item") else value)


def kind_of_dtype(dtype: Any) -> str:
    """The kind that a type, a kind of media, or one of numpy's element types means; '' for None, any for object.

    Raises: InvalidValueError.
    """
    if dtype is None:
        return ""
    if isinstance(dtype, type):
        if issubclass(dtype, Media):
            return dtype.kind
        if dtype is object:
            return ANY
        if dtype in _KINDS:
            return _KINDS[dtype]
        if dtype.__name__ == "ndarray":
            return "array"
    try:
        kind = need("numpy").dtype(dtype).kind
    except TypeError as error:
        raise InvalidValueError(f"{str(dtype)[:200]!r} is no type of a column") from error
    found = {**_KINDS_OF_DTYPES, "U": "string", "S": "bytes", "O": ANY, "m": "array"}.get(kind)
    if found is None:
        raise InvalidValueError(f"{str(dtype)[:200]!r} is no type of a column")
    return found


class Column:
    """The values of one column.

    Attributes:
        kind: what its values are, '' as long as nobody knows.
        optional: whether None is among them, or may be.
    """

    __slots__ = ("_load", "_values", "kind", "optional")

    def __init__(self, kind: str = "", *, optional: bool = True) -> None:
        self.kind = kind
        self.optional = optional
        self._values: Any = []
        self._load: Callable[[], Any] | None = None

    @classmethod
    def of(cls, name: object, data: Any, kind: str = "", *, optional: bool = True) -> Column:
        """A column of what a user gives: an array, anything that becomes one, or values one by one.

        An array is not copied. Raises: InvalidValueError (a TypeError) for values of several kinds, or no values.
        """
        column = cls(kind, optional=optional)
        if not isinstance(data, list) and hasattr(data, "dtype") and hasattr(data, "shape"):
            data = _rows(data)
            if not isinstance(data, list):
                found = "array" if data.ndim > 1 else _KINDS_OF_DTYPES.get(data.dtype.kind, "array")
                if kind not in ("", ANY, found):
                    raise InvalidValueError(f"column '{name}' is of kind {found}, and is to be of kind {kind}")
                column.kind, column._values = kind or found, data
                return column
        if isinstance(data, (str, bytes, Mapping)) or not isinstance(data, Iterable):
            raise InvalidValueError(f"column '{name}' cannot be made of {type(data).__name__}", hint="give a list")
        for row, value in enumerate(data):
            column.append(name, row, value)
        return column

    @classmethod
    def read(cls, kind: str, load: Callable[[], Any]) -> Column:
        """A column whose values `load` gives when somebody asks for them."""
        column = cls(kind)
        column._load = load
        return column

    @property
    def values(self) -> Any:
        """An array whose first axis is the rows, or a list. Raises: what reading them raises."""
        if self._load is not None:
            self._values, self._load = self._load(), None
        return self._values

    def append(self, name: object, row: int, value: Any) -> None:
        """Add a value. Raises: InvalidValueError (a TypeError) when it is of another kind than the others."""
        self.put(*self.checked(name, row, value))

    def checked(self, name: object, row: int, value: Any) -> tuple[str, Any]:
        """What `put` takes of a value; nothing has changed yet. Raises: InvalidValueError (a TypeError)."""
        kind, kept = kind_and_value(value)
        if kind == "null":
            if not self.optional:
                raise InvalidValueError(f"row {row} of column '{name}' is None", hint="optional=True allows that")
        elif self.kind not in (kind, "", ANY):
            raise InvalidValueError(
                f"row {row} of column '{name}' is of kind {kind}, the others are of kind {self.kind}",
                hint="Table(..., allow_mixed_types=True) takes both",
            )
        return kind, kept

    def put(self, kind: str, kept: Any) -> None:
        """Add a value that was checked."""
        if not self.kind and kind != "null":
            self.kind = kind
        if not isinstance(self.values, list):
            self._values = list(self._values)
        self._values.append(kept)

    def cast(self, name: object, kind: str, *, optional: bool) -> Column:
        """The same values in a column of that kind. Raises: InvalidValueError (a TypeError)."""
        return Column.of(name, self.values, kind, optional=optional)

    def listed(self) -> list[Any]:
        """The values one by one."""
        return list(self.values)

    def array(self) -> Any:
        """The values as an array of its own: media as their pixels; objects where rows have several shapes."""
        numpy = need("numpy")
        found = self.values
        if not isinstance(found, list):
            return found.copy()
        if any(isinstance(value, Media) for value in found):
            found = [value.to_data_array() if hasattr(value, "to_data_array") else value for value in found]
        try:
            return numpy.array(found)
        except ValueError:
            array = numpy.empty(len(found), object)
            for row, value in enumerate(found):
                array[row] = value
            return array


def _rows(data: Any) -> Any:
    """An array or a list of the rows of something with a shape."""
    if hasattr(data, "to_numpy"):  # a series of pandas, whose missing values are of many kinds
        dtype = data.dtype
        if getattr(dtype, "kind", "O") not in "biufcMm" or type(dtype).__module__.partition(".")[0] != "numpy":
            missing = data.isna()
            return [None if gone else value for value, gone in zip(data.tolist(), missing, strict=True)]
        data = data.to_numpy()
    array = as_array(data)
    if not array.ndim:
        raise InvalidValueError("a column cannot be made of a single number", hint="give a list")
    return array if array.dtype.kind in "biufcMm" else array.tolist()
