"""Where the boxes and edges of a graph go: sizes in, coordinates out, in px with y downwards.

Placed by ourselves, and not by Graphviz's `dot`: the picture is then the same on every machine, needs no program beside
Python, keeps versions in their order from top to bottom, and a graph of thousands is placed in a second or two.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from gitreg.lineage.layers import Edges, Layers, layered, parts

Point = tuple[float, float]
Size = tuple[float, float]

ARROW = 8.0
_LANE: Size = (1.0, 6.0)
_BOX_GAP, _PART_GAP, _CELL_GAP = 22.0, 34.0, 40.0
_COLUMN_GAP, _STEEP, _WIDEST_GAP = 60.0, 0.12, 180.0
_GRID_WIDTH = 1200.0
_BACK = 26.0
_ROUNDS = 24
_STIFF = (1.0, 16.0, 24.0)
"""How much a link wants to be level: any; one to a lane, or the only one of both ends; one between lanes."""


@dataclass(frozen=True, slots=True)
class Route:
    """An edge: a start point and Bezier segments of three points each, then the arrow's tip."""

    points: tuple[Point, ...]
    tip: Point


@dataclass(frozen=True, slots=True)
class Layout:
    """A placed graph: its size in px, each box's centre, each edge's route, in the order in which they were given."""

    width: float
    height: float
    centres: tuple[Point, ...]
    routes: tuple[Route, ...]


def place(sizes: Sequence[Size], edges: Edges, kinds: Sequence[Hashable] = ()) -> Layout:
    """Place boxes of the given sizes (width, height), joined by edges (indices of boxes), from left to right.

    Boxes are given in an order where an edge's source comes before its target; an edge that does not (it closes a
    cycle) is led back below the others. Siblings of one kind (`kinds`: one for each box; none: all alike) keep their
    order from top to bottom. Connected parts stand one below the other, boxes without edges in rows.
    """
    kinds = kinds or [0] * len(sizes)
    centres: list[Point] = [(0.0, 0.0)] * len(sizes)
    routes: list[Route] = [Route((), (0.0, 0.0))] * len(edges)
    leaving: dict[int, list[int]] = {}
    for index, (source, _) in enumerate(edges):
        leaving.setdefault(source, []).append(index)
    alone: list[int] = []
    width = height = 0.0
    for boxes in parts(len(sizes), edges):
        own = sorted(index for box in boxes for index in leaving.get(box, ()))
        if not own:
            alone += boxes
            continue
        local = {box: index for index, box in enumerate(boxes)}
        joined = [(local[edges[index][0]], local[edges[index][1]]) for index in own]
        part = _part([sizes[box] for box in boxes], joined, [kinds[box] for box in boxes])
        top = height + _PART_GAP if height else 0.0
        for box, centre in zip(boxes, part.centres, strict=True):
            centres[box] = _moved(centre, top)
        for index, route in zip(own, part.routes, strict=True):
            routes[index] = Route(tuple(_moved(point, top) for point in route.points), _moved(route.tip, top))
        width, height = max(width, part.width), top + part.height
    if alone:
        top = height + _PART_GAP if height else 0.0
        width, height = _grid(alone, sizes, centres, (width, top))
    return Layout(round(width, 2), round(height, 2), tuple(centres), tuple(routes))


def _moved(point: Point, down: float) -> Point:
    return round(point[0], 2), round(point[1] + down, 2)


def _grid(alone: Sequence[int], sizes: Sequence[Size], centres: list[Point], start: Size) -> Size:
    """Put boxes without edges in rows of equal cells below `start`; the size of it all."""
    width, top = start
    cell = max(sizes[box][0] for box in alone) + _CELL_GAP
    across = max(int((max(width, _GRID_WIDTH) + _CELL_GAP) / cell), 1)
    for first in range(0, len(alone), across):
        row = alone[first : first + across]
        high = max(sizes[box][1] for box in row)
        for number, box in enumerate(row):
            centres[box] = _moved((number * cell + sizes[box][0] / 2, high / 2), top)
        top += high + _BOX_GAP
        width = max(width, len(row) * cell - _CELL_GAP)
    return width, top - _BOX_GAP


