"""The parts of W&B's Artifact that are small."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from pathlib import Path

import pytest

import gitreg
from gitreg.errors import InvalidArtifactError, StorageError
from gitreg.sdk.views import RunView

LOGGED_ONLY = """commit_hash history_step linked_artifacts source_artifact source_collection source_entity
source_project source_qualified_name source_version ttl updated_at""".split()


@pytest.fixture
def file(project: Path) -> Path:
    path = project / "a.txt"
    path.write_text("hello")
    return path


def draft(name: str = "data") -> gitreg.Artifact:
    return gitreg.Artifact(name, "dataset")


def logged(file: Path) -> gitreg.Artifact:
    artifact = draft()
    artifact.add_file(file)
    artifact.save()
    return artifact


class TestAFileThatIsAdded:
    def test_has_an_entry_that_is_read_when_it_is_asked(self, file: Path) -> None:
        artifact = draft()
        entry = artifact.add_file(file, "b.txt")
        assert (entry.path, entry.name, entry.local_path, entry.ref) == ("b.txt", "b.txt", str(file), None)
        assert entry.parent_artifact() is artifact
        assert artifact.get_added_local_path_name("a.txt") == "b.txt"
        assert artifact.get_added_local_path_name("other") is None
        assert (entry.size, entry.md5, entry.extra) == (5, hashlib.md5(b"hello").hexdigest(), {})
        with pytest.raises(ValueError, match=r"'b\.txt' is a file and no reference"):
            entry.ref_target()
        artifact.save()
        assert (entry.local_path, entry.sha256) == (None, hashlib.sha256(b"hello").hexdigest())
        assert Path(entry.download("here")).read_text() == "hello"

    def test_may_change_when_it_was_copied(self, file: Path) -> None:
        artifact = draft()
        artifact.add_file(file, "copy", policy="mutable")
        artifact.add_dir(file.parent / ".dvc", "dvc", policy="mutable")
        file.write_text("changed")
        artifact.save()
        assert Path(artifact.get_entry("copy").download()).read_text() == "hello"
        own = draft()
        own.add_file(file, policy="immutable")
        file.write_text("changed again")
        with pytest.raises(StorageError, match="has changed since it was added"):
            own.save()

    def test_has_no_other_policy(self, file: Path) -> None:
        with pytest.raises(ValueError, match="there is no policy 'none'"):
            draft().add_file(file, policy="none")  # type: ignore[arg-type]

    def test_that_is_temporary_is_named_after_its_content(self, file: Path) -> None:
        entry = draft().add_file(file, "tables/x.table.json", is_tmp=True)
        assert entry.path == f"tables/{hashlib.md5(b'hello').hexdigest()[:20]}.table.json"

    def test_is_replaced_by_a_folder_that_is_merged(self, file: Path, tmp_path: Path) -> None:
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "a.txt").write_text("other")
        artifact = draft()
        artifact.add_file(file)
        with pytest.raises(InvalidArtifactError, match="with other content"):
            artifact.add_dir(tmp_path / "other")
        artifact.add_dir(tmp_path / "other", merge=True)
        assert artifact.size == 5
        assert artifact.get_entry("a.txt").md5 == hashlib.md5(b"other").hexdigest()


class TestADraft:
    @pytest.mark.parametrize("name", LOGGED_ONLY)
    def test_has_nothing_that_logging_brings(self, project: Path, name: str) -> None:
        with pytest.raises(gitreg.ArtifactNotLoggedError, match=f"'{name}' of artifact 'data' is known once"):
            getattr(draft(), name)

    @pytest.mark.parametrize("name", ["checkout", "new_draft", "delete", "unlink"])
    def test_has_no_verbs_of_a_version(self, project: Path, name: str) -> None:
        with pytest.raises(AttributeError):
            getattr(draft(), name)()

    def test_that_is_finalized_takes_nothing_more(self, file: Path) -> None:
        artifact = draft()
        artifact.finalize()
        for call in (artifact.add_file, artifact.add_reference, artifact.remove):
            with pytest.raises(gitreg.ArtifactFinalizedError, match="'data' was finalized"):
                call(file)
        artifact.save()
        assert (artifact.name, artifact.is_draft()) == ("data:v0", False)


class TestAVersion:
    def test_tells_what_it_is(self, file: Path) -> None:
        with gitreg.init(entity="team", project="digits") as run:
            artifact = draft()
            artifact.add_file(file)
            run.log({"loss": 1})
            run.log({"loss": 2})
            run.log_artifact(artifact)
        assert artifact.id == artifact.commit_hash == artifact.commit
        assert (artifact.history_step, artifact.updated_at) == (1, artifact.created_at)
        assert (artifact.incremental, artifact.use_as, artifact.is_draft()) == (False, None, False)
        assert artifact.source_artifact is artifact
        assert artifact.source_qualified_name == "team/digits/data:v0"
        assert logged(file).history_step == 1  # the same content, logged by a run without a step

    def test_and_its_links_know_each_other(self, file: Path) -> None:
        artifact = logged(file)
        link = artifact.link("model/M")
        assert [item.name for item in artifact.linked_artifacts] == ["model/M:v0"]
        assert link.linked_artifacts == []
        assert link.source_artifact.name == link.source_name == link.source_qualified_name == "data:v0"
        assert (link.source_version, link.source_collection.name) == ("v0", "data")
        assert (link.source_entity, link.source_project) == ("", "")

    def test_never_expires(self, file: Path, caplog: pytest.LogCaptureFixture) -> None:
        artifact = logged(file)
        artifact.ttl = None
        assert caplog.text == ""
        artifact.ttl = dt.timedelta(days=1)
        assert "a version never expires" in caplog.text
        assert artifact.ttl is None
        with pytest.raises(ValueError, match="not positive"):
            artifact.ttl = dt.timedelta(0)
        with pytest.raises(ValueError, match="is a link"):
            artifact.link("model/M").ttl = None

    def test_has_a_manifest(self, file: Path, tmp_path: Path) -> None:
        (tmp_path / "deep").mkdir()
        (tmp_path / "deep" / "b").write_text("b")
        artifact = draft()
        artifact.add_file(file)
        artifact.add_reference(tmp_path / "deep", "deep")
        artifact.save()
        manifest = artifact.manifest
        assert list(manifest.entries) == ["a.txt", "deep/b"]
        assert (manifest.digest(), manifest.size()) == (artifact.digest, 6)
        assert [entry.path for entry in manifest.get_entries_in_directory("deep")] == ["deep/b"]
        assert manifest.get_entry_by_path("a.txt") == artifact.get_path("a.txt")
        assert manifest.get_entry_by_path("b") is None
        assert [entry.path for entry in artifact.files(path_prefix="deep/")] == ["deep/b"]
        assert [entry.path for entry in artifact.files(["a.txt"], per_page=1)] == ["a.txt"]

    def test_can_be_a_key(self, file: Path) -> None:
        artifact = logged(file)
        assert {artifact: 1}[artifact] == 1


def test_square_brackets_add_and_get(project: Path) -> None:
    artifact = draft()
    artifact["page"] = gitreg.Html("<p>hello</p>")
    artifact.save()
    assert artifact["page"].data == artifact.get("page").data
    assert artifact["none"] is None


def test_the_names_that_the_page_calls_missing_are_missing() -> None:
    page = (Path(gitreg.__file__).parent / "docs" / "coming-from-wandb.md").read_text(encoding="utf-8")
    _, _, table = page.partition("These names of W&B's are missing")
    told = "\n".join(line.split(" | ")[0] for line in table.splitlines() if line.startswith("| "))
    names = re.findall(r"`(wandb|Api|Artifact)\.(\w+)`", told)
    assert ("wandb", "plot") in names
    owners = {"wandb": gitreg, "Api": gitreg.Api, "Artifact": gitreg.Artifact}
    assert [f"{owner}.{name}" for owner, name in names if hasattr(owners[owner], name)] == []
    (line,) = [line for line in told.splitlines() if "upload_file" in line]
    assert [name for name in re.findall(r"`(\w+)`", line) if hasattr(RunView, name)] == []
