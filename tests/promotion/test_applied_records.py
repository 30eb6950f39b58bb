"""What a promotion records of those behind it is shown where the alias is, and fsck checks what it claims."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from applying import Team
from measuring import Lab

from desks import Desk
from gitreg.records.behind import By, Merged, Person


@pytest.fixture
def team(ada: Desk) -> Team:
    """With a gate, and two moves: of the first the host has told who is behind it."""
    lab = Lab(ada)
    for number in range(3):
        lab.train({"accuracy": 0.9 + number / 100}, name=f"train-{number}")
    found = Team(ada)
    found.policy('aliases: {production: {gates: {accuracy: ">= 0.9"}}}\n')
    first = found.merge("production: v1\n")
    found.merge("production: {version: v2, reason: better}\n")
    bob = Person("bob", "verified", "2026-01-02T03:04:05Z")
    found.apply(told={first: By(Person("carl", "verified"), (bob,), Merged(first, "ada", "verified"))})
    return found


def test_the_log_says_who_is_behind_a_move(team: Team) -> None:
    when = "2026-01-02 03:04"
    commits = team.desk.git("log --format=%h --abbrev=10 -2").split()
    assert team.desk.sh("gitreg alias log m:production 2>/dev/null").splitlines() == [
        "    VERSION  WAS  AT                BY           ASKED            APPROVED        MERGED      REASON",
        f"#2  v2       v1   {when}  Ada Example  Ada Example                      {commits[0]}  better",
        f"#1  v1            {when}  Ada Example  carl (verified)  bob (verified)  {commits[1]}  ask for a move",
    ]
    document = json.loads(team.desk.sh("gitreg alias log m:production --json"))
    newest, first = document["moves"]
    assert first["behind"]["approved"] == [{"who": "bob", "how": "verified", "at": "2026-01-02T03:04:05Z"}]
    assert newest["behind"]["asked"] == {"who": "Ada Example <test@example.org>", "how": "declared"}
    assert [(item["gate"], item["metric"], item["value"]) for item in newest["evidence"]] == [
        ("accuracy >= 0.9", "accuracy", 0.92)
    ]


def test_an_alias_that_only_people_have_moved_has_no_such_columns(team: Team) -> None:
    team.direct("m:staging", "v1")
    assert "ASKED" not in team.desk.sh("gitreg alias log m:staging")


@pytest.mark.parametrize("thing", ["m", "m:v2", "m:production"])
def test_a_page_says_who_is_behind_an_alias_and_what_let_it_pass(team: Team, thing: str) -> None:
    lines = [line.strip() for line in team.desk.sh(f"gitreg show {thing}").splitlines()]
    at = lines.index("better")
    merged = team.desk.oid("main").short
    assert lines[at + 1 : at + 3] == [
        f"asked by Ada Example, merged by Ada Example as {merged}",
        "accuracy 0.92 (accuracy >= 0.9)",
    ]


class TestFsck:
    """What a promotion claims to have been merged."""

    def findings(self, path: Path, team: Team) -> list[tuple[str, str, str]]:
        document = json.loads(team.desk.sh(f"cd {path} && gitreg fsck --json || test $? = 3"))
        return [(item["severity"], item["problem"], item["remedy"]) for item in document["findings"]]

    def test_is_on_the_default_branch(self, team: Team) -> None:
        team.desk.sh("git fetch --quiet origin && git remote set-head origin --auto >/dev/null")
        assert self.findings(team.desk.path, team) == []

    def test_may_be_newer_than_what_this_clone_has_fetched(self, team: Team) -> None:
        team.desk.sh("git update-ref refs/remotes/origin/main main~1")
        problem = f"its record 2 names commit {team.desk.oid('main').short}, which is not on the default branch"
        assert self.findings(team.desk.path, team) == [
            ("warning", f"{problem} as this clone knows it", "git fetch origin, and check again")
        ]

    def test_must_not_be_somewhere_else(self, team: Team) -> None:
        old = team.desk.oid("main").short
        team.desk.sh("git reset --quiet --hard HEAD~1 && git push --quiet --force origin main")
        team.merge("production: v0\n")
        problem = f"its record 2 names commit {old}, which is not on the default branch"
        look = f"look at it: git show {old}"
        assert self.findings(team.desk.path, team) == [
            ("error", problem, f"{look}; to move the alias to what the branch says: gitreg apply")
        ]
        team.apply()
        assert self.findings(team.desk.path, team) == [("warning", problem, look)]

    def test_is_not_checked_where_the_branch_is_not_known(self, team: Team) -> None:
        team.desk.sh("git remote set-head origin --delete && git update-ref refs/remotes/origin/other main")
        ((severity, problem, _),) = self.findings(team.desk.path, team)
        assert severity == "note"
        assert problem.startswith("what aliases say of merged commits is not checked: which branch is the default one")