def _part(sizes: Sequence[Size], edges: Edges, kinds: Sequence[Hashable]) -> Layout:
    """Place one connected part at the origin."""
    layers = layered(len(sizes), edges, kinds)
    ys = _heights(layers, sizes)
    top = min([ys[box] - size[1] / 2 for box, size in enumerate(sizes)] + ys[len(sizes) :])
    ys = [y - top for y in ys]
    spans = _spans(layers, sizes, ys)
    column = {item: number for number, items in enumerate(layers.columns) for item in items}
    centres = tuple((sum(spans[column[box]]) / 2, ys[box]) for box in range(len(sizes)))
    bottom = max(ys[box] + size[1] / 2 for box, size in enumerate(sizes))
    routes = []
    for chain in layers.chains:
        ahead = column[chain[-1]] > column[chain[0]]
        if not ahead:
            bottom += _BACK
        ends = (centres[chain[0]], sizes[chain[0]]), (centres[chain[-1]], sizes[chain[-1]])
        stops = [(*spans[column[item]], ys[item]) for item in chain]
        routes.append(_forward(stops, *ends) if ahead else _backward(bottom, *ends))
    # what closes a cycle goes out to the left of the first column and to the right of the last
    left = min((x for route in routes for x, _ in route.points), default=0.0)
    right = max([spans[-1][1], *(x for route in routes for x, _ in route.points)])
    if left < 0:
        centres = tuple((x - left, y) for x, y in centres)
        routes = [
            Route(tuple((x - left, y) for x, y in route.points), (route.tip[0] - left, route.tip[1]))
            for route in routes
        ]
    return Layout(right - min(left, 0.0), bottom, centres, tuple(routes))


def _spans(layers: Layers, sizes: Sequence[Size], ys: Sequence[float]) -> list[tuple[float, float]]:
    """Left and right of each column. The steeper the edges between two, the wider apart they stand."""
    column = {item: number for number, items in enumerate(layers.columns) for item in items}
    steep = [0.0] * len(layers.columns)
    for here, there in layers.links:
        steep[column[there]] = max(steep[column[there]], abs(ys[here] - ys[there]))
    spans: list[tuple[float, float]] = []
    for items, rise in zip(layers.columns, steep, strict=True):
        left = spans[-1][1] + min(_COLUMN_GAP + _STEEP * rise, _WIDEST_GAP) if spans else 0.0
        spans.append((left, left + max(sizes[item][0] for item in items if item < len(sizes))))
    return spans


def _heights(layers: Layers, sizes: Sequence[Size]) -> list[float]:
    """The y of each item: near the mean of what it is joined to, and never closer to another than the gap."""
    items = sum(map(len, layers.columns))
    high = [sizes[item][1] if item < len(sizes) else _LANE[1] for item in range(items)]
    left: list[list[tuple[int, float]]] = [[] for _ in range(items)]
    right: list[list[tuple[int, float]]] = [[] for _ in range(items)]
    links = layers.links
    leaving, coming = (Counter(link[end] for link in links) for end in (0, 1))
    for here, there in links:
        alone = leaving[here] == coming[there] == 1
        # a hub with a hundred results must not pull each of them away from what else it was made from
        stiff = _STIFF[max((here >= len(sizes)) + (there >= len(sizes)), alone)] / leaving[here] ** 0.5
        right[here].append((there, stiff))
        left[there].append((here, stiff))
    both = [[*one, *other] for one, other in zip(left, right, strict=True)]
    ys = [0.0] * items
    below = [_offsets(column, high) for column in layers.columns]
    for column, offsets in zip(layers.columns, below, strict=True):
        for item, offset in zip(column, offsets, strict=True):
            ys[item] = offset - offsets[-1] / 2
    for turn in range(_ROUNDS):
        near = both if turn >= _ROUNDS // 4 else (left, right)[turn % 2]
        numbers = range(len(layers.columns))
        for number in numbers if turn % 2 == 0 else reversed(numbers):
            _settle(layers.columns[number], below[number], near, ys)
    _straighten(layers.columns, _strands(links, leaving, coming, len(sizes)), high, ys)
    return ys


