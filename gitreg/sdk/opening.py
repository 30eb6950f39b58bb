"""Opening the repository that the SDK works in."""

from __future__ import annotations

import os
import weakref
from pathlib import Path

from gitreg.data.config import only_storage
from gitreg.errors import NoRepositoryError, NotARepositoryError
from gitreg.git.address import Address
from gitreg.git.runner import Git
from gitreg.registry.repository import Registry
from gitreg.sdk import bundling
from gitreg.sdk.notebook import rest_after_cells


def check_directory(directory: Path) -> None:
    """Raises: NotARepositoryError when there is no such directory."""
    if not os.path.isdir(directory):  # noqa: PTH112 - Path's raises for what can be no path
        raise NotARepositoryError(f"{str(directory)[:200]!r} is not a directory", hint="check the path")


def open_elsewhere(repo: str | os.PathLike[str], storage: str | None, *, offline: bool) -> Registry:
    """A repository that there is no clone of here. Raises: UsageError, StorageError, GitError, NotFoundError."""
    from gitreg.registry.elsewhere import Elsewhere

    only = only_storage(storage) if storage is not None else None
    registry = Elsewhere(Address.parse(os.fspath(repo), Path.cwd()), offline=offline, storage=only)
    weakref.finalize(registry, registry.objects.close)
    rest_after_cells(registry)
    return registry


def open_registry(directory: Path, *, writing: bool = True) -> Registry:
    """The repository around a directory; its reading process ends with it.

    Raises: NotARepositoryError, with `writing` also when it is not set up yet.
    """
    check_directory(directory)
    try:
        registry = Registry(Git.discover(directory))
    except NoRepositoryError as error:
        bundle = bundling.latest()
        if bundle and not writing:
            return bundle
        if writing:
            error.hint = (
                "run 'git init' there; or let the run go into a file, to import it later: GITREG_BUNDLE=run.bundle"
            )
        raise
    # artifacts outlive their run, so nobody knows when the last of them is read
    weakref.finalize(registry, registry.objects.close)
    rest_after_cells(registry)
    if writing:
        _ = registry.cache
    return registry
