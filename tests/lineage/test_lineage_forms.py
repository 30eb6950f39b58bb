from __future__ import annotations

import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable

import pytest
from lineage_samples import FORMS, GOLDEN, SAMPLES, cycle, four_runs, hostile

from gitreg.lineage.dot import escape, to_dot
from gitreg.lineage.glyphs import fit, text_width
from gitreg.lineage.graph import Edge, Graph, Node, neighbourhood
from gitreg.lineage.jsonform import to_document
from gitreg.lineage.text import to_text
from gitreg.records.plain import visible

HEADINGS = {"came from", "led to", "also here", "no runs and no versions"}
HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", SAMPLES)
def test_every_form_is_the_golden_one_to_the_byte(name: str, form: str) -> None:
    assert FORMS[form](SAMPLES[name]()).encode() == (GOLDEN / f"{name}.{form}").read_bytes()


def test_another_process_with_another_hash_seed_writes_the_same_bytes(pytestconfig: pytest.Config) -> None:
    script = "import sys; sys.path.insert(0, sys.argv[1]); from lineage_samples import *; print(to_dot(sixty()))"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script, str(GOLDEN.parent)],
            env={"PYTHONHASHSEED": seed, "PATH": "", "PYTHONPATH": str(pytestconfig.rootpath)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1


@pytest.mark.parametrize("form", ["dot", "txt", "words"])
def test_no_form_for_people_holds_an_invisible_character(form: str) -> None:
    text = FORMS[form](hostile()).replace("\n", "").replace("\t", "")
    assert not {c for c in text if unicodedata.category(c) in HIDDEN}


@pytest.mark.parametrize(
    "label", ["<b>x</b>", "a:b", "end\\", "\\N\\G\\l", '"quoted"', "&lt;&amp;", "new\nline", "#1", ""]
)
def test_dot_shows_a_label_as_it_is(label: str, need: Callable[[str], str]) -> None:
    graph = Graph.of([Node("a", "run", label), Node("b", "run", "b")], [Edge("a", "b", "used")], label)
    source = to_dot(graph).encode()
    shown = json.loads(subprocess.run([need("dot"), "-Tjson"], input=source, capture_output=True, check=True).stdout)
    texts = {op["text"] for item in shown["objects"] for op in item.get("_ldraw_", ()) if op["op"] == "T"}
    assert texts == {visible(label), "b"} - {""}
    assert [(edge["tail"], edge["head"]) for edge in shown["edges"]] == [(0, 1)]


def test_dot_text_uses_generated_ids_and_no_html() -> None:
    nodes = re.findall(r"^\t(\S+) \[", to_dot(hostile()), flags=re.MULTILINE)
    assert set(nodes[3:]) == {f"n{i}" for i in range(len(hostile().nodes))}
    assert "label=<" not in to_dot(hostile())
    assert escape("a&b\\") == "a&amp;b\\\\"


def test_the_json_document_holds_everything_unescaped() -> None:
    document = to_document(hostile())
    assert document["schema"] == "gitreg/lineage/1"
    assert {node["label"] for node in document["nodes"]} == {node.label for node in hostile().nodes}
    assert to_document(four_runs())["focus"] == "m3"
    assert to_document(cycle())["focus"] is None


@pytest.mark.parametrize("name", SAMPLES)
def test_the_tree_prints_each_node_once(name: str) -> None:
    graph = SAMPLES[name]()
    lines = to_text(graph).splitlines()[2:]
    own = [line for line in lines if line and line not in HEADINGS and not line.endswith("(see above)")]
    assert len(own) == len(graph.nodes)


def test_a_shared_origin_is_referred_to_the_second_time() -> None:
    diamond = Graph.of(
        [Node(id, "artifact", f"{id}:v0") for id in "abcd"],
        [Edge(source, target, "derived") for source, target in ("ab", "ac", "bd", "cd")],
        "Diamond",
    )
    assert to_text(diamond, plain=True) == (
        "Diamond\n\nversion a:v0\n|- made version b:v0\n|  `- made version d:v0\n"
        "`- made version c:v0\n   `- made version d:v0 (see above)\n"
    )
    assert to_text(neighbourhood(diamond, "d"), plain=True).count("version a:v0") == 2


def test_a_tree_deeper_than_pythons_stack_is_drawn() -> None:
    nodes = [Node(str(i), "artifact", f"m:v{i}") for i in range(1500)]
    graph = Graph.of(nodes, [Edge(str(i), str(i + 1), "derived") for i in range(1499)], "deep")
    assert to_text(graph).count("\n") == 1502


def test_visible_escapes_what_cannot_be_seen_and_keeps_every_script() -> None:
    assert visible("a\nb\x1b\u202e\ufeff\ud800\U000e0041") == "a\\x0ab\\x1b\\u202e\\ufeff\\ud800\\U000e0041"
    for text in ("推論モデル（本番用）", "Größe", "e\u0301", "모델", "שלום", "नमस्ते", "\U0001f680"):
        assert visible(text) == text


def test_widths_are_those_of_arial_and_wide_glyphs_are_an_em() -> None:
    assert (
        text_width("mnist_model:v3", 1000) == 833 + 556 + 222 + 500 + 278 + 556 + 833 + 556 * 3 + 222 + 278 + 500 + 556
    )
    assert text_width("本番", 10) == 20
    assert text_width("ﾊﾝ", 10) < 20
    assert text_width("é", 10) == text_width("e\u0301", 10) == text_width("e", 10)


def test_a_long_name_loses_its_middle_and_keeps_its_version() -> None:
    short = fit("m" * 200 + ":v12", 200, 14)
    assert short.startswith("mm")
    assert short.endswith(":v12")
    assert 180 < text_width(short, 14) <= 200
    assert fit("mnist:v0", 200, 14) == "mnist:v0"
    assert fit("本" * 100_000, 5, 14) == "…"