def _strands(links: Edges, leaving: Counter[int], coming: Counter[int], boxes: int) -> list[list[int]]:
    """Items that should lie on one level: a lane and the next, or two that have only each other on that side."""
    after = {
        here: there
        for here, there in links
        if leaving[here] == coming[there] == 1 or (here >= boxes and there >= boxes)
    }
    strands = []
    for start in sorted(after.keys() - after.values()):
        strand = [start]
        while strand[-1] in after:
            strand.append(after[strand[-1]])
        strands.append(strand)
    return strands


def _straighten(
    columns: Sequence[Sequence[int]], strands: Sequence[Sequence[int]], high: Sequence[float], ys: list[float]
) -> None:
    """Put a strand on one level where those above and below it leave room for that."""
    above, below = {}, {}
    for column in columns:
        for upper, lower in pairwise(column):
            above[lower], below[upper] = upper, lower
    for strand in strands:
        low, top = -math.inf, math.inf
        for item in strand:
            if (other := above.get(item)) is not None:
                low = max(low, ys[other] + (high[other] + high[item]) / 2 + _BOX_GAP)
            if (other := below.get(item)) is not None:
                top = min(top, ys[other] - (high[other] + high[item]) / 2 - _BOX_GAP)
        if low <= top:
            level = min(max(sum(ys[item] for item in strand) / len(strand), low), top)
            for item in strand:
                ys[item] = level


def _offsets(column: Sequence[int], high: Sequence[float]) -> list[float]:
    """How far below the first item of a column each item is when all stand as close as they may."""
    offsets = [0.0]
    for upper, lower in pairwise(column):
        offsets.append(offsets[-1] + (high[upper] + high[lower]) / 2 + _BOX_GAP)
    return offsets


def _settle(
    column: Sequence[int], offsets: Sequence[float], near: Sequence[Sequence[tuple[int, float]]], ys: list[float]
) -> None:
    """Move a column's items to where they want to be, as far as their order and distances allow.

    That is least squares under an order: isotonic regression by pooling adjacent violators.
    """
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for item, offset in zip(column, offsets, strict=True):
        weight = sum(stiff for _, stiff in near[item])
        want = sum(ys[other] * stiff for other, stiff in near[item]) / weight if weight else ys[item]
        mean, heavy, many = want - offset, weight or 0.1, 1
        while pools and pools[-1][0] > mean:
            other, weight, count = pools.pop()
            mean = (mean * heavy + other * weight) / (heavy + weight)
            heavy, many = heavy + weight, many + count
        pools.append((mean, heavy, many))
    at = 0
    for mean, _, many in pools:
        for item, offset in zip(column[at : at + many], offsets[at : at + many], strict=True):
            ys[item] = mean + offset
        at += many


def _forward(
    stops: Sequence[tuple[float, float, float]], source: tuple[Point, Size], target: tuple[Point, Size]
) -> Route:
    """Draw curves that leave and arrive level, from column to column; a stop is a column's left and right, and a y.

    Between two columns stands nothing that could be hit, and in a column the lane is free.
    """
    (x, y), (width, _) = source
    points = [(x + width / 2, y)]
    end = target[0][0] - target[1][0] / 2
    for number, ((_, bend, y), (left, _, next_y)) in enumerate(pairwise(stops)):
        stop = left - (ARROW if number == len(stops) - 2 else 0)
        middle = (bend + stop) / 2
        points += [(bend, y)] * 3 + [(middle, y), (middle, next_y), (stop, next_y)]
    y = target[0][1]
    points += [(end - ARROW, y)] * 3
    return Route(tuple(points), (end, y))


def _backward(bottom: float, source: tuple[Point, Size], target: tuple[Point, Size]) -> Route:
    """Lead an edge that closes a cycle out to the right, back below everything, and in from the left."""
    (x, y), (width, _) = source
    (to_x, to_y), (to_width, _) = target
    right, left = x + width / 2, to_x - to_width / 2
    far, near = right + 30, left - 30 - ARROW
    points = [(right, y), (far, y), (far, bottom), (right, bottom), (right, bottom), (left, bottom), (left, bottom)]
    points += [(near, bottom), (near, to_y), (left - ARROW, to_y)]
    return Route(tuple(points), (left, to_y))
