"""References: files of an artifact that stay where they are."""

from __future__ import annotations

import hashlib
import http.server
import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import servers

import gitreg
from conftest import Shell
from desks import Desk
from gitreg.data.config import Project
from gitreg.data.follow import follow
from gitreg.data.references import look
from gitreg.errors import (
    ChangedReferenceError,
    MissingReferenceError,
    StorageError,
    UncheckedReferenceError,
    UnsafePathError,
)
from gitreg.records.names import CollectionName
from gitreg.records.references import Reference
from gitreg.registry.draft import Draft
from helpers import agrees, texts

LEAVE_OUT = "in Python, download(allow_missing_references=True) leaves it out"
HELLO = "XUFAKrxLKna5cZ2REBfFkg=="


@pytest.fixture
def share(tmp_path: Path) -> Path:
    """A folder beside the repository, as a mounted share would be."""
    folder = tmp_path / "my share"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("hello")
    (folder / "deep" / "b.txt").write_text("world")
    return folder


@pytest.fixture
def web(tmp_path: Path) -> Iterator[servers.Server]:
    with servers.running(servers.http_server(tmp_path / "web")) as server:
        (server.root / "data.csv").write_text("1,2\n")
        yield server


@pytest.fixture
def s3(tmp_path: Path, repo: Path) -> Iterator[servers.Server]:
    """A bucket that one of the user's own DVC remotes leads to."""
    with servers.running(servers.s3_server(tmp_path / "s3")) as server:
        for key in ("set/a", "set/deep/b c", "setting"):
            place = server.root / servers.BUCKET / key
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(key)
        (repo / ".dvc" / "config.local").write_text(
            f"['remote \"s\"']\nurl = s3://{servers.BUCKET}/elsewhere\nendpointurl = {server.url}\n"
            "access_key_id = a\nsecret_access_key = b\nregion = eu-west-1\n"
        )
        yield server


def draft(name: str = "data") -> gitreg.Artifact:
    return gitreg.Artifact(name, "dataset")


def of(uri: str | Path, name: str | None = None, *, checksum: bool = True) -> gitreg.Artifact:
    artifact = draft()
    artifact.add_reference(uri, name, checksum)
    artifact.save()
    return artifact


