"""The user's HEAD, index, branches, stash and files are byte-identical after every command that reads or logs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from stories import LOG, START, Done, World, attempt, copy, tell

from helpers import fingerprint

# Each is run in this order, so that reading sees what logging has made.
COMMANDS = """
gitreg ls
gitreg put "$OUT/data" --name fresh --type dataset --alias new
gitreg put "$OUT/model.bin" --name fresh2 --type model --use fresh:new --metadata a=1
gitreg run --config lr=1 --use fresh:v0 -- gitreg put "$OUT/data" --name third --type dataset
gitreg link fresh2:v0 model/Fresh --alias beta
gitreg alias set model/Fresh:production v0 --reason why
gitreg alias set fresh:other v0
gitreg alias rm fresh:other
gitreg ls fresh
gitreg show fresh2:v0
gitreg show --json model/Fresh:production
gitreg runs
gitreg status
gitreg lineage fresh2:v0
gitreg alias ls
gitreg alias log model/Fresh:production
gitreg get fresh2:v0 -o "$OUT/got"
gitreg lineage fresh2:v0 -o "$OUT/lineage.json"
gitreg fetch
gitreg push
gitreg ls
gitreg show fresh2:v0
gitreg status
"""

STAGED_AND_NOT = """
echo staged >staged.txt
echo more >>train.py
git add staged.txt train.py
echo 'and more' >>train.py
echo '# a note' >notes.md
echo data >untracked.bin
git rm --quiet --cached .dvcignore
echo stash >>README.md; git add README.md; git stash push --quiet -- README.md
git branch other
"""

SITUATIONS = {
    "a clean tree": "",
    "staged, unstaged and untracked changes, a stash": STAGED_AND_NOT,
    "a detached HEAD": "git checkout --quiet --detach && echo x >>train.py",
    "core.autocrlf=true": """
        git config core.autocrlf true && printf 'one\\r\\ntwo\\r\\n' >crlf.py && git add crlf.py
        echo lf >>train.py && echo u >u.py
    """,
    "a merge with conflicts": """
        git checkout --quiet -b theirs && echo theirs >train.py && git commit --quiet -am theirs
        git checkout --quiet main && echo ours >train.py && git commit --quiet -am ours
        ! git merge --quiet theirs >/dev/null
    """,
    "assume-unchanged and intent to add": """
        git update-index --assume-unchanged train.py && echo hidden >train.py
        echo later >later.py && git add --intent-to-add later.py
    """,
}

PROJECT = """
echo readme >README.md
mkdir -p deep/er
echo 'print(2)' >deep/er/module.py
git add . && git commit --quiet -m 'more files'
"""


@pytest.fixture
def world(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A clone of a registry in which nothing is logged yet."""
    made = copy(START + PROJECT, tmp_path_factory, tmp_path / "world")
    made("mkdir data && echo one >data/a && echo model >model.bin", "")
    return made


def unchanged_by_all(repository: Path, where: Path, outside: Path) -> None:
    """Run all the commands in `where`; after each one everything of the user's in `repository` is as it was."""
    before = fingerprint(repository)
    for command in COMMANDS.strip().splitlines():
        done = attempt(command, where, env={"OUT": str(outside)})
        assert done.code == 0, f"{command}\n{done.out}{done.err}"
        after = fingerprint(repository)
        # a published version is a tag of the repository from then on: that is what publishing is for
        keys = [key for key in before.keys() | after if not key.startswith("refs/tags/")]
        changed = {key: (before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)}
        assert changed == {}, f"{command} changed this"


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_command_leaves_everything_as_it_was(world: World, situation: str) -> None:
    world(SITUATIONS[situation])
    unchanged_by_all(world.work, world.work, world.folder)


def test_every_command_leaves_everything_as_it_was_in_a_subdirectory(world: World) -> None:
    world(STAGED_AND_NOT)
    unchanged_by_all(world.work, world.work / "deep" / "er", world.folder)


