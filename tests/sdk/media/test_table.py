from __future__ import annotations

import datetime as dt
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gitreg import Artifact, Image, Table
from gitreg.errors import InvalidTableError, InvalidValueError

NOW = dt.datetime.fromisoformat("2026-01-02T03:04:05")


def pixels(seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (5, 4), dtype=np.uint8)


class TestMaking:
    def test_without_names_it_has_wandbs(self) -> None:
        assert Table().columns == ["Input", "Output", "Expected"]
        assert Table(data=[[1, "a", None]]).data == [[1, "a", None]]

    def test_from_rows(self) -> None:
        table = Table(columns=["n", "s"], data=[[1, "a"], [2, "b"]])
        assert (len(table), table.columns, table.data) == (2, ["n", "s"], [[1, "a"], [2, "b"]])
        assert Table(["n"], rows=[(1,), (2,)]).get_column("n") == [1, 2]

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (np.str_("setosa"), "setosa"),
            (np.unique(["b", "a"])[0], "a"),
            (np.bytes_(b"raw"), b"raw"),
            (np.float32(0.5), 0.5),
            (np.uint8(3), 3),
            (np.bool_(True), True),  # noqa: FBT003
            (np.complex64(1j), 1j),
            (np.datetime64("2026-01-02T03:04:05"), np.datetime64("2026-01-02T03:04:05")),
            (np.datetime64("NaT"), None),
            (np.timedelta64(5, "ns"), "5 nanoseconds"),
            (np.timedelta64("NaT"), None),
            (np.void(b"ab"), b"ab"),
            (np.array("zero-dimensional"), "zero-dimensional"),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_rows_take_each_scalar_of_numpy(self, value: Any, expected: object) -> None:
        table = Table(["a"], [[value]])
        table.add_data(value)
        assert table.get_column("a") == [expected, expected]
        assert not isinstance(table.get_column("a")[0], (np.str_, np.bytes_))

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            ({"a": [1, 2, 3], "b": [4, 5, 6]}, "made of dict\n"),
            ("abc", "made of str\n"),
            (b"abc", "made of bytes\n"),
            (5, "made of int\n"),
            (np.arange(3), r"made of ndarray of shape \(3,\)\n"),
            (pd.Series([1]), r"made of Series of shape \(1,\)\n"),
            (Table(["a"]), "made of Table\n"),
            (["x"], "row 0 is str\n"),
            ([["x"], {"a": "y"}], "row 1 is dict\n"),
            ([1, 2], "row 0 is int\n"),
            ([[Table()]], "a table is no cell of another\n"),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_what_has_no_rows_is_refused(self, data: Any, words: str) -> None:
        for more in ({"data": data}, {"rows": data}):
            with pytest.raises(InvalidTableError, match=words) as caught:
                Table(["a"], **more)
            assert caught.value.hint

    def test_a_table_is_no_cell(self) -> None:
        table = Table(["a"], [[1]])
        with pytest.raises(InvalidTableError, match="a table is no cell"):
            table.add_column("b", [Table()])
        with pytest.raises(InvalidTableError, match="a table is no cell"):
            table.add_computed_columns(lambda *_: {"b": Table()})
        assert table.columns == ["a"]

    def test_from_an_array_whose_element_type_stays(self) -> None:
        table = Table(["a", "b"], np.array([[1, 2], [3, 4]], np.int16))
        assert table.get_column("b") == [2, 4]
        assert table.get_column("b", convert_to="numpy").dtype == np.int16
        with pytest.raises(InvalidTableError, match="3 columns"):
            Table(data=np.zeros((2, 2)))

    def test_from_a_data_frame_and_back(self) -> None:
        frame = pd.DataFrame(
            {
                "i": np.array([1, 2], np.uint8),
                "f": [0.5, float("nan")],
                "s": ["a", None],
                "t": pd.to_datetime(["2026-01-02", None]),
                "n": pd.array([1, None], dtype="Int64"),
                "c": pd.Categorical(["x", "y"]),
                7: [[1], [2, 3]],
            }
        )
        for table in (Table(dataframe=frame), Table(data=frame), Table(columns=["ignored"], dataframe=frame)):
            assert table.columns == ["i", "f", "s", "t", "n", "c", 7]
            assert table.get_column("s") == ["a", None]
            assert table.get_column("n") == [1, None]
            assert table.get_column(7) == [[1], [2, 3]]
            back = table.get_dataframe()
            assert back.dtypes["i"] == np.uint8
            assert back["t"].dtype == frame["t"].dtype
            assert back["c"].tolist() == ["x", "y"]

    def test_a_data_frame_needs_pandas(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pandas", None)
        with pytest.raises(ImportError, match="'pandas' is not installed") as caught:
            Table().get_dataframe()
        assert getattr(caught.value, "hint", "") == "pip install 'gitreg[pandas]'"

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"columns": "ab"}, "no list"),
            ({"columns": ["a", "a"]}, "column 'a' already"),
            ({"columns": [1, "1"]}, "column '1' already"),
            ({"columns": [None]}, "no name"),
            ({"columns": ["a"], "dtype": [int, str]}, "2 items"),
            ({"columns": ["a"], "data": [[1, 2]]}, "a row has 1 values"),
            ({"log_mode": "SOMETIMES"}, "no such log_mode"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, arguments: dict[str, Any], words: str) -> None:
        with pytest.raises(InvalidTableError, match=words) as caught:
            Table(**arguments)
        assert isinstance(caught.value, (ValueError, AssertionError))


