"""Measure a model on the held-out rows, record it as a run that used the model, and print the accuracy."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import gitreg
from digits import predict, read_images

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("model", help="for example digits_model:v0")
name = parser.parse_args().model

with gitreg.init(project="digits", job_type="evaluate_model", config={"model": name}) as run:
    dataset = run.use_artifact("digits_dataset:latest")
    images, digits = read_images(Path(dataset.download()) / "held_out.csv")

    model = run.use_artifact(name, type="model")
    guesses = predict(Path(model.download()) / "model.npz", images)
    accuracy = float((guesses == digits).mean())
    run.log({"accuracy": accuracy})

print(f"{name}: {accuracy:.1%} of {len(digits)} held-out images recognised", file=sys.stderr)
print(accuracy)
