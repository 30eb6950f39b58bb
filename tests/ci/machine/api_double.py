"""APIs for the host of these tests: any of its requests, asked about by jobs, each as far as its token goes."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import ClassVar

import web_server
from doubles import BOB, COMMIT, HEAD, Double, Json, Note, RefusedError, Review, State
from gitea_double import GiteaDouble
from github_double import GitHubDouble

_REQUEST = re.compile(r"/(issues|pulls)/(\d+)")
_COMMIT = re.compile(r"/commits/([0-9a-f]{40})/pull")


@dataclass(frozen=True, slots=True)
class MergedRequest:
    """A request that was merged: its number, the newest commit of its branch, the newest one that it became."""

    number: int
    head: str
    commit: str


class ApiDouble(Double):
    """The double of a host's contract, which knows request 12 alone, with a state for each of many."""

    none: ClassVar[tuple[int, Json]]
    comments_with: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.states: defaultdict[int, State] = defaultdict(State)
        self.merged: dict[str, MergedRequest] = {}
        self._number = 12

    def notes(self, request: int) -> list[Note]:
        """The comments on a request."""
        return self.states[request].notes

    def approve(self, request: int) -> None:
        """Bob approves of what is on its branch."""
        self.states[request].reviews.append(Review(BOB, "APPROVED", HEAD))

    def allow(self, headers: Json) -> None:
        """A job's token counts, and what it may."""
        _, _, token = headers["Authorization"].partition(" ")
        if token not in (web_server.READER, web_server.COMMENTER, web_server.WRITER):
            raise RefusedError(401, {"message": "Bad credentials", "status": "401"})
        self.state.writable = token == self.comments_with

    def answer(self, method: str, address: str, headers: Json, body: Json) -> tuple[int, Json, dict[str, str]]:
        """The answer about the request that the address names, or that was asked about last."""
        asked, named = _COMMIT.search(address), _REQUEST.search(address)
        if asked and asked[1] not in self.merged:
            return *self.none, {}
        if asked:
            self._number = self.merged[asked[1]].number
        elif named:
            self._number = int(named[2])
        self.state = self.states[self._number]
        found = next((item for item in self.merged.values() if item.number == self._number), None)
        self.state.merged = found is not None
        translated = _REQUEST.sub(r"/\1/12", _COMMIT.sub(f"/commits/{COMMIT}/pull", address))
        status, document, more = super().answer(method, translated, headers, body)
        text = (
            json.dumps(document).replace("/12", f"/{self._number}").replace('"number": 12', f'"number": {self._number}')
        )
        if found:
            text = text.replace(COMMIT, found.commit).replace(HEAD, found.head)
        return status, json.loads(text), more


class GitHubApi(ApiDouble, GitHubDouble):
    """GitHub's, which gives a job's token the rights that the job asks for."""

    none = (200, [])
    comments_with = web_server.COMMENTER


class ForgejoApi(ApiDouble, GiteaDouble):
    """Forgejo's, whose tokens of jobs may write."""

    none = (404, {"message": "pull request does not exist", "url": ""})
    comments_with = web_server.WRITER
