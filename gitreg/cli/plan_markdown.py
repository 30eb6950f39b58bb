"""What would move, as a comment on a pull request: the verdict first, one table, a graph, the rest folded.

Every word that somebody else wrote stands in a code span. The comment stays below what the hosts take, however much
moves: details are left out first, then metrics, then names are shortened; a row is left out last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from gitreg.cli import human, plan_page
from gitreg.cli.diff_markdown import differences
from gitreg.cli.markdown import code, html_code, table
from gitreg.lineage.graph import Graph
from gitreg.lineage.mermaid import to_mermaid
from gitreg.lineage.web import compare_page
from gitreg.promotion.request import Finding, Measured, Metric, Move, Plan, Verdict

MARKER = "<!-- gitreg:plan -->"
"""The comment's first line, by which it is found again."""
SILENT = "<!-- gitreg:silent -->"
"""The line after it, when there is nothing to say."""
MOST = 60_000
"""Bytes of a comment; GitHub takes 65,536 characters."""

# how many bytes each part may take; what is left is for the details
_BROKEN, _NOTES, _TABLE, _REFUSED, _DRIFT, _END = 6_000, 2_000, 28_000, 9_000, 3_000, 500
# of what is for refusals, one move
_REASONS = 6_000
# how much is in a row of the table: metrics, characters of a name, and whether the gate is named
_LEVELS = ((3, 120, True), (1, 80, True), (0, 60, False), (0, 36, False))
_WORDS, _ROWS, _LEAST = 300, 12, 200
_SIGNS: dict[Finding, str] = {"passed": "✅", "refused": "❌", "waived": "➖"}
_CLOSED = "\n\n</details>"


def text(plan: Plan, graph: Graph | None = None, *, remote: str = "") -> str:
    """The whole comment, in at most 60,000 bytes.

    Args:
        plan: what would move.
        graph: the lineage of that, None for no picture.
        remote: the address of the repository, whose host shows what differs in the code.
    """
    blocks = [f"{MARKER}\n{SILENT}" if is_silent(plan) else MARKER, f"### {_verdict(plan)}"]
    blocks += _fitting(_BROKEN, [_problem(item.message, item.hint) for item in plan.broken])
    blocks += _fitting(_NOTES, [f"- ⚠️ {_words(note)}" for note in plan.notes])
    if plan.moves:
        blocks.append(_table(plan.moves))
    blocks += _fitting(_REFUSED, [_refusal(move) for move in plan.moves if move.refused])
    if graph and graph.nodes:
        blocks.append(f"```mermaid\n{to_mermaid(graph)}```")
    for drift in _fitting(_DRIFT, [_drifting(move) for move in plan.drift]):
        title = f"{human.plural(len(plan.drift), 'move')} that the base asks for already, and nobody has applied"
        blocks.append(_folded(title, drift))
    blocks += _details(plan.moves, MOST - _END - _size(blocks), remote)
    return "\n\n".join([*blocks, _end(plan)]) + "\n"


def is_silent(plan: Plan) -> bool:
    """Whether nobody must be told, where there is no comment yet."""
    return plan.state == "nothing" and not plan.notes


def _size(blocks: Iterable[str]) -> int:
    return sum(len(block.encode()) + 2 for block in blocks)


def _fitting(most: int, items: Sequence[str], sign: str = "- ") -> list[str]:
    """The items of a list that fit into so many bytes, and how many do not, as one block; none for an empty list."""
    shown: list[str] = []
    for item in items:
        most -= len(item.encode()) + 1
        if most < 0:
            shown.append(f"{sign}and {len(items) - len(shown):,} more")
            break
        shown.append(item)
    return ["\n".join(shown)] if shown else []


def _folded(title: str, body: str) -> str:
    """What is shown when somebody asks for it. `title` is HTML."""
    return f"<details><summary>{title}</summary>\n\n{body}{_CLOSED}"


