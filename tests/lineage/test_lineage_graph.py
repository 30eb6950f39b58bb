from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lineage_samples import SAMPLES, cycle, four_runs, sixty

from gitreg.errors import NotFoundError
from gitreg.lineage.collapse import collapse
from gitreg.lineage.graph import Edge, Graph, Link, Node, NodeKind, natural, neighbourhood, without_runs


def ids(graph: Graph) -> set[str]:
    return {node.id for node in graph.nodes}


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    count = draw(st.integers(1, 14))
    kinds: st.SearchStrategy[NodeKind] = st.sampled_from(["run", "artifact", "unknown"])
    nodes = [
        Node(
            f"n{i}",
            draw(kinds),
            draw(st.sampled_from(["m:v9", "m:v10", "run-1", "x"])),
            draw(st.sampled_from(["a", "b"])),
            draw(st.sampled_from([(), (), (), ("production",)])),
            draw(st.sampled_from(["", "finished", "failed"])),
            focus=draw(st.integers(0, 9)) == 0,
        )
        for i in range(count)
    ]
    ends = st.integers(0, count - 1).map(lambda i: f"n{i}")
    edges = draw(st.lists(st.builds(Edge, ends, ends, st.sampled_from(["logged", "used"])), max_size=40))
    return Graph.of(nodes, edges, "any")


def test_the_order_in_which_a_graph_is_given_does_not_matter() -> None:
    for make in SAMPLES.values():
        graph = make()
        nodes, edges = list(graph.nodes), list(graph.edges)
        for seed in range(5):
            random.Random(seed).shuffle(nodes)
            random.Random(seed).shuffle(edges)
            assert Graph.of(nodes, [*edges, *edges], graph.title) == graph


@given(graphs(), st.randoms())
def test_no_order_matters_in_any_graph_even_with_cycles(graph: Graph, chance: random.Random) -> None:
    nodes, edges = list(graph.nodes), list(graph.edges)
    chance.shuffle(nodes)
    chance.shuffle(edges)
    assert Graph.of(nodes, edges, graph.title) == graph


def test_what_something_was_made_from_comes_before_it() -> None:
    graph = sixty()
    place = {node.id: index for index, node in enumerate(graph.nodes)}
    assert all(place[edge.source] < place[edge.target] for edge in graph.edges)


def test_a_cycle_is_entered_where_the_rest_leads_into_it() -> None:
    assert [node.id for node in cycle().nodes] == ["a", "d", "b"]


def test_v10_follows_v9() -> None:
    assert sorted(["m:v10", "m:v9", "m:v1", "l:v11"], key=natural) == ["l:v11", "m:v1", "m:v9", "m:v10"]
    assert natural("v" + "9" * 10_000) < natural("v1" + "0" * 10_000)


def test_an_edge_must_name_nodes_of_the_graph() -> None:
    with pytest.raises(ValueError, match="'b', which is not in the graph"):
        Graph.of([Node("a", "run", "a")], [Edge("a", "b", "logged")], "")


def test_two_nodes_cannot_share_an_id() -> None:
    with pytest.raises(ValueError, match="two nodes have the id 'a'"):
        Graph.of([Node("a", "run", "a"), Node("a", "run", "b")], [], "")


def test_a_neighbourhood_is_what_the_focus_came_from_and_what_came_of_it() -> None:
    graph = neighbourhood(four_runs(), "m3", None, None)
    assert ids(graph) == {"r1", "d0", "u", "r6", "m3", "r7", "r8", "e0"}
    assert [node.id for node in graph.nodes if node.focus] == ["m3"]


def test_a_neighbourhood_goes_as_far_as_it_was_told() -> None:
    assert ids(neighbourhood(four_runs(), "m3", 1, 0)) == {"r6", "m3"}
    assert ids(neighbourhood(four_runs(), "m3", 2, 1)) == {"u", "d0", "r6", "m3", "r7", "r8"}
    assert ids(neighbourhood(four_runs(), "m3", 0, 0)) == {"m3"}


def test_the_focus_moves_to_what_was_asked_for() -> None:
    focus = neighbourhood(four_runs(), "d0").focus
    assert focus is not None
    assert focus.id == "d0"


