"""The graph as one stand-alone SVG: drawn here from measured cards (cards.py) at their places (layout.py).

No scripts, no references to anything outside, only https links to the code of a run; every text passes `visible` and
XML escaping; one style sheet serves light and dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape as xml_escape

from gitreg.lineage.cards import SIZES, Card, Chip, Text, card
from gitreg.lineage.dot import class_names
from gitreg.lineage.glyphs import text_width
from gitreg.lineage.graph import Graph, Node
from gitreg.lineage.layout import Layout, Point, Route, place
from gitreg.lineage.text import describe, in_words
from gitreg.lineage.theme import ThemeName, style_sheet, tone_of
from gitreg.records.plain import visible

_MARGIN = 24.0
_LEGEND_HEIGHT = 30.0
_LEGEND = {"logged": "logged", "used": "used", "derived": "made from it"}
_EMPTY = "no runs and no versions"


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn graph without the `<svg>` around it.

    Attributes:
        width: px, margins included.
        height: the same.
        body: markup, one element a line. Its nodes stand in the graph's order, its edges before them.
    """

    width: float
    height: float
    body: str


def to_svg(graph: Graph, *, theme: ThemeName = "auto") -> str:
    """Draw the graph; 'auto' follows the reader's light or dark setting."""
    return framed(graph, draw(graph), theme=theme)


def framed(graph: Graph, drawn: Picture, *, theme: ThemeName) -> str:
    """Make a picture of the graph a document that stands alone."""
    size = f'width="{drawn.width:.0f}px" height="{drawn.height:.0f}px"'
    size += f' viewBox="0 0 {drawn.width:.0f} {drawn.height:.0f}"'
    names = 'aria-labelledby="gitreg-lineage-title gitreg-lineage-desc"'
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<svg xmlns="http://www.w3.org/2000/svg" class="gitreg-lineage" role="img" {names} {size}>',
            f'<title id="gitreg-lineage-title">{_xml(graph.title)}</title>',
            f'<desc id="gitreg-lineage-desc">{_xml(" ".join(describe(graph)) or _EMPTY)}</desc>',
            f"<style>\n{style_sheet(theme)}</style>",
            '<rect class="page" width="100%" height="100%"/>',
            drawn.body,
            "</svg>",
            "",
        ]
    )


def draw(graph: Graph, *, anchors: Sequence[str] | None = None) -> Picture:
    """Draw the graph for a page that brings `<svg>`, style sheet and legend.

    `anchors` makes each node a link to its anchor in the page; an edge then names the numbers of its ends. Without
    them the legend is part of the picture.
    """
    cards = [card(node) for node in graph.nodes]
    index = {node.id: number for number, node in enumerate(graph.nodes)}
    ends = [(index[edge.source], index[edge.target]) for edge in graph.edges]
    kinds = [(node.kind, node.type) for node in graph.nodes]
    layout = place([(box.width, box.height) for box in cards], ends, kinds)
    legend, legend_width = _legend(graph, layout) if anchors is None or not graph.nodes else ([], 0.0)
    width = max(layout.width, legend_width, 160.0) + 2 * _MARGIN
    height = layout.height + 2 * _MARGIN + (_LEGEND_HEIGHT if legend else 0.0)
    body = []
    for edge, route, (source, target) in zip(graph.edges, layout.routes, ends, strict=True):
        body.append(_edge(edge.kind, route, "" if anchors is None else f' data-from="{source}" data-to="{target}"'))
    for number, (node, box, (x, y)) in enumerate(zip(graph.nodes, cards, layout.centres, strict=True)):
        link = f' href="{_xml(node.href)}"' if node.href.startswith("https://") else ""
        if anchors is not None:
            link = f' id="at-{number}" href="#{_xml(anchors[number])}"'
        body.append(_node(node, box, x - box.width / 2, y - box.height / 2, link))
    margin = f'<g transform="translate({_n(_MARGIN)} {_n(_MARGIN)})">'
    return Picture(width, height, "\n".join([margin, *body, *legend, "</g>"]))


