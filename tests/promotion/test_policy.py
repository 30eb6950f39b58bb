"""`.gitreg/policy.yaml`: what it says, and what is said of one that is wrong."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desks import Desk, World, alias_name
from gitreg.errors import SettingsError
from gitreg.records import policy as codec
from gitreg.records.policy import Data, Gate, Limit, Policy, Rule, parse
from gitreg.records.yamlio import MAX_BYTES
from gitreg.registry import policy

WHOLE = """\
schema: 1
metrics: {loss: minimize, "val/*": maximize}
aliases:
  production:
    protected: true
    gates:
      accuracy: ">= 0.97"
      loss: no_regression
      latency_ms: {require: "<= 30", on: eval_set:v4, job_type: evaluate}
      f1: {no_regression: 0.01}
      recall:
        - "> .9"
        - {require: ">= 0.95", no_regression: true, on: hard_set}
    evaluated_on: [eval_set]
    inputs: [mnist_dataset, dataset/Digits:v2]
  model/MNIST:production:
    gates: {accuracy: "== 1"}
"""


def rule(text: str, alias: str = "m:production") -> Rule:
    return parse(text).rule(alias_name(alias))


def wrong(text: str) -> tuple[int, str, str]:
    """The line, the message without the file's name, and the hint."""
    with pytest.raises(SettingsError) as caught:
        parse(text)
    error = caught.value
    assert error.path == ".gitreg/policy.yaml"
    assert error.message.startswith(f"'.gitreg/policy.yaml'{f', line {error.line}' if error.line else ''}: ")
    return error.line, error.message.split(": ", 1)[1], error.hint or ""


def test_a_policy_says_what_holds_for_an_alias() -> None:
    found = rule(WHOLE)
    assert found.protected
    assert [str(gate) for gate in found.gates] == [
        "accuracy >= 0.97",
        "no regression of loss",
        "latency_ms <= 30 on eval_set:v4 in 'evaluate' runs",
        "no regression of f1 beyond 0.01",
        "recall > .9",
        "recall >= 0.95 and no regression of recall on hard_set",
    ]
    assert [gate.line for gate in found.gates] == [7, 8, 9, 10, 11, 13]
    assert found.evaluated_on == (Data.parse("eval_set"),)
    assert [str(data) for data in found.inputs] == ["mnist_dataset", "dataset/Digits:v2"]
    assert parse(WHOLE).metrics == {"loss": {"goal": "minimize"}, "val/*": {"goal": "maximize"}}


def test_what_is_said_of_one_collection_counts_more_and_the_rest_stays() -> None:
    found = rule(WHOLE, "model/MNIST:production")
    assert found.gates == (Gate("accuracy", Limit("==", 1.0, "1")),)
    assert found.protected
    assert found.inputs == rule(WHOLE).inputs
    lenient = "aliases: {production: {protected: true}, 'm:production': {protected: false}}"
    assert not rule(lenient).protected
    assert rule(lenient, "other:production").protected


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "aliases:\n", "schema: 1", "aliases: {staging: {}}"])
def test_a_policy_that_says_nothing_asks_for_nothing(text: str) -> None:
    assert rule(text) == rule("aliases: {staging: {protected: true}}") == Rule()
    assert Policy().rule(alias_name("m:production")) == Rule()


def test_the_page_in_the_code_is_a_policy() -> None:
    example = (codec.__doc__ or "").split("```yaml\n")[1].split("```")[0]
    assert [gate.metric for gate in rule(example).gates] == ["accuracy", "loss", "latency_ms", "f1"]


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("alises: {}", 1, "a policy has no key 'alises'", "did you mean 'aliases'?"),
        ("\n\nfoo: 1", 3, "a policy has no key 'foo'", "known are schema, metrics, aliases"),
        ("schema: 2", 1, "the policy has schema 2, this gitreg reads up to 1", "upgrade gitreg: pip install -U gitreg"),
        ("schema: one", 1, "field 'schema' holds 'one', expected a number", ""),
        ("- a", 1, "a mapping is expected here", ""),
        ("aliases: [production]", 1, "'aliases' must be a mapping, not ['production']", ""),
        (
            "aliases:\n  production:\n    protect: true",
            3,
            "an alias's rule has no key 'protect'",
            "did you mean 'protected'?",
        ),
        ("aliases:\n  production:\n    protected: yes", 3, "field 'protected' holds 'yes', expected true or false", ""),
        ("aliases:\n  production:\n    protected:", 3, "field 'protected' holds None, expected true or false", ""),
        (
            "aliases:\n  a: {}\n  latest: {}",
            3,
            "invalid alias name 'latest': 'latest' is always the newest version",
            "leave it out, or choose another alias",
        ),
        (
            "aliases:\n  a: {}\n  v3: {}",
            3,
            "invalid alias name 'v3': it reads as a version number",
            "versions are written v3",
        ),
        (
            "aliases:\n  a: {}\n  model/M: {}",
            3,
            "'model/M' is a collection",
            "name its alias, such as model/M:production",
        ),
        (
            "aliases: {'a b:production': {}}",
            1,
            (
                "invalid collection name 'a b': only letters, digits, '_', '-' and '.' are allowed,"
                " and the first must be no '-' or '.'"
            ),
            "such as mnist_model, or model/MNIST for a registered model",
        ),
        ("aliases:\n  a:\n    gates: [x]", 3, "'gates' must be a mapping, not ['x']", ""),
        ("aliases: {a: {inputs: x}}", 1, "field 'inputs' holds 'x', expected a list of strings", ""),
        (
            "aliases:\n  a:\n    evaluated_on:\n      - eval_set:production",
            3,
            "'eval_set:production' is neither a collection nor a version of one",
            "aliases move: write 'eval_set:v4', or 'eval_set' for any version of it",
        ),
        ("metrics:\n  loss: min", 2, "'loss' must be minimize or maximize, not 'min'", ""),
        ("metrics: {loss: [minimize]}", 1, "'loss' must be minimize or maximize, not ['minimize']", ""),
        ("metrics: {'a*b': minimize}", 1, "'a*b' is no name of metrics", "'*' may stand at the end only"),
        ("aliases: &x {}", 1, "anchors and aliases are not allowed in a record", ""),
        ("aliases: {}\naliases: {}", 2, "key 'aliases' stands twice", ""),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int, message: str, hint: str) -> None:
    assert wrong(text) == (line, message, hint)


