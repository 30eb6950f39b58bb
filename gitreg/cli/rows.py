"""What the lists are made of: one row for each collection, version or run, which reads what it is asked for.

A list of 10,000 shows 30 of them, so a row reads its tag, its commit or its run only when one of their fields is
wanted. All fields together are what `--json` prints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from gitreg.cli import console, documents, human
from gitreg.cli.documents import Document
from gitreg.errors import RecordError
from gitreg.git.objects import MissingObjectError
from gitreg.records.names import RunId, VersionName
from gitreg.records.objects import Oid
from gitreg.records.records import RunRecord, Use
from gitreg.registry import runs, versions
from gitreg.registry.aliases import Named
from gitreg.registry.cards import State
from gitreg.registry.facts import Catalogue
from gitreg.registry.repository import Registry
from gitreg.registry.runs import Run
from gitreg.registry.versions import Version

Told = Callable[[str], str]
Part = tuple[tuple[str, ...], Callable[[], Document]]


class ForeignError(RecordError):
    """A tag that is only named like a version: somebody's own, which no list shows and nobody need hear of."""


class Row(Mapping[str, Any]):
    """A document in parts, each read when one of its fields is asked for. Raises: RecordError, MissingObjectError.

    Attributes:
        what: what it is called in a message.
        objects: what it will read first.
    """

    def __init__(self, what: str, fields: tuple[str, ...], *parts: Part, objects: tuple[Oid, ...] = ()) -> None:
        self.what = what
        self.objects = objects
        self._fields = fields
        self._parts = parts
        self._known: Document = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._known:
            self._known |= next((read() for names, read in self._parts if name in names), {})
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    @property
    def is_loaded(self) -> bool:
        """Whether nothing is left to read."""
        return len(self._known) == len(self._fields)

    def load(self) -> None:
        """Read what has not been read yet."""
        for names, _ in self._parts:
            self[names[0]]


_REFS = ("collection", "version", "published", "commit", "aliases")
_TAG = ("type", "digest", "size", "files", "created", "by", "run", "link")
_COMMIT = ("project", "metadata", "config", "summary")
_NOTES = ("tags", "deleted")
_VERSION = (*_REFS[:3], *_TAG, "commit", "aliases", *_NOTES, *_COMMIT)


def version_row(registry: Registry, version: Version, named: Named, state: State) -> Row:
    """A version. `named` says which aliases name it, `state` what else is said of it."""
    return Row(
        f"'{version.name}'",
        _VERSION,
        (_REFS, partial(_refs, version, named)),
        (_TAG, partial(_tag, registry, version)),
        (_NOTES, partial(_notes, version, state)),
        (_COMMIT, partial(_results, registry, version)),
        objects=(version.tag, version.commit),
    )


def _refs(version: Version, named: Named) -> Document:
    return {
        "collection": str(version.name.collection),
        "version": version.name.label,
        "published": version.published,
        "commit": str(version.commit),
        "aliases": named.get((version.name, version.commit), []),
    }


def _tag(registry: Registry, version: Version) -> Document:
    try:
        record, tagger = versions.tagged(registry, version)
    except RecordError:
        if versions.is_own(registry, version.tag):
            raise
        raise ForeignError(version.name.tag) from None
    return {
        "type": record.type,
        "digest": record.digest,
        "size": record.size,
        "files": record.files,
        "created": tagger.when,
        "by": tagger.person,
        "run": record.run,
        "link": documents.place(record.link),
    }


def _notes(version: Version, state: State) -> Document:
    return {
        "tags": list(state.notes(version.place).tags),
        "deleted": documents.deletion(state.deletion(version.place)),
    }


def _results(registry: Registry, version: Version) -> Document:
    """What the run of a version says: its results when it was logged, and those that only came later."""
    try:
        found = runs.parse(registry.objects.commit(version.commit), version.commit)
        last = runs.newest_record(registry, found.record.id) if found else None
    except (RecordError, MissingObjectError) as error:
        # the version itself can be read, and is listed
        console.warn(f"the results of '{version.name}' are left out: {error}")
        found = last = None
    return {
        "project": found.record.project if found else "",
        "metadata": dict(found.artifact.metadata) if found and found.artifact else {},
        "config": dict((last or found.record).config) if found else {},
        "summary": runs.results(found.record, last) if found else {},
    }