class TestColumns:
    def test_an_array_of_any_rank_is_a_column_of_its_rows(self) -> None:
        table = Table(data=[], columns=[])
        x: Any = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
        table.add_column("x", x)
        table.add_column("y", np.array([7, 8], np.uint8))
        assert [row.shape for row in table.get_column("x")] == [(3, 4), (3, 4)]
        assert (table.get_column("x", convert_to="numpy") == x).all()
        assert type(table.get_column("y")[0]) is np.uint8
        assert len(table) == 2

    def test_what_is_handed_out_is_no_window_into_the_table(self) -> None:
        table = Table(["a"], [[1.0], [2.0]])
        table.add_column("b", np.zeros(2))
        for name in ("a", "b"):
            table.get_column(name, convert_to="numpy")[0] = 99
            table.get_column(name).clear()
        frame = table.get_dataframe()
        frame["b"] += 1
        table.data[0][0] = 99
        assert table.data == [[1, 0], [2, 0]]

    def test_columns_are_computed_row_by_row(self) -> None:
        table = Table(["a"], [[1], [2]])
        table.add_computed_columns(lambda ndx, row: {"b": row["a"] * 10, "at": ndx})
        assert table.data == [[1, 10, 0], [2, 20, 1]]

    @pytest.mark.parametrize(
        ("fn", "words"),
        [
            (lambda ndx, _: {"b": 1} if ndx == 0 else {"c": 1}, r"row 1 gave the columns \['c'\]"),
            (lambda ndx, _: {"b": 1} if ndx == 0 else {"b": "x"}, "row 1 of column 'b' is of kind string"),
            (lambda *_: {"a": 1}, "column 'a' already"),
            (lambda *_: 5, "row 0 gave int"),
        ],
    )
    def test_computed_columns_come_all_or_not_at_all(self, fn: Any, words: str) -> None:
        table = Table(["a"], [[1], [2]])
        with pytest.raises((InvalidTableError, InvalidValueError), match=words):
            table.add_computed_columns(fn)
        assert (table.columns, table.data) == (["a"], [[1], [2]])

    def test_a_column_has_as_many_rows_as_the_others(self) -> None:
        table = Table(["a"], [[1], [2]])
        with pytest.raises(AssertionError, match="1 rows, the table has 2"):
            table.add_column("b", [1])
        with pytest.raises(AssertionError, match="column 'a' already"):
            table.add_column("a", [1, 2])
        with pytest.raises(AssertionError, match="no column 'x'") as caught:
            table.get_column("x")
        assert getattr(caught.value, "hint", "") == "there are: 'a'"
        assert table.columns == ["a"]

    @pytest.mark.parametrize("data", [5, "ab", {"a": 1}, None, np.float32(1)])
    def test_a_column_is_made_of_many_values(self, data: Any) -> None:
        with pytest.raises(InvalidValueError, match="cannot be made of"):
            Table(columns=[]).add_column("a", data)

    def test_columns_of_tuples_series_and_generators(self) -> None:
        table = Table(columns=[])
        table.add_column("a", (1, 2))
        table.add_column("b", pd.Series([1, 2], dtype="int8", index=[5, 6]))
        table.add_column("c", range(2))
        assert table.data == [[1, 1, 0], [2, 2, 1]]
        assert table.get_column("b", convert_to="numpy").dtype == np.int8

    def test_as_arrays(self, tmp_path: Path) -> None:
        table = Table(columns=[])
        table.add_column("images", [Image(pixels(1)), Image(pixels(2))])
        table.add_column("ragged", [np.zeros(1), np.zeros(2)])
        table.add_column("words", ["a", "bc"])
        assert (table.get_column("images", "numpy") == np.stack([pixels(1), pixels(2)])).all()
        assert [len(item) for item in table.get_column("ragged", "numpy")] == [1, 2]
        assert table.get_column("words", "numpy").tolist() == ["a", "bc"]
        with pytest.raises(InvalidTableError, match="cannot become 'torch'"):
            table.get_column("words", "torch")  # type: ignore[call-overload]


