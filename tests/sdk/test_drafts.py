"""Drafts of a version: the next one, made from what is there already."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import gitreg
from conftest import Shell
from desks import Desk, World
from gitreg.errors import DifferencesError, MissingBytesError, UnsafePathError
from helpers import agrees, texts


def write(artifact: gitreg.Artifact, **files: str) -> gitreg.Artifact:
    for path, text in files.items():
        with artifact.new_file(path.replace("__", "/"), "w") as file:
            file.write(text)
    return artifact


def logged(**files: str) -> gitreg.Artifact:
    artifact = write(gitreg.Artifact("data", "dataset", description="words", metadata={"n": 1}), **files)
    artifact.save()
    return artifact


def forget(desk: Desk) -> None:
    """Take all bytes out of a clone."""
    for folder in (desk.path / ".dvc" / "cache", desk.path / ".git" / "gitreg" / "keep"):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def published(ada: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A clone whose `data:v0` is published, and whose bytes are on the storage only."""
    monkeypatch.chdir(ada.path)
    logged(a="1", b="2", deep__c="3")
    ada.publish()
    forget(ada)
    return ada


class TestANewDraft:
    def test_has_all_that_the_version_has(self, project: Path) -> None:
        first = logged(a="1", deep__b="2")
        draft = first.new_draft()
        assert (draft.name, draft.type, draft.description, draft.metadata) == ("data", "dataset", "words", {"n": 1})
        assert (draft.digest, draft.size, draft.file_count, draft.is_draft()) == (first.digest, 2, 2, True)
        assert [(item.path, item.md5, item.local_path) for item in draft.files()] == [
            (item.path, item.md5, None) for item in first.files()
        ]

    def test_is_the_same_version_when_nothing_is_changed(self, project: Path) -> None:
        draft = logged(a="1").new_draft()
        draft.save()
        assert draft.version == "v0"

    def test_may_be_added_to_taken_from_and_changed(self, project: Path) -> None:
        draft = logged(a="1", b="2", c="3", deep__d="4").new_draft()
        (project / "other").write_text("other")
        with pytest.raises(ValueError, match="'a' is in the artifact already"):
            draft.add_file("other", "a")
        write(draft, a="other", new="5").remove("b")
        draft.remove("deep")
        draft.remove(draft.get_entry("c"))
        draft.save()
        assert draft.name == "data:v1"
        assert texts(draft.download()) == {"a": "other", "new": "5"}

    def test_that_gets_the_same_content_again_takes_it(self, project: Path) -> None:
        draft = logged(a="1").new_draft()
        with draft.new_file("a", "w") as file:
            file.write("1")
        assert draft.get_entry("a").local_path
        draft.save()
        assert draft.version == "v0"

    def test_of_a_link_is_one_of_what_it_stands_for(self, project: Path) -> None:
        draft = logged(a="1").link("model/M").new_draft()
        assert draft.name == "data"

    def test_keeps_references(self, project: Path, tmp_path: Path) -> None:
        (tmp_path / "x").write_text("x")
        first = gitreg.Artifact("data", "dataset")
        first.add_reference(tmp_path / "x")
        first.save()
        draft = write(first.new_draft(), a="1")
        draft.save()
        assert [(item.path, item.ref is None) for item in draft.files()] == [("a", True), ("x", False)]

    def test_of_another_repository_is_refused(
        self, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sh: Shell
    ) -> None:
        draft = write(logged(a="1").new_draft(), b="2")
        sh(f"cp -r {project} other")
        monkeypatch.chdir(tmp_path / "other")
        with pytest.raises(gitreg.UsageError, match="'data:v0' is in another repository"), gitreg.init() as run:
            run.log_artifact(draft)

    def test_may_be_of_a_run_that_records_nothing(self, project: Path) -> None:
        draft = write(logged(a="1").new_draft(), b="2")
        with gitreg.init(mode="disabled") as run:
            assert texts(run.log_artifact(draft).download("here")) == {"a": "1", "b": "2"}

    def test_cannot_hold_a_file_below_a_file(self, project: Path) -> None:
        draft = write(logged(a="1").new_draft(), a__b="2")
        with pytest.raises(UnsafePathError, match="another path's directory"):
            draft.save()


