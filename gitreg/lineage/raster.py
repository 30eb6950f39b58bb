"""The picture as PNG or PDF, made from our own SVG by librsvg's `rsvg-convert`.

A program and not a library: it is in every distribution, shapes Japanese text as browsers do, and keeps text in a PDF
as text. It knows neither `prefers-color-scheme`, so the theme is chosen here, nor `textLength`, so names may come out
wider than their boxes where no font has Arial's widths. Only our own SVG reaches it, which refers to nothing.
"""

from __future__ import annotations

import math
import subprocess
from typing import Literal

from gitreg.errors import ConverterError, MissingConverterError, PictureSizeError
from gitreg.lineage.graph import Graph
from gitreg.lineage.svg import draw, framed
from gitreg.lineage.theme import ThemeName

_MOST_PX, _MOST_AREA = 32_000, 400_000_000
_SCALE = 2.0


def to_raster(
    graph: Graph, form: Literal["png", "pdf"], *, theme: ThemeName = "auto", scale: float | None = None
) -> bytes:
    """Draw the graph as PNG or PDF; 'auto' is light.

    `scale` is pixels for each px of the SVG; None is 2, or what fits. A PDF has no pixels, so it is a magnification.

    Raises:
        MissingConverterError: there is no `rsvg-convert`.
        ConverterError: it failed.
        PictureSizeError: a PNG cannot be as large as that.
    """
    picture = draw(graph)
    zoom = scale or 1.0
    if form == "png":
        area = picture.width * picture.height
        most = min(_MOST_PX / max(picture.width, picture.height), math.sqrt(_MOST_AREA / area))
        zoom = scale or min(_SCALE, most)
        if zoom > most or zoom < 0.1:
            raise PictureSizeError(round(picture.width), round(picture.height), math.floor(most * 100) / 100)
    text = framed(graph, picture, theme="light" if theme == "auto" else theme)
    command = ["rsvg-convert", "--unlimited", "--format", form, "--zoom", f"{zoom:.4f}"]
    try:
        done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
    except FileNotFoundError as error:
        raise MissingConverterError from error
    if done.returncode:
        raise ConverterError(done.returncode, done.stderr.decode(errors="replace"))
    return done.stdout
