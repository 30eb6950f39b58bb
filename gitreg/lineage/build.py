"""From the registry to the graph: records for names, parents for edges, never a walk over the code's history."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping

from gitreg.errors import RecordError
from gitreg.git.objects import MissingObjectError
from gitreg.lineage.graph import Edge, Graph, Link, Node, neighbourhood
from gitreg.lineage.web import commit_page
from gitreg.records.fields import present
from gitreg.records.names import LATEST, CollectionName, RunId, VersionName
from gitreg.records.objects import Oid
from gitreg.records.records import ArtifactRecord, Place, RunRecord
from gitreg.registry import aliases, cards, index, links, runs, versions
from gitreg.registry.aliases import Named
from gitreg.registry.index import Index
from gitreg.registry.repository import Registry
from gitreg.registry.runs import Run, RunCommit
from gitreg.registry.usage import Usage
from gitreg.registry.versions import Version


def lineage_of(
    registry: Registry,
    version: Version,
    *,
    also: Iterable[Version] = (),
    up: int | None = None,
    down: int | None = None,
    known: Usage | None = None,
) -> Graph:
    """What a version was made from, and what was made from it. A link shows its source.

    `up` and `down` count edges; None is all. `also` adds the lineage of other versions. `known` is asked who used what,
    by default the index. Raises: RecordError.
    """
    with contextlib.nullcontext(known) if known else index.updated(registry) as users:
        builder = _Builder(registry, users)
        shown = []
        for item in (version, *also):
            shown.append(builder.version(item.commit, item.name))
            builder.upstream(item.commit)
            builder.downstream(item.commit)
    graph = Graph.of(builder.nodes.values(), builder.edges, f"Lineage of {version.name}")
    return neighbourhood(graph, shown[0], up=up, down=down, also=shown[1:])


def whole(registry: Registry) -> Graph:
    """Every version and every run."""
    with index.updated(registry) as known:
        tips = known.tips()
        found = list(versions.own(registry, versions.all_versions(registry)))
        builder = _Builder(registry, known, tips, found)
        for version in found:
            builder.version(version.commit, version.name)
        for run_id in tips:
            run = builder.read(run_id)
            if run:
                builder.run(run)
    return Graph.of(builder.nodes.values(), builder.edges, "Lineage of all versions")


class _Builder:
    """Collects nodes and edges. Each run is read once, each collection listed once, and nothing that is not reached.

    Who wants everything says at once which runs and versions there are: asking for each takes a process. What cannot be
    read hides nothing else.
    """

    def __init__(
        self,
        registry: Registry,
        known: Index | Usage,
        tips: Mapping[RunId, Oid] | None = None,
        everything: Iterable[Version] | None = None,
    ) -> None:
        self.registry = registry
        self.index = known
        self._tips = tips
        self._at: dict[Oid, list[Version]] | None = None
        self.nodes: dict[str, Node] = {}
        self.edges: list[Edge] = []
        self._runs: dict[RunId, Run | None] = {}
        self._collections: dict[CollectionName, list[Version]] = {}
        self._chips: dict[CollectionName, Named] = {}
        self._deleted: dict[CollectionName, frozenset[Place]] = {}
        self._done: set[tuple[str, RunId]] = set()
        self._host: str | None = None
        self._published: set[RunId] = set()
        if everything is not None:
            self._at = {}
            for version in everything:
                self._at.setdefault(version.commit, []).append(version)
                self._collections.setdefault(version.name.collection, []).append(version)

    def upstream(self, commit: Oid) -> None:
        """Add the run that made a version, its inputs, and theirs."""
        todo = [commit]
        while todo:
            run = self._maker(todo.pop())
            if run and self._first("up", run.record.id):
                self.run(run)
                todo += [use.commit for use in run.inputs]

    def downstream(self, commit: Oid) -> None:
        """Add the runs that used a version, what they made, and so on."""
        todo = [commit]
        while todo:
            for run_id in self.index.used_by(todo.pop()):
                run = self.read(run_id)
                if run and self._first("down", run_id):
                    self.run(run)
                    todo += [*run.outputs, *(use.commit for use in run.reused)]

    def version(self, commit: Oid, hint: VersionName | None) -> str:
        """Add the node of the version with this commit; its id.

        `hint` is the name that somebody who used it knew. An input that this clone does not have is shown as unknown.
        """
        node_id = f"artifact:{commit}"
        if node_id not in self.nodes:
            self.nodes[node_id] = self._artifact(node_id, commit) or Node(
                node_id,
                "unknown",
                str(hint or commit.short),
                type="unknown input",
                note="not in this clone, or damaged; gitreg fetch may bring it",
            )
        return node_id

    def _artifact(self, node_id: str, commit: Oid) -> Node | None:
        """The node of a version that is here, under the name it was logged as, with the links to it."""
        try:
            logged = runs.parse(self.registry.objects.commit(commit), commit)
        except (MissingObjectError, RecordError):
            return None
        if logged is None or logged.artifact is None:
            return None
        collection = logged.artifact.collection
        own = [item for item in self._versions(collection) if item.commit == commit]
        if len(own) > 1:
            # a draft and its published twin, or what somebody only claims
            own = [item for item in own if self._is_own(item)] or own
        found = [*own, *(link for link in self._links(commit, collection) if not self._is_deleted(link))]
        if not found:
            return None
        names = {item: (*sorted(self._aliases(item)), *self._latest(item)) for item in found}
        state = "unpublished" if self.registry.has_remote and not found[0].published else ""
        return Node(
            node_id,
            "artifact",
            str(found[0].name),
            type=logged.artifact.type,
            aliases=names[found[0]],
            state="deleted" if self._is_deleted(found[0]) else state,
            links=tuple(Link(str(item.name), names[item]) for item in found[1:]),
            note=f"commit {commit.short}, {logged.artifact.files} files, {logged.artifact.size} bytes",
            facts=_facts_of_version(logged, logged.artifact),
        )

    def _links(self, commit: Oid, collection: CollectionName) -> list[Version]:
        """The links to the version of this commit, which was logged into `collection`."""
        if self._at is None:
            return links.of_commit(self.registry, commit)
        found = (item for item in self._at.get(commit, ()) if item.name.collection != collection)
        return [item for item in found if links.is_link(self.registry, item)]

    def _is_deleted(self, version: Version) -> bool:
        collection = version.name.collection
        if collection not in self._deleted:
            self._deleted[collection] = frozenset()
            with contextlib.suppress(MissingObjectError, RecordError):
                self._deleted[collection] = cards.state(self.registry, collection).deleted
        return version.place in self._deleted[collection]

    def _is_own(self, version: Version) -> bool:
        with contextlib.suppress(MissingObjectError, RecordError):
            return bool(versions.record(self.registry, version))
        return False

    def _versions(self, collection: CollectionName) -> list[Version]:
        if collection not in self._collections:
            self._collections[collection] = versions.all_versions(self.registry, collection)
        return self._collections[collection]

    def _aliases(self, version: Version) -> Iterable[str]:
        collection = version.name.collection
        if collection not in self._chips:
            known = aliases.all_aliases(self.registry, collection)
            self._chips[collection] = aliases.by_version(known, self._versions(collection))
        return self._chips[collection].get((version.name, version.commit), ())

    def _latest(self, version: Version) -> tuple[str, ...]:
        """'latest' where there is an older version to tell it from."""
        living = (item for item in reversed(self._versions(version.name.collection)) if not self._is_deleted(item))
        newest = version.name.number > 0 and version == next(living, None)
        return (LATEST,) if newest else ()

    def run(self, run: Run) -> None:
        """Add a run's node, what it used and what it made."""
        record = run.record
        node_id = f"run:{record.id}"
        if node_id in self.nodes:
            return
        code = f"code {record.code.commit.short}" + (" with uncommitted changes" if record.code.snapshot else "")
        self.nodes[node_id] = Node(
            node_id,
            "run",
            record.name,
            type=record.job_type,
            state=record.state,
            note=f"run {record.id}, {code}",
            href=self._page(record),
            facts=_facts_of_run(run),
        )
        for use in run.inputs:
            self.edges.append(Edge(self.version(use.commit, use.version), node_id, "used"))
        for use in run.reused:
            self.edges.append(Edge(node_id, self.version(use.commit, use.version), "logged"))
        for commit in run.outputs:
            made = self.version(commit, None)
            self.edges.append(Edge(node_id, made, "logged"))
        if not run.complete:
            cut = f"cut:{record.id}"
            self.nodes[cut] = Node(cut, "unknown", "history cut here", note="this clone is shallow")
            self.edges.append(Edge(cut, node_id, "used"))

    def _page(self, record: RunRecord) -> str:
        """Where the remote's host shows the code of a run, once that is published."""
        if self._host is None:
            self._host = next(iter(self.registry.transport.push_urls()), "")
            tips = runs.tips(self.registry) if commit_page(self._host, record.code.commit) else {}
            self._published = {run for run, (_, published) in tips.items() if published}
        return commit_page(self._host, record.code.commit) if record.id in self._published else ""

    def _maker(self, commit: Oid) -> Run | None:
        """The run that logged the version with this commit, as far as this clone knows."""
        try:
            made = runs.chain(self.registry, commit)
        except (MissingObjectError, RecordError):
            return None
        return (self.read(made.record.id) or made) if made else None

    def read(self, run_id: RunId) -> Run | None:
        """The whole run, None when it is not here or cannot be read."""
        if run_id not in self._runs:
            tip = self._tips.get(run_id) if self._tips is not None else self.index.tip(run_id)
            self._runs[run_id] = None
            with contextlib.suppress(MissingObjectError, RecordError):
                self._runs[run_id] = runs.chain(self.registry, tip) if tip else None
        return self._runs[run_id]

    def _first(self, way: str, run_id: RunId) -> bool:
        """Whether this is the first visit."""
        seen = (way, run_id) in self._done
        self._done.add((way, run_id))
        return not seen


def _facts_of_version(logged: RunCommit, artifact: ArtifactRecord) -> dict[str, object]:
    return present(
        description=artifact.description,
        created=logged.by.when,
        by=logged.by.name,
        size=artifact.size,
        files=artifact.files,
        commit=str(logged.oid),
        digest=artifact.digest,
        metadata=artifact.metadata,
    )


def _facts_of_run(run: Run) -> dict[str, object]:
    record, first = run.record, run.commits[0]
    return present(
        notes=record.notes,
        created=record.started or first.by.when,
        ended=record.ended,
        by=first.by.name,
        id=record.id,
        project=record.project,
        group=record.group,
        tags=list(record.tags),
        code=str(record.code.commit),
        uncommitted=record.code.snapshot or None,
        summary=record.summary,
        config=record.config,
    )
