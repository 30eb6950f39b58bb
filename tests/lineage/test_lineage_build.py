from __future__ import annotations

from pathlib import Path

import pytest

import gitreg
from conftest import Shell
from gitreg.lineage import build
from gitreg.lineage.graph import Graph, Link
from gitreg.records.names import Reference
from gitreg.registry import resolve
from gitreg.registry.repository import Registry


@pytest.fixture
def story(project: Path) -> Path:
    """Three runs in a row, each of which uses what the one before it made; the last model is linked."""
    for step in range(3):
        (project / "file").write_text(str(step))
        with gitreg.init(id=f"run{step}", name=f"step-{step}") as run:
            if step:
                run.use_artifact(f"made-{step - 1}")
            run.log_artifact("file", name=f"made-{step}")
    gitreg.Api().artifact("made-2").link("model/Best", aliases=["production"])
    return project


def edges(graph: Graph) -> list[str]:
    labels = {node.id: node.label for node in graph.nodes}
    return [f"{labels[edge.source]} > {labels[edge.target]}" for edge in graph.edges]


WHOLE = [
    "step-0 > made-0:v0",
    "made-0:v0 > step-1",
    "step-1 > made-1:v0",
    "made-1:v0 > step-2",
    "step-2 > made-2:v0",
]


def test_everything_and_what_one_version_leads_to_are_the_same_graph(story: Path) -> None:
    with Registry.opened(story) as registry:
        whole = build.whole(registry)
        first = resolve.version(registry, Reference.parse("made-0"))
        below = build.lineage_of(registry, first)
    assert edges(whole) == edges(below) == WHOLE
    for graph in (whole, below):
        best = next(node for node in graph.nodes if node.label == "made-2:v0")
        assert (best.links, best.aliases) == ((Link("model/Best:v0", ("production",)),), ())


def test_everything_takes_a_number_of_processes_that_does_not_grow_with_the_runs(story: Path) -> None:
    commands: list[str] = []
    with Registry.opened(story, trace=lambda arguments, _: commands.append(arguments[0])) as registry:
        build.whole(registry)
        commands.clear()
        build.whole(registry)
    # the refs for the index, runs and versions, each collection's aliases; what is pending before what is published
    assert commands.count("for-each-ref") <= 2 * (3 + 4)


def test_a_run_that_cannot_be_read_hides_no_other(story: Path, sh: Shell) -> None:
    broken = """
        ref=refs/gitreg/runs/ru/run1
        commit=$(git cat-file commit $ref | sed 's/^  schema: 1/  schema: 99/' | git hash-object -t commit -w --stdin)
        git update-ref $ref $commit
    """
    sh(broken, cwd=story)
    with Registry.opened(story) as registry:
        whole = build.whole(registry)
        below = build.lineage_of(registry, resolve.version(registry, Reference.parse("made-2")))
    assert sorted(edges(whole)) == sorted([WHOLE[0], WHOLE[3], WHOLE[4]])
    # what the version's own commit says is still there
    assert edges(below) == WHOLE


def test_a_deleted_version_is_shown_as_deleted_and_a_deleted_link_is_not_shown(story: Path) -> None:
    gitreg.Api().artifact("made-1").delete()
    gitreg.Api().artifact("model/Best").delete(delete_aliases=True)
    with Registry.opened(story) as registry:
        graph = build.whole(registry)
    assert edges(graph) == WHOLE
    found = {node.label: (node.state, node.links) for node in graph.nodes if node.kind == "artifact"}
    assert found == {"made-0:v0": ("", ()), "made-1:v0": ("deleted", ()), "made-2:v0": ("", ())}
