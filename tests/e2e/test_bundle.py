"""Training where there is no repository: the runs go into a file, and a clone takes them in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Shell
from helpers import agrees, fingerprint

TUTORIAL = """
import logging, pathlib
logging.basicConfig(level="INFO")
import gitreg

data = pathlib.Path("../data.csv"); data.write_text("1,2\\n" * 50)
weights = pathlib.Path("../model.bin"); weights.write_bytes(bytes(range(256)) * 9)
with gitreg.init(project="p", job_type="data") as run:
    artifact = gitreg.Artifact("digits", type="dataset")
    artifact.add_file(str(data))
    run.log_artifact(artifact)
with gitreg.init(project="p", job_type="train", config={"lr": 0.1}) as run:
    folder = run.use_artifact("digits:latest").download()
    assert pathlib.Path(folder, "data.csv").read_bytes() == data.read_bytes()
    for step in range(3):
        run.log({"loss": 1 / (step + 1)})
    run.link_model(str(weights), "Digits", name="digits_model", aliases=["staging"])
with gitreg.init(project="p", job_type="evaluate") as run:
    assert pathlib.Path(run.use_model("digits_model:latest")).read_bytes() == weights.read_bytes()
    run.log({"accuracy": 0.9})
"""
ONE = """
import gitreg
with gitreg.init() as run:
    print(run.id)
    run.log(dict(loss=0.5))
"""


class Job:
    """A directory on a machine without the repository."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "job").mkdir(parents=True)
        (path / "job" / "train.py").write_text("print('training')\n")

    def python(self, code: str, **env: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code]
        environment = {**os.environ, **env}
        return subprocess.run(
            command, cwd=self.path / "job", env=environment, capture_output=True, text=True, check=False
        )

    def run(self, code: str, **env: str) -> str:
        """What the program prints; all of it in an assertion when it fails."""
        done = self.python(code, **env)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def killed(self, code: str, **env: str) -> None:
        """Run a program until it prints a line, and end it as `kill -9` does."""
        with self.started(code, **env) as process:
            process.kill()

    def started(self, code: str, **env: str) -> subprocess.Popen[bytes]:
        """A program that has printed a line, and goes on."""
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=self.path / "job",
            env={**os.environ, **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout
        assert process.stdout.readline()
        return process

    def files(self) -> list[str]:
        return sorted(path.name for path in self.path.iterdir() if ".bundle" in path.name)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path / "node")


def test_a_script_without_a_repository_goes_into_one_file_and_a_clone_takes_it_in(
    job: Job, repo: Path, sh: Shell
) -> None:
    said = job.run(TUTORIAL, GITREG_BUNDLE="../run.bundle")
    assert f"gitreg run import {job.path}/run.bundle" in said
    assert job.files() == ["run.bundle"]
    sh(f"gitreg run import {job.path}/run.bundle", repo)
    found = json.loads(sh("gitreg lineage model/Digits:staging --json", repo))
    assert {"digits:v0", "digits_model:v0"} <= {node["label"] for node in found["nodes"]}
    for reference in ("digits:v0", "digits_model:v0", "model/Digits:staging"):
        agrees(repo, reference, repo / ".dvc" / "cache")
    sh("gitreg fsck && git fsck --strict", repo)
    sh("gitreg get digits_model -o got", repo)
    assert (repo / "got" / "model.bin").read_bytes() == bytes(range(256)) * 9
    # the code of the job is the run's code
    run = json.loads(sh("gitreg runs --json --job-type train", repo))["runs"][0]
    assert sh(f"git show {run['code']['commit']}:train.py", repo) == "print('training')\n"
    assert run["config"] == {"lr": 0.1}


