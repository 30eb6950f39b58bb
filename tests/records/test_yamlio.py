from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from gitreg.errors import RecordError
from gitreg.records import yamlio

NASTY = [
    "", " ", "no", "No", "on", "y", "N", "~", "null", "NULL", "true", "1", "0o17", "0x1F", "017", "1_000", "1:30",
    "1e3", "12e5678", "1.", ".5", ".inf", "-.INF", ".NaN", "nan", "2026-01-02", "2026-01-02T03:04:05Z", "=", "<<", "-",
    "- a",
    "? a", ": a", "a: b", "a #b", "#a", "&a", "*a", "!a", "!!str a", "%YAML 1.1", "@a", "`a", "|", ">", "---", "...",
    "a\nb", "a\n\nb", "\n", "a\r\nb", "\t", " a", "a ", "'", '"', "\\", "\\n", '\\"', "{a}", "[a]", "a,b", "{", "}",
    "\x00", "\x07", "\x1b[31m", "\x7f", "\x85", "\xa0", "\u061c", "\u200b", "\u200f", "\u2028", "\u2029", "\u202e",
    "\u2066", "\ufeff", "\ufff9", "\ufffe", "\uffff", "\U0001fffe", "\U0010ffff", "😀", "手書き", "e\u0301", "\ue000",
    "a" * 5000, "word " * 2000, "Gitreg-Run: ---", "_1", "a+b/c.d-e",
]  # fmt: skip

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(NASTY)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(texts.filter(lambda t: len(t) < 100), inner, max_size=4)
    ),
    max_leaves=12,
)
documents = st.dictionaries(texts.filter(lambda text: len(text) < 100), values, max_size=5)


def types(value: Any) -> Any:
    """The value with the type of each part beside it: 1, 1.0 and True are not the same here, nor are 0.0 and -0.0."""
    if isinstance(value, dict):
        return {key: types(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [types(item) for item in value]
    return (type(value).__name__, repr(value) if isinstance(value, float) else value)


def yaml_1_2(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("reader", [yamlio.load, yaml.safe_load, yaml_1_2])
def test_a_nasty_string_comes_back_as_value_and_as_key(reader: Any, text: str) -> None:
    document: dict[str, Any] = {"a": text, "b": [text, {"c": text}], "d": [{"e": text}]}
    if len(text) < 200:
        document[text] = {text: 1}
    assert reader(yamlio.dump(document)) == document


@example({})
@example({"a": []})
@example({"a": [{}]})
@example({"a": [{"b": []}, {}]})
@example({"a": 10**400, "b": -(10**30), "c": 1e300, "d": 5e-324, "e": -0.0, "f": 1e22, "g": 0.1 + 0.2})
@given(documents)
def test_every_document_comes_back_with_its_types_and_the_order_of_its_keys(document: dict[str, Any]) -> None:
    text = yamlio.dump(document)
    back = yamlio.load(text)
    assert types(back) == types(document)
    assert list(back) == list(document)
    assert yamlio.dump(back) == text


@given(documents)
def test_a_yaml_1_1_parser_reads_the_same(document: dict[str, Any]) -> None:
    assert types(yaml.safe_load(yamlio.dump(document))) == types(document)


@settings(max_examples=50)
@given(documents)
def test_a_yaml_1_2_parser_reads_the_same(document: dict[str, Any]) -> None:
    assert types(yaml_1_2(yamlio.dump(document))) == types(document)


@given(documents)
def test_a_document_has_no_blank_line_one_line_a_key_and_nothing_that_cannot_be_seen(document: dict[str, Any]) -> None:
    text = yamlio.dump(document)
    lines = text.removesuffix("\n").split("\n")
    listed = sum(
        len(value) for value in document.values() if isinstance(value, list) and all(isinstance(i, dict) for i in value)
    )
    assert len(lines) == max(len(document) + listed, 1)
    assert all(line.strip() for line in lines)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\r]", text)


def test_infinities_and_not_a_number_have_yamls_own_words() -> None:
    text = yamlio.dump({"a": math.nan, "b": math.inf, "c": -math.inf})
    assert text == "a: .nan\nb: .inf\nc: -.inf\n"
    readers: list[Callable[[str], Any]] = [yamlio.load, yaml.safe_load, yaml_1_2]
    for reader in readers:
        back = reader(text)
        assert math.isnan(back.pop("a"))
        assert back == {"b": math.inf, "c": -math.inf}


def test_numbers_of_other_libraries_are_written_as_numbers() -> None:
    class Real(float):
        def __repr__(self) -> str:
            return f"np.float64({float(self)})"

    class Whole(int):
        def __str__(self) -> str:
            return "Whole.ONE"

    class Text(str):
        __slots__ = ()

    assert yamlio.dump({Text("k"): [Real(0.5), Whole(1), Text("no")]}) == 'k: [0.5, 1, "no"]\n'


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"a": object()}, "type 'object'"),
        ({"a": b"bytes"}, "type 'bytes'"),
        ({"a": {1: 2}}, "key must be a string"),
        ({1: 2}, "key must be a string"),
        ({"a": "\ud800"}, "lone surrogate"),
        ({"\ud800": 1}, "lone surrogate"),
        ({"k" * 1001: 1}, "longer than 1,000"),
        ({"a": 10**5000}, "too many digits"),
        ({"a": "x" * (1 << 20)}, "larger than 1048576 bytes"),
        ({"a": "手" * (1 << 19)}, "larger than 1048576 bytes"),
    ],
)
def test_what_could_not_be_read_back_is_not_written(value: Any, why: str) -> None:
    with pytest.raises(RecordError, match=why):
        yamlio.dump(value)


