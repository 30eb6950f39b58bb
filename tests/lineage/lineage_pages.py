"""What the tests of the page share: a graph with facts, a stranger's graph, and where to look on the page."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gitreg.lineage.graph import Edge, Graph, Node

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from browser import View

EVIL = [
    "</script><img src=x onerror=alert(1)>",
    "<!--<script>",
    "\"' onmouseover='alert(1)' x=\"",
    "javascript:alert(1)",
    "\u2028\u2029\u202eevil\u2066\x00\x1b[31m",
    "${title} $script {{x}}",
    "</style></svg></article><base href=http://example.org/>",
]


def told(graph: Graph) -> Graph:
    """The graph with facts as a registry has them."""
    facts: dict[str, dict[str, object]] = {
        "run": {
            "created": "2026-01-02T03:04:05Z",
            "by": "Test User",
            "code": "57d966b0c1e2a3f4b5c6d7e8f9a0b1c2d3e4f5a6",
            "uncommitted": True,
            "tags": ["baseline"],
            "summary": {"accuracy": 0.98, "val": {"f1": float("nan")}},
            "config": {"lr": 1e-3, "layers": [64, 10], "note": "次"},
        },
        "artifact": {"created": "2026-01-02T04:04:05+01:00", "by": "Test User", "size": 12_345_678, "files": 3},
    }
    nodes = [
        replace(node, facts={**facts.get(node.kind, {}), **({"id": node.id} if node.kind == "run" else {})})
        for node in graph.nodes
    ]
    return replace(graph, nodes=tuple(nodes))


def wronged() -> Graph:
    """Everything a stranger can write, in every place."""
    nodes, edges = [], []
    for number, word in enumerate(EVIL):
        facts: dict[str, object] = dict.fromkeys(
            ("created", "ended", "by", "id", "code", "commit", "project", "group", "notes", "description"), word
        )
        facts |= {"size": 1, "files": 1, "tags": [word], "config": {word: {word: [word]}}, "metadata": {word: word}}
        nodes += [
            Node(f"run:{word}", "run", word, word, (), word, note=word, facts=facts),
            Node(f"artifact:{word}", "artifact", f"{word}:v{number}", word, (word,), word, note=word, facts=facts),
        ]
        edges.append(Edge(f"run:{word}", f"artifact:{word}", "logged"))
    return Graph.of(nodes, edges, "".join(EVIL))


def box(view: View, label: str) -> Locator:
    """A node's box in the picture."""
    return view.page.locator("a.node", has=view.page.get_by_text(label, exact=True)).first


def opened(page: Page) -> str:
    """The name in the details that are open, '' when none are."""
    article = page.locator("article.open")
    return article.locator("h2").inner_text() if article.is_visible() else ""
