"""The registry remote's default branch: the one whose files count. As far as this clone knows it."""

from __future__ import annotations

from gitreg.errors import Error
from gitreg.records.objects import Oid
from gitreg.registry.repository import Registry


def ref(registry: Registry) -> str:
    """The full name of the ref. Without a registry remote it is HEAD. Raises: Error when git does not know which."""
    if not registry.has_remote:
        return "HEAD"
    there = f"refs/remotes/{registry.remote}/"
    if registry.objects.at(f"{there}HEAD"):
        return f"{there}HEAD"
    branches = registry.refs.find(there)
    if len(branches) == 1:
        return branches[0].name
    # to guess would be to let somebody choose who makes a branch called 'main'
    hint = f"git remote set-head {registry.remote} --auto" if branches else "git fetch"
    raise Error(f"which branch is the default one of '{registry.remote}' is not known here", hint=hint)


def tip(registry: Registry) -> Oid | None:
    """Its newest commit; None in a repository without any. Raises: Error when git does not know which it is."""
    return registry.objects.at(ref(registry))


def short(registry: Registry) -> str:
    """The branch as people write it: `origin/main`. Raises: Error when git does not know which it is."""
    name = ref(registry)
    found = registry.git.attempt("symbolic-ref", "--quiet", name, offline=True).stdout.decode("utf-8", "replace")
    return (found.strip() or name).removeprefix("refs/remotes/").removeprefix("refs/heads/")
