from __future__ import annotations

import argparse
import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gitreg
from conftest import Shell
from gitreg.errors import GitError, NotARepositoryError
from gitreg.records.names import RunId
from gitreg.registry.live import LiveRun
from gitreg.sdk import session
from helpers import recorded


def test_everything_init_is_told_is_recorded(project: Path) -> None:
    run = gitreg.init(
        entity="team",
        project="digits",
        id="my-run.1",
        name="first try",
        notes="two\nlines",
        tags=["baseline", "v2"],
        config={"lr": 0.1},
        group="sweep",
        job_type="train_model",
    )
    assert (run.id, run.name, run.entity, run.project) == ("my-run.1", "first try", "team", "digits")
    assert (run.tags, run.notes, run.group, run.job_type) == (("baseline", "v2"), "two\nlines", "sweep", "train_model")
    assert (run.path, run.url, run.dir) == ("team/digits/my-run.1", None, str(project))
    run.finish()
    record = recorded(project, "my-run.1")
    assert (record.name, record.entity, record.project) == ("first try", "team", "digits")
    assert (record.tags, record.notes, record.group) == (("baseline", "v2"), "two\nlines", "sweep")
    assert (record.job_type, record.config, record.state) == ("train_model", {"lr": 0.1}, "finished")
    assert record.started
    assert record.ended


def test_a_run_gets_an_id_and_a_name_with_its_number(project: Path) -> None:
    first, second = gitreg.init(), gitreg.init(reinit="create_new")
    assert re.fullmatch(r"[a-z0-9]{8}", first.id)
    assert re.fullmatch(r"[a-z]+-[a-z]+-1", first.name)
    assert re.fullmatch(r"[a-z]+-[a-z]+-2", second.name)
    assert first.path == first.id


def test_the_code_is_fixed_when_the_run_starts(project: Path, sh: Shell) -> None:
    (project / "train.py").write_text("lr = 1\n")
    run = gitreg.init()
    (project / "train.py").write_text("lr = 2\n")
    run.finish()
    code = recorded(project, run.id).code
    assert code.snapshot
    assert sh(f"git show {code.commit}:train.py", cwd=project) == "lr = 1\n"
    assert sh("git status --porcelain", cwd=project) == "?? train.py\n"


def test_gitreg_code_head_records_the_commit_only(project: Path, sh: Shell) -> None:
    sh("git config gitreg.code head", cwd=project)
    (project / "train.py").write_text("lr = 1\n")
    with gitreg.init() as run:
        pass
    code = recorded(project, run.id).code
    assert (str(code.commit), code.snapshot) == (sh("git rev-parse HEAD", cwd=project).strip(), False)


def test_dir_names_the_repository(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repo / "src").mkdir()
    monkeypatch.chdir(tmp_path)
    with gitreg.init(dir=repo / "src") as run:
        assert run.dir == str(repo / "src")
    assert recorded(repo, run.id).state == "finished"


def test_a_folder_without_a_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotARepositoryError, match="not in a Git repository"):
        gitreg.init(dir=tmp_path)
    assert gitreg.run is None


def test_a_repository_that_is_not_set_up_is_refused_when_the_run_starts(tmp_path: Path, sh: Shell) -> None:
    sh("git init --quiet plain")
    with pytest.raises(NotARepositoryError, match="not set up") as caught:
        gitreg.init(dir=tmp_path / "plain")
    assert caught.value.hint
    assert "gitreg init" in caught.value.hint


def test_without_an_identity_nothing_starts(project: Path, sealed: Path) -> None:
    (sealed / ".gitconfig").write_text("[user]\n    useConfigOnly = true\n")
    with pytest.raises(GitError, match="no name and address"):
        gitreg.init()


@pytest.mark.parametrize("run_id", ["a/b", "a:b", "a;b", "a,b", "a#b", "a?b", "a'b", "..", "", "-x", "a" * 65])
def test_an_id_that_could_be_no_ref_is_refused(project: Path, run_id: str) -> None:
    with pytest.raises(ValueError, match="run id"):
        gitreg.init(id=run_id)


def test_an_id_is_taken_once_used(project: Path) -> None:
    gitreg.init(id="same").finish()
    with pytest.raises(gitreg.UsageError, match="'same' is taken"):
        gitreg.init(id="same")


