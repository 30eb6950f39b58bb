"""GitHub, as far as comments and approvals go."""

from __future__ import annotations

from typing import ClassVar

from doubles import ADA, BOB, BOT, EARLIER, GONE, HEAD, TOKEN, Asked, Double, Json, Note, RefusedError, shape


class GitHubDouble(Double):
    top = "/api/v3"
    logins: ClassVar = {BOT: "github-actions[bot]", ADA: "ada", BOB: "bob"}

    def allow(self, headers: Json) -> None:
        # https://docs.github.com/en/rest/authentication/authenticating-to-the-rest-api
        if headers["Authorization"] not in (f"token {TOKEN}", f"Bearer {TOKEN}"):
            page = "https://docs.github.com/rest"
            raise RefusedError(401, {"message": "Bad credentials", "documentation_url": page, "status": "401"})

    def _may(self, *, write: bool = False) -> None:
        # https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api
        page = "https://docs.github.com/rest/issues/comments"
        if not self.state.readable:
            raise RefusedError(404, {"message": "Not Found", "documentation_url": page, "status": "404"})
        if write and not self.state.writable:
            words = "Resource not accessible by integration"
            raise RefusedError(403, {"message": words, "documentation_url": page, "status": "403"})

    def _user(self, number: int) -> Json:
        if number == GONE:
            return None
        return {"login": self.logins[number], "id": number, "type": "Bot" if number == BOT else "User"}

    def _comment(self, note: Note) -> Json:
        return {
            "id": note.id,
            "node_id": f"IC_{note.id}",
            "url": f"{self.api}/repos/team/models/issues/comments/{note.id}",
            "html_url": f"https://github.com/team/models/pull/12#issuecomment-{note.id}",
            "body": note.body,
            "user": self._user(note.author),
            "created_at": "2026-03-01T12:00:00Z",
            "updated_at": "2026-03-01T12:00:00Z",
            "issue_url": f"{self.api}/repos/team/models/issues/12",
            "author_association": "NONE",
        }

    @shape("https://docs.github.com/en/graphql/reference/queries#user", "POST", "/api/graphql")
    def viewer(self, asked: Asked) -> tuple[int, Json]:
        assert asked.body["query"].split() == "query { viewer { login } }".split()
        return 200, {"data": {"viewer": {"login": self.logins[self.state.me]}}}

    @shape(
        "https://docs.github.com/en/rest/issues/comments#list-issue-comments",
        "GET",
        "/api/v3/repos/team/models/issues/12/comments",
    )
    def comments(self, _: Asked) -> tuple[int, Json]:
        self._may()
        return 200, [self._comment(note) for note in self.state.notes]

    @shape(
        "https://docs.github.com/en/rest/issues/comments#create-an-issue-comment",
        "POST",
        "/api/v3/repos/team/models/issues/12/comments",
    )
    def create(self, asked: Asked) -> tuple[int, Json]:
        self._may(write=True)
        if len(asked.body["body"]) > 65_536:
            raise RefusedError(422, {"message": "Validation Failed", "status": "422"})
        return 201, self._comment(self.state.add(asked.body["body"]))

    @shape(
        "https://docs.github.com/en/rest/issues/comments#update-an-issue-comment",
        "PATCH",
        r"/api/v3/repos/team/models/issues/comments/(\d+)",
    )
    def update(self, asked: Asked) -> tuple[int, Json]:
        self._may(write=True)
        note = self.state.note(int(asked.match[1]))
        note.body = asked.body["body"]
        return 200, self._comment(note)

    @shape(
        "https://docs.github.com/en/rest/issues/comments#delete-an-issue-comment",
        "DELETE",
        r"/api/v3/repos/team/models/issues/comments/(\d+)",
    )
    def delete(self, asked: Asked) -> tuple[int, Json]:
        self._may(write=True)
        self.state.notes.remove(self.state.note(int(asked.match[1])))
        return 204, None

    def _pull(self, *, whole: bool) -> Json:
        document = {
            "number": 12,
            "url": f"{self.api}/repos/team/models/pulls/12",
            "html_url": "https://github.com/team/models/pull/12",
            "state": "closed",
            "user": self._user(ADA),
            "merged_at": "2026-03-01T13:00:00Z" if self.state.merged else None,
            "merge_commit_sha": self.state.commit,
            "base": {"ref": self.state.base, "repo": {"full_name": "team/models", "default_branch": "main"}},
            "head": {"label": "team:promote", "ref": "promote", "sha": HEAD},
        }
        return document | ({"merged": self.state.merged, "merged_by": self._user(BOB)} if whole else {})

    @shape(
        "https://docs.github.com/en/rest/commits/commits#list-pull-requests-associated-with-a-commit",
        "GET",
        "/api/v3/repos/team/models/commits/([0-9a-f]{40})/pulls",
    )
    def pulls(self, asked: Asked) -> tuple[int, Json]:
        self._may()
        found = self._pull(whole=False)
        later = {"number": 13, "merge_commit_sha": EARLIER, "merged_at": "2026-03-02T13:00:00Z"}
        stacked = [found | later] if self.state.stacked else []
        return 200, [*stacked, found] if asked.match[1] in (self.state.commit, self.state.also) else []

    @shape(
        "https://docs.github.com/en/rest/pulls/pulls#get-a-pull-request", "GET", "/api/v3/repos/team/models/pulls/12"
    )
    def pull(self, _: Asked) -> tuple[int, Json]:
        self._may()
        return 200, self._pull(whole=True)

    @shape(
        "https://docs.github.com/en/rest/pulls/reviews#list-reviews-for-a-pull-request",
        "GET",
        "/api/v3/repos/team/models/pulls/12/reviews",
    )
    def reviews(self, _: Asked) -> tuple[int, Json]:
        self._may()
        return 200, [
            {
                "id": number,
                "user": self._user(review.user),
                "body": "",
                "state": review.state,
                "submitted_at": review.at,
                "commit_id": review.commit,
                "author_association": "MEMBER" if review.member else "NONE",
            }
            for number, review in enumerate(self.state.reviews)
        ]
