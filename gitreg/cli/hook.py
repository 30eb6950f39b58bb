"""`gitreg hook pre-push`: what the hook of that name calls when something is pending or a version is pushed."""

from __future__ import annotations

import sys

import click

from gitreg.cli import console, context
from gitreg.cli.parent import push_arguments
from gitreg.cli.share import tell
from gitreg.errors import Error, RefusedError
from gitreg.registry import prepush
from gitreg.registry.publish import publish

_AROUND = "push without publishing: git push --no-verify; or for good: git config gitreg.publish manual"


@click.group("hook", hidden=True)
def hook() -> None:
    """What Git's hooks call."""


@hook.command("pre-push")
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
