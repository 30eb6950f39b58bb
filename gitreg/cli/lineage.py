"""`gitreg lineage`: the graph of runs and versions, as picture, page, text or data."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from gitreg.cli import console, context, human, tables
from gitreg.cli.pager import paged
from gitreg.errors import NotFoundError, UsageError
from gitreg.lineage import build
from gitreg.lineage.collapse import collapse
from gitreg.lineage.graph import Graph, without_runs
from gitreg.lineage.moves import with_move
from gitreg.lineage.theme import ThemeName
from gitreg.records.names import AliasName
from gitreg.registry import resolve
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version

_FORMATS = ("text", "svg", "png", "pdf", "html", "mermaid", "md", "dot", "json")
_SUFFIXES = {"txt": "text", "mmd": "mermaid", "htm": "html", "gv": "dot"}
_BINARY = ("png", "pdf")
_THEMED = ("svg", *_BINARY)
_WHOLE = ("json", "html")  # they hold every node; the page collapses its picture itself
_MANY = 300
_TREE = re.compile(r"(?:[│|] {2}| {3})*(?:[├└|`][─-] )?")
_BELOW = str.maketrans("├└`─-", "│    ")
_WORD = re.compile(r"\[[^\]]*\]\S*|\(see above\)|\S+")
_PAINTED = re.compile(r"\[[^\]\n]+\]|\(see above\)|\b(failed|crashed)(?=[,)])")


@dataclass(frozen=True, slots=True)
class _Look:
    """How a graph is to be drawn."""

    form: str
    theme: ThemeName
    scale: float | None
    collapsed: bool
    ascii: bool


def _render(graph: Graph, look: _Look) -> str | bytes:
    """The graph in one of the formats; each renderer is imported when it is used."""
    if look.form == "html":
        from gitreg.lineage.page import to_html

        return to_html(graph, collapsed=look.collapsed)
    if look.form == "json":
        from gitreg.lineage.jsonform import to_document

        return console.json_text(to_document(graph))
    if look.form in _BINARY:
        from gitreg.lineage.raster import to_raster

        return to_raster(graph, "pdf" if look.form == "pdf" else "png", theme=look.theme, scale=look.scale)
    if look.form == "svg":
        from gitreg.lineage.svg import to_svg

        return to_svg(graph, theme=look.theme)
    if look.form == "dot":
        from gitreg.lineage.dot import to_dot

        return to_dot(graph)
    if look.form in ("mermaid", "md"):
        from gitreg.lineage import mermaid

        return (mermaid.to_markdown if look.form == "md" else mermaid.to_mermaid)(graph)
    from gitreg.lineage.text import to_text

    return to_text(graph, plain=look.ascii)


def _print(words: str, pager: str) -> None:
    """Write words to standard output, with colours for what catches the eye, and through the pager."""
    width = tables.terminal_width()
    if width:
        words = "\n".join(part for line in words.split("\n") for part in _wrapped(line, width))
    with paged(pager):
        if console.has_color(sys.stdout):
            words = _PAINTED.sub(lambda found: console.styled(found[0], sys.stdout, fg=_paint(found[0])), words)
        click.echo(words, file=sys.stdout, nl=False, color=True)


def _wrapped(line: str, width: int) -> Iterator[str]:
    """A line of the tree in parts of at most `width` columns, cut between words; the lines of the tree go on."""
    tree = _TREE.match(line)
    assert tree
    first, *words = _WORD.findall(line[tree.end() :]) or [""]
    shown, rest = tree[0] + first, tree[0].translate(_BELOW) + "  "
    for word in words:
        if tables.cell_width(f"{shown} {word}") > width:
            yield shown
            shown = rest + word
        else:
            shown += f" {word}"
    yield shown


def _paint(words: str) -> str:
    if words.startswith("["):
        return {"+": "green", "-": "red"}.get(words[1], "yellow")
    return "bright_black" if words == "(see above)" else "red"


@dataclass(frozen=True, slots=True)
class _Move:
    """An alias that may move: to which version, and which one has it now."""

    alias: AliasName
    gains: Version
    loses: Version | None


def _move(registry: Registry, text: str) -> _Move:
    """Read COLLECTION:ALIAS=VERSION. Raises: UsageError, InvalidNameError, NotFoundError."""
    left, equals, version = text.partition("=")
    if not equals:
        raise UsageError(f"'{text}' does not say where the alias goes", hint=f"--highlight {left}=v3")
    name = resolve.alias(registry, left)
    gains = context.version(registry, f"{name.collection}:{version}")
    loses = None
    with contextlib.suppress(NotFoundError):
        loses = context.version(registry, str(name))
    return _Move(name, gains, loses)


def _graph(
    registry: Registry, reference: str | None, moves: Sequence[_Move], *, up: int | None, down: int | None
) -> Graph:
    """The lineage of a version and of those that gain or lose an alias; of everything when there is none of them."""
    versions = [version for move in moves for version in (move.gains, move.loses) if version]
    if reference is not None:
        versions.insert(0, context.version(registry, reference))
    return build.lineage_of(registry, versions[0], also=versions[1:], up=up, down=down)


def _depth(context_: click.Context, parameter: click.Parameter, value: str) -> int | None:
    """`all`, or a number of steps."""
    del context_, parameter
    if value == "all":
        return None
    if not value.isdecimal() or len(value) > 9:
        raise click.BadParameter("write a number, or 'all'")
    return int(value)


def _scale(context_: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """A number from 0.1 to 20."""
    del context_, parameter
    with contextlib.suppress(ValueError):
        if value is None or 0.1 <= float(value) <= 20:
            return None if value is None else float(value)
    raise click.BadParameter("write a number from 0.1 to 20")


def _form(form: str | None, output: Path | None) -> str:
    """The format that was asked for, or that the file's name ends with. Raises: UsageError."""
    if form is None and output is not None:
        suffix = output.suffix.removeprefix(".").lower()
        form = _SUFFIXES.get(suffix, suffix)
        if form not in _FORMATS:
            raise UsageError(
                f"'{output}' does not say which format", hint=f"end it with .svg, .png, ... or add --format {_LISTED}"
            )
    form = form or "text"
    if form in _BINARY and output is None and console.is_terminal(sys.stdout):
        raise UsageError(f"a {form.upper()} is nothing for a terminal", hint=f"write it to a file: -o lineage.{form}")
    return form


