from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from gitreg.data.cache import Cache, store
from gitreg.data.config import Project, Storage
from gitreg.data.materialise import materialise, verify
from gitreg.data.storage import DvcStorage, LocalStorage, Object, OpenStorage, open_storage
from gitreg.data.walk import walk_directory
from gitreg.errors import MissingBytesError, StorageError
from gitreg.records.listing import Listing
from gitreg.records.pointer import Pointer
from helpers import Heard

Shell = Callable[..., str]
Tree = Callable[[Path], dict[str, bytes]]

HELLO = "5d41402abc4b2a76b9719d911017c592"


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    place = tmp_path / "remote"
    place.mkdir()
    return place


@pytest.fixture(params=[LocalStorage, DvcStorage], ids=["without dvc", "through dvc"])
def storage(request: pytest.FixtureRequest, remote: Path) -> OpenStorage:
    """The same directory in both ways: what holds here holds for every storage."""
    named = Storage("s", str(remote))
    if request.param is LocalStorage:
        return LocalStorage(named, remote)
    return DvcStorage.connect(named, {"url": str(remote)})


@pytest.fixture
def listing(cache: Cache, files: Path) -> Listing:
    return store(walk_directory(files), cache)


@pytest.fixture
def objects(listing: Listing) -> list[Object]:
    return [(listing.pointer_md5, None), *((entry.md5, entry.size) for entry in listing)]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Cache:
    """The cache of another clone."""
    return Cache(tmp_path / "elsewhere")


