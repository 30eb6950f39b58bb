"""How a clone is set up: the programs, the user, the project, the remote, the hook and the storage."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from gitreg.data.config import Storage, is_project
from gitreg.data.urls import scheme_of
from gitreg.errors import GitError, StorageError, UsageError
from gitreg.git import hooks
from gitreg.health.diagnosis import Diagnosis, ok, problem, warning
from gitreg.registry import setup
from gitreg.registry.pending import collect
from gitreg.registry.repository import Registry

_MODES = ("hook", "warn", "manual")
# DVC's plugins by the kind of address; the rest needs none.
_PLUGINS = {"s3": "s3", "gs": "gs", "azure": "azure", "ssh": "ssh", "http": "http", "https": "http"}


def is_set_up(registry: Registry) -> bool:
    """Whether there is a DVC project, in this worktree or the main one."""
    roots = (registry.git.worktree, registry.git.main_worktree)
    return registry.git.worktree is not None and any(root and is_project(root) for root in roots)


def versions(registry: Registry) -> Iterator[Diagnosis]:
    """Which programs these are."""
    found = {name: _installed(name) for name in ("gitreg", "dvc")}
    git = registry.git.text("version").removeprefix("git version ")
    words = f"gitreg {found['gitreg'] or 'unknown'}, git {git}, Python {platform.python_version()}"
    if found["dvc"]:
        yield ok("versions", f"{words}, DVC {found['dvc']}")
    else:
        yield problem("versions", f"{words}; DVC is not installed", "pip install dvc")


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def identity(registry: Registry) -> Iterator[Diagnosis]:
    """Whom records will name."""
    if registry.git.worktree is None:
        return
    try:
        name = registry.git.identity().rpartition(">")[0]
    except GitError as error:
        yield problem("identity", "git knows no name and address for you, so nothing can be logged", error.hint or "")
    else:
        yield ok("identity", f"{name}>")


def repository(registry: Registry) -> Iterator[Diagnosis]:
    """What kind of clone it is, and whether it can be written."""
    git = registry.git
    kind = "a bare repository" if git.worktree is None else "a worktree" if git.git_dir != git.common_dir else "a clone"
    yield ok("repository", f"{kind} at '{git.worktree or git.git_dir}'")
    closed = [path for path in (git.common_dir, git.common_dir / "refs", git.common_dir / "objects") if not _open(path)]
    if closed:
        yield warning(
            "repository", f"this user cannot write in '{closed[0]}': nothing can be logged here, reading works"
        )
    if git.text("rev-parse", "--is-shallow-repository") == "true":
        words = "it is shallow: lineage is shown as far as it goes, and marked where it is cut"
        yield warning("repository", words, "git fetch --unshallow")
    if git.attempt("config", "--get-regexp", r"^(extensions\.partialclone|remote\..*\.promisor)$").status == 0:
        words = "it is a partial clone: what is not here has to be fetched, and is shown as missing without a network"
        yield warning("repository", words)
    if git.config("core.ignorecase") == "true":
        yield ok("repository", "names that differ by case alone are one file here, so gitreg refuses them everywhere")


def _open(path: os.PathLike[str]) -> bool:
    return os.access(path, os.W_OK)


def project(registry: Registry) -> Iterator[Diagnosis]:
    """The DVC project: is it there, can its configuration be read, do others get it, can the cache be written."""
    worktree = registry.git.worktree
    if worktree is None:
        return
    if not is_set_up(registry):
        yield problem("project", f"'{worktree}' is no DVC project, so nothing can be logged", "gitreg init")
        return
    try:
        registry.project.config()
    except StorageError as error:
        words = " ".join(error.message.split())
        yield problem("project", words, error.hint or "mend it; the committed one: git checkout -- .dvc/config")
        return
    directory = registry.project.cache_dir
    yield ok("project", f"a DVC project, with its cache in '{directory}'")
    nearest = next(path for path in (directory, *directory.parents) if path.exists())
    if not _open(nearest):
        yield problem(
            "project", f"this user cannot write in '{nearest}', where the cache is", "dvc cache dir DIRECTORY"
        )
    if registry.git.attempt("ls-files", "--error-unmatch", "--", ":(top).dvc/config").status != 0:
        words = "its configuration is not in Git, so that other clones do not have it"
        yield warning("project", words, "git add .dvc .dvcignore && git commit -m 'set up gitreg'")


def remote(registry: Registry) -> Iterator[Diagnosis]:
    """The registry remote, and whether git's own fetch brings what it has."""
    if registry.is_server:
        yield ok("remote", "a server: what is here is published")
        return
    if not registry.has_remote:
        chosen = registry.git.config("gitreg.remote")
        if chosen:
            todo = f"git remote add {chosen} URL, or choose another: gitreg init --remote NAME"
            yield problem("remote", f"gitreg.remote names '{chosen}', and there is no such remote", todo)
        else:
            todo = f"git remote add {registry.remote} URL && gitreg init"
            yield warning("remote", f"there is no remote '{registry.remote}': versions stay in this clone", todo)
        return
    try:
        setup.check_mirror(registry, registry.remote)
    except UsageError as error:
        yield problem("remote", error.message, error.hint or "")
        return
    if setup.has_refspec(registry):
        yield ok("remote", f"'{registry.remote}' is the registry, and 'git fetch' brings what it has")
    else:
        words = f"'git fetch' does not bring the runs and aliases of '{registry.remote}'"
        yield warning("remote", words, "gitreg init", partial(_add_refspec, registry))


