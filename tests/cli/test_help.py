"""What the commands say of themselves, what they print where, and what becomes of a command in a run.

The help is kept in `snapshots/`; after a change that is meant: UPDATE_SNAPSHOTS=1 pytest tests/cli/test_help.py
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from conftest import Shell

SNAPSHOTS = Path(__file__).parent / "snapshots"
COMMANDS = (
    "init",
    "demo",
    "status",
    "completion",
    "run",
    "run recover",
    "run import",
    "put",
    "link",
    "unlink",
    "edit",
    "drop",
    "delete",
    "undelete",
    "alias",
    "alias set",
    "alias rm",
    "alias reset",
    "alias ls",
    "alias log",
    "ls",
    "show",
    "diff",
    "runs",
    "steps",
    "get",
    "pin",
    "lineage",
    "promote",
    "rollback",
    "plan",
    "apply",
    "ci",
    "ci init",
    "ci comment",
    "ci approvals",
    "push",
    "fetch",
    "hook",
    "hook install",
    "doctor",
    "fsck",
)
UPDATE = bool(os.environ.get("UPDATE_SNAPSHOTS"))
LATER = {"GIT_COMMITTER_DATE": "2026-04-01T09:00:00Z"}  # the examples speak of March


def gitreg(line: str, cwd: Path, stdin: bytes = b"", **env: str) -> subprocess.CompletedProcess[bytes]:
    """What a shell's line leaves; standard output and error apart."""
    return subprocess.run(
        ["sh", "-c", line], cwd=cwd, env={**os.environ, **env}, input=stdin, capture_output=True, check=False
    )


@pytest.fixture
def project(repo: Path, sh: Shell) -> Path:
    """A repository with a remote and a storage, and files to log."""
    sh("git init --quiet --bare ../server.git && git remote add origin ../server.git", cwd=repo)
    sh("gitreg init --storage ../storage 2>/dev/null && git add . && git commit --quiet -m 'set up gitreg'", cwd=repo)
    sh("mkdir data && echo one >data/a && echo weights >model.pt && echo 'print(1)' >train.py", cwd=repo)
    sh("echo 'echo evaluated' >evaluate.sh", cwd=repo)
    return repo


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_the_help_is_what_it_was(command: str, tmp_path: Path) -> None:
    # 200 columns are cut to what the commands allow at most
    done = gitreg(f"gitreg {command} --help", tmp_path, COLUMNS="200")
    assert (done.returncode, done.stderr) == (0, b"")
    path = SNAPSHOTS / f"{command.replace(' ', '-') or 'gitreg'}.txt"
    if UPDATE:
        path.write_bytes(done.stdout)
    assert done.stdout.decode() == path.read_text()


@pytest.mark.parametrize("command", ["", "ls", "alias set"])
def test_help_is_also_a_word_as_it_is_for_git(command: str, tmp_path: Path) -> None:
    wanted = gitreg(f"gitreg {command} --help", tmp_path)
    done = gitreg(f"gitreg help {command}", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, wanted.stdout, b"")


def test_there_is_a_snapshot_of_every_command_and_no_other(tmp_path: Path) -> None:
    listed = re.findall(r"^  ([a-z]+)  ", gitreg("gitreg --help", tmp_path).stdout.decode(), re.MULTILINE)
    assert set(listed) == {command.split()[0] for command in COMMANDS}
    assert {path.stem for path in SNAPSHOTS.iterdir()} == {"gitreg", *(name.replace(" ", "-") for name in COMMANDS)}


# What has to be there before the examples of a command are tried, in this order; `init` changes the storage.
BEFORE = {
    "put": "",
    "run": "",
    "link": "",
    "alias-set": "",
    "ls": "",
    "show": "",
    "diff": "",
    "runs": "",
    "steps": "",
    "alias-ls": "",
    "alias-log": "",
    "get": "git config --global url.file://$(realpath ../server.git).insteadOf https://git.example.org/team/models.git",
    "lineage": "",
    "push": "",
    "fetch": "",
    "plan": "git push --quiet origin main",
    "promote": "gitreg alias set model/MNIST:canary v1 && gitreg push",
    "rollback": "for v in v1 v3; do gitreg alias set model/MNIST:production $v; done && gitreg push",
    "apply": """echo '{"schema": "gitreg/ci-approvals/1", "commits": {}}' >approvals.json""",
    "pin": "",
    "status": "",
    "doctor": "",
    "fsck": "",
    "alias-reset": "gitreg alias set model/MNIST:production v1",
    "alias-rm": "",
    "drop": "echo last >model.pt && gitreg put model.pt --name mnist_model --type model",
    "edit": "echo '# Digits' >MODEL_CARD.md && gitreg edit mnist_model:v3 --tag wip",
    "unlink": "gitreg alias set model/MNIST:production v0",
    "delete": "",
    "undelete": "",
    "run-recover": "",
    "run-import": "for at in run results/run; do GITREG_BUNDLE=$at.bundle gitreg run -- true; done",
    "ci-init": "",
    "hook-install": "git init --bare models.git && mkdir -p custom_hooks/pre-receive.d",
    "init": "",
}
# tests/hosts has the hosts that they speak to
ELSEWHERE = {"ci-comment", "ci-approvals"}
_A_RUN = """
import gitreg, os
run = gitreg.init()
run.log({"loss": 1.0, "val/loss": 2.0})
print(run.id, flush=True)
"""


