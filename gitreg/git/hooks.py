"""Installs the `pre-push` hook that makes `git push` publish, and says whether it would run.

Hooks that others put there (Git LFS, pre-commit, husky, a team's own) are kept and called, and never edited. What the
hook does is in `templates/hooks/pre-push` and above this layer.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gitreg import templates
from gitreg.errors import UsageError
from gitreg.git.runner import Git

Kind = Literal["installed", "foreign", "shared", "missing"]

LINES = """\
pushed=$(cat)
! command -v gitreg >/dev/null || printf '%s\\n' "$pushed" | gitreg hook pre-push --parent "$PPID" -- "$@" || exit 1
exec <<PUSHED
$pushed
PUSHED
"""
"""What somebody adds at the top of a hook of their own; its other commands read the same input again."""

_MARK = b"# gitreg pre-push hook:"
_CALL = b"gitreg hook pre-push"
KEPT = "pre-push.before-gitreg"
"""Where a hook that was there before goes, beside ours; see `keep`."""
_HEAD = 64 << 10


@dataclass(frozen=True, slots=True)
class HookState:
    """Whether `git push` publishes in this worktree.

    Attributes:
        kind: 'installed': it does. 'missing': there is no hook. 'foreign': another hook is in the way. 'shared': the
            hooks lie in a folder that is not the repository's own, where gitreg writes nothing.
        path: where git looks for the hook.
        words: the same for people, in one line.
        lines: what to add to the hook at `path` by hand; empty when there is nothing to do by hand.
    """

    kind: Kind
    path: Path
    words: str
    lines: str = ""

    @property
    def publishes(self) -> bool:
        """True when a plain `git push` to the registry remote publishes."""
        return self.kind == "installed"


def state(git: Git) -> HookState:
    """How things stand; writes nothing. Raises: GitError, OSError."""
    folder = hooks_folder(git)
    path = folder / "pre-push"
    if folder.name == "_" and folder.parent.name == ".husky":
        # what git runs there is generated, and starts the file beside the folder
        path = folder.parent / "pre-push"
    if _calls_gitreg(path):
        return HookState("installed", path, "'git push' publishes")
    if folder.exists() and not folder.is_dir():
        return HookState("shared", path, f"'git push' does not publish: core.hooksPath is '{folder}', so no hook runs")
    if not is_own(git, folder):
        words = (
            f"'git push' does not publish: hooks are read from '{folder}', which is not this repository's own folder"
        )
        return HookState("shared", path, words, LINES)
    if not os.path.lexists(path):
        return HookState("missing", path, "'git push' does not publish: there is no pre-push hook")
    if _is_ours(path):
        return HookState("missing", path, "'git push' does not publish: its pre-push hook is not executable")
    return HookState("foreign", path, "'git push' does not publish: another pre-push hook is in its place", LINES)


def install(git: Git, *, command: str = "") -> HookState:
    """Install the hook where git looks for it, unless that is a folder gitreg does not own; return how things stand.

    A hook that is there is kept as `pre-push.before-gitreg` and called first. Doing it again changes nothing, or renews
    an older hook. `command` is the absolute path of a `gitreg`, for pushes from a shell that has none on its PATH.
    Raises: Error, OSError.
    """
    found = state(git)
    path = found.path
    if found.kind == "shared" or (found.kind == "installed" and not _is_ours(path)):
        return found
    if command and not Path(command).is_absolute():
        raise UsageError(f"'{command}' is not an absolute path")
    template = templates.find("hooks/pre-push").read_bytes()
    content = template.replace(b"@GITREG@", os.fsencode(shlex.quote(command)))
    if found.kind == "foreign" and not keep(path):
        return found
    if not (found.publishes and path.read_bytes() == content):
        write(path, content)
    return state(git)


def kept(path: Path) -> Path:
    """Where the hook that was at `path` before goes."""
    return path.with_name(f"{path.name}.before-gitreg")


def keep(path: Path) -> bool:
    """Move somebody's hook aside. False when the place is taken by a different one, which would be lost."""
    aside = kept(path)
    if os.path.lexists(aside):
        return beginning(aside) == beginning(path)
    path.rename(aside)
    return True


def write(path: Path, content: bytes) -> None:
    """Write a hook whole, as one that can be run; with its folder, where there is none. Raises: OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".gitreg-", suffix=".tmp", dir=path.parent) as folder:
        made = Path(folder) / path.name
        # 0o777 less the umask, like any new program of this user
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o777), "wb") as file:
            file.write(content)
        made.replace(path)


def hooks_folder(git: Git) -> Path:
    """Where git looks for hooks."""
    # with hooks=True: the pinned core.hooksPath would be the answer
    output = git.run("rev-parse", "--path-format=absolute", "--git-path", "hooks", hooks=True)
    return Path(os.fsdecode(output.removesuffix(b"\n")))


def is_own(git: Git, place: Path) -> bool:
    """Whether the folder lies in the git directory, also after symbolic links."""
    return place.resolve().is_relative_to(git.common_dir.resolve())


def _is_ours(path: Path) -> bool:
    return not path.is_symlink() and _MARK in beginning(path)


def _calls_gitreg(path: Path) -> bool:
    """Whether this hook is ours or leads to gitreg: by a line that was added, or as pre-commit's 'legacy' hook."""
    head = beginning(path)
    if not os.access(path, os.X_OK) and path.parent.name != ".husky":  # husky starts its files with sh
        return False
    if _MARK in head or any(_CALL in line and not line.lstrip().startswith(b"#") for line in head.splitlines()):
        return True
    return b"pre-commit.com" in head and _calls_gitreg(path.with_name("pre-push.legacy"))


def beginning(path: Path) -> bytes:
    """The beginning of a hook, empty where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return b""
