from __future__ import annotations

import base64
import hashlib
import math
import os
from pathlib import Path
from typing import Any

import pytest

import gitreg
from conftest import Shell
from gitreg.errors import DifferencesError, NotFoundError, StorageError, TypeMismatchError

LOGGED_ONLY = [
    "version",
    "aliases",
    "qualified_name",
    "source_version",
    "collection",
    "created_at",
    "commit",
    "entity",
    "project",
    "url",
]


@pytest.fixture
def draft(tmp_path: Path) -> gitreg.Artifact:
    return gitreg.Artifact("digits", "dataset")


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


def logged(project: Path, name: str = "digits", type: str = "dataset", **files: str) -> gitreg.Artifact:
    artifact = gitreg.Artifact(name, type)
    for path, text in files.items():
        with artifact.new_file(path) as file:
            file.write(text)
    artifact.save()
    return artifact


class TestNames:
    @pytest.mark.parametrize("name", ["a", "mnist_dataset", "run-1-model.h5", "A.B-c_9", "a" * 128])
    def test_are_letters_digits_and_a_few_signs(self, name: str) -> None:
        assert gitreg.Artifact(name, "dataset").name == name

    @pytest.mark.parametrize("name", ["", "a b", "a/b", "a:v0", "..", "a..b", "a\n", "ü", "a" * 129, "-a", "a@b"])
    def test_outside_the_grammar_are_a_value_error(self, name: str) -> None:
        with pytest.raises(ValueError, match="invalid collection name"):
            gitreg.Artifact(name, "dataset")

    @pytest.mark.parametrize("type", ["job", "wandb-history", "", "a/b", "a:b", "a\nb", "a" * 129])
    def test_of_types_may_be_reserved(self, type: str) -> None:
        with pytest.raises(ValueError, match="invalid type name"):
            gitreg.Artifact("a", type)


class TestMetadata:
    def test_are_plain_and_nan_is_none(self) -> None:
        artifact = gitreg.Artifact("a", "b", metadata={"x": math.nan, "y": (1, Path("p")), "z": {"deep": [math.nan]}})
        assert artifact.metadata == {"x": None, "y": [1, "p"], "z": {"deep": [None]}}
        assert gitreg.Artifact("a", "b").metadata == {}

    @pytest.mark.parametrize(
        ("metadata", "error", "words"),
        [
            ({"x": {"y": [math.inf]}}, ValueError, r"metadata\['x'\]\['y'\]\[0\] is infinite"),
            ({str(n): n for n in range(101)}, ValueError, "101 keys"),
            ({"x": "y" * 500_000}, ValueError, "metadata would take"),
            ([1], TypeError, "must be a mapping"),
        ],
    )
    def test_that_cannot_be_recorded_are_refused(self, metadata: Any, error: type[Exception], words: str) -> None:
        with pytest.raises(error, match=words):
            gitreg.Artifact("a", "b", metadata=metadata)
        with pytest.raises(error, match=words):
            gitreg.Artifact("a", "b").metadata = metadata

    def test_may_be_changed_in_place_until_it_is_logged(self, project: Path) -> None:
        artifact = gitreg.Artifact("a", "b", description="words", metadata={"x": {"y": 1}})
        artifact.metadata["n"] = 2
        artifact.description = "better words"
        artifact.save()
        again = gitreg.Api().artifact("a:v0")
        assert (again.metadata, again.description) == ({"x": {"y": 1}, "n": 2}, "better words")
        again.metadata["x"]["y"] = 5
        with pytest.raises(gitreg.ArtifactFinalizedError, match="change the metadata"):
            again.save()
        with pytest.raises(gitreg.ArtifactFinalizedError):
            artifact.metadata = {}