def write(place: Path, content: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.write_bytes(content)


class TestEveryStorage:
    def test_holds_afterwards_what_dvc_push_would_put_there(
        self, storage: OpenStorage, cache: Cache, objects: list[Object], remote: Path, tree: Tree
    ) -> None:
        assert sorted(storage.missing(objects), key=str) == sorted(set(objects), key=str)
        sent = storage.upload(cache, objects)
        assert {md5 for md5, _ in sent} == {md5 for md5, _ in objects}
        assert tree(remote) == tree(cache.directory)
        assert storage.missing(objects) == []
        assert storage.upload(cache, objects) == []

    def test_gives_the_bytes_back(
        self,
        *,
        storage: OpenStorage,
        cache: Cache,
        listing: Listing,
        objects: list[Object],
        elsewhere: Cache,
        tmp_path: Path,
    ) -> None:
        storage.upload(cache, objects)
        assert set(storage.download(elsewhere, objects)) == set(objects)
        assert storage.download(elsewhere, objects) == []
        assert verify(listing, materialise(listing, elsewhere, tmp_path / "out")) == []

    def test_reports_every_byte_in_both_directions(
        self, storage: OpenStorage, cache: Cache, listing: Listing, objects: list[Object], elsewhere: Cache
    ) -> None:
        total = sum({entry.md5: entry.size for entry in listing}.values()) + len(listing.directory_object)
        objects[0] = (listing.pointer_md5, len(listing.directory_object))
        count, called = len(set(objects)), {listing.pointer_md5: "a name"}
        up, down, again = Heard(), Heard(), Heard()
        storage.upload(cache, objects, up, called)
        assert (sum(up.counts), up.tasks) == (total, [("uploading", total, count)])
        storage.download(elsewhere, objects, down, called)
        assert (sum(down.counts), down.tasks) == (total, [("downloading", total, count)])
        storage.upload(cache, objects, again, called)
        assert (sum(again.counts), again.tasks) == (0, [("uploading", 0, count)])
        for heard, what in ((up, "uploaded"), (down, "downloaded"), (again, "skipped")):
            assert sorted(heard.files) == sorted((what, called.get(md5, md5), size) for md5, size in set(objects))

    def test_directory_objects_go_last(self, storage: OpenStorage, cache: Cache, objects: list[Object]) -> None:
        sent = storage.upload(cache, objects)
        assert [md5.endswith(".dir") for md5, _ in sent] == [False] * (len(sent) - 1) + [True]

    def test_an_object_that_is_nowhere_is_named_before_anything_is_sent(
        self, storage: OpenStorage, cache: Cache, objects: list[Object], remote: Path
    ) -> None:
        with pytest.raises(MissingBytesError) as caught:
            storage.upload(cache, [*objects, ("0" * 32, None), ("1" * 32, 1)])
        assert caught.value.md5s == ("0" * 32, "1" * 32)
        assert list(remote.iterdir()) == []

    def test_one_that_only_the_storage_has_is_no_problem(
        self, storage: OpenStorage, cache: Cache, objects: list[Object], elsewhere: Cache
    ) -> None:
        storage.upload(cache, objects)
        assert storage.upload(elsewhere, objects) == []

    def test_a_damaged_object_is_never_sent(self, storage: OpenStorage, cache: Cache, remote: Path, tree: Tree) -> None:
        cache.add_bytes(b"hello")
        write(cache.path(HELLO), b"jello")
        with pytest.raises(StorageError, match=f"'{HELLO}' is damaged"):
            storage.upload(cache, [(HELLO, 5)])
        assert tree(remote) == {}

    def test_a_half_sent_object_is_sent_again(self, storage: OpenStorage, cache: Cache, remote: Path) -> None:
        cache.add_bytes(b"hello")
        place = Cache(remote).path(HELLO)
        write(place, b"hel")
        assert storage.missing([(HELLO, 5)]) == [(HELLO, 5)]
        storage.upload(cache, [(HELLO, 5)])
        assert place.read_bytes() == b"hello"

    def test_wrong_bytes_are_named_and_never_enter_the_cache(
        self, storage: OpenStorage, remote: Path, elsewhere: Cache, tree: Tree
    ) -> None:
        write(Cache(remote).path(HELLO), b"jello")
        with pytest.raises(StorageError, match=f"'{HELLO}' is damaged"):
            storage.download(elsewhere, [(HELLO, 5)])
        assert tree(elsewhere.directory) == {}

    def test_what_it_lacks_is_named_after_the_rest_was_fetched(
        self, storage: OpenStorage, cache: Cache, elsewhere: Cache
    ) -> None:
        cache.add_bytes(b"hello")
        storage.upload(cache, [(HELLO, 5)])
        with pytest.raises(MissingBytesError) as caught:
            storage.download(elsewhere, [("0" * 32, None), (HELLO, 5), (f"{'1' * 32}.dir", None)])
        assert caught.value.md5s == ("0" * 32, f"{'1' * 32}.dir")
        assert elsewhere.has(HELLO, 5)

    def test_an_object_with_lost_bytes_here_is_fetched_again(
        self, storage: OpenStorage, cache: Cache, elsewhere: Cache
    ) -> None:
        cache.add_bytes(b"hello")
        storage.upload(cache, [(HELLO, 5)])
        write(elsewhere.path(HELLO), b"hel")
        storage.download(elsewhere, [(HELLO, 5)])
        assert elsewhere.path(HELLO).read_bytes() == b"hello"

    def test_a_storage_that_cannot_be_written_is_an_error_of_its_own(
        self, storage: OpenStorage, cache: Cache, remote: Path
    ) -> None:
        cache.add_bytes(b"hello")
        remote.rmdir()
        remote.write_text("a file, no directory")
        with pytest.raises(StorageError, match=str(remote)):
            storage.upload(cache, [(HELLO, 5)])

    def test_a_probe_writes_reads_and_removes_and_leaves_nothing(
        self, storage: OpenStorage, remote: Path, tree: Tree
    ) -> None:
        assert storage.probe() == ""
        assert tree(remote) == {}
        shutil.rmtree(remote)
        remote.write_text("a file, no directory")
        with pytest.raises(StorageError):
            storage.probe()

    def test_a_check_reads_every_byte_and_goes_on_after_what_it_cannot_read(
        self, storage: OpenStorage, cache: Cache, listing: Listing, objects: list[Object], remote: Path
    ) -> None:
        storage.upload(cache, objects)
        damaged = listing.entries[0]
        place = remote / "files" / "md5" / damaged.md5[:2] / damaged.md5[2:]
        write(place, b"x" * damaged.size)
        found = storage.check([*objects, ("0" * 32, None)])
        assert list(found) == [*dict.fromkeys(md5 for md5, _ in objects), "0" * 32]
        assert isinstance(found.pop("0" * 32), MissingBytesError)
        wrong = [md5 for md5, held in found.items() if isinstance(held, Exception) or held.md5 != md5.split(".")[0]]
        assert wrong == [damaged.md5]

    def test_many_objects_are_asked_for_together(self, storage: OpenStorage, cache: Cache) -> None:
        names = [(cache.add_bytes(str(number).encode()).md5, len(str(number))) for number in range(2000)]
        assert len(storage.missing(names)) == 2000
        storage.upload(cache, names[::2])
        assert set(storage.missing(names)) == set(names[1::2])


class TestTogetherWithStockDvc:
    @pytest.fixture
    def project(self, repo: Path, remote: Path, sh: Shell) -> Project:
        sh(f"dvc remote add --quiet -d s {remote}", cwd=repo)
        return Project(repo, repo)

    def test_dvc_pulls_what_gitreg_sent(
        self,
        *,
        project: Project,
        storage: OpenStorage,
        cache: Cache,
        listing: Listing,
        objects: list[Object],
        files: Path,
        sh: Shell,
    ) -> None:
        storage.upload(cache, objects)
        pointer = Pointer("files", listing.pointer_md5, listing.size, len(listing))
        (project.root / "files.dvc").write_bytes(pointer.encode())
        sh(f"dvc pull --quiet && diff --recursive files {files}", cwd=project.root)

    def test_gitreg_fetches_what_dvc_pushed(
        self,
        *,
        project: Project,
        objects: list[Object],
        listing: Listing,
        files: Path,
        elsewhere: Cache,
        sh: Shell,
        tmp_path: Path,
    ) -> None:
        files.rename(project.root / "files")
        sh("dvc add --quiet files && dvc push --quiet", cwd=project.root)
        default = project.default_storage
        assert default is not None
        open_storage(project, default).download(elsewhere, objects)
        assert verify(listing, materialise(listing, elsewhere, tmp_path / "out")) == []


class TestOpening:
    @pytest.fixture
    def project(self, repo: Path) -> Project:
        return Project(repo, repo)

    def test_a_directory_needs_no_dvc(self, project: Project, remote: Path) -> None:
        script = (
            "import sys; from pathlib import Path\n"
            "from gitreg.data.config import Project, set_storage; from gitreg.data.storage import open_storage\n"
            f"root = Path({str(project.root)!r}); set_storage(root, {str(remote)!r})\n"
            "project = Project(root, root)\n"
            "open_storage(project, project.default_storage).missing([('0' * 32, None)])\n"
            "assert not [name for name in sys.modules if name.startswith('dvc')]"
        )
        subprocess.run([sys.executable, "-c", script], check=True)

    def test_a_folder_that_is_not_mounted_is_not_made(self, project: Project, remote: Path, cache: Cache) -> None:
        remote.rmdir()
        place = open_storage(project, Storage("s", str(remote)))
        with pytest.raises(StorageError, match="is not there") as refused:
            place.missing([("0" * 32, 1)])
        assert refused.value.hint
        with pytest.raises(StorageError, match="is not there"):
            place.download(cache, [("0" * 32, 1)])
        assert not remote.exists()

    def test_a_file_address_is_a_directory_too(self, project: Project, remote: Path) -> None:
        assert isinstance(open_storage(project, Storage("s", f"file://{remote}")), LocalStorage)

    @pytest.mark.parametrize("scheme", ["s3", "gs", "azure", "ssh"])
    def test_a_plugin_that_is_not_installed_is_named(self, project: Project, scheme: str) -> None:
        pytest.importorskip("dvc")
        try:
            __import__(f"dvc_{scheme}")
        except ImportError:
            pass
        else:
            pytest.skip(f"dvc-{scheme} is installed")
        with pytest.raises(StorageError, match="not installed") as caught:
            open_storage(project, Storage("s", f"{scheme}://bucket/x"))
        assert caught.value.hint == f'pip install "dvc[{scheme}]"'

    @pytest.mark.parametrize("url", ["gdrive://folder", "webdavs://host/x", "remote://s/x", "evil://x"])
    def test_a_stranger_cannot_name_a_storage_of_any_other_kind(self, project: Project, url: str) -> None:
        with pytest.raises(StorageError, match="your own configuration"):
            open_storage(project, Storage("s", url))

    @pytest.mark.parametrize("option", ["worktree", "version_aware"])
    def test_a_cloud_versioned_remote_is_refused(self, project: Project, sh: Shell, option: str) -> None:
        sh(f"dvc remote add -d s s3://bucket && dvc remote modify s {option} true", cwd=project.root)
        default = project.default_storage
        assert default is not None
        with pytest.raises(StorageError, match="cloud-versioned"):
            open_storage(project, default)

    def test_a_malformed_option_is_an_error(self, project: Project, sh: Shell) -> None:
        sh("dvc remote add -d s https://host/x", cwd=project.root)
        with (project.root / ".dvc" / "config").open("a") as config:
            config.write("    read_timeout = soon\n")
        default = project.default_storage
        assert default is not None
        with pytest.raises(StorageError, match="read_timeout"):
            open_storage(project, default)


class _Handler(SimpleHTTPRequestHandler):
    """Serves files, takes uploads, and wants a password for everything."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _refused(self) -> bool:
        if self.headers.get("X-Token") == "hush":
            return False
        self.send_error(401)
        return True

    def do_GET(self) -> None:
        if not self._refused():
            super().do_GET()

    def do_HEAD(self) -> None:
        if not self._refused():
            super().do_HEAD()

    def do_POST(self) -> None:
        if self._refused():
            return
        place = Path(self.translate_path(self.path))
        place.parent.mkdir(parents=True, exist_ok=True)
        if self.headers.get("Transfer-Encoding") == "chunked":
            content = b""
            while size := int(self.rfile.readline(), 16):
                content += self.rfile.read(size)
                self.rfile.readline()
        else:
            content = self.rfile.read(int(self.headers["Content-Length"]))
        place.write_bytes(content)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


class TestOverHttp:
    @pytest.fixture
    def url(self, remote: Path) -> Iterator[str]:
        remote.mkdir(exist_ok=True)
        with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(remote))) as server:
            Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_port}"
            server.shutdown()

    def test_the_users_own_remote_has_the_password_for_a_versions_storage(
        self, *, url: str, repo: Path, sh: Shell, cache: Cache, objects: list[Object], elsewhere: Cache, tree: Tree
    ) -> None:
        sh(
            f"dvc remote add mine {url} && dvc remote modify mine auth custom"
            " && dvc remote modify mine custom_auth_header X-Token && dvc remote modify --local mine password hush",
            cwd=repo,
        )
        place = open_storage(Project(repo, repo), Storage("storage", url))
        assert len(place.upload(cache, objects)) == len(dict(objects))
        assert place.missing(objects) == []
        place.download(elsewhere, objects)
        assert tree(elsewhere.directory) == tree(cache.directory)

    def test_without_it_the_storage_says_no(self, url: str, repo: Path, cache: Cache, objects: list[Object]) -> None:
        place = open_storage(Project(repo, repo), Storage("storage", url))
        with pytest.raises(StorageError, match="storage"):
            place.download(Cache(cache.directory / "other"), objects)
