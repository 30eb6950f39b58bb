"""The page in a real browser: every view fails the test that opens it when it asks for anything or writes an error."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Literal

import pytest
from lineage_samples import GOLDEN, SAMPLES, cycle, four_runs, hostile, sixty
from test_lineage_svg import contrast

from gitreg.lineage import build
from gitreg.lineage.graph import Edge, Graph, Node
from gitreg.lineage.page import to_html
from gitreg.lineage.theme import DARK, LIGHT
from gitreg.records.plain import visible

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from browser import Browse, Colour, View
    from desks import Desk

EVIL = [
    "</script><img src=x onerror=alert(1)>",
    "<!--<script>",
    "\"' onmouseover='alert(1)' x=\"",
    "javascript:alert(1)",
    "\u2028\u2029\u202eevil\u2066\x00\x1b[31m",
    "${title} $script {{x}}",
    "</style></svg></article><base href=http://example.org/>",
]
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


def told(graph: Graph) -> Graph:
    """The graph with facts as a registry has them."""
    facts: dict[str, dict[str, object]] = {
        "run": {
            "created": "2026-01-02T03:04:05Z",
            "by": "Test User",
            "code": "57d966b0c1e2a3f4b5c6d7e8f9a0b1c2d3e4f5a6",
            "uncommitted": True,
            "tags": ["baseline"],
            "summary": {"accuracy": 0.98, "val": {"f1": float("nan")}},
            "config": {"lr": 1e-3, "layers": [64, 10], "note": "次"},
        },
        "artifact": {"created": "2026-01-02T04:04:05+01:00", "by": "Test User", "size": 12_345_678, "files": 3},
    }
    nodes = [
        replace(node, facts={**facts.get(node.kind, {}), **({"id": node.id} if node.kind == "run" else {})})
        for node in graph.nodes
    ]
    return replace(graph, nodes=tuple(nodes))


def wronged() -> Graph:
    """Everything a stranger can write, in every place."""
    nodes, edges = [], []
    for number, word in enumerate(EVIL):
        facts: dict[str, object] = dict.fromkeys(
            ("created", "ended", "by", "id", "code", "commit", "project", "group", "notes", "description"), word
        )
        facts |= {"size": 1, "files": 1, "tags": [word], "config": {word: {word: [word]}}, "metadata": {word: word}}
        nodes += [
            Node(f"run:{word}", "run", word, word, (), word, note=word, facts=facts),
            Node(f"artifact:{word}", "artifact", f"{word}:v{number}", word, (word,), word, note=word, facts=facts),
        ]
        edges.append(Edge(f"run:{word}", f"artifact:{word}", "logged"))
    return Graph.of(nodes, edges, "".join(EVIL))


def box(view: View, label: str) -> Locator:
    """A node's box in the picture."""
    return view.page.locator("a.node", has=view.page.get_by_text(label, exact=True)).first


def middle(place: Locator) -> tuple[float, float]:
    area = place.bounding_box()
    assert area
    return area["x"] + area["width"] / 2, area["y"] + area["height"] / 2


def opened(page: Page) -> str:
    """The name in the details that are open, '' when none are."""
    article = page.locator("article.open")
    return article.locator("h2").inner_text() if article.is_visible() else ""


def focused(page: Page) -> str:
    """What has the keyboard: a box's name, or another element's label or name."""
    script = """() => {const e = document.activeElement;
    return e.querySelector('.name')?.textContent ?? e.getAttribute('aria-label') ?? e.tagName}"""
    return str(page.evaluate(script))


# whether the box that was asked for has its middle here
SETTLED = """([x, y]) => { const area = document.querySelector('a.focus').getBoundingClientRect();
return Math.hypot(area.x + area.width / 2 - x, area.y + area.height / 2 - y) < 1.5 }"""


def colour(text: str) -> Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


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


# ---- pan and zoom


def test_the_picture_is_dragged_and_the_end_of_a_drag_is_no_click(browse: Browse) -> None:
    view = browse(to_html(four_runs()))
    place = box(view, "mnist_model:v3")
    x, y = middle(place)
    view.page.mouse.move(x, y)
    view.page.mouse.down()
    view.page.mouse.move(x - 100, y + 50, steps=4)
    view.page.mouse.up()
    assert middle(place) == pytest.approx((x - 100, y + 50), abs=1)
    assert opened(view.page) == ""
    place.click()
    assert opened(view.page) == "mnist_model:v3"
    view.page.keyboard.press("ArrowLeft")
    assert opened(view.page) == focused(view.page) == "vague-morning-6"