def nested(levels: int, *, mapping: bool) -> dict[str, Any]:
    value: Any = {} if mapping else []
    for _ in range(levels - 2):
        value = {"a": value} if mapping else [value]
    return {"a": value}


@pytest.mark.parametrize("mapping", [True, False])
def test_writer_and_reader_agree_about_32_levels(*, mapping: bool) -> None:
    deepest, deeper = nested(32, mapping=mapping), nested(33, mapping=mapping)
    assert yamlio.load(yamlio.dump(deepest)) == deepest
    with pytest.raises(RecordError, match="deeper than 32"):
        yamlio.dump(deeper)
    with pytest.raises(RecordError, match="deeper than 32"):
        yamlio.load(yaml.safe_dump(deeper))


def test_a_list_of_mappings_counts_as_a_level_of_its_own() -> None:
    inner: Any = []
    for _ in range(29):
        inner = [inner]
    document = {"a": [{"b": inner}]}
    with pytest.raises(RecordError, match="deeper"):
        yamlio.dump(document)
    document = {"a": [{"b": inner[0]}]}
    assert yamlio.load(yamlio.dump(document)) == document


BOMB = "\n".join(["a: &a [x, x]", *(f"{b}: &{b} [*{a}, *{a}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True))])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (BOMB, "anchors and aliases"),
        ("a: &x 1", "anchors"),
        ("a: *x", "aliases"),
        ("<<: *x", "aliases"),
        ("a: !!python/object/apply:os.system [id]", "tag"),
        ("a: !!str 1", "tag"),
        ("a: !x {}", "tag"),
        ("a: !!binary aGk=", "tag"),
        ("a: 1\na: 2", "'a' stands twice"),
        ('x: {a: 1, "a": 2}', "'a' stands twice"),
        ("1: 2", "key must be a string"),
        ("null: 2", "key must be a string"),
        ("x: {1.5: 2}", "key must be a string"),
        ("? [a]\n: b", "key must be a string"),
        ("? {a: b}\n: c", "key must be a string"),
        ("- a", "must be a mapping"),
        ("a", "must be a mapping"),
        ("", "must be a mapping"),
        ("# nothing", "must be a mapping"),
        ("a: 1\n---\nb: 2", "one YAML document"),
        ("a: [", "bad YAML"),
        ("a: b: c", "bad YAML"),
        ("a: \x07", "bad YAML"),
        ("a: \ud800", "not valid Unicode"),
        ("a: " + "9" * 5000, "too many digits"),
        ("a: " + "[" * 100_000, "deeper than 32"),
        ("a: " + "x" * (1 << 20), "larger than 1048576"),
        ("a: " + "手" * (1 << 19), "larger than 1048576"),
    ],
)  # fmt: skip
def test_what_a_record_must_not_hold_is_refused(text: str, why: str) -> None:
    with pytest.raises(RecordError, match=why):
        yamlio.load(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("~", None), ("Null", None), ("", None), ("null", None), ("TRUE", True), ("False", False), ("yes", "yes"),
        ("no", "no"), ("on", "on"), ("tRue", "tRue"), ("1", 1), ("+1", 1), ("-1", -1), ("007", 7), ("0o17", 15),
        ("0x1F", 31), ("0b1", "0b1"), ("-0x1F", "-0x1F"), ("1_000", "1_000"), ("1:30", "1:30"), ("1e3", 1000.0),
        ("1.", 1.0), (".5", 0.5), ("+.5e-1", 0.05), ("1e", "1e"), (".", "."), ("+.inf", math.inf), (".INF", math.inf),
        ("inf", "inf"), ("nan", "nan"), ("2026-01-02", "2026-01-02"), ("=", "="), ("'1'", "1"), ('"true"', "true"),
        ("|\n  1", "1"), (">-\n  1\n  2", "1 2"), ("１", "１"),
    ],
)  # fmt: skip
def test_a_scalar_means_what_yaml_1_2_says(text: str, value: object) -> None:
    back = yamlio.load(f"a: {text}")["a"]
    assert (type(back), back) == (type(value), value)


@given(st.text(max_size=40) | st.text("a:-[]{},'\"&*!|>#%@ \n\t?~", max_size=30))
def test_no_text_at_all_does_more_than_be_refused(text: str) -> None:
    try:
        assert isinstance(yamlio.load(text), dict)
    except RecordError as error:
        assert "\n" not in str(error)  # noqa: PT017 - both outcomes are right
