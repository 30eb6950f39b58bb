"""Changes what a file says of one alias, and nothing else in it: comments, order, quotes and line ends stay.

The text is changed at the places that YAML's parser names, not printed anew: a printer has its own mind about spaces,
`null` and quotes, and a request would show changes that nobody made. What was written is read back before it is used.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import yaml

from gitreg.errors import RefusedError, SettingsError
from gitreg.promotion import wanted
from gitreg.promotion.wanted import Entry
from gitreg.records import yamlio
from gitreg.records.names import AliasName

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_Edit = tuple[int, int, str]
"""From where to where the text is replaced, and by what."""


def rewritten(path: str, text: str, entry: Entry) -> str:
    """The text of a file that says of the entry's alias what the entry says, and of all others what it said.

    Raises: SettingsError for a file that cannot be read, RefusedError where the line must be written by hand.
    """
    before = wanted.parse(path, text)
    expected = {**before, entry.alias: entry}
    made = _edited(text, before.get(entry.alias), entry)
    try:
        if _unplaced(wanted.parse(path, made)) == _unplaced(expected):
            return made
    except SettingsError:
        # said below: what is wrong is wrong with what would be written
        pass
    raise RefusedError(
        f"'{path}' is written in a way that cannot be edited here", hint=f"write into it: {_line(entry)}"
    )


def _unplaced(entries: dict[AliasName, Entry]) -> dict[AliasName, Entry]:
    return {name: replace(entry, line=0) for name, entry in entries.items()}


def _fields(entry: Entry) -> dict[str, object]:
    """What is to be written of an entry, in the order in which it is read."""
    found = {"commit": entry.commit, "after": entry.after, "reason": entry.reason}
    said = {key: value for key, value in found.items() if value}
    return {"version": entry.version.label if entry.version else None, **said}


def _line(entry: Entry) -> str:
    return yamlio.dump({entry.alias.alias: _fields(entry)}).removesuffix("\n")


def _edited(text: str, old: Entry | None, entry: Entry) -> str:
    """The changed text; it may have come out wrong where the file is written in an unusual way."""
    root = yaml.compose(text, Loader=_Loader)
    eol = "\r\n" if "\r\n" in text else "\n"
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    value = next((value for key, value in pairs if key.value == entry.alias.alias), None)
    if old is None or value is None:
        return _applied(text, [_addition(text, root, entry, eol)])
    if isinstance(value, yaml.MappingNode) and (not value.flow_style or "#" in _of(text, value)):
        return _applied(text, _field_edits(text, value, _fields(old), _fields(entry), eol))
    return _applied(text, [_replacement(text, value, _line(entry).partition(": ")[2])])


def _of(text: str, node: yaml.Node) -> str:
    return text[node.start_mark.index : node.end_mark.index]


def _applied(text: str, edits: list[_Edit]) -> str:
    for start, end, new in sorted(edits, key=lambda edit: edit[0], reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _replacement(text: str, node: yaml.Node, new: str) -> _Edit:
    start, end = node.start_mark.index, node.end_mark.index
    old = text[start:end]
    # nothing after a colon, and the blank lines after a block of text
    return start, end, (" " if text[start - 1 : start] == ":" else "") + new + old[len(old.rstrip()) :]


def _addition(text: str, root: yaml.Node | None, entry: Entry, eol: str) -> _Edit:
    """A line for an alias that the file does not list yet, behind all others."""
    if isinstance(root, yaml.MappingNode) and root.flow_style:
        if not root.value:
            return root.start_mark.index, root.end_mark.index, _line(entry)
        last = root.value[-1][1].end_mark.index
        return last, last, f", {_line(entry)}"
    indent = " " * root.start_mark.column if isinstance(root, yaml.MappingNode) else ""
    start = eol if text and not text.endswith("\n") else ""
    return len(text), len(text), f"{start}{indent}{_line(entry)}{eol}"


def _field_edits(
    text: str, node: yaml.MappingNode, old: dict[str, object], new: dict[str, object], eol: str
) -> list[_Edit]:
    """Change the fields that differ, one by one, each in its place; those that are not there yet follow `version`."""
    found: dict[str, tuple[yaml.Node, yaml.Node]] = {key.value: (key, value) for key, value in node.value}
    edits: list[_Edit] = []
    for name, (key, value) in found.items():
        if name in new and new[name] != old.get(name):
            edits.append(_replacement(text, value, yamlio.dump({"x": new[name]}).partition(": ")[2].rstrip("\n")))
        elif name not in new and node.flow_style:
            edits.append(_replacement(text, value, '""'))
        elif name not in new:
            end = key.start_mark.index + len(text[key.start_mark.index : value.end_mark.index].rstrip())
            edits.append((text.rfind("\n", 0, key.start_mark.index) + 1, _line_end(text, end), ""))
    lines = [yamlio.dump({name: value}).rstrip("\n") for name, value in new.items() if name not in found]
    at = found["version"][1].end_mark.index
    if node.flow_style:
        # before the edit of an empty version in the same place
        return [(at, at, "".join(f", {line}" for line in lines)), *edits]
    at = _line_end(text, at)
    words = "".join(f"{' ' * node.start_mark.column}{line}{eol}" for line in lines)
    return [*edits, (at, at, words if text[at - 1 : at] == "\n" or not words else eol + words)]


def _line_end(text: str, index: int) -> int:
    """Where the line behind this place begins."""
    return text.find("\n", index) + 1 or len(text)
