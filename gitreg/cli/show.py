"""`gitreg show`: what is known of one thing. Needs no network, no lock and no write access."""

from __future__ import annotations

import json

import click

from gitreg.cli import console, context, documents, human
from gitreg.registry import versions

_SHOWN = 20


@click.command(
    "show", epilog=context.examples("gitreg show model/MNIST:production", "gitreg show mnist_model:v0 --json")
)
@click.argument("reference", metavar="REF")
@context.json_option
def show(reference: str, *, as_json: bool) -> None:
    """Show a version: its metadata, files, run, inputs, aliases and who used it.

    REF is NAME:v3, NAME:ALIAS, or NAME for the newest version.
    """
    with context.opened() as registry:
        found = versions.details(registry, context.version(registry, reference))
        page = documents.version_page(registry, found)
    if as_json:
        console.document("show", page)
        return
    run = found.run
    console.out(str(found.version))
    facts = [
        ("type", found.artifact.type),
        ("aliases", ", ".join(page["aliases"])),  # type: ignore[arg-type]
        ("description", found.artifact.description),
        ("content", f"{human.plural(found.artifact.files, 'file')}, {human.size(found.artifact.size)}"),
        ("created", f"{page['created']} by {page['by']}"),
        ("run", f"{run.name} ({run.id})" + (f", {run.job_type}" if run.job_type else "")),
        ("code", found.run.code.commit.short + (" (with uncommitted changes)" if run.code.snapshot else "")),
        ("link to", str(found.record.link.version) if found.record.link else ""),
        ("linked as", ", ".join(page["links"]) if not found.record.link else ""),  # type: ignore[arg-type]
        ("commit", str(found.version.commit)),
        ("digest", found.artifact.digest),
    ]
    for title, text in facts:
        if text:
            console.out(f"  {title:<12} {text}")
    _section("metadata", found.artifact.metadata.items())
    _section("config", run.config.items())
    _section("summary", run.summary.items())
    _section("inputs", ((f"{use['artifact']}:{use['version']}", "") for use in page["inputs"]))  # type: ignore[attr-defined]
    _section("used by", ((user["name"], user["job_type"]) for user in page["used_by"]))  # type: ignore[attr-defined]
    files = page["files"]
    if not isinstance(files, list):
        console.say("the list of files is not here; 'gitreg get' brings it")
    else:
        _section("files", ((file["path"], human.size(file["size"])) for file in files[:_SHOWN]))
        if len(files) > _SHOWN:
            console.out(f"  ... and {len(files) - _SHOWN} more; --json lists all")


def _section(title: str, items: object) -> None:
    """A titled block of pairs; nothing when there are none."""
    pairs = [(str(key), _short(value)) for key, value in items]  # type: ignore[attr-defined]
    if pairs:
        console.out(f"\n{title}")
        width = max(len(key) for key, _ in pairs)
        for key, value in pairs:
            console.out(f"  {key:<{width}}  {value}".rstrip())


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
