"""`gitreg plan --format markdown` in a real repository: what is read for the comment."""

from __future__ import annotations

import badinput
import pytest
from planning import Asking

from desks import Desk
from gitreg.cli.plan_markdown import MARKER, SILENT


@pytest.fixture
def asking(ada: Desk, monkeypatch: pytest.MonkeyPatch) -> Asking:
    monkeypatch.chdir(ada.path)
    found = Asking(ada)
    found.merge("production: v0\n")
    found.apply()
    return found


def comment(code: int) -> str:
    done = badinput.run("plan", "--format", "markdown")
    assert (done.code, done.err) == (code, ""), done
    assert done.out.startswith(MARKER)
    return done.out


def picture(text: str) -> str:
    return text.partition("```mermaid\n")[2].partition("```")[0]


def test_the_picture_shows_the_alias_where_it_is_and_where_it_would_be(asking: Asking) -> None:
    asking.write("production: v2\n")
    lines = picture(comment(3)).splitlines()
    # what Mermaid would obey is written as its code: '[- production]', '[+ production]'
    assert [line for line in lines if "m:v0" in line and "#91;#45; production#93;" in line]
    assert [line for line in lines if "m:v2" in line and "#91;#43; production#93;" in line]
    assert not [line for line in lines if "m:v1" in line]


def test_a_removal_is_in_the_picture_too(asking: Asking) -> None:
    asking.write("production: null\n")
    text = comment(3)
    assert text.splitlines()[2] == "### ✅ `m:production` is removed when this is merged"
    assert "#91;#45; production#93;" in picture(text)
    assert "#43;" not in picture(text)


def test_of_a_version_that_is_not_there_nothing_is_pictured(asking: Asking) -> None:
    asking.write("production: v0\nstaging: v99\n")
    text = comment(4)
    assert text.splitlines()[2] == "### ❌ `m:staging` must not move to `v99`"
    assert "| `m` | `staging` | nothing | `v99` | " in text
    assert picture(text) == ""


def test_nothing_asked_for_is_nothing_to_say(asking: Asking) -> None:
    assert comment(0).splitlines()[1] == SILENT


def test_a_change_of_the_policy_alone_is_told(asking: Asking) -> None:
    asking.on_branch("request", "production: v0\n# a remark\n")
    asking.desk.sh("git checkout --quiet request && echo 'schema: 1' >.gitreg/policy.yaml")
    asking.desk.sh("git add . && git commit --quiet -m policy")
    done = badinput.run("plan", "--head", "request", "--format", "markdown")
    assert done.code == 0
    assert SILENT not in done.out
    assert "policy.yaml" in done.out


def test_the_same_repository_makes_the_same_comment(asking: Asking) -> None:
    asking.write("production: v2\nstaging: v1\n")
    assert comment(3) == comment(3)
