"""The step history's file: what is written comes back, and each column by itself."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitreg.errors import RecordError
from gitreg.records.history import History, encode
from gitreg.records.yamlio import MAX_DEPTH

TEXT = st.text(st.characters(codec="utf-8"), max_size=8).filter(
    lambda text: text not in ("NaN", "Infinity", "-Infinity")
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))
KEYS = st.sampled_from(["loss", "a.b", 'odd "key": ', "\\", "", "keys\n", "損失"])
ROWS = st.lists(st.dictionaries(KEYS, VALUES, max_size=4), max_size=12)


def told(value: object) -> str:
    """The value as text, by which NaN is NaN."""
    return json.dumps(value)


@given(ROWS)
def test_the_rows_come_back_and_so_does_each_column(values: list[dict[str, object]]) -> None:
    rows = [{"_step": number, **row} for number, row in enumerate(values)]
    text = encode(rows)
    found = History(text)
    found.check() if rows else None
    assert told(list(found.rows())) == told([{key: row[key] for key in found.keys if key in row} for row in rows])
    assert len(found) == len(rows)
    for key in found.keys:
        column = {number: row[key] for number, row in enumerate(rows) if key in row}
        assert told(found.column(key)) == told(column)
        assert told(list(found.rows([key]))) == told([{key: row[key]} if key in row else {} for row in rows])
    assert encode(found.rows()) == text


@given(ROWS)
def test_it_is_one_strict_json_object_with_a_column_a_line(values: list[dict[str, object]]) -> None:
    text = encode({"_step": number, **row} for number, row in enumerate(values))
    if not values:
        assert text == b""
        return

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    document = json.loads(text, parse_constant=refuse)
    lines = text.decode().split("\n")
    assert (lines[0], lines[-2:]) == ("{", ["}", ""])
    assert len(lines) == len(document) + 3
    assert tuple(document) == History(text).keys


def test_a_column_is_dense_or_says_which_rows_it_is_at() -> None:
    rows = [{"_step": step, "loss": step / 2} for step in range(5)]
    rows[1]["most"] = rows[2]["most"] = rows[4]["most"] = 1
    rows[3]["few"] = math.inf
    text = encode([*rows[:4], {**rows[4], "null": None}]).decode()
    assert text == (
        "{\n"
        '"_step": [0,1,2,3,4],\n'
        '"loss": [0.0,0.5,1.0,1.5,2.0],\n'
        '"most": [null,1,1,null,1],\n'
        '"few": {"at":[3],"values":["Infinity"]},\n'
        '"null": {"at":[4],"values":[null]}\n'
        "}\n"
    )


def test_pandas_reads_it_as_it_is_and_a_rare_column_in_one_line_more() -> None:
    rows: list[dict[str, object]] = [
        {"_step": step, "loss": step / 2, **({"often": step} if step % 2 else {})} for step in range(4)
    ]
    frame = pd.DataFrame(json.loads(encode(rows)))
    assert frame.isna().sum().to_dict() == {"_step": 0, "loss": 0, "often": 2}
    rows[2]["rare"] = "x"
    columns = json.loads(encode(rows)).items()
    series = {
        key: pd.Series(column) if isinstance(column, list) else pd.Series(column["values"], column["at"])
        for key, column in columns
    }
    assert list(pd.DataFrame(series)["rare"].fillna("")) == ["", "", "x", ""]


def test_one_metric_is_read_where_another_is_damaged() -> None:
    text = encode([{"_step": 0, "a": 1, "b": 2}]).replace(b'"a": [1]', b'"a": [1')
    assert History(text).column("b") == {0: 2}
    with pytest.raises(RecordError, match="column 'a' of a step history is no JSON"):
        History(text).column("a")


def test_a_dotted_name_finds_what_mappings_hold() -> None:
    rows: list[dict[str, object]] = [
        {"_step": 0, "train": {"loss": 1, "deep": {"a.b": math.inf}}},
        {"_step": 1, "train": "no mapping", "loss": 5},
        {"_step": 2, "train": {"loss": None}, "train.acc": {"top": 3}, "other.loss": 9},
    ]
    found = History(encode(rows))
    assert found.column("train.loss") == {0: 1, 2: None}
    assert found.column("train.deep.a.b") == found.column('train.deep."a.b"') == {0: math.inf}
    assert (found.column("train.acc.top"), found.column("other.loss")) == ({2: 3}, {2: 9})
    assert (
        found.column("train.los") == found.column("train.") == found.column(".loss") == found.column("rain.loss") == {}
    )
    assert list(found.rows(["_step", "train.loss"], [0, 1])) == [{"_step": 0, "train.loss": 1}, {"_step": 1}]
    assert "train.loss" not in found.keys


def test_a_value_is_nested_as_deep_as_one_of_a_record() -> None:
    def nested(levels: int) -> History:
        return History(b'{\n"_step": [0],\n"a": [%s]\n}\n' % (b"[" * levels + b"]" * levels))

    nested(MAX_DEPTH).check()
    with pytest.raises(RecordError, match="nested deeper than 32 levels"):
        nested(MAX_DEPTH + 1).check()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("step", "one column a line"),
        ('{"_step": [0]}', "one column a line"),
        ("{\n[0]\n}\n", "no column"),
        ('{\n"_step": [0],\n"_step": [0]\n}\n', "there twice"),
        ('{\n"loss": [0]\n}\n', "column 'loss' does not fit the 0 rows"),
        ('{\n"_step": ["0"]\n}\n', "does not have the number of a step in each row"),
        ('{\n"_step": [0,null]\n}\n', "column '_step' does not fit the 1 rows"),
        ('{\n"_step": [0],\n"a": [1,2]\n}\n', "column 'a' does not fit the 1 rows"),
        ('{\n"_step": [0],\n"a": 1\n}\n', "column 'a' is neither a list"),
        ('{\n"_step": [0],\n"a": {"at":[1],"values":[1]}\n}\n', "column 'a' does not fit"),
        ('{\n"_step": [0],\n"a": {"at":[-1],"values":[1]}\n}\n', "column 'a' does not fit"),
        ('{\n"_step": [0],\n"a": {"at":[0,0],"values":[1,2]}\n}\n', "column 'a' does not fit"),
        ('{\n"_step": [0],\n"a": {"at":[0],"values":[]}\n}\n', "column 'a' does not fit"),
        ('{\n"_step": [0],\n"a": {"at":[true],"values":[1]}\n}\n', "column 'a' is neither a list"),
        ('{\n"_step": [0],\n"a": ' + "[" * 100_000 + "\n}\n", "column 'a' of a step history is no JSON"),
        ('{\n"_step": [0],\n"a": [' + "[" * 99 + "]" * 99 + "]\n}\n", "nested deeper than 32 levels"),
    ],
)
def test_what_is_no_history_is_refused(text: str, words: str) -> None:
    with pytest.raises(RecordError, match=words):
        History(text.encode()).check()
