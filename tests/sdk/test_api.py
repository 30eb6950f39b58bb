from __future__ import annotations

import copy
import json
import logging
import operator
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gitreg
from conftest import Shell
from gitreg.errors import NewerSchemaError, NotFoundError, TypeMismatchError


@pytest.fixture
def filled(project: Path) -> Path:
    """Three runs: a dataset, a model from it, and a failed try."""
    with gitreg.init(id="build", project="digits", job_type="build", tags=["data"], config={"seed": 0}) as run:
        data = gitreg.Artifact("digits", "dataset")
        data.add_file("README")
        run.log_artifact(data)
    with gitreg.init(id="train", project="digits", job_type="train", notes="why", config={"lr": 0.1, "n": 64}) as run:
        run.use_artifact("digits")
        run.log({"acc": 0.9})
        run.log_model("README", name="net")
        run.log_artifact("README", name="net", type="model")
        run.log({"acc": 0.8})
    with gitreg.init(id="worse", project="other", entity="team", job_type="train", config={"lr": 0.5}) as run:
        run.log({"acc": 0.7})
        run.finish(exit_code=1)
    return project


def ids(**arguments: Any) -> list[str]:
    return [run.id for run in gitreg.Api().runs(**arguments)]


def test_a_run_tells_what_it_was(filled: Path, sh: Shell) -> None:
    run = gitreg.Api().run("digits/train")
    assert (run.id, run.state, run.job_type, run.notes, run.project) == ("train", "finished", "train", "why", "digits")
    assert (run.config, run.summary, run.tags, run.group, run.entity) == (
        {"lr": 0.1, "n": 64},
        {"acc": 0.8},
        [],
        "",
        "",
    )
    assert run.created_at == "2026-01-02T03:04:05Z"
    assert run.commit == sh("git rev-parse HEAD", cwd=filled).strip()
    assert [artifact.name for artifact in run.used_artifacts()] == ["digits:v0"]
    assert [artifact.name for artifact in run.logged_artifacts()] == ["net:v0"]
    assert gitreg.Api().run("team/other/worse").path == ["team", "other", "worse"]
    with pytest.raises(NotFoundError, match="run 'trian' not found") as caught:
        gitreg.Api().run("trian")
    assert caught.value.hint == "did you mean 'train'?"


