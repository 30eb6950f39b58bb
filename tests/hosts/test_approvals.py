"""`gitreg ci approvals` on each host: who asked for what was merged, who approved of it, and who merged it."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import badinput
import pytest
from doubles import ADA, BOB, COMMIT, EARLIER, GONE, HEAD, Double, Review
from jsonschema import Draft202012Validator

from conftest import Shell
from desks import Desk, alias_name
from gitreg.cli import ci_approvals, ci_comment
from gitreg.records.behind import By, Merged, Person
from gitreg.registry import aliases

SCHEMA = json.loads((resources.files("gitreg") / "schemas" / "ci-approvals-1.json").read_text(encoding="utf-8"))


@pytest.fixture
def head(host: Double, repo: Path, sh: Shell, monkeypatch: pytest.MonkeyPatch) -> str:
    """The commit that the request has brought onto the branch."""
    monkeypatch.chdir(repo)
    commit = sh("git rev-parse HEAD", repo).strip()
    host.state.commit = commit
    return commit


def told(*commits: str) -> tuple[Any, str]:
    """What is said of commits, and beside it."""
    done = badinput.run("ci", "approvals", *commits)
    assert done.code == 0, done
    document = json.loads(done.out)
    Draft202012Validator(SCHEMA).validate(document)
    return document, done.err


def test_the_host_says_who_asked_approved_and_merged(host: Double, kind: str, head: str) -> None:
    host.state.reviews = [Review(BOB, "APPROVED", HEAD)]
    document, talk = told("HEAD")
    assert (document["host"], [*document["commits"]], talk) == (kind, [head], "")
    request = document["commits"][head]
    assert (request["request"], request["head"]) == (12, HEAD)
    assert request["page"].startswith("https://")
    assert request["by"] == {
        "asked": {"who": "ada", "how": "verified"},
        "approved": [{"who": "bob", "how": "verified", "at": "2026-03-01T12:00:00Z"}],
        "merged": {"who": "bob", "commit": head, "how": "verified"},
    }


def test_who_has_approved_of_an_earlier_state_only_is_left_out_and_told(host: Double, kind: str, head: str) -> None:
    host.state.reviews = [Review(BOB, "APPROVED", EARLIER)]
    document, talk = told("HEAD")
    assert "approved" not in document["commits"][head]["by"]
    # GitLab takes such approvals away itself
    assert talk == ("" if kind == "GitLab" else "left out of request 12: bob approved of an earlier state\n")


@pytest.mark.parametrize("kind", ["GitHub", "Gitea"], indirect=True)
def test_a_stranger_may_approve_and_does_not_count(host: Double, head: str) -> None:
    host.state.reviews = [Review(BOB, "APPROVED", HEAD, member=False)]
    document, talk = told("HEAD")
    assert "approved" not in document["commits"][head]["by"]
    assert talk == "left out of request 12: bob approved, and is nobody of this repository's\n"


@pytest.mark.parametrize("kind", ["GitHub", "Gitea"], indirect=True)
@pytest.mark.parametrize(
    ("states", "counts"),
    [
        (["APPROVED", "CHANGES_REQUESTED"], False),
        (["CHANGES_REQUESTED", "APPROVED"], True),
        (["APPROVED", "COMMENTED"], True),
        (["COMMENTED"], False),
        (["DISMISSED"], False),
        (["APPROVED", "DISMISSED"], False),
    ],
)
def test_the_last_word_of_each_counts(host: Double, head: str, states: list[str], *, counts: bool) -> None:
    host.state.reviews = [Review(BOB, state, HEAD) for state in states] + [Review(ADA, "COMMENTED", HEAD)]
    document, _ = told("HEAD")
    assert ("approved" in document["commits"][head]["by"]) == counts


def test_the_last_word_may_stand_behind_many_others(host: Double, head: str) -> None:
    host.state.reviews = [Review(ADA, "COMMENTED", HEAD)] * 120 + [Review(BOB, "APPROVED", HEAD)]
    document, _ = told("HEAD")
    assert [item["who"] for item in document["commits"][head]["by"]["approved"]] == ["bob"]


def test_a_commit_that_no_request_has_brought_has_none(host: Double, head: str, repo: Path, sh: Shell) -> None:
    sh("git commit --quiet --allow-empty -m direct", repo)
    other = sh("git rev-parse HEAD", repo).strip()
    document, _ = told("HEAD", head, "HEAD~1")
    assert [*document["commits"]] == [other, head]
    assert document["commits"][other] is None
    assert document["commits"][head]["request"] == 12


def test_a_request_that_is_not_merged_has_brought_nothing(host: Double, head: str) -> None:
    host.state.merged = False
    assert told("HEAD")[0]["commits"] == {head: None}


def test_nor_has_one_for_another_branch(host: Double, head: str) -> None:
    """Who may merge there may be anybody."""
    host.state.base = "playground"
    host.state.reviews = [Review(BOB, "APPROVED", HEAD)]
    assert told("HEAD")[0]["commits"] == {head: None}


@pytest.mark.parametrize("kind", ["GitHub", "GitLab"], indirect=True)
def test_of_requests_on_top_of_each_other_the_one_that_brought_the_commit_is_asked(host: Double, head: str) -> None:
    host.state.stacked = True
    host.state.reviews = [Review(BOB, "APPROVED", HEAD)]
    assert told("HEAD")[0]["commits"][head]["request"] == 12
    # neither the merge nor the newest
    host.state.commit, host.state.also = COMMIT, head
    assert told("HEAD")[0]["commits"][head]["request"] == 12


@pytest.mark.parametrize("kind", ["GitHub"], indirect=True)
def test_an_approval_of_an_account_that_is_deleted_is_nobodys(host: Double, head: str) -> None:
    """https://docs.github.com/en/rest/pulls/reviews: `user` may be null."""
    host.state.reviews = [Review(GONE, "APPROVED", HEAD), Review(BOB, "APPROVED", HEAD)]
    document, talk = told("HEAD")
    assert [item["who"] for item in document["commits"][head]["by"]["approved"]] == ["bob"]
    assert talk == ""


