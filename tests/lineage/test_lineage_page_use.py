"""The page in use: it is moved, searched, read and gone through by keys, in a real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from lineage_pages import box, opened, told
from lineage_samples import four_runs, sixty

from gitreg.lineage.page import to_html

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from browser import Browse


def middle(place: Locator) -> tuple[float, float]:
    area = place.bounding_box()
    assert area
    return area["x"] + area["width"] / 2, area["y"] + area["height"] / 2


def focused(page: Page) -> str:
    """What has the keyboard: a box's name, or another element's label or name."""
    script = """() => {const e = document.activeElement;
    return e.querySelector('.name')?.textContent ?? e.getAttribute('aria-label') ?? e.tagName}"""
    return str(page.evaluate(script))


# whether the box that was asked for has its middle here
SETTLED = """([x, y]) => { const area = document.querySelector('a.focus').getBoundingClientRect();
return Math.hypot(area.x + area.width / 2 - x, area.y + area.height / 2 - y) < 1.5 }"""


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


def test_a_screen_reader_hears_names(browse: Browse) -> None:
    view = browse(to_html(told(four_runs())))
    page = view.page
    assert page.get_by_role("link", name=re.compile("model mnist_model:v3 .latest. linked as")).count() == 1
    assert page.get_by_role("searchbox", name="Search").count() == 1
    unnamed = "() => [...document.querySelectorAll('button')].filter(b => !b.textContent.trim() && !b.ariaLabel).length"
    assert page.evaluate(unnamed) == 0
    page.keyboard.press("l")
    assert page.get_by_role("row", name=re.compile("serene-haze-8 evaluate_model run failed")).count() == 1
