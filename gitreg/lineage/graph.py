"""The lineage graph as plain data, and the views of it that people ask for.

Knows nothing of Git, of the registry or of drawing: a builder fills it, the renderers beside it read it.
"""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from gitreg.errors import NotFoundError

NodeKind = Literal["run", "artifact", "collapsed", "unknown"]
EdgeKind = Literal["logged", "used", "derived"]
SortKey = tuple[tuple[int, str], ...]

_DIGITS = re.compile(r"([0-9]+)")
_MADE_UP = re.compile(r"[a-z]+-[a-z]+-([0-9]+)")


@dataclass(frozen=True, slots=True)
class Link:
    """A registered version that is the node's version under a name of its own, with the aliases of that name."""

    name: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """One box of the picture.

    Attributes:
        id: unique in the graph, never shown.
        kind: run, artifact (one version), collapsed (several alike nodes), unknown (an input nobody here can name, or
            the edge of a shallow clone).
        label: the run's name, 'name:v3', '7 more runs', 'history cut here'.
        type: the run's job type or the artifact's type.
        aliases: those of the label's own name, as they are shown: 'production', 'production [locked]', and in a pull
            request '+ production' for the version that gains the alias, '- production' for the one that loses it.
        state: of a run: running, finished, failed, crashed; of an artifact: '', unpublished or deleted; of collapsed
            runs: how many did not finish, such as '2 failed'.
        links: the registered versions that link this one, such as 'model/Digits:v0', each with its own aliases.
        note: more words for the tooltip, such as the code commit.
        href: where more of it can be read, such as the code commit on its host; an https address.
        focus: whether the reader asked for this one.
        members: the ids that a collapsed node stands for.
        facts: what else is known, for a page with room for it: a fact's name to its value, or to a mapping of values
            from a record ('config', 'summary', 'metadata'). Says nothing about which node it is.
    """

    id: str
    kind: NodeKind
    label: str
    type: str = ""
    aliases: tuple[str, ...] = ()
    state: str = ""
    links: tuple[Link, ...] = ()
    note: str = ""
    href: str = ""
    focus: bool = False
    members: tuple[str, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Edge:
    """What flowed where: run -> version it logged, version -> run that used it, version -> version derived from it."""

    source: str
    target: str
    kind: EdgeKind


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes and edges in the order in which every renderer writes them. Make it with `of`."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    title: str

    @classmethod
    def of(cls, nodes: Iterable[Node], edges: Iterable[Edge], title: str) -> Graph:
        """Sort and check: the same sets give equal graphs, whatever their order.

        Nodes are in topological layers, then by label with numbers in numeric order (runs with a made-up name by the
        number at its end), then by id. Edges follow the order of their ends. An edge given twice is kept once. Cycles
        are allowed (a run may log again what it used).

        Raises:
            ValueError: two nodes share an id, or an edge names no node.
        """
        by_id: dict[str, Node] = {}
        for node in nodes:
            if node.id in by_id:
                raise ValueError(f"two nodes have the id {node.id!r}")
            by_id[node.id] = node
        unique = set(edges)
        for edge in unique:
            for end in (edge.source, edge.target):
                if end not in by_id:
                    raise ValueError(f"an edge names the node {end!r}, which is not in the graph")
        keys = {node.id: (natural(_series(node)), node.label, node.id) for node in by_id.values()}
        layers = _layers(keys, unique)
        order = sorted(by_id.values(), key=lambda node: (layers[node.id], keys[node.id]))
        place = {node.id: index for index, node in enumerate(order)}
        return cls(tuple(order), tuple(sorted(unique, key=lambda e: (place[e.source], place[e.target], e.kind))), title)

    @property
    def focus(self) -> Node | None:
        """The node that was asked for: the first one marked, if any."""
        return next((node for node in self.nodes if node.focus), None)

    def sources(self) -> dict[str, list[Edge]]:
        """Each node's incoming edges, in order."""
        found: dict[str, list[Edge]] = {node.id: [] for node in self.nodes}
        for edge in self.edges:
            found[edge.target].append(edge)
        return found

    def targets(self) -> dict[str, list[Edge]]:
        """Each node's outgoing edges, in order."""
        found: dict[str, list[Edge]] = {node.id: [] for node in self.nodes}
        for edge in self.edges:
            found[edge.source].append(edge)
        return found


def natural(text: str) -> SortKey:
    """Sort key in which v10 follows v9."""
    # Digits compare by length, then as text: int() refuses more than 4,300 of them.
    parts = _DIGITS.split(text)
    return tuple((len(p.lstrip("0")), p.lstrip("0")) if i % 2 else (0, p) for i, p in enumerate(parts))


def _series(node: Node) -> str:
    """What a node is sorted by: vague-morning-10 is the tenth run, its words mean nothing; 'more' comes last."""
    if node.kind == "collapsed":
        return chr(sys.maxunicode) + node.label
    made_up = _MADE_UP.fullmatch(node.label) if node.kind == "run" else None
    return made_up[1] if made_up else node.label


def neighbourhood(
    graph: Graph, focus_id: str, up: int | None = None, down: int | None = None, *, also: Iterable[str] = ()
) -> Graph:
    """Keep one node with what it came from and what came of it, and mark it as the focus.

    Args:
        up: how many edges to follow towards the origins, None for all.
        down: how many edges to follow towards the results, None for all.
        also: ids of nodes that are kept in the same way, and are not the focus.

    Raises:
        NotFoundError: the graph has no such node.
        ValueError: a negative number of edges.
    """
    if not any(node.id == focus_id for node in graph.nodes):
        raise NotFoundError("node", focus_id)
    if (up is not None and up < 0) or (down is not None and down < 0):
        raise ValueError("a number of edges cannot be negative")
    before = {id: [edge.source for edge in edges] for id, edges in graph.sources().items()}
    after = {id: [edge.target for edge in edges] for id, edges in graph.targets().items()}
    starts = [focus_id, *also]
    keep = reach(before, starts, up) | reach(after, starts, down)
    return Graph.of(
        (replace(node, focus=node.id == focus_id) for node in graph.nodes if node.id in keep),
        (edge for edge in graph.edges if edge.source in keep and edge.target in keep),
        graph.title,
    )


def without_runs(graph: Graph) -> Graph:
    """Leave runs out: each version a run used is joined to each version that the run logged.

    Apply it before `collapse`, whose nodes may stand for runs.
    """
    runs = {node.id for node in graph.nodes if node.kind == "run"}
    incoming, outgoing = graph.sources(), graph.targets()
    edges = {edge for edge in graph.edges if edge.source not in runs and edge.target not in runs}
    for run in runs:
        for source in incoming[run]:
            for target in outgoing[run]:
                if source.source != target.target:
                    edges.add(Edge(source.source, target.target, "derived"))
    kept = {node.id for node in graph.nodes} - runs
    return Graph.of(
        (node for node in graph.nodes if node.id in kept),
        (edge for edge in edges if edge.source in kept and edge.target in kept),
        graph.title,
    )


def reach(neighbours: Mapping[str, list[str]], start: Iterable[str], limit: int | None) -> set[str]:
    """Give what at most `limit` steps from `start` lead to, `start` included."""
    far = dict.fromkeys(start, 0)
    queue = deque(far)
    while queue:
        here = queue.popleft()
        if limit is not None and far[here] >= limit:
            continue
        for there in neighbours[here]:
            if there not in far:
                far[there] = far[here] + 1
                queue.append(there)
    return set(far)


def _layers(keys: Mapping[str, tuple[SortKey, str, str]], edges: Iterable[Edge]) -> dict[str, int]:
    """Longest distance from an origin, for each node; a cycle is entered where the rest of the graph leads into it."""
    before: dict[str, set[str]] = {id: set() for id in keys}
    after: dict[str, set[str]] = {id: set() for id in keys}
    for edge in edges:
        if edge.source != edge.target:
            before[edge.target].add(edge.source)
            after[edge.source].add(edge.target)
    layers = dict.fromkeys(keys, 0)
    waiting = {id: len(sources) for id, sources in before.items()}
    ready = [id for id in keys if not waiting[id]]
    open_ = set(keys)
    by_name = iter(sorted(keys, key=lambda id: keys[id]))
    start = ""
    while open_:
        if not ready:
            start = start if start in open_ else next(id for id in by_name if id in open_)
            ready = [_way_in(start, open_, before, keys)]
        here = ready.pop()
        open_.remove(here)
        for there in after[here] & open_:
            layers[there] = max(layers[there], layers[here] + 1)
            waiting[there] -= 1
            if not waiting[there]:
                ready.append(there)
    return layers


def _way_in(
    here: str, open_: set[str], before: Mapping[str, set[str]], keys: Mapping[str, tuple[SortKey, str, str]]
) -> str:
    """Where to break a cycle: every open node waits for an open one, so walking back from any ends on a cycle."""
    path: dict[str, int] = {}
    while here not in path:
        path[here] = len(path)
        here = min(before[here] & open_, key=lambda id: keys[id])
    cycle = [id for id, index in path.items() if index >= path[here]]
    return min(cycle, key=lambda id: (before[id] <= open_, keys[id]))
