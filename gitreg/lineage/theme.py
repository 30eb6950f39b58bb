"""The colours of the picture in light and in dark, and the style sheet made of them.

Text keeps a contrast of 7:1 or more on every fill; a test computes it. Colour never carries a meaning by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gitreg.lineage.graph import Node

Tone = Literal["run", "running", "failed", "artifact", "neutral", "plain", "gained", "lost", "locked"]
ThemeName = Literal["auto", "light", "dark"]

FONTS = (
    'Arial,Helvetica,"Liberation Sans",Arimo,"Hiragino Sans","Yu Gothic","Noto Sans JP","Noto Sans CJK JP",Meiryo,'
    "sans-serif"
)


@dataclass(frozen=True, slots=True)
class Theme:
    """One set of colours; `tones` maps to (fill, border)."""

    page: str
    text: str
    muted: str
    edge: str
    tones: Mapping[Tone, tuple[str, str]]


LIGHT = Theme(
    page="#FFFFFF",
    text="#1F2328",
    muted="#3D444D",
    edge="#57606A",
    tones={
        "run": ("#DAFBE1", "#1A7F37"),
        "running": ("#FFF8C5", "#9A6700"),
        "failed": ("#FFEBE9", "#CF222E"),
        "artifact": ("#DDF4FF", "#0969DA"),
        "neutral": ("#F6F8FA", "#57606A"),
        "plain": ("#FFF1E5", "#BC4C00"),
        "gained": ("#DAFBE1", "#1A7F37"),
        "lost": ("#FFEBE9", "#CF222E"),
        "locked": ("#EFF2F5", "#57606A"),
    },
)
DARK = Theme(
    page="#0D1117",
    text="#E6EDF3",
    muted="#B7C0CA",
    edge="#9198A1",
    tones={
        "run": ("#0F2D1A", "#3FB950"),
        "running": ("#2E2206", "#D29922"),
        "failed": ("#3C1418", "#F85149"),
        "artifact": ("#0C2D4F", "#58A6FF"),
        "neutral": ("#161B22", "#8B949E"),
        "plain": ("#3A1F0B", "#F0883E"),
        "gained": ("#0F2D1A", "#3FB950"),
        "lost": ("#3C1418", "#F85149"),
        "locked": ("#21262D", "#8B949E"),
    },
)

_SHAPE = """\
.gitreg-lineage text{font-family:FONTS;white-space:pre}
.gitreg-lineage .name{font-size:14px}
.gitreg-lineage .small,.gitreg-lineage .chip text{font-size:11px}
.gitreg-lineage .bold{font-weight:bold}
.gitreg-lineage .middle{text-anchor:middle}
.gitreg-lineage .box{stroke-width:1.5px}
.gitreg-lineage .focus>.box{stroke-width:3px}
.gitreg-lineage .state-running>.box,.gitreg-lineage .state-unpublished>.box{stroke-dasharray:6 4}
.gitreg-lineage .unknown>.box{stroke-dasharray:1.5 3.5;stroke-linecap:round}
.gitreg-lineage .inner,.gitreg-lineage .rule,.gitreg-lineage .mark{fill:none}
.gitreg-lineage .edge path{fill:none;stroke-width:1.5px}
.gitreg-lineage .used path{stroke-dasharray:6 4}
"""


def tone_of(node: Node) -> Tone:
    """The colours of a node's box."""
    if node.kind == "artifact":
        return "artifact"
    if node.kind == "run":
        return {"running": "running", "failed": "failed", "crashed": "failed"}.get(node.state, "run")  # type: ignore[return-value]
    return "neutral"


def style_sheet(theme: ThemeName) -> str:
    """The text of the one <style> element; 'auto' follows the reader's system."""
    shape = _SHAPE.replace("FONTS", FONTS)
    if theme == "dark":
        return shape + _colours(DARK)
    if theme == "light":
        return shape + _colours(LIGHT)
    return shape + _colours(LIGHT) + "@media (prefers-color-scheme:dark){\n" + _colours(DARK) + "}\n"


def _colours(theme: Theme) -> str:
    scope = ".gitreg-lineage"
    rules = [
        f"{scope} .page{{fill:{theme.page}}}",
        f"{scope} text{{fill:{theme.text}}}",
        f"{scope} text.small{{fill:{theme.muted}}}",
        f"{scope} .edge path{{stroke:{theme.edge}}}",
        f"{scope} .edge polygon{{fill:{theme.edge}}}",
        f"{scope} .mark{{stroke:{theme.muted}}}",
    ]
    for tone, (fill, border) in theme.tones.items():
        rules.append(f"{scope} .tone-{tone}>.box{{fill:{fill};stroke:{border}}}")
        rules.append(f"{scope} .tone-{tone}>.inner,{scope} .tone-{tone}>.rule{{stroke:{border}}}")
    return "\n".join(rules) + "\n"
