"""What W&B does to find, use and link what was logged."""

# mypy: disable-error-code="func-returns-value"
# ruff: noqa: FBT003
# A row's steps may return nothing, and what it gives may be True.

from __future__ import annotations

import re
from pathlib import Path

from wandb_scene import NAME, Fact, raises, story

import gitreg


def _path(text: str, gives: object, says: str = "", differs: str = "") -> Fact:
    return Fact(f"{text!r} {says}".strip(), lambda s: s.api.artifact(text).name, gives, differs)


PATHS = [
    _path("mnist_dataset", "mnist_dataset:v1", "is the newest"),
    _path("mnist_dataset:latest", "mnist_dataset:v1"),
    _path("mnist_dataset:v0", "mnist_dataset:v0"),
    _path("mnist_dataset:candidate", "mnist_dataset:v1"),
    _path("model-registry-dev/mnist_dataset:v0", "mnist_dataset:v0", "has a project"),
    _path("team/model-registry-dev/mnist_dataset:v0", "mnist_dataset:v0", "has an entity"),
    _path("team/model-registry/MNIST-dev:production", "model/MNIST-dev:v0", "is the registry of old"),
    _path("wandb-registry-model/MNIST-dev:v0", "model/MNIST-dev:v0", "is the registry"),
    _path("a/b/c/d:v0", raises(ValueError), "has too many parts"),
    _path("a/b/c/d", raises(ValueError), "has too many parts"),
    _path(
        "mnist_dataset:a/b",
        raises(ValueError, words="invalid alias"),
        "has an alias with a slash",
        differs="an alias is a ref beside others; W&B takes the rest behind the first ':'",
    ),
    _path("mnist_dataset:v7", raises(gitreg.CommError, words="artifact membership 'mnist_dataset:v7' not found in")),
    _path("mnist_dataset:nope", raises(gitreg.CommError, words="artifact membership 'mnist_dataset:nope' not found")),
    _path("nope", raises(gitreg.CommError, gitreg.Error, words="artifact membership 'nope:latest' not found")),
    _path("other-project/mnist_dataset", raises(gitreg.CommError), "is labelled with another project"),
]

USE = [
    Fact("a bare name is the newest", lambda s: s.run.use_artifact("mnist_dataset").name, "mnist_dataset:v1"),
    Fact(
        "aliases choose",
        lambda s: s.run.use_artifact(artifact_or_name="mnist_dataset", aliases="candidate").name,
        "mnist_dataset:v1",
        differs="W&B ignores them silently",
    ),
    Fact(
        "aliases that are not there",
        lambda s: s.run.use_artifact("mnist_dataset", aliases="nope"),
        raises(gitreg.CommError),
        differs="W&B ignores them silently",
    ),
    Fact("another type", lambda s: s.run.use_artifact("mnist_dataset", type="model"), raises(ValueError)),
    Fact(
        "what is missing",
        lambda s: s.run.use_artifact("mnist_dataste:latest"),
        raises(gitreg.CommError, gitreg.Error, words="artifact membership 'mnist_dataste:latest' not found"),
        differs="W&B names entity and project, ours the repository, and a hint",
    ),
    Fact("use_model of no model", lambda s: s.run.use_model("mnist_dataset"), raises(AssertionError)),
    Fact(
        "use_model of one file is the file",
        lambda s: Path(s.run.use_model("mnist_model:latest")).relative_to(s.repo).as_posix(),
        "artifacts/mnist_model:v0/model.h5",
    ),
    Fact(
        "use_model of a link goes to the source's folder",
        lambda s: Path(s.run.use_model("model/MNIST-dev:production")).relative_to(s.repo).as_posix(),
        "artifacts/mnist_model:v0/model.h5",
    ),
    Fact(
        "use_model of several is the folder; a type that holds 'model' will do",
        lambda s: Path(s.run.use_model("layers")).relative_to(s.repo).as_posix(),
        "artifacts/layers:v0",
    ),
]

LINKS = [
    Fact("log_model makes a model", lambda s: s.run.log_model(s.path(), s.new).type, "model"),
    Fact(
        "'/' in the registered name",
        lambda s: s.run.link_model(s.path(), "model/MNIST"),
        raises(AssertionError),
    ),
    Fact(
        "the model's name without one",
        lambda s: bool(re.match(f"{NAME}model.h5:v0$", s.run.link_model(s.path(), s.new).source_name)),
        True,
    ),
    Fact(
        "aliases go on the link only",
        lambda s: story(
            link := s.run.link_model(s.path(), s.new, name=f"{s.new}_m", aliases=["staging"]),
            (link.aliases, s.api.artifact(f"{s.new}_m").aliases),
        ),
        (["latest", "staging"], ["latest"]),
    ),
    Fact(
        "a link has numbers of its own",
        lambda s: s.run.link_artifact(s.api.artifact("mnist_dataset:v1"), f"dataset/{s.new}").name.rpartition(":")[2],
        "v0",
    ),
    Fact("a link is a link", lambda s: s.api.artifact("model/MNIST-dev").is_link, True),
    Fact("of something", lambda s: s.api.artifact("model/MNIST-dev").source_name, "mnist_model:v0"),
    Fact("a source is none", lambda s: s.api.artifact("mnist_model").is_link, False),
    Fact("it has latest, too", lambda s: s.api.artifact("model/MNIST-dev:latest").aliases, ["latest", "production"]),
    Fact(
        "a model that is asked for by a name that nobody gave it",
        lambda s: story(s.run.link_model(s.path(), s.new), s.run.use_model(f"{s.new}:latest")),
        raises(gitreg.CommError, words=r"artifact membership 'row_\d+:latest' not found"),
    ),
]

API = [
    Fact("artifact_exists", lambda s: s.api.artifact_exists("mnist_model:v0"), True),
    Fact("artifact_exists of what is not there", lambda s: s.api.artifact_exists("mnist_model:v9"), False),
    Fact("artifact of another type", lambda s: s.api.artifact("mnist_model", type="dataset"), raises(ValueError)),
    Fact(
        "artifacts, the newest first",
        lambda s: [artifact.name for artifact in s.api.artifacts("dataset", "mnist_dataset")],
        ["mnist_dataset:v1", "mnist_dataset:v0"],
    ),
    Fact(
        "artifact_collections of a type",
        lambda s: "mnist_dataset" in [c.name for c in s.api.artifact_collections("model-registry-dev", "dataset")],
        True,
    ),
    Fact(
        "runs by what they logged",
        lambda s: story(
            s.run.config.update({"row": s.new}),
            s.run.log({"loss": 0.5}),
            s.finished(),
            [
                run.id == s.run.id
                for run in s.api.runs("e/model-registry-dev", {"config.row": s.new, "summary_metrics.loss": {"$lt": 1}})
            ],
        ),
        [True],
    ),
    Fact("registries hold what was linked", lambda s: "model" in [r.name for r in s.api.registries()], True),
    Fact("artifact_collection", lambda s: s.api.artifact_collection("model", "mnist_model").name, "mnist_model"),
    Fact("a run that is not there", lambda s: s.api.run("team/project/nope1234"), raises(gitreg.CommError)),
    Fact("a run by its path", lambda s: s.api.run(f"team/any/{s.finished().id}").id == s.run.id, True),
]
