"""A comparison on a page."""

from __future__ import annotations

import math

from gitreg.cli import human, parts
from gitreg.cli.page import Line, Page, Text, Words, bad, bold, dim, good, middle, name, odd
from gitreg.registry.compare import Changes, Comparison, FileChange, Input, Kind, MetricChange

_FILES, _VALUES = 12, 40
# of a value: what is long, and how much of what both have in common is shown
_LONG, _CONTEXT = 20, 4
_PATH = 42
_MANYFOLD = 10
_SIGNS: dict[Kind, Text] = {"added": good("+"), "removed": bad("-"), "changed": odd("~")}


def show(page: Page, found: Comparison, asked: tuple[str, str] = ("", "")) -> None:
    """The page. `asked` is how each of the two was asked for, where that is not its name: 'production'."""
    (old, new), (first, second) = (found.old.name, found.new.name), (f" ({word})" if word else "" for word in asked)
    page.head(bold(f"{old}{first} {page.arrow} {new}{second}"))
    page.blank()
    if found.same:
        page.note("nothing differs")
        return
    _show_metrics(page, found)
    _show_changes(page, "results", found.results)
    _show_changes(page, "config", found.config)
    _show_changes(page, "metadata", found.metadata)
    _show_inputs(page, found)
    _show_files(page, found)
    _show_changes(page, "elsewhere", found.references)
    _show_code(page, found)
    _show_changes(page, "about", found.about)
    same = _same(found)
    if same:
        page.fact("the same", [dim(", ".join(same))])


def _same(found: Comparison) -> list[str]:
    """The parts in which nothing differs; what neither has is not mentioned."""
    counts = [
        ("metric", 0 if any(item.kind for item in found.metrics) else len(found.metrics)),
        ("result", 0 if found.results.changed else found.results.unchanged),
        ("config value", 0 if found.config.changed else found.config.unchanged),
        ("metadata value", 0 if found.metadata.changed else found.metadata.unchanged),
        ("input", 0 if found.inputs.changed else found.inputs.unchanged),
        ("file", found.files.new.count if found.files and found.files.same else 0),
        ("reference", 0 if found.references.changed else found.references.unchanged),
    ]
    words = [human.plural(count, noun) for noun, count in counts if count]
    words += ["code"] if found.code.same else []
    return words + (
        [] if found.about.changed else [key.replace("_", " ") for key, value in found.new.about.items() if value]
    )


def labels(found: Comparison) -> tuple[str, str]:
    """What stands above the columns of both: `v1` and `v3` within a collection."""
    (old, _, first), (new, _, second) = (subject.name.rpartition(":") for subject in (found.old, found.new))
    return (first, second) if old and old == new else (found.old.name, found.new.name)


def difference(item: MetricChange) -> str:
    """How far a metric has moved: `+0.025 (+2.6 %)`."""
    if item.delta is None or item.kind is None:
        return ""
    if item.relative is None:
        return signed(item.delta)
    share = f"{item.relative:+.1%}" if abs(item.relative) < _MANYFOLD else f"{item.relative:+,.0%}"
    return f"{signed(item.delta)} ({share})"


def signed(number: float) -> str:
    """A number with its sign."""
    return human.number(number) if number < 0 else f"+{human.number(number)}"


def verdict(item: MetricChange) -> str:
    """Whether it is better; '' where nobody knows, and where nothing has changed."""
    return {True: "better", False: "worse", None: ""}[item.better]


def number(value: float | None) -> str:
    """A metric's value, '' where there is none."""
    return "" if value is None else human.number(value)


def _show_metrics(page: Page, found: Comparison) -> None:
    different = [item for item in found.metrics if item.kind]
    shown = different[:_VALUES]
    old, new = labels(found)
    rows: list[Line] = [["", "", old, new]] if shown else []
    for item in shown:
        style = {True: good, False: bad, None: Text}[item.better]
        moved: list[Words] = [difference(item), style(verdict(item))]
        sign = _SIGNS[item.kind] if item.kind else ""
        rows.append([sign, item.name, _value(item.old), _value(item.new), *moved])
    page.grid("metrics", rows, right=(2, 3), heads=True)
    if len(shown) < len(different):
        page.fact("", [dim(f"and {len(different) - len(shown)} more; --json has all")])
    _show_rest(page, len(found.metrics) - len(different) if shown else 0)


