"""Bytes that changed or are gone: refused, named, moved aside, looked for elsewhere; and the next try completes."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Shell
from desks import Desk, World
from gitreg.data.materialise import materialise
from gitreg.errors import Error, StorageError, UnsafePathError
from gitreg.git.objects import Batch
from gitreg.records import refs as names_of_refs
from gitreg.records.listing import FileEntry, Listing
from gitreg.records.names import CollectionName, VersionName, VersionNumber
from gitreg.records.objects import Commit
from gitreg.records.pointer import Pointer
from gitreg.records.records import ARTIFACT, RUN, ArtifactRecord, Code, RunRecord, VersionRecord
from gitreg.records.trailers import compose
from gitreg.registry import contents, versions
from gitreg.registry.start import new_id
from tally import FAULTS, INPUTS, Tally

FILES = {"a": b"first\n" * 300, "sub/b": b"second\n" * 300, "c": b"", "sub/deep/d": bytes(range(256))}


@pytest.fixture
def bob(world: World, ada: Desk) -> Desk:
    """A clone that can read m:v0 and has none of its bytes."""
    ada.log("m", FILES)
    ada.publish()
    found = world.clone("bob")
    found.fetch()
    return found


def stored(folder: Path) -> list[Path]:
    """The objects of a cache or storage."""
    return sorted(
        path
        for path in (folder / "files" / "md5").rglob("*")
        if path.is_file() and not path.name.endswith((".corrupt", ".tmp"))
    )


def flip(path: Path, at: int = 0) -> None:
    """Change one bit, and nothing that the file system tells of the file."""
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    path.chmod(before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def got(desk: Desk) -> Path:
    return desk.path / ".git" / "got"


def get(desk: Desk, reference: str = "m:v0") -> dict[str, bytes]:
    contents.write_out(desk.reopen(), desk.details(reference), got(desk))
    return {
        path.relative_to(got(desk)).as_posix(): path.read_bytes() for path in got(desk).rglob("*") if path.is_file()
    }


def forget(desk: Desk) -> None:
    shutil.rmtree(desk.path / ".dvc" / "cache", ignore_errors=True)
    shutil.rmtree(got(desk), ignore_errors=True)


def positions(size: int, *, full: bool) -> list[int]:
    return sorted({0, size // 2, size - 1}) if not full else sorted({0, 1, size // 3, size // 2, size - 2, size - 1})


def test_one_flipped_bit_in_the_cache_is_found_and_mended(bob: Desk, tally: Tally, full: bool) -> None:  # noqa: FBT001
    get(bob)
    cache = bob.path / ".dvc" / "cache"
    for path in stored(cache):
        for at in positions(path.stat().st_size, full=full) if path.stat().st_size else ():
            shutil.rmtree(got(bob))
            flip(path, at)
            with tally.attempt(FAULTS, "one bit flipped in the cache: get fetches the object again"):
                assert get(bob) == FILES
                aside = path.with_name(f"{path.name}.corrupt")
                assert aside.exists()
                aside.unlink()


def test_one_flipped_bit_on_the_storage_is_refused_and_named(
    *, bob: Desk, world: World, tmp_path: Path, tally: Tally, full: bool
) -> None:
    shutil.copytree(world.storage, tmp_path / "sound")
    by_md5 = {entry.md5: entry.path for entry in versions.listing(bob.registry, bob.details("m:v0"))}
    for path in stored(world.storage):
        name = by_md5.get(path.parent.name + path.name)
        for at in positions(path.stat().st_size, full=full) if path.stat().st_size and name else ():
            flip(path, at)
            with tally.attempt(FAULTS, "one bit flipped on the storage: get refuses the file by name, others arrive"):
                with pytest.raises(StorageError, match="damaged") as caught:
                    get(bob)
                assert f"'{name}' of 'm:v0'" in str(caught.value)
                assert caught.value.hint
                assert not [path for path in got(bob).rglob("*") if path.is_file()]
                assert len(stored(bob.path / ".dvc" / "cache")) == len(FILES) - 1
            flip(path, at)
            with tally.attempt(FAULTS, "one bit flipped on the storage, then repaired: get completes"):
                assert get(bob) == FILES
            forget(bob)


def test_another_remote_gives_what_the_first_has_damaged(
    *, bob: Desk, world: World, tmp_path: Path, tally: Tally
) -> None:
    shutil.copytree(world.storage, tmp_path / "second")
    with (bob.path / ".dvc" / "config.local").open("a") as config:
        config.write(f"['remote \"zz-second\"']\n    url = {tmp_path / 'second'}\n")
    for path in stored(world.storage):
        if path.stat().st_size:
            flip(path)
    with tally.attempt(FAULTS, "all objects of a storage damaged: another remote of the user's has them"):
        assert get(bob) == FILES
    forget(bob)
    shutil.rmtree(world.storage)
    with tally.attempt(FAULTS, "a storage is gone: another remote of the user's has the bytes"):
        assert get(bob) == FILES


def test_what_is_missing_here_and_there_is_named(bob: Desk, world: World, tmp_path: Path, tally: Tally) -> None:
    entry = versions.listing(bob.registry, bob.details("m:v0")).get("sub/b")
    assert entry
    there = world.storage / "files" / "md5" / entry.md5[:2] / entry.md5[2:]
    there.rename(tmp_path / "away")
    with tally.attempt(FAULTS, "an object is missing here and on the storage: the file is named, nothing is written"):
        with pytest.raises(StorageError) as caught:
            get(bob)
        assert "'sub/b' of 'm:v0'" in str(caught.value)
        assert caught.value.hint
        assert not [path for path in got(bob).rglob("*") if path.is_file()]
    (tmp_path / "away").rename(there)
    with tally.attempt(FAULTS, "an object was missing and is back: get completes"):
        assert get(bob) == FILES
    for lost in stored(bob.path / ".dvc" / "cache"):
        lost.unlink()
        with tally.attempt(FAULTS, "an object is missing in the cache alone: it is fetched"):
            shutil.rmtree(got(bob))
            assert get(bob) == FILES


def test_a_damaged_object_is_not_published(ada: Desk, world: World, tally: Tally) -> None:
    ada.log("m", FILES)
    ada.log("other", "sound")
    entry = versions.listing(ada.registry, ada.details("m:v0")).get("sub/b")
    assert entry
    place = ada.registry.cache.path(entry.md5)
    flip(place)
    with tally.attempt(FAULTS, "a damaged object in the cache: push names the file, and publishes all the rest"):
        report = ada.publish()
        assert [str(name) for name in report.versions] == ["other:v0"]
        (why,) = {refusal.why for refusal in report.refused if "m:v0" in refusal.why}
        assert "'sub/b' of 'm:v0'" in why
        assert f"{place}.corrupt" in why
        assert not list((world.storage / "files").rglob(place.name))
    with tally.attempt(FAULTS, "a damaged object in the cache: logging the files again repairs it, push publishes it"):
        assert str(ada.log("m", FILES).name) == "m:v0"
        assert "m:v0" in [str(name) for name in ada.publish().versions]
        reader = world.clone("carl")
        reader.fetch()
        assert get(reader) == FILES


@pytest.mark.parametrize("damage", ["truncated", "swapped", "removed", "with other paths"])
def test_a_damaged_directory_object_misleads_nobody(bob: Desk, world: World, tally: Tally, damage: str) -> None:
    (place,) = (path for path in stored(world.storage) if path.name.endswith(".dir"))
    place.chmod(0o644)
    text = place.read_bytes()
    if damage == "removed":
        place.unlink()
    elif damage == "truncated":
        place.write_bytes(text[: len(text) // 2])
    elif damage == "swapped":
        place.write_bytes(b"[]")
    else:
        place.write_bytes(json.dumps([{**item, "relpath": "../out"} for item in json.loads(text)]).encode())
    with tally.attempt(FAULTS, f"a directory object {damage} on the storage: files come from what Git has"):
        assert get(bob) == FILES


@pytest.mark.parametrize("damage", [flip, Path.unlink], ids=["flipped", "lost"])
def test_a_damaged_directory_object_is_made_again_before_it_is_published(
    ada: Desk, world: World, tally: Tally, damage: Callable[[Path], None]
) -> None:
    ada.log("m", FILES)
    place = ada.registry.cache.path(ada.details("m:v0").artifact.pointer)
    sound = place.read_bytes()
    damage(place)
    shutil.rmtree(ada.registry.private / "keep")
    with tally.attempt(FAULTS, "a directory object damaged or lost in the cache: it is made again from Git"):
        assert ada.publish().refused == []
        (there,) = (path for path in stored(world.storage) if path.name == place.name)
        assert there.read_bytes() == sound


NFC, NFD = (unicodedata.normalize(form, "é/x") for form in ("NFC", "NFD"))
HOSTILE = [
    *([path] for path in ("/etc/x", "../x", "a/../../x", "..", ".", "a//b", "a/./b", "", "C:/x", "a\0b", "-", "a/")),
    *([path] for path in (".git/hooks/post-checkout", ".GIT/config", "sub/.git", ".git./x", "git~1/x", ".git::$DATA")),
    *([path] for path in (".g\u200cit/config", ".git /x", "GIT~1", "sub/.Git. ./x")),
    ["twice", "twice"],
    ["File", "file"],
    ["straße", "STRASSE"],
    [NFC, NFD],
    ["a", "a/b"],
]


def unchecked(entries: list[FileEntry]) -> Listing:
    """A listing as only a hostile writer makes one."""
    found = Listing.__new__(Listing)
    object.__setattr__(found, "entries", tuple(sorted(entries, key=lambda entry: entry.path)))
    object.__setattr__(found, "references", ())
    return found


def forged(desk: Desk, name: str, paths: list[str]) -> None:
    """A whole version with these paths, all of its hashes and records right."""
    registry = desk.registry
    stored = registry.cache.add_bytes(b"hostile\n")
    listing = unchecked([FileEntry(path, stored.size, stored.md5, stored.sha256) for path in paths])
    registry.cache.add_bytes(listing.directory_object, ".dir")
    collection = CollectionName.parse(name)
    batch = Batch()
    code = Code(desk.oid("HEAD"), snapshot=False)
    run = RunRecord(id=new_id(), name="evil-run-1", code=code, started="2026-01-02T03:04:05Z")
    artifact = ArtifactRecord(
        collection=collection,
        type="model",
        digest=listing.digest,
        size=listing.size,
        files=len(paths),
        pointer=listing.pointer_md5,
        manifest=listing.manifest_sha256,
    )
    text = Pointer(name, listing.pointer_md5, listing.size, len(paths)).encode()
    tree = batch.add_tree(
        {
            f"artifacts/{name}.dvc": text,
            f"artifacts/{name}.sha256": listing.manifest,
            f"artifacts/{name}.files": listing.files_text,
            ".dvc/config": b"",
        }
    )
    now = registry.now()
    message = compose("log it", {RUN: run.document(), ARTIFACT: artifact.document()})
    commit = batch.add("commit", Commit(tree, run.parents(code.commit), now, now, message).encode())
    record = VersionRecord(
        version=VersionName(collection, VersionNumber(0)),
        type="model",
        digest=artifact.digest,
        size=artifact.size,
        files=artifact.files,
        manifest=artifact.manifest,
        run=run.id,
    )
    kind, data = versions.tag_object(registry, record, commit)
    tag = batch.add(kind, data)
    registry.objects.write(batch.objects)
    desk.git(f"update-ref {names_of_refs.version_tag(record.version)} {tag}")


def test_a_version_with_unsafe_paths_is_never_written(*, repo: Path, sh: Shell, tally: Tally, tmp_path: Path) -> None:
    desk = Desk(repo, sh)
    outside = sorted(tmp_path.rglob("*"))
    # the forgery itself is sound: with good paths it is a version like any other
    forged(desk, "good", ["x", "sub/y"])
    contents.write_out(desk.reopen(), desk.details("good:v0"), tmp_path / "good")
    assert (tmp_path / "good" / "sub" / "y").read_bytes() == b"hostile\n"
    for number, paths in enumerate(HOSTILE):
        name = f"evil{number}"
        forged(desk, name, paths)
        target = tmp_path / "target" / "in" / name
        with tally.attempt(INPUTS, "a version whose files have unsafe paths, all hashes right"):
            with pytest.raises(UnsafePathError if all("\0" not in path and path for path in paths) else Error):
                contents.write_out(desk.reopen(), desk.details(f"{name}:v0"), target)
            assert not target.exists()
            assert not (tmp_path / "target").exists()
    made = {path for path in set(tmp_path.rglob("*")) - set(outside) if repo not in path.parents}
    assert {path.relative_to(tmp_path).parts[0] for path in made} == {"good"}
    desk.registry.close()


def test_a_link_in_the_target_is_not_followed(bob: Desk, tmp_path: Path, tally: Tally) -> None:
    outside = tmp_path / "outside"
    for where in ("sub", "sub/deep"):
        (got(bob) / where).parent.mkdir(parents=True, exist_ok=True)
        outside.mkdir()
        (got(bob) / where).symlink_to(outside)
        with tally.attempt(INPUTS, "a folder of the target is a symbolic link out of it"):
            with pytest.raises(StorageError, match=where) as caught:
                get(bob)
            assert caught.value.hint
            assert list(outside.iterdir()) == []
        outside.rmdir()
        shutil.rmtree(got(bob))


_SWAP = """\
import os, sys
parent, outside, aside = sys.argv[1:]
print("ready", flush=True)
while True:
    try:
        os.rename(parent, aside)
        os.symlink(outside, parent)
        os.unlink(parent)
        os.rename(aside, parent)
    except FileNotFoundError:
        pass
    except OSError:
        try:
            os.unlink(parent)
        except OSError:
            pass
