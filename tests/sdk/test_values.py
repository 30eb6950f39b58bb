from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import enum
import math
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gitreg
from gitreg.records import yamlio
from gitreg.sdk import talk
from gitreg.sdk.values import metadata, plain


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Settings:
    lr: float
    sizes: tuple[int, ...]


class Tensor:
    """What torch and others have in common."""

    def numpy(self) -> Any:
        return np.float32(0.5)


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.float64(0.1), 0.1),
        (np.int64(3), 3),
        (np.bool_(True), True),  # noqa: FBT003
        (np.str_("a"), "a"),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(1.5), 1.5),
        (np.array([None, "x"], dtype=object), [None, "x"]),
        (np.zeros((40, 50), dtype=np.float32), "array of shape (40, 50), float32"),
        (np.datetime64("2026-01-02T03:04:05"), "2026-01-02T03:04:05"),
        (np.longdouble("0.5"), "0.5"),
        (Tensor(), 0.5),
        ((1, (2, 3)), [1, [2, 3]]),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"b", "a", 1}), [1, "a", "b"]),
        ({1: {2.5: None}, "x": True, None: 0}, {"1": {"2.5": None}, "x": True, "None": 0}),
        (argparse.Namespace(a=1), {"a": 1}),
        (Settings(0.1, (1, 2)), {"lr": 0.1, "sizes": [1, 2]}),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (PurePosixPath("a/b"), "a/b"),
        (dt.datetime(2026, 1, 2, tzinfo=dt.timezone.utc), "2026-01-02T00:00:00+00:00"),
        (math.sqrt, "math.sqrt"),
        (Settings, f"{__name__}.Settings"),
        (Decimal("1.50"), "1.50"),
        (1j, "1j"),
        ("a\ud800b", "a\ufffdb"),
        (Text("x"), "x"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_become_what_a_record_can_hold(value: object, expected: object) -> None:
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)
    yamlio.dump({"value": found})


def test_nan_and_infinities_stay() -> None:
    assert math.isnan(plain(np.float32("nan")))
    assert plain([math.inf, -math.inf]) == [math.inf, -math.inf]


def test_a_long_array_is_a_text_and_a_warning_says_so_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talk, "_said", set())
    assert plain({"a": np.zeros(1001), "b": np.array(["x"] * 2000)}) == {
        "a": "array of shape (1001,), float64",
        "b": "array of shape (2000,), <U1",
    }
    assert caplog.messages == ["of arrays of more than 1000 values only shape and type are kept; log them in a file"]


def test_infinite_metadata_is_refused_with_a_hint() -> None:
    with pytest.raises(ValueError, match=r"metadata\['best'\] is infinite\nhint: None, a text, or a large number"):
        metadata({"best": math.inf})


def test_what_holds_itself_is_refused() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(gitreg.UsageError, match="nested deeper than 24 levels"):
        plain(loop)


def test_a_key_that_is_too_long_is_refused() -> None:
    with pytest.raises(gitreg.UsageError, match="longer than 900 characters"):
        plain({"k" * 1000: 1})


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters()), inner, max_size=4),
    max_leaves=20,
)


@given(anything)
def test_whatever_is_logged_can_be_recorded_and_read_back(value: object) -> None:
    found = plain(value)
    assert plain(found) == found or "nan" in repr(found)
    assert repr(yamlio.load(yamlio.dump({"value": found}))["value"]) == repr(found)