def test_the_wheel_zooms_around_the_mouse_and_sideways_it_pans(browse: Browse) -> None:
    view = browse(to_html(four_runs()))
    place, other = box(view, "mnist_model:v3"), box(view, "mnist_dataset:v0")
    (x, y), far = middle(place), middle(other)[0]
    view.page.mouse.move(x, y)
    view.page.mouse.wheel(0, -240)
    view.page.wait_for_function(
        "far => document.querySelector('a.node').getBoundingClientRect().x < far", arg=far - 300
    )
    view.page.wait_for_function(SETTLED, arg=[x, y])
    view.page.mouse.wheel(70, 0)
    view.page.wait_for_function(SETTLED, arg=[x - 70, y])


def test_buttons_and_keys_zoom_and_show_all_of_it(browse: Browse) -> None:
    view = browse(to_html(sixty()), size=(900, 700))

    def width() -> float:
        return (box(view, "resnet:v12").bounding_box() or {"width": 0})["width"]

    first = width()
    view.page.get_by_role("button", name="Larger").click()
    assert width() == pytest.approx(first * 1.3, rel=0.01)
    view.page.keyboard.press("-")
    assert width() == pytest.approx(first, rel=0.01)
    view.page.mouse.move(450, 400)
    view.page.mouse.down()
    view.page.mouse.move(5000, 5000)
    view.page.mouse.up()
    area = view.page.locator(".gitreg-lineage").bounding_box()
    assert area
    assert area["x"] < 900
    assert area["y"] < 700
    view.page.keyboard.press("0")
    area = view.page.locator(".gitreg-lineage").bounding_box()
    assert area
    assert area["x"] >= 0
    assert area["x"] + area["width"] <= 900
    assert area["y"] + area["height"] <= 700


def test_two_fingers_zoom(browse: Browse) -> None:
    view = browse(to_html(four_runs()))
    place = box(view, "mnist_model:v3")
    x, y = middle(place)
    before = (place.bounding_box() or {"width": 0})["width"]
    devtools = view.page.context.new_cdp_session(view.page)

    def touch(type: str, apart: float) -> None:
        points = [{"x": x - apart, "y": y}, {"x": x + apart, "y": y}] if apart else []
        devtools.send("Input.dispatchTouchEvent", {"type": type, "touchPoints": points})

    touch("touchStart", 50)
    for apart in (60, 80, 100):
        touch("touchMove", apart)
    touch("touchEnd", 0)
    assert (place.bounding_box() or {"width": 0})["width"] == pytest.approx(2 * before, rel=0.05)
    assert middle(place) == pytest.approx((x, y), abs=3)
    assert opened(view.page) == ""


# ---- search


def test_search_finds_names_types_aliases_links_and_states(browse: Browse) -> None:
    page = browse(to_html(told(four_runs()))).page
    page.get_by_role("button", name="List", exact=True).click()
    page.keyboard.press("/")
    for words, found in {
        "MNIST_dataset": {"mnist_dataset:v0"},
        "evaluate_model fail": {"serene-haze-8", "sweep-0"},
        "production": {"mnist_model:v3"},
        "model/mnist-dev": {"mnist_model:v3"},
        "unpublished": {"evaluation:v0"},
        "running": {"brisk-dew-9"},
        "nothing like it": set[str](),
    }.items():
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(words)
        assert page.locator(".search output").inner_text() == ("no match", "1 match", "2 matches")[len(found)]
        rows = page.locator("#gitreg-list tbody tr:visible th")
        assert {row.strip() for row in rows.all_inner_texts()} == found
        assert page.get_by_text("Nothing here matches").is_visible() == (not found)


def test_enter_goes_from_match_to_match_and_escape_leaves_the_search(browse: Browse) -> None:
    view = browse(to_html(told(four_runs())))
    view.page.keyboard.press("/")
    view.page.keyboard.type("train_model")
    status = view.page.locator(".search output")
    seen = []
    for key in ("Enter", "Enter", "Enter", "Shift+Enter", "ArrowUp"):
        view.page.keyboard.press(key)
        seen.append((opened(view.page), status.inner_text()))
    first, second = ("vague-morning-5", "1 of 2"), ("vague-morning-6", "2 of 2")
    assert seen == [first, second, first, second, first]
    view.page.get_by_role("button", name="Next match").click()
    assert opened(view.page) == "vague-morning-6"
    view.page.locator("#gitreg-search").focus()
    view.page.keyboard.press("Escape")
    assert view.page.locator("#gitreg-search").input_value() == ""
    assert status.inner_text() == ""
    view.page.keyboard.press("Escape")
    assert focused(view.page) == "vague-morning-6"