_NAMED = ("collection", "versions", "unpublished", "aliases")
_TAGS = ("tags",)
_NEWEST = ("type", "latest", "registered", "created", "by", "size", "files")
_COLLECTION = ("collection", "type", "versions", "unpublished", "latest", "aliases", *_TAGS, *_NEWEST[2:], *_COMMIT)


def collection_row(registry: Registry, state: State, found: Sequence[Version], named: Sequence[Document]) -> Row:
    """A collection, as its newest version has it. `found` are its versions in order, `named` its aliases."""
    name = state.collection
    facts: Document = {
        "collection": str(name),
        "versions": len({version.name.number for version in found}),
        "unpublished": sum(not version.published for version in found),
        "aliases": list(named),
    }
    newest: list[Version] = []

    def latest() -> Version:
        if not newest:
            own = next(versions.own(registry, reversed(found)), None)
            if own is None:
                raise ForeignError(str(name))
            newest.append(own)
        return newest[0]

    def tag() -> Document:
        told = _tag(registry, latest())
        kept = {key: told[key] for key in _NEWEST if key in told}
        return {**kept, "latest": latest().name.label, "registered": told["link"] is not None}

    return Row(
        f"'{name}'",
        _COLLECTION,
        (_NAMED, lambda: facts),
        (_TAGS, lambda: {"tags": list(state.notes().tags)}),
        (_NEWEST, tag),
        (_COMMIT, lambda: _results(registry, latest())),
    )


_LINE = (
    *("id", "name", "state", "job_type", "project", "tags", "started", "ended", "duration"),
    *("config", "summary", "code", "commit", "by", "published"),
)
_USES = ("inputs", "outputs")


def run_row(registry: Registry, run_id: RunId, tip: Oid, *, published: bool, state: Told, catalogue: Catalogue) -> Row:
    """A run, whose newest commit is `tip`. `state` says how it is, told what its record says."""
    found: list[Run] = []

    def uses() -> Document:
        run = runs.chain(registry, tip)
        if run is None:
            raise RecordError(f"commit {tip.short} has no record of a run")
        found.append(run)
        return {"inputs": _inputs(catalogue, run), "outputs": _outputs(catalogue, run)}

    def line() -> Document:
        last = found[0].tip if found else runs.parse(registry.objects.commit(tip), tip)
        if last is None:
            raise RecordError(f"commit {tip.short} has no record of a run")
        return {**_line(last.record, state), "commit": str(tip), "by": last.by.person, "published": published}

    # all of a run holds its newest commit too, and is read first where both are wanted
    return Row(f"run '{run_id}'", (*_LINE, *_USES), (_USES, uses), (_LINE, line), objects=(tip,))


def live_row(record: RunRecord, state: Told) -> Row:
    """A run that goes on and has no commit yet."""
    inputs = [documents.use(use.version, use) for use in record.inputs]
    found = {**_line(record, state), "commit": None, "by": None, "published": False, "inputs": inputs, "outputs": []}
    return Row(f"run '{record.id}'", (*_LINE, *_USES), ((*_LINE, *_USES), lambda: found))


def _line(record: RunRecord, state: Told) -> Document:
    return {
        **documents.run_line(record),
        "state": state(record.state),
        "duration": human.seconds_between(record.started, record.ended),
        "code": {"commit": str(record.code.commit), "snapshot": record.code.snapshot},
    }


def _inputs(catalogue: Catalogue, run: Run) -> list[Document]:
    """What a run used, under the names that the versions have now."""
    return [documents.use(_name(catalogue, use), use) for use in run.inputs]


def _outputs(catalogue: Catalogue, run: Run) -> list[str]:
    """What a run made, as far as it is here, and what it logged again."""
    made = [version.name for version in catalogue.made(run)]
    return [str(name) for name in (*made, *(_name(catalogue, use) for use in run.reused))]


def _name(catalogue: Catalogue, use: Use) -> VersionName:
    found = catalogue.of(use)
    return found.name if found else use.version
