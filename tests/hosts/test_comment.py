"""`gitreg ci comment` on each host: one comment, kept up to date, and nothing of anybody else's."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import badinput
import pytest
from doubles import ADA, TOKEN, Double, served
from jobs import KINDS

from conftest import Shell
from gitreg.cli.plan_markdown import MARKER, MOST, SILENT


def post(*words: str) -> badinput.Done:
    return badinput.run("ci", "comment", "--file", "plan.md", *words)


def bodies(host: Double) -> list[str]:
    return [note.body for note in host.state.notes]


def test_the_first_plan_is_a_new_comment(host: Double, kind: str, plan: Path) -> None:
    done = post()
    assert (done.code, done.out, bodies(host)) == (0, "", [plan.read_text()])
    page = {"GitHub": ": https://github.com/", "Gitea": ": https://codeberg.org/", "GitLab": "\n"}[kind]
    assert done.err.startswith(f"wrote a comment{page}")


def test_the_next_one_is_written_in_its_place(host: Double, plan: Path) -> None:
    host.state.add("looks good to me", ADA)
    post()
    plan.write_text(plan.read_text().replace("v3", "v4"))
    done = post()
    assert done.err.startswith("brought the comment up to date")
    assert bodies(host) == ["looks good to me", plan.read_text()]


def test_what_says_the_same_is_not_written_again(host: Double, plan: Path) -> None:
    post()
    # hosts take the line at the end away, and some write \r\n
    host.state.notes[0].body = plan.read_text().strip().replace("\n", "\r\n")
    host.asked.clear()
    done = post()
    assert (done.code, host.written) == (0, [])
    assert done.err.startswith("the comment is up to date")


def test_a_comment_of_somebody_elses_is_left_alone_whatever_it_begins_with(host: Double, plan: Path) -> None:
    forged = host.state.add(f"{MARKER}\n\n### ✅ all is well", ADA)
    own = host.state.add(f"what is `{MARKER}`?")
    post()
    assert [forged.body, own.body] == bodies(host)[:2]
    assert bodies(host)[2:] == [plan.read_text()]


def test_ours_is_found_behind_many_others(host: Double, plan: Path) -> None:
    for number in range(250):
        host.state.add(f"{number}", ADA)
    ours = host.state.add(f"{MARKER} before")
    post()
    assert ours.body == plan.read_text()
    assert len(host.state.notes) == 251


def test_of_several_of_ours_one_stays(host: Double, plan: Path) -> None:
    """Two jobs may have begun at once."""
    first = host.state.add(f"{MARKER} one")
    host.state.add(f"{MARKER} two")
    post()
    assert host.state.notes == [first]
    assert first.body == plan.read_text()


def test_nothing_is_said_when_nothing_moves(host: Double, plan: Path) -> None:
    plan.write_text(f"{MARKER}\n{SILENT}\n\n### No alias moves\n")
    done = post()
    assert (done.code, done.err, host.written) == (0, "nothing moves, and there is no comment to change\n", [])


def test_a_comment_that_is_there_says_when_nothing_moves_any_more(host: Double, plan: Path) -> None:
    post()
    plan.write_text(f"{MARKER}\n{SILENT}\n\n### No alias moves\n")
    assert post().code == 0
    assert bodies(host) == [plan.read_text()]


@pytest.mark.parametrize(("readable", "words"), [(True, "403 "), (False, "404 ")])
def test_a_token_that_may_not_write_leaves_the_text_beside_the_job(
    host: Double, kind: str, plan: Path, summary: Path, *, readable: bool, words: str
) -> None:
    host.state.readable, host.state.writable = readable, False
    summary.write_text("of the step before\n")
    done = post()
    assert (done.code, bodies(host)) == (0, [])
    assert done.err.startswith(f"warning: no comment was written; {kind} says: {words}")
    if kind == "GitHub":
        assert (done.out, summary.read_text()) == ("", "of the step before\n" + plan.read_text())
    else:
        assert (done.out, summary.read_text()) == (plan.read_text(), "of the step before\n")


def test_so_does_a_job_without_a_token(host: Double, plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests from forks get no secrets."""
    for name in ("GITHUB_TOKEN", "GITLAB_TOKEN"):
        monkeypatch.setenv(name, "")
    done = post()
    assert (done.code, host.asked) == (0, [])
    assert "there is no token" in done.err


