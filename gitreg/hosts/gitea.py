"""Gitea and Forgejo, which have the same API; no library for it is as well kept as `requests`."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from gitreg.errors import MissingExtraError
from gitreg.hosts.host import TIMEOUT, Approval, Comment, HostError, MayNotError, Request, answered, counted, refusal

try:
    import requests
except ImportError as error:
    raise MissingExtraError("requests", "gitea") from error

_PAGE, _PAGES = 50, 1000
_ACTIONS = -2
"""The account that the token of a workflow acts for; nobody else has this id."""


class Gitea:
    """A repository on Gitea or Forgejo. `api` is the address of its API, version 1; `repository` is OWNER/NAME."""

    name = "Gitea"

    def __init__(self, api: str, repository: str, token: str) -> None:
        self._top = api.rstrip("/")
        self._repository = f"{self._top}/repos/{quote(repository)}"
        self._session = requests.Session()
        # a function, so that no .netrc takes its place
        self._session.auth = _Token(token)

    @answered(name)
    def comments(self, request: int) -> list[Comment]:
        """As `Host`."""
        try:
            own = self._ask("GET", f"{self._top}/user")["id"]
        except MayNotError:
            own = _ACTIONS
        return [
            Comment(item["id"], item["body"], item["html_url"])
            for item in self._all(f"{self._repository}/issues/{request}/comments")
            if item["user"] and item["user"]["id"] == own
        ]

    @answered(name)
    def create(self, request: int, text: str) -> Comment:
        """As `Host`."""
        made = self._ask("POST", f"{self._repository}/issues/{request}/comments", json={"body": text})
        return Comment(made["id"], text, made["html_url"])

    @answered(name)
    def update(self, request: int, comment: Comment, text: str) -> None:
        """As `Host`."""
        del request
        self._ask("PATCH", f"{self._repository}/issues/comments/{comment.id}", json={"body": text})

    @answered(name)
    def delete(self, request: int, comment: Comment) -> None:
        """As `Host`."""
        del request
        self._ask("DELETE", f"{self._repository}/issues/comments/{comment.id}")

    @answered(name)
    def merged(self, commit: str) -> Request | None:
        """As `Host`."""
        try:
            pull = self._ask("GET", f"{self._repository}/commits/{quote(commit)}/pull")
        except HostError as error:
            if error.status != 404:
                raise
            # the same is said of a repository that the token may not read; that raises here
            self._ask("GET", self._repository)
            return None
        if not pull["merged"] or pull["base"]["ref"] != pull["base"]["repo"]["default_branch"]:
            return None
        latest: dict[str, Approval] = {}
        for review in self._all(f"{self._repository}/pulls/{pull['number']}/reviews"):
            if review["state"] not in ("APPROVED", "REQUEST_CHANGES") or not review["user"]:
                continue
            who = review["user"]["login"]
            latest.pop(who, None)
            if review["state"] == "APPROVED" and not review["dismissed"]:
                latest[who] = Approval(who, review["submitted_at"], review["commit_id"], review["official"])
        head = pull["head"]["sha"]
        merged = pull["merged_by"]["login"] if pull["merged_by"] else ""
        return Request(pull["number"], pull["html_url"], pull["user"]["login"], merged, head, *counted(latest, head))

    def _all(self, address: str) -> list[Any]:
        """Every item of a list, in its order."""
        found: dict[int, Any] = {}
        for page in range(1, _PAGES):
            answer = self._ask("GET", address, params={"page": page, "limit": _PAGE})
            # a server that does not know pages gives all of them each time
            if all(item["id"] in found for item in answer):
                break
            found |= {item["id"]: item for item in answer}
        return [*found.values()]

    def _ask(self, method: str, address: str, **options: Any) -> Any:
        answer = self._session.request(method, address, timeout=TIMEOUT, allow_redirects=False, **options)
        if answer.status_code == 204:
            return None
        found = answer.json()
        if not answer.ok:
            words = found.get("message") if isinstance(found, dict) else found
            raise refusal(self.name, answer.status_code, words or answer.reason)
        return found


class _Token(requests.auth.AuthBase):
    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"token {self._token}"
        return request
