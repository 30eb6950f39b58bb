"""`gitreg ci approvals`: who asked for what was merged, who approved of it and who merged it, as the host says."""

from __future__ import annotations

import click

from gitreg.cli import ci_job, console, context
from gitreg.cli.documents import Document
from gitreg.git import revisions
from gitreg.hosts.host import MayNotError, Request
from gitreg.promotion.apply import apply
from gitreg.records.behind import By, Merged, Person
from gitreg.records.objects import Oid


@click.command(
    "approvals",
    short_help="Print who asked for a merged request, approved of it and merged it.",
    epilog=context.examples(
        "gitreg ci approvals > approvals.json; gitreg apply --approvals approvals.json",
        "gitreg ci approvals HEAD",
    ),
)
@click.argument("commits", nargs=-1, metavar="[COMMIT]...")
def approvals(commits: tuple[str, ...]) -> None:
    """Print who asked for the request that brought COMMIT onto its branch, who approved of it, and who merged it.

    One JSON document, for 'gitreg apply' in a CI job on GitHub, GitLab, Gitea or Forgejo: its host is asked, so that
    all of it is verified. Default: the commits whose moves 'gitreg apply' would make. An approval counts when it is of
    what was merged, by somebody of the repository's; standard error tells of the others.

    The token is taken from GITHUB_TOKEN, GITLAB_TOKEN, FORGEJO_TOKEN or GITEA_TOKEN. One that may not read requests
    says so, and nothing of them is printed.
    """
    with context.opened() as registry:
        wanted = [revisions.commit(registry.git, text) for text in commits]
        job = ci_job.job()
        if not wanted:
            steps = apply(registry, dry_run=True).moved.values()
            wanted = [step.commit for moves in steps for step in moves]
    found: dict[str, object] = {}
    try:
        host = job.host()
        for commit in dict.fromkeys(wanted):
            request = host.merged(str(commit))
            found[str(commit)] = _document(commit, request) if request else None
    except MayNotError as error:
        console.warn(f"nobody is named as who asked or approved; {error.message}")
    console.document("ci-approvals", {"host": job.kind, "commits": found})


def _document(commit: Oid, request: Request) -> Document:
    for words in request.passed_over:
        console.say(f"left out of request {request.number}: {words}")
    by = By(
        asked=Person(request.asked, "verified") if request.asked else None,
        approved=tuple(Person(item.who, "verified", item.at) for item in request.approved),
        merged=Merged(commit, request.merged, "verified"),
    )
    return {"request": request.number, "page": request.page, "head": request.commit, "by": by.document()}
