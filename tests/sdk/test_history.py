"""The steps of a run, read back: as W&B's Api gives them, with pandas and without."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import gitreg
from conftest import Shell
from desks import Desk
from gitreg.errors import MissingExtraError, UsageError
from gitreg.sdk.views import RunView


@pytest.fixture
def logged(project: Path) -> RunView:
    """A run of 1,000 steps; `val` in every tenth."""
    with gitreg.init() as run:
        for step in range(1000):
            run.log({"loss": 1 / (step + 1), **({"val": step} if step % 10 == 9 else {})})
        run.log({"loss": math.nan, "nested": {"a": [1, "b"]}}, step=2000)
    return gitreg.Api().run(run.id)


def test_a_history_is_a_data_frame_of_samples_evenly_spread(logged: RunView) -> None:
    frame = logged.history()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == ["_step", "_timestamp", "loss", "val", "nested"]
    steps = list(frame["_step"])
    assert (len(steps), steps[0], steps[1], steps[-1]) == (500, 0, 2, 2000)
    assert frame["loss"].dtype == float
    assert math.isnan(frame["loss"].iloc[-1])
    assert frame["nested"].iloc[-1] == {"a": [1, "b"]}
    assert len(logged.history(samples=5000)) == 1001
    assert list(logged.history(samples=1)["_step"]) == [2000]


def test_only_the_steps_that_have_all_keys_are_given(logged: RunView) -> None:
    found = logged.history(keys=["val", "loss"], samples=3, pandas=False)
    assert [list(row) for row in found] == [["_step", "val", "loss"]] * 3
    assert [row["val"] for row in found] == [9, 509, 999]
    assert list(logged.history(keys=["val"], x_axis="loss").columns) == ["loss", "val"]
    assert logged.history(keys=["nothing"], pandas=False) == []
    assert list(logged.history(keys=["nothing"]).columns) == ["_step", "nothing"]
    assert list(logged.scan_history(keys=["nested"])) == [{"nested": {"a": [1, "b"]}}]


def test_a_dotted_name_is_one_and_a_name_that_nobody_logged_is_told(
    logged: RunView, caplog: pytest.LogCaptureFixture
) -> None:
    assert logged.history(keys="nested.a", pandas=False) == [{"_step": 2000, "nested.a": [1, "b"]}]
    assert [list(row) for row in logged.scan_history(keys=["loss", "nested.a"])] == [["loss", "nested.a"]]
    assert caplog.messages == []
    assert logged.history(keys=["nested.b"], pandas=False) == list(logged.scan_history(keys=["nested.b"])) == []
    told = f"run '{logged.id}' logged no 'nested.b'; it logged _step, _timestamp, loss, val, nested"
    assert caplog.messages == [told, told]


def test_a_scan_gives_all_steps_of_a_range(logged: RunView) -> None:
    assert [row["_step"] for row in logged.scan_history()] == [*range(1000), 2000]
    assert [row["_step"] for row in logged.scan_history(min_step=998, max_step=2000)] == [998, 999]
    assert logged.lastHistoryStep == 2000


def test_arguments_that_make_no_sense_are_refused_at_once(logged: RunView) -> None:
    with pytest.raises(UsageError, match="0 samples"):
        logged.history(samples=0)
    with pytest.raises(ValueError, match="no list of metrics"):
        logged.history(keys={"loss": 1})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no list of metrics"):
        logged.scan_history(keys=[1])  # type: ignore[list-item]


def test_nothing_is_known_of_the_machine_and_of_a_run_without_steps(project: Path) -> None:
    with gitreg.init() as run:
        pass
    found = gitreg.Api().run(run.id)
    assert found.history(pandas=False) == []
    assert found.history().empty
    assert found.lastHistoryStep == -1
    assert found.history(stream="system", pandas=False) == []
    assert found.metadata["git"]["commit"] == found.commit


def test_a_run_that_goes_on_has_the_steps_that_are_on_disk(project: Path) -> None:
    run = gitreg.init()
    run.log({"loss": 1})
    run.summary["said"] = True
    assert [row["loss"] for row in gitreg.Api().run(run.id).scan_history()] == [1]


WITHOUT = """
import sys
sys.modules["pandas"] = None
import gitreg
found = gitreg.Api().run(sys.argv[1])
print(found.history(samples=1))
try:
    found.history(pandas=True)
except gitreg.errors.MissingExtraError as error:
    print(error.hint)
"""


def test_without_pandas_it_is_a_list_and_who_insists_is_told_what_to_install(logged: RunView) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, logged.id], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert done[0].startswith("[{'_step': 2000, ")
    assert done[1] == "pip install 'gitreg[pandas]'"
    assert issubclass(MissingExtraError, ImportError)


def test_reading_needs_no_pandas_numpy_or_pyarrow(logged: RunView) -> None:
    script = (
        "import sys, gitreg; [*gitreg.Api().run(sys.argv[1]).scan_history()];"
        "print({'pandas', 'numpy', 'pyarrow', 'dvc'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", script, logged.id], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_a_long_history_is_fetched_from_the_storage_that_its_commit_names(ada: Desk, bob: Desk, sh: Shell) -> None:
    with gitreg.init(dir=ada.path) as run:
        for step in range(40):
            run.log({"step": step, "text": "x" * 40_000})
    ada.publish()
    bob.fetch()
    # another default storage, which does not have it
    sh("sed -i 's|url = .*|url = /nowhere|' .dvc/config", bob.path)
    found = gitreg.Api(bob.path).run(run.id)
    assert [row["step"] for row in found.scan_history(keys=["step"])] == list(range(40))
    assert found.lastHistoryStep == 39
    stored = next(path for path in (bob.path / ".dvc" / "cache" / "files").rglob("*") if path.is_file())
    stored.chmod(0o644)
    stored.write_bytes(stored.read_bytes().replace(b"x", b"y", 1))
    # what is damaged is fetched again
    assert "y" not in next(iter(gitreg.Api(bob.path).run(run.id).scan_history(keys=["text"])))["text"]
