"""What else W&B's runs can be told: labels that change, code, files, alerts, models to watch."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import gitreg
from desks import Desk
from gitreg.errors import ConfigError
from gitreg.records.names import RunId
from gitreg.records.records import Code, RunRecord
from gitreg.registry.live import LiveRun


def test_its_labels_can_be_changed_while_it_goes_on(project: Path) -> None:
    with gitreg.init(name="first", tags=["a"]) as run:
        run.name, run.notes = "second", "why"
        run.tags += ("b", "a")
        assert (run.name, run.notes, run.tags) == ("second", "why", ("a", "b"))
        with pytest.raises(gitreg.UsageError, match="control characters"):
            run.name = "a\nb"
    found = gitreg.Api().run(run.id)
    assert (found.name, found.notes, found.tags) == ("second", "why", ["a", "b"])
    with pytest.raises(gitreg.UsageError, match="is finished: changing its name"):
        run.name = "third"


@pytest.mark.parametrize("notes", [["a"], {"a": 1}, True])
def test_notes_that_are_no_text_are_refused_and_the_run_is_kept(project: Path, notes: Any) -> None:
    with gitreg.init(notes="why") as run:
        with pytest.raises(TypeError, match="notes is text, not"):
            run.notes = notes
        run.log({"loss": 1})
    found = gitreg.Api().run(run.id)
    assert (found.state, found.notes, found.summary) == ("finished", "why", {"loss": 1})


def test_it_says_how_it_was_started(project: Path) -> None:
    with gitreg.init(mode="offline", group="g") as run:
        assert (run.offline, run.disabled, run.resumed, run.starting_step) == (True, False, False, 0)
        assert (run.project_url, run.sweep_id, run.sweep_url) == (None, None, None)
        assert run.start_time == 1767323045
        assert (run.settings.mode, run.settings.run_id, run.settings.run_group) == ("offline", run.id, "g")


@pytest.mark.parametrize("started", ["", "at noon"])
def test_a_record_that_tells_no_time_keeps_nobody_from_going_on(project: Path, desk: Desk, started: str) -> None:
    record = RunRecord(id=RunId("one"), name="one", code=Code(desk.oid("HEAD"), snapshot=False), started=started)
    LiveRun.start(desk.registry, record).finish("finished")
    with gitreg.init(id="one", resume="must") as run:
        assert math.isnan(run.start_time)


def test_after_finish_everything_can_be_read_and_nothing_be_changed(project: Path) -> None:
    with gitreg.init(config={"a": 1}) as run:
        run.log({"loss": 1})
    assert (dict(run.config), dict(run.summary), run.step, run.status().state) == ({"a": 1}, {"loss": 1}, 1, "finished")
    assert (run.id, run.name, run.path, run.settings.run_id) == (run.id, run.name, run.id, run.id)
    changes: list[Callable[[], object]] = [
        lambda: run.log({"loss": 2}),
        lambda: run.config.update({"b": 1}),
        lambda: run.config.setdefaults({"b": 1}),
        lambda: setattr(run.config, "b", 1),
        lambda: run.summary.update({"b": 1}),
        lambda: run.log_artifact("README"),
        lambda: run.use_artifact("x"),
        lambda: run.link_model("README", "x"),
        lambda: run.alert("a", "b"),
        lambda: run.watch(None),
        lambda: run.save("README"),
        run.log_code,
        run.mark_preempting,
    ]
    for change in changes:
        with pytest.raises(gitreg.UsageError, match=f"run '{run.name}' is finished"):
            change()
    assert not run.display()


def test_config_reads_as_wandbs_does(project: Path) -> None:
    with gitreg.init(config={"lr": 0.1, "net": {"depth": 2, "sizes": (1, 2)}}) as run:
        config = run.config
        assert (config["lr"], config.lr, config.get("no", 7), config["net"]["depth"]) == (0.1, 0.1, 7, 2)
        assert config.as_dict() == {"lr": 0.1, "net": {"depth": 2, "sizes": [1, 2]}}
        config.setdefaults({"lr": 1, "epochs": 3})
        assert (config.lr, config.epochs) == (0.1, 3)
        config.update({"lr": 0.1})
        with pytest.raises(ConfigError):
            config.lr = 0.2
        config.update({"lr": 0.2}, allow_val_change=True)
        assert config.lr == 0.2
        with pytest.raises(KeyError):
            config["no"]
        with pytest.raises(AttributeError):
            config.no  # noqa: B018
        run.log({"loss": (0.1, 0.9)})
        assert run.summary["loss"] == [0.1, 0.9]


class TestCode:
    @pytest.fixture
    def code(self, project: Path) -> Path:
        for name in ("train.py", "src/net.py", "src/data.csv", "explore.ipynb", "requirements.txt", "Dockerfile"):
            path = project / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"# {name}\n")
        for name in (".venv/lib.py", "artifacts/m:v0/code.py"):
            (project / name).parent.mkdir(parents=True)
            (project / name).write_text("not mine\n")
        return project

    def test_is_an_artifact_of_what_is_code(self, code: Path) -> None:
        with gitreg.init(project="digits") as run:
            artifact = run.log_code()
        assert artifact
        assert (artifact.name, artifact.type) == ("source-digits:v0", "code")
        found = [file.path for file in artifact.files()]
        assert found == ["Dockerfile", "explore.ipynb", "requirements.txt", "src/net.py", "train.py"]

    def test_functions_say_what_is(self, code: Path) -> None:
        with gitreg.init() as run:
            artifact = run.log_code(
                "src", "mine", lambda path, root: root == "src" and path != "", lambda path: path.endswith("py")
            )
            assert artifact
            assert (artifact.name, [file.path for file in artifact.files()]) == ("mine:v0", ["data.csv"])
            assert run.log_code("src", include_fn=lambda path: path == "none") is None
            with pytest.raises(ValueError, match="'none' is not a directory"):
                run.log_code("none")


class TestFiles:
    def test_are_an_artifact_when_the_run_ends(self, project: Path) -> None:
        (project / "out").mkdir()
        with gitreg.init(id="one") as run:
            for name in ("a.txt", "b.txt"):
                (project / "out" / name).write_text("early")
            assert run.save("out/*.txt") == [str(project / "out" / name) for name in ("a.txt", "b.txt")]
            run.save(project / "out" / "a.txt", base_path="out")
            (project / "out" / "a.txt").write_text("late")
            assert not gitreg.Api().artifact_exists("run-one-files")
        artifact = gitreg.Api().artifact("run-one-files", "files")
        assert [file.path for file in artifact.files()] == ["a.txt", "out/a.txt", "out/b.txt"]
        assert Path(artifact.get_entry("a.txt").download("there")).read_text() == "late"

    def test_may_be_kept_at_once(self, project: Path) -> None:
        with gitreg.init(id="one") as run:
            run.save("README", policy="now")
            (project / "README").write_text("late")
        assert [artifact.name for artifact in gitreg.Api().artifacts("files")] == [
            "run-one-files:v1",
            "run-one-files:v0",
        ]

    def test_that_are_gone_are_passed_over(
        self, project: Path, caplog: pytest.LogCaptureFixture, tmp_path: Path
    ) -> None:
        (tmp_path / "gone").write_text("x")
        with gitreg.init(id="one") as run:
            assert run.save("nothing*") == []
            run.save(tmp_path / "gone")
            run.save("README")
            (tmp_path / "gone").unlink()
        assert caplog.messages[0] == "no file is called 'nothing*': nothing is saved"
        assert "'README' is not saved" not in caplog.text
        assert f"'{tmp_path / 'gone'}' is not saved" in caplog.text
        assert [file.path for file in gitreg.Api().artifact("run-one-files").files()] == ["README"]
        with gitreg.init() as run, pytest.raises(gitreg.UsageError, match="policy 'later' is not known"):
            run.save("README", policy="later")


def test_alerts_go_to_the_log_and_not_twice_within_a_minute(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "gitreg.nobody"), gitreg.init() as run:
        run.alert("loss", "is NaN", level="WARN")
        run.alert("loss", "is still NaN", level="WARN")
        run.alert("done", "at last", level=gitreg.AlertLevel.ERROR, wait_duration=0)
        run.alert("done", "really", level="error", wait_duration=timedelta(seconds=1))
        with pytest.raises(gitreg.UsageError, match="alert level 'LOUD' is not known"):
            run.alert("a", "b", "LOUD")
    alerts = [(record.levelname, record.message) for record in caplog.records if "alert" in record.message]
    assert alerts == [
        ("WARNING", "alert: loss: is NaN"),
        ("ERROR", "alert: done: at last"),
        ("ERROR", "alert: done: really"),
    ]


def test_watching_a_model_says_once_that_nothing_is_recorded(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    from gitreg.sdk import talk

    talk._said.clear()
    with gitreg.init() as run:
        for _ in range(2):
            run.watch(object(), log="all", log_freq=10)
        run.unwatch()
    assert [message for message in caplog.messages if message.startswith("watch")] == [
        "watch records nothing: log the norms of gradients that you want to see, with run.log"
    ]