def test_what_does_not_match_steps_back_in_the_picture(browse: Browse) -> None:
    view = browse(to_html(four_runs()))
    opacity = "e => getComputedStyle(e).opacity"
    assert box(view, "serene-haze-8").evaluate(opacity) == "1"
    view.page.locator("#gitreg-search").fill("failed")
    assert box(view, "serene-haze-8").evaluate(opacity) == "1"
    assert box(view, "8 more runs").evaluate(opacity) == "1"
    assert float(box(view, "mnist_model:v3").evaluate(opacity)) < 0.5


# ---- details


def test_links_in_the_details_lead_from_box_to_box_and_back_goes_back(browse: Browse) -> None:
    view = browse(to_html(told(four_runs())))
    page = view.page
    box(view, "mnist_model:v3").click()
    for name in ("vague-morning-6", "mnist_dataset:v0", "jumping-monkey-1"):
        page.locator("article.open").get_by_role("link", name=name).click()
        assert opened(page) == name
        assert page.locator("a.node.here .name").text_content() == name
        assert focused(page) == "H2"
    page.go_back()
    page.wait_for_function("document.querySelector('article.open h2').textContent === 'mnist_dataset:v0'")
    page.get_by_role("button", name="Close", exact=True).click()
    assert opened(page) == ""
    assert page.locator(".here, .kin, .near").count() == 0


def test_what_a_box_came_from_and_led_to_stands_out(browse: Browse) -> None:
    view = browse(to_html(four_runs()))
    box(view, "vague-morning-6").click()
    kin = {name.strip() for name in view.page.locator("a.node.kin .name").all_text_contents()}
    assert kin == {
        "vague-morning-6", "mnist_dataset:v0", "jumping-monkey-1", "pretrained-weights", "mnist_model:v3",
        "serene-haze-7", "serene-haze-8", "evaluation:v0",
    }  # fmt: skip
    assert view.page.locator(".edge.near").count() == 3


def test_a_box_that_is_opened_is_in_the_window_beside_its_details(browse: Browse) -> None:
    view = browse(to_html(told(sixty())), size=(1000, 700))
    box(view, "12 more runs").click()
    area, picture = box(view, "12 more runs").bounding_box(), view.page.locator("#gitreg-picture").bounding_box()
    assert area
    assert picture
    assert picture["x"] <= area["x"]
    assert area["x"] + area["width"] <= picture["x"] + picture["width"] < 700


def test_a_group_lists_its_members_and_each_has_details(browse: Browse) -> None:
    view = browse(to_html(told(four_runs())))
    box(view, "8 more runs").click()
    article = view.page.locator("article.open")
    assert article.get_by_role("heading", name="In this group").inner_text().split()[-1] == "8"
    assert article.get_by_role("heading", name="Inputs").inner_text().split()[-1] == "1"
    article.get_by_role("link", name="mnist_model:v2").click()
    article = view.page.locator("article.open")
    assert article.get_by_role("heading", name="Used by").inner_text().split()[-1] == "8"
    article.get_by_role("link", name="sweep-0").click()
    assert "failed" in view.page.locator("article.open").inner_text()
    assert view.page.locator("a.node.here .name").text_content() == "8 more runs"
    assert browse(to_html(four_runs(), collapsed=False)).page.locator("a.node").count() == len(four_runs().nodes)


def test_the_command_is_copied(browse: Browse) -> None:
    view = browse(to_html(told(four_runs())))
    view.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    box(view, "mnist_model:v3").click()
    view.page.get_by_role("button", name="Copy").click()
    view.page.get_by_role("button", name="Copied").wait_for()
    assert view.page.evaluate("navigator.clipboard.readText()") == "gitreg get mnist_model:v3"