def _add_refspec(registry: Registry) -> str:
    setup.add_refspec(registry)
    return f"'git fetch' brings the runs and aliases of '{registry.remote}' from now on"


def hook(registry: Registry, command: str) -> Iterator[Diagnosis]:
    """Whether 'git push' publishes. `command` is the `gitreg` that a hook falls back to."""
    if registry.git.worktree is None or not registry.has_remote:
        return
    mode = registry.git.config("gitreg.publish", "hook")
    found = hooks.state(registry.git)
    if mode not in _MODES:
        words = f"gitreg.publish is '{mode}', and is taken for 'hook'"
        yield warning("hook", words, f"git config gitreg.publish {'|'.join(_MODES)}")
    if mode == "manual":
        yield ok("hook", "'git push' does not publish, as gitreg.publish says; 'gitreg push' does")
    elif found.publishes:
        yield ok("hook", found.words)
    elif found.kind == "shared":
        todo = (
            f"add what 'gitreg init' prints to '{found.path}'" if found.lines else "git config --unset core.hooksPath"
        )
        yield warning("hook", found.words, f"{todo}; or publish with: gitreg push")
    else:
        yield warning("hook", found.words, "gitreg init", partial(_install, registry, command))


def _install(registry: Registry, command: str) -> str:
    found = hooks.install(registry.git, command=command)
    return found.words if found.publishes else ""


def storage(registry: Registry) -> Iterator[Diagnosis]:
    """Where bytes are published, as far as that can be said without a network."""
    if not is_set_up(registry):
        return
    found = registry.project.default_storage
    if found is None:
        tell = problem if registry.has_remote and collect(registry) else warning
        yield tell("storage", "there is none, so nothing can be published", "gitreg init --storage URL_OR_PATH")
    elif found.path:
        yield _folder(found)
    else:
        yield _plugin(found)


def _folder(found: Storage) -> Diagnosis:
    path = found.path
    assert path is not None
    if not path.is_dir():
        todo = "mount it, make it, or name another: gitreg init --storage URL_OR_PATH"
        return problem("storage", f"the folder of storage '{found}' is not there", todo)
    objects = path / "files" / "md5"
    if not _open(objects if objects.exists() else path):
        return warning("storage", f"this user cannot write to storage '{found}', and so cannot publish")
    return ok("storage", f"{found}")


def _plugin(found: Storage) -> Diagnosis:
    kind = _PLUGINS.get(scheme_of(found.url))
    if kind and find_spec(f"dvc_{kind}") is None:
        return problem("storage", f"DVC's plugin for storage '{found}' is not installed", f'pip install "dvc[{kind}]"')
    return ok("storage", f"{found}; 'gitreg doctor --remote' asks it")
