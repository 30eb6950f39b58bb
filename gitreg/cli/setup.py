"""`gitreg init` and `gitreg status`: setting a repository up, and what is not published or not set up yet."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from gitreg.cli import console, context
from gitreg.data.config import is_project
from gitreg.data.urls import parse_storage_url
from gitreg.git import hooks
from gitreg.registry import pending
from gitreg.registry import setup as registry_setup
from gitreg.registry.repository import Registry


@click.command(
    "init",
    epilog=context.examples("gitreg init --storage ../storage", "gitreg init --storage s3://our-bucket/models"),
)
@click.option("--storage", metavar="URL_OR_PATH", help="Where published bytes go: a folder, s3://, ssh://, ...")
@click.option("--remote", metavar="NAME", help="The Git remote that is the registry. Default: origin.")
def init(storage: str | None, remote: str | None) -> None:
    """Make this repository a registry. Running it again brings the set-up up to date and changes nothing else.

    Writes .dvc/ as 'dvc init' does (to be committed), the remote's fetch refspec, and a pre-push hook, so that
    'git push' publishes. Everybody who publishes from a clone runs it there once; reading needs no 'init'.
    """
    with context.opened() as registry:
        done = registry_setup.init(registry, storage=_absolute(storage), remote=remote, command=own_command())
        worktree = registry.git.worktree
        name = registry.remote
    for path in done.created:
        console.say(f"created {path.relative_to(worktree) if worktree else path}")
    console.say(f"storage: {done.storage}" if done.storage else "storage: none yet; gitreg init --storage URL_OR_PATH")
    if storage and done.storage and done.storage.path:
        console.say("note: others need this folder at the same path, or a URL of their own: dvc remote modify --local")
    if done.remote:
        console.say(f"registry remote: {done.remote}")
    else:
        console.say(f"registry remote: none yet; versions stay here. Add one: git remote add {name} URL && gitreg init")
    console.say(f"hook: {done.hook.words}")
    if done.hook.lines:
        console.say(f"to publish with 'git push', add this to '{done.hook.path}':\n{done.hook.lines.rstrip()}")
    if done.created or storage:
        console.say("commit it: git add .dvc .dvcignore && git commit -m 'set up gitreg'")


def _absolute(storage: str | None) -> str | None:
    """A path is taken from where the command is run; a URL stays. Raises: UsageError for what is no storage."""
    if storage is None or "://" in storage or storage.startswith("~"):
        return storage
    # as it was written: made absolute, anything is a path
    parse_storage_url(storage)
    return str(context.path(storage).resolve())


def own_command() -> str:
    """The `gitreg` that is running, for shells that have none on their PATH."""
    beside = Path(sys.executable).parent / "gitreg"
    found = str(beside) if beside.exists() else shutil.which("gitreg") or ""
    return str(Path(found).absolute()) if found else ""


@click.command("status")
@context.json_option
def status(*, as_json: bool) -> None:
    """Show what is not published yet, and what is not set up."""
    with context.opened() as registry:
        found = pending.collect(registry)
        notes = pending.exposed(registry, found) if registry.has_remote else []
        hook = hooks.state(registry.git)
        storage = _storage(registry)
        remote = registry.remote if registry.has_remote else ""
        is_server = registry.is_server
    versions = [str(version.name) for version in found.versions]
    moves = [f"{alias.moves[-1].record.subject} ({alias.name.collection})" for alias in found.aliases]
    runs = [run.record.name for run in found.runs.values()]
    if as_json:
        console.document(
            "status",
            {
                "remote": remote,
                "storage": storage,
                "hook": {"kind": hook.kind, "path": str(hook.path), "words": hook.words},
                "pending": {
                    "versions": versions,
                    "runs": [{"id": run.record.id, "name": run.record.name} for run in found.runs.values()],
                    "aliases": [str(alias.name) for alias in found.aliases],
                },
                "notes": notes,
            },
        )
        return
    if is_server:
        console.out("a bare repository without a registry remote: what is here is published")
        return
    console.out(f"remote   {remote or 'none: nothing can be published'}")
    console.out(f"storage  {storage or 'none: gitreg init --storage URL_OR_PATH'}")
    console.out(f"hook     {hook.words}")
    if not found:
        console.out("\nnothing is waiting to be published")
        return
    console.out("\nnot published yet ('git push' or 'gitreg push' publishes)")
    for title, names in (("version", versions), ("alias", moves), ("run", runs)):
        for name in names:
            console.out(f"  {title:<8} {name}")
    for note in notes:
        console.out(f"  note: {note}")


def _storage(registry: Registry) -> str:
    """The default storage for people, '' when there is none or no project yet."""
    worktree = registry.git.worktree
    if worktree is None or not is_project(worktree):
        return ""
    return str(registry.project.default_storage or "")
