from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lineage_samples import SAMPLES, sixty

from gitreg.lineage.cards import card
from gitreg.lineage.graph import Graph
from gitreg.lineage.layers import layered
from gitreg.lineage.layout import Layout, place

SIZE = (100.0, 50.0)


def laid(graph: Graph) -> tuple[Layout, list[tuple[float, float]], list[tuple[int, int]]]:
    sizes = [(box.width, box.height) for box in map(card, graph.nodes)]
    index = {node.id: number for number, node in enumerate(graph.nodes)}
    edges = [(index[edge.source], index[edge.target]) for edge in graph.edges]
    return place(sizes, edges, [(node.kind, node.type) for node in graph.nodes]), sizes, edges


@st.composite
def shapes(draw: st.DrawFn) -> tuple[list[tuple[float, float]], list[tuple[int, int]]]:
    count = draw(st.integers(1, 25))
    sides = st.tuples(st.floats(40, 300), st.floats(30, 200))
    box = st.integers(0, count - 1)
    return draw(st.lists(sides, min_size=count, max_size=count)), draw(st.lists(st.tuples(box, box), max_size=50))


@given(shapes())
def test_no_two_boxes_touch_and_everything_lies_on_the_page(
    shape: tuple[list[tuple[float, float]], list[tuple[int, int]]],
) -> None:
    sizes, edges = shape
    layout = place(sizes, edges)
    boxes = [
        (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        for (x, y), (width, height) in zip(layout.centres, sizes, strict=True)
    ]
    for number, (left, top, right, bottom) in enumerate(boxes):
        assert left >= -0.1
        assert top >= -0.1
        assert right <= layout.width + 0.1
        assert bottom <= layout.height + 0.1
        for a, b, c, d in boxes[:number]:
            assert right < a or c < left or bottom < b or d < top
    assert all(len(route.points) % 3 == 1 for route in layout.routes)
    for x, y in (point for route in layout.routes for point in (*route.points, route.tip)):
        assert -0.1 <= x <= layout.width + 0.1
        assert -0.1 <= y <= layout.height + 0.1


@pytest.mark.parametrize("name", SAMPLES)
def test_an_edge_leaves_its_source_reaches_its_target_and_crosses_no_other_box(name: str) -> None:
    layout, sizes, edges = laid(SAMPLES[name]())
    for route, (source, target) in zip(layout.routes, edges, strict=True):
        (x0, y0), (x1, y1) = layout.centres[source], layout.centres[target]
        assert route.points[0] == pytest.approx((x0 + sizes[source][0] / 2, y0), abs=0.02)
        assert route.tip == pytest.approx((x1 - sizes[target][0] / 2, y1), abs=0.02)
        for number, ((x, y), (width, height)) in enumerate(zip(layout.centres, sizes, strict=True)):
            for at_x, at_y in curve(route.points):
                if number not in (source, target):
                    assert not (abs(at_x - x) < width / 2 and abs(at_y - y) < height / 2)


def curve(points: tuple[tuple[float, float], ...]) -> list[tuple[float, float]]:
    """Points along Bezier segments."""
    found = []
    for first in range(0, len(points) - 1, 3):
        a, b, c, d = points[first : first + 4]
        for step in range(9):
            t = step / 8
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            x, y = (sum(w * p[i] for w, p in zip(weights, (a, b, c, d), strict=True)) for i in (0, 1))
            found.append((x, y))
    return found


def test_siblings_stand_in_the_order_of_their_numbers_whatever_is_made_of_them() -> None:
    layout, _, _ = laid(sixty())
    graph = sixty()
    at = {node.label: y for node, (_, y) in zip(graph.nodes, layout.centres, strict=True)}
    assert [f"golden-sweep-{i}" for i in range(8, 16)] == sorted((n for n in at if "golden" in n), key=at.__getitem__)
    models = sorted((n for n in at if n.startswith("resnet:")), key=at.__getitem__)
    assert models == [f"resnet:v{i}" for i in (5, 6, 7, 9, 10, 11, 12)]


def test_where_edges_need_not_cross_they_do_not() -> None:
    # two chains that would cross in the order of their names, and one shared result
    edges = [(0, 3), (1, 2), (2, 5), (3, 4)]
    layers = layered(6, edges, [0] * 6)
    places = [{item: number for number, item in enumerate(column)} for column in layers.columns]
    for left, right in pairwise(places):
        links = sorted((left[a], right[b]) for a, b in layers.links if a in left and b in right)
        assert links == sorted(links, key=lambda link: (link[1], link[0]))


def test_edges_of_one_source_share_their_way() -> None:
    layers = layered(5, [(0, 1), (1, 2), (2, 3), (2, 4), (0, 3), (0, 4)], [0] * 5)
    assert layers.chains[4][:-1] == layers.chains[5][:-1]
    assert len(layers.chains[4]) == 4


def test_a_run_and_its_one_result_stand_on_one_level() -> None:
    layout = place([SIZE, (200.0, 110.0), SIZE, SIZE], [(0, 1), (1, 2), (1, 3)])
    assert layout.centres[0][1] == layout.centres[1][1]
    assert layout.centres[2][1] + layout.centres[3][1] == pytest.approx(2 * layout.centres[1][1], abs=0.1)


def test_what_nothing_joins_stands_in_rows() -> None:
    layout = place([SIZE] * 100, [])
    assert layout.width < 1400
    assert len({y for _, y in layout.centres}) > 5
    assert [y for _, y in layout.centres] == sorted(y for _, y in layout.centres)


def test_the_same_boxes_get_the_same_places() -> None:
    chance = random.Random(4)
    edges = [(chance.randrange(60), chance.randrange(60)) for _ in range(120)]
    assert place([SIZE] * 60, edges) == place([SIZE] * 60, edges)


def test_a_thousand_generations_with_long_memories_are_placed() -> None:
    chance = random.Random(5)
    edges = [(i, i + 1) for i in range(999)] + [(chance.randrange(i), i) for i in range(1, 1000, 2)]
    layout = place([SIZE] * 1000, edges)
    xs = [x for x, _ in layout.centres]
    assert xs == sorted(xs)
