"""`gitreg hook`: guarding the repository on a server, and what the hooks there and in a clone call."""

from __future__ import annotations

import os
import shlex
import sys
from itertools import islice
from pathlib import Path

import click

from gitreg.cli import console, context
from gitreg.cli.parent import push_arguments
from gitreg.cli.setup import own_command
from gitreg.cli.share import tell
from gitreg.errors import Error, RefusedError
from gitreg.git import server_hooks
from gitreg.promotion import guard
from gitreg.registry import prepush
from gitreg.registry.publish import publish
from gitreg.registry.repository import Registry

_AROUND = "push without publishing: git push --no-verify; or for good: git config gitreg.publish manual"


# A pusher reads the first ones; what is behind them has the same reason more often than not.
_TOLD = 20


@click.group("hook")
def hook() -> None:
    """Guard the repository on a server that others push to."""


@hook.command(
    "install",
    epilog=context.examples(
        "gitreg hook install --server models.git", "gitreg hook install --server custom_hooks/pre-receive.d"
    ),
)
@click.option(
    "--server",
    "place",
    type=context.Place(file_okay=False),
    required=True,
    metavar="PATH",
    help="The bare repository, or a server's folder 'pre-receive.d'.",
)
def install(place: Path) -> None:
    """Install the hook that guards a bare repository.

    It refuses pushes that delete, move or falsify versions, that take back a record, or that move a protected alias to
    what the default branch does not ask for. Hooks that are there are kept, and run too. On Gitea, Forgejo and GitLab
    it goes beside their own.
    """
    done = server_hooks.install(context.path(place), command=own_command())
    console.say(f"{'created' if done.new else 'there already:'} {_shown(done.path)}")
    if done.kept:
        console.say(f"the hook that was there before runs first: {_shown(done.kept)}")
    if done.unborn:
        console.say(f"note: nothing is protected before there is the default branch, '{done.unborn}'")
    if done.forced:
        console.say("note: a forced push could take back what is merged. Where nothing else protects branches:")
        console.say(f"  git -C {shlex.quote(str(place))} config receive.denyNonFastForwards true")
    if done.new:
        back = f"mv {shlex.quote(_shown(done.kept))}" if done.kept else "rm"
        console.say(f"undo with: {back} {shlex.quote(_shown(done.path))}")


def _shown(path: Path) -> str:
    """A path from where the command is run."""
    return os.path.relpath(path, context.directory())


@hook.command("pre-receive", hidden=True)
def pre_receive() -> int:
    """Refuse a push that would harm the registry on this server. Reads what git tells the hook of that name."""
    updates = guard.parse_lines(sys.stdin.buffer.read().decode("utf-8", "surrogateescape"))
    # not what a run around a push into a folder would join
    with Registry.opened(context.directory()) as registry:
        registry.objects = guard.BoundedObjects(registry.git)
        found = guard.refusals(registry, updates)
        told = list(islice(found, _TOLD))
        for refusal in told:
            console.fail(RefusedError(refusal.words, hint=refusal.hint or None))
        more = sum(1 for _ in found)
    if more:
        console.say(f"and {more} more")
    return RefusedError.exit_code if told else 0


@hook.command("pre-push", hidden=True)
@click.option("--parent", type=click.IntRange(min=1), required=True, help="The process that runs the hook: git push.")
@click.argument("remote")
@click.argument("url")
def pre_push(parent: int, remote: str, url: str) -> int:
    """Publish what is pending before git pushes, and refuse a push that would harm the registry."""
    lines = prepush.parse_lines(sys.stdin.buffer.read().decode("utf-8", "surrogateescape"))
    arguments = push_arguments(parent) or []
    console.settings.quiet |= prepush.is_quiet(arguments)
    with context.opened() as registry:
        ours = prepush.acts_for(registry.git, remote, url, registry.remote)
        prepush.check(registry, lines, ours=ours)
        if not ours:
            return 0
        mode = registry.git.config("gitreg.publish", "hook")
        if prepush.is_dry_run(arguments):
            if mode != "manual":
                console.say("gitreg: a dry run publishes nothing")
            return 0
        versions = prepush.new_versions(registry, lines)
        if mode == "manual":
            if versions:
                raise RefusedError(f"the bytes of '{versions[0]}' are on no storage yet", hint="first: gitreg push")
            return 0
        try:
            report = publish(registry, leave=prepush.left_to_git(lines), pushing=prepush.pushed_branches(lines))
            if report.versions or report.aliases or report.edits or report.runs or report.refused:
                tell(report, registry.remote)
        except Error as error:
            console.fail(error)
            console.say(f"hint: {_AROUND}")
            # a version must not get there without its bytes, whatever is configured
            return 0 if mode == "warn" and not versions else 1
    return 0
