"""Where the boxes and edges of a graph go: the one place that starts Graphviz's `dot`.

`dot` is given boxes of our sizes and no text at all, and answers with coordinates; the SVG is drawn from those by us.
So the picture does not depend on dot's fonts or on which build of dot measures them, rounded cards with chips need no
HTML-like labels (whose per-cell borders break rounded tables), and no hostile label ever reaches another program.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from gitreg.errors import DotError, MissingDotError

Point = tuple[float, float]
Size = tuple[float, float]
_POINTS_PER_INCH = 72
_ARROW = 8.0
_LANE: Size = (1.0, 6.0)
_STRAIGHT = 4


@dataclass(frozen=True, slots=True)
class Route:
    """An edge: a start point and Bezier segments of three points each, then the arrow's tip; px, y downwards."""

    points: tuple[Point, ...]
    tip: Point


@dataclass(frozen=True, slots=True)
class Layout:
    """A placed graph: its size in px, each box's centre, each edge's route, in the order in which they were given."""

    width: float
    height: float
    centres: tuple[Point, ...]
    routes: tuple[Route, ...]


def place(sizes: Sequence[Size], edges: Sequence[tuple[int, int]]) -> Layout:
    """Place boxes of the given sizes (width, height in px), joined by edges (indices of boxes), from left to right.

    dot's own splines leave a box on any side and tangle where many meet. So each edge is drawn here as level curves
    from column to column; an edge over several columns gets a thin lane in each of them, reserved in a second pass.

    Raises:
        MissingDotError: there is no `dot`.
        DotError: it failed.
    """
    if not sizes:
        return Layout(0.0, 0.0, (), ())
    placed = _run(sizes, [(source, target, 1) for source, target in edges])
    column = _columns(placed)
    boxes, legs = list(sizes), []
    chains = []
    for source, target in edges:
        lanes = range(len(boxes), len(boxes) + max(column[target] - column[source] - 1, 0))
        boxes += [_LANE for _ in lanes]
        chain = (source, *lanes, target)
        legs += [(here, there, _STRAIGHT if lanes else 1) for here, there in pairwise(chain)]
        chains.append(chain)
    if len(boxes) > len(sizes):
        again = _run(boxes, legs)
        column = _columns(again)
        if any(column[there] - column[here] > 1 for here, there, _ in legs):
            return placed
        routes = dict(zip(((here, there) for here, there, _ in legs), again.routes, strict=True))
        own = tuple(routes[chain[:2]] for chain in chains)
        placed = replace(again, routes=own)
    return replace(placed, centres=placed.centres[: len(sizes)], routes=_smooth(placed, boxes, chains))


def run_dot(source: str, output: str) -> bytes:
    """Run `dot` on DOT text; `output` is a format it knows, such as 'png' or 'pdf'.

    Raises:
        MissingDotError: there is no `dot`.
        DotError: it failed.
    """
    import graphviz

    try:
        answer: bytes = graphviz.pipe("dot", output, source.encode(), quiet=True)
    except graphviz.ExecutableNotFound as error:
        raise MissingDotError from error
    except graphviz.CalledProcessError as error:
        raise DotError(error.returncode, (error.stderr or b"").decode(errors="replace")) from error
    return answer


def _run(sizes: Sequence[Size], edges: Sequence[tuple[int, int, int]]) -> Layout:
    """Let dot place the boxes; an edge's third number is how much it wants to be short and straight."""
    import graphviz

    digraph = graphviz.Digraph(
        graph_attr={"rankdir": "LR", "nodesep": "0.3", "ranksep": "0.85"},
        node_attr={"shape": "box", "fixedsize": "true", "label": ""},
        edge_attr={"arrowsize": "0.8"},
    )
    for index, (width, height) in enumerate(sizes):
        digraph.node(f"n{index}", width=f"{width / _POINTS_PER_INCH:.4f}", height=f"{height / _POINTS_PER_INCH:.4f}")
    for index, (source, target, weight) in enumerate(edges):
        digraph.edge(f"n{source}", f"n{target}", id=f"e{index}", weight=str(weight))
    return _read(run_dot(digraph.source, "json0"), len(sizes), len(edges))


def _read(answer: bytes, nodes: int, edges: int) -> Layout:
    document = json.loads(answer)
    _, _, width, height = map(float, document["bb"].split(","))

    def point(text: str) -> Point:
        x, y = text.split(",")
        return round(float(x), 2), round(height - float(y), 2)

    centres = {item["name"]: point(item["pos"]) for item in document["objects"]}
    routes: dict[str, Route] = {}
    for item in document.get("edges", ()):
        words = item["pos"].split()
        tip = point(words[0][2:]) if words[0].startswith("e,") else None
        points = tuple(point(word) for word in words if word[1:2] != ",")
        routes[item["id"]] = Route(points, tip or points[-1])
    return Layout(
        width, height, tuple(centres[f"n{i}"] for i in range(nodes)), tuple(routes[f"e{i}"] for i in range(edges))
    )


def _columns(placed: Layout) -> list[int]:
    """Each box's column, counted from the left: dot centres the boxes of a rank on one x."""
    order = {x: number for number, x in enumerate(sorted({x for x, _ in placed.centres}))}
    return [order[x] for x, _ in placed.centres]


def _smooth(placed: Layout, sizes: Sequence[Size], chains: Sequence[Sequence[int]]) -> tuple[Route, ...]:
    """Draw each chain of boxes in neighbouring columns as curves that leave and arrive level.

    Between two columns stands nothing that could be hit, and in a column the lane is free. What runs backwards (a
    cycle) keeps dot's route.
    """
    column = _columns(placed)
    left, right = [math.inf] * len(sizes), [-math.inf] * len(sizes)
    for (x, _), (width, _), number in zip(placed.centres, sizes, column, strict=True):
        left[number] = min(left[number], x - width / 2)
        right[number] = max(right[number], x + width / 2)
    routes = []
    for route, chain in zip(placed.routes, chains, strict=True):
        if column[chain[1]] != column[chain[0]] + 1:
            routes.append(route)
            continue
        (x, y), tip_x = placed.centres[chain[0]], placed.centres[chain[-1]][0] - sizes[chain[-1]][0] / 2
        points = [(x + sizes[chain[0]][0] / 2, y)]
        for here, there in pairwise(chain):
            y, next_y = placed.centres[here][1], placed.centres[there][1]
            bend, end = right[column[here]], left[column[there]] - (_ARROW if there == chain[-1] else 0)
            middle = (bend + end) / 2
            points += [(bend, y)] * 3 + [(middle, y), (middle, next_y), (end, next_y)]
        points += [(tip_x - _ARROW, y := placed.centres[chain[-1]][1])] * 3
        routes.append(Route(tuple(points), (tip_x, y)))
    return tuple(routes)