def test_every_command_leaves_everything_as_it_was_in_a_linked_worktree(world: World) -> None:
    world(
        """
        git worktree add --quiet -b linked ../linked && cd ../linked
        echo x >>train.py && echo y >y.py && git add y.py
        """
    )
    main = fingerprint(world.work)
    unchanged_by_all(world.folder / "linked", world.folder / "linked", world.folder)
    after = fingerprint(world.work)
    assert {key for key in main.keys() | after if main.get(key) != after.get(key) and "refs/tags" not in key} == set()


def test_every_command_leaves_everything_as_it_was_before_the_first_commit(tmp_path: Path) -> None:
    world = World(tmp_path / "world")
    world.folder.mkdir()
    world(
        """
        git init --quiet --bare server.git && git init --quiet work && cd work
        git remote add origin ../server.git
        gitreg init --storage ../storage 2>/dev/null
        echo 'print(1)' >train.py && git add train.py && echo 'print(2)' >train.py && echo x >other.py
        mkdir ../data && echo one >../data/a && echo model >../model.bin
        """,
        "",
    )
    unchanged_by_all(world.work, world.work, world.folder)


READING = """
gitreg ls
gitreg ls mnist --json
gitreg show mnist:v1
gitreg show model/Digits:production --json
gitreg runs
gitreg runs --json
gitreg lineage mnist:v1
gitreg lineage --all --format json
gitreg alias ls
gitreg alias log model/Digits:production
gitreg status
"""


@pytest.fixture
def world_of_versions(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A published registry."""
    return copy(START + LOG + "git push --quiet", tmp_path_factory, tmp_path / "published")


def test_reading_works_in_a_bare_repository_and_changes_nothing(world_of_versions: World) -> None:
    world = world_of_versions
    before = world("find . -type f ! -path './gitreg/*' -exec sha256sum {} + | sort", "server.git")
    for command in READING.strip().splitlines():
        assert world.attempt(command, "server.git").code == 0, command
    assert world("find . -type f ! -path './gitreg/*' -exec sha256sum {} + | sort", "server.git") == before


@pytest.mark.parametrize("command", [line for line in READING.strip().splitlines() if "status" not in line])
def test_the_server_says_what_the_clone_says(tmp_path_factory: pytest.TempPathFactory, command: str) -> None:
    world = tell(START + LOG + "git push --quiet", tmp_path_factory)
    assert world(command, "server.git") == world(command)


@pytest.fixture
def read_only() -> Callable[[str, Path], Done]:
    """Run shell as a user for whom permissions count; root must give up his power to pass over them."""
    become = ""
    if os.geteuid() == 0:
        become = "setpriv --bounding-set=-all --inh-caps=-all"
        if not shutil.which("setpriv"):
            pytest.skip("root may write everywhere, and there is no 'setpriv' to give that up")

    def run(script: str, cwd: Path) -> Done:
        return attempt(f"{become} {script}", cwd)

    return run


@pytest.mark.parametrize("where", ["work", "server.git"])
def test_reading_needs_no_write_access(
    where: str, world_of_versions: World, read_only: Callable[[str, Path], Done], sealed: Path
) -> None:
    world = world_of_versions
    folder = world.folder / where
    # the derived index exists and does not know the newest version yet
    world("gitreg runs && echo later >../later && gitreg put ../later --name later --type model && git push --quiet")
    world("gitreg runs", "server.git")
    world("gitreg put train.py --name latest_of_all --type model && git push --quiet")
    world(f"chmod -R a-w '{world.folder}' '{sealed}'", "")
    try:
        assert read_only("touch probe", folder).code != 0
        for command in READING.strip().splitlines():
            done = read_only(command, folder)
            assert (done.code, done.err) == (0, ""), command
        assert "a.txt" in read_only("gitreg show digits:v0", folder).out
        assert "latest_of_all:v0" in read_only("gitreg runs", folder).out
    finally:
        world(f"chmod -R u+w '{world.folder}' '{sealed}'", "")
