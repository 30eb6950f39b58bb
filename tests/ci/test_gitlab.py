"""The jobs for GitLab, run as its runner does: in the documented environment, with what one job keeps for the next."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import web_server
from doubles import BOB, HEAD, Review
from expressions import NotImplementedHereError
from pipeline import _expanded, _when

from conftest import run_shell

if TYPE_CHECKING:
    from gitlab_double import GitLabDouble
    from pipeline import Pipelines

POLICY = "schema: 1\naliases:\n  production: {protected: true}\n  best: {gates: {accuracy: '>= 0.99'}}\n"


def oid(work: Path, revision: str = "HEAD") -> str:
    return run_shell(f"git rev-parse {revision}", work).strip()


@pytest.mark.xdist_group("ci")
def test_a_request_is_planned_and_once_merged_moved_deployed_drawn_and_compared(
    pipelines: tuple[Pipelines, GitLabDouble], place: Path, tmp_path: Path
) -> None:
    project, api = pipelines
    work = place / "work"
    (work / ".gitreg").mkdir()
    (work / ".gitreg" / "policy.yaml").write_text(POLICY)
    run_shell(
        "gitreg ci init gitlab && gitreg fetch && gitreg promote model/Digits:production v1 && git add . &&"
        " git commit -qm 'set up' && git push -q && gitreg fetch &&"
        " gitreg promote model/Digits:production v2 --branch good && git push -q origin good &&"
        " git commit -q --allow-empty -m 'the branch goes on' && git push -q",
        work,
    )
    api.state.merged = False
    planned = project.run("merge_request_event", oid(work, "good"), request=12)
    assert planned.keys() == {"gitreg-plan"}
    assert planned["gitreg-plan"].result == "success", planned["gitreg-plan"].log
    (note,) = api.state.notes
    assert "`model/Digits:production` moves to `v2`" in note.body

    before = oid(work)
    # with the good move one that a gate refuses, and a policy that would let it pass
    (work / ".gitreg" / "policy.yaml").write_text("schema: 1\n")
    run_shell(
        "git commit -qam 'looser' && gitreg promote digits_model:best v1 && git add . && git commit -qm 'best' &&"
        " git merge -q --no-edit good && git push -q",
        work,
    )
    after = oid(work)
    api.state.merged, api.state.commit = True, after
    api.state.reviews.append(Review(BOB, "APPROVED", HEAD))
    project.settings["GITREG_PAGES"] = "true"
    ran = project.run("push", after, before)
    log = "".join(job.log for job in ran.values())
    good = dict.fromkeys(("gitreg-deploy", "gitreg-lineage", "pages"), "success")
    assert {name: job.result for name, job in ran.items()} == {"gitreg-apply": "failure", **good}, log
    assert ran["gitreg-apply"].log.endswith("-- exit code 4\n"), log
    assert "deploy model/model/Digits: model/Digits:v2 is production" in ran["gitreg-deploy"].log
    assert "model/Digits" in (tmp_path / "jobs/pipeline-2/pages/artifacts/public/index.html").read_text()
    assert web_server.WRITER not in log
    said = run_shell("gitreg fetch -q && gitreg alias log model/Digits:production", work)
    assert "gitreg  ada (verified)  bob (verified)" in re.sub(" {2,}", "  ", said)

    # what a gate refuses is still wanted, and so it is found at night
    found = project.run("schedule", after)
    assert {name: job.result for name, job in found.items()} == {"gitreg-drift": "failure"}
    assert "digits_model:best" in found["gitreg-drift"].log
    assert "model/Digits:production" not in found["gitreg-drift"].log.partition("digits_model:best")[2]

    # a token that may not push fails the job that pushes, and nothing is deployed
    project.settings |= {"GITREG_PUSH_TOKEN": web_server.READER, "GITREG_PAGES": "false"}
    run_shell("git pull -q && gitreg promote model/Digits:production v0 && git commit -qam 'v0' && git push -q", work)
    ran = project.run("push", oid(work), after)
    assert ran["gitreg-apply"].result == "failure"
    assert "403" in ran["gitreg-apply"].log
    assert ran["gitreg-deploy"].result == "success"
    assert "deploy" not in ran["gitreg-deploy"].log
    assert "pages" not in ran


@pytest.mark.parametrize(
    "rule",
    [
        {"if": "$A =~ /x/"},
        {"if": '$A == "x" || $B == "y"'},
        {"if": '$A == "x"', "when": "delayed"},
        {"if": '$A == "x"', "changes": "y"},
    ],
)
def test_what_is_not_known_of_rules_is_refused(rule: dict[str, str]) -> None:
    with pytest.raises(NotImplementedHereError):
        _when([rule], {"A": "x"})


def test_variables_hold_others_unless_they_are_not_to_be_expanded() -> None:
    assert _expanded("a.$B.${C}$D", {"B": "b", "C": "c"}) == "a.b.c"
    assert _expanded({"value": "$B", "expand": False}, {"B": "b"}) == "$B"
