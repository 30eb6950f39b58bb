from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest
from lineage_samples import SAMPLES, cycle, four_runs, hostile, pull_request, sixty

from gitreg.lineage.collapse import collapse
from gitreg.lineage.glyphs import text_width
from gitreg.lineage.graph import Edge, Graph, Link, Node
from gitreg.lineage.layout import place
from gitreg.lineage.svg import to_svg
from gitreg.lineage.theme import DARK, LIGHT, Theme, style_sheet
from gitreg.records.plain import visible

SVG = "{http://www.w3.org/2000/svg}"
ALLOWED = {"svg", "title", "desc", "style", "g", "rect", "path", "polygon", "text"}


def parse(graph: Graph) -> ET.Element:
    return ET.fromstring(to_svg(graph).encode())  # noqa: S314 - our own output


def shift(group: ET.Element) -> tuple[float, float]:
    found = re.fullmatch(r"translate\((\S+) (\S+)\)", group.get("transform", "translate(0 0)"))
    assert found
    return float(found[1]), float(found[2])


def span(text: ET.Element) -> tuple[float, float]:
    x, width = float(text.get("x", "")), float(text.get("textLength", "0"))
    return (x - width / 2, x + width / 2) if "middle" in text.get("class", "") else (x, x + width)


def nodes(svg: ET.Element) -> Iterator[ET.Element]:
    for group in svg.iter(f"{SVG}g"):
        if group.get("class", "").startswith("node "):
            yield group


@pytest.mark.parametrize("name", SAMPLES)
def test_the_picture_is_well_formed_and_stands_alone(name: str) -> None:
    text = to_svg(SAMPLES[name]())
    svg = ET.fromstring(text.encode())  # noqa: S314 - our own output
    assert {element.tag.removeprefix(SVG) for element in svg.iter()} <= ALLOWED
    for element in svg.iter():
        for attribute, value in element.attrib.items():
            assert attribute in {
                "id", "class", "role", "aria-labelledby", "width", "height", "viewBox", "x", "y", "rx", "d", "points",
                "transform", "textLength", "lengthAdjust", "stroke-opacity", "stroke-linejoin",
            }  # fmt: skip
            assert "<" not in value
    assert "url(" not in text
    assert "@import" not in text
    assert text.count("<style>") == 1
    assert "http" not in re.sub(r"<(title|desc|text)\b.*?</\1>", "", text, flags=re.DOTALL).replace(SVG[1:-1], "")


def test_the_picture_has_px_sizes_a_role_a_title_and_says_itself_in_words() -> None:
    svg = parse(collapse(four_runs()))
    assert svg.get("role") == "img"
    assert svg.get("width", "").endswith("px")
    assert svg.findtext(f"{SVG}title") == "Lineage of mnist_model:v3"
    words = svg.findtext(f"{SVG}desc") or ""
    assert "Run jumping-monkey-1 (build_dataset) logged dataset mnist_dataset:v0 [latest]." in words
    assert "8 more runs (evaluate_model, 1 failed, 1 running) used model mnist_model:v2." in words
    assert "model/MNIST-dev:v0" in words


def test_hooks_name_kind_and_state() -> None:
    classes = {node.get("class") for node in nodes(parse(four_runs()))}
    assert "node run state-failed tone-failed" in classes
    assert "node run state-running tone-running" in classes
    assert "node artifact focus tone-artifact" in classes
    assert "node artifact state-unpublished tone-artifact" in classes
    assert "node unknown tone-neutral" in classes


@pytest.mark.parametrize("name", SAMPLES)
def test_every_text_fits_inside_its_shape(name: str) -> None:
    for node in nodes(parse(SAMPLES[name]())):
        boxes = node.findall(f"{SVG}rect")
        width, height = float(boxes[0].get("width", "")), float(boxes[0].get("height", ""))
        for text in node.findall(f"{SVG}text"):
            left, right = span(text)
            assert 8 <= left <= right <= width - 8
            assert 10 < float(text.get("y", "")) < height - 4
        for chip in node.findall(f"{SVG}g"):
            box, label = chip.findall(f"{SVG}rect")[0], chip.findall(f"{SVG}text")[0]
            x, across = float(box.get("x", "")), float(box.get("width", ""))
            left, right = span(ET.Element("text", {**label.attrib, "class": "middle"}))
            assert x + 6 <= left <= right <= x + across - 6
            assert x >= 8
            assert x + across <= width - 8
            assert float(box.get("y", "")) + float(box.get("height", "")) < height - 4


@pytest.mark.parametrize("name", SAMPLES)
def test_every_text_declares_the_width_that_it_has_in_arial(name: str) -> None:
    for text in parse(SAMPLES[name]()).iter(f"{SVG}text"):
        size = 14 if "name" in text.get("class", "") else 11
        width = text_width(text.text or "", size, bold="bold" in text.get("class", ""))
        assert float(text.get("textLength", "0")) == pytest.approx(width, abs=0.01)