def test_the_file_is_a_bundle_that_git_reads_and_its_bytes_are_a_cache_of_dvc(job: Job, sh: Shell, repo: Path) -> None:
    job.run(TUTORIAL, GITREG_BUNDLE="../run.bundle")
    sh(f"git init --quiet plain && git -C plain bundle verify --quiet {job.path}/run.bundle", job.path)
    fetch = "git fetch --quiet ../run.bundle"
    sh(f"{fetch} 'refs/gitreg/*:refs/gitreg/*' && {fetch} refs/gitreg-bundle/bytes", job.path / "plain")
    sh("git checkout --quiet FETCH_HEAD && git fsck --strict", job.path / "plain")
    agrees(job.path / "plain", "digits_model:v0", job.path / "plain")


def test_offline_without_a_repository_a_file_is_named_after_the_run(job: Job) -> None:
    run_id = job.run("import gitreg\nwith gitreg.init(mode='offline') as run: print(run.id)").strip()
    assert [path.name for path in (job.path / "job").glob("gitreg-*")] == [f"gitreg-{run_id}.bundle"]


def test_online_without_a_repository_the_error_says_what_else_there_is(job: Job) -> None:
    done = job.python(
        "import gitreg\ntry: gitreg.init()\nexcept gitreg.errors.NotARepositoryError as error: print(error, error.hint)"
    )
    assert "is not in a Git repository" in done.stdout
    assert "GITREG_BUNDLE=run.bundle" in done.stdout
    assert list((job.path / "job").iterdir()) == [job.path / "job" / "train.py"]


def test_an_id_in_the_name_and_a_folder_make_a_file_for_each_run(job: Job) -> None:
    both = ONE + ONE
    ids = job.run(both, GITREG_BUNDLE="../{id}.bundle").split()
    assert job.files() == sorted(f"{run_id}.bundle" for run_id in ids)
    (job.path / "results").mkdir()
    ids = job.run(both, GITREG_BUNDLE="../results").split()
    assert sorted(path.name for path in (job.path / "results").iterdir()) == sorted(
        f"gitreg-{run_id}.bundle" for run_id in ids
    )


def test_runs_that_go_on_at_once_share_a_file_which_the_last_of_them_writes(job: Job, repo: Path, sh: Shell) -> None:
    job.run(
        """
import gitreg, pathlib
one, two = gitreg.init(reinit="create_new", name="one"), gitreg.init(reinit="create_new", name="two")
one.finish()
assert not pathlib.Path("../run.bundle").exists()
two.finish()
assert pathlib.Path("../run.bundle").exists()
gitreg.init(name="three").finish(1)
""",
        GITREG_BUNDLE="../run.bundle",
    )
    sh(f"gitreg run import {job.path}/run.bundle", repo)
    found = {run["name"]: run["state"] for run in json.loads(sh("gitreg runs --json", repo))["runs"]}
    assert found == {"one": "finished", "two": "finished", "three": "failed"}


def test_what_is_done_after_the_end_of_the_run_is_in_the_file_too(job: Job, repo: Path, sh: Shell) -> None:
    code = """
import gitreg
with gitreg.init() as run:
    model = run.log_model("train.py", name="m")
model.link("model/M")
model.aliases.append("good")
model.save()
"""
    job.run(code, GITREG_BUNDLE="../run.bundle")
    sh(f"gitreg run import {job.path}/run.bundle", repo)
    assert "good=v0" in sh("gitreg ls", repo)
    assert sh("gitreg show model/M:v0", repo)


def test_a_file_that_is_there_is_never_written_over(job: Job) -> None:
    (job.path / "run.bundle").write_text("somebody's")
    done = job.python(ONE, GITREG_BUNDLE="../run.bundle")
    run_id = done.stdout.strip()
    assert job.files() == [f"run-{run_id}.bundle", "run.bundle"]
    assert (job.path / "run.bundle").read_text() == "somebody's"
    assert f"the run goes into '{job.path}/run-{run_id}.bundle'" in done.stderr


WAITING = """
import gitreg, sys
run = gitreg.init()
run.log({"loss": 0.5})
run.log_model("train.py", name="m")
run.log({"loss": 0.25})
run._live._journal.flush()
print(run.id, flush=True)
sys.stdin.read()
"""


