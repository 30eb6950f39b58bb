"""The door to git, tried with real repositories: refs by compare-and-swap, raw objects, fetch and push."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from conftest import Shell
from gitreg.errors import GitError, NotARepositoryError, RecordError, UnsupportedRepositoryError, UsageError
from gitreg.git.objects import MAX_OBJECT, Batch, MissingObjectError, Objects
from gitreg.git.refs import Change, Ref, RefMovedError, Refs, is_ancestor
from gitreg.git.runner import Git
from gitreg.git.transport import Outcome, Push, Transport
from gitreg.records.objects import EMPTY_TREE, GITREG_IDENTITY, ZERO, Commit, Oid, Tag, hash_object


class Clone:
    def __init__(self, path: Path, shell: Shell) -> None:
        self.path = path
        self.git = Git.discover(path)
        self.refs = Refs(self.git)
        self.objects = Objects(self.git)
        self._shell = shell

    def sh(self, script: str) -> str:
        return self._shell(script, cwd=self.path)

    def commit(self, message: str, *parents: Oid) -> Oid:
        data = Commit(EMPTY_TREE, parents, GITREG_IDENTITY, GITREG_IDENTITY, message).encode()
        self.objects.write([("tree", b""), ("commit", data)])
        return hash_object("commit", data)


@pytest.fixture
def clone(repo: Path, sh: Shell) -> Iterator[Clone]:
    found = Clone(repo, sh)
    yield found
    found.objects.close()


@pytest.fixture
def server(clone: Clone, tmp_path: Path) -> Path:
    clone.sh(
        "git init --quiet --bare ../server.git && git remote add origin ../server.git && git push --quiet origin main"
    )
    return tmp_path / "server.git"


def test_a_ref_is_created_only_where_there_is_none(clone: Clone) -> None:
    one, two = clone.commit("one"), clone.commit("two")
    clone.refs.create("refs/gitreg/a", one)
    with pytest.raises(RefMovedError, match="already exists") as caught:
        clone.refs.create("refs/gitreg/a", two)
    assert "refs/gitreg/a" in caught.value.words
    assert caught.value.exit_code == 5
    found = clone.refs.get("refs/gitreg/a")
    assert found
    assert (found.oid, found.target, found.is_tag) == (one, one, False)


@pytest.mark.parametrize("packed", [True, False])
def test_a_ref_moves_and_goes_only_from_where_it_is_expected(clone: Clone, *, packed: bool) -> None:
    one, two = clone.commit("one"), clone.commit("two")
    clone.refs.create("refs/gitreg/a", one)
    if packed:
        clone.sh("git pack-refs --all")
    for wrong in (
        Change("refs/gitreg/a", two, one),
        Change("refs/gitreg/a", two, ZERO),
        Change("refs/gitreg/a", two, two),
    ):
        with pytest.raises(RefMovedError):
            clone.refs.change([wrong])
    for absent in (
        Change("refs/gitreg/b", one, two),
        Change("refs/gitreg/b", one, ZERO),
        Change("refs/gitreg/b", one, one),
    ):
        with pytest.raises(RefMovedError):
            clone.refs.change([absent])
    clone.refs.change([Change("refs/gitreg/a", one, two)])
    clone.refs.change([Change("refs/gitreg/a", two, ZERO)])
    assert clone.refs.get("refs/gitreg/a") is None


def test_a_transaction_makes_all_its_changes_or_none(clone: Clone) -> None:
    one, two = clone.commit("one"), clone.commit("two")
    clone.refs.create("refs/gitreg/a", one)
    changes = [
        Change("refs/gitreg/new", ZERO, two),
        Change("refs/gitreg/a", one, two),
        Change("refs/gitreg/absent", one, two),
    ]
    with pytest.raises(RefMovedError):
        clone.refs.change(changes)
    assert [(ref.name, ref.oid) for ref in clone.refs.find("refs/gitreg/")] == [("refs/gitreg/a", one)]
    clone.refs.change([*changes[:2], Change("refs/gitreg/absent", ZERO, one)])
    assert len(clone.refs.find("refs/gitreg/")) == 3
    clone.refs.change([])


def test_what_is_no_race_is_told_as_what_it_is(clone: Clone) -> None:
    one = clone.commit("one")
    clone.refs.create("refs/gitreg/a", one)
    for change in (
        Change("refs/gitreg/a/b", ZERO, one),  # a file is where a folder would have to be
        Change("refs/gitreg/a..b", ZERO, one),
        Change("refs/gitreg/c", ZERO, Oid(b"\x01" * 20)),
    ):
        with pytest.raises(GitError, match="update-ref failed"):
            clone.refs.change([change])


def test_a_lock_that_a_killed_git_left_is_reported_as_one(clone: Clone) -> None:
    one = clone.commit("one")
    folder = clone.git.common_dir / "refs" / "gitreg"
    folder.mkdir()
    (folder / "a.lock").touch()
    with pytest.raises(GitError) as caught:
        clone.git.run("update-ref", "refs/gitreg/a", str(one), pin=("-c", "core.filesRefLockTimeout=0"))
    assert caught.value.hint
    assert "left the lock" in caught.value.hint


def test_names_with_characters_that_python_takes_for_line_breaks_are_read_whole(clone: Clone, server: Path) -> None:
    names = ["refs/tags/a\u2028b@v1", "refs/tags/c\x85d", "refs/tags/e\u00a0f"]
    one = clone.commit("one")
    for name in names:
        clone.refs.create(name, one)
    assert sorted(ref.name for ref in clone.refs.find("refs/tags/")) == sorted(names)
    clone.sh("git push --quiet origin --tags")
    assert Transport(clone.git, "origin").tags("refs/tags/*@v*") == {names[0]: one}


def test_a_tag_is_read_with_the_commit_behind_it(clone: Clone) -> None:
    clone.sh("git tag -a -m x annotated && git tag light")
    found = {ref.name.rpartition("/")[2]: ref for ref in clone.refs.find("refs/tags/")}
    head = Oid.parse(clone.sh("git rev-parse HEAD").strip())
    assert found["annotated"].is_tag
    assert not found["light"].is_tag
    assert found["annotated"].target == found["light"].target == found["light"].oid == head
    assert found["annotated"].oid != head


def test_patterns_find_what_they_name_and_nothing_below_it(clone: Clone) -> None:
    one = clone.commit("one")
    for name in ("m@v0", "m@v10", "m@vx/y", "mm@v0", "model/m@v0"):
        clone.refs.create(f"refs/tags/{name}", one)
    assert [ref.name for ref in clone.refs.find("refs/tags/m@v*")] == ["refs/tags/m@v0", "refs/tags/m@v10"]
    assert clone.refs.find() == []
    assert clone.refs.get("refs/tags/m@vx") is None


def test_what_is_pending_is_read_before_what_is_published(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    # a push moves refs from the one to the other; git itself reads them the other way round
    one = clone.commit("one")
    pending, published = "refs/gitreg/aliases/m@a", "refs/gitreg-remotes/origin/aliases/m@a"
    clone.refs.create(pending, one)
    seen: list[str] = []
    real = Refs._list

    def listed(refs: Refs, *patterns: str) -> list[Ref]:
        found = real(refs, *patterns)
        if not seen:
            refs.change([Change(published, ZERO, one), Change(pending, one, ZERO)])
        seen.extend(patterns)
        return found

    monkeypatch.setattr(Refs, "_list", listed)
    assert [ref.name for ref in clone.refs.find(published, pending)] == [published, pending]
    assert seen == [pending, published]


def test_many_loose_refs_are_packed_also_when_they_are_runs(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitreg.git.refs._LOOSE_LIMIT", 100)
    one = clone.commit("one")
    clone.refs.change([Change(f"refs/gitreg/runs/{n % 100:02}/{n % 100:02}-{n}", ZERO, one) for n in range(101)])
    assert clone.refs.pack_if_many()
    assert not clone.refs.pack_if_many()
    assert len(clone.refs.find("refs/gitreg/runs/")) == 101
    assert not any((clone.git.common_dir / "refs" / "gitreg" / "runs").rglob("*-*"))


def test_ancestors_are_found_and_what_is_not_here_contains_nothing(clone: Clone) -> None:
    one = clone.commit("one")
    two = clone.commit("two", one)
    assert is_ancestor(clone.git, one, two)
    assert is_ancestor(clone.git, one, one)
    assert not is_ancestor(clone.git, two, one)
    assert not is_ancestor(clone.git, Oid(b"\x01" * 20), two)


def test_objects_come_back_as_they_were_written(clone: Clone) -> None:
    batch = Batch()
    blob = batch.add("blob", bytes(range(256)) * 500)
    empty = batch.add("blob", b"")
    tree = batch.add_tree({"a/b": b"deep", "c": b""})
    commit = batch.add("commit", Commit(tree, (), GITREG_IDENTITY, GITREG_IDENTITY, "m\n").encode())
    tag = batch.add("tag", Tag(commit, "t", GITREG_IDENTITY, "t\n").encode())
    assert not clone.objects.all_here(batch.objects)
    clone.objects.write([*batch.objects, *batch.objects])
    assert clone.objects.all_here(batch.objects)
    assert clone.objects.read(blob) == ("blob", bytes(range(256)) * 500)
    assert clone.objects.read(empty) == ("blob", b"")
    assert clone.objects.commit(commit).tree == tree
    assert clone.objects.tag(tag).target == commit
    assert set(clone.objects.tree(tree)) == {"a", "c"}
    found = [clone.objects.blob_at(tree, path) for path in ("a/b", "c", "a", "x", "a/x", "x/y", "c/d")]
    assert found == [b"deep", b"", None, None, None, None, None]
    assert clone.sh("git fsck --strict --no-dangling 2>&1") == ""
    clone.objects.write([])


def test_an_object_that_is_not_here_or_another_than_expected_is_told(clone: Clone) -> None:
    blob = clone.objects
    blob.write([("blob", b"x")])
    with pytest.raises(MissingObjectError, match="is not in this clone") as caught:
        clone.objects.read(Oid(b"\x01" * 20))
    assert caught.value.name == "01" * 20
    with pytest.raises(RecordError, match="is a blob, expected a commit"):
        clone.objects.commit(hash_object("blob", b"x"))
    # and the conversation goes on
    assert clone.objects.read(hash_object("blob", b"x")) == ("blob", b"x")


def test_an_object_that_is_too_large_is_not_read_and_the_next_one_is(clone: Clone) -> None:
    data = bytes(MAX_OBJECT + 1)
    clone.objects.write([("blob", data), ("blob", b"x")])
    with pytest.raises(RecordError, match="more than a record may have"):
        clone.objects.read(hash_object("blob", data))
    assert clone.objects.read(hash_object("blob", b"x")) == ("blob", b"x")


def test_many_objects_are_asked_for_at_once_and_read_as_one_by_one(clone: Clone) -> None:
    commits = [clone.commit(f"commit {number}") for number in range(250)]
    missing = Oid(b"\1" * 20)
    plain = [Objects(clone.git).read(oid) for oid in commits[:3]]
    clone.objects.read_ahead([commits[0], missing, *commits[1:]])
    clone.sh("rm -rf .git/objects/??")
    assert [clone.objects.read(oid) for oid in commits[:3]] == plain
    assert [clone.objects.commit(oid).message for oid in commits[3:]] == [
        f"commit {number}" for number in range(3, 250)
    ]
    # what was handed out once is asked for again
    for oid in (commits[0], missing):
        with pytest.raises(MissingObjectError):
            clone.objects.read(oid)


def test_what_is_too_large_to_be_read_ahead_hides_nothing(clone: Clone) -> None:
    first, last = clone.commit("first"), clone.commit("last")
    with (clone.path / "large").open("wb") as file:
        file.truncate(MAX_OBJECT + 1)
    large = Oid.parse(clone.sh("git hash-object -w large").strip())
    clone.objects.read_ahead([first, large, last])
    assert clone.objects.commit(first).message == "first"
    with pytest.raises(RecordError):
        clone.objects.read(large)
    assert clone.objects.commit(last).message == "last"
    clone.sh(f"git update-ref refs/gitreg/large {large}")
    assert clone.objects.at("refs/gitreg/large") is None
    assert clone.objects.commit(last).message == "last"


def test_a_single_ref_is_resolved_by_the_reader(clone: Clone) -> None:
    oid = clone.commit("here")
    clone.refs.create("refs/gitreg/runs/ab/abc", oid)
    assert clone.objects.at("refs/gitreg/runs/ab/abc") == oid
    assert clone.objects.commit(oid).message == "here"
    assert clone.objects.at("refs/gitreg/runs/ab/nothing") is None
    clone.refs.change([Change("refs/gitreg/runs/ab/abc", oid, clone.commit("moved"))])
    assert clone.objects.at("refs/gitreg/runs/ab/abc") == clone.commit("moved")


def test_a_ref_is_not_taken_for_another_that_is_not_there(clone: Clone) -> None:
    oid, name = clone.commit("one"), "refs/remotes/origin/HEAD"
    clone.refs.create(f"refs/tags/{name}", oid)
    assert clone.objects.at(name) is None
    assert clone.objects.at(f"refs/tags/{name}") == oid
    assert clone.objects.at(str(oid)) == oid
    clone.refs.create(name, clone.commit("two"))
    assert clone.objects.at(name) == clone.commit("two")
    assert clone.objects.at("refs/tags/\udcff@v1") is None


def test_objects_that_another_process_writes_and_packs_are_seen(clone: Clone) -> None:
    clone.objects.read(Oid.parse(clone.sh("git rev-parse HEAD").strip()))
    name = clone.sh("echo later | git hash-object -w --stdin && git gc --quiet").strip()
    assert clone.objects.read(Oid.parse(name)) == ("blob", b"later\n")


def test_a_reader_that_was_killed_is_replaced(clone: Clone) -> None:
    head = Oid.parse(clone.sh("git rev-parse HEAD").strip())
    clone.objects.read(head)
    clone.objects._reader.proc.kill()
    clone.objects._reader.proc.wait()
    assert clone.objects.read(head)[0] == "commit"


class _Interrupted:
    """A pipe whose reader is hit by Ctrl-C between an answer's first line and the rest."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe

    def __getattr__(self, name: str) -> object:
        return getattr(self._pipe, name)

    def read(self, size: int) -> bytes:
        raise KeyboardInterrupt


