"""Which commits have a commit among their parents: of all at once, in one pass over the graph."""

from __future__ import annotations

from gitreg.git.runner import Git
from gitreg.records.objects import Oid


def second_parents(git: Git, *namespaces: str) -> dict[Oid, list[Oid]]:
    """By each second or later parent of the commits below these refs, the commits that have it. Raises: GitError."""
    globs = (f"--glob={name.rstrip('/')}" for name in namespaces)
    found: dict[Oid, list[Oid]] = {}
    for line in git.run("rev-list", "--parents", "--min-parents=2", *globs, offline=True).decode().splitlines():
        child, _, *others = map(Oid.parse, line.split())
        for parent in others:
            found.setdefault(parent, []).append(child)
    return found
