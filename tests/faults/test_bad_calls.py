"""Every place of `import gitreg` that takes a word gets every kind of bad one: the half of the library."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import badinput
import pytest
from badinput import MARK, NO_NAMES

import gitreg
from conftest import Shell
from gitreg.sdk import module, session
from gitreg.sdk.collection import ArtifactCollection
from gitreg.sdk.files import ArtifactFile
from gitreg.sdk.views import RunView
from tally import INPUTS, Tally

STORY = f"""
git init --quiet repo && cd repo && gitreg init --storage ../storage 2>/dev/null
echo one >file && git add . && git commit --quiet -m 'set up gitreg'
gitreg put file --name m --type model 2>/dev/null && gitreg link m:v0 model/M --alias production
! test -e {MARK}
"""

_LONG = "ten thousand characters"
_CONTROLS = list(NO_NAMES)[7:8] + list(NO_NAMES)[10:]
_EMPTY = {"empty": ("",)}
_PATHS = {
    "line breaks and NUL": ("nowhere\0", "\0"),
    _LONG: ("nowhere/" + "a" * 10_000, "a/" * 5_000),
    "bytes that are no UTF-8": ("nowhere\ud800",),
}
FAMILIES: dict[str, Mapping[str, tuple[Any, ...]]] = {
    "name": NO_NAMES,
    # left out, gitreg finds one
    "name or nothing": {family: words for family, words in NO_NAMES.items() if family != "empty"},
    "type": {
        "a path or a version": ("a/b", "a:b", "wandb-x", "job", ""),
        **{family: NO_NAMES[family] for family in (*_CONTROLS, _LONG)},
    },
    "another type": NO_NAMES,
    "label": {family: NO_NAMES[family] for family in _CONTROLS},
    "free text": {"no text": (["a"], {"a": 1}, True, b"a", object)},
    "key": {_LONG: ("a" * 10_000,)},
    "choice": {"none of them": ("r", "\x1b[31m", "--output=x", "\ud800", "a" * 10_000)},
    "path to read": _EMPTY | _PATHS | {"what is not there": ("nowhere", "no\x1b[31m", "-x", f"--output={MARK}")},
    "path": _PATHS,
    "metric": {_LONG: ("a" * 10_000,), "stars": ("a*b", "**"), "empty": ("",)},
    "path to write": _EMPTY | _PATHS | {"below a file": ("file/x", "/dev/null/x")},
    "repository": {
        "empty": ("",),
        "options": ("-x", f"--upload-pack=touch {MARK}"),
        "remote helpers": (f"ext::sh -c touch% {MARK}", f"ssh://-oProxyCommand=touch {MARK}/x", "nope://x"),
        "what is not there": ("nowhere", "\0", "\ud800", "a" * 10_000, "https://h/\x1b[31m"),
    },
    "storage": {"no storage": ("", "-x", "ext::sh", "nope://x", "s3://K:secret@b", "s3://b\udcff", "a" * 10_000)},
    "path inside": {
        "empty": ("",),
        "paths": ("../x", "/etc/passwd", "a/../../b", "..", "a/.git/config", ".GIT/x", "C:/x", "git~1/x"),
        "line breaks and NUL": ("a\0b",),
        "bytes that are no UTF-8": ("a\ud800",),
        "options": ("-",),
    },
    "what is not there": {"what is not there": ("nowhere", "", "../file", "\0", "\ud800", "a" * 10_000)},
    "filter": {"no such key": ("", "nothing", "$where", "a" * 10_000, "\x1b[31m", "\ud800", "__class__")},
}  # fmt: skip


def _draft() -> gitreg.Artifact:
    artifact = gitreg.Artifact("new", "model")
    artifact.add_file("file")
    return artifact


def _version(word: str = "m:v0") -> gitreg.Artifact:
    return gitreg.Api().artifact(word)


def _collection(word: str) -> ArtifactCollection:
    return gitreg.Api().artifact_collection(None, word)


def _with_aliases(words: list[str]) -> None:
    artifact = _version()
    artifact.aliases = words
    artifact.save()


def _described(**given: Any) -> None:
    gitreg.Artifact("new", "model", **given)


def _new_file(name: str, mode: str = "x") -> None:
    with _draft().new_file(name, mode):
        pass


def _new_file_of(**given: Any) -> None:
    with _draft().new_file("new", **given):
        pass


def _dir_with_policy(policy: Any) -> None:
    _draft().add_dir(".dvc", policy=policy)


def _file_with_policy(policy: Any) -> None:
    _draft().add_file("file", "new", policy=policy)


def _referring(name: str) -> None:
    _draft().add_reference(Path("file").resolve().as_uri(), name)


def _tagged(word: str) -> None:
    collection = _collection("m")
    collection.tags = [word]
    collection.save()


def _run() -> gitreg.Run:
    assert gitreg.run is not None
    return gitreg.run


Call = Callable[[Any], object]

# The place -> the kind of word, and the call with it.
CALLS: dict[str, tuple[str, Call]] = {
    "init(dir)": ("path to read", lambda word: gitreg.init(dir=word or "nowhere")),
    "init(id)": ("name", lambda word: gitreg.init(id=word)),
    "init(config)": ("path to read", lambda word: gitreg.init(config=word)),
    "init(name)": ("label", lambda word: gitreg.init(name=word)),
    "init(job_type)": ("label", lambda word: gitreg.init(job_type=word)),
    "init(group)": ("label", lambda word: gitreg.init(group=word)),
    "init(project)": ("label", lambda word: gitreg.init(project=word)),
    "init(entity)": ("label", lambda word: gitreg.init(entity=word)),
    "init(notes)": ("free text", lambda word: gitreg.init(notes=word)),
    "init(mode)": ("choice", lambda word: gitreg.init(mode=word)),
    "init(reinit)": ("choice", lambda word: gitreg.init(reinit=word)),
    "init(resume)": ("choice", lambda word: gitreg.init(resume=word)),
    "Api(dir)": ("path to read", lambda word: gitreg.Api(word or "nowhere").artifacts()),
    "Api(repo)": ("repository", lambda word: gitreg.Api(repo=word).artifact("m")),
    "Api(storage)": ("storage", lambda word: gitreg.Api(repo=".", storage=word).artifact("m")),
    "Api.artifact(name)": ("name", _version),
    "Api.artifact(type)": ("another type", lambda word: gitreg.Api().artifact("m", word)),
    "Api.artifact_exists(name)": ("name", lambda word: gitreg.Api().artifact_exists(word) or _version(word)),
    "Api.artifact_collection(name)": ("name", lambda word: gitreg.Api().artifact_collection(None, word)),
    "Api.artifact_collection(type_name)": ("another type", lambda word: gitreg.Api().artifact_collection(word, "m")),
    "Api.artifact_collection_exists(name)": (
        "name", lambda word: gitreg.Api().artifact_collection_exists(word) or _collection(word)
    ),
    "Api.artifact_type(type_name)": ("another type", lambda word: gitreg.Api().artifact_type(word)),
    "Api.artifacts(order)": ("choice", lambda word: gitreg.Api().artifacts(order=word)),
    "Api.from_path(path)": ("name", lambda word: gitreg.Api().from_path(word)),
    "Api.registries(filter)": ("filter", lambda word: list(gitreg.Api().registries(filter={word: 1}))),
    "Api.registries(order)": ("choice", lambda word: gitreg.Api().registries(order=word)),
    "Api.registry(name)": ("name", lambda word: gitreg.Api().registry(word)),
    "Api.artifacts(name)": ("name", lambda word: gitreg.Api().artifacts(name=word)),
    "Api.artifacts(type_name)": ("another type", lambda word: gitreg.Api().artifacts(word, "m")),
    "Api.run(path)": ("name", lambda word: gitreg.Api().run(word)),
    "Api.runs(filters)": ("filter", lambda word: gitreg.Api().runs(filters={word: 1})),
    "Api.runs(order)": ("filter", lambda word: gitreg.Api().runs(order=word)),
    "Artifact(name)": ("name", lambda word: gitreg.Artifact(word, "model")),
    "Artifact(type)": ("type", lambda word: gitreg.Artifact("new", word)),
    "Artifact(metadata)": ("key", lambda word: _described(metadata={word: 1})),
    "Artifact.add(name)": ("path inside", lambda word: _draft().add(gitreg.Table(["a"], [[1]]), word)),
    "Artifact.add_dir(policy)": ("choice", _dir_with_policy),
    "Artifact.add_file(policy)": ("choice", _file_with_policy),
    "Artifact.add_reference(uri)": ("path to read", lambda word: _draft().add_reference(word)),
    "Artifact.add_reference(name)": ("path inside", lambda word: _referring(word or "..")),
    "Artifact.checkout(root)": ("path to write", lambda word: _version().checkout(word)),
    "Artifact.get_path(name)": ("what is not there", lambda word: _version().get_path(word)),
    "Artifact.new_file(policy)": ("choice", lambda word: _new_file_of(policy=word)),
    "Artifact.tags=": ("label", lambda word: setattr(_draft(), "tags", [word])),
    "ArtifactCollection.tags=": ("label", _tagged),
    "Artifact.add_file(local_path)": ("path to read", lambda word: _draft().add_file(word)),
    "Artifact.add_file(name)": ("path inside", lambda word: _draft().add_file("file", word)),
    "Artifact.add_dir(local_path)": ("path to read", lambda word: _draft().add_dir(word)),
    "Artifact.add_dir(name)": ("path inside", lambda word: _draft().add_dir(".dvc", word or "..")),
    "Artifact.aliases=": ("name", lambda word: _with_aliases(["production", word])),
    "Artifact.download(root)": ("path to write", lambda word: _version().download(word)),
    "Artifact.file(root)": ("path to write", lambda word: _version().file(word)),
    "Artifact.get_entry(name)": ("what is not there", lambda word: _version().get_entry(word)),
    "Artifact.link(target_path)": ("name", lambda word: _version().link(word)),
    "Artifact.link(aliases)": ("name", lambda word: _version().link("new", ["good", word])),
    "Artifact.new_file(name)": ("path inside", _new_file),
    "Artifact.new_file(mode)": ("choice", lambda word: _new_file("new", word)),
    "Artifact.remove(item)": ("what is not there", lambda word: _draft().remove(word)),
    "Artifact.verify(root)": ("path to write", lambda word: _version().verify(word)),
    "ArtifactFile.download(root)": ("path to write", lambda word: _version().files()[0].download(root=word)),
    "Run.alert(level)": ("choice", lambda word: _run().alert("title", "text", word)),
    "Run.define_metric(name)": ("metric", lambda word: _run().define_metric(word)),
    "Run.define_metric(summary)": ("choice", lambda word: _run().define_metric("loss", summary=word)),
    "Run.define_metric(step_metric)": ("key", lambda word: _run().define_metric("loss", step_metric=word)),
    "Run.define_metric(goal)": ("choice", lambda word: _run().define_metric("loss", goal=word)),
    "Run.log_code(root)": ("path to read", lambda word: _run().log_code(word or "nowhere")),
    "Run.log_code(name)": ("name or nothing", lambda word: _run().log_code(name=word)),
    "Run.name=": ("label", lambda word: setattr(_run(), "name", word)),
    "Run.notes=": ("free text", lambda word: setattr(_run(), "notes", word)),
    "Run.save(glob_str)": ("path", lambda word: _run().save(word)),
    "Run.save(base_path)": ("path", lambda word: _run().save("file", word)),
    "Run.save(policy)": ("choice", lambda word: _run().save("file", policy=word)),
    "Run.link_artifact(target_path)": ("name", lambda word: _run().link_artifact(_draft(), word)),
    "Run.link_artifact(aliases)": ("name", lambda word: _run().link_artifact(_draft(), "new", ["good", word])),
    "Run.link_model(path)": ("path to read", lambda word: _run().link_model(word, "New")),
    "Run.link_model(registered_model_name)": ("name", lambda word: _run().link_model("file", word)),
    "Run.link_model(name)": ("name or nothing", lambda word: _run().link_model("file", "New", word)),
    "Run.link_model(aliases)": ("name", lambda word: _run().link_model("file", "New", aliases=["good", word])),
    "Run.log(data)": ("key", lambda word: _run().log({word: 1})),
    "Run.log_artifact(artifact_or_path)": ("path to read", lambda word: _run().log_artifact(word)),
    "Run.log_artifact(name)": ("name or nothing", lambda word: _run().log_artifact("file", word)),
    "Run.log_artifact(type)": (
        "type", lambda word: _run().log_artifact("file", "new", word) if word else gitreg.Artifact("new", word)
    ),
    "Run.log_artifact(aliases)": ("name", lambda word: _run().log_artifact("file", "new", "t", ["good", word])),
    "Run.log_model(path)": ("path to read", lambda word: _run().log_model(word)),
    "Run.log_model(name)": ("name or nothing", lambda word: _run().log_model("file", word)),
    "Run.log_model(aliases)": ("name", lambda word: _run().log_model("file", "new", ["good", word])),
    "Run.use_artifact(artifact_or_name)": ("name", lambda word: _run().use_artifact(word)),
    "Run.use_artifact(type)": ("another type", lambda word: _run().use_artifact("m", word)),
    "Run.use_artifact(aliases)": ("name", lambda word: _run().use_artifact("m", aliases=["latest", word])),
    "Run.use_model(name)": ("name", lambda word: _run().use_model(word)),
    "config[]": ("key", lambda word: gitreg.config.__setitem__(word, 1)),
    "config.update(values)": ("path to read", lambda word: gitreg.config.update(values=word)),
    "summary[]": ("key", lambda word: gitreg.summary.__setitem__(word, 1)),
}  # fmt: skip

# Switches, numbers and filters; free text, of which what no file can hold is replaced; what W&B has and gitreg ignores.
EXEMPT = set(
    """
    init(config_exclude_keys) init(config_include_keys) init(resume_from) init(fork_from) init(tensorboard)
    init(sync_tensorboard) init(monitor_gym)
    init(tags) init(allow_val_change) init(save_code) init(settings) init(force)
    Artifact(incremental) Artifact(use_as) Artifact.add(obj) Artifact.add(overwrite) Artifact.add_dir(merge)
    Artifact.add_dir(skip_cache) Artifact.add_file(is_tmp) Artifact.add_file(skip_cache)
    Artifact.add_reference(checksum) Artifact.add_reference(max_objects) Artifact.delete(delete_aliases)
    Artifact.download(allow_missing_references) Artifact.download(multipart) Artifact.download(skip_cache)
    Artifact.files(path_prefix) Artifact.files(per_page) Artifact.get(name) Artifact.ttl=
    Artifact.get_added_local_path_name(local_path) ArtifactCollection.card= ArtifactCollection.description=
    ArtifactFile.download(skip_cache) RunView.history(keys) RunView.history(pandas) RunView.history(samples)
    RunView.history(stream) RunView.history(x_axis) RunView.logged_artifacts(per_page) RunView.scan_history(keys)
    RunView.scan_history(max_step) RunView.scan_history(min_step) RunView.scan_history(page_size)
    RunView.scan_history(use_cache) RunView.used_artifacts(per_page)
    Api.artifact_exists(type) Api.artifact_collections(type_name) Api.runs(path) Api(api_key) Api(overrides)
    Api(offline) Api(timeout) Api.artifact_collection_exists(type) Api.artifact_collections(per_page)
    Api.artifact_collections(project_name) Api.artifact_type(project) Api.artifact_types(project)
    Api.artifacts(per_page) Api.artifacts(tags) Api.registries(organization) Api.registries(per_page)
    Api.registry(organization) Api.runs(include_sweeps) Api.runs(lazy) Api.runs(per_page)
    ArtifactCollection.artifacts(per_page)
    Artifact(description) Artifact.description= Artifact.metadata=
    Artifact.add_file(overwrite) Artifact.download(path_prefix) Artifact.files(names) Artifact.new_file(encoding)
    Artifact.wait(timeout) Run.finish(exit_code) Run.link_artifact(artifact) Run.log(step) Run.log(commit)
    Run.log_artifact(tags) Run.use_artifact(use_as) Run.alert(title) Run.alert(text) Run.alert(wait_duration)
    Run.define_metric(hidden) Run.define_metric(step_sync) Run.define_metric(overwrite) Run.display(height)
    Run.display(hidden) Run.log_code(include_fn) Run.log_code(exclude_fn) Run.tags= Run.save(glob)
    Run.pin_config_keys(keys) Run.unwatch(models) Run.watch(models) Run.watch(criterion) Run.watch(log)
    Run.watch(log_freq) Run.watch(idx) Run.watch(log_graph)
    """.split()
)


def places() -> Iterator[str]:
    """Every parameter of everything public, `Api.artifact(name)`, and every property that can be set."""
    yield from (f"init({name})" for name in inspect.signature(gitreg.init).parameters)
    for made in (gitreg.Api, gitreg.Artifact):
        yield from (f"{made.__name__}({name})" for name in inspect.signature(made).parameters)
    for kind in (gitreg.Api, gitreg.Artifact, gitreg.Run, ArtifactCollection, ArtifactFile, RunView):
        members = {name: found for base in reversed(kind.__mro__[:-1]) for name, found in vars(base).items()}
        for name, found in members.items():
            if name.startswith("_") or isinstance(found, classmethod):
                continue
            if isinstance(found, property) and found.fset:
                yield f"{kind.__name__}.{name}="
            elif inspect.isfunction(found):
                parameters = [*inspect.signature(found).parameters][1:]
                yield from (f"{kind.__name__}.{name}({parameter})" for parameter in parameters)


def test_no_place_of_the_library_is_forgotten() -> None:
    """A new parameter of something public needs a line in `CALLS`."""
    assert set(places()) == {place for place in CALLS if place[0] not in "cs"} | EXEMPT


def test_the_functions_of_the_module_take_what_the_methods_of_a_run_take() -> None:
    functions = {name: found for name, found in vars(module).items() if inspect.isfunction(found)}
    for name, function in functions.items():
        if function.__module__ != module.__name__:
            continue
        method = list(inspect.signature(getattr(gitreg.Run, name)).parameters)[1:]
        assert [*inspect.signature(function).parameters] == method


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the repository of this module lies."""
    return tmp_path_factory.mktemp("calls")


