from __future__ import annotations

import pytest
from lineage_samples import four_runs

from gitreg.errors import NotFoundError
from gitreg.lineage.collapse import collapse
from gitreg.lineage.graph import Edge, Graph, Link, Node
from gitreg.lineage.moves import with_move


def shelf(*links: Link) -> Graph:
    """A model of each link, logged by a run of its own."""
    nodes, edges = [], []
    for number, link in enumerate(links):
        nodes += [Node(f"r{number}", "run", f"run-{number}", "train")]
        nodes += [Node(f"m{number}", "artifact", f"m:v{number}", "model", ("best",) * (number == 1), links=(link,))]
        edges += [Edge(f"r{number}", f"m{number}", "logged")]
    return Graph.of(nodes, edges, "shelf")


def names(graph: Graph) -> dict[str, tuple[str, ...]]:
    """Every name of a version with its aliases."""
    found = {}
    for node in graph.nodes:
        if node.kind == "artifact":
            found[node.label] = node.aliases
            found.update({link.name: link.aliases for link in node.links})
    return found


THREE = shelf(
    Link("model/M:v0", ("production",)), Link("model/M:v1", ("staging",)), Link("model/N:v0", ("production",))
)


def test_the_version_that_gains_says_plus_and_the_one_that_loses_says_minus() -> None:
    moved = names(with_move(THREE, "model/M", "production", "v1"))
    assert moved["model/M:v0"] == ("- production",)
    assert moved["model/M:v1"] == ("+ production", "staging")
    assert moved["model/N:v0"] == ("production",), "another collection's alias stays"


def test_an_alias_that_is_new_is_only_gained_and_one_that_goes_is_only_lost() -> None:
    assert names(with_move(THREE, "model/M", "canary", "v0"))["model/M:v0"] == ("+ canary", "production")
    assert "- production" in names(with_move(THREE, "model/M", "production", None))["model/M:v0"]


def test_an_alias_of_the_version_itself_moves_too() -> None:
    moved = names(with_move(THREE, "m", "best", "v2"))
    assert (moved["m:v1"], moved["m:v2"]) == (("- best",), ("+ best",))


def test_an_alias_that_is_there_already_does_not_move() -> None:
    assert with_move(THREE, "model/M", "production", "v0") == THREE


def test_a_protected_alias_stays_marked_on_both_sides() -> None:
    graph = shelf(Link("model/M:v0", ("production [locked]",)), Link("model/M:v1"))
    moved = names(with_move(graph, "model/M", "production", "v1"))
    assert moved["model/M:v0"] == ("- production [locked]",)
    assert moved["model/M:v1"] == ("+ production [locked]",)


def test_several_moves_are_shown_together() -> None:
    moved = names(with_move(with_move(THREE, "model/M", "production", "v1"), "model/M", "staging", "v0"))
    assert moved["model/M:v0"] == ("+ staging", "- production")
    assert moved["model/M:v1"] == ("- staging", "+ production")


def test_a_version_that_the_graph_does_not_show_is_not_found() -> None:
    with pytest.raises(NotFoundError, match="version 'model/M:v7' is not in 'shelf'"):
        with_move(THREE, "model/M", "production", "v7")


def test_who_gains_or_loses_is_never_collapsed() -> None:
    graph = four_runs()
    moved = with_move(graph, "mnist_model", "candidate", "v2")
    assert "mnist_model:v2" in {node.label for node in collapse(moved).nodes}


def test_the_title_says_what_moves() -> None:
    assert with_move(THREE, "model/M", "production", "v1").title == "shelf, model/M:production to v1"
    assert with_move(THREE, "model/M", "production", None).title == "shelf, model/M:production removed"
