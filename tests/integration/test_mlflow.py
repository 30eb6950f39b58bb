"""What the page for people who come from MLflow says to do with an MLflow registry, done with a real one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import pages
from gitreg import Api

PAGE = Path(__file__).resolve().parents[2] / "gitreg" / "docs" / "coming-from-mlflow.md"
# Two runs of one experiment, a registered model in two versions, an alias.
BEFORE = """
import mlflow
from sklearn.linear_model import LogisticRegression

for c in (0.01, 0.1):
    with mlflow.start_run(run_name=f"c-{c}"):
        mlflow.log_params({"C": c})
        for step in range(3):
            mlflow.log_metric("loss", c / (step + 1), step=step)
        model = LogisticRegression(C=c).fit([[0.0], [1.0]], [0, 1])
        mlflow.sklearn.log_model(model, name="model", registered_model_name="Digits")
client = mlflow.MlflowClient()
client.set_registered_model_alias("Digits", "champion", 2)
client.update_model_version("Digits", 2, description="the wider one")
"""


def run_python(code: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_registry_of_mlflow_is_taken_over(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    # tests speak to nobody
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    run_python(BEFORE, tmp_path)
    (script,) = (block.text for block in pages.blocks(PAGE.read_text()) if "import mlflow" in block.text)
    run_python(script, project)

    api = Api(project)
    first, second = reversed(api.artifacts(name="model/Digits"))
    assert (first.aliases, second.aliases) == ([], ["latest", "champion"])
    assert second.description == "the wider one"
    assert second.metadata["mlflow_version"] == 2
    assert "MLmodel" in {file.path for file in second.files()}
    made = second.logged_by()
    assert made is not None
    assert (made.name, made.config, made.summary["loss"]) == ("c-0.1", {"C": "0.1"}, pytest.approx(0.1 / 3))
    assert [row["loss"] for row in made.scan_history(keys=["loss"])] == pytest.approx([0.1, 0.05, 0.1 / 3])
