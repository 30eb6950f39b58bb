"""Every kind of repository goes the whole round: gitreg works in it, and nothing of its owner's changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from odd_kinds import BARE, BASE, IN_CLONE, SETTINGS, base, gitreg, kinds, with_settings
from stories import World, copy

from helpers import fingerprint
from tally import FAULTS, Tally


@pytest.fixture
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A server, a storage and a clone; `theirs:v0` is published."""
    return copy(BASE, tmp_path_factory, tmp_path / "world")


def theirs(before: Mapping[str, str], after: Mapping[str, str], version: str) -> dict[str, tuple[str | None, ...]]:
    """What differs between two fingerprints; the version's own tag is what publishing is for, and `theirs` came."""
    ours = {f"refs/tags/{version.replace(':', '@')}", "refs/tags/theirs@v0"}
    # a fetch may find branches of the remote
    keys = {key for key in before.keys() | after if key not in ours and not key.startswith("refs/remotes/")}
    return {key: (before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)}


def send_round(world: World, folder: Path, version: str, *, process: bool) -> None:
    """Log, promote, look, publish, fetch and get; each works, and nothing of the user's has changed."""

    storage = str(world.folder / "storage")

    def do(*arguments: str) -> str:
        done = gitreg(list(arguments), folder, process=process)
        assert done.code == 0, f"gitreg {' '.join(arguments)}\n{done.out}{done.err}"
        assert "Traceback" not in done.err
        return done.out

    do("init", "--storage", storage)
    before = fingerprint(base(folder))
    assert do("put", str(world.folder / "model.bin"), "--name", "m", "--type", "model") == f"{version}\n"
    do("run", "--name", "of-the-round", "--config", "lr=1", "--use", version, "--", "sh", "-c", ":")
    do("alias", "set", "m:production", version.partition(":")[2], "--reason", "why")
    assert "m" in [line.split()[0] for line in do("ls").splitlines()]
    shown = json.loads(do("show", version, "--json"))
    assert (shown["published"], shown["aliases"]) == (False, ["production"])
    assert version in do("lineage", version)
    assert (Path(do("get", version, "-o", str(world.folder / "got")).rstrip("\n")) / "model.bin").exists()
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


@pytest.mark.parametrize("name", kinds(full=True))
def test_the_whole_round_works_and_changes_nothing_else(
    name: str, world: World, monkeypatch: pytest.MonkeyPatch, tally: Tally, *, full: bool
) -> None:
    if name not in kinds(full=full):
        pytest.skip("in 'make faults'")
    kind = kinds(full=full)[name]
    world(kind.script, "")
    with tally.attempt(FAULTS, f"odd repository: {name}"):
        with monkeypatch.context() as patch:
            for key, value in kind.env.items():
                patch.setenv(key, value.format(world.folder))
            send_round(world, world.folder / kind.where, kind.version, process=full)
        published(world, kind.version)


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_whole_round_works_with_a_setting(setting: str, world: World, tally: Tally, *, full: bool) -> None:
    if not full:
        pytest.skip("in 'make faults'; here they are tried all at once")
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
