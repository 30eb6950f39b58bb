"""`gitreg lineage`: the graph of runs and versions, as picture, text or data."""

from __future__ import annotations

from pathlib import Path

import click

from gitreg.cli import console, context, human
from gitreg.errors import UsageError
from gitreg.lineage import build
from gitreg.lineage.collapse import collapse
from gitreg.lineage.graph import Graph, without_runs

_TEXTUAL = "text"


def _render(graph: Graph, form: str) -> str:
    """The graph in one of the formats; each renderer is imported when it is used."""
    if form == "svg":
        from gitreg.lineage.svg import to_svg

        return to_svg(graph)
    if form == "dot":
        from gitreg.lineage.dot import to_dot

        return to_dot(graph)
    if form == "json":
        from gitreg.lineage.jsonform import to_document

        return console.json_text(to_document(graph))
    from gitreg.lineage.text import to_text

    return to_text(graph)


def _depth(context_: click.Context, parameter: click.Parameter, value: str) -> int | None:
    """`all`, or a number of steps."""
    del context_, parameter
    if value == "all":
        return None
    if not value.isdecimal() or len(value) > 9:
        raise click.BadParameter("write a number, or 'all'")
    return int(value)


@click.command(
    "lineage",
    epilog=context.examples(
        "gitreg lineage model/MNIST:production",
        "gitreg lineage mnist_model:v0 --down 0 -o lineage.svg",
        "gitreg lineage --all --format json",
    ),
)
@click.argument("reference", metavar="[REF]", required=False)
@click.option("--all", "everything", is_flag=True, help="The whole registry.")
@click.option("--format", "form", type=click.Choice(["svg", "dot", "text", "json"]), help="Default: by -o, else text.")
@click.option("-o", "--output", type=context.Place(dir_okay=False), help="Write to a file.")
@click.option("--up", default="all", callback=_depth, metavar="N", help="At most N steps towards the inputs.")
@click.option("--down", default="all", callback=_depth, metavar="N", help="At most N steps towards what came of it.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--no-runs", is_flag=True, help="Versions only.")
@click.option("--no-collapse", is_flag=True, help="Show each of many alike runs.")
def lineage(
    reference: str | None,
    form: str | None,
    output: Path | None,
    up: int | None,
    down: int | None,
    *,
    everything: bool,
    as_json: bool,
    no_runs: bool,
    no_collapse: bool,
) -> None:
    """Draw what the version REF was made from, and what was made from it."""
    if (reference is None) != everything:
        raise UsageError("name one version, or --all", hint="gitreg lineage NAME:ALIAS")
    chosen = "json" if as_json else form or (output.suffix.removeprefix(".") if output else _TEXTUAL)
    if chosen not in ("svg", "dot", "text", "txt", "json"):
        raise UsageError(f"'{output}' does not say which format", hint="add --format svg, dot, text or json")
    with context.opened() as registry:
        if reference is None:
            graph = build.whole(registry)
        else:
            graph = build.lineage_of(registry, context.version(registry, reference), up=up, down=down)
    if no_runs:
        graph = without_runs(graph)
    if not no_collapse and chosen != "json":
        graph = collapse(graph)
    text = _render(graph, chosen)
    if output is None:
        click.echo(text, nl=False)
        return
    context.path(output).write_text(text, encoding="utf-8")
    console.say(f"wrote {output}: {human.plural(len(graph.nodes), 'node')}")