def test_a_token_that_may_not_read_names_nobody(host: Double, kind: str, head: str) -> None:
    host.state.readable = False
    document, talk = told("HEAD")
    assert document["commits"] == {}
    assert talk.startswith(f"warning: nobody is named as who asked or approved; {kind} says: 404 ")


def test_a_host_in_trouble_is_an_error(host: Double, kind: str, head: str) -> None:
    host.state.failing = [500] * 20
    done = badinput.run("ci", "approvals", "HEAD")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith(f"error: {kind} ")


@pytest.mark.parametrize("kind", ["GitHub"], indirect=True)
def test_what_apply_would_do_is_asked_for_and_recorded(
    host: Double, ada: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for content in ("zero", "one"):
        ada.log("m", content)
    ada.publish()
    ada.sh("mkdir -p .gitreg/aliases && echo 'production: v1' >.gitreg/aliases/m.yaml")
    ada.sh("git add . && git commit --quiet -m 'ask for a move' && git push --quiet origin main")
    host.state.commit = ada.git("rev-parse HEAD")
    host.state.reviews = [Review(BOB, "APPROVED", HEAD)]
    monkeypatch.chdir(ada.path)
    document, _ = told()
    assert [*document["commits"]] == [host.state.commit]
    (tmp_path / "approvals.json").write_text(json.dumps(document))
    done = badinput.run("apply", "--approvals", str(tmp_path / "approvals.json"))
    assert done.code == 0, done
    (move,) = aliases.history(ada.reopen(), alias_name("m:production"))
    assert move.record.by == By(
        Person("ada", "verified"),
        (Person("bob", "verified", "2026-03-01T12:00:00Z"),),
        Merged(ada.oid("HEAD"), "bob", "verified"),
    )
    assert told()[0]["commits"] == {}


def test_what_is_no_commit_is_asked_of_nobody(host: Double, head: str) -> None:
    done = badinput.run("ci", "approvals", "--upload-pack=x")
    assert (done.code, host.asked) == (2, [])
    done = badinput.run("ci", "approvals", "nowhere")
    assert (done.code, host.asked) == (6, [])


@pytest.mark.parametrize("kind", ["GitHub"], indirect=True)
def test_the_examples_of_the_help_work(host: Double, ada: Desk) -> None:
    examples = [(command.epilog or "").splitlines()[2:] for command in (ci_comment.comment, ci_approvals.approvals)]
    assert [len(lines) for lines in examples] == [2, 2]
    for line in (line for lines in examples for line in lines):
        ada.sh(line)
    assert host.written == []
    assert host.asked
