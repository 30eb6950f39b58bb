"""Git LFS beside gitreg: what a run's code has in LFS is uploaded before gitreg pushes the run.

git's own pushes do this in LFS's `pre-push` hook, which does not run for gitreg's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gitreg.git.runner import Git
from gitreg.git.transport import Push
from gitreg.records.objects import ZERO, Oid

# a directory's own rules, or the repository's private ones in .git/info/attributes
_ATTRIBUTES = ":(glob)**/.gitattributes"


def needs_lfs(git: Git, code_commits: Iterable[Oid]) -> bool:
    """Whether Git LFS is set up here and any of these commits may hold its pointers; which ones, LFS finds out."""
    commits = [str(oid) for oid in dict.fromkeys(code_commits)]
    if not commits or not git.config("filter.lfs.clean") or git.attempt("lfs", "version").status != 0:
        return False
    private = git.common_dir / "info" / "attributes"
    if private.is_file() and b"filter=lfs" in private.read_bytes():
        return True
    # status 1: no match
    return any(
        git.attempt("grep", "--quiet", "--fixed-strings", "-e", "filter=lfs", oid, "--", _ATTRIBUTES).status == 0
        for oid in commits
    )


def lfs_push(git: Git, remote: str, url: str, pushes: Sequence[Push]) -> None:
    """Upload the LFS files of what is about to be pushed, as LFS's hook would; what the remote has is left out.

    Raises: GitError with LFS's words.
    """
    lines = "".join(f"{push.ref} {push.oid} {push.ref} {ZERO}\n" for push in pushes if push.oid)
    git.run("lfs", "pre-push", "--", remote, url, stdin=lines.encode(), hooks=True)
