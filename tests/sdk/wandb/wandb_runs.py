"""What W&B does with runs: their ids, what they log, their configuration, the environment, the module itself."""

# mypy: disable-error-code="func-returns-value"
# ruff: noqa: ARG005, FBT003
# A row's steps may return nothing, a row may need no scene, and what it gives may be True.

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from wandb_media import table_of
from wandb_scene import Fact, Scene, raises, story

import gitreg

_FINISHED = raises(gitreg.UsageError, words="is finished")


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
        lambda s: story(s.run.log({"t": table_of([1, "x"])}), s.api.artifact(f"run-{s.run.id}-t").get("t").data),
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
    Fact("each call is a step", lambda s: story(s.logs({"data": {"a": 1}}, {"data": {"a": 2}}), s.run.step), 2),
    Fact(
        "commit=False leaves the step open",
        lambda s: story(s.logs({"data": {"a": 1}, "commit": False}, {"data": {"b": 1}}), s.run.step),
        1,
    ),
    Fact("a given step stays open", lambda s: story(s.logs({"data": {"a": 1}, "step": 5}), s.run.step), 5),
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
    Fact("the same value may be set", lambda s: story(s.run.config.update({"lr": 0.1}), s.run.config["lr"]), 0.1),
    Fact(
        "with allow_val_change it does",
        lambda s: story(s.run.config.update({"lr": 0.2}, allow_val_change=True), s.run.config["lr"]),
        0.2,
    ),
    Fact(
        "of init it is said once",
        lambda s: story(
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
    Fact("finish may be called twice", lambda s: story(s.finished().finish(), s.run.status().state), "finished"),
    Fact("with an exit code it failed", lambda s: story(s.run.finish(1), s.run.status().state), "failed"),
    Fact("its id can be read after finish", lambda s: s.finished().id == s.run.id, True),
    Fact("its summary, too", lambda s: story(s.logs({"data": {"a": 1}}), s.finished().summary["a"]), 1),
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
    Fact("log acts on it", lambda s: story(s.run, gitreg.log({"a": 1}), s.run.summary["a"]), 1),
    Fact("config is its config", lambda s: story(s.run, gitreg.config["lr"]), 0.1),
    Fact("finish without a run", lambda s: gitreg.finish(), None),
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
