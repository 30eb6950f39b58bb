"""What the CI of each host sets for a job about request 12."""

from __future__ import annotations

from pathlib import Path

from doubles import TOKEN, Double
from gitea_double import GiteaDouble
from github_double import GitHubDouble
from gitlab_double import GitLabDouble

KINDS: dict[str, type[Double]] = {"GitHub": GitHubDouble, "GitLab": GitLabDouble, "Gitea": GiteaDouble}


def variables(kind: str, server: Double, summary: Path) -> dict[str, str]:
    """What the host's CI sets for a job about request 12."""
    if kind == "GitLab":
        # https://docs.gitlab.com/ci/variables/predefined_variables/
        return {
            "GITLAB_CI": "true",
            "CI_API_V4_URL": server.api,
            "CI_PROJECT_ID": "6",
            "CI_MERGE_REQUEST_PROJECT_ID": "5",
            "CI_MERGE_REQUEST_IID": "12",
            "GITLAB_TOKEN": TOKEN,
        }
    # https://docs.github.com/en/actions/reference/workflows-and-actions/variables
    return {
        "GITHUB_ACTIONS": "true",
        "GITHUB_API_URL": server.api,
        "GITHUB_REPOSITORY": "team/models",
        "GITHUB_REF": "refs/pull/12/merge" if kind == "GitHub" else "refs/pull/12/head",
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_TOKEN": TOKEN,
    }