def test_after_an_interrupted_answer_the_next_one_is_the_right_one(clone: Clone) -> None:
    objects = [("blob", b"one\n" * 9), ("blob", b"two\n" * 9)]
    clone.objects.write(objects)
    one, two = (hash_object(*item) for item in objects)
    clone.objects.read(one)
    process = clone.objects._reader.proc
    process.stdout = _Interrupted(process.stdout)
    with pytest.raises(KeyboardInterrupt):
        clone.objects.read(one)
    process.stdout = process.stdout._pipe
    assert clone.objects.read(two) == objects[1]
    assert clone.objects.read(one) == objects[0]


def test_any_number_of_damaged_objects_can_be_met(clone: Clone) -> None:
    # git complains about each on its standard error, whose pipe holds 64 KiB
    for number in range(700):
        data = f"object {number}".encode()
        oid = hash_object("blob", data)
        place = clone.git.common_dir / "objects" / str(oid)[:2] / str(oid)[2:]
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(b"no zlib stream")
        with pytest.raises(MissingObjectError):
            clone.objects.read(oid)


FORKED = """
import os, sys, threading
from pathlib import Path
from gitreg.git.objects import Objects
from gitreg.git.runner import Git
from gitreg.records.objects import Oid

objects, oid = Objects(Git.discover(Path("."))), Oid.parse(sys.argv[1])
objects.read(oid)
ends, held = os.pipe(), threading.Event()
# as another thread leaves it that is in the middle of a read
holder = threading.Thread(target=lambda: (objects._lock.acquire(), held.set()))
holder.start()
held.wait()
child = os.fork()
if not child:
    os.read(ends[0], 1)
    found = objects.read(oid)[0]
    objects.close()
    os._exit(found != "commit")
objects._lock.release()
objects.close()
os.write(ends[1], b"x")
assert os.waitpid(child, 0)[1] == 0
"""


