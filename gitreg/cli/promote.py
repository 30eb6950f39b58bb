"""`gitreg promote` and `gitreg rollback`: ask for a move of an alias, which a merge makes."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from gitreg.cli import console, context
from gitreg.cli.alias import version_of
from gitreg.errors import Error, UsageError
from gitreg.promotion import asking
from gitreg.promotion.asking import Request
from gitreg.promotion.wanted import NEVER
from gitreg.records.similar import listed
from gitreg.registry import aliases, mainline, resolve
from gitreg.registry.repository import Registry


def _options(function: context.Command) -> context.Command:
    """What both commands take."""
    reason = click.option("--reason", default="", type=context.TEXT, help="Why; the file and the history say so.")
    branch = click.option(
        "--branch",
        metavar="NAME",
        help="Put the request onto a new branch, on top of the remote's default one; nothing else is touched.",
    )
    return reason(branch(function))


@click.command(
    "promote",
    short_help="Ask for an alias to name a version; merging that moves it.",
    epilog=context.examples(
        "gitreg promote model/MNIST:production v3 --reason 'better on the March set'",
        "gitreg promote model/MNIST:production v3 --branch promote-v3",
        "gitreg promote model/MNIST:canary --remove",
    ),
)
@click.argument("name", metavar="COLLECTION:ALIAS")
@click.argument("version", required=False)
@_options
@click.option("--remove", is_flag=True, help="Ask for the alias to name nothing.")
def promote(name: str, version: str | None, reason: str, branch: str | None, *, remove: bool) -> None:
    """Ask for an alias to name VERSION: write it into the file in .gitreg/aliases/ that a pull request changes.

    The line says which commit the version is, and what the alias's newest move was, so that nothing else is merged than
    what was looked at. The alias moves when the request is on the default branch, and 'gitreg apply' runs there. Prints
    the file, or the branch.
    """
    if version is None and not remove:
        asked = f"gitreg promote {shlex.quote(name)}"
        raise UsageError("name a version, or say --remove", hint=f"{asked} v3, or {asked} --remove")
    if version is not None and remove:
        raise UsageError("a version and --remove are two requests", hint="leave one out")
    with _opened(branch) as registry:
        alias = resolve.alias(registry, name)
        target = None if version is None else version_of(registry, alias, version)
        _ask(registry, asking.promotion(registry, alias, target, reason=reason), branch)


@click.command(
    "rollback",
    short_help="Ask for an alias to name what it named before.",
    epilog=context.examples(
        "gitreg rollback model/MNIST:production --reason 'fails on blurred scans'",
        "gitreg rollback model/MNIST:production --to v1 --branch back-to-v1",
    ),
)
@click.argument("name", metavar="COLLECTION:ALIAS")
@click.option("--to", metavar="VERSION", help="A version that it has named at any time.")
@_options
def rollback(name: str, to: str | None, reason: str, branch: str | None) -> None:
    """Ask for an alias to name the version that it named before, as 'gitreg promote' does.

    That is the newest one in its published history which is another than now, and is not deleted.
    """
    with _opened(branch) as registry:
        alias = resolve.alias(registry, name)
        target = None if to is None else version_of(registry, alias, to)
        _ask(registry, asking.rollback(registry, alias, target, reason=reason), branch)


@contextlib.contextmanager
def _opened(branch: str | None) -> Iterator[Registry]:
    """The repository, once the branch's name is found to be one. Raises: UsageError."""
    with context.opened() as registry:
        if branch is not None:
            asking.check_branch(registry, branch)
        yield registry


def _ask(registry: Registry, request: Request, branch: str | None) -> None:
    if branch is None:
        _into_worktree(registry, request)
    else:
        _onto_branch(registry, request, branch)


def _into_worktree(registry: Registry, request: Request) -> None:
    file, changed = asking.into_worktree(registry, request)
    shown = os.path.relpath(file, Path(os.path.realpath(context.directory())))
    if request.is_done:
        console.say(f"{_named(request)} already, and {shown} says so{' now' if changed else '; nothing to do'}")
    else:
        _say(registry, request, f"{shown}{'' if changed else ' said so already'}")
        if asking.is_behind(registry, request):
            there = mainline.short(registry)
            console.warn(f"{there} says something else there: commit this and merge {there}, or ask with --branch NAME")
    if not request.is_done or changed:
        path, reason = shlex.quote(shown), request.entry.reason
        words = "".join(f" -m {shlex.quote(text)}" for text in (request.subject, reason) if text)
        on_default = _current_branch(registry) in ("", _default_branch(registry))
        _next(
            request,
            "gitreg plan",
            *([f"git switch -c {request.branch}"] if on_default else []),
            f"git add {path} && git commit{words} -- {path}",
            f"git push -u {shlex.quote(registry.remote)} HEAD",
        )
    console.out(shown)


def _onto_branch(registry: Registry, request: Request, branch: str) -> None:
    there = mainline.short(registry)
    if asking.onto_branch(registry, request, branch):
        if request.is_done:
            console.say(f"{_named(request)} already, and branch {branch} says so now, one commit on top of {there}")
        else:
            _say(registry, request, f"branch {branch}, one commit on top of {there}")
        quoted = shlex.quote(branch)
        console.say(f"undo with: git branch -D {quoted}")
        _next(request, f"gitreg plan --head {quoted}", f"git push -u {shlex.quote(registry.remote)} {quoted}")
        console.out(branch)
    elif request.is_done:
        console.say(f"{_named(request)} already, and {there} says so; nothing to do")
    else:
        console.say(f"{there} asks for that already; 'gitreg apply' moves {request.entry.alias}")


def _say(registry: Registry, request: Request, where: str) -> None:
    alias, version = request.entry.alias, request.entry.version
    was = request.now.version.label if request.now else "nothing"
    console.say(f"{alias}: {was} -> {version.label if version else 'nothing'}, as of the last 'gitreg fetch' ({where})")
    others = [item.name.alias for item in aliases.all_aliases(registry, alias.collection)]
    if request.entry.after == NEVER and others:
        console.say(f"'{alias.alias}' is new; '{alias.collection}' has {listed(others)}")


def _named(request: Request) -> str:
    return f"{request.entry.alias} names {request.entry.version.label if request.entry.version else 'nothing'}"


def _next(request: Request, look: str, *steps: str) -> None:
    console.say(f"look at it: {look}")
    for index, step in enumerate(steps):
        console.say(f"{'     ' if index else 'next:'} {step}")
    console.say(f"      and open a pull request{'' if request.is_done else '; merging it moves the alias'}")


def _current_branch(registry: Registry) -> str:
    """The branch that HEAD is on, '' when it is on none."""
    found = registry.git.attempt("symbolic-ref", "--quiet", "--short", "HEAD").stdout
    return found.decode("utf-8", "replace").strip()


def _default_branch(registry: Registry) -> str:
    """The default branch's name without the remote's, '' where nobody knows it."""
    try:
        return mainline.short(registry).removeprefix(f"{registry.remote}/")
    except Error:
        return ""
