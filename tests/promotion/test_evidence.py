"""Which runs say something of a version, which of them count, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest
from measuring import Lab

from desks import Desk, World
from gitreg.promotion.evidence import Evidence
from gitreg.promotion.request import Measured
from gitreg.records.policy import Data
from gitreg.registry.live import LiveRun
from gitreg.registry.repository import Registry


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


def told(found: Evidence, desk: Desk, version: str = "m:v0") -> list[tuple[str, str]]:
    return [(source.name, source.why) for source in found.sources(desk.version(version))]


def test_a_version_has_the_numbers_of_the_run_that_made_it_and_of_those_that_used_it(lab: Lab) -> None:
    lab.train({"accuracy": 0.9, "loss": {"val": 0.3}}, "train_set:v0", name="train-1")
    run_id = lab.evaluate({"accuracy": 0.8}, "m:v0", "eval_set:v1", name="eval-1")
    with lab.evidence() as found:
        version = lab.desk.version("m:v0")
        measured = found.measured(version)
        tip = found.registry.objects.at(f"refs/gitreg/runs/{run_id[:2]}/{run_id}")
    assert tip
    on = (lab.desk.version("eval_set:v1").name,)
    by = ("Test User", "2026-01-02T03:04:05Z")
    assert measured["accuracy"][0] == Measured(0.8, run_id, "eval-1", "evaluate", tip, *by, on=on, own=False)
    assert [(item.value, item.name, item.own) for item in measured["accuracy"]] == [
        (0.8, "eval-1", False),
        (0.9, "train-1", True),
    ]
    assert [item.value for item in measured["loss.val"]] == [0.3]
    assert measured["accuracy"][1].on == (lab.desk.version("train_set:v0").name,)


def test_a_link_has_the_numbers_of_its_source(lab: Lab) -> None:
    lab.train({"accuracy": 0.9})
    link = lab.desk.link(lab.desk.version("m:v0"), "model/M")
    lab.evaluate({"accuracy": 0.8}, "model/M:v0")
    with lab.evidence() as found:
        assert [item.value for item in found.measured(link)["accuracy"]] == [0.8, 0.9]
        assert found.measured(link) == found.measured(lab.desk.version("m:v0"))


@pytest.mark.parametrize(("state", "why"), [("failed", "has failed"), ("crashed", "has crashed"), ("finished", "")])
def test_only_what_has_finished_counts(lab: Lab, state: str, why: str) -> None:
    lab.train({"accuracy": 0.9}, name="train")
    lab.evaluate({"accuracy": 0.8}, "m:v0", name="eval", state=state)
    with lab.evidence() as found:
        assert told(found, lab.desk) == [("eval", why), ("train", "")]
        assert len(found.measured(lab.desk.version("m:v0"))["accuracy"]) == (1 if why else 2)


def test_the_run_that_made_it_counts_only_when_it_has_finished(lab: Lab) -> None:
    lab.train({"accuracy": 0.9}, name="train", state="failed")
    with lab.evidence() as found:
        assert told(found, lab.desk) == [("train", "has failed")]
        assert found.measured(lab.desk.version("m:v0")) == {}


def test_a_run_that_goes_on_does_not_count_yet(lab: Lab) -> None:
    lab.train({"accuracy": 0.9}, name="train")
    with lab.run("eval", {"accuracy": 0.8}, use=["m:v0"]) as run:
        run.log_artifact(lab.desk.draft("predictions", "some", type="predictions"))
        with lab.evidence() as found:
            assert told(found, lab.desk) == [("eval", "is still running"), ("train", "")]
    with lab.evidence() as found:
        assert told(found, lab.desk) == [("eval", ""), ("train", "")]


def test_a_run_that_was_resumed_does_not_count_until_it_ends_again(lab: Lab) -> None:
    lab.train({"accuracy": 0.9}, name="train")
    run_id = lab.evaluate({"accuracy": 0.8}, "m:v0", name="eval")
    run = LiveRun.resume(lab.desk.registry, run_id)
    run.log_artifact(lab.desk.draft("predictions", "some", type="predictions"))
    with lab.evidence() as found:
        assert told(found, lab.desk) == [("eval", "is still running"), ("train", "")]
    run.update_summary({"accuracy": 0.7})
    run.finish("finished")
    with lab.evidence() as found:
        assert found.measured(lab.desk.version("m:v0"))["accuracy"][0].value == 0.7


def test_a_run_that_makes_another_model_speaks_of_that_one(lab: Lab) -> None:
    lab.train({"accuracy": 0.9}, name="train")
    lab.train({"accuracy": 0.99}, "m:v0", name="tune")
    with lab.evidence() as found:
        assert told(found, lab.desk) == [("tune", "speaks of what it made: m"), ("train", "")]
        assert told(found, lab.desk, "m:v1") == [("tune", "")]
        assert [source.data for source in found.sources(lab.desk.version("m:v1"))] == [frozenset()]
        assert [str(source.on[0]) for source in found.sources(lab.desk.version("m:v1"))] == ["m:v0"]


def test_a_run_that_makes_something_else_of_a_model_speaks_of_the_model(lab: Lab) -> None:
    lab.train({"accuracy": 0.9}, name="train")
    with lab.run("eval", {"accuracy": 0.8}, use=["m:v0", "eval_set:v0"]) as run:
        run.log_artifact(lab.desk.draft("predictions", "some", type="predictions"))
    with lab.evidence() as found:
        assert told(found, lab.desk) == [("eval", ""), ("train", "")]


def test_a_run_that_used_two_models_speaks_of_none(lab: Lab) -> None:
    lab.train({"accuracy": 0.9}, name="train")
    lab.train({"accuracy": 0.91}, name="train")
    lab.evaluate({"accuracy": 0.99}, "m:v0", "m:v1", "eval_set:v0", name="both")
    why = "used 2 versions of type 'model', and does not say which it speaks of"
    with lab.evidence() as found:
        assert told(found, lab.desk) == [("both", why), ("train", "")]
        assert told(found, lab.desk, "m:v1") == [("both", why), ("train", "")]


def test_a_run_that_makes_the_same_model_again_speaks_of_that(lab: Lab) -> None:
    first = lab.train({"accuracy": 0.9}, name="train")
    lab.train({"accuracy": 0.91}, name="other")
    with lab.run("again", {"accuracy": 0.99}, use=["m:v1"]) as run:
        version, is_new = run.log_artifact(lab.desk.draft("m", "other2"))
    assert (str(version.name), is_new) == ("m:v1", False)
    assert first.commit != version.commit
    with lab.evidence() as found:
        assert told(found, lab.desk, "m:v1") == [("again", "speaks of what it made: m"), ("other", "")]


def test_the_checkpoints_of_a_run_have_their_own_numbers(lab: Lab) -> None:
    with lab.run("train", {"accuracy": 0.5}) as run:
        run.log_artifact(lab.desk.draft("m", "early"))
        run.update_summary({"accuracy": 0.9})
        run.log_artifact(lab.desk.draft("m", "late"))
        run.update_summary({"test_accuracy": 0.8})
    with lab.evidence() as found:
        early, late = (found.measured(lab.desk.version(name)) for name in ("m:v0", "m:v1"))
    assert [early["accuracy"][0].value, late["accuracy"][0].value] == [0.5, 0.9]
    assert [early["test_accuracy"][0].value, late["test_accuracy"][0].value] == [0.8, 0.8]


def test_the_graph_says_which_run_is_the_newer_one_and_clocks_only_where_it_does_not(lab: Lab) -> None:
    lab.train({"accuracy": 0.9}, name="train")
    with lab.run("first", {"accuracy": 0.8}, use=["m:v0"], started="2030-01-01T00:00:00Z") as run:
        run.log_artifact(lab.desk.draft("predictions", "some", type="predictions"))
    lab.evaluate({"accuracy": 0.7}, "m:v0", "predictions:v0", name="after it", started="2020-01-01T00:00:00Z")
    lab.evaluate({"accuracy": 0.6}, "m:v0", name="apart", started="2025-01-01T00:00:00Z")
    with lab.evidence() as found:
        assert [name for name, _ in told(found, lab.desk)] == ["after it", "first", "apart", "train"]


def test_what_is_not_published_does_not_count(world: World, ada: Desk, bob: Desk) -> None:
    lab = Lab(ada)
    lab.train({"accuracy": 0.9}, name="train")
    ada.publish()
    lab.evaluate({"accuracy": 0.8}, "m:v0", name="eval")
    bob.fetch()
    for desk, expected in ((ada, [("eval", "is not published"), ("train", "")]), (bob, [("train", "")])):
        assert told(Evidence(desk.reopen()), desk) == expected
    ada.publish()
    bob.fetch()
    for desk in (ada, bob):
        assert told(Evidence(desk.reopen()), desk) == [("eval", ""), ("train", "")]


def test_what_a_run_has_published_counts_and_what_it_has_not_does_not(ada: Desk) -> None:
    lab = Lab(ada)
    lab.train({"accuracy": 0.9}, name="train")
    run_id = lab.evaluate({"accuracy": 0.8}, "m:v0", name="eval")
    ada.publish()
    run = LiveRun.resume(ada.reopen(), run_id)
    run.update_summary({"accuracy": 0.99})
    run.finish("finished")
    assert Evidence(ada.reopen()).measured(ada.version("m:v0"))["accuracy"][0].value == 0.8


def test_a_run_that_cannot_be_read_hides_no_other(lab: Lab) -> None:
    lab.train({"accuracy": 0.9}, name="train")
    run_id = lab.evaluate({"accuracy": 0.8}, "m:v0", name="eval")
    other = lab.evaluate({"accuracy": 0.7}, "m:v0", name="other")
    # somebody else's run goes on from it
    ref, theirs = (f"refs/gitreg/runs/{name[:2]}/{name}" for name in (run_id, other))
    lab.desk.sh(
        f"git log -1 --format=%B {theirs} >message &&"
        f" git update-ref {ref} $(git commit-tree -p {ref} -p m@v0^{{}} -F message {ref}^{{tree}})"
    )
    lab.desk.reopen()
    with lab.evidence() as found:
        sources = {source.run: source for source in found.sources(lab.desk.version("m:v0"))}
    assert [source.why for name, source in sources.items() if name != run_id] == ["", ""]
    assert sources[run_id].why.startswith("cannot be read: ")
    assert sources[run_id].results == {}


def test_another_run_under_the_id_of_the_one_that_made_it_says_nothing(lab: Lab, tmp_path: Path) -> None:
    lab.train({"accuracy": 0.9}, name="train")
    version = lab.desk.version("m:v0")
    run_id = lab.desk.details("m:v0").run.id
    ref = f"refs/gitreg/runs/{run_id[:2]}/{run_id}"
    message = lab.desk.git(f"log -1 --format=%B {ref}").replace("accuracy: 0.9", "accuracy: 1.0")
    (tmp_path / "message").write_text(message)
    forged = lab.desk.git(f"commit-tree -p $(git rev-parse HEAD) -F {tmp_path}/message $(git rev-parse {ref}^{{tree}})")
    lab.desk.git(f"update-ref {ref} {forged}")
    lab.desk.reopen()
    with lab.evidence() as found:
        assert [(source.name, source.why) for source in found.sources(version)] == [
            ("train", "is another run of the same id")
        ]
        assert found.measured(version) == {}


def test_a_run_that_a_shallow_clone_cuts_does_not_count(lab: Lab, tmp_path: Path) -> None:
    lab.train({"accuracy": 0.9}, name="train")
    LiveRun.resume(lab.desk.registry, lab.desk.details("m:v0").run.id).finish("finished")
    with lab.evidence() as found:
        assert told(found, lab.desk) == [("train", "")]
        server = found.registry.git.git_dir
    lab.desk.sh(
        f"git init --quiet --bare ../cut.git && cd ../cut.git && git fetch --quiet --depth 1 {server} '+refs/*:refs/*'"
    )
    with Registry.opened(tmp_path / "cut.git") as registry:
        assert told(Evidence(registry), lab.desk) == [("train", "is cut off here, as in a shallow clone")]


def test_what_was_used_is_known_by_its_commit_and_not_by_its_name(lab: Lab) -> None:
    lab.train({"accuracy": 0.9}, name="train")
    lab.evaluate({"accuracy": 0.8}, "m:v0", "eval_set:v1")
    with lab.evidence() as found:
        source = found.sources(lab.desk.version("m:v0"))[0]
        commit = frozenset([lab.desk.version("eval_set:v1").commit])
        assert source.used == source.data == commit
        for text, is_meant in (("eval_set", True), ("eval_set:v1", True), ("eval_set:v0", False), ("m", False)):
            assert found.among(source.used, Data.parse(text)) == (commit if is_meant else frozenset())
        assert [found.published(Data.parse(text)) for text in ("eval_set", "eval_set:v1", "eval_set:v9", "no_set")] == [
            True,
            True,
            False,
            False,
        ]
    # a tag that is only called like a version of it
    lab.desk.git("tag -a -m 'mine' no_set@v0 eval_set@v1^{}")
    with lab.evidence() as found:
        assert found.among(commit, Data.parse("no_set")) == frozenset()


def test_what_was_used_after_a_version_was_logged_is_none_of_its_inputs(lab: Lab) -> None:
    with lab.run("train", {}, use=["train_set:v0"]) as run:
        version, _ = run.log_artifact(lab.desk.draft("m", "one"))
        run.use(lab.desk.version("eval_set:v0"))
    with lab.evidence() as found:
        assert found.inputs(version) == frozenset([lab.desk.version("train_set:v0").commit])
        assert len(found.sources(version)[0].used) == 2


def test_names_of_metrics_are_read_with_quotes_and_without(lab: Lab) -> None:
    lab.train({"val.loss": 0.5, "val": {"acc": 0.9}, "_runtime": 3, "note": "good", "best": True})
    with lab.evidence() as found:
        source = found.sources(lab.desk.version("m:v0"))[0]
        assert [source.says(name) for name in ("val.loss", '"val.loss"', "val.acc", "note", "best", "other")] == [
            0.5,
            0.5,
            0.9,
            "good",
            True,
            None,
        ]
        assert source.numbers == {'"val.loss"': 0.5, "val.acc": 0.9}
        # asked for of each metric: to find them anew each time takes minutes where a run has thousands
        assert source.numbers is source.numbers
