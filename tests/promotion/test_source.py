"""The files that say what aliases shall name are read from a commit or a working tree, and not without an end."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from desks import Desk
from gitreg.errors import NotARepositoryError, RefusedError, SettingsError, StorageError
from gitreg.git.objects import MAX_OBJECT, Batch
from gitreg.git.runner import Git
from gitreg.promotion import source
from gitreg.promotion.source import Wanted
from gitreg.promotion.wanted import FOLDER
from gitreg.records.names import CollectionName
from gitreg.records.objects import EMPTY_TREE, Commit, Oid, TreeEntry, encode_tree
from gitreg.registry.repository import Registry

Read = Callable[[Desk], Wanted]


def in_worktree(desk: Desk) -> Wanted:
    return source.in_worktree(desk.registry)


def at_head(desk: Desk) -> Wanted:
    desk.sh("git add -f . && git commit --quiet --allow-empty -m x")
    return source.at(desk.registry, desk.oid("HEAD"))


both = pytest.mark.parametrize("read", [in_worktree, at_head])


def listed(found: Wanted) -> list[str]:
    return [f"{alias} {entry.version.label if entry.version else '-'}" for alias, entry in found.entries.items()]


def broken(found: Wanted) -> list[str]:
    return [error.message for error in found.broken]


def write(desk: Desk, path: str, text: str | bytes) -> None:
    place = desk.path / FOLDER / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(text.encode() if isinstance(text, str) else text)


@both
def test_each_file_is_a_collections(desk: Desk, read: Read) -> None:
    assert read(desk) == Wanted({}, (), {})
    write(desk, "m.yaml", "production: v3\nstaging: null\n")
    write(desk, "model/MNIST.yaml", "production: {version: v1}\n")
    desk.sh(f"chmod +x {FOLDER}/model/MNIST.yaml")
    found = read(desk)
    assert listed(found) == ["m:production v3", "m:staging -", "model/MNIST:production v1"]
    assert found.broken == ()
    blobs = {path: desk.git(f"hash-object '{path}'") for path in found.files}
    assert {path: str(oid) for path, oid in found.files.items()} == blobs
    assert [*blobs] == [f"{FOLDER}/m.yaml", f"{FOLDER}/model/MNIST.yaml"]


@both
def test_what_is_no_file_of_a_collection_is_named_and_the_others_are_read(desk: Desk, read: Read) -> None:
    write(desk, "good.yaml", "a: v1\n")
    write(desk, "notes.yml", "")
    write(desk, "a..b.yaml", "")
    write(desk, "space/deep/m.yaml", "")
    write(desk, "folder.yaml/m.yaml", "a: v1\n")
    write(desk, "bytes.yaml", b"a: v1\n# \xff\n")
    write(desk, "list.yaml", "- a\n")
    write(desk, "twice.yaml", "a: v1\na: v2\n")
    (desk.path / FOLDER / "link.yaml").symlink_to("good.yaml")
    (desk.path / FOLDER / "linked").symlink_to("space")
    found = read(desk)
    assert listed(found) == ["good:a v1"]
    assert sorted(broken(found)) == [
        f"'{FOLDER}/a..b.yaml': invalid collection name 'a..b': it holds '..'",
        f"'{FOLDER}/bytes.yaml', line 2: it is not UTF-8",
        f"'{FOLDER}/folder.yaml': it is a folder, where a regular file is expected",
        f"'{FOLDER}/link.yaml': it is a link, where a regular file is expected",
        f"'{FOLDER}/linked': it is a link, where a regular file is expected",
        f"'{FOLDER}/list.yaml', line 1: a mapping is expected here",
        f"'{FOLDER}/notes.yml': this is no file of a collection's aliases",
        f"'{FOLDER}/space/deep': it is a folder, where a regular file is expected",
        f"'{FOLDER}/twice.yaml', line 2: key 'a' stands twice",
    ]


@both
def test_what_git_editors_and_writers_keep_there_is_passed_over(desk: Desk, read: Read) -> None:
    for name in (".gitattributes", ".gitkeep", ".m.yaml.swp", ".gitreg-x.tmp", ".hidden/m.yaml", "space/.keep"):
        write(desk, name, "\0 no YAML")
    assert read(desk) == Wanted({}, (), {})


@both
@pytest.mark.parametrize("name", [".gitreg", FOLDER])
def test_the_folder_may_be_no_link(desk: Desk, read: Read, name: str) -> None:
    outside = desk.path.parent / "outside" / "aliases"
    outside.mkdir(parents=True)
    (outside / "m.yaml").write_text("a: v1\n")
    place = desk.path / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(outside if name == FOLDER else outside.parent)
    assert read(desk).entries == {}
    assert broken(read(desk)) == [f"'{name}': it is a link, where a folder is expected"]


@both
def test_a_file_of_ten_megabytes_is_not_read(desk: Desk, read: Read) -> None:
    write(desk, "m.yaml", "a: v1\n# " + "x" * 10_000_000)
    write(desk, "n.yaml", "a: v1\n")
    found = read(desk)
    assert listed(found) == ["n:a v1"]
    assert broken(found) == [f"'{FOLDER}/m.yaml': larger than 1048576 bytes"]


def test_a_megabyte_of_aliases_is_read_in_one_pass(desk: Desk) -> None:
    write(desk, "m.yaml", "".join(f"a{number}: v1\n" for number in range(90_000)))
    assert len(in_worktree(desk).entries) == 90_000


@both
def test_there_is_an_end_to_all_files_together(desk: Desk, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_TOTAL", 2 << 20)
    for name in ("a", "b", "c"):
        write(desk, f"{name}.yaml", "x: v1\n#" + "y" * 900_000)
    found = read(desk)
    assert listed(found) == ["a:x v1", "b:x v1"]
    assert broken(found) == [f"'{FOLDER}': its files have more than 2 MiB together"]


@both
def test_there_is_an_end_to_their_number(desk: Desk, read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_FILES", 5)
    for number in range(4):
        write(desk, f"m{number}.yaml", "a: v1\n")
    write(desk, "space/.hidden", "")
    assert len(read(desk).entries) == 4
    assert broken(read(desk)) == [f"'{FOLDER}': it holds more than 5 files"]


def forged(desk: Desk, entries: list[TreeEntry], *also: bytes) -> Oid:
    """A commit whose tree has these below FOLDER, as git would not make it."""
    batch = Batch()
    for data in also:
        batch.add("blob", data)
    tree = batch.add("tree", encode_tree(entries))
    for name in reversed(FOLDER.split("/")):
        tree = batch.add("tree", encode_tree([TreeEntry(name.encode(), tree, is_tree=True)]))
    who = desk.registry.now()
    commit = batch.add("commit", Commit(tree, (), who, who, "x\n").encode())
    desk.registry.objects.write(batch.objects)
    return commit


def test_what_git_would_not_make_is_broken_too(desk: Desk) -> None:
    data = b"a: v1\n"
    blob = Batch().add("blob", data)
    entries = [
        TreeEntry(b"M.yaml", blob),
        TreeEntry(b"m.yaml", blob),
        TreeEntry(b"sub.yaml", desk.oid("HEAD"), mode=b"160000"),
        TreeEntry(b"space/m.yaml", blob),
        TreeEntry(b"odd.yaml", blob, mode=b"100600"),
        TreeEntry(b"none.yaml", blob, mode=b"xyz"),
        TreeEntry(b"\xff\x1b.yaml", blob),
    ]
    found = source.at(desk.registry, forged(desk, entries, data))
    assert listed(found) == ["M:a v1"]
    assert sorted(message.split("': ")[1][:30] for message in broken(found)) == [
        "invalid collection name '\\udcf",
        "it is a file of an unusual mod",
        "it is a submodule, where a reg",
        "it is no regular file, where a",
        "it is no regular file, where a",
        "its name differs from '.gitreg",
    ]


def test_empty_folders_without_end_come_to_an_end(desk: Desk) -> None:
    entries = [TreeEntry(b"f%06d" % number, EMPTY_TREE, is_tree=True) for number in range(30_000)]
    desk.registry.objects.write([("tree", b"")])
    found = source.at(desk.registry, forged(desk, entries))
    assert broken(found) == [f"'{FOLDER}': it holds more than 10,000 files"]


def test_what_cannot_be_read_is_not_taken_for_nothing(desk: Desk) -> None:
    """A replay would take the aliases away, and set them again with the next commit."""
    collection = CollectionName.parse("space/m")
    assert source.of_collection(desk.registry, desk.oid("HEAD"), collection) == {}
    large = b"#" * (MAX_OBJECT + 1)
    link, much = (Batch().add("blob", data) for data in (b"x", large))
    inner = encode_tree([TreeEntry(b"m.yaml", much)])
    folder = TreeEntry(b"space", Batch().add("tree", inner), is_tree=True)
    desk.registry.objects.write([("tree", inner), ("blob", large)])
    for entry, message in (
        (TreeEntry(b"space", link, mode=b"120000"), "/space': it is a link, where a folder is expected"),
        (folder, "more than a record may have"),
    ):
        with pytest.raises(SettingsError, match=message):
            source.of_collection(desk.registry, forged(desk, [entry], b"x"), collection)


def test_a_pipe_is_not_waited_for(desk: Desk) -> None:
    write(desk, "m.yaml", "a: v1\n")
    os.mkfifo(desk.path / FOLDER / "n.yaml")
    found = source.in_worktree(desk.registry)
    assert listed(found) == ["m:a v1"]
    assert broken(found) == [f"'{FOLDER}/n.yaml': it is no regular file, where a regular file is expected"]
    with pytest.raises(StorageError, match="cannot be read"):
        source.content_of(desk.path / FOLDER)


def test_what_a_sparse_checkout_leaves_out_is_not_taken_for_gone(desk: Desk) -> None:
    write(desk, "m.yaml", "a: v1\n")
    desk.sh("mkdir code && echo 1 >code/file && git add . && git commit --quiet -m x && git sparse-checkout set code")
    with pytest.raises(RefusedError, match=r"leaves files of '\.gitreg' out of the working tree"):
        source.in_worktree(desk.registry)
    desk.sh("git sparse-checkout add .gitreg")
    assert listed(source.in_worktree(desk.registry)) == ["m:a v1"]


def test_a_bare_repository_has_no_working_tree(desk: Desk) -> None:
    desk.sh("git clone --quiet --bare . ../bare.git")
    registry = Registry(Git.discover(desk.path.parent / "bare.git"))
    with pytest.raises(NotARepositoryError, match="has no working tree"):
        source.in_worktree(registry)
    assert source.at(registry, desk.oid("HEAD")).entries == {}
    registry.close()
