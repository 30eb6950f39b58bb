"""Reads what `compare` compares: versions and runs."""

from __future__ import annotations

from gitreg.errors import NotFoundError
from gitreg.git import difference
from gitreg.records.listing import Listing
from gitreg.records.names import RunId
from gitreg.records.records import ArtifactRecord
from gitreg.registry import cards, compare, facts, runs, versions
from gitreg.registry.compare import Comparison, Content, Input, Subject
from gitreg.registry.facts import Known
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version


def of_version(registry: Registry, version: Version) -> Subject:
    """A version, with the results of its run as they are known here. Raises: RecordError, MissingObjectError."""
    found = versions.details(registry, version)
    run = facts.run_of(registry, found)
    record, _ = facts.current(registry, run.record)
    artifact = found.artifact
    listing = facts.files(registry, found)
    return Subject(
        name=str(version.name),
        commit=version.commit,
        run=record.id,
        about={"type": artifact.type, **({"description": artifact.description} if artifact.description else {})},
        config=record.config,
        summary=runs.results(found.run, record),
        code=record.code,
        metadata=artifact.metadata,
        inputs=[_input(known) for known in facts.inputs(registry, run)],
        metrics=record.metrics,
        references=_references(artifact, listing),
        content=Content(artifact.manifest, artifact.files, artifact.size, None if listing is None else listing.entries),
    )


def _references(artifact: ArtifactRecord, listing: Listing | None) -> dict[str, object]:
    """Where each leads; one for all where the list is not here."""
    if listing is None:
        return {"*": f"list {artifact.references.manifest}"} if artifact.references else {}
    told = ((item.path, (item.uri, item.version, item.etag or item.sha256)) for item in listing.references)
    return {path: " ".join(filter(None, words)) for path, words in told}


def of_run(registry: Registry, run_id: RunId) -> Subject:
    """A run. Raises: NotFoundError, RecordError, MissingObjectError."""
    known = facts.of_run(registry, run_id)
    record = known.record
    return Subject(
        name=record.name,
        commit=known.tip.oid if known.tip else None,
        run=run_id,
        about={"job_type": record.job_type, "state": known.state, "tags": list(record.tags), "notes": record.notes},
        config=record.config,
        summary=record.summary,
        code=record.code,
        inputs=[_input(item) for item in known.inputs],
        metrics=record.metrics,
    )


def _input(known: Known) -> Input:
    return Input(known.name, known.commit, known.record.size if known.record else None)


def previous(registry: Registry, version: Version) -> Version:
    """The version of the next lower number. Raises: NotFoundError for the first."""
    found = cards.living(registry, versions.all_versions(registry, version.name.collection))
    older = [item for item in found if item.name.number < version.name.number]
    last = next(versions.own(registry, reversed(older)), None)
    if last is None:
        text = f"there is no version before '{version.name}'"
        raise NotFoundError("artifact", str(version.name), text, hint=f"name two: gitreg diff {version.name} OTHER")
    return last


def comparison(registry: Registry, old: Subject, new: Subject) -> Comparison:
    """Compare both, with what lies between their code."""
    commits = old.code.commit, new.code.commit
    same = commits[0] == commits[1]
    return compare.compare(old, new, stat=None if same else difference.stat(registry.git, *commits))
