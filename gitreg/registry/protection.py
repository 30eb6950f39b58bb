"""Protected aliases name what the default branch says: nobody moves them directly, and `apply` does not ask here."""

from __future__ import annotations

from collections.abc import Iterable

from gitreg.errors import ProtectedAliasError
from gitreg.records.names import AliasName
from gitreg.registry import policy
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version


def check_direct(
    registry: Registry, names: Iterable[AliasName], version: Version | None = None, *, remove: bool = False
) -> None:
    """See whether anybody may move these aliases directly: to `version`, or away; None where that is not known yet.

    Raises: ProtectedAliasError for the first that may not, SettingsError for a policy that cannot be read.
    """
    wanted = list(names)
    rules = policy.current(registry) if wanted else None
    for name in wanted:
        if rules and rules.rule(name).protected:
            raise ProtectedAliasError(str(name), hint=way(name, version, remove=remove))


def way(name: AliasName, version: Version | None, *, remove: bool = False) -> str:
    """What to type instead of a direct move."""
    target = version.name.label if version else "--remove" if remove else "VERSION"
    first = f"publish {version.name}, then " if version and not version.published else ""
    return f"{first}ask for it: gitreg promote {name} {target}"
