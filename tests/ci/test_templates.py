"""What `gitreg ci init` writes: audited, valid by each host's schema, and the same on every host."""

from __future__ import annotations

import json
import re
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from conftest import Shell

if TYPE_CHECKING:
    from actions import Tools

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATES = ROOT / "templates" / "ci"
HOSTS = ("github", "gitlab", "forgejo", "shell")
WORKFLOWS = ("gitreg-apply.yml", "gitreg-drift.yml", "gitreg-plan.yml", "gitreg-train.yml")


def written(repo: Path, sh: Shell, host: str, words: str = "") -> Path:
    """A repository with the files of a host."""
    sh(f"gitreg ci init {host} {words}", cwd=repo)
    return repo


def checked(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def workflow(repo: Path, name: str, host: str = "github") -> dict[str, Any]:
    document = yaml.safe_load((repo / f".{host}" / "workflows" / name).read_text())
    assert isinstance(document, dict)
    # to YAML 1.1 the word `on` is a truth
    return document | {"on": document[True]}


def steps(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in document["jobs"].values() for step in job["steps"]]


def test_an_audit_of_the_workflows_finds_nothing(repo: Path, sh: Shell) -> None:
    written(repo, sh, "github")
    said = checked("zizmor", "--offline", "--pedantic", "--no-progress", "--color=never", ".", cwd=repo)
    assert said.count("completed") == len(WORKFLOWS)
    assert "No findings to report" in said


def test_the_files_are_as_each_host_s_schema_wants_them(repo: Path, sh: Shell) -> None:
    written(repo, sh, "github")
    written(repo, sh, "gitlab")
    ours = sorted((repo / ".github" / "workflows").iterdir())
    assert [file.name for file in ours] == list(WORKFLOWS)
    checked("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *ours, cwd=repo)
    gitlab = ("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci")
    checked("check-jsonschema", *gitlab, ".gitlab-ci.yml", ".gitlab/gitreg/gitreg.yml", cwd=repo)


def test_rights_are_given_to_single_jobs_and_only_apply_and_training_may_write(repo: Path, sh: Shell) -> None:
    written(repo, sh, "github")
    rights: dict[str, dict[str, str]] = {}
    for name in WORKFLOWS:
        document = workflow(repo, name)
        assert document["permissions"] == {}
        rights |= {job: words["permissions"] for job, words in document["jobs"].items()}
    assert rights == {
        "apply": {"contents": "write", "pull-requests": "read"},
        "deploy": {"contents": "read"},
        "lineage": {"contents": "read"},
        "page": {"pages": "write", "id-token": "write"},
        "drift": {"contents": "read"},
        "plan": {"contents": "read", "pull-requests": "write"},
        "train": {"contents": "write"},
    }


def test_nothing_is_interpolated_into_scripts_kept_in_caches_or_run_for_a_stranger(repo: Path, sh: Shell) -> None:
    written(repo, sh, "github")
    for name in WORKFLOWS:
        document = workflow(repo, name)
        assert "pull_request_target" not in document["on"]
        for step in steps(document):
            assert "${{" not in step.get("run", "")
            # what lies in the current directory, a request's files, would be imported before Python's own modules
            assert not re.search(r"python3? +(-c|-m)", step.get("run", ""))
            assert "cache" not in step.get("uses", "") + json.dumps(step.get("with", {}))
            assert re.search(r"@[0-9a-f]{40}$", step["uses"]) if "uses" in step else "run" in step
            if "checkout" in step.get("uses", ""):
                assert step["with"] == {"fetch-depth": 0, "persist-credentials": False}


def test_the_token_is_in_the_environment_of_no_step_that_runs_what_is_yours(repo: Path, sh: Shell) -> None:
    written(repo, sh, "github")
    found = {
        step["name"]
        for name in WORKFLOWS
        for step in steps(workflow(repo, name))
        if "GITHUB_TOKEN" in step.get("env", {})
    }
    assert not found & {"Train", "Deploy", "Install gitreg", "Plan"}
    jobs = [job for name in WORKFLOWS for job in workflow(repo, name)["jobs"].values()]
    assert not any("GITHUB_TOKEN" in job.get("env", {}) for job in jobs)


def test_forgejo_runs_the_same_as_github(repo: Path, sh: Shell) -> None:
    written(repo, sh, "github")
    written(repo, sh, "forgejo")
    for name in WORKFLOWS:
        one, other = workflow(repo, name), workflow(repo, name, "forgejo")
        assert other["on"] == one["on"]
        for job, words in other["jobs"].items():
            theirs = one["jobs"][job]
            scripts = [step.get("run", "").replace("[gitea]", "[github]") for step in words["steps"]]
            # what a workflow is run for differs
            scripts = [script.replace("refs/remotes/origin/$GITHUB_BASE_REF", "$GITHUB_SHA^1") for script in scripts]
            assert scripts == [step.get("run", "") for step in theirs["steps"]][: len(scripts)]
            assert {key: words.get(key) for key in ("needs", "if", "outputs", "strategy", "permissions")} == {
                key: theirs.get(key) for key in ("needs", "if", "outputs", "strategy", "permissions")
            }
            used = [step["uses"] for step in words["steps"] if "uses" in step]
            assert all(re.fullmatch(r"https://data\.forgejo\.org/\S+@[0-9a-f]{40}", action) for action in used)


def test_the_rules_are_documents_that_protect_versions_and_the_default_branch() -> None:
    documents = {str(path.relative_to(TEMPLATES)): json.loads(path.read_text()) for path in TEMPLATES.rglob("*.json")}
    tags = documents["github/.github/rulesets/version-tags.json"]
    assert [rule["type"] for rule in tags["rules"]] == ["update", "deletion"]
    assert tags["conditions"]["ref_name"]["include"] == ["refs/tags/*@v*", "refs/tags/**/*@v*"]
    branch = documents["github/.github/rulesets/default-branch.json"]
    assert [rule["type"] for rule in branch["rules"]] == [
        "deletion",
        "non_fast_forward",
        "pull_request",
        "required_status_checks",
    ]
    plan = yaml.safe_load((TEMPLATES / "github/.github/workflows/gitreg-plan.yml").read_text())
    (check,) = branch["rules"][-1]["parameters"]["required_status_checks"]
    assert check["context"] == plan["jobs"]["plan"]["name"]
    assert documents["gitlab/.gitlab/gitreg/protected-tag.json"]["name"] == "*@v*"
    assert all(document for document in documents.values())


@pytest.mark.parametrize("host", HOSTS)
def test_what_is_written_needs_no_second_look_at_placeholders(repo: Path, sh: Shell, host: str) -> None:
    # to YAML 1.0 would be a number
    written(repo, sh, host, "--branch 1.0")
    texts = [path.read_text() for path in repo.rglob("*") if path.is_file() and ".git/" not in str(path)]
    assert not any("$default-branch" in text or "$gitreg-version" in text for text in texts)
    if host in ("github", "forgejo"):
        assert workflow(repo, "gitreg-plan.yml", host)["on"]["pull_request"] == {"branches": ["1.0"]}


def test_scripts_are_as_shellcheck_wants_them(need: Callable[[str], str]) -> None:
    scripts = sorted((TEMPLATES / "shell").rglob("*.sh"))
    assert len(scripts) == 5
    checked(need("shellcheck"), *scripts, cwd=ROOT)


@pytest.mark.xdist_group("ci")
def test_the_wheel_brings_every_template(tools: Tools) -> None:
    (wheel,) = tools.wheels.glob("gitreg-*.whl")
    brought = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("gitreg/_templates/ci/")}
    ours = {f"gitreg/_templates/ci/{path.relative_to(TEMPLATES)}" for path in TEMPLATES.rglob("*") if path.is_file()}
    assert brought == ours


class TestInit:
    def test_it_is_done_once_and_says_what_comes_next(self, repo: Path, sh: Shell) -> None:
        said = sh("gitreg ci init github --owner @team/a --owner @team/b 2>&1", cwd=repo)
        assert "created .github/workflows/gitreg-plan.yml" in said
        (following,) = re.findall(r"^next: (git add .*)$", said, re.MULTILINE)
        assert sh(f"{following} && git status --porcelain", cwd=repo).count("A  ") == len(WORKFLOWS) + 3
        assert "nothing to do" in sh("gitreg ci init github --owner @team/a 2>&1", cwd=repo)
        assert "names other owners of /.gitreg/" in sh("gitreg ci init github --owner @team/c 2>&1", cwd=repo)
        assert "'team' cannot own files" in sh("! gitreg ci init github --owner team 2>&1", cwd=repo)
        assert (repo / ".github" / "CODEOWNERS").read_text().startswith("/.gitreg/ @team/a @team/b\n")

    def test_owners_are_named_as_the_host_reads_them(self, repo: Path, sh: Shell) -> None:
        sh("gitreg ci init forgejo --owner @team/a --branch main", cwd=repo)
        patterns = [line.split()[0] for line in (repo / "CODEOWNERS").read_text().splitlines()]
        for path in (".gitreg/aliases/model/Digits.yaml", ".forgejo/workflows/gitreg-apply.yml"):
            assert any(re.fullmatch(pattern, path) for pattern in patterns), patterns
        assert not any(re.fullmatch(pattern, "xgitreg/policy.yaml") for pattern in patterns)

    def test_owners_are_added_to_the_file_that_is_there(self, repo: Path, sh: Shell) -> None:
        (repo / "CODEOWNERS").write_text("* @team/all")
        sh("gitreg ci init github --owner @team/a", cwd=repo)
        lines = (repo / "CODEOWNERS").read_text().splitlines()
        assert lines[:2] == ["* @team/all", "/.gitreg/ @team/a"]
        assert not (repo / ".github" / "CODEOWNERS").exists()

    def test_a_file_that_differs_is_left_alone_and_nothing_else_is_written(self, repo: Path, sh: Shell) -> None:
        file = repo / ".github" / "workflows" / "gitreg-train.yml"
        file.parent.mkdir(parents=True)
        file.write_text("mine\n")
        said = sh("! gitreg ci init github 2>&1", cwd=repo)
        assert said.startswith("error: '.github/workflows/gitreg-train.yml': there already, and different\nhint: ")
        assert [path for path in (repo / ".github").rglob("*") if path.is_file()] == [file]
        assert file.read_text() == "mine\n"
        sh("gitreg ci init github --force", cwd=repo)
        assert file.read_text() != "mine\n"

    @pytest.mark.parametrize("link", [".github", ".github/workflows", ".github/workflows/gitreg-plan.yml"])
    def test_nothing_is_written_through_a_link(self, repo: Path, sh: Shell, tmp_path: Path, link: str) -> None:
        (tmp_path / "outside").mkdir()
        (repo / link).parent.mkdir(parents=True, exist_ok=True)
        (repo / link).symlink_to(tmp_path / "outside")
        assert f"error: '{link}' is a link" in sh("! gitreg ci init github --force 2>&1", cwd=repo)
        assert list((tmp_path / "outside").iterdir()) == []

    def test_a_pipeline_that_is_there_gets_the_lines_told(self, repo: Path, sh: Shell) -> None:
        (repo / ".gitlab-ci.yml").write_text("stages: [test]\n")
        said = sh("gitreg ci init gitlab 2>&1", cwd=repo)
        assert "'.gitlab-ci.yml' is there; add to it:\ninclude:\n  - local: .gitlab/gitreg/gitreg.yml\n" in said
        assert (repo / ".gitlab-ci.yml").read_text() == "stages: [test]\n"

    def test_the_branch_is_the_remote_s_default_one(self, repo: Path, sh: Shell) -> None:
        sh("git init --quiet --bare -b trunk ../server.git && git push --quiet ../server.git main:trunk", cwd=repo)
        sh("git clone --quiet ../server.git ../clone && cd ../clone && gitreg ci init github", cwd=repo)
        plan = workflow(repo.parent / "clone", "gitreg-plan.yml")
        assert plan["on"]["pull_request"] == {"branches": ["trunk"]}

    def test_on_no_branch_it_asks_for_a_name(self, repo: Path, sh: Shell) -> None:
        said = sh("git checkout --quiet --detach && ! gitreg ci init github 2>&1", cwd=repo)
        assert said == "error: HEAD is on no branch\nhint: name it: --branch main\n"
