"""`gitreg status --drift`: aliases that are not where the default branch wants them."""

from __future__ import annotations

from gitreg.cli import console, human, plan_json, plan_page
from gitreg.cli.documents import Document
from gitreg.cli.page import Page, bad, dim, good, name
from gitreg.errors import Error
from gitreg.promotion.drift import Drift, drift
from gitreg.records.when import iso
from gitreg.registry import mainline
from gitreg.registry.aliases import Alias
from gitreg.registry.repository import Registry


def show(registry: Registry, *, as_json: bool) -> int:
    """Print what differs, and return the exit code. Raises: Error in a repository without any commit."""
    base = mainline.tip(registry)
    if base is None:
        raise Error("there is no commit yet, so nothing is wanted", hint="git commit")
    found = drift(registry, base)
    if as_json:
        console.document("drift", _document(found))
    else:
        _page(Page(plan_page.TITLES), found, mainline.short(registry), iso(registry.clock()))
    return 1 if found.broken else 3 if found else 0


def _page(page: Page, found: Drift, branch: str, now: str) -> None:
    count = len(found.moves) + len(found.unreviewed)
    if found.broken:
        page.head(bad(f"{human.plural(len(found.broken), 'file')} of {branch} cannot be read"))
    elif not count:
        page.head(good(f"all aliases are where {branch} wants them"))
    else:
        words = ("is", "it") if count == 1 else ("are", "them")
        page.head(bad(f"{human.plural(count, 'alias')} {words[0]} not where {branch} wants {words[1]}"))
    for error in found.broken:
        page.blank()
        plan_page.broken(page, error)
    for move in found.moves:
        page.blank()
        plan_page.move(page, move)
    for alias in found.unreviewed:
        page.blank()
        _unreviewed(page, alias, now)
    if found.moves and not found.broken:
        page.blank()
        page.note(plan_page.APPLY)


def _unreviewed(page: Page, alias: Alias, now: str) -> None:
    assert alias.place is not None
    page.head(name(str(alias.name)), alias.place.version.label, bad("moved past review"))
    if alias.record and alias.by:
        page.fact("moved", [f"{human.ago(alias.by.when, now)}, by {alias.by.name}"])
        page.fact("reason", *([[alias.record.reason]] if alias.record.reason else []))
    else:
        page.fact("moved", ["by hand, which nothing records"])
    page.fact("problem", [bad("the alias is protected, and no file lists it")])
    page.fact("", [dim(f"to ask for it: gitreg promote {alias.name} {alias.place.version.label}")])


def _document(found: Drift) -> Document:
    return {
        "base": str(found.base),
        "moves": [
            {key: value for key, value in plan_json.move(move).items() if key not in ("metrics", "verdicts")}
            for move in found.moves
        ],
        "unreviewed": [_alias(alias) for alias in found.unreviewed],
        "broken": [plan_json.broken(error) for error in found.broken],
    }


def _alias(alias: Alias) -> Document:
    assert alias.place is not None
    return {
        "collection": str(alias.name.collection),
        "alias": alias.name.alias,
        "version": alias.place.version.label,
        "commit": str(alias.place.commit),
        "tip": str(alias.tip),
        "by": alias.by.person if alias.by else None,
        "at": alias.by.when if alias.by else None,
        "reason": alias.record.reason if alias.record else None,
    }
