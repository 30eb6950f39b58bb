"""A repository that has everything at once that ever broke a version's tree: its versions are as good as any."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from stories import World, copy, tell

ODD = r"""
git init --quiet --bare server.git
mkdir storage
git clone --quiet server.git work 2>/dev/null
cd work
git config remote.origin.url ../server.git

# what a project may have in the very places where gitreg writes in its own trees
mkdir -p artifacts/model .github/workflows
echo 'an old model, kept in Git' >artifacts/model/model.bin
echo 'notes' >artifacts/README
printf 'stages:\n  train:\n    cmd: [unclosed\n' >dvc.yaml
printf 'on: push\njobs: {}\n' >.github/workflows/ci.yml
printf 'artifacts/** filter=lfs diff=lfs merge=lfs -text\n' >.gitattributes
echo 'print("version one")' >train.py
gitreg init --storage ../storage 2>/dev/null
echo 'artifacts' >.gitignore
echo 'artifacts' >>.dvcignore
git add . && git add --force artifacts
git commit --quiet -m 'an odd project'
git push --quiet --no-verify --set-upstream origin main

# an edit of the same size within the second of the commit, and a script that git does not know yet
echo 'print("version two")' >train.py
echo 'print("new")' >train_new.py
mkdir ../build
cat >../job.sh <<'JOB'
set -eu
python3 train.py >../build/said
# somebody goes on working while the run is on
echo 'print("version three")' >train.py
git add train.py && git commit --quiet -m 'work goes on'
echo weights >../build/weights.bin
gitreg put ../build --name model --type model
JOB
gitreg run --job-type train -- sh ../job.sh >../named 2>../told
"""

PUBLISHED = f"{ODD}\ngit push 2>../told-by-push"


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The odd repository, published; these tests only read it."""
    return tell(PUBLISHED, tmp_path_factory)


def test_the_recorded_code_is_what_ran(world: World) -> None:
    assert (world.folder / "build" / "said").read_text() == "version two\n"
    run = yaml.safe_load(world("git log -1 --format='%(trailers:key=Gitreg-Run,valueonly)' model@v0"))
    code = run["code"]["commit"]
    assert run["code"] == {"commit": code, "snapshot": True}
    assert world(f"git show {code}:train.py") == 'print("version two")\n'
    assert world(f"git show {code}:train_new.py") == 'print("new")\n'
    assert world("git show main:train.py") == 'print("version three")\n'
    # the snapshot stands on what was HEAD when the run started, and differs from it in what was uncommitted
    assert world(f"git rev-parse {code}^") == world("git rev-parse main~1")
    assert world(f"git diff --name-status main~1 {code}") == "M\ttrain.py\nA\ttrain_new.py\n"


def test_the_run_starts_at_that_code(world: World) -> None:
    code = world.json("show model:v0")["code"]["commit"]
    assert world("git log -1 --format=%P model@v0").split() == [code]


def test_the_versions_tree_has_its_own_files_and_none_of_the_projects(world: World) -> None:
    assert world("git ls-tree -r --name-only model@v0").splitlines() == [
        ".dvc/.gitignore",
        ".dvc/config",
        "artifacts/.gitattributes",
        "artifacts/.gitignore",
        "artifacts/model.dvc",
        "artifacts/model.files",
        "artifacts/model.sha256",
    ]
    assert world("git show model@v0:artifacts/.gitattributes") == "* -text !filter !diff !merge\n"
    assert world("git show model@v0:artifacts/.gitignore") == "/model\n"
    assert world("git show model@v0:.dvc/.gitignore") == "/config.local\n/tmp\n/cache\n"


def test_the_pointer_is_what_dvc_add_writes(world: World, tmp_path: Path) -> None:
    World(tmp_path)(
        f"git init --quiet . && dvc init --quiet && mkdir artifacts && cp -r '{world.folder}/build' artifacts/model "
        "&& dvc add --quiet artifacts/model",
        "",
    )
    assert world("git show model@v0:artifacts/model.dvc") == (tmp_path / "artifacts" / "model.dvc").read_text()


@pytest.mark.parametrize("source", ["work", "server.git"])
def test_dvc_get_brings_the_version_and_not_gits_file(world: World, source: str, tmp_path: Path) -> None:
    (tmp_path / "source").symlink_to(world.folder / source)
    World(tmp_path)("dvc get --quiet source artifacts/model --rev model@v0", "")
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["said", "weights.bin"]
    assert (tmp_path / "model" / "weights.bin").read_text() == "weights\n"


def test_checkout_and_dvc_pull_work(world: World, tmp_path: Path) -> None:
    (tmp_path / "server.git").symlink_to(world.server)
    here = World(tmp_path)
    here("git clone --quiet server.git work 2>/dev/null && cd work && git checkout --quiet model@v0", "")
    here("dvc pull --quiet")
    assert here("git status --porcelain") == ""
    assert here("cd artifacts/model && sha256sum -c ../model.sha256") == "said: OK\nweights.bin: OK\n"


def test_gitreg_get_writes_beside_what_is_there(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    world = copy(PUBLISHED, tmp_path_factory, tmp_path / "world")
    assert world("gitreg get model:v0") == "artifacts/model:v0\n"
    assert (world.work / "artifacts" / "model:v0" / "weights.bin").read_text() == "weights\n"
    assert (world.work / "artifacts" / "model" / "model.bin").read_text() == "an old model, kept in Git\n"
    assert world("git status --porcelain") == "?? train_new.py\n"


def test_the_second_reader_finds_nothing_wrong(world: World) -> None:
    done = world.verify("model:v0", directory="../storage")
    assert (done.code, done.out.splitlines()[-1]) == (0, "ok")


def test_git_finds_nothing_wrong(world: World) -> None:
    assert world("git fsck --strict --no-dangling") == ""


def test_publishing_told_of_the_uncommitted_code(world: World) -> None:
    told = (world.folder / "told-by-push").read_text()
    code = world.json("show model:v0")["code"]["commit"]
    assert "uncommitted changes go with run" in told
    assert f"git show {code[:10]}" in told


def test_no_workflow_is_in_what_hosts_look_at(world: World) -> None:
    for ref in world("git for-each-ref --format='%(refname)' refs/tags refs/gitreg", "server.git").split():
        assert ".github" not in world(f"git ls-tree -r --name-only {ref}", "server.git"), ref
