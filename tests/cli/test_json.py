"""`--json`: one document with its schema, with the fields that other programs rely on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import Shell

STORY = """
git init --quiet --bare ../server.git && git remote add origin ../server.git
gitreg init --storage ../storage 2>/dev/null && git add . && git commit --quiet -m 'set up gitreg'
mkdir ../data && echo one >../data/a.txt && echo two >'../data/b c.txt'
gitreg put ../data --name digits --type dataset --description 'two files' 2>/dev/null
echo weights >../model.pt
gitreg run --name train-1 --job-type train --config lr=0.1 --use digits -- \
    gitreg put ../model.pt --name mnist --type model --metadata accuracy=0.97 --metadata 'worst=.nan' 2>/dev/null
gitreg run --name evaluate-1 --job-type evaluate --use mnist:v0 -- true 2>/dev/null
gitreg link mnist:v0 model/MNIST --alias staging
gitreg alias set model/MNIST:production v0 --reason 'better' 2>/dev/null
gitreg alias rm model/MNIST:staging --reason 'done' 2>/dev/null
"""

Read = Callable[[str], Any]


@pytest.fixture
def read(repo: Path, sh: Shell) -> Read:
    """`read("ls")`: the document that `gitreg ls --json` prints."""
    sh(STORY, cwd=repo)

    def run(line: str) -> Any:
        option = "--format json" if line.startswith("lineage") else "--json"
        text = sh(f"gitreg {line} {option} 2>stderr; test ! -s stderr; rm stderr", cwd=repo)
        return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))

    return run


def test_every_reading_command_prints_one_document_with_its_schema(read: Read) -> None:
    for line, command in {
        "ls": "ls",
        "ls mnist": "ls",
        "show mnist:v0": "version",
        "show mnist": "collection",
        "show train-1": "run",
        "diff mnist:v0 model/MNIST:v0": "diff",
        "runs": "runs",
        "alias ls": "alias-ls",
        "alias log model/MNIST:production": "alias-log",
        "status": "status",
        "lineage mnist:v0": "lineage",
        "lineage --all": "lineage",
    }.items():
        assert read(line)["schema"] == f"gitreg/{command}/1"


def test_show_tells_everything_about_a_version(read: Read, repo: Path, sh: Shell) -> None:
    shown = read("show mnist:v0")
    commit = sh("git rev-parse 'refs/gitreg/drafts/mnist@v0^{commit}'", cwd=repo).strip()
    weights = b"weights\n"
    run = shown.pop("run")
    assert {key: run[key] for key in ("name", "job_type", "state", "config")} == {
        "name": "train-1",
        "job_type": "train",
        "state": "finished",
        "config": {"lr": 0.1},
    }
    data = read("show digits:v0")
    assert shown.pop("inputs") == [
        {
            "artifact": "digits",
            "version": "v0",
            "commit": data["commit"],
            "digest": data["digest"],
            "type": "dataset",
            "size": 8,
            "files": 2,
        }
    ]
    (named,) = shown.pop("named_by")
    assert named == {
        "alias": "model/MNIST:production",
        "version": "model/MNIST:v0",
        "since": "2026-01-02T03:04:05Z",
        "by": "Test User <test@example.org>",
        "reason": "better",
        "previous": None,
        "published": False,
        "until": None,
        "behind": {},
        "evidence": [],
    }
    (user,) = shown.pop("used_by")
    assert (user["name"], user["job_type"], user["state"]) == ("evaluate-1", "evaluate", "finished")
    head = sh("git rev-parse HEAD", cwd=repo).strip()
    assert shown.pop("code") == {"commit": head, "snapshot": False, "base": None, "error": None}
    assert shown == {
        "schema": "gitreg/version/1",
        "collection": "mnist",
        "version": "v0",
        "published": False,
        "type": "model",
        "description": "",
        "references": [],
        "tags": [],
        "deleted": None,
        "digest": shown["digest"],
        "size": 8,
        "files": [
            {
                "path": "model.pt",
                "size": 8,
                "md5": hashlib.md5(weights).hexdigest(),
                "sha256": hashlib.sha256(weights).hexdigest(),
            }
        ],
        "aliases": [],
        "links": ["model/MNIST:v0"],
        "link": None,
        "metadata": {"accuracy": 0.97, "worst": None},
        "asked": None,
        "metrics": {},
        "history": {"steps": 0, "metrics": {}},
        "tag": "mnist@v0",
        "ref": "refs/gitreg/drafts/mnist@v0",
        "commit": commit,
        "created": "2026-01-02T03:04:05Z",
        "by": "Test User <test@example.org>",
    }


def test_show_of_a_link_names_its_source_and_its_own_aliases(read: Read) -> None:
    shown = read("show model/MNIST:production")
    assert (shown["collection"], shown["version"], shown["aliases"]) == ("model/MNIST", "v0", ["production"])
    assert shown["link"] == {"artifact": "mnist:v0", "commit": shown["commit"]}
    assert shown["tag"] == "model/MNIST@v0"


def test_show_says_when_it_is_published_and_under_which_ref(read: Read, repo: Path, sh: Shell) -> None:
    sh("git push --quiet origin main", cwd=repo)
    shown = read("show mnist:v0")
    assert (shown["published"], shown["ref"]) == (True, "refs/tags/mnist@v0")
    assert sh(f"git rev-parse '{shown['ref']}^{{commit}}'", cwd=repo).strip() == shown["commit"]


def test_alias_log_is_the_moves_the_newest_first(read: Read) -> None:
    document = read("alias log model/MNIST:staging")
    assert document["alias"] == "model/MNIST:staging"
    removed, made = document["moves"]
    assert set(removed) >= {"seq", "action", "version", "previous", "commit", "by", "at", "reason"}
    assert (removed["seq"], removed["action"], removed["version"], removed["commit"]) == (2, "delete", None, None)
    assert (removed["previous"], removed["reason"]) == ("v0", "done")
    assert (made["seq"], made["action"], made["version"], made["previous"]) == (1, "set", "v0", None)
    assert made["commit"] == read("show mnist:v0")["commit"]
    assert (made["by"], made["at"]) == ("Test User <test@example.org>", "2026-01-02T03:04:05Z")


def test_lineage_is_nodes_and_edges(read: Read) -> None:
    graph = read("lineage mnist:v0")
    nodes = {node["id"]: node for node in graph["nodes"]}
    assert all(set(node) >= {"id", "kind", "label", "type", "aliases", "state"} for node in nodes.values())
    assert {(node["kind"], node["label"], node["type"]) for node in nodes.values() if node["kind"] == "artifact"} == {
        ("artifact", "digits:v0", "dataset"),
        ("artifact", "mnist:v0", "model"),
    }
    edges = {(nodes[edge["from"]]["label"], nodes[edge["to"]]["label"], edge["kind"]) for edge in graph["edges"]}
    assert {
        ("digits:v0", "train-1", "used"),
        ("train-1", "mnist:v0", "logged"),
        ("mnist:v0", "evaluate-1", "used"),
    } < edges


def test_ls_lists_collections_and_versions(read: Read) -> None:
    lines = {line["collection"]: line for line in read("ls")["collections"]}
    assert list(lines) == ["digits", "mnist", "model/MNIST"]
    assert lines["model/MNIST"]["registered"] is True
    assert lines["mnist"] == {
        "collection": "mnist",
        "type": "model",
        "versions": 1,
        "unpublished": 1,
        "latest": "v0",
        "aliases": [],
        "tags": [],
        "registered": False,
        "created": "2026-01-02T03:04:05Z",
        "by": "Test User <test@example.org>",
        "size": 8,
        "files": 1,
        "project": "",
        "metadata": {"accuracy": 0.97, "worst": None},
        "config": {"lr": 0.1},
        "summary": {},
    }
    (version,) = read("ls mnist")["versions"]
    assert (version["version"], version["size"], version["files"], version["published"]) == ("v0", 8, 1, False)


def test_runs_lists_what_they_used_and_made(read: Read) -> None:
    runs = {run["name"]: run for run in read("runs")["runs"]}
    assert runs["train-1"]["outputs"] == ["mnist:v0"]
    assert [use["artifact"] for use in runs["evaluate-1"]["inputs"]] == ["mnist"]
    assert runs["train-1"]["published"] is False


def test_status_lists_what_is_pending(read: Read, repo: Path, sh: Shell) -> None:
    document = read("status")
    assert document["pending"]["versions"] == ["digits:v0", "mnist:v0", "model/MNIST:v0"]
    assert document["pending"]["aliases"] == ["model/MNIST:production", "model/MNIST:staging"]
    assert {"train-1", "evaluate-1"} <= {run["name"] for run in document["pending"]["runs"]}
    sh("git push --quiet origin main", cwd=repo)
    assert read("status")["pending"] == {"versions": [], "runs": [], "aliases": [], "edits": []}


def test_it_is_the_same_bytes_every_time(read: Read, repo: Path, sh: Shell) -> None:
    for line in (
        "ls --json",
        "show mnist --json",
        "runs --json",
        "lineage --all --format json",
        "lineage mnist --format dot",
    ):
        assert len({sh(f"gitreg {line}", cwd=repo) for _ in range(2)}) == 1
    before = sh("gitreg lineage --all --format json", cwd=repo)
    sh("rm .git/gitreg/index*", cwd=repo)
    assert sh("gitreg lineage --all --format json", cwd=repo) == before


@pytest.mark.parametrize(("command", "field"), [("ls", "collections"), ("runs", "runs"), ("alias ls", "aliases")])
def test_an_empty_repository_is_an_empty_list(repo: Path, sh: Shell, command: str, field: str) -> None:
    assert json.loads(sh(f"gitreg {command} --json", cwd=repo))[field] == []
