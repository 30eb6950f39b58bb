"""Recognise held-out digits with a downloaded model. It needs NumPy only: no gitreg, no scikit-learn, no pickle."""

from __future__ import annotations

import argparse
from pathlib import Path

from digits import predict, read_images

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("model", type=Path, help="folder with model.npz")
parser.add_argument("dataset", type=Path, help="folder with held_out.csv")
parser.add_argument("--show", type=int, default=4, metavar="N", help="draw the first N images (default: 4)")
options = parser.parse_args()

images, digits = read_images(options.dataset / "held_out.csv")
guesses = predict(options.model / "model.npz", images)

shown = images[: options.show].reshape(-1, 8, 8)
for row in range(8):
    print("  ".join("".join(" .:-=+*#@"[round(pixel * 8)] * 2 for pixel in image[row]) for image in shown))
print("  ".join(f"predicted {guess}".center(16) for guess in guesses[: options.show]))
print(f"{(guesses == digits).sum()} of {len(digits)} held-out digits recognised")
