"""Where the registry remote keeps its aliases: `.gitreg/config.yaml` of its default branch says so.

A clone notes it in its git configuration when it fetches: its tracking refs are from there, until it asks again. A
server reads its own file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitreg.errors import RecordError, SettingsError
from gitreg.git.objects import MissingObjectError
from gitreg.records import settings as codec
from gitreg.records.objects import Oid
from gitreg.records.refs import ALIAS_ROOT, ALIAS_ROOTS
from gitreg.records.settings import PATH, Settings
from gitreg.registry import committed

if TYPE_CHECKING:
    from gitreg.registry.repository import Registry


def at(registry: Registry, commit: Oid | None) -> Settings:
    """The settings of a commit. Raises: SettingsError, MissingObjectError."""
    try:
        return codec.parse(committed.text(registry.objects, commit, PATH))
    except (SettingsError, MissingObjectError):
        raise
    except RecordError as error:
        raise SettingsError(PATH, 0, error.message, hint=error.hint) from error


def here(registry: Registry) -> str:
    """Below which the aliases lie on the remote, as was last noted; on a server, here. Raises: as `at`."""
    if registry.is_server:
        return at(registry, registry.objects.at("HEAD")).aliases
    noted = registry.git.config(_key(registry))
    return noted if noted in ALIAS_ROOTS else ALIAS_ROOT


def learn(registry: Registry, *, depth: int = 0) -> bool:
    """Ask the remote, and note what it says; whether that is new. Raises: GitError, and as `at`.

    With `depth` only so many commits of its default branch are brought.
    """
    branch = registry.transport.head()
    if branch:
        registry.transport.fetch([branch[0]], depth=depth)
    root = at(registry, branch[1] if branch else None).aliases
    if root == registry.alias_root:
        return False
    words = ("--unset", _key(registry)) if root == ALIAS_ROOT else (_key(registry), root)
    registry.git.run("config", *words)
    registry.use_alias_root(root)
    return True


def _key(registry: Registry) -> str:
    return f"remote.{registry.remote}.gitregAliases"
