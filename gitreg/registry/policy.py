"""The policy that counts: `.gitreg/policy.yaml` of the default branch, or of a commit."""

from __future__ import annotations

from gitreg.errors import Error, RecordError, SettingsError
from gitreg.git.objects import MissingObjectError
from gitreg.records import policy as codec
from gitreg.records.names import AliasName
from gitreg.records.objects import Oid
from gitreg.records.policy import PATH, Policy
from gitreg.registry import mainline
from gitreg.registry.repository import Registry

_FILE_MODES = (b"100644", b"100755")


def protected(registry: Registry, alias: AliasName) -> bool:
    """Whether only `gitreg apply` moves the alias. Raises: as `current`."""
    return current(registry).rule(alias).protected


def current(registry: Registry) -> Policy:
    """The policy of the registry remote's default branch, as far as this clone knows it. Raises: as `at`."""
    try:
        commit = mainline.tip(registry)
    except Error:
        # nothing has been pushed or fetched yet, or git was never told which branch it is
        commit = registry.objects.at("HEAD")
    return at(registry, commit)


def at(registry: Registry, commit: Oid | None) -> Policy:
    """The policy of a commit, one that says nothing where there is none.

    Raises: SettingsError, also for one that is no regular file; MissingObjectError.
    """
    if commit is None:
        return Policy()
    try:
        data = _file(registry, commit)
        return Policy() if data is None else codec.parse(data.decode())
    except UnicodeDecodeError as error:
        raise SettingsError(PATH, 0, "not UTF-8") from error
    except (SettingsError, MissingObjectError):
        raise
    except RecordError as error:
        raise SettingsError(PATH, 0, error.message, hint=error.hint) from error


def _file(registry: Registry, commit: Oid) -> bytes | None:
    there, leaf = registry.objects.entry_at(registry.objects.commit(commit).tree, PATH) or ("", None)
    if leaf is None:
        return None
    if there != PATH:
        raise SettingsError(PATH, 0, f"'{there}' is no folder")
    # where a link leads is not for a request to say, and a policy that is passed over protects nothing
    if leaf.mode not in _FILE_MODES:
        raise SettingsError(PATH, 0, "this is no regular file")
    return registry.objects.read(leaf.oid)[1]
