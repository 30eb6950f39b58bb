"""GitHub, on PyGithub."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from gitreg.errors import MissingExtraError
from gitreg.hosts.host import TIMEOUT, Approval, Comment, HostError, Request, answered, counted, refusal

try:
    import github
except ImportError as error:
    raise MissingExtraError("PyGithub", "github") from error

_PATIENCE = 60
_VIEWER = "query { viewer { login } }"
_MEMBERS = frozenset({"OWNER", "MEMBER", "COLLABORATOR"})
# what is written is not sent twice: an answer may be lost after the comment was made
_SAFE = frozenset({"GET", "HEAD"})


class GitHub:
    """A repository on GitHub. `api` is the address of its REST API, `repository` is OWNER/NAME."""

    name = "GitHub"

    def __init__(self, api: str, repository: str, token: str) -> None:
        retry = github.GithubRetry(total=3, max_rate_limit_wait=_PATIENCE, allowed_methods=_SAFE)
        self._github = github.Github(
            base_url=api,
            auth=github.Auth.Token(token),
            user_agent="gitreg",
            timeout=TIMEOUT,
            per_page=100,
            retry=retry,
            seconds_between_requests=None,
            seconds_between_writes=None,
            lazy=True,
        )
        self._repository = self._github.get_repo(repository)

    def comments(self, request: int) -> list[Comment]:
        """As `Host`; GET /user is closed to the token of a workflow, GraphQL's `viewer` is not."""
        with _told():
            _, answer = self._github.requester.graphql_query(_VIEWER, {})
            login = answer["data"]["viewer"]["login"]
            return [
                Comment(item.id, item.body or "", item.html_url)
                for item in self._repository.get_issue(request).get_comments()
                if _login(item.user) == login
            ]

    def create(self, request: int, text: str) -> Comment:
        """As `Host`."""
        with _told():
            made = self._repository.get_issue(request).create_comment(text)
            return Comment(made.id, text, made.html_url)

    def update(self, request: int, comment: Comment, text: str) -> None:
        """As `Host`."""
        with _told():
            self._repository.get_issue(request).get_comment(comment.id).edit(text)

    def delete(self, request: int, comment: Comment) -> None:
        """As `Host`."""
        with _told():
            self._repository.get_issue(request).get_comment(comment.id).delete()

    def merged(self, commit: str) -> Request | None:
        """As `Host`: what `merge_commit_sha` names is the commit that a merge, a squash or a rebase has made.

        A request made on top of another's branch has that one's commits, too.
        """
        with _told():
            pulls = self._repository.get_commit(commit).get_pulls()
            found = [item for item in pulls if item.merged_at and item.base.ref == item.base.repo.default_branch]
            if not found:
                return None
            ends = [item for item in found if item.merge_commit_sha == commit]
            first = min(ends or found, key=lambda item: str(item.merged_at))
            # who merged it is said of one request only, not in lists
            pull = self._repository.get_pull(first.number)
            latest: dict[str, Approval] = {}
            for review in pull.get_reviews():
                who = _login(review.user)
                if review.state not in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED") or not who:
                    continue
                latest.pop(who, None)
                if review.state == "APPROVED":
                    at = review.submitted_at.isoformat().replace("+00:00", "Z")
                    latest[who] = Approval(who, at, review.commit_id, review.author_association in _MEMBERS)
            asked, merged, head = _login(pull.user), _login(pull.merged_by), pull.head.sha
            return Request(pull.number, pull.html_url, asked, merged, head, *counted(latest, head))


def _login(user: object) -> str:
    """The name of an account, '' of one that is gone."""
    return str(getattr(user, "login", ""))


@contextlib.contextmanager
def _told() -> Iterator[None]:
    with answered("GitHub"):
        try:
            yield
        except github.RateLimitExceededException as error:
            hint = "run it again later"
            raise HostError("GitHub", error.status, "GitHub says: too many requests", hint=hint) from error
        except github.GithubException as error:
            words = error.data.get("message") if isinstance(error.data, dict) else error.data
            raise refusal("GitHub", error.status, words) from error