def test_an_address_with_a_name_opens_it(browse: Browse) -> None:
    view = browse(to_html(told(four_runs())))
    address = view.page.url
    view.page.goto("about:blank")
    view.page.goto(address + "#mnist_model:v2")
    assert opened(view.page) == "mnist_model:v2"
    view.page.evaluate("location.hash = '%'")
    view.page.wait_for_function("!document.querySelector('article.open')")


# ---- the keyboard


def test_everything_is_reached_by_keys_alone(browse: Browse) -> None:
    view = browse(to_html(told(four_runs())))
    page = view.page
    stops = []
    for _ in range(8):
        page.keyboard.press("Tab")
        stops.append(focused(page))
    # one box is a stop; arrows lead to the others
    assert stops == ["Search", "BUTTON", "BUTTON", "Keys", "mnist_model:v3", "Smaller", "Larger", "All of it"]

    page.keyboard.press("/")
    assert focused(page) == "Search"
    page.keyboard.press("Escape")
    trail = [focused(page)]
    for key in (
        "ArrowLeft",
        "ArrowLeft",
        "ArrowUp",
        "ArrowLeft",
        "ArrowRight",
        "ArrowRight",
        "ArrowDown",
        "End",
        "Home",
    ):
        page.keyboard.press(key)
        trail.append(focused(page))
    assert trail[:3] == ["mnist_model:v3", "vague-morning-6", "pretrained-weights"]
    assert trail[3:8] == [
        "mnist_dataset:v0",
        "jumping-monkey-1",
        "mnist_dataset:v0",
        "vague-morning-5",
        "vague-morning-6",
    ]
    assert trail[9] in {"jumping-monkey-1", "pretrained-weights"}

    page.keyboard.press("Enter")
    assert opened(page) == trail[9]
    assert focused(page) == "H2"
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    assert opened(page) == ""
    assert focused(page) == trail[9]
    page.keyboard.press("Space")
    assert opened(page) == trail[9]
    page.keyboard.press("Escape")

    page.keyboard.press("l")
    assert page.locator("#gitreg-list").is_visible()
    page.keyboard.press("g")
    assert not page.locator("#gitreg-list").is_visible()
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Enter")
    assert not page.get_by_role("dialog").is_visible()


def test_an_arrow_leads_back_along_the_edge_it_came_on(browse: Browse) -> None:
    view = browse(to_html(four_runs()))
    box(view, "vague-morning-5").focus()
    for key in ("ArrowLeft", "ArrowRight"):
        view.page.keyboard.press(key)
    assert focused(view.page) == "vague-morning-5"


@SCHEMES
def test_the_box_with_the_keyboard_is_seen(browse: Browse, scheme: Literal["light", "dark"]) -> None:
    view = browse(to_html(four_runs()), scheme=scheme)
    view.page.keyboard.press("/")
    view.page.keyboard.press("Escape")
    view.page.keyboard.press("ArrowLeft")
    shape = box(view, "vague-morning-6").locator("rect").first
    ring, width = shape.evaluate("e => [getComputedStyle(e).stroke, parseFloat(getComputedStyle(e).strokeWidth)]")
    assert width >= 4
    theme = LIGHT if scheme == "light" else DARK
    assert contrast("#" + "".join(f"{int(part):02x}" for part in re.findall(r"\d+", ring)[:3]), theme.page) >= 3


def test_a_screen_reader_hears_names(browse: Browse) -> None:
    view = browse(to_html(told(four_runs())))
    page = view.page
    assert page.get_by_role("link", name=re.compile("model mnist_model:v3 .latest. linked as")).count() == 1
    assert page.get_by_role("searchbox", name="Search").count() == 1
    unnamed = "() => [...document.querySelectorAll('button')].filter(b => !b.textContent.trim() && !b.ariaLabel).length"
    assert page.evaluate(unnamed) == 0
    page.keyboard.press("l")
    assert page.get_by_role("row", name=re.compile("serene-haze-8 evaluate_model run failed")).count() == 1


# ---- without script, in print, in every size and light


