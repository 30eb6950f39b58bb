"""The picture in a real browser, in light and dark: its colours, its texts in its boxes, its fonts; and PNG and PDF."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from lineage_samples import SAMPLES, four_runs, hostile, pull_request, sixty
from test_lineage_svg import contrast

from browser import decoded
from gitreg.errors import ConverterError, MissingConverterError, PictureSizeError
from gitreg.lineage.collapse import collapse
from gitreg.lineage.graph import Edge, Graph, Node
from gitreg.lineage.raster import to_raster
from gitreg.lineage.svg import to_svg
from gitreg.lineage.theme import DARK, LIGHT, Theme, ThemeName, Tone

if TYPE_CHECKING:
    from browser import Browse, Colour, View

Scheme = Literal["light", "dark"]
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])

# For each text: what it says, its colour and that of the box around it, and where both are.
TEXTS = """() => [...document.querySelectorAll("text")].map(text => {
  const home = text.closest(".chip") ?? text.closest(".node"), box = home?.querySelector(".box");
  const page = document.querySelector(".page");
  const place = ({left, right, top, bottom}) => ({left, right, top, bottom});
  return {
    words: text.textContent,
    colour: getComputedStyle(text).fill,
    fill: getComputedStyle(box ?? page).fill,
    at: place(text.getBoundingClientRect()),
    box: place((box ?? page).getBoundingClientRect()),
  };
})"""
# What a text measures in the browser's font beside what the picture says it does.
WIDTHS = """() => [...document.querySelectorAll("text")].map(text => {
  const said = text.textLength.baseVal.value;
  text.removeAttribute("textLength");
  return [text.textContent, said, text.getComputedTextLength()];
})"""


def drawn(tmp_path: Path, graph: Graph, theme: ThemeName = "auto") -> Path:
    path = tmp_path / "lineage.svg"
    path.write_text(to_svg(graph, theme=theme), encoding="utf-8")
    return path


def hexed(css: str) -> str:
    return "#" + "".join(f"{int(part):02X}" for part in re.findall(r"\d+", css)[:3])


def rgb(colour: str) -> Colour:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def inside(view: View, selector: str) -> Colour:
    """The colour just inside the left border of the first box that matches."""
    place = view.page.locator(f"{selector} > .box").first.bounding_box()
    assert place is not None
    return view.pixel(place["x"] + 7, place["y"] + place["height"] / 2)


@SCHEMES
@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
def test_the_pixels_have_the_colours_of_the_theme(
    browse: Browse, tmp_path: Path, scheme: Scheme, theme: ThemeName
) -> None:
    view = browse(drawn(tmp_path, collapse(four_runs()), theme), scheme=scheme, size=(1500, 400))
    colours = {"light": LIGHT, "dark": DARK}[scheme if theme == "auto" else theme]
    assert view.pixel(2, 2) == rgb(colours.page)
    tones: dict[str, Tone] = {
        ".run.state-finished": "run",
        ".run.state-failed": "failed",
        ".artifact": "artifact",
        ".unknown": "neutral",
        ".collapsed": "neutral",
        ".chip": "plain",
    }
    for selector, tone in tones.items():
        assert inside(view, selector) == rgb(colours.tones[tone][0]), selector


@SCHEMES
def test_an_alias_that_moves_is_green_where_it_comes_and_red_where_it_goes(
    browse: Browse, tmp_path: Path, scheme: Scheme
) -> None:
    view = browse(drawn(tmp_path, pull_request()), scheme=scheme, size=(900, 400))
    colours = {"light": LIGHT, "dark": DARK}[scheme]
    for tone, word in {"gained": "+ production", "lost": "- production", "locked": "baseline [locked]"}.items():
        assert view.page.locator(f".chip.tone-{tone} text").text_content() == word
        assert inside(view, f".chip.tone-{tone}") == rgb(colours.tones[tone][0])  # type: ignore[index]


@SCHEMES
@pytest.mark.parametrize("name", ["hostile", "sixty", "pull-request", "empty"])
def test_every_text_lies_in_its_box_with_a_contrast_of_seven(
    browse: Browse, tmp_path: Path, scheme: Scheme, name: str
) -> None:
    view = browse(drawn(tmp_path, SAMPLES[name]()), scheme=scheme)
    found: list[dict[str, Any]] = [text for text in view.page.evaluate(TEXTS) if text["words"]]
    assert found
    for text in found:
        assert contrast(hexed(text["colour"]), hexed(text["fill"])) >= 7, text
        at, box = text["at"], text["box"]
        # not to the last px at the sides: a glyph may lean out of its advance; at top and bottom boxes are of the font
        assert box["left"] - 1 <= at["left"], text
        assert at["right"] <= box["right"] + 1, text
        assert box["top"] - 1 <= at["top"], text
        assert at["bottom"] <= box["bottom"] + 3, text


def test_texts_are_as_wide_as_the_fonts_of_a_browser_make_them(browse: Browse, tmp_path: Path) -> None:
    view = browse(drawn(tmp_path, sixty()))
    if "Liberation Sans" not in fonts(view, ".node text"):
        pytest.skip("no font with Arial's metrics is installed")
    for words, said, measured in view.page.evaluate(WIDTHS):
        # a browser kerns, by a px or two at most; the picture holds it to the width of the metrics
        assert measured == pytest.approx(said, abs=2), words


def fonts(view: View, selector: str) -> dict[str, int]:
    """The fonts that the browser draws the first element that matches with, and how many glyphs of each."""
    tools = view.page.context.new_cdp_session(view.page)
    tools.send("DOM.enable")
    tools.send("CSS.enable")
    root = tools.send("DOM.getDocument")["root"]["nodeId"]
    node = tools.send("DOM.querySelector", {"nodeId": root, "selector": selector})["nodeId"]
    used = tools.send("CSS.getPlatformFontsForNode", {"nodeId": node})["fonts"]
    tools.detach()
    view.page.evaluate("0")
    # these tools ask for the file's text again, which some Chromiums refuse them aloud
    view.complaints[:] = [words for words in view.complaints if "unique security origins" not in words]
    return {font["familyName"]: int(font["glyphCount"]) for font in used}


def test_japanese_is_drawn_with_a_font_that_has_it(browse: Browse, tmp_path: Path) -> None:
    graph = Graph.of([Node("a", "artifact", "手書き数字データセット（検証）:v0")], [], "系譜")
    used = fonts(browse(drawn(tmp_path, graph)), ".node text")
    japanese = {name: count for name, count in used.items() if re.search("CJK|Gothic|JP|VL|Han|Mincho", name)}
    if not japanese:
        pytest.skip("no Japanese font is installed")
    assert sum(japanese.values()) >= 15


@SCHEMES
def test_hostile_names_are_text_and_nothing_else(browse: Browse, tmp_path: Path, scheme: Scheme) -> None:
    view = browse(drawn(tmp_path, hostile()), scheme=scheme)
    assert view.page.locator("script, image, iframe, foreignObject, use, b").count() == 0
    assert view.page.get_by_text("<script>alert(1)</script>").count() > 0
    assert view.page.locator("style").count() == 1


def test_a_run_links_to_its_code_and_nothing_but_https_is_a_link(browse: Browse, tmp_path: Path) -> None:
    hrefs = ["https://example.org/o/r/commit/1", "http://example.org/", "javascript:alert(1)", "data:,x", '" onload="']
    nodes = [Node(f"r{i}", "run", f"run-{i}", href=href) for i, href in enumerate(hrefs)]
    view = browse(drawn(tmp_path, Graph.of(nodes, [], "links")))
    links = view.page.locator("a")
    assert [link.get_attribute("href") for link in links.all()] == hrefs[:1]
    assert view.page.evaluate("document.querySelectorAll('[onload]').length") == 0


def test_five_thousand_boxes_are_placed_without_a_collision() -> None:
    nodes = [Node("d", "artifact", "data:v0", "dataset")]
    edges = []
    for i in range(2500):
        nodes += [Node(f"r{i}", "run", f"run-{i}", "train"), Node(f"m{i}", "artifact", f"m:v{i}", "model")]
        edges += [Edge("d", f"r{i}", "used"), Edge(f"r{i}", f"m{i}", "logged")]
        edges += [Edge(f"m{i - 7}", f"r{i}", "used")] if i % 10 == 9 else []
    from gitreg.lineage.layout import place

    graph = Graph.of(nodes, edges, "")
    index = {node.id: i for i, node in enumerate(graph.nodes)}
    layout = place([(120.0, 50.0)] * len(nodes), [(index[e.source], index[e.target]) for e in graph.edges])
    columns: dict[float, list[float]] = {}
    for x, y in layout.centres:
        columns.setdefault(x, []).append(y)
    for ys in columns.values():
        ys.sort()
        assert all(lower - upper >= 50 for upper, lower in pairwise(ys))
    assert len(collapse(graph).nodes) < 3000


# ---- PNG and PDF


def size(png: bytes) -> tuple[int, int]:
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


@pytest.mark.parametrize(("theme", "colours"), [("auto", LIGHT), ("light", LIGHT), ("dark", DARK)])
def test_a_png_is_the_picture_in_one_theme(need: Callable[[str], str], theme: ThemeName, colours: Theme) -> None:
    need("rsvg-convert")
    png = to_raster(collapse(four_runs()), "png", theme=theme, scale=1)
    rows = decoded(png)
    said = re.search(r'width="(\d+)px" height="(\d+)px"', to_svg(collapse(four_runs())))
    assert said
    assert size(png) == (int(said[1]), int(said[2]))
    seen = {pixel for row in rows for pixel in row}
    assert {rgb(colours.page), rgb(colours.tones["run"][0]), rgb(colours.tones["artifact"][0])} <= seen
    assert rows[0][0] == rgb(colours.page)


def test_a_png_is_twice_as_large_as_the_svg_unless_it_is_told_otherwise(need: Callable[[str], str]) -> None:
    need("rsvg-convert")
    sides = {scale: size(to_raster(pull_request(), "png", scale=scale))[1] for scale in (1.0, None, 3.0)}
    assert sides[None] == pytest.approx(2 * sides[1.0], abs=2)
    assert sides[3.0] == pytest.approx(3 * sides[1.0], abs=3)


def test_a_png_that_cannot_be_is_refused_with_the_scale_that_can(need: Callable[[str], str]) -> None:
    need("rsvg-convert")
    nodes = [Node(str(i), "run", f"run-{i}") for i in range(400)]
    graph = Graph.of(nodes, [Edge(str(i), str(i + 1), "used") for i in range(399)], "long")
    with pytest.raises(PictureSizeError) as caught:
        to_raster(graph, "png", scale=20)
    assert f"--scale {caught.value.most:g} fits" in (caught.value.hint or "")
    assert 31_000 < size(to_raster(graph, "png"))[0] < 32_767


def test_a_pdf_holds_its_texts_as_text(need: Callable[[str], str], tmp_path: Path) -> None:
    need("rsvg-convert")
    (tmp_path / "lineage.pdf").write_bytes(to_raster(collapse(four_runs()), "pdf"))
    pdf = (tmp_path / "lineage.pdf").read_bytes()
    assert pdf.startswith(b"%PDF-")
    shown = subprocess.run(
        [need("pdftotext"), "-layout", "lineage.pdf", "-"], cwd=tmp_path, capture_output=True, check=True, text=True
    ).stdout
    assert "mnist_model:v3" in shown
    assert "production" in shown


def test_without_the_converter_the_error_names_the_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingConverterError) as caught:
        to_raster(four_runs(), "png")
    assert "apt install librsvg2-bin" in (caught.value.hint or "")


def test_a_converter_that_fails_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "rsvg-convert"
    broken.write_text("#!/bin/sh\necho 'no memory' >&2\nexit 3\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConverterError, match="rsvg-convert failed: no memory") as caught:
        to_raster(four_runs(), "pdf")
    assert caught.value.status == 3