def test_a_token_that_is_wrong_is_an_error(
    host: Double, kind: str, plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_TOKEN", "GITLAB_TOKEN"):
        monkeypatch.setenv(name, "expired")
    done = post()
    assert done.code == 1
    assert done.err.startswith(f"error: {kind} says: 401 ")
    assert "hint: the token is not valid" in done.err
    assert "expired" not in done.err.partition("hint:")[0]


def test_a_host_in_trouble_is_an_error_and_no_comment_is_written_twice(host: Double, kind: str, plan: Path) -> None:
    host.state.failing = [500] * 20
    done = post()
    assert done.code == 1
    assert done.err.startswith(f"error: {kind} says: ")
    host.state.failing = []
    host.asked.clear()
    assert post().code == 0
    assert host.written == ["POST"]


@pytest.mark.parametrize(
    "answer", [b"", b"<html>log in</html>", b"{}", b"[]", b"null", b'[{"id": 1}]', b'"x"', b"[" * 100_000, b"\xff"]
)
def test_an_answer_that_is_none_of_the_apis_is_an_error(
    host: Double, kind: str, plan: Path, sh: Shell, answer: bytes
) -> None:
    host.state.garbled = answer
    done = post()
    assert (done.code, done.out) == (1, ""), done
    assert done.err.startswith(f"error: {kind} gives no answer that can be read"), done
    sh("git init --quiet && git commit --quiet --allow-empty -m start")
    done = badinput.run("ci", "approvals", "HEAD")
    # an empty list says that there is no request; PyGithub takes more than that for one
    empty = {"GitHub": (b"[]", b"", b"null"), "GitLab": (b"[]",), "Gitea": ()}[kind]
    assert done.code == (0 if answer in empty else 1), done


def test_the_token_is_not_sent_to_where_an_answer_leads(host: Double, kind: str, plan: Path) -> None:
    with served(KINDS[kind]) as other:
        host.state.elsewhere = other.url
        done = post()
    assert (done.code, done.out) == (1, "")
    assert host.heard[0]
    assert {*other.heard} <= {None}


def test_no_answer_at_all_is_an_error(host: Double, kind: str, plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host.server_close()
    done = post()
    assert done.code == 1
    assert done.err.startswith(f"error: {kind} gives no answer that can be read: ")
    assert TOKEN not in done.err


def test_a_request_can_be_named(host: Double, plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_REF", "CI_MERGE_REQUEST_IID"):
        monkeypatch.setenv(name, "refs/heads/main")
    done = post()
    assert (done.code, done.err) == (
        2,
        "error: this job is about no request\nhint: name one: --request NUMBER\n",
    )
    assert post("--request", "12").code == 0
    assert len(bodies(host)) == 1


@pytest.mark.parametrize("text", ["", "### by hand\n", f"{MARKER}\n" + "x" * MOST])
def test_only_what_a_plan_has_written_is_posted(host: Double, plan: Path, text: str) -> None:
    plan.write_text(text)
    done = post()
    assert (done.code, host.asked) == (2, [])
    assert "hint: gitreg plan --format markdown > plan.md" in done.err


def test_outside_a_job_nobody_knows_where_to_post(plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "GITHUB_API_URL"):
        monkeypatch.delenv(name, raising=False)
    done = post()
    assert (done.code, done.err.partition("\n")[0]) == (2, "error: this is no CI job of a host that gitreg knows")


def test_a_library_that_is_not_installed_is_named(
    host: Double, kind: str, plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, module, extra = {
        "GitHub": ("PyGithub", "github", "github"),
        "GitLab": ("python-gitlab", "gitlab", "gitlab"),
        "Gitea": ("requests", "requests", "gitea"),
    }[kind]
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, f"gitreg.hosts.{kind.lower()}", raising=False)
    done = post()
    assert (done.code, done.err) == (
        1,
        f"error: '{library}' is not installed\nhint: pip install 'gitreg[{extra}]'\n",
    )


@pytest.mark.parametrize(
    ("names", "value"),
    [
        (("GITHUB_API_URL", "CI_API_V4_URL"), "nowhere"),
        (("GITHUB_API_URL", "CI_API_V4_URL"), "file:///etc/passwd"),
        (("GITHUB_REPOSITORY", "CI_MERGE_REQUEST_PROJECT_ID"), "../user"),
        (("GITHUB_REPOSITORY", "CI_MERGE_REQUEST_PROJECT_ID"), "team/.."),
        (("GITHUB_REPOSITORY", "CI_MERGE_REQUEST_PROJECT_ID"), "a/b?x=1#y"),
        (("GITHUB_TOKEN", "GITLAB_TOKEN"), "se\ncret"),
        (("GITHUB_TOKEN", "GITLAB_TOKEN"), "secret\u202e"),
    ],
)
def test_a_variable_that_holds_something_else_is_named_and_not_shown(
    host: Double, plan: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, str], value: str
) -> None:
    for name in names:
        monkeypatch.setenv(name, value)
    done = post()
    assert (done.code, host.asked) == (2, [])
    assert re.match(rf"error: the variable ({'|'.join(names)}) does not hold what it should\nhint: ", done.err)
    assert value not in done.err


@pytest.mark.parametrize("kind", ["Gitea"], indirect=True)
def test_a_workflow_of_gitea_that_may_not_ask_who_it_is_knows_its_own_comments(host: Double, plan: Path) -> None:
    host.state.me = -2
    forged = host.state.add(f"{MARKER} of ada", ADA)
    post()
    plan.write_text(plan.read_text().replace("v3", "v4"))
    post()
    assert bodies(host) == [forged.body, plan.read_text()]


@pytest.mark.parametrize("double", KINDS.values(), ids=str)
def test_every_shape_of_a_double_names_its_page(double: type[Double]) -> None:
    assert double.shapes()
    for shape in double.shapes():
        _, _, page = shape.told  # type: ignore[attr-defined]
        assert re.match(r"https://docs\.(github|gitlab|gitea)\.com/", page), shape
