"""What each gate of a policy says of a move, and with which words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from applying import Team
from measuring import Lab

from desks import Desk
from gitreg.errors import RecordError
from gitreg.promotion import gates
from gitreg.promotion.request import Verdict
from gitreg.records.policy import Gate, Policy, Rule
from gitreg.records.records import Place


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What tests begin with is made once."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def lab(desk: Desk, kept: Path) -> Lab:
    """With a data set to train on, and two versions of one to evaluate on."""
    lab = Lab(desk)

    def make() -> None:
        lab.data("train_set")
        lab.data("eval_set")
        lab.data("eval_set", "harder")

    return lab.prepared(kept / "lab", make)


@pytest.fixture
def two(lab: Lab, kept: Path) -> Lab:
    """With m:v0 and m:v1, trained on the same data."""

    def make() -> None:
        lab.train({"accuracy": 0.90, "loss": 0.30}, "train_set:v0", name="train-0")
        lab.train({"accuracy": 0.95, "loss": 0.35}, "train_set:v0", name="train-1")

    return lab.prepared(kept / "two", make)


def gate(text: str) -> str:
    return f"{{gates: {{{text}}}}}"


def told(verdicts: tuple[Verdict, ...]) -> list[str]:
    """Without the person who made all runs."""
    found = (f"{verdict.finding} {verdict.gate}: {verdict.words}" for verdict in verdicts)
    return [re.sub(" by (Test User|Ada Example)", "", text) for text in found]


def test_a_threshold_lets_a_number_pass_or_not(two: Lab) -> None:
    passing = (">= 0.95", "<= 0.95", "== 0.95", "> 0.94", "< 0.96")
    refusing = (">= 0.96", "> 0.95", "< 0.95", "<= 0.94", "== 0.96")
    asked = ", ".join(f"'{limit}'" for limit in passing + refusing)
    found = two.judge(gate(f"accuracy: [{asked}]"), "m:v1", "m:v0")
    assert told(found) == [
        *(f"passed accuracy {limit}: 0.95 of 'train-1'" for limit in passing),
        *(f"refused accuracy {limit}: 0.95 of 'train-1' is not {limit}" for limit in refusing),
    ]
    for verdict in found:
        assert verdict.metric == "accuracy"
        assert verdict.seen
        assert (verdict.seen.value, verdict.seen.name, verdict.seen.own) == (0.95, "train-1", True)


def test_a_number_just_below_is_not_shown_as_the_threshold(lab: Lab) -> None:
    lab.train({"accuracy": 0.96999999})
    (found,) = lab.judge(gate("accuracy: '>= 0.97'"), "m:v0")
    assert found.words == "0.96999999 of 'train' by Test User is not >= 0.97"


def test_the_newest_value_counts_also_where_an_older_one_would_pass(two: Lab) -> None:
    two.evaluate({"accuracy": 0.99}, "m:v1", "eval_set:v0", name="eval-1")
    two.evaluate({"accuracy": 0.80}, "m:v1", "eval_set:v0", name="eval-2")
    two.evaluate({"accuracy": 0.98}, "m:v1", "eval_set:v0", name="eval-3", state="crashed")
    (found,) = two.judge(gate("accuracy: '>= 0.9'"), "m:v1", "m:v0")
    assert told((found,)) == ["refused accuracy >= 0.9: 0.8 of 'eval-2' is not >= 0.9"]
    assert [(item.value, item.name, item.why) for item in found.passed_over] == [
        (0.98, "eval-3", "has crashed"),
        (0.99, "eval-1", "is older"),
        (0.95, "train-1", "is older"),
    ]


def test_a_gate_says_which_runs_count(two: Lab) -> None:
    two.evaluate({"accuracy": 0.97}, "m:v1", "eval_set:v0", name="on v0")
    two.evaluate({"accuracy": 0.85}, "m:v1", "eval_set:v1", name="on v1")
    two.evaluate({"accuracy": 0.10}, "m:v1", "eval_set:v0", name="smoke", job_type="smoke-test")

    def seen(which: str) -> str:
        (found,) = two.judge(gate(f"accuracy: {{require: '> 0', {which}}}"), "m:v1")
        return found.seen.name if found.seen else found.words

    assert seen("on: eval_set:v0") == "smoke"
    assert seen("on: eval_set:v0, job_type: evaluate") == "on v0"
    assert seen("on: eval_set:v1") == "on v1"
    assert seen("on: eval_set, job_type: evaluate") == "on v1"
    assert seen("on: train_set") == "train-1"
    assert seen("job_type: train") == "train-1"
    who = "0.1 of 'smoke' by Test User, which is of job type 'smoke-test'; 0.85 of 'on v1' by Test User, "
    assert seen("job_type: audit").startswith(
        f"no published, finished run says 'accuracy' of m:v1 in 'audit' runs: {who}"
    )
    (found,) = two.judge(gate("accuracy: {require: '> 0', on: eval_set:v1}"), "m:v0")
    assert told((found,))[0].endswith(
        "says 'accuracy' of m:v0 on eval_set:v1: 0.9 of 'train-0', which is not on eval_set:v1"
    )
    assert [(item.name, item.why) for item in found.passed_over] == [("train-0", "is not on eval_set:v1")]


def test_no_value_at_all_is_refused_with_what_may_be_meant(two: Lab) -> None:
    assert told(two.judge(gate("acuracy: '> 0'"), "m:v1")) == [
        "refused acuracy > 0: no published, finished run says 'acuracy' of m:v1; did you mean 'accuracy'?"
    ]
    assert told(two.judge(gate("latency: no_regression"), "m:v1", "m:v0")) == [
        "refused no regression of latency: no published, finished run says 'latency' of m:v1"
    ]
    (found,) = two.judge(gate("loss: {require: '> 0', on: audit_set}"), "m:v1")
    assert found.words == "no published, finished run says 'loss' of m:v1 on audit_set: audit_set is not published"


def test_what_is_no_number_lets_nothing_pass(two: Lab) -> None:
    values: dict[str, tuple[object, str]] = {
        "nan": (float("nan"), "nan, which is no finite number"),
        "inf": (float("inf"), "inf, which is no finite number"),
        "minus": (float("-inf"), "-inf, which is no finite number"),
        "huge": (10**400, "inf, which is no finite number"),
        "truth": (True, "True, which is no number"),
        "text": ("0.99", "'0.99', which is no number"),
        "list": ([0.99], "[0.99], which is no number"),
        "long": ("x" * 1000, f"'{'x' * 79}..., which is no number"),
    }
    two.evaluate(dict.fromkeys(values, 0.5), "m:v1", name="older")
    two.evaluate({name: value for name, (value, _) in values.items()}, "m:v1", name="eval")
    asked = "['>= 0', '<= 0', no_regression]"
    found = two.judge(gate(", ".join(f"{name}: {asked}" for name in values)), "m:v1", "m:v0")
    assert [verdict.words for verdict in found] == [
        f"'eval' by Test User says {words}" for _, words in values.values() for _ in range(3)
    ]
    for verdict in found:
        assert (verdict.finding, verdict.seen) == ("refused", None)
        assert [(item.value, item.name) for item in verdict.passed_over] == [(0.5, "older")]


def test_a_gate_that_asks_for_two_things_says_two(two: Lab) -> None:
    asked = gate("accuracy: {require: '>= 0.97', no_regression: true}")
    assert told(two.judge(asked, "m:v1", "m:v0")) == [
        "refused accuracy >= 0.97: 0.95 of 'train-1' is not >= 0.97",
        "passed no regression of accuracy: 0.95 of 'train-1', 0.05 better; m:v0 has 0.9 of 'train-0'",
    ]


def test_worse_is_refused_and_better_passes(two: Lab) -> None:
    assert told(two.judge(gate("accuracy: no_regression, loss: no_regression"), "m:v1", "m:v0")) == [
        "passed no regression of accuracy: 0.95 of 'train-1', 0.05 better; m:v0 has 0.9 of 'train-0'",
        "refused no regression of loss: 0.35 of 'train-1', 0.05 worse; m:v0 has 0.3 of 'train-0'",
    ]
    found = two.judge(gate("accuracy: no_regression, loss: no_regression"), "m:v0", "m:v1")
    assert [verdict.finding for verdict in found] == ["refused", "passed"]
    assert found[0].before
    assert (found[0].before.value, found[0].before.name) == (0.95, "train-1")
    assert [verdict.finding for verdict in two.judge(gate("accuracy: no_regression"), "m:v0", "m:v0")] == ["passed"]


def test_a_tolerance_is_how_much_worse_it_may_be(two: Lab) -> None:
    # in binary, 0.35 - 0.3 is a little less, and 0.95 - 0.9 a little more than 0.05
    asked = "[{no_regression: 0.05}, {no_regression: 0.049}, {no_regression: 0}]"
    for metric, new, old in (("loss", "m:v1", "m:v0"), ("accuracy", "m:v0", "m:v1")):
        found = two.judge(gate(f"{metric}: {asked}"), new, old)
        assert [verdict.finding for verdict in found] == ["passed", "refused", "refused"]
        assert [verdict.gate for verdict in found] == [
            f"no regression of {metric} beyond 0.05",
            f"no regression of {metric} beyond 0.049",
            f"no regression of {metric}",
        ]


def test_going_back_is_no_regression_and_thresholds_hold_all_the_same(two: Lab) -> None:
    asked = gate("accuracy: {require: '>= 0.92', no_regression: true}, latency: no_regression")
    assert told(two.judge(asked, "m:v0", "m:v1", named_before=True)) == [
        "refused accuracy >= 0.92: 0.9 of 'train-0' is not >= 0.92",
        "waived no regression of accuracy: m:v0 was named before: this goes back to it",
        "waived no regression of latency: m:v0 was named before: this goes back to it",
    ]


def test_what_comes_first_has_nothing_to_fall_behind_but_must_have_been_measured(two: Lab) -> None:
    assert told(two.judge(gate("accuracy: no_regression, latency: no_regression"), "m:v1")) == [
        "waived no regression of accuracy: nothing was ever named that it could be compared with",
        "refused no regression of latency: no published, finished run says 'latency' of m:v1",
    ]


def test_an_alias_that_was_taken_away_is_compared_with_what_it_named_last(ada: Desk) -> None:
    lab = Lab(ada)
    for number, accuracy in enumerate((0.98, 0.9)):
        lab.train({"accuracy": accuracy}, name=f"train-{number}")
    team = Team(ada)
    team.policy("aliases: {production: {gates: {accuracy: no_regression}}}\n")
    for text in ("production: v0\n", "production: null\n"):
        team.merge(text)
        assert not team.apply().refused
    team.merge("production: v1\n")
    (refused,) = team.apply().refused
    assert told(refused.move.verdicts) == [
        "refused no regression of accuracy: 0.9 of 'train-1', 0.08 worse; m:v0 has 0.98 of 'train-0'"
    ]
    team.merge("production: v0\n")
    assert not team.apply().refused
    assert ada.place("m:production") == "m:v0"


def test_what_is_gone_is_not_taken_for_nothing(two: Lab) -> None:
    with two.evidence() as found:
        lost = Place(two.desk.version("m:v0").name, two.desk.oid("HEAD"))
        rule = Rule(gates=(Gate("accuracy", tolerance=0.0),))
        verdicts = gates.judge(found, Policy(), rule, lost, two.desk.version("m:v1"), named_before=False)
    assert told(verdicts) == [
        "refused no regression of accuracy: m:v0 is not published, so nothing can be compared with it"
    ]


def test_what_was_measured_in_training_is_not_compared_with_an_evaluation(two: Lab) -> None:
    two.evaluate({"accuracy": 0.99}, "m:v1", "eval_set:v0", name="eval")
    (found,) = two.judge(gate("accuracy: no_regression"), "m:v1", "m:v0")
    assert told((found,))[0] == (
        "refused no regression of accuracy: m:v0 was not measured like m:v1, by a run that used it with eval_set:v0:"
        " 0.9 of 'train-0', which made it from train_set:v0"
    )
    two.evaluate({"accuracy": 0.98}, "m:v0", "eval_set:v0", name="eval-0")
    assert two.judge(gate("accuracy: no_regression"), "m:v1", "m:v0")[0].finding == "passed"


def test_values_on_different_data_are_not_compared(two: Lab) -> None:
    two.evaluate({"accuracy": 0.99}, "m:v1", "eval_set:v0", name="eval-1")
    two.evaluate({"accuracy": 0.70}, "m:v0", "eval_set:v1", name="eval-0")
    asked = gate("accuracy: no_regression")
    assert told(two.judge(asked, "m:v1", "m:v0"))[0] == (
        "refused no regression of accuracy: m:v0 was not measured like m:v1, by a run that used it with eval_set:v0:"
        " 0.7 of 'eval-0', which used it with eval_set:v1; 0.9 of 'train-0', which made it from train_set:v0"
    )
    two.evaluate({"accuracy": 0.98}, "m:v0", "eval_set:v0", name="eval-0b")
    two.evaluate({"accuracy": 0.60}, "m:v0", "eval_set:v1", name="eval-0c")
    (found,) = two.judge(asked, "m:v1", "m:v0")
    assert found.finding == "passed"
    assert found.before
    assert found.before.name == "eval-0b"


def test_a_gate_that_says_on_what_lets_other_inputs_differ(two: Lab) -> None:
    two.data("tokenizer", "one")
    two.evaluate({"accuracy": 0.99}, "m:v1", "eval_set:v0", "tokenizer:v0", name="eval-1")
    two.evaluate({"accuracy": 0.97}, "m:v0", "eval_set:v0", name="eval-0")
    assert two.judge(gate("accuracy: no_regression"), "m:v1", "m:v0")[0].finding == "refused"
    for on in ("eval_set", "eval_set:v0"):
        asked = gate(f"accuracy: {{no_regression: true, on: '{on}'}}")
        assert two.judge(asked, "m:v1", "m:v0")[0].finding == "passed"
    two.evaluate({"accuracy": 0.95}, "m:v1", "eval_set:v1", name="eval-2")
    assert [
        two.judge(gate(f"accuracy: {{no_regression: true, on: '{on}'}}"), "m:v1", "m:v0")[0].finding
        for on in ("eval_set", "eval_set:v0")
    ] == ["refused", "passed"]


def test_the_model_that_was_tuned_is_no_data(two: Lab) -> None:
    two.train({"accuracy": 0.97}, "m:v1", "train_set:v0", name="tune")
    assert two.judge(gate("accuracy: no_regression"), "m:v2", "m:v1")[0].finding == "passed"


def test_without_a_direction_nothing_is_better(lab: Lab) -> None:
    lab.train({"latency": 30, "speed": 5}, name="train-0")
    lab.train({"latency": 20, "speed": 6}, name="train-1")
    asked = gate("latency: no_regression, speed: no_regression")
    assert told(lab.judge(asked, "m:v1", "m:v0")) == [
        f"refused no regression of {metric}: which way '{metric}' is better is not known: say it below 'metrics' in"
        " .gitreg/policy.yaml"
        for metric in ("latency", "speed")
    ]
    assert [
        verdict.finding
        for verdict in lab.judge(asked, "m:v1", "m:v0", policy="metrics: {latency: minimize, 'sp*': minimize}")
    ] == ["passed", "refused"]


def test_a_run_may_say_which_way_is_better_but_not_against_the_policy_or_the_name(lab: Lab) -> None:
    for number in (0, 1):
        goals = {"latency": "minimize", "loss": "maximize"}
        with lab.run(f"train-{number}", {"latency": 30 - number, "loss": 5 + number}, goals=goals) as run:
            run.log_artifact(lab.desk.draft("m", str(number)))
    asked = gate("latency: no_regression, loss: no_regression")
    first, second = lab.judge(asked, "m:v1", "m:v0")
    assert first.finding == "passed"
    assert second.finding == "refused"
    assert second.words.startswith("which way 'loss' is better is not known")
    assert [
        verdict.finding
        for verdict in lab.judge(asked, "m:v1", "m:v0", policy="metrics: {latency: maximize, loss: minimize}")
    ] == ["refused", "refused"]
    assert lab.judge(asked, "m:v1", "m:v0", policy="metrics: {loss: maximize}")[1].finding == "passed"


def test_the_lowest_of_a_metric_is_as_good_as_the_metric(lab: Lab) -> None:
    for number in (0, 1):
        summary = {"loss": {"min": 0.2 + number / 10}, "depth": {"min": 2 + number}}
        with lab.run("train", summary, goals={"loss": "min", "depth": "min"}) as run:
            run.log_artifact(lab.desk.draft("m", str(number)))
    asked = gate("loss.min: no_regression, depth.min: no_regression")
    found = lab.judge(asked, "m:v1", "m:v0", policy="metrics: {depth: maximize}")
    assert [verdict.finding for verdict in found] == ["refused", "passed"]
    assert lab.judge(asked, "m:v1", "m:v0", policy="metrics: {loss.min: maximize}")[0].finding == "passed"


def test_a_number_is_no_worse_than_none(lab: Lab) -> None:
    lab.train({"accuracy": float("nan"), "loss": float("inf"), "f1": float("inf"), "recall": "high"}, name="broken")
    lab.train({"accuracy": 0.5, "loss": 0.5, "f1": 0.5, "recall": 0.5}, name="train")
    asked = gate("accuracy: no_regression, loss: no_regression, f1: no_regression, recall: no_regression")
    assert told(lab.judge(asked, "m:v1", "m:v0")) == [
        "passed no regression of accuracy: 0.5 of 'train'; m:v0 has nan of 'broken'",
        "passed no regression of loss: 0.5 of 'train', Infinity better; m:v0 has inf of 'broken'",
        "refused no regression of f1: 0.5 of 'train', Infinity worse; m:v0 has inf of 'broken'",
        "refused no regression of recall: 'broken' says 'high' of m:v0, which is no number",
    ]


def test_an_evaluation_must_have_used_what_the_policy_names(two: Lab) -> None:
    asked = "{evaluated_on: [eval_set, 'eval_set:v1', audit_set]}"
    two.evaluate({}, "m:v1", "eval_set:v0", name="eval-0")
    two.evaluate({}, "m:v1", "eval_set:v1", name="eval-1", state="failed")
    assert told(two.judge(asked, "m:v1", "m:v0")) == [
        "passed evaluated on eval_set: 'eval-0'",
        "refused evaluated on eval_set:v1: no published, finished run used it with m:v1: 'eval-1', which has failed",
        "refused evaluated on audit_set: no published, finished run used it with m:v1: audit_set is not published",
    ]
    # going back does not make it evaluated
    assert two.judge(asked, "m:v0", "m:v1", named_before=True)[0].finding == "refused"


def test_a_version_must_be_made_from_what_the_policy_names(two: Lab) -> None:
    asked = "{inputs: [train_set, 'train_set:v0', 'train_set:v1', eval_set]}"
    assert told(two.judge(asked, "m:v1")) == [
        "passed made from train_set: the run that made m:v1 used it",
        "passed made from train_set:v0: the run that made m:v1 used it",
        "refused made from train_set:v1: the run that made m:v1 had not used it",
        "refused made from eval_set: the run that made m:v1 had not used it",
    ]


def test_a_rule_without_gates_says_nothing(two: Lab) -> None:
    assert two.judge("{protected: true}", "m:v1", "m:v0") == ()


def test_a_version_that_cannot_be_read_is_told(two: Lab) -> None:
    with two.evidence() as found:
        version = two.desk.version("m:v1")
        broken = type(version)(version.name, version.tag, two.desk.oid("HEAD"), published=True)
        with pytest.raises(RecordError):
            gates.judge(found, Policy(), Rule(gates=(Gate("accuracy"),)), None, broken, named_before=False)


def test_names_from_strangers_are_cut(lab: Lab) -> None:
    lab.train({"accuracy": 0.5}, name="n" * 500)
    (found,) = lab.judge(gate("accuracy: '> 0'"), "m:v0")
    assert found.words == f"0.5 of '{'n' * 80}...' by Test User"


def test_of_many_runs_that_do_not_count_the_newest_are_told(two: Lab) -> None:
    for number in range(7):
        two.evaluate({"accuracy": 0.5}, "m:v1", name=f"eval-{number}", state="failed")
    (found,) = two.judge(gate("accuracy: {require: '> 0', job_type: evaluate}"), "m:v1")
    told = found.words.partition(": ")[2].split("; ")
    assert told[:2] == [f"0.5 of 'eval-{number}' by Test User, which has failed" for number in (6, 5)]
    assert told[5:] == ["and 3 more"]
    assert len(found.passed_over) == 8


def test_metrics_stand_side_by_side_what_gates_ask_for_first(two: Lab) -> None:
    two.evaluate({"accuracy": 0.7, "latency": 20, "loss": 0.1}, "m:v1", "eval_set:v0", name="eval-1")
    two.evaluate({"accuracy": 0.8, "loss": 0.2}, "m:v0", "eval_set:v0", name="eval-0a")
    two.evaluate({"accuracy": 0.6, "throughput": 5}, "m:v0", "eval_set:v1", name="eval-0b")

    def rows(old: str | None, new: str | None, rule: str = "{}") -> list[tuple[object, ...]]:
        return [
            (
                metric.name,
                metric.old and metric.old.value,
                metric.new and metric.new.value,
                metric.direction,
                metric.comparable,
                metric.better,
            )
            for metric in two.metrics(old, new, rule)
        ]

    assert rows("m:v0", "m:v1") == [
        ("accuracy", 0.8, 0.7, "higher", True, False),
        ("loss", 0.2, 0.1, "lower", True, True),
        ("latency", None, 20, None, True, None),
        ("throughput", 5, None, None, True, None),
    ]
    assert rows("m:v0", "m:v1", gate("latency: '> 1', loss: {require: '< 1', job_type: train}"))[:2] == [
        ("latency", None, 20, None, True, None),
        ("loss", 0.3, 0.35, "lower", True, False),
    ]
    assert rows(None, "m:v1")[0] == ("accuracy", None, 0.7, "higher", True, None)
    assert rows("m:v0", None)[0] == ("accuracy", 0.6, None, "higher", True, None)


def test_metrics_that_were_measured_differently_are_not_comparable(two: Lab) -> None:
    two.evaluate({"accuracy": 0.99}, "m:v1", "eval_set:v0", name="eval")
    found = {metric.name: metric for metric in two.metrics("m:v0", "m:v1")}
    assert (found["accuracy"].comparable, found["accuracy"].better) == (False, None)
    assert (found["loss"].comparable, found["loss"].better) == (True, False)


def test_a_metric_without_a_number_is_not_better(lab: Lab) -> None:
    lab.train({"loss": 0.5}, name="train")
    lab.train({"loss": float("nan")}, name="broken")
    for old, new in (("m:v0", "m:v1"), ("m:v1", "m:v0")):
        (found,) = lab.metrics(old, new)
        assert found.comparable
        assert found.better is None


def test_the_policy_decides_which_way_is_better(two: Lab) -> None:
    (first, second) = two.metrics("m:v0", "m:v1", policy="metrics: {accuracy: minimize, loss: maximize}")
    assert (first.better, second.better) == (False, True)
