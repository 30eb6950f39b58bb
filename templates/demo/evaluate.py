"""Measure models on the held-out rows and print the reference of the best one, the first of equals."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import gitreg
from digits import predict, read_images

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("models", nargs="+", metavar="MODEL", help="for example digits_model:v0")
models = parser.parse_args().models

with gitreg.init(project="digits", job_type="evaluate_model", config={"models": models}) as run:
    dataset = run.use_artifact("digits_dataset:latest")
    images, digits = read_images(Path(dataset.download()) / "held_out.csv")

    accuracy = {}
    for name in models:
        model = run.use_artifact(name, type="model")
        guesses = predict(Path(model.download()) / "model.npz", images)
        accuracy[name] = float((guesses == digits).mean())
        print(f"{name}: accuracy {accuracy[name]:.1%} on {len(digits)} held-out images", file=sys.stderr)

    best = max(models, key=lambda name: accuracy[name])
    run.log({"accuracy": accuracy})
    run.summary["best"] = best
    run.summary["best_accuracy"] = accuracy[best]

print(best)
