"""`gitreg show`: a collection, a version and a run in each of their states, on a terminal and in a pipe."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import badinput
import pytest
from rich.cells import cell_len

from conftest import Shell
from crowd import crowd
from gitreg.cli.sparkline import sparkline
from terminal import Terminal

TRAIN = """
import sys, gitreg
number = int(sys.argv[1])
with gitreg.init(
    name=f"train-{number}", job_type="train", project="digits", tags=["nightly"], notes="毎晩の学習",
    config={"optimizer": {"name": "adam", "lr": 0.1 / (number + 1)}, "path": "/data/" + "x" * 100},
) as run:
    run.use_artifact("digits:latest")
    for step in range(20):
        run.log({
            "train": {"loss": 2.0 / (step + 1 + number)}, "accuracy": 0.5 + (step + 10 * number) / 100, "epoch": step,
            "grad": float("nan") if step > 15 else 1.0, "flat": 3,
        })
    run.summary["verdict"] = "良い"
    model = gitreg.Artifact(
        "mnist", type="model",
        description="手書き数字を分類するモデル。 A small network that " + "tells digits apart, " * 6,
        metadata={"framework": "numpy", "size": {"parameters": 1234567}},
    )
    for shard in range(12 if number else 1):
        with model.new_file(f"部分-{shard:02}.bin") as file:
            file.write(f"{number} {shard}")
    run.log_artifact(model)
"""

STORY = """
git init --quiet --bare server.git && git init --quiet repo && cd repo && git remote add origin ../server.git
gitreg --quiet init --storage ../storage && git add . && git commit --quiet -m 'set up gitreg'
cat >train.py && git add . && git commit --quiet -m 'train a network'
export GIT_COMMITTER_DATE=2026-01-01T00:00:00Z
mkdir ../data && echo one >../data/a && gitreg --quiet put ../data --name digits --type dataset
python train.py 0 2>/dev/null && gitreg link mnist:v0 model/Digits
gitreg --quiet alias set model/Digits:production v0 --reason 'the first that works'
gitreg --quiet push
export GIT_COMMITTER_DATE=2026-01-02T00:00:00Z
echo '# tuned' >>train.py
python train.py 1 2>/dev/null && gitreg link mnist:v1 model/Digits
gitreg --quiet alias set model/Digits:production v1 --reason '評価で 2 点よい'
gitreg --quiet alias set mnist:candidate v1
for n in 0 1 2 3 4 5; do gitreg --quiet run --name evaluate-$n --job-type evaluate --use mnist:v1 -- true; done
gitreg --quiet run --name breaks -- false || true
gitreg --quiet run --name twin -- true
gitreg --quiet run --name twin -- true
gitreg --quiet run --name digits -- true
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shown")


