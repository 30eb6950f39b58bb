"""The page: what is in the file, a registry's facts, a stranger's words, very much and nothing at all.

In a real browser every view fails the test that opens it when it asks for anything or writes an error.
"""

from __future__ import annotations

import html
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from lineage_pages import EVIL, box, opened, told, wronged
from lineage_samples import GOLDEN, SAMPLES, cycle, four_runs, hostile, sixty

from gitreg.lineage import build
from gitreg.lineage.graph import Edge, Graph, Node
from gitreg.lineage.page import to_html
from gitreg.records.plain import visible

if TYPE_CHECKING:
    from browser import Browse
    from desks import Desk


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def tags(page: str) -> Iterator[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(page)
    return iter(parser.found)


# ---- what is in the file


@pytest.mark.parametrize("name", SAMPLES)
def test_the_page_refers_to_itself_alone_and_forbids_everything_else(name: str) -> None:
    page = to_html(told(SAMPLES[name]()))
    for tag, attributes in tags(page):
        assert tag not in {"link", "img", "iframe", "object", "embed", "base", "image", "use", "foreignobject"}
        assert not {"src", "srcset", "style", "action", "poster", "data", "xlink:href"} & attributes.keys()
        assert not [attribute for attribute in attributes if attribute.startswith("on")]
        assert (attributes.get("href") or "#").startswith("#")
    assert [tag for tag, _ in tags(page)].count("script") == 2
    assert "default-src 'none'" in page
    assert "unsafe" not in page
    assert "url(" not in page
    assert "@import" not in page


@pytest.mark.parametrize("name", SAMPLES)
def test_every_link_leads_somewhere_and_no_name_is_given_twice(name: str) -> None:
    found = list(tags(to_html(told(SAMPLES[name]()))))
    names = [attributes["id"] for _, attributes in found if "id" in attributes]
    assert len(names) == len(set(names))
    assert {(attributes["href"] or "")[1:] for _, attributes in found if "href" in attributes} <= set(names)


def test_the_same_graph_gives_the_same_bytes_in_every_process(pytestconfig: pytest.Config) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from lineage_samples import *\n"
        "from gitreg.lineage.page import to_html; sys.stdout.buffer.write(to_html(sixty()).encode())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script, str(GOLDEN.parent)],
            env={"PYTHONHASHSEED": seed, "PATH": "", "PYTHONPATH": str(pytestconfig.rootpath)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert outputs == {to_html(sixty()).encode()}


def test_a_stranger_s_words_are_words() -> None:
    page = to_html(wronged())
    for word in EVIL:
        assert html.escape(visible(word)) in page
    assert not re.search("[\u2028\u2029\u202e\u2066\x00\x1b]", page)
    # the same elements as the same graph with plain words has
    nodes = [
        replace(node, label=node.label and f"x{number}", type="t", state="s", aliases=node.aliases and ("a",))
        for number, node in enumerate(wronged().nodes)
    ]
    plain = to_html(replace(wronged(), nodes=tuple(nodes), title="t"))
    assert [tag for tag, _ in tags(page)] == [tag for tag, _ in tags(plain)]


@pytest.mark.parametrize("javascript", [True, False])
def test_a_stranger_s_words_do_nothing_in_a_browser(browse: Browse, javascript: bool) -> None:  # noqa: FBT001
    for graph in (wronged(), hostile()):
        view = browse(to_html(graph), javascript=javascript)
        assert view.page.locator("img, base, body > :not(header, main, dialog, script)").count() == 0
        assert view.page.title() == visible(graph.title)
        headings = {words.strip() for words in view.page.locator("article h2").all_text_contents()}
        assert {visible(node.label).strip() for node in graph.nodes} <= headings
        for node in view.page.locator("article h2").all()[:3] if javascript else []:
            view.page.evaluate("id => { location.hash = id }", node.evaluate("e => e.closest('article').id"))


def test_a_script_that_got_in_would_not_run(browse: Browse) -> None:
    page = to_html(four_runs())
    view = browse(
        page.replace("</main>", "</main><script>document.title = 'owned'</script><img src=https://example.org/x>")
    )
    assert view.page.title() != "owned"
    assert sum("Content Security Policy" in complaint for complaint in view.complaints) == 2
    view.complaints.clear()


# ---- a registry's facts


def test_a_run_and_a_version_tell_what_their_records_hold(desk: Desk, browse: Browse) -> None:
    data = desk.log("digits", "1 2 3", "dataset")
    run = desk.start("vague-morning-5")
    run.use(data)
    run.update_config({"lr": 0.1, "optimizer": {"name": "adam"}})
    run.update_summary({"accuracy": 0.9876})
    run.log_artifact(desk.draft("digits_model", {"a.txt": "weights", "b.txt": "more"}))
    run.finish("finished")
    desk.link(desk.version("digits_model"), "model/Digits")
    desk.promote("model/Digits:production", "v0")

    view = browse(to_html(build.whole(desk.reopen())))
    box(view, "digits_model:v0").click()
    text = view.page.locator("article.open").inner_text()
    for words in ("model/Digits:v0", "production", "gitreg get digits_model:v0", "11 bytes in 2 files", "Test User"):
        assert words in text
    assert "2026-01-02 03:04 UTC" in text

    view.page.locator("article.open").get_by_role("link", name="vague-morning-5").click()
    text = view.page.locator("article.open").inner_text()
    assert opened(view.page) == "vague-morning-5"
    for words in ("accuracy", "0.9876", "optimizer.name", "adam", f"gitreg show {run.record.id}", "digits:v0"):
        assert words in text
    assert desk.git("rev-parse HEAD")[:12] in text


# ---- many


def test_five_thousand_nodes_are_searched_opened_and_listed(browse: Browse) -> None:
    nodes = [Node("d", "artifact", "data:v0", "dataset")]
    edges = []
    for i in range(2500):
        nodes += [
            Node(f"r{i}", "run", f"sweep-{i}", "train", state="failed" if i % 10 == 3 else "finished"),
            Node(f"m{i}", "artifact", f"model:v{i}", "model", ("production",) if i == 1234 else ()),
        ]
        edges += [Edge("d", f"r{i}", "used"), Edge(f"r{i}", f"m{i}", "logged")]
    view = browse(to_html(Graph.of(nodes, edges, "Lineage of all versions"), collapsed=False))
    page = view.page

    # Playwright's own ways to find an element look at each of them
    def told(script: str) -> object:
        return page.evaluate(f"document.querySelector{script}")

    assert told("All('a.node').length") == 5001
    page.keyboard.press("/")
    page.keyboard.insert_text("failed")
    assert told("('.search output').value") == "250 matches"
    page.keyboard.press("Control+a")
    page.keyboard.insert_text("production")
    page.keyboard.press("Enter")
    assert told("('article.open h2').textContent") == "model:v1234"
    area = told("(\"a.node[href='#model:v1234']\").getBoundingClientRect().toJSON()")
    assert isinstance(area, dict)
    assert 0 < area["left"] < area["right"] < 900
    assert 50 < area["top"] < area["bottom"] < 800
    assert area["height"] > 20
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.press("l")
    assert told("All('#gitreg-list tbody tr').length") == 5001


def test_cycles_and_nothing_at_all_are_pages_too(browse: Browse) -> None:
    view = browse(to_html(cycle()))
    box(view, "data:v0").click()
    assert opened(view.page) == "data:v0"
    empty = browse(to_html(SAMPLES["empty"]()))
    assert empty.page.get_by_text("no runs and no versions").first.is_visible()
    empty.page.keyboard.press("/")
    empty.page.keyboard.type("x")
    empty.page.keyboard.press("Enter")
    empty.page.keyboard.press("Escape")
    empty.page.keyboard.press("Escape")
    empty.page.keyboard.press("0")
    assert opened(empty.page) == ""
