"""The repository that the rows of what W&B does are tried in, and what a row is."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import gitreg
from conftest import DVC_GITIGNORE, run_shell

NAME = "run-[a-z0-9]{8}-"  # how the name begins that a file's artifact gets when nobody gives it one


class Scene:
    """The repository of all rows, and what one row needs of its own.

    It has `mnist_dataset` in two versions, the second with the alias `candidate`; the model `mnist_model:v0` of one
    file, linked as `model/MNIST-dev:v0` with the alias `production`; and `layers:v0`, a model of two files.
    """

    numbers = itertools.count()

    def __init__(self, repo: Path) -> None:
        self.repo = repo
        self.folder = repo / ".git" / "scene" / str(next(self.numbers))
        self.folder.mkdir(parents=True)

    @cached_property
    def run(self) -> gitreg.Run:
        return gitreg.init(project="model-registry-dev", config={"lr": 0.1})

    @property
    def api(self) -> gitreg.Api:
        return gitreg.Api()

    @cached_property
    def new(self) -> str:
        """A name that no other row has."""
        return f"row_{next(self.numbers)}"

    def path(self, name: str = "model.h5", text: str = "weights") -> Path:
        file = self.folder / name
        if not file.exists() or file.read_text() != text:
            file.write_text(text)
        return file

    def draft(self, *names: str, type: str = "dataset", text: str = "hello") -> gitreg.Artifact:
        artifact = gitreg.Artifact(self.new, type)
        for name in names:
            artifact.add_file(self.path(text=text), name)
        return artifact

    def logged(self, *names: str, text: str = "hello", **options: Any) -> gitreg.Artifact:
        return self.run.log_artifact(self.draft(*names, text=text), **options)

    def finished(self) -> gitreg.Run:
        self.run.finish()
        return self.run

    def logs(self, *calls: dict[str, Any]) -> dict[str, Any]:
        """The summary after these calls of `log`."""
        for call in calls:
            self.run.log(**call)
        return {key: value for key, value in dict(self.run.summary).items() if not key.startswith("_")}


@dataclass(frozen=True, slots=True)
class Raises:
    """W&B's classes, all of which the error must be, and a pattern that it must read like."""

    kinds: tuple[type[BaseException], ...]
    words: str | None = None


def raises(*kinds: type[BaseException], words: str | None = None) -> Raises:
    return Raises(kinds, words)


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of what W&B does.

    Attributes:
        differs: why ours does something else here; '' where it does the same.
    """

    says: str
    does: Callable[[Scene], object]
    gives: object
    differs: str = ""


def story(*steps: object) -> object:
    """The last of several things done one after the other."""
    return steps[-1]


def make(repo: Path) -> None:
    """Fill a new folder with the repository that `Scene` describes."""
    (repo / ".dvc").mkdir(parents=True)
    (repo / ".dvc" / ".gitignore").write_text(DVC_GITIGNORE)
    (repo / ".dvc" / "config").write_text("")
    (repo / ".gitignore").write_text("artifacts/\n")
    run_shell("git init --quiet && git add . && git commit --quiet -m 'start the project'", repo)
    scene = Scene(repo)
    with gitreg.init(dir=repo, project="model-registry-dev", job_type="build_dataset") as run:
        for text, aliases in (("1,2\n", None), ("1,2,3\n", ["candidate"])):
            run.log_artifact(scene.path("digits.csv", text), name="mnist_dataset", type="dataset", aliases=aliases)
    with gitreg.init(dir=repo, project="model-registry-dev", job_type="train_model") as run:
        run.use_artifact("mnist_dataset:v0")
        run.link_model(scene.path(), "MNIST-dev", name="mnist_model", aliases=["production"])
        layers = gitreg.Artifact("layers", "keras-Model")
        for name in ("a.npy", "b.npy"):
            layers.add_file(scene.path(name), name)
        run.log_artifact(layers)
