"""A comparison in Markdown, for comments on pull requests.

Every word that somebody else wrote stands in a code span: a name cannot mention people, load a picture or make a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gitreg.cli import diff_page, human, parts
from gitreg.records.plain import visible
from gitreg.registry.compare import Changes, Comparison, Input, Kind

_LONGEST, _ROWS = 120, 50
_SIGNS: dict[Kind, str] = {"added": "added", "removed": "removed", "changed": "changed"}


def text(found: Comparison) -> str:
    """The whole comment."""
    return "\n".join(_lines(found)) + "\n"


def code(words: str) -> str:
    """A code span that ends where it should, also inside a table."""
    shown = visible(words)
    shown = shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
    if not shown.strip():
        return ""
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    space = " " if shown[0] in "` " or shown[-1] in "` " else ""
    # a table's cells end at any bar that has no backslash before it, also inside a code span
    return f"{fence}{space}{shown}{space}{fence}".replace("|", "\\|")


def _table(title: str, heads: Sequence[str], right: int, rows: list[Sequence[str]], rest: str) -> Iterator[str]:
    """A table below its title; `right` says from which column on, of the first and last, values are numbers."""
    if rows:
        yield from ("", f"**{title}**", "", _row(heads))
        yield _row(["--:" if right and 0 < at <= right else "---" for at in range(len(heads))])
        yield from map(_row, rows[:_ROWS])
        more = f"{len(rows) - _ROWS} more" if len(rows) > _ROWS else ""
        left = ", ".join(words for words in (more, rest) if words)
        if left:
            yield from ("", left)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


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
    yield from _table("Metrics", ["", code(old), code(new), "change", ""], 3, list(metrics), same)
    for title, changes in (
        ("Results", found.results),
        ("Config", found.config),
        ("Metadata", found.metadata),
        ("About", found.about),
    ):
        yield from _table(title, ["", code(old), code(new)], 0, _rows(changes), _rest(changes.unchanged))
    inputs = [
        [code(str((item.new or item.old).name.collection)), _version(item.old), _version(item.new)]  # type: ignore[union-attr]
        for item in found.inputs.changed
    ]
    yield from _table("Inputs", ["", code(old), code(new)], 0, list(inputs), _rest(found.inputs.unchanged))
    yield from _files(found)
    leads = found.references
    yield from _table("References", ["", code(old), code(new)], 0, _rows(leads), _rest(leads.unchanged))
    if not found.code.same:
        command = f": `{diff_page.command(found)}`" if found.code.stat else ""
        yield from ("", f"**Code** {diff_page.stat(found)}{command}")


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


def _files(found: Comparison) -> Iterator[str]:
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
    yield from _table(title, ["", "before", "after", ""], 2, list(rows), _rest(files.unchanged))
