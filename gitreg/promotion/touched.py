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
    *(".github/workflows", ".github/actions", ".gitea/workflows", ".forgejo/workflows"),
    *(".gitlab-ci.yml", ".gitlab/gitreg", "ci/gitreg"),
)
"""Files and folders that hosts read, and that `gitreg ci init` writes."""


def policy(
    registry: Registry, base: Oid | None, fork: Oid | None, head: Oid | None
) -> tuple[str, SettingsError | None]:
    """What is to be said of the policy that the request brings, '' when it is the same; and what is wrong with it."""
    wrong = None
    try:
        if not (_changes_in_commit(registry, fork, head) if head else _changes_in_worktree(registry, fork)):
            return "", None
    except SettingsError as error:
        wrong = error
    judged = f"the policy of {base.short}" if base else "no policy"
    return f"'{PATH}' changes; this request is judged by {judged}, and the new one counts from the merge on", wrong


def review(registry: Registry, fork: Oid | None, head: Oid) -> str:
    """Which of the files that say how requests are checked the request changes, '' for none."""
    paths = [path for path in REVIEW if _entry(registry, fork, path) != _entry(registry, head, path)]
    names = ", ".join(f"'{path}'" for path in paths)
    return f"{names} change{'s' if len(paths) == 1 else ''}, so how requests are checked changes too" if paths else ""


def _changes_in_commit(registry: Registry, fork: Oid | None, head: Oid) -> bool:
    """Raises: SettingsError for a new policy that is none."""
    if _entry(registry, fork, PATH) == _entry(registry, head, PATH):
        return False
    policies.at(registry, head)
    return True


def _changes_in_worktree(registry: Registry, fork: Oid | None) -> bool:
    """Raises: as `_changes_in_commit`."""
    before, data = _entry(registry, fork, PATH), _in_worktree(registry)
    if data is None or (before and before.oid == hash_object("blob", data)):
        return data is None and before is not None
    codec.parse(source.text_of(PATH, data))
    return True


def _in_worktree(registry: Registry) -> bytes | None:
    """The bytes of the policy, None when there is none. Raises: SettingsError for what is no regular file."""
    path = source.top(registry) / PATH
    # of a stranger's branch that somebody has checked out
    if path.parent.is_symlink() or path.is_symlink() or (path.exists() and not path.is_file()):
        raise SettingsError(PATH, 0, "this is no regular file")
    return source.content_of(path) if path.exists() else None


def _entry(registry: Registry, commit: Oid | None, path: str) -> TreeEntry | None:
    """A file or folder of a commit."""
    if commit is None:
        return None
    there, entry = registry.objects.entry_at(registry.objects.commit(commit).tree, path) or ("", None)
    return entry if there == path else None
