"""Git, DVC and sha256sum read a published registry by themselves; gitreg is not needed for it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from stories import ALIAS, LOG, START, World, copy, tell

PUBLISHED = START + LOG + "git push --quiet"
MODEL = "weights two\n"


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The published registry; these tests only read it."""
    return tell(PUBLISHED, tmp_path_factory)


def records(world: World, key: str, revision: str) -> object:
    """A record as stock git and a stock YAML parser see it."""
    return yaml.safe_load(world(f"git log -1 --format='%(trailers:key={key},valueonly)' '{revision}'"))


def test_every_version_is_a_tag(world: World) -> None:
    expected = ["digits@v0", "mnist@v0", "mnist@v1", "model/Digits@v0", "model/Digits@v1"]
    for where in ("work", "server.git"):
        assert world("git tag", where).split() == expected


def test_a_tags_message_says_what_the_version_is(world: World) -> None:
    form = "%(contents:subject)%0a%(trailers:key=Gitreg-Version,valueonly)"
    text = world(f"git tag --list model/Digits@v1 --format='{form}'")
    subject, _, record = text.partition("\n")
    assert subject == "model/Digits:v1"
    document = yaml.safe_load(record)
    assert (document["collection"], document["number"], document["type"]) == ("model/Digits", 1, "model")
    assert document["link"] == {
        "artifact": "mnist",
        "version": "v1",
        "commit": world("git rev-parse 'mnist@v1^{commit}'").strip(),
    }


def test_the_run_of_a_version_is_yaml_in_its_commit(world: World) -> None:
    run = records(world, "Gitreg-Run", "mnist@v1")
    assert isinstance(run, dict)
    assert run["config"] == {"lr": 0.01, "optimizer": "adam"}
    assert run["job_type"] == "train_model"
    assert run["code"] == {"commit": world("git rev-parse main").strip(), "snapshot": False}
    (used,) = run["inputs"]
    assert (used["artifact"], used["version"]) == ("digits", "v0")
    assert used["commit"] == world("git rev-parse 'digits@v0^{commit}'").strip()
    artifact = records(world, "Gitreg-Artifact", "mnist@v1")
    assert isinstance(artifact, dict)
    assert artifact["metadata"] == {"accuracy": 0.97}


def test_the_parents_of_a_version_are_its_code_and_its_inputs(world: World) -> None:
    assert world("git rev-parse mnist@v1^1 mnist@v1^2") == world("git rev-parse main 'digits@v0^{commit}'")


def test_an_aliass_second_parent_is_the_version_it_names(world: World) -> None:
    for server, alias in (("work", ALIAS), ("server.git", "refs/gitreg/aliases/model/Digits@production")):
        assert world(f"git rev-parse '{alias}^2'", server) == world("git rev-parse 'mnist@v1^{commit}'")
        assert "model/Digits@v1" in world(f"git tag --points-at '{alias}^2'", server).split()


def test_the_log_of_an_alias_is_its_moves_and_its_root(world: World) -> None:
    assert world(f"git log --first-parent --format='%s / %b' {ALIAS}").count("Gitreg-Alias: ---") == 2
    assert world(f"git log --first-parent --format=%s {ALIAS}").splitlines() == [
        "production -> model/Digits@v1",
        "production -> model/Digits@v0",
        "alias model/Digits@production",
    ]


def test_git_finds_nothing_wrong(world: World) -> None:
    for where in ("work", "server.git"):
        done = world.attempt("git fsck --strict --no-dangling", where)
        assert (done.code, done.out) == (0, "")


def test_the_users_branches_hold_nothing_of_gitregs(world: World) -> None:
    assert world("git log --format=%s --branches --remotes").splitlines() == ["start the project"]
    assert world("git for-each-ref --format='%(refname)' refs/heads", "server.git") == "refs/heads/main\n"


@pytest.mark.parametrize("source", ["work", "server.git"])
def test_dvc_get_fetches_a_version_by_its_tag(world: World, source: str, tmp_path: Path) -> None:
    (tmp_path / "source").symlink_to(world.folder / source)
    here = World(tmp_path)
    here("dvc get --quiet source artifacts/mnist --rev mnist@v1", "")
    assert (tmp_path / "mnist" / "model.bin").read_text() == MODEL
    here("git -C source show mnist@v1:artifacts/mnist.sha256 >manifest && cd mnist && sha256sum -c ../manifest", "")
    here("dvc get --quiet source artifacts/mnist --rev model/Digits@v0 -o linked", "")
    assert (tmp_path / "linked" / "model.bin").read_text() == "weights one\n"


def test_dvc_get_dot_works_in_the_working_clone(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    world = copy(PUBLISHED, tmp_path_factory, tmp_path / "world")
    world("dvc get --quiet . artifacts/mnist --rev mnist@v1 -o ../got")
    assert (world.folder / "got" / "model.bin").read_text() == MODEL


@pytest.mark.parametrize(("tag", "name", "files"), [("mnist@v1", "mnist", 1), ("digits@v0", "digits", 2)])
def test_checkout_and_dvc_pull_give_the_files_and_a_clean_status(
    world: World, tag: str, name: str, files: int, tmp_path: Path
) -> None:
    (tmp_path / "server.git").symlink_to(world.server)
    here = World(tmp_path)
    here(f"git clone --quiet server.git work && cd work && git checkout --quiet {tag} && dvc pull --quiet", "")
    assert here("git status --porcelain") == ""
    assert here(f"cd artifacts/{name} && sha256sum -c ../{name}.sha256").count(": OK\n") == files


def test_the_working_clone_can_check_a_version_out_and_come_back(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    world = copy(PUBLISHED, tmp_path_factory, tmp_path / "world")
    world("git checkout --quiet model/Digits@v0 && dvc pull --quiet")
    assert world("git status --porcelain") == ""
    assert (world.work / "artifacts" / "mnist" / "model.bin").read_text() == "weights one\n"
    world("git checkout --quiet main")
    assert (world.work / "train.py").exists()


def test_one_ref_and_depth_one_is_all_a_deployment_needs(world: World, tmp_path: Path) -> None:
    (tmp_path / "server.git").symlink_to(world.server)
    here = World(tmp_path)
    here(
        """
        git init --quiet work && cd work
        git fetch --quiet --depth=1 ../server.git refs/gitreg/aliases/model/Digits@production
        git checkout --quiet FETCH_HEAD
        dvc pull --quiet
        """,
        "",
    )
    assert here("git status --porcelain") == ""
    assert here("git rev-list --count --first-parent HEAD") == "1\n"
    assert here("cd artifacts/mnist && sha256sum -c ../mnist.sha256") == "model.bin: OK\n"


@pytest.mark.parametrize(
    "reference",
    ["digits:v0", "mnist:v0", "mnist:v1", "mnist", "model/Digits:v0", "model/Digits:v1", "model/Digits:production"],
)
def test_a_reader_that_shares_no_code_with_gitreg_agrees(world: World, reference: str) -> None:
    done = world.verify(reference, directory="../storage")
    assert done.code == 0, done.out + done.err
    # a bare name is the newest version to the reader, and the collection to `show`
    shown = world.json(f"show {reference if set(reference) & set(':@') else f'{reference}:latest'}")
    said = dict(line.split(" ", 1) for line in done.out.splitlines() if " " in line)
    assert said["version"] == f"{shown['collection']}:{shown['version']}", done.out
    assert shown["commit"] in done.out
    assert shown["run"]["id"] in done.out


def test_it_agrees_in_the_bare_repository_too(world: World) -> None:
    done = world.verify("mnist:v1", "server.git", "../storage")
    assert done.code == 0, done.out + done.err
