"""What `--json` says of versions, runs and moves: one place for each shape, used by every command that shows one."""

from __future__ import annotations

from gitreg.records.cards import Deletion
from gitreg.records.names import VersionName
from gitreg.records.records import Place, RunRecord, Use
from gitreg.registry.past import Step

Document = dict[str, object]


def run_line(record: RunRecord) -> Document:
    """A run in a list or inside a version."""
    return {
        "id": record.id,
        "name": record.name,
        "state": record.state,
        "job_type": record.job_type,
        "project": record.project,
        "tags": list(record.tags),
        "started": record.started,
        "ended": record.ended,
        "config": dict(record.config),
        "summary": dict(record.summary),
    }


def use(name: VersionName, use: Use) -> Document:
    """A version that a run used, under the name that it has now."""
    return {
        "artifact": str(name.collection),
        "version": name.label,
        "commit": str(use.commit),
        "digest": use.digest,
    }


def move(step: Step) -> Document:
    """One step of an alias's history."""
    record, by = step.move.record, step.move.by
    return {
        "alias": str(step.alias),
        "seq": record.seq,
        "action": record.action,
        "version": record.now.version.label if record.now else None,
        "previous": record.previous.version.label if record.previous else None,
        "commit": str(record.now.commit) if record.now else None,
        "by": by.person,
        "at": by.when,
        "until": step.next.by.when if step.next else None,
        "reason": record.reason,
        "behind": record.by.document(),
        "evidence": [item.document() for item in record.evidence],
        "record": str(step.move.oid),
        "published": step.published,
    }


def deletion(stone: Deletion | None) -> Document | None:
    """The tombstone of a version."""
    return {"when": stone.when, "by": stone.by, "reason": stone.reason} if stone else None


def place(place: Place | None) -> Document | None:
    """What a link names."""
    return {"artifact": str(place.version), "commit": str(place.commit)} if place else None
