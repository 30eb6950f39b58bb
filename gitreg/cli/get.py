"""`gitreg get`: a version's files on disk, every byte checked."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import click

from gitreg.cli import console, context, human
from gitreg.data.follow import follow, hosts
from gitreg.data.materialise import default_folder, stranger
from gitreg.errors import Error, UsageError
from gitreg.records.listing import Listing
from gitreg.registry import contents, versions
from gitreg.registry.repository import Registry

_HOSTS = 3


@click.command(
    "get",
    epilog=context.examples(
        "gitreg get mnist_dataset",
        "gitreg get model/MNIST:production -o deployed",
        "gitreg get model/MNIST:production --repo https://git.example.org/team/models.git",
    ),
)
@click.argument("reference", metavar="REF")
@click.option(
    "-o",
    "--output",
    type=context.Place(file_okay=False),
    help="The folder to write into. Default: artifacts/NAME:vN",
)
@click.option("--references", is_flag=True, help="Also fetch the files that the version only refers to.")
@click.option("--repo", metavar="URL", help="Read this repository, of which no clone is needed.")
@click.option("--storage", metavar="URL", help="With --repo: take the bytes from here, whatever the version names.")
@click.option("--offline", is_flag=True, help="With --repo: ask nobody, and take what was fetched before.")
def get(
    reference: str, output: Path | None, *, references: bool, repo: str | None, storage: str | None, offline: bool
) -> None:
    """Write a version's files and print the folder, and nothing else, on standard output.

    The bytes come from the cache or the storage and are checked against the sha256 in the version's commit. Other files
    in the folder are left alone.

    What a version refers to elsewhere is fetched with --references only: whoever made the version wrote where that is,
    and servers are asked. A file of this machine is copied when it has the recorded hash, a server's when its etag is
    the recorded one.

    With --repo, an address as for 'git clone', only what the version needs is fetched, with git's own credentials, and
    kept in the user's cache. A version that was fetched is not asked for again; an alias is, each time.
    """
    with _opened(repo, storage, offline=offline) as registry:
        version = context.version(registry, reference)
        found = versions.details(registry, version)
        source = found.record.link.version if found.record.link else version.name
        target = output or Path("artifacts") / str(source)
        place = context.path(output) if output else default_folder(context.directory(), str(source), make=True)
        listing = contents.write_out(registry, found, place)
        left_out: list[Error] = []
        if references and listing.references:
            console.say(f"fetching {_references(listing)}")
            left_out = follow(registry.project, listing.references, place, registry.progress, allow_missing=True)
        other = stranger(listing, place)
        if repo is None:
            context.tell_unfetched(registry)
    console.say(f"got {version}: {human.plural(len(listing), 'file')}, {human.size(listing.size)}, checked")
    if listing.references and not references:
        console.say(f"note: not fetched: {_references(listing)}; --references fetches what can be checked")
    if other:
        console.say(f"note: the folder has other files too, such as '{other}'; they do not belong to {version.name}")
    for error in left_out[1:]:
        console.warn(str(error))
    if left_out:
        raise left_out[0]
    console.out(str(target))


def _opened(repo: str | None, storage: str | None, *, offline: bool) -> AbstractContextManager[Registry]:
    """The repository around the command's directory, or the one of --repo. Raises: UsageError."""
    if repo is not None:
        return context.elsewhere(repo, storage, offline=offline)
    if storage is not None or offline:
        option = "--offline" if storage is None else "--storage"
        raise UsageError(f"'{option}' is for a repository elsewhere", hint="name it: --repo URL")
    return context.opened()


def _references(listing: Listing) -> str:
    """`2 references to s3://bucket`."""
    asked = hosts(listing.references)
    more = f" and {len(asked) - _HOSTS} more" if len(asked) > _HOSTS else ""
    return f"{human.plural(len(listing.references), 'reference')} to {', '.join(asked[:_HOSTS])}{more}"
