"""Gitea and Forgejo, as far as comments and approvals go."""

from __future__ import annotations

from typing import ClassVar

from doubles import ADA, BOB, BOT, HEAD, TOKEN, Asked, Double, Json, Note, RefusedError, shape


class GiteaDouble(Double):
    """Gitea and Forgejo: the same addresses and shapes, https://codeberg.org/api/swagger has Forgejo's."""

    top = "/api/v1"
    logins: ClassVar = {BOT: "registry-bot", ADA: "ada", BOB: "bob", -2: "forgejo-actions"}

    def allow(self, headers: Json) -> None:
        # https://docs.gitea.com/development/api-usage#authentication
        if headers["Authorization"] != f"token {TOKEN}":
            raise RefusedError(401, {"message": "token is required", "url": "https://gitea.com/api/swagger"})

    def _may(self, *, write: bool = False) -> None:
        # the errors of https://docs.gitea.com/api/, by their names there: notFound, forbidden
        if not self.state.readable:
            raise RefusedError(404, {"message": "The target couldn't be found.", "errors": []})
        if write and not self.state.writable:
            raise RefusedError(403, {"message": "user should have a permission to write", "url": ""})

    def paged(self, items: list[Json], query: dict[str, str], path: str) -> tuple[list[Json], dict[str, str]]:
        # https://docs.gitea.com/api/#tag/issue/operation/issueGetComments has no pages, pullListReviews has
        return super().paged(items, query, path) if path.endswith("reviews") else (items, {})

    def _user(self, number: int) -> Json:
        return {"id": number, "login": self.logins[number], "username": self.logins[number]}

    def _comment(self, note: Note) -> Json:
        return {
            "id": note.id,
            "html_url": f"https://codeberg.org/team/models/pulls/12#issuecomment-{note.id}",
            "user": self._user(note.author),
            "body": note.body,
            "created_at": "2026-03-01T12:00:00Z",
            "updated_at": "2026-03-01T12:00:00Z",
        }

    @shape("https://docs.gitea.com/api/#tag/repository/operation/repoGet", "GET", "/api/v1/repos/team/models")
    def repository(self, _: Asked) -> tuple[int, Json]:
        self._may()
        return 200, {"id": 5, "full_name": "team/models", "default_branch": "main"}

    @shape("https://docs.gitea.com/api/#tag/user/operation/userGetCurrent", "GET", "/api/v1/user")
    def user(self, _: Asked) -> tuple[int, Json]:
        if self.state.me == -2:
            raise RefusedError(403, {"message": "token does not have at least one of required scope(s)"})
        return 200, self._user(self.state.me)

    @shape(
        "https://docs.gitea.com/api/#tag/issue/operation/issueGetComments",
        "GET",
        "/api/v1/repos/team/models/issues/12/comments",
    )
    def comments(self, _: Asked) -> tuple[int, Json]:
        self._may()
        return 200, [self._comment(note) for note in self.state.notes]

    @shape(
        "https://docs.gitea.com/api/#tag/issue/operation/issueCreateComment",
        "POST",
        "/api/v1/repos/team/models/issues/12/comments",
    )
    def create(self, asked: Asked) -> tuple[int, Json]:
        self._may(write=True)
        return 201, self._comment(self.state.add(asked.body["body"]))

    @shape(
        "https://docs.gitea.com/api/#tag/issue/operation/issueEditComment",
        "PATCH",
        r"/api/v1/repos/team/models/issues/comments/(\d+)",
    )
    def update(self, asked: Asked) -> tuple[int, Json]:
        self._may(write=True)
        note = self.state.note(int(asked.match[1]))
        note.body = asked.body["body"]
        return 200, self._comment(note)

    @shape(
        "https://docs.gitea.com/api/#tag/issue/operation/issueDeleteComment",
        "DELETE",
        r"/api/v1/repos/team/models/issues/comments/(\d+)",
    )
    def delete(self, asked: Asked) -> tuple[int, Json]:
        self._may(write=True)
        self.state.notes.remove(self.state.note(int(asked.match[1])))
        return 204, None

    @shape(
        "https://docs.gitea.com/api/#tag/repository/operation/repoGetCommitPullRequest",
        "GET",
        "/api/v1/repos/team/models/commits/([0-9a-f]{40})/pull",
    )
    def pull(self, asked: Asked) -> tuple[int, Json]:
        self._may()
        if asked.match[1] != self.state.commit or not self.state.merged:
            raise RefusedError(404, {"message": "pull request does not exist", "url": ""})
        return 200, {
            "number": 12,
            "html_url": "https://codeberg.org/team/models/pulls/12",
            "user": self._user(ADA),
            "merged": True,
            "merged_by": self._user(BOB),
            "merge_commit_sha": self.state.commit,
            "base": {"ref": self.state.base, "repo": {"full_name": "team/models", "default_branch": "main"}},
            "head": {"label": "promote", "ref": "promote", "sha": HEAD},
        }

    @shape(
        "https://docs.gitea.com/api/#tag/repository/operation/repoListPullReviews",
        "GET",
        "/api/v1/repos/team/models/pulls/12/reviews",
    )
    def reviews(self, _: Asked) -> tuple[int, Json]:
        self._may()
        return 200, [
            {
                "id": number,
                "user": self._user(review.user),
                "state": {"CHANGES_REQUESTED": "REQUEST_CHANGES", "DISMISSED": "APPROVED"}.get(
                    review.state, review.state.replace("COMMENTED", "COMMENT")
                ),
                "dismissed": review.state == "DISMISSED",
                "official": review.member,
                "stale": review.commit != HEAD,
                "submitted_at": review.at,
                "commit_id": review.commit,
            }
            for number, review in enumerate(self.state.reviews)
        ]