def _verdict(plan: Plan) -> str:
    count = len(plan.moves)
    refused = sum(move.refused for move in plan.moves)
    if plan.broken:
        return f"❌ {human.plural(len(plan.broken), 'file')} cannot be read"
    if count == 1:
        move = plan.moves[0]
        name, asked = code(str(move.alias)), code(move.asked)
        if refused:
            return f"❌ {name} must not {f'move to {asked}' if asked else 'be removed'}"
        return f"✅ {name} {f'moves to {asked}' if asked else 'is removed'} when this is merged"
    if refused:
        return f"❌ {refused:,} of {count:,} moves {'is' if refused == 1 else 'are'} refused"
    return f"✅ {count:,} aliases move when this is merged" if count else "No alias moves"


def _table(moves: Sequence[Move]) -> str:
    """A row a move, those that are refused first when not all of them fit."""
    heads = ["model", "alias", "now", "proposed", "metrics, the **better** one marked", "gate"]
    found = ""
    for metrics, longest, named in _LEVELS:
        titles = heads if metrics else [*heads[:4], heads[5]]
        found = "\n".join(table(titles, [_row(move, metrics, longest, named=named) for move in moves]))
        if len(found.encode()) <= _TABLE:
            return found
    lines = found.split("\n")
    # those that are refused first, when not all of them fit
    rows = sorted(zip(lines[2:], moves, strict=True), key=lambda pair: not pair[1].refused)
    return "\n".join([*lines[:2], *_fitting(_TABLE - 300, [line for line, _ in rows], "\n")])


def _row(move: Move, metrics: int, longest: int, *, named: bool) -> list[str]:
    cells = [
        code(str(move.alias.collection), longest),
        code(move.alias.alias, longest),
        code(move.old.version.label) if move.old else "nothing",
        code(move.asked) or "nothing",
    ]
    if metrics:
        cells.append("<br>".join(map(_metric, _key_metrics(move)[:metrics])))
    return [*cells, _gate(move, named=named)]


def _key_metrics(move: Move) -> list[Metric]:
    """What the gates are about first, then what tells how good a version is."""
    gated = {verdict.metric for verdict in move.verdicts}
    known = [metric for metric in move.metrics if metric.old or metric.new]
    return sorted(known, key=lambda metric: (metric.name not in gated, metric.direction is None))


def _metric(metric: Metric) -> str:
    old, new = _pair(metric)
    if metric.old and metric.new and not metric.comparable:
        return f"{code(metric.name, 40)} {old}, {new}: not comparable"
    return f"{code(metric.name, 40)} {old} → {new}"


def _pair(metric: Metric) -> tuple[str, str]:
    """Both values, the better one in bold type."""
    old, new = (human.number(side.value) if side else "none" for side in (metric.old, metric.new))
    return f"**{old}**" if metric.better is False else old, f"**{new}**" if metric.better else new


def _gate(move: Move, *, named: bool) -> str:
    if move.problems:
        return "❌ refused"
    refused = [verdict for verdict in move.verdicts if verdict.finding == "refused"]
    if refused:
        more = f" and {len(refused) - 1} more" if len(refused) > 1 else ""
        return f"❌ {code(refused[0].gate, 80)}{more}" if named else "❌ refused"
    if not move.verdicts:
        return "none"
    waived = sum(verdict.finding == "waived" for verdict in move.verdicts)
    return f"✅ passed, {waived} waived" if waived else "✅ passed"


def _refusal(move: Move) -> str:
    refused = [verdict for verdict in move.verdicts if verdict.finding == "refused"]
    reasons = [f"  {_problem(problem.message, problem.hint)}" for problem in move.problems]
    reasons += [f"  - {_words(verdict.gate)}: {_words(verdict.words)}" for verdict in refused]
    head = f"- ❌ {code(str(move.alias))} to {code(move.asked) or 'nothing'}"
    return "\n".join([head, *_fitting(_REASONS, reasons, "  - ")])


