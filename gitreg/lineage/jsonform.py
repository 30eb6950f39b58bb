"""The graph as a JSON document for other programs: what the picture shows, in the graph's order, unescaped."""

from __future__ import annotations

from typing import Any

from gitreg.lineage.graph import Graph

SCHEMA = "gitreg/lineage/1"


def to_document(graph: Graph) -> dict[str, Any]:
    """Make the document; `focus` is a node's id or None, `members` occurs in collapsed nodes only."""
    focus = graph.focus
    nodes: list[dict[str, Any]] = []
    for node in graph.nodes:
        item: dict[str, Any] = {
            "id": node.id,
            "kind": node.kind,
            "label": node.label,
            "type": node.type,
            "aliases": list(node.aliases),
            "state": node.state,
            "links": [{"name": link.name, "aliases": list(link.aliases)} for link in node.links],
            "note": node.note,
            "href": node.href,
        }
        if node.members:
            item["members"] = list(node.members)
        nodes.append(item)
    return {
        "schema": SCHEMA,
        "title": graph.title,
        "focus": focus.id if focus else None,
        "nodes": nodes,
        "edges": [{"from": edge.source, "to": edge.target, "kind": edge.kind} for edge in graph.edges],
    }
