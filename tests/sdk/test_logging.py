"""What runs do with artifacts: log, use, link, and the verbs for models."""

from __future__ import annotations

from pathlib import Path

import pytest

import gitreg
from conftest import Shell
from gitreg.errors import NotFoundError, RefusedError


@pytest.fixture
def run(project: Path) -> gitreg.Run:
    (project / "model.h5").write_text("weights")
    return gitreg.init(id="r1")


def dataset(text: str, name: str = "digits") -> gitreg.Artifact:
    artifact = gitreg.Artifact(name, "dataset")
    with artifact.new_file("data.csv") as file:
        file.write(text)
    return artifact


class TestLogArtifact:
    def test_takes_a_path(self, run: gitreg.Run, project: Path) -> None:
        assert (run.log_artifact("model.h5").name, run.log_artifact(project / ".dvc").name) == (
            "run-r1-model.h5:v0",
            "run-r1-.dvc_:v0",
        )
        artifact = run.log_artifact("README", name="readme", type="text", aliases=["best", "latest"])
        assert (artifact.name, artifact.type, artifact.aliases) == ("readme:v0", "text", ["latest", "best"])
        assert run.log_artifact("README").type == "unspecified"
        with pytest.raises(ValueError, match="'none' is not a file or directory"):
            run.log_artifact("none")

    @pytest.mark.parametrize("basename", ["my model (1).bin", "..", "a..b", "x" * 200, "a.lock", "grüße"])
    def test_makes_a_name_of_any_path(self, run: gitreg.Run, project: Path, basename: str) -> None:
        from gitreg.sdk.targets import default_name

        assert gitreg.Artifact(default_name(run.id, basename), "t").name.startswith("run-r1-")

    def test_refuses_bad_aliases_before_anything_is_logged(self, run: gitreg.Run) -> None:
        with pytest.raises(ValueError, match="invalid alias"):
            run.log_artifact("README", name="readme", aliases=["fine", "v3"])
        assert not gitreg.Api().artifact_exists("readme")

    def test_of_a_logged_artifact_only_moves_aliases(self, run: gitreg.Run) -> None:
        artifact = run.log_artifact(dataset("1"))
        assert run.log_artifact(artifact, aliases="best") is artifact
        assert artifact.aliases == ["latest", "best"]
        with pytest.raises(gitreg.ArtifactFinalizedError, match="'digits:v0' is logged already"):
            run.log_artifact(gitreg.Api().artifact("digits"))

    def test_a_run_that_uses_and_logs_is_a_chain_of_commits(self, run: gitreg.Run, project: Path, sh: Shell) -> None:
        run.log_artifact(dataset("1"))
        run.finish()
        with gitreg.init(id="r2") as second:
            used = second.use_artifact("digits")
            second.use_artifact(used)
            model = second.log_artifact("model.h5", name="net", type="model")
        parents = sh(f"git rev-parse {model.commit}^1 {model.commit}^2", cwd=project).split()
        assert parents[1] == used.commit
        assert [reader.id for reader in used.used_by()] == ["r2"]
        assert [artifact.name for artifact in gitreg.Api().run("r2").used_artifacts()] == ["digits:v0"]


