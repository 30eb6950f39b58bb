"""Conditions, orders and keys of lists, on rows that are in memory."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from gitreg.cli import query
from gitreg.cli.query import Query
from gitreg.cli.rows import ForeignError, Row
from gitreg.errors import RecordError, UsageError
from gitreg.sdk.filters import NOTHING

NOW = 1_767_323_045  # 2026-01-02T03:04:05Z
WORLD: Any = {"clock": lambda: NOW, "read_ahead": list}


def row(name: str, **fields: Any) -> Row:
    document = {"name": name, "summary": {}, "config": {}, "created": "", "tags": [], **fields}
    return Row(name, tuple(document), (tuple(document), lambda: document))


ROWS = [
    row("a", version="v10", config={"lr": 0.1, "opt": "adam"}, summary={"loss": 0.5}, created="2026-01-02T03:00:00Z"),
    row("b", version="v9", config={"lr": 0.01, "opt": "sgd"}, summary={"loss": 0.25}, created="2026-01-01T23:59:59Z"),
    row("c", version="v2", config={"lr": "auto", "net": {"depth": 3}}, summary={"loss": float("nan"), "val/acc": 0.9}),
    row("1234", version="v1", config={"a.b": 1, "flag": True}, tags=["good", "old"], created="2025-12-31T00:00:00Z"),
]


def asked(*where: str, sort: str = "", columns: tuple[str, ...] = ()) -> Query:
    conditions = tuple(query._condition(text) for text in where)
    return Query(conditions, sort.removeprefix("-"), sort.startswith("-"), columns)


def names(*where: str, sort: str = "", rows: list[Row] = ROWS, limit: int | None = None) -> str:
    return " ".join(row.what for row in query.find(rows, asked(*where, sort=sort), (), limit, **WORLD).rows)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("config.lr<0.1", "b"),
        ("config.lr <= 0.1", "a b"),
        ("lr>0.01", "a"),
        ("lr>=0.01", "a b"),
        ("lr=0.1", "a"),
        ("lr==1e-1", "a"),
        ("lr=auto", "c"),
        # what is not there, or is a text where a number is meant, fits nothing
        ("lr!=0.1", "b c"),
        ("nothing!=1", ""),
        ("nothing<1", ""),
        ("loss<1", "a b"),
        ("opt~^a", "a"),
        ("opt~d", "a b"),
        ("tags=old", "1234"),
        ("tags~^go", "1234"),
        # an id that looks like a number is a text all the same
        ("name=1234", "1234"),
        ("name!=1234", "a b c"),
        ("net.depth=3", "c"),
        ("config.net.depth=3", "c"),
        ("val/acc>0.8", "c"),
        ("a.b=1", "1234"),
        ("flag=true", "1234"),
        ("tags=", ""),
        # versions are numbers, not texts
        ("version>v2", "a b"),
        ("version=v2", "c"),
        # a date is all of its day, and what has none is on no day
        ("created<2026-01-01", "1234"),
        ("created<=2026-01-01", "b 1234"),
        ("created>2026-01-01", "a"),
        ("created=2026-01-01", "b"),
        ("created!=2026-01-01", "a 1234"),
        ("created>1 hour ago", "a"),
        ("created>=yesterday", "a b"),
    ],
)
def test_a_condition_fits_rows(where: str, expected: str) -> None:
    assert names(where) == expected


def test_all_conditions_must_hold() -> None:
    assert names("lr>=0.01", "opt=sgd") == "b"
    assert names("lr>=0.01", "opt=sgd", "loss>1") == ""


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("lr", "b a c 1234"),
        ("-lr", "c a b 1234"),
        # NaN is neither more nor less than anything
        ("loss", "b a c 1234"),
        ("-loss", "a b c 1234"),
        ("version", "1234 c b a"),
        ("-created", "a b 1234 c"),
        ("nothing", "a b c 1234"),
    ],
)
def test_rows_are_sorted_and_those_without_the_key_come_last(sort: str, expected: str) -> None:
    assert names(sort=sort) == expected


def test_a_limit_comes_after_the_order_and_all_that_fit_are_counted() -> None:
    found = query.find(ROWS, asked("lr>=0.01", sort="lr"), (), 1, **WORLD)
    assert ([row.what for row in found.rows], found.total) == (["b"], 2)


@pytest.mark.parametrize(
    "text", ["", "config.lr", "<1", "=x", " = x", "lr<", "lr>=  ", "a~(", "\N{NULL}", "created", "no operator at all"]
)
def test_what_is_no_condition_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        query._condition(text)
    assert "--where 'config.lr<0.01'" in str(caught.value.hint)


@pytest.mark.parametrize(
    "text", ["lr>0.1 and lr<0.4", "lr>0.1 OR opt=sgd", "lr>0.1&&lr<0.4", "opt=a || opt=b", "opt~a and lr<1"]
)
def test_two_conditions_in_one_are_refused_and_the_hint_gives_two(text: str) -> None:
    with pytest.raises(UsageError, match="more than one condition") as caught:
        query._condition(text)
    assert "--where 'lr>0.1' --where 'lr<0.4'" in str(caught.value.hint)


@pytest.mark.parametrize("text", ["notes=this and that", "notes~a (?:and )(?=b)", "notes=R&&D", "name~a||b"])
def test_a_conjunction_that_no_condition_follows_is_text(text: str) -> None:
    assert query._condition(text)[2] == re.split("[=~]", text, maxsplit=1)[1]


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("loss<1KB", "note: 'loss' holds numbers, and '1KB' is none\n"),
        ("version>abc", "note: 'version' holds numbers, and 'abc' is none\n"),
        ("opt<3", "note: 'opt' holds text, and '3' is a number\n"),
        # some are numbers and some are text; equal to nothing is an answer
        ("lr<0", ""),
        ("lr<abc", ""),
        ("loss=1KB", ""),
        ("loss<0", ""),
    ],
)
def test_an_order_of_texts_and_numbers_fits_nothing_and_is_named(
    capsys: pytest.CaptureFixture[str], where: str, said: str
) -> None:
    rows = ROWS[:3] if where != "lr<abc" else [row("a", config={"lr": "b"}), row("b", config={"lr": 1})]
    assert names(where, rows=rows) == ""
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("inputs=digits:v1", "a"),
        ("inputs!=digits:v1", "b c"),
        ("inputs~^digits", "a b"),
        ("inputs~v1$", "a"),
        ("inputs.version=v2", "b"),
    ],
)
def test_inputs_are_compared_by_their_names(where: str, expected: str) -> None:
    def using(*versions: str) -> Any:
        return [dict(zip(("artifact", "version"), version.split(":"), strict=True)) for version in versions]

    rows = [
        row("a", inputs=using("raw:v0", "digits:v1")),
        row("b", inputs=using("digits:v2")),
        row("c", inputs=[]),
    ]
    assert names(where, rows=rows) == expected


def test_headings_and_other_cases_name_fields_unless_a_row_has_the_very_word() -> None:
    heads = {"MADE": "outputs", "JOB TYPE": "job_type"}
    written = Query((("made", "=", "m:v1"),), "Job Type", columns=("NAME", "Created", "config.LR", "LOSS"))
    rows = [row("a", config={"LR": 1}), row("b", summary={"Created": 2})]
    found = query.named(written, heads, rows)
    assert found == Query((("outputs", "=", "m:v1"),), "job_type", columns=("name", "Created", "config.LR", "LOSS"))
    assert query.named(written, heads, rows[:1]).columns == ("name", "created", "config.LR", "LOSS")


@pytest.mark.parametrize("where", ["created<soon", "created=7", "created>2999-01-01"])
def test_what_is_no_date_is_refused(where: str) -> None:
    with pytest.raises(UsageError):
        names(where)


@pytest.mark.parametrize(
    ("where", "sort", "said"),
    [
        (["los<1"], "", "note: none of them has 'los'; did you mean 'loss'?\n"),
        ([], "config.lrr", "note: none of them has 'config.lrr'; did you mean 'config.lr'?\n"),
        ([], "zzzzzz", "note: none of them has 'zzzzzz'\n"),
        (["lr<0"], "loss", ""),
    ],
)
def test_a_key_that_no_row_has_is_named_with_the_likeliest_other(
    capsys: pytest.CaptureFixture[str], where: list[str], sort: str, said: str
) -> None:
    names(*where, sort=sort)
    assert capsys.readouterr().err == said


def test_what_cannot_be_read_is_named_and_left_out_and_a_foreign_tag_is_passed_over(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(error: Exception) -> Callable[[], Any]:
        def read() -> Any:
            raise error

        return read

    fields = ("name", "summary", "config")
    rows = [
        Row("'m:v1'", fields, (fields, broken(RecordError("bad YAML")))),
        Row("'m:v0'", fields, (fields, broken(ForeignError("m@v0")))),
        *ROWS,
    ]
    assert names(rows=rows, limit=2) == "a b"
    assert names("loss<1", rows=rows) == "a b"
    assert names(sort="loss", rows=rows, limit=1) == "b"
    assert capsys.readouterr().err == "warning: 'm:v1' is left out: bad YAML\n" * 3


def test_a_row_reads_a_part_only_when_one_of_its_fields_is_asked_for() -> None:
    read: list[str] = []

    def part(name: str) -> tuple[tuple[str, ...], Callable[[], dict[str, object]]]:
        def note() -> dict[str, object]:
            read.append(name)
            return {name: name}

        return (name,), note

    rows = [Row(str(number), ("a", "b"), part("a"), part("b")) for number in range(3)]
    assert query.look(rows[0], "a") == "a"
    assert "b" in rows[0]
    assert read == ["a"]
    query.find(rows, Query(), (), 1, **WORLD)
    assert read == ["a", "b"]
    assert list(rows[1]) == ["a", "b"]


def test_keys_with_dots_are_found_whole_and_in_parts() -> None:
    nested = row("x", config={"a.b": {"c.d": 1}, "a": {"b": {"e": 2}}})
    assert query.look(nested, "a.b.c.d") == 1
    assert query.look(nested, "config.a.b.e") == 2
    assert query.look(nested, "a.b.f") is NOTHING


def test_the_hint_says_every_operator_that_there_is() -> None:
    assert set(re.findall(r"[<>=!~]+", query._HINT.rpartition("are")[2])) == {"<", "<=", ">", ">=", "=", "!=", "~"}
