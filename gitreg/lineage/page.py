"""The graph as one HTML page that stands alone: picture, list and details, for light, dark and print.

Everything is in the markup, so the page is whole without its script, which only makes it lively. Nothing is fetched:
the page's own policy forbids it, and allows its style sheet and scripts by their hashes.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from string import Template

from gitreg.lineage.collapse import collapse
from gitreg.lineage.details import Entries, anchors, joined, plain
from gitreg.lineage.graph import Graph
from gitreg.lineage.svg import draw
from gitreg.lineage.theme import DARK, LIGHT, Theme, style_sheet

_LIVELY = "document.documentElement.classList.add('live')"
_LINES = {"logged": "logged", "used": "used", "derived": "made from it"}
_KINDS = {"artifact": "version", "run": "run", "collapsed": "group", "unknown": "unknown input"}
_TONES = {"run": "run", "artifact": "artifact"}


def to_html(graph: Graph, *, collapsed: bool = True) -> str:
    """Make the page. `collapsed` draws many alike siblings as one box; the list has each of them anyway."""
    drawn = collapse(graph) if collapsed else graph
    everything = joined(graph, drawn)
    names = anchors(everything.nodes)
    places: dict[str, int] = {}
    for number, node in enumerate(drawn.nodes):
        places |= dict.fromkeys((node.id, *node.members), number)
    picture = draw(drawn, anchors=[names[node.id] for node in drawn.nodes])
    entries = Entries(everything, names, places)
    style, script = _style(_asset("page.css")), _asset("page.js")
    return Template(_asset("page.html")).substitute(
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(_LIVELY)} {_hash(script)};"
        " base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'",
        title=plain(graph.title),
        tally=_tally(graph),
        style=style,
        lively=_LIVELY,
        script=script,
        legend="".join(_legend(drawn)),
        width=f"{picture.width:.0f}",
        height=f"{picture.height:.0f}",
        picture=picture.body,
        list="\n".join(entries.table()),
        details="\n".join(entries.articles()),
    )


def _asset(name: str) -> str:
    return files("gitreg.lineage").joinpath("assets").joinpath(name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    """What a content security policy calls an inline element of this content."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _style(sheet: str) -> str:
    """The colours of both themes, then the page's own rules. Paper is always light."""
    light, dark = _colours(LIGHT) + style_sheet("light"), _colours(DARK) + style_sheet("dark")
    return f"{light}@media screen and (prefers-color-scheme:dark){{\n{dark}}}\n{sheet}"


def _colours(theme: Theme) -> str:
    """A theme as variables: of the page, and of every element with a tone."""
    root = f":root{{--page:{theme.page};--text:{theme.text};--muted:{theme.muted};--edge:{theme.edge}}}\n"
    return root + "".join(
        f".tone-{tone}{{--fill:{fill};--tone:{line}}}\n" for tone, (fill, line) in theme.tones.items()
    )


def _tally(graph: Graph) -> str:
    """How many there are of what: '12 versions, 9 runs, 1 of them failed'."""
    kinds = Counter[str](node.kind for node in graph.nodes)
    states = Counter(node.state for node in graph.nodes if node.kind == "run")
    words = [f"{kinds[kind]:,} {word}{'' if kinds[kind] == 1 else 's'}" for kind, word in _KINDS.items() if kinds[kind]]
    words += [f"{states[state]:,} {state}" for state in ("running", "failed", "crashed") if states[state]]
    return " · ".join(words) or "no runs and no versions"


def _legend(graph: Graph) -> Iterator[str]:
    """The meaning of the boxes and lines that occur."""
    kinds, lines = ({node.kind for node in graph.nodes}, {edge.kind for edge in graph.edges})
    for kind, word in _KINDS.items():
        if kind in kinds:
            yield f'<li><i class="icon {kind} tone-{_TONES.get(kind, "neutral")}"></i>{word}</li>'
    for line, word in _LINES.items():
        if line in lines:
            yield f'<li><i class="line {line}"></i>{word}</li>'