class TestAFileOfThisMachine:
    def test_is_hashed_and_not_stored(self, project: Path, share: Path) -> None:
        artifact = of((share / "a.txt").as_uri())
        (entry,) = artifact.files()
        assert entry.ref == entry.ref_target() == (share / "a.txt").as_uri()
        assert (entry.path, entry.size, entry.digest) == ("a.txt", 5, HELLO)
        assert entry.sha256 == hashlib.sha256(b"hello").hexdigest()
        # W&B's digest of one file 'a.txt' that holds 'hello'
        digest = hashlib.md5(f"wandb-artifact-manifest-v1\na.txt:{HELLO}\n".encode()).hexdigest()
        assert (artifact.digest, artifact.size, artifact.file_count) == (digest, 5, 1)
        cached = [path for path in (project / ".dvc" / "cache").rglob("*") if path.is_file()]
        assert [path.read_bytes() for path in cached] == [b"[]"]

    def test_may_be_a_folder_or_a_plain_path(self, project: Path, share: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert [item.path for item in of(share).files()] == ["a.txt", "deep/b.txt"]
        monkeypatch.chdir(share)
        added = draft().add_reference("deep", "below")
        assert [(item.path, item.ref) for item in added] == [("below/b.txt", (share / "deep" / "b.txt").as_uri())]

    def test_is_copied_when_it_is_downloaded(self, project: Path, share: Path) -> None:
        artifact = of(share)
        assert texts(artifact.download()) == {"a.txt": "hello", "deep/b.txt": "world"}
        artifact.verify()
        assert Path(artifact.get_path("deep/b.txt").download("one")).read_text() == "world"
        assert texts("one") == {"deep/b.txt": "world"}
        assert texts(artifact.download("part", path_prefix="deep/")) == {"deep/b.txt": "world"}

    def test_that_has_changed_is_refused(self, project: Path, share: Path) -> None:
        artifact = of(share)
        (share / "a.txt").write_text("HELLO")
        words = r"'a.txt' is not fetched: 'file://.*/my%20share/a.txt' is not what was logged: its sha256 is "
        with pytest.raises(ValueError, match=words) as caught:
            artifact.download("here")
        assert isinstance(caught.value, ChangedReferenceError)
        assert not Path("here", "a.txt").exists()
        (share / "a.txt").write_text("longer")
        with pytest.raises(ChangedReferenceError, match="it has 6 bytes instead of 5"):
            artifact.download("here")

    def test_is_shown_with_its_address_where_there_are_only_references(
        self, desk: Desk, project: Path, share: Path, sh: Shell
    ) -> None:
        of(share)
        shown = sh("gitreg show data:v0", project)
        assert (share / "a.txt").as_uri() in shown
        assert (share / "deep" / "b.txt").as_uri() in shown

    def test_that_is_gone_can_be_left_out(self, project: Path, share: Path, caplog: pytest.LogCaptureFixture) -> None:
        artifact = of(share)
        (share / "a.txt").unlink()
        with pytest.raises(MissingReferenceError, match="there is nothing at 'file:///"):
            artifact.download("here")
        assert texts(artifact.download("there", allow_missing_references=True)) == {"deep/b.txt": "world"}
        assert "'a.txt' cannot be fetched" in caplog.text

    def test_without_a_checksum_is_listed_and_never_handed_out(
        self, project: Path, share: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        artifact = of(share / "a.txt", checksum=False)
        (entry,) = artifact.files()
        uri = (share / "a.txt").as_uri()
        assert (entry.md5, entry.size, entry.digest) == ("", 5, b64encode(hashlib.md5(uri.encode()).digest()).decode())
        with pytest.raises(UncheckedReferenceError, match="nothing was recorded by which") as caught:
            artifact.download()
        assert "add_reference" in str(caught.value.hint)
        assert texts(artifact.download(allow_missing_references=True)) == {}
        assert "nothing was recorded" in caplog.text

    def test_that_is_right_already_is_not_read_again(self, project: Path, share: Path) -> None:
        artifact = of(share)
        artifact.download("here")
        (share / "a.txt").unlink()
        assert texts(artifact.download("here")) == {"a.txt": "hello", "deep/b.txt": "world"}


class TestAWebServer:
    def test_is_asked_for_size_and_etag(self, project: Path, web: servers.Server) -> None:
        artifact = of(f"{web.url}/data.csv")
        (entry,) = artifact.files()
        etag = hashlib.md5(b"1,2\n").hexdigest()
        assert (entry.path, entry.size, entry.digest, entry.extra) == ("data.csv", 4, etag, {"etag": etag})
        digest = hashlib.md5(f"wandb-artifact-manifest-v1\ndata.csv:{etag}\n".encode()).hexdigest()
        assert artifact.digest == digest
        assert [method for method, _ in web.requests] == ["HEAD"]
        assert texts(artifact.download()) == {"data.csv": "1,2\n"}

    def test_is_looked_up_in_one_configuration_with_all_others(
        self, project: Path, web: servers.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wanted = look(None, f"{web.url}/data.csv")
        wanted += [replace(wanted[0], path=f"{number}.csv") for number in range(40)]
        whole, read = Project.config, []

        def counted(own: Project) -> dict[str, Any]:
            read.append(own)
            return whole(own)

        monkeypatch.setattr(Project, "config", counted)
        assert follow(Project(project, project), wanted, tmp_path / "here") == []
        assert len(list((tmp_path / "here").iterdir())) == 41
        # and by the one connection that there is
        assert len(read) == 2

    def test_is_not_asked_by_who_only_looks(self, project: Path, web: servers.Server, sh: Shell) -> None:
        of(f"{web.url}/data.csv")
        asked = list(web.requests)
        sh("gitreg show data && gitreg show data --json && gitreg ls && gitreg get data && gitreg fsck", project)
        assert web.requests == asked

    def test_that_has_something_else_now_is_refused(self, project: Path, web: servers.Server) -> None:
        artifact = of(f"{web.url}/data.csv")
        (web.root / "data.csv").write_text("3,4\n")
        with pytest.raises(ChangedReferenceError, match=r"its etag is '.*' instead of '"):
            artifact.download("here")
        assert texts("here") == {}

    def test_that_changes_while_it_is_read_is_refused(self, project: Path, web: servers.Server) -> None:
        artifact = of(f"{web.url}/data.csv")
        web.faults = [servers.Fault("long", "HEAD", times=1)]
        with pytest.raises(ChangedReferenceError):
            artifact.download("here")
        web.faults = [servers.Fault("short", "GET", times=1)]
        with pytest.raises(ChangedReferenceError, match="it has 2 bytes instead of 4"):
            artifact.download("here")
        assert texts("here") == {}

    def test_that_has_nothing_there_is_said(self, project: Path, web: servers.Server) -> None:
        with pytest.raises(ValueError, match=f"there is nothing at '{web.url}/none'"):
            draft().add_reference(f"{web.url}/none")
        artifact = of(f"{web.url}/data.csv")
        (web.root / "data.csv").unlink()
        with pytest.raises(MissingReferenceError):
            artifact.download()
        with pytest.raises(StorageError, match=r"'http://127\.0\.0\.1:1/x' cannot be asked"):
            draft().add_reference("http://127.0.0.1:1/x")

    def test_cannot_lead_to_a_file(self, project: Path, web: servers.Server, share: Path) -> None:
        web.faults = [servers.Fault(share.as_uri(), "GET|HEAD")]
        with pytest.raises(StorageError):
            draft().add_reference(f"{web.url}/a.txt")

    def test_is_not_asked_without_a_checksum(self, project: Path, web: servers.Server) -> None:
        artifact = of(f"{web.url}/data.csv", checksum=False)
        assert (web.requests, artifact.files()[0].digest) == ([], f"{web.url}/data.csv")
        with pytest.raises(UncheckedReferenceError):
            artifact.download()
        assert web.requests == []


class TestABucket:
    def test_gives_an_entry_for_each_object_below_a_prefix(self, project: Path, s3: servers.Server) -> None:
        artifact = of(f"s3://{servers.BUCKET}/set")
        assert [(item.path, item.ref) for item in artifact.files()] == [
            ("a", "s3://bucket/set/a"),
            ("deep/b c", "s3://bucket/set/deep/b c"),
        ]
        assert artifact.get_entry("a").digest == hashlib.md5(b"set/a").hexdigest()
        assert texts(artifact.download()) == {"a": "set/a", "deep/b c": "set/deep/b c"}
        (s3.root / servers.BUCKET / "set" / "a").write_text("other")
        with pytest.raises(ChangedReferenceError):
            artifact.download()

    def test_or_for_one_object(self, project: Path, s3: servers.Server) -> None:
        assert [item.path for item in draft().add_reference("s3://bucket/set/a")] == ["a"]
        assert [item.path for item in draft().add_reference("s3://bucket/set/a", "x/y")] == ["x/y"]
        assert len(draft().add_reference("s3://bucket")) == 3

    def test_is_one_entry_without_a_checksum(self, project: Path, s3: servers.Server) -> None:
        assert [item.path for item in draft().add_reference("s3://bucket/set", checksum=False)] == ["set"]
        assert s3.requests == []

    def test_with_more_objects_than_wanted_is_refused(self, project: Path, s3: servers.Server, share: Path) -> None:
        for uri in ("s3://bucket/set", str(share)):
            with pytest.raises(ValueError, match="there are 2 objects, more than 1") as caught:
                draft().add_reference(uri, max_objects=1)
            assert caught.value.hint == "pass max_objects=2 to take them all"  # type: ignore[attr-defined]

    def test_that_keeps_versions_gives_back_the_one_that_was_logged(self, project: Path, s3: servers.Server) -> None:
        place = s3.root / servers.BUCKET / "set" / "a"
        s3.versions = {"v-1": b"set/a"}
        artifact = of("s3://bucket/set/a?versionId=v-1")
        (entry,) = artifact.files()
        assert (entry.ref, entry.extra["versionID"]) == ("s3://bucket/set/a", "v-1")
        place.write_text("newer")
        assert texts(artifact.download()) == {"a": "set/a"}


class TestAddresses:
    @pytest.mark.parametrize(
        "uri",
        [
            "",
            "https://user:hush@host/x",
            "s3://KEY:SECRET@bucket/x",
            "https://host/x?X-Amz-Signature=1",
            "https://host/x?a=1&access_token=1",
            "https://account.blob.core.windows.net/c/b?sv=1&sig=1",
            "file://elsewhere/x",
            "https://",
            "a\x1bb",
            "no/such/file",
            "ftp://host/x",
        ],
    )
    def test_that_cannot_be_kept_are_refused(self, project: Path, uri: str) -> None:
        artifact = draft()
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - each says something else
            artifact.add_reference(uri)
        assert isinstance(caught.value, gitreg.Error)
        assert caught.value.hint
        assert "hush" not in str(caught.value)
        assert artifact.file_count == 0

    def test_nobody_could_download_are_warned_of_when_they_are_added(
        self, project: Path, share: Path, web: servers.Server, caplog: pytest.LogCaptureFixture
    ) -> None:
        artifact = draft()
        artifact.add_reference(share)
        artifact.add_reference(f"{web.url}/data.csv")
        assert caplog.messages == []
        words = "nothing is known by which its bytes could be checked"
        artifact.add_reference(share, "again", checksum=False)
        artifact.add_reference("foo://host/x", "\x1b")
        assert caplog.messages == [
            f"cannot be downloaded later: 'again/a.txt' and 1 more; {words}",
            f"cannot be downloaded later: '\\x1b'; {words}",
        ]

    def test_on_a_server_without_etags_are_warned_of(
        self, project: Path, share: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), partial(http.server.SimpleHTTPRequestHandler, directory=share)
        )
        threading.Thread(target=server.serve_forever).start()
        try:
            of(f"http://127.0.0.1:{server.server_port}/a.txt")
        finally:
            server.shutdown()
            server.server_close()
        assert "cannot be downloaded later: 'a.txt'; nothing is known" in caplog.text

    def test_of_other_kinds_are_noted_under_a_name(self, project: Path) -> None:
        artifact = of("hdfs://host/x", "x")
        with pytest.raises(UncheckedReferenceError, match="'hdfs://host/x'") as caught:
            artifact.download()
        assert caught.value.hint == f"fetch it yourself: gitreg knows no way there; {LEAVE_OUT}"

    @pytest.mark.parametrize("name", ["../x", "/x", ".git/config", ""])
    def test_get_no_name_that_leads_out(self, project: Path, share: Path, name: str) -> None:
        if name:
            with pytest.raises(UnsafePathError):
                draft().add_reference(share / "a.txt", name)
        else:
            assert draft().add_reference(share / "a.txt", name)[0].path == "a.txt"


class TestContent:
    def test_of_files_and_references_is_one_artifact(self, project: Path, share: Path, sh: Shell) -> None:
        artifact = draft()
        with artifact.new_file("own.txt") as file:
            file.write("own")
        artifact.add_reference(share)
        assert (artifact.file_count, artifact.size) == (3, 13)
        artifact.save()
        assert (artifact.file_count, artifact.size) == (3, 13)
        assert texts(artifact.download()) == {"a.txt": "hello", "deep/b.txt": "world", "own.txt": "own"}
        agrees(project, "data:v0", project / ".dvc" / "cache")
        assert sh("dvc get . artifacts/data --rev data@v0 -o got && ls got", project) == "own.txt\n"
        sh("gitreg fsck", project)

    def test_is_the_same_when_addresses_and_hashes_are(self, project: Path, share: Path) -> None:
        assert of(share).version == of(share).version == "v0"
        (share / "a.txt").write_text("HELLO")
        assert of(share).version == "v1"
        # the same bytes elsewhere: W&B's digest is the same, and who fetches them goes elsewhere
        share.rename(share.with_name("moved"))
        moved = of(share.with_name("moved"))
        assert moved.version == "v2"
        assert moved.digest == gitreg.Api().artifact("data:v1").digest

    def test_takes_a_path_once(self, project: Path, share: Path) -> None:
        artifact = draft()
        artifact.add_reference(share / "a.txt")
        artifact.add_reference(share / "a.txt")
        with pytest.raises(ValueError, match=r"'a\.txt' is in the artifact already"):
            artifact.add_reference(share / "deep" / "b.txt", "a.txt")
        with pytest.raises(ValueError, match=r"'a\.txt' is in the artifact already"):
            artifact.add_file(share / "deep" / "b.txt", "a.txt")
        artifact.remove("a.txt")
        assert artifact.add_file(share / "a.txt").ref is None
        artifact.add_reference(share / "deep", "a.txt/b")
        with pytest.raises(UnsafePathError, match="another path's directory"):
            artifact.save()

    def test_of_an_entry_of_another_artifact_is_its_file(self, project: Path, share: Path) -> None:
        first = gitreg.Artifact("first", "dataset")
        first.add_file(share / "a.txt")
        first.add_reference(share / "deep")
        first.save()
        second = draft()
        second.add_reference(first.get_entry("a.txt"), "copy.txt")
        second.add_reference(first.get_entry("b.txt"))
        second.save()
        assert [(item.path, item.ref is None) for item in second.files()] == [("b.txt", False), ("copy.txt", True)]
        assert texts(second.download()) == {"b.txt": "world", "copy.txt": "hello"}

    def test_of_many_references_is_a_dvc_object(self, project: Path, share: Path, sh: Shell) -> None:
        many = share / "many"
        many.mkdir()
        for number in range(4000):
            (many / f"{number:0100}").touch()
        artifact = of(many)
        assert artifact.file_count == 4000
        tree = sh("git ls-tree -r --name-only data@v0 artifacts", cwd=project).split()
        assert "artifacts/data.references.dvc" in tree
        assert sh("git show data@v0:artifacts/.gitignore", cwd=project) == "/data\n/data.references\n"
        agrees(project, "data:v0", project / ".dvc" / "cache")
        assert len(gitreg.Api().artifact("data").files()) == 4000


class TestWhatAStrangerWrote:
    """A version whose references somebody else has put together, by hand."""

    @pytest.fixture
    def forged(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Callable[..., gitreg.Artifact]:
        monkeypatch.chdir(desk.path)

        def forge(*found: Reference) -> gitreg.Artifact:
            run = desk.start()
            run.log_artifact(Draft(CollectionName("", "data"), "dataset", {}, references=found))
            run.finish("finished")
            return gitreg.Api().artifact("data")

        return forge

    def test_gets_no_file_of_this_machine_whose_hash_he_does_not_know(
        self, forged: Callable[..., gitreg.Artifact], share: Path
    ) -> None:
        secret = (share / "a.txt").as_uri()
        for reference in (
            Reference("x", secret, 5, sha256="0" * 64),
            Reference("x", secret, 5, md5="0" * 32),
            Reference("x", secret.replace("file", "FILE", 1), sha256="0" * 64),
        ):
            with pytest.raises(ChangedReferenceError):
                forged(reference).download("here")
        for reference in (Reference("x", secret, 5), Reference("x", secret, 5, etag="x", version="y")):
            with pytest.raises(UncheckedReferenceError):
                forged(reference).download("here")
        assert texts("here") == {}

    @pytest.mark.parametrize("kind", ["device", "pipe", "folder"])
    def test_has_nothing_opened_that_is_no_file(
        self, forged: Callable[..., gitreg.Artifact], tmp_path: Path, kind: str, sh: Shell
    ) -> None:
        sh("mkfifo pipe && mkdir folder && ln -s /dev/zero device")
        artifact = forged(Reference("x", (tmp_path / kind).as_uri(), sha256="0" * 64))
        with pytest.raises(ChangedReferenceError, match="it is no regular file"):
            artifact.download("here")

    @pytest.mark.parametrize("uri", ["https://-oProxyCommand=x/y", "ftp://host/x", "data://host/x", "file+x://host/x"])
    def test_leads_nobody_where_gitreg_knows_no_way(self, forged: Callable[..., gitreg.Artifact], uri: str) -> None:
        with pytest.raises(UncheckedReferenceError) as caught:
            forged(Reference("x", uri, 5, etag="x")).download("here")
        assert caught.value.hint == f"fetch it yourself: gitreg knows no way there; {LEAVE_OUT}"

    def test_gets_the_users_password_only_where_his_own_remote_leads(
        self, forged: Callable[..., gitreg.Artifact], web: servers.Server, desk: Desk
    ) -> None:
        (desk.path / ".dvc" / "config.local").write_text(
            f"['remote \"mine\"']\nurl = {web.url}/mine\nauth = custom\ncustom_auth_header = X-Token\npassword = hush\n"
        )
        etag = hashlib.md5(b"1,2\n").hexdigest()
        for folder in ("mine", "theirs"):
            (web.root / folder).mkdir()
            (web.root / folder / "x").write_text("1,2\n")
        mine, theirs = (Reference(name, f"{web.url}/{name}/x", 4, etag=etag) for name in ("mine", "theirs"))
        assert texts(forged(mine, theirs).download("both")) == {"mine": "1,2\n", "theirs": "1,2\n"}
        web.secret = "hush"  # noqa: S105
        assert texts(forged(mine).download("here")) == {"mine": "1,2\n"}
        # the same server, asked for both
        with pytest.raises(StorageError, match="theirs/x' cannot be asked"):
            forged(mine, theirs).download("here")

    def test_leads_no_bytes_through_a_link_of_the_folder(
        self, forged: Callable[..., gitreg.Artifact], share: Path, tmp_path: Path
    ) -> None:
        known = hashlib.sha256(b"hello").hexdigest()
        artifact = forged(Reference("deep/x", (share / "a.txt").as_uri(), 5, sha256=known))
        (tmp_path / "outside").mkdir()
        Path("here").mkdir()
        Path("here", "deep").symlink_to(tmp_path / "outside")
        with pytest.raises(StorageError, match="no directory, or a symbolic link to one"):
            artifact.download("here")
        assert texts(tmp_path / "outside") == {}
        assert texts(artifact.download("there")) == {"deep/x": "hello"}

    def test_is_shown_as_he_wrote_it(self, forged: Callable[..., gitreg.Artifact], desk: Desk, sh: Shell) -> None:
        forged(Reference("x\x1b[31m", "s3://bucket/<script>", 5, etag="x"))
        assert "\x1b" not in sh("gitreg show data:v0", desk.path)
        shown = json.loads(sh("gitreg show data:v0 --json", desk.path))
        assert shown["references"] == [
            {"path": "x\x1b[31m", "uri": "s3://bucket/<script>", "size": 5, "etag": "x"}
            | dict.fromkeys(("md5", "sha256", "version", "modified"))
        ]
        schema = json.loads((Path(gitreg.__file__).parent / "schemas" / "version-1.json").read_text())
        jsonschema.validate(shown, schema)
        # a difference like any other
        forged(Reference("x", "s3://bucket/other", 5, etag="x"))
        found = json.loads(sh("gitreg diff data:v0 data:v1 --json || test $? = 3", desk.path))
        assert [item["change"] for item in found["references"]["changed"]] == ["added", "removed"]
        assert not found["same"]


def test_a_list_of_references_that_was_changed_is_found(project: Path, share: Path, sh: Shell) -> None:
    of(share)
    sh(
        """
        new=$(git show data@v0:artifacts/data.references | sed s/%20share/%20other/ | git hash-object -w --stdin)
        artifacts=$(git ls-tree data@v0:artifacts | sed "/references/s/blob [0-9a-f]*/blob $new/" | git mktree)
        tree=$(git ls-tree 'data@v0^{tree}' | sed "/artifacts/s/tree [0-9a-f]*/tree $artifacts/" | git mktree)
        commit=$(git cat-file commit data@v0^0 | sed "s/^tree .*/tree $tree/" | git hash-object -w -t commit --stdin)
        tag=$(git cat-file tag data@v0 | sed "s/^object .*/object $commit/" | git hash-object -w -t tag --stdin)
        git update-ref refs/tags/data@v0 "$tag"
        """,
        project,
    )
    with pytest.raises(gitreg.Error, match="references and record of 'data' disagree"):
        gitreg.Api().artifact("data").files()
    assert "its files and its record's 'references' disagree" in sh("gitreg fsck || test $? = 3", project)