@pytest.mark.parametrize("name", SAMPLES)
def test_no_two_boxes_overlap_and_all_lie_on_the_page(name: str) -> None:
    svg = parse(SAMPLES[name]())
    page = float(svg.get("width", "")[:-2]), float(svg.get("height", "")[:-2])
    boxes = []
    for node in nodes(svg):
        (x, y), rect = shift(node), node.findall(f"{SVG}rect")[0]
        boxes.append((x, y, x + float(rect.get("width", "")), y + float(rect.get("height", ""))))
    for i, (left, top, right, bottom) in enumerate(boxes):
        assert left >= -1
        assert top >= -1
        assert right <= page[0] - 40
        assert bottom <= page[1] - 40
        for a, b, c, d in boxes[:i]:
            assert right <= a or c <= left or bottom <= b or d <= top


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_has_a_contrast_of_seven_and_lines_of_three(theme: Theme) -> None:
    for fill in (theme.page, *(fill for fill, _ in theme.tones.values())):
        assert contrast(theme.text, fill) >= 7
        assert contrast(theme.muted, fill) >= 7
    assert contrast(theme.edge, theme.page) >= 4.5
    for fill, border in theme.tones.values():
        assert contrast(border, fill) >= 3
        assert contrast(border, theme.page) >= 3


def test_one_style_sheet_serves_light_and_dark() -> None:
    auto = style_sheet("auto")
    assert auto.index(LIGHT.page) < auto.index("@media (prefers-color-scheme:dark)") < auto.index(DARK.page)
    assert "@media" not in style_sheet("light") + style_sheet("dark")
    assert "Noto Sans JP" in auto


def test_hostile_labels_are_inert_and_still_readable() -> None:
    svg = parse(hostile())
    shown = {text.text for text in svg.iter(f"{SVG}text")}
    assert "<script>alert(1)</script>" in shown
    assert "right\\u202eto-left\\u2066iso\\u200bzero\\ufeff" in shown
    assert any((text or "").startswith("WWW") and (text or "").endswith("WW:v12") for text in shown)
    tips = {title.text for title in svg.iter(f"{SVG}title")}
    assert any("W" * 128 in (tip or "") for tip in tips)
    assert visible(to_svg(hostile()).replace("\n", "")) == to_svg(hostile()).replace("\n", "")


def test_the_same_graph_is_drawn_with_the_same_bytes() -> None:
    assert to_svg(sixty()) == to_svg(sixty())


def test_the_legend_explains_the_lines_that_occur_and_no_others() -> None:
    def legend(graph: Graph) -> list[str]:
        groups = [g for g in parse(graph).iter(f"{SVG}g") if g.get("class") == "legend"]
        return [text.text or "" for group in groups for text in group.iter(f"{SVG}text")]

    assert legend(four_runs()) == ["logged", "used"]
    assert legend(pull_request()) == ["logged"]
    assert legend(SAMPLES["four-runs-without-runs"]()) == ["made from it"]
    assert legend(Graph.of([Node("a", "run", "a")], [], "")) == []


def test_edges_start_and_end_at_their_boxes_and_run_forward() -> None:
    sizes = [(100.0, 50.0), (160.0, 80.0), (60.0, 50.0), (100.0, 50.0)]
    edges = [(0, 1), (1, 2), (2, 3), (0, 3)]
    layout = place(sizes, edges)
    for route, (source, target) in zip(layout.routes, edges, strict=True):
        (x0, y0), (x1, y1) = layout.centres[source], layout.centres[target]
        assert route.points[0] == pytest.approx((x0 + sizes[source][0] / 2, y0))
        assert route.tip == pytest.approx((x1 - sizes[target][0] / 2, y1))
        assert [x for x, _ in route.points] == sorted(x for x, _ in route.points)
        assert len(route.points) % 3 == 1


def test_an_edge_over_several_columns_keeps_clear_of_the_boxes_between() -> None:
    sizes = [(100.0, 50.0), (160.0, 80.0), (100.0, 50.0)]
    layout = place(sizes, [(0, 1), (1, 2), (0, 2)])
    x, y = layout.centres[1]
    for at, height in layout.routes[2].points:
        assert not (abs(at - x) <= 80 and abs(height - y) <= 40)


def test_cycles_and_loops_and_double_edges_are_drawn() -> None:
    assert len(list(nodes(parse(cycle())))) == 3
    loop = Graph.of([Node("a", "run", "a")], [Edge("a", "a", "used")], "")
    assert len(list(nodes(parse(loop)))) == 1
    twice = Graph.of([Node(i, "run", i) for i in "ab"], [Edge("a", "b", "used"), Edge("a", "b", "logged")], "")
    assert to_svg(twice).count('class="edge') == 4


def test_many_aliases_and_links_are_counted() -> None:
    node = Node(
        "m", "artifact", "m:v0", "model", tuple(f"alias-{i}" for i in range(20)), links=tuple(map(Link, "abcde"))
    )
    shown = [text.text for text in parse(Graph.of([node], [], "")).iter(f"{SVG}text")]
    assert shown.count("13 more") == 1
    assert shown.count("3 more") == 1
