"""`Api(repo=URL)`: what it says without a clone is what an `Api` says in one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gitreg
from conftest import Shell, run_shell
from gitreg.errors import DifferencesError

STORY = """
mkdir elsewhere && git init --quiet repo && git init --quiet --bare server.git
cd repo && git remote add origin ../server.git && echo a project >README
gitreg init --storage ../storage 2>/dev/null && git add . && git commit --quiet -m 'set up gitreg'
echo rows >data.csv && gitreg put data.csv --name data --type dataset 2>/dev/null
for number in 0 1; do
  echo "weights $number" >m.bin
  gitreg run --name "walk-$number" --config lr=0.$number --use data -- \
    gitreg put m.bin --name m --type model --metadata accuracy=0.9$number 2>/dev/null
  gitreg link m model/M
done
gitreg alias set model/M:production v0
gitreg edit m:v1 --description 'the second one' --tag checked
gitreg edit m --tag mnist
gitreg push 2>/dev/null
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the story is told once, as the address of the storage is in every version."""
    return tmp_path_factory.mktemp("told") / "place"


@pytest.fixture
def clone(told: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone, its server and its storage, and another folder as the current one."""
    kept = told.with_name("kept")
    if not kept.exists():
        told.mkdir()
        run_shell(STORY, told)
        told.rename(kept)
    shutil.rmtree(told, ignore_errors=True)
    shutil.copytree(kept, told)
    monkeypatch.chdir(told / "elsewhere")
    return told / "repo"


def there() -> gitreg.Api:
    return gitreg.Api(repo="../server.git")


ASKED: dict[str, Callable[[gitreg.Api], Any]] = {
    "a version": lambda api: api.artifact("m:v1").name,
    "an alias": lambda api: api.artifact("model/M:production").digest,
    "the newest": lambda api: (api.artifact("m").version, api.artifact("m").metadata),
    "what was said of it": lambda api: (api.artifact("m:v1").description, api.artifact("m:v1").tags),
    "its files": lambda api: [(item.path, item.sha256, item.size) for item in api.artifact("m:v0").files()],
    "aliases": lambda api: [api.artifact(name).aliases for name in ("m:v0", "m:v1", "model/M:v0", "model/M:v1")],
    "who made it": lambda api: (api.artifact("m:v0").logged_by().config, api.artifact("m:v0").logged_by().state),  # type: ignore[union-attr]
    "who used it": lambda api: [run.id for run in api.artifact("data:v0").used_by()],
    "what a link stands for": lambda api: api.artifact("model/M:production").source_artifact.name,
    "links": lambda api: [item.name for item in api.artifact("m:v1").linked_artifacts],
    "versions": lambda api: [item.name for item in api.artifacts(name="m")],
    "collections": lambda api: [(item.name, item.type) for item in api.artifact_collections()],
    "what a collection is": lambda api: api.artifact("m:v0").collection.tags,
    "types": lambda api: [item.name for item in api.artifact_types()],
    "registries": lambda api: [item.name for item in api.registries()],
    "runs": lambda api: sorted((run.id, run.name, run.state, str(run.config)) for run in api.runs()),
    "at a date": lambda api: api.artifact("model/M:production@{now}").name,
    "whether it exists": lambda api: [api.artifact_exists(name) for name in ("m:v0", "m:v7", "n", "m:best")],
}


def test_each_question_has_the_answer_of_a_clone(clone: Path) -> None:
    api, elsewhere = gitreg.Api(clone), there()
    assert {what: ask(elsewhere) for what, ask in ASKED.items()} == {what: ask(api) for what, ask in ASKED.items()}


def test_a_version_is_read_as_in_a_clone(clone: Path) -> None:
    artifact = there().artifact("model/M:production")
    assert Path(artifact.download("got"), "m.bin").read_text() == "weights 0\n"
    assert Path(artifact.file()).read_text() == "weights 0\n"
    artifact.verify("got")
    Path("got", "other").touch()
    with pytest.raises(DifferencesError):
        artifact.checkout("got")
    Path("got", "other").unlink()
    assert Path(there().artifact("m:v1").checkout("got"), "m.bin").read_text() == "weights 1\n"


def test_nothing_of_it_can_be_changed(clone: Path, sh: Shell) -> None:
    before = sh("git for-each-ref", clone.parent / "server.git")
    artifact = there().artifact("m:v1")
    artifact.aliases.append("best")
    artifact.description = "another"
    tries = (artifact.save, artifact.delete, lambda: artifact.link("model/New"))
    for change in tries:
        with pytest.raises(gitreg.Error, match="is read without a clone, so nothing of it can be changed"):
            change()
    assert sh("git for-each-ref", clone.parent / "server.git") == before


def test_a_run_of_a_clone_cannot_use_it_and_is_told_where_it_is(clone: Path) -> None:
    artifact = there().artifact("m:v1")
    with gitreg.init(dir=str(clone)) as run, pytest.raises(gitreg.UsageError, match=r"repository, '.*/server\.git'"):
        run.use_artifact(artifact)


def test_what_is_not_there_is_said_in_wandbs_words(clone: Path) -> None:
    with pytest.raises(gitreg.CommError, match=r"artifact membership 'm:v7' not found in '.*/server\.git'") as caught:
        there().artifact("m:v7")
    assert caught.value.hint == "'m' has v0, v1"


def test_an_alias_is_asked_for_again_after_flush(clone: Path, sh: Shell) -> None:
    api = there()
    assert api.artifact("model/M:production").version == "v0"
    sh("gitreg alias set model/M:production v1 && gitreg push", clone)
    assert api.artifact("model/M:production").version == "v1"
    assert len(api.runs()) == 3
    sh("gitreg run --name another -- true 2>/dev/null; gitreg push", clone)
    assert len(api.runs()) == 3
    api.flush()
    assert len(api.runs()) == 4


def test_offline_and_another_storage(clone: Path) -> None:
    with pytest.raises(gitreg.CommError, match="nothing of"):
        gitreg.Api(repo="../server.git", offline=True).artifact("m")
    assert Path(there().artifact("m:v0").download("got"), "m.bin").read_text() == "weights 0\n"
    (clone.parent / "server.git").rename(clone.parent / "gone")
    (clone.parent / "storage").rename(clone.parent / "moved")
    (clone.parent / "server.git").mkdir()
    offline = gitreg.Api(repo="../server.git", offline=True)
    assert Path(offline.artifact("m:v0").download("again"), "m.bin").read_text() == "weights 0\n"
    with pytest.raises(gitreg.CommError, match="only single versions were fetched before"):
        offline.runs()
    (clone.parent / "server.git").rmdir()
    (clone.parent / "gone").rename(clone.parent / "server.git")
    other = gitreg.Api(repo="../server.git", storage="../moved")
    assert Path(other.artifact("m:v1").download("more"), "m.bin").read_text() == "weights 1\n"


def test_an_address_is_either_a_clones_or_not(clone: Path) -> None:
    for given in ({"dir": ".", "repo": "../server.git"}, {"offline": True}, {"storage": "../storage"}):
        with pytest.raises(gitreg.UsageError):
            gitreg.Api(**given)


def test_a_forked_process_reads_too(clone: Path) -> None:
    import multiprocessing

    artifact = gitreg.Api(repo=Path("../server.git")).artifact("m:v1")
    assert artifact.size
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply(_size, ("m:v0",)) == artifact.size


def _size(name: str) -> int:
    return there().artifact(name).size
