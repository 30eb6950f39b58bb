"""Graphs that the tests draw. Run as a script, it writes the goldens anew: look at their diff."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from gitreg.lineage.collapse import collapse
from gitreg.lineage.dot import to_dot
from gitreg.lineage.graph import Edge, Graph, Link, Node, without_runs
from gitreg.lineage.jsonform import to_document
from gitreg.lineage.text import describe, to_text

GOLDEN = Path(__file__).parent / "golden"


def four_runs() -> Graph:
    """The README's story: two models from one data set, one promoted, one evaluation that failed."""
    nodes = [
        Node("r1", "run", "jumping-monkey-1", "build_dataset", state="finished", note="code 9ab1c2d"),
        Node("d0", "artifact", "mnist_dataset:v0", "dataset", aliases=("latest",)),
        Node("r5", "run", "vague-morning-5", "train_model", state="finished", note="code 57d966b"),
        Node("r6", "run", "vague-morning-6", "train_model", state="finished", note="code 1f3a9c0, uncommitted changes"),
        Node("m2", "artifact", "mnist_model:v2", "model"),
        Node(
            "m3",
            "artifact",
            "mnist_model:v3",
            "model",
            aliases=("latest",),
            links=(Link("model/MNIST-dev:v0", ("production",)),),
            focus=True,
        ),
        Node("r7", "run", "serene-haze-7", "evaluate_model", state="finished"),
        Node("r8", "run", "serene-haze-8", "evaluate_model", state="failed"),
        Node("r9", "run", "brisk-dew-9", "evaluate_model", state="running"),
        Node("e0", "artifact", "evaluation:v0", "table", state="unpublished"),
        Node("u", "unknown", "pretrained-weights", "unknown input"),
    ]
    nodes += [
        Node(f"x{i}", "run", f"sweep-{i}", "evaluate_model", state="finished" if i else "failed") for i in range(7)
    ]
    edges = [
        Edge("r1", "d0", "logged"),
        Edge("d0", "r5", "used"),
        Edge("d0", "r6", "used"),
        Edge("u", "r6", "used"),
        Edge("r5", "m2", "logged"),
        Edge("r6", "m3", "logged"),
        Edge("m3", "r7", "used"),
        Edge("m3", "r8", "used"),
        Edge("m2", "r9", "used"),
        Edge("r7", "e0", "logged"),
        *(Edge("m2", f"x{i}", "used") for i in range(7)),
    ]
    return Graph.of(nodes, edges, "Lineage of mnist_model:v3")


def pull_request() -> Graph:
    """A promotion under review: one version gains the alias, the other loses it."""
    nodes = [
        Node("r5", "run", "vague-morning-5", "train_model", state="finished"),
        Node("r6", "run", "vague-morning-6", "train_model", state="finished"),
        Node("m2", "artifact", "mnist_model:v2", "model", aliases=("- production", "baseline [locked]")),
        Node("m3", "artifact", "mnist_model:v3", "model", aliases=("+ production", "latest"), focus=True),
    ]
    return Graph.of(nodes, [Edge("r5", "m2", "logged"), Edge("r6", "m3", "logged")], "Promote mnist_model:v3")


def hostile() -> Graph:
    """Labels that try to leave their place, and labels in other scripts."""
    labels = [
        "<script>alert(1)</script>",
        '"/><image href="http://evil/x"/>',
        "]]></style><!-- &lt;b&gt;",
        "<b>html-like</b>",
        "back\\slash\\",
        "a:b:c\\N\\G",
        "new\nline\ttab\x00nul\x1b[31mred",
        "right\u202eto-left\u2066iso\u200bzero\ufeff",
        "z" + "\u0301" * 40 + "algo",
        "\ud800 lone surrogate",
        "W" * 128 + ":v12",
        "手書き数字データセット:v0",
        "推論モデル（本番用）ﾊﾝｶｸ:v10",
        "모델-学习-\U0001f680:v9",
        "Модель Größe ŒÆ שלום نموذج:v1",
        "",
    ]
    nodes: list[Node] = []
    edges: list[Edge] = []
    for i, label in enumerate(labels):
        nodes.append(Node(f"r:{label}", "run", label, label, state="failed" if i % 2 else "crashed", note=label))
        nodes.append(
            Node(
                f"a:{label}",
                "artifact",
                label,
                label,
                aliases=(label, "最新", "+ " + label),
                links=(Link(label, ("最新", label)), Link("x"), Link("y", ("- " + label, "frozen [locked]"))),
                note=label,
            )
        )
        edges.append(Edge(f"r:{label}", f"a:{label}", "logged"))
    nodes.append(Node("u", "unknown", labels[0], labels[1]))
    nodes.append(Node("c", "collapsed", labels[6], labels[7], note=labels[2], members=("x",)))
    edges += [Edge("u", f"r:{labels[0]}", "used"), Edge(f"a:{labels[1]}", "c", "used")]
    return Graph.of(nodes, edges, labels[0] + labels[7])


