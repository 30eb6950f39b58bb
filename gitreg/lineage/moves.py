"""An alias that is about to move, shown in the graph the way a pull request shows a line: '- ' here, '+ ' there."""

from __future__ import annotations

from dataclasses import replace

from gitreg.errors import NotFoundError
from gitreg.lineage.graph import Graph, Link, Node

LOCKED = " [locked]"
GAINED, LOST = "+ ", "- "


def with_move(graph: Graph, collection: str, alias: str, version: str | None) -> Graph:
    """Mark the version that gains an alias with '+ alias', and the one that loses it with '- alias'.

    Args:
        collection: whose alias it is, such as 'model/Digits'.
        version: the version of that collection which gains it, such as 'v3'; None when the alias is removed. Where it
            has the alias already, nothing moves.

    Raises:
        NotFoundError: the graph does not show that version.
    """
    gaining = f"{collection}:{version}" if version else None
    names = [name for node in graph.nodes for name in _names(node)]
    if gaining and all(name.name != gaining for name in names):
        raise NotFoundError("version", gaining, f"version '{gaining}' is not in '{graph.title}'")
    holders = {name.name for name in names if _is_held(name, collection, alias)}
    if gaining in holders:
        return graph
    locked = any(_is_held(name, collection, alias + LOCKED) for name in names)
    shown = alias + (LOCKED if locked else "")

    def moved(name: Link) -> Link:
        kept = tuple(other for other in name.aliases if other not in (alias, alias + LOCKED))
        if name.name == gaining:
            return Link(name.name, (GAINED + shown, *kept))
        return Link(name.name, (LOST + shown, *kept)) if name.name in holders else name

    nodes = (_renamed(node, [moved(name) for name in _names(node)]) for node in graph.nodes)
    return Graph.of(
        nodes, graph.edges, f"{graph.title}, {collection}:{alias} {f'to {version}' if version else 'removed'}"
    )


def _names(node: Node) -> list[Link]:
    """Each name of a version with the aliases that are its own."""
    return [Link(node.label, node.aliases), *node.links] if node.kind == "artifact" else []


def _renamed(node: Node, names: list[Link]) -> Node:
    return replace(node, aliases=names[0].aliases, links=tuple(names[1:])) if names else node


def _is_held(name: Link, collection: str, alias: str) -> bool:
    return name.name.rpartition(":")[0] == collection and not {alias, alias + LOCKED}.isdisjoint(name.aliases)
