"""A service's repository says in a pin which model it ships; git and DVC alone bring it to everybody else."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from stories import LOG, START, World, copy

PUBLISHED = START + LOG + "git push --quiet"
# another repository than the registry's, and a colleague's clone of it
SERVICE = """
git init --quiet --bare service.git
git clone --quiet service.git service 2>/dev/null && cd service
git config remote.origin.url ../service.git && git remote add models ../server.git
gitreg init --remote models 2>/dev/null && gitreg fetch 2>/dev/null
echo 'print("serving")' >serve.py
git add . && git commit --quiet -m 'start the service' && git push --quiet origin main
"""
PROMOTE_FIRST = "gitreg alias set model/Digits:production v0 --reason 'slow' 2>/dev/null && git push --quiet"


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> World:
    """A published registry and a service."""
    return copy(f"(\n{PUBLISHED}\n)\n{SERVICE}", tmp_path_factory, tmp_path / "world")


def test_a_pin_brings_the_version_to_who_has_only_git_and_dvc(world: World) -> None:
    state = "git rev-parse HEAD && git symbolic-ref HEAD && git ls-files --stage && git for-each-ref refs/heads"
    before = world(state, "service")
    done = world.attempt("gitreg pin model/Digits:production models/digits", "service/")
    assert (done.code, done.out) == (0, "models/digits.dvc\n")
    storage = world("dvc remote list").split()[1]
    assert done.err.splitlines() == [
        "models/digits: model/Digits:v1 (1 file, 12 bytes)",
        f"added DVC's remote 'storage' ({storage}) to .dvc/config; check that others can reach it",
        "next: git add models/digits.dvc models/.gitignore .dvc/config",
        "      dvc pull models/digits.dvc",
    ]
    assert world(state, "service") == before
    status = "git status --porcelain --untracked-files=all"
    assert world(status, "service").splitlines() == [
        " M .dvc/config",
        "?? models/.gitignore",
        "?? models/digits.dvc",
    ]
    # what it says comes next is all that there is to do
    for line in done.err.splitlines()[-2:]:
        world(line.removeprefix("next:").strip(), "service")
    assert world("cat models/digits/model.bin && dvc status", "service").startswith("weights two\n")
    assert "up to date" in world("dvc status", "service")
    world("git commit --quiet -m 'ship the model' && git push --quiet origin main", "service")
    world("git clone --quiet service.git there && cd there && dvc pull --quiet && cat models/digits/model.bin", ".")
    assert (world.folder / "there" / "models" / "digits" / "model.bin").read_text() == "weights two\n"
    assert world("git status --porcelain", "there") == ""


def test_a_pin_follows_its_reference_and_can_be_taken_back(world: World) -> None:
    world("gitreg pin model/Digits:production models/digits && git add . && git commit -qm pin", "service")
    assert world.attempt("gitreg pin --check", "service").code == 0
    world(PROMOTE_FIRST)
    world("gitreg fetch", "service")
    checked = world.attempt("gitreg pin --check", "service")
    assert (checked.code, checked.err) == (3, "1 of 1 pin behind; to bring them on: gitreg pin --update\n")
    assert checked.out.splitlines()[1].split() == [
        "models/digits", "model/Digits:production", "model/Digits:v1", "model/Digits:v0", "behind",
    ]  # fmt: skip
    assert "\x1b[33mbehind\x1b[0m" in world("gitreg pin --color always 2>/dev/null", "service")
    assert world("git status --porcelain", "service") == ""
    (world.folder / "service" / "src").mkdir()
    done = world.attempt("gitreg pin --update", "service/src")
    assert (done.code, done.out) == (0, "../models/digits.dvc\n")
    assert done.err.splitlines() == [
        "../models/digits: model/Digits:v1 -> v0 (1 file, 12 bytes; it was 12 bytes)",
        "undo with: git restore ../models/digits.dvc",
        "next: git add ../models/digits.dvc",
        "      dvc pull ../models/digits.dvc",
    ]
    assert world("dvc pull --quiet && cat models/digits/model.bin", "service") == "weights one\n"
    again = world.attempt("gitreg pin --update", "service")
    assert (again.code, again.out, again.err) == (0, "", "1 pin, nothing to do\n")
    undo = done.err.splitlines()[1].removeprefix("undo with: ")
    assert world(f"{undo} && git status --porcelain", "service/src") == ""


def test_a_pin_with_uncommitted_changes_is_undone_by_another_pin(world: World) -> None:
    world("gitreg pin model/Digits:v0 models/digits", "service")
    done = world.attempt("gitreg pin model/Digits models/digits", "service")
    assert done.err.splitlines()[:3] == [
        "models/digits: model/Digits:v0 -> v1 (1 file, 12 bytes; it was 12 bytes)",
        "it names model/Digits now, and no longer model/Digits:v0",
        "undo with: gitreg pin model/Digits:v0 models/digits",
    ]
    assert world.attempt("gitreg pin model/Digits models/digits", "service").err == (
        "models/digits is model/Digits:v1 already; nothing to do\n"
    )


def test_one_file_is_pulled_as_a_file_whatever_it_is_called(world: World) -> None:
    name = "my [model] 7"
    world(f"gitreg pin model/Digits:production '{name}' --file model.bin && dvc pull --quiet '{name}.dvc'", "service")
    assert (world.folder / "service" / name).read_text() == "weights two\n"
    assert world("git status --porcelain", "service").splitlines()[1:] == ["?? .gitignore", f'?? "{name}.dvc"']


def test_what_is_there_already_is_told_and_stays(world: World) -> None:
    world("mkdir data && echo mine >data/a.txt && echo mine >data/mine.txt", "service")
    done = world.attempt("gitreg pin digits data", "service")
    assert (done.code, done.out) == (0, "data.dvc\n")
    assert "warning: 'data' is there already" in done.err
    pulled = world.attempt("dvc pull data.dvc", "service")
    assert pulled.code != 0
    assert world("cat data/a.txt data/mine.txt", "service") == "mine\nmine\n"


def test_a_project_in_a_folder_pulls_its_own_pins(world: World) -> None:
    world("mkdir -p apps/shop && cd apps/shop && dvc init --quiet --subdir", "service")
    world("gitreg pin digits data && dvc pull --quiet", "service/apps/shop")
    assert (world.folder / "service/apps/shop/data/sub/b.txt").read_text() == "two\n"
    assert world.json("pin", "service")["pins"][0]["path"] == "apps/shop/data"


def test_dvc_keeps_what_gitreg_knows_and_a_change_is_seen(world: World) -> None:
    world("gitreg pin model/Digits:production m && dvc pull --quiet", "service")
    pointer = world.folder / "service" / "m.dvc"
    known = yaml.safe_load(pointer.read_text())["meta"]
    world("echo tuned >m/model.bin && dvc commit --quiet --force m.dvc", "service")
    changed = yaml.safe_load(pointer.read_text())
    assert changed["meta"] == known
    assert changed["outs"][0]["remote"] == "storage"
    checked = world.attempt("gitreg pin --check", "service")
    assert checked.code == 3
    assert "'m.dvc' was changed: it does not point at the bytes of 'model/Digits:v1'" in checked.err
    refused = world.attempt("gitreg pin --update", "service")
    assert (refused.code, refused.out) == (4, "")
    assert yaml.safe_load(pointer.read_text()) == changed


def test_a_pin_that_cannot_be_updated_stops_no_other(world: World) -> None:
    world("gitreg pin model/Digits:production a && gitreg pin model/Digits:production b", "service")
    pointer = world.folder / "service" / "a.dvc"
    pointer.write_text(pointer.read_text().replace("model/Digits:production", "model/Nothing:production", 1))
    world(PROMOTE_FIRST)
    world("gitreg fetch", "service")
    done = world.attempt("gitreg pin --update", "service")
    assert (done.code, done.out) == (6, "b.dvc\n")
    assert "error: artifact 'model/Nothing:production' not found" in done.err


@pytest.mark.parametrize(
    "line", ["pin digits", "pin digits a b", "pin --file x", "pin --file= digits a", "pin --update --check"]
)
def test_what_makes_no_sense_is_a_mistake_in_usage(world: World, line: str) -> None:
    done = world.attempt(f"gitreg {line}", "service")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
