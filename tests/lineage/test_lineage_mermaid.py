from __future__ import annotations

import random
import re

import pytest
from lineage_samples import SAMPLES, four_runs, hostile, pull_request, sixty

from gitreg.lineage.collapse import collapse
from gitreg.lineage.graph import Edge, Graph, Link, Node
from gitreg.lineage.mermaid import MOST_CHARACTERS, MOST_NODES, to_markdown, to_mermaid

LABEL = re.compile(r'^n\d+(?:\(\["|\[\["|\["|\(")(.*)(?:"\]\)|"\]\]|"\]|"\))$')
TAG = re.compile(r"</?b>|<br>")


def labels(text: str) -> list[str]:
    """What Mermaid shows in each box."""
    found = [match[1] for line in text.splitlines() if (match := LABEL.match(line))]
    return [re.sub(r"#(\d+);", lambda code: chr(int(code[1])), TAG.sub(" ", label)) for label in found]


def tangle(count: int, seed: int) -> Graph:
    chance = random.Random(seed)
    nodes = [Node(str(i), "artifact", f"m{i % 7}:v{i}", "model", focus=i == count // 2) for i in range(count)]
    ends = ((chance.randrange(count), chance.randrange(count)) for _ in range(count * 2))
    return Graph.of(nodes, [Edge(str(a), str(b), "derived") for a, b in ends], "tangle")


@pytest.mark.parametrize("name", SAMPLES)
def test_a_diagram_keeps_to_the_limits_of_the_hosts(name: str) -> None:
    text = to_mermaid(SAMPLES[name]())
    assert len(text) <= MOST_CHARACTERS
    assert len(labels(text)) <= MOST_NODES


@pytest.mark.parametrize("count", [29, 30, 31, 400])
@pytest.mark.parametrize("seed", range(5))
def test_what_is_left_out_is_counted(count: int, seed: int) -> None:
    graph = tangle(count, seed)
    text = to_mermaid(graph)
    shown = labels(text)
    assert len(text) <= MOST_CHARACTERS
    assert len(shown) <= MOST_NODES
    more = [label for label in shown if label.endswith(" more left out")]
    if len(collapse(graph).nodes) == len(graph.nodes):
        left_out = int(more[0].split()[0]) if more else 0
        assert len(shown) - len(more) + left_out == count
    assert any(f":v{count // 2}" in label for label in shown), "the focus stays"


def test_a_graph_that_fits_is_shown_whole_even_what_could_be_collapsed() -> None:
    assert len(labels(to_mermaid(four_runs()))) == len(four_runs().nodes)


def test_what_is_too_large_is_collapsed_before_it_is_cut() -> None:
    nodes = [
        Node("m", "artifact", "m:v0", "model"),
        *(Node(f"r{i}", "run", f"eval-{i}", "evaluate") for i in range(60)),
    ]
    text = to_mermaid(Graph.of(nodes, [Edge("m", f"r{i}", "used") for i in range(60)], "fan"))
    assert labels(text) == ["model  m:v0 ", "60 more runs evaluate"]


def test_it_says_type_name_aliases_links_and_state() -> None:
    shown = labels(to_mermaid(four_runs()))
    assert "model  mnist_model:v3  [latest] model/MNIST-dev:v0 [production]" in shown
    assert "evaluate_model (failed) serene-haze-8" in shown
    assert "table (unpublished)  evaluation:v0 " in shown
    assert "model  mnist_model:v2  [- production] [baseline locked]" in labels(to_mermaid(pull_request()))


def test_lines_say_what_was_logged_and_what_was_used() -> None:
    lines = to_mermaid(pull_request()).splitlines()
    assert lines[0] == "flowchart LR"
    assert "n0-->n2" in lines
    assert any("-.->" in line for line in to_mermaid(four_runs()).splitlines())


def test_no_label_leaves_its_quotes_or_is_markup() -> None:
    graph = hostile()
    for node in graph.nodes:
        alone = to_mermaid(Graph.of([node], [], ""))
        (line,) = (line for line in alone.splitlines() if line.startswith("n0"))
        body = LABEL.match(line)
        assert body, line
        assert not re.search(r"[\"`<>\\{}\[\]|;*#&~^$%@]", re.sub(r"#\d+;", "", TAG.sub("", body[1]))), line


@pytest.mark.parametrize("label", ["- production", "1. first", "+ x", "end", "subgraph a", "a --> b", "%% x", "`x`"])
def test_what_mermaid_would_obey_is_shown(label: str) -> None:
    (shown,) = labels(to_mermaid(Graph.of([Node("a", "run", label)], [], "")))
    assert shown == label
    assert "- " not in to_mermaid(Graph.of([Node("a", "run", label)], [], "")).splitlines()[1]


def test_long_names_keep_both_ends() -> None:
    (shown,) = labels(to_mermaid(Graph.of([Node("a", "artifact", "W" * 128 + ":v12")], [], "")))
    assert shown.strip().startswith("WWW")
    assert shown.strip().endswith("W:v12")
    assert len(shown) < 50


def test_the_same_graph_gives_the_same_bytes_whatever_its_order() -> None:
    graph = sixty()
    nodes = list(graph.nodes)
    random.Random(1).shuffle(nodes)
    assert to_mermaid(Graph.of(nodes, graph.edges, graph.title)) == to_mermaid(graph)


def test_markdown_is_a_caption_and_a_block_that_hosts_draw() -> None:
    graph = Graph.of([Node("a", "artifact", "m:v0", links=(Link("model/M:v0"),))], [], "Lineage of `m:v0` **x** @you")
    caption, _, rest = to_markdown(graph).partition("\n")
    assert caption == "**Lineage of &#96;m:v0&#96; &#42;&#42;x&#42;&#42; &#64;you**"
    assert rest == f"\n```mermaid\n{to_mermaid(graph)}```\n"