def _problem(message: str, hint: str | None) -> str:
    return f"- {_words(message)}" + (f" → {_words(hint)}" if hint else "")


def _words(text: str) -> str:
    """A sentence that a stranger may have had a part in; a list has no empty items."""
    return code(text, _WORDS) or "`?`"


def _drifting(move: Move) -> str:
    now = code(move.old.version.label) if move.old else "nothing"
    return f"- {code(str(move.alias))}: {now} now, {code(move.asked) or 'nothing'} asked for"


def _details(moves: Sequence[Move], most: int, remote: str) -> Iterator[str]:
    """The moves, folded, as many as fit into so many bytes."""
    left = 0
    for move in moves:
        # shorter than this is none
        block = _folded(_title(move), "\n".join(_detail(move, remote)).strip("\n")) if most > _LEAST else ""
        size = len(block.encode()) + 2
        if block and size <= most:
            most -= size
            yield block
        else:
            left += 1
    if left:
        yield f"The details of {human.plural(left, 'move')} are left out; `gitreg plan` has them."


def _title(move: Move) -> str:
    old = html_code(move.old.version.label) if move.old else "nothing"
    new = html_code(move.asked) if move.asked else "nothing"
    return f"{html_code(str(move.alias))}: {old} → {new}"


def _detail(move: Move, remote: str) -> Iterator[str]:
    where = f", line {move.entry.line}" if move.entry and move.entry.line else ""
    protected = "; the alias is protected" if move.protected else ""
    yield f"{code(move.path)}{where}{protected}"
    if move.entry and move.entry.reason:
        yield from ("", f"Reason: {code(move.entry.reason, _WORDS)}")
    if move.metrics:
        old, new = (code(side.version.label) if side else "nothing" for side in (move.old, move.new))
        yield from ("", "**Metrics**", "")
        rows = [_measured(metric) for metric in _key_metrics(move)]
        yield from table(["", old, new, "", "measured by"], rows[:_ROWS], right=range(1, 3))
        yield from _more(len(rows))
    if move.verdicts:
        yield from ("", "**Gates**", "")
        rows = [_judged(verdict) for verdict in move.verdicts]
        yield from table(["gate", "", "why", "passed over"], rows[:_ROWS])
        yield from _more(len(rows))
    if move.comparison is not None:
        if move.comparison.same:
            yield from ("", "Nothing else differs.")
        yield from differences(move.comparison, _ROWS)
        sides = move.comparison.code
        page = "" if sides.same else compare_page(remote, sides.old.commit, sides.new.commit)
        if page:
            yield from ("", f"[What differs in the code]({page})")


def _more(count: int) -> list[str]:
    return ["", f"{count - _ROWS} more"] if count > _ROWS else []


def _measured(metric: Metric) -> list[str]:
    return [code(metric.name), *_pair(metric), plan_page.word(metric), _by(metric.new or metric.old)]


def _by(found: Measured | None) -> str:
    if found is None:
        return ""
    on = f" on {', '.join(code(str(version)) for version in found.on[:3])}" if found.on else ""
    return f"{code(found.name, 60)} by {code(found.who.partition(' <')[0], 60)}{on}"


def _judged(verdict: Verdict) -> list[str]:
    over = [f"{human.number(item.value)} of {code(item.name, 60)}" for item in verdict.passed_over[:3]]
    more = len(verdict.passed_over) - len(over)
    return [
        code(verdict.gate),
        f"{_SIGNS[verdict.finding]} {verdict.finding}",
        code(verdict.words, _WORDS),
        ", ".join([*over, *([f"{more} more"] if more else [])]),
    ]


def _end(plan: Plan) -> str:
    policy = f"The policy is that of `{plan.base.short}`" if plan.base else "There is no policy"
    return f"{policy}; what is asked for is in {f'`{plan.head.short}`' if plan.head else 'the working tree'}."