@pytest.fixture
def shelf(project: Path, sh: Shell) -> Path:
    """What the examples of the help speak of: a model in four versions, registered, the last of them not published."""
    sh("gitreg put data --name mnist_dataset --type dataset 2>/dev/null", project)
    for number in range(4):
        if number == 3:
            sh("gitreg alias set model/MNIST:production v0 && gitreg alias set model/MNIST:staging v1", project)
            sh("gitreg push", project)
        line = f"--name mnist_model --type model --use mnist_dataset --metadata accuracy=0.9{number}"
        sh(f"echo {number} >model.pt && gitreg put model.pt {line} && gitreg link mnist_model model/MNIST", project)
    return project


def test_every_example_of_the_help_works(shelf: Path) -> None:
    for name, before in BEFORE.items():
        assert gitreg(before, shelf).returncode == 0
        for line in examples(name):
            end = {"run-recover": "os.kill(os.getpid(), 9)", "drop": ""}.get(name)
            if "3kf9a1xq" in line or name == "run-recover":
                started = gitreg(f"python -c '{_A_RUN}{end}'", shelf)
                line = line.replace("3kf9a1xq", started.stdout.decode().strip())  # noqa: PLW2901 - the one that is there
            number = 4 if name == "drop" else 3
            done = gitreg(line.replace("mnist_model:v3", f"mnist_model:v{number}"), shelf, b"", **LATER)
            # 3 says that something differs
            assert done.returncode in ((0, 3) if name == "diff" else (0,)), f"{line}\n{done.stderr.decode()}"


def examples(name: str) -> list[str]:
    """The lines under `Examples:` in the help of a command."""
    text = (SNAPSHOTS / f"{name}.txt").read_text().partition("Examples:")[2]
    return [line.strip() for line in text.splitlines() if line.strip()]


def test_every_command_has_examples_but_those_that_need_none() -> None:
    without = {path.stem for path in SNAPSHOTS.iterdir() if not examples(path.stem)}
    # a page of their own, a list of commands, and what test_demo.py runs
    assert without == {"gitreg", "alias", "ci", "completion", "hook"}
    assert {path.stem for path in SNAPSHOTS.iterdir()} - without - {"demo"} - ELSEWHERE == set(BEFORE)


def test_the_help_loads_neither_dvc_nor_git(tmp_path: Path) -> None:
    done = gitreg("python -X importtime -m gitreg --help", tmp_path)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines()}
    assert done.returncode == 0
    assert not loaded & {"dvc", "dvc_data", "numpy", "graphviz", "git", "yaml"}


def test_git_runs_it_as_a_command_of_its_own(project: Path) -> None:
    gitreg("gitreg put model.pt --name m --type model", project)
    done = gitreg("git gitreg ls", project)
    assert done.returncode == 0
    assert done.stdout == gitreg("gitreg ls", project).stdout
    assert b"m " in done.stdout


def test_it_can_be_told_where(project: Path, tmp_path: Path) -> None:
    line = f"gitreg -C {project.name} put model.pt --name m --type model"
    assert gitreg(line, tmp_path).stdout == b"m:v0\n"
    got = gitreg(f"gitreg -C {project.name} get m -o out", tmp_path)
    assert got.stdout == b"out\n"
    assert (project / "out" / "model.pt").exists()