class TestRows:
    def test_a_row_that_does_not_fit_changes_nothing(self) -> None:
        table = Table(["a", "b"])
        table.add_data(None, 1)
        with pytest.raises(ValueError, match="a row has 2 values"):
            table.add_data(1)
        with pytest.raises(TypeError, match="row 1 of column 'b' is of kind string, the others are of kind number"):
            table.add_data("first value of a", "text")
        table.add_data(5, 2)
        assert table.data == [[None, 1], [5, 2]]

    @pytest.mark.parametrize(
        ("first", "second"), [(1, "a"), (True, 1), ("a", [1]), ({}, []), (np.zeros(2), [0]), (dt.date(2026, 1, 1), 1)]
    )
    def test_values_of_several_kinds_must_be_allowed(self, first: Any, second: Any) -> None:
        with pytest.raises(InvalidValueError, match="row 1 of column 'a' is of kind") as caught:
            Table(["a"], [[first], [second]])
        assert "allow_mixed_types" in (caught.value.hint or "")
        assert len(Table(["a"], [[first], [second]], allow_mixed_types=True)) == 2

    @pytest.mark.parametrize(
        ("dtype", "good", "bad"),
        [
            (int, 1, "a"),
            (float, 1, "a"),
            (bool, True, 1),
            (str, "a", 1),
            (list, [1], {}),
            (dict, {}, [1]),
            (dt.datetime, NOW, "a"),
            (np.ndarray, np.zeros(2), 1),
            ("float32", np.float32(1), "a"),
            (Image, Image(pixels()), 1),
        ],
    )
    def test_a_type_may_be_said_beforehand(self, dtype: Any, good: Any, bad: Any) -> None:
        table = Table(["a"], dtype=dtype)
        with pytest.raises(InvalidValueError, match="is of kind"):
            table.add_data(bad)
        table.add_data(good)
        table.add_data(None)
        with pytest.raises(InvalidValueError, match="is no type"):
            Table(["a"], dtype=[3])

    def test_none_may_be_forbidden(self) -> None:
        table = Table(["a", "b"], optional=[True, False])
        with pytest.raises(TypeError, match="row 0 of column 'b' is None"):
            table.add_data(None, None)
        table.add_data(None, 1)

    def test_a_column_may_be_cast_to_what_it_is(self) -> None:
        table = Table(["a"], [[1], [None]])
        with pytest.raises(TypeError, match="row 0 of column 'a' is of kind number, the others are of kind string"):
            table.cast("a", str)
        with pytest.raises(TypeError, match="row 1 of column 'a' is None"):
            table.cast("a", int)
        table.cast("a", int, optional=True)
        table.cast("a", object, optional=True)
        table.add_data("anything")
        assert table.get_column("a") == [1, None, "anything"]

    def test_what_a_file_cannot_hold_becomes_what_it_can(self) -> None:
        table = Table(["a"], allow_mixed_types=True)
        for value in (Path("x/y"), Decimal("1.5"), (1, 2), {3, 1}, pd.NA, pd.NaT, pd.Timestamp("2026-01-02T03:04:05")):
            table.add_data(value)
        assert table.get_column("a") == ["x/y", "1.5", [1, 2], [1, 3], None, None, NOW]

    def test_are_numbered(self) -> None:
        table = Table(["a"], [[5], [6]])
        table.add_row(7)
        assert list(table.iterrows()) == [(0, [5]), (1, [6]), (2, [7])]
        assert list(table.get_index()) == [0, 1, 2]
        assert bool(Table())
        assert repr(table) == "<Table 3 rows, columns a>"
        assert "\x1b" not in repr(Table(["\x1b[31m"]))

    def test_may_follow_a_column_that_is_an_array(self) -> None:
        table = Table(columns=[])
        table.add_column("a", np.array([1, 2]))
        table.add_data(3)
        assert table.get_column("a") == [1, 2, 3]


def test_the_name_of_what_is_added_is_text() -> None:
    with pytest.raises(InvalidValueError, match="the name is NoneType\nhint: add"):
        Artifact("a", "t").add(Table(["a"]), None)  # type: ignore[arg-type]  # what people give
