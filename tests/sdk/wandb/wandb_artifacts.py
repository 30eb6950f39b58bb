"""What W&B does with an artifact: as a draft, when it is logged, and afterwards."""

# mypy: disable-error-code="func-returns-value"
# ruff: noqa: ARG005, FBT003
# A row's steps may return nothing, a row may need no scene, and what it gives may be True.

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from wandb_scene import NAME, Fact, Scene, raises, story

import gitreg

_NOT_LOGGED = raises(gitreg.ArtifactNotLoggedError, AttributeError)
_FINAL = raises(gitreg.ArtifactFinalizedError, AttributeError)

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


_DEEP = dict.fromkeys(map(str, range(150)))

METADATA = [
    _metadata("none is an empty dict", None, {}),
    _metadata("100 keys", {str(n): n for n in range(100)}, {str(n): n for n in range(100)}),
    _metadata("101 keys", {str(n): n for n in range(101)}, raises(ValueError, words="at most 100")),
    _metadata("deeper keys are not counted", {"a": _DEEP}, {"a": _DEEP}),
    _metadata("NaN becomes None", {"a": math.nan, "b": [math.nan]}, {"a": None, "b": [None]}),
    _metadata("infinity is refused", {"a": math.inf}, raises(ValueError, words="infinite")),
    _metadata("and below", {"a": {"b": [-math.inf]}}, raises(ValueError, words="infinite")),
    _metadata("what is no mapping is refused", [1], raises(TypeError, words="mapping")),
]


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
        lambda s: story(
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
        lambda s: story(
            artifact := s.logged("a"),
            artifact.aliases.append("best"),
            artifact.save(),
            s.api.artifact(f"{s.new}:best").name == artifact.name,
        ),
        True,
    ),
    Fact(
        "save logs to the active run",
        lambda s: story(s.run, draft := s.draft("a"), draft.save(), s.api.artifact(s.new).commit == draft.commit),
        True,
    ),
    Fact(
        "or opens one of job_type auto",
        lambda s: story(
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
        "history_step", lambda s: story(s.logs({"data": {"a": 1}}, {"data": {"a": 2}}), s.logged("a").history_step), 1
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
    Fact("verify of a download", lambda s: story(logged := s.logged("a"), logged.download(), logged.verify()), None),
    Fact("verify of other content", lambda s: _damaged(s.logged("a")).verify(), raises(ValueError)),
    Fact(
        "checkout replaces what another version has",
        lambda s: story(
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
        lambda s: story(link := s.draft("a").link(f"model/{s.new}"), link.unlink(), link.state),
        "DELETED",
    ),
    Fact("unlink of what is none", lambda s: s.logged("a").unlink(), raises(ValueError)),
    Fact("delete of a draft", lambda s: s.draft("a").delete(), _NOT_LOGGED),
    Fact("delete", lambda s: _deleted(s.logged("a")).state, "DELETED"),
    Fact("it is not found then", lambda s: s.api.artifact(_deleted(s.logged("a")).name), raises(gitreg.CommError)),
    Fact("its number stays taken", lambda s: story(_deleted(s.logged("a")), s.logged("a", "b").version), "v1"),
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
        lambda s: story(logged := s.run.log_artifact(_refers(s)), s.path("far.txt", "other"), logged.download()),
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
        lambda s: story(s.path("x"), len(s.draft().add_reference(f"file://{s.folder}"))),
        1,
    ),
    Fact(
        "are at most max_objects",
        lambda s: s.draft().add_reference(f"file://{s.repo}", max_objects=1),
        raises(ValueError),
    ),
]
