from __future__ import annotations

import hashlib
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gitreg.data import materialise as module
from gitreg.data import tree as tree_module
from gitreg.data.cache import Cache, store
from gitreg.data.materialise import default_folder, materialise, verify
from gitreg.data.tree import Tree as Target
from gitreg.data.walk import walk_directory
from gitreg.errors import IntegrityError, MissingBytesError, StorageError
from gitreg.records.listing import FileEntry, Listing
from helpers import Heard

Tree = Callable[[Path], dict[str, bytes]]


@pytest.fixture
def listing(cache: Cache, files: Path) -> Listing:
    return store(walk_directory(files), cache)


@pytest.fixture(params=["relative to open directories", "by whole paths"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to stay inside the target; the second is what Windows gets."""
    if request.param == "by whole paths":
        monkeypatch.setattr(module, "Tree", lambda root: Target(root, relative=False))
    return str(request.param)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target" / "m"


def damage(cache: Cache, entry: FileEntry, content: bytes) -> None:
    cache.path(entry.md5).chmod(0o644)
    cache.path(entry.md5).write_bytes(content)


def test_the_files_are_written_and_nothing_else(
    listing: Listing, cache: Cache, files: Path, target: Path, tree: Tree
) -> None:
    assert materialise(listing, cache, target) == target
    assert tree(target) == tree(files)
    assert verify(listing, target) == []


def test_they_can_be_changed_without_harm_to_the_cache(listing: Listing, cache: Cache, target: Path) -> None:
    materialise(listing, cache, target)
    (target / "a").write_text("mine")
    assert cache.path(listing.entries[0].md5).read_text() == "a\n"


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o644)])
def test_their_modes_follow_the_umask(listing: Listing, cache: Cache, target: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        materialise(listing, cache, target)
    finally:
        os.umask(before)
    assert {stat.S_IMODE((target / entry.path).stat().st_mode) for entry in listing} == {mode}


def test_right_files_stay_wrong_ones_are_replaced_others_are_left_alone(
    listing: Listing, cache: Cache, target: Path, tmp_path: Path
) -> None:
    materialise(listing, cache, target)
    (target / "mine").write_text("mine")
    (target / "a").write_text("b\n")
    (target / "empty").unlink()
    (target / "empty").symlink_to(tmp_path / "victim")
    before = (target / "big.bin").stat().st_ino
    materialise(listing, cache, target)
    assert (target / "big.bin").stat().st_ino == before
    assert (target / "a").read_text() == "a\n"
    assert not (target / "empty").is_symlink()
    assert not (tmp_path / "victim").exists()
    assert (target / "mine").read_text() == "mine"


def test_every_byte_and_every_file_is_told(listing: Listing, cache: Cache, target: Path) -> None:
    first, again = Heard(), Heard()
    total, paths = sum(entry.size for entry in listing), [entry.path for entry in listing]
    materialise(listing, cache, target, progress=first)
    assert first.tasks == [("writing", total, len(paths))]
    assert sum(first.counts) == total
    assert first.files == [("written", entry.path, entry.size) for entry in listing]
    # another content of the same length, so that the file is read and written
    wrong = next(entry for entry in listing if entry.size)
    Path(target, wrong.path).write_bytes(b"x" * wrong.size)
    materialise(listing, cache, target, progress=again)
    assert sum(again.counts) == total
    assert sorted(path for what, path, _ in again.files if what == "skipped") == sorted({*paths} - {wrong.path})
    assert ("written", wrong.path, wrong.size) in again.files


def test_a_part_can_be_asked_for(listing: Listing, cache: Cache, target: Path, tree: Tree) -> None:
    materialise(listing, cache, target, only={"a", "sub/deep/same"})
    assert set(tree(target)) == {"a", "sub/deep/same"}


def test_no_bytes_no_files(listing: Listing, cache: Cache, target: Path, tree: Tree, tmp_path: Path) -> None:
    lost = listing.get("big.bin")
    assert lost is not None
    cache.path(lost.md5).unlink()
    cache.release([lost.md5])
    with pytest.raises(MissingBytesError, match=r"big\.bin") as caught:
        materialise(listing, cache, target)
    assert caught.value.md5s == (lost.md5,)
    assert tree(target) == {}


@pytest.mark.parametrize("content", [b"b\n", b"a", b"a\na", b""])
def test_a_damaged_object_never_gets_its_final_name(
    listing: Listing, cache: Cache, target: Path, tree: Tree, content: bytes
) -> None:
    entry = listing.entries[0]
    damage(cache, entry, content)
    with pytest.raises(IntegrityError) as caught:
        materialise(listing, cache, target)
    assert (caught.value.path, caught.value.expected) == ("a", entry.sha256)
    assert caught.value.actual == hashlib.sha256(content).hexdigest()
    assert tree(target) == {}
    assert not cache.has(entry.md5)
    place = cache.path(entry.md5)
    assert place.with_name(f"{place.name}.corrupt").read_bytes() == content
    cache.add_bytes(b"a\n")
    materialise(listing, cache, target)
    assert verify(listing, target) == []


def test_a_damaged_file_in_the_target_survives_until_there_is_a_better_one(
    listing: Listing, cache: Cache, target: Path
) -> None:
    materialise(listing, cache, target)
    (target / "a").write_text("old\n")
    damage(cache, listing.entries[0], b"worse\n")
    with pytest.raises(IntegrityError):
        materialise(listing, cache, target)
    assert (target / "a").read_text() == "old\n"


class TestWritingNowhereElse:
    def test_a_link_in_place_of_a_directory_is_not_followed(
        self, listing: Listing, cache: Cache, target: Path, tmp_path: Path, tree: Tree
    ) -> None:
        (tmp_path / "outside").mkdir()
        target.mkdir(parents=True)
        (target / "sub").symlink_to(tmp_path / "outside")
        with pytest.raises(StorageError, match="sub"):
            materialise(listing, cache, target)
        assert tree(tmp_path / "outside") == {}

    def test_a_link_deeper_down_neither(
        self, listing: Listing, cache: Cache, target: Path, tmp_path: Path, tree: Tree
    ) -> None:
        (tmp_path / "outside").mkdir()
        (target / "sub").mkdir(parents=True)
        (target / "sub" / "deep").symlink_to(tmp_path / "outside")
        with pytest.raises(StorageError, match="deep"):
            materialise(listing, cache, target)
        assert tree(tmp_path / "outside") == {}

    def test_a_file_behind_a_link_is_not_taken_for_the_artifacts(
        self, listing: Listing, cache: Cache, target: Path, files: Path
    ) -> None:
        target.mkdir(parents=True)
        (target / "a").symlink_to(files / "a")
        materialise(listing, cache, target)
        assert not (target / "a").is_symlink()

    def test_the_target_itself_may_be_a_link(
        self, listing: Listing, cache: Cache, target: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "disk").mkdir()
        target.parent.mkdir()
        target.symlink_to(tmp_path / "disk")
        materialise(listing, cache, target)
        assert verify(listing, tmp_path / "disk") == []

    def test_what_is_in_the_way_is_named_and_stays(self, listing: Listing, cache: Cache, target: Path) -> None:
        (target / "a").mkdir(parents=True)
        with pytest.raises(StorageError, match=r"'.*/a' is a directory"):
            materialise(listing, cache, target)
        (target / "a").rmdir()
        (target / "sub").write_text("a file")
        with pytest.raises(StorageError, match="sub"):
            materialise(listing, cache, target)
        assert (target / "sub").read_text() == "a file"

    def test_a_pipe_in_the_way_is_replaced_without_waiting(self, listing: Listing, cache: Cache, target: Path) -> None:
        target.mkdir(parents=True)
        os.mkfifo(target / "a")
        materialise(listing, cache, target)
        assert (target / "a").read_text() == "a\n"

    def test_a_directory_that_becomes_a_link_between_two_files_is_not_followed(
        self, target: Path, tmp_path: Path, tree: Tree, way: str
    ) -> None:
        (tmp_path / "outside").mkdir()
        (target / "sub").mkdir(parents=True)
        with closing(Target(target, relative=way != "by whole paths")) as place:
            temporary, descriptor = place.create("sub/x")
            os.close(descriptor)
            (target / "sub").rename(target / "was")
            (target / "sub").symlink_to(tmp_path / "outside")
            if way == "by whole paths":
                with pytest.raises(StorageError):
                    place.move(temporary, "sub/x")
            else:
                place.move(temporary, "sub/x")
                assert (target / "was" / "x").exists()
        assert tree(tmp_path / "outside") == {}


@pytest.mark.parametrize("path", ["a\\b", "a:stream", "sub/x?", "trailing./x", "trailing ", "sub/NUL.txt"])
def test_windows_gets_no_name_that_means_something_else_there(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree_module, "_ON_WINDOWS", True)
    with closing(Target(tmp_path)) as place, pytest.raises(StorageError, match="Windows"):
        place.create(path)


# Runs a function of this module, and is killed at the audited event, of which `part` must be in the path.
_KILLED = """
import os, sys
from pathlib import Path
from gitreg.data.cache import Cache, store
from gitreg.data.materialise import default_folder, materialise
from gitreg.data.walk import walk_directory

event, part, work = sys.argv[1:]
listing = store(walk_directory(Path("files")), Cache(Path("cache")))

def hook(name, arguments):
    if name == event and part in str(arguments[0]):
        os.kill(os.getpid(), 9)

sys.addaudithook(hook)
exec(work)
"""


def killed(folder: Path, event: str, part: str, work: str) -> None:
    done = subprocess.run([sys.executable, "-c", _KILLED, event, part, work], cwd=folder, check=False)
    assert done.returncode == -signal.SIGKILL


class TestWhatAKilledProcessLeaves:
    def test_goes_when_the_files_are_written_again(
        self, *, listing: Listing, cache: Cache, target: Path, tmp_path: Path, tree: Tree, files: Path
    ) -> None:
        for part in ("a", "sub/deep/same"):
            work = f"materialise(listing, Cache(Path('cache')), Path('target/m'), only={{{part!r}}})"
            killed(tmp_path, "os.rename", ".gitreg-", work)
        assert [name.rpartition("/")[0] for name in tree(target) if ".gitreg-" in name] == ["", "sub/deep"]
        materialise(listing, cache, target)
        assert tree(target) == tree(files)

    def test_goes_even_when_all_files_are_right(
        self, listing: Listing, cache: Cache, target: Path, tmp_path: Path
    ) -> None:
        killed(tmp_path, "os.rename", ".gitreg-", "materialise(listing, Cache(Path('cache')), Path('target/m'))")
        (left,) = target.glob(".gitreg-*")
        data = left.read_bytes()
        left.unlink()
        materialise(listing, cache, target)
        left.write_bytes(data)
        materialise(listing, cache, target)
        assert verify(listing, target) == []

    def test_is_told_from_what_another_process_writes(
        self, listing: Listing, cache: Cache, target: Path, way: str
    ) -> None:
        with closing(Target(target, relative=way != "by whole paths")) as other:
            temporary, descriptor = other.create("a")
            os.write(descriptor, b"a\n")
            os.close(descriptor)
            materialise(listing, cache, target)
            assert (target / temporary).exists()
            other.move(temporary, "a")
        assert verify(listing, target) == []

    @pytest.mark.parametrize(
        "name", [".gitreg-0123.tmp", ".gitreg-0123456789abcdef", "x.gitreg-0123456789abcdef.tmp", "mine.tmp"]
    )
    def test_is_told_from_the_users_files(self, listing: Listing, cache: Cache, target: Path, name: str) -> None:
        target.mkdir(parents=True)
        (target / name).write_text("mine")
        materialise(listing, cache, target)
        assert (target / name).read_text() == "mine"

    def test_is_told_from_the_artifacts_files_and_from_what_is_no_file(
        self, cache: Cache, files: Path, target: Path
    ) -> None:
        (files / ".gitreg-0123456789abcdef.tmp").write_text("logged")
        (target / ".gitreg-1123456789abcdef.tmp").mkdir(parents=True)
        (target / ".gitreg-2123456789abcdef.tmp").symlink_to(files / "a")
        os.mkfifo(target / ".gitreg-3123456789abcdef.tmp")
        listing = store(walk_directory(files), cache)
        materialise(listing, cache, target)
        materialise(listing, cache, target, only={"a"})
        assert sorted(path.name[8] for path in target.glob(".gitreg-*")) == ["0", "1", "2", "3"]

    @pytest.mark.parametrize(("event", "part"), [("open", ".gitreg-"), ("os.rename", ".gitreg-"), ("os.chmod", "")])
    def test_is_made_complete_when_it_is_the_default_folder(
        self, files: Path, tmp_path: Path, tree: Tree, event: str, part: str
    ) -> None:
        assert files.exists()
        killed(tmp_path, event, part, "default_folder(Path(), 'm:v0', make=True)")
        default_folder(tmp_path, "m:v0", make=True)
        assert tree(tmp_path / "artifacts") == {".gitignore": b"*\n"}
        (tmp_path / "fresh").mkdir()
        default_folder(tmp_path / "fresh", "m:v0", make=True)
        made = [(tmp_path / folder).stat().st_mode for folder in ("artifacts", "fresh/artifacts", "files")]
        assert made == made[:1] * 3

    def test_is_told_from_a_default_folder_of_the_users(self, tmp_path: Path, tree: Tree) -> None:
        (tmp_path / "artifacts").mkdir()
        (tmp_path / "artifacts").chmod(0o1777)
        (tmp_path / "artifacts" / "mine").write_text("mine")
        default_folder(tmp_path, "m:v0", make=True)
        assert tree(tmp_path / "artifacts") == {"mine": b"mine"}


class TestVerifying:
    def test_it_names_what_is_missing_changed_and_extra(
        self, listing: Listing, cache: Cache, target: Path, tmp_path: Path
    ) -> None:
        materialise(listing, cache, target)
        (target / "a").write_text("b\n")
        (target / "empty").write_text("x")
        (target / "sub" / "deep" / "same").unlink()
        (target / "new").touch()
        (target / "link").symlink_to(tmp_path)
        assert verify(listing, target) == [
            "'a' has changed",
            "'empty' has changed",
            "'link' does not belong to it",
            "'new' does not belong to it",
            "'sub/deep/same' is missing",
        ]

    def test_nothing_there_is_everything_missing(self, listing: Listing, target: Path) -> None:
        assert len(verify(listing, target)) == len(listing)

    def test_an_empty_artifact_is_right_in_an_empty_directory(self, cache: Cache, target: Path) -> None:
        empty = store({}, cache)
        assert verify(empty, materialise(empty, cache, target)) == []
