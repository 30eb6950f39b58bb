"""What the processes of a race do: `python racers.py ROLE ARGUMENT...` in a clone. Each prints what it was told."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path

from gitreg.errors import LostRaceError
from gitreg.git.refs import Change
from gitreg.git.transport import Push
from gitreg.records import refs as names_of_refs
from gitreg.records.names import AliasName, CollectionName, Reference
from gitreg.records.objects import ZERO, Oid
from gitreg.records.records import Code, RunRecord
from gitreg.registry import aliases, pushing, resolve
from gitreg.registry.draft import Draft
from gitreg.registry.live import LiveRun
from gitreg.registry.publish import publish
from gitreg.registry.repository import Registry
from gitreg.registry.start import new_id
from gitreg.registry.versions import Version

M = CollectionName.parse("m")


def say(*words: object) -> None:
    """Acknowledge something."""
    print(*words, flush=True)  # noqa: T201 - it is what the test reads


def _run(registry: Registry, who: str) -> LiveRun:
    code = Code(Oid.parse(registry.git.text("rev-parse", "HEAD")), snapshot=False)
    return LiveRun.start(registry, RunRecord(id=new_id(), name=f"run-of-{who}", code=code))


def _log(run: LiveRun, who: str, content: str) -> Version:
    path = Path(f".git/{who}-content")
    path.write_text(content)
    version, made = run.log_artifact(Draft(M, "model", {"x": path}))
    say("version", version.name.label, version.commit, made)
    return version


def log(registry: Registry, who: str, count: str, same: str = "") -> None:
    """One run that logs versions of `m`, all with the content `same` when there is any."""
    run = _run(registry, who)
    for number in range(int(count)):
        _log(run, who, same or f"{who} {number}")
    run.finish("finished")


def move(registry: Registry, who: str, count: str) -> None:
    """Move `m:production` between v0, v1 and v2; that somebody else has just moved it there does not count."""
    left = int(count)
    rng = random.Random(who)
    while left:
        version = resolve.version(registry, Reference.parse(f"m:v{rng.randrange(3)}"))
        alias, moved = aliases.move(registry, AliasName(M, "production"), version, reason=f"{who}-{left}")
        if moved:
            left -= 1
            say("move", alias.tip)


def work(registry: Registry, who: str, count: str) -> None:
    """Log, promote under a name of one's own and under one that all share, and publish, again and again."""
    for number in range(int(count)):
        run = _run(registry, who)
        version = _log(run, who, f"{who} {number}")
        run.finish("finished")
        for alias in (who, "shared"):
            found, _ = aliases.move(registry, AliasName(M, alias), version, reason=f"{who} {number}")
            if alias == who:
                say("promoted", version.commit, found.name.alias)
        try:
            report = publish(registry)
        except LostRaceError as error:
            say("again", error)
            continue
        for name in report.versions:
            say("published", name.label)


def settled(registry: Registry, who: str, count: str) -> None:
    """Promote, and note each promotion as published, as a push does when the remote has it."""
    name = AliasName(M, "production")
    for step in range(int(count)):
        version = resolve.version(registry, Reference.parse(f"m:v{step % 3}"))
        alias, moved = aliases.move(registry, name, version, reason=f"{who}-{step}")
        if moved:
            pushing.settle(registry, [Push(alias.tip, names_of_refs.alias(name))])


def change(registry: Registry, count: str) -> None:
    """One transaction that makes many refs, each in 64 bytes, so that a pipe is full at the end of one."""
    head = Oid.parse(registry.git.text("rev-parse", "HEAD"))
    registry.refs.change([Change(f"refs/x/{number:08}", ZERO, head) for number in range(int(count))])


ROLES: dict[str, Callable[..., None]] = {"log": log, "move": move, "work": work, "settled": settled, "change": change}

if __name__ == "__main__":
    with Registry.opened(Path()) as opened:
        ROLES[sys.argv[1]](opened, *sys.argv[2:])