def test_a_process_that_was_forked_keeps_nobody_waiting_and_does_not_wait(clone: Clone, sh: Shell) -> None:
    (clone.git.common_dir / "forked.py").write_text(FORKED)
    head = clone.git.text("rev-parse", "HEAD")
    sh(f"timeout 60 {sys.executable} -W ignore .git/forked.py {head}", clone.git.worktree)


def test_replace_refs_and_a_hostile_configuration_change_nothing(clone: Clone, tmp_path: Path) -> None:
    head = clone.sh("git rev-parse HEAD").strip()
    clone.sh("git commit --quiet --allow-empty -m other && git replace HEAD~1 HEAD")
    clone.sh(f"printf '#!/bin/sh\\ntouch {tmp_path}/ran\\n' >evil && chmod +x evil")
    clone.sh('git config core.fsmonitor "$PWD/evil" && mkdir hooks && cp evil hooks/reference-transaction')
    clone.sh('git config core.hooksPath "$PWD/hooks"')
    assert "start the project" in clone.objects.commit(Oid.parse(head)).message
    clone.refs.create("refs/gitreg/a", Oid.parse(head))
    assert not (tmp_path / "ran").exists()


def test_a_fetch_brings_what_the_refspecs_say_and_prunes_there_only(clone: Clone, server: Path) -> None:
    one = clone.commit("one")
    two = clone.commit("two")
    Transport(clone.git, "origin").push([Push(one, "refs/gitreg/runs/aa/aa"), Push(one, "refs/tags/m@v0")], atomic=True)
    clone.refs.create("refs/gitreg-remotes/origin/runs/old", two)
    clone.refs.create("refs/gitreg/mine", two)
    clone.sh("git tag mine")
    transport = Transport(clone.git, "origin")
    transport.fetch(["+refs/gitreg/*:refs/gitreg-remotes/origin/*"], prune=True)
    found = {ref.name: ref.oid for ref in clone.refs.find("refs/gitreg", "refs/gitreg-remotes", "refs/tags")}
    assert found == {
        "refs/gitreg-remotes/origin/runs/aa/aa": one,
        "refs/gitreg/mine": two,
        "refs/tags/mine": Oid.parse(clone.sh("git rev-parse HEAD").strip()),
    }
    transport.fetch(["refs/tags/m@v0:refs/tags/m@v0"])
    transport.fetch([])
    assert clone.refs.get("refs/tags/m@v0")
    assert not (clone.git.git_dir / "FETCH_HEAD").exists()


