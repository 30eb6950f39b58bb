"""A plan on a page: the verdict first, a line for each alias, then what is to be said of each."""

from __future__ import annotations

from collections.abc import Sequence

from gitreg.cli import human
from gitreg.cli.page import Line, Page, Words, bad, bold, dim, good, name, odd
from gitreg.cli.tables import Column, Row, table
from gitreg.errors import SettingsError
from gitreg.promotion.request import Measured, Metric, Move, Plan, Verdict
from gitreg.records.records import Place

TITLES = 8
APPLY = "'gitreg apply' moves what the policy allows, and says why it refuses the rest"
_DETAILS, _METRICS, _HEADLINE, _PASSED_OVER, _BROKEN = 20, 12, 2, 3, 20
_INDENT = 9
_FINDINGS = {"passed": good, "refused": bad, "waived": odd}


def show(page: Page, found: Plan) -> None:
    """The page."""
    page.head(verdict(found))
    for note in found.notes:
        page.fact("note", [odd(note)])
    for error in found.broken[:_BROKEN]:
        page.blank()
        broken(page, error)
    if len(found.broken) > _BROKEN:
        page.fact("", [dim(f"and {len(found.broken) - _BROKEN} more; --json has all")])
    if len(found.moves) > 1:
        page.blank()
        _overview(page, found.moves)
    # those that somebody has to look at come first
    shown = sorted(found.moves, key=lambda item: not item.refused)[:_DETAILS]
    for item in shown:
        page.blank()
        move(page, item)
    if len(shown) < len(found.moves):
        page.blank()
        page.note(f"and {human.plural(len(found.moves) - len(shown), 'move')} more; --json has all of each")
    if found.drift:
        page.blank()
        one = len(found.drift) == 1
        words = f"{'is' if one else 'are'} not where the base wants {'it' if one else 'them'}, whatever is asked here:"
        page.head(odd(f"{human.plural(len(found.drift), 'alias')} {words}"))
        _overview(page, found.drift)
        page.note(APPLY)


def verdict(found: Plan) -> Words:
    """What comes of it, in a line."""
    count = len(found.moves)
    refused = sum(item.refused for item in found.moves)
    if found.broken:
        return bad(f"{human.plural(len(found.broken), 'file')} cannot be read")
    if count == 1:
        item = found.moves[0]
        old, new = _label(item.old), item.asked or "nothing"
        words = f"{'must not' if refused else 'would'} move from {old} to {new}"
        return bad(f"refused: {item.alias} {words}") if refused else bold(f"{item.alias} {words}")
    if refused:
        return bad(f"refused: {refused} of {human.plural(count, 'move')}")
    return bold(f"{human.plural(count, 'alias')} would move") if count else good("no alias would move")


def broken(page: Page, error: SettingsError) -> None:
    """A file that cannot be read."""
    page.fact("broken", [bad(error.message)])
    page.fact("", *([[dim(error.hint)]] if error.hint else []))


def _overview(page: Page, moves: Sequence[Move]) -> None:
    rows: list[Row] = [
        {
            "alias": str(item.alias),
            "now": _label(item.old),
            "proposed": item.asked or "nothing",
            "metrics": ", ".join(_compared(metric, page.arrow) for metric in item.metrics[:_HEADLINE]),
            "state": _state(item),
        }
        for item in moves
    ]
    table(
        [
            Column("ALIAS", lambda row: row["alias"], least=24),
            Column("NOW", lambda row: row["now"]),
            Column("PROPOSED", lambda row: row["proposed"]),
            Column("", lambda row: row["state"], style=lambda row: {"fg": "red"} if row["state"] == "refused" else {}),
            Column("METRICS", lambda row: row["metrics"], rank=1, least=16),
        ],
        rows,
    )


def move(page: Page, item: Move) -> None:
    """What is to be said of one alias."""
    old, new = _label(item.old), item.asked or "nothing"
    state = _state(item)
    page.head(name(str(item.alias)), bold(f"{old} {page.arrow} {new}"), bad(state) if item.refused else good(state))
    if item.entry and item.entry.reason:
        page.fact("reason", [item.entry.reason])
    page.fact("asked by", [dim(_place(item))])
    for problem in item.problems:
        page.fact("problem", [bad(problem.message)], *([[dim(problem.hint)]] if problem.hint else []))
    _verdicts(page, item.verdicts)
    _metrics(page, item, old, new)
    if item.old and item.new:
        page.fact("differs", [dim(f"gitreg diff {item.old.version} {item.new.version}")])


def _label(place: Place | None) -> str:
    return place.version.label if place else "nothing"


def _state(item: Move) -> str:
    return "refused" if item.refused else "passed" if item.verdicts else ""


def _place(item: Move) -> str:
    """Where it stands that it is to move."""
    if item.entry is None:
        return f"{item.path}, which does not list it any more"
    return f"{item.path}, line {item.entry.line}"


def _verdicts(page: Page, verdicts: Sequence[Verdict]) -> None:
    for number, found in enumerate(verdicts):
        style = _FINDINGS[found.finding]
        page.fact("" if number else "gates", [style(found.finding.ljust(_INDENT)), found.gate])
        page.fact("", [bad(found.words) if found.finding == "refused" else dim(found.words)], indent=_INDENT)
        # where nothing counts, the words above say why
        passed = found.passed_over if found.seen else ()
        for item in passed[:_PASSED_OVER]:
            page.fact("", [dim(f"passed over: {_measured(item)}")], indent=_INDENT)
        if len(passed) > _PASSED_OVER:
            page.fact("", [dim(f"and {len(passed) - _PASSED_OVER} more; --json has all")], indent=_INDENT)


def _measured(item: Measured) -> str:
    """A number that does not count, and why."""
    why = f", which {item.why}" if item.why else ""
    return f"{human.number(item.value)} of '{item.name}' by {item.who}{why}"


def _metrics(page: Page, item: Move, old: str, new: str) -> None:
    shown = item.metrics[:_METRICS]
    if not shown:
        return
    rows: list[Line] = [["", old if item.old else "", new, ""], *(_metric(metric) for metric in shown)]
    page.grid("metrics", rows, right=(1, 2), heads=True)
    if len(shown) < len(item.metrics):
        page.fact("", [dim(f"and {len(item.metrics) - len(shown)} more; --json has all")])


def _metric(item: Metric) -> Line:
    style = {True: good, False: bad, None: dim}[item.better]
    return [item.name, _value(item.old), _value(item.new), style(word(item))]


def _compared(item: Metric, arrow: str) -> str:
    """`accuracy 0.95 → 0.96 better`."""
    values = f" {arrow} ".join(filter(None, (_value(item.old), _value(item.new) or "none")))
    return " ".join(filter(None, (item.name, values, word(item))))


def word(item: Metric) -> str:
    """How the new value is beside the old one, '' where that cannot be said."""
    if item.old and item.new and not item.comparable:
        return "not comparable"
    return {True: "better", False: "worse", None: ""}[item.better]


def _value(item: Measured | None) -> str:
    return human.number(item.value) if item else ""
