"""`gitreg diff`: two versions, two runs, one version alone; for people, as JSON and as Markdown."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import badinput
import pytest
from rich.cells import cell_len

from conftest import Shell
from terminal import Terminal

STORY = r"""
git init --quiet world && cd world && gitreg --quiet init && git add . && git commit --quiet -m 'set up gitreg'
mkdir ../data ../model && echo one >../data/a && gitreg --quiet put ../data --name digits --type dataset
cat >train.py && git add . && git commit --quiet -m train
python train.py 0 2>/dev/null
export GIT_COMMITTER_DATE=2026-01-03T00:00:00Z
gitreg --quiet alias set mnist:production v0
echo more >>../data/a && gitreg --quiet put ../data --name digits --type dataset
echo '# tuned' >>train.py && git add . && git commit --quiet -m tuned
python train.py 1 2>/dev/null
gitreg --quiet alias set mnist:production v1
gitreg link mnist:v1 model/Digits
python train.py 2 2>/dev/null
"""

TRAIN = """
import sys, gitreg
number = int(sys.argv[1])
with gitreg.init(
    name=f"train-{number}", job_type="train",
    config={"optimizer": {"name": "adam", "lr": 0.1 / (number + 1)}, "epochs": 20, **({"seed": 7} if number else {})},
) as run:
    run.use_artifact("digits:latest")
    run.log({"loss": 1.0 / (number + 1), "accuracy": 0.75, "steps": 100 + number, "odd": float("nan")})
    run.summary["verdict"] = ["fair", "良い", "`|`<img src=x>@all\\n# x"][number]
    model = gitreg.Artifact("mnist", type="model", metadata={"framework": "numpy", "n": number})
    for name in ("same.bin", f"only-{number}.bin", "weights.bin"):
        with model.new_file(name) as file:
            file.write(f"{number}" if name == "weights.bin" else name)
    run.log_artifact(model)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compared")


