"""What comes back of a column that was put into an artifact: arrays, values of every kind, media."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gitreg
from gitreg import Artifact, Image, Table
from gitreg.errors import InvalidValueError

RNG = np.random.default_rng(7)
UTC = dt.timezone.utc
NAIVE = dt.datetime.fromisoformat("2026-01-02T03:04:05")
LAST = dt.datetime.fromisoformat("9999-12-31T23:59:59.999999")


def back(values: Any, **options: Any) -> Any:
    """What a column is when it comes back: the array, or the list."""
    table = Table(["a"], [[value] for value in values], **options) if isinstance(values, list) else Table(columns=[])
    if not isinstance(values, list):
        table.add_column("a", values)
    draft = Artifact("t", "dataset")
    draft.add(table, "t")
    found = draft.get("t")
    assert len(found) == len(values)
    return found._columns["a"].values


def exact(value: Any) -> tuple[type, Any]:
    """The value with the types of everything in it: `==` takes True, 1 and 1.0, and both zeros, as equal."""
    if isinstance(value, list):
        return type(value), [exact(item) for item in value]
    if isinstance(value, dict):
        return type(value), {key: (type(key), exact(item)) for key, item in value.items()}
    return type(value), str(value) if isinstance(value, float) else value


class TestArrays:
    @pytest.mark.parametrize(
        "dtype",
        "bool int8 uint8 int16 uint16 int32 uint32 int64 uint64 float16 float32 float64 complex64 complex128"
        " datetime64[D] datetime64[h] datetime64[s] datetime64[ms] datetime64[us] datetime64[ns]"
        " timedelta64[ms]".split(),
    )
    @pytest.mark.parametrize("shape", [(6,), (6, 2), (3, 2, 1), (0,), (0, 3), (2, 0), (1, 1)])
    def test_keep_type_and_shape(self, dtype: str, shape: tuple[int, ...]) -> None:
        array = RNG.integers(0, 100, shape).astype(np.dtype(dtype))
        found = back(array)
        assert (found.dtype, found.shape) == (array.dtype, array.shape)
        assert (found == array).all()
        assert found.flags.writeable

    def test_keep_what_is_no_number(self) -> None:
        array = np.array([[np.nan, np.inf, -np.inf], [-0.0, 1, 2]], np.float32)
        assert back(array).tobytes() == array.tobytes()
        times = np.array(["2026-01-02", "NaT"], "datetime64[ns]")
        assert np.isnat(back(times)).tolist() == [False, True]
        assert np.isnat(back(times.reshape(1, 2))).tolist() == [[False, True]]

    def test_in_any_order_of_bytes_and_axes(self) -> None:
        big: Any = np.arange(12, dtype=">i4").reshape(3, 4)
        assert (back(big) == big).all()
        assert (back(big.T) == big.T).all()
        assert (back(big[:, ::2]) == big[:, ::2]).all()

    def test_of_several_shapes_keep_type_and_shape(self) -> None:
        for dtype in ("float32", "bool", "complex64", "datetime64[s]"):
            arrays: list[Any] = [np.ones(shape).astype(dtype) for shape in ((2, 3), (1,), (0, 4), (2, 2, 2))]
            found = back([arrays[0], None, *arrays[1:]])
            assert found.pop(1) is None
            for before, after in zip(arrays, found, strict=True):
                assert (after.dtype, after.shape) == (before.dtype, before.shape)
                assert (before == after).all()

    def test_of_several_types_are_kept_one_by_one(self) -> None:
        found = back([np.float32([1.5]), np.uint8([[2]])])
        assert [(item.dtype, item.tolist()) for item in found] == [(np.float32, [1.5]), (np.uint8, [[2]])]

    def test_alike_become_one_array(self) -> None:
        found = back([np.float32([1, 2]), np.float32([3, 4])])
        assert (found.dtype, found.tolist()) == (np.float32, [[1, 2], [3, 4]])
        assert back([np.uint8(1), np.uint8(2)]).dtype == np.uint8
        assert back([np.uint8(1), None]) == [1, None]

    @pytest.mark.parametrize("dtype", ["object", "U3", "S2"])
    def test_of_text_are_lists(self, dtype: str) -> None:
        array = np.array([["ab", "c"], ["d", "e"]], dtype)
        assert back(array) == array.tolist()
        assert back(array[0]) == array[0].tolist()

    def test_that_cannot_be_kept_are_refused_before_anything_is_added(self) -> None:
        draft = Artifact("t", "dataset")
        table = Table(columns=[])
        table.add_column("good", np.zeros((2, 2)))
        table.add_column("bad", np.zeros(2, np.longdouble))
        with pytest.raises(InvalidValueError, match="column 'bad' has elements of type"):
            draft.add(table, "t")
        assert draft.files() == []


class TestValues:
    @pytest.mark.parametrize(
        "values",
        [
            [],
            [None, None],
            [True, False, None],
            [1, -1, None, 2**63 - 1, -(2**63)],
            [1, 2**70, None],
            [0.5, None, -0.0, math.inf],
            ["a", "", None, "日本語", "\x00\n", "a" * 100_000],
            [b"a", b"", None, b"\xff\x00"],
            [NAIVE.replace(microsecond=678), None, dt.datetime.fromisoformat("0001-01-01"), LAST],
            [NAIVE.replace(tzinfo=UTC), None],
            [dt.date(2026, 1, 2), None, dt.date.min],
            [[1, "a", [None, {"x": 1.5}]], [], None],
            [[1, -(2**63)], [], None, [3]],
            [[0.5, math.inf], [], None, [-0.0]],
            [[1, 2**63], [0.5]],
            [[1, 0.5], [True], []],
            [{"_type": "x"}, {"a": b"1", "t": NAIVE, "d": dt.date(2026, 1, 2)}, {1: 2, None: [3]}],
        ],
        ids=lambda values: str(values)[:40],
    )
    def test_come_back_as_they_were(self, values: list[Any]) -> None:
        found = back(values)
        assert exact(found) == exact(values)

    def test_of_several_kinds_come_back_as_they_were(self) -> None:
        image = Image(np.zeros((2, 2)), caption="in a list")
        values: list[Any] = [1, 1.5, "a", None, True, [image], NAIVE.replace(tzinfo=UTC), {"x": np.float32([1, 2])}]
        found = back(values, allow_mixed_types=True)
        assert found[-1].pop("x").tolist() == [1, 2]
        values[-1].pop("x")
        assert exact(found) == exact(values)
        assert math.isnan(back([1, "a", math.nan], allow_mixed_types=True)[2])
        again = Table(["a"], [[value] for value in found], allow_mixed_types=True)
        again.add_data("more")

    def test_that_differ_a_little_become_alike(self) -> None:
        assert [type(value) for value in back([1, 2.5])] == [float, float]
        assert back([2**60 + 1, 2.5]) == [2**60 + 1, 2.5]
        zoned = NAIVE.replace(tzinfo=dt.timezone(dt.timedelta(hours=9)))
        assert back([zoned]) == [zoned]
        assert back([zoned, NAIVE]) == [zoned, NAIVE]
        assert back([dt.date(2026, 1, 2), NAIVE]) == [dt.date(2026, 1, 2), NAIVE]
        assert back(["\ud800"]) == ["�"]

    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False)
            | st.text()
            | st.binary()
            | st.dates(),
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(), inner, max_size=4),
            max_leaves=8,
        )
    )
    def test_of_any_depth_come_back_as_they_were(self, value: Any) -> None:
        assert exact(back([[value], value], allow_mixed_types=True)) == exact([[value], value])

    def test_nested_too_deep_are_refused(self) -> None:
        deep: list[Any] = []
        for _ in range(50):
            deep = [deep]
        with pytest.raises(gitreg.UsageError, match="nested deeper"):
            back([deep])

    def test_have_no_limit_of_rows(self) -> None:
        numbers = np.arange(300_000)
        assert (back(numbers) == numbers).all()
        assert back(numbers.tolist()) == numbers.tolist()
        assert back([str(number) for number in numbers]) == [str(number) for number in numbers]
        wide = RNG.random((5000, 500), np.float32)
        assert (back(wide) == wide).all()


class TestMedia:
    def test_in_a_column_come_back_as_they_were(self) -> None:
        pictures = [Image(RNG.random((4, 4))), None, Image(RNG.random((4, 4)), caption="b", boxes={"a": [1]})]
        assert back(pictures) == pictures
        mixed = [Image(np.zeros((2, 2))), Image(np.zeros((2, 2)), file_type="jpg")]
        assert back(mixed) == mixed
        sounds = [gitreg.Audio(RNG.random(10), sample_rate=100, caption="x"), None]
        assert back(sounds) == sounds

    def test_that_are_equal_are_stored_once(self) -> None:
        same = Image(RNG.integers(0, 255, (64, 64), np.uint8))
        draft = Artifact("t", "dataset")
        draft.add(Table(["a"], [[same] for _ in range(1000)]), "t")
        assert draft.size < 3 * len(same.data)
        found = draft.get("t")
        images = found.get_column("a")
        assert images == [same] * 1000
        assert images[0].data is images[999].data
