"""A run's step history, FORMAT.md 4.8: a column a line, so that one metric is read without the rest."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from gitreg.errors import RecordError
from gitreg.records import dotted
from gitreg.records.yamlio import MAX_DEPTH

Row = Mapping[str, object]

STEP = "_step"
_BOOKKEEPING = (STEP, "_timestamp")
_KEY = re.compile(rb'("(?:[^"\\]|\\.)*"): ')
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def encode(rows: Iterable[Row]) -> bytes:
    """The file that holds these steps; empty without any. The same rows give the same bytes."""
    columns: dict[str, tuple[list[int], list[object]]] = {}
    count = 0
    for row in rows:
        for key, value in row.items():
            if key not in columns:
                columns[key] = ([], [])
            at, values = columns[key]
            at.append(count)
            values.append(value)
        count += 1
    lines = (f"{_encode(key)}: {_column(count, *column)}" for key, column in columns.items())
    return b"{\n%s\n}\n" % ",\n".join(lines).encode() if columns else b""


def _column(count: int, at: list[int], values: list[object]) -> str:
    column: object = values
    # a null says that there is nothing, so what was logged as null needs the other form
    if 2 * len(values) < count or None in values:
        column = {"at": at, "values": values}
    elif len(values) < count:
        present = dict(zip(at, values, strict=True))
        column = [present.get(number) for number in range(count)]
    try:
        return _encode(column)
    except ValueError:
        return _encode(_strict(column))


def told(row: Row) -> dict[str, object]:
    """The values of a row, without its number and time."""
    return {key: value for key, value in row.items() if key not in _BOOKKEEPING}


class History:
    """The steps of a run in the order in which they were logged. A column is parsed when it is asked for."""

    def __init__(self, text: bytes = b"") -> None:
        """Raises: RecordError when this is not one column a line."""
        self._lines: dict[str, bytes] = {}
        self._columns: dict[str, dict[int, object]] = {}
        lines = text.removesuffix(b"\n").split(b"\n") if text else [b"{", b"}"]
        if lines[0] != b"{" or lines[-1] != b"}":
            raise RecordError("a step history is one JSON object, one column a line")
        for line in lines[1:-1]:
            match = _KEY.match(line)
            if match is None:
                raise RecordError(f"no column of a step history: {line[:100]!r}")
            key = str(_parsed(match[1], "a name"))
            if key in self._lines:
                raise RecordError(f"column {key!r} is there twice")
            self._lines[key] = line[match.end() :].removesuffix(b",")

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the columns, `_step` among them."""
        return tuple(self._lines)

    def __len__(self) -> int:
        """The number of steps, which is that of the rows of `_step`. Raises: RecordError."""
        return len(self.column(STEP))

    def column(self, key: str) -> dict[int, object]:
        """The values of a column by the number of their row, from 0 on; nothing for one that is not there.

        A dotted name finds what mappings hold: `train.loss` is `loss` in those of the column `train`. The strings that
        stand for NaN and the infinities are these again. Raises: RecordError.
        """
        if key not in self._columns and key not in self._lines:
            self._columns[key] = self._inside(dotted.plain(key))
        if key not in self._columns:
            at, values = self._read(key)
            pairs = zip(at, values, strict=False)
            dense = isinstance(at, range)
            self._columns[key] = {number: _loose(value) for number, value in pairs if not dense or value is not None}
        return self._columns[key]

    def _inside(self, name: str) -> dict[int, object]:
        """The values of a dotted name in the columns that hold mappings."""
        found: dict[int, object] = {}
        for key in self.keys:
            if name.startswith(f"{key}."):
                for number, value in self.column(key).items():
                    found.update((number, item) for item in _at(value, name[len(key) + 1 :]))
        return found

    def _read(self, key: str) -> tuple[Sequence[int], Sequence[object]]:
        """The rows that have a value, all of them where nulls say which have none, and the values."""
        found = _parsed(self._lines[key], f"column {key!r}")
        if isinstance(found, list):
            return range(len(found)), found
        if isinstance(found, dict) and found.keys() == {"at", "values"}:
            at, values = found["at"], found["values"]
            if isinstance(at, list) and isinstance(values, list) and all(type(number) is int for number in at):
                return at, values
        raise RecordError(f"column {key!r} is neither a list nor one with the rows that it is at")

    def rows(
        self, keys: Iterable[str] | None = None, numbers: Iterable[int] | None = None
    ) -> Iterator[dict[str, object]]:
        """The rows, or those of some numbers, each with the values that it has, or with those of some columns of them.

        Raises: RecordError.
        """
        columns = {key: self.column(key) for key in (self.keys if keys is None else keys)}
        for number in range(len(self)) if numbers is None else numbers:
            yield {key: column[number] for key, column in columns.items() if number in column}

    def check(self) -> None:
        """Look at every column. Raises: RecordError for what FORMAT.md does not allow."""
        steps = self.column(STEP)
        count = len(steps)
        if list(steps) != list(range(count)) or not all(type(step) is int for step in steps.values()):
            raise RecordError(f"column '{STEP}' does not have the number of a step in each row")
        for key in self.keys:
            at, values = self._read(key)
            for value in values:
                _loose(value)
            rising = all(before < after for before, after in pairwise(at))
            inside = not at or (at[0] >= 0 and at[-1] < count)
            if not rising or not inside or len(at) != len(values) or (isinstance(at, range) and len(at) != count):
                raise RecordError(f"column {key!r} does not fit the {count} rows")


def _at(value: object, name: str) -> Iterator[object]:
    """What a mapping holds at a dotted name, nothing or one value as a rule; a key may have dots itself."""
    if isinstance(value, dict):
        if name in value:
            yield value[name]
        for key, inner in value.items():
            if name.startswith(f"{key}."):
                yield from _at(inner, name[len(key) + 1 :])


def _parsed(text: bytes, what: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{what} of a step history is no JSON: {error}") from error


def _strict(value: object) -> object:
    """The value for strict JSON, which has no NaN and no infinities: they become strings."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    return [_strict(item) for item in value] if isinstance(value, list) else value


def _loose(value: object, depth: int = 0) -> object:
    """The value that `_strict` was given. Raises: RecordError for what is nested deeper than anybody logs."""
    if isinstance(value, str):
        return _NOT_FINITE.get(value, value)
    if depth >= MAX_DEPTH and isinstance(value, (dict, list)):
        raise RecordError(f"a value of a step history is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        return {key: _loose(item, depth + 1) for key, item in value.items()}
    return [_loose(item, depth + 1) for item in value] if isinstance(value, list) else value
