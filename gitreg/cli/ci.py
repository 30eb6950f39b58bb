"""`gitreg ci`: what belongs to continuous integration and Git hosts."""

from __future__ import annotations

import click

from gitreg.cli import ci_approvals, ci_comment, ci_init


@click.group("ci")
def ci() -> None:
    """Write the workflows of a Git host, and speak to it from them."""


ci.add_command(ci_init.init)
ci.add_command(ci_comment.comment)
ci.add_command(ci_approvals.approvals)
