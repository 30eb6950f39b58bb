"""What the demo's scripts share: the images as arrays, and the model as arrays that anybody can read."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def read_images(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a CSV file of the dataset: images of shape (rows, 64) in [0, 1], and the digit that each one shows."""
    table = np.loadtxt(path, delimiter=",", skiprows=1, dtype=np.int64)
    return table[:, 1:] / 16.0, table[:, 0]


def save_model(path: Path, weights: list[np.ndarray], biases: list[np.ndarray]) -> None:
    """Write a network as an .npz file with the arrays weights_0, bias_0, weights_1, ...: no code, no pickle."""
    layers = {f"weights_{i}": w for i, w in enumerate(weights)} | {f"bias_{i}": b for i, b in enumerate(biases)}
    np.savez(path, **layers)


def predict(path: Path, images: np.ndarray) -> np.ndarray:
    """Recognise digits with a saved network; `images` has the shape (rows, 64)."""
    with np.load(path, allow_pickle=False) as layers:
        last = len(layers.files) // 2 - 1
        values = images
        for i in range(last + 1):
            values = values @ layers[f"weights_{i}"] + layers[f"bias_{i}"]
            if i < last:
                values = np.maximum(values, 0)
    return values.argmax(axis=1)
