from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from desks import Desk, World
from gitreg.errors import IntegrityError, MissingBytesError, StorageError
from gitreg.registry import contents, trees
from helpers import agrees


def stored(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "files" / "md5").rglob("*") if path.is_file())


def spoil(path: Path) -> None:
    """Other bytes of the same number."""
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(bytes(byte ^ 1 for byte in data))


def get(desk: Desk, reference: str) -> dict[str, bytes]:
    target = desk.path / ".git" / "got"
    shutil.rmtree(target, ignore_errors=True)
    contents.write_out(desk.reopen(), desk.details(reference), target)
    return {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()}


FILES = {"a": b"1", "sub/b": b"22", "c": b"333"}


@pytest.fixture
def reader(ada: Desk, bob: Desk) -> Desk:
    """A clone that can read m:v0 and has none of its bytes."""
    ada.log("m", FILES)
    ada.publish()
    bob.fetch()
    return bob


def test_bytes_come_from_the_storage_and_then_from_the_cache(reader: Desk, world: World) -> None:
    assert get(reader, "m:v0") == FILES
    shutil.rmtree(world.storage)
    assert get(reader, "m:v0") == FILES


def test_only_the_files_that_are_asked_for_are_fetched(reader: Desk) -> None:
    found = reader.details("m:v0")
    target = reader.path / ".git" / "some"
    contents.write_out(reader.registry, found, target, only={"sub/b"})
    assert (target / "sub" / "b").read_bytes() == b"22"
    assert not (target / "a").exists()
    assert len(stored(reader.path / ".dvc" / "cache")) == 1


def test_where_the_versions_own_storage_is_gone_this_clones_serves(reader: Desk, world: World) -> None:
    moved = world.storage.rename(world.storage.with_name("moved"))
    with pytest.raises(StorageError):
        get(reader, "m:v0")
    (reader.path / ".dvc" / "config").write_text(
        f"[core]\n    remote = moved\n['remote \"moved\"']\n    url = {moved}\n"
    )
    assert get(reader, "m:v0") == FILES


def test_every_damaged_object_of_the_cache_is_fetched_again(reader: Desk) -> None:
    assert get(reader, "m:v0") == FILES
    cache = reader.path / ".dvc" / "cache"
    for path in stored(cache):
        spoil(path)
    assert get(reader, "m:v0") == FILES
    assert len([path for path in stored(cache) if path.name.endswith(".corrupt")]) == 3


def test_wrong_bytes_are_never_handed_out(reader: Desk, world: World) -> None:
    for path in stored(world.storage):
        spoil(path)
    with pytest.raises(StorageError, match="damaged"):
        get(reader, "m:v0")
    assert not [path for path in (reader.path / ".git" / "got").rglob("*") if path.is_file()]


def test_bytes_that_are_wrong_and_nowhere_else_are_told(desk: Desk) -> None:
    desk.log("m", FILES)
    for path in stored(desk.path / ".dvc" / "cache"):
        spoil(path)
    with pytest.raises((IntegrityError, MissingBytesError)) as caught:
        get(desk, "m:v0")
    assert caught.value.hint


def test_large_manifests_are_objects_of_their_own(
    ada: Desk, bob: Desk, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trees, "MAX_BLOB", 200)
    files = {f"file-{number}": f"{number}".encode() for number in range(20)}
    ada.log("big", files)
    assert ada.git("ls-tree -r --name-only big@v0^0 artifacts/ 2>/dev/null || true") == ""
    commit = ada.version("big").commit
    assert ada.git(f"ls-tree -r --name-only {commit} artifacts/").split() == [
        "artifacts/.gitattributes",
        "artifacts/.gitignore",
        "artifacts/big.dvc",
        "artifacts/big.files.dvc",
        "artifacts/big.sha256.dvc",
    ]
    assert ada.git(f"show {commit}:artifacts/.gitignore").split() == ["/big", "/big.sha256", "/big.files"]
    agrees(ada.path, "big:v0", ada.path / ".dvc" / "cache")
    assert ada.publish().objects == 23
    bob.fetch()
    assert get(bob, "big:v0") == files
    agrees(bob.path, "big:v0", world.storage)
    for path in stored(bob.path / ".dvc" / "cache"):
        spoil(path)
    assert get(bob, "big:v0") == files
    shutil.rmtree(bob.path / ".dvc" / "cache")
    shutil.rmtree(world.storage)
    with pytest.raises(StorageError):
        get(bob, "big:v0")


def test_what_a_storage_needs_of_a_version_is_all_that_its_reader_reads(desk: Desk) -> None:
    desk.log("m", FILES)
    needed = contents.needed(desk.registry, desk.details("m:v0"))
    here = {path.parent.name + path.name: path.stat().st_size for path in stored(desk.path / ".dvc" / "cache")}
    assert needed == here


def test_an_empty_artifact_is_a_version_too(ada: Desk, bob: Desk, world: World) -> None:
    ada.log("empty", {})
    ada.publish()
    bob.fetch()
    assert get(bob, "empty:v0") == {}
    agrees(bob.path, "empty:v0", world.storage)
