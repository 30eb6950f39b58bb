"""A run that is going on: it is started, uses and logs versions, and is finished.

What it is told is kept before that is acknowledged, in the journal or as a commit; steps are within a second.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace

from gitreg.errors import NotFoundError, RecordError, UsageError, reading
from gitreg.git.objects import Batch, MissingObjectError
from gitreg.git.refs import Change, RefMovedError
from gitreg.records import refs as names_of_refs
from gitreg.records import trailers, yamlio
from gitreg.records.history import Row, encode, told
from gitreg.records.listing import Listing
from gitreg.records.names import RunId, VersionName, VersionNumber
from gitreg.records.objects import ZERO, Commit, Oid
from gitreg.records.plain import visible
from gitreg.records.records import (
    ARTIFACT,
    RUN,
    RunRecord,
    State,
    Use,
)
from gitreg.registry import history, run_files, runs, trees, versions
from gitreg.registry.draft import Draft, gather, is_same
from gitreg.registry.journal import DELAY, WRITER, Journal
from gitreg.registry.repository import Registry, retried
from gitreg.registry.runs import RunCommit
from gitreg.registry.versions import Version

_NUMBERS = frozenset((float, int, bool, type(None)))


class LiveRun:
    """A run that is going on in this process. Not for several threads at once: the caller holds a lock.

    Attributes:
        record: what the next commit will say.
        step: the number of the next step of the history.
        brief: the run is there for one artifact only; without it, it never was.
    """

    def __init__(self, registry: Registry, journal: Journal, record: RunRecord) -> None:
        self.registry = registry
        # a mapping of its own, in which it changes as often as something is logged
        self._summary = dict(record.summary)
        self.record = replace(record, summary=self._summary)
        self.step = 0
        self.brief = False
        self._journal = journal
        self._used: set[Oid] = set()
        self._commits: set[Oid] = set()
        self._last = record.code.commit
        self._resumed = False

    @classmethod
    def start(cls, registry: Registry, record: RunRecord, *, brief: bool = False) -> LiveRun:
        """Start a run at its code commit. Raises: UsageError when its id is taken, RecordError."""
        taken = UsageError(f"run id '{record.id}' is taken", hint="leave the id out, or choose another")
        journal = Journal.of(registry.private, record.id)
        if journal.path.exists():
            raise not_ended(journal)
        if registry.refs.find(*(names_of_refs.run(record.id, base) for base in registry.bases())):
            raise taken
        try:
            journal.create()
        except FileExistsError as error:
            raise not_ended(journal) from error
        try:
            yamlio.dump(record.document())
            journal.append("start", record.document(), **{WRITER: os.getpid()})
            if brief:
                journal.append("brief", brief)
            registry.refs.create(names_of_refs.run(record.id), record.code.commit)
        except BaseException as error:
            journal.remove()
            if isinstance(error, RefMovedError):
                raise taken from error
            raise
        return cls(registry, journal, record)

    @classmethod
    def resume(cls, registry: Registry, run_id: RunId) -> LiveRun:
        """Go on with a run that has ended, published or not: its config, summary, steps and commits stay.

        It is running again until it is finished. A run that was killed here has to be recovered first. When somebody
        else goes on with it too, the first one to publish is taken, and the other one stays here.

        Raises: NotFoundError, UsageError when it has not ended, MissingBytesError when its steps are nowhere,
            RecordError.
        """
        journal = Journal.of(registry.private, run_id)
        try:
            journal.create()
        except FileExistsError as error:
            raise not_ended(journal) from error
        try:
            found = _ended(registry, run_id)
            record = replace(found.record, state="running", ended="", inputs=(), reused=())
            step = -1
            steps = history.fetched(registry, found)
            with reading(f"the step history of run '{run_id}'", str(found.tip.oid)):
                steps.check()
            for row in steps.rows():
                journal.append_soon("step", row)
                step = max(step, int(str(row["_step"])))
            # last: a journal without it is one of a run that does not go on yet
            journal.append("start", record.document(), commit=_held(found.tip.oid, found.record), next=step + 1)
            journal.append(WRITER, os.getpid())
            return cls.read(registry, journal)
        except BaseException:
            journal.remove()
            raise

    @classmethod
    def attach(cls, registry: Registry, run_id: RunId) -> LiveRun:
        """Go on with a run that another process of this clone has started. Raises: NotFoundError, RecordError."""
        journal = Journal.of(registry.private, run_id)
        journal.hold()
        try:
            run = cls.read(registry, journal)
            run.catch_up()
        except BaseException:
            journal.close()
            raise
        return run

    @classmethod
    def read(cls, registry: Registry, journal: Journal) -> LiveRun:
        """A run as its journal tells it. Raises: NotFoundError, RecordError, UsageError when it has not started yet."""
        run: LiveRun | None = None
        for event, value in journal.events():
            if event == "start" and isinstance(value, dict):
                run = cls(registry, journal, RunRecord.parse(value))
            elif run is not None:
                run._replay(event, value)
        if run is None:
            raise UsageError(f"run '{journal.path.stem}' has not started yet")
        return run

    def catch_up(self) -> None:
        """Take note of what killed processes of the run have made and not noted.

        A kill may also have come between the draft of a version and the run's ref, which is then moved there.

        Raises: RecordError.
        """
        # another process of the run may be about to move the ref itself
        retried(self._adopt_drafts)
        self.note_commits()

    def note_commits(self) -> None:
        """Take note of commits that nobody has noted; a last one ends the run.

        Raises: RecordError, MissingObjectError.
        """
        _, tip = self._tip()
        fresh: list[RunCommit] = []
        for commit in runs.walk(self.registry, tip):
            # a run that has only just started points at its code, which may be another run's commit
            if commit.record.id != self.record.id or commit.oid in self._commits:
                break
            fresh.append(commit)
        for commit in reversed(fresh):
            self._replay("commit", _held(commit.oid, commit.record))
            self.record = replace(self.record, state=commit.record.state, ended=commit.record.ended)

    def _adopt_drafts(self) -> None:
        """Move the run's ref to the commits of drafts that a kill left beside the run."""
        _, tip = self._tip()
        drafts = [ref.target for ref in self.registry.refs.find(names_of_refs.DRAFTS)]
        while found := next((oid for oid in drafts if self._follows(oid, tip)), None):
            pending, _ = self._tip()
            self.registry.refs.change([Change(names_of_refs.run(self.record.id), pending, found)])
            tip = found

    def _follows(self, oid: Oid, before: Oid) -> bool:
        """Whether a commit is this run's next one after `before`. What cannot be read is not; fsck says why."""
        with contextlib.suppress(RecordError, MissingObjectError):
            commit = self.registry.objects.commit(oid)
            if commit.parents[:1] == (before,):
                found = runs.parse(commit, oid)
                return found is not None and found.record.id == self.record.id
        return False

    def _replay(self, event: str, value: object) -> None:
        if event == "labels" and isinstance(value, dict):
            self.record = self._labelled(value)
        elif event == "config" and isinstance(value, dict):
            self.record = replace(self.record, config={**self.record.config, **value})
        elif event == "summary" and isinstance(value, dict):
            self._summary.update(value)
        elif event == "log" and isinstance(value, dict):
            self.step = int(value["_step"]) + 1
            self._summary.update(told(value))
        elif event == "metric" and isinstance(value, dict):
            self.record = replace(self.record, metrics={**self.record.metrics, **value})
        elif event == "use" and isinstance(value, dict):
            use = Use.parse(value)
            self._used.add(use.commit)
            self.record = replace(self.record, inputs=(*self.record.inputs, use))
        elif event == "reused" and isinstance(value, dict):
            self.record = replace(self.record, reused=(*self.record.reused, Use.parse(value)))
        elif event == "brief":
            self.brief = bool(value)
        elif event == "step" and isinstance(value, dict):
            self.step = int(value["_step"]) + 1
        elif event == "next" and isinstance(value, int):
            self.step, self._resumed = value, True
        elif event == "commit" and isinstance(value, dict):
            # not simply all: another process of this run may have used something since
            self._last = Oid.parse(str(value["commit"]))
            self._commits.add(self._last)
            self.record = replace(
                self.record,
                inputs=tuple(use for use in self.record.inputs if str(use.commit) not in value["inputs"]),
                reused=tuple(use for use in self.record.reused if str(use.commit) not in value["reused"]),
            )

    def add_labels(self, labels: Mapping[str, object]) -> None:
        """Fill in labels that the run does not have yet: job_type, group, project, entity, notes, and tags (a list)."""
        self.set_labels({key: value for key, value in labels.items() if value and not getattr(self.record, key)})

    def set_labels(self, labels: Mapping[str, object]) -> None:
        """Set labels, as `add_labels` has them, and the name, whatever the run has.

        Raises: RecordError for what a record cannot hold.
        """
        if labels:
            changed = self._labelled(labels)
            yamlio.dump(changed.document())
            self._journal.append("labels", labels)
            self.record = changed

    def _labelled(self, labels: Mapping[str, object]) -> RunRecord:
        changed = RunRecord.parse({**self.record.document(), "tags": list(self.record.tags), **labels})
        return replace(changed, summary=self._summary)

    def rows(self) -> Iterable[Row]:
        """What it has logged so far, a step each."""
        return history.rows(self._journal.events())

    def define_metric(self, name: str, definition: Mapping[str, object]) -> None:
        """Say what is to be known of the metric `name`, FORMAT.md 4.6. Raises: RecordError for what it cannot hold."""
        yamlio.dump({name: definition})
        self._journal.append("metric", {name: definition})
        self._replay("metric", {name: definition})

    def update_config(self, values: Mapping[str, object]) -> None:
        """Set config values. Raises: RecordError for what a record cannot hold."""
        yamlio.dump(values)
        self._journal.append("config", values)
        self._replay("config", dict(values))

    def update_summary(self, values: Mapping[str, object]) -> None:
        """Set summary values. Raises: RecordError for what a record cannot hold."""
        yamlio.dump(values)
        self._journal.append("summary", values)
        self._replay("summary", dict(values))

    def log_step(self, values: Mapping[str, object], *, summary: Mapping[str, object] | None = None) -> None:
        """Add a step to the history, and `summary` to the summary.

        `values` holds `_step`, which is not lower than `step`; with the `_timestamp` of an earlier row of that step as
        well, they go into that row. They may be `summary` too, which these two do not go into. Within a second they are
        on disk; everything else is at once. Raises: RecordError, StorageError for this or an earlier step.
        """
        is_both = summary is values
        summary = told(values) if is_both else summary or {}
        self._check(summary)
        if is_both:
            self._journal.append_soon("log", values)
        else:
            self._journal.append_soon("step", values, summary=summary)
        self.step = int(str(values["_step"])) + 1
        self._summary.update(summary)

    def _check(self, summary: Mapping[str, object]) -> None:
        """Raises: RecordError for what a record cannot hold. Numbers under known keys can be held."""
        if not self._summary.keys() >= summary.keys() or not _NUMBERS.issuperset(map(type, summary.values())):
            yamlio.dump(summary)

    def use(self, version: Version) -> None:
        """Make a version an input of this run; once is enough."""
        if version.commit not in self._used:
            self._append_use("use", version, versions.record(self.registry, version).digest)

    def _append_use(self, event: str, version: Version, digest: str) -> None:
        use = Use(version.name, version.commit, digest, unpublished=not version.published).document()
        self._journal.append(event, use)
        self._replay(event, use)

    def log_artifact(self, draft: Draft) -> tuple[Version, bool]:
        """Store an artifact's files and make a version of them; False when the newest version has the same content.

        Raises: TypeMismatchError when the collection is of another type, StorageError, RefusedError.
        """
        last = versions.head(self.registry, draft.collection).last
        # before the bytes, which may be many
        versions.check_next(self.registry, draft.collection, last, type=draft.type, link=False)
        listing = gather(self.registry, draft, last)

        def attempt() -> tuple[Version, bool]:
            at = versions.head(self.registry, draft.collection)
            versions.check_next(self.registry, draft.collection, at.last, type=draft.type, link=False)
            if at.newest and is_same(listing, versions.record(self.registry, at.newest)):
                if at.newest.commit not in self._commits:
                    # else it is among what the run made already
                    self._append_use("reused", at.newest, listing.digest)
                return at.newest, False
            name = VersionName(draft.collection, VersionNumber(at.number))
            return self._commit_artifact(name, draft, listing), True

        return retried(attempt)

    def _commit_artifact(self, name: VersionName, draft: Draft, listing: Listing) -> Version:
        artifact = draft.artifact_record(listing, self.step - 1 if self.step else None)
        batch = Batch()
        tree = trees.write(self.registry, batch, draft.collection, listing)
        also = {ARTIFACT: artifact.document()}
        commit, change = self._commit(batch, tree, draft.subject(listing), self.record, also)
        record = draft.version_record(name, listing, self.record.id)
        version = versions.create(self.registry, batch, record, commit, [change])
        self._committed(commit)
        return version

    def _commit(
        self, batch: Batch, tree: Oid, subject: str, record: RunRecord, also: Mapping[str, Mapping[str, object]]
    ) -> tuple[Oid, Change]:
        """Add the run's next commit, with its record and `also` others, to the batch.

        Its id, and the change of the run's ref that goes with it.
        """
        self._journal.flush()
        pending, previous = self._tip()
        now = self.registry.now()
        message = trailers.compose(visible(subject), {RUN: record.document(), **also})
        commit = batch.add("commit", Commit(tree, record.parents(previous), now, now, message).encode())
        return commit, Change(names_of_refs.run(self.record.id), pending, commit)

    def _tip(self) -> tuple[Oid, Oid]:
        """What the run's pending ref is at, `ZERO` when there is none, and the commit that the run goes on from.

        Once all of it is published, that is what the remote has; should the remote have lost it, or have what somebody
        else went on with, it is what was made here.
        """
        names = [names_of_refs.run(self.record.id, base) for base in self.registry.bases()]
        refs = {ref.name: ref.oid for ref in self.registry.refs.find(*names)}
        pending = refs.get(names_of_refs.run(self.record.id), ZERO)
        there = refs.get(names_of_refs.run(self.record.id, self.registry.tracking), self._last)
        if not pending and self._resumed and there not in self._commits:
            # another process of this run may have made it
            made = (value for event, value in self._journal.events() if event == "commit" and isinstance(value, dict))
            self._commits.update(Oid.parse(str(value["commit"])) for value in made)
            there = there if there in self._commits else self._last
        return pending, pending or there

    def _committed(self, commit: Oid) -> None:
        held = _held(commit, self.record)
        self._journal.append("commit", held)
        self._replay("commit", held)

    def finish(self, state: State, ended: str | None = None) -> None:
        """Write the run's last commit and end it; `ended` is the time, RFC 3339 in UTC, when that is not now.

        One that a killed process wrote already is left as it is.
        """
        if self.record.state != "running" and not self._journal.path.exists():
            # it had ended, and what was to be done then failed
            self.registry.settle()
            return
        self._journal.hold()
        self._journal.flush()
        # what other processes of the run have noted, too, each thing at its place
        vars(self).update(vars(LiveRun.read(self.registry, self._journal)))
        # one may be of this process: it was written, and the journal could not be removed
        self.note_commits()
        if self.record.state == "running":
            media = run_files.draft(self.registry, self.record.id)
            if media is not None:
                self.log_artifact(media)
            last = replace(self.record, state=state, ended=ended or self.registry.now().when)
            files = history.files(self.registry, encode(history.rows(self._journal.events())))

            def attempt() -> None:
                batch = Batch()
                tree = batch.add_tree(files)
                _, change = self._commit(batch, tree, f"finish {last.name} ({state})", last, {})
                self.registry.transact(batch, [change])

            retried(attempt)
            self.record = last
        run_files.drop(self.registry, self.record.id)
        self._journal.remove()
        self.registry.refs.pack_if_many()
        self.registry.settle()

    def detach(self) -> None:
        """Leave the run to the process that started it.

        Raises: StorageError when its last steps cannot be kept; UsageError when that process has ended the run before.
        """
        try:
            self._journal.flush()
        except UsageError:
            self._journal.close()
            raise
        self._journal.close()

    def note_process(self) -> None:
        """Have whoever ends the run know that this process takes part in it."""
        self._journal.append(WRITER, os.getpid())

    def await_others(self) -> None:
        """Give processes that take part in the run the time to write what waits there."""
        if any(event == WRITER and value != os.getpid() for event, value in self._journal.events()):
            time.sleep(2 * DELAY)

    @property
    def descriptor(self) -> int:
        """An open file; the run goes on for as long as a process has it open."""
        return self._journal.descriptor


