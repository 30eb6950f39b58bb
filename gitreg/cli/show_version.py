"""A version on a page, and as the document `gitreg/version/1`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gitreg.cli import context, documents, human, parts
from gitreg.cli.documents import Document
from gitreg.cli.page import Line, Page, bad, bold, dim, good, middle, name, odd
from gitreg.records import dotted
from gitreg.records import refs as names_of_refs
from gitreg.records.cards import Deletion, Notes
from gitreg.records.history import History
from gitreg.records.listing import Listing
from gitreg.records.names import LATEST, AliasName, Reference, RunId
from gitreg.records.objects import Oid
from gitreg.records.records import RunRecord
from gitreg.registry import cards, facts, history, links, resolve, runs, versions
from gitreg.registry.facts import Known, Standing
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Details, Version

_FILES, _USERS, _METRICS, _PAIRS = 8, 5, 6, 12
_PATH = 50


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """What there is to say of a version.

    Attributes:
        found: what its commit and tag say.
        run, state: of the run that made it, what is known best.
        asked: the alias by which it was asked for, as it stands, or stood at the date that was asked for.
        standings: the aliases that name it, one of its links, or what it links to.
        links: its links; of a link, those beside it.
        inputs: what its run used.
        steps: the step history, None when it is not here.
        files: None when a large list is not here.
        users: the runs that used it with their newest commits, the newest first.
        notes, deletion: what was said of it after it was logged.
    """

    found: Details
    run: RunRecord
    state: str
    asked: Standing | None
    standings: Sequence[Standing]
    links: Sequence[Version]
    inputs: Sequence[Known]
    steps: History | None
    files: Listing | None
    users: Mapping[RunId, Oid]
    notes: Notes
    deletion: Deletion | None

    @property
    def description(self) -> str:
        """What is said of it now."""
        said = self.notes.description
        return self.found.artifact.description if said is None else said

    @classmethod
    def read(cls, registry: Registry, reference: Reference, *, deleted: bool = False) -> VersionFacts:
        """Raises: NotFoundError, InvalidDateError, RecordError, MissingObjectError."""
        version = resolve.version(registry, reference, deleted=deleted)
        said = cards.state(registry, version.name.collection)
        found = versions.details(registry, version)
        standings = facts.standings(registry, version, found.record)
        run = facts.run_of(registry, found)
        record, state = facts.current(registry, run.record)
        return cls(
            found,
            record,
            state,
            _asked(registry, reference, version, standings),
            standings,
            [link for link in links.of_commit(registry, version.commit) if link.name != version.name],
            facts.inputs(registry, run),
            facts.steps(registry, run, run.record.id),
            facts.files(registry, found),
            facts.users(registry, version.commit),
            said.notes(version.place),
            said.deletion(version.place),
        )


def _asked(
    registry: Registry, reference: Reference, version: Version, standings: Sequence[Standing]
) -> Standing | None:
    if not isinstance(reference.selector, str) or reference.selector == LATEST:
        return None
    alias = AliasName(version.name.collection, reference.selector)
    if reference.when:
        return facts.stood(registry, alias, reference.when)
    return next((item for item in standings if item.alias == alias), None)


def document(registry: Registry, shown: VersionFacts) -> Document:
    """Everything about one version."""
    found, version, run = shown.found, shown.found.version, shown.run
    is_draft = not version.published and registry.has_remote
    own = version.name.collection
    return {
        "collection": str(own),
        "version": version.name.label,
        "published": version.published,
        "type": found.artifact.type,
        "description": shown.description,
        "tags": list(shown.notes.tags),
        "deleted": documents.deletion(shown.deletion),
        "digest": found.artifact.digest,
        "size": found.artifact.size,
        "files": _files(shown.files),
        "references": _references(shown.files),
        "aliases": [item.alias.alias for item in shown.standings if item.alias.collection == own],
        "asked": parts.standing_document(shown.asked) if shown.asked else None,
        "named_by": [parts.standing_document(item) for item in shown.standings],
        "links": [str(link.name) for link in shown.links],
        "link": documents.place(found.record.link),
        "metadata": dict(found.artifact.metadata),
        "metrics": dotted.numbers(runs.results(found.run, run)),
        "history": parts.history_document(shown.steps),
        "run": parts.run_document(run, shown.state),
        "code": parts.code_document(registry, run.code),
        "inputs": [parts.known_document(known) for known in shown.inputs],
        "used_by": [_user(registry, run_id, tip) for run_id, tip in shown.users.items()],
        "tag": version.name.tag,
        "ref": names_of_refs.draft(version.name) if is_draft else names_of_refs.version_tag(version.name),
        "commit": str(version.commit),
        "created": found.commit.committer.when,
        "by": found.commit.committer.person,
    }


def _files(listing: Listing | None) -> list[Document] | None:
    if listing is None:
        return None
    return [{"path": item.path, "size": item.size, "md5": item.md5, "sha256": item.sha256} for item in listing]


def _references(listing: Listing | None) -> list[Document] | None:
    if listing is None:
        return None
    known = ("path", "uri", "size", "md5", "sha256", "etag", "version", "modified")
    return [{key: getattr(item, key) or None for key in known} | {"size": item.size} for item in listing.references]


def _user(registry: Registry, run_id: RunId, tip: Oid) -> Document:
    """A run that used the version; only its id where it cannot be read."""
    found = _read(registry, run_id, tip)
    if found is None:
        return {"id": run_id, "name": None, "job_type": None, "state": "unknown"}
    record, state = found
    return {"id": record.id, "name": record.name, "job_type": record.job_type, "state": state}


def _read(registry: Registry, run_id: RunId, tip: Oid) -> tuple[RunRecord, str] | None:
    """What is known best of a run and its state; None when its newest commit cannot be read, which is said."""

    def read() -> tuple[RunRecord, str] | None:
        commit = runs.parse(registry.objects.commit(tip), tip)
        return facts.current(registry, commit.record) if commit else None

    return context.readable(f"run '{run_id}'", read)


def show(page: Page, registry: Registry, shown: VersionFacts) -> None:
    """The page."""
    found, run, at = shown.found, shown.run, parts.now(registry)
    version, artifact = found.version, found.artifact
    own = [item.alias.alias for item in shown.standings if item.alias.collection == version.name.collection]
    state = "" if version.published else odd("unpublished")
    page.head(bold(str(version.name)), artifact.type, good(", ".join(own)), state)
    page.note(shown.description)
    page.blank()
    gone = shown.deletion
    if gone:
        page.fact("deleted", [bad(parts.moment(gone.when, at)), f", by {gone.by.partition(' <')[0]}"])
        page.fact("", *([[dim(gone.reason)]] if gone.reason else []), indent=2)
    parts.tags(page, shown.notes.tags)
    if shown.asked:
        words: Line = [good(shown.asked.alias.alias), f" {page.arrow} {shown.asked.version.label}"]
        parts.standing(page, "alias", shown.asked, at, words)
    parts.standings(page, [item for item in shown.standings if item != shown.asked], at)
    if found.record.link:
        page.fact("link to", [name(str(found.record.link.version))])
    others = [str(link.name) for link in shown.links]
    page.fact("linked as", *([[name(", ".join(others))]] if others else []))
    series = history.series(shown.steps or History())
    told = run.metrics
    parts.metrics(page, dotted.numbers(runs.results(found.run, run)), series, told, most=_METRICS)
    parts.versions(page, "made from", shown.inputs)
    parts.run_line(page, run, shown.state)
    parts.code(page, registry, run.code)
    by = found.commit.committer
    page.fact("made", [f"{parts.moment(by.when, at)}, by {by.name}"])
    _show_files(page, shown)
    _show_references(page, shown)
    _show_users(page, registry, shown.users)
    quiet = artifact.metadata or run.config
    if quiet:
        page.blank()
    parts.pairs(page, "config", dotted.flat(run.config), most=_PAIRS)
    parts.pairs(page, "metadata", dotted.flat(artifact.metadata), most=_PAIRS)
    page.blank()
    page.fact("commit", [dim(str(version.commit))])
    page.fact("digest", [dim(artifact.digest)])


def _show_files(page: Page, shown: VersionFacts) -> None:
    artifact, listing = shown.found.artifact, shown.files
    if listing is not None and len(listing) == 1:
        (entry,) = listing
        page.fact("content", [entry.path, "  ", human.size(entry.size)])
        return
    if not artifact.files and artifact.references:
        return
    page.fact("content", [f"{human.plural(artifact.files, 'file')}, {human.size(artifact.size)}"])
    if listing is None:
        page.fact("", [dim(f"the list is not here; gitreg get {shown.found.version.name} brings it")])
        return
    entries = listing.entries[:_FILES]
    paths = [middle(entry.path, _PATH) if page.width else entry.path for entry in entries]
    page.grid(
        "", [[dim(path), dim(human.size(entry.size))] for path, entry in zip(paths, entries, strict=True)], right=(1,)
    )
    if len(listing) > _FILES:
        page.fact("", [dim(f"and {len(listing) - _FILES:,} more; --json has all")])


def _show_references(page: Page, shown: VersionFacts) -> None:
    told, listing = shown.found.artifact.references, shown.files
    if not told:
        return
    page.fact("elsewhere", [f"{human.plural(told.files, 'reference')}, {human.size(told.size)}"])
    known = () if listing is None else listing.references
    rows: list[Line] = [
        [dim(middle(item.path, _PATH) if page.width else item.path), dim(item.uri)] for item in known[:_FILES]
    ]
    page.grid("", rows)
    if len(known) > _FILES:
        page.fact("", [dim(f"and {len(known) - _FILES:,} more; --json has all")])


def _show_users(page: Page, registry: Registry, users: Mapping[RunId, Oid]) -> None:
    rows: list[Line] = []
    for run_id, tip in list(users.items())[:_USERS]:
        found = _read(registry, run_id, tip)
        if found is None:
            rows.append([name(run_id), bad("cannot be read")])
            continue
        record, state = found
        came_to = parts.headline(dotted.numbers(record.summary))
        rows.append([name(record.name), record.job_type, parts.state(state), came_to])
    page.grid("used by", rows)
    if len(users) > _USERS:
        page.fact("", [dim(f"and {human.plural(len(users) - _USERS, 'other run')}; --json has all")])
