"""A plan as a document, for programs."""

from __future__ import annotations

from gitreg.cli.documents import Document
from gitreg.errors import SettingsError
from gitreg.promotion.request import Measured, Metric, Move, Plan, Verdict
from gitreg.promotion.wanted import Entry
from gitreg.records.objects import Oid
from gitreg.records.records import Place


def document(found: Plan) -> Document:
    """The whole plan."""
    return {
        "state": found.state,
        "base": _oid(found.base),
        "head": _oid(found.head),
        "moves": [move(item) for item in found.moves],
        "drift": [move(item) for item in found.drift],
        "broken": [broken(error) for error in found.broken],
        "notes": list(found.notes),
    }


def move(item: Move) -> Document:
    """One alias."""
    return {
        "collection": str(item.alias.collection),
        "alias": item.alias.alias,
        "old": _place(item.old),
        "new": _place(item.new),
        "tip": _oid(item.tip),
        "path": item.path,
        "entry": _entry(item.entry),
        "protected": item.protected,
        "refused": item.refused,
        "metrics": [_metric(metric) for metric in item.metrics],
        "verdicts": [_verdict(verdict) for verdict in item.verdicts],
        "problems": [{"message": problem.message, "hint": problem.hint} for problem in item.problems],
    }


def _oid(oid: Oid | None) -> str | None:
    return str(oid) if oid else None


def _place(place: Place | None) -> Document | None:
    return {"version": place.version.label, "commit": str(place.commit)} if place else None


def _entry(entry: Entry | None) -> Document | None:
    if entry is None:
        return None
    return {
        "line": entry.line,
        "version": entry.version.label if entry.version else None,
        "commit": entry.commit or None,
        "after": entry.after or None,
        "reason": entry.reason,
    }


def _metric(metric: Metric) -> Document:
    return {
        "name": metric.name,
        "old": _measured(metric.old),
        "new": _measured(metric.new),
        "direction": metric.direction,
        "comparable": metric.comparable,
        "better": metric.better,
    }


def _verdict(verdict: Verdict) -> Document:
    return {
        "gate": verdict.gate,
        "finding": verdict.finding,
        "words": verdict.words,
        "metric": verdict.metric or None,
        "seen": _measured(verdict.seen),
        "before": _measured(verdict.before),
        "passed_over": [_measured(item) for item in verdict.passed_over],
    }


def _measured(found: Measured | None) -> Document | None:
    if found is None:
        return None
    return {
        "value": found.value,
        "run": found.run,
        "name": found.name,
        "job_type": found.job_type,
        "commit": str(found.commit),
        "who": found.who,
        "at": found.at,
        "on": [str(name) for name in found.on],
        "own": found.own,
        "why": found.why or None,
    }


def broken(error: SettingsError) -> Document:
    """A file that cannot be read."""
    return {"path": error.path, "line": error.line or None, "message": error.message, "hint": error.hint}