def test_a_focus_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFoundError, match="node 'nope' not found"):
        neighbourhood(four_runs(), "nope")
    with pytest.raises(ValueError, match="negative"):
        neighbourhood(four_runs(), "m3", -1, 0)


@given(graphs(), st.integers(0, 5), st.integers(0, 5))
def test_a_wider_neighbourhood_holds_a_narrower_one(graph: Graph, up: int, down: int) -> None:
    focus = graph.nodes[0].id
    narrow = neighbourhood(graph, focus, up, down)
    wide = neighbourhood(graph, focus, up + 1, down + 1)
    whole = neighbourhood(graph, focus)
    assert focus in ids(narrow) <= ids(wide) <= ids(whole) <= ids(graph)
    assert set(narrow.edges) <= set(wide.edges) <= set(whole.edges) <= set(graph.edges)
    assert neighbourhood(narrow, focus, up, down) == narrow


def fan(count: int, **changes: object) -> Graph:
    nodes = [Node("m", "artifact", "m:v0"), Node("f", "artifact", "f:v0")]
    nodes += [Node(f"e{i}", "run", f"eval-{i}", "evaluate") for i in range(count)]
    nodes[2] = replace(nodes[2], **changes)  # type: ignore[arg-type]
    edges = [Edge("m", f"e{i}", "used") for i in range(count)]
    return Graph.of(nodes, edges, "fan")


def test_five_alike_siblings_become_one_node_and_four_stay() -> None:
    assert collapse(fan(4)) == fan(4)
    heap = next(node for node in collapse(fan(5)).nodes if node.kind == "collapsed")
    assert (heap.label, heap.type, len(heap.members)) == ("5 more runs", "evaluate", 5)
    assert collapse(fan(5)).edges == (Edge("m", heap.id, "used"),)
    assert collapse(fan(4), limit=4) != fan(4)


@pytest.mark.parametrize("changes", [{"aliases": ("best",)}, {"links": (Link("model/X:v0"),)}, {"focus": True}])
def test_what_has_a_name_of_its_own_is_never_collapsed(changes: dict[str, object]) -> None:
    graph = collapse(fan(6, **changes))
    assert "e0" in ids(graph)
    assert "5 more runs" in {node.label for node in graph.nodes}
    assert collapse(fan(5, **changes)) == fan(5, **changes)


def test_what_leads_to_the_focus_is_never_collapsed() -> None:
    nodes = [Node(f"d{i}", "artifact", f"d{i}:v0", "dataset") for i in range(9)]
    edges = [Edge(f"d{i}", "r", "used") for i in range(9)]
    plain = Graph.of([*nodes, Node("r", "run", "r")], edges, "")
    asked = Graph.of([*nodes, Node("r", "run", "r", focus=True)], edges, "")
    assert "9 more artifacts" in {node.label for node in collapse(plain).nodes}
    assert collapse(asked) == asked


def test_siblings_of_other_types_are_not_alike() -> None:
    assert collapse(fan(5, type="other")) == fan(5, type="other")


def test_a_collapsed_node_says_how_many_did_not_finish() -> None:
    heap = next(node for node in collapse(four_runs()).nodes if node.kind == "collapsed")
    assert (heap.label, heap.state) == ("8 more runs", "1 failed, 1 running")
    assert heap.note.startswith("brisk-dew-9, sweep-0, sweep-1")


@given(graphs(), st.integers(2, 6))
def test_collapsing_loses_nobody_and_is_done_at_once(graph: Graph, limit: int) -> None:
    small = collapse(graph, limit)
    heaps = [node for node in small.nodes if node.kind == "collapsed"]
    assert sorted(
        [n.id for n in small.nodes if n.kind != "collapsed"] + [m for h in heaps for m in h.members]
    ) == sorted(ids(graph))
    assert all(len(heap.members) >= limit for heap in heaps)
    assert {n.id for n in graph.nodes if n.aliases or n.focus or n.kind == "unknown"} <= ids(small)
    home = {member: heap.id for heap in heaps for member in heap.members}
    moved = {Edge(home.get(e.source, e.source), home.get(e.target, e.target), e.kind) for e in graph.edges}
    assert set(small.edges) == moved
    assert collapse(small, limit) == small


