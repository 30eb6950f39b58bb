"""The registry remote's default branch: the one whose files count. As far as this clone knows it."""

from __future__ import annotations

from gitreg.errors import Error
from gitreg.git.objects import MissingObjectError
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
    hint = "'gitreg fetch' asks it" if branches else "git fetch; a remote without a branch needs a push first"
    raise Error(f"which branch is the default one of '{registry.remote}' is not known here", hint=hint)


def tip(registry: Registry) -> Oid | None:
    """Its newest commit; None in a repository without any. Raises: Error when git does not know which it is."""
    return registry.objects.at(ref(registry))


def short(registry: Registry) -> str:
    """The branch as people write it: `origin/main`. Raises: Error when git does not know which it is."""
    return named(registry, ref(registry))


def named(registry: Registry, name: str) -> str:
    """The branch that a ref such as HEAD leads to, as people write it."""
    found = registry.git.attempt("symbolic-ref", "--quiet", name, offline=True).stdout.decode("utf-8", "replace")
    return (found.strip() or name).removeprefix("refs/remotes/").removeprefix("refs/heads/")


def learn(registry: Registry) -> None:
    """Ask the remote which branch it is, where git does not know: a clone of what was empty, or a remote added later.

    As `git fetch` itself does from 2.48 on. Raises: GitError.
    """
    there = f"refs/remotes/{registry.remote}/"
    if registry.objects.at(f"{there}HEAD") or not registry.refs.any_below(there):
        return
    found = registry.transport.head()
    branch = there + found[0].removeprefix("refs/heads/") if found else ""
    if branch and registry.objects.at(branch):
        registry.git.run("symbolic-ref", f"{there}HEAD", branch)


def fetched(registry: Registry) -> Oid:
    """Its newest commit, asked of the remote, whose history is here then; a server's is its own.

    No ref of the clone changes. Raises: Error when there is none, GitError.
    """
    if registry.is_server:
        found = tip(registry)
    else:
        there = registry.transport.head()
        if there:
            registry.transport.fetch([there[0]])
        found = there[1] if there else None
    if found is None:
        raise Error(f"'{registry.remote}' has no default branch with a commit", hint="git push, once")
    return found


def line(registry: Registry, commit: Oid) -> dict[Oid, int]:
    """The commits that lead to this one over first parents, each with its place in their order; the oldest first.

    Raises: MissingObjectError where a shallow clone cuts it off.
    """
    words = registry.git.run("rev-list", "--first-parent", "--reverse", str(commit), "--", offline=True).split()
    found = {Oid(bytes.fromhex(word.decode())): place for place, word in enumerate(words)}
    # a commit is stored as it is, whatever a shallow clone takes for its parents
    parents = registry.objects.commit(next(iter(found))).parents
    if parents:
        raise MissingObjectError(str(parents[0]), hint="the default branch is not all here: git fetch --unshallow")
    return found