CHANGES: dict[str, Callable[[Any], object]] = {
    "summary item": lambda run: run.summary.__setitem__("x", 1),
    "summary update": lambda run: run.summary.update({"x": 1}),
    "summary or": lambda run: run.summary.__ior__({"x": 1}),
    "summary clear": lambda run: run.summary.clear(),
    "config item": lambda run: operator.delitem(run.config, "lr"),
    "config nested": lambda run: run.config["deep"].__setitem__("a", 1),
    "config list": lambda run: run.config["deep"]["list"].append(1),
    "config default": lambda run: run.config.setdefault("x", 1),
    "tags append": lambda run: run.tags.append("q"),
    "tags add": lambda run: run.tags.__iadd__(["q"]),
    "tags slice": lambda run: operator.setitem(run.tags, slice(0), ["q"]),
    "tags sort": lambda run: run.tags.sort(),
    "update": lambda run: run.update(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_run_that_was_read_refuses_to_be_changed(project: Path, change: Callable[[Any], object]) -> None:
    gitreg.init(id="one", tags=["b", "a"], config={"lr": 1, "deep": {"list": [0]}}).finish()
    run = gitreg.Api().run("one")
    with pytest.raises(gitreg.UsageError, match="run 'one' is recorded and never changes") as caught:
        change(run)
    assert caught.value.hint == 'go on with it and log what is new: init(id="one", resume="must")'


def test_what_was_read_of_a_run_can_be_copied_and_passed_on(project: Path) -> None:
    config = {"lr": 0.1, "deep": {"list": [1, {"a": 2}]}}
    gitreg.init(id="one", tags=["b", "a"], config=config).finish()
    run = gitreg.Api().run("one")
    assert (json.loads(json.dumps(run.config)), run.tags) == (config, ["b", "a"])
    assert isinstance(run.config, dict)
    copied = copy.deepcopy(run.config)
    copied["deep"]["list"].append(3)
    assert (type(copied), type(copied["deep"])) == (dict, dict)
    assert {**run.config, "lr": 1} == config | {"lr": 1}
    with gitreg.init(id="two", config=run.config, tags=run.tags) as second:
        second.config.update(run.config)
        second.summary.update(run.config)
    assert gitreg.Api().run("two").config == gitreg.Api().run("two").summary == config


def test_a_run_has_the_other_names_of_what_it_knows(filled: Path) -> None:
    run = gitreg.Api().run("train")
    assert (run.display_name, run.summary_metrics) == (run.name, {"acc": 0.8})
    assert run.user is not None
    assert (run.user.name, run.user.email) == ("Test User", "test@example.org")


def test_a_run_that_goes_on_is_seen_with_what_it_has_not_committed(project: Path) -> None:
    run = gitreg.init(id="live", config={"a": 1})
    run.log({"loss": 1})
    run.log_artifact("README", name="readme")
    run.log({"loss": 0.5})
    run.use_artifact("readme")
    view = gitreg.Api().run("live")
    assert (view.state, view.config, view.summary) == ("running", {"a": 1}, {"loss": 0.5})
    assert [artifact.name for artifact in view.logged_artifacts()] == ["readme:v0"]
    assert [artifact.name for artifact in view.used_artifacts()] == ["readme:v0"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["build", "train", "worse"]),
        ({"state": "failed"}, ["worse"]),
        ({"jobType": "train", "state": "finished"}, ["train"]),
        ({"config.lr": 0.1}, ["train"]),
        ({"config.lr": {"$gt": 0.1}}, ["worse"]),
        ({"config.lr.value": {"$lte": 0.1}}, ["train"]),
        ({"config.lr": {"$gte": 0.1, "$lt": 0.5}}, ["train"]),
        ({"config.lr": {"$exists": False}}, ["build"]),
        ({"summary_metrics.acc": {"$in": [0.7, 0.8]}}, ["train", "worse"]),
        ({"summary.acc": {"$nin": [0.7]}}, ["build", "train"]),
        ({"tags": "data"}, ["build"]),
        ({"tags": {"$in": ["data", "x"]}}, ["build"]),
        ({"job_type": {"$ne": "train"}}, ["build"]),
        ({"id": {"$regex": "^tr"}}, ["train"]),
        ({"$or": [{"id": "build"}, {"config.lr": 0.5}]}, ["build", "worse"]),
        ({"$and": [{"job_type": "train"}, {"$nor": [{"state": "failed"}]}]}, ["train"]),
        ({"notes": {"$gt": 3}}, []),
    ],
)
def test_runs_are_filtered_as_in_wandb(filled: Path, filters: Any, expected: list[str]) -> None:
    assert ids(filters=filters) == expected


def test_runs_are_ordered_by_any_key(filled: Path) -> None:
    assert ids(order="-summary_metrics.acc") == ["train", "worse", "build"]
    assert ids(order="+config.lr") == ["train", "worse", "build"]
    assert ids(order="-id") == ["worse", "train", "build"]
    assert ids(path="digits") == ids(path="team/digits") == ["build", "train"]


def test_a_filter_or_order_that_means_nothing_is_refused(filled: Path) -> None:
    for arguments in (
        {"filters": {"colour": 1}},
        {"filters": {"id": {"$near": 1}}},
        {"order": "-colour"},
        {"order": ""},
    ):
        with pytest.raises(gitreg.UsageError):
            ids(**arguments)


def test_artifacts_are_listed_newest_first(filled: Path) -> None:
    with gitreg.init() as run:
        run.log_artifact(filled / ".dvc", name="net", type="model", aliases=["best"])
        run.link_artifact(gitreg.Api().artifact("net"), "Net")
    api = gitreg.Api()
    assert [artifact.name for artifact in api.artifacts("model", "net")] == ["net:v1", "net:v0"]
    assert [artifact.name for artifact in api.artifacts("model")] == ["net:v1", "net:v0", "model/Net:v0"]
    assert [item.name for item in api.artifact_collections()] == ["digits", "net", "model/Net"]
    assert (api.artifact_collection("model", "net").aliases, api.artifact_exists("net:best")) == (["best"], True)
    assert [api.artifact_exists(name) for name in ("net:v0", "net:v7", "no", "no:best")] == [True, False, False, False]
    assert (api.artifact_exists("net", "model"), api.artifact_exists("net", "dataset")) == (True, False)
    with pytest.raises(TypeMismatchError):
        api.artifacts("dataset", "net")
    with pytest.raises(NotFoundError):
        api.artifacts("model", "none")