@pytest.mark.parametrize(
    ("gate", "message", "hint"),
    [
        ("0.97", "'acc' is 0.97, and which way is not said", "write '>= 0.97' or '<= 0.97'"),
        ("at least 0.9", "'at least 0.9' is no threshold", "such as '>= 0.97', '< 0.1' or '== 0'"),
        ("'>= nan'", "'>= nan' is no threshold", "such as '>= 0.97', '< 0.1' or '== 0'"),
        ("'>= .inf'", "'>= .inf' is no threshold", "such as '>= 0.97', '< 0.1' or '== 0'"),
        ("'>= 1e999'", "'>= 1e999' is no threshold", "such as '>= 0.97', '< 0.1' or '== 0'"),
        ("'=> 1'", "'=> 1' is no threshold", "such as '>= 0.97', '< 0.1' or '== 0'"),
        ("'!= 1'", "'!= 1' is no threshold", "such as '>= 0.97', '< 0.1' or '== 0'"),
        ("no_regresion", "'no_regresion' is no gate", "did you mean 'no_regression'?"),
        (
            "true",
            "'acc' is True; expected '>= NUMBER', no_regression, or a mapping with 'require' or 'no_regression'",
            "",
        ),
        ("[]", "nothing is asked of 'acc'", ""),
        ("{}", "nothing is asked of 'acc'", "say 'require' or 'no_regression'"),
        ("{on: eval_set}", "nothing is asked of 'acc'", "say 'require' or 'no_regression'"),
        ("{required: '> 1'}", "a gate has no key 'required'", "did you mean 'require'?"),
        ("{require: 1}", "'require' is 1, and which way is not said", "write '>= 1' or '<= 1'"),
        ("{require: true}", "'require' is True; expected '>= 0.97', '< 0.1' or '== 0'", ""),
        (
            "{no_regression: -0.1}",
            "field 'no_regression' holds -0.1, expected true, or how much worse the value may be, such as 0.01",
            "",
        ),
        (
            "{no_regression: .nan}",
            "field 'no_regression' holds nan, expected true, or how much worse the value may be, such as 0.01",
            "",
        ),
        (
            "{no_regression: false}",
            "field 'no_regression' holds False, expected true, or how much worse the value may be, such as 0.01",
            "",
        ),
        (
            "{require: '> 1', on: eval_set:latest}",
            "'eval_set:latest' is neither a collection nor a version of one",
            "aliases move: write 'eval_set:v4', or 'eval_set' for any version of it",
        ),
        ("{require: '> 1', job_type: [a]}", "field 'job_type' holds ['a'], expected a string", ""),
        ("['> 1', 2]", "'acc' is 2, and which way is not said", "write '>= 2' or '<= 2'"),
    ],
)
def test_a_gate_that_is_none_is_told_with_its_line(gate: str, message: str, hint: str) -> None:
    assert wrong(f"aliases:\n  production:\n    gates:\n      loss: no_regression\n      acc: {gate}\n") == (
        5,
        message,
        hint,
    )


@pytest.mark.parametrize("gate", [">= 0.97", "> 5", "{require: >= 1}", "\n        - >= 3"])
def test_a_threshold_without_quotes_is_told_as_that(gate: str) -> None:
    line, message, hint = wrong(f"aliases:\n  production:\n    gates:\n      acc: {gate}\n")
    assert message.startswith("bad YAML")
    assert hint == "put thresholds in quotes: '>= 0.97'"
    assert line == 4 + gate.count("\n")


def test_a_beginning_of_names_is_no_gate() -> None:
    assert wrong("aliases: {a: {gates: {'val/*': no_regression}}}")[1:] == (
        "'val/*' is no metric",
        "a gate is about one metric, by its whole name",
    )


