"""Many that are alike become one node that says how many they are (W&B's rule of five)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Hashable, Iterable

from gitreg.lineage.graph import Edge, Graph, Node, reach

_NAMED_IN_NOTE = 20


def collapse(graph: Graph, limit: int = 5) -> Graph:
    """Replace `limit` or more alike siblings by one node.

    Alike are runs of one type, or versions of one type, with the same neighbours on both sides; so are versions of one
    collection and the runs around them, such as the runs of a sweep with a model each, when what is around them is
    alike too. A node stays by itself when it has an alias or a link, is the focus, leads to the focus, has no neighbour
    at all, or belongs to a part of the graph in which nothing stands by itself.
    """
    single = _singles(graph)
    alike = _Classes(graph, {node.id: _look(node, single) for node in graph.nodes}, max(limit, 2))
    graph = _heaped(graph, alike.groups(), limit)
    kinds: dict[str, Hashable] = {node.id: _look(node, single, whole=False) for node in graph.nodes}
    twins: dict[Hashable, list[str]] = {}
    incoming, outgoing = graph.sources(), graph.targets()
    for node in graph.nodes:
        sources = tuple((edge.source, edge.kind) for edge in incoming[node.id])
        targets = tuple((edge.target, edge.kind) for edge in outgoing[node.id])
        twins.setdefault((kinds[node.id], sources, targets), []).append(node.id)
    return _heaped(graph, twins.values(), limit)


def _singles(graph: Graph) -> set[str]:
    """Who stays by itself, whatever is around it."""
    before = {id: [edge.source for edge in edges] for id, edges in graph.sources().items()}
    joined = {end for edge in graph.edges for end in (edge.source, edge.target)}
    single = reach(before, [node.id for node in graph.nodes if node.focus], None)
    for node in graph.nodes:
        if node.kind not in ("run", "artifact") or node.aliases or node.links or node.id not in joined:
            single.add(node.id)
    return single


def _look(node: Node, single: Container[str], *, whole: bool = True) -> Hashable:
    """What must be equal for two nodes to be alike; `whole`: the collection too."""
    if node.id in single or node.members:
        return node.id
    collection = node.label.rpartition(":")[0] if whole and node.kind == "artifact" else ""
    return node.kind, node.type, collection


class _Classes:
    """The coarsest classes whose members see the same classes around them, where fewer than `limit` are no class.

    Classes are split until that holds (partition refinement): only the neighbours of what was split are looked at
    again, and the largest piece keeps its number, so that a long chain takes no longer than a wide fan.
    """

    def __init__(self, graph: Graph, looks: dict[str, Hashable], limit: int) -> None:
        numbers: dict[Hashable, int] = {}
        self.of = {id: numbers.setdefault(look, len(numbers)) for id, look in looks.items()}
        self.members: dict[int, set[str]] = {}
        for id, number in self.of.items():
            self.members.setdefault(number, set()).add(id)
        self.near: dict[str, list[tuple[str, str]]] = {node.id: [] for node in graph.nodes}
        for edge in graph.edges:
            self.near[edge.source].append((edge.target, "> " + edge.kind))
            self.near[edge.target].append((edge.source, "< " + edge.kind))
        self.next = len(numbers)
        self.sight: dict[int, Hashable] = {}
        dirty = set(self.of)
        while dirty:
            while dirty:
                dirty = self._refine(dirty)
            small = [ids for ids in self.members.values() if 1 < len(ids) < limit]
            dirty = {id for ids in small for one in sorted(ids)[1:] for id in self._split({one})}

    def groups(self) -> list[list[str]]:
        """The members of each class in a part of the graph where something stands by itself."""
        alone = [id for ids in self.members.values() if len(ids) == 1 for id in ids]
        joined = reach({id: [other for other, _ in near] for id, near in self.near.items()}, alone, None)
        return [sorted(ids) for ids in self.members.values() if ids <= joined]

    def _refine(self, dirty: set[str]) -> set[str]:
        """Split the classes whose dirty members see something else than the others; whom that makes dirty."""
        pieces: dict[int, dict[Hashable, set[str]]] = {}
        for id in dirty:
            pieces.setdefault(self.of[id], {}).setdefault(self._sight(id), set()).add(id)
        again: set[str] = set()
        for number, by_sight in pieces.items():
            if len(self.members[number]) == sum(map(len, by_sight.values())):
                self.sight[number] = max(by_sight, key=lambda sight: len(by_sight[sight]))
            # else whoever is not dirty sees what it saw, which all of its class saw
            again.update(*(self._split(ids, sight) for sight, ids in by_sight.items() if sight != self.sight[number]))
        return again

    def _sight(self, id: str) -> Hashable:
        return frozenset((way, self.of[other]) for other, way in self.near[id])

    def _split(self, ids: set[str], sight: Hashable = None) -> set[str]:
        """Make `ids` a class of their own; their neighbours."""
        number = self.of[next(iter(ids))]
        self.members[number] -= ids
        self.members[self.next], self.sight[self.next] = set(ids), sight
        self.of.update(dict.fromkeys(ids, self.next))
        self.next += 1
        return {other for id in ids for other, _ in self.near[id]}


def _heaped(graph: Graph, groups: Iterable[list[str]], limit: int) -> Graph:
    """Replace each group of at least `limit` nodes by one node."""
    nodes = {node.id: node for node in graph.nodes}
    place = {node.id: number for number, node in enumerate(graph.nodes)}
    new_id = {node.id: node.id for node in graph.nodes}
    for group in groups:
        if len(group) < max(limit, 2):
            continue
        heap = _heap([nodes[id] for id in sorted(group, key=place.__getitem__)], taken=new_id)
        for id in group:
            del nodes[id]
            new_id[id] = heap.id
        nodes[heap.id] = heap
    edges = (Edge(new_id[edge.source], new_id[edge.target], edge.kind) for edge in graph.edges)
    return Graph.of(nodes.values(), edges, graph.title)


def _heap(members: list[Node], taken: Container[str]) -> Node:
    first = members[0]
    collections = {node.label.rpartition(":")[0] for node in members if node.kind == "artifact"}
    what = f"of {collections.pop()}" if len(collections) == 1 else f"{first.kind}s"
    id = "collapsed:" + min(node.id for node in members)
    while id in taken:
        id += "'"
    tally = Counter(node.state for node in members if node.state not in ("", "finished"))
    named = ", ".join(node.label for node in members[:_NAMED_IN_NOTE])
    rest = len(members) - _NAMED_IN_NOTE
    return Node(
        id=id,
        kind="collapsed",
        label=f"{len(members)} more {what}",
        type=first.type,
        state=", ".join(f"{count} {state}" for state, count in sorted(tally.items())),
        note=named + (f" and {rest} more" if rest > 0 else ""),
        members=tuple(node.id for node in members),
    )
