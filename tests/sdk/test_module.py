from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import gitreg
from gitreg.sdk.run import Run

NAMES = {
    *("init", "finish", "log", "config", "summary", "run"),
    *("log_artifact", "use_artifact", "link_artifact", "log_model", "use_model", "link_model"),
    *("define_metric", "log_code", "save", "alert", "watch", "unwatch", "mark_preempting"),
    *("login", "setup", "teardown", "errors", "integration", "util"),
    *("Artifact", "Api", "Run", "Settings", "AlertLevel"),
    *("Table", "Image", "Audio", "Video", "Html", "Histogram", "Object3D", "Molecule", "Plotly"),
    *("Error", "CommError", "UsageError", "ConfigError", "ArtifactNotLoggedError", "ArtifactFinalizedError"),
    "__version__",
}


def test_all_names_exactly_what_is_offered() -> None:
    assert set(gitreg.__all__) == NAMES
    assert set(dir(gitreg)) >= NAMES
    for name in NAMES - {"run"}:
        assert getattr(gitreg, name) is not None


def test_a_name_that_is_not_offered_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'wandb'"):
        gitreg.wandb  # noqa: B018


def test_an_integration_is_loaded_when_it_is_written() -> None:
    script = "import gitreg as wandb, sys; wandb.integration.sklearn; print('gitreg.integration.keras' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    with pytest.raises(AttributeError, match="has no attribute 'fastai'"):
        gitreg.integration.fastai  # noqa: B018


def test_import_loads_only_itself() -> None:
    script = (
        "import sys; before = set(sys.modules); import gitreg\n"
        "print(sorted(n for n in set(sys.modules) - before if n.split('.')[0] not in sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['gitreg']"


def test_a_version_is_known() -> None:
    assert gitreg.__version__[0].isdigit()


@pytest.mark.parametrize(
    ("call", "verb"),
    [
        (lambda: gitreg.log({"a": 1}), "log()"),
        (lambda: gitreg.log_artifact("x"), "log_artifact()"),
        (lambda: gitreg.use_artifact("x"), "use_artifact()"),
        (lambda: gitreg.link_artifact(gitreg.Artifact("x", "y"), "z"), "link_artifact()"),
        (lambda: gitreg.log_model("x"), "log_model()"),
        (lambda: gitreg.use_model("x"), "use_model()"),
        (lambda: gitreg.link_model("x", "y"), "link_model()"),
        (lambda: gitreg.define_metric("x"), "define_metric()"),
        (gitreg.log_code, "log_code()"),
        (lambda: gitreg.save("x"), "save()"),
        (lambda: gitreg.alert("x", "y"), "alert()"),
        (lambda: gitreg.watch(None), "watch()"),
        (gitreg.unwatch, "unwatch()"),
        (gitreg.mark_preempting, "mark_preempting()"),
        (lambda: gitreg.config["a"], "config"),
        (lambda: gitreg.config.a, "config"),
        (lambda: gitreg.summary.update({"a": 1}), "summary"),
    ],
)
def test_without_a_run_everything_says_what_to_call_first(call: Callable[[], object], verb: str) -> None:
    with pytest.raises(gitreg.Error) as caught:
        call()
    assert str(caught.value) == f"You must call gitreg.init() before gitreg.{verb}"


def test_finish_without_a_run_does_nothing() -> None:
    gitreg.finish()


def test_module_level_verbs_act_on_the_active_run(project: Path) -> None:
    (project / "model.bin").write_text("weights")
    run = gitreg.init(config={"lr": 0.1})
    assert isinstance(run, Run)
    assert gitreg.run is run
    assert (gitreg.config["lr"], gitreg.config.lr, "lr" in gitreg.config, len(gitreg.config)) == (0.1, 0.1, True, 1)
    gitreg.config["epochs"] = 3
    gitreg.config.depth = 2
    assert dict(gitreg.config) == {"lr": 0.1, "epochs": 3, "depth": 2}
    gitreg.log({"loss": 0.5})
    gitreg.summary["best"] = 1
    assert dict(gitreg.summary) == {"loss": 0.5, "best": 1}
    artifact = gitreg.Artifact("digits", "dataset")
    artifact.add_file("README")
    assert gitreg.log_artifact(artifact).name == "digits:v0"
    assert gitreg.log_model("model.bin", name="net").name == "net:v0"
    assert gitreg.link_model("model.bin", "Net", name="net").name == "model/Net:v0"
    assert gitreg.link_artifact(artifact, "data/Digits").name == "data/Digits:v0"
    assert gitreg.use_artifact("digits").name == "digits:v0"
    assert Path(gitreg.use_model("net")).read_text() == "weights"
    gitreg.finish()
    assert gitreg.run is None
    assert repr(gitreg.config) == "<no run is active>"


def test_config_imported_before_init_is_the_active_runs(project: Path) -> None:
    from gitreg import config

    with gitreg.init(config={"a": 1}):
        assert config["a"] == 1
    with gitreg.init(config={"a": 2}):
        assert config.a == 2


def test_a_script_of_wandbs_runs_with_the_import_changed(project: Path) -> None:
    script = """
import gitreg as wandb
wandb.setup()
assert wandb.login(key="none", relogin=True)
run = wandb.init(entity="team", project="digits", config={"lr": 0.1}, settings=wandb.Settings(silent=True))
run.define_metric("loss", summary="min")
for loss in (0.5, 0.1, 0.3):
    wandb.log({"loss": loss})
assert run.summary["loss"]["min"] == 0.1
assert issubclass(wandb.errors.CommError, wandb.Error)
try:
    run.use_artifact("nothing:latest")
except wandb.errors.CommError as error:
    assert "nothing:latest" in str(error)
assert len(wandb.util.generate_id()) == 8
assert wandb.Table and wandb.Image and wandb.Artifact and wandb.AlertLevel.WARN and wandb.integration
assert wandb.Api().runs("team/digits")[0].id == run.id
wandb.teardown()
assert wandb.run is None
"""
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)