class TestStandardOutputIsData:
    def test_put_link_and_get_print_one_thing(self, project: Path) -> None:
        assert gitreg("gitreg put model.pt --name m --type model", project).stdout == b"m:v0\n"
        assert gitreg("gitreg put model.pt --name m --type model", project).stdout == b"m:v0\n"
        assert gitreg("gitreg link m model/M", project).stdout == b"model/M:v0\n"
        assert gitreg("gitreg get model/M:v0", project).stdout == b"artifacts/m:v0\n"
        assert gitreg("gitreg get m:v0 -o out", project).stdout == b"out\n"
        assert gitreg('ls "$(gitreg get m)"', project).stdout == b"model.pt\n"

    @pytest.mark.parametrize(
        "line", ["push", "fetch", "alias set m:a v0", "alias rm m:a", "init", "run -- true", "lineage m -o x.dot"]
    )
    def test_what_is_only_talk_goes_to_standard_error(self, project: Path, line: str) -> None:
        gitreg("gitreg put model.pt --name m --type model --alias a", project)
        done = gitreg(f"gitreg {line}", project)
        assert (done.returncode, done.stdout) == (0, b"")
        assert done.stderr

    def test_a_reader_that_goes_away_is_no_error(self, project: Path) -> None:
        gitreg("gitreg put model.pt --name m --type model --alias a", project)
        for line in ("ls", "ls m", "show m", "runs", "status", "lineage m", "show m --json", "alias ls", "--help"):
            done = gitreg(f"gitreg {line} | true", project)
            assert done.stderr == b"", line
        done = gitreg("gitreg show m --json | head -c 1", project)
        assert (done.stdout, done.stderr) == (b"{", b"")

    def test_trace_shows_gits_commands_and_their_time_and_leaves_the_data_alone(self, project: Path) -> None:
        gitreg("gitreg put model.pt --name m --type model", project)
        done = gitreg("gitreg --trace ls", project)
        assert done.stdout == gitreg("gitreg ls", project).stdout
        assert re.search(rb"^ +\d+\.\d ms  git for-each-ref ", done.stderr, re.MULTILINE)

    def test_no_colour_when_nobody_looks(self, project: Path) -> None:
        assert b"\x1b" not in gitreg("gitreg show nothing", project).stderr


class TestRun:
    @pytest.mark.parametrize(
        ("command", "code", "state"),
        [
            ("true", 0, "finished"),
            ("sh -c 'exit 3'", 3, "failed"),
            ("sh -c 'kill -KILL $$'", 128 + signal.SIGKILL, "failed"),
            ("sh -c 'kill -TERM $$'", 128 + signal.SIGTERM, "failed"),
            ("no-such-command", 127, "failed"),
            ("./model.pt", 126, "failed"),
            ("gitreg run -- true", 2, "failed"),
        ],
    )
    def test_ends_as_the_command_does(self, project: Path, command: str, code: int, state: str) -> None:
        assert gitreg(f"gitreg run --name it -- {command}", project).returncode == code
        assert re.search(rf"^it +\w+ +{state} ", gitreg("gitreg runs", project).stdout.decode(), re.MULTILINE)

    def test_passes_standard_input_and_output_through(self, project: Path) -> None:
        done = gitreg("gitreg run -- tr a-z A-Z", project, stdin=b"hello\0\xff\n")
        assert done.stdout == b"HELLO\0\xff\n"

    def test_leaves_the_commands_own_options_to_it(self, project: Path) -> None:
        for dashes in ("-- ", ""):
            done = gitreg(f"gitreg run {dashes}echo --name x --help -C", project)
            assert (done.returncode, done.stdout) == (0, b"--name x --help -C\n")

    def test_what_the_command_logs_is_the_runs(self, project: Path) -> None:
        line = "gitreg put model.pt --name m --type model && gitreg put data --name d --type dataset --use m"
        gitreg(f"gitreg run --name it --config lr=0.1 --config 'tags=[a, b]' -- sh -c {shlex.quote(line)}", project)
        shown = gitreg("gitreg runs", project).stdout.decode().splitlines()
        assert len(shown) == 2
        assert "m:v0, d:v0" in shown[1]
        assert re.search(
            r"config +lr +0.1\n +tags +\[\"a\", \"b\"\]\n", gitreg("gitreg show d:v0", project).stdout.decode()
        )

    def test_a_mistake_before_it_starts_leaves_no_run(self, project: Path) -> None:
        for line in (
            "run --use nothing -- true",
            "run",
            "put nothing --name m --type model",
            "put model.pt --name m --type model --use nothing",
        ):
            assert gitreg(f"gitreg {line}", project).returncode != 0
        assert b"no runs yet" in gitreg("gitreg runs", project).stderr
        assert gitreg("git for-each-ref refs/gitreg", project).stdout == b""
