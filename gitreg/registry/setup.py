"""Making a repository a registry: the DVC project, the storage, the fetch refspec, the hook. Doing it again is fine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gitreg.data.config import Storage, init_project, set_storage
from gitreg.data.hashing import refusals
from gitreg.data.urls import local_path, parse_storage_url
from gitreg.errors import NotARepositoryError, UsageError
from gitreg.git import hooks
from gitreg.git.hooks import HookState
from gitreg.records import refs as names_of_refs
from gitreg.registry.repository import DEFAULT_REMOTE, Registry


@dataclass(frozen=True, slots=True)
class SetUp:
    """How a repository stands after `init`.

    Attributes:
        created: files that are new, to be committed.
        storage: where bytes are published, None when that is not known yet.
        remote: the registry remote; '' when there is none yet.
        hook: whether `git push` publishes.
        new: what else was not there before.
    """

    created: tuple[Path, ...]
    storage: Storage | None
    remote: str
    hook: HookState
    new: frozenset[Literal["hook", "refspec"]]


def init(registry: Registry, *, storage: str | None = None, remote: str | None = None, command: str = "") -> SetUp:
    """Set up the repository.

    `storage` is a URL or an absolute path, `command` the `gitreg` that the hook falls back to.
    Raises: NotARepositoryError in a bare repository, UsageError for an unknown remote, in a mirror and where a sparse
    checkout leaves the project out, StorageError.
    """
    worktree = registry.git.worktree
    if worktree is None:
        raise NotARepositoryError("a bare repository has no place for artifacts", hint="run 'gitreg init' in a clone")
    _check_sparse(registry, worktree)
    if remote is not None:
        _check_remote(registry, remote)
    check_mirror(registry, remote or registry.remote)
    folder = local_path(parse_storage_url(storage)) if storage is not None else None
    if remote is not None:
        registry.git.run("config", "gitreg.remote", remote)
        registry.use_remote(remote)
    if folder:
        _make(folder)
    created = init_project(worktree)
    if storage is not None:
        set_storage(worktree, storage)
    new: set[Literal["hook", "refspec"]] = set()
    if registry.has_remote and add_refspec(registry):
        new.add("refspec")
    before = hooks.state(registry.git)
    hook = hooks.install(registry.git, command=command)
    if hook.publishes and not before.publishes:
        new.add("hook")
    name = registry.remote if registry.has_remote else ""
    return SetUp(tuple(created), registry.project.default_storage, name, hook, frozenset(new))


def _check_sparse(registry: Registry, worktree: Path) -> None:
    """Raises: UsageError where new files would take the place of tracked ones that are not checked out."""
    config = Path(".dvc", "config")
    if (worktree / config).exists() or registry.git.attempt("ls-files", "--error-unmatch", str(config)).status != 0:
        return
    raise UsageError(
        f"'{config}' is tracked and not in the working tree",
        hint="bring it back: git checkout -- .dvc; in a sparse checkout: git sparse-checkout add .dvc",
    )


def check_mirror(registry: Registry, remote: str) -> None:
    """Raises: UsageError where git's own fetch would put the remote's refs over those that are not published."""
    for refspec in _refspecs(registry, remote):
        here = refspec.rpartition(":")[2]
        if names_of_refs.PENDING.startswith(here.removesuffix("*")) and here.endswith("*"):
            raise UsageError(
                f"'git fetch {remote}' would overwrite what is not published: it fetches '{refspec}', as a mirror does",
                hint=f"git config remote.{remote}.fetch '+refs/heads/*:refs/remotes/{remote}/*', or use another clone",
            )


def _make(folder: Path) -> None:
    """Make the folder of a local storage. Raises: StorageError."""
    with refusals(f"storage '{folder}' cannot be made"):
        folder.mkdir(parents=True, exist_ok=True)


def _check_remote(registry: Registry, remote: str) -> None:
    """Raises: UsageError when there is no remote of this name."""
    known = registry.git.text("remote").split()
    if remote not in known:
        raise UsageError(
            f"there is no remote '{remote}'",
            hint=f"this repository has {', '.join(known)}" if known else f"add it: git remote add {DEFAULT_REMOTE} URL",
        )


def has_refspec(registry: Registry) -> bool:
    """Whether git's own fetch and push keep the tracking refs up to date."""
    return names_of_refs.fetch_refspec(registry.remote) in _refspecs(registry, registry.remote)


def add_refspec(registry: Registry) -> bool:
    """Let git's own fetch and push keep the tracking refs up to date; False when they do already."""
    if has_refspec(registry):
        return False
    refspec = names_of_refs.fetch_refspec(registry.remote)
    registry.git.run("config", "--add", f"remote.{registry.remote}.fetch", refspec)
    return True


def _refspecs(registry: Registry, remote: str) -> list[str]:
    return registry.git.attempt("config", "--get-all", f"remote.{remote}.fetch").stdout.decode(errors="replace").split()
