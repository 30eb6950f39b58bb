"""The workflows for Forgejo, on a host that runs them as Forgejo does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conftest import run_shell

if TYPE_CHECKING:
    from api_double import ApiDouble
    from host import Host

POLICY = "schema: 1\naliases:\n  production: {protected: true}\n  staging: {gates: {accuracy: '>= 0.99'}}\n"

pytestmark = [pytest.mark.xdist_group("ci"), pytest.mark.parametrize("forgejo", [True])]


def test_a_request_is_planned_by_the_branch_it_is_for_and_moved_and_deployed_once_merged(
    host: Host, api: ApiDouble, place: Path
) -> None:
    work = place / "work"
    (work / ".gitreg").mkdir()
    (work / ".gitreg" / "policy.yaml").write_text(POLICY)
    run_shell(
        "gitreg ci init forgejo && gitreg fetch && gitreg promote model/Digits:production v1 && git add . &&"
        " git commit -qm 'set up' && git push -q && gitreg fetch && git checkout -q -b loose",
        work,
    )
    (work / ".gitreg" / "policy.yaml").write_text("schema: 1\n")
    run_shell(
        "git commit -qam 'looser' && gitreg promote model/Digits:staging v1 && git commit -qam 'move' &&"
        " git push -q origin loose &&"
        " gitreg promote model/Digits:production v2 --branch good && git push -q origin good",
        work,
    )
    host.open("loose")
    assert host.last("gitreg-plan.yml").job("plan").log.endswith("-- exit code 4\n"), host.log

    host.open("good")
    assert host.last("gitreg-plan.yml").result == "success", host.log
    (note,) = api.notes(2)
    assert "`model/Digits:production` moves to `v2`" in note.body
    api.approve(2)
    (applied,) = host.merge(2, "merge")
    assert {name: applied.of(name) for name in applied.jobs} == dict.fromkeys(("apply", "deploy", "lineage"), "success")
    assert "deploy model/: model/Digits:v2 is production" in applied.job("deploy").log
    log = run_shell("gitreg fetch -q && gitreg alias log model/Digits:production", work)
    assert "forgejo-actions  ada (verified)  bob (verified)" in log
    assert [run.result for run in host.at_night()] == ["success"]