@pytest.fixture
def world(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that is made once, and read by all tests."""
    if not (folder / "world").exists():
        subprocess.run(["sh", "-eu", "-c", STORY], cwd=folder, input=TRAIN.encode(), check=True)
    monkeypatch.chdir(folder / "world")
    return folder / "world"


def differs(*words: str) -> str:
    done = badinput.run("diff", *words)
    assert (done.code, done.err) == (3, ""), done
    return done.out


def document(*words: str) -> Any:
    done = badinput.run("diff", *words, "--json")
    assert done.code in (0, 3), done
    return json.loads(done.out)


def test_two_versions_on_a_page(world: Path) -> None:
    page = differs("mnist:v0", "mnist:v1")
    head = [subprocess.check_output(["git", "rev-parse", name], text=True)[:10] for name in ("HEAD^", "HEAD")]
    assert page.splitlines() == [
        "mnist:v0 → mnist:v1",
        "",
        "metrics                v0   v1",
        "            ~  loss     1  0.5  -0.5 (-50.0%)  better",
        "            ~  steps  100  101  +1 (+1.0%)",
        "            2 unchanged",
        "results     ~  verdict  fair  →  良い",
        "config      ~  optimizer.lr  0.1  →  0.05",
        "            +  seed                  7",
        "            2 unchanged",
        "metadata    ~  n  0  →  1",
        "            1 unchanged",
        "inputs      ~  digits  v0 (4 bytes)  →  v1 (9 bytes)",
        "files       3 files, 19 bytes",
        "            -  only-0.bin   10 bytes",
        "            +  only-1.bin               10 bytes",
        "            ~  weights.bin                1 byte",
        "            1 unchanged",
        f"code        {head[0]} → {head[1]}",
        "            1 file changed, 1 insertion(+)",
        f"            git diff {head[0]} {head[1]}",
        "the same    type",
    ]


def test_its_command_shows_the_code(world: Path) -> None:
    (command,) = (line.strip() for line in differs("mnist:v1").splitlines() if "git diff" in line)
    assert "+# tuned" in subprocess.check_output(command.split(), text=True)


def test_one_version_is_compared_with_the_one_before_it(world: Path) -> None:
    assert differs("mnist:v1") == differs("mnist:v0", "mnist:v1")
    assert differs("mnist").splitlines()[0] == "mnist:v1 → mnist:v2"


def test_aliases_and_dates_say_which_version_they_are(world: Path) -> None:
    assert differs("mnist:v0", "mnist:production").splitlines()[0] == "mnist:v0 → mnist:v1 (production)"
    page = differs("mnist:latest@{2026-01-02}", "mnist:latest")
    assert page.splitlines()[0] == "mnist:v0 (latest@{2026-01-02}) → mnist:v2 (latest)"


def test_what_is_equal_says_so_and_exits_with_0(world: Path) -> None:
    done = badinput.run("diff", "mnist:v1", "model/Digits:v0")
    assert (done.code, done.out) == (0, "mnist:v1 → model/Digits:v0\n\nnothing differs\n")
    found = document("mnist:v1", "mnist:production")
    assert found["same"] is True
    assert [item["change"] for item in found["metrics"]] == [None] * 4


def test_two_runs(world: Path) -> None:
    page = differs("train-0", "train-1")
    assert page.splitlines()[0] == "train-0 → train-1"
    assert "~  optimizer.lr  0.1  →  0.05" in page
    assert "files" not in page
    assert page.splitlines()[-1] == "the same    job type, state"
    assert document("train-0", "train-1")["files"] is None


def test_everything_is_in_the_document(world: Path) -> None:
    found = document("mnist:v0", "mnist:v1")
    assert [found[side]["name"] for side in ("old", "new")] == ["mnist:v0", "mnist:v1"]
    assert found["metrics"][0] == {
        "name": "loss",
        "change": "changed",
        "old": 1.0,
        "new": 0.5,
        "delta": -0.5,
        "relative": -0.5,
        "better": True,
    }
    # NaN on both sides is no difference, and no number
    assert found["metrics"][-1] == {
        "name": "odd",
        "change": None,
        "old": None,
        "new": None,
        "delta": None,
        "relative": None,
        "better": None,
    }
    assert found["config"] == {
        "changed": [
            {"path": "optimizer.lr", "change": "changed", "old": 0.1, "new": 0.05},
            {"path": "seed", "change": "added", "old": None, "new": 7},
        ],
        "unchanged": 2,
    }
    (used,) = found["inputs"]["changed"]
    assert (used["old"]["version"], used["new"]["version"], used["new"]["size"]) == ("v0", "v1", 9)
    assert [(item["path"], item["change"]) for item in found["files"]["changed"]] == [
        ("only-0.bin", "removed"),
        ("only-1.bin", "added"),
        ("weights.bin", "changed"),
    ]
    assert found["code"]["stat"] == {"files": 1, "insertions": 1, "deletions": 0}


def test_markdown_is_for_a_comment(world: Path) -> None:
    text = differs("mnist:v0", "mnist:v1", "--format", "markdown")
    assert text.startswith(
        "### `mnist:v0` → `mnist:v1`\n\n**Metrics**\n\n"
        "|  | `v0` | `v1` | change |  |\n| --- | --: | --: | --: | --- |\n"
        "| `loss` | 1 | 0.5 | -0.5 (-50.0%) | better |\n| `steps` | 100 | 101 | +1 (+1.0%) |  |\n\n2 unchanged\n"
    )
    assert "\n| `seed` |  | `7` |\n" in text
    assert "\n| `weights.bin` | 1 byte | 1 byte | changed |\n" in text
    assert "\n**Code** 1 file changed, 1 insertion(+): `git diff " in text


def test_words_of_others_are_inert_in_markdown(world: Path) -> None:
    text = differs("mnist:v1", "mnist:v2", "--format", "markdown")
    (line,) = (line for line in text.splitlines() if "verdict" in line)
    assert line == "| `verdict` | `良い` | ``` `\\|`<img src=x>@all\\x0a# x ``` |".replace("```", "``")


def test_files_whose_list_is_not_here_are_counted(project: Path, sh: Shell) -> None:
    for number in (0, 1):
        sh(f"mkdir {number} && cd {number} && seq 16000 | sed 's/.*/{number} &/' | split -l 1 -a 4 - part-", project)
        sh(f"gitreg --quiet put {number} --name m --type model", project)
    assert "15,990 changed" not in differs("m:v0", "m:v1")
    sh("rm -r .dvc/cache .git/gitreg/keep", project)
    page = differs("m:v0", "m:v1")
    assert "which of them differ is not known: a list of files is not here" in page
    assert document("m:v0", "m:v1")["files"]["changed"] is None
    assert "a list of files is not here" in differs("m:v0", "m:v1", "--format", "markdown")


def test_code_that_is_not_here_is_said_to_differ(world: Path, tmp_path: Path, sh: Shell) -> None:
    sh(f"git clone --quiet --depth 1 --no-single-branch file://{world} shallow 2>/dev/null")
    done = badinput.run("-C", str(tmp_path / "shallow"), "diff", "mnist:v0", "mnist:v1")
    assert done.code == 3
    assert "not all of it is here; git fetch --unshallow" in done.out
    assert "git diff" not in done.out


@pytest.mark.parametrize(
    ("words", "code", "error", "hint"),
    [
        ("mnist:v0", 6, "there is no version before 'mnist:v0'", "name two: gitreg diff mnist:v0 OTHER"),
        ("mnist:v0 mnist:v9", 6, "artifact 'mnist:v9' not found", "'mnist' has v0, v1, v2"),
        ("mnits", 6, "no collection and no run is called 'mnits'", "did you mean 'mnist'?"),
        ("train-1", 2, "'train-1' is a run, and has none before it", "name two: gitreg diff RUN OTHER_RUN"),
        ("train-1 mnist", 2, "'train-1' is a run and 'mnist' a version", "compare two versions, or two runs"),
        ("mnist train-1", 2, "'train-1' is a run and 'mnist' a version", "compare two versions, or two runs"),
        ("mnist --json --format markdown", 2, "--json and --format markdown are two forms", "leave one out"),
    ],
)
def test_a_mistake_is_named_with_the_way_out(world: Path, words: str, code: int, error: str, hint: str) -> None:
    done = badinput.run("diff", *words.split())
    assert (done.code, done.out) == (code, "")
    assert done.err == f"error: {error}\nhint: {hint}\n"


def test_a_description_that_is_new_is_added_and_nothing_alike_is_not_mentioned(project: Path, sh: Shell) -> None:
    sh("echo 1 >a && gitreg put a --name a --type x && touch b.py && git add b.py && git commit --quiet -m on", project)
    sh("echo 2 >a && gitreg put a --name a --type x --description 'more rows'", project)
    page = sh("gitreg diff a:v0 a:v1 || true", project)
    assert re.search(r"^about +\+ +description +more rows$", page, re.MULTILINE)
    assert "the same" not in page


def test_long_values_and_paths_are_shortened_where_they_are_the_same(project: Path, sh: Shell) -> None:
    folder = "checkpoints/" + "very-deep/" * 8
    for number in (0, 1):
        sh(f"mkdir -p {number}/{folder} && echo {number} >{number}/{folder}step-000{number}.bin", project)
        words = f"--metadata 'prompt=translate this into English, and keep all names as they are: {number}'"
        sh(f"gitreg --quiet put {number} --name m --type model {words}", project)
    terminal = Terminal("sh", "-c", "gitreg diff m:v1 >/dev/tty", cwd=project, env={"GIT_PAGER": "cat"})
    assert terminal.end()[0] == 3
    seen = "\n".join(terminal.screen)
    assert "metadata    ~  prompt  …re: 0  →  …re: 1" in seen
    assert "checkpoints/v…" in seen
    assert "very-deep/step-0001.bin" in seen
    assert f"{folder}step-0001.bin" in differs("m:v1")


@pytest.mark.parametrize("columns", [80, 40])
def test_no_line_is_wider_than_the_terminal(world: Path, columns: int) -> None:
    line = "gitreg diff mnist:v1 mnist:v2 >/dev/tty"
    terminal = Terminal("sh", "-c", line, cwd=world, env={"GIT_PAGER": "cat"}, columns=columns)
    assert terminal.end()[0] == 3
    assert [line for line in terminal.screen if cell_len(line) > columns] == []
