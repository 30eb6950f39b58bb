"""`Table`: named columns of values, arrays and media, as W&B's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, final, overload

from gitreg.errors import InvalidTableError
from gitreg.records.plain import visible
from gitreg.sdk.media.base import need
from gitreg.sdk.media.columns import ANY, Column, kind_of_dtype

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Name = str | int
"""The name of a column."""


@final
class Table:
    """Named columns of the same length.

    A cell holds a number, truth, text, bytes, time, list, mapping, array or medium, or None. Types are kept, those of
    numpy's arrays and scalars included, and there is no limit to the rows. A table that `Artifact.get` has found reads
    each column when it is first asked for.
    """

    def __init__(  # noqa: PLR0917  # W&B's signature
        self,
        columns: list[Name] | None = None,
        data: Any = None,
        rows: Any = None,
        dataframe: pd.DataFrame | None = None,
        dtype: Any = None,
        optional: bool | list[bool] = True,
        allow_mixed_types: bool = False,
        log_mode: Literal["IMMUTABLE", "MUTABLE", "INCREMENTAL"] = "IMMUTABLE",
    ) -> None:
        """Make one from rows, a two-dimensional array, or a data frame; `columns` is `Input`, `Output`, `Expected`.

        `data` is a list of rows, an array or a data frame; `rows` is W&B's older word for it. A data frame brings its
        own names. `dtype` is a type (`int`, `str`, `Image`, `"float32"`, ...), or a list of one for each column;
        without it the first value decides. `optional` says whether None is allowed. `log_mode` changes nothing: a table
        can be logged again after each change, and is logged whole.

        Raises: InvalidTableError (a ValueError and AssertionError); InvalidValueError (a TypeError) for values of
        several kinds in a column, unless `allow_mixed_types`.
        """
        if log_mode not in ("IMMUTABLE", "MUTABLE", "INCREMENTAL"):
            raise InvalidTableError(f"no such log_mode: {str(log_mode)[:100]!r}")
        self._columns: dict[Name, Column] = {}
        self._length = 0
        is_frame = hasattr(data, "columns") and not isinstance(data, Table)
        frame = dataframe if dataframe is not None else data if is_frame else None
        names: Any = list(frame.columns) if frame is not None else columns
        names = ["Input", "Output", "Expected"] if names is None else names
        if not isinstance(names, list):
            raise InvalidTableError("columns is no list of names", hint='columns=["x", "y"]')
        kinds = [ANY if allow_mixed_types else kind_of_dtype(item) for item in _each(dtype, names, "dtype")]
        for name, kind, may_miss in zip(names, kinds, _each(optional, names, "optional"), strict=True):
            self._check_new(name)
            self._columns[name] = Column(kind, optional=may_miss)
        if frame is not None:
            self._fill([frame[name] for name in names], len(frame))
        elif hasattr(data, "dtype") and len(getattr(data, "shape", ())) >= 2:
            if data.shape[1] != len(names):
                raise InvalidTableError(f"rows have {data.shape[1]} values, and there are {len(names)} columns")
            self._fill([data[:, at] for at in range(len(names))], len(data))
        else:
            for row in _rows(data if data is not None else rows if rows is not None else ()):
                self.add_data(*row)

    @classmethod
    def _read(cls, columns: Mapping[Name, Column], length: int) -> Table:
        """A table that is stored somewhere."""
        table = cls(columns=[])
        table._columns = dict(columns)
        table._length = length
        return table

    def _fill(self, data: list[Any], length: int) -> None:
        self._columns = {
            name: Column.of(name, values, column.kind, optional=column.optional)
            for (name, column), values in zip(self._columns.items(), data, strict=True)
        }
        self._length = length

    def _check_new(self, name: object) -> None:
        if isinstance(name, bool) or not isinstance(name, (str, int)):
            raise InvalidTableError(f"{str(name)[:200]!r} is no name of a column", hint="names are text or integers")
        if str(name) in map(str, self._columns):
            raise InvalidTableError(f"there is a column '{name}' already", hint="columns cannot be replaced")

    def _column(self, name: Name) -> Column:
        try:
            return self._columns[name]
        except (KeyError, TypeError):
            there = ", ".join(f"'{other}'" for other in self._columns) or "none"
            raise InvalidTableError(f"there is no column '{name}'", hint=f"there are: {there}") from None

    # what it is

    @property
    def columns(self) -> list[Name]:
        """The names of its columns in order."""
        return list(self._columns)

    @property
    def data(self) -> list[list[Any]]:
        """All rows, made anew: changing the list does not change the table."""
        return [row for _, row in self.iterrows()]

    def __len__(self) -> int:
        return self._length

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return visible(f"<Table {self._length} rows, columns {', '.join(map(str, self._columns))}>")

    # filling it

    def add_data(self, *data: Any) -> None:
        """Add a row, a value for each column.

        Raises: InvalidTableError (a ValueError) for another number of values, and for a table among them;
        InvalidValueError (a TypeError) for a value of another kind than those above it. Nothing is added then.
        """
        if len(data) != len(self._columns):
            raise InvalidTableError(f"a row has {len(self._columns)} values ({self.columns}), not {len(data)}")
        checked = [
            column.checked(name, self._length, value)
            for (name, column), value in zip(self._columns.items(), data, strict=True)
        ]
        for column, found in zip(self._columns.values(), checked, strict=True):
            column.put(*found)
        self._length += 1

    def add_row(self, *row: Any) -> None:
        """Add a row (W&B's older word for `add_data`)."""
        self.add_data(*row)

    def add_column(self, name: str, data: Any, optional: bool = True) -> None:
        """Add a column: a list, a series, or an array of any rank, each row of which is a cell.

        An array is not copied, and keeps its element type. Raises: InvalidTableError (a ValueError and AssertionError)
        for a name that is taken or another number of rows; InvalidValueError (a TypeError) for values of several kinds.
        """
        self._check_new(name)
        column = Column.of(name, data, optional=optional)
        length = len(column.values)
        if self._columns and length != self._length:
            raise InvalidTableError(f"column '{name}' has {length} rows, the table has {self._length}")
        self._columns[name] = column
        self._length = length

    def add_computed_columns(self, fn: Callable[[int, dict[Name, Any]], Mapping[str, Any]]) -> None:
        """Add the columns that `fn(index, row)` gives, a mapping with the same keys for each row.

        `row` maps the columns' names to its values. Raises: as `add_column`; nothing is added then.
        """
        made: dict[str, Column] = {}
        columns = {name: column.values for name, column in self._columns.items()}
        for index in range(self._length):
            found = fn(index, {name: values[index] for name, values in columns.items()})
            if not isinstance(found, Mapping):
                raise InvalidTableError(f"row {index} gave {type(found).__name__}", hint="return a dict: name -> value")
            if not index:
                for name in found:
                    self._check_new(name)
                made = {name: Column() for name in found}
            if found.keys() != made.keys():
                raise InvalidTableError(f"row {index} gave the columns {list(found)}, the first one {list(made)}")
            for name, value in found.items():
                made[name].append(name, index, value)
        self._columns.update(made)

    def cast(self, col_name: Name, dtype: Any, optional: bool = False) -> None:
        """Say what the values of a column are; they are checked, and stay as they are.

        Raises: InvalidValueError (a TypeError), InvalidTableError.
        """
        self._columns[col_name] = self._column(col_name).cast(col_name, kind_of_dtype(dtype), optional=optional)

    # reading it

    @overload
    def get_column(self, name: Name, convert_to: None = None) -> list[Any]: ...

    @overload
    def get_column(self, name: Name, convert_to: Literal["numpy"]) -> np.ndarray: ...

    def get_column(self, name: Name, convert_to: Literal["numpy"] | None = None) -> Any:
        """The values of a column as a list, or with `convert_to="numpy"` as an array of its own.

        Rows of an array are arrays. Of media the array holds the pixels; where rows have several shapes, it holds
        objects. Raises: InvalidTableError (an AssertionError) when there is no such column; of a logged table what
        `Artifact.get` raises.
        """
        column = self._column(name)
        if convert_to not in (None, "numpy"):
            raise InvalidTableError(f"a column cannot become {str(convert_to)[:100]!r}", hint='convert_to="numpy"')
        return column.listed() if convert_to is None else column.array()

    def get_dataframe(self) -> pd.DataFrame:
        """All columns as a data frame; cells that are arrays, lists or media are objects. Raises: MissingExtraError."""
        pandas = need("pandas", "pandas")
        found = {}
        for name, column in self._columns.items():
            values = column.values
            if isinstance(values, list):
                plain = column.kind in ("boolean", "number", "string", "bytes", "time", "null", "")
                found[name] = pandas.Series(values, dtype=None if plain else object)
            else:
                found[name] = pandas.Series(
                    values if values.ndim == 1 else list(values), dtype=values.dtype if values.ndim == 1 else object
                )
        return pandas.DataFrame(found, columns=self.columns, copy=True)

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """Each row's index and values."""
        columns = [column.values for column in self._columns.values()]
        for index in range(self._length):
            yield index, [values[index] for values in columns]

    def get_index(self) -> Sequence[int]:
        """The indexes of all rows."""
        return range(self._length)


def _rows(data: Any) -> Iterator[Any]:
    """Rows one by one. Raises: InvalidTableError for what has none, such as the columns of a mapping."""
    if not _is_several(data) or len(getattr(data, "shape", (0, 0))) < 2:
        raise InvalidTableError(
            f"a table cannot be made of {_called(data)}",
            hint="a list of rows, dataframe=..., or add_column for each column",
        )
    for number, row in enumerate(data):
        if not _is_several(row):
            raise InvalidTableError(
                f"row {number} is {_called(row)}", hint="a row is a list of values, one for each column"
            )
        yield row


def _is_several(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping, Table))


def _called(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return f"{type(value).__name__} of shape {tuple(shape)}" if shape is not None else type(value).__name__


def _each(value: Any, names: list[Name], what: str) -> list[Any]:
    """A value for each column. Raises: InvalidTableError."""
    if not isinstance(value, list):
        return [value] * len(names)
    if len(value) != len(names):
        raise InvalidTableError(f"{what} has {len(value)} items, and there are {len(names)} columns")
    return value
