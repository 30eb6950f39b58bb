"""Log the handwritten digits that scikit-learn ships (1,797 images of 8 x 8 pixels) as the artifact digits_dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import gitreg

CONFIG = {"held_out": 360, "seed": 0}

with gitreg.init(project="digits", job_type="build_dataset", config=CONFIG) as run:
    digits = load_digits()
    table = np.column_stack([digits.target, digits.data]).astype(np.int64)
    order = np.random.default_rng(run.config["seed"]).permutation(len(table))
    parts = {
        "train.csv": table[order[: -run.config["held_out"]]],
        "held_out.csv": table[order[-run.config["held_out"] :]],
    }

    folder = Path("data")
    folder.mkdir(exist_ok=True)
    header = ",".join(["digit", *(f"pixel_{row}_{column}" for row in range(8) for column in range(8))])
    for name, rows in parts.items():
        np.savetxt(folder / name, rows, fmt="%d", delimiter=",", header=header, comments="")

    dataset = gitreg.Artifact(
        "digits_dataset",
        type="dataset",
        description="Handwritten digits, 8 x 8 pixels of 0 to 16, a row each: the digit, then the pixels.",
        metadata={"images": len(table), "source": "sklearn.datasets.load_digits"},
    )
    dataset.add_dir(folder)
    run.log_artifact(dataset)
    run.log({name.removesuffix(".csv") + "_rows": len(rows) for name, rows in parts.items()})

print(f"logged {len(table)} images")
