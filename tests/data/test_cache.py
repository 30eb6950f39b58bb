from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from gitreg.data import hashing
from gitreg.data.cache import Cache, store
from gitreg.data.walk import walk_directory
from gitreg.errors import StorageError, UnsafePathError
from gitreg.progress import Task
from gitreg.records.pointer import Pointer
from helpers import Heard

Tree = Callable[[Path], dict[str, bytes]]

HELLO = "5d41402abc4b2a76b9719d911017c592"


def test_cache_and_pointers_are_what_dvc_add_makes(repo: Path, files: Path, sh: Callable[..., str]) -> None:
    files.rename(repo / "files")
    (repo / "one.txt").write_text("hello")
    listing = store(walk_directory(repo / "files"), Cache(repo / "ours"))
    one = Cache(repo / "ours").add(repo / "one.txt")
    sh("dvc add --quiet files one.txt && diff --recursive ours .dvc/cache", cwd=repo)
    assert (
        Pointer("files", listing.pointer_md5, listing.size, len(listing)).encode() == (repo / "files.dvc").read_bytes()
    )
    assert Pointer("one.txt", one.md5, one.size, None).encode() == (repo / "one.txt.dvc").read_bytes()
    modes = "find {} -type f -printf '%P %m\\n' | sort"
    assert sh(modes.format("ours"), cwd=repo) == sh(modes.format(".dvc/cache"), cwd=repo)


def test_an_object_has_both_hashes_and_can_only_be_read(cache: Cache, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("hello")
    stored = cache.add(tmp_path / "f")
    assert (stored.md5, stored.size) == (HELLO, 5)
    assert stored.sha256 == hashlib.sha256(b"hello").hexdigest()
    place = cache.path(HELLO)
    assert place == tmp_path / "cache" / "files" / "md5" / HELLO[:2] / HELLO[2:]
    assert place.read_text() == "hello"
    assert stat.S_IMODE(place.stat().st_mode) == 0o444


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (4 << 20) - 1, 4 << 20, (5 << 20) + 3])
def test_the_hashes_are_right_on_both_sides_of_every_threshold(size: int, cache: Cache, tmp_path: Path) -> None:
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    (tmp_path / "f").write_bytes(content)
    heard = Heard()
    stored = cache.add(tmp_path / "f", heard)
    assert stored == hashing.Stored(hashlib.md5(content).hexdigest(), hashlib.sha256(content).hexdigest(), size)
    assert cache.path(stored.md5).read_bytes() == content
    assert sum(heard.counts) == size
    assert heard.files == [("stored", "f", size)]


def test_a_directory_object_ends_with_dir(cache: Cache) -> None:
    stored = cache.add_bytes(b"hello", ".dir")
    assert stored.md5 == HELLO
    assert cache.path(f"{HELLO}.dir").read_bytes() == b"hello"
    assert not cache.has(HELLO)


@pytest.mark.parametrize("name", ["", "x", "../../../etc/passwd", HELLO.upper(), f"{HELLO}.txt", f"{HELLO}\n"])
def test_a_name_that_is_no_md5_never_becomes_a_path(cache: Cache, name: str) -> None:
    with pytest.raises(StorageError):
        cache.path(name)


def test_nothing_but_objects_is_left_behind(cache: Cache, files: Path, tree: Tree) -> None:
    listing = store(walk_directory(files), cache)
    store(walk_directory(files), cache)
    names = {f"files/md5/{md5[:2]}/{md5[2:]}" for md5 in [*(entry.md5 for entry in listing), listing.pointer_md5]}
    assert set(tree(cache.directory)) == names


def test_storing_tells_of_every_file_by_its_path_in_the_artifact(cache: Cache, files: Path) -> None:
    first, again = Heard(), Heard()
    listing = store(walk_directory(files), cache, first)
    total = sum(entry.size for entry in listing)
    assert first.tasks == [("storing", total, len(listing))]
    assert sum(first.counts) == total
    assert sorted((name, size) for _, name, size in first.files) == [(entry.path, entry.size) for entry in listing]
    assert "stored" in {what for what, _, _ in first.files}
    store(walk_directory(files), cache, again)
    assert {what for what, _, _ in again.files} == {"skipped"}


