"""`gitreg put` and `gitreg link`: making versions by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from gitreg.cli import console, context, human
from gitreg.cli.run import started
from gitreg.data.cache import walk_directory
from gitreg.errors import UsageError
from gitreg.records.names import AliasName, CollectionName, check_alias
from gitreg.registry import aliases, versions
from gitreg.registry.draft import Draft
from gitreg.registry.links import link as link_version
from gitreg.registry.protection import check_direct
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version
from gitreg.sdk.targets import check_type


@click.command(
    "put",
    epilog=context.examples(
        "gitreg put data/ --name mnist_dataset --type dataset",
        "gitreg put model.pt --name mnist_model --type model --use mnist_dataset:latest --metadata accuracy=0.97",
    ),
)
@click.argument("source", metavar="PATH", type=context.Place())
@click.option("--name", required=True, metavar="COLLECTION", help="Such as mnist_model.")
@click.option("--type", "type_", required=True, metavar="TYPE", help="Such as dataset or model.")
@click.option("--alias", "alias_names", multiple=True, metavar="ALIAS", help="Set an alias on it; may be repeated.")
@click.option("--use", "uses", multiple=True, metavar="REF", help="A version that it was made from; may be repeated.")
@click.option(
    "--metadata",
    multiple=True,
    metavar="K=V",
    type=context.TEXT,
    help="A fact; the value is read as YAML. May be repeated.",
)
@click.option("--description", default="", type=context.TEXT, help="What it is, in words.")
def put(
    *,
    source: Path,
    name: str,
    type_: str,
    alias_names: tuple[str, ...],
    uses: tuple[str, ...],
    metadata: tuple[str, ...],
    description: str,
) -> None:
    """Log the file or folder PATH as a new version, and print its name.

    Inside 'gitreg run' it belongs to that run, otherwise to a run of its own. The same content as the newest version
    makes no new version.
    """
    collection = CollectionName.parse(name)
    for alias in alias_names:
        check_alias(alias)
    if not type_.strip():
        raise UsageError("the type is empty", hint="write --type dataset, --type model, or a word of your own")
    check_type(type_)
    draft = Draft(collection, type_, _files(source), description, context.pairs(metadata, "--metadata"))
    with context.opened() as registry:
        inputs = [context.version(registry, use) for use in uses]
        check_direct(registry, [AliasName(collection, alias) for alias in alias_names])
        with started(registry, job_type="put") as run:
            for found in inputs:
                run.use(found)
            version, created = run.log_artifact(draft)
            moved = _move_aliases(registry, version, alias_names, "set when it was logged")
            record = versions.record(registry, version)
    if created:
        content = f"{human.plural(record.files, 'file')}, {human.size(record.size)}"
        console.say(f"logged {version.name}: {content}; {context.published_by(registry)}")
    else:
        console.say(f"the same content is {version.name} already; no new version was made")
        if metadata or description:
            console.warn(f"{version.name} keeps its metadata and description; what was given now is not recorded")
    _tell(version, moved, undo=created and not context.attached_run())
    console.out(str(version.name))


def _move_aliases(registry: Registry, version: Version, names: Sequence[str], reason: str) -> list[AliasName]:
    """Set aliases on a version; those that had named another one, or nothing."""
    found = [AliasName(version.name.collection, name) for name in dict.fromkeys(names)]
    return [name for name in found if aliases.move(registry, name, version, reason=reason)[1]]


def _tell(version: Version, moved: Sequence[AliasName], *, undo: bool) -> None:
    for name in moved:
        console.say(f"{name} -> {version.name.label}")
    if undo:
        console.say(f"undo with: gitreg drop {version.name}")


def _files(source: Path) -> dict[str, Path]:
    """The files of a path that the user wrote: itself, or all below it. Raises: UsageError, StorageError."""
    path = context.path(source)
    if path.is_dir():
        return walk_directory(path)
    if not path.exists():
        raise UsageError(f"'{source}' does not exist", hint="name a file or a folder")
    return {path.name: path}


@click.command("link", epilog=context.examples("gitreg link mnist_model:v0 model/MNIST --alias staging"))
@click.argument("reference", metavar="REF")
@click.argument("target", metavar="REGISTRY/NAME")
@click.option("--alias", "alias_names", multiple=True, metavar="ALIAS", help="Set an alias on it; may be repeated.")
def link(reference: str, target: str, alias_names: tuple[str, ...]) -> None:
    """Make the version REF a version of the registered model REGISTRY/NAME, such as model/MNIST, and print its name."""
    name = CollectionName.parse(target)
    if not name.space:
        raise UsageError(f"'{target}' names no registry", hint=f"write model/{target}")
    for alias in alias_names:
        check_alias(alias)
    with context.opened() as registry:
        source = context.version(registry, reference)
        check_direct(registry, [AliasName(name, alias) for alias in alias_names])
        version, created = link_version(registry, source, name)
        moved = _move_aliases(registry, version, alias_names, "set when it was linked")
        if created:
            console.say(f"linked {source.name} as {version.name}; {context.published_by(registry)}")
        else:
            console.say(f"{source.name} is {version.name} already")
    _tell(version, moved, undo=created)
    console.out(str(version.name))
