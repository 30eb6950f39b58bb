"""Runs GitHub workflow files on this machine: the part of the language that the templates use, and nothing silently.

Every key that is not known here is refused. `run` steps are run by bash, in the environment that GitHub documents and
nothing of the machine's; `uses` steps do what the action of that name does, with real git against a real server.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
https://docs.github.com/en/actions/reference/workflows-and-actions/variables

Forgejo's are run, too, which have the same syntax: https://forgejo.org/docs/latest/user/actions/reference/
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import actions
import web_server
import yaml
from expressions import NotImplementedHereError, condition, filled, shown, value
from runs import Event, Job, Run

_WORKFLOW = {"name", "on", "permissions", "concurrency", "jobs"}
_EVENTS: dict[str, set[str]] = {
    "pull_request": {"branches"},
    "push": {"branches"},
    "schedule": set(),
    "workflow_dispatch": {"inputs"},
}
_JOB = {
    *("name", "runs-on", "timeout-minutes", "permissions", "outputs", "env", "steps", "needs", "if", "strategy"),
    "environment",
}
_STEP = {"name", "id", "uses", "with", "env", "run", "if"}
_RIGHTS = {"contents", "pull-requests", "pages", "id-token"}
_PINNED = re.compile(r"(?:https://data\.forgejo\.org/)?(?P<name>[\w-]+/[\w-]+)@[0-9a-f]{40}")


@dataclass(slots=True)
class Runner:
    """A machine of the host's for jobs.

    Attributes:
        server: the address of the host, without credentials.
        repository: owner and name there.
        folder: where jobs are run; each gets a folder of its own.
        tools: what every job finds on its PATH, and what it is to install from.
        environment: what the host's machine adds to every job, such as where packages come from.
        variables: of the repository (`vars`).
        api: the address of the host's API.
        forgejo: whether it is one of Forgejo's.
        count: how many workflows it has run.
    """

    server: str
    repository: str
    folder: Path
    tools: actions.Tools
    environment: Mapping[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    api: str = ""
    forgejo: bool = False
    count: int = 0

    def run(self, file: Path, event: Event) -> Run | None:
        """Run a workflow for an event, None when it is not for it. Raises: NotImplementedHereError."""
        document = _loaded(file)
        if not _is_for(document["on"], event):
            return None
        self.count += 1
        run = Run(file.name, event)
        inputs = _inputs(document["on"], event)
        github = self._github(document, event)
        _check_concurrency(document.get("concurrency"), github)
        waiting: dict[str, Any] = dict(document["jobs"])
        while waiting:
            name = next(name for name in waiting if not {*_needs(waiting[name])} & waiting.keys())
            job = waiting.pop(name)
            run.jobs[name] = list(self._job(name, job, document, run, {"github": github, "inputs": inputs}))
        return run

    def _job(
        self, name: str, job: dict[str, Any], document: dict[str, Any], run: Run, contexts: dict[str, Any]
    ) -> Iterator[Job]:
        _known(job, _JOB, f"job '{name}'")
        needs = _needs(job)
        contexts |= {
            "needs": {need: {"result": run.of(need), "outputs": _outputs(run.jobs[need])} for need in needs},
            "vars": dict(self.variables),
            "success": all(run.of(need) == "success" for need in needs),
        }
        if not condition(str(job.get("if", "success()")), contexts):
            yield Job(name, "skipped")
            return
        for matrix in _matrix(job.get("strategy"), contexts):
            yield self._part(name, job, document, run, {**contexts, "matrix": matrix})

    def _part(
        self, name: str, job: dict[str, Any], document: dict[str, Any], run: Run, contexts: dict[str, Any]
    ) -> Job:
        done = Job(filled(str(job.get("name", name)), contexts))
        rights = job.get("permissions", document["permissions"])
        _known(rights, _RIGHTS, f"the permissions of '{name}'")
        token = _token(rights, fork=run.event.fork, all_write=self.forgejo)
        place = self.folder / f"{self.count}-{name}-{len(list(self.folder.glob(f'{self.count}-{name}-*')))}"
        workspace, temporary = place / "work", place / "temp"
        for folder in (workspace, temporary, place / "home"):
            folder.mkdir(parents=True)
        files = {
            key: temporary / key.lower()
            for key in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_PATH")
        }
        contexts |= {
            "github": {**contexts["github"], "token": token, "job": name, "workspace": str(workspace)},
            "runner": {"temp": str(temporary), "os": "Linux"},
            "steps": {},
            "success": True,
        }
        environment = {
            **self._environment(contexts["github"], run.event, place),
            **{key: str(path) for key, path in files.items()},
            **self.tools.environment,
            **self.environment,
            **_texts(job.get("env"), contexts),
        }
        (temporary / "event.json").write_text(json.dumps(_payload(run.event)))
        for step in job["steps"]:
            _known(step, _STEP, f"a step of '{name}'")
            if not condition(str(step.get("if", "success()")), contexts):
                continue
            for path in files.values():
                path.write_text("")
            own = _texts(step.get("env"), contexts)
            title = filled(str(step.get("name", step.get("uses", ""))), contexts)
            if "run" in step:
                status, printed = _bash(str(step["run"]), {**environment, **own}, workspace, temporary)
            else:
                given = _texts(step.get("with"), contexts)
                status, printed = self._uses(str(step["uses"]), given, run, contexts["github"], environment)
            done.log += f"-- {title}\n{printed}" + (f"-- exit code {status}\n" if status else "")
            if status:
                done.result, contexts["success"] = "failure", False
            done.summary += files["GITHUB_STEP_SUMMARY"].read_text()
            environment |= _pairs(files["GITHUB_ENV"].read_text())
            for line in files["GITHUB_PATH"].read_text().splitlines():
                environment["PATH"] = f"{line}{os.pathsep}{environment['PATH']}"
            if "id" in step:
                outcome = "failure" if status else "success"
                contexts["steps"][step["id"]] = {
                    "outputs": _pairs(files["GITHUB_OUTPUT"].read_text()),
                    "outcome": outcome,
                }
        done.outputs = _texts(job.get("outputs"), contexts)
        return done

    def _uses(
        self, action: str, given: dict[str, str], run: Run, github: dict[str, Any], environment: dict[str, str]
    ) -> tuple[int, str]:
        pinned = _PINNED.fullmatch(action)
        if not pinned:
            raise NotImplementedHereError(f"an action that is not pinned by a commit: {action}")
        kept = self.folder / "artifacts" / str(self.count)
        call = actions.Call(given, github, environment, self.tools, run.artifacts, kept)
        return actions.perform(pinned["name"], call)

    def _github(self, document: dict[str, Any], event: Event) -> dict[str, Any]:
        """The context of that name."""
        return {
            "event_name": event.name,
            "event": _payload(event),
            "sha": event.sha,
            "ref": event.ref,
            "ref_name": event.ref.split("/", 2)[2],
            "base_ref": event.base,
            "head_ref": event.head,
            "repository": self.repository,
            "server_url": self.server,
            "api_url": self.api,
            "run_id": str(self.count),
            "actor": event.actor,
            "actor_id": "1001",
            "workflow": document["name"],
        }

    def _environment(self, github: dict[str, Any], event: Event, place: Path) -> dict[str, str]:
        """What GitHub documents, and what a machine has."""
        names = (
            *("sha", "ref", "ref_name", "base_ref", "head_ref", "repository", "server_url", "api_url", "run_id"),
            *("actor", "actor_id", "workflow", "job", "workspace", "event_name"),
        )
        return {
            **{f"GITHUB_{name.upper()}": str(github[name]) for name in names},
            "GITHUB_ACTIONS": "true",
            **(dict.fromkeys(("FORGEJO_ACTIONS", "GITEA_ACTIONS"), "true") if self.forgejo else {}),
            "GITHUB_EVENT_PATH": str(place / "temp" / "event.json"),
            "GITHUB_REPOSITORY_OWNER": self.repository.partition("/")[0],
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_REF_TYPE": "branch",
            "RUNNER_TEMP": str(place / "temp"),
            "RUNNER_OS": "Linux",
            "CI": "true",
            "HOME": str(place / "home"),
            "LANG": "C.UTF-8",
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        }


def _loaded(file: Path) -> dict[str, Any]:
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    # to YAML 1.1 the word `on` is a truth
    document["on"] = document.pop(True)
    _known(document, _WORKFLOW, file.name)
    for name, words in document["on"].items():
        if name not in _EVENTS:
            raise NotImplementedHereError(f"the event '{name}'")
        if name != "schedule":
            _known(words or {}, _EVENTS[name], f"'on: {name}'")
    return dict(document)


def _known(found: Mapping[str, Any], keys: set[str], where: str) -> None:
    if not isinstance(found, Mapping):
        raise NotImplementedHereError(f"{where}: {found!r}")
    unknown = found.keys() - keys
    if unknown:
        raise NotImplementedHereError(f"{where} says {', '.join(map(repr, sorted(unknown)))}")


def _is_for(events: dict[str, Any], event: Event) -> bool:
    if event.name not in events:
        return False
    wanted = (events[event.name] or {}) if event.name in ("push", "pull_request") else {}
    branch = event.base or event.ref.removeprefix("refs/heads/")
    return branch in wanted.get("branches", [branch])


def _inputs(events: dict[str, Any], event: Event) -> dict[str, str]:
    given = events.get("workflow_dispatch") if event.name == "workflow_dispatch" else None
    declared = (given or {}).get("inputs", {})
    for name, words in declared.items():
        _known(words, {"description", "default"}, f"the input '{name}'")
    return {name: event.inputs.get(name, words["default"]) for name, words in declared.items()}


def _texts(found: Mapping[str, Any] | None, contexts: dict[str, Any]) -> dict[str, str]:
    """A mapping of the workflow as the strings that it stands for; YAML has read some as numbers and truths."""
    return {key: filled(shown(text), contexts) for key, text in (found or {}).items()}


def _token(rights: Mapping[str, str], *, fork: bool, all_write: bool) -> str:
    """The job's token: it may what the job asks for, and only read when that is for a request from a fork."""
    if (rights.get("contents") == "write" or all_write) and not fork:
        return web_server.WRITER
    if rights.get("pull-requests") == "write" and not fork:
        return web_server.COMMENTER
    return web_server.READER if rights.get("contents") == "read" else ""


