"""Our bytes of commits, tags and trees are git's."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import Shell
from gitreg.errors import RecordError
from gitreg.git.objects import Batch, Objects
from gitreg.git.runner import Git
from gitreg.records.objects import (
    EMPTY_TREE,
    GITREG_IDENTITY,
    ZERO,
    Commit,
    Identity,
    Oid,
    Tag,
    TreeEntry,
    encode_tree,
    hash_object,
    parse_tree,
)

WHO = Identity("Ada Example <ada@example.com> 1767322805 +0100")
ONE, TWO = Oid(b"\x01" * 20), Oid(b"\xff" * 20)


def raw(path: Path, kind: str, name: str) -> bytes:
    return subprocess.run(["git", "cat-file", kind, name], cwd=path, check=True, capture_output=True).stdout


def test_an_object_id_is_forty_lower_case_digits() -> None:
    assert str(Oid.parse("0123456789abcdef" * 2 + "01234567")) == "0123456789abcdef" * 2 + "01234567"
    for text in ("", "0" * 39, "0" * 41, "A" * 40, "0" * 40 + "\n", "g" * 40):
        with pytest.raises(RecordError, match="not an object id"):
            Oid.parse(text)
    assert not ZERO
    assert ONE
    assert ONE.short == "0101010101"


@pytest.mark.parametrize(
    ("text", "name", "email", "timestamp"),
    [
        ("A B <a@b> 17 +0000", "A B", "a@b", 17),
        ("<a@b> 17 +0000", "", "a@b", 17),
        ("A <> -5 +0000", "A", "", 0),
        ("A <a@b>", "A", "a@b", 0),
        ("A <a> 99999999999999999999 +0000", "A", "a", 0),
        ("broken", "broken", "", 0),
        ("", "", "", 0),
    ],
)
def test_an_identity_is_taken_apart_leniently(text: str, name: str, email: str, timestamp: int) -> None:
    who = Identity(text)
    assert (who.name, who.email, who.timestamp) == (name, email, timestamp)


@pytest.mark.parametrize(
    ("seconds", "when"),
    [
        ("1700000000 +0100", "2023-11-14T22:13:20Z"),
        ("253402300799 +0000", "9999-12-31T23:59:59Z"),
        ("253402300800 +0000", "1970-01-01T00:00:00Z"),
        ("999999999999999999 +0000", "1970-01-01T00:00:00Z"),
        ("-1 +0000", "1970-01-01T00:00:00Z"),
    ],
)
def test_a_time_that_no_calendar_has_is_none(seconds: str, when: str) -> None:
    assert Identity(f"A <a@b> {seconds}").when == when


def test_commits_tags_and_trees_of_git_come_back_as_the_same_bytes(repo: Path, sh: Shell) -> None:
    sh(
        """
        mkdir -p a a.d && echo 1 >a/b && echo 2 >a.d/c && echo 3 >a-b && echo 4 >a0
        git add . && git commit --quiet -m 'subject' -m 'body

