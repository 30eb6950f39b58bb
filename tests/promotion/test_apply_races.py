"""Two who apply at once, merges that go on meanwhile, and somebody who moves an alias directly at that moment."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

import pytest
from applying import Team, problems, shown

from desks import Desk, World, alias_name
from gitreg.promotion.wanted import FOLDER
from gitreg.registry import aliases

# in a hook of the server: as if it were done by another process, between somebody's fetch and their push
_OTHERWISE = "env -u GIT_QUARANTINE_PATH -u GIT_OBJECT_DIRECTORY -u GIT_ALTERNATE_OBJECT_DIRECTORIES"


@pytest.fixture
def team(ada: Desk) -> Team:
    return Team(ada)


def started(desk: Desk, script: str) -> subprocess.Popen[str]:
    command = ["sh", "-eu", "-c", script]
    return subprocess.Popen(command, cwd=desk.path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(processes: Sequence[subprocess.Popen[str]]) -> list[str]:
    """Wait for all; what each has printed as data."""
    said = [process.communicate() for process in processes]
    failed = [err for process, (_, err) in zip(processes, said, strict=True) if process.returncode]
    assert not failed, "\n".join(failed)
    return [out for out, _ in said]


def test_two_who_push_at_the_same_moment_make_each_move_once(team: Team, bob: Desk, world: World) -> None:
    asked = [team.merge(f"production: {version}\n") for version in ("v1", "v2", "v0")]
    # nobody goes on before both have sent what they have
    world.hook("pre-receive", "mkdir -p here && touch here/$$ && while [ $(ls here | wc -l) -lt 2 ]; do :; done")
    said = ended([started(desk, "gitreg apply") for desk in (team.desk, bob)])
    # one of them has moved it, and the other has seen that
    assert sorted(said) == ["", "m:production: nothing -> v1 -> v2 -> v0\n"]
    assert len(list((world.server / "here").iterdir())) == 2
    team.desk.fetch()
    assert team.history() == [f"{version} {oid.short}" for version, oid in zip(("v1", "v2", "v0"), asked, strict=True)]


class Rival:
    """Somebody who moves an alias to v2 on the server, when a push is on its way there."""

    def __init__(self, world: World, desk: Desk) -> None:
        desk.fetch()
        desk.promote("m:production", "v2", "directly")
        tip = desk.oid("refs/gitreg/aliases/m@production")
        desk.sh(f"git push --quiet --no-verify origin {tip}:refs/rival/tip")
        self.tip = tip
        move = f"{_OTHERWISE} git update-ref refs/gitreg/aliases/m@production {tip}"
        world.hook("pre-receive", f"test -e moved && exit 0; touch moved; {move}")


def test_a_direct_move_at_the_same_moment_stays_in_the_history(team: Team, bob: Desk, world: World) -> None:
    asked = team.merge("production: v1\n")
    Rival(world, bob)
    assert shown(team.apply()) == ["m:production v2 -> v1"]
    assert team.history() == ["v2 -", f"v1 {asked.short}"]


def test_a_request_that_was_written_before_a_direct_move_loses_the_race(team: Team, bob: Desk, world: World) -> None:
    team.merge("production: {version: v1, after: none}\nstaging: v0\n")
    rival = Rival(world, bob)
    found = team.apply()
    assert shown(found) == ["m:staging nothing -> v0"]
    assert (found.refused, [step.move.alias.alias for step in found.lost]) == ((), ["production"])
    assert problems(found) == ["'m:production' has been moved since the request was written; it had no history then"]
    assert team.tip() == rival.tip
    # later it is no race any more
    assert team.apply().refused


def test_the_command_says_that_somebody_else_was_faster(team: Team, bob: Desk, world: World) -> None:
    asked = team.merge("production: {version: v1, after: none}\n")
    Rival(world, bob)
    said = team.desk.sh("status=0; gitreg apply 2>&1 || status=$?; test $status = 5")
    assert said.startswith(f"warning: somebody else moved it: m:production -> v1, as {asked.short} asks\n")


def test_whoever_is_always_slower_gives_up(team: Team, world: World) -> None:
    team.merge("production: v1\n")
    world.hook("pre-receive", "echo >>pushes")
    world.hook("update", "echo \"error: cannot lock ref '$1': is at another\" >&2; exit 1")
    found = team.apply()
    assert (shown(found), [str(step.move.alias) for step in found.lost]) == ([], ["m:production"])
    pushes = (world.server / "pushes").read_text().count("\n")
    assert pushes == 8


# What each of two does for every merge: a line of its own in the file that both write, merged, then applied.
_JOB = """
for version in v1 v2 v0 v1; do
    until
        git fetch --quiet origin && git reset --quiet --hard origin/main
        mkdir -p {folder} && touch {folder}/m.yaml
        sed -i '/^{who}:/d' {folder}/m.yaml && echo "{who}: $version" >>{folder}/m.yaml
        git add {folder} && git commit --quiet -m "{who} to $version"
        git push --quiet --no-verify origin HEAD:main 2>/dev/null
    do :; done
    gitreg apply
done
"""


def test_merges_that_are_applied_at_once_are_all_in_the_history_in_the_branchs_order(team: Team, bob: Desk) -> None:
    jobs = {"ada": team.desk, "bob": bob}
    ended([started(desk, _JOB.format(who=who, folder=FOLDER)) for who, desk in jobs.items()])
    team.desk.sh("git fetch --quiet origin")
    team.desk.fetch()
    order = team.desk.git("rev-list --first-parent --reverse origin/main").split()
    for who in jobs:
        moves = aliases.history(team.desk.reopen(), alias_name(f"m:{who}"))[::-1]
        merged = [str(move.record.by.merged.commit) for move in moves if move.record.by.merged]
        assert [move.record.now.version.label for move in moves if move.record.now] == ["v1", "v2", "v0", "v1"]
        assert merged == sorted(merged, key=order.index)
        assert [team.desk.git(f"log -1 --format=%s {oid}") for oid in merged] == [
            f"{who} to {version}" for version in ("v1", "v2", "v0", "v1")
        ]
    assert shown(team.apply()) == []
