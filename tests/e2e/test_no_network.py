"""What W&B refuses offline works without any network: in a namespace of its own that has no interface up."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Shell

# Asked first inside: nothing but a loopback that is down, so that no host can be reached, not even this one.
_CUT_OFF = """
import errno, pathlib, socket
assert [name for _, name in socket.if_nameindex()] == ["lo"], socket.if_nameindex()
for address in ("192.0.2.1", "127.0.0.1"):
    try:
        socket.create_connection((address, 80), timeout=5)
    except OSError as error:
        assert error.errno == errno.ENETUNREACH, error
    else:
        raise AssertionError(f"{address} was reached")
"""

# wandb 0.31 offline: use_artifact raises TypeError, link_model NotImplementedError, artifacts of its Api RuntimeError
_STORY = """
import pathlib
import gitreg

mode = dict(entity="me", project="p", mode="offline")
pathlib.Path("data.csv").write_text("1,2\\n")
pathlib.Path("model.h5").write_bytes(b"weights")

with gitreg.init(job_type="dataset", **mode) as run:
    dataset = gitreg.Artifact("mnist_dataset", type="dataset")
    dataset.add_file("data.csv")
    run.log_artifact(dataset, aliases=["raw"])
    assert (dataset.version, dataset.wait().state) == ("v0", "COMMITTED")

with gitreg.init(job_type="train", config={"epochs": 2}, **mode) as run:
    used = run.use_artifact("me/p/mnist_dataset:raw")
    assert pathlib.Path(used.download(), "data.csv").read_text() == "1,2\\n"
    for step in range(2):
        run.log({"loss": 1 / (step + 1)})
    model = run.link_model("model.h5", "MNIST-dev", name="mnist_model", aliases=["staging"])
    assert model.is_link

with gitreg.init(job_type="evaluate", **mode) as run:
    assert pathlib.Path(run.use_model("model/MNIST-dev:staging")).read_bytes() == b"weights"
    run.log({"accuracy": 0.9})
    evaluate = run.id

api = gitreg.Api()
logged = api.artifact("mnist_model:latest")
assert logged.logged_by().job_type == "train"
assert [user.id for user in logged.used_by()] == [evaluate]
assert [item.name for item in logged.logged_by().used_artifacts()] == ["mnist_dataset:v0"]
assert [item.name for item in api.artifacts("dataset", "mnist_dataset")] == ["mnist_dataset:v0"]
assert api.run(f"me/p/{evaluate}").summary["accuracy"] == 0.9
assert len(api.runs("me/p")) == 3
logged.aliases.append("candidate")
logged.save()
assert "candidate" in api.artifact("mnist_model:candidate").aliases
print("all of it")
"""


@pytest.fixture(scope="module")
def cut_off() -> list[str]:
    """The command that runs another without network; skips where the system lets nobody do that."""
    for command in (["unshare", "--net"], ["unshare", "--user", "--map-root-user", "--net"]):
        if (
            shutil.which("unshare")
            and not subprocess.run([*command, "true"], capture_output=True, check=False).returncode
        ):
            return command
    pytest.skip("this system lets nobody make a network namespace: unshare --net")


def run(command: list[str], where: Path) -> str:
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_namespace_has_no_network_and_a_request_there_fails(cut_off: list[str], tmp_path: Path) -> None:
    run([*cut_off, sys.executable, "-c", _CUT_OFF], tmp_path)


def test_what_wandb_refuses_offline_works_without_a_network(cut_off: list[str], repo: Path) -> None:
    assert run([*cut_off, sys.executable, "-c", _CUT_OFF + _STORY], repo) == "all of it\n"


def test_reading_back_needs_no_network_and_no_remote_that_answers(cut_off: list[str], repo: Path, sh: Shell) -> None:
    run([*cut_off, sys.executable, "-c", _CUT_OFF + _STORY], repo)
    sh("git remote add origin https://git.example.org/team/registry.git", repo)
    script = """
gitreg ls >/dev/null && gitreg show mnist_model >/dev/null && gitreg runs >/dev/null && gitreg status >/dev/null
gitreg lineage model/MNIST-dev:staging --format svg >lineage.svg && gitreg lineage mnist_model
gitreg get mnist_model:v0 -o got && cmp got/model.h5 model.h5 && gitreg fsck
"""
    assert "mnist_dataset:v0" in run([*cut_off, "sh", "-euc", script], repo)


def test_a_run_without_repository_and_network_goes_into_a_file(cut_off: list[str], tmp_path: Path) -> None:
    code = "import gitreg\nwith gitreg.init(mode='offline') as run: run.log({'loss': 1})"
    run([*cut_off, sys.executable, "-c", _CUT_OFF + code], tmp_path)
    assert len(list(tmp_path.glob("gitreg-*.bundle"))) == 1