def test_a_value_as_long_as_the_file_is_not_told_whole() -> None:
    assert len(wrong(f"aliases: {'x' * 100_000}")[1]) < 400
    digits = "9" * 4000
    _, message, hint = wrong(f"aliases: {{a: {{gates: {{x: {digits}}}}}}}")
    assert len(message) < 400
    assert len(hint) < 400
    assert "no_regression" in wrong(f"aliases: {{a: {{gates: {{x: {{no_regression: {digits}}}}}}}}}")[1]


_PIECES = ["- ", "{", "[", "&a ", "*a", "!!x ", "\t", "'", ": ", "\n", "  ", "\ud800", "1e400"]


@given(st.integers(0, len(WHOLE)), st.integers(0, 6), st.text(max_size=5) | st.sampled_from(_PIECES))
def test_whatever_stands_in_the_file_is_read_or_refused(at: int, length: int, put: str) -> None:
    with contextlib.suppress(SettingsError):
        parse(WHOLE[:at] + put + WHOLE[at + length :])


def test_a_file_above_the_limit_is_refused() -> None:
    assert wrong("#" * (MAX_BYTES + 1))[1] == f"larger than {MAX_BYTES} bytes"


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([">=", ">", "<=", "<", "=="]))
def test_a_threshold_is_read_as_it_is_written(value: float, operator: str) -> None:
    limit = Limit.parse(f" {operator}{value!r} ")
    assert str(limit) == f"{operator} {value!r}"
    assert limit == Limit.parse(str(limit))
    assert limit.holds(value) == ("=" in operator)
    assert not limit.holds(float("nan"))


@pytest.mark.parametrize(
    ("text", "holds", "fails"),
    [(">= 0.97", 0.97, 0.9699), ("> 1", 1.1, 1.0), ("<= -1e-3", -0.001, 0), ("< .5", 0.4, 0.5), ("==0", 0, 1)],
)
def test_a_threshold_holds_or_does_not(text: str, holds: float, fails: float) -> None:
    assert Limit.parse(text).holds(holds)
    assert not Limit.parse(text).holds(fails)


def written(desk: Desk, text: str | bytes) -> None:
    place = desk.path / ".gitreg" / "policy.yaml"
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(text if isinstance(text, bytes) else text.encode())
    desk.sh("git add .gitreg && git commit --quiet -m 'the policy'")


def test_the_policy_is_that_of_the_remotes_default_branch(ada: Desk) -> None:
    written(ada, "aliases: {production: {protected: true}}")
    alias = alias_name("m:production")
    assert not policy.protected(ada.reopen(), alias)
    ada.sh("git push --quiet origin HEAD:main")
    assert policy.protected(ada.reopen(), alias)
    written(ada, "aliases: {production: {protected: false}}")
    assert policy.protected(ada.reopen(), alias)
    assert not policy.at(ada.registry, ada.oid("HEAD")).rule(alias).protected


def test_before_anything_is_pushed_the_policy_is_that_of_head(desk: Desk) -> None:
    desk.sh("git remote add origin ../nowhere.git")
    assert policy.current(desk.reopen()) == Policy()
    written(desk, "aliases: {production: {protected: true}}")
    assert policy.protected(desk.reopen(), alias_name("m:production"))


def test_a_server_has_the_policy_of_its_default_branch(world: World, ada: Desk) -> None:
    written(ada, "aliases: {production: {protected: true}}")
    ada.sh("git push --quiet origin HEAD:main")
    server = Desk(world.server, ada._shell)
    try:
        assert policy.protected(server.registry, alias_name("m:production"))
    finally:
        server.registry.close()


def test_a_repository_without_a_commit_has_no_policy(tmp_path: Path, desk: Desk) -> None:
    desk.sh("git init --quiet ../empty")
    empty = Desk(tmp_path / "empty", desk._shell)
    try:
        assert policy.current(empty.registry) == Policy()
    finally:
        empty.registry.close()


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("ln -s /etc/passwd .gitreg/policy.yaml", "this is no regular file"),
        ("mkdir .gitreg/policy.yaml && touch .gitreg/policy.yaml/x", "this is no regular file"),
        ("rmdir .gitreg && touch .gitreg", "'.gitreg' is no folder"),
        (r"printf 'aliases: {}  # \377' >.gitreg/policy.yaml", "not UTF-8"),
        ("head -c 1200000 /dev/zero | tr '\\0' '#' >.gitreg/policy.yaml", f"larger than {MAX_BYTES} bytes"),
        ("head -c 17000000 /dev/zero | tr '\\0' '#' >.gitreg/policy.yaml", "has 17000000 bytes"),
    ],
)
def test_a_policy_that_cannot_be_read_lets_nothing_pass(desk: Desk, script: str, message: str) -> None:
    desk.sh(f"mkdir .gitreg && {script} && git add .gitreg && git commit --quiet -m policy")
    with pytest.raises(SettingsError, match=message):
        policy.protected(desk.registry, alias_name("m:production"))