class TestConfig:
    @pytest.mark.parametrize(
        "config", [{"lr": 0.1, "layers": (1, 2)}, argparse.Namespace(lr=0.1, layers=[1, 2]), "config.yaml"]
    )
    def test_comes_from_a_mapping_a_namespace_or_a_file(self, project: Path, config: Any) -> None:
        (project / "config.yaml").write_text("lr: {desc: rate, value: 0.1}\nlayers: [1, 2]\nwandb_version: 1\n")
        assert dict(gitreg.init(config=config).config) == {"lr": 0.1, "layers": [1, 2]}

    def test_that_is_no_mapping_is_a_type_error(self, project: Path) -> None:
        with pytest.raises(TypeError, match="config takes a mapping, not list"):
            gitreg.init(config=[1])
        with pytest.raises(TypeError, match="strings"):
            gitreg.init(config={1: 2})

    @pytest.mark.parametrize("text", ["a: &x 1\nb: *x\n", "- 1\n", "a: !!python/name:os.system\n", "a: [1"])
    def test_from_a_file_is_never_more_than_data(self, project: Path, text: str) -> None:
        (project / "config.yaml").write_text(text)
        with pytest.raises(gitreg.UsageError, match=r"'config\.yaml' cannot be read"):
            gitreg.init(config="config.yaml")

    def test_file_that_is_missing_is_named(self, project: Path) -> None:
        with pytest.raises(gitreg.UsageError, match=r"'none\.yaml' cannot be read: No such file"):
            gitreg.init(config="none.yaml")

    def test_too_large_for_a_record_is_refused_before_the_run_starts(self, project: Path) -> None:
        with pytest.raises(gitreg.UsageError, match="config would take"):
            gitreg.init(config={"text": "x" * 500_000})
        assert gitreg.Api().runs() == []


class TestSecondInit:
    def test_returns_the_active_run(self, project: Path) -> None:
        assert gitreg.init() is gitreg.init(reinit=False)

    @pytest.mark.parametrize("reinit", [True, "finish_previous"])
    def test_can_finish_the_first(self, project: Path, reinit: Any) -> None:
        first = gitreg.init()
        second = gitreg.init(reinit=reinit)
        assert (first.status().state, second.status().state) == ("finished", "running")
        assert gitreg.run is second

    def test_can_go_on_beside_the_first(self, project: Path) -> None:
        first = gitreg.init()
        second = gitreg.init(reinit="create_new")
        assert second is not first
        assert gitreg.run is first
        second.log({"a": 1})
        assert "a" not in first.summary

    def test_after_finish_is_a_new_run(self, project: Path) -> None:
        first = gitreg.init()
        first.finish()
        assert gitreg.init() is not first


def test_every_argument_of_wandbs_is_taken_and_what_is_not_there_is_refused(project: Path) -> None:
    with gitreg.init(force=True, save_code=True, config_exclude_keys=["b"], config={"a": 1, "b": 2}) as run:
        assert dict(run.config) == {"a": 1}
    with gitreg.init(config={"a": 1, "b": 2}, config_include_keys=["b"]) as run:
        assert dict(run.config) == {"b": 2}
    for arguments in ({"resume_from": "x?_step=1"}, {"fork_from": "x?_step=1"}, {"mode": "dark"}, {"resume": "maybe"}):
        with pytest.raises(gitreg.UsageError) as caught:
            gitreg.init(**arguments)  # type: ignore[arg-type]  # that is what is tried
        assert caught.value.hint