def test_two_processes_with_the_same_name_have_a_file_each(job: Job) -> None:
    first = job.started(WAITING, GITREG_BUNDLE="../run.bundle")
    try:
        run_id = job.run(ONE, GITREG_BUNDLE="../run.bundle").split()[0]
        assert job.files() == [f"run-{run_id}.bundle", "run.bundle.partial"]
    finally:
        first.communicate()
    assert first.returncode == 0
    assert job.files() == [f"run-{run_id}.bundle", "run.bundle"]


@pytest.mark.parametrize("by", ["the next run", "import"])
def test_a_killed_run_is_recorded_as_crashed_with_all_that_it_had_logged(
    job: Job, repo: Path, sh: Shell, by: str
) -> None:
    job.killed(WAITING, GITREG_BUNDLE="../run.bundle")
    assert job.files() == ["run.bundle.partial"]
    if by == "import":
        sh(f"gitreg run import {job.path}/run.bundle.partial", repo)
    else:
        said = job.run(ONE, GITREG_BUNDLE="../run.bundle")
        assert f"was killed; what it had logged is in '{job.path}/run.bundle'" in said
        sh(f"gitreg run import {job.path}/run.bundle", repo)
    assert not [name for name in job.files() if name.endswith(".partial")]
    (run,) = json.loads(sh("gitreg runs --json --state crashed", repo))["runs"]
    assert (run["state"], run["summary"], run["outputs"]) == ("crashed", {"loss": 0.25}, ["m:v0"])
    sh("gitreg fsck", repo)


def test_a_run_that_goes_on_is_not_taken_for_a_killed_one(job: Job, repo: Path, sh: Shell) -> None:
    process = job.started(WAITING, GITREG_BUNDLE="../run.bundle")
    try:
        done = subprocess.run(
            ["gitreg", "run", "import", f"{job.path}/run.bundle.partial"], cwd=repo, capture_output=True, check=False
        )
        assert done.returncode == 4
        assert b"a process is writing" in done.stderr
    finally:
        process.communicate()
    sh(f"gitreg run import {job.path}/run.bundle", repo)


def test_a_clone_that_must_not_be_written_is_only_read(job: Job, repo: Path, sh: Shell) -> None:
    sh("gitreg put README --name notes --type dataset && git add README && echo more >>README", repo)
    sh("cp -r repo node/clone", repo.parent)
    clone = job.path / "clone"
    before = fingerprint(clone)
    everything = sh("find . -type f | sort | xargs sha256sum", clone)
    code = """
import gitreg
with gitreg.init() as run:
    print(open(run.use_artifact("notes:v0").download("../notes") + "/README").read())
    run.log_model("README", name="notes_model")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=clone,
        env={**os.environ, "GITREG_BUNDLE": "../run.bundle"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "a project\n\n"
    assert fingerprint(clone) == before
    assert sh("find . -type f | sort | xargs sha256sum", clone) == everything
    sh(f"gitreg run import {job.path}/run.bundle && gitreg fsck", repo)
    (run,) = [run for run in json.loads(sh("gitreg runs --json", repo))["runs"] if run["inputs"]]
    assert run["inputs"][0]["version"] == "v0"
    assert sh(f"git log --format=%P -1 {run['code']['commit']}", repo) == sh("git rev-parse HEAD", repo)
    assert sh(f"git show {run['code']['commit']}:README", repo) == "a project\nmore\n"
    # somewhere else, the commit it started from is not there
    sh("git init --quiet other && cd other && gitreg init && git commit --quiet --allow-empty -m x", repo.parent)
    there = repo.parent / "other"
    again = subprocess.run(
        ["gitreg", "run", "import", f"{job.path}/run.bundle"], cwd=there, capture_output=True, check=False
    )
    assert again.returncode == 6
    assert b"goes on from commit" in again.stderr


def test_what_a_run_in_a_file_cannot_use_is_said(job: Job) -> None:
    code = """
import gitreg
with gitreg.init() as run:
    try:
        run.use_artifact("digits")
    except gitreg.CommError as error:
        print(error.hint)