@pytest.fixture
def world(folder: Path, sh: Shell, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Path]:
    """The repository, made once, with an active run for the calls that need one."""
    if not (folder / "repo").exists():
        sh(STORY, cwd=folder)
    monkeypatch.chdir(folder / "repo")
    yield folder
    for run in list(session._session.open):
        run.finish()


@pytest.mark.parametrize("place", CALLS)
def test_a_bad_word_is_refused_before_anything_is_written(world: Path, tally: Tally, place: str, *, full: bool) -> None:
    kind, call = CALLS[place]
    if place.startswith(("Run", "config", "summary")):
        gitreg.init()
    wrong: list[str] = []
    before = badinput.snapshot(world)
    for family, words in FAMILIES[kind].items():
        tried = held = 0
        for word in words if full else words[:1]:
            problem = outcome(call, word)
            after = badinput.snapshot(world)
            found = [problem] if problem else []
            found += [f"changes {name}" for name in before.keys() | after.keys() if before.get(name) != after.get(name)]
            wrong += [f"{repr(word)[:40]}: {what[:300]}" for what in found]
            before = after
            tried, held = tried + 1, held + (not found)
        tally.add(INPUTS, f"import gitreg, {place}: {family}", tried=tried, held=held)
    assert not wrong, "\n".join(wrong)
    assert not list(world.rglob(MARK))


