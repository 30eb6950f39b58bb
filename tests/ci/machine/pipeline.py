"""Runs jobs of GitLab pipelines on this machine: the part of the language that the templates use, and nothing silently.

https://docs.gitlab.com/ci/yaml/
https://docs.gitlab.com/ci/variables/predefined_variables/
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import web_server
import yaml
from expressions import NotImplementedHereError
from runs import Job

if TYPE_CHECKING:
    from actions import Tools

_JOB = {
    *("extends", "image", "variables", "before_script", "script", "stage", "needs", "rules", "artifacts"),
    *("resource_group", "interruptible"),
}
_STAGES = (".pre", "build", "test", "deploy", ".post")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
_TERM = re.compile(r'\$(?P<left>\w+) == (?:\$(?P<right>\w+)|"(?P<text>[^"$]*)")')


@dataclass(slots=True)
class Pipelines:
    """A project's machine for jobs.

    Attributes:
        repository: the project, bare.
        url: its address, without credentials and without `.git`.
        folder: where jobs are run; each gets a folder of its own.
        tools: what every job finds in its image.
        environment: what the machine adds to every job.
        settings: the variables of the project's settings, which count more than those of the file.
        api: the address of the host's API.
        count: how many pipelines there were.
    """

    repository: Path
    url: str
    folder: Path
    tools: Tools
    environment: Mapping[str, str]
    settings: dict[str, str]
    api: str
    count: int = field(default=0)

    def run(self, source: str, sha: str, before: str = "0" * 40, request: int = 0) -> dict[str, Job]:
        """Run what a commit's file has for an event, by the names of the jobs. Raises: NotImplementedHereError.

        Args:
            source: as CI_PIPELINE_SOURCE.
            before: the commit of the default branch before a push.
            request: the number of the merge request, when it is for one.
        """
        self.count += 1
        # the host keeps each pipeline's commit for the runner
        self._git("update-ref", f"refs/pipelines/{self.count}", sha)
        predefined = self._predefined(source, sha, before, request) | self.settings
        done: dict[str, Job] = {}
        jobs = {name: job for name, job in self._jobs(sha).items() if not name.startswith(".")}
        for name, job in sorted(jobs.items(), key=lambda item: _STAGES.index(item[1]["stage"])):
            _known(job, _JOB, f"job '{name}'")
            when = _when(job["rules"], predefined)
            if when:
                needs = [need if isinstance(need, str) else need["job"] for need in job.get("needs", [])]
                good = all(done[need].result == "success" for need in (needs or done))
                if when == "always" or good:
                    done[name] = self._job(name, job, predefined, needs)
                else:
                    done[name] = Job(name, "skipped")
        return done

    def _jobs(self, sha: str) -> dict[str, dict[str, Any]]:
        """The jobs of the file and of what it includes, each with what it extends."""
        (included,) = yaml.safe_load(self._git("show", f"{sha}:.gitlab-ci.yml"))["include"]
        _known(included, {"local"}, "include")
        found = yaml.safe_load(self._git("show", f"{sha}:{included['local']}"))
        return {name: _extended(job, found) for name, job in found.items()}

    def _job(self, name: str, job: dict[str, Any], predefined: Mapping[str, str], needs: list[str]) -> Job:
        place = self.folder / f"pipeline-{self.count}" / name
        workspace = place / "work"
        for folder in (workspace, place / "home"):
            folder.mkdir(parents=True)
        if job["image"] != "python:3.12":
            raise NotImplementedHereError(f"the image '{job['image']}'")
        variables = {**predefined, "CI_JOB_NAME": name, "CI_PROJECT_DIR": str(workspace)}
        own = {key: text for key, text in job["variables"].items() if key not in self.settings}
        environment = {
            **self.tools.environment,
            **self.environment,
            "HOME": str(place / "home"),
            "LANG": "C.UTF-8",
            "PATH": f"{self.tools.python}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            **variables,
            **{key: _expanded(text, variables) for key, text in own.items()},
        }
        done = Job(name)
        script = [*self._checkout(environment), *job.get("before_script", []), *job["script"]]
        for need in needs:
            kept = place.parent / need / "artifacts"
            shutil.copytree(kept, workspace, dirs_exist_ok=True) if kept.exists() else None
        # https://docs.gitlab.com/ci/yaml/script/: the lines are one script, which ends with the first that fails
        ran = subprocess.run(
            ["bash", "-c", "\n".join(["set -eo pipefail", *script])],
            cwd=workspace,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        done.log = ran.stdout.decode("utf-8", "backslashreplace") + f"-- exit code {ran.returncode}\n"
        done.result = "failure" if ran.returncode else "success"
        self._keep(job.get("artifacts", {}), workspace, place / "artifacts", good=ran.returncode == 0)
        return done

    def _checkout(self, environment: Mapping[str, str]) -> list[str]:
        """What the runner does first: https://docs.gitlab.com/ci/pipelines/#ref-specs-for-runners"""
        how = (environment.get("GIT_STRATEGY"), environment.get("GIT_DEPTH"))
        if how == ("none", None):
            return []
        if how != ("clone", "0"):
            raise NotImplementedHereError(f"the strategy and depth {how}")
        specs = f"+refs/pipelines/{self.count}:refs/pipelines/{self.count}"
        if "CI_COMMIT_BRANCH" in environment:
            specs += " +refs/heads/main:refs/remotes/origin/main"
        return [
            "git init --quiet .",
            'git remote add origin "$CI_REPOSITORY_URL"',
            f"git fetch --quiet origin {specs} '+refs/tags/*:refs/tags/*'",
            'git checkout --quiet --force --detach "$CI_COMMIT_SHA"',
        ]

    def _keep(self, words: Mapping[str, Any], workspace: Path, kept: Path, *, good: bool) -> None:
        _known(words, {"when", "paths"}, "artifacts")
        if not good and words.get("when") != "always":
            return
        for path in words.get("paths", []):
            source = workspace / path
            kept.mkdir(exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, kept / path)
            elif source.exists():
                shutil.copy(source, kept / path)

    def _predefined(self, source: str, sha: str, before: str, request: int) -> dict[str, str]:
        server, _, path = self.url.partition("/team/")
        of_request = {
            "CI_MERGE_REQUEST_IID": str(request),
            "CI_MERGE_REQUEST_PROJECT_ID": "5",
            "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        }
        return {
            **(of_request if request else {"CI_COMMIT_BRANCH": "main"}),
            "CI": "true",
            "GITLAB_CI": "true",
            "CI_API_V4_URL": self.api,
            "CI_COMMIT_BEFORE_SHA": before,
            "CI_COMMIT_SHA": sha,
            "CI_DEFAULT_BRANCH": "main",
            "CI_JOB_TOKEN": web_server.READER,
            "CI_PIPELINE_SOURCE": source,
            "CI_PROJECT_ID": "5",
            "CI_PROJECT_PATH": f"team/{path}",
            "CI_PROJECT_URL": self.url,
            "CI_REPOSITORY_URL": f"{self.url.replace('://', f'://gitlab-ci-token:{web_server.READER}@')}.git",
            "CI_SERVER_HOST": "127.0.0.1",
            "CI_SERVER_URL": server,
            "GITLAB_USER_EMAIL": "ada@example.org",
            "GITLAB_USER_NAME": "Ada",
        }

    def _git(self, *arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(
            command, cwd=self.repository, env=os.environ, check=True, capture_output=True, text=True
        ).stdout


def _extended(job: dict[str, Any], jobs: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """A job with what it extends: mappings are merged, everything else is replaced."""
    if "extends" not in job:
        return job
    under = _extended(jobs[job["extends"]], jobs)
    return {**under, **job, "variables": {**under.get("variables", {}), **job.get("variables", {})}}


def _expanded(text: Any, variables: Mapping[str, str]) -> str:
    """The value of a variable; one that names another has that one's, an unknown one is empty."""
    if isinstance(text, dict):
        _known(text, {"value", "expand"}, "a variable")
        if text["expand"]:
            raise NotImplementedHereError("'expand: true'")
        return str(text["value"])
    return _VARIABLE.sub(lambda found: variables.get(found[1] or found[2], ""), str(text))


def _when(rules: list[dict[str, str]], variables: Mapping[str, str]) -> str:
    """What the first rule that fits says of when the job is run, '' when none fits or somebody has to start it."""
    for rule in rules:
        _known(rule, {"if", "when"}, "a rule")
        if all(_holds(term, variables) for term in rule["if"].split(" && ")):
            when = rule.get("when", "on_success")
            if when not in ("always", "manual", "on_success"):
                raise NotImplementedHereError(f"'when: {when}'")
            return "" if when == "manual" else when
    return ""


def _holds(term: str, variables: Mapping[str, str]) -> bool:
    found = _TERM.fullmatch(term)
    if not found:
        raise NotImplementedHereError(f"the condition {term!r}")
    right = found["text"] if found["right"] is None else variables.get(found["right"])
    return variables.get(found["left"]) == right


def _known(found: Mapping[str, Any], keys: set[str], where: str) -> None:
    unknown = found.keys() - keys
    if unknown:
        raise NotImplementedHereError(f"{where} says {', '.join(map(repr, sorted(unknown)))}")
