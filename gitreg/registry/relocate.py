"""Moving the aliases of a registry to another place on its remote, once the default branch says that they lie there.

Whoever is about to move an alias does this first. All of them go at once, and only where none is yet: what somebody
puts at the place that does not count any more, where a host's rules may not hold, never gets to the one that does.
"""

from __future__ import annotations

from gitreg.errors import GitError, RefusedError
from gitreg.git.refs import Change, Refs
from gitreg.git.transport import Outcome, Push, Transport
from gitreg.records import refs as names_of_refs
from gitreg.records.objects import ZERO, Oid
from gitreg.registry import fetch, settings
from gitreg.registry.pushing import is_race
from gitreg.registry.repository import Registry

# Each time it was somebody else who moved an alias, or all of them.
_ROUNDS = 8


def relocate(registry: Registry) -> int:
    """Ask where the aliases lie, and move them there if they do not; how many. Follows a fetch.

    Raises: RefusedError when the remote does not let us, SettingsError, GitError.
    """
    if registry.is_server:
        return _here(registry)
    if settings.learn(registry):
        fetch.follow(registry)
    count = 0
    for _ in range(_ROUNDS):
        left = {} if registry.refs.any_below(registry.tracking + names_of_refs.ALIASES) else strays(registry)
        if not left:
            break
        count = len(left)
        registry.transport.fetch(list(left))
        _push(registry, left)
        fetch.follow(registry)
    return count


def strays(registry: Registry) -> dict[str, Oid]:
    """The aliases that the remote has where they do not count, by the names that they have there. Raises: GitError."""
    other = names_of_refs.other_root(registry.alias_root)
    only = ("--heads",) if other == names_of_refs.ALIAS_BRANCHES else ()
    return registry.transport.refs(f"{other}*", only=only)


def _here(registry: Registry) -> int:
    root, other = registry.alias_root, names_of_refs.other_root(registry.alias_root)
    # as they are called there
    refs = Refs(registry.git)
    left = [] if refs.any_below(root) else refs.find(other)
    made = (Change(_moved(ref.name, root), ZERO, ref.oid) for ref in left)
    refs.change([*made, *(Change(ref.name, ref.oid, ZERO) for ref in left)])
    return len(left)


def _push(registry: Registry, left: dict[str, Oid]) -> None:
    """Move them, unless somebody else has changed one at this moment. Raises: RefusedError, GitError."""
    transport = Transport(registry.git, registry.remote)
    made = [Push(oid, _moved(name, registry.alias_root)) for name, oid in left.items()]
    gone = [Push(ZERO, name, oid) for name, oid in left.items()]
    if all(map(is_race, _try(transport, [*made, *gone]))):
        return
    # the old ones may be protected, and do no harm
    refused = next((outcome for outcome in _try(transport, made) if not is_race(outcome)), None)
    if refused:
        raise RefusedError(
            f"aliases lie below '{registry.alias_root}' now, and '{registry.remote}' lets none be moved there: "
            f"{refused.words}",
            hint="have somebody who may run 'gitreg apply'",
        )


def _try(transport: Transport, pushes: list[Push]) -> list[Outcome]:
    """Push all or none, and tell what failed; each by itself where the server cannot do that."""
    try:
        outcomes = transport.push(pushes, atomic=True)
    except GitError as error:
        if "--atomic" not in error.stderr:
            raise
        outcomes = transport.push(pushes, atomic=False)
    return [outcome for outcome in outcomes if not outcome.ok]


def _moved(name: str, root: str) -> str:
    return root + name.removeprefix(names_of_refs.other_root(root))
