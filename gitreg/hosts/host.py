"""What is asked of a code host, in words that all of them have."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from gitreg.errors import Error

TIMEOUT = 30
"""Seconds that a host may be silent."""
_LONGEST = 300
_FORBIDDEN = (403, 404)


class HostError(Error):
    """A code host, such as GitHub, refused something, or could not be asked.

    Attributes:
        host: its name.
        status: of its answer; 0 when there was none.
    """

    def __init__(self, host: str, status: int, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.host = host
        self.status = status


class MayNotError(HostError):
    """The token may not do that, or there is none."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a request, by whoever the token belongs to.

    Attributes:
        id: the host's.
        text: Markdown.
        page: where it can be read, '' where the host does not say.
    """

    id: int
    text: str
    page: str


@dataclass(frozen=True, slots=True)
class Approval:
    """Somebody's approval of a request.

    Attributes:
        who: the account's name.
        at: RFC 3339, '' where the host does not say.
        commit: the request's newest commit at that time, '' where the host does not say.
        member: whether it is somebody of the repository's; on some hosts everybody may approve.
    """

    who: str
    at: str
    commit: str
    member: bool = True


@dataclass(frozen=True, slots=True)
class Request:
    """A pull or merge request that was merged.

    Attributes:
        number: the host's.
        page: where it can be read.
        asked: the account that opened it.
        merged: the account that merged it, '' where the host does not say.
        commit: the newest commit of its branch.
        approved: who of the repository's people approved of that commit.
        passed_over: a sentence about each approval that does not count.
    """

    number: int
    page: str
    asked: str
    merged: str
    commit: str
    approved: tuple[Approval, ...]
    passed_over: tuple[str, ...] = ()


class Host(Protocol):
    """A repository on a code host. Each method raises HostError, and MayNotError where the token has no right to it."""

    @property
    def name(self) -> str:
        """The host's name."""

    def comments(self, request: int) -> list[Comment]:
        """The comments of the token's own account on a request, the oldest first."""

    def create(self, request: int, text: str) -> Comment:
        """Write a comment."""

    def update(self, request: int, comment: Comment, text: str) -> None:
        """Write a comment of ours anew."""

    def delete(self, request: int, comment: Comment) -> None:
        """Delete a comment of ours."""

    def merged(self, commit: str) -> Request | None:
        """The merged request that brought a commit onto the default branch; None where there is none."""


def refusal(host: str, status: int, words: object) -> HostError:
    """The error for an answer that is none of success."""
    # GitLab's words begin with the status, too
    message = f"{host} says: {status} {_short(words).removeprefix(f'{status} ')}"
    if status in _FORBIDDEN:
        return MayNotError(host, status, message)
    hint = "the token is not valid; is it the right one, and has it expired?" if status == 401 else None
    return HostError(host, status, message, hint=hint)


@contextlib.contextmanager
def answered(host: str) -> Iterator[None]:
    """While a host is asked: no answer, or one that is none of its API's, is an error. Raises: HostError."""
    try:
        yield
    # what a library makes of an answer that it does not understand is anything
    except (OSError, ValueError, LookupError, TypeError, AttributeError, AssertionError, RuntimeError) as error:
        raise HostError(host, 0, f"{host} gives no answer that can be read: {_short(error)}") from error


def _short(words: object) -> str:
    text = " ".join(str(words).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def counted(found: Mapping[str, Approval], commit: str) -> tuple[tuple[Approval, ...], tuple[str, ...]]:
    """The approvals that count for this commit, and why others do not. Where a host says of no commit, it is this."""
    approved, passed_over = [], []
    for item in found.values():
        if not item.member:
            passed_over.append(f"{item.who} approved, and is nobody of this repository's")
        elif item.commit not in ("", commit):
            passed_over.append(f"{item.who} approved of an earlier state")
        else:
            approved.append(item)
    return tuple(approved), tuple(passed_over)