_LISTED = f"{', '.join(_FORMATS[:-1])} or {_FORMATS[-1]}"


@click.command(
    "lineage",
    epilog=context.examples(
        "gitreg lineage model/MNIST:production",
        "gitreg lineage mnist_model:v0 --down 0 -o lineage.svg",
        "gitreg lineage --all --html lineage.html",
        "gitreg lineage --highlight model/MNIST:production=v3 -o comment.md",
    ),
)
@click.argument("reference", metavar="[REF]", required=False)
@click.option("--all", "everything", is_flag=True, help="The whole registry.")
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    metavar="FORMAT",
    help=f"{_LISTED}; the default is by -o, else text.",
)
@click.option("-o", "--output", type=context.Place(dir_okay=False), help="Write to a file, whose end says the format.")
@click.option("--up", default="all", callback=_depth, metavar="N", help="At most N steps towards the inputs.")
@click.option("--down", default="all", callback=_depth, metavar="N", help="At most N steps towards what came of it.")
@click.option(
    "--highlight",
    multiple=True,
    metavar="COLLECTION:ALIAS=VERSION",
    help="Show what moving an alias would change; more than once for several.",
)
@click.option("--no-runs", is_flag=True, help="Versions only.")
@click.option("--no-collapse", is_flag=True, help="Show each of many alike runs.")
@click.option("--theme", type=click.Choice(["auto", "light", "dark"]), help="Colours of SVG, PNG and PDF.")
@click.option("--scale", callback=_scale, metavar="N", help="Size of a PNG or PDF: 1 is the SVG's.")
@click.option("--html", type=context.Place(dir_okay=False), help="Write a page to look around in.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def lineage(
    reference: str | None,
    form: str | None,
    output: Path | None,
    *,
    up: int | None,
    down: int | None,
    highlight: tuple[str, ...],
    html: Path | None,
    theme: ThemeName | None,
    scale: float | None,
    everything: bool,
    as_json: bool,
    no_runs: bool,
    no_collapse: bool,
) -> None:
    """Draw what the version REF was made from, and what was made from it.

    With --highlight alone, REF is the version that gains the alias.
    """
    if everything if reference is not None else not everything and not highlight:
        raise UsageError("name one version, or --all", hint="gitreg lineage NAME:ALIAS")
    if html:
        if output or as_json or form:
            raise UsageError("--html says format and file in one", hint="leave out --format, --json and -o")
        form, output = "html", html
    chosen = "json" if as_json else _form(form, output)
    if theme and chosen not in _THEMED:
        raise UsageError(f"--theme means nothing for {chosen}", hint="it is for --format svg, png and pdf")
    if scale and chosen not in _BINARY:
        raise UsageError(f"--scale means nothing for {chosen}", hint="it is for --format png and pdf")
    with context.opened() as registry:
        pager = registry.git.config("core.pager")
        moves = [_move(registry, text) for text in highlight]
        graph = build.whole(registry) if everything else _graph(registry, reference, moves, up=up, down=down)
    for move in moves:
        graph = with_move(graph, str(move.alias.collection), move.alias.alias, move.gains.name.label)
    if no_runs:
        graph = without_runs(graph)
    look = _Look(
        chosen, theme or "auto", scale, collapsed=not no_collapse, ascii=not (output or console.has_unicode(sys.stdout))
    )
    shown = graph if no_collapse or chosen in _WHOLE else collapse(graph)
    drawn = _render(shown, look)
    if output is None:
        if isinstance(drawn, str) and chosen == "text":
            _print(drawn, pager)
        else:
            click.echo(drawn, nl=False)
        return
    context.path(output).write_bytes(drawn if isinstance(drawn, bytes) else drawn.encode())
    fewer = f", drawn as {len(shown.nodes):,}" if len(shown.nodes) < len(graph.nodes) else ""
    console.say(f"wrote {output}: {human.plural(len(graph.nodes), 'node')}{fewer}")
    if chosen in _THEMED and len(shown.nodes) > _MANY:
        console.say(
            "that is a large picture; --up, --down and --no-runs make it smaller, --html is a page to search in"
        )