def _ended(registry: Registry, run_id: RunId) -> runs.Run:
    """A run that has ended. Raises: NotFoundError, UsageError, RecordError."""
    found = runs.get(registry, run_id)
    if found.record.state == "running":
        hint = "end it in the clone that it was started in: gitreg run recover, gitreg push"
        raise UsageError(f"run '{run_id}' has not ended, as far as is known here", hint=hint)
    return found


def not_ended(journal: Journal) -> UsageError:
    """What to say of a run that has a journal and must not have one."""
    run_id = journal.path.stem
    if journal.is_held:
        place = ""
        # it may end at this moment
        with contextlib.suppress(NotFoundError):
            place = next((f", in process {value}" for event, value in journal.events() if event == WRITER), "")
        hint = 'end it first, choose another id, or take part in it: mode="shared" in all its processes'
        return UsageError(f"run '{run_id}' is still going on{place}", hint=hint)
    return UsageError(f"run '{run_id}' was killed and is not recorded yet", hint=f"gitreg run recover {run_id}")


def _held(commit: Oid, record: RunRecord) -> dict[str, object]:
    """What a commit of a run holds of what the run had noted, as the journal says it."""
    return {
        "commit": str(commit),
        "inputs": [str(use.commit) for use in record.inputs],
        "reused": [str(use.commit) for use in record.reused],
    }
