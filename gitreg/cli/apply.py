"""`gitreg apply`: move aliases to what the default branch says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from gitreg.cli import console, context, plan_json
from gitreg.cli.documents import Document
from gitreg.errors import RecordError, UsageError
from gitreg.git import revisions
from gitreg.promotion.apply import Applied
from gitreg.promotion.apply import apply as applied
from gitreg.promotion.people import Told
from gitreg.promotion.replay import Step
from gitreg.records.behind import By
from gitreg.records.names import AliasName
from gitreg.records.objects import ZERO, Oid
from gitreg.records.records import Place

_MOST = 16 << 20


@click.command(
    "apply",
    short_help="Move aliases to what the default branch says.",
    epilog=context.examples("gitreg apply", "gitreg apply --dry-run", "gitreg apply --json --approvals approvals.json"),
)
@click.option(
    "--base",
    metavar="COMMIT",
    help="The branch before a push: its policy counts for what came then, and all moves since are told, old ones too.",
)
@click.option("--head", metavar="COMMIT", help="Up to which of its commits. Default: the newest that the remote has.")
@click.option(
    "--approvals", metavar="FILE", type=context.Place(dir_okay=False), help="What 'gitreg ci approvals' has printed."
)
@click.option("--dry-run", is_flag=True, help="Say what would be moved, and move nothing.")
@context.json_option
def apply(base: str | None, head: str | None, approvals: Path | None, *, dry_run: bool, as_json: bool) -> int:
    """Move aliases to what .gitreg/aliases/ says on the registry remote's default branch.

    Each commit of that branch that asks for a move makes one, in the branch's order, whose record names the commit. It
    is judged by the policy of the commit before it, or of --base. Aliases that were moved past the branch are moved
    back. It can be repeated at any time, and by several at once.

    Exit code 4: a move is refused, 5: somebody else was faster, 1: a file cannot be read. The others are made all the
    same.
    """
    told = _read(context.path(approvals)) if approvals else {}
    with context.opened() as registry:
        at = None if head is None else revisions.commit(registry.git, head)
        # hosts say zeros of a branch that is new
        before = None if base is None or base == str(ZERO) else revisions.commit(registry.git, base)
        found = applied(registry, at, base=before, told=told, dry_run=dry_run)
    if as_json:
        console.document("apply", _document(found, dry_run=dry_run))
    else:
        _tell(found, dry_run=dry_run)
    return 1 if found.broken else 4 if found.refused else 5 if found.lost else 0


def _read(file: Path) -> Told:
    """Who stands behind which commits, as a host told `gitreg ci approvals`. Raises: UsageError."""
    try:
        with file.open("rb") as source:
            data = source.read(_MOST + 1)
    except OSError as error:
        raise UsageError(f"'{file}' cannot be read: {error.strerror}", hint="check the path") from error
    try:
        document: Any = json.loads(data) if len(data) <= _MOST else None
        items = {"gitreg/ci-approvals/1": document["commits"]}[document["schema"]].items()
        return {Oid.parse(oid): By.read(item["by"]) for oid, item in items if item}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, RecordError) as error:
        hint = f"write it with: gitreg ci approvals COMMIT >{file.name}"
        raise UsageError(f"'{file}' is not what 'gitreg ci approvals' prints", hint=hint) from error


def _document(found: Applied, *, dry_run: bool) -> Document:
    return {
        "head": str(found.head),
        "dry_run": dry_run,
        "moved": [_moved(name, steps, dry_run=dry_run) for name, steps in found.moved.items()]
        + [{**_moved(name, steps, dry_run=False), "earlier": True} for name, steps in found.earlier.items()],
        "refused": [_left(step) for step in found.refused],
        "lost": [_left(step) for step in found.lost],
        "broken": [plan_json.broken(error) for error in found.broken],
    }


def _moved(name: AliasName, steps: Sequence[Step], *, dry_run: bool) -> Document:
    return {
        "collection": str(name.collection),
        "alias": name.alias,
        "previous": _label(steps[0].move.old),
        **_step(steps[-1], dry_run=dry_run),
        "earlier": False,
        "moves": [_step(step, dry_run=dry_run) for step in steps],
    }


def _step(step: Step, *, dry_run: bool) -> Document:
    new = step.move.new
    return {
        "version": _label(new),
        "commit": str(new.commit) if new else None,
        "promotion": None if dry_run else str(step.promotion),
        "merged": str(step.commit),
        "reason": step.reason,
    }


def _left(step: Step) -> Document:
    return {
        "collection": str(step.move.alias.collection),
        "alias": step.move.alias.alias,
        "previous": _label(step.move.old),
        "version": _wanted(step),
        "merged": str(step.commit),
        "why": [{"message": message, "hint": hint} for message, hint in _why(step)],
    }


def _wanted(step: Step) -> str | None:
    entry = step.move.entry
    return entry.version.label if entry and entry.version else None


def _why(step: Step) -> list[tuple[str, str]]:
    """Why a move was not made, and what to do."""
    refused = (verdict for verdict in step.move.verdicts if verdict.finding == "refused")
    return [
        *((problem.message, problem.hint) for problem in step.move.problems),
        *((f"{verdict.gate}: {verdict.words}", "") for verdict in refused),
    ]


def _label(place: Place | None) -> str | None:
    return place.version.label if place else None


def _tell(found: Applied, *, dry_run: bool) -> None:
    for name, steps in found.moved.items():
        _say(name, steps, " (not moved: --dry-run)" if dry_run else "")
    for name, steps in found.earlier.items():
        _say(name, steps, " (moved before)")
    for step in found.refused:
        _warn("refused", step)
    for step in found.lost:
        _warn("somebody else moved it", step)
    for error in found.broken:
        console.warn(f"its aliases stay as they are: {error.message}")
    if not (found.moved or found.earlier or found.refused or found.lost or found.broken):
        console.say(f"every alias is what the default branch says, at {found.head.short}")


def _say(name: AliasName, steps: Sequence[Step], note: str) -> None:
    ways = " -> ".join(_label(place) or "nothing" for place in (steps[0].move.old, *(step.move.new for step in steps)))
    console.out(f"{name}: {ways}{note}")
    console.detail(f"  asked for by {', '.join(dict.fromkeys(step.commit.short for step in steps))}")


def _warn(what: str, step: Step) -> None:
    console.warn(f"{what}: {step.move.alias} -> {_wanted(step) or 'nothing'}, as {step.commit.short} asks")
    for message, hint in _why(step):
        console.say(f"  {message}")
        if hint:
            console.say(f"  hint: {hint}")
