"""`gitreg status --drift`: what is not where the default branch wants it, or was moved past its review."""

from __future__ import annotations

import json

import badinput
import pytest
from planning import Asking, shown

from desks import Desk
from gitreg.promotion.drift import Drift, drift

PROTECTED = "aliases: {production: {protected: true}}\n"


@pytest.fixture
def asking(ada: Desk) -> Asking:
    return Asking(ada)


def found(asking: Asking) -> Drift:
    return drift(asking.desk.reopen(), asking.desk.oid("origin/main"))


def unreviewed(asking: Asking) -> list[str]:
    return [f"{alias.name} {alias.place.version.label}" for alias in found(asking).unreviewed if alias.place]


def test_what_is_applied_does_not_drift(asking: Asking) -> None:
    asking.policy(PROTECTED)
    asking.merge("production: v1\n")
    assert shown(found(asking).moves) == ["m:production nothing -> v1"]
    asking.apply()
    assert not found(asking)


def test_an_alias_that_somebody_moved_elsewhere_drifts(asking: Asking) -> None:
    asking.merge("production: v1\nstaging: v0\n")
    asking.apply()
    asking.direct("m:production", "v2")
    asking.direct("m:staging", None)
    assert shown(found(asking).moves) == ["m:production v2 -> v1", "m:staging nothing -> v0"]
    # what the working tree says does not matter
    asking.write("production: v2\n")
    assert shown(found(asking).moves) == ["m:production v2 -> v1", "m:staging nothing -> v0"]


def test_a_protected_alias_that_no_file_lists_was_moved_past_review(asking: Asking) -> None:
    asking.direct("m:production", "v2")
    asking.direct("m:staging", "v2")
    assert not found(asking)
    asking.policy(PROTECTED)
    assert unreviewed(asking) == ["m:production v2"]
    # a request that asks for where it is settles it
    asking.merge("production: v2\n")
    assert not found(asking)


def test_a_line_that_went_and_was_not_applied_drifts(asking: Asking) -> None:
    asking.policy(PROTECTED)
    asking.merge("production: v1\n")
    asking.apply()
    asking.merge(None)
    assert shown(found(asking).moves) == ["m:production v1 -> nothing"]
    assert not unreviewed(asking)


def test_an_alias_that_was_moved_by_hand_is_told(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    asking.policy(PROTECTED)
    commit = asking.desk.version("m:v1").commit
    asking.git(f"update-ref refs/gitreg-remotes/origin/aliases/m@production {commit}")
    assert unreviewed(asking) == ["m:production v1"]
    monkeypatch.chdir(asking.desk.path)
    done = badinput.run("status", "--drift")
    assert "moved     by hand, which nothing records" in done.out
    assert done.code == 3


def test_the_command_tells_what_and_ends_with_3(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(asking.desk.path)
    done = badinput.run("status", "--drift")
    assert (done.code, done.out) == (0, "all aliases are where origin/main wants them\n")
    asking.direct("m:production", "v2", "it was urgent")
    asking.policy(PROTECTED)
    asking.merge("staging: v1\ncanary: {version: v9, reason: to try it}\n")
    done = badinput.run("status", "--drift")
    assert done.code == 3
    assert done.out.splitlines() == [
        "3 aliases are not where origin/main wants them",
        "",
        "m:canary · nothing → v9 · refused",
        "reason    to try it",
        "asked by  .gitreg/aliases/m.yaml, line 2",
        "problem   there is no 'm:v9'",
        "          'm' has v0, v1, v2",
        "",
        "m:staging · nothing → v1",
        "asked by  .gitreg/aliases/m.yaml, line 1",
        "",
        "m:production · v2 · moved past review",
        "moved     just now, by Ada Example",
        "reason    it was urgent",
        "problem   the alias is protected, and no file lists it",
        "          to ask for it: gitreg promote m:production v2",
        "",
        "'gitreg apply' moves what the policy allows, and says why it refuses the rest",
    ]
    done = badinput.run("status", "--drift", "--json")
    document = json.loads(done.out)
    assert done.code == 3
    assert [move["alias"] for move in document["moves"]] == ["canary", "staging"]
    assert [(item["alias"], item["version"], item["reason"]) for item in document["unreviewed"]] == [
        ("production", "v2", "it was urgent")
    ]


def test_a_file_that_cannot_be_read_is_no_drift_but_an_error(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    asking.merge("production: latest\n")
    monkeypatch.chdir(asking.desk.path)
    done = badinput.run("status", "--drift")
    assert done.code == 1
    assert done.out.splitlines()[:3] == [
        "1 file of origin/main cannot be read",
        "",
        "broken    '.gitreg/aliases/m.yaml', line 1: 'latest' is no version; only numbers such as v3 may stand here",
    ]


def test_a_repository_without_a_commit_has_no_drift_to_tell(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk.path)
    done = badinput.run("status", "--drift")
    assert (done.code, done.err.partition("\n")[0]) == (
        1,
        "error: there is no remote 'origin', so nothing is published",
    )
