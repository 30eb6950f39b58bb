"""Every kind of repository goes the whole round: gitreg works in it, and nothing of its owner's changes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from odd_kinds import BARE, BASE, CLONE, FULL, IN_CLONE, SETTINGS, SUPER, base, gitreg, kinds, with_settings
from stories import World, attempt, copy

from helpers import fingerprint
from tally import FAULTS, Tally


@pytest.fixture
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A server, a storage and a clone; `theirs:v0` is published."""
    return copy(BASE, tmp_path_factory, tmp_path / "world")


def theirs(before: Mapping[str, str], after: Mapping[str, str], version: str) -> dict[str, tuple[str | None, ...]]:
    """What differs between two fingerprints; the version's own tag is what publishing is for, and `theirs` came."""
    ours = {f"refs/tags/{version.replace(':', '@')}", "refs/tags/m2@v0", "refs/tags/theirs@v0"}
    # a fetch may find branches of the remote
    keys = {key for key in before.keys() | after if key not in ours and not key.startswith("refs/remotes/")}
    return {key: (before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)}


def send_round(world: World, folder: Path, version: str, *, process: bool, push: str = "") -> None:
    """Log, promote, look, publish, fetch and get; each works, and nothing of the user's has changed.

    `push` publishes instead of `gitreg push`, as shell.
    """

    storage = str(world.folder / "storage")
    job = ["sh", "-c", ":"]
    if process:
        job = ["gitreg", "put", str(world.folder / "model.bin"), "--name", "m2", "--type", "model"]

    def do(*arguments: str) -> str:
        done = gitreg(list(arguments), folder, process=process)
        assert done.code == 0, f"gitreg {' '.join(arguments)}\n{done.out}{done.err}"
        assert "Traceback" not in done.err
        return done.out

    do("init", "--storage", storage)
    before = fingerprint(base(folder))
    assert do("put", str(world.folder / "model.bin"), "--name", "m", "--type", "model") == f"{version}\n"
    do("run", "--name", "of-the-round", "--config", "lr=1", "--use", version, "--", *job)
    do("alias", "set", "m:production", version.partition(":")[2], "--reason", "why")
    assert "m" in [line.split()[0] for line in do("ls").splitlines()]
    shown = json.loads(do("show", version, "--json"))
    assert (shown["published"], shown["aliases"]) == (False, ["production"])
    assert version in do("lineage", version)
    assert (Path(do("get", version, "-o", str(world.folder / "got")).rstrip("\n")) / "model.bin").exists()
    if push:
        done = attempt(push, folder)
        assert done.code == 0, done
    else:
        do("push")
    do("fetch")
    assert json.loads(do("show", "m:production", "--json"))["published"] is True
    do("get", "theirs", "-o", str(world.folder / "got-theirs"))
    assert (world.folder / "got-theirs" / "a").read_text() == "theirs\n"
    assert any(item["name"] == "of-the-round" for item in json.loads(do("runs", "--json"))["runs"])
    assert "nothing is waiting" in do("status")
    assert theirs(before, fingerprint(base(folder)), version) == {}


def published(world: World, version: str) -> None:
    """The server has what the round has made, and is sound."""
    on_server = world("git for-each-ref --format='%(refname)' refs/tags refs/gitreg", "server.git").split()
    assert f"refs/tags/{version.replace(':', '@')}" in on_server
    assert "refs/gitreg/aliases/m@production" in on_server
    assert world("git fsck --strict --no-dangling 2>&1", "server.git") == ""


@pytest.mark.parametrize("name", kinds())
def test_the_whole_round_works_and_changes_nothing_else(
    name: str, world: World, need: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tally: Tally, *, full: bool
) -> None:
    kind = kinds()[name]
    need(kind.needs)
    world(kind.script, "")
    with tally.attempt(FAULTS, f"odd repository: {name}"):
        with monkeypatch.context() as patch:
            for key, value in kind.env.items():
                patch.setenv(key, value.format(world.folder))
            send_round(world, world.folder / kind.where, kind.version, process=full, push=kind.push if full else "")
        published(world, kind.version)


# in the bounded form they are tried all at once
@pytest.mark.parametrize("setting", SETTINGS if FULL else [])
def test_the_whole_round_works_with_a_setting(setting: str, world: World, tally: Tally) -> None:
    world(with_settings([setting]).script, "")
    with tally.attempt(FAULTS, "odd repository: a setting of Git's that is not the default"):
        send_round(world, world.folder / "odd", "m:v0", process=False)
        published(world, "m:v0")


