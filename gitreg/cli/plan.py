"""`gitreg plan`: which aliases the files of a request would move, and what the policy says of it. Reads data only."""

from __future__ import annotations

from typing import Literal

import click

from gitreg.cli import console, context, plan_comment, plan_json, plan_page
from gitreg.cli.page import Page
from gitreg.cli.pager import paged
from gitreg.errors import UsageError
from gitreg.git import revisions
from gitreg.promotion.plan import plan as planned
from gitreg.promotion.request import State
from gitreg.records.objects import Oid
from gitreg.registry import mainline
from gitreg.registry.repository import Registry

Form = Literal["text", "json", "markdown"]
EXIT: dict[State, int] = {"nothing": 0, "broken": 1, "pending": 3, "refused": 4}


@click.command(
    "plan",
    short_help="Show which aliases a request would move, and what the policy says.",
    epilog=context.examples(
        "gitreg plan",
        "gitreg plan --base origin/main --head HEAD --format markdown",
    ),
)
@click.option("--base", metavar="REV", help="Whose policy counts. Default: the registry remote's default branch.")
@click.option("--head", metavar="REV", help="Whose files say what is wanted. Default: the working tree.")
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), help="Default: text.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def plan(base: str | None, head: str | None, *, form: Form | None, as_json: bool) -> int:
    """Show which aliases would move if what .gitreg/aliases/ says were merged, and what the policy says of it.

    Aliases are compared as they are on the registry remote, as of the last fetch. The policy, .gitreg/policy.yaml, is
    that of the base; nothing of a request is run. Exit code 0: nothing would move, 3: aliases would, 4: a gate refuses
    it, or it cannot be done, 1: a file cannot be read.
    """
    if as_json and form not in (None, "json"):
        raise UsageError(f"--json and --format {form} are two forms", hint="leave one out")
    with context.opened() as registry:
        found = planned(registry, *_ends(registry, base, head), compare=form == "markdown")
        if as_json or form == "json":
            console.document("plan", plan_json.document(found))
        elif form == "markdown":
            click.echo(plan_comment.written(registry, found), nl=False)
        else:
            with paged(registry.git.config("core.pager")):
                plan_page.show(Page(plan_page.TITLES), found)
    return EXIT[found.state]


def _ends(registry: Registry, base: str | None, head: str | None) -> tuple[Oid | None, Oid | None]:
    """The commits of both; a repository without a working tree plans what its default branch says."""
    before = mainline.tip(registry) if base is None else revisions.commit(registry.git, base)
    if head is None:
        return before, before if registry.git.worktree is None else None
    return before, revisions.commit(registry.git, head)
