"""The runner refuses what it does not know, and does what the host's documentation says of the rest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from actions import Tools
from expressions import NotImplementedHereError, condition, evaluated, filled
from runner import Runner
from runs import Event, Run

HEAD = """
name: a workflow
on:
  push:
    branches: [main]
permissions: {}
concurrency:
  group: a
  cancel-in-progress: false
jobs:
"""
PUSH = Event("push", "0" * 40, "refs/heads/main")


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    (tmp_path / "jobs").mkdir()
    return Runner("http://127.0.0.1:1", "team/models", tmp_path / "jobs", Tools(tmp_path, tmp_path))


def ran(runner: Runner, jobs: str, event: Event = PUSH) -> Run:
    file = runner.folder.parent / "workflow.yml"
    file.write_text(HEAD + jobs)
    done = runner.run(file, event)
    assert done
    return done


def test_a_step_has_the_documented_environment_and_nothing_of_the_machine_s(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE", "secret")
    done = ran(runner, "  a:\n    runs-on: x\n    steps:\n      - run: env; pwd; cat $GITHUB_EVENT_PATH\n")
    assert "GITHUB_REF=refs/heads/main\n" in done.log
    assert '"ref": "refs/heads/main"' in done.log
    assert "MINE" not in done.log


def test_outputs_environment_and_summary_are_files(runner: Runner) -> None:
    jobs = """
  one:
    runs-on: x
    outputs:
      words: ${{ steps.said.outputs.words }}
    steps:
      - id: said
        run: |
          printf 'words<<END\\na\\nb\\nEND\\n' >>"$GITHUB_OUTPUT"
          echo 'COLOR=red' >>"$GITHUB_ENV"
          echo '# title' >>"$GITHUB_STEP_SUMMARY"
      - env:
          WORDS: ${{ steps.said.outputs.words }}
        run: echo "<$WORDS> $COLOR"
  two:
    needs: one
    runs-on: x
    env:
      WORDS: ${{ needs.one.outputs.words }}
    steps:
      - run: echo "two got $WORDS"
"""
    done = ran(runner, jobs)
    assert "<a\nb> red" in done.job("one").log
    assert done.job("one").summary == "# title\n"
    assert "two got a\nb" in done.job("two").log


def test_a_failure_skips_later_steps_and_jobs_unless_they_ask_for_more(runner: Runner) -> None:
    jobs = """
  one:
    runs-on: x
    steps:
      - run: |
          false
          echo not reached
      - run: echo skipped
      - if: ${{ failure() }}
        run: echo looked after
  two:
    needs: one
    runs-on: x
    steps:
      - run: echo two
  three:
    needs: [one]
    if: ${{ !cancelled() && needs.one.result == 'failure' }}
    runs-on: x
    steps:
      - run: echo three
"""
    done = ran(runner, jobs)
    assert {name: done.of(name) for name in done.jobs} == {"one": "failure", "two": "skipped", "three": "success"}
    assert "looked after" in done.log
    assert "not reached" not in done.log
    assert "skipped\n" not in done.job("one").log


def test_a_matrix_makes_a_job_of_each_value(runner: Runner) -> None:
    jobs = """
  one:
    runs-on: x
    outputs:
      list: ${{ steps.a.outputs.list }}
    steps:
      - id: a
        run: echo 'list=[{"name":"a","version":"v1"},{"name":"b","version":null}]' >>"$GITHUB_OUTPUT"
  two:
    needs: one
    runs-on: x
    strategy:
      fail-fast: false
      matrix:
        item: ${{ fromJSON(needs.one.outputs.list) }}
    steps:
      - if: ${{ matrix.item.version }}
        env:
          NAME: ${{ matrix.item.name }}
        run: echo "$NAME is there"
"""
    done = ran(runner, jobs)
    assert ["is there" in job.log for job in done.jobs["two"]] == [True, False]


def test_a_workflow_is_run_for_its_events_alone(runner: Runner, tmp_path: Path) -> None:
    file = tmp_path / "workflow.yml"
    file.write_text(HEAD + "  a:\n    runs-on: x\n    steps:\n      - run: 'true'\n")
    assert runner.run(file, PUSH)
    assert not runner.run(file, Event("push", "0" * 40, "refs/heads/other"))
    assert not runner.run(file, Event("schedule", "0" * 40, "refs/heads/main"))


JOB = "  a:\n    runs-on: x\n"
CHECKOUT = (
    f"    steps:\n      - uses: actions/checkout@{'0' * 40}\n        with:\n          persist-credentials: false\n"
)


@pytest.mark.parametrize(
    "job",
    [
        "    continue-on-error: true\n    steps: []\n",
        "    steps:\n      - run: 'true'\n        shell: python\n",
        "    steps:\n      - uses: actions/checkout@v4\n",
        "    steps:\n      - run: echo ${{ github.actor }}\n",
        f"    steps:\n      - uses: actions/cache@{'0' * 40}\n",
        f"{CHECKOUT}          ref: main\n",
        f"{CHECKOUT}          fetch-depth: 1\n",
        "    permissions: write-all\n    steps: []\n",
        "    permissions: {packages: write}\n    steps: []\n",
        "    strategy: {matrix: {a: [1], b: [2]}}\n    steps: []\n",
    ],
)
def test_what_the_runner_does_not_know_is_refused(runner: Runner, job: str) -> None:
    with pytest.raises(NotImplementedHereError):
        ran(runner, JOB + job)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("github.actor", "ada"),
        ("github.event.number == 'x'", False),
        ("github.actor == 'ADA'", True),
        ("github.nothing", ""),
        ("github.nothing.more", ""),
        ("!github.nothing && github.actor != 'bob'", True),
        ("'it''s' || 'other'", "it's"),
        ("(github.nothing || 'a') == 'a'", True),
        ("fromJSON(github.list)", [1, 2]),
        ("cancelled()", False),
    ],
)
def test_expressions_have_the_values_that_the_host_gives_them(expression: str, value: object) -> None:
    contexts = {"github": {"actor": "ada", "event": {"number": "1"}, "list": json.dumps([1, 2])}, "success": True}
    assert evaluated(expression, contexts) == value


@pytest.mark.parametrize(
    "expression", ["secrets.TOKEN", "hashFiles('x')", "a.b[0]", "github.actor ==", "1 < 2", "'a' == 1"]
)
def test_other_expressions_are_refused(expression: str) -> None:
    with pytest.raises(NotImplementedHereError):
        evaluated(expression, {"github": {"actor": "ada"}, "success": True})


def test_an_if_without_a_word_about_the_status_means_success() -> None:
    failed = {"github": {"actor": "ada"}, "success": False}
    assert not condition("github.actor == 'ada'", failed)
    assert condition("${{ !cancelled() && github.actor == 'ada' }}", failed)
    assert filled("by ${{ github.actor }}!", failed) == "by ada!"
