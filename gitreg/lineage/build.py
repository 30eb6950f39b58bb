"""From the registry to the graph: records for names, parents for edges, never a walk over the code's history."""

from __future__ import annotations

from collections import defaultdict

from gitreg.errors import RecordError
from gitreg.git.objects import MissingObjectError
from gitreg.lineage.graph import Edge, Graph, Node, neighbourhood
from gitreg.records.names import RunId, VersionName
from gitreg.records.objects import Oid
from gitreg.records.records import Use
from gitreg.registry import aliases, index, runs, versions
from gitreg.registry.index import Index
from gitreg.registry.repository import Registry
from gitreg.registry.runs import Run
from gitreg.registry.versions import Version


def lineage_of(registry: Registry, version: Version, *, up: int | None = None, down: int | None = None) -> Graph:
    """What a version was made from, and what was made from it. A link shows its source.

    `up` and `down` count edges; None is all. Raises: RecordError.
    """
    with index.updated(registry) as known:
        builder = _Builder(registry, known)
        focus = builder.version(version.commit, version)
        builder.upstream(version.commit)
        builder.downstream(version.commit)
    graph = Graph.of(builder.nodes.values(), builder.edges, f"Lineage of {version.name}")
    return neighbourhood(graph, focus, up=up, down=down)


def whole(registry: Registry) -> Graph:
    """Every version and every run."""
    with index.updated(registry) as known:
        builder = _Builder(registry, known)
        for commit in builder.by_commit:
            builder.version(commit, None)
        for run_id in builder.tips:
            builder.run(run_id, None)
    return Graph.of(builder.nodes.values(), builder.edges, "Lineage of all versions")


class _Builder:
    """Collects nodes and edges, each run read once."""

    def __init__(self, registry: Registry, known: Index) -> None:
        self.registry = registry
        self.index = known
        self.nodes: dict[str, Node] = {}
        self.edges: list[Edge] = []
        self.tips = known.tips()
        self.by_commit: dict[Oid, list[Version]] = defaultdict(list)
        for version in versions.all_versions(registry):
            self.by_commit[version.commit].append(version)
        self._newest: dict[object, Version] = {}
        for version in (item for items in self.by_commit.values() for item in items):
            last = self._newest.get(version.name.collection)
            if last is None or last.name.number < version.name.number:
                self._newest[version.name.collection] = version
        self._chips: dict[VersionName, list[str]] = defaultdict(list)
        for alias in aliases.all_aliases(registry):
            named = alias.place and aliases.version_at(self.by_commit[alias.place.commit], alias.place)
            if named:
                self._chips[named.name].append(alias.name.alias)
        self._runs: dict[RunId, Run | None] = {}
        self._done: set[tuple[str, object]] = set()

    def upstream(self, commit: Oid) -> None:
        """Add the run that made a version, its inputs, and theirs."""
        todo = [commit]
        while todo:
            run = self._maker(todo.pop())
            if run and self._first("up", run.record.id):
                todo += [use.commit for use in self.run(run.record.id, run).inputs]

    def downstream(self, commit: Oid) -> None:
        """Add the runs that used a version, what they made, and so on."""
        todo = [commit]
        while todo:
            for run_id in self.index.used_by(todo.pop()):
                if run_id in self.tips and self._first("down", run_id):
                    run = self.run(run_id, None)
                    todo += [*run.outputs, *(use.commit for use in run.reused)]

    def version(self, commit: Oid, hint: Version | Use | None) -> str:
        """Add the node of the version with this commit; its id. An input that nobody here can name is shown as such."""
        found = self.by_commit.get(commit, [])
        node_id = f"artifact:{commit}"
        if node_id in self.nodes:
            return node_id
        try:
            logged = versions.details(self.registry, found[0]) if found else None
        except MissingObjectError:
            logged = None
        if logged is None:
            label = str(hint.version) if isinstance(hint, Use) else commit.short
            note = "not in this clone; gitreg fetch may bring it"
            self.nodes[node_id] = Node(node_id, "unknown", label, type="unknown input", note=note)
            return node_id
        source = logged.artifact.collection
        own = next((item for item in found if item.name.collection == source), found[0])
        names = sorted(self._names(found))
        self.nodes[node_id] = Node(
            node_id,
            "artifact",
            str(own.name),
            type=logged.artifact.type,
            aliases=tuple(names),
            state="" if own.published or not self.registry.has_remote else "unpublished",
            links=tuple(str(item.name) for item in found if item is not own),
            note=f"commit {commit.short}, {logged.artifact.files} files, {logged.artifact.size} bytes",
        )
        return node_id

    def _names(self, found: list[Version]) -> set[str]:
        """What the version and its links are called; 'latest' only where there is an older one to tell it from."""
        names = {chip for item in found for chip in self._chips[item.name]}
        newest = any(self._newest[item.name.collection] == item and item.name.number > 0 for item in found)
        return names | ({"latest"} if newest else set())

    def run(self, run_id: RunId, known: Run | None) -> Run:
        """Add a run's node and the edges to what it used and made."""
        run = known or self._read(run_id)
        if run is None:
            raise RecordError(f"run '{run_id}' cannot be read")
        node_id = f"run:{run_id}"
        if node_id in self.nodes:
            return run
        record = run.record
        code = f"code {record.code.commit.short}" + (" with uncommitted changes" if record.code.snapshot else "")
        self.nodes[node_id] = Node(
            node_id, "run", record.name, type=record.job_type, state=record.state, note=f"run {run_id}, {code}"
        )
        for use in run.inputs:
            self.edges.append(Edge(self.version(use.commit, use), node_id, "used"))
        for use in run.reused:
            self.edges.append(Edge(node_id, self.version(use.commit, use), "logged"))
        for commit in run.outputs:
            if commit in self.by_commit:
                self.edges.append(Edge(node_id, self.version(commit, None), "logged"))
        if not run.complete:
            cut = f"cut:{run_id}"
            self.nodes[cut] = Node(cut, "unknown", "history cut here", note="this clone is shallow")
            self.edges.append(Edge(cut, node_id, "used"))
        return run

    def _maker(self, commit: Oid) -> Run | None:
        """The run that logged the version with this commit, as far as this clone knows."""
        try:
            made = runs.chain(self.registry, commit)
        except MissingObjectError:
            return None
        return (self._read(made.record.id) or made) if made else None

    def _read(self, run_id: RunId) -> Run | None:
        if run_id not in self._runs:
            tip = self.tips.get(run_id)
            self._runs[run_id] = runs.chain(self.registry, tip) if tip else None
        return self._runs[run_id]

    def _first(self, way: str, key: object) -> bool:
        """Whether this is the first visit."""
        seen = (way, key) in self._done
        self._done.add((way, key))
        return not seen