"""
    assert "no repository can use what its process has logged" in job.run(code, GITREG_BUNDLE="../run.bundle")


def test_a_shell_script_in_gitreg_run_goes_into_a_file_too(job: Job, repo: Path, sh: Shell) -> None:
    script = """
echo weights >../weights
gitreg put ../weights --name m --type model
python -c "
import gitreg
with gitreg.init(config={'epochs': 3}) as run:
    run.log({'loss': 0.5})"
"""
    (job.path / "job" / "train.sh").write_text(script)
    sh("GITREG_BUNDLE='../{id}.bundle' gitreg run --config lr=0.1 -- sh train.sh", job.path / "job")
    (name,) = job.files()
    sh(f"gitreg run import {job.path}/{name} && gitreg fsck", repo)
    (run,) = json.loads(sh("gitreg runs --json", repo))["runs"]
    assert f"{run['id']}.bundle" == name
    assert (run["config"], run["summary"], run["outputs"]) == ({"lr": 0.1, "epochs": 3}, {"loss": 0.5}, ["m:v0"])


def test_in_a_run_of_a_repository_the_file_is_not_asked_for(job: Job, repo: Path, sh: Shell) -> None:
    sh(f"gitreg run -- env GITREG_BUNDLE={job.path}/run.bundle {sys.executable} -c '{ONE}'", repo)
    assert job.files() == []
    assert len(json.loads(sh("gitreg runs --json", repo))["runs"]) == 1


def test_a_process_that_is_killed_after_its_runs_ended_leaves_one_file(job: Job) -> None:
    code = "import gitreg, sys; gitreg.init().finish(); print('finished', flush=True); sys.stdin.read()"
    job.killed(code, GITREG_BUNDLE="../run.bundle")
    assert job.files() == ["run.bundle", "run.bundle.partial"]
    whole = (job.path / "run.bundle").read_bytes()
    run_id = job.run(ONE, GITREG_BUNDLE="../run.bundle").split()[0]
    assert job.files() == [f"run-{run_id}.bundle", "run.bundle"]
    assert (job.path / "run.bundle").read_bytes() == whole


def test_only_the_first_of_distributed_processes_writes(job: Job) -> None:
    for rank in "10":
        job.run(ONE, GITREG_BUNDLE="../run.bundle", RANK=rank, LOCAL_RANK=rank, WORLD_SIZE="2")
        assert job.files() == (["run.bundle"] if rank == "0" else [])


def test_what_was_logged_into_the_file_can_be_looked_at_by_the_same_process(job: Job) -> None:
    code = """
import gitreg
with gitreg.init() as run:
    run.log_model("train.py", name="m")
print(gitreg.Api().artifact("m:latest").logged_by().id == run.id)
"""
    assert job.run(code, GITREG_BUNDLE="../run.bundle").split()[0] == "True"


def test_one_damaged_file_among_many_keeps_only_itself_out(job: Job, repo: Path, sh: Shell) -> None:
    job.run(ONE + ONE, GITREG_BUNDLE="../{id}.bundle")
    (job.path / "00.bundle").write_text("somebody's")
    done = subprocess.run(
        ["sh", "-c", f"gitreg run import {job.path}/*.bundle"], cwd=repo, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"error: '{job.path}/00.bundle' is no bundle, or a damaged one" in done.stderr
    assert len(json.loads(sh("gitreg runs --json", repo))["runs"]) == 2


@pytest.mark.parametrize("again", ["run.finish()", ""])
def test_where_there_is_no_room_for_the_file_it_is_said_and_nothing_is_lost(
    job: Job, repo: Path, sh: Shell, again: str
) -> None:
    code = f"""
import gitreg, os, pathlib, resource
run = gitreg.init()
pathlib.Path("big.bin").write_bytes(os.urandom(300_000))
run.log_model("big.bin", name="m")
most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, most[1]))
try:
    run.finish()
except gitreg.Error as error:
    print("refused:", error)