def test_a_push_tells_what_became_of_each_ref(clone: Clone, server: Path) -> None:
    transport = Transport(clone.git, "origin")
    one = clone.commit("one")
    two, other = clone.commit("two", one), clone.commit("other", one)
    tag = Tag(one, "m@v0", GITREG_IDENTITY, "m\n").encode()
    clone.objects.write([("tag", tag)])
    pushes = [Push(one, "refs/gitreg/a"), Push(hash_object("tag", tag), "refs/tags/m@v0")]
    assert [outcome.ok for outcome in transport.push(pushes, atomic=True)] == [True, True]
    assert [outcome.ok for outcome in transport.push(pushes, atomic=True)] == [True, True]
    assert transport.push([Push(two, "refs/gitreg/a")], atomic=False)[0].ok
    found = transport.push(  # git tells of what went well first
        [Push(other, "refs/gitreg/a"), Push(two, "refs/tags/m@v0"), Push(other, "refs/gitreg/b")], atomic=False
    )
    assert [(outcome.ref, outcome.ok) for outcome in found] == [
        ("refs/gitreg/b", True),
        ("refs/gitreg/a", False),
        ("refs/tags/m@v0", False),
    ]
    assert "non-fast-forward" in found[1].words
    assert "already exists" in found[2].words
    assert transport.push([Push(ZERO, "refs/gitreg/b")], atomic=False)[0].ok


