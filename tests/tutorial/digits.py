"""MNIST without a download: `load_data` gives the digits that scikit-learn brings, as images of 28 x 28.

Run as a program, it runs the script that it is given, in which every warning is an error but those of the frameworks.
"""

from __future__ import annotations

import itertools
import runpy
import sys
import warnings
from typing import Any

import numpy as np
from sklearn.datasets import load_digits

# What Keras itself does wrong, and where. Nothing else may be warned of.
KERAS_SAYS = [
    ("__array__ implementation doesn't accept a copy keyword", DeprecationWarning),  # its variables, when it saves them
]

Array = Any
"""Of numpy, whose types are not looked at here."""
Part = tuple[Array, Array]

_TRAIN, _EVAL = 6000, 1000


def load_data() -> tuple[Part, Part]:
    """Images (uint8, 0 to 255) and labels, to train and to evaluate with; the same ones each time, no two alike.

    The 1,797 digits were written by 43 people and measured in 8 x 8. Each is scaled by three and laid on 28 x 28 in as
    many places as are needed for 6,000 and 1,000 images; the last 300 digits are for evaluation alone.
    """
    digits = load_digits()
    large = np.kron(digits.images, np.ones((3, 3)))
    images = np.rint(large * (255 / 16)).astype("uint8")
    return _part(images[:-300], digits.target[:-300], _TRAIN), _part(images[-300:], digits.target[-300:], _EVAL)


def _part(images: Array, labels: Array, count: int) -> Part:
    found: Array = np.zeros((count, 28, 28), dtype="uint8")
    places = itertools.cycle([(2, 2), (1, 2), (3, 2), (2, 1), (2, 3)])
    at: Array = np.arange(count) % len(images)
    for start in range(0, count, len(images)):
        top, left = next(places)
        part = images[at[start : start + len(images)]]
        found[start : start + len(images), top : top + 24, left : left + 24] = part
    return found, labels[at].astype("uint8")


if __name__ == "__main__":
    warnings.simplefilter("error")
    for message, category in KERAS_SAYS:
        warnings.filterwarnings("ignore", message, category)
    from tensorflow import keras

    keras.datasets.mnist.load_data = load_data
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")
