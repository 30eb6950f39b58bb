"""GitLab, on python-gitlab."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from gitreg.errors import MissingExtraError
from gitreg.hosts.host import TIMEOUT, Approval, Comment, Request, answered, counted, refusal

try:
    import gitlab
except ImportError as error:
    raise MissingExtraError("python-gitlab", "gitlab") from error


class GitLab:
    """A project on GitLab. `api` is the address of its REST API, version 4; `project` is its id, or its path."""

    name = "GitLab"

    def __init__(self, api: str, project: str, token: str) -> None:
        # as a bearer token it is not sent along where an answer leads to another host
        self._gitlab = gitlab.Gitlab(
            api.removesuffix("/").removesuffix("/api/v4"),
            oauth_token=token,
            timeout=TIMEOUT,
            per_page=100,
            user_agent="gitreg",
            keep_base_url=True,
        )
        self._id = project
        self._project = self._gitlab.projects.get(project, lazy=True)

    def comments(self, request: int) -> list[Comment]:
        """As `Host`."""
        with _told():
            self._gitlab.auth()
            assert self._gitlab.user
            notes = self._project.mergerequests.get(request, lazy=True).notes
            return [
                Comment(note.id, note.body, "")
                for note in notes.list(iterator=True, sort="asc", order_by="created_at")
                if not note.system and note.author["id"] == self._gitlab.user.id
            ]

    def create(self, request: int, text: str) -> Comment:
        """As `Host`."""
        with _told():
            made = self._project.mergerequests.get(request, lazy=True).notes.create({"body": text})
            return Comment(made.id, text, "")

    def update(self, request: int, comment: Comment, text: str) -> None:
        """As `Host`."""
        with _told():
            self._project.mergerequests.get(request, lazy=True).notes.update(comment.id, {"body": text})

    def delete(self, request: int, comment: Comment) -> None:
        """As `Host`."""
        with _told():
            self._project.mergerequests.get(request, lazy=True).notes.delete(comment.id)

    def merged(self, commit: str) -> Request | None:
        """As `Host`. GitLab does not say of which commit an approval is; a new push takes approvals away by default."""
        with _told():
            found = self._project.commits.get(commit, lazy=True).merge_requests(get_all=True)
            branch = self._gitlab.projects.get(self._id).default_branch if found else ""
            into = [item for item in found if (item["state"], item["target_branch"]) == ("merged", branch)]
            if not into:
                return None
            # one made on top of another's branch has that one's commits, too
            ends = [one for one in into if commit in map(one.get, ("merge_commit_sha", "squash_commit_sha", "sha"))]
            first = min(ends or into, key=lambda one: one["merged_at"])
            item = self._project.mergerequests.get(first["iid"])
            approvals = item.approvals.get().approved_by
            by = {one["user"]["username"]: one.get("approved_at") or "" for one in approvals}
            latest = {who: Approval(who, at, "") for who, at in by.items()}
            merged = item.merge_user["username"] if item.merge_user else ""
            asked = item.author["username"]
            return Request(item.iid, item.web_url, asked, merged, item.sha, *counted(latest, item.sha))


@contextlib.contextmanager
def _told() -> Iterator[None]:
    with answered("GitLab"):
        try:
            yield
        except gitlab.GitlabParsingError as error:
            raise ValueError(error.error_message) from error
        except gitlab.GitlabError as error:
            raise refusal("GitLab", error.response_code or 0, error.error_message) from error