class TestDigest:
    @pytest.mark.parametrize(
        ("path", "digest"),
        [
            ("file1.txt", "a00c2239f036fb656c1dcbf9a32d89b4"),
            ("great-file.txt", "585b9ada17797e37c9cbab391e69b8c5"),
            ("subdir/file1.txt", "a757208d042e8627b2970d72a71bed5b"),
        ],
    )
    def test_of_a_draft_is_wandbs(self, draft: gitreg.Artifact, tmp_path: Path, path: str, digest: str) -> None:
        write(tmp_path, **{"file1.txt": "hello"})
        draft.add_file(tmp_path / "file1.txt", name=path)
        assert draft.digest == digest
        assert draft.size == 5

    def test_of_nothing_is_wandbs(self, draft: gitreg.Artifact) -> None:
        assert draft.digest == "64e7c61456b10382e2f3b571ac24b659"
        assert (draft.size, draft.file_count, draft.files()) == (0, 0, [])

    def test_is_the_same_once_it_is_logged(self, project: Path) -> None:
        artifact = gitreg.Artifact("a", "b")
        artifact.add_file("README")
        before = artifact.digest
        artifact.save()
        assert artifact.digest == before == gitreg.Api().artifact("a").digest

    def test_of_a_subdirectory_by_add_dir(self, draft: gitreg.Artifact, tmp_path: Path) -> None:
        draft.add_dir(write(tmp_path / "data", **{"file1.txt": "hello"}), name="subdir")
        assert draft.digest == "a757208d042e8627b2970d72a71bed5b"


