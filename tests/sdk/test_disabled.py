"""`mode="disabled"`: a program runs as it does otherwise, and nothing is written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import gitreg
from conftest import Shell
from gitreg.errors import ArtifactFinalizedError, NotARepositoryError

PROGRAM = """
import gitreg as wandb
run = wandb.init(project="digits", config={"lr": 0.1}, mode=MODE)
assert run.disabled and run.project == "digits" and run.id and run.name
wandb.define_metric("loss", summary="min")
for loss in (3, 1, 2):
    wandb.log({"loss": loss, "acc": loss / 10})
assert run.step == 3
assert run.summary["loss"] == {"min": 1} and run.summary["acc"] == 0.2
wandb.config.epochs = 5
assert dict(wandb.config) == {"lr": 0.1, "epochs": 5}
run.tags += ("late",)
run.name = "renamed"
assert (run.name, run.tags) == ("renamed", ("late",))
import numpy
wandb.log({"picture": wandb.Image(numpy.zeros((2, 2))), "table": wandb.Table(["a"], [[1]])})
artifact = wandb.Artifact("net", "model", metadata={"acc": 1})
with open(SELF) as own:
    text = own.read()
artifact.add_file(SELF, "train.py")
logged = wandb.log_artifact(artifact, aliases=["best"]).wait()
assert logged is artifact
assert (logged.name, logged.version, logged.state) == ("net:v0", "v0", "COMMITTED")
assert logged.aliases == ["latest", "best"]
logged.aliases.append("staging")
logged.save()
assert logged.aliases == ["latest", "best", "staging"]
assert (logged.metadata, logged.file_count, logged.size) == ({"acc": 1}, 1, len(text))
assert wandb.use_artifact(logged) is logged
linked = wandb.link_artifact(logged, "Net", aliases=["production"])
assert (linked.name, linked.source_name, linked.aliases) == ("model/Net:v0", "net:v0", ["latest", "production"])
assert linked.link("model/Other").name == "model/Other:v0"
assert wandb.link_model(SELF, "Net").name == "model/Net:v0"
draft = wandb.Artifact("more", "dataset")
assert wandb.use_artifact(draft).name == "more:v0"
wandb.log_code(), wandb.save(SELF), wandb.alert("a", "b"), wandb.watch(None), wandb.mark_preempting()
wandb.finish()
try:
    run.log({"loss": 0})
except wandb.errors.UsageError as error:
    print(error)
print(run.summary["loss"], wandb.run)
"""
SAID = """run 'renamed' is finished: log is not possible any more
{'min': 1} None
"""


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_it_needs_no_repository_and_writes_nothing(
    tmp_path: Path, sealed: Path, monkeypatch: pytest.MonkeyPatch, sh: Shell, how: str
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    program = folder / "train.py"
    mode = repr("disabled") if how == "argument" else "None"
    if how == "environment":
        monkeypatch.setenv("GITREG_MODE", "disabled")
    program.write_text(PROGRAM.replace("MODE", mode).replace("SELF", repr(str(program))))
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = {"TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "error"}
    sh(f"touch mark && chmod -R a-w elsewhere {sealed}")
    try:
        # root may write everywhere, so what is there afterwards is looked at, too
        said = sh(f"{sys.executable} elsewhere/train.py", env=environment)
    finally:
        sh(f"chmod -R u+w elsewhere {sealed}")
    assert said == SAID
    assert sh(f"find elsewhere tmp {sealed} -newer mark -type f") == ""


def test_it_opens_no_file_for_writing(tmp_path: Path) -> None:
    program = tmp_path / "train.py"
    program.write_text(PROGRAM.replace("MODE", "'disabled'").replace("SELF", repr(str(program))))
    watched = f"""
import sys
def hook(event, arguments):
    if event == "open" and (arguments[2] & 3 or isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")):
        print("opened for writing", arguments, file=sys.stderr)
    if event.startswith(("subprocess", "os.mkdir", "os.rename", "os.exec", "os.posix_spawn", "socket.connect")):
        print(event, arguments, file=sys.stderr)
sys.addaudithook(hook)
exec(compile(open({str(program)!r}).read(), "train.py", "exec"))
"""
    done = subprocess.run(
        [sys.executable, "-B", "-c", watched], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "watch records nothing" not in line] == []


class TestInARepository:
    @pytest.fixture
    def filled(self, project: Path) -> Path:
        with gitreg.init(id="real") as run:
            run.log_artifact("README", name="readme", type="model", aliases=["best"])
        return project

    def test_versions_can_be_used_and_nothing_is_recorded(self, filled: Path, sh: Shell) -> None:
        look = "git for-each-ref; ls .git/gitreg/journal; find .dvc/cache -type f | sort"
        before = sh(look, cwd=filled)
        with gitreg.init(mode="disabled", id="nothing") as run:
            artifact = run.use_artifact("readme:best")
            assert (artifact.name, artifact.type) == ("readme:v0", "model")
            assert Path(run.use_model("readme")).read_text() == "a project\n"
            assert run.link_artifact(artifact, "Readme").name == "model/Readme:v0"
            assert artifact.link("Readme", aliases=["x"]).aliases == ["latest", "x"]
            assert Path(run.link_artifact(artifact, "Readme").file("there")).read_text() == "a project\n"
            artifact.aliases.append("worst")
            artifact.save()
            with pytest.raises(gitreg.CommError, match="none"):
                run.use_artifact("none")
            with pytest.raises(ValueError, match="'readme:v0' is of type 'model'"):
                run.use_artifact("readme", type="dataset")
            with pytest.raises(ArtifactFinalizedError):
                artifact.add_file("README", "again")
        assert sh(look, cwd=filled) == before
        assert [run.id for run in gitreg.Api().runs()] == ["real"]

    def test_what_it_logged_is_refused_by_a_run_that_records(self, filled: Path) -> None:
        with gitreg.init(mode="disabled") as run:
            artifact = run.log_artifact("README", name="other")
        with gitreg.init() as run, pytest.raises(gitreg.UsageError, match="'other:v0' is in no repository"):
            run.use_artifact(artifact)
        with pytest.raises(gitreg.UsageError, match="'other:v0' is in no repository"):
            artifact.logged_by()

    def test_artifact_save_without_a_run_follows_the_environment(
        self, filled: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GITREG_MODE", "disabled")
        artifact = gitreg.Artifact("other", "dataset")
        artifact.save()
        assert artifact.name == "other:v0"
        assert not gitreg.Api().artifact_exists("other")


def test_reading_by_name_without_a_repository_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with gitreg.init(mode="disabled") as run, pytest.raises(NotARepositoryError, match="not in a Git repository"):
        run.use_artifact("digits")
