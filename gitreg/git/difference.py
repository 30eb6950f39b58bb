"""How much lies between two commits, in git's words: files changed, lines added and removed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gitreg.git.runner import Git
from gitreg.records.objects import Oid

_COUNT = re.compile(r"(\d+) (file|insertion|deletion)")


@dataclass(frozen=True, slots=True)
class Stat:
    """What `git diff --shortstat` counts."""

    files: int
    insertions: int
    deletions: int


def stat(git: Git, old: Oid, new: Oid) -> Stat | None:
    """What `git diff OLD NEW` would show, counted; None when a part of it is not here.

    No program that the repository's own configuration or attributes name is run, and nothing is fetched.
    """
    options = ("-r", "--shortstat", "--find-renames", "--no-ext-diff", "--no-textconv", "--no-color")
    found = git.attempt("diff-tree", *options, str(old), str(new), offline=True)
    if found.status != 0:
        return None
    counts = {noun: int(count) for count, noun in _COUNT.findall(found.stdout.decode("utf-8", "replace"))}
    return Stat(counts.get("file", 0), counts.get("insertion", 0), counts.get("deletion", 0))