def _check_concurrency(found: Any, github: dict[str, Any]) -> None:
    """One workflow is run at a time here, so there is nothing to do but to understand it."""
    _known(found, {"group", "cancel-in-progress"}, "concurrency")
    filled(found["group"], {"github": github})


def _needs(job: dict[str, Any]) -> list[str]:
    needs = job.get("needs", [])
    return [needs] if isinstance(needs, str) else list(needs)


def _outputs(jobs: list[Job]) -> dict[str, Any]:
    return {key: text for job in jobs for key, text in job.outputs.items()}


def _matrix(strategy: Any, contexts: dict[str, Any]) -> list[dict[str, Any]]:
    if strategy is None:
        return [{}]
    _known(strategy, {"fail-fast", "matrix"}, "strategy")
    if len(strategy["matrix"]) != 1 or strategy["fail-fast"]:
        raise NotImplementedHereError(f"the matrix {strategy!r}")
    ((name, text),) = strategy["matrix"].items()
    values = value(str(text), contexts)
    # GitHub's own limits
    assert 0 < len(values) <= 256, values
    return [{name: item} for item in values]


def _payload(event: Event) -> dict[str, Any]:
    """The part of the webhook's payload that workflows ask for."""
    if event.name == "pull_request":
        repository = "stranger/fork" if event.fork else "team/models"
        head = {"ref": event.head, "repo": {"full_name": repository, "fork": event.fork}}
        return {
            "number": event.number,
            "pull_request": {"number": event.number, "head": head, "base": {"ref": event.base}},
        }
    if event.name == "workflow_dispatch":
        return {"inputs": dict(event.inputs)}
    return {"ref": event.ref, "before": event.before, "after": event.sha}


def _bash(script: str, environment: dict[str, str], workspace: Path, temporary: Path) -> tuple[int, str]:
    """What `shell` means where a step does not say: bash -e, and the script in a file."""
    if "${{" in script:
        raise NotImplementedHereError(f"an expression inside a script: {script}")
    file = temporary / "step.sh"
    file.write_text(script)
    bash = shutil.which("bash") or "/bin/bash"
    done = subprocess.run(
        [bash, "-e", str(file)],
        cwd=workspace,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return done.returncode, done.stdout.decode("utf-8", "backslashreplace")


def _pairs(text: str) -> dict[str, str]:
    """What a step has written for later ones: `name=value`, or `name<<END` and lines up to END."""
    found: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, arrows, end = line.partition("<<")
        if arrows and "=" not in name:
            found[name] = "\n".join(iter(lambda: next(lines), end))
        elif "=" in line:
            name, _, text_of = line.partition("=")
            found[name] = text_of
        else:
            raise NotImplementedHereError(f"the line {line!r} in a step's output")
    return found
