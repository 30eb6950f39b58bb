"""Every document that `--json` prints is what its JSON Schema says, in repositories of every kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import badinput
import pytest
from jsonschema import Draft202012Validator

from conftest import Shell

SCHEMAS = {
    file.name.removesuffix("-1.json"): json.loads(file.read_text(encoding="utf-8"))
    for file in (resources.files("gitreg") / "schemas").iterdir()
    if file.name.endswith(".json")
}

# Every command that can print a document, as it is tried in each repository; `{}` is the reference of a model.
TRIED = {
    "alias log": ["alias log {}:production --json", "alias log --all --json", "alias log --all --at now --json"],
    "alias ls": ["alias ls --json"],
    "diff": ["diff mnist:v0 {} --json", "diff train-1 evaluate-1 --json", "diff {} --json"],
    "doctor": ["doctor --json"],
    "fsck": ["fsck --json"],
    "lineage": ["lineage --all --json", "lineage {} --json"],
    "ls": ["ls --json", "ls {} --json", "ls mnist --json", "ls digits --deleted --json", "ls --deleted --json"],
    "pin": ["pin --json"],
    "plan": ["plan --json", "plan --head HEAD --json"],
    "apply": ["apply --dry-run --json", "apply --json"],
    "runs": ["runs --json"],
    "show": [
        *("show {} --json", "show {}:production --json", "show mnist:v0 --json", "show train-1 --json"),
        *("show mnist --json", "show digits:v1 --deleted --json", "show digits --deleted --json"),
    ],
    "status": ["status --json", "status --drift --json"],
    "steps": ["steps train-1 --json", "steps train-1 --limit 1 --json"],
}
# What a host is asked for; tests/hosts has its double.
ASKED = {"ci-approvals"}
# The documents about what others see.
PUBLISHED = {"apply", "drift", "plan"}
# A state of a repository, and how it comes about; the last line of each is the clone to look at.
STATES = {
    "a repository with nothing in it": "git init --quiet repo && cd repo && git commit --quiet --allow-empty -m start",
    "one that is set up and empty": """
        git init --quiet repo && cd repo && git commit --quiet --allow-empty -m start && gitreg init 2>/dev/null
    """,
    "versions that nobody can publish": """
        git init --quiet repo && cd repo && git commit --quiet --allow-empty -m start && gitreg init 2>/dev/null
        STORY
    """,
    "versions that are published, and some that are not": """
        git init --quiet --bare server.git && git init --quiet repo && cd repo
        git remote add origin ../server.git && gitreg init --storage ../storage 2>/dev/null
        git add . && git commit --quiet -m start
        STORY
        git push --quiet origin main 2>/dev/null
        echo more >>../model && gitreg put ../model --name mnist --type model 2>/dev/null
        gitreg alias set model/MNIST:staging v0 2>/dev/null
        mkdir -p .gitreg/aliases/model && cd .gitreg/aliases && echo 'a: {version: v0, reason: good}' >model/MNIST.yaml
        echo 'a: latest' >digits.yaml
    """,
    "a fresh clone that has only fetched tags": """
        git init --quiet --bare server.git && git init --quiet first && cd first
        git remote add origin ../server.git && gitreg init --storage ../storage 2>/dev/null
        git add . && git commit --quiet -m start
        STORY
        git push --quiet origin main 2>/dev/null
        cd .. && git clone --quiet server.git repo 2>/dev/null
    """,
    "a run that was killed, a damaged record and a tag of somebody's own": """
        git init --quiet repo && cd repo && git commit --quiet --allow-empty -m start && gitreg init 2>/dev/null
        STORY
        python -c 'import gitreg, os; gitreg.init(name="killed", dir="."); os._exit(9)' 2>/dev/null || true
        bad=$(git cat-file tag mnist@v0 | sed "s/schema: 1/schema: 9/" | git hash-object -t tag -w --stdin)
        git update-ref refs/tags/mnist@v1 "$bad" && git tag -a -m mine mine@v0
    """,
}
STORY = """
        echo data >../data && gitreg put ../data --name digits --type dataset 2>/dev/null
        echo model >../model
        gitreg run --name train-1 --job-type train --config lr=0.1 --config 'odd=.nan' --use digits -- \\
            gitreg put ../model --name mnist --type model --metadata 'nested={a: [1, null, .inf]}' 2>/dev/null
        gitreg run --name evaluate-1 --use mnist -- true 2>/dev/null
        gitreg link mnist:v0 model/MNIST --alias production 2>/dev/null
        gitreg alias set mnist:removed v0 2>/dev/null && gitreg alias rm mnist:removed --reason over 2>/dev/null
        gitreg edit mnist --description words --tag vision 2>/dev/null && gitreg edit mnist:v0 --tag small 2>/dev/null
        echo bad >../bad && gitreg put ../bad --name digits --type dataset 2>/dev/null
        gitreg delete digits:v1 --reason wrong 2>/dev/null
"""


def with_json() -> list[str]:
    """Every command that takes `--json`, as it is typed."""
    return [
        path for path, command in badinput.commands() if any("--json" in parameter.opts for parameter in command.params)
    ]


def test_every_command_with_a_document_has_a_schema_and_is_tried() -> None:
    assert {*with_json()} == {*TRIED}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_valid_says_what_it_is_and_leaves_nothing_open_by_accident(name: str) -> None:
    schema = SCHEMAS[name]
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"gitreg/{name}/1"
    assert schema["description"]
    for part in parts(schema):
        if "properties" in part:
            assert "additionalProperties" in part, part
            # what is not required is there now and then, which has to be meant
            assert set(part.get("required", ())) <= set(part["properties"]), part


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every mapping in a schema."""
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from parts(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from parts(value)


@pytest.mark.parametrize("state", STATES)
def test_every_document_is_what_its_schema_says(
    tmp_path: Path, sh: Shell, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    sh(STATES[state].replace("STORY", STORY))
    monkeypatch.chdir(tmp_path / "repo")
    printed: list[tuple[str, str]] = []
    for commands in TRIED.values():
        for line in commands:
            done = badinput.run(*line.replace("{}", "model/MNIST").split())
            # 2: nothing is applied where there is no remote
            assert done.code in (0, 1, 2, 3, 6), (line, done)
            if not done.out:
                # what is not there is an error, and no document
                assert done.err.startswith("error: "), (line, done)
                continue
            document = json.loads(done.out, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
            name = document["schema"].removeprefix("gitreg/").removesuffix("/1")
            assert name in SCHEMAS, f"gitreg/schemas/{name}-1.json does not exist"
            found = Draft202012Validator(SCHEMAS[name]).iter_errors(document)
            wrong = [f"{error.json_path}: {error.message}" for error in found]
            assert not wrong, (line, wrong)
            printed.append((line, name))
    # lists and checks have something to say of any repository
    lines = {line for line, _ in printed}
    assert {"ls --json", "runs --json", "alias ls --json", "status --json", "doctor --json"} <= lines
    if "STORY" in STATES[state]:
        assert {"ls mnist --json", "show mnist:v0 --json", "fsck --json"} <= lines
        # no schema is left of what is no longer printed
        is_published = "git push" in STATES[state] and (tmp_path / "repo/.gitreg").exists()
        unsaid = {*SCHEMAS} - ASKED - {name for _, name in printed}
        assert unsaid <= (set() if is_published else PUBLISHED)