@pytest.fixture
def world(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository that is made once, and read by all tests."""
    if not (folder / "repo").exists():
        subprocess.run(["sh", "-eu", "-c", STORY], cwd=folder, input=TRAIN.encode(), check=True)
    monkeypatch.chdir(folder / "repo")
    return folder / "repo"


def shown(*words: str) -> str:
    """What `gitreg show` prints in a pipe, and nothing else."""
    done = badinput.run("show", *words)
    assert (done.code, done.err) == (0, ""), done
    return done.out


def document(*words: str) -> Any:
    return json.loads(shown(*words, "--json"))


def part(text: str, title: str) -> list[str]:
    """The lines beside a title."""
    lines = text.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(f"{title:<10}  "))
    found = [lines[start][12:]]
    for line in lines[start + 1 :]:
        if not line.startswith(" " * 12):
            break
        found.append(line[12:])
    return found


class TestAVersion:
    def test_says_first_what_it_is_and_where_it_is_in_use(self, world: Path) -> None:
        lines = shown("mnist:v1").splitlines()
        assert lines[0] == "mnist:v1 · model · candidate · unpublished"
        assert lines[1].startswith("手書き数字を分類するモデル。 A small network that tells")
        named = part("\n".join(lines), "named")
        assert named == [
            "mnist:candidate  since 3 hours ago, by Test User  unpublished",
            "model/Digits:production  since 3 hours ago, by Test User, v0 before  unpublished",
            "  評価で 2 点よい",
        ]
        assert part("\n".join(lines), "linked as") == ["model/Digits:v1"]

    def test_says_how_good_it_is_and_how_it_got_there(self, world: Path) -> None:
        metrics = part(shown("mnist:v1"), "metrics")
        assert [line.split()[:2] for line in metrics] == [
            ["train.loss", "0.09524"],
            ["accuracy", "0.79"],
            ["epoch", "19"],
            ["grad", "nan"],
            ["flat", "3"],
        ]
        drawn = [line.split()[2] for line in metrics]
        assert drawn[0][0] == "█"
        assert drawn[0][-1] == "▁"
        assert drawn[3].endswith("××××")
        assert set(drawn[4]) == {"▅"}

    def test_says_what_it_was_made_from_with_which_code_by_whom(self, world: Path) -> None:
        page = shown("mnist:v1")
        assert part(page, "made from") == ["digits:v0  dataset  1 file  4 bytes"]
        assert re.fullmatch(r"train-1, train, finished  \w{8}", part(page, "run")[0])
        code, command = part(page, "code")
        base, snapshot = command.removeprefix("git diff ").split()
        assert code == f"{snapshot}  with uncommitted changes on top of {base}"
        changed = subprocess.run(["sh", "-c", command], cwd=world, check=True, capture_output=True).stdout
        assert b"+# tuned" in changed
        assert part(page, "made") == ["3 hours ago (2026-01-02 00:00:00), by Test User"]
        assert part(shown("mnist:v0"), "code")[0].endswith("  train a network")

    def test_lists_some_files_and_some_users_and_says_how_many_there_are(self, world: Path) -> None:
        page = shown("mnist:v1")
        content, used = part(page, "content"), part(page, "used by")
        assert content[0] == "12 files, 42 bytes".replace("42", str(document("mnist:v1")["size"]))
        assert content[1].split() == ["部分-00.bin", "3", "bytes"]
        assert content[-1] == "and 4 more; --json has all"
        assert len(used) == 6
        assert used[-1] == "and 1 other run; --json has all"
        assert len(document("mnist:v1")["used_by"]) == 6
        assert part(shown("mnist:v0"), "content") == ["部分-00.bin  3 bytes"]

    def test_shows_config_by_dotted_name_and_exactly(self, world: Path) -> None:
        lines = part(shown("mnist:v1"), "config")
        assert lines[:2] == ["optimizer.name  adam", "optimizer.lr    0.05"]
        assert lines[2] == f"path            /data/{'x' * 100}"
        assert part(shown("mnist:v1"), "metadata") == ["framework        numpy", "size.parameters  1234567"]

    def test_of_a_link_names_its_source(self, world: Path) -> None:
        page = shown("model/Digits:v0")
        assert page.splitlines()[0] == "model/Digits:v0 · model"
        assert part(page, "link to") == ["mnist:v0"]
        assert "\nnamed" not in page

    def test_by_an_alias_says_since_when_by_whom_and_why(self, world: Path) -> None:
        lines = part(shown("model/Digits:production"), "alias")
        assert lines == [
            "production → v1  since 3 hours ago, by Test User, v0 before  unpublished",
            "  評価で 2 点よい",
        ]
        asked = document("model/Digits:production")["asked"]
        assert (asked["version"], asked["previous"], asked["until"]) == ("model/Digits:v1", "v0", None)

    def test_by_an_alias_at_a_date_says_until_when(self, world: Path) -> None:
        page = shown("model/Digits:production@{2026-01-01}")
        assert page.startswith("model/Digits:v0 · model\n")
        assert part(page, "alias") == [
            "production → v0  from 27 hours ago, by Test User, until 3 hours ago",
            "  the first that works",
        ]
        asked = document("model/Digits:production@{2026-01-01}")["asked"]
        assert (asked["since"], asked["until"]) == ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")

    def test_an_alias_that_a_hand_has_moved_says_so(self, world: Path, tmp_path: Path, sh: Shell) -> None:
        move = "git update-ref refs/gitreg/aliases/mnist@candidate 'refs/tags/mnist@v0^0'"
        sh(f"cp -R '{world}' copy && cd copy && {move}")
        done = badinput.run("-C", str(tmp_path / "copy"), "show", "mnist:candidate")
        assert part(done.out, "alias") == ["candidate → v0  moved by hand  unpublished"]


class TestACollection:
    def test_shows_its_aliases_its_newest_versions_and_the_trend(self, world: Path) -> None:
        page = shown("model/Digits")
        assert page.startswith("model/Digits · registered model · 2 versions · 1 unpublished\n")
        assert part(page, "aliases")[0].startswith("production → v1  since 3 hours ago, by Test User, v0 before")
        assert part(page, "trend") == ["train.loss  █▁  0.1 in v0, 0.09524 in v1"]
        assert [line.split() for line in part(page, "newest")] == [
            ["made", "source", "train.loss", "accuracy"],
            ["v1", "3", "hours", "ago", "mnist:v1", "0.09524", "0.79", "production"],
            ["v0", "27", "hours", "ago", "mnist:v0", "0.1", "0.69"],
        ]

    def test_shows_the_aliases_of_links_to_its_versions_too(self, world: Path) -> None:
        page = shown("mnist")
        assert part(page, "aliases") == [
            "candidate → v1  since 3 hours ago, by Test User  unpublished",
            "model/Digits:production → v1  since 3 hours ago, by Test User  unpublished",
            "  評価で 2 点よい",
        ]
        assert part(page, "newest")[1].endswith("candidate, model/Digits:production")
        assert [(item["alias"], item["version"], item["names"]) for item in document("mnist")["aliases"]] == [
            ("mnist:candidate", "mnist:v1", "v1"),
            ("model/Digits:production", "model/Digits:v1", "v1"),
        ]

    def test_without_metrics_aliases_or_a_second_version_says_less(self, world: Path) -> None:
        done = badinput.run("show", "digits")
        assert done.out.splitlines() == [
            "digits · dataset · 1 version",
            "",
            "newest      v0  27 hours ago  Test User",
        ]

    def test_goes_before_a_run_of_the_same_name_and_says_so(self, world: Path) -> None:
        done = badinput.run("show", "digits")
        assert done.out.startswith("digits · dataset")
        found = re.fullmatch(r"note: there is a run 'digits' as well: gitreg show (\w+)\n", done.err)
        assert found
        assert shown(found[1]).startswith("digits · finished")

    def test_the_metrics_of_a_version_that_no_run_measured_are_in_its_metadata(self, project: Path, sh: Shell) -> None:
        for number in range(3):
            sh(
                f"echo {number} >x && gitreg --quiet put x --name m --type model --metadata accuracy=0.{number}5",
                project,
            )
        assert part(shown("m"), "trend") == ["accuracy  ▁▄█  0.05 in v0, 0.25 in v2"]

    def test_shows_what_can_be_read_and_names_what_cannot(self, project: Path, sh: Shell) -> None:
        sh("for n in 0 1; do echo $n >x && gitreg --quiet put x --name m --type model; done", project)
        sh("bad=$(git cat-file tag m@v1 | sed 's/schema: 1/schema: 9/' | git hash-object -t tag -w --stdin)\n"
           "git update-ref refs/tags/m@v1 $bad", project)  # fmt: skip
        done = badinput.run("show", "m")
        assert done.code == 0
        assert done.err.startswith("warning: 'm:v1' is left out: ")
        assert part(done.out, "newest") == ["v0  just now  Test User"]


class TestARun:
    def test_that_has_finished(self, world: Path) -> None:
        page = shown("train-1")
        assert page.splitlines()[:2] == ["train-1 · train · finished · unpublished", "毎晩の学習"]
        assert part(page, "used") == ["digits:v0  dataset  1 file  4 bytes"]
        assert part(page, "made") == [
            "mnist:v1  model  12 files  42 bytes".replace("42", str(document("mnist:v1")["size"]))
        ]
        metrics = [line.split() for line in part(page, "metrics")]
        assert metrics[0] == ["last", "min", "max", "20", "steps"]
        assert metrics[1][:4] == ["train.loss", "0.09524", "0.09524", "1"]
        assert metrics[4][:4] == ["grad", "nan", "1", "1"]
        assert part(page, "summary") == ["verdict  良い"]
        assert part(page, "tags") == ["nightly"]
        history = document("train-1")["history"]
        assert history["steps"] == 20
        assert history["metrics"]["grad"] == {"count": 20, "first": 1.0, "last": None, "min": 1.0, "max": 1.0}

    def test_is_found_by_its_id_too(self, world: Path) -> None:
        run_id = document("train-1")["id"]
        assert shown(run_id) == shown("train-1")

    def test_that_failed(self, world: Path) -> None:
        assert shown("breaks").startswith("breaks · failed · unpublished\n")

    def test_of_a_name_that_several_have_is_the_newest(self, world: Path) -> None:
        done = badinput.run("show", "twin", "--json")
        found = re.fullmatch(r"note: the newest of 2 runs called 'twin'; the others: (\w+)\n", done.err)
        assert found
        assert json.loads(done.out)["id"] != found[1]

    def test_that_goes_on_shows_what_it_has_logged_so_far(self, project: Path, sh: Shell) -> None:
        sh("echo one >x && gitreg --quiet put x --name d --type dataset", project)
        script = (
            "import gitreg, sys; run = gitreg.init(name='long', config={'lr': 0.1});"
            "[run.log({'loss': 1 / (step + 1)}) for step in range(5)]; run.use_artifact('d:latest');"
            "print('logged', flush=True); sys.stdin.read()"
        )
        with subprocess.Popen(["python", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout
            assert process.stdout.readline() == b"logged\n"
            page = shown("long")
            process.send_signal(signal.SIGKILL)
        assert page.startswith("long · running · unpublished\n")
        assert part(page, "used") == ["d:v0  dataset  1 file  4 bytes"]
        assert part(page, "metrics")[1].split() == ["loss", "0.2", "0.2", "1", "█▃▂▁▁"]

        killed = shown("long")
        assert killed.startswith("long · crashed · unpublished\n")
        command = part(killed, "killed")[0].partition("to record it: ")[2]
        assert part(killed, "metrics") == part(page, "metrics")

        sh(command, project)
        recorded = shown("long")
        assert recorded.startswith("long · crashed · ")
        assert "\nkilled" not in recorded
        assert part(recorded, "metrics") == part(page, "metrics")

    def test_of_which_only_a_version_is_here_says_that_it_does_not_know(
        self, world: Path, tmp_path: Path, sh: Shell
    ) -> None:
        sh(f"git clone --quiet '{world.parent / 'server.git'}' clone 2>/dev/null; true")
        done = badinput.run("-C", str(tmp_path / "clone"), "show", "train-0")
        assert done.code == 0
        assert done.out.startswith("train-0 · train · unknown\n")
        assert "how it ended is not known here; gitreg fetch brings it" in done.out

    def test_whose_long_history_is_not_here_says_so(self, project: Path, sh: Shell) -> None:
        log = "[run.log({'x': 'y' * 1000}) for _ in range(1100)]"
        script = f"import gitreg; run = gitreg.init(name='long'); {log}; run.finish()"
        sh(f'python -c "{script}" 2>/dev/null', project)
        assert document("long")["history"]["steps"] == 1100
        sh("rm -r .dvc/cache .git/gitreg/keep", project)
        assert document("long")["history"] is None
        assert "the step history is not here" in shown("long")


class TestNothing:
    @pytest.mark.parametrize(
        ("word", "hint"),
        [
            ("mnis", "did you mean 'mnist'?"),
            ("trian-1", "did you mean 'train-1'?"),
            ("production", "did you mean 'model/Digits:production'?"),
            ("evaluate-9", None),
        ],
    )
    def test_of_that_name_has_the_likeliest_other_one_as_a_hint(self, world: Path, word: str, hint: str | None) -> None:
        done = badinput.run("show", word)
        assert done.code == 6
        error, said = done.err.splitlines()
        assert error == f"error: no collection and no run is called '{word}'"
        assert said == f"hint: {hint}" if hint else said.startswith("hint: did you mean 'evaluate-")


class TestOnATerminal:
    @pytest.mark.parametrize(
        "thing", ["mnist:v1", "model/Digits:production", "model/Digits", "mnist", "train-1", "breaks", "digits:v0"]
    )
    @pytest.mark.parametrize("columns", [80, 40])
    def test_no_line_is_wider_than_it(self, world: Path, thing: str, columns: int) -> None:
        terminal = Terminal(
            "sh", "-c", f"gitreg show {thing} >/dev/tty", cwd=world, env={"GIT_PAGER": "cat"}, columns=columns
        )
        code, _ = terminal.end()
        assert code == 0
        assert [line for line in terminal.screen if cell_len(line) > columns] == []
        first = thing.replace("production", "v1").split("/")[-1][:10]
        assert first in terminal.screen[0]

    def test_colours_are_there_unless_nobody_wants_them(self, world: Path) -> None:
        for when, colored in (("always", True), ("never", False), ("auto", False)):
            line = ["gitreg", "--color", when, "show", "mnist:v1"]
            assert (b"\x1b[" in subprocess.run(line, check=True, capture_output=True).stdout) == colored

    def test_without_utf_8_nothing_but_the_words_of_others_is_more_than_ascii(self, world: Path) -> None:
        done = subprocess.run(
            ["gitreg", "show", "breaks"],
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            check=True,
        )
        assert done.stdout.startswith(b"breaks - failed - unpublished\n")


def test_it_takes_as_many_git_processes_for_thousands_as_for_a_few(tmp_path: Path, sh: Shell) -> None:
    counted = []
    for name, versions in (("few", 30), ("many", 600)):
        sh(f"git init --quiet {name} && cd {name} && git commit --quiet --allow-empty -m start")
        crowd(tmp_path / name, versions=versions)
        things = "model", "data", "model:v7", "data:v0", "vague-river-7", "run00003"
        lines = [f"gitreg -C {name} show {things[0]} >/dev/null"]  # makes the index
        lines += [f"gitreg -C {name} --trace show {thing} 2>&1 >/dev/null | grep -c ' ms  git '" for thing in things]
        counted.append(sh("\n".join(lines)).split())
    assert counted[0] == counted[1]


class TestSparklines:
    @pytest.mark.parametrize(
        ("values", "drawn", "ascii_"),
        [
            ([], "", ""),
            ([5], "▅", "-"),
            ([1, 1, 1], "▅▅▅", "---"),
            ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█", "__.--=##"),
            ([1, math.nan, 0], "█×▁", "#x_"),
            ([math.inf, 2], "×▅", "x-"),
            ([math.nan], "×", "x"),
            ([-1e308, 1e308, 0], "▁█▅", "_#-"),
        ],
    )
    def test_are_drawn_between_the_lowest_and_the_highest(self, values: list[float], drawn: str, ascii_: str) -> None:
        assert sparkline(values) == drawn
        assert sparkline(values, blocks=False) == ascii_

    def test_of_many_values_are_as_wide_as_wanted_and_show_where_one_is_no_number(self) -> None:
        assert sparkline(list(range(10_000)), width=8) == "▁▂▃▄▅▆▇█"
        assert sparkline([1.0] * 500 + [math.nan] + [1.0] * 499, width=4) == "▅▅×▅"
        assert len(sparkline(list(range(17)), width=16)) == 16
