"""The graph in words: a tree for terminals, and sentences for those who cannot see the picture.

Everything shown is free of control and direction characters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from gitreg.lineage.graph import Edge, Graph, Node
from gitreg.records.plain import visible

Way = Literal["up", "down"]

_SENTENCES = 200
_BOXES, _ASCII = ("├─ ", "└─ ", "│  "), ("|- ", "`- ", "|  ")


def to_text(graph: Graph, *, plain: bool = False) -> str:
    """Draw a tree: what the focus came from and what came of it, or everything from its origins without a focus.

    Each node is drawn once; where it occurs again it says '(see above)'. `plain` keeps to ASCII lines.
    """
    tree = _Tree(graph, _ASCII if plain else _BOXES)
    focus = graph.focus
    lines = [visible(graph.title), ""]
    if not graph.nodes:
        return "\n".join([*lines, "no runs and no versions", ""])
    if focus:
        lines.append(in_words(focus))
        tree.seen.add(focus.id)
        if tree.sources[focus.id]:
            lines += ["", "came from", *tree.branches(focus.id, "up")]
        if tree.targets[focus.id]:
            lines += ["", "led to", *tree.branches(focus.id, "down")]
    rest = [node for node in graph.nodes if node.id not in tree.seen]
    if focus and rest:
        lines += ["", "also here"]
    for node in rest:
        if node.id not in tree.seen:
            tree.seen.add(node.id)
            lines += [in_words(node), *tree.branches(node.id, "down")]
    return "\n".join([*lines, ""])


def in_words(node: Node, *, short: bool = False, full: bool = False) -> str:
    """Name one node on one line: 'model mnist_model:v3 [latest] linked as model/Digits:v0 [production]'.

    Args:
        short: leave out its state, aliases and links.
        full: add its note.
    """
    words = [node.label]
    if node.kind in ("run", "artifact"):
        words.insert(0, "run" if node.kind == "run" else node.type or "version")
    if short:
        return visible(" ".join(words))
    if node.kind in {"run", "collapsed"}:
        detail = ", ".join(part for part in (node.type, node.state) if part and part != "finished")
        words += [f"({detail})"] if detail else []
    elif node.state:
        words.append(f"({node.state})")
    elif node.kind == "unknown" and node.type:
        words.append(f"({node.type})")
    words += chips(node.aliases)
    if node.links:
        words += ["linked as", _listed([" ".join([link.name, *chips(link.aliases)]) for link in node.links])]
    line = " ".join(words) + (f": {node.note}" if full and node.note else "")
    return visible(line)


def chips(aliases: Sequence[str]) -> list[str]:
    """Each alias in brackets: '[production locked]'."""
    return [f"[{alias.replace(' [locked]', ' locked')}]" for alias in aliases]


def describe(graph: Graph) -> Iterator[str]:
    """Say the graph in sentences: one for each run, and one for each other node that no run's sentence introduces."""
    nodes = {node.id: node for node in graph.nodes}
    sources, targets = graph.sources(), graph.targets()
    told = 0
    for node in graph.nodes:
        before, after = sources[node.id], targets[node.id]
        clauses = [
            ("used", [in_words(nodes[e.source], short=True) for e in before if e.kind == "used"]),
            ("was made from", [in_words(nodes[e.source], short=True) for e in before if e.kind == "derived"]),
            ("logged", [in_words(nodes[e.target]) for e in after if e.kind == "logged"]),
        ]
        if not before and not clauses[2][1]:
            clauses += [
                ("was used by", [in_words(nodes[e.target], short=True) for e in after if e.kind == "used"]),
                ("was used to make", [in_words(nodes[e.target], short=True) for e in after if e.kind == "derived"]),
            ]
        said = ", and ".join(f"{verb} {_listed(names)}" for verb, names in clauses if names)
        if before and not said:
            continue
        told += 1
        if told > _SENTENCES:
            yield f"The graph has {len(graph.nodes)} nodes in all."
            return
        name = in_words(node)
        if node.kind in {"run", "artifact"}:
            name = name[:1].upper() + name[1:]
        yield f"{name}{' ' + said if said else ''}."


def _listed(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


_FORWARD = {"logged": "logged", "used": "used by", "derived": "made"}
_BACKWARD = {"logged": "logged by", "used": "used", "derived": "made from"}


class _Tree:
    """Draws branches, remembering which nodes were drawn."""

    def __init__(self, graph: Graph, lines: tuple[str, str, str]) -> None:
        self.nodes = {node.id: node for node in graph.nodes}
        self.sources, self.targets = graph.sources(), graph.targets()
        self.seen: set[str] = set()
        self._lines = lines

    def branches(self, root: str, way: Way) -> Iterator[str]:
        """Yield the lines below `root`. Keeps its own stack: lineage may be deeper than Python's."""
        tee, end, bar = self._lines
        stack = self._children(root, way, "")
        while stack:
            edge, last, indent = stack.pop()
            id = edge.target if way == "down" else edge.source
            verb = (_FORWARD if way == "down" else _BACKWARD)[edge.kind]
            again = id in self.seen
            line = in_words(self.nodes[id], short=again)
            yield f"{indent}{end if last else tee}{verb} {line}{' (see above)' if again else ''}"
            if again:
                continue
            self.seen.add(id)
            stack += self._children(id, way, indent + ("   " if last else bar))

    def _children(self, id: str, way: Way, indent: str) -> list[tuple[Edge, bool, str]]:
        edges = (self.targets if way == "down" else self.sources)[id]
        return [(edge, edge is edges[-1], indent) for edge in reversed(edges)]
