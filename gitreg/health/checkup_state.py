"""What a clone holds that should not be there: locks, leftovers, runs that were killed, refs in the way of others."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import accumulate

from gitreg.git import locks
from gitreg.health import leftovers
from gitreg.health.diagnosis import Diagnosis, listed, ok, plural, problem, warning
from gitreg.health.leftovers import Leftovers
from gitreg.records import refs as names_of_refs
from gitreg.registry import going, index, keep, recover
from gitreg.registry.pending import collect
from gitreg.registry.repository import Registry
from gitreg.registry.versions import all_versions, is_own

_REGISTRIES = ("dataset", "model")


def stale_locks(registry: Registry) -> Iterator[Diagnosis]:
    """Locks of processes that were killed."""
    git = registry.git
    found = locks.stale(git)
    for lock in found:
        name = lock.path.relative_to(git.common_dir).as_posix()
        words = f"'{name}' is {_age(lock.age)} old: whoever made it was killed, and nobody can write what it locks"
        yield problem("locks", words, "gitreg doctor --fix", partial(_unlock, lock))
    users = locks.of_the_users(git)
    for lock in users:
        words = f"'{lock.path.name}' is {_age(lock.age)} old, and stops git's own commands"
        yield warning("locks", words, f"if no git command is at work, nor an editor of one open: rm '{lock.path}'")
    if not found and not users:
        yield ok("locks", "no lock was left by a process that was killed")


def _unlock(lock: locks.OldFile) -> str:
    gone = lock.remove()
    return f"'{lock.path.name}', which was {_age(lock.age)} old, is " + ("removed" if gone else "gone already")


def _age(seconds: float) -> str:
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}s"
    return f"{seconds:.0f} seconds"


def left_behind(registry: Registry) -> Iterator[Diagnosis]:
    """Temporary files of commands that were killed, and damaged objects that were moved aside."""
    found = leftovers.find(registry)
    if found.old:
        words = (
            f"{plural(len(found.old), 'temporary file')} of commands that were killed, such as '{found.old[0].path}'"
        )
        yield warning("leftovers", words, "gitreg doctor --fix", partial(_clean, found))
    elif found.young:
        words = f"{plural(len(found.young), 'temporary file')}, such as '{found.young[0]}', less than an hour old"
        yield ok("leftovers", f"{words}: a command may be writing there")
    else:
        yield ok("leftovers", "no temporary files")
    if found.damaged:
        first = found.damaged[0]
        words = f"{plural(len(found.damaged), 'damaged object')} moved aside, such as '{first}'"
        yield warning("leftovers", words, "look at what damaged it (a disk?), then remove what ends in .corrupt")


def _clean(found: Leftovers) -> str:
    return f"{plural(found.remove(), 'temporary file')} removed"


def protected(registry: Registry) -> Iterator[Diagnosis]:
    """Links that protect bytes which belong to nothing pending."""
    if not (registry.private / "keep").is_dir() or registry.git.worktree is None:
        return
    found = keep.orphans(registry)
    if found.spare:
        words = f"{plural(len(found.spare), 'object')} protected for something that is published or was taken back"
        yield warning("keep", words, "gitreg doctor --fix", partial(_let_go, registry))
    if found.last:
        folder = registry.private / "keep"
        words = (
            f"{plural(len(found.last), 'object')} of nothing pending, and only in '{folder}', no longer in the cache"
        )
        yield warning("keep", words, "gitreg fsck says whether a version needs them")
    if not found.spare and not found.last:
        yield ok("keep", "what is protected from 'dvc gc' is not published yet, or just being logged")


def _let_go(registry: Registry) -> str:
    return f"{plural(keep.let_go(registry), 'object')} left to 'dvc gc'; the cache still has them"


def derived_index(registry: Registry) -> Iterator[Diagnosis]:
    """The index of who used what."""
    why = index.damage(registry)
    if why:
        yield warning("index", f"it cannot be used: {why}", "gitreg doctor --fix", partial(_rebuild, registry))
    else:
        yield ok("index", "it can be used, or is made when it is needed")


def _rebuild(registry: Registry) -> str:
    index.rebuild(registry)
    return "made anew"


def killed_runs(registry: Registry) -> Iterator[Diagnosis]:
    """Runs whose process is gone."""
    dead = [str(run_id) for run_id in going.dead_runs(registry)]
    if dead:
        words = f"{plural(len(dead), 'run')} killed and not recorded: {listed(dead)}"
        yield warning("runs", words, "gitreg run recover", partial(_recover, registry))
    else:
        yield ok("runs", "no run was killed without being recorded")


def _recover(registry: Registry) -> str:
    done = recover.recover(registry)
    for error in done.failed.values():
        raise error
    names = [run.name for run in done.runs]
    return f"recorded as crashed: {listed(names)}" if names else "there was nothing to record"


def waiting(registry: Registry) -> Iterator[Diagnosis]:
    """What is not published."""
    found = collect(registry)
    for refusal in found.refused:
        yield warning("pending", f"{refusal.name} cannot be published: {refusal.why}", "gitreg fsck")
    counts = [
        plural(len(items), noun)
        for items, noun in (
            (found.versions, "version"),
            (found.runs, "run"),
            (found.aliases, "alias"),
            ([edit for card in found.cards for edit in card.edits], "edit"),
        )
        if items
    ]
    if not counts:
        yield ok("pending", "nothing waits to be published")
    elif registry.has_remote:
        yield ok("pending", f"{', '.join(counts)} not published yet: gitreg push")
    else:
        yield ok("pending", f"{', '.join(counts)} here, and no remote to publish to")


def in_the_way(registry: Registry) -> Iterator[Diagnosis]:
    """Refs that git can have only instead of one that gitreg needs: `a` and `a/b` cannot both be there."""
    names = {ref.name for ref in registry.refs.find("refs/tags/", "refs/gitreg", "refs/gitreg-remotes")}
    below = ("", names_of_refs.RUNS, names_of_refs.ALIASES, names_of_refs.CARDS)
    folders = [base + folder for base in (names_of_refs.PENDING, registry.tracking) for folder in below]
    folders += [names_of_refs.DRAFTS, names_of_refs.TRACKING]
    blocking = names & {folder.removesuffix("/") for folder in folders}
    for name in sorted(blocking):
        yield problem("refs", f"ref '{name}' takes the place of a folder of refs", f"git update-ref -d {name}")
    drafts = [version for version in all_versions(registry) if not version.published and is_own(registry, version.tag)]
    spaces = {str(version.name.collection.space) for version in drafts if version.name.collection.space}
    for space in sorted({*spaces, *_REGISTRIES}):
        if f"refs/tags/{space}" in names:
            words = f"tag '{space}' is in the way of all versions of '{space}/...'"
            todo = f"rename it here and on the remote: git tag {space}-tag {space} && git tag -d {space}"
            yield (problem if space in spaces else warning)("refs", words, todo)
    above = {folder for name in names for folder in accumulate(name.split("/")[:-1], "{}/{}".format)}
    for version in drafts:
        tag = names_of_refs.version_tag(version.name)
        if tag in above:
            words = f"tags below '{version.name.tag}/' are in the way of '{version.name}'"
            yield problem("refs", words, f"git tag -l '{version.name.tag}/*' lists them; rename them")
