"""The graph as DOT text for people and other tools, and the one place that escapes a text for DOT.

Node ids are generated (a colon in an id would be read as a port), labels are plain (never HTML-like), and the same
graph gives the same bytes. Needs no `dot`. The SVG does not come from this text: see layout.py.
"""

from __future__ import annotations

from gitreg.lineage.cards import second_line
from gitreg.lineage.graph import Graph, Node
from gitreg.lineage.text import chips, in_words
from gitreg.lineage.theme import LIGHT, tone_of
from gitreg.records.plain import visible

_STYLES = {"running": "dashed", "unpublished": "dashed", "deleted": "dashed"}


def to_dot(graph: Graph) -> str:
    """Write the graph in DOT: one line a node, one line an edge, in the graph's order."""
    import graphviz

    digraph = graphviz.Digraph(
        "lineage",
        graph_attr={
            "rankdir": "LR",
            "tooltip": escape(graph.title),
            "fontname": "Arial",
            "nodesep": "0.3",
            "ranksep": "0.7",
        },
        node_attr={
            "shape": "box",
            "fontname": "Arial",
            "fontsize": "12",
            "fontcolor": LIGHT.text,
            "margin": "0.18,0.1",
        },
        edge_attr={"color": LIGHT.edge, "arrowsize": "0.8"},
    )
    ids = {node.id: f"n{index}" for index, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        digraph.node(ids[node.id], **_node(node))
    for edge in graph.edges:
        style = "dashed" if edge.kind == "used" else "solid"
        digraph.edge(ids[edge.source], ids[edge.target], style=style, **{"class": f"edge {edge.kind}"})
    return str(digraph.source)


def escape(text: str) -> str:
    """Make `text` mean itself inside a DOT label: no control characters, entities, escapes or HTML."""
    import graphviz

    # A `str` type of the package's own, which its quoting knows: str() of it would be read as HTML when it is '<...>'.
    label: str = graphviz.escape(visible(text).replace("&", "&amp;"))
    return label


def class_names(node: Node) -> str:
    """The class attribute of a node's picture: 'node run state-failed focus'."""
    words = ["node", node.kind]
    if node.state and node.kind in ("run", "artifact"):
        words.append("state-" + "".join(c if c.isalnum() and c.isascii() else "-" for c in node.state))
    return " ".join([*words, "focus"] if node.focus else words)


def _node(node: Node) -> dict[str, str]:
    fill, border = LIGHT.tones[tone_of(node)]
    lines = [second_line(node), node.label, " ".join(chips(node.aliases))]
    lines += [" ".join([link.name, *chips(link.aliases)]) for link in node.links]
    if node.kind == "collapsed":
        lines[:2] = [node.label, second_line(node)]
    attributes = {
        "label": _join(lines),
        "tooltip": escape(in_words(node, full=True)),
        "class": class_names(node),
        "style": "rounded,filled," + ("dotted" if node.kind == "unknown" else _STYLES.get(node.state, "solid")),
        "fillcolor": fill,
        "color": border,
    }
    if node.kind == "collapsed":
        attributes["peripheries"] = "2"
    if node.focus:
        attributes["penwidth"] = "3"
    return attributes


def _join(lines: list[str]) -> str:
    """One label of several lines, which stays plain text even when it looks like '<...>'."""
    import graphviz

    label: str = graphviz.nohtml("\\n".join(escape(line) for line in lines if line))
    return label
