"""Moves aliases to what the default branch says: all refs in one push, anew for as long as others are faster.

It can be repeated at any time, and by several at once: what is there already is not done again, and whoever is killed
has moved all or nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from gitreg.errors import GitError, RefusedError, SettingsError
from gitreg.git.refs import Change, RefMovedError
from gitreg.git.transport import Outcome, Push
from gitreg.promotion.moving import Mover
from gitreg.promotion.people import Told
from gitreg.promotion.published import Published
from gitreg.promotion.replay import Replay, Replayer, Step
from gitreg.promotion.request import Problem
from gitreg.promotion.said import Said
from gitreg.records import refs as names_of_refs
from gitreg.records.names import AliasName
from gitreg.records.objects import ZERO, Oid
from gitreg.registry import mainline
from gitreg.registry.fetch import fetch
from gitreg.registry.pushing import is_race
from gitreg.registry.repository import Registry

# Each time it was somebody else who moved an alias between our fetch and our push.
_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done.

    Attributes:
        head: the commit whose files were applied.
        moved: the moves of each alias that was moved, in the default branch's order; by collection and alias.
        refused: the moves that an alias would need to be what the branch says, and that must not be made.
        lost: those that could have been made, had nobody moved the alias at the same time.
        earlier: the moves that had been made for commits after `base`, of aliases that were not moved now: whoever
            deploys what has moved may have been killed before.
        broken: files that cannot be read; their aliases stay as they are.
    """

    head: Oid
    moved: Mapping[AliasName, tuple[Step, ...]]
    refused: tuple[Step, ...] = ()
    lost: tuple[Step, ...] = ()
    earlier: Mapping[AliasName, tuple[Step, ...]] = field(default_factory=dict)
    broken: tuple[SettingsError, ...] = ()


def apply(
    registry: Registry,
    head: Oid | None = None,
    *,
    base: Oid | None = None,
    told: Told | None = None,
    dry_run: bool = False,
) -> Applied:
    """Fetch, and move every alias that is not what the default branch says.

    Args:
        registry: a clone, or a server without a registry remote, which applies what its own HEAD says.
        head: the commit to apply, one of the default branch's first parents; None for its newest. An alias that a later
            commit has moved already is left alone.
        base: what the default branch was before somebody pushed to it; its policy counts for what came then. None where
            each commit is judged by its first parent's, which in a request that was rebased may be its own.
        told: who stands behind commits, as somebody knows who can.
        dry_run: move nothing; say what would be.

    Raises: RefusedError for a commit that is not on the default branch, MissingObjectError in a clone that lacks
        history, GitError when the remote cannot be reached.
    """
    moved: dict[AliasName, tuple[Step, ...]] = {}
    declined: dict[AliasName, Step] = {}
    raced: set[AliasName] = set()
    for left in reversed(range(_ROUNDS)):
        if not registry.is_server:
            fetch(registry)
        at, found = _replayed(registry, head, base, told or {})
        todo = {name: steps for name, steps in found.steps.items() if name not in declined}
        lost = [step for step in found.refused if step.move.alias in raced]
        again: set[AliasName] = set()
        for name, words in _sent(registry, found, todo).items() if todo and not dry_run else ():
            if words is None:
                moved[name] = (*moved.get(name, ()), *todo[name])
            elif words:
                declined[name] = _declined(todo[name][-1], words)
            else:
                again.add(name)
        if not again or not left:
            lost += [todo[name][-1] for name in sorted(again)]
            refused = [*(step for step in found.refused if step not in lost), *declined.values()]
            refused.sort(key=lambda step: step.move.alias)
            done = todo if dry_run else dict(sorted(moved.items()))
            earlier = {name: steps for name, steps in found.earlier.items() if name not in done}
            return Applied(at, done, tuple(refused), tuple(lost), earlier, found.broken)
        raced |= again
    raise AssertionError("the last round returns")


def _declined(step: Step, words: str) -> Step:
    """A move that the remote does not take."""
    problem = Problem(f"the remote refused it: {words}")
    return replace(step, promotion=None, move=replace(step.move, problems=(problem,)))


def _replayed(registry: Registry, head: Oid | None, base: Oid | None, told: Told) -> tuple[Oid, Replay]:
    tip = mainline.fetched(registry)
    line = mainline.line(registry, tip)
    for commit in filter(None, (head, base)):
        if commit not in line:
            raise RefusedError(
                f"commit {commit.short} is not on the default branch, at {tip.short}",
                hint="only what has been merged is applied; to see what it would move: gitreg plan --head COMMIT",
            )
    at = head or tip
    return at, Replayer(Mover(Published(registry)), Said(registry, line, at), at, base, told).replay()


def _sent(registry: Registry, found: Replay, todo: Mapping[AliasName, tuple[Step, ...]]) -> dict[AliasName, str | None]:
    """Move the aliases, all or none where that can be; why each was not moved.

    None for one that was, '' for one that somebody else has moved at the same time.
    """
    tips = {name: steps[-1].promotion or ZERO for name, steps in todo.items()}
    before = {name: steps[0].move.tip or ZERO for name, steps in todo.items()}
    if registry.is_server:
        changes = [Change(names_of_refs.alias(name), before[name], tip) for name, tip in tips.items()]
        try:
            registry.transact(found.batch, changes)
        except RefMovedError:
            return dict.fromkeys(tips, "")
        return dict.fromkeys(tips)
    registry.objects.write(found.batch.objects)
    names = {names_of_refs.alias(name): name for name in tips}
    outcomes = _pushed(registry, [Push(tips[name], ref) for ref, name in names.items()])
    done = [names[outcome.ref] for outcome in outcomes if outcome.ok]
    # where the remote's refs are tracked git has done so already
    with contextlib.suppress(RefMovedError):
        tracked = ((names_of_refs.alias(name, registry.tracking), name) for name in done)
        registry.refs.change(Change(ref, before[name], tips[name]) for ref, name in tracked)
    registry.refs.pack_if_many()
    return {
        names[outcome.ref]: None if outcome.ok else "" if is_race(outcome) else outcome.words for outcome in outcomes
    }


def _pushed(registry: Registry, pushes: Iterable[Push]) -> list[Outcome]:
    """Push all or none; each by itself where the server cannot do that, or takes some and refuses others for good."""
    wanted = list(pushes)
    try:
        outcomes = registry.transport.push(wanted, atomic=True)
        if all(outcome.ok or is_race(outcome) for outcome in outcomes):
            return outcomes
    except GitError as error:
        if "--atomic" not in error.stderr:
            raise
    return [outcome for push in wanted for outcome in registry.transport.push([push], atomic=False)]