class TestBytesThatAreNotHere:
    def test_need_not_come_for_a_new_version(self, published: Desk, world: World, sh: Shell) -> None:
        # who reads the storage now is found out
        world.storage.rename(world.storage.with_name("away"))
        draft = write(gitreg.Api().artifact("data").new_draft(), b="new")
        draft.save()
        assert (draft.name, draft.size) == ("data:v1", 5)
        here = [
            path.read_bytes() for path in (published.path / ".dvc" / "cache" / "files").rglob("*") if path.is_file()
        ]
        assert [data for data in here if not data.startswith(b"[")] == [b"new"]
        sh("gitreg fsck", published.path)
        world.storage.with_name("away").rename(world.storage)
        assert [str(version) for version in published.publish().versions] == ["data:v1"]
        agrees(world.server, "data:v1", world.storage)
        sh("gitreg fsck --remote", published.path)
        assert texts(gitreg.Api().artifact("data:v1").download()) == {"a": "1", "b": "new", "deep/c": "3"}

    def test_are_missed_by_publishing_when_the_storage_lost_them(self, published: Desk, world: World) -> None:
        write(gitreg.Api().artifact("data").new_draft(), b="new").save()
        gone = gitreg.Api().artifact("data:v0").get_entry("a").md5
        (world.storage / "files" / "md5" / gone[:2] / gone[2:]).unlink()
        (refusal,) = published.publish().refused
        assert "'a' of 'data:v1' is neither here nor on" in refusal.why

    def test_come_when_the_next_version_is_for_another_storage(
        self, published: Desk, world: World, tmp_path: Path, sh: Shell
    ) -> None:
        other = tmp_path / "other"
        other.mkdir()
        sh(f"dvc remote add --default other {other}", published.path)
        write(gitreg.Api().artifact("data").new_draft(), b="new").save()
        shutil.rmtree(world.storage)
        assert [str(version) for version in published.publish().versions] == ["data:v1"]
        agrees(world.server, "data:v1", other)

    def test_come_for_another_collection(self, published: Desk) -> None:
        second = gitreg.Artifact("second", "dataset")
        second.add_reference(gitreg.Api().artifact("data").get_entry("a"))
        second.save()
        assert second.get_entry("a").download()

    def test_that_are_nowhere_are_said_before_anything_is_logged(self, published: Desk, world: World) -> None:
        shutil.rmtree(world.storage)
        world.storage.mkdir()
        second = gitreg.Artifact("second", "dataset")
        second.add_reference(gitreg.Api().artifact("data").get_entry("a"))
        with pytest.raises(MissingBytesError, match="'a' of 'data:v0'"):
            second.save()
        assert not gitreg.Api().artifact_exists("second")

    def test_of_an_unpublished_version_are_kept(
        self, ada: Desk, world: World, monkeypatch: pytest.MonkeyPatch, sh: Shell
    ) -> None:
        monkeypatch.chdir(ada.path)
        write(logged(a="1", b="2").new_draft(), b="new").save()
        sh("gitreg drop data:v0; dvc gc --force --workspace", ada.path)
        assert [str(version) for version in ada.publish().versions] == ["data:v1"]
        agrees(world.server, "data:v1", world.storage)


class TestIncremental:
    def test_keeps_what_the_newest_version_has(self, project: Path) -> None:
        logged(a="1", b="2")
        draft = write(gitreg.Artifact("data", "dataset", incremental=True), b="new", c="3")
        assert (draft.incremental, draft.file_count) == (True, 2)
        draft.save()
        assert texts(draft.download()) == {"a": "1", "b": "new", "c": "3"}

    def test_is_an_ordinary_one_when_there_is_none(self, project: Path) -> None:
        draft = write(gitreg.Artifact("data", "dataset", incremental=True), a="1")
        draft.save()
        assert (draft.name, draft.file_count) == ("data:v0", 1)

    def test_reads_nothing_that_it_keeps(self, published: Desk, world: World) -> None:
        shutil.rmtree(world.storage)
        draft = write(gitreg.Artifact("data", "dataset", incremental=True), d="4")
        draft.save()
        assert (draft.name, draft.file_count) == ("data:v1", 4)


class TestCheckout:
    def test_makes_a_folder_hold_this_version_alone(self, project: Path) -> None:
        first = logged(a="1", deep__b="2", c="3")
        second = first.new_draft()
        second.remove("deep")
        write(second, c="new").save()
        place = first.checkout()
        assert (Path(place).name, texts(place)) == ("data", {"a": "1", "deep/b": "2", "c": "3"})
        assert second.checkout() == place
        assert texts(place) == {"a": "1", "c": "new"}
        assert sorted(path.name for path in Path(place).iterdir()) == ["a", "c"]

    @pytest.mark.parametrize("make", ["echo mine >here/mine", "echo 22 >here/deep/b", "ln -s /etc here/link"])
    def test_takes_nothing_away_that_is_no_version_s(self, project: Path, make: str, sh: Shell) -> None:
        first = logged(a="1", deep__b="2")
        first.checkout("here")
        second = first.new_draft()
        second.remove("deep")
        second.save()
        sh(make, project)
        before = texts("here")
        with pytest.raises(DifferencesError, match="'here' has files of no version of 'data': '") as caught:
            second.checkout("here")
        assert "use download" in str(caught.value.hint)
        assert texts("here") == before
