"""A comparison in Markdown, for comments on pull requests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gitreg.cli import diff_page, human, parts
from gitreg.cli.markdown import ROWS, code, table
from gitreg.registry.compare import Changes, Comparison, Input


def text(found: Comparison) -> str:
    """The whole comment."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Comparison) -> Iterator[str]:
    yield f"### {code(found.old.name)} → {code(found.new.name)}"
    if found.same:
        yield from ("", "Nothing differs.")
        return
    old, new = diff_page.labels(found)
    metrics = [
        [
            code(item.name),
            diff_page.number(item.old),
            diff_page.number(item.new),
            diff_page.difference(item),
            diff_page.verdict(item),
        ]
        for item in found.metrics
        if item.kind
    ]
    same = _rest(len(found.metrics) - len(metrics))
    yield from _table("Metrics", ["", code(old), code(new), "change", ""], 3, metrics, same)
    yield from differences(found)


def differences(found: Comparison, rows: int = ROWS) -> Iterator[str]:
    """Everything but the metrics, as tables of at most so many rows."""
    old, new = diff_page.labels(found)
    for title, changes in (
        ("Results", found.results),
        ("Config", found.config),
        ("Metadata", found.metadata),
        ("About", found.about),
    ):
        yield from _table(title, ["", code(old), code(new)], 0, _rows(changes), _rest(changes.unchanged), most=rows)
    inputs = [
        [code(str((item.new or item.old).name.collection)), _version(item.old), _version(item.new)]  # type: ignore[union-attr]
        for item in found.inputs.changed
    ]
    yield from _table("Inputs", ["", code(old), code(new)], 0, inputs, _rest(found.inputs.unchanged), most=rows)
    yield from _files(found, rows)
    leads = found.references
    yield from _table("References", ["", code(old), code(new)], 0, _rows(leads), _rest(leads.unchanged), most=rows)
    if not found.code.same:
        command = f": `{diff_page.command(found)}`" if found.code.stat else ""
        yield from ("", f"**Code** {diff_page.stat(found)}{command}")


def _table(
    title: str, heads: Sequence[str], right: int, rows: Sequence[Sequence[str]], rest: str, *, most: int = ROWS
) -> Iterator[str]:
    """A table below its title; `right` says from which column on, of the first and last, values are numbers."""
    if rows:
        yield from ("", f"**{title}**", "")
        yield from table(heads, rows[:most], right=range(1, right + 1))
        more = f"{len(rows) - most} more" if len(rows) > most else ""
        left = ", ".join(words for words in (more, rest) if words)
        if left:
            yield from ("", left)


def _rest(count: int) -> str:
    return f"{count:,} unchanged" if count else ""


def _rows(changes: Changes) -> list[Sequence[str]]:
    return [
        [
            code(item.path),
            "" if item.kind == "added" else code(parts.value(item.old)),
            "" if item.kind == "removed" else code(parts.value(item.new)),
        ]
        for item in changes.changed
    ]


def _version(item: Input | None) -> str:
    if item is None:
        return ""
    return f"{code(item.name.label)}, {human.size(item.size)}" if item.size is not None else code(item.name.label)


def _files(found: Comparison, most: int) -> Iterator[str]:
    files = found.files
    if files is None or files.same:
        return
    old, new = (f"{human.plural(side.count, 'file')}, {human.size(side.size)}" for side in (files.old, files.new))
    title = f"Files ({old} → {new})"
    if files.changed is None:
        yield from ("", f"**{title}**", "", "Which of them differ is not known: a list of files is not here.")
        return
    rows = [
        [
            code(item.path),
            human.size(item.old.size) if item.old else "",
            human.size(item.new.size) if item.new else "",
            item.kind,
        ]
        for item in files.changed
    ]
    yield from _table(title, ["", "before", "after", ""], 2, rows, _rest(files.unchanged), most=most)
