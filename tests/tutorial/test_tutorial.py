"""W&B's tutorial with its import changed, run as the page in the documentation tells it, under real Keras.

The page is followed once, in a Git repository that knows nothing of W&B; what the tests look at is what that has left.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import pages
from conftest import run_shell, sealed_environment
from gitreg import Api

HERE = Path(__file__).resolve().parent
DOCS = HERE.parents[1] / "gitreg" / "docs"
PAGE, JAPANESE = DOCS / "tutorial.md", DOCS / "tutorial.ja.md"
LINEAGE_EXAMPLE = HERE / "model-lineage.md"
PICTURE = DOCS / "tutorial.svg"


class Told(NamedTuple):
    """A repository, and what was printed there."""

    path: Path
    env: Mapping[str, str]
    printed: str

    def gitreg(self, line: str) -> str:
        return run_shell(f"gitreg {line}", self.path, self.env)

    def json(self, line: str) -> Any:
        return json.loads(self.gitreg(f"{line} --json"))


def repository(place: Path) -> Told:
    """A fresh repository, sealed off from the machine."""
    env = {**sealed_environment(place / "home"), "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": ""}
    path = place / "work"
    run_shell("git init --quiet work && cd work && git commit --quiet --allow-empty -m 'start'", place, env)
    return Told(path, env, "")


def run_script(told: Told, text: str) -> subprocess.CompletedProcess[str]:
    """A script of the repository's, as its user would start it, but for where its MNIST comes from."""
    (told.path / "tutorial.py").write_text(text)
    return subprocess.run(
        [sys.executable, HERE / "digits.py", "tutorial.py"],
        cwd=told.path,
        env=told.env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def steps(page: Path) -> Iterator[tuple[str, str]]:
    """Language and text of what a reader runs, in order; Python goes on where it was, so it is one script."""
    runnable = [block for block in pages.blocks(page.read_text(encoding="utf-8")) if block.code == 0]
    for language, blocks in groupby(runnable, lambda block: block.language):
        yield language, "\n".join(block.text for block in blocks)


def python_of(page: Path) -> str:
    return "\n".join(text for language, text in steps(page) if language == "python")


def follow(told: Told, page: Path = PAGE) -> Told:
    printed = ""
    for language, text in steps(page):
        if language == "python":
            done = run_script(told, text)
            assert done.returncode == 0, done.stdout + done.stderr
            printed += done.stdout
        else:
            printed += run_shell(text, told.path, told.env)
    return told._replace(printed=printed)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The repository of somebody who has followed the page."""
    return follow(repository(tmp_path_factory.mktemp("tutorial")))


def versions(told: Told) -> dict[str, list[str]]:
    """What was logged by type, without what a callback logs beside the rest: tables named after their run."""
    found: dict[str, list[str]] = {}
    for item in told.json("ls")["collections"]:
        if item["type"] != "run_table":
            found.setdefault(item["type"], []).extend(f"{item['collection']}:v{n}" for n in range(item["versions"]))
    return {type: sorted(names) for type, names in found.items()}


class TestTheTutorial:
    def test_leaves_a_dataset_a_model_and_a_registered_model(self, told: Told) -> None:
        assert versions(told) == {
            "dataset": ["mnist_dataset:v0"],
            "model": ["mnist_model:v0", "model/MNIST-dev:v0"],
        }
        (tables,) = [item for item in told.json("ls")["collections"] if item["type"] == "run_table"]
        assert re.fullmatch(r"run-\w+-validation_predictions", tables["collection"])

    def test_leaves_three_runs_with_what_they_did(self, told: Told) -> None:
        runs = {run["job_type"]: run for run in told.json("runs")["runs"]}
        assert set(runs) == {"build_dataset", "train_model", "evaluate_model"}
        assert {run["state"] for run in runs.values()} == {"finished"}
        assert {run["project"] for run in runs.values()} == {"model-registry-dev"}
        build, train, evaluate = (runs[job] for job in ("build_dataset", "train_model", "evaluate_model"))
        assert train["config"] == {"optimizer": "adam", "batch_size": 128, "epochs": 5, "validation_split": 0.1}
        assert [item["artifact"] for item in build["inputs"]] == []
        assert [item["artifact"] for item in train["inputs"]] == ["mnist_dataset"]
        assert [item["artifact"] for item in evaluate["inputs"]] == ["mnist_dataset", "mnist_model"]

    def test_trains_and_evaluates_for_real(self, told: Told) -> None:
        runs = {run["job_type"]: run["summary"] for run in told.json("runs")["runs"]}
        assert runs["train_model"]["val_accuracy"] > 0.9
        assert runs["train_model"]["best_val_loss"] <= runs["train_model"]["val_loss"]
        loss, accuracy = runs["evaluate_model"]["loss"]
        assert loss < 1
        assert accuracy > 0.7, "these digits were not trained on"
        assert "Generated 6000 rows of training data." in told.printed
        wrong = re.search(r"(\d+) of 1980 validation images are taken for another digit", told.printed)
        assert wrong
        assert int(wrong[1]) / 1980 == pytest.approx(1 - runs["train_model"]["val_accuracy"], abs=1e-3)

    def test_has_each_epoch_in_the_history_of_the_training(self, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(told.path)
        run = Api().artifact("mnist_model:v0").logged_by()
        assert run is not None
        rows = run.history(pandas=False)
        assert [row["epoch"] for row in rows] == [0, 1, 2, 3, 4]
        assert all(row["loss"] > 0 and 0 <= row["val_accuracy"] <= 1 for row in rows)
        kernel = rows[-1]["parameters/conv2d/kernel"]
        assert kernel["min"] < kernel["mean"] < kernel["max"]

    def test_puts_the_model_into_production(self, told: Told) -> None:
        (move,) = told.json("alias log model/MNIST-dev:production")["moves"]
        assert move["version"] == "v0"
        assert told.gitreg("alias log mnist_model:production || true") == ""

    def test_draws_the_picture_of_how_the_model_came_to_be(self, told: Told) -> None:
        graph = told.json("lineage model/MNIST-dev:production")
        types = {node["id"]: node["type"] if node["kind"] == "run" else node["label"] for node in graph["nodes"]}
        assert {(types[edge["from"]], edge["kind"], types[edge["to"]]) for edge in graph["edges"]} == {
            ("build_dataset", "logged", "mnist_dataset:v0"),
            ("mnist_dataset:v0", "used", "train_model"),
            ("train_model", "logged", "mnist_model:v0"),
            ("mnist_model:v0", "used", "evaluate_model"),
            ("mnist_dataset:v0", "used", "evaluate_model"),
        }
        (model,) = [node for node in graph["nodes"] if node["label"] == "mnist_model:v0"]
        assert model["links"] == [{"name": "model/MNIST-dev:v0", "aliases": ["production"]}]

    def test_draws_it_as_the_page_shows_it(self, told: Told) -> None:
        drawn = (told.path / "lineage.svg").read_text(encoding="utf-8")
        if os.environ.get("UPDATE_SNAPSHOTS"):
            PICTURE.write_text(drawn, encoding="utf-8")
        assert _texts(drawn) == _texts(PICTURE.read_text(encoding="utf-8"))

    def test_keeps_the_dataset_in_a_few_small_files(self, told: Told) -> None:
        (dataset,) = [item for item in told.json("ls")["collections"] if item["type"] == "dataset"]
        assert dataset["files"] <= 10
        raw = 7000 * 28 * 28 * 4
        assert dataset["size"] < raw / 10

    def test_leaves_a_repository_without_a_finding(self, told: Told) -> None:
        assert told.json("fsck")["findings"] == []
        assert run_shell("git status --porcelain", told.path, told.env) == "?? lineage.svg\n?? tutorial.py\n"


# changes what the tests above look at, so it comes after them
def test_the_whole_tutorial_again_makes_a_model_and_no_dataset(told: Told) -> None:
    done = run_script(told, python_of(PAGE))
    assert done.returncode == 0, done.stdout + done.stderr
    assert versions(told) == {
        "dataset": ["mnist_dataset:v0"],
        "model": ["mnist_model:v0", "mnist_model:v1", "model/MNIST-dev:v0", "model/MNIST-dev:v1"],
    }
    runs = told.json("runs")["runs"]
    assert len(runs) == 6
    built = [run["outputs"] for run in runs if run["job_type"] == "build_dataset"]
    assert built == [["mnist_dataset:v0"], ["mnist_dataset:v0"]]
    assert [move["version"] for move in told.json("alias log model/MNIST-dev:production")["moves"]] == ["v1", "v0"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="older Pythons show no notes below a traceback")
def test_without_a_name_the_model_is_not_found_and_the_error_says_what_there_is(tmp_path: Path) -> None:
    told = repository(tmp_path)
    run_shell("gitreg init", told.path, told.env)
    printed = (
        python_of(PAGE).replace('"epochs": 5', '"epochs": 1').replace(", name=name)\nrun.finish()", ")\nrun.finish()")
    )
    assert printed.count("name=name") == 1, "only of use_artifact"
    done = run_script(told, printed)
    assert done.returncode == 1
    (logged,) = [name for name in versions(told)["model"] if "/" not in name]
    assert re.fullmatch(r"run-\w+-model\.h5:v0", logged)
    error, hint = done.stderr.strip().splitlines()[-2:]
    assert error.startswith("gitreg.errors.NotFoundError: artifact membership 'mnist_model:latest' not found in ")
    assert hint == f"hint: this repository has {logged}, linked as model/MNIST-dev:v0"
    states = {run["job_type"]: run["state"] for run in told.json("runs")["runs"]}
    assert states == {"build_dataset": "finished", "train_model": "finished", "evaluate_model": "failed"}


def test_the_example_of_the_page_on_model_lineage(tmp_path: Path) -> None:
    """W&B's other document: the training by itself, with the model's name, and an alias asked for by keyword."""
    told = repository(tmp_path)
    run_shell("gitreg init", told.path, told.env)
    build, _, _ = python_of(PAGE).partition('job_type = "train_model"')
    done = run_script(told, build)
    assert done.returncode == 0, done.stdout + done.stderr
    told.gitreg("alias set mnist_dataset:checked v0 --reason 'looked at'")
    # the run that builds the dataset is told again, and makes no other version
    done = run_script(told, build + python_of(LINEAGE_EXAMPLE))
    assert done.returncode == 0, done.stdout + done.stderr
    assert versions(told) == {"dataset": ["mnist_dataset:v0"], "model": ["mnist_model:v0", "model/MNIST-dev:v0"]}
    graph = told.json("lineage mnist_model:v0")
    found = {(edge["from"].split(":")[0], edge["kind"], edge["to"].split(":")[0]) for edge in graph["edges"]}
    assert found == {("run", "logged", "artifact"), ("artifact", "used", "run")}
    assert sum(edge["kind"] == "used" for edge in graph["edges"]) == 1
    (reader,) = [run for run in told.json("runs")["runs"] if run["job_type"] == ""]
    assert [(item["artifact"], item["version"]) for item in reader["inputs"]] == [("mnist_dataset", "v0")]


def test_the_page_in_japanese_has_the_code_of_the_page_in_english() -> None:
    assert [text for _, text in _bare(JAPANESE)] == [text for _, text in _bare(PAGE)]


def _bare(page: Path) -> list[tuple[str, str]]:
    """What is run, without comments."""
    return [
        (language, ast.unparse(ast.parse(text)) if language == "python" else re.sub(r" *#.*", "", text))
        for language, text in steps(page)
    ]


def _texts(svg: str) -> list[str]:
    """The words in a picture, in order; each run's own name is another one every time."""
    texts = re.findall(r"<text[^>]*>([^<]+)</text>", svg)
    return [re.sub(r"^[a-z]+-[a-z]+-(\d+)$", r"run \1", text) for text in texts]