class TestAdding:
    def test_a_file_takes_its_own_name_or_another(self, draft: gitreg.Artifact, tmp_path: Path) -> None:
        write(tmp_path, a="1")
        draft.add_file(tmp_path / "a")
        draft.add_file(str(tmp_path / "a"), "./x//y")
        assert [file.path for file in draft.files()] == ["a", "x/y"]

    def test_a_directory_brings_all_below_it(self, draft: gitreg.Artifact, tmp_path: Path) -> None:
        folder = write(tmp_path / "data", a="1", **{".hidden": "2"})
        write(folder / "sub", b="3")
        draft.add_dir(folder)
        draft.add_dir(folder / "sub", name="copy/")
        assert [file.path for file in draft.files()] == [".hidden", "a", "copy/b", "sub/b"]

    def test_what_is_not_there_is_a_value_error(self, draft: gitreg.Artifact, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="is not a file: No such file"):
            draft.add_file(tmp_path / "none")
        with pytest.raises(ValueError, match=r"is not a file\nhint"):
            draft.add_file(tmp_path)
        with pytest.raises(ValueError, match="is not a directory"):
            draft.add_dir(tmp_path / "none")
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ValueError, match=r"is not a file\nhint: add_dir"):
            draft.add_file(tmp_path / "pipe")

    @pytest.mark.parametrize("name", ["/etc/passwd", "../x", "a/../../b", "", "C:/x", ".git/config", "a\0b", "a/.."])
    def test_a_path_that_could_leave_is_a_value_error(self, draft: gitreg.Artifact, tmp_path: Path, name: str) -> None:
        write(tmp_path, a="1")
        with pytest.raises(ValueError, match="unsafe path"):
            draft.add_file(tmp_path / "a", name)
        with pytest.raises(ValueError, match="unsafe path"), draft.new_file(name):
            pass
        assert draft.file_count == 0

    def test_the_same_path_takes_the_same_content_only(self, draft: gitreg.Artifact, tmp_path: Path) -> None:
        write(tmp_path, a="1", twin="1", other="2")
        draft.add_file(tmp_path / "a")
        draft.add_file(tmp_path / "a")
        draft.add_file(tmp_path / "twin", "a")
        with pytest.raises(ValueError, match="'a' is in the artifact already, with other content"):
            draft.add_file(tmp_path / "other", "a")
        assert draft.get_entry("a").md5 == hashlib.md5(b"1").hexdigest()
        draft.add_file(tmp_path / "other", "a", overwrite=True)
        assert draft.get_entry("a").md5 == hashlib.md5(b"2").hexdigest()

    def test_nothing_is_read_or_copied_before_it_is_needed(self, draft: gitreg.Artifact, tmp_path: Path) -> None:
        big = tmp_path / "sparse"
        with big.open("wb") as file:
            file.truncate(1 << 40)
        draft.add_file(big)
        draft.remove("sparse")

    @pytest.mark.parametrize("change", ["changed", "gone"])
    def test_a_file_must_stay_as_it_was_added(self, project: Path, change: str) -> None:
        artifact = gitreg.Artifact("a", "b")
        write(project, x="1")
        artifact.add_file("x")
        (project / "x").write_text("22") if change == "changed" else (project / "x").unlink()
        with pytest.raises(StorageError, match=f"is gone|has {change} since it was added"):
            artifact.save()
        assert not gitreg.Api().artifact_exists("a")
        write(project, x="3")
        artifact.add_file("x", overwrite=True)
        artifact.save()

    def test_a_relative_path_outlives_chdir(
        self, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        artifact = gitreg.Artifact("a", "b")
        artifact.add_file("README")
        monkeypatch.chdir(tmp_path)
        assert artifact.size > 0

    def test_files_can_be_removed(self, draft: gitreg.Artifact, tmp_path: Path) -> None:
        draft.add_dir(write(tmp_path / "data", a="1", b="2", c="3"), name="d")
        draft.remove(draft.get_entry("d/a"))
        draft.remove("d/b")
        assert [file.path for file in draft.files()] == ["d/c"]
        draft.remove("d")
        assert draft.files() == []
        with pytest.raises(FileNotFoundError):
            draft.remove("d")


class TestNewFile:
    def test_is_written_and_added(self, draft: gitreg.Artifact) -> None:
        with draft.new_file("a/text.txt") as text:
            text.write("grüße")
        with draft.new_file("data", "xb") as data:
            data.write(b"\0\1")
        assert {file.path: file.size for file in draft.files()} == {"a/text.txt": 7, "data": 2}

    def test_needs_a_free_name_unless_it_may_overwrite(self, draft: gitreg.Artifact) -> None:
        with draft.new_file("a") as file:
            file.write("1")
        with pytest.raises(ValueError, match="'a' is in the artifact already"), draft.new_file("a"):
            pass
        with draft.new_file("a", mode="w") as file:
            file.write("22")
        assert draft.size == 2
        with pytest.raises(ValueError, match="mode 'r'"), draft.new_file("b", mode="r"):
            pass

    def test_is_not_added_when_writing_it_fails(self, draft: gitreg.Artifact) -> None:
        with pytest.raises(ZeroDivisionError), draft.new_file("a") as file:
            file.write(str(1 / 0))
        assert draft.file_count == 0

    def test_leaves_nothing_behind(self, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        staging = tmp_path / "staging"
        staging.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(staging))
        logged(project, a="1")
        draft = gitreg.Artifact("b", "c")
        with draft.new_file("x") as file:
            file.write("1")
        assert len(list(staging.iterdir())) == 1
        del draft
        assert list(staging.iterdir()) == []


class TestDraft:
    @pytest.mark.parametrize("name", LOGGED_ONLY)
    def test_has_no_properties_of_a_logged_artifact(self, draft: gitreg.Artifact, name: str) -> None:
        with pytest.raises(gitreg.ArtifactNotLoggedError, match=f"'{name}' of artifact 'digits'"):
            getattr(draft, name)
        assert not hasattr(draft, name)

    def test_has_no_verbs_of_a_logged_artifact(self, draft: gitreg.Artifact) -> None:
        for call in (draft.download, draft.verify, draft.wait, draft.logged_by, draft.used_by, draft.file):
            with pytest.raises(gitreg.ArtifactNotLoggedError):
                call()
        assert draft.state == "PENDING"


class TestLogged:
    def test_tells_what_it_is(self, project: Path, sh: Shell) -> None:
        artifact = gitreg.Artifact("digits", "dataset")
        artifact.add_file("README")
        with gitreg.init(entity="team", project="demo") as run:
            assert run.log_artifact(artifact) is artifact
        assert (artifact.name, artifact.version, artifact.type) == ("digits:v0", "v0", "dataset")
        assert (artifact.source_name, artifact.is_link, artifact.state) == ("digits:v0", False, "COMMITTED")
        assert (artifact.entity, artifact.project, artifact.url) == ("team", "demo", None)
        assert artifact.qualified_name == "team/demo/digits:v0"
        assert gitreg.Api().artifact(artifact.qualified_name).commit == artifact.commit
        assert (artifact.file_count, artifact.size, artifact.aliases) == (1, 10, ["latest"])
        assert artifact.created_at == "2026-01-02T03:04:05Z"
        assert artifact.commit == sh("git rev-parse 'digits@v0^{commit}'", cwd=project).strip()
        assert (artifact.collection.name, artifact.collection.type) == ("digits", "dataset")
        assert artifact.wait() is artifact
        logger = artifact.logged_by()
        assert logger
        assert (logger.id, artifact.used_by()) == (run.id, [])

    def test_never_changes(self, project: Path) -> None:
        for artifact in (logged(project, a="1"), gitreg.Api().artifact("digits")):
            with pytest.raises(gitreg.ArtifactFinalizedError, match="'digits:v0' is logged"):
                artifact.add_file("README")
            with pytest.raises(gitreg.ArtifactFinalizedError):
                artifact.add_dir(".")
            with pytest.raises(gitreg.ArtifactFinalizedError):
                artifact.remove("a")
            with pytest.raises(AttributeError), artifact.new_file("x"):
                pass

    def test_gives_its_files(self, project: Path) -> None:
        artifact = logged(project, a="hello", b="2")
        entry = artifact.get_entry("a")
        assert (entry.name, entry.size, entry.sha256) == ("a", 5, hashlib.sha256(b"hello").hexdigest())
        assert base64.b64decode(entry.digest).hex() == entry.md5 == hashlib.md5(b"hello").hexdigest()
        assert [file.path for file in artifact.files()] == ["a", "b"]
        assert [file.path for file in artifact.files(["b", "c"])] == ["b"]
        with pytest.raises(KeyError, match="'c' is not in artifact 'digits:v0'"):
            artifact.get_entry("c")

    def test_of_the_same_content_is_the_same_version(self, project: Path) -> None:
        first, second = logged(project, a="1"), logged(project, a="1")
        assert (second.version, second.commit) == (first.version, first.commit)
        assert logged(project, a="2").version == "v1"
        assert logged(project, a="1").version == "v2"
        assert first.aliases == []

    def test_of_another_type_is_a_value_error_that_names_both(self, project: Path) -> None:
        logged(project, a="1")
        with pytest.raises(ValueError, match="'digits' is of type 'dataset', not 'model'"):
            logged(project, type="model", a="1")

    def test_aliases_are_a_live_list(self, project: Path) -> None:
        first, second = logged(project, a="1"), logged(project, a="2")
        first.aliases.append("best")
        assert gitreg.Api().artifact("digits:v0").aliases == []
        first.save()
        assert first.aliases == ["best"]
        second.aliases = ["best", "production"]
        second.save()
        assert gitreg.Api().artifact("digits:best").version == "v1"
        assert second.aliases == ["latest", "best", "production"]
        second.aliases.remove("best")
        second.save()
        with pytest.raises(NotFoundError, match="artifact membership 'digits:best' not found"):
            gitreg.Api().artifact("digits:best")
        assert gitreg.Api().artifact("digits:production").version == "v1"

    def test_an_alias_that_moved_on_is_not_removed(self, project: Path) -> None:
        first, second = logged(project, a="1"), logged(project, a="2")
        first.aliases.append("best")
        first.save()
        second.aliases.append("best")
        second.save()
        first.aliases.remove("best")
        with pytest.raises(gitreg.Error, match="alias 'digits:best' names v1 now"):
            first.save()

    @pytest.mark.parametrize("alias", ["v7", "a b", "../x", ""])
    def test_an_alias_outside_the_grammar_moves_nothing(self, project: Path, alias: str) -> None:
        artifact = logged(project, a="1")
        artifact.aliases.extend(["fine", alias])
        with pytest.raises(ValueError, match="invalid alias"):
            artifact.save()
        assert gitreg.Api().artifact("digits").aliases == ["latest"]


class TestDownload:
    def test_goes_to_artifacts_by_default(self, project: Path, sh: Shell) -> None:
        artifact = logged(project, a="1")
        root = artifact.download()
        assert root == str(project / "artifacts" / "digits:v0")
        assert (Path(root) / "a").read_text() == "1"
        assert sh("git status --porcelain", cwd=project) == ""
        artifact.verify()

    def test_leaves_a_folder_named_artifacts_as_it_is(self, project: Path) -> None:
        (project / "artifacts").mkdir()
        logged(project, a="1").download()
        assert [path.name for path in (project / "artifacts").iterdir()] == ["digits:v0"]

    @pytest.mark.parametrize("link", ["artifacts", "artifacts/digits:v0"])
    def test_goes_where_no_link_of_the_repository_leads(self, project: Path, tmp_path: Path, link: str) -> None:
        artifact = logged(project, a="1")
        (tmp_path / "elsewhere").mkdir()
        (project / link).parent.mkdir(exist_ok=True)
        (project / link).symlink_to(tmp_path / "elsewhere")
        for call in (artifact.download, artifact.verify, artifact.file):
            with pytest.raises(StorageError, match="is a symbolic link, and may lead anywhere"):
                call()
        assert not list((tmp_path / "elsewhere").iterdir())
        # who names the place may have it behind a link
        assert artifact.download(project / link)
        assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["a"]

    def test_goes_where_it_is_told(self, project: Path) -> None:
        artifact = logged(project, a="1", b="2")
        assert artifact.download(root="data") == "data"
        assert artifact.download("part", path_prefix="a") == "part"
        assert sorted(path.name for path in Path("data").iterdir()) == ["a", "b"]
        assert [path.name for path in Path("part").iterdir()] == ["a"]
        assert artifact.get_entry("b").download("one") == "one/b"
        assert not (project / "artifacts").exists()

    def test_of_a_prefix_that_no_path_begins_with_is_warned_of(
        self, project: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        artifact = logged(project, a="1")
        artifact.download("part", path_prefix="a")
        assert caplog.messages == []
        artifact.download("part", path_prefix="z\x1b")
        assert caplog.messages == [rf"no file of '{artifact.name}' begins with 'z\x1b'"]

    def test_of_the_only_file(self, project: Path) -> None:
        assert Path(logged(project, a="1").file("x")).read_text() == "1"
        with pytest.raises(ValueError, match="has 2 files, not one"):
            logged(project, a="1", b="2").file()

    def test_verify_names_every_difference(self, project: Path) -> None:
        artifact = logged(project, a="1", b="2", c="3")
        artifact.download("data")
        artifact.verify("data")
        (project / "data" / "a").write_text("x")
        (project / "data" / "b").unlink()
        (project / "data" / "d").write_text("new")
        with pytest.raises(ValueError, match="'data' is not digits:v0: 'a' has changed and 2 more") as caught:
            artifact.verify("data")
        assert isinstance(caught.value, DifferencesError)
        assert caught.value.differences == ("'a' has changed", "'b' is missing", "'d' does not belong to it")
        artifact.download("data")
        (project / "data" / "d").unlink()
        artifact.verify("data")


class TestSave:
    def test_logs_to_the_active_run(self, project: Path) -> None:
        with gitreg.init() as run:
            artifact = logged(project, a="1")
        logger = artifact.logged_by()
        assert logger
        assert logger.id == run.id

    def test_without_a_run_opens_one_of_its_own(self, project: Path) -> None:
        logger = logged(project, a="1").logged_by()
        assert logger
        assert (logger.job_type, logger.state) == ("auto", "finished")
        assert gitreg.run is None


def test_a_type_that_does_not_fit_is_refused(project: Path) -> None:
    logged(project, a="1")
    with gitreg.init() as run:
        with pytest.raises(ValueError, match="'digits:v0' is of type 'dataset', not 'model'"):
            run.use_artifact("digits", type="model")
        assert run.use_artifact("digits", type="dataset").name == "digits:v0"
    with pytest.raises(TypeMismatchError):
        gitreg.Api().artifact("digits:v0", type="model")
