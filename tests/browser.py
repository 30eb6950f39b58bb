"""Real headless Chromium that looks at files: the one place that starts it.

`browse(path)` opens a file as `file://` and gives a `View`: Playwright's page, plus pixels. A test fails when its page
asked for anything beyond the file itself, wrote an error or warning to the console, or opened a dialog or window. The
browser could reach nothing anyway: every host name and address is mapped to nowhere.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Dialog, FloatRect, Page, Request

Colour = tuple[int, int, int]

_FLAGS = (
    "--no-sandbox",  # root has none, and the pages are ours
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


class View:
    """A file in a browser window.

    Attributes:
        page: Playwright's page.
        complaints: what a page that stands alone does not do, in words; the test fails when there are any at its end.
            Whoever expects one empties the list.
    """

    def __init__(self, page: Page, path: Path) -> None:
        self.page = page
        self.complaints: list[str] = []
        self._url = path.absolute().as_uri()
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(f"script error: {error}"))
        page.on("popup", lambda other: self.complaints.append(f"a new window: {other.url}"))
        page.on("crash", lambda _: self.complaints.append("the page crashed"))
        page.on("dialog", self._on_dialog)
        page.context.on("request", self._on_request)
        page.goto(self._url)

    def pixel(self, x: float, y: float) -> Colour:
        """The colour at a place of the window, in CSS pixels."""
        return self.pixels({"x": x, "y": y, "width": 1, "height": 1})[0][0]

    def pixels(self, area: FloatRect | None = None) -> list[list[Colour]]:
        """The rows of colours of an area of the window, None is all of it."""
        return decoded(self.page.screenshot(clip=area) if area else self.page.screenshot())

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            self.complaints.append(f"console {message.type}: {message.text}")

    def _on_dialog(self, dialog: Dialog) -> None:
        self.complaints.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def _on_request(self, request: Request) -> None:
        if request.url.partition("#")[0] != self._url:
            self.complaints.append(f"asked for {request.url}")


Browse = Callable[..., View]


def decoded(png: bytes) -> list[list[Colour]]:
    """The rows of a PNG as browsers write it: 8 bits, RGB or RGBA, not interlaced."""
    place, data, width, size = 8, b"", 0, 0
    while place < len(png):
        length, kind = int.from_bytes(png[place : place + 4], "big"), png[place + 4 : place + 8]
        body = png[place + 8 : place + 8 + length]
        if kind == b"IHDR":
            assert body[8:] in (b"\x08\x02\0\0\0", b"\x08\x06\0\0\0")
            width, size = int.from_bytes(body[:4], "big"), 3 if body[9] == 2 else 4
        elif kind == b"IDAT":
            data += body
        place += 12 + length
    raw, stride = zlib.decompress(data), width * size
    rows: list[list[Colour]] = []
    above = bytearray(stride)
    for start in range(0, len(raw), stride + 1):
        line = _unfiltered(raw[start], bytearray(raw[start + 1 : start + 1 + stride]), above, size)
        rows.append([(line[at], line[at + 1], line[at + 2]) for at in range(0, stride, size)])
        above = line
    return rows


def _unfiltered(kind: int, line: bytearray, above: bytearray, size: int) -> bytearray:
    """Undo a PNG filter on one line, see https://www.w3.org/TR/png-3/#9Filters."""
    for at in range(len(line) if kind else 0):
        left, up, corner = (line[at - size], above[at], above[at - size]) if at >= size else (0, above[at], 0)
        if kind == 4:
            guess = left + up - corner
            base = min((left, up, corner), key=lambda value: abs(guess - value))
        else:
            base = (0, left, up, (left + up) // 2)[kind]
        line[at] = (line[at] + base) & 0xFF
    return line


# Playwright's event loop counts as running in its thread, so it must not outlive the module whose tests want it.
@pytest.fixture(scope="module")
def chromium(need: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser with a fresh profile. Skips where Chromium or Playwright is missing; in CI that is a failure."""
    program = need("chromium")
    if not os.environ.get("CI"):
        pytest.importorskip("playwright", reason="Python's 'playwright' is not installed")
    from playwright.sync_api import sync_playwright

    home = str(tmp_path_factory.mktemp("chromium"))
    env: dict[str, str | float | bool] = {"HOME": home, "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_FLAGS), env=env)
        yield browser
        browser.close()


@pytest.fixture
def browse(chromium: Browser, tmp_path: Path) -> Iterator[Browse]:
    """`browse(path_or_text, scheme="light", javascript=True, size=(1280, 800))`: a `View` of a file or of HTML text."""
    views: list[View] = []

    def browse(
        what: Path | str,
        *,
        scheme: Literal["light", "dark"] = "light",
        javascript: bool = True,
        size: tuple[int, int] = (1280, 800),
    ) -> View:
        path = what
        if isinstance(path, str):
            path = tmp_path / f"page-{len(views)}.html"
            path.write_text(str(what), encoding="utf-8")
        context = chromium.new_context(
            color_scheme=scheme,
            java_script_enabled=javascript,
            offline=True,
            reduced_motion="reduce",
            viewport={"width": size[0], "height": size[1]},
        )
        views.append(View(context.new_page(), path))
        return views[-1]

    yield browse
    for view in views:
        view.page.context.close()
    assert [complaint for view in views for complaint in view.complaints] == []
