"""The CI job that the command runs in, as its environment tells: which host, repository, and request.

GitHub: https://docs.github.com/en/actions/reference/workflows-and-actions/variables, which Gitea and Forgejo follow,
https://forgejo.org/docs/latest/user/actions/reference/; GitLab: https://docs.gitlab.com/ci/variables/predefined_variables/
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gitreg.errors import UsageError
from gitreg.hosts.host import Host, MayNotError

Kind = Literal["GitHub", "GitLab", "Gitea"]

NUMBER = re.compile(r"[1-9][0-9]{0,8}")
"""The number of a request."""
_WORD = re.compile(r"[!-~]+")
_ADDRESS = re.compile(r"https?://[\w.:\[\]-]+(/[!-~]*)?")
_REPOSITORY = re.compile(r"[\w-][\w.-]*/(?!\.{1,2}\Z)[\w.-]+", re.ASCII)
_REQUEST = re.compile(rf"refs/pull/({NUMBER.pattern})/")
_TOKENS: Mapping[Kind, tuple[str, ...]] = {
    "GitHub": ("GITHUB_TOKEN", "GH_TOKEN"),
    "GitLab": ("GITLAB_TOKEN",),
    "Gitea": ("FORGEJO_TOKEN", "GITEA_TOKEN", "GITHUB_TOKEN"),
}


@dataclass(frozen=True, slots=True)
class Job:
    """A job.

    Attributes:
        kind: the host; Forgejo is a Gitea.
        api: the address of its REST API.
        repository: as the API has it: OWNER/NAME, or a number.
        request: the number of the request that the job is about, None for none.
        summary: the file for what the host shows beside the job, None where there is none.
    """

    kind: Kind
    api: str
    repository: str
    request: int | None
    summary: Path | None

    def host(self) -> Host:
        """The host, by the token of the environment. Raises: MissingExtraError; MayNotError without a token."""
        tokens = _TOKENS[self.kind]
        name = next((name for name in tokens if os.environ.get(name)), "")
        if not name:
            hint = f"{' or '.join(tokens)} is the variable for it"
            raise MayNotError(self.kind, 0, f"there is no token for {self.kind}", hint=hint)
        # what a library says of a token with a line break shows it
        token = _needed(name, _WORD)
        if self.kind == "GitHub":
            from gitreg.hosts.github import GitHub

            return GitHub(self.api, self.repository, token)
        if self.kind == "GitLab":
            from gitreg.hosts.gitlab import GitLab

            return GitLab(self.api, self.repository, token)
        from gitreg.hosts.gitea import Gitea

        return Gitea(self.api, self.repository, token)


def job() -> Job:
    """The job around this process. Raises: UsageError where there is none."""
    if os.environ.get("GITLAB_CI"):
        number = os.environ.get("CI_MERGE_REQUEST_IID", "")
        # of a request from a fork the pipeline may run there
        of_request = "CI_MERGE_REQUEST_PROJECT_ID"
        project = _needed(of_request if os.environ.get(of_request) else "CI_PROJECT_ID", NUMBER)
        request = int(number) if NUMBER.fullmatch(number) else None
        return Job("GitLab", _needed("CI_API_V4_URL", _ADDRESS), project, request, None)
    if not os.environ.get("GITHUB_ACTIONS") and not os.environ.get("GITHUB_API_URL"):
        raise UsageError(
            "this is no CI job of a host that gitreg knows", hint="run it in GitHub, GitLab, Gitea, Forgejo"
        )
    api = _needed("GITHUB_API_URL", _ADDRESS)
    kind: Kind = "Gitea" if api.rstrip("/").endswith("/api/v1") else "GitHub"
    found = _REQUEST.match(os.environ.get("GITHUB_REF", ""))
    # Gitea and Forgejo have the variable, and show nothing of the file
    summary = os.environ.get("GITHUB_STEP_SUMMARY") if kind == "GitHub" else None
    return Job(
        kind,
        api,
        _needed("GITHUB_REPOSITORY", _REPOSITORY),
        int(found[1]) if found else None,
        Path(summary) if summary else None,
    )


def _needed(name: str, form: re.Pattern[str]) -> str:
    value = os.environ.get(name, "").strip()
    if not form.fullmatch(value):
        what = "does not hold what it should" if value else "is not set"
        raise UsageError(f"the variable {name} {what}", hint="the host's CI sets it, or a secret of yours")
    return value
