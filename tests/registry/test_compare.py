"""What `compare` says of two subjects: pure values, and what it says of versions that were read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from desks import Desk
from gitreg.errors import NotFoundError
from gitreg.git.difference import Stat
from gitreg.records.listing import FileEntry
from gitreg.records.names import CollectionName, VersionName, VersionNumber
from gitreg.records.objects import Oid
from gitreg.records.records import Code
from gitreg.registry import measures, subjects
from gitreg.registry.compare import Comparison, Content, Input, Subject, compare

CODE = Code(Oid.parse("1" * 40), snapshot=False)
OTHER = Code(Oid.parse("2" * 40), snapshot=False)


def subject(**fields: Any) -> Subject:
    return replace(Subject("m:v0", None, "run", {}, {}, {}, CODE), **fields)


def compared(old: Mapping[str, Any], new: Mapping[str, Any], stat: Stat | None = None) -> Comparison:
    return compare(subject(**old), subject(**new), stat=stat)


def used(name: str, commit: str, size: int | None = 1) -> Input:
    collection, _, label = name.partition(":v")
    version = VersionName(CollectionName.parse(collection), VersionNumber(int(label)))
    return Input(version, Oid.parse(commit * 40), size)


def entry(path: str, content: str = "0", size: int = 1) -> FileEntry:
    return FileEntry(path, size, content * 32, content * 64)


def content(*files: FileEntry, listed: bool = True) -> Content:
    whole = "".join(f"{item.path}{item.sha256}" for item in files)
    return Content(whole, len(files), sum(item.size for item in files), files if listed else None)


def test_two_of_the_same_are_the_same() -> None:
    whole = {
        "about": {"type": "model"},
        "config": {"lr": 0.1, "deep": {"er": [1, {"est": None}]}},
        "summary": {"loss": math.nan, "verdict": "good"},
        "metadata": {"empty": {}},
        "inputs": [used("d:v0", "a")],
        "content": content(entry("a")),
    }
    found = compared(whole, whole)
    assert found.same
    assert found.config.unchanged == 2
    assert (found.results.unchanged, found.metadata.unchanged, found.about.unchanged) == (1, 1, 1)
    assert found.inputs.unchanged == 1
    assert [item.kind for item in found.metrics] == [None]


def test_config_is_compared_by_dotted_path() -> None:
    old = {"optimizer": {"name": "sgd", "lr": 0.1}, "gone": 1, "same": [1, 2]}
    new = {"optimizer": {"name": "adam", "lr": 0.1}, "came": None, "same": [1, 2]}
    found = compared({"config": old}, {"config": new}).config
    assert [(item.path, item.kind, item.old, item.new) for item in found.changed] == [
        ("optimizer.name", "changed", "sgd", "adam"),
        ("came", "added", None, None),
        ("gone", "removed", 1, None),
    ]
    assert found.unchanged == 2


def test_a_key_with_a_dot_is_not_taken_for_a_nested_one() -> None:
    found = compared({"config": {"a.b": 1}}, {"config": {"a": {"b": 1}}}).config
    assert [(item.path, item.kind) for item in found.changed] == [("a.b", "added"), ('"a.b"', "removed")]


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        ("1", 1, False),
        (math.nan, math.nan, True),
        (math.inf, -math.inf, False),
        ([1, math.nan], [1, math.nan], True),
        ([1, 2], [2, 1], False),
        ([{"a": 1}], [{"a": True}], False),
        ({}, [], False),
        (None, "", False),
    ],
)
def test_values_are_the_same_as_people_would_say(old: object, new: object, *, same: bool) -> None:
    assert compared({"config": {"x": old}}, {"config": {"x": new}}).same == same


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("loss", (2.0, 1.0), (-1.0, -0.5, True)),
        ("loss", (1.0, 2.0), (1.0, 1.0, False)),
        ("accuracy", (0.5, 0.75), (0.25, 0.5, True)),
        ("val/accuracy", (0.5, 0.25), (-0.25, -0.5, False)),
        ("steps_per_second", (1, 2), (1, 1.0, None)),
        ("loss", (0.0, 1.0), (1.0, None, False)),
        ("r2", (-0.5, -0.25), (0.25, 0.5, True)),
        ("loss", (1.0, math.inf), (math.inf, None, False)),
        ("loss", (math.inf, 1.0), (-math.inf, None, True)),
        ("loss", (1.0, math.nan), (None, None, None)),
        ("loss", (math.inf, math.inf), (0, None, None)),
        ("loss", (1.0, 1.0), (0, 0.0, None)),
        ("loss", (None, 1.0), (None, None, None)),
        ("loss", (1.0, None), (None, None, None)),
        ("loss", (10**400, 1.0), (-math.inf, None, True)),
    ],
)
def test_a_metric_says_how_far_it_moved_and_whether_that_is_better(
    name: str, values: tuple[float | None, float | None], expected: tuple[float | None, float | None, bool | None]
) -> None:
    old, new = ({"summary": {} if value is None else {name: value}} for value in values)
    (item,) = compared(old, new).metrics
    assert (item.delta, item.relative, item.better) == expected


def test_metrics_that_tell_how_good_it_is_come_first_and_bookkeeping_is_none() -> None:
    summary = {"epoch": 3, "_step": 7, "val": {"loss": 1.0}, "flag": True, "verdict": "good"}
    found = compared({"summary": {**summary, "_step": 9}}, {"summary": summary})
    assert [item.name for item in found.metrics] == ["val.loss", "epoch"]
    assert found.results.unchanged == 2
    assert found.same


def test_what_was_a_number_and_is_a_word_now_is_a_metric_that_has_gone() -> None:
    found = compared({"summary": {"loss": 1.0}}, {"summary": {"loss": "NaN"}})
    assert [(item.name, item.kind) for item in found.metrics] == [("loss", "removed")]
    assert not found.same


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("loss", "lower"),
        ("val_loss", "lower"),
        ("valLoss", "lower"),
        ("eval/word_error_rate", "lower"),
        ("mean_squared_error", "lower"),
        ("train.accuracy", "higher"),
        ("accuracy_top5", "higher"),
        ("acc@1", "higher"),
        ("F1Score", "higher"),
        ("test_r2", "higher"),
        ("loss_scale", None),
        ("accuracy_drop", None),
        ("neg_log_loss", None),
        ("accuracy_loss", None),
        ("lossless", None),
        ("latency", None),
        ("score", None),
        ("精度", None),
        ("accuracy精度", None),
        ("", None),
    ],
)
def test_a_direction_is_known_only_where_every_word_of_the_name_is(name: str, expected: str | None) -> None:
    assert measures.direction(name) == expected


@pytest.mark.parametrize(
    ("name", "metrics", "expected"),
    [
        ("latency", [{"latency": {"goal": "minimize"}}], "lower"),
        ("loss", [{"loss": {"goal": "maximize"}}], "higher"),
        ("loss", [{}, {"loss": {"goal": "maximize"}}], "higher"),
        ("latency", [{"latency": {"goal": "minimize"}}, {"latency": {"goal": "maximize"}}], None),
        ("latency.min", [{"latency": {"goal": "minimize", "summary": ["min", "last"]}}], "lower"),
        ("latency.max", [{"latency": {"goal": "minimize", "summary": ["min"]}}], None),
        ("loss.min", [{"loss": {"summary": ["min"]}}], "lower"),
        ("loss.min", [{}], None),
        ("test/latency", [{"test/*": {"goal": "minimize"}, "*": {"goal": "maximize"}}], "lower"),
        ("test/latency", [{"test/latency": {}, "*": {"goal": "maximize"}}], None),
        ('"v1.2".speed', [{"v1.2.speed": {"goal": "maximize"}}], "higher"),
        ("speed", [{"speed": "fast"}, {"speed": {"goal": "up"}}, {"speed": {"goal": ["maximize"]}}], None),
    ],
)
def test_what_a_run_has_said_of_a_metric_counts_more_than_its_name(
    name: str, metrics: list[dict[str, object]], expected: str | None
) -> None:
    assert measures.directions(*metrics)(name) == expected


def test_inputs_are_paired_by_collection() -> None:
    old = [used("kept:v0", "a"), used("moved:v0", "b"), used("gone:v2", "c")]
    new = [used("kept:v0", "a"), used("moved:v1", "d", None), used("came:v0", "e")]
    found = compared({"inputs": old}, {"inputs": new}).inputs
    assert [
        (str(item.old and item.old.name), str(item.new and item.new.name), item.kind) for item in found.changed
    ] == [
        ("moved:v0", "moved:v1", "changed"),
        ("None", "came:v0", "added"),
        ("gone:v2", "None", "removed"),
    ]
    assert found.unchanged == 1


def test_an_input_that_was_renumbered_is_the_same_one() -> None:
    assert compared({"inputs": [used("d:v3", "a")]}, {"inputs": [used("d:v4", "a")]}).same


def test_files_are_added_removed_and_changed() -> None:
    old = content(entry("a"), entry("b"), entry("c", size=5))
    new = content(entry("a"), entry("b", "1", 7), entry("d"))
    found = compared({"content": old}, {"content": new}).files
    assert found
    assert found.changed is not None
    assert [(item.path, item.kind) for item in found.changed] == [("b", "changed"), ("c", "removed"), ("d", "added")]
    assert (found.unchanged, found.same) == (1, False)


def test_files_whose_list_is_not_here_differ_or_not_by_their_manifest() -> None:
    here, elsewhere = content(entry("a")), content(entry("b"), listed=False)
    found = compared({"content": here}, {"content": elsewhere})
    assert found.files
    assert (found.files.changed, found.files.same, found.same) == (None, False, False)
    assert compared({"content": here}, {"content": content(entry("a"), listed=False)}).same


@pytest.mark.parametrize(
    ("other", "stat", "same"),
    [(CODE, None, True), (OTHER, Stat(0, 0, 0), True), (OTHER, Stat(1, 2, 0), False), (OTHER, None, False)],
)
def test_code_is_the_same_when_its_files_are(other: Code, stat: Stat | None, *, same: bool) -> None:
    found = compared({}, {"code": other}, stat)
    assert (found.code.same, found.same) == (same, same)


class TestReading:
    def test_a_version_is_compared_with_the_one_before_it(self, desk: Desk) -> None:
        data = desk.log("data", "one", "dataset")
        desk.log("m", {"a": "1", "b": "2"}, use=[data])
        desk.log("m", {"a": "1", "b": "3"}, use=[desk.log("data", "two", "dataset")])
        new = desk.version("m:v1")
        old = subjects.previous(desk.registry, new)
        found = subjects.comparison(
            desk.registry, subjects.of_version(desk.registry, old), subjects.of_version(desk.registry, new)
        )
        assert found.files
        assert [item.path for item in found.files.changed or ()] == ["b"]
        assert [str(item.new and item.new.name) for item in found.inputs.changed] == ["data:v1"]
        assert (found.code.same, found.same) == (True, False)

    def test_numbers_that_are_missing_are_passed_over(self, desk: Desk) -> None:
        for text in ("one", "two", "three"):
            desk.log("m", text)
        desk.git("tag -d m@v1")
        assert str(subjects.previous(desk.registry, desk.version("m:v2")).name) == "m:v0"

    def test_the_first_has_none_before_it(self, desk: Desk) -> None:
        version = desk.log("m", "one")
        with pytest.raises(NotFoundError, match="there is no version before 'm:v0'"):
            subjects.previous(desk.registry, version)

    def test_code_is_counted_without_running_what_the_repository_names(self, desk: Desk) -> None:
        first = desk.log("m", "one")
        desk.sh("echo '* diff=evil' >.gitattributes && git config diff.evil.textconv 'touch pwned; cat'")
        desk.sh("git config diff.external 'touch pwned' && git config diff.evil.command 'touch pwned'")
        desk.sh("seq 3 >train.py && git add . && git commit --quiet -m train")
        second = desk.log("m", "two")
        old, new = (subjects.of_version(desk.registry, version) for version in (first, second))
        found = subjects.comparison(desk.registry, old, new)
        assert found.code.stat == Stat(2, 4, 0)
        assert not (desk.path / "pwned").exists()

    def test_the_same_files_in_another_commit_are_the_same_code(self, desk: Desk) -> None:
        first = desk.log("m", "one")
        desk.git("commit --quiet --allow-empty -m 'nothing new'")
        second = desk.log("m", "two")
        old, new = (subjects.of_version(desk.registry, version) for version in (first, second))
        assert old.code.commit != new.code.commit
        assert subjects.comparison(desk.registry, old, new).code.same
