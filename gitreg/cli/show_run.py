"""A run on a page, and as the document `gitreg/run/1`."""

from __future__ import annotations

import math

from gitreg.cli import human, parts
from gitreg.cli.documents import Document
from gitreg.cli.page import Line, Page, bold, dim, name, odd
from gitreg.cli.sparkline import sparkline
from gitreg.records import dotted
from gitreg.records.history import History
from gitreg.registry import history, measures
from gitreg.registry.facts import RunFacts
from gitreg.registry.repository import Registry

_SPARK = 24


def document(registry: Registry, shown: RunFacts) -> Document:
    """Everything about one run."""
    record = shown.record
    return {
        **parts.run_document(record, shown.state),
        "entity": record.entity,
        "group": record.group,
        "notes": record.notes,
        "duration": human.seconds_between(record.started, record.ended),
        "published": shown.published,
        "metrics": dotted.numbers(record.summary),
        "history": parts.history_document(shown.steps),
        "code": parts.code_document(registry, record.code),
        "inputs": [parts.known_document(known) for known in shown.inputs],
        "outputs": [str(known.name) for known in shown.outputs],
        "commit": str(shown.tip.oid) if shown.tip else None,
        "by": shown.tip.by.person if shown.tip else None,
    }


def show(page: Page, registry: Registry, shown: RunFacts) -> None:
    """The page."""
    record, at = shown.record, parts.now(registry)
    published = "" if shown.published else odd("unpublished")
    page.head(bold(record.name), record.job_type, parts.state(shown.state), parts.duration(record), published)
    page.note(record.notes)
    page.blank()
    _show_state(page, shown)
    page.fact("id", [name(record.id)])
    parts.versions(page, "used", shown.inputs)
    parts.versions(page, "made", shown.outputs)
    if not shown.complete:
        page.fact("", [odd("this clone is shallow, and has only the end of it; git fetch --unshallow brings the rest")])
    _show_metrics(page, shown)
    rest = {key: value for key, value in dotted.flat(record.summary).items() if dotted.number(value) is None}
    parts.pairs(page, "summary", {key: value for key, value in rest.items() if not key.startswith("_")})
    parts.pairs(page, "config", dotted.flat(record.config))
    parts.code(page, registry, record.code)
    by = f", by {shown.tip.by.name}" if shown.tip else ""
    if record.started:
        page.fact("started", [f"{parts.moment(record.started, at)}{by}"])
    page.fact("tags", *([[", ".join(record.tags)]] if record.tags else []))
    for title, text in (("project", record.project), ("group", record.group), ("entity", record.entity)):
        page.fact(title, *([[text]] if text else []))
    if shown.tip:
        page.blank()
        page.fact("commit", [dim(str(shown.tip.oid))])


def _show_state(page: Page, shown: RunFacts) -> None:
    """What somebody should know or do where a run has not simply ended."""
    if shown.state == "crashed" and shown.record.state == "running":
        page.fact("killed", [f"what it had logged is kept; to record it: gitreg run recover {shown.record.id}"])
    elif shown.state == "unknown":
        page.fact("", [odd("how it ended is not known here; gitreg fetch brings it")])


def _show_metrics(page: Page, shown: RunFacts) -> None:
    numbers = dotted.numbers(shown.record.summary)
    steps = shown.steps or History()
    series = history.series(steps)
    if not series:
        parts.metrics(page, numbers, {}, shown.record.metrics)
    else:
        count = human.plural(len(steps), "step")
        rows: list[Line] = [["", "last", "min", "max", count]]
        for key in dict.fromkeys((*measures.ranked(numbers, shown.record.metrics), *series)):
            values = series.get(key, ())
            last = numbers.get(key, values[-1] if values else math.nan)
            finite = list(filter(math.isfinite, values))
            ends = [min(finite), max(finite)] if finite else []
            line: Line = [key, parts.measured(last), *(map(human.number, ends) if ends else ("", ""))]
            rows.append([*line, name(sparkline(values, width=_SPARK, blocks=page.blocks)) if len(values) > 1 else ""])
        page.grid("metrics", rows, right=(1, 2, 3), heads=True)
    if shown.steps is None:
        page.fact("", [dim(f"the step history is not here; gitreg steps {shown.record.id} fetches it")])