@pytest.mark.parametrize(
    "given",
    [
        "state", ["state"], {"$and": "state"}, {"$or": {"state": "finished"}}, {"$nor": [1]}, {"name": {"$regex": "("}},
        {"name": {"$regexp": "a"}}, {"$and": [{"$and": None}]}, {"name": {"$regex": "a" * 10_000 + "("}},
    ],
)  # fmt: skip
def test_what_is_no_filter_of_runs_is_refused(world: Path, tally: Tally, given: Any) -> None:
    with tally.attempt(INPUTS, "import gitreg, Api.runs(filters): what is no filter"):
        with pytest.raises(gitreg.UsageError) as caught:
            gitreg.Api().runs(filters=given)
        assert caught.value.hint


def outcome(call: Call, word: object) -> str:
    """What is wrong with how a word was refused; '' for nothing."""
    try:
        found = call(word)
    except (KeyError, FileNotFoundError) as error:
        # Python's own for what is not in a mapping or a directory, which W&B's documentation promises
        return "" if {"get_entry", "get_path", "remove"} & {*call.__code__.co_names} else repr(error)
    except gitreg.Error as error:
        if not error.hint:
            return f"no hint: {error}"
        return "" if len(str(error)) < 2_000 else f"too long to be read: {error}"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is none of gitreg's
        return repr(error)
    return f"taken: {found!r}"
