"""What strangers, several requests at once and failures do to the workflows, on a host."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import web_server

from conftest import Shell, run_shell

if TYPE_CHECKING:
    from collections.abc import Callable

    from actions import Tools
    from api_double import ApiDouble
    from host import Host, Method

POLICY = """
schema: 1
aliases:
  production: {protected: true}
"""
LOOSE = "schema: 1\naliases:\n  production: {protected: false}\n"
BRANCH = "x;touch$IFS$MARK;$(touch$IFS$MARK)`touch$IFS$MARK`&&'\"<b>@ada</b>"

pytestmark = pytest.mark.xdist_group("ci")


def set_up(work: Path, policy: str = POLICY) -> None:
    """A repository whose aliases move by pull request."""
    (work / ".gitreg").mkdir()
    (work / ".gitreg" / "policy.yaml").write_text(policy)
    run_shell(
        "gitreg ci init github && gitreg fetch && gitreg promote model/Digits:production v1 && "
        "git add . && git commit -qm 'set up' && git push -q && gitreg fetch",
        work,
    )


def asked(work: Path, alias: str, version: str, branch: str) -> None:
    run_shell(f"gitreg promote {alias} {version} --branch {branch} && git push -q origin {branch}", work)


def moves(work: Path, alias: str) -> list[tuple[str, str]]:
    """Version and merged commit of each move of an alias, the oldest first; '' for a direct one."""
    text = run_shell(f"gitreg fetch -q && gitreg alias log {alias} --json", work)
    found = json.loads(text)["moves"]
    return [(move["version"], move["behind"].get("merged", {}).get("commit", "")) for move in reversed(found)]


def test_a_stranger_s_request_runs_nothing_and_is_shown_as_text(
    host: Host, api: ApiDouble, place: Path, tmp_path: Path, tools: Tools
) -> None:
    for done in tools.python.glob("pip-*"):
        done.unlink()  # pip is to look at what the stranger has put there
    work, mark = place / "work", tmp_path / "pwned"
    set_up(work)
    run_shell("git checkout -q -b hostile", work)
    touch = f"open({str(mark)!r}, 'w')\n"
    # what Python would import from the current directory, what pip and git read there, and what a shell would expand
    for name in ("json.py", "sitecustomize.py", "pip/__init__.py", "gitreg/__init__.py", "click/__init__.py"):
        (work / name).parent.mkdir(exist_ok=True)
        (work / name).write_text(touch)
    (work / "pip.conf").write_text("[global]\nindex-url = http://127.0.0.1:1/\n")
    (work / ".gitattributes").write_text("* filter=evil diff=evil\n")
    (work / ".gitreg" / "policy.yaml").write_text(LOOSE)
    folder = work / ".gitreg" / "aliases"
    (folder / "model" / "Digits.yaml").write_text(
        "production: {version: v99, reason: '</details><img src=x> @ada #1 ![x](//x) $(touch pwned)'}\n"
    )
    (folder / "digits.yaml").write_text("a: &a [x, x]\nb: [*a, *a]\n")
    (folder / "digits_model.yaml").write_text("best: v0 # " + "x" * (2 << 20))
    run_shell("git add -f . && git commit -qm '<script>alert(1)</script>'", work)
    subprocess.run(["git", "push", "-q", "origin", f"HEAD:refs/heads/{BRANCH}"], cwd=work, check=True)

    host.open(BRANCH, fork=True)

    plan = host.last("gitreg-plan.yml")
    job = plan.job("plan")
    assert plan.result == "failure"
    assert job.log.endswith("-- Verdict\n-- exit code 1\n"), job.log
    assert api.notes(1) == []
    for words in ("v99", "model/Digits.yaml", "aliases/digits.yaml", "aliases/digits_model.yaml"):
        assert words in job.summary
    # in a code span nothing is markup
    prose = re.sub(r"`[^`\n]*`", "", job.summary)
    assert not re.search(r"<img|<script|@ada|!\[", prose), prose
    assert not list(tmp_path.rglob("pwned"))
    assert len(job.summary.encode()) < 60_000
    assert moves(work, "model/Digits:production")[-1][0] == "v1"


def test_two_merges_before_a_job_has_run_are_two_moves_in_the_branch_s_order(host: Host, place: Path) -> None:
    work = place / "work"
    set_up(work)
    asked(work, "model/Digits:production", "v2", "one")
    asked(work, "digits_model:best", "v1", "two")
    host.open("one")
    host.open("two")
    host.close(1, "squash")
    first = run_shell("git fetch -q && git rev-parse origin/main", work).strip()
    host.close(2, "squash")
    second = run_shell("git fetch -q && git rev-parse origin/main", work).strip()
    (applied,) = host.pushed()
    assert applied.result == "success"
    assert len(applied.jobs["deploy"]) == 2
    (again,) = host.pushed()
    assert again.of("deploy") == "skipped"
    assert moves(work, "model/Digits:production")[-1] == ("v2", first)
    assert moves(work, "digits_model:best") == [("v1", second)]


def test_what_is_refused_after_the_merge_fails_the_job_and_the_rest_is_deployed(host: Host, place: Path) -> None:
    work = place / "work"
    set_up(work)
    asked(work, "model/Digits:production", "v2", "good")
    (work / ".gitreg" / "aliases" / "digits_model.yaml").write_text("best: v77\n")
    run_shell("git checkout -q -b bad && git add . && git commit -qm bad && git push -q origin bad", work)
    host.open("good")
    host.open("bad")
    host.close(2, "merge")
    (applied,) = host.merge(1, "merge")
    assert {name: applied.of(name) for name in applied.jobs} == {
        "apply": "failure",
        "deploy": "success",
        "lineage": "success",
        "page": "skipped",
    }
    assert "deploy model/: model/Digits:v2 is production" in applied.job("deploy").log


@pytest.mark.parametrize("method", ["rebase", "squash"])
def test_a_policy_does_not_count_for_what_is_pushed_with_it(host: Host, place: Path, method: Method) -> None:
    work = place / "work"
    set_up(work, POLICY + "  staging: {gates: {accuracy: '>= 0.99'}}\n")
    run_shell("git checkout -q -b both", work)
    (work / ".gitreg" / "policy.yaml").write_text(LOOSE)
    run_shell(
        "git commit -qam 'looser' && gitreg promote model/Digits:staging v1 && git add . && git commit -qm 'staging' &&"
        " git push -q origin both",
        work,
    )
    host.open("both")
    assert host.last("gitreg-plan.yml").job("plan").log.endswith("-- exit code 4\n")
    (applied,) = host.merge(1, method)
    assert applied.of("apply") == "failure"
    assert applied.of("deploy") == "skipped"
    assert moves(work, "model/Digits:staging")[-1][0] == "v2"


def test_drift_is_found_at_night_and_the_page_is_published_where_it_is_wanted(host: Host, place: Path) -> None:
    work = place / "work"
    set_up(work)
    asked(work, "model/Digits:staging", "v1", "one")
    host.open("one")
    host.merge(1, "rebase")
    (calm,) = host.at_night()
    assert calm.result == "success"
    # 'staging' is not protected, and somebody moves it past the files
    run_shell("gitreg fetch -q && gitreg alias set model/Digits:staging v0 && gitreg push -q", work)
    (found,) = host.at_night()
    assert found.result == "failure"
    assert "model/Digits:staging" in found.log
    host.variables["GITREG_PAGES"] = "true"
    (applied,) = host.pushed()
    assert applied.of("page") == "success"
    assert "model/Digits" in (applied.artifacts["github-pages"] / "index.html").read_text()
    assert moves(work, "model/Digits:staging")[-1][0] == "v1"


def test_the_server_lets_in_who_has_a_token_and_lets_push_who_may(
    tmp_path: Path, sh: Shell, need: Callable[[str], str]
) -> None:
    sh("git init -q --bare repositories/m.git && git -C repositories/m.git config http.receivepack true")
    with web_server.git_server(tmp_path / "repositories", tmp_path / "web", need) as server:
        sh(f"git clone -q {server.address('m')} work 2>&1")
        sh("cd work && git commit -q --allow-empty -m one && git push -q")
        for token in (web_server.READER, web_server.COMMENTER):
            url = server.address("m", token)
            assert "refs/heads/main" in sh(f"git ls-remote {url}")
            assert "403" in sh(f"! git -C work push {url} main:other 2>&1")
        assert "could not read" in sh(f"! git ls-remote {server.url}/m 2>&1")
        # more than fits into one request
        sh("cd work && head -c 3000000 /dev/urandom >big && git add big && git commit -qm big && git push -q")
        assert sh("git -C work rev-parse main") == sh("git -C repositories/m.git rev-parse main")
        assert " 403 " in server.log.read_text()