def test_without_script_the_page_is_whole(browse: Browse) -> None:
    graph = told(four_runs())
    view = browse(to_html(graph), javascript=False)
    page = view.page
    for node in graph.nodes:
        article = page.locator("article", has=page.get_by_role("heading", name=node.label, exact=True))
        assert article.is_visible()
    assert page.locator("#gitreg-list tbody tr:visible").count() == len(graph.nodes)
    assert page.locator(".scripted:visible").count() == 0
    box(view, "mnist_model:v3").click()
    target = page.locator("article:target")
    assert target.locator("h2").inner_text() == "mnist_model:v3"
    assert 0 <= (target.bounding_box() or {"y": -1})["y"] < 800
    target.get_by_role("link", name="Show in the picture").click()
    assert box(view, "mnist_model:v3").bounding_box()
    assert 0 <= (box(view, "mnist_model:v3").bounding_box() or {"y": -1})["y"] < 800
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


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


@SCHEMES
def test_the_colours_are_those_of_the_reader_s_scheme(browse: Browse, scheme: Literal["light", "dark"]) -> None:
    theme = LIGHT if scheme == "light" else DARK
    view = browse(to_html(told(four_runs())), scheme=scheme)
    for label, tone in (("mnist_model:v2", "artifact"), ("serene-haze-8", "failed"), ("vague-morning-5", "run")):
        area = box(view, label).locator("rect").first.bounding_box()
        assert area
        inside = view.pixel(round(area["x"] + 6), round(area["y"] + area["height"] / 2))
        assert inside == colour(theme.tones[tone][0])  # type: ignore[index]
    assert view.pixel(640, 75) == colour(theme.page)


CONTRASTS = """() => {
  const solid = (e) => {
    const colour = getComputedStyle(e).backgroundColor;
    return /, 0\\)$/.test(colour) && e.parentElement ? solid(e.parentElement) : colour;
  };
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || e.closest('.gitreg-lineage, script') || !e.checkVisibility()) continue;
    found.push([walk.currentNode.textContent.trim(), getComputedStyle(e).color, solid(e)]);
  }
  return found;
}"""


def _hex(text: str) -> str:
    return "#" + "".join(f"{int(part):02x}" for part in re.findall(r"\d+", text)[:3])


@SCHEMES
@pytest.mark.parametrize("state", ["picture", "list", "keys", "plain"])
def test_text_has_a_contrast_of_seven(browse: Browse, scheme: Literal["light", "dark"], state: str) -> None:
    graph = told(four_runs())
    view = browse(to_html(graph), scheme=scheme, javascript=state != "plain")
    if state != "plain":
        box(view, "vague-morning-6").click()
        view.page.keyboard.press({"list": "l", "keys": "?"}.get(state, "0"))
    found: list[list[str]] = view.page.evaluate(CONTRASTS)
    assert len(found) > 30
    weak = [item for item in found if contrast(_hex(item[1]), _hex(item[2])) < 7]
    assert weak == []


@pytest.mark.parametrize("state", ["picture", "details", "list", "plain"])
def test_a_narrow_window_shows_all_of_it(browse: Browse, state: str) -> None:
    view = browse(to_html(told(sixty())), size=(390, 844), javascript=state != "plain")
    page = view.page
    if state == "details":
        page.evaluate("location.hash = 'resnet:v12'")
        page.locator("article.open").wait_for()
        assert box(view, "resnet:v12").bounding_box()
        above = page.locator("#gitreg-picture").bounding_box()
        details = page.locator("#gitreg-details").bounding_box()
        assert above
        assert details
        assert above["height"] > 200
        assert details["width"] == 390
        assert details["y"] >= above["y"] + above["height"] - 1
    if state == "list":
        page.get_by_role("button", name="List", exact=True).click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for button in page.locator("button:visible").all():
        area = button.bounding_box()
        assert area
        assert 0 <= area["x"] <= area["x"] + area["width"] <= 390


@pytest.mark.parametrize("javascript", [True, False])
def test_paper_is_white_and_has_the_whole_picture_and_the_list(browse: Browse, javascript: bool) -> None:  # noqa: FBT001
    view = browse(to_html(told(sixty())), scheme="dark", javascript=javascript, size=(700, 990))
    if javascript:
        box(view, "resnet:v12").click()
        view.page.keyboard.press("+")
    view.page.emulate_media(media="print")
    area = view.page.locator("#gitreg-picture > svg").bounding_box()
    assert area
    assert area["x"] >= 0
    assert area["x"] + area["width"] <= 700
    assert view.pixel(350, 3) == (255, 255, 255)
    assert view.page.locator("#gitreg-list tbody tr:visible").count() == len(sixty().nodes)
    assert view.page.locator("button:visible").count() == 0
    assert view.page.locator("article:visible").count() == int(javascript)


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
