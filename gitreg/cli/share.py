"""`gitreg push` and `gitreg fetch`: publishing what is pending, bringing what others published."""

from __future__ import annotations

import click

from gitreg.cli import console, context, human
from gitreg.errors import LostRaceError, PublishError
from gitreg.registry.fetch import fetch as fetch_all
from gitreg.registry.publish import Report, publish

_SHOWN = 20


@click.command("push")
def push() -> None:
    """Publish what is pending: bytes to the storage, then versions and runs, then aliases, to the registry remote.

    'git push' does the same through the hook that 'gitreg init' installs. Long uploads are better done here first.
    """
    with context.opened() as registry:
        report = publish(registry)
        remote = registry.remote
    tell(report, remote)


def tell(report: Report, remote: str) -> None:
    """Say what was published. Raises: LostRaceError or PublishError when something was refused."""
    for old, new in report.renumbered.items():
        console.say(f"{old} is now {new.label}: somebody else published {old.label} first")
    if report.objects:
        console.say(f"uploaded {human.plural(report.objects, 'object')}, {human.size(report.bytes)}")
    for version in sorted(report.versions):
        console.say(f"published {version}")
    for line in report.aliases:
        console.say(f"published {line}")
    if report.runs:
        console.say(f"published {human.plural(report.runs, 'run')} to '{remote}'")
    for warning in report.warnings:
        console.say(f"note: {warning}")
    for refusal in report.refused:
        console.say(f"refused: {refusal.name}: {refusal.why}")
    if not report.refused:
        if not (report.versions or report.aliases or report.runs):
            console.say("nothing to publish")
        return
    lines = [f"{refusal.name}: {refusal.why}" for refusal in report.refused]
    message = f"{human.plural(len(lines), 'change')} could not be published and stay pending"
    if all(refusal.lost_race for refusal in report.refused):
        aliases = [refusal.name for refusal in report.refused if refusal.is_alias]
        again = "take what is there: gitreg alias reset {}; or set it again, and push again"
        raise LostRaceError(message, hint=again.format(aliases[0]) if aliases else "push again")
    raise PublishError(message, lines, hint="'gitreg status' lists what is pending")


@click.command("fetch")
def fetch() -> None:
    """Bring versions, runs and aliases that others have published. What is pending here stays as it is."""
    with context.opened() as registry:
        found = fetch_all(registry)
        remote = registry.remote
    for version in found.conflicts:
        console.say(f"warning: tag '{version.tag}' is not the same here and on '{remote}'; versions must never move")
    for version, tag in found.blocked.items():
        console.say(f"warning: '{version}' cannot be brought: your tag '{tag}' is in its place")
        console.say(f"hint: rename your tag: git tag {tag}-old {tag} && git tag -d {tag}")
    console.say(f"'{remote}' has {human.plural(len(found.tags), 'version')}, {len(found.new) or 'none'} new here")
    for version in found.new[:_SHOWN]:
        console.say(f"  {version}")
    if len(found.new) > _SHOWN:
        console.say(f"  ... and {len(found.new) - _SHOWN} more")
