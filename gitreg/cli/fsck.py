"""`gitreg fsck`: what does not hold of what gitreg promises, and what to do about it."""

from __future__ import annotations

import click

from gitreg.cli import console, context, human
from gitreg.health import fsck as health_fsck
from gitreg.health.findings import SEVERITIES, Severity
from gitreg.health.fsck import Report

_FINDINGS = 3


@click.command(
    "fsck",
    epilog=context.examples("gitreg fsck", "gitreg fsck mnist_model", "gitreg fsck --remote --json"),
)
@click.argument("collections", metavar="[COLLECTION]...", nargs=-1)
@click.option("--remote", is_flag=True, help="Ask the registry remote too, and read all bytes on the storage.")
@context.json_option
def fsck(collections: tuple[str, ...], *, remote: bool, as_json: bool) -> int:
    """Check everything: refs, records, histories, and every byte that is here.

    Without COLLECTION all of them are checked, otherwise these with their runs and aliases. Nothing is changed: each
    finding says what to do. Errors are what does not hold of what was promised, warnings what should be done, notes
    what is worth knowing. Exits 3 when there are errors.

    Git's own objects as a whole, the code among them, are checked by 'git fsck'.
    """
    with context.opened() as registry:
        report = health_fsck.fsck(registry, collections, remote=remote)
    counts = {severity: sum(item.severity == severity for item in report.findings) for severity in SEVERITIES}
    if as_json:
        _document(report, counts)
    else:
        for finding in report.findings:
            console.out(f"{finding.severity}: {finding.subject}: {finding.problem}")
            console.out(f"    {finding.remedy}")
        console.say(_summary(report, counts))
    return _FINDINGS if counts["error"] else 0


def _document(report: Report, counts: dict[Severity, int]) -> None:
    checked = {
        "versions": report.versions,
        "runs": report.runs,
        "aliases": report.aliases,
        "objects": report.objects,
        "bytes": report.bytes,
    }
    findings = [
        {"severity": item.severity, "subject": item.subject, "problem": item.problem, "remedy": item.remedy}
        for item in report.findings
    ]
    numbers = {f"{severity}s": count for severity, count in counts.items()}
    console.document("fsck", {"checked": checked, **numbers, "findings": findings})


def _summary(report: Report, counts: dict[Severity, int]) -> str:
    """`checked 12 versions, 9 runs, 4 aliases, 31 objects (12 MB): 2 errors, 1 warning`."""
    things = [(report.versions, "version"), (report.runs, "run"), (report.aliases, "alias")]
    checked = ", ".join(human.plural(count, noun) for count, noun in things)
    if report.has_cache or report.objects:
        checked += f", {human.plural(report.objects, 'object')} ({human.size(report.bytes)})"
    else:
        checked += " and no bytes, because there is no cache here"
    found = ", ".join(human.plural(count, severity) for severity, count in counts.items() if count)
    return f"checked {checked}: {found or 'nothing is wrong'}"
