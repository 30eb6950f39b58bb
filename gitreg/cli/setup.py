"""`gitreg init` and `gitreg status`: setting a repository up, and what is not published or not set up yet."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

import click

from gitreg.cli import console, context
from gitreg.data.config import Storage, is_project
from gitreg.git import hooks
from gitreg.registry import editing, pending
from gitreg.registry import setup as registry_setup
from gitreg.registry.pending import PendingAlias
from gitreg.registry.repository import Registry
from gitreg.registry.setup import SetUp


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
        before = _storage(registry)
        where = context.storage_address(storage)
        done = registry_setup.init(registry, storage=where, remote=remote, command=own_command())
        name = registry.remote
    created = [_shown(path) for path in done.created]
    if created:
        console.say(f"created {', '.join(created)}")
    elif storage:
        console.say("wrote the storage into .dvc/config")
    if "hook" in done.new:
        console.say(f"created {_shown(done.hook.path)}: {done.hook.words}")
    else:
        console.say(f"hook: {done.hook.words}")
    console.say(f"storage: {done.storage}" if done.storage else "storage: none yet; gitreg init --storage URL_OR_PATH")
    if storage and done.storage and done.storage.path:
        console.say("note: others need this folder at the same path, or a URL of their own:")
        console.say("      dvc remote modify --local")
    if done.remote:
        fetched = "; 'git fetch' brings its runs and aliases from now on" if "refspec" in done.new else ""
        console.say(f"registry remote: {done.remote}{fetched}")
    else:
        console.say("registry remote: none yet; versions stay here. Add one:")
        console.say(f"  git remote add {name} URL && gitreg init")
    if done.hook.lines:
        console.say(f"to publish with 'git push', add this to '{done.hook.path}':\n{done.hook.lines.rstrip()}")
    if created or storage:
        console.say("commit it: git add .dvc .dvcignore && git commit -m 'set up gitreg'")
    undo = _undo(done, before, storage)
    if undo:
        console.say(f"undo with: {undo}")


def _undo(done: SetUp, before: Storage | None, storage: str | None) -> str:
    """The shell line that takes back what is new, '' for nothing."""
    files = list(done.created)
    steps = []
    if before and before != done.storage:
        steps.append(f"gitreg init --storage {shlex.quote(before.url)}")
    elif storage and not before and not files and done.storage:
        steps.append(f"dvc remote remove {shlex.quote(done.storage.name)}")
    if "hook" in done.new:
        kept = done.hook.path.with_name(hooks.KEPT)
        if kept.exists():
            steps.append(f"mv {_word(kept)} {_word(done.hook.path)}")
        else:
            files.append(done.hook.path)
    if files:
        steps.append(f"rm {' '.join(map(_word, files))}")
    if "refspec" in done.new:
        steps.append(f"git config --unset remote.{shlex.quote(done.remote)}.fetch refs/gitreg")
    return " && ".join(steps)


def _shown(path: Path) -> str:
    """A path from where the command is run."""
    return os.path.relpath(path, context.directory())


def _word(path: Path) -> str:
    return shlex.quote(_shown(path))


def own_command() -> str:
    """The `gitreg` that is running, for shells that have none on their PATH."""
    beside = Path(sys.executable).parent / "gitreg"
    found = str(beside) if beside.exists() else shutil.which("gitreg") or ""
    return str(Path(found).absolute()) if found else ""


@click.command("status", epilog=context.examples("gitreg status", "gitreg status --drift"))
@click.option("--drift", is_flag=True, help="Show aliases that are not where the default branch wants them.")
@context.json_option
def status(*, drift: bool, as_json: bool) -> int:
    """Show what is not published yet, and what is not set up.

    With --drift: which aliases differ from what .gitreg/aliases/ says on the default branch, and which protected ones
    were moved past it, as of the last fetch. Exit code 0: none, 3: some, 1: a file cannot be read.
    """
    with context.opened() as registry:
        if drift:
            from gitreg.cli import drift as drifting

            return drifting.show(registry, as_json=as_json)
        found = pending.collect(registry)
        notes = pending.exposed(registry, found) if registry.has_remote else []
        hook = hooks.state(registry.git)
        storage = _storage(registry)
        remote = registry.remote if registry.has_remote else ""
        is_server = registry.is_server
        add_remote = f"git remote add {registry.remote} URL && gitreg init"
    publishes = "'git push' will publish, once there is a remote" if hook.publishes and not remote else hook.words
    versions = [str(version.name) for version in found.versions]
    moves = [_moved(alias) for alias in found.aliases]
    edits = [f"{card.name}: {editing.words(card.edits)}" for card in found.cards]
    runs = [run.record.name for run in found.runs.values()]
    if as_json:
        console.document(
            "status",
            {
                "remote": remote,
                "storage": str(storage or ""),
                "hook": {"kind": hook.kind, "path": str(hook.path), "words": publishes},
                "pending": {
                    "versions": versions,
                    "runs": [{"id": run.record.id, "name": run.record.name} for run in found.runs.values()],
                    "aliases": [str(alias.name) for alias in found.aliases],
                    "edits": [{"collection": str(card.name), "edits": len(card.edits)} for card in found.cards],
                },
                "notes": notes,
            },
        )
        return 0
    if is_server:
        console.out("a bare repository without a registry remote: what is here is published")
        return 0
    console.out(f"remote   {remote or f'none, so nothing can be published: {add_remote}'}")
    console.out(f"storage  {storage or 'none: gitreg init --storage URL_OR_PATH'}")
    console.out(f"hook     {publishes}")
    if not found:
        console.out("\nnothing is waiting to be published")
    else:
        ways = "'git push' or 'gitreg push' publishes" if hook.publishes else "'gitreg push' publishes"
        how = ways if remote else "there is no remote"
        console.out(f"\nnot published yet ({how})")
    for title, names in (("version", versions), ("alias", moves), ("edit", edits), ("run", runs)):
        for name in names:
            console.out(f"  {title:<8} {name}")
    for note in notes:
        console.out(f"  note: {note}")
    for refusal in found.refused:
        console.warn(f"{refusal.name} cannot be published: {refusal.why}")
    return 0


def _moved(alias: PendingAlias) -> str:
    """`model/Digits:production: v2 -> v3`, over all moves that are not published."""
    was, now = alias.moves[0].record.previous, alias.moves[-1].record.now
    return f"{alias.name}: {was.version.label if was else 'nothing'} -> {now.version.label if now else 'removed'}"


def _storage(registry: Registry) -> Storage | None:
    """The default storage, None when there is none or no project yet."""
    worktree = registry.git.worktree
    return registry.project.default_storage if worktree and is_project(worktree) else None
