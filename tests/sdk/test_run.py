from __future__ import annotations

import logging
import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gitreg
from conftest import Shell
from helpers import steps


@pytest.fixture
def run(project: Path) -> gitreg.Run:
    return gitreg.init()


def history(sh: Shell, project: Path, run: gitreg.Run) -> list[dict[str, Any]]:
    run.finish()
    rows = steps(sh(f"git show refs/gitreg/runs/{run.id[:2]}/{run.id}:run/history.json", cwd=project))
    assert all(row.pop("_timestamp") > 0 for row in rows)
    return rows


class TestLog:
    def test_each_call_is_a_step_and_the_summary_holds_the_last_values(
        self, run: gitreg.Run, project: Path, sh: Shell
    ) -> None:
        run.log({"loss": 1.0, "acc": 0.5})
        run.log({"loss": 0.5})
        assert run.step == 2
        assert dict(run.summary) == {"loss": 0.5, "acc": 0.5}
        assert history(sh, project, run) == [{"_step": 0, "loss": 1.0, "acc": 0.5}, {"_step": 1, "loss": 0.5}]

    def test_commit_false_merges_into_the_next_step(self, run: gitreg.Run, project: Path, sh: Shell) -> None:
        run.log({"a": 1, "b": 1}, commit=False)
        assert run.step == 0
        run.log({"b": 2})
        run.log({"c": 3}, commit=False)
        assert history(sh, project, run) == [{"_step": 0, "a": 1, "b": 2}, {"_step": 1, "c": 3}]

    def test_calls_with_the_same_step_are_one_step(self, run: gitreg.Run, project: Path, sh: Shell) -> None:
        run.log({"a": 1}, step=5)
        run.log({"b": 2}, step=5)
        run.log({"a": 3}, step=9)
        assert run.step == 9
        run.log({"b": 4}, step=9, commit=True)
        run.log({"a": 5})
        assert history(sh, project, run) == [
            {"_step": 5, "a": 1, "b": 2},
            {"_step": 9, "a": 3, "b": 4},
            {"_step": 10, "a": 5},
        ]

    def test_a_lower_step_is_dropped_with_a_warning(
        self, run: gitreg.Run, project: Path, sh: Shell, caplog: pytest.LogCaptureFixture
    ) -> None:
        run.log({"a": 1}, step=5)
        with caplog.at_level(logging.WARNING, "gitreg"):
            run.log({"a": 2}, step=4)
        assert "step 4 is lower than the current step 5" in caplog.text
        assert run.summary["a"] == 1
        assert history(sh, project, run) == [{"_step": 5, "a": 1}]

    @pytest.mark.parametrize("data", [None, [("a", 1)], "a", 5])
    def test_what_is_no_mapping_is_a_type_error(self, run: gitreg.Run, data: Any) -> None:
        with pytest.raises(TypeError, match="log takes a mapping"):
            run.log(data)

    @pytest.mark.parametrize("key", [1, None, ("a",), b"a"])
    def test_a_key_that_is_no_string_is_a_type_error(self, run: gitreg.Run, key: Any) -> None:
        with pytest.raises(TypeError, match="strings"):
            run.log({"a": 1, key: 1})
        assert dict(run.summary) == {}

    def test_a_step_that_is_no_integer_is_a_type_error(self, run: gitreg.Run) -> None:
        with pytest.raises(TypeError):
            run.log({"a": 1}, step=1.5)  # type: ignore[arg-type]
        run.log({"a": 1}, step=np.int64(3))
        assert run.step == 3

    def test_a_tuple_is_a_list_in_the_summary(self, run: gitreg.Run) -> None:
        run.log(data={"loss": (np.float32(0.5), 1)})
        assert run.summary["loss"] == [0.5, 1]
        assert type(run.summary["loss"][0]) is float

    def test_nan_and_infinities_are_kept(self, run: gitreg.Run, project: Path) -> None:
        run.log({"a": math.nan, "b": math.inf})
        run.finish()
        summary = gitreg.Api().run(run.id).summary
        assert math.isnan(summary["a"])
        assert summary["b"] == math.inf

    def test_the_users_own_step_key_cannot_break_the_history(self, run: gitreg.Run, project: Path, sh: Shell) -> None:
        run.log({"_step": "x", "a": 1})
        assert history(sh, project, run) == [{"_step": 0, "a": 1}]

    def test_what_a_record_cannot_hold_stays_in_the_history(
        self, run: gitreg.Run, project: Path, sh: Shell, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING, "gitreg"):
            run.log({"text": "x" * 500_000})
        assert "text are in the history only" in caplog.text
        run.log({"a": 1})
        assert dict(run.summary) == {"a": 1}
        assert len(history(sh, project, run)[0]["text"]) == 500_000

    def test_threads_may_log_at_once(self, run: gitreg.Run, project: Path, sh: Shell) -> None:
        def work(number: int) -> None:
            for index in range(50):
                run.log({f"t{number}": index})

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert dict(run.summary) == {f"t{number}": 49 for number in range(8)}
        assert [row["_step"] for row in history(sh, project, run)] == list(range(400))