def _value(value: float | None) -> Words:
    if value is None:
        return ""
    return human.number(value) if math.isfinite(value) else bad(human.number(value))


def _show_changes(page: Page, title: str, changes: Changes) -> None:
    rows: list[Line] = []
    for item in changes.changed[:_VALUES]:
        old = "" if item.kind == "added" else parts.value(item.old)
        new = "" if item.kind == "removed" else parts.value(item.new)
        if page.width:
            old, new = _apart(old, new)
        rows.append([_SIGNS[item.kind], item.path, dim(old), page.arrow if old and new else "", new])
    page.grid(title, rows)
    if len(changes.changed) > _VALUES:
        page.fact("", [dim(f"and {len(changes.changed) - _VALUES} more; --json has all")])
    _show_rest(page, changes.unchanged if rows else 0)


def _apart(old: str, new: str) -> tuple[str, str]:
    """Long values from a little before where they part: what is shortened would look the same."""
    pairs = enumerate(zip(old, new, strict=False))
    same = next((at for at, (left, right) in pairs if left != right), min(len(old), len(new)))
    if same <= _CONTEXT + 1 or max(len(old), len(new)) <= _LONG:
        return old, new
    return f"…{old[same - _CONTEXT :]}", f"…{new[same - _CONTEXT :]}"


def _show_rest(page: Page, count: int) -> None:
    if count:
        page.fact("", [dim(f"{count:,} unchanged")])


def _show_inputs(page: Page, found: Comparison) -> None:
    rows: list[Line] = []
    for item in found.inputs.changed:
        some = item.new or item.old
        assert some is not None
        old, new = _version(item.old), _version(item.new)
        rows.append(
            [_SIGNS[item.kind], name(str(some.name.collection)), dim(old), page.arrow if old and new else "", new]
        )
    page.grid("inputs", rows)
    _show_rest(page, found.inputs.unchanged if rows else 0)


def _version(item: Input | None) -> str:
    if item is None:
        return ""
    return f"{item.name.label} ({human.size(item.size)})" if item.size is not None else item.name.label


def _show_files(page: Page, found: Comparison) -> None:
    files = found.files
    if files is None or files.same:
        return
    old, new = (f"{human.plural(side.count, 'file')}, {human.size(side.size)}" for side in (files.old, files.new))
    page.fact("files", [new if old == new else f"{old} {page.arrow} {new}"])
    if files.changed is None:
        page.fact("", [odd("which of them differ is not known: a list of files is not here; gitreg get brings it")])
        return
    rows = [_file(page, item) for item in files.changed[:_FILES]]
    page.grid("", rows, right=(2, 4))
    if len(files.changed) > _FILES:
        rest = files.changed[_FILES:]
        counts = ", ".join(
            f"{count:,} {kind}"
            for kind in ("added", "removed", "changed")
            if (count := sum(item.kind == kind for item in rest))
        )
        page.fact("", [dim(f"and {counts}; --json has all")])
    _show_rest(page, files.unchanged)


def _file(page: Page, item: FileChange) -> Line:
    old, new = (human.size(entry.size) if entry else "" for entry in (item.old, item.new))
    if old == new:
        old = ""
    path = middle(item.path, _PATH) if page.width else item.path
    return [_SIGNS[item.kind], path, dim(old), page.arrow if old and new else "", new]


def _show_code(page: Page, found: Comparison) -> None:
    code = found.code
    if code.same:
        return
    old, new = (
        f"{side.commit.short} with uncommitted changes" if side.snapshot else side.commit.short
        for side in (code.old, code.new)
    )
    page.fact("code", [f"{old} {page.arrow} {new}"])
    page.fact("", [dim(stat(found))])
    if code.stat:
        page.fact("", [command(found)])


def stat(found: Comparison) -> str:
    """What lies between the code of both, in git's words."""
    counts = found.code.stat
    if counts is None:
        return "not all of it is here; git fetch --unshallow brings it"
    words = [f"{human.plural(counts.files, 'file')} changed"]
    words += [f"{human.plural(counts.insertions, 'insertion')}(+)"] if counts.insertions else []
    words += [f"{human.plural(counts.deletions, 'deletion')}(-)"] if counts.deletions else []
    return ", ".join(words)


def command(found: Comparison) -> str:
    """The command that shows what differs in the code."""
    return f"git diff {found.code.old.commit.short} {found.code.new.commit.short}"