class TestEnvironment:
    @pytest.mark.parametrize(
        ("variable", "value", "attribute", "expected"),
        [
            ("ENTITY", "e", "entity", "e"),
            ("PROJECT", "p", "project", "p"),
            ("RUN_ID", "from-outside", "id", "from-outside"),
            ("NAME", "n", "name", "n"),
            ("NOTES", "why", "notes", "why"),
            ("TAGS", "a, b,", "tags", ("a", "b")),
            ("RUN_GROUP", "g", "group", "g"),
            ("JOB_TYPE", "j", "job_type", "j"),
            ("MODE", "offline", "disabled", False),
            ("MODE", "disabled", "disabled", True),
            ("DIR", "src", "dir", "src"),
            ("RESUME", "allow", "resumed", True),
            ("RANKS", "all", "state", "recorded"),
            ("SILENT", "true", "state", "recorded"),
            ("ENTITY", "", "entity", ""),
        ],
    )
    def test_fills_in_what_the_call_leaves_out(  # noqa: PLR0917  # a row has four things
        self,
        project: Path,
        monkeypatch: pytest.MonkeyPatch,
        variable: str,
        value: str,
        attribute: str,
        expected: object,
    ) -> None:
        (project / "src").mkdir()
        resumes = variable == "RESUME"
        if resumes:
            gitreg.init(id="before").finish()
        monkeypatch.setattr("gitreg.sdk.talk.logger", logging.getLogger("nobody listens"))
        monkeypatch.setenv(f"GITREG_{variable}", value)
        with gitreg.init(id="before" if resumes else None) as run:
            if attribute == "dir":
                assert run.dir == str(project / "src")
            elif attribute == "state":
                assert not run.disabled
            else:
                assert getattr(run, attribute) == expected

    def test_counts_less_than_settings_and_these_less_than_arguments(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("NAME", "PROJECT", "ENTITY"):
            monkeypatch.setenv(f"GITREG_{name}", "environment")
        settings = gitreg.Settings(run_name="settings", project="settings")
        with gitreg.init(name="argument", settings=settings) as run:
            assert (run.name, run.project, run.entity) == ("argument", "settings", "environment")
            assert run.settings.run_name == "argument"
        with gitreg.init(settings={"run_id": "from-settings"}) as run:
            assert run.id == "from-settings"

    def test_of_wandb_is_not_read(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("WANDB_MODE", "disabled")
        monkeypatch.setenv("WANDB_PROJECT", "theirs")
        with gitreg.init() as run:
            assert (run.disabled, run.project) == (False, "")

    @pytest.mark.parametrize("mode", ["online", "offline", "shared"])
    def test_modes_but_disabled_all_record(self, project: Path, mode: str) -> None:
        gitreg.init(mode=mode, id="one").finish()
        assert recorded(project, "one").state == "finished"

    @pytest.mark.parametrize(("variable", "value"), [("MODE", "dark"), ("RANKS", "none"), ("RESUME", "maybe")])
    def test_that_makes_no_sense_is_refused(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
    ) -> None:
        monkeypatch.setenv(f"GITREG_{variable}", value)
        with pytest.raises(gitreg.UsageError, match=f"'{value}' is not known"):
            gitreg.init()


class TestSettings:
    def test_that_mean_nothing_are_said_once(self, project: Path, caplog: pytest.LogCaptureFixture) -> None:
        gitreg.Settings(console="off", x_disable_stats=True)
        settings = gitreg.Settings(silent=None, console="off", x_disable_stats=True)
        assert caplog.messages == ["settings mean nothing here: console, x_disable_stats"]
        assert (settings.console, settings.silent) == ("off", None)
        with pytest.raises(AttributeError, match="no setting 'colour'"):
            settings.colour  # noqa: B018
        with pytest.raises(gitreg.UsageError, match="settings are a mapping"):
            gitreg.init(settings=3)

    @pytest.mark.parametrize(("settings", "level"), [({"silent": True}, "ERROR"), ({"quiet": True}, "WARNING")])
    def test_can_ask_for_silence(
        self, project: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, object], level: str
    ) -> None:
        logger = logging.getLogger(f"gitreg.test.{level}")
        monkeypatch.setattr("gitreg.sdk.talk.logger", logger)
        with gitreg.init(settings=settings):
            assert logging.getLevelName(logger.level) == level


class TestInsideGitregRun:
    @pytest.fixture
    def parent(self, project: Path, sh: Shell, monkeypatch: pytest.MonkeyPatch) -> LiveRun:
        """What `gitreg run` does before it starts its command."""
        run = gitreg.init(id="outer", name="outer", config={"lr": 0.1})
        assert isinstance(run._live, LiveRun)
        run._live.detach()
        session._session.remove(run)
        monkeypatch.setenv("GITREG_RUN_ID", "outer")
        monkeypatch.setattr(session._session, "left", set())
        monkeypatch.setattr("gitreg.sdk.talk._said", set())
        return run._live

    def test_init_attaches_and_finish_leaves_the_end_to_the_parent(self, project: Path, parent: LiveRun) -> None:
        run = gitreg.init(job_type="train", tags=["t"], name="inner", config={"epochs": 3})
        assert (run.id, run.name, run.job_type, run.tags) == ("outer", "outer", "train", ("t",))
        assert run.status().attached
        run.log({"loss": 1})
        run.log_artifact("README", name="readme")
        run.summary["k"] = 1
        run.finish()
        assert gitreg.run is None
        ended = LiveRun.attach(parent.registry, RunId("outer"))
        ended.finish("failed")
        record = recorded(project, "outer")
        assert (record.state, record.job_type, record.config) == ("failed", "train", {"lr": 0.1, "epochs": 3})
        assert record.summary == {"loss": 1, "k": 1}

    def test_the_command_lines_config_wins(
        self, project: Path, parent: LiveRun, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING, "gitreg"):
            run = gitreg.init(config={"lr": 5, "epochs": 1})
        assert dict(run.config) == {"lr": 0.1, "epochs": 1}
        assert "config lr: the value that the run was started with stays" in caplog.text

    def test_steps_go_on_where_another_process_stopped(self, project: Path, parent: LiveRun) -> None:
        with gitreg.init() as run:
            run.log({"a": 1})
        with gitreg.init(id="outer") as run:
            assert run.step == 1

    def test_another_id_is_another_run(self, project: Path, parent: LiveRun) -> None:
        with gitreg.init(id="own") as run:
            assert not run.status().attached
        assert recorded(project, "own").state == "finished"

    def test_an_id_of_no_live_run_is_that_of_the_run_that_starts(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITREG_RUN_ID", "chosen")
        with gitreg.init() as run:
            assert (run.id, run.status().attached) == ("chosen", False)
        with pytest.raises(gitreg.UsageError, match="'chosen' is taken"):
            gitreg.init()

    def test_a_sweep_in_one_process_is_runs_of_its_own_after_the_first(
        self, project: Path, parent: LiveRun, caplog: pytest.LogCaptureFixture
    ) -> None:
        nan = float("nan")
        parent.update_config({"nan": nan})
        ids, rates = [], []
        for rate in (0.1, 0.01, 0.001):
            with gitreg.init(config={"lr": rate, "nan": nan}) as run:
                ids.append(run.id)
                rates.append(run.config.lr)
        assert (ids[0], len(set(ids)), rates) == ("outer", 3, [0.1, 0.01, 0.001])
        assert caplog.text.count("run 'outer', which GITREG_RUN_ID names, was finished in this process") == 1
        assert "stays" not in caplog.text
        assert [gitreg.Api().run(run_id).state for run_id in ids[1:]] == ["finished"] * 2
        with gitreg.init(id="outer") as run:
            assert run.status().attached

    def test_artifacts_that_are_saved_before_init_do_not_count(self, project: Path, parent: LiveRun) -> None:
        for name in "ab":
            artifact = gitreg.Artifact(name, "dataset")
            artifact.add_file("README")
            artifact.save()
        with gitreg.init() as run:
            assert (run.id, run.status().attached) == ("outer", True)


def test_numbers_are_words_where_words_are_asked_for(project: Path) -> None:
    with gitreg.init(
        name=0,  # type: ignore[arg-type]
        project=1,  # type: ignore[arg-type]
        group=2,  # type: ignore[arg-type]
        job_type=3.5,  # type: ignore[arg-type]
        notes=4,  # type: ignore[arg-type]
        tags=[5],  # type: ignore[list-item]
    ) as run:
        assert (run.name, run.project, run.group, run.job_type, run.notes, run.tags) == (
            "0",
            "1",
            "2",
            "3.5",
            "4",
            ("5",),
        )
        run.log({"x": 1}, step=101.0)  # type: ignore[arg-type]
        assert run.step == 101


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda _: gitreg.init(id=5, reinit="create_new"), "the id of a run is text, not int"),  # type: ignore[arg-type]
        (lambda _: gitreg.init(name=[1], reinit="create_new"), "a label of a run is text, not list"),  # type: ignore[arg-type]
        (lambda _: gitreg.init(notes=[1], reinit="create_new"), "notes is text, not list"),  # type: ignore[arg-type]
        (lambda _: gitreg.init(tags=object(), reinit="create_new"), "tags are a list of text, not object"),  # type: ignore[arg-type]
        (lambda run: run.log({"x": 1}, step=1.5), "step=1.5 is no whole number"),
        (lambda run: run.log({"x": 1}, step="1"), "step='1' is no whole number"),
        (lambda run: run.use_artifact(None), "the name of a version is text, not NoneType"),
        (lambda run: run.use_model(None), "the name of a version is text, not NoneType"),
        (lambda run: run.link_artifact("ds:v1", "a/b"), "what is linked is an artifact, not str"),
        (lambda run: run.link_artifact(gitreg.Artifact("a", "t"), None), "the registered model is text, not NoneType"),
        (lambda run: run.log_artifact("README", aliases=[5]), "an alias is text, not int"),
        (lambda run: run.log_artifact("README", aliases=5), "an alias is text, not int"),
        (lambda _: gitreg.Artifact("x", type=None), "the type of an artifact is text, not NoneType"),  # type: ignore[arg-type]
        (lambda _: gitreg.Artifact(None, "t"), "the name of an artifact is text, not NoneType"),  # type: ignore[arg-type]
        (lambda _: gitreg.Api().artifact(5), "the name of a version is text, not int"),  # type: ignore[arg-type]
        (lambda run: setattr(run, "name", None), "a run has a name"),
    ],
)
def test_what_is_of_a_wrong_type_is_said_with_what_to_write(
    project: Path, wrong: Callable[[gitreg.Run], object], words: str
) -> None:
    with gitreg.init() as run, pytest.raises(gitreg.UsageError, match=rf"^{re.escape(words)}\nhint: ") as caught:
        wrong(run)
    assert caught.value.hint
    assert len(gitreg.Api().runs()) == 1