# name -> (script, where, command, exit code, words of the error, words of the hint)
REFUSED: dict[str, tuple[str, str, str, int, str, str]] = {
    "a server's bare repository": (
        "", "server.git", "put ../model.bin --name m --type model", 1,
        "a bare repository keeps no artifacts", "git clone PATH",
    ),
    "a bare clone": (
        BARE, "bare.git", "put ../model.bin --name m --type model", 1,
        "a bare repository keeps no artifacts", "git worktree add PATH",
    ),
    "a bare repository that is found where only named ones may be used": (
        "git config --global safe.bareRepository explicit", "server.git", "ls", 1,
        "cannot use bare repository", "git status",
    ),
    "a bare clone, getting": (BARE, "bare.git", "get theirs -o ../got", 1, "a bare repository keeps no", "git clone"),
    "a bare clone, init": (BARE, "bare.git", "init", 1, "a bare repository has no place", "in a clone"),
    "a linked worktree of a mirror": (
        "git clone --quiet --mirror server.git mirror && git -C mirror worktree add --quiet ../odd main",
        "odd", "init", 2, "'git fetch origin' would overwrite what is not published", "git config remote.origin.fetch",
    ),
    "a sparse checkout without the project": (
        IN_CLONE + "git sparse-checkout set --cone src", "odd", "init --storage ../storage", 2,
        "'.dvc/config' is tracked and not in the working tree", "git sparse-checkout add .dvc",
    ),
    "a project that was deleted": (
        IN_CLONE + "rm -r .dvc", "odd", "init", 2, "is tracked and not in the working tree", "git checkout -- .dvc",
    ),
    "somebody's own annotated tag in the place": (
        IN_CLONE + "git tag -a -m mine m@v0", "odd", "put ../model.bin --name m --type model", 1,
        "tag 'm@v0' is not gitreg's", "log into a collection of another name",
    ),
    "object names by SHA-256": (
        "git init --quiet --object-format=sha256 odd", "odd", "ls", 1, "names objects by sha256", "SHA-1",
    ),
    "refs in a reftable": (
        IN_CLONE + "git config core.repositoryFormatVersion 1 && git config extensions.refStorage reftable",
        "odd", "ls", 1, "stores refs as reftable", "git refs migrate",
    ),
    "a newer repository format": (
        IN_CLONE + "git config core.repositoryFormatVersion 7", "odd", "ls", 1,
        "this git cannot read the repository: Expected git repo version <= 1, found 7", "install a newer git",
    ),
    "an unknown extension of the format": (
        IN_CLONE + "git config core.repositoryFormatVersion 1 && git config extensions.future x", "odd", "ls", 1,
        "this git cannot read the repository: unknown repository extension found: future", "install a newer git",
    ),
    "a configuration that cannot be read": (
        IN_CLONE + "echo '[core' >>.git/config", "odd", "ls", 1,
        "is in no usable Git repository: bad config line", "git status",
    ),
    "a .git that leads nowhere": (
        "mkdir odd && echo 'gitdir: /nowhere' >odd/.git", "odd", "ls", 1,
        "is in no usable Git repository: not a git repository: /nowhere", "git status",
    ),
    "no repository": ("mkdir odd", "odd", "ls", 1, "is not in a Git repository", "git init"),
    "inside .git": (IN_CLONE, "odd/.git/objects", "ls", 1, "is in a Git directory", "change to the working tree"),
    "no identity": (
        IN_CLONE + "git config --global --unset user.email", "odd", "put ../model.bin --name m --type model", 1,
        "no name and address configured", "git config --global user.name",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_worked_in_is_refused_with_a_way_on(name: str, world: World, tally: Tally) -> None:
    script, where, command, code, error, hint = REFUSED[name]
    world(script, "")
    before = world("find . -type f ! -path './gitreg/*' -exec sha256sum {} + | sort", where)
    with tally.attempt(FAULTS, f"odd repository, refused in clear words: {name}"):
        done = gitreg(command.split(), world.folder / where)
        assert done.code == code, done
        first, second = done.err.splitlines()
        assert first.startswith("error: ")
        assert error in first
        assert second.startswith("hint: ")
        assert hint in second
        assert world("find . -type f ! -path './gitreg/*' -exec sha256sum {} + | sort", where) == before


# name -> (how the repository is made, the folder that adds and removes worktrees)
HOMES = {
    "an ordinary repository": ("", "work"),
    "a bare repository": (BARE, "bare.git"),
    "a separate git directory": (
        "git clone -q --separate-git-dir=apart server.git first; cd first; git config remote.origin.url ../server.git",
        "first",
    ),
    "a submodule": (SUPER, "super/lib"),
    "a repository whose main worktree is no project": (
        CLONE + "git -C odd checkout --quiet --orphan none && git -C odd rm -rfq . && git -C odd commit -q"
        " --allow-empty -m none && mv odd first",
        "first",
    ),
}


@pytest.mark.parametrize("name", HOMES)
def test_what_is_not_published_outlasts_the_worktree_it_was_made_in(name: str, world: World, tally: Tally) -> None:
    script, where = HOMES[name]
    world(script, "")
    place = world.folder / "placed"
    # whatever the branch of the project is called there
    add = f"git worktree add --quiet --detach '{place}' \"$(git rev-list --all -1 -- train.py)\""
    with tally.attempt(FAULTS, f"unpublished bytes outlast a linked worktree of {name}"):
        world(add, where)
        before = fingerprint(world.folder / where) if where != "bare.git" else {}
        assert gitreg(["put", str(world.folder / "model.bin"), "--name", "m", "--type", "model"], place).code == 0
        assert not before or fingerprint(world.folder / where) == before
        world(f"git worktree remove --force '{place}' && {add}", where)
        got = gitreg(["get", "m:v0", "-o", str(world.folder / "got")], place)
        assert got.code == 0, got
        assert (world.folder / "got" / "model.bin").read_text() == "weights\n"
        assert gitreg(["push"], place).code == 0
        assert world("git tag", "server.git").split() == ["m@v0", "theirs@v0"]


GONE = {
    "blobless": "git clone --quiet --filter=blob:none file://$PWD/server.git odd",
    "treeless": "git clone --quiet --filter=tree:0 file://$PWD/server.git odd",
    "shallow": "git clone --quiet --depth 1 file://$PWD/server.git odd",
    "shallow and treeless": "git clone --quiet --depth 1 --filter=tree:0 file://$PWD/server.git odd",
}


@pytest.mark.parametrize("name", GONE)
def test_what_a_part_lacks_is_shown_as_cut_when_its_remote_is_gone(name: str, world: World, tally: Tally) -> None:
    world("echo two >../data/a && gitreg run --use theirs -- gitreg put ../data --name theirs --type dataset")
    world("gitreg alias set theirs:best v1 && git push --quiet")
    world(f"{GONE[name]} && cd odd && gitreg fetch && mv ../server.git ../gone", "")
    odd = world.folder / "odd"
    before = fingerprint(odd)
    with tally.attempt(FAULTS, f"odd repository: a {name} clone whose remote is gone is read as far as it goes"):
        for command in ("ls", "ls theirs", "runs", "alias ls", "alias log theirs:best", "lineage theirs", "status"):
            done = gitreg(command.split(), odd)
            assert (done.code, "error" in done.err) == (0, False), f"{command}: {done}"
        shown = gitreg(["show", "theirs:latest"], odd)
        assert shown.code == 0
        assert ("the list is not here" in shown.out) == (name != "shallow"), shown
        got = gitreg(["get", "theirs", "-o", str(world.folder / "got")], odd)
        if name == "shallow":
            assert got.code == 0
        else:
            assert got.code == 1
            error, hint = got.err.splitlines()
            assert "is not in this clone" in error
            assert hint == "hint: this is a partial clone, and its remote cannot be reached"
            assert not (world.folder / "got").exists()
        # what is made here is all here
        assert gitreg(["put", str(world.folder / "model.bin"), "--name", "m", "--type", "model"], odd).code == 0
        assert "model.bin" in gitreg(["show", "m:latest"], odd).out
        assert gitreg(["get", "m", "-o", str(world.folder / "got-m")], odd).code == 0
        assert fingerprint(odd) == before


def test_a_repository_of_somebody_else_is_told_with_the_way_to_trust_it(
    world: World, monkeypatch: pytest.MonkeyPatch, tally: Tally
) -> None:
    world(IN_CLONE + 'mkdir -p "it\'s deep/er"', "")
    # git's own switch for this: the owner is another one
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    folder = world.folder / "odd" / "it's deep" / "er"
    with tally.attempt(FAULTS, "odd repository: somebody else's is told with the way to trust it"):
        done = gitreg(["ls"], folder)
        assert done.code == 1
        error, hint = done.err.splitlines()
        assert "it belongs to somebody else" in error
        assert hint == f"hint: git config --global --add safe.directory {world.folder / 'odd'}"
        world(hint.removeprefix("hint: "), "")
        assert gitreg(["ls"], folder).code == 0


WRITING = (
    "init --storage ../elsewhere",
    "put ../model.bin --name m --type model",
    "run -- true",
    "alias set theirs:best v0",
    "link theirs model/T",
    "alias rm waiting:a",
    "fetch",
    "push",
)


@pytest.mark.parametrize("command", WRITING)
def test_a_repository_that_cannot_be_written_stays_as_it_is(
    command: str, world: World, ordinary: str, tally: Tally
) -> None:
    world("gitreg put ../model.bin --name waiting --type model && gitreg alias set waiting:a v0")
    if command == "fetch":
        world("git tag --delete theirs@v0")
    before = fingerprint(world.work)
    refs = world("git for-each-ref")
    world("chmod -R a-w work storage/files server.git", "")
    try:
        with tally.attempt(FAULTS, "odd repository: one that this user cannot write"):
            done = attempt(f"{ordinary} gitreg {command}", world.work)
            assert done.code == 1, done
            lines = done.err.splitlines()
            assert lines[-2].startswith("error: "), done
            assert lines[-1].startswith("hint: "), done
            assert "bug in gitreg" not in done.err
    finally:
        world("chmod -R u+w work storage/files server.git", "")
    assert world("git for-each-ref") == refs
    assert fingerprint(world.work) == before


@pytest.fixture
def ordinary() -> str:
    """A prefix that makes a command one of a user for whom permissions count."""
    if os.geteuid() != 0:
        return ""
    if not shutil.which("setpriv"):
        pytest.skip("root may write everywhere, and there is no 'setpriv' to give that up")
    return "setpriv --bounding-set=-all --inh-caps=-all"
