"""`gitreg diff`: what differs between two versions, or two runs. Needs no network, no lock and no write access."""

from __future__ import annotations

from typing import Literal

import click

from gitreg.cli import console, context, diff_markdown, diff_page, parts
from gitreg.cli.documents import Document
from gitreg.cli.page import Page
from gitreg.cli.pager import paged
from gitreg.errors import UsageError
from gitreg.records.listing import FileEntry
from gitreg.records.names import Reference, RunId, parse_number, split_date
from gitreg.registry import find, order, resolve, subjects
from gitreg.registry.compare import (
    Change,
    Changes,
    CodeChange,
    Comparison,
    Content,
    FileChanges,
    Input,
    InputChanges,
    MetricChange,
    Subject,
)
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version

Form = Literal["text", "json", "markdown"]


@click.command(
    "diff",
    epilog=context.examples(
        "gitreg diff mnist_model:v3",
        "gitreg diff model/MNIST:production model/MNIST:staging",
        "gitreg diff 'model/MNIST:production@{2026-03-01}' model/MNIST:production --format markdown",
    ),
)
@click.argument("old", metavar="A")
@click.argument("new", required=False, metavar="[B]")
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), help="Default: text.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def diff(old: str, new: str | None, *, form: Form | None, as_json: bool) -> int:
    """Show what differs between A and B: metrics, config, inputs, files, code.

    A and B are two versions (NAME:v3, NAME:ALIAS, or NAME for the newest), or two runs (id or name). A version alone
    is compared with the one before it. Exit code 0: nothing differs, 3: something does.

    Whether a metric got better is said where its name leaves no doubt, as that of a loss or an accuracy.
    """
    if as_json and form not in (None, "json"):
        raise UsageError(f"--json and --format {form} are two forms", hint="leave one out")
    with context.opened() as registry:
        found = subjects.comparison(registry, *_subjects(registry, old, new))
        if as_json or form == "json":
            console.document("diff", document(found))
        elif form == "markdown":
            click.echo(diff_markdown.text(found), nl=False)
        else:
            with paged(registry.git.config("core.pager")):
                diff_page.show(
                    Page(parts.TITLES), found, (_asked(old), _asked(new or "")) if new else ("", _asked(old))
                )
    return 0 if found.same else 3


def _subjects(registry: Registry, old: str, new: str | None) -> tuple[Subject, Subject]:
    first = _find(registry, old)
    if new is None:
        if not isinstance(first, Version):
            raise UsageError(f"'{old}' is a run, and has none before it", hint="name two: gitreg diff RUN OTHER_RUN")
        return subjects.of_version(registry, subjects.previous(registry, first)), subjects.of_version(registry, first)
    second = _find(registry, new)
    if isinstance(first, Version) and isinstance(second, Version):
        return subjects.of_version(registry, first), subjects.of_version(registry, second)
    if isinstance(first, Version) or isinstance(second, Version):
        run, version = (new, old) if isinstance(first, Version) else (old, new)
        raise UsageError(f"'{run}' is a run and '{version}' a version", hint="compare two versions, or two runs")
    return subjects.of_run(registry, first), subjects.of_run(registry, second)


def _asked(thing: str) -> str:
    """`production` where a version was named so, with a date where there is one."""
    head, date = split_date(thing)
    tail = head.rpartition(":")[2] if ":" in head else ""
    return "" if parse_number(tail) is not None and not date else f"{tail}{date}"


def _find(registry: Registry, thing: str) -> Version | RunId:
    """The version that is meant, or the id of the run."""
    if ":" in thing or "@" in thing or find.collection(registry, thing):
        return resolve.version(registry, Reference.parse(thing))
    ids = order.named(registry, thing)
    if not ids:
        raise find.not_found(registry, thing)
    if len(ids) > 1:
        console.say(f"note: the newest of {len(ids)} runs called '{thing}'; the others: {', '.join(ids[1:])}")
    return ids[0]


def document(found: Comparison) -> Document:
    """Everything that differs, for programs."""
    return {
        "old": _subject(found.old),
        "new": _subject(found.new),
        "same": found.same,
        "metrics": [_metric(item) for item in found.metrics],
        "about": _changes(found.about),
        "config": _changes(found.config),
        "metadata": _changes(found.metadata),
        "results": _changes(found.results),
        "inputs": _inputs(found.inputs),
        "files": _files(found.files) if found.files else None,
        "references": _changes(found.references),
        "code": _code(found.code),
    }


def _subject(subject: Subject) -> Document:
    return {"name": subject.name, "commit": str(subject.commit) if subject.commit else None, "run": subject.run}


def _metric(item: MetricChange) -> Document:
    return {
        "name": item.name,
        "change": item.kind,
        "old": item.old,
        "new": item.new,
        "delta": item.delta,
        "relative": item.relative,
        "better": item.better,
    }


def _changes(found: Changes) -> Document:
    return {"changed": [_change(item) for item in found.changed], "unchanged": found.unchanged}


def _change(item: Change) -> Document:
    return {"path": item.path, "change": item.kind, "old": item.old, "new": item.new}


def _inputs(found: InputChanges) -> Document:
    changed = [{"change": item.kind, "old": _input(item.old), "new": _input(item.new)} for item in found.changed]
    return {"changed": changed, "unchanged": found.unchanged}


def _input(item: Input | None) -> Document | None:
    if item is None:
        return None
    name = item.name
    return {
        "artifact": str(name.collection),
        "version": name.label,
        "commit": str(item.commit),
        "size": item.size,
    }


def _files(found: FileChanges) -> Document:
    changed = found.changed
    return {
        "same": found.same,
        "old": _content(found.old),
        "new": _content(found.new),
        "changed": None
        if changed is None
        else [
            {"path": item.path, "change": item.kind, "old": _file(item.old), "new": _file(item.new)} for item in changed
        ],
        "unchanged": None if changed is None else found.unchanged,
    }


def _content(content: Content) -> Document:
    return {"files": content.count, "size": content.size}


def _file(entry: FileEntry | None) -> Document | None:
    return {"size": entry.size, "sha256": entry.sha256} if entry else None


def _code(found: CodeChange) -> Document:
    stat = found.stat
    return {
        "same": found.same,
        "old": {"commit": str(found.old.commit), "snapshot": found.old.snapshot},
        "new": {"commit": str(found.new.commit), "snapshot": found.new.snapshot},
        "stat": {"files": stat.files, "insertions": stat.insertions, "deletions": stat.deletions} if stat else None,
    }
