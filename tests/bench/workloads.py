"""What the benchmark times: the same lines under either package, `python workloads.py gitreg|wandb TASK INPUTS`.

The process ends when everything is kept: as versions in the repository, as files of the offline run.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

IMAGES = 7000
"""Rows of the table: the tutorial's 6,000 and 1,000."""

CALLS = 100_000
"""Calls of `run.log`."""


def nothing(api: Any, inputs: Path) -> None:
    """Import the package, and no more."""


def run(api: Any, inputs: Path) -> None:
    """A run with nothing in it."""
    api.init(project="bench").finish()


def file(api: Any, inputs: Path) -> None:
    """Log one file of 1 GB."""
    with api.init(project="bench") as run:
        artifact = api.Artifact("big", type="model")
        artifact.add_file(str(inputs / "big.bin"))
        run.log_artifact(artifact)


def files(api: Any, inputs: Path) -> None:
    """Log a directory of 10,000 files."""
    with api.init(project="bench") as run:
        artifact = api.Artifact("many", type="dataset")
        artifact.add_dir(str(inputs / "many"))
        run.log_artifact(artifact)


def table(api: Any, inputs: Path) -> None:
    """Log the tutorial's table, with an image of noise in each row: equal images would be kept once."""
    import numpy as np

    random = np.random.default_rng(0)
    x = random.random((IMAGES, 28, 28, 1), dtype="float32")
    y = random.integers(0, 10, IMAGES, dtype="uint8")
    with api.init(project="bench") as run:
        rows = api.Table(data=[], columns=[])
        rows.add_column("x_train", x)
        rows.add_column("y_train", y)
        # in [0, 1], the images of wandb 0.31.0 are black, hence equal
        rows.add_computed_columns(lambda _, row: {"img": api.Image((row["x_train"] * 255).astype("uint8"))})
        artifact = api.Artifact("mnist_dataset", type="dataset")
        artifact.add(rows, "train_table")
        run.log_artifact(artifact)


def steps(api: Any, inputs: Path) -> None:
    """Log 100,000 steps of five numbers."""
    with api.init(project="bench") as run:
        for step in range(CALLS):
            value = 1 / (step + 1)
            run.log({"loss": value, "accuracy": 1 - value, "val_loss": value * 2, "lr": 0.001, "epoch": step // 1000})


TASKS = {task.__name__: task for task in (nothing, run, file, files, table, steps)}


def main() -> None:
    package, task, inputs = sys.argv[1:]
    TASKS[task](import_module(package), Path(inputs))


if __name__ == "__main__":
    main()
