"""`gitreg ci comment`: posts what a request would move, and keeps that one comment up to date."""

from __future__ import annotations

from pathlib import Path

import click

from gitreg.cli import ci_job, console, context, plan_markdown
from gitreg.cli.ci_job import Job
from gitreg.errors import UsageError
from gitreg.hosts import comment as comments
from gitreg.hosts.host import MayNotError

_DONE = {
    "created": "wrote a comment",
    "updated": "brought the comment up to date",
    "unchanged": "the comment is up to date",
    "silent": "nothing moves, and there is no comment to change",
}


def _number(context_: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """The number of a request."""
    del context_, parameter
    if value is not None and not ci_job.NUMBER.fullmatch(value):
        raise click.BadParameter("write a number from 1 on")
    return int(value) if value else None


@click.command(
    "comment",
    short_help="Post what a request would move, and keep that comment up to date.",
    epilog=context.examples(
        "gitreg plan --format markdown > plan.md; gitreg ci comment --file plan.md",
        "gitreg ci comment --file plan.md --request 12",
    ),
)
@click.option(
    "--file",
    "file",
    required=True,
    type=context.Place(dir_okay=False),
    help="What 'gitreg plan --format markdown' has written.",
)
@click.option(
    "--request", callback=_number, metavar="NUMBER", help="Which request. Default: the one that the job is about."
)
def comment(file: Path, request: int | None) -> None:
    """Post what a request would move as a comment on it, in a CI job on GitHub, GitLab, Gitea or Forgejo.

    There is one comment: it is found by its first line and its author, and written anew. Where nothing moves and there
    is none yet, nothing is posted. Where the token may not write, as in a request from a fork, the text goes into the
    job's summary, or on standard output, with a warning.

    The token is taken from GITHUB_TOKEN, GITLAB_TOKEN, FORGEJO_TOKEN or GITEA_TOKEN.
    """
    text = _read(file)
    job = ci_job.job()
    number = request or job.request
    if number is None:
        raise UsageError("this job is about no request", hint="name one: --request NUMBER")
    silent = plan_markdown.SILENT in text.splitlines()[:2]
    try:
        done, page = comments.keep(job.host(), number, text, marker=plan_markdown.MARKER, silent=silent)
    except MayNotError as error:
        _show(job, text, error)
    else:
        console.say(f"{_DONE[done]}{f': {page}' if page else ''}")


def _read(file: Path) -> str:
    """What the file holds, which is as the plan has written it. Raises: UsageError."""
    try:
        with context.path(file).open("rb") as stream:
            data = stream.read(plan_markdown.MOST + 1)
    except OSError as error:
        raise UsageError(f"'{file}' cannot be read: {(error.strerror or '').lower()}", hint="check the path") from error
    text = data.decode("utf-8", "replace")
    if not text.startswith(plan_markdown.MARKER) or len(data) > plan_markdown.MOST:
        what = "is empty" if not data else "is not what the plan writes"
        raise UsageError(f"'{file}' {what}", hint=f"gitreg plan --format markdown > {file}")
    return text


def _show(job: Job, text: str, error: MayNotError) -> None:
    """Where the token may not write, people find the text beside the job."""
    console.warn(f"no comment was written; {error.message}")
    console.say(error.hint or "a token needs the right to write comments; a request from a fork has none")
    if job.summary is None:
        console.out(text.removesuffix("\n"))
        return
    with job.summary.open("a", encoding="utf-8") as summary:
        summary.write(text)
    console.say("the job's summary has it")
