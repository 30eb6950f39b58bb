"""What the actions do that the templates use, in the words of their own documentation; others are refused."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import web_server
from expressions import NotImplementedHereError


@dataclass(frozen=True, slots=True)
class Tools:
    """What a machine of the host's has installed.

    Attributes:
        python: a virtual environment's `bin` with `python` and `pip`, which `setup-python` puts on PATH.
        wheels: the folder that `pip` installs from.
    """

    python: Path
    wheels: Path

    @property
    def environment(self) -> dict[str, str]:
        """Where pip finds packages without a network."""
        return {
            "PIP_NO_INDEX": "1",
            "PIP_QUIET": "1",
            "PIP_NO_DEPS": "1",  # they are there; to look at each takes a second a job
            "PIP_FIND_LINKS": str(self.wheels),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_ROOT_USER_ACTION": "ignore",
        }


@dataclass(frozen=True, slots=True)
class Call:
    """One use of an action.

    Attributes:
        given: what stands under `with`.
        github: the context of that name.
        environment: of the job, which an action may change.
        tools: what is installed.
        artifacts: what the run has kept so far, by name.
        kept: the folder for it.
    """

    given: Mapping[str, str]
    github: Mapping[str, Any]
    environment: dict[str, str]
    tools: Tools
    artifacts: dict[str, Path]
    kept: Path

    def option(self, name: str, *allowed: str) -> str:
        """One of the few values that are understood here."""
        found = self.given.get(name, "")
        if found not in allowed:
            raise NotImplementedHereError(f"'{name}: {found}' of an action")
        return found


def perform(name: str, call: Call) -> tuple[int, str]:
    """The exit code and what was printed. Raises: NotImplementedHereError for an action or input that is not known."""
    if name not in _ACTIONS:
        raise NotImplementedHereError(f"the action '{name}'")
    inputs, action = _ACTIONS[name]
    unknown = call.given.keys() - inputs
    if unknown:
        raise NotImplementedHereError(f"{name} with {sorted(unknown)}")
    return action(call)


def _checkout(call: Call) -> tuple[int, str]:
    """All branches and tags, and the commit of the event; the token is used and not kept.

    https://github.com/actions/checkout
    """
    call.option("fetch-depth", "0")
    call.option("persist-credentials", "false")
    sha, ref = call.github["sha"], call.github["ref"]
    url = f"{call.github['server_url']}/{call.github['repository']}"
    local = "refs/remotes/" + (
        f"pull/{ref.removeprefix('refs/pull/')}"
        if ref.startswith("refs/pull/")
        else f"origin/{call.github['ref_name']}"
    )
    head = f"AUTHORIZATION: {web_server.basic(call.github['token'])}"
    fetch = ["-c", f"http.{call.github['server_url']}/.extraheader={head}", "-c", "protocol.version=2", "fetch"]
    fetch += ["--no-recurse-submodules", "--quiet", "origin"]
    commands = [
        ["init", "--quiet", "."],
        ["remote", "add", "origin", url],
        [*fetch, "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"],
        # the branch may have moved on since the event
        [*fetch, f"+{sha}:{local}"],
    ]
    detached = ref.startswith("refs/pull/")
    to = ["--detach", local] if detached else ["-B", call.github["ref_name"], local]
    commands.append(["checkout", "--quiet", "--force", *to])
    printed = ""
    for command in commands:
        done = subprocess.run(
            ["git", *command],
            cwd=call.github["workspace"],
            env=call.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            text=True,
        )
        printed += done.stdout
        if done.returncode:
            return done.returncode, printed
    return 0, printed


def _setup_python(call: Call) -> tuple[int, str]:
    """https://github.com/actions/setup-python"""
    call.option("python-version", "3.12")
    call.environment["PATH"] = f"{call.tools.python}:{call.environment['PATH']}"
    return 0, ""


def _upload_artifact(call: Call) -> tuple[int, str]:
    """https://github.com/actions/upload-artifact"""
    return _kept(call, call.given["name"])


def _upload_pages_artifact(call: Call) -> tuple[int, str]:
    """https://github.com/actions/upload-pages-artifact"""
    return _kept(call, "github-pages")


def _deploy_pages(call: Call) -> tuple[int, str]:
    """https://github.com/actions/deploy-pages"""
    return (0, "") if "github-pages" in call.artifacts else (1, "no artifact 'github-pages'\n")


def _kept(call: Call, name: str) -> tuple[int, str]:
    source, target = Path(call.github["workspace"], call.given["path"]), call.kept / name
    if not source.exists():
        return 1, f"no files were found with the provided path: {call.given['path']}\n"
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        target.mkdir(parents=True)
        shutil.copy(source, target)
    call.artifacts[name] = target
    return 0, ""


_ACTIONS: dict[str, tuple[set[str], Callable[[Call], tuple[int, str]]]] = {
    "actions/checkout": ({"fetch-depth", "persist-credentials"}, _checkout),
    "actions/setup-python": ({"python-version"}, _setup_python),
    "actions/upload-artifact": ({"name", "path"}, _upload_artifact),
    "actions/upload-pages-artifact": ({"path"}, _upload_pages_artifact),
    "actions/deploy-pages": (set(), _deploy_pages),
}