class TestConfig:
    def test_reads_by_key_and_by_attribute(self, project: Path) -> None:
        config = gitreg.init(config={"lr": 0.1, "nested": {"a": [1]}}).config
        assert (config["lr"], config.lr, config.get("lr"), config.get("no", 3)) == (0.1, 0.1, 0.1, 3)
        assert (list(config), len(config), "lr" in config) == (["lr", "nested"], 2, True)
        assert dict(config.items()) == config.as_dict() == {"lr": 0.1, "nested": {"a": [1]}}
        assert list(config.keys()) == ["lr", "nested"]
        with pytest.raises(KeyError):
            config["none"]
        with pytest.raises(AttributeError, match="no config value 'none'"):
            config.none  # noqa: B018

    def test_refuses_to_change_a_value(self, project: Path) -> None:
        config = gitreg.init(config={"lr": 0.1, "nan": math.nan}).config
        with pytest.raises(gitreg.ConfigError, match=r"config 'lr' is 0\.1 and would become 0\.2"):
            config.lr = 0.2
        with pytest.raises(gitreg.ConfigError):
            config.update({"new": 1, "lr": 0.2})
        assert "new" not in config
        config.update({"lr": np.float64(0.1), "nan": math.nan, "new": 1})
        config.update({"lr": 0.2}, allow_val_change=True)
        assert config["lr"] == 0.2
        config.setdefaults({"lr": 9, "more": 2})
        assert (config.lr, config.more) == (0.2, 2)

    def test_changes_when_init_allows_it(self, project: Path) -> None:
        run = gitreg.init(config={"lr": 0.1}, allow_val_change=True)
        run.config["lr"] = 0.2
        run.finish()
        assert gitreg.Api().run(run.id).config == {"lr": 0.2}

    def test_changing_what_was_read_changes_nothing(self, project: Path) -> None:
        config = gitreg.init(config={"nested": {"a": 1}}).config
        config["nested"]["a"] = 2
        assert config["nested"] == {"a": 1}

    def test_unpacks_into_a_call(self, project: Path) -> None:
        assert dict(**gitreg.init(config={"a": 1}).config) == {"a": 1}


class TestSummary:
    def test_is_set_by_key_by_attribute_and_at_once(self, run: gitreg.Run) -> None:
        run.summary["best"] = np.int64(3)
        run.summary.worst = 1
        run.summary.update({"acc": np.array([0.5, 1.0])})
        assert run.summary.as_dict() == {"best": 3, "worst": 1, "acc": [0.5, 1.0]}
        assert type(run.summary["best"]) is int
        with pytest.raises(AttributeError, match="no summary value"):
            run.summary.none  # noqa: B018
        with pytest.raises(TypeError):
            run.summary.update({1: 2})  # type: ignore[dict-item]

    def test_writes_through_nested_values(self, run: gitreg.Run, project: Path) -> None:
        run.log({"acc": {"train": 0.5, "by": {"digit": {"1": 1}}}})
        run.summary["acc"]["test"] = 0.4
        run.summary["acc"]["by"]["digit"]["2"] = 2
        del run.summary["acc"]["train"]
        run.finish()
        assert run.summary["acc"] == {"test": 0.4, "by": {"digit": {"1": 1, "2": 2}}}
        assert gitreg.Api().run(run.id).summary == {"acc": {"test": 0.4, "by": {"digit": {"1": 1, "2": 2}}}}


class TestFinish:
    @pytest.mark.parametrize(("exit_code", "state"), [(None, "finished"), (0, "finished"), (3, "failed")])
    def test_ends_with_a_state(self, run: gitreg.Run, exit_code: int | None, state: str) -> None:
        run.finish(exit_code=exit_code)
        run.finish(exit_code=1 if state == "finished" else 0)
        assert run.status().state == state
        assert gitreg.Api().run(run.id).state == state

    def test_leaves_the_run_readable_and_unchangeable(self, run: gitreg.Run, project: Path) -> None:
        run.log({"a": 1})
        run.config["b"] = 2
        artifact = run.log_artifact("README", name="readme")
        run.finish()
        assert (run.summary["a"], run.config.b, run.step, bool(run.id)) == (1, 2, 1, True)
        assert artifact.aliases == ["latest"]
        for call in (
            lambda: run.log({"a": 2}),
            lambda: run.log_artifact("README", name="readme"),
            lambda: run.use_artifact("readme"),
            lambda: run.use_model("readme"),
            lambda: run.link_artifact(artifact, "Readme"),
            lambda: run.link_model("README", "Readme"),
            lambda: run.log_model("README"),
            lambda: run.config.update({"c": 1}),
            lambda: run.summary.update({"c": 1}),
        ):
            with pytest.raises(gitreg.UsageError, match="is finished"):
                call()

    def test_with_marks_a_run_failed_and_lets_the_exception_through(self, project: Path) -> None:
        with pytest.raises(ZeroDivisionError), gitreg.init() as run:
            run.log({"a": 1 / 0})
        assert run.status().state == "failed"
        assert gitreg.run is None

    @pytest.mark.parametrize(("code", "state"), [(0, "finished"), (None, "finished"), (2, "failed"), ("no", "failed")])
    def test_with_takes_sys_exit_at_its_word(self, project: Path, code: Any, state: str) -> None:
        with pytest.raises(SystemExit), gitreg.init() as run:
            raise SystemExit(code)
        assert run.status().state == state
