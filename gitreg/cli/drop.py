"""`gitreg drop`: taking back what is not published."""

from __future__ import annotations

import contextlib

import click

from gitreg.cli import console, context
from gitreg.errors import InvalidNameError, NotFoundError, RecordError, UsageError
from gitreg.git.objects import MissingObjectError
from gitreg.records.names import check_run_id, parse_collection
from gitreg.records.objects import Oid
from gitreg.registry import resolve, runs
from gitreg.registry.drop import Dropped, drop_run, drop_version
from gitreg.registry.repository import Registry


@click.command("drop", epilog=context.examples("gitreg drop mnist_model:v3", "gitreg drop 3kf9a1xq"))
@click.argument("what", metavar="NAME:vN|RUN")
def drop(what: str) -> None:
    """Take back a version, a link or a run that is not published.

    A run, named by its id (see 'gitreg runs'), goes with the versions that it logged. A version goes with its run when
    that has no other results; otherwise the run stays without it. What somebody needs (a link, an alias, a run that
    used it) has to be taken back first, and what is published stays. The next version may take the number again.
    """
    with context.opened() as registry:
        if ":" in what or "@" in what:
            dropped = drop_version(registry, context.numbered(registry, what, deleted=True))
        else:
            dropped = _run(registry, what)
    _tell(dropped)


def _run(registry: Registry, text: str) -> Dropped:
    try:
        return drop_run(registry, check_run_id(text))
    except (NotFoundError, InvalidNameError) as error:
        named = [run_id for run_id, (tip, _) in runs.tips(registry).items() if _is_named(registry, text, tip)]
        if named:
            raise UsageError(f"'{text}' is a run's name", hint=f"write its id: gitreg drop {named[0]}") from error
        try:
            collection = resolve.collection(registry, parse_collection(text))
        except (NotFoundError, InvalidNameError):
            raise error from None
        raise UsageError(f"'{text}' is a collection", hint=f"name one version: gitreg drop {collection}:vN") from error


def _is_named(registry: Registry, name: str, tip: Oid) -> bool:
    with contextlib.suppress(RecordError, MissingObjectError):
        run = runs.chain(registry, tip)
        return run is not None and run.record.name == name
    return False


def _tell(dropped: Dropped) -> None:
    names = [str(version.name) for version in dropped.versions]
    run = f"run {dropped.run.name} ({dropped.run.id})" if dropped.run else dropped.what
    if dropped.run_is_gone:
        console.say(f"took back {run}" + (f", with {', '.join(names)}" if names else ""))
    elif names:
        console.say(f"took back {', '.join(names)}" + (f"; the rest of {run} stays" if dropped.run else ""))
    else:
        console.say(f"took back what was not published of {run}")
    for name in dropped.renewed:
        console.say(f"{name}, of the same run, has another commit id now")
    if names and dropped.run:
        console.say("the bytes stay in DVC's cache until 'dvc gc' removes them")
    console.say("to undo it, until 'git gc' removes the objects:")
    for change in dropped.changes:
        console.say(f"  git update-ref {change.ref} {change.old} {change.new or repr('')}")