def test_an_atomic_push_is_all_or_nothing(clone: Clone, server: Path, sh: Shell) -> None:
    transport = Transport(clone.git, "origin")
    one, two = clone.commit("one"), clone.commit("two")
    transport.push([Push(one, "refs/gitreg/a")], atomic=True)
    found = transport.push([Push(two, "refs/gitreg/a"), Push(two, "refs/gitreg/b")], atomic=True)
    assert [outcome.ok for outcome in found] == [False, False]
    assert sh("git for-each-ref --format='%(refname)' refs/gitreg", cwd=server).split() == ["refs/gitreg/a"]


@pytest.mark.parametrize("refusing", ["server.git", "mirror.git"])
def test_a_ref_that_one_of_several_push_addresses_refuses_is_refused(
    clone: Clone, server: Path, sh: Shell, refusing: str
) -> None:
    sh("git init --quiet --bare mirror.git", cwd=server.parent)
    sh("echo 'exit 1' >hooks/pre-receive && chmod +x hooks/pre-receive", cwd=server.parent / refusing)
    clone.sh("git remote set-url --push origin ../server.git && git remote set-url --add --push origin ../mirror.git")
    found = Transport(clone.git, "origin").push([Push(clone.commit("one"), "refs/gitreg/a")], atomic=True)
    assert [(outcome.ref, outcome.ok) for outcome in found] == [("refs/gitreg/a", False)]
    assert "declined" in found[0].words


def test_the_servers_own_words_are_kept(clone: Clone, server: Path, sh: Shell) -> None:
    sh("printf '#!/bin/sh\\n[ $1 != refs/gitreg/no ]\\n' >hooks/update && chmod +x hooks/update", cwd=server)
    one = clone.commit("one")
    pushes = [Push(one, "refs/gitreg/no"), Push(one, "refs/gitreg/yes")]
    found = Transport(clone.git, "origin").push(pushes, atomic=False)
    assert found[0] == Outcome("refs/gitreg/yes", ok=True, words="[new reference]")
    assert (found[1].ref, found[1].ok) == ("refs/gitreg/no", False)
    assert found[1].words.startswith("[remote rejected] (hook declined)")