class TestUseArtifact:
    def test_means_the_newest_an_alias_or_a_version(self, run: gitreg.Run) -> None:
        run.log_artifact(dataset("1"), aliases=["best"])
        run.log_artifact(dataset("2"))
        names = ["digits", "digits:latest", "digits:best", "digits:v0", "digits@v1", "team/proj/digits:best"]
        assert [run.use_artifact(name).version for name in names] == ["v1", "v1", "v0", "v0", "v1", "v0"]

    def test_honours_aliases(self, run: gitreg.Run) -> None:
        run.log_artifact(dataset("1"), aliases=["best", "old"])
        run.log_artifact(dataset("2"))
        assert run.use_artifact(artifact_or_name="digits", aliases="best").version == "v0"
        assert run.use_artifact("digits", aliases=["best", "old"]).version == "v0"
        assert run.use_artifact("digits:v0", aliases=["best"]).version == "v0"
        with pytest.raises(gitreg.UsageError, match="means several versions"):
            run.use_artifact("digits", aliases=["best", "latest"])
        with pytest.raises(gitreg.UsageError, match="means several versions"):
            run.use_artifact("digits:v1", aliases="best")

    def test_with_a_date_is_what_an_alias_named_then(self, run: gitreg.Run, monkeypatch: pytest.MonkeyPatch) -> None:
        first, second = run.log_artifact(dataset("1")), run.log_artifact(dataset("2"))
        for day, artifact in (("05", first), ("07", second)):
            monkeypatch.setenv("GIT_COMMITTER_DATE", f"2026-01-{day}T12:00:00Z")
            artifact.aliases.append("best")
            artifact.save()
        used = run.use_artifact("digits:best@{2026-01-06}")
        assert (used.version, used.commit) == ("v0", first.commit)
        assert run.use_artifact("digits@{yesterday}", aliases="best").version == "v0"
        run.finish()
        assert [item.name for item in gitreg.Api().run(run.id).used_artifacts()] == ["digits:v0"]
        api = gitreg.Api()
        assert api.artifact("team/proj/digits@best@{1 day ago}").version == "v0"
        assert not api.artifact_exists("digits:best@{2026-01-04}")
        with pytest.raises(ValueError, match="'last week' is no date"):
            api.artifact("digits:best@{last week}")

    def test_what_is_missing_is_a_comm_error_with_a_hint(self, run: gitreg.Run) -> None:
        run.log_artifact(dataset("1"))
        with pytest.raises(gitreg.CommError, match="artifact membership 'digitz:latest' not found") as caught:
            run.use_artifact("digitz:latest")
        assert isinstance(caught.value, NotFoundError)
        assert caught.value.hint == "did you mean 'digits'?"
        with pytest.raises(ValueError, match="at most ENTITY/PROJECT/NAME"):
            run.use_artifact("a/b/c/d:v0")

    def test_of_a_draft_logs_it_with_a_run_of_its_own(self, run: gitreg.Run) -> None:
        draft = dataset("1")
        assert run.use_artifact(draft, aliases=["raw"]) is draft
        assert gitreg.run is run
        logger = draft.logged_by()
        assert logger
        assert (logger.job_type, logger.state, logger.id == run.id) == ("auto", "finished", False)
        assert (draft.name, draft.aliases) == ("digits:v0", ["latest", "raw"])
        run.finish()
        assert [reader.id for reader in draft.used_by()] == [run.id]

    def test_from_another_repository_is_refused(self, run: gitreg.Run, tmp_path: Path, sh: Shell) -> None:
        sh("cp -r repo other")
        with gitreg.init(dir=tmp_path / "other", reinit="create_new") as other:
            artifact = other.log_artifact(dataset("1"))
        with pytest.raises(gitreg.UsageError, match="is in another repository"):
            run.use_artifact(artifact)