def sixty() -> Graph:
    """A registry after a month: data sets, a sweep, evaluations, a second stage."""
    nodes = [
        Node("ingest", "run", "ingest-raw", "ingest", state="finished"),
        Node("raw", "artifact", "raw_images:v0", "dataset"),
        Node("prep1", "run", "prepare-1", "preprocess", state="finished"),
        Node("prep2", "run", "prepare-2", "preprocess", state="finished"),
        Node("train", "artifact", "train_set:v4", "dataset", aliases=("latest",)),
        Node("test", "artifact", "test_set:v2", "dataset", aliases=("latest", "frozen [locked]")),
    ]
    edges = [
        Edge("ingest", "raw", "logged"),
        Edge("raw", "prep1", "used"),
        Edge("raw", "prep2", "used"),
        Edge("prep1", "train", "logged"),
        Edge("prep2", "test", "logged"),
    ]
    for i in range(8):
        state = "failed" if i == 3 else "finished"
        nodes.append(Node(f"t{i}", "run", f"golden-sweep-{i + 8}", "train_model", state=state))
        edges.append(Edge("train", f"t{i}", "used"))
        if i == 3:
            continue
        aliases = {7: ("latest",), 5: ("staging",)}.get(i, ())
        links = (Link("model/Images:v1", ("production [locked]",)),) if i == 7 else ()
        nodes.append(Node(f"m{i}", "artifact", f"resnet:v{i + 5}", "model", aliases, links=links, focus=i == 7))
        edges.append(Edge(f"t{i}", f"m{i}", "logged"))
        for j in range(6 if i in (0, 7) else 2 if i % 2 else 0):
            nodes.append(Node(f"e{i}{j}", "run", f"eval-{i}-{j + 8}", "evaluate_model", state="finished"))
            edges += [Edge(f"m{i}", f"e{i}{j}", "used"), Edge("test", f"e{i}{j}", "used")]
    nodes += [
        Node("distil", "run", "distil-small", "distil", state="running"),
        Node("small", "artifact", "resnet_small:v0", "model", state="unpublished"),
        Node("old", "unknown", "history cut here"),
    ]
    edges += [
        Edge("m7", "distil", "used"),
        Edge("train", "distil", "used"),
        Edge("distil", "small", "logged"),
        Edge("old", "ingest", "used"),
    ]
    for i in range(12):
        nodes.append(Node(f"b{i}", "run", f"benchmark-{i}", "benchmark", state="finished"))
        edges.append(Edge("small", f"b{i}", "used"))
    return Graph.of(nodes, edges, "Lineage of resnet:v12")


def cycle() -> Graph:
    """A run that logs again what it used, which makes no new version."""
    nodes = [
        Node("a", "run", "vague-morning-1", "build_dataset", state="finished"),
        Node("d", "artifact", "data:v0", "dataset"),
        Node("b", "run", "another-try-2", "build_dataset", state="finished"),
    ]
    edges = [Edge("a", "d", "logged"), Edge("d", "b", "used"), Edge("b", "d", "logged")]
    return Graph.of(nodes, edges, "Lineage of data:v0")


SAMPLES: dict[str, Callable[[], Graph]] = {
    "four-runs": four_runs,
    "four-runs-collapsed": lambda: collapse(four_runs()),
    "four-runs-without-runs": lambda: without_runs(four_runs()),
    "pull-request": pull_request,
    "hostile": hostile,
    "sixty": lambda: collapse(sixty()),
    "cycle": cycle,
    "empty": lambda: Graph.of([], [], "Lineage of nothing"),
}
FORMS: dict[str, Callable[[Graph], str]] = {
    "dot": to_dot,
    "txt": to_text,
    "words": lambda graph: "".join(f"{sentence}\n" for sentence in describe(graph)),
    "json": lambda graph: json.dumps(to_document(graph), indent=1) + "\n",
}

if __name__ == "__main__":
    for name, make in SAMPLES.items():
        for form, render in FORMS.items():
            (GOLDEN / f"{name}.{form}").write_text(render(make()), encoding="utf-8")