class TestAnObjectThatIsThereAlready:
    def test_stays_the_same_file(self, cache: Cache) -> None:
        cache.add_bytes(b"hello")
        before = cache.path(HELLO).stat().st_ino
        cache.add_bytes(b"hello")
        assert cache.path(HELLO).stat().st_ino == before

    @pytest.mark.parametrize("damage", [b"jello", b"hell", b""])
    def test_is_replaced_when_it_is_damaged(self, cache: Cache, damage: bytes, tmp_path: Path) -> None:
        cache.add_bytes(b"hello")
        cache.path(HELLO).chmod(0o644)
        cache.path(HELLO).write_bytes(damage)
        cache.add_bytes(b"hello")
        assert cache.path(HELLO).read_bytes() == b"hello"
        assert stat.S_IMODE(cache.path(HELLO).stat().st_mode) == 0o444
        assert cache.path(HELLO).samefile(tmp_path / "keep" / HELLO[:2] / HELLO[2:])

    def test_is_never_overwritten_by_another_file_of_the_same_md5(self, cache: Cache) -> None:
        # The well-known collision of Wang, Feng, Lai and Yu (2004).
        first = bytes.fromhex(
            "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f8955ad340609f4b30283e488832571415a"
            "085125e8f7cdc99fd91dbdf280373c5bd8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0"
            "e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70"
        )
        second = bytes.fromhex(
            "d131dd02c5e6eec4693d9a0698aff95c2fcab50712467eab4004583eb8fb7f8955ad340609f4b30283e4888325f1415a"
            "085125e8f7cdc99fd91dbd7280373c5bd8823e3156348f5bae6dacd436c919c6dd53e23487da03fd02396306d248cda0"
            "e99f33420f577ee8ce54b67080280d1ec69821bcb6a8839396f965ab6ff72a70"
        )
        assert hashlib.md5(first).digest() == hashlib.md5(second).digest()
        stored = cache.add_bytes(first)
        with pytest.raises(StorageError, match="two different files"):
            cache.add_bytes(second)
        assert cache.path(stored.md5).read_bytes() == first