def test_a_server_without_atomic_pushes_and_one_that_is_not_there_are_errors(
    clone: Clone, server: Path, sh: Shell
) -> None:
    one = clone.commit("one")
    transport = Transport(clone.git, "origin")
    sh("git config receive.advertiseAtomic false", cwd=server)
    with pytest.raises(GitError) as caught:
        transport.push([Push(one, "refs/gitreg/a")], atomic=True)
    assert "--atomic" in caught.value.stderr
    sh("rm -r server.git")
    for talk in (
        lambda: transport.push([Push(one, "refs/gitreg/a")], atomic=False),
        lambda: transport.fetch(["refs/heads/*:refs/x/*"]),
        lambda: transport.tags("refs/tags/*"),
    ):
        with pytest.raises(GitError):
            talk()


def test_the_users_own_settings_do_not_widen_a_push(clone: Clone, server: Path, sh: Shell, tmp_path: Path) -> None:
    clone.sh("git config push.followTags true && git tag -a -m private private")
    clone.sh(
        f"printf '#!/bin/sh\\ntouch {tmp_path}/ran\\nexit 1\\n' >.git/hooks/pre-push && chmod +x .git/hooks/pre-push"
    )
    head = Oid.parse(clone.sh("git rev-parse HEAD").strip())
    assert Transport(clone.git, "origin").push([Push(head, "refs/gitreg/a")], atomic=False)[0].ok
    assert sh("git tag", cwd=server) == ""
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["", "-x", "--upload-pack=touch x"])
def test_what_looks_like_an_option_is_no_remote(clone: Clone, name: str) -> None:
    with pytest.raises(UsageError, match="not the name of a remote"):
        Transport(clone.git, name)


def test_a_remote_that_is_not_there_has_no_address(clone: Clone, server: Path) -> None:
    assert Transport(clone.git, "origin").push_urls() == ("../server.git",)
    assert Transport(clone.git, "nowhere").push_urls() == ()


def test_the_repository_is_found_from_below_and_from_a_linked_worktree(clone: Clone, tmp_path: Path) -> None:
    clone.sh("mkdir -p deep/er && git worktree add --quiet ../linked && git init --quiet --bare ../bare.git")
    below = Git.discover(clone.path / "deep" / "er")
    assert (below.git_dir, below.worktree, below.main_worktree) == (clone.path / ".git", clone.path, clone.path)
    linked = Git.discover(tmp_path / "linked")
    assert (linked.common_dir, linked.worktree, linked.main_worktree) == (
        clone.path / ".git",
        tmp_path / "linked",
        clone.path,
    )
    assert Git.discover(tmp_path / "bare.git").worktree is None


def test_what_gitreg_cannot_work_with_is_refused_with_a_way_on(tmp_path: Path, sh: Shell) -> None:
    (tmp_path / "plain").mkdir()
    with pytest.raises(NotARepositoryError, match="not in a Git repository") as caught:
        Git.discover(tmp_path / "plain")
    assert caught.value.hint
    sh("git init --quiet --object-format=sha256 sha256")
    with pytest.raises(UnsupportedRepositoryError, match="sha256") as unsupported:
        Git.discover(tmp_path / "sha256")
    assert unsupported.value.hint


def test_each_command_is_traced_with_its_time(clone: Clone) -> None:
    seen: list[tuple[str, ...]] = []

    def trace(command: object, seconds: float) -> None:
        assert isinstance(command, tuple)
        assert seconds >= 0
        seen.append(command)

    Git.discover(clone.path, trace=trace).text("rev-parse", "HEAD")
    assert ("rev-parse", "HEAD") in seen


def test_without_a_name_git_tells_how_to_set_one(clone: Clone, sealed: Path) -> None:
    assert clone.git.identity().startswith("Test User <test@example.org> ")
    (sealed / ".gitconfig").write_text("[user]\n\tuseConfigOnly = true\n")
    with pytest.raises(GitError, match="no name and address configured") as caught:
        clone.git.identity()
    assert caught.value.hint
    assert "git config --global user.name" in caught.value.hint
    assert os.environ["GIT_CONFIG_GLOBAL"]