def _node(node: Node, box: Card, left: float, top: float, link: str) -> str:
    tag = "a" if link else "g"
    parts = [
        f'<{tag} class="{class_names(node)} tone-{tone_of(node)}"{link} transform="translate({_n(left)} {_n(top)})">',
        f"<title>{_xml(in_words(node, full=True))}</title>",
    ]
    radius = 12.0 if node.kind == "artifact" else min(box.height / 2, 22.0)
    parts.append(_rect("box", (0, 0), (box.width, box.height), radius))
    if node.kind == "collapsed":
        parts.append(_rect("inner", (4, 4), (box.width - 8, box.height - 8), radius - 4))
    if box.rule is not None:
        parts.append(f'<path class="rule" d="M0 {_n(box.rule)}H{_n(box.width)}" stroke-opacity="0.35"/>')
    for x, y in box.marks:
        parts.append(f'<path class="mark" d="M{_n(x + 1.5)} {_n(y)}h8v11l-4 -3.5l-4 3.5z" stroke-linejoin="round"/>')
    parts += [_text(text) for text in box.texts]
    parts += [_chip(chip) for chip in box.chips]
    return "\n".join([*parts, f"</{tag}>"])


def _chip(chip: Chip) -> str:
    rect = _rect("box", (chip.x, chip.y), (chip.width, chip.height), chip.height / 2)
    return f'<g class="chip tone-{chip.tone}">{rect}{_text(chip.label)}</g>'


def _text(text: Text) -> str:
    words: list[str] = [text.role] if text.role != "chip" else []
    words += ["bold"] if text.bold else []
    words += ["middle"] if text.align == "middle" else []
    classes = f' class="{" ".join(words)}"' if words else ""
    # A viewer without Arial's metrics keeps to the width that the box was made for.
    width = f' textLength="{_n(text.width)}" lengthAdjust="spacingAndGlyphs"' if text.width else ""
    return f'<text{classes} x="{_n(text.x)}" y="{_n(text.y)}"{width}>{_xml(text.text)}</text>'


def _edge(kind: str, route: Route, ends: str) -> str:
    first, *rest = route.points
    curve = f"M{_n(first[0])} {_n(first[1])}C" + " ".join(f"{_n(x)} {_n(y)}" for x, y in rest)
    return f'<g class="edge {kind}"{ends}><path d="{curve}"/>{_arrow(rest[-1], route.tip)}</g>'


def _arrow(base: Point, tip: Point) -> str:
    dx, dy = tip[0] - base[0], tip[1] - base[1]
    long = (dx * dx + dy * dy) ** 0.5 or 1.0
    ox, oy = -dy / long * 3.2, dx / long * 3.2
    corners = ((base[0] + ox, base[1] + oy), tip, (base[0] - ox, base[1] - oy))
    return '<polygon points="' + " ".join(f"{_n(x)},{_n(y)}" for x, y in corners) + '"/>'


def _legend(graph: Graph, layout: Layout) -> tuple[list[str], float]:
    """The meaning of the lines that occur, below the graph; and how wide that is."""
    if not graph.nodes:
        width = text_width(_EMPTY, SIZES["small"])
        return [_text(Text(0, 10, _EMPTY, "small", width, "start"))], width
    kinds = [kind for kind in _LEGEND if any(edge.kind == kind for edge in graph.edges)]
    if not kinds:
        return [], 0.0
    x, y = 0.0, layout.height + _LEGEND_HEIGHT
    parts = ['<g class="legend">']
    for kind in kinds:
        width = text_width(_LEGEND[kind], SIZES["small"])
        parts.append(
            f'<g class="edge {kind}"><path d="M{_n(x)} {_n(y)}h28"/>{_arrow((x + 28, y), (x + 36, y))}</g>'
            + _text(Text(x + 43, y + 4, _LEGEND[kind], "small", width, "start"))
        )
        x += 43 + width + 22
    return [*parts, "</g>"], x - 22


def _rect(name: str, corner: Point, size: Point, radius: float) -> str:
    (x, y), (width, height) = corner, size
    place = f'x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}"'
    return f'<rect class="{name}" {place} rx="{_n(radius)}"/>'


def _n(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")


def _xml(text: str) -> str:
    return xml_escape(visible(text), {'"': "&quot;"})
