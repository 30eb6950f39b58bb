"""What W&B's SDK does, a row a fact, and ours with the same words.

Read off and run against wandb 0.31.0, without a server. Where ours differs on purpose the row says why. What takes a
story rather than a row is tested elsewhere: see `ELSEWHERE`.
"""

# mypy: disable-error-code="func-returns-value"
# ruff: noqa: ARG005, FBT003
# A row's steps may return nothing, a row may need no scene, and what it gives may be True.

from __future__ import annotations

import argparse
import inspect
import itertools
import math
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import PIL.Image
import pytest

import gitreg
from conftest import DVC_GITIGNORE, run_shell
from gitreg import errors
from gitreg.sdk import session

pytestmark = pytest.mark.xdist_group("wandb-semantics")  # one worker makes the repository, once

ROOT = Path(__file__).resolve().parent.parent.parent
NAME = "run-[a-z0-9]{8}-"


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


def _story(*steps: object) -> object:
    """The last of several things done one after the other."""
    return steps[-1]


@pytest.fixture(scope="session")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("semantics") / "repo"


@pytest.fixture
def scene(_made: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    if not _made.exists():
        _make(_made)
    monkeypatch.chdir(_made)
    shutil.rmtree(_made / "artifacts", ignore_errors=True)
    found = Scene(_made)
    yield found
    for run in list(session._session.open):
        run.finish(exit_code=1)


def _make(repo: Path) -> None:
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


DIGESTS = [
    Fact("one file 'hello'", lambda s: s.draft("file1.txt").digest, "a00c2239f036fb656c1dcbf9a32d89b4"),
    Fact("its name counts", lambda s: s.draft("great-file.txt").digest, "585b9ada17797e37c9cbab391e69b8c5"),
    Fact("and its folder", lambda s: s.draft("subdir/file1.txt").digest, "a757208d042e8627b2970d72a71bed5b"),
    Fact("no file", lambda s: s.draft().digest, "64e7c61456b10382e2f3b571ac24b659"),
    Fact("lines are sorted", lambda s: s.draft("b", "a").digest == s.draft("a", "b").digest, True),
    Fact("a file's is base64(md5)", lambda s: s.logged("a").get_entry("a").digest, "XUFAKrxLKna5cZ2REBfFkg=="),
    Fact("a logged one's is the draft's", lambda s: s.logged("file1.txt").digest, "a00c2239f036fb656c1dcbf9a32d89b4"),
    Fact(
        "the same content makes no new version",
        lambda s: (s.logged("a").version, s.logged("a").version, s.logged("a", text="b").version),
        ("v0", "v0", "v1"),
    ),
]

_BAD_NAME = raises(ValueError, words="invalid collection name")


def _name(name: str, gives: object = None, differs: str = "") -> Fact:
    expected = name if gives is None else gives
    return Fact(f"the name {name[:20]!r}", lambda s: gitreg.Artifact(name, "dataset").name, expected, differs)


NAMES = [
    *map(_name, ("a", "mnist_dataset", "run-1-model.h5", "A.b-C_9", "a" * 128)),
    *(_name(name, _BAD_NAME) for name in ("", "a b", "a/b", "a:v0", "a@b", "ü", "a#", "a%20b", "a" * 129)),
    _name("..", _BAD_NAME, "a name is part of a ref and of a path; W&B lets it through"),
    _name("a..b", _BAD_NAME, "no ref may hold it"),
    _name("a\n", _BAD_NAME, "W&B lets a trailing newline through"),
    _name("-a", _BAD_NAME, "a command would read it as an option"),
    *(_name(name, _BAD_NAME, "git has a meaning for it") for name in ("HEAD", "a.lock", "a.", "0" * 40)),
]


def _init(run_id: str, scene: Scene) -> gitreg.Run:
    return gitreg.init(id=run_id)


IDS = [
    *(
        Fact(f"the id {text!r}", partial(_init, text), raises(gitreg.UsageError, words="run id"))
        for text in ("a:b", "a;b", "a,b", "a#b", "a?b", "a/b", "a'b")
    ),
    Fact("any other id is taken", lambda s: gitreg.init(id=f"{s.new}-x.y").id.endswith("-x.y"), True),
    Fact("without one it is eight letters and digits", lambda s: bool(re.fullmatch("[a-z0-9]{8}", s.run.id)), True),
]


def _type(type: str, gives: object = None) -> Fact:
    return Fact(f"the type {type[:20]!r}", lambda s: gitreg.Artifact("a", type).type, gives or type)


TYPES = [
    *map(_type, ("dataset", "model", "my type", "jobs", "Wandb-x")),
    *(_type(text, raises(ValueError, words="reserved")) for text in ("job", "wandb-history", "wandb-")),
]


def _metadata(says: str, values: object, gives: object) -> Fact:
    def make(scene: Scene) -> object:
        return gitreg.Artifact("a", "b", metadata=values).metadata  # type: ignore[arg-type]  # what is refused

    return Fact(says, make, gives)


METADATA = [
    _metadata("none is an empty dict", None, {}),
    _metadata("100 keys", {str(n): n for n in range(100)}, {str(n): n for n in range(100)}),
    _metadata("101 keys", {str(n): n for n in range(101)}, raises(ValueError, words="at most 100")),
    _metadata("deeper keys are not counted", {"a": dict.fromkeys("abc" * 50)}, {"a": dict.fromkeys("abc")}),
    _metadata("NaN becomes None", {"a": math.nan, "b": [math.nan]}, {"a": None, "b": [None]}),
    _metadata("infinity is refused", {"a": math.inf}, raises(ValueError, words="infinite")),
    _metadata("and below", {"a": {"b": [-math.inf]}}, raises(ValueError, words="infinite")),
    _metadata("what is no mapping is refused", [1], raises(TypeError, words="mapping")),
]


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

_FINISHED = raises(gitreg.UsageError, words="is finished")

LOG = [
    Fact(
        "what is no mapping",
        lambda s: s.run.log([("a", 1)]),  # type: ignore[arg-type]  # what is refused
        raises(TypeError, words="mapping"),
    ),
    Fact(
        "a key that is no string",
        lambda s: s.run.log({1: 2}),  # type: ignore[dict-item]  # what is refused
        raises(TypeError, words="strings"),
    ),
    Fact("numpy's scalars are Python's", lambda s: type(s.logs({"data": {"a": np.float32(0.5)}})["a"]), float),
    Fact(
        "a table is an artifact of the run",
        lambda s: _story(s.run.log({"t": _table([1, "x"])}), s.api.artifact(f"run-{s.run.id}-t").get("t").data),
        [[1, "x"]],
    ),
    Fact("a tuple is a list", lambda s: s.logs({"data": {"loss": (0.5, 0.9)}}), {"loss": [0.5, 0.9]}),
    Fact(
        "the last value of each key",
        lambda s: s.logs({"data": {"a": 1, "b": 1}}, {"data": {"a": 2}}),
        {"a": 2, "b": 1},
    ),
    Fact(
        "a lower step is dropped",
        lambda s: s.logs({"data": {"a": 1}, "step": 5}, {"data": {"a": 2}, "step": 3}),
        {"a": 1},
    ),
    Fact("each call is a step", lambda s: _story(s.logs({"data": {"a": 1}}, {"data": {"a": 2}}), s.run.step), 2),
    Fact(
        "commit=False leaves the step open",
        lambda s: _story(s.logs({"data": {"a": 1}, "commit": False}, {"data": {"b": 1}}), s.run.step),
        1,
    ),
    Fact("a given step stays open", lambda s: _story(s.logs({"data": {"a": 1}, "step": 5}), s.run.step), 5),
    Fact("after finish", lambda s: s.finished().log({"a": 1}), _FINISHED),
]


def _configured(scene: Scene, text: str) -> dict[str, Any]:
    return dict(gitreg.init(config=str(scene.path("config.yaml", text))).config)


CONFIG = [
    Fact("by key", lambda s: s.run.config["lr"], 0.1),
    Fact("by attribute", lambda s: s.run.config.lr, 0.1),
    Fact("a missing key", lambda s: s.run.config["nope"], raises(KeyError)),
    Fact("a missing attribute", lambda s: s.run.config.nope, raises(AttributeError)),
    Fact("get has a default", lambda s: s.run.config.get("nope", 5), 5),
    Fact(
        "a value does not change",
        lambda s: s.run.config.update({"lr": 0.2}),
        raises(gitreg.ConfigError, gitreg.Error, words="'lr' is 0.1 and would become 0.2"),
    ),
    Fact("the same value may be set", lambda s: _story(s.run.config.update({"lr": 0.1}), s.run.config["lr"]), 0.1),
    Fact(
        "with allow_val_change it does",
        lambda s: _story(s.run.config.update({"lr": 0.2}, allow_val_change=True), s.run.config["lr"]),
        0.2,
    ),
    Fact(
        "of init it is said once",
        lambda s: _story(
            run := gitreg.init(config={"a": 1}, allow_val_change=True),
            run.config.update({"a": 2}),
            run.config.a,
        ),
        2,
        differs="as W&B's documentation has it; wandb 0.31.0 raises ConfigError",
    ),
    Fact("from a Namespace", lambda s: gitreg.init(config=argparse.Namespace(a=1)).config.as_dict(), {"a": 1}),
    Fact("from a file", lambda s: _configured(s, "a: {value: 1, desc: words}\n"), {"a": 1}),
    Fact("from a plainer one", lambda s: _configured(s, "a: 1\n"), {"a": 1}, differs="W&B wants 'value'"),
    Fact("can be read after finish", lambda s: s.finished().config["lr"], 0.1),
    Fact("and not be changed", lambda s: s.finished().config.update({"b": 1}), _FINISHED),
]


def _recorded(mode: str, scene: Scene) -> bool:
    gitreg.init(mode=mode, id=scene.new).finish()
    return gitreg.Api().run(scene.new).state == "finished"


def _disabled(scene: Scene) -> str:
    with gitreg.init(mode="disabled") as run:
        run.log({"a": 1})
        run.log_artifact(scene.draft("a"))
    return scene.new


RUNS = [
    Fact("a second init returns the first", lambda s: gitreg.init(project="other") is s.run, True),
    Fact("finish may be called twice", lambda s: _story(s.finished().finish(), s.run.status().state), "finished"),
    Fact("with an exit code it failed", lambda s: _story(s.run.finish(1), s.run.status().state), "failed"),
    Fact("its id can be read after finish", lambda s: s.finished().id == s.run.id, True),
    Fact("its summary, too", lambda s: _story(s.logs({"data": {"a": 1}}), s.finished().summary["a"]), 1),
    Fact("mode disabled writes nothing", lambda s: s.api.artifact_exists(_disabled(s)), False),
    *(Fact(f"mode {mode} is a run", partial(_recorded, mode), True) for mode in ("online", "offline", "shared")),
    Fact(
        "an unknown mode", lambda s: gitreg.init(mode="on"), raises(gitreg.Error), differs="W&B's error is pydantic's"
    ),
    Fact("resume goes on with it", lambda s: gitreg.init(id=s.finished().id, resume="must").config["lr"], 0.1),
    Fact("resume of none", lambda s: gitreg.init(id=s.new, resume="must"), raises(gitreg.UsageError)),
    Fact("resume that may start", lambda s: gitreg.init(id=s.new, resume="allow").id == s.new, True),
    Fact("resume that must not", lambda s: gitreg.init(id=s.finished().id, resume="never"), raises(gitreg.UsageError)),
    Fact("its tags are a tuple", lambda s: gitreg.init(tags=["a", "b"]).tags, ("a", "b")),
    Fact("its path", lambda s: gitreg.init(entity="e", project="p", id=s.new).path == f"e/p/{s.new}", True),
    Fact("log_artifact after finish", lambda s: s.finished().log_artifact(s.draft("a")), _FINISHED),
    Fact("use_artifact after finish", lambda s: s.finished().use_artifact("mnist_dataset"), _FINISHED),
    Fact("link_model after finish", lambda s: s.finished().link_model(s.path(), "M"), _FINISHED),
    Fact(
        "entity and project are labels of one repository",
        lambda s: gitreg.init(entity="somebody", project="other").use_artifact("mnist_dataset:v0").name,
        "mnist_dataset:v0",
    ),
]


def _module(verb: str, call: Callable[[], object]) -> Fact:
    words = re.escape(f"You must call gitreg.init() before gitreg.{verb}")
    return Fact(f"{verb} without a run", lambda s: call(), raises(gitreg.Error, words=words))


MODULE = [
    _module("log()", lambda: gitreg.log({"a": 1})),
    _module("log_artifact()", lambda: gitreg.log_artifact("x")),
    _module("use_artifact()", lambda: gitreg.use_artifact("x")),
    _module("log_model()", lambda: gitreg.log_model("x")),
    _module("use_model()", lambda: gitreg.use_model("x")),
    _module("link_model()", lambda: gitreg.link_model("x", "y")),
    _module("config", lambda: gitreg.config["a"]),
    _module("summary", lambda: gitreg.summary["a"]),
    Fact("run without a run", lambda s: gitreg.run, None),
    Fact("run is the active run", lambda s: s.run is gitreg.run, True),
    Fact("log acts on it", lambda s: _story(s.run, gitreg.log({"a": 1}), s.run.summary["a"]), 1),
    Fact("config is its config", lambda s: _story(s.run, gitreg.config["lr"]), 0.1),
    Fact("finish without a run", lambda s: gitreg.finish(), None),
]

_NOT_LOGGED = raises(gitreg.ArtifactNotLoggedError, AttributeError)
_FINAL = raises(gitreg.ArtifactFinalizedError, AttributeError)


def _read(name: str, scene: Scene) -> object:
    found = getattr(scene.draft("a"), name)
    return found() if callable(found) else found


ARTIFACTS = [
    *(
        Fact(f"{name} of a draft", partial(_read, name), _NOT_LOGGED)
        for name in "version aliases qualified_name collection created_at tags ttl history_step entity url".split()
    ),
    *(
        Fact(f"{name}() of a draft", partial(_read, name), _NOT_LOGGED)
        for name in "download wait logged_by used_by file verify".split()
    ),
    Fact("is_link of a draft", lambda s: s.draft("a").is_link, False),
    Fact("source_name of a draft", lambda s: s.draft("a").source_name == s.new, True),
    Fact(
        "a draft knows its files",
        lambda s: [file.path for file in s.draft("a").files()],
        ["a"],
        differs="W&B knows them once it is logged",
    ),
    Fact("the state of a draft", lambda s: s.draft("a").state, "PENDING"),
    Fact("the state of a logged one", lambda s: s.logged("a").state, "COMMITTED"),
    Fact("a draft's name has no version", lambda s: s.draft().name == s.new, True),
    Fact("a logged one's has", lambda s: s.logged("a").name == f"{s.new}:v0", True),
    Fact("size", lambda s: s.draft("a", "b").size, 10),
    Fact("file_count", lambda s: s.logged("a", "b").file_count, 2),
    Fact("add_file when logged", lambda s: s.logged("a").add_file(s.path()), _FINAL),
    Fact("add_dir when logged", lambda s: s.logged("a").add_dir(s.folder), _FINAL),
    Fact("new_file when logged", lambda s: s.logged("a").new_file("b").__enter__(), _FINAL),
    Fact("remove when logged", lambda s: s.logged("a").remove("a"), _FINAL),
    Fact("an absolute name", lambda s: s.draft("/etc/passwd"), raises(ValueError)),
    Fact("a name with '..'", lambda s: s.draft("../a"), raises(ValueError)),
    Fact("no such file", lambda s: s.draft().add_file("nope"), raises(ValueError)),
    Fact("no such folder", lambda s: s.draft().add_dir("nope"), raises(ValueError)),
    Fact("the same path with the same content", lambda s: s.draft("a", "a").size, 5),
    Fact(
        "the same path with other content",
        lambda s: s.draft("a").add_file(s.path("other", "other"), "a"),
        raises(ValueError, words="already"),
    ),
    Fact(
        "overwrite allows it",
        lambda s: _story(
            draft := s.draft("a"),
            draft.add_file(s.path("other", "other!"), "a", overwrite=True),
            draft.size,
        ),
        6,
    ),
    Fact(
        "new_file of a taken name",
        lambda s: s.draft("a").new_file("a").__enter__(),
        raises(ValueError, words="already"),
        differs="W&B looks only at what new_file itself has written",
    ),
    Fact("get_entry of what is not in it", lambda s: s.logged("a").get_entry("b"), raises(KeyError)),
    Fact("file of several", lambda s: s.logged("a", "b").file(), raises(ValueError)),
    Fact("download writes to ./artifacts", lambda s: Path(s.logged("a").download()).name == f"{s.new}:v0", True),
    Fact("wait returns it", lambda s: (artifact := s.logged("a")).wait() is artifact, True),
    Fact("latest goes without saying", lambda s: s.logged("a").aliases, ["latest"]),
    Fact("aliases are given by name", lambda s: s.logged("a", aliases=["best", "latest"]).aliases, ["latest", "best"]),
    Fact(
        "aliases are a list that save writes",
        lambda s: _story(
            artifact := s.logged("a"),
            artifact.aliases.append("best"),
            artifact.save(),
            s.api.artifact(f"{s.new}:best").name == artifact.name,
        ),
        True,
    ),
    Fact(
        "save logs to the active run",
        lambda s: _story(s.run, draft := s.draft("a"), draft.save(), s.api.artifact(s.new).commit == draft.commit),
        True,
    ),
    Fact(
        "or opens one of job_type auto",
        lambda s: _story(
            draft := s.draft("a"),
            draft.save(),
            run.job_type if (run := draft.logged_by()) else None,
        ),
        "auto",
    ),
    Fact(
        "a name under another type names both",
        lambda s: s.run.log_artifact(s.path(), name="mnist_dataset", type="model"),
        raises(ValueError, words="'dataset'.*'model'|'model'.*'dataset'"),
    ),
    Fact("a path's name", lambda s: bool(re.match(f"{NAME}model.h5:v0$", s.run.log_artifact(s.path()).name)), True),
    Fact("a path's type", lambda s: s.run.log_artifact(s.path()).type, "unspecified"),
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
        lambda s: _story(
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
        lambda s: _story(s.run.link_model(s.path(), s.new), s.run.use_model(f"{s.new}:latest")),
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
        lambda s: _story(
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


def _table(*rows: list[Any], columns: list[str] | None = None) -> gitreg.Table:
    return gitreg.Table(columns=["a", "b"] if columns is None else columns, data=list(rows))  # type: ignore[arg-type]


def _arrays() -> gitreg.Table:
    table = gitreg.Table(columns=[], data=[])
    table.add_column("image", np.arange(8, dtype="uint8").reshape(2, 2, 2))
    table.add_column("label", np.array([1, 0], dtype="int16"))
    return table


def _computed() -> gitreg.Table:
    table = _table([1, 2], [3, 4])
    table.add_computed_columns(lambda ndx, row: {"c": ndx * 10 + row["b"]})
    return table


def _kept(scene: Scene, item: Any, name: str = "x") -> Any:
    """What an artifact gives back of what was added to it and logged."""
    artifact = scene.draft()
    artifact.add(item, name)
    scene.run.log_artifact(artifact)
    return scene.api.artifact(scene.new).get(name)


def _digest(table: gitreg.Table) -> str:
    artifact = gitreg.Artifact("a", "b")
    artifact.add(table, "t")
    return artifact.digest


def _column(table: gitreg.Table, name: str) -> tuple[object, ...]:
    found = table.get_column(name, convert_to="numpy")
    return found.dtype.name, found.shape, found.ravel()[-1]


def _pixels(image: gitreg.Image) -> list[Any]:
    found: list[Any] = np.asarray(image.image).tolist()
    return found


DTYPES = "W&B reloads uint8 as int64 and float32 as float64"

TABLES = [
    Fact("has W&B's columns by default", lambda s: gitreg.Table().columns, ["Input", "Output", "Expected"]),
    Fact("rows are what was given", lambda s: _table([1, "x"], [2, "y"]).data, [[1, "x"], [2, "y"]]),
    Fact("add_data adds a row", lambda s: _story(t := _table(), t.add_data(1, "x"), t.data), [[1, "x"]]),
    Fact("add_data of too few", lambda s: _table().add_data(1), raises(ValueError)),
    Fact("a column that is not there", lambda s: _table([1, 2]).get_column("c"), raises(AssertionError)),
    Fact("get_column is a list", lambda s: _table([1, 2], [3, 4]).get_column("b"), [2, 4]),
    Fact("iterrows numbers the rows", lambda s: list(_table([1, 2], [3, 4]).iterrows()), [(0, [1, 2]), (1, [3, 4])]),
    Fact("get_index", lambda s: [int(index) for index in _table([1, 2], [3, 4]).get_index()], [0, 1]),
    Fact("add_computed_columns gets number and row", lambda s: _computed().get_column("c"), [2, 14]),
    Fact("an array of any rank is a column of row arrays", lambda s: _arrays().data[1][0].tolist(), [[4, 5], [6, 7]]),
    Fact("from a data frame", lambda s: gitreg.Table(dataframe=pd.DataFrame({"x": [1, 2]})).data, [[1], [2]]),
    Fact("get_dataframe", lambda s: _table([1, 2]).get_dataframe().to_dict("list"), {"a": [1], "b": [2]}),
    Fact("comes back as it was", lambda s: _kept(s, _table([1, "x"], [None, "y"])).data, [[1, "x"], [None, "y"]]),
    Fact("keeps uint8", lambda s: _column(_kept(s, _arrays()), "image"), ("uint8", (2, 2, 2), 7), differs=DTYPES),
    Fact("keeps int16", lambda s: _column(_kept(s, _arrays()), "label"), ("int16", (2,), 0), differs=DTYPES),
    Fact(
        "has no last row",
        lambda s: len(_kept(s, gitreg.Table(["n"], np.arange(200_001).reshape(-1, 1))).get_column("n")),
        200_001,
        differs="W&B cuts at 200,000 rows, with a line in the log",
    ),
    Fact("built twice it is the same", lambda s: _digest(_arrays()) == _digest(_arrays()), True),
    Fact("and not when a value differs", lambda s: _digest(_table([1, 2])) == _digest(_table([1, 3])), False),
    Fact("get of a name that is not there", lambda s: s.logged("a").get("b"), None),
]

_FLOATS = np.array([[0.0, 0.5], [1.0, 0.25]], dtype="float32")

IMAGES = [
    Fact(
        "of floats in [0, 1] has all shades",
        lambda s: _pixels(gitreg.Image(_FLOATS)),
        [[0, 128], [255, 64]],
        differs="in wandb 0.31.0 it comes out black; it used to scale by 255",
    ),
    Fact("of bytes has these", lambda s: _pixels(gitreg.Image(np.array([[0, 7]], "uint8"))), [[0, 7]]),
    Fact("of Pillow's", lambda s: _pixels(gitreg.Image(PIL.Image.new("L", (1, 1), 9))), [[9]]),
    Fact(
        "of a file",
        lambda s: _story(
            PIL.Image.new("L", (1, 1), 9).save(s.folder / "i.png"), _pixels(gitreg.Image(str(s.folder / "i.png")))
        ),
        [[9]],
    ),
    Fact("comes back, with its caption", lambda s: _kept(s, gitreg.Image(_FLOATS, caption="four")).caption, "four"),
    Fact("and its pixels", lambda s: _pixels(_kept(s, gitreg.Image(_FLOATS))), [[0, 128], [255, 64]]),
    Fact(
        "is a cell of a table",
        lambda s: _pixels(_kept(s, _table([1, gitreg.Image(_FLOATS)])).get_column("b")[0]),
        [[0, 128], [255, 64]],
    ),
]


def _environment(variable: str, value: str, attribute: str, gives: object) -> Fact:
    def start(scene: Scene) -> object:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv(variable, value.replace("ID", scene.new))
            found = getattr(gitreg.init(), attribute)
        return found == scene.new if gives == "ID" else found

    return Fact(variable, start, True if gives == "ID" else gives)


ENVIRONMENT = [
    _environment("GITREG_PROJECT", "p", "project", "p"),
    _environment("GITREG_ENTITY", "e", "entity", "e"),
    _environment("GITREG_RUN_ID", "ID", "id", "ID"),
    _environment("GITREG_NAME", "n", "name", "n"),
    _environment("GITREG_NOTES", "words", "notes", "words"),
    _environment("GITREG_TAGS", "a, b", "tags", ("a", "b")),
    _environment("GITREG_RUN_GROUP", "g", "group", "g"),
    _environment("GITREG_JOB_TYPE", "train", "job_type", "train"),
    _environment("GITREG_MODE", "disabled", "disabled", True),
]


def _changed(artifact: gitreg.Artifact, **values: object) -> gitreg.Artifact:
    """A logged artifact after `values` were set and saved, as somebody else finds it."""
    for name, value in values.items():
        setattr(artifact, name, value)
    artifact.save()
    return gitreg.Api().artifact(artifact.name)


def _refers(scene: Scene, *, checksum: bool = True) -> gitreg.Artifact:
    artifact = scene.draft()
    artifact.add_reference(f"file://{scene.path('far.txt', 'hello')}", "file1.txt", checksum=checksum)
    return artifact


def _next(artifact: gitreg.Artifact, *steps: Callable[[gitreg.Artifact], object]) -> gitreg.Artifact:
    """The version that a draft of a logged one becomes after these steps."""
    draft = artifact.new_draft()
    for step in steps:
        step(draft)
    draft.save()
    return draft


def _damaged(artifact: gitreg.Artifact) -> gitreg.Artifact:
    Path(artifact.download(), "a").write_text("other")
    return artifact


def _used(scene: Scene, artifact: gitreg.Artifact) -> list[Any]:
    """The users of an artifact, after the run of the row's name has been one."""
    scene.run.finish()
    with gitreg.init(id=scene.new) as run:
        run.use_artifact(artifact)
    return artifact.used_by()


def _strange(scene: Scene, name: str) -> Path:
    """A folder with one file."""
    folder = scene.folder / "out"
    folder.mkdir()
    (folder / name).write_text("hello")
    return folder


def _deleted(artifact: gitreg.Artifact, **options: Any) -> gitreg.Artifact:
    artifact.delete(**options)
    return artifact


LOGGED = [
    Fact("tags are given by log_artifact", lambda s: s.logged("a", tags=["cats", "v2"]).tags, ["cats", "v2"]),
    Fact("tags are a list that save writes", lambda s: _changed(s.logged("a"), tags=["cats"]).tags, ["cats"]),
    Fact("a tag outside the grammar", lambda s: s.logged("a", tags=["a/b"]), raises(ValueError)),
    Fact("tags of a draft", lambda s: s.draft("a").tags, _NOT_LOGGED),
    Fact("the description can be changed", lambda s: _changed(s.logged("a"), description="x").description, "x"),
    Fact(
        "the metadata cannot",
        lambda s: _changed(s.logged("a"), metadata={"a": 1}),
        _FINAL,
        differs="W&B lets it; metadata are part of the commit, and tags and descriptions are what changes",
    ),
    Fact("ttl", lambda s: s.logged("a").ttl, None),
    Fact(
        "history_step", lambda s: _story(s.logs({"data": {"a": 1}}, {"data": {"a": 2}}), s.logged("a").history_step), 1
    ),
    Fact("url", lambda s: s.logged("a").url, None, differs="there is no server with a page for it"),
    Fact("logged_by", lambda s: run.id == s.run.id if (run := s.logged("a").logged_by()) else None, True),
    Fact("used_by", lambda s: [run.id for run in _used(s, s.logged("a"))] == [s.new], True),
    Fact("qualified_name", lambda s: s.logged("a").qualified_name == f"model-registry-dev/{s.new}:v0", True),
    Fact("a download holds the files", lambda s: Path(s.logged("a").download(), "a").read_text(), "hello"),
    Fact(
        "path_prefix is a part of them",
        lambda s: sorted(path.name for path in Path(s.logged("a1", "a2", "b").download(path_prefix="a")).iterdir()),
        ["a1", "a2"],
    ),
    Fact("verify of a download", lambda s: _story(logged := s.logged("a"), logged.download(), logged.verify()), None),
    Fact("verify of other content", lambda s: _damaged(s.logged("a")).verify(), raises(ValueError)),
    Fact(
        "checkout replaces what another version has",
        lambda s: _story(
            s.logged("b"), [path.name for path in Path(s.logged("a").checkout(_strange(s, "b"))).iterdir()]
        ),
        ["a"],
    ),
    Fact(
        "checkout where somebody else's file is",
        lambda s: s.logged("a").checkout(_strange(s, "mine")),
        raises(ValueError, words="'mine'"),
        differs="W&B deletes it",
    ),
    Fact("file is the only one", lambda s: Path(s.logged("a").file()).read_text(), "hello"),
    Fact("files are listed", lambda s: [file.path for file in s.logged("b", "a").files()], ["a", "b"]),
    Fact("new_draft of a draft", lambda s: s.draft("a").new_draft(), _NOT_LOGGED),
    Fact("new_draft has all files", lambda s: _next(s.logged("a"), lambda d: d.add_file(s.path(), "b")).file_count, 2),
    Fact("it is the next version", lambda s: _next(s.logged("a", "b"), lambda d: d.remove("a")).version, "v1"),
    Fact("unchanged it is the same", lambda s: _next(s.logged("a")).version, "v0"),
    Fact("a link of a draft saves it first", lambda s: s.draft("a").link(f"model/{s.new}").is_link, True),
    Fact(
        "unlink of a link",
        lambda s: _story(link := s.draft("a").link(f"model/{s.new}"), link.unlink(), link.state),
        "DELETED",
    ),
    Fact("unlink of what is none", lambda s: s.logged("a").unlink(), raises(ValueError)),
    Fact("delete of a draft", lambda s: s.draft("a").delete(), _NOT_LOGGED),
    Fact("delete", lambda s: _deleted(s.logged("a")).state, "DELETED"),
    Fact("it is not found then", lambda s: s.api.artifact(_deleted(s.logged("a")).name), raises(gitreg.CommError)),
    Fact("its number stays taken", lambda s: _story(_deleted(s.logged("a")), s.logged("a", "b").version), "v1"),
    Fact(
        "delete with an alias", lambda s: _deleted(s.logged("a", aliases=["best"])), raises(gitreg.Error, words="best")
    ),
    Fact("delete_aliases", lambda s: _deleted(s.logged("a", aliases=["best"]), delete_aliases=True).state, "DELETED"),
]

REFERENCES = [
    Fact("count for the digest", lambda s: _refers(s).digest, "a00c2239f036fb656c1dcbf9a32d89b4"),
    Fact("are entries", lambda s: [file.path for file in s.run.log_artifact(_refers(s)).files()], ["file1.txt"]),
    Fact(
        "know where",
        lambda s: s.run.log_artifact(_refers(s)).get_entry("file1.txt").ref == f"file://{s.folder}/far.txt",
        True,
    ),
    Fact(
        "are fetched on demand",
        lambda s: Path(s.run.log_artifact(_refers(s)).download(), "file1.txt").read_text(),
        "hello",
    ),
    Fact(
        "with other bytes are refused",
        lambda s: _story(logged := s.run.log_artifact(_refers(s)), s.path("far.txt", "other"), logged.download()),
        raises(gitreg.Error, ValueError),
    ),
    Fact(
        "without a checksum are listed only",
        lambda s: s.run.log_artifact(_refers(s, checksum=False)).download(),
        raises(gitreg.Error),
        differs="W&B fetches what it cannot check",
    ),
    Fact("to what is not there", lambda s: s.draft().add_reference("file:///nope"), raises(ValueError)),
    Fact(
        "to a folder are its files",
        lambda s: _story(s.path("x"), len(s.draft().add_reference(f"file://{s.folder}"))),
        1,
    ),
    Fact(
        "are at most max_objects",
        lambda s: s.draft().add_reference(f"file://{s.repo}", max_objects=1),
        raises(ValueError),
    ),
]

FACTS = {
    "logged": LOGGED,
    "references": REFERENCES,
    "tables": TABLES,
    "images": IMAGES,
    "environment": ENVIRONMENT,
    "digests": DIGESTS,
    "names": NAMES,
    "ids": IDS,
    "types": TYPES,
    "metadata": METADATA,
    "paths": PATHS,
    "log": LOG,
    "config": CONFIG,
    "runs": RUNS,
    "module": MODULE,
    "artifacts": ARTIFACTS,
    "use": USE,
    "links": LINKS,
    "api": API,
}


@pytest.mark.parametrize(
    "fact",
    [pytest.param(fact, id=f"{about}: {fact.says}") for about, facts in FACTS.items() for fact in facts],
)
def test_the_fact_holds(scene: Scene, fact: Fact) -> None:
    if isinstance(fact.gives, Raises):
        with pytest.raises(fact.gives.kinds[0], match=fact.gives.words) as caught:
            fact.does(scene)
        for kind in fact.gives.kinds:
            assert isinstance(caught.value, kind)
    else:
        assert fact.does(scene) == fact.gives


# W&B's signatures: the names in their order, with the defaults that are not None.
SIGNATURES = {
    "init": (
        "entity project dir id name notes tags config allow_val_change group job_type mode reinit resume save_code"
        " settings"
    ),
    "finish": "exit_code",
    "Run.log": "data step commit",
    "Run.log_artifact": "artifact_or_path name type aliases tags",
    "Run.use_artifact": "artifact_or_name type aliases use_as",
    "Run.link_artifact": "artifact target_path aliases",
    "Run.log_model": "path name aliases",
    "Run.use_model": "name",
    "Run.link_model": "path registered_model_name name aliases",
    "Run.finish": "exit_code",
    "Artifact": "name type description metadata",
    "Artifact.add_file": "local_path name overwrite=False",
    "Artifact.add_dir": "local_path name",
    "Artifact.new_file": "name mode='x'",
    "Artifact.download": "root path_prefix",
    "Artifact.add": "obj name",
    "Artifact.add_reference": "uri name checksum=True max_objects",
    "Artifact.checkout": "root",
    "Artifact.delete": "delete_aliases=False",
    "Artifact.link": "target_path aliases",
    "Artifact.new_draft": "",
    "Artifact.unlink": "",
    "Artifact.verify": "root",
    "Artifact.get": "name",
    "Artifact.get_entry": "name",
    "Table": "columns data dataframe",
    "Table.add_column": "name data",
    "Table.add_computed_columns": "fn",
    "Table.get_column": "name convert_to",
    "Image": "data_or_path mode caption",
    "Run.alert": "title text",
    "Run.define_metric": "name step_metric",
    "Api.artifact": "name type",
    "Api.artifacts": "type_name name",
    "Api.artifact_exists": "name",
    "Api.registries": "organization filter",
    "Api.run": "path",
    "Api.runs": "path filters",
}
NAMED = {
    "Run": (
        "id name entity project job_type group tags notes path url dir config summary step log log_artifact"
        " use_artifact link_artifact log_model use_model link_model finish status define_metric alert"
        " watch log_code"
    ),
    "Table": "columns data add_data add_column add_computed_columns get_column get_dataframe iterrows get_index",
    "Artifact": (
        "name version type digest size aliases metadata description state source_name qualified_name is_link collection"
        " created_at file_count url add_file add_dir new_file remove get_entry download verify file files wait save"
        " link logged_by used_by add add_reference get checkout new_draft unlink delete tags ttl history_step"
    ),
    "Api": "artifact artifacts artifact_exists artifact_collection artifact_collections run runs registries",
}


def _find(dotted: str) -> Any:
    found: Any = gitreg
    for name in dotted.split("."):
        found = getattr(found, name)
    return found


@pytest.mark.parametrize("dotted", SIGNATURES)
def test_arguments_have_wandbs_names_order_and_defaults(dotted: str) -> None:
    known = {name: p for name, p in inspect.signature(_find(dotted)).parameters.items() if name != "self"}
    wanted = [word.partition("=")[::2] for word in SIGNATURES[dotted].split()]
    assert [name for name in known if name in dict(wanted)] == [name for name, _ in wanted]
    for name, default in wanted:
        if known[name].default is not inspect.Parameter.empty:
            assert repr(known[name].default) == (default or "None"), name


@pytest.mark.parametrize(("owner", "name"), [(owner, name) for owner, names in NAMED.items() for name in names.split()])
def test_there_is_a_name_for_it(owner: str, name: str) -> None:
    assert hasattr(_find(owner), name)


@pytest.mark.parametrize(
    ("ours", "wandbs"),
    [
        (errors.InvalidNameError, ValueError),
        (errors.TypeMismatchError, ValueError),
        (errors.InvalidArtifactError, ValueError),
        (errors.UnsafePathError, ValueError),
        (errors.DifferencesError, ValueError),
        (errors.NotAModelError, AssertionError),
        (errors.NotAModelError, ValueError),
        (errors.ArtifactNotLoggedError, AttributeError),
        (errors.ArtifactFinalizedError, AttributeError),
        (errors.NotFoundError, errors.CommError),
        (errors.CommError, errors.Error),
        (errors.ConfigError, errors.Error),
        (errors.UsageError, errors.Error),
    ],
    ids=lambda kind: kind.__name__,
)
def test_what_catches_wandbs_error_catches_ours(ours: type[Exception], wandbs: type[Exception]) -> None:
    assert issubclass(ours, wandbs)


# Facts that take a story, or more than these tests have installed: where each is told.
ELSEWHERE = {
    "the tutorial runs": "tutorial/test_tutorial.py: test_leaves_three_runs_with_what_they_did",
    "and makes the model that is asked for": (
        "tutorial/test_tutorial.py: test_leaves_a_dataset_a_model_and_a_registered_model"
    ),
    "without name= what there is is said": (
        "tutorial/test_tutorial.py: test_without_a_name_the_model_is_not_found_and_the_error_says_what_there_is"
    ),
    "the example on lineage": "tutorial/test_tutorial.py: test_the_example_of_the_page_on_model_lineage",
    "7,000 images are a few files": "tutorial/test_tutorial.py: test_keeps_the_dataset_in_a_few_small_files",
    "the first step again makes no v1": (
        "tutorial/test_tutorial.py: test_the_whole_tutorial_again_makes_a_model_and_no_dataset"
    ),
    "WandbMetricsLogger": "integration/test_keras.py: test_logs_each_epoch_with_its_metrics_and_learning_rate",
    "WandbMetricsLogger by batch": "integration/test_keras.py: test_logs_every_batch_and_counts_them_over_the_epochs",
    "WandbModelCheckpoint": "integration/test_keras.py: test_logs_each_epoch_s_model_with_an_alias_and_its_metrics",
    "WandbCallback finds the validation set": (
        "integration/test_keras.py: test_are_those_of_the_trained_model_for_the_arrays_that_fit_validates_with"
    ),
    "every backend of Keras": "integration/test_keras.py: test_every_backend_leaves_the_same",
    "in a notebook a second init finishes the first run": (
        "sdk/test_notebook.py: test_a_second_init_finishes_the_run_before"
    ),
    "every variable of the environment": "sdk/test_init.py: test_fills_in_what_the_call_leaves_out",
    "of distributed processes one writes": "sdk/test_ranks.py: test_one_run_is_recorded",
    "'with' marks a run failed": "sdk/test_run.py: test_with_marks_a_run_failed_and_lets_the_exception_through",
    "a lower step is warned about": "sdk/test_run.py: test_a_lower_step_is_dropped_with_a_warning",
    "all else becomes plain": "sdk/test_values.py: test_values_become_what_a_record_can_hold",
    "figures of matplotlib": "sdk/media/test_image.py: test_figures_of_matplotlib",
    "get reads one column": "sdk/media/test_storage.py: test_only_what_is_asked_for_is_fetched",
    "what W&B refuses offline": "e2e/test_no_network.py: test_what_wandb_refuses_offline_works_without_a_network",
    "import is quick": "sdk/test_module.py: test_import_loads_only_itself",
}


@pytest.mark.parametrize("fact", ELSEWHERE)
def test_the_story_is_told_elsewhere(fact: str) -> None:
    path, _, name = ELSEWHERE[fact].partition(": ")
    assert f"def {name}(" in (ROOT / "tests" / path).read_text(encoding="utf-8")