class TestCollections:
    @pytest.fixture
    def api(self, filled: Path) -> gitreg.Api:
        with gitreg.init() as run:
            for number in range(3):
                (filled / "README").write_text(f"{number}\n")
                made = run.log_artifact("README", name="net", type="model", aliases=[f"alias-{number}"])
                run.link_artifact(made, "Net", aliases=["production"] if number == 1 else None)
                run.link_artifact(made, "archive/Old")
        return gitreg.Api(timeout=30, overrides={"entity": "team"})

    def test_versions_can_be_asked_for_oldest_first_and_by_tag(self, api: gitreg.Api) -> None:
        found = api.artifacts("model", "net")
        assert (len(found), found[0].name, found[-1].name) == (4, "net:v3", "net:v0")
        assert [item.name for item in found[1:3]] == ["net:v2", "net:v1"]
        assert [item.name for item in found[::-1]] == ["net:v0", "net:v1", "net:v2", "net:v3"]
        with pytest.raises(IndexError, match="there are 4"):
            found[4]
        oldest = api.artifacts("model", "net", order="+created_at", per_page=2)
        assert [item.version for item in oldest] == ["v0", "v1", "v2", "v3"]
        oldest[1].tags = ["good", "tested"]
        oldest[1].save()
        oldest[2].tags = ["good"]
        oldest[2].save()
        assert [item.name for item in api.artifacts("model", "net", tags=["good", "tested"])] == ["net:v1"]
        assert [item.name for item in api.artifacts("model", tags="good")] == ["net:v2", "net:v1"]
        with pytest.raises(gitreg.UsageError, match="order '-size' is not known"):
            api.artifacts("model", "net", order="-size")

    def test_types_lead_to_collections(self, api: gitreg.Api) -> None:
        assert [item.name for item in api.artifact_types()] == ["dataset", "model"]
        kind = api.artifact_type("model", "team/digits")
        assert [item.name for item in kind.collections()] == ["net", "archive/Old", "model/Net"]
        assert kind.collection("net").artifacts()[0].name == "net:v3"
        assert [item.name for item in api.artifact_collections("dataset")] == ["digits"]
        assert [item.name for item in api.artifact_collections("team/digits", "dataset")] == ["digits"]
        exist = [
            api.artifact_collection_exists(*words) for words in (("net", "model"), ("net", "dataset"), ("no", "model"))
        ]
        assert exist == [True, False, False]
        with pytest.raises(NotFoundError, match="type 'table' not found"):
            api.artifact_type("table")

    def test_registries_lead_to_collections_and_versions(self, api: gitreg.Api) -> None:
        assert [(item.name, item.full_name) for item in api.registries()] == [
            ("archive", "wandb-registry-archive"),
            ("model", "wandb-registry-model"),
        ]
        assert [item.name for item in api.registries(filter={"name": {"$regex": "mod"}})] == ["model"]
        assert [item.name for item in api.registries().collections(filter={"name": "Old"})] == ["archive/Old"]
        found = api.registries().collections(filter={"name": "Net"}).versions(filter={"alias": "production"})
        assert [item.name for item in found] == ["model/Net:v1"]
        either = {"$or": [{"alias": "production"}, {"version": "v0"}]}
        assert [item.name for item in api.registries(filter={"name": "model"}).versions(filter=either)] == [
            "model/Net:v1",
            "model/Net:v0",
        ]
        registry = api.registry("wandb-registry-model")
        assert [item.name for item in registry.collections()] == ["model/Net"]
        assert (len(registry.versions()), registry.versions()[0].source_name) == (3, "net:v3")
        with pytest.raises(NotFoundError, match="registry 'none' not found") as caught:
            api.registry("none")
        assert caught.value.hint == "this repository has archive, model"
        for wrong in (lambda: api.registries(filter={"colour": 1}), lambda: registry.versions({"colour": 1})):
            with pytest.raises(gitreg.UsageError, match="have no 'colour'"):
                list(wrong())
        with pytest.raises(gitreg.UsageError, match="order '-name' is not known"):
            api.registries(order="-name")

    def test_a_version_is_read_when_it_is_looked_at(self, api: gitreg.Api, filled: Path, sh: Shell) -> None:
        sh("git tag --annotate --message mine net@v4", filled)
        sh("printf 'net:v5\\n\\nGitreg-Version: ---\\n  schema: 99\\n' | git tag --annotate --file - net@v5", filled)
        found = api.artifacts(name="net")
        assert (len(found), found[1].name) == (5, "net:v3")
        with pytest.raises(NewerSchemaError, match="schema 99"):
            found[0].name  # noqa: B018

    @pytest.mark.parametrize(("name", "count", "before"), [("net", 5, 0), (None, 12, 1)])
    def test_to_count_versions_in_any_order_reads_none(  # noqa: PLR0917  # a table's row
        self, api: gitreg.Api, filled: Path, sh: Shell, name: str | None, count: int, before: int
    ) -> None:
        sh("printf 'net:v5\\n\\nGitreg-Version: ---\\n  schema: 99\\n' | git tag --annotate --file - net@v5", filled)
        newest, oldest = (api.artifacts(name=name, order=order) for order in (None, "+created_at"))
        assert (len(newest), len(oldest)) == (count, count)
        assert [item.name for item in oldest[before : before + 4]] == [f"net:v{number}" for number in range(4)]
        assert [item.name for item in newest[before + 1 : before + 3]] == ["net:v3", "net:v2"]
        for found, number in ((newest, before), (oldest, before + 4)):
            with pytest.raises(NewerSchemaError, match="schema 99"):
                found[number]


