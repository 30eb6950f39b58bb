"""A real Jupyter kernel: cells run one after another, are interrupted, and the kernel ends or is killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

import gitreg
from conftest import Shell

PATIENCE = 120


class Notebook:
    """A notebook's kernel; `run` is a cell."""

    def __init__(self, folder: Path) -> None:
        self.manager, self._client = start_new_kernel(kernel_name="python3", cwd=str(folder))

    def run(self, cell: str, on_output: Callable[[str], None] = lambda _: None) -> dict[str, str]:
        """What a cell shows, by where: stdout, stderr, result, error."""
        shown: dict[str, str] = {}

        def hook(message: dict[str, Any]) -> None:
            content = message["content"]
            kind = {"stream": content.get("name"), "execute_result": "result"}.get(message["msg_type"], "")
            text = content.get("text", "") if kind != "result" else content["data"]["text/plain"]
            if message["msg_type"] == "error":
                kind, text = "error", f"{content['ename']}: {content['evalue']}"
            if kind:
                shown[str(kind)] = shown.get(str(kind), "") + text
                on_output(text)

        self._client.execute_interactive(cell, output_hook=hook, timeout=PATIENCE, allow_stdin=False)
        return shown

    def end(self, *, now: bool = False) -> None:
        self._client.stop_channels()
        self.manager.shutdown_kernel(now=now)


@pytest.fixture
def notebook(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    # jupyter_core says on import that it will find its folders otherwise one day
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    (project / "explore.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}\n')
    made = Notebook(project)
    yield made
    if made.manager.has_kernel:
        made.end(now=True)


def test_what_is_done_is_shown_under_the_cell(notebook: Notebook, project: Path) -> None:
    shown = notebook.run('import gitreg\nrun = gitreg.init(name="one", id="one", config={"lr": 0.1})')
    assert list(shown) == ["stderr"]
    assert shown["stderr"].startswith(f"run one (one) in {project}, code ")
    assert shown["stderr"].endswith(" with uncommitted changes\n")
    assert notebook.run('run.log_artifact("README", name="readme")') == {
        "stderr": "logged readme:v0: 1 file, 10 bytes\n",
        "result": "<Artifact readme:v0 (unspecified)>",
    }
    assert notebook.run("gitreg.log({'loss': 1})") == {}
    assert notebook.run("run.config, run.summary, run") == {
        "result": "({'lr': 0.1}, {'loss': 1}, <Run one (one, running)>)"
    }
    shown = notebook.run("run.use_artifact('readmee')")
    assert shown["error"].startswith("NotFoundError: artifact membership 'readmee:latest' not found in ")
    assert notebook.run("run.finish()") == {"stderr": "run one finished; 'gitreg drop one' takes it back\n"}


def test_an_exit_that_ends_a_cell_alone_fails_no_run(notebook: Notebook) -> None:
    notebook.run('import argparse, sys, gitreg\ngitreg.init(id="one")')
    for cell in ("argparse.ArgumentParser().parse_args(['--unknown'])", "sys.exit(2)"):
        assert notebook.run(cell)["error"] == "SystemExit: 2"
    assert notebook.run("gitreg.log({'loss': 1})") == {}
    notebook.end()
    assert gitreg.Api().run("one").state == "finished"


def test_a_second_init_finishes_the_run_before(notebook: Notebook, project: Path, sh: Shell) -> None:
    notebook.run('import gitreg\nfirst = gitreg.init(id="one")\nfirst.log({"loss": 1})')
    notebook.run('second = gitreg.init(id="two")')
    assert notebook.run("first.status().state, second.status().state, gitreg.run is second") == {
        "result": "('finished', 'running', True)"
    }
    # what the notebook was is part of the code
    code = gitreg.Api().run("one").commit
    assert sh(f"git show --stat --format= {code}", project).split()[0] == "explore.ipynb"


def test_an_interrupted_cell_leaves_a_run_that_goes_on(notebook: Notebook, project: Path) -> None:
    notebook.run('import gitreg\nrun = gitreg.init(id="one")')
    interrupted: list[str] = []

    def interrupt(text: str) -> None:
        if not interrupted and "training" in text:
            interrupted.append(text)
            notebook.manager.interrupt_kernel()

    endless = """
print("training", flush=True)
step = 0
while True:
    run.log({"step": step})
    run.summary["last"] = step
    step += 1
"""
    shown = notebook.run(endless, interrupt)
    assert shown["error"].startswith("KeyboardInterrupt")
    notebook.run("run.log({'step': -1})\nrun.log_artifact('README', name='readme')\nrun.finish()")
    found = gitreg.Api().run("one")
    assert (found.state, found.summary["step"]) == ("finished", -1)
    steps = [row["step"] for row in found.history(pandas=False, samples=10**9)]
    assert steps == [*range(len(steps) - 1), -1]


def test_a_kernel_that_ends_finishes_its_run(notebook: Notebook, project: Path) -> None:
    notebook.run('import gitreg\nrun = gitreg.init(id="one")\nrun.log({"loss": 1})')
    notebook.end()
    assert (gitreg.Api().run("one").state, gitreg.Api().run("one").summary) == ("finished", {"loss": 1})


def test_a_kernel_that_is_killed_leaves_a_run_that_the_next_one_records(notebook: Notebook, project: Path) -> None:
    notebook.run('import gitreg\nrun = gitreg.init(id="one")\nrun.summary["loss"] = 1')
    notebook.end(now=True)
    other = Notebook(project)
    shown = other.run("import gitreg\nwith gitreg.init(): pass")
    other.end(now=True)
    assert "was killed; what it had logged is recorded, as crashed" in shown["stderr"]
    assert (gitreg.Api().run("one").state, gitreg.Api().run("one").summary) == ("crashed", {"loss": 1})


def test_a_disabled_run_and_silence_work_in_a_cell(notebook: Notebook, project: Path) -> None:
    assert notebook.run('import gitreg\nrun = gitreg.init(mode="disabled")\nrun.log({"a": 1})\nrun.finish()') == {}
    assert notebook.run('with gitreg.init(settings={"silent": True}): pass') == {}
    assert len(gitreg.Api().runs()) == 1


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the system does not list them")
@pytest.mark.parametrize("target", ["", "os.environ['GITREG_BUNDLE'] = '../run.bundle'"], ids=["repository", "file"])
def test_git_processes_that_read_end_with_each_cell(notebook: Notebook, target: str) -> None:
    listed = "open(f'/proc/self/task/{os.getpid()}/children').read().split()"
    notebook.run(f"import os, gitreg\n{target}\nbefore = set({listed})\nrun = gitreg.init()")
    notebook.run("run.log_artifact('README', name='readme')")
    used = "run.use_artifact('readme').version"
    assert notebook.run(f"{used}, bool(set({listed}) - before)")["result"] == "('v0', True)"
    assert notebook.run(f"set({listed}) - before")["result"] == "set()"
