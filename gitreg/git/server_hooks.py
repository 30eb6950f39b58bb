"""Installs the `pre-receive` hook that guards a repository which others push to, beside the hooks that are there.

What the hook does is in `templates/hooks/pre-receive` and above this layer.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from gitreg import templates
from gitreg.errors import NotFoundError, RefusedError, UsageError
from gitreg.git import hooks
from gitreg.git.runner import Git

NAME = "pre-receive"
FOLDER = f"{NAME}.d"
"""What Gitea, Forgejo and GitLab call a folder whose programs are all run."""
_IN_FOLDER = "gitreg"
_MARK = b"# gitreg pre-receive hook:"
_TRUE = ("true", "yes", "on", "1")


@dataclass(frozen=True, slots=True)
class Installed:
    """Where the hook is.

    Attributes:
        path: the hook.
        new: False when it was there already, as it is now.
        kept: the hook that was there before, which runs first; None without one.
        unborn: the default branch, when there is none of that name yet; else ''.
        forced: whether git itself lets people push to a branch what does not go on from it.
    """

    path: Path
    new: bool
    kept: Path | None = None
    unborn: str = ""
    forced: bool = False


def install(place: Path, *, command: str) -> Installed:
    """Install the hook in a bare repository, or in a folder of hooks that is called `pre-receive.d`.

    Doing it again changes nothing, or renews an older hook. `command` is the absolute path of the `gitreg` that is run.
    Raises: UsageError, NotFoundError, RefusedError where gitreg must not write, OSError.
    """
    if not place.is_dir():
        raise NotFoundError("folder", str(place), f"there is no folder '{place}'", hint="name a bare repository")
    if not Path(command).is_absolute():
        raise UsageError(f"'{command}' is not an absolute path", hint="the hook must find 'gitreg' wherever it runs")
    git = None if place.name == FOLDER else Git.discover(place)
    path = _path_in(git, place) if git else place / _IN_FOLDER
    template = templates.find(f"hooks/{NAME}").read_bytes()
    content = template.replace(b"@GITREG@", os.fsencode(shlex.quote(command)))
    is_ours = not path.is_symlink() and _MARK in hooks.beginning(path)
    if os.path.lexists(path) and not is_ours and not (path.name == NAME and hooks.keep(path)):
        raise RefusedError(f"'{path}' is another hook, and there is no room for it", hint="look at it, and rename it")
    new = not (is_ours and os.access(path, os.X_OK) and path.read_bytes() == content)
    if new:
        hooks.write(path, content)
    kept = hooks.kept(path)
    done = Installed(path, new, kept if os.path.lexists(kept) else None)
    if git is None:
        return done
    head = os.fsdecode(git.attempt("symbolic-ref", "--quiet", "HEAD").stdout).strip()
    is_born = git.attempt("rev-parse", "--verify", "--quiet", "HEAD").status == 0
    # who has other hooks has a server that protects branches
    forced = path.name == NAME and git.config("receive.denyNonFastForwards").lower() not in _TRUE
    return replace(done, unborn="" if is_born else head.removeprefix("refs/heads/"), forced=forced)


def _path_in(git: Git, place: Path) -> Path:
    """Where the hook of a repository belongs. Raises: UsageError, RefusedError."""
    if git.worktree is not None or place.resolve() != git.common_dir.resolve():
        raise UsageError(f"'{place}' is no bare repository", hint="name the one on the server that others push to")
    custom = git.common_dir / "custom_hooks"
    if custom.is_dir():
        # GitLab: what lies in 'hooks' is its own
        return custom / FOLDER / _IN_FOLDER
    folder = hooks.hooks_folder(git)
    if not hooks.is_own(git, folder):
        raise RefusedError(
            f"hooks are read from '{folder}', which is not this repository's own folder",
            hint=f"add to its '{NAME}': {shlex.quote(_IN_FOLDER)} hook {NAME}",
        )
    # Gitea and Forgejo: their own hook runs all that lies in the folder, and is written anew by them
    if (folder / FOLDER).is_dir() and b".d/" in hooks.beginning(folder / NAME):
        return folder / FOLDER / _IN_FOLDER
    return folder / NAME