class TestKeeping:
    def test_an_object_that_the_cache_lost_comes_back(self, cache: Cache) -> None:
        cache.add_bytes(b"hello", ".dir")
        cache.path(f"{HELLO}.dir").unlink()
        assert not cache.has(f"{HELLO}.dir", 6)
        assert cache.has(f"{HELLO}.dir", 5)
        assert cache.path(f"{HELLO}.dir").read_bytes() == b"hello"

    def test_one_that_lost_bytes_comes_back_too(self, cache: Cache) -> None:
        cache.add_bytes(b"hello")
        cache.path(HELLO).unlink()
        cache.path(HELLO).write_bytes(b"hel")
        assert cache.has(HELLO, 5)
        assert cache.path(HELLO).read_bytes() == b"hello"

    def test_costs_no_space(self, cache: Cache, tmp_path: Path) -> None:
        cache.add_bytes(b"hello")
        assert cache.path(HELLO).samefile(tmp_path / "keep" / HELLO[:2] / HELLO[2:])

    def test_ends_when_the_object_is_released(self, cache: Cache) -> None:
        cache.add_bytes(b"hello")
        cache.release([HELLO, "0" * 32])
        cache.path(HELLO).unlink()
        assert not cache.has(HELLO)

    def test_survives_the_loss_of_the_whole_cache(self, cache: Cache, files: Path, sh: Callable[..., str]) -> None:
        listing = store(walk_directory(files), cache)
        sh("rm -rf cache")
        assert all(cache.has(entry.md5, entry.size) for entry in listing)
        assert cache.has(listing.pointer_md5)

    @pytest.mark.parametrize("number", ["EXDEV", "EPERM", "ENOTSUP"])
    def test_is_done_without_where_links_are_impossible(
        self, cache: Cache, number: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tree: Tree
    ) -> None:
        cache.add_bytes(b"hello")

        def refuse(*_: object) -> None:
            raise OSError(getattr(errno, number), "no links here")

        monkeypatch.setattr(os, "link", refuse)
        cache.add_bytes(b"world")
        assert list(tree(tmp_path / "keep").values()) == [b"hello"]
        cache.path(HELLO).unlink()
        assert cache.has(HELLO, 5)
        assert cache.path(HELLO).read_bytes() == b"hello"

    def test_fails_loudly_for_any_other_reason(self, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> None:
            raise OSError(errno.EIO, "broken disk")

        monkeypatch.setattr(os, "link", refuse)
        with pytest.raises(StorageError, match="broken disk"):
            cache.add_bytes(b"hello")


class TestAFileThatChangesWhileItIsRead:
    @pytest.mark.parametrize("change", ["append", "rewrite", "replace", "truncate"])
    def test_is_refused_and_leaves_nothing(self, cache: Cache, tmp_path: Path, tree: Tree, change: str) -> None:
        source = tmp_path / "f"
        source.write_bytes(b"x" * (2 << 20))
        pending = [change]

        class Meanwhile(Task):
            def advance(self, count: int) -> None:
                if not pending:
                    return
                pending.pop()
                if change == "append":
                    with source.open("ab") as file:
                        file.write(b"more")
                elif change == "rewrite":
                    source.write_bytes(b"y" * (2 << 20))
                    os.utime(source, ns=(1, 1))
                elif change == "replace":
                    (tmp_path / "g").write_bytes(b"x" * (2 << 20))
                    (tmp_path / "g").replace(source)
                else:
                    os.truncate(source, 1 << 20)

        with pytest.raises(StorageError, match="changed while it was read") as caught:
            cache.add(source, Meanwhile())
        assert caught.value.hint is not None
        assert tree(cache.directory) == {}
        assert cache.add(source).size == source.stat().st_size


class TestWhatIsRefused:
    def test_a_named_pipe_does_not_hang(self, cache: Cache, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(StorageError, match="no regular file"):
            cache.add(tmp_path / "pipe")

    def test_a_directory(self, cache: Cache, tmp_path: Path) -> None:
        with pytest.raises(StorageError, match="no regular file"):
            cache.add(tmp_path)

    def test_a_missing_file_among_many(self, cache: Cache, files: Path, tree: Tree) -> None:
        found = walk_directory(files) | {"missing": files / "missing"}
        with pytest.raises(StorageError, match="missing"):
            store(found, cache)
        assert not [name for name in tree(cache.directory) if "gitreg" in name]

    def test_unsafe_paths_before_anything_is_read(self, cache: Cache, files: Path) -> None:
        with pytest.raises(UnsafePathError):
            store({"../x": files / "a"}, cache)
        assert not cache.directory.exists()


class TestReceiving:
    def test_an_object_gets_its_name_when_its_bytes_are_right(self, cache: Cache, tmp_path: Path) -> None:
        with cache.receive(HELLO) as temporary:
            temporary.write_bytes(b"hello")
            assert not cache.has(HELLO)
        cache.sync()
        assert cache.path(HELLO).read_bytes() == b"hello"
        assert not (tmp_path / "keep").exists()

    def test_also_when_the_temporary_file_was_replaced(self, cache: Cache, tmp_path: Path) -> None:
        (tmp_path / "f").write_bytes(b"hello")
        with cache.receive(HELLO) as temporary:
            (tmp_path / "f").replace(temporary)
        assert cache.has(HELLO, 5)

    def test_wrong_bytes_leave_nothing(self, cache: Cache, tree: Tree) -> None:
        with pytest.raises(StorageError, match=HELLO), cache.receive(HELLO) as temporary:
            temporary.write_bytes(b"jello")
        assert tree(cache.directory) == {}


def test_a_damaged_object_is_moved_aside_and_not_kept_either(cache: Cache) -> None:
    cache.add_bytes(b"hello")
    cache.path(HELLO).chmod(0o644)
    cache.path(HELLO).write_bytes(b"jello")
    aside = cache.quarantine(HELLO)
    assert aside.read_bytes() == b"jello"
    assert not cache.has(HELLO)


def test_a_sound_copy_that_is_kept_outlives_a_damaged_object(cache: Cache) -> None:
    cache.add_bytes(b"hello")
    cache.path(HELLO).unlink()
    cache.path(HELLO).write_bytes(b"jello")
    cache.quarantine(HELLO)
    assert cache.has(HELLO, 5)
    assert cache.path(HELLO).read_bytes() == b"hello"


def test_a_shared_cache_can_be_written_by_its_group(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "shared", tmp_path / "keep", shared=True)
    cache.add_bytes(b"hello")
    assert stat.S_IMODE(cache.path(HELLO).parent.stat().st_mode) == 0o2775
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o2775


def test_every_object_is_synced_before_it_has_its_name_and_its_directory_after(
    cache: Cache, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        real(descriptor)

    named: list[bool] = []
    replace = Path.replace

    def watched(self: Path, target: Path) -> Path:
        named.append(self.stat().st_ino in synced)
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", watched)
    listing = store(walk_directory(files), cache)
    assert named
    assert all(named)
    assert {cache.path(entry.md5).parent.stat().st_ino for entry in listing} <= synced
    assert cache.directory.stat().st_ino in synced


def test_what_is_there_already_is_synced_too_since_its_writer_may_not_have_come_to_it(
    cache: Cache, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = store(walk_directory(files), cache)
    synced: set[int] = set()
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.add(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    assert store(walk_directory(files), Cache(cache.directory, cache.keep)) == listing
    places = [cache.path(entry.md5) for entry in listing]
    for place in (*places, *(place.parent for place in places), places[0].parent.parent):
        assert place.stat().st_ino in synced
