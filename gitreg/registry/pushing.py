"""Pushing what is pending: what goes together, in which order, and how the clone notes that it is published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from gitreg.errors import GitError
from gitreg.git.lfs import lfs_push, needs_lfs
from gitreg.git.refs import Change, RefMovedError
from gitreg.git.transport import Outcome, Push
from gitreg.records import refs as names_of_refs
from gitreg.records.objects import ZERO, Oid
from gitreg.registry.pending import PARTED, Pending
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version

_RACE_SIGNS = (
    "already exists",
    "fetch first",
    "non-fast-forward",
    "stale info",
    "cannot lock ref",
    "failed to update ref",
    "atomic push failed",
    "atomic transaction failed",
)
# an argument list is limited to 128 KiB on some systems
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Unit:
    """What is pushed together: a run with the versions it logged, or one link.

    Attributes:
        name: for people.
        pushes: its refs.
        makes: the commits of versions that it brings.
        needs: the commits of versions that must not stay behind when it is published.
        parted: somebody else went on with the run too, and published that.
    """

    name: str
    pushes: tuple[Push, ...]
    makes: frozenset[Oid] = frozenset()
    needs: frozenset[Oid] = frozenset()
    parted: bool = False


def units_of(pending: Pending, leave: frozenset[str]) -> list[Unit]:
    """What to push, in graph order: a run's inputs come from runs that began before it, a link follows its source."""
    units = []
    made: dict[Oid, list[Version]] = {}
    for version in pending.versions:
        made.setdefault(version.commit, []).append(version)
    loose = dict.fromkeys(pending.versions)
    for run in pending.runs.values():
        found = (version for commit in run.outputs for version in made.get(commit, []))
        own = [version for version in found if not version.name.collection.space]
        for version in own:
            del loose[version]
        pushes = [Push(run.tip.oid, names_of_refs.run(run.record.id)), *(_tag_push(version) for version in own)]
        wanted = tuple(push for push in pushes if push.ref not in leave)
        makes, needs = frozenset(run.outputs), frozenset(use.commit for use in run.inputs)
        parted = run.record.id in pending.parted
        units.append(Unit(f"run '{run.record.name}'", wanted, makes, needs - makes, parted))
    rest = [version for version in loose if names_of_refs.version_tag(version.name) not in leave]
    units += [Unit(f"'{item.name}'", (_tag_push(item),), needs=frozenset({item.commit})) for item in rest]
    return _in_order([unit for unit in units if unit.pushes])


def _in_order(units: list[Unit]) -> list[Unit]:
    """Each unit after those that make what it needs, as far as that is possible: two runs may use each other's."""
    maker = {commit: unit for unit in units for commit in unit.makes}
    # not by name: two runs may have the same
    found: dict[Unit, None] = {}
    for unit in units:
        todo = [unit]
        seen = {unit}
        while todo:
            before = [maker[commit] for commit in todo[-1].needs if commit in maker]
            first = next((item for item in before if item not in found and item not in seen), None)
            if first:
                seen.add(first)
                todo.append(first)
            else:
                found[todo.pop()] = None
    return list(found)


def _tag_push(version: Version) -> Push:
    return Push(version.tag, names_of_refs.version_tag(version.name))


def push_lfs(registry: Registry, pending: Pending, units: list[Unit]) -> None:
    """Upload what the runs' code has in Git LFS: its own hook does not run for our push. Raises: GitError."""
    if needs_lfs(registry.git, [run.record.code.commit for run in pending.runs.values()]):
        pushes = [push for unit in units for push in unit.pushes]
        lfs_push(registry.git, registry.remote, registry.transport.push_urls()[0], pushes)


def push_units(
    registry: Registry, units: Iterable[Unit], behind: Mapping[Oid, str]
) -> Iterator[tuple[Unit, list[Outcome], str]]:
    """Push all units at once where the server does that atomically, else one by one, as atomically as it can.

    `behind` holds commits of versions that cannot be published, with the reason. Yields each unit with its outcomes, or
    with the reason why it was not pushed: it makes such a version, or needs one, or one that was refused.
    """
    lacking = dict(behind)
    ready = []
    for unit in units:
        why = _held_back(unit, lacking)
        if why:
            yield unit, [], why
        else:
            ready.append(unit)
    if not ready:
        return
    everything = [push for unit in ready for push in unit.pushes]
    try:
        outcomes = {outcome.ref: outcome for outcome in registry.transport.push(everything, atomic=True)}
        if all(outcome.ok for outcome in outcomes.values()):
            yield from ((unit, [outcomes[push.ref] for push in unit.pushes], "") for unit in ready)
            return
        atomic = True
    except GitError as error:
        if "--atomic" not in error.stderr:
            raise
        atomic = False
    for unit in ready:
        why = _held_back(unit, lacking)
        found = [] if why else registry.transport.push(unit.pushes, atomic=atomic)
        if not all(outcome.ok for outcome in found):
            lacking |= dict.fromkeys(unit.makes, _needs(unit))
        yield unit, found, why


def _held_back(unit: Unit, lacking: dict[Oid, str]) -> str:
    """Why the unit must not be published, '' when it may; what needs it is held back as well."""
    own = PARTED if unit.parted else next((lacking[commit] for commit in unit.makes if commit in lacking), "")
    why = own or next((lacking[commit] for commit in unit.needs if commit in lacking), "")
    if why:
        lacking |= dict.fromkeys(unit.makes, _needs(unit))
    return why


def _needs(unit: Unit) -> str:
    return f"it needs {unit.name}, which was not published"


def is_race(outcome: Outcome) -> bool:
    """Whether somebody else made or moved the ref: a client's words, and a server's that lost its own race."""
    # a tag named like a folder of others is in the way for good
    return "cannot create" not in outcome.words and any(sign in outcome.words for sign in _RACE_SIGNS)


def settle(registry: Registry, pushes: Iterable[Push]) -> set[str]:
    """The remote has these: move them from pending to published here, in one transaction where nothing has moved.

    Returns the refs that went on meanwhile, and stay pending.
    """
    done = list(pushes)
    pairs = [_here(registry, push) for push in done]
    names = iter(name for pair in pairs for name in pair)
    known: dict[str, Oid] = {}
    while chunk := list(islice(names, _CHUNK)):
        known |= {ref.name: ref.oid for ref in registry.refs.find(*chunk)}
    steps = [
        [Change(published, known.get(published, ZERO), push.oid), Change(pending, push.oid, ZERO)]
        for push, (published, pending) in zip(done, pairs, strict=True)
    ]
    try:
        registry.refs.change(change for step in steps for change in step)
    except RefMovedError:
        return {push.ref for push, step in zip(done, steps, strict=True) if not _changed(registry, step)}
    return set()


def _here(registry: Registry, push: Push) -> tuple[str, str]:
    """Where a pushed ref lies in this clone as published, and where it lay as pending."""
    if push.ref.startswith(names_of_refs.TAGS):
        return push.ref, push.ref.replace(names_of_refs.TAGS, names_of_refs.DRAFTS, 1)
    return push.ref.replace(names_of_refs.PENDING, registry.tracking, 1), push.ref


def _changed(registry: Registry, step: list[Change]) -> bool:
    try:
        registry.refs.change(step)
    except RefMovedError:
        return False
    return True