"""


def test_a_folder_that_becomes_a_link_again_and_again_leads_nowhere(
    *, repo: Path, sh: Shell, tmp_path: Path, tally: Tally, full: bool
) -> None:
    desk = Desk(repo, sh)
    desk.log("m", {f"sub/{number:03}": f"{number}" for number in range(40)})
    listing = versions.listing(desk.registry, desk.details("m:v0"))
    target, outside = tmp_path / "target", tmp_path / "outside"
    (target / "sub").mkdir(parents=True)
    outside.mkdir()
    arguments = [str(target / "sub"), str(outside), str(tmp_path / "aside")]
    swapper = subprocess.Popen([sys.executable, "-c", _SWAP, *arguments], stdout=subprocess.PIPE)
    try:
        assert swapper.stdout
        swapper.stdout.readline()
        tried = refused = 0
        while tried < (300 if full else 40) or not refused:
            tried += 1
            with tally.attempt(FAULTS, "a folder is swapped for a symbolic link while it is written to"):
                try:
                    materialise(listing, desk.registry.cache, target)
                except StorageError:
                    refused += 1
                assert list(outside.iterdir()) == []
            # so that the next try writes them again, wherever the folder is at the moment
            for folder, entry in itertools.product((target / "sub", tmp_path / "aside"), listing):
                with contextlib.suppress(OSError):
                    (folder / Path(entry.path).name).unlink()
    finally:
        swapper.kill()
        swapper.communicate()
    desk.registry.close()
