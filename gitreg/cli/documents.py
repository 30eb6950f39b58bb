"""What `--json` says of versions, runs and moves: one place for each shape, used by every command that shows one."""

from __future__ import annotations

from functools import partial

from gitreg.cli import context
from gitreg.errors import MissingBytesError, NotFoundError
from gitreg.git.objects import MissingObjectError
from gitreg.records import refs as names_of_refs
from gitreg.records.names import VersionName
from gitreg.records.objects import Oid
from gitreg.records.records import Place, RunRecord, Use
from gitreg.registry import aliases, index, links, runs, versions
from gitreg.registry.aliases import Named
from gitreg.registry.past import Step
from gitreg.registry.repository import Registry
from gitreg.registry.runs import Run
from gitreg.registry.versions import Details, Version

Document = dict[str, object]


def version_line(registry: Registry, version: Version, named: Named) -> Document:
    """A version in a list: what its tag says."""
    record = versions.record(registry, version)
    tagger = registry.objects.tag(version.tag).tagger
    return {
        "collection": str(version.name.collection),
        "version": version.name.label,
        "published": version.published,
        "type": record.type,
        "digest": record.digest,
        "size": record.size,
        "files": record.files,
        "aliases": named.get((version.name, version.commit), []),
        "created": tagger.when,
        "by": f"{tagger.name} <{tagger.email}>",
        "run": record.run,
        "link": place(record.link),
        "commit": str(version.commit),
    }


def version_page(registry: Registry, found: Details) -> Document:
    """Everything about one version."""
    version = found.version
    run = _whole_run(registry, found)
    return {
        "collection": str(version.name.collection),
        "version": version.name.label,
        "published": version.published,
        "type": found.artifact.type,
        "description": found.artifact.description,
        "digest": found.artifact.digest,
        "size": found.artifact.size,
        "files": _files(registry, found),
        "aliases": aliases.of_version(registry, version),
        "links": [str(link.name) for link in links.of_commit(registry, version.commit)],
        "link": place(found.record.link),
        "metadata": dict(found.artifact.metadata),
        "run": run_line(run.record),
        "code": {"commit": str(found.run.code.commit), "snapshot": found.run.code.snapshot},
        "inputs": inputs(registry, run),
        "used_by": used_by(registry, version.commit),
        "tag": version.name.tag,
        "ref": names_of_refs.draft(version.name)
        if not version.published and registry.has_remote
        else names_of_refs.version_tag(version.name),
        "commit": str(version.commit),
        "created": found.commit.committer.when,
        "by": f"{found.commit.committer.name} <{found.commit.committer.email}>",
    }


def _files(registry: Registry, found: Details) -> list[Document] | None:
    """The files, None when a large manifest's bytes are not here, or a partial clone cannot ask for the tree."""
    try:
        listing = versions.listing(registry, found)
    except (MissingBytesError, MissingObjectError):
        return None
    return [
        {"path": entry.path, "size": entry.size, "md5": entry.md5, "sha256": entry.sha256} for entry in listing.entries
    ]


def _whole_run(registry: Registry, found: Details) -> Run:
    """The run that made a version, as far as it is known here."""
    try:
        return runs.get(registry, found.run.id)
    except (NotFoundError, MissingObjectError):
        run = runs.chain(registry, found.version.commit)
        if run is None:
            raise
        return run


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


def run_page(registry: Registry, run: Run, *, published: bool) -> Document:
    """A run with what it used and made."""
    # a link names the same commit, and is not what the run made; nor is a later tag that claims to be it
    known = reversed(versions.all_versions(registry))
    made = {(version.commit, version.name.collection): version.name for version in known}
    logged = [(commit.oid, commit.artifact.collection) for commit in run.commits if commit.artifact]
    outputs = [made[key] for key in logged if key in made]
    outputs += [_current(registry, use.commit, use.version) for use in run.reused]
    return {
        **run_line(run.record),
        "published": published,
        "code": {"commit": str(run.record.code.commit), "snapshot": run.record.code.snapshot},
        "inputs": inputs(registry, run),
        "outputs": [str(name) for name in outputs],
        "commit": str(run.tip.oid),
        "by": f"{run.tip.by.name} <{run.tip.by.email}>",
    }


def inputs(registry: Registry, run: Run) -> list[Document]:
    """What a run used, under the names the versions have now."""
    return [_input(registry, use) for use in run.inputs]


def _input(registry: Registry, found: Use) -> Document:
    return use(_current(registry, found.commit, found.version), found)


def use(name: VersionName, use: Use) -> Document:
    """A version that a run used, under the name that it has now."""
    return {
        "artifact": str(name.collection),
        "version": name.label,
        "commit": str(use.commit),
        "digest": use.digest,
    }


def _current(registry: Registry, commit: Oid, hint: VersionName) -> VersionName:
    """The name that a version has now; the one it had then, when it is not here."""
    found = aliases.version_at(versions.all_versions(registry, hint.collection), Place(hint, commit))
    return found.name if found else hint


def used_by(registry: Registry, commit: Oid) -> list[Document]:
    """The runs that used a version."""
    with index.updated(registry) as known:
        tips = [(run_id, known.tip(run_id)) for run_id in known.used_by(commit)]
        found = [context.readable(f"run '{run_id}'", partial(runs.chain, registry, tip)) for run_id, tip in tips if tip]
    return [
        {"id": run.record.id, "name": run.record.name, "job_type": run.record.job_type, "state": run.record.state}
        for run in found
        if run
    ]


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
        "by": f"{by.name} <{by.email}>",
        "at": by.when,
        "until": step.next.by.when if step.next else None,
        "reason": record.reason,
        "behind": dict(record.by),
        "record": str(step.move.oid),
        "published": step.published,
    }


def place(place: Place | None) -> Document | None:
    """What a link names."""
    return {"artifact": str(place.version), "commit": str(place.commit)} if place else None