with a blank line' && git commit --quiet --allow-empty --allow-empty-message -m ''
        git checkout --quiet -b side HEAD~1 && git commit --quiet --allow-empty -m side
        git merge --quiet --no-edit main
        git tag -a -m 'a version' m@v0
        """,
        cwd=repo,
    )
    for name in sh("git rev-list --all", cwd=repo).split():
        data = raw(repo, "commit", name)
        assert Commit.parse(data).encode() == data
        assert str(hash_object("commit", data)) == name
    tag = raw(repo, "tag", "m@v0")
    assert Tag.parse(tag).encode() == tag
    assert Tag.parse(tag).name == "m@v0"
    tree = raw(repo, "tree", "HEAD^{tree}")
    assert encode_tree(reversed(parse_tree(tree))) == tree
    names = sh("git ls-tree --name-only HEAD", cwd=repo).split()
    assert [entry.name.decode() for entry in parse_tree(tree)] == names


def test_headers_that_gitreg_does_not_write_stay_as_they_are() -> None:
    signature = b"gpgsig -----BEGIN PGP SIGNATURE-----\n \n parent 0000\n -----END PGP SIGNATURE-----\n"
    data = Commit(EMPTY_TREE, (ONE, TWO), WHO, WHO, "s\n", b"encoding latin1\n" + signature).encode()
    back = Commit.parse(data)
    assert (back.parents, back.extra) == ((ONE, TWO), b"encoding latin1\n" + signature)
    assert back.encode() == data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n",
        b"parent x\n\nmessage",
        b"tree x\nauthor a\ncommitter a\n\n",
        Commit(EMPTY_TREE, (), WHO, WHO, "s").encode().replace(b"author", b"nobody"),
        b"tree " + str(EMPTY_TREE).encode() + b"\n" + Commit(EMPTY_TREE, (), WHO, WHO, "s").encode(),
    ],
)
def test_what_is_no_commit_is_refused(data: bytes) -> None:
    with pytest.raises(RecordError):
        Commit.parse(data)


@pytest.mark.parametrize("kind", ["tree", "blob", "tag"])
def test_a_version_tag_points_at_a_commit(kind: str) -> None:
    data = Tag(ONE, "m@v0", WHO, "m\n").encode().replace(b"type commit", f"type {kind}".encode())
    with pytest.raises(RecordError, match="must point at a commit"):
        Tag.parse(data)


@pytest.mark.parametrize("data", [b"100644 a\0" + b"x" * 19, b"100644", b"\0" * 30, b"100644 a" + b"x" * 30])
def test_a_cut_off_tree_is_refused(data: bytes) -> None:
    with pytest.raises(RecordError, match="malformed tree"):
        parse_tree(data)


@pytest.mark.parametrize("parse", [Commit.parse, Tag.parse, parse_tree])
@given(data=st.binary(max_size=60) | st.binary(max_size=30).map(lambda data: b"100644 a\0" + data))
def test_no_bytes_at_all_break_a_parser(parse: Callable[[bytes], object], data: bytes) -> None:
    with contextlib.suppress(RecordError):
        parse(data)


def test_a_tree_of_files_is_the_one_that_git_makes(repo: Path, sh: Shell) -> None:
    files = {
        "artifacts/m.dvc": b"1",
        "artifacts/.gitignore": b"2",
        "artifacts.d": b"3",
        "artifacts-x": b"4",
        "a/b/c": b"",
    }
    batch = Batch()
    tree = batch.add_tree(files)
    Objects(Git.discover(repo)).write(batch.objects)
    for path, data in files.items():
        (repo / path).parent.mkdir(parents=True, exist_ok=True)
        (repo / path).write_bytes(data)
    expected = sh(f"export GIT_INDEX_FILE=other; git add --force {' '.join(files)} && git write-tree", cwd=repo)
    assert str(tree) == expected.strip()
    assert sh(f"git ls-tree -r --name-only {tree}", cwd=repo).split() == sorted(files)


def test_git_finds_nothing_to_complain_about_in_what_we_write(repo: Path, sh: Shell) -> None:
    objects = Objects(Git.discover(repo))
    batch = Batch()
    tree = batch.add_tree({"a/b": b"x", "a.b": b"y"})
    root = batch.add("commit", Commit(EMPTY_TREE, (), GITREG_IDENTITY, GITREG_IDENTITY, "root\n").encode())
    batch.add("tree", b"")
    child = batch.add("commit", Commit(tree, (root,), WHO, WHO, "child ä\n").encode())
    tag = batch.add("tag", Tag(child, "model/m@v0", WHO, "model/m:v0\n").encode())
    objects.write(batch.objects)
    sh(f"git update-ref refs/tags/model/m@v0 {tag}", cwd=repo)
    assert sh("git fsck --strict 2>&1", cwd=repo) == ""
    assert sh("git rev-parse 'model/m@v0^{commit}' 'model/m@v0~1'", cwd=repo).split() == [str(child), str(root)]


def test_entries_sort_as_git_sorts_them(repo: Path, sh: Shell) -> None:
    blob = sh("echo x | git hash-object -w --stdin", cwd=repo).strip()
    tree = sh("git mktree </dev/null", cwd=repo).strip()
    names = [("a", True), ("a.b", False), ("a0", False), ("a-", True), ("ä", False), ("Z", True)]
    lines = "".join(f"{'040000 tree ' + tree if t else '100644 blob ' + blob}\t{name}\\n" for name, t in names)
    expected = sh(f"printf '{lines}' | git mktree", cwd=repo).strip()
    entries = [TreeEntry(name.encode(), Oid.parse(tree if is_tree else blob), is_tree) for name, is_tree in names]
    assert str(hash_object("tree", encode_tree(entries))) == expected
