"""A plan on a page: the verdict first, then each alias."""

from __future__ import annotations

from collections.abc import Sequence

from gitreg.cli import human
from gitreg.cli.page import Line, Page, Words, bad, bold, dim, good, name, odd
from gitreg.errors import SettingsError
from gitreg.promotion.request import Measured, Metric, Move, Plan, Verdict
from gitreg.records.records import Place

TITLES = 8
_METRICS, _PASSED_OVER = 12, 3
_INDENT = 9
_FINDINGS = {"passed": good, "refused": bad, "waived": odd}


def show(page: Page, found: Plan) -> None:
    """The page."""
    page.head(verdict(found))
    for note in found.notes:
        page.fact("note", [odd(note)])
    for error in found.broken:
        page.blank()
        _broken(page, error)
    for move in found.moves:
        page.blank()
        _move(page, move)
    if found.drift:
        page.blank()
        page.head(odd(f"{_aliases(len(found.drift))} not where the default branch wants {_them(found.drift)}"))
        for move in found.drift:
            page.blank()
            _move(page, move)


def verdict(found: Plan) -> Words:
    """What comes of it, in a line."""
    refused = sum(move.refused for move in found.moves)
    if found.broken:
        return bad(f"{human.plural(len(found.broken), 'file')} cannot be read")
    if refused:
        of = "" if len(found.moves) == 1 else f" of {len(found.moves)}"
        return bad(f"refused: {refused}{of} {'move' if len(found.moves) == 1 else 'moves'}")
    if found.moves:
        return bold(f"{_aliases(len(found.moves))} to move")
    return good("nothing is to move")


def _aliases(count: int) -> str:
    return f"{human.plural(count, 'alias')} {'is' if count == 1 else 'are'}"


def _them(moves: Sequence[Move]) -> str:
    return "it" if len(moves) == 1 else "them"


def _broken(page: Page, error: SettingsError) -> None:
    page.fact("broken", [bad(error.message)])
    page.fact("", *([[dim(error.hint)]] if error.hint else []))


def _move(page: Page, move: Move) -> None:
    old, new = _label(move.old), _label(move.new)
    if move.new is None and move.entry and move.entry.version:
        # it is not there
        new = move.entry.version.label
    state = bad("refused") if move.refused else good("passed") if move.verdicts else ""
    page.head(name(str(move.alias)), bold(f"{old} {page.arrow} {new}"), state)
    if move.entry and move.entry.reason:
        page.fact("reason", [move.entry.reason])
    page.fact("asked by", [dim(_place(move))])
    for problem in move.problems:
        page.fact("problem", [bad(problem.message)], *([[dim(problem.hint)]] if problem.hint else []))
    _verdicts(page, move.verdicts)
    _metrics(page, move, old, new)
    if move.old and move.new:
        page.fact("differs", [dim(f"gitreg diff {move.old.version} {move.new.version}")])


def _label(place: Place | None) -> str:
    return place.version.label if place else "nothing"


def _place(move: Move) -> str:
    """Where it stands that it is to move."""
    if move.entry is None:
        return f"{move.path}, which does not list it any more"
    return f"{move.path}, line {move.entry.line}"


def _verdicts(page: Page, verdicts: Sequence[Verdict]) -> None:
    for number, verdict in enumerate(verdicts):
        style = _FINDINGS[verdict.finding]
        page.fact("" if number else "gates", [style(verdict.finding.ljust(_INDENT)), verdict.gate])
        page.fact("", [bad(verdict.words) if verdict.finding == "refused" else dim(verdict.words)], indent=_INDENT)
        for item in verdict.passed_over[:_PASSED_OVER]:
            page.fact("", [dim(f"passed over: {_measured(item)}{f', {item.why}' if item.why else ''}")], indent=_INDENT)
        if len(verdict.passed_over) > _PASSED_OVER:
            page.fact("", [dim(f"and {len(verdict.passed_over) - _PASSED_OVER} more; --json has all")], indent=_INDENT)


def _measured(item: Measured) -> str:
    """A number, and where it is from."""
    return f"{human.number(item.value)} from run {item.name} by {item.who}"


def _metrics(page: Page, move: Move, old: str, new: str) -> None:
    shown = move.metrics[:_METRICS]
    if not shown:
        return
    rows: list[Line] = [["", old if move.old else "", new, ""], *(_metric(item) for item in shown)]
    page.grid("metrics", rows, right=(1, 2), heads=True)
    if len(shown) < len(move.metrics):
        page.fact("", [dim(f"and {len(move.metrics) - len(shown)} more; --json has all")])


def _metric(item: Metric) -> Line:
    style, word = {True: (good, "better"), False: (bad, "worse"), None: (dim, "")}[item.better]
    if item.old and item.new and not item.comparable:
        word = "not comparable: measured on other data"
    return [item.name, _value(item.old), _value(item.new), style(word)]


def _value(item: Measured | None) -> str:
    return human.number(item.value) if item else ""