resource.setrlimit(resource.RLIMIT_FSIZE, most)
{again}
"""
    assert "refused: " in job.run(code, GITREG_BUNDLE="../run.bundle")
    assert job.files() == ["run.bundle"]
    sh(f"gitreg run import {job.path}/run.bundle && gitreg fsck", repo)
    (run,) = json.loads(sh("gitreg runs --json", repo))["runs"]
    assert (run["state"], run["outputs"]) == ("finished", ["m:v0"])


def test_where_only_the_note_of_what_is_written_finds_no_room_that_is_said_and_the_file_is_there(
    job: Job, repo: Path, sh: Shell
) -> None:
    code = """
import gitreg, pathlib
run = gitreg.init()
run.log(dict(loss=0.5))
pathlib.Path("../run.bundle.partial/gitreg/written").mkdir()
try:
    run.finish()
except gitreg.Error as error:
    print("refused:", error)
"""
    assert "/gitreg/written' cannot be written" in job.run(code, GITREG_BUNDLE="../run.bundle")
    sh(f"gitreg run import {job.path}/run.bundle && gitreg fsck", repo)
    (run,) = json.loads(sh("gitreg runs --json", repo))["runs"]
    assert run["state"] == "finished"


def test_a_file_that_cannot_be_written_in_the_end_can_be_finished_later(job: Job, repo: Path, sh: Shell) -> None:
    code = """
import gitreg, os, pathlib, resource
run = gitreg.init()
pathlib.Path("big.bin").write_bytes(os.urandom(300_000))
run.log_model("big.bin", name="m")
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
"""
    done = job.python(code, GITREG_BUNDLE="../run.bundle")
    assert f"'gitreg run import {job.path}/run.bundle.partial' finishes it" in done.stderr
    assert job.files() == ["run.bundle.partial"]
    sh(f"gitreg run import {job.path}/run.bundle.partial && gitreg fsck", repo)
    (run,) = json.loads(sh("gitreg runs --json", repo))["runs"]
    assert (run["state"], run["outputs"]) == ("finished", ["m:v0"])


def test_bytes_pass_through_whatever_their_size(job: Job, repo: Path) -> None:
    size = 160 << 20
    with (job.path / "big.bin").open("wb") as file:
        for number in range(size >> 20):
            file.write(number.to_bytes(2, "big") * (1 << 19))
    # what the system says of a process itself counts the one that started it, too
    report = """
import re, resource
from pathlib import Path
own = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
print(max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))"""
    code = "import gitreg\nwith gitreg.init() as run: run.log_model('../big.bin', name='m')"
    most = [job.run(code + report, GITREG_BUNDLE="../run.bundle")]
    command = ["gitreg", "-C", str(repo), "run", "import", f"{job.path}/run.bundle"]
    code = f"import subprocess\nsubprocess.run({command}, check=True)"
    most.append(job.run(code + report))
    # in KiB
    assert max(int(text.split()[0]) for text in most) < 100 << 10


def test_what_a_killed_process_has_left_runs_no_strangers_programs(job: Job, repo: Path, sh: Shell) -> None:
    job.killed(WAITING, GITREG_BUNDLE="../run.bundle")
    left, sign = job.path / "run.bundle.partial", job.path / "sign"
    (left / "hooks").mkdir()
    for name in ("reference-transaction", "post-index-change", "pre-auto-gc"):
        (left / "hooks" / name).write_text(f"#!/bin/sh\ntouch {sign}\n")
        (left / "hooks" / name).chmod(0o755)
    with (left / "config").open("a") as config:
        config.write(f"""
[core]
    fsmonitor = touch {sign}
    sshCommand = touch {sign}
    alternateRefsCommand = touch {sign}
    hooksPath = {left}/hooks
[extensions]
    partialClone = x
[remote "x"]
    url = ssh://127.0.0.1/x
    promisor = true
[credential]
    helper = !touch {sign}
[uploadpack]
    packObjectsHook = touch {sign}
""")
    sh(f"gitreg run import {left} && gitreg fsck", repo)
    assert not sign.exists()
