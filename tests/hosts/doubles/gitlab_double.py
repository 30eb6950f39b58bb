"""GitLab, as far as comments and approvals go."""

from __future__ import annotations

from typing import ClassVar

from doubles import ADA, BOB, BOT, EARLIER, HEAD, TOKEN, Asked, Double, Json, Note, RefusedError, shape


class GitLabDouble(Double):
    top = "/api/v4"
    per_page = 20
    names: ClassVar = {BOT: "project_5_bot_1f3a", ADA: "ada", BOB: "bob"}

    def allow(self, headers: Json) -> None:
        # https://docs.gitlab.com/api/rest/authentication/
        if headers["Authorization"] != f"Bearer {TOKEN}":
            raise RefusedError(401, {"message": "401 Unauthorized"})

    def _may(self, *, write: bool = False) -> None:
        # https://docs.gitlab.com/api/rest/troubleshooting/#status-codes
        if not self.state.readable:
            raise RefusedError(404, {"message": "404 Project Not Found"})
        if write and not self.state.writable:
            raise RefusedError(403, {"message": "403 Forbidden"})

    def _user(self, number: int) -> Json:
        return {"id": number, "username": self.names[number], "name": self.names[number], "state": "active"}

    def _note(self, note: Note, *, system: bool = False) -> Json:
        return {
            "id": note.id,
            "body": note.body,
            "author": self._user(note.author),
            "created_at": "2026-03-01T12:00:00.000Z",
            "updated_at": "2026-03-01T12:00:00.000Z",
            "system": system,
            "noteable_iid": 12,
        }

    @shape("https://docs.gitlab.com/api/projects/#retrieve-a-project", "GET", "/api/v4/projects/5")
    def project(self, _: Asked) -> tuple[int, Json]:
        self._may()
        return 200, {"id": 5, "path_with_namespace": "team/models", "default_branch": "main"}

    @shape("https://docs.gitlab.com/api/users/#retrieve-the-current-user", "GET", "/api/v4/user")
    def user(self, _: Asked) -> tuple[int, Json]:
        return 200, self._user(self.state.me)

    @shape(
        "https://docs.gitlab.com/api/notes/#list-all-merge-request-notes",
        "GET",
        "/api/v4/projects/5/merge_requests/12/notes",
    )
    def notes(self, asked: Asked) -> tuple[int, Json]:
        self._may()
        assert (asked.query.get("sort"), asked.query.get("order_by")) in (("asc", "created_at"), (None, None)), (
            asked.query
        )
        told = self._note(Note(1, self.state.me, "<!-- gitreg:plan --> assigned to @ada"), system=True)
        return 200, [told, *map(self._note, self.state.notes)]

    @shape(
        "https://docs.gitlab.com/api/notes/#create-a-merge-request-note",
        "POST",
        "/api/v4/projects/5/merge_requests/12/notes",
    )
    def create(self, asked: Asked) -> tuple[int, Json]:
        self._may(write=True)
        return 201, self._note(self.state.add(asked.body["body"]))

    @shape(
        "https://docs.gitlab.com/api/notes/#update-a-merge-request-note",
        "PUT",
        r"/api/v4/projects/5/merge_requests/12/notes/(\d+)",
    )
    def update(self, asked: Asked) -> tuple[int, Json]:
        self._may(write=True)
        note = self.state.note(int(asked.match[1]))
        note.body = asked.body["body"]
        return 200, self._note(note)

    @shape(
        "https://docs.gitlab.com/api/notes/#delete-a-merge-request-note",
        "DELETE",
        r"/api/v4/projects/5/merge_requests/12/notes/(\d+)",
    )
    def delete(self, asked: Asked) -> tuple[int, Json]:
        self._may(write=True)
        self.state.notes.remove(self.state.note(int(asked.match[1])))
        return 204, None

    def _request(self) -> Json:
        merged = self.state.merged
        return {
            "id": 1012,
            "iid": 12,
            "project_id": 5,
            "state": "merged" if merged else "opened",
            "author": self._user(ADA),
            "merge_user": self._user(BOB) if merged else None,
            "target_branch": self.state.base,
            "sha": HEAD,
            "merged_at": "2026-03-01T13:00:00.000Z" if merged else None,
            "merge_commit_sha": self.state.commit if merged else None,
            "squash_commit_sha": None,
            "web_url": "https://gitlab.com/team/models/-/merge_requests/12",
        }

    @shape(
        "https://docs.gitlab.com/api/commits/#list-all-merge-requests-associated-with-a-commit",
        "GET",
        "/api/v4/projects/5/repository/commits/([0-9a-f]{40})/merge_requests",
    )
    def requests(self, asked: Asked) -> tuple[int, Json]:
        self._may()
        found = self._request()
        later = {"iid": 13, "merge_commit_sha": EARLIER, "sha": EARLIER, "merged_at": "2026-03-02T13:00:00.000Z"}
        stacked = [found | later] if self.state.stacked else []
        return 200, [*stacked, found] if asked.match[1] in (self.state.commit, self.state.also) else []

    @shape(
        "https://docs.gitlab.com/api/merge_requests/#retrieve-a-merge-request",
        "GET",
        "/api/v4/projects/5/merge_requests/12",
    )
    def request(self, _: Asked) -> tuple[int, Json]:
        self._may()
        return 200, self._request()

    @shape(
        "https://docs.gitlab.com/api/merge_request_approvals/#retrieve-approval-state-for-a-merge-request",
        "GET",
        "/api/v4/projects/5/merge_requests/12/approvals",
    )
    def approvals(self, _: Asked) -> tuple[int, Json]:
        self._may()
        by = [
            {"user": self._user(review.user), "approved_at": review.at}
            for review in self.state.reviews
            if review.state == "APPROVED" and review.commit == HEAD
        ]
        return 200, {"id": 1012, "iid": 12, "project_id": 5, "state": "merged", "approved_by": by}