class TestLink:
    @pytest.mark.parametrize(
        ("target", "name"),
        [
            ("Digits", "model/Digits:v0"),
            ("model/Digits", "model/Digits:v0"),
            ("data/Digits", "data/Digits:v0"),
            ("wandb-registry-model/Digits", "model/Digits:v0"),
            ("wandb-registry-data/Digits", "data/Digits:v0"),
            ("team/wandb-registry-model/Digits", "model/Digits:v0"),
            ("team/model-registry/Digits", "model/Digits:v0"),
            ("team/proj/Digits", "proj/Digits:v0"),
        ],
    )
    def test_takes_every_way_to_write_a_target(self, run: gitreg.Run, target: str, name: str) -> None:
        assert run.link_artifact(run.log_artifact("model.h5", name="net", type="model"), target).name == name

    @pytest.mark.parametrize("target", ["model/Digits:v0", "a/b/c/d", "", "model/", "../x", "Digits@v1"])
    def test_a_target_outside_the_grammar_is_a_value_error(self, run: gitreg.Run, target: str) -> None:
        with pytest.raises(ValueError, match="invalid"):
            run.link_artifact(dataset("1"), target)
        assert not gitreg.Api().artifact_exists("digits")

    def test_is_a_version_of_its_own_with_its_own_aliases(self, run: gitreg.Run) -> None:
        source = run.log_artifact(dataset("1"))
        link = run.link_artifact(source, "data/Digits", aliases=["production"])
        assert (link.is_link, link.source_name, link.commit) == (True, "digits:v0", source.commit)
        assert (link.aliases, source.aliases) == (["latest", "production"], ["latest"])
        assert gitreg.Api().artifact("data/Digits:production").name == "data/Digits:v0"
        assert gitreg.Api().artifact(link.qualified_name).name == "data/Digits:v0"
        assert run.link_artifact(source, "data/Digits").version == "v0"
        assert run.link_artifact(dataset("2"), "data/Digits").version == "v1"
        assert link.link("Other").name == "model/Other:v0"
        assert dataset("3").link("data/Digits", "best").aliases == ["latest", "best"]

    def test_to_a_model_that_differs_by_case_alone_is_refused(self, run: gitreg.Run) -> None:
        source = run.log_artifact(dataset("1"))
        run.link_artifact(source, "data/Digits")
        with pytest.raises(RefusedError, match="differs from 'data/Digits' only by case"):
            run.link_artifact(source, "data/digits")


class TestModels:
    def test_link_model_logs_and_links(self, run: gitreg.Run) -> None:
        link = run.link_model(path="./model.h5", registered_model_name="MNIST-dev", name="net", aliases=["staging"])
        assert (link.name, link.source_name, link.aliases) == ("model/MNIST-dev:v0", "net:v0", ["latest", "staging"])
        assert gitreg.Api().artifact("net").aliases == ["latest"]
        assert run.link_model("model.h5", "MNIST-dev").source_name == "run-r1-model.h5:v0"

    def test_link_model_takes_no_path_as_a_name(self, run: gitreg.Run) -> None:
        with pytest.raises(AssertionError, match="it holds '/'"):
            run.link_model("model.h5", "model/MNIST")
        assert gitreg.Api().artifacts() == []

    def test_use_model_returns_the_file_or_the_folder(self, run: gitreg.Run, project: Path) -> None:
        run.log_model("model.h5", name="net", aliases=["best"])
        assert run.use_model("net:best") == str(project / "artifacts" / "net:v0" / "model.h5")
        run.link_model("model.h5", "Net", name="net")
        assert run.use_model("model/Net") == str(project / "artifacts" / "net:v0" / "model.h5")
        run.log_model(project / ".dvc", name="folder")
        assert run.use_model("folder") == str(project / "artifacts" / "folder:v0")
        run.finish()
        used = gitreg.Api().run("r1").used_artifacts()
        assert [artifact.name for artifact in used] == ["net:v0", "folder:v0"]

    def test_use_model_insists_on_a_model(self, run: gitreg.Run) -> None:
        run.log_artifact(dataset("1"))
        with pytest.raises(ValueError, match="'digits:v0' is of type 'dataset', which is no model"):
            run.use_model("digits")
        run.log_artifact("README", name="odd", type="My-Model-Card")
        assert run.use_model("odd:v0")

    def test_a_nameless_model_is_named_in_the_hint_as_it_is_registered(self, run: gitreg.Run) -> None:
        run.link_model("model.h5", "MNIST-dev")
        with pytest.raises(gitreg.CommError, match="'mnist_model:latest' not found") as caught:
            run.use_model("mnist_model:latest")
        assert caught.value.hint == "this repository has run-r1-model.h5:v0, linked as model/MNIST-dev:v0"


def test_a_step_may_be_a_whole_float(project: Path) -> None:
    with gitreg.init(id="whole") as run:
        run.log({"loss": 1}, step=101.0)  # type: ignore[arg-type]  # what division gives
        for step in (101.5, float("nan"), float("inf"), "102"):
            with pytest.raises(TypeError):
                run.log({"loss": 2}, step=step)  # type: ignore[arg-type]  # what people give
    assert list(gitreg.Api().run("whole").scan_history(["_step", "loss"])) == [{"_step": 101, "loss": 1}]
