"""How the page looks in a real browser: without script, in print, in every size and light."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import pytest
from lineage_pages import box, told
from lineage_samples import four_runs, sixty
from test_lineage_svg import contrast

from gitreg.lineage.page import to_html
from gitreg.lineage.theme import DARK, LIGHT

if TYPE_CHECKING:
    from browser import Browse, Colour

SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])


def colour(text: str) -> Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


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