def test_a_run_is_found_by_its_name_too(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with gitreg.init(id="one", name="morning") as first:
        first.log({"a": 1})
        monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-01-02T03:04:06Z")
        with gitreg.init(id="again", name="morning", reinit="create_new") as second:
            second.use_artifact("digits")
    api = gitreg.Api()
    assert api.run("team/digits/morning").id == second.id
    assert (api.run("one").id, api.from_path("team/digits/runs/one").name) == ("one", "morning")
    version = api.from_path("team/digits/digits:v0")
    assert isinstance(version, gitreg.Artifact)
    with pytest.raises(gitreg.CommError, match="'evening' not found"):
        api.run("evening")


def test_what_was_read_can_be_forgotten(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = gitreg.Api()
    registry = api._registry
    api.flush()
    assert api._registry is not registry
    assert api.default_entity is None
    monkeypatch.setenv("GITREG_ENTITY", "team")
    assert api.default_entity == "team"


def test_reading_makes_no_run_an_input(filled: Path) -> None:
    with gitreg.init(id="reader"):
        gitreg.Api().artifact("digits").download("data")
    assert gitreg.Api().run("reader").used_artifacts() == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_reading_needs_no_write_access(filled: Path, sh: Shell) -> None:
    sh("chmod -R a-w .git", cwd=filled)
    try:
        assert ids() == ["build", "train", "worse"]
        assert [run.id for run in gitreg.Api().artifact("digits").used_by()] == ["train"]
    finally:
        sh("chmod -R u+w .git", cwd=filled)


def test_a_bare_repository_can_be_read(filled: Path, tmp_path: Path, sh: Shell) -> None:
    sh("git clone --quiet --mirror repo bare.git")
    api = gitreg.Api(dir=tmp_path / "bare.git")
    artifact = api.artifact("net")
    assert (artifact.type, [file.path for file in artifact.files()]) == ("model", ["README"])
    assert [run.id for run in artifact.used_by()] == []
    assert [run.id for run in api.runs()] == ["build", "train", "worse"]


def test_a_plain_clone_has_the_runs_that_its_tags_lead_to(filled: Path, tmp_path: Path, sh: Shell) -> None:
    # no refspec for refs/gitreg/, which only 'gitreg init' adds; the model's commit is on the run that made it
    sh("git clone --quiet repo plain", cwd=tmp_path)
    api = gitreg.Api(dir=tmp_path / "plain")
    assert [run.id for run in api.runs()] == ["build", "train"]
    assert api.run("train").config == {"lr": 0.1, "n": 64}
    made_by = api.artifact("net").logged_by()
    assert made_by
    assert made_by.id == "train"
    assert [run.id for run in api.artifact("digits").used_by()] == ["train"]


def test_a_run_that_cannot_be_read_hides_no_other(filled: Path, sh: Shell) -> None:
    broken = """
        ref=refs/gitreg/runs/tr/train
        commit=$(git cat-file commit $ref | sed 's/^  schema: 1/  schema: 99/' | git hash-object -t commit -w --stdin)
        git update-ref $ref $commit
    """
    sh(broken, cwd=filled)
    assert ids() == ["build", "worse"]
    assert gitreg.Api().artifact("digits").used_by() == []
    with pytest.raises(NewerSchemaError, match="schema 99"):
        gitreg.Api().run("train")


def test_a_run_that_has_logged_nothing_is_not_the_run_whose_commit_it_started_at(project: Path, sh: Shell) -> None:
    with gitreg.init(id="first") as run:
        run.log_artifact("README", name="readme")
    sh("git checkout --quiet readme@v0", cwd=project)
    gitreg.init(id="second")
    assert gitreg.Api().run("second").logged_artifacts() == []


def test_nothing_is_logged_or_printed_by_reading(
    filled: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "gitreg"):
        gitreg.Api().artifact("net").download("x")
        ids()
    assert capfd.readouterr() == ("", "")
    assert [record for record in caplog.records if record.name.startswith("gitreg")] == []
