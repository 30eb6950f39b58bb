"""Measure tables: what making, logging and reading them costs, beside one PNG file an image and a .npy file a column.

In a repository of its own. The clocks run around the calls; files and bytes are those of the artifact.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image

import gitreg

PARTS = {"train": 6000, "eval": 1000}
STEPS = ("make", "log", "read y", "read x", "read images")


def digits(count: int) -> Any:
    """Pictures as of digits: a few strokes on black, floats in [0, 1] that are multiples of 1/255."""
    random = np.random.default_rng(count)
    found: Any = np.zeros((count, 28, 28, 1), np.float32)
    for picture in found:
        row, column = random.integers(5, 20, 2)
        picture[row : row + 3, 5:23] = random.integers(120, 256, (3, 18, 1)) / np.float32(255)
        picture[5:23, column : column + 3] = random.integers(120, 256, (18, 3, 1)) / np.float32(255)
    return found


def noise(count: int) -> Any:
    """Pictures of which no two are alike: floats in [0, 1]."""
    return np.random.default_rng(count).random((count, 28, 28, 1), np.float32)


def as_tables(x: Any, y: Any, part: str, artifact: gitreg.Artifact, _: Path) -> None:
    """The lines of the tutorial."""
    table = gitreg.Table(data=[], columns=[])
    table.add_column("x", x)
    table.add_column("y", y)
    table.add_computed_columns(lambda _, row: {"img": gitreg.Image(row["x"])})
    artifact.add(table, part)


def as_files(x: Any, y: Any, part: str, artifact: gitreg.Artifact, place: Path) -> None:
    """What somebody does without tables."""
    folder = place / part
    folder.mkdir(parents=True)
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y)
    for number, picture in enumerate(x):
        PIL.Image.fromarray(np.rint(picture[:, :, 0] * 255).astype(np.uint8)).save(folder / f"{number}.png")
    artifact.add_dir(folder, part)


def read_tables(artifact: gitreg.Artifact, part: str, column: str, _: Path) -> None:
    convert = None if column == "img" else "numpy"
    artifact.get(part).get_column(column, convert_to=convert)


def read_files(artifact: gitreg.Artifact, part: str, column: str, place: Path) -> None:
    if column == "img":
        artifact.download(str(place), path_prefix=f"{part}/")
        [path.read_bytes() for path in (place / part).glob("*.png")]
    else:
        np.load(Path(artifact.get_entry(f"{part}/{column}.npy").download(str(place))))


WAYS: dict[str, tuple[Callable[..., None], Callable[..., None]]] = {
    "tables": (as_tables, read_tables),
    "files": (as_files, read_files),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each is done")
    options = parser.parse_args()
    sys.stdout.write(f"medians of {options.rounds} rounds, {sum(PARTS.values())} images in two tables; seconds\n")
    sys.stdout.write(
        f"| pictures | kept as | {' | '.join(STEPS)} | files | MB |\n|---|---|{'--:|' * (len(STEPS) + 2)}\n"
    )
    for pictures in (digits, noise):
        for way in WAYS:
            rounds = [measure(pictures, way) for _ in range(options.rounds)]
            times = (statistics.median(found[0][step] for found in rounds) for step in STEPS)
            cells = [*(f"{seconds:.2f}" for seconds in times), str(rounds[0][1]), f"{rounds[0][2] / 1e6:.1f}"]
            sys.stdout.write(f"| {pictures.__name__} | {way} | {' | '.join(cells)} |\n")


def measure(pictures: Callable[[int], Any], way: str) -> tuple[dict[str, float], int, int]:
    """Seconds of each step, and the files and bytes of the artifact."""
    make, read = WAYS[way]
    data: dict[str, tuple[Any, Any]] = {
        part: (pictures(count), np.arange(count).astype(np.uint8)) for part, count in PARTS.items()
    }
    times = dict.fromkeys(STEPS, 0.0)
    with tempfile.TemporaryDirectory(prefix="gitreg-bench-") as folder:
        place = Path(folder)
        repository(place / "work")
        os.chdir(place / "work")
        start = time.perf_counter()
        artifact = gitreg.Artifact("digits", "dataset")
        for part, (x, y) in data.items():
            make(x, y, part, artifact, place / "made")
        times["make"] = time.perf_counter() - start
        with gitreg.init(project="bench") as run:
            start = time.perf_counter()
            run.log_artifact(artifact)
            times["log"] = time.perf_counter() - start
        for step, column in (("read y", "y"), ("read x", "x"), ("read images", "img")):
            start = time.perf_counter()
            for part in PARTS:
                read(gitreg.Api().artifact("digits"), part, column, place / "read")
            times[step] = time.perf_counter() - start
        os.chdir("/")
        return times, artifact.file_count, artifact.size


def repository(work: Path) -> None:
    """A repository with one commit, and nothing of the user's configuration."""
    os.environ.update({"HOME": str(work.parent), "GIT_CONFIG_NOSYSTEM": "1", "GITREG_SILENT": "true"})
    (work / ".dvc").mkdir(parents=True)
    (work / ".dvc" / "config").touch()
    script = "git init -q && git config user.name B && git config user.email b@b && git add . && git commit -qm start"
    subprocess.run(["sh", "-ec", script], cwd=work, check=True)


if __name__ == "__main__":
    main()
