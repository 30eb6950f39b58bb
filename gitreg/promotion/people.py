"""Who stands behind a commit of the default branch: what the commits say, and what a host says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gitreg.promotion.said import Request
from gitreg.records.behind import By, Merged, Person
from gitreg.records.objects import Commit, Identity, Oid
from gitreg.records.trailers import Message
from gitreg.registry.repository import Registry

Told = Mapping[Oid, By]
"""What somebody who can know has told of commits of the default branch."""

_LONGEST = 300


def behind(registry: Registry, request: Request, path: str, told: Told) -> tuple[By, str]:
    """Who asked for a commit of the default branch and who merged it; and what it was called.

    Who changed `path` asked for it. In a merge that is the author of a commit that was merged, the newest; else the
    commit's own author, whoever put it on the branch. Raises: MissingObjectError, RecordError, GitError.
    """
    merge = registry.objects.commit(request.commit)
    asked = _asked(registry, request, merge, path)
    found = By(
        asked=Person(_plain(asked.author.person)),
        merged=Merged(request.commit, _plain(_merged(merge).person)),
    )
    known = told.get(request.commit)
    if known:
        who = known.merged if known.merged and known.merged.who else found.merged
        assert who
        found = By(known.asked or found.asked, known.approved, replace(who, commit=request.commit))
    return found, _plain(Message.parse(asked.message).subject)


def _asked(registry: Registry, request: Request, merge: Commit, path: str) -> Commit:
    """The commit by which the request changed the file."""
    if len(merge.parents) < 2:
        return merge
    ask = ("rev-list", "--max-count=1", "--no-merges", str(request.commit), f"^{merge.parents[0]}", "--", path)
    words = registry.git.run(*ask, offline=True).decode().split()
    return registry.objects.commit(Oid.parse(words[0])) if words else merge


def _merged(merge: Commit) -> Identity:
    # a host's own name stands as the committer of what somebody merged there
    return merge.author if len(merge.parents) > 1 else merge.committer


def _plain(text: str) -> str:
    """A commit may hold what is no text for a record."""
    return text.encode("utf-8", "replace").decode()[:_LONGEST]
