"""The demo runs for real, and stock tools read what it wrote."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import pytest
import yaml

from conftest import Shell, run_shell, sealed_environment
from gitreg import templates
from gitreg.cli.demo import demo as demo_command
from gitreg.errors import Error

pytestmark = pytest.mark.xdist_group("demo")  # one worker runs the demo, once

ALIAS = "refs/gitreg-remotes/origin/aliases/model/Digits@production"


class Demo(NamedTuple):
    """What one run of `gitreg demo` left: its folders and what it said."""

    folder: Path
    told: str

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def consumer(self) -> Path:
        return self.folder / "consumer"

    @property
    def server(self) -> Path:
        return self.folder / "server.git"


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The demo, run once in a folder whose name a shell has to quote."""
    folder = tmp_path_factory.mktemp("demo") / "it's here"
    home = tmp_path_factory.mktemp("demo-home")
    done = subprocess.run(
        ["gitreg", "demo", str(folder)],
        env=sealed_environment(home),
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return Demo(folder, done.stdout)


@pytest.fixture
def best(demo: Demo) -> str:
    """The version that the evaluation chose, as in `digits_model@v1`."""
    (chosen,) = re.findall(r"^\$ gitreg link digits_model:(v\d+) model/Digits$", demo.told, re.MULTILINE)
    return f"digits_model@{chosen}"


def test_the_server_has_every_version_as_a_tag(demo: Demo) -> None:
    assert run_shell("git tag", demo.server).split() == [
        "digits_dataset@v0",
        "digits_model@v0",
        "digits_model@v1",
        "model/Digits@v0",
    ]


def test_git_finds_nothing_wrong_in_any_of_the_repositories(demo: Demo) -> None:
    for repository in (demo.server, demo.work, demo.consumer):
        run_shell("git fsck --strict", repository)


def test_both_clones_are_clean(demo: Demo) -> None:
    for clone in (demo.work, demo.consumer):
        assert run_shell("git status --porcelain", clone) == ""


def test_nothing_is_left_to_publish(demo: Demo) -> None:
    assert run_shell("git for-each-ref refs/gitreg/", demo.work) == ""


def test_the_better_model_by_measured_accuracy_is_in_production(demo: Demo, best: str) -> None:
    commit = run_shell(f"git rev-parse '{best}^{{commit}}'", demo.consumer)
    assert run_shell(f"git rev-parse '{ALIAS}^2'", demo.consumer) == commit

    evaluations = [run for run in runs(demo) if run["job_type"] == "evaluate_model" and run["state"] == "finished"]
    measured = {run["config"]["model"].replace(":", "@"): run["summary"]["accuracy"] for run in evaluations}
    assert sorted(measured) == ["digits_model@v0", "digits_model@v1"]
    assert measured[best] == max(measured.values()) > 0.9


def test_the_history_of_production_is_its_move_and_the_root(demo: Demo) -> None:
    subjects = run_shell(f"git log --first-parent --format=%s {ALIAS}", demo.consumer)
    assert subjects.splitlines() == ["production -> model/Digits@v0", "alias model/Digits@production"]


def test_the_two_trainings_had_different_settings_and_the_same_data(demo: Demo) -> None:
    dataset = run_shell("git rev-parse 'digits_dataset@v0^{commit}'", demo.server).strip()
    trained = [run for run in runs(demo) if run["job_type"] == "train_model" and run["state"] == "finished"]
    assert sorted(run["config"]["hidden_units"] for run in trained) == [8, 64]
    for version in ("v0", "v1"):
        assert dataset in run_shell(f"git log -1 --format=%P digits_model@{version}", demo.server).split()


@pytest.mark.parametrize("source", ["work", "server.git"])
def test_dvc_get_fetches_the_model_and_sha256sum_agrees(demo: Demo, best: str, source: str, tmp_path: Path) -> None:
    (tmp_path / "source").symlink_to(demo.folder / source)
    run_shell(f"dvc get source artifacts/digits_model --rev {best}", tmp_path)
    run_shell(f"git -C source show {best}:artifacts/digits_model.sha256 >manifest", tmp_path)
    assert run_shell("sha256sum -c ../manifest", tmp_path / "digits_model") == "model.npz: OK\n"


def test_checkout_and_dvc_pull_give_the_model_and_a_clean_status(demo: Demo, best: str, tmp_path: Path) -> None:
    (tmp_path / "server.git").symlink_to(demo.server)
    run_shell(f"git clone --quiet server.git clone && cd clone && git checkout --quiet {best} && dvc pull -q", tmp_path)
    clone = tmp_path / "clone"
    assert run_shell("git status --porcelain", clone) == ""
    assert run_shell("cd artifacts/digits_model && sha256sum -c ../digits_model.sha256", clone) == "model.npz: OK\n"


def test_the_second_clone_recognises_digits_with_what_it_got(demo: Demo) -> None:
    right, of = map(int, re.findall(r"^(\d+) of (\d+) held-out digits recognised$", demo.told, re.MULTILINE)[0])
    assert of == 360
    assert right / of > 0.9
    assert "model.npz: OK" in demo.told


def test_the_lineage_is_a_picture_that_names_data_and_model(demo: Demo) -> None:
    drawn = (demo.folder / "lineage.svg").read_text()
    root = ET.fromstring(drawn)  # noqa: S314 (our own output)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert "digits_dataset" in drawn
    assert "digits_model" in drawn


def test_every_step_is_told_with_its_command(demo: Demo) -> None:
    told = [line for line in demo.told.splitlines() if line.startswith("$ ")]
    for command in (
        "git push",
        "gitreg init",
        "gitreg link",
        "gitreg alias set",
        "gitreg fetch",
        "gitreg get",
        "gitreg alias log",
    ):
        assert any(line.startswith(f"$ {command}") for line in told), command
    assert "\x1b" not in demo.told


def test_a_folder_that_is_not_empty_is_refused_and_left_alone(demo: Demo) -> None:
    before = sorted(path.name for path in demo.folder.iterdir())
    done = subprocess.run(["gitreg", "demo", str(demo.folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "is not an empty folder\nhint: name a new folder: gitreg demo DIR\n" in done.stderr
    assert sorted(path.name for path in demo.folder.iterdir()) == before


def test_without_scikit_learn_the_demo_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitreg.cli.demo._MODULES", ("numpy", "no_such_module"))
    with pytest.raises(Error, match="needs no_such_module") as caught:
        demo_command.main([str(tmp_path / "new")], standalone_mode=False)
    assert caught.value.hint == "pip install 'gitreg[demo]'"
    assert not (tmp_path / "new").exists()


def test_without_a_git_identity_the_demo_brings_its_own(tmp_path: Path, sh: Shell, sealed: Path) -> None:
    (sealed / ".gitconfig").write_text("[user]\n    useConfigOnly = true\n")
    script = Path(templates.find("demo/demo.sh")).read_text()
    head, _, _ = script.partition('chapter "1,797 images')
    shutil.copytree(templates.find("demo"), tmp_path / "copy")
    (tmp_path / "copy" / "demo.sh").write_text(head)
    sh("sh copy/demo.sh new")
    assert sh("git log --format=%an:%ae", cwd=tmp_path / "new" / "work") == "Demo User:demo@example.org\n"


def runs(demo: Demo) -> list[Any]:
    """The run records on the server, as stock git and a stock YAML parser find them."""
    text = run_shell("git log --all --format='%(trailers:key=Gitreg-Run,valueonly)%x00'", demo.server)
    return [yaml.safe_load(part) for part in text.split("\0") if part.strip()]
