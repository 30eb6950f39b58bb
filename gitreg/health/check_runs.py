"""Whether runs are what FORMAT.md 4 says: chains of commits from the code on, each with its inputs as parents."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from functools import cached_property

from gitreg.data.config import parse_version_config
from gitreg.errors import RecordError, reading
from gitreg.health.check_bytes import Bytes, Owner, Wanted
from gitreg.health.findings import Findings
from gitreg.health.survey import Refs, Step, Survey, quoted
from gitreg.records import refs as names_of_refs
from gitreg.records.history import History
from gitreg.records.names import CollectionName, RunId
from gitreg.records.objects import Oid, TreeEntry
from gitreg.registry import history, trees
from gitreg.registry.going import dead_runs
from gitreg.registry.history import HISTORY
from gitreg.registry.journal import Journal
from gitreg.registry.versions import Version

_SNAPSHOT = "snapshot of uncommitted changes"


@dataclass
class Runs:
    """Checks the runs of a survey.

    Attributes:
        count: how many were checked.
    """

    survey: Survey
    content: Bytes
    count: int = 0
    _on_chains: set[Oid] = field(default_factory=set)
    _broken: set[RunId] = field(default_factory=set)
    _walked: set[Oid] = field(default_factory=set)
    _codes: set[Oid] = field(default_factory=set)

    @property
    def _findings(self) -> Findings:
        return self.survey.findings

    def check(self, only: Container[str] | None = None) -> None:
        """Check the runs that have a ref, or of these those in `only`, and that every draft belongs to one."""
        for run_id, refs in sorted(self.survey.runs.items()):
            if only is None or run_id in only:
                self.count += 1
                self._check(run_id, refs)
        for version in self.survey.versions:
            if self.survey.covers(version.name.collection):
                self._check_version(version)
        for run_id in dead_runs(self.survey.registry):
            if only is None or run_id in only:
                self._findings.warning(
                    self._subject(run_id),
                    "its process was killed, and not everything that it logged is recorded",
                    f"gitreg run recover {run_id}",
                )

    def _subject(self, run_id: RunId) -> str:
        """A run for people; its name only as far as it is known."""
        refs = self.survey.runs.get(run_id, Refs())
        for tip in (refs.pending, refs.tracking):
            step = self.survey.steps.get(tip) if tip else None
            if isinstance(step, Step) and step.run == run_id:
                return f"run '{step.name}' ({run_id})"
        return f"run {run_id}"

    def _check(self, run_id: RunId, refs: Refs) -> None:
        chains: dict[str, list[Oid]] = {}
        for base, tip in refs.each(self.survey.registry):
            ref = names_of_refs.run(run_id, base)
            remedy = self._give_up(ref)
            chain: list[Oid] = []
            with self._findings.guarded(f"run {run_id}", remedy):
                step = self.survey.step(tip)
                if step is None or step.run != run_id:
                    self._not_a_commit_of(run_id, ref, base, tip, step)
                    continue
                is_pending = base == names_of_refs.PENDING and not self.survey.registry.is_server
                with self._findings.guarded(self._subject(run_id), remedy):
                    self._walk(run_id, tip, chain)
                    chains[base] = chain
                    self._check_end(run_id, tip, step, is_pending=is_pending)
                    self._check_history(run_id, chain, is_pending=is_pending)
            self._on_chains.update(chain)
            if not chain or chains.get(base) != chain:
                self._broken.add(run_id)
        self._compare(run_id, refs, chains)
        self._check_outputs(run_id, chains)

    def _not_a_commit_of(self, run_id: RunId, ref: str, base: str, tip: Oid, step: Step | None) -> None:
        """A run that has only just started points at its code; its journal says so."""
        is_pending = base == names_of_refs.PENDING and not self.survey.registry.is_server
        if is_pending and (self._has_journal(run_id) or self._has_moved(run_id, tip)):
            return
        self._broken.add(run_id)
        if is_pending and step is None:
            problem = "it has started and recorded nothing, and no journal of it is here"
            self._findings.warning(f"run {run_id}", problem, f"git update-ref -d {quoted(ref)} {tip}")
        else:
            whose = f"belongs to run '{step.name}' ({step.run})" if step else "is no run's"
            problem = f"its ref points at commit {tip.short}, which {whose}"
            self._findings.error(f"run {run_id}", problem, self._give_up(ref))

    def _give_up(self, ref: str) -> str:
        """What to do about a run that cannot be followed."""
        look = f"look at it: git log --first-parent {quoted(ref)}"
        is_pending = ref.startswith(names_of_refs.PENDING) and not self.survey.registry.is_server
        return f"{look}; to give it up: git update-ref -d {quoted(ref)}" if is_pending else look

    def _take_back(self, run_id: RunId, oid: Oid) -> str:
        """What to do about a commit of a run that says something wrong."""
        refs = self.survey.runs.get(run_id, Refs())
        is_pending = refs.pending and not self.survey.registry.is_server
        return f"look at it: git show {oid}" + (f"; to take it back: gitreg drop {run_id}" if is_pending else "")

    def _walk(self, run_id: RunId, tip: Oid, chain: list[Oid]) -> None:
        """Add the run's commits to `chain`, the newest first; each is checked once."""
        oid = tip
        while True:
            step = self.survey.step(oid)
            if step is None or step.run != run_id:
                raise RecordError(f"commit {oid.short} is on its chain and does not belong to it")
            chain.append(oid)
            if oid not in self._walked:
                self._walked.add(oid)
                self._check_step(run_id, oid, step)
            if step.previous == step.code:
                return
            oid = step.previous

    def _check_step(self, run_id: RunId, oid: Oid, step: Step) -> None:
        subject, look = self._subject(run_id), self._take_back(run_id, oid)
        if step.code not in self._codes:
            self._codes.add(step.code)
            with self._findings.guarded(subject, look, what="its code, "):
                code = self.survey.registry.objects.commit(step.code)
                if step.snapshot and (len(code.parents) > 1 or not code.message.startswith(_SNAPSHOT)):
                    self._findings.error(subject, f"its code {step.code.short} is no snapshot, as it says", look)
        for use in step.inputs:
            with self._findings.guarded(subject, look):
                used = self.survey.step(use.commit)
                if used is None or used.collection is None:
                    problem = f"it used '{use.version}', commit {use.commit.short}, which logs no artifact"
                    self._findings.error(subject, problem, look)
                elif used.digest != use.digest:
                    problem = f"it used '{use.version}' with another digest than commit {use.commit.short} has"
                    self._findings.error(subject, problem, look)

    def _check_end(self, run_id: RunId, tip: Oid, step: Step, *, is_pending: bool) -> None:
        """Check that a run which has not ended has a process somewhere."""
        subject = self._subject(run_id)
        if step.state != "running":
            return
        if not is_pending:
            refs = self.survey.runs[run_id]
            if refs.pending is None or self.survey.registry.is_server:
                problem = "it has not ended: it goes on in another clone, or was killed there"
                if not self._has_journal(run_id):
                    self._findings.note(
                        subject, problem, f"in the clone that it was started in: gitreg run recover {run_id}"
                    )
        elif not self._has_journal(run_id) and not self._has_moved(run_id, tip):
            problem = "it has not ended, and its journal is not here: how it ended is lost"
            self._findings.warning(subject, problem, "nothing more of it can be recorded; it can be published as it is")

    def _has_journal(self, run_id: RunId) -> bool:
        return Journal.of(self.survey.registry.private, run_id).path.exists()

    def _has_moved(self, run_id: RunId, tip: Oid) -> bool:
        """Whether the run has ended, or was taken back, since the refs were read."""
        now = self.survey.registry.refs.get(names_of_refs.run(run_id))
        return now is None or now.oid != tip

    def _check_history(self, run_id: RunId, chain: list[Oid], *, is_pending: bool) -> None:
        """Check the tree of the newest commit that ends the run: its history of steps, and nothing else."""
        ends = ((oid, step) for oid in chain if (step := self.survey.step(oid)) and step.state != "running")
        found = next(ends, None)
        if found is None:
            return
        end, tree = found[0], found[1].tree
        registry, subject, look = self.survey.registry, self._subject(run_id), self._take_back(run_id, end)
        top = registry.objects.tree(tree)
        inside = {f"{name}/{leaf}" for name, entry in top.items() for leaf in self._names(entry)}
        if inside not in history.PATHS:
            self._findings.error(subject, f"the tree of its last commit holds other files than '{HISTORY}'", look)
        text = registry.objects.blob_at(tree, HISTORY)
        if text is not None:
            with self._findings.guarded(subject, look), reading(f"'{HISTORY}'", str(end)):
                History(text).check()
        pointer = history.pointer(registry, tree)
        if pointer:
            place = f"files/md5/{pointer.md5[:2]}/{pointer.md5[2:]}"
            mend = f"copy {place} from {'another cache that has it' if is_pending else 'the storage, or another cache'}"
            own = parse_version_config(trees.config(registry, tree))
            storage = None if is_pending else own or self.content.default
            owner = Owner(subject, "draft" if is_pending else "published", mend, storage)
            self.content.need(owner, [Wanted(pointer.md5, pointer.size, "", "its history")])

    def _names(self, entry: TreeEntry) -> Iterable[str]:
        return self.survey.registry.objects.tree(entry.oid) if entry.is_tree else ("",)

    def _compare(self, run_id: RunId, refs: Refs, chains: dict[str, list[Oid]]) -> None:
        """A run grows at its end only, so that what is pending contains what is published, or the other way round."""
        pending, tracking = (chains.get(base, []) for base in self.survey.registry.bases())
        if pending and tracking and refs.tracking not in pending and refs.pending not in tracking:
            ref = names_of_refs.run(run_id)
            problem = "it goes on from the same commit in two ways, here and on the remote; only one can be published"
            remedy = f"git log --graph {refs.pending} {refs.tracking}; to give up the one here: git update-ref -d {ref}"
            self._findings.error(self._subject(run_id), problem, remedy)

    def _check_outputs(self, run_id: RunId, chains: dict[str, list[Oid]]) -> None:
        """Every artifact that a run logged is a version."""
        registry = self.survey.registry
        pending, tracking = (chains.get(base, []) for base in registry.bases())
        for oid in dict.fromkeys((*tracking, *pending)):
            step = self.survey.step(oid)
            if step is None or step.collection is None or (oid, step.collection) in self._logged:
                continue
            if step.collection in self.survey.told or not self.survey.covers(step.collection):
                continue
            problem = f"it logged '{step.collection}' in commit {oid.short}, and no version names that"
            if oid in tracking or registry.is_server:
                self._findings.warning(self._subject(run_id), problem, "gitreg fetch, if its tag was not deleted")
            else:
                ref = (
                    f"refs/gitreg/drafts/{step.collection}@vN"
                    if registry.has_remote
                    else f"refs/tags/{step.collection}@vN"
                )
                remedy = f"'git fsck --no-reflogs --unreachable' lists its tag: git update-ref {ref} TAG"
                self._findings.error(self._subject(run_id), problem, remedy)

    def _check_version(self, version: Version) -> None:
        """Check the run of a version from there back, and that a draft's is here."""
        step = self.survey.steps.get(version.commit)
        if not isinstance(step, Step):
            return
        chain: list[Oid] = []
        with self._findings.guarded(version.name, f"look at it: git log --first-parent {version.commit}"):
            if version.commit not in self._walked:
                self._walk(step.run, version.commit, chain)
        is_link = step.collection != version.name.collection
        if version.published or is_link or version.commit in self._on_chains:
            return
        if step.run in self._broken or not self.survey.told.isdisjoint((step.run, version.name)):
            return
        ref = names_of_refs.run(step.run)
        problem = f"its commit {version.commit.short} is on no chain of run {step.run}, whose ref is gone or elsewhere"
        remedy = f"git update-ref {ref} {version.commit}"
        if self.survey.runs.get(step.run, Refs()).pending:
            remedy = f"look at both: git log --graph {ref} {version.commit}"
        self._findings.error(version.name, problem, remedy)

    @cached_property
    def _logged(self) -> frozenset[tuple[Oid, CollectionName]]:
        return frozenset((version.commit, version.name.collection) for version in self.survey.versions)
