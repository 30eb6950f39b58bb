"""What else a request changes that decides over requests: the policy, who reviews, what runs in CI."""

from __future__ import annotations

from gitreg.errors import SettingsError
from gitreg.promotion import source
from gitreg.records import policy as codec
from gitreg.records.objects import Oid, TreeEntry, hash_object
from gitreg.records.policy import PATH
from gitreg.registry import policy as policies
from gitreg.registry.repository import Registry

REVIEW = (
    ".gitreg/config.yaml",
    *("CODEOWNERS", "docs/CODEOWNERS", ".github/CODEOWNERS", ".gitlab/CODEOWNERS"),
    *(".gitea/CODEOWNERS", ".forgejo/CODEOWNERS"),
    *(".github/workflows", ".github/actions", ".gitlab-ci.yml", ".gitea/workflows", ".forgejo/workflows"),
)
"""Files and folders that hosts read."""


def notes(registry: Registry, base: Oid | None, fork: Oid | None, head: Oid | None) -> tuple[str, ...]:
    """What a reviewer should know. Of the working tree, only the policy is looked at."""
    found = []
    if _has_changed(registry, fork, head):
        judged = f"the policy of {base.short}" if base else "no policy"
        found.append(f"'{PATH}' changes; this request is judged by {judged}, and the new one counts from the merge on")
    if head:
        paths = [path for path in REVIEW if _entry(registry, fork, path) != _entry(registry, head, path)]
        if paths:
            names = ", ".join(f"'{path}'" for path in paths)
            found.append(f"{names} change{'s' if len(paths) == 1 else ''}, so how requests are checked changes too")
    return tuple(found)


def policy(registry: Registry, fork: Oid | None, head: Oid | None) -> None:
    """Read the policy that the request brings. Raises: SettingsError."""
    if not _has_changed(registry, fork, head):
        return
    if head:
        policies.at(registry, head)
        return
    data = _in_worktree(registry)
    if data is not None:
        codec.parse(source.text_of(PATH, data))


def _has_changed(registry: Registry, fork: Oid | None, head: Oid | None) -> bool:
    before = _entry(registry, fork, PATH)
    if head:
        return before != _entry(registry, head, PATH)
    data = _in_worktree(registry)
    return (before.oid if before else None) != (hash_object("blob", data) if data is not None else None)


def _in_worktree(registry: Registry) -> bytes | None:
    """The bytes of the policy, None when there is none. Raises: SettingsError for what is no regular file."""
    path = source.top(registry) / PATH
    if not path.exists() and not path.is_symlink():
        return None
    if path.is_symlink() or not path.is_file():
        raise SettingsError(PATH, 0, "this is no regular file")
    return source.content_of(path)


def _entry(registry: Registry, commit: Oid | None, path: str) -> TreeEntry | None:
    """A file or folder of a commit, one level looked at after the other: trees may hold each other a million times."""
    if commit is None:
        return None
    *folders, name = path.split("/")
    tree = registry.objects.commit(commit).tree
    for folder in folders:
        found = registry.objects.tree(tree).get(folder)
        if found is None or not found.is_tree:
            return None
        tree = found.oid
    return registry.objects.tree(tree).get(name)
