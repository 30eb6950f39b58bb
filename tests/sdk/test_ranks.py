"""Of several distributed processes only the first records; each test starts them as a launcher would."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import gitreg

PROGRAM = """
import gitreg
run = gitreg.init(project="digits", config={"lr": 0.1})
artifact = run.use_artifact("digits:best")
artifact.download("data")
for step in range(3):
    run.log({"loss": 1 / (step + 1)})
made = run.log_artifact("README", name="net", type="model", aliases=["best"]).wait()
run.link_artifact(made, "Net")
assert (made.version, made.type, run.summary["loss"]) == ("v0", "model", 1 / 3)
run.finish()
"""

LAUNCHERS = {
    "torchrun": lambda rank: {
        "RANK": rank,
        "LOCAL_RANK": rank,
        "WORLD_SIZE": 3,
        "GROUP_RANK": 0,
        "TORCHELASTIC_RUN_ID": "none",
    },
    "torchrun on the second node of a Slurm job": lambda rank: {"SLURM_PROCID": 1, "RANK": rank, "WORLD_SIZE": 3},
    "Lightning": lambda rank: {"LOCAL_RANK": rank, "NODE_RANK": 0, "WORLD_SIZE": 3} if rank else {},
    "Lightning in a batch script": lambda rank: {
        "SLURM_PROCID": 0,
        "SLURM_NTASKS": 3,
        **({"LOCAL_RANK": rank, "NODE_RANK": 0, "WORLD_SIZE": 3} if rank else {}),
    },
    "Slurm": lambda rank: {"SLURM_PROCID": rank, "SLURM_NTASKS": 3, "SLURM_LOCALID": rank},
    "Open MPI": lambda rank: {"OMPI_COMM_WORLD_RANK": rank, "OMPI_COMM_WORLD_SIZE": 3, "PMIX_RANK": rank},
    "MPICH": lambda rank: {"PMI_RANK": rank, "PMI_SIZE": 3},
    "MVAPICH": lambda rank: {"MV2_COMM_WORLD_RANK": rank},
    "jsrun": lambda rank: {"JSM_NAMESPACE_RANK": rank},
}


@pytest.fixture
def filled(project: Path) -> Path:
    with gitreg.init(id="build") as run:
        run.log_artifact("README", name="digits", type="dataset", aliases=["best"])
    return project


def launch(
    project: Path, monkeypatch: pytest.MonkeyPatch, environments: list[dict[str, object]], program: str = PROGRAM
) -> list[str]:
    """Run the program in processes at once, each with an environment; what each says on standard error."""
    started = []
    for environment in environments:
        with monkeypatch.context() as here:
            for name, value in environment.items():
                here.setenv(name, str(value))
            started.append(subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True))
    said = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0] * len(started), said
    return said


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_one_run_is_recorded(filled: Path, monkeypatch: pytest.MonkeyPatch, launcher: str) -> None:
    environments = [{str(key): value for key, value in LAUNCHERS[launcher](rank).items()} for rank in range(3)]
    said = launch(filled, monkeypatch, environments)
    assert said[0] == ""
    for words in said[1:]:
        (line,) = words.splitlines()
        assert "this process records nothing, the first one does; GITREG_RANKS=all lets all" in line
    runs = gitreg.Api().runs("digits")
    assert [(run.state, run.summary["loss"]) for run in runs] == [("finished", 1 / 3)]
    assert [artifact.name for artifact in runs[0].used_artifacts()] == ["digits:v0"]
    assert [artifact.name for artifact in gitreg.Api().artifacts()] == ["digits:v0", "net:v0", "model/Net:v0"]
    assert (filled / "data" / "README").read_text() == "a project\n"


@pytest.mark.parametrize(
    "environment",
    [
        {"SLURM_ARRAY_TASK_ID": 7, "SLURM_PROCID": 0, "SLURM_ARRAY_JOB_ID": 1, "SLURM_NTASKS": 1},
        {"RANK": 16},  # of a low-rank adapter
        {"LOCAL_RANK": 3},
        {"WORLD_SIZE": 8},
        {"RANK": "first", "WORLD_SIZE": 2},
    ],
)
def test_what_says_nothing_of_ranks_changes_nothing(
    filled: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, object]
) -> None:
    assert launch(filled, monkeypatch, [environment]) == [""]
    assert len(gitreg.Api().runs("digits")) == 1


@pytest.mark.parametrize(
    ("environment", "argument"),
    [({"GITREG_RANKS": "all"}, ""), ({}, 'settings={"ranks": "all"}'), ({}, 'mode="shared"')],
)
def test_all_of_them_can_be_told_to_record(
    filled: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, object], argument: str
) -> None:
    program = f"import gitreg; gitreg.init({argument}).log({{'loss': 1}})"
    environments = [{"RANK": rank, "WORLD_SIZE": 2, **environment} for rank in range(2)]
    assert launch(filled, monkeypatch, environments, program) == ["", ""]
    assert len(gitreg.Api().runs()) == 3


def test_inside_gitreg_run_the_others_see_what_the_first_has_attached_to(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = """
import os, subprocess, sys
script = '''
import gitreg, os
run = gitreg.init(config={"mine": 1})
assert run.name == "outer" and run.config["lr"] == 0.1, run
run.summary[os.environ["RANK"]] = 1
'''
for rank in "10":
    subprocess.run([sys.executable, "-c", script], env={**os.environ, "RANK": rank, "WORLD_SIZE": "2"}, check=True)
"""
    command = ["gitreg", "run", "--name", "outer", "--config", "lr=0.1", "--", sys.executable, "-c", program]
    subprocess.run(command, check=True, capture_output=True)
    (run,) = (run for run in gitreg.Api().runs() if run.name == "outer")
    assert (run.summary, run.config) == ({"0": 1}, {"lr": 0.1, "mine": 1})