def test_without_runs_versions_are_joined_to_what_was_made_from_them() -> None:
    graph = without_runs(four_runs())
    assert ids(graph) == {"d0", "m2", "m3", "e0", "u"}
    assert set(graph.edges) == {
        Edge("d0", "m2", "derived"),
        Edge("d0", "m3", "derived"),
        Edge("u", "m3", "derived"),
        Edge("m3", "e0", "derived"),
    }
    assert without_runs(cycle()).edges == ()


def sweep(count: int) -> Graph:
    """One data set, a run and a model for each try, each evaluated on the same data; the last is the newest."""
    nodes = [Node("d", "artifact", "data:v0", "dataset"), Node("t", "artifact", "test:v0", "dataset")]
    edges = []
    for i in range(count):
        nodes += [Node(f"r{i}", "run", f"run-{i}", "train"), Node(f"e{i}", "run", f"eval-{i}", "evaluate")]
        nodes += [Node(f"m{i}", "artifact", f"m:v{i}", "model", ("latest",) * (i == count - 1))]
        edges += [Edge("d", f"r{i}", "used"), Edge(f"r{i}", f"m{i}", "logged"), Edge(f"m{i}", f"e{i}", "used")]
        edges += [Edge("t", f"e{i}", "used")]
    return Graph.of(nodes, edges, "sweep")


def heaps(graph: Graph) -> list[str]:
    return sorted(f"{node.label}, {node.type}" for node in collapse(graph).nodes if node.kind == "collapsed")


def test_a_sweep_becomes_one_node_of_runs_one_of_models_and_one_of_evaluations() -> None:
    assert heaps(sweep(40)) == ["39 more of m, model", "39 more runs, evaluate", "39 more runs, train"]
    small = collapse(sweep(40))
    assert {node.id for node in small.nodes if node.kind != "collapsed"} == {"d", "t", "r39", "m39", "e39"}
    assert len(small.edges) == 8


def test_runs_whose_results_led_elsewhere_are_not_alike() -> None:
    graph = sweep(12)
    longer = [*graph.nodes, Node("x", "run", "again", "tune")]
    apart = Graph.of(longer, [*graph.edges, Edge("m3", "x", "used")], "")
    assert {"r3", "m3", "e3"} <= ids(collapse(apart))
    assert heaps(apart) == ["10 more of m, model", "10 more runs, evaluate", "10 more runs, train"]


def test_a_few_that_are_alike_are_shown_and_keep_what_is_theirs_apart() -> None:
    nodes = [Node("d", "artifact", "data:v0", "dataset")]
    edges = []
    for i in range(3):
        nodes.append(Node(f"m{i}", "artifact", f"m:v{i}", "model"))
        nodes += [Node(f"e{i}{j}", "run", f"eval-{i}-{j}", "evaluate") for j in range(6)]
        edges += [Edge("d", f"m{i}", "derived"), *(Edge(f"m{i}", f"e{i}{j}", "used") for j in range(6))]
    graph = Graph.of(nodes, edges, "")
    assert heaps(graph) == ["6 more runs, evaluate"] * 3
    assert len(collapse(graph).edges) == 6


def test_ten_versions_that_nothing_joins_stay_ten_versions() -> None:
    nodes: list[Node] = []
    for i in range(10):
        nodes += [Node(f"r{i}", "run", f"put-{i}"), Node(f"m{i}", "artifact", f"m:v{i}", "model")]
    apart = Graph.of(nodes, [Edge(f"r{i}", f"m{i}", "logged") for i in range(10)], "")
    assert collapse(apart) == apart


def test_a_long_chain_is_looked_at_as_quickly_as_it_is_long() -> None:
    nodes = [Node(str(i), "artifact", f"m:v{i}") for i in range(20_000)]
    graph = Graph.of(nodes, [Edge(str(i), str(i + 1), "derived") for i in range(19_999)], "chain")
    assert collapse(graph) == graph


def test_made_up_names_are_sorted_by_their_number_and_what_was_collapsed_comes_last() -> None:
    names = ["vague-morning-10", "brisk-dew-9", "zesty-oak-1"]
    graph = Graph.of([Node(name, "run", name) for name in names], [], "")
    assert [node.label for node in graph.nodes] == ["zesty-oak-1", "brisk-dew-9", "vague-morning-10"]
    kinds = [node.kind for node in collapse(fan(8, aliases=("x",))).nodes]
    assert kinds == ["artifact", "artifact", "run", "collapsed"]
