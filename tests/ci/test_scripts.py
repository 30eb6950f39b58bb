"""The shell scripts for any CI, run as such a CI would: in a fresh clone, with what it passes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from conftest import ShellError, run_shell

TRAIN = """
import gitreg

with gitreg.init() as run:
    model = gitreg.Artifact("digits_model", type="model")
    with model.new_file("model.bin") as file:
        file.write(f"trained with {run.config['lr']}")
    run.log_artifact(model)
"""


def code(script: str, folder: Path) -> int:
    """The exit code of a script."""
    return subprocess.run(["sh", "-euc", script], cwd=folder, capture_output=True, check=False).returncode


@pytest.mark.xdist_group("ci")
def test_the_scripts_plan_apply_draw_compare_and_train(place: Path) -> None:
    work = place / "work"
    (work / "train.py").write_text(TRAIN)
    run_shell(
        "gitreg ci init shell && git add . && git commit -qm 'set up' && git push -q && gitreg fetch -q &&"
        " gitreg promote model/Digits:production v2 --branch v2 && git push -q origin v2",
        work,
    )
    run_shell("git clone -q server.git ci", place)
    clone = place / "ci"
    assert code("ci/gitreg/plan.sh origin/main origin/v2", clone) == 3
    said = run_shell("ci/gitreg/plan.sh origin/main origin/v2 || test $? = 3", clone)
    assert "`model/Digits:production` moves to `v2`" in said
    assert run_shell("ci/gitreg/apply.sh echo deploy", clone) == ""

    run_shell("git merge -q v2 && git push -q", work)
    assert code("ci/gitreg/drift.sh", clone) == 0, "the clone does not know of the merge yet"
    run_shell("git pull -q", clone)
    assert code("ci/gitreg/drift.sh", clone) == 3
    assert run_shell("ci/gitreg/apply.sh echo deploy", clone) == "deploy model/Digits production v2\n"
    assert run_shell("ci/gitreg/apply.sh echo deploy", clone) == ""
    assert code("ci/gitreg/drift.sh", clone) == 0
    run_shell("ci/gitreg/lineage.sh site", clone)
    assert {path.name for path in (clone / "site").iterdir()} == {"lineage.svg", "index.html"}

    run_shell("ci/gitreg/train.sh --config lr=0.5 -- python train.py", clone)
    assert run_shell("git ls-remote ../server.git 'refs/tags/digits_model@v3'", clone)


@pytest.mark.xdist_group("ci")
def test_a_deployment_that_fails_and_a_move_that_is_refused_are_told_by_the_exit_code(place: Path) -> None:
    work = place / "work"
    folder = work / ".gitreg" / "aliases"
    folder.mkdir(parents=True)
    (folder / "digits_model.yaml").write_text("best: v1\nworst: v77\n")
    run_shell("gitreg ci init shell && git add . && git commit -qm 'set up' && git push -q", work)
    said = run_shell("ci/gitreg/apply.sh echo deploy || echo exit $?", work)
    assert said == "deploy digits_model best v1\nexit 4\n"
    (folder / "digits_model.yaml").write_text("best: v2\n")
    run_shell("git commit -qam 'another' && git push -q", work)
    with pytest.raises(ShellError, match="exit code 9"):
        run_shell("ci/gitreg/apply.sh sh -c 'exit 9'", work)

    # a policy does not count for what is pushed with it
    (work / ".gitreg" / "policy.yaml").write_text("schema: 1\naliases: {best: {gates: {accuracy: '>= 0.99'}}}\n")
    run_shell("git add . && git commit -qm 'a gate' && git push -q", work)
    before = run_shell("git rev-parse HEAD", work).strip()
    (work / ".gitreg" / "policy.yaml").write_text("schema: 1\n")
    run_shell("git commit -qam 'no gate'", work)
    (folder / "digits_model.yaml").write_text("best: v0\n")
    run_shell("git commit -qam 'move' && git push -q", work)
    said = run_shell(f"BEFORE={before} ci/gitreg/apply.sh echo deploy || echo exit $?", work)
    assert said.endswith("exit 4\n")
    assert "v0" not in said
