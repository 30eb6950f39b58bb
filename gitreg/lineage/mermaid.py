"""The graph as Mermaid, for comments on pull requests: GitHub and GitLab draw it where they strip SVG.

Small enough for both (GitLab hides a diagram of over 2,000 characters behind a button): what is farthest from the focus
is left out, and counted. Ids are generated, and every label is written so that Mermaid shows it and obeys none of it.
"""

from __future__ import annotations

import re
from collections import deque

from gitreg.lineage.cards import second_line
from gitreg.lineage.collapse import collapse
from gitreg.lineage.graph import Graph, Node
from gitreg.lineage.text import chips
from gitreg.lineage.theme import LIGHT, Tone, tone_of
from gitreg.records.plain import visible

MOST_NODES, MOST_CHARACTERS = 30, 1900
_LONGEST = 40
_CHIPS = 4
_PLAIN = frozenset(" .,:/+-_()=!?")
_LIST = re.compile(r"[-+.](?= )")  # Mermaid takes '- x' and '1. x' for lists, and draws none
_SHAPES = {"run": ('(["', '"])'), "artifact": ('["', '"]'), "collapsed": ('[["', '"]]'), "unknown": ('("', '")')}
_ARROWS = {"logged": "-->", "used": "-.->", "derived": "-->"}


def to_mermaid(graph: Graph) -> str:
    """Write the graph in Mermaid, in at most 30 nodes and 1,900 characters.

    A graph that is larger is collapsed, then cut to what is nearest to the focus, or to what has an alias.
    """
    whole = _written(graph, 0)
    if _fits(graph, whole):
        return whole
    graph = collapse(graph)
    order = _nearest_first(graph)
    fewest, most = 0, min(len(order), MOST_NODES) + 1
    best = _written(_cut(graph, []), len(order))
    while most - fewest > 1:
        count = (fewest + most) // 2
        part = _cut(graph, order[:count])
        text = _written(part, len(order) - count)
        if _fits(part, text, more=len(order) > count):
            fewest, best = count, text
        else:
            most = count
    return best


def to_markdown(graph: Graph) -> str:
    """Write the graph as a piece of Markdown that GitHub and GitLab draw: a caption and the Mermaid."""
    caption = _escaped(graph.title, 200).replace("#", "&#")
    return f"**{caption}**\n\n```mermaid\n{to_mermaid(graph)}```\n"


def _fits(graph: Graph, text: str, *, more: bool = False) -> bool:
    return len(graph.nodes) + more <= MOST_NODES and len(text) <= MOST_CHARACTERS


def _nearest_first(graph: Graph) -> list[str]:
    """Every node, by its distance from the focus or else from the versions with an alias."""
    start = [n.id for n in graph.nodes if n.focus] or [n.id for n in graph.nodes if n.aliases or n.links]
    near: dict[str, list[str]] = {node.id: [] for node in graph.nodes}
    for edge in graph.edges:
        near[edge.source].append(edge.target)
        near[edge.target].append(edge.source)
    found = dict.fromkeys(start)
    queue = deque(found)
    while queue:
        for other in near[queue.popleft()]:
            if other not in found:
                found[other] = None
                queue.append(other)
    return [*found, *(node.id for node in graph.nodes if node.id not in found)]


def _cut(graph: Graph, keep: list[str]) -> Graph:
    kept = set(keep)
    nodes = (node for node in graph.nodes if node.id in kept)
    return Graph.of(nodes, (e for e in graph.edges if e.source in kept and e.target in kept), graph.title)


def _written(graph: Graph, left_out: int) -> str:
    ids = {node.id: f"n{number}" for number, node in enumerate(graph.nodes)}
    lines = ["flowchart LR"]
    members: dict[Tone | str, list[str]] = {}
    for node in graph.nodes:
        start, end = _SHAPES[node.kind]
        lines.append(f"{ids[node.id]}{start}{_label(node)}{end}")
        members.setdefault(tone_of(node), []).append(ids[node.id])
        if node.focus:
            members.setdefault("focus", []).append(ids[node.id])
    lines += [f"{ids[edge.source]}{_ARROWS[edge.kind]}{ids[edge.target]}" for edge in graph.edges]
    if left_out:
        more = f"n{len(graph.nodes)}"
        lines.append(f'{more}("{left_out} more left out")')
        members.setdefault("neutral", []).append(more)
    for tone, names in members.items():
        if tone == "focus":
            lines.append("classDef focus stroke-width:4px")
        else:
            fill, border = LIGHT.tones[tone]  # type: ignore[index]
            dash = ",stroke-dasharray:5" if tone in ("running", "neutral") else ""
            lines.append(f"classDef {tone} fill:{fill},stroke:{border},color:{LIGHT.text}{dash}")
        lines.append(f"class {','.join(names)} {tone}")
    return "\n".join([*lines, ""])


def _label(node: Node) -> str:
    name = _escaped(node.label)
    lines = [_escaped(second_line(node)), f"<b>{name}</b>" if node.kind == "artifact" and name else name]
    if node.kind in ("collapsed", "unknown"):
        lines.reverse()
    lines.append(_chips(node.aliases))
    lines += [f"{_escaped(link.name)} {_chips(link.aliases)}".strip() for link in node.links]
    return "<br>".join(line for line in lines if line) or " "


def _chips(aliases: tuple[str, ...]) -> str:
    more = len(aliases) - _CHIPS
    return " ".join([*map(_escaped, chips(aliases[:_CHIPS])), *([f"+{more}"] if more > 0 else [])])


def _escaped(text: str, longest: int = _LONGEST) -> str:
    """Show a text as it is, its middle cut out when it is long: what is no letter or digit becomes its code."""
    text = visible(text[: 2 * longest] + text[2 * longest :][-longest:])
    if len(text) > longest:
        text = text[: longest * 3 // 5] + "\u2026" + text[-(longest * 2 // 5 - 1) :]
    return _LIST.sub(_code, "".join(c if c.isalnum() or c in _PLAIN or ord(c) > 0xFF else _code(c) for c in text))


def _code(character: str | re.Match[str]) -> str:
    return f"#{ord(character if isinstance(character, str) else character[0])};"
