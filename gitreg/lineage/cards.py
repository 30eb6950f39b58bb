"""What is written in a node's box and how big the box is: shared by the layout, which needs the size, and the drawing.

Everything is in px from the box's top left corner; a text's y is its baseline. Texts are shown as they are here, so
they are already free of control characters and cut to fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gitreg.lineage.glyphs import fit, text_width
from gitreg.lineage.graph import Link, Node
from gitreg.records.plain import visible

Role = Literal["name", "small", "chip"]
Align = Literal["start", "middle"]

SIZES: dict[Role, float] = {"name": 14.0, "small": 11.0, "chip": 11.0}
_WIDEST = 280.0
_CHIP_ROW = 230.0
_CHIP_HEIGHT, _CHIP_PAD, _CHIP_GAP = 20.0, 9.0, 6.0
_CHIPS, _LINKS = 8, 3
_PAD = 14.0
_MARK = 17.0
_QUIET = frozenset({"", "finished"})


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text; `width` is how wide it must come out."""

    x: float
    y: float
    text: str
    role: Role
    width: float
    align: Align
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Chip:
    """A rounded box around an alias."""

    x: float
    y: float
    width: float
    height: float
    tone: Literal["plain", "gained", "lost", "locked"]
    label: Text


@dataclass(frozen=True, slots=True)
class Card:
    """A node's box with what is in it."""

    width: float
    height: float
    texts: tuple[Text, ...]
    chips: tuple[Chip, ...] = ()
    marks: tuple[tuple[float, float], ...] = ()
    """Top left corners of the small drawn bookmarks before the links."""
    rule: float | None = None
    """Height of the line between the version and its links."""


def second_line(node: Node) -> str:
    """The type with the state as a word: 'evaluate_model (failed)'."""
    state = "" if node.state in _QUIET else f"({node.state})"
    return " ".join(part for part in (node.type, state) if part)


def card(node: Node) -> Card:
    """Measure a node and place its texts."""
    return _artifact(node) if node.kind == "artifact" else _pill(node)


def _line(text: str, role: Role, *, limit: float = _WIDEST, bold: bool = False) -> tuple[str, float]:
    shown = fit(visible(text), limit, SIZES[role], bold=bold)
    return shown, text_width(shown, SIZES[role], bold=bold)


def _pill(node: Node) -> Card:
    """A run, collapsed nodes or an unknown input: two centred lines."""
    name, name_width = _line(node.label, "name")
    small, small_width = _line(second_line(node), "small")
    width = max(name_width, small_width, 64.0) + 2 * 20
    middle = width / 2
    if not small:
        return Card(width, 44.0, (Text(middle, 27.0, name, "name", name_width, "middle"),))
    lines = (
        Text(middle, 18.0, small, "small", small_width, "middle"),
        Text(middle, 35.0, name, "name", name_width, "middle"),
    )
    if node.kind == "collapsed":
        lines = (
            Text(middle, 22.0, name, "name", name_width, "middle"),
            Text(middle, 37.0, small, "small", small_width, "middle"),
        )
    return Card(width, 50.0, lines)


def _artifact(node: Node) -> Card:
    """A version: type, name and its aliases; below a line each registered version that links it, with its own."""
    texts: list[Text] = []
    y = 6.0
    small, small_width = _line(second_line(node), "small")
    if small:
        texts.append(Text(_PAD, y + 14, small, "small", small_width, "start"))
        y += 15
    name, name_width = _line(node.label, "name", bold=True)
    texts.append(Text(_PAD, y + 17, name, "name", name_width, "start", bold=True))
    y += 24
    widest = max(small_width, name_width, 76.0)
    row = max(widest, _CHIP_ROW)

    chips = _flow(_first(node.aliases, _CHIPS), (0.0, y + 6), 0.0, row)
    marks: list[tuple[float, float]] = []
    rule = None
    if chips:
        y = chips[-1].y + _CHIP_HEIGHT
    if node.links:
        rule = y = y + 9
        y += 3
    for link in _shown(node.links):
        label, width = _line(link.name, "small", limit=_WIDEST - _MARK)
        own = _flow(_first(link.aliases, _CHIPS), (_MARK + width + _CHIP_GAP + 2, y + 3), _MARK, row)
        down = 3 if own and own[0].y == y + 3 else 0  # a name beside chips stands at their height
        marks.append((_PAD, y + 4 + down))
        texts.append(Text(_PAD + _MARK, y + 14 + down, label, "small", width, "start"))
        widest = max(widest, width + _MARK)
        chips += own
        y = own[-1].y + _CHIP_HEIGHT + 3 if own else y + 17
    widest = max([widest, *(chip.x + chip.width - _PAD for chip in chips)])
    return Card(widest + 2 * _PAD, y + 10, tuple(texts), tuple(chips), tuple(marks), rule)


def _flow(aliases: Sequence[str], start: tuple[float, float], left: float, right: float) -> list[Chip]:
    """Place a chip for each alias from `start` on; what does not fit before `right` goes on below, at `left`."""
    chips: list[Chip] = []
    x, y = start
    for alias in aliases:
        label, label_width = _line(alias, "chip", limit=right - left - 2 * _CHIP_PAD)
        width = label_width + 2 * _CHIP_PAD
        if x > left and x + width > right:
            x, y = left, y + (_CHIP_HEIGHT + _CHIP_GAP if chips else _CHIP_HEIGHT - 3)
        text = Text(_PAD + x + width / 2, y + 14, label, "chip", label_width, "middle")
        chips.append(Chip(_PAD + x, y, width, _CHIP_HEIGHT, chip_tone(alias), text))
        x += width + _CHIP_GAP
    return chips


def _shown(links: tuple[Link, ...]) -> list[Link]:
    """Every link with an alias, then as many others as there is room for, and how many are left out."""
    order = sorted(links, key=lambda link: not link.aliases)
    limit = max(_LINKS, sum(1 for link in links if link.aliases) + 1)
    return order if len(order) <= limit else [*order[: limit - 1], Link(f"{len(order) - limit + 1} more")]


def _first(words: tuple[str, ...], limit: int) -> tuple[str, ...]:
    """At most `limit` words, the last of which counts those left out."""
    return words if len(words) <= limit else (*words[: limit - 1], f"{len(words) - limit + 1} more")


def chip_tone(alias: str) -> Literal["plain", "gained", "lost", "locked"]:
    """The colours of an alias."""
    if alias.startswith("+ "):
        return "gained"
    if alias.startswith("- "):
        return "lost"
    return "locked" if alias.endswith(" [locked]") else "plain"
