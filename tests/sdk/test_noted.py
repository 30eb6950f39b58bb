"""Tags, descriptions and cards that are edited after logging, and versions that are deleted, from Python."""

from __future__ import annotations

from pathlib import Path

import pytest

import gitreg
from conftest import Shell
from gitreg.errors import ArtifactNotLoggedError, InvalidArtifactError, InvalidNameError, NotFoundError, RefusedError


@pytest.fixture
def model(project: Path) -> gitreg.Artifact:
    """net:v1, which is not the first."""
    found = []
    for content in ("one", "two"):
        (project / "weights").write_text(content)
        with gitreg.init() as run:
            found.append(run.log_artifact("weights", name="net", type="model", tags=["small", "a b"]))
    return found[-1]


def again(name: str = "net:v1") -> gitreg.Artifact:
    return gitreg.Api().artifact(name)


def test_tags_given_when_logging_are_there_for_everybody(model: gitreg.Artifact) -> None:
    assert model.tags == again().tags == again("net:v0").tags == ["small", "a b"]


def test_a_tag_alone_is_one_tag(project: Path) -> None:
    with gitreg.init() as run:
        assert run.log_artifact("README", name="net", type="model", tags="small").tags == ["small"]


def test_tags_that_are_none_are_refused_before_anything_is_logged(project: Path, sh: Shell) -> None:
    with gitreg.init() as run, pytest.raises(InvalidNameError, match="only letters"):
        run.log_artifact("README", name="net", type="model", tags=["good", "no/good"])
    assert sh("git tag", cwd=project) == ""


def test_tags_and_description_are_written_by_save_and_not_before(model: gitreg.Artifact) -> None:
    tags = model.tags
    tags.append("ready")
    tags.remove("small")
    model.description = "better than v0"
    assert (again().tags, again().description) == (["small", "a b"], None)
    model.save()
    assert (again().tags, again().description) == (["a b", "ready"], "better than v0")
    tags.append("more")
    model.save()
    assert again().tags == ["a b", "ready", "more"]
    model.tags = []
    model.description = None
    model.save()
    assert (again().tags, again().description) == ([], None)


def test_saving_keeps_the_tags_that_somebody_else_has_added_meanwhile(model: gitreg.Artifact) -> None:
    other = again()
    assert model.tags == other.tags
    other.tags.append("theirs")
    other.save()
    model.tags.append("mine")
    model.save()
    assert model.tags == again().tags == ["small", "a b", "theirs", "mine"]


def test_a_draft_has_no_tags(project: Path) -> None:
    draft = gitreg.Artifact("net", "model")
    with pytest.raises(ArtifactNotLoggedError):
        _ = draft.tags
    with pytest.raises(ArtifactNotLoggedError):
        draft.tags = ["a"]
    for verb in (draft.delete, draft.unlink):
        with pytest.raises(ArtifactNotLoggedError):
            verb()


def test_a_collection_has_tags_a_description_and_a_card(model: gitreg.Artifact) -> None:
    collection = model.collection
    assert (collection.tags, collection.description, collection.card) == ([], "", "")
    collection.tags += ["vision"]
    collection.description = "Digits"
    collection.card = "# Digits\n\nfrom MNIST"
    assert (collection.tags, collection.description) == (["vision"], "Digits")
    assert model.collection.tags == []
    collection.save()
    found = gitreg.Api().artifact_collection("model", "net")
    assert (found.tags, found.description, found.card) == (["vision"], "Digits", "# Digits\n\nfrom MNIST\n")


def test_a_deleted_version_is_gone_from_lists_and_from_its_name_but_not_from_its_holder(model: gitreg.Artifact) -> None:
    assert model.state == "COMMITTED"
    model.delete()
    assert model.state == "DELETED"
    assert [artifact.name for artifact in gitreg.Api().artifacts("model", "net")] == ["net:v0"]
    assert again("net").name == "net:v0"
    assert again("net").aliases == ["latest"]
    with pytest.raises(NotFoundError, match="'net:v1' was deleted on 2026-01-02 by Test User"):
        again()
    assert not gitreg.Api().artifact_exists("net:v1")
    assert Path(model.download(), "weights").read_text() == "two"


def test_a_version_with_an_alias_is_deleted_only_with_it(model: gitreg.Artifact) -> None:
    model.aliases.append("production")
    model.save()
    with pytest.raises(RefusedError, match="'net:production' names it"):
        model.delete()
    model.delete(delete_aliases=True)
    assert gitreg.Api().artifact_collection("model", "net").aliases == []


def test_unlinking_takes_away_the_link_and_not_the_model(model: gitreg.Artifact) -> None:
    link = model.link("model/Net")
    link.unlink()
    assert not gitreg.Api().artifact_exists("model/Net:v0")
    assert again().state == "COMMITTED"
    with pytest.raises(InvalidArtifactError, match="'net:v1' is no link"):
        model.unlink()
    assert model.link("model/Net").name == "model/Net:v1"


def test_the_same_content_logged_again_gets_the_new_tags_too(model: gitreg.Artifact) -> None:
    with gitreg.init() as run:
        same = run.log_artifact("weights", name="net", type="model", tags=["again"])
    assert (same.name, same.tags) == ("net:v1", ["small", "a b", "again"])


def test_a_disabled_run_remembers_what_was_said_and_writes_nothing(project: Path, sh: Shell) -> None:
    with gitreg.init(mode="disabled") as run:
        artifact = run.log_artifact("README", name="net", type="model", tags=["small"])
        artifact.tags.append("more")
        artifact.description = "words"
        artifact.save()
        assert (artifact.tags, artifact.description) == (["small", "more"], "words")
        artifact.delete()
        assert artifact.state == "DELETED"
    assert sh("git for-each-ref refs/gitreg refs/tags", cwd=project) == ""
