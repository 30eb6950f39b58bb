"""Train a small neural network on digits_dataset:latest and log it as the artifact digits_model."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.neural_network import MLPClassifier

import gitreg
from digits import read_images, save_model

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--hidden-units", type=int, default=64)
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--learning-rate", type=float, default=0.005)
parser.add_argument("--seed", type=int, default=0)

with gitreg.init(project="digits", job_type="train_model", config=parser.parse_args()) as run:
    dataset = run.use_artifact("digits_dataset:latest")
    images, digits = read_images(Path(dataset.download()) / "train.csv")

    network = MLPClassifier(
        hidden_layer_sizes=(run.config["hidden_units"],),
        learning_rate_init=run.config["learning_rate"],
        random_state=run.config["seed"],
    )
    accuracy = 0.0
    for epoch in range(run.config["epochs"]):
        network.partial_fit(images, digits, classes=np.arange(10))
        accuracy = float(network.score(images, digits))
        run.log({"epoch": epoch, "loss": float(network.loss_), "train_accuracy": accuracy})

    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.npz"
        save_model(path, network.coefs_, network.intercepts_)
        model = gitreg.Artifact("digits_model", type="model", metadata={"train_accuracy": accuracy})
        model.add_file(path)
        run.log_artifact(model)

print(f"trained {run.config['epochs']} epochs: accuracy {accuracy:.1%} on the rows it was trained on")
