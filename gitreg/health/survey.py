"""What a check looks at, read once: every ref by what it names, and what each commit of a run says.

Refs that name nothing, or something of the wrong kind, are found here; what records say is other modules' business.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

from gitreg.errors import Error, RecordError
from gitreg.git import locks
from gitreg.git.checked import CutError, RawRef, raw_refs
from gitreg.git.objects import MissingObjectError
from gitreg.git.refs import Ref
from gitreg.health.findings import Findings, ToldError
from gitreg.records import refs as names_of_refs
from gitreg.records.names import AliasName, CollectionName, RunId, VersionName
from gitreg.records.objects import Commit, Oid, Tag
from gitreg.records.records import VERSION, ArtifactRecord, RunRecord, Use
from gitreg.registry import runs, versions
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version

_LOOKS_LIKE_A_VERSION = re.compile(r"refs/tags/.+@v[0-9]+\Z")
# A writer holds a lock for milliseconds, and with a full disk or a slow share for seconds.
_PATIENCE = 20
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Step:
    """What other checks need of a run's commit, its name cut. `collection` is None in one that logs no artifact."""

    run: RunId
    name: str
    state: str
    previous: Oid
    code: Oid
    snapshot: bool
    tree: Oid
    collection: CollectionName | None
    digest: str
    inputs: tuple[Use, ...]
    reused: tuple[Use, ...]

    @classmethod
    def of(cls, commit: Commit, run: RunRecord, artifact: ArtifactRecord | None) -> Step:
        """From what has been parsed and checked."""
        return cls(
            run.id,
            run.name if len(run.name) <= _LONGEST else f"{run.name[:_LONGEST]}...",
            run.state,
            commit.parents[0],
            run.code.commit,
            run.code.snapshot,
            commit.tree,
            artifact.collection if artifact else None,
            artifact.digest if artifact else "",
            run.inputs,
            run.reused,
        )


@dataclass(slots=True)
class Refs:
    """The refs of one run, alias or collection: here and pending, and as the registry remote is known to have it."""

    pending: Oid | None = None
    tracking: Oid | None = None

    def each(self, registry: Registry) -> Iterator[tuple[str, Oid]]:
        """The namespaces and ids of those that are there, pending first."""
        for base, oid in zip(registry.bases(), (self.pending, self.tracking), strict=True):
            if oid is not None:
                yield base, oid


@dataclass(slots=True)
class Survey:
    """Everything that is looked at.

    Attributes:
        registry: reads objects as `CheckedObjects` does.
        scope: the collections to check, None for all.
        names: the collections that any ref names.
        versions: those that really are versions, by name; of all collections.
        tags: what the tags hold that are named like versions; whosever they are.
        tracked: what the registry remote is known to have below `refs/gitreg/`.
        runs, aliases, cards: which refs they have; of all collections.
        steps: run commits that have been read; None for other commits, an error for what cannot be read.
        told: versions, runs, aliases and cards whose refs have been reported: what follows is not reported too.
    """

    registry: Registry
    findings: Findings
    scope: frozenset[CollectionName] | None = None
    names: set[CollectionName] = field(default_factory=set)
    versions: list[Version] = field(default_factory=list)
    tags: dict[str, Oid] = field(default_factory=dict)
    tracked: dict[str, Oid] = field(default_factory=dict)
    runs: dict[RunId, Refs] = field(default_factory=dict)
    aliases: dict[AliasName, Refs] = field(default_factory=dict)
    cards: dict[CollectionName, Refs] = field(default_factory=dict)
    steps: dict[Oid, Step | Error | None] = field(default_factory=dict)
    told: set[VersionName | RunId | AliasName | CollectionName] = field(default_factory=set)
    _drafts: set[Oid] = field(default_factory=set)

    def covers(self, collection: CollectionName) -> bool:
        """Whether the collection is to be checked."""
        return self.scope is None or collection in self.scope

    def step(self, oid: Oid) -> Step | None:
        """What a run's commit says, None when it is no run's. Raises: RecordError, MissingObjectError, ToldError."""
        if oid not in self.steps:
            try:
                commit = self.registry.objects.commit(oid)
                found = runs.parse(commit, oid)
                self.steps[oid] = Step.of(commit, found.record, found.artifact) if found else None
            except CutError as error:
                self.steps[oid] = error
                raise
            except (RecordError, MissingObjectError) as error:
                self.steps[oid] = ToldError(error.message)
                raise
        known = self.steps[oid]
        if isinstance(known, Error):
            raise known
        return known

    def is_draft(self, version: Version) -> bool:
        """Whether a version lies where only this clone's own do."""
        return version.tag in self._drafts

    def read_refs(self) -> None:
        """Fill in versions, runs, aliases and cards; report what is no such thing."""
        found, broken, failed = self._settled()
        if failed:
            self.findings.error("packed-refs", failed, "put back a copy of it, or clone again and copy .git/gitreg")
        others: list[str] = []
        for name in broken:
            if _LOOKS_LIKE_A_VERSION.match(name) or not name.startswith(names_of_refs.TAGS):
                self._tell_broken(name)
        for ref in found:
            if ref.name.startswith(names_of_refs.TAGS):
                if _LOOKS_LIKE_A_VERSION.match(ref.name):
                    self._tag(ref, others)
            elif ref.name.startswith(names_of_refs.DRAFTS):
                self._tag(ref, others)
            else:
                self._ref(ref)
        self.versions.sort(key=lambda version: (version.name, not version.published))
        if others:
            first = others[0].removeprefix(names_of_refs.TAGS)
            count = "tag is" if len(others) == 1 else "tags are"
            problem = f"{len(others)} {count} named like a version and none of gitreg's; its number is taken"
            self.findings.note(first, problem, "nothing to do, unless gitreg made it: then fetch it again")

    def _settled(self) -> tuple[list[RawRef], list[str], str]:
        """All refs as they stood at one moment: git reads them one by one, while somebody may change several."""
        prefixes = (*self.registry.bases(), names_of_refs.TAGS)
        found = raw_refs(self.registry.git, *prefixes)
        for _ in range(_PATIENCE):
            last, found = found, raw_refs(self.registry.git, *prefixes)
            if found == last:
                break
        return found

    def read_locks(self) -> None:
        """Report locks of ref writers that are older than any writer needs."""
        for lock in locks.of_refs(self.registry.git):
            self.findings.warning(
                lock.path.relative_to(self.registry.git.common_dir).as_posix(),
                "a lock is older than a minute: nothing can write there while it lies there",
                f"when no git process is at work here: rm {quoted(str(lock.path))}",
            )

    def _tell(self, ref: str, problem: str, remedy: str) -> None:
        """Report a ref."""
        self._mark(ref)
        self.findings.error(ref, problem, remedy)

    def _mark(self, ref: str) -> None:
        """Remember what a ref is of that cannot be taken in."""
        version = names_of_refs.parse_version(ref)
        found = (version, version and version.collection, names_of_refs.parse_run(ref), names_of_refs.parse_alias(ref))
        self.told.update(name for name in found if name)

    def _tell_broken(self, name: str) -> None:
        place = quoted(str(self.registry.git.common_dir / name))
        if self._is_pending(name):
            remedy = f"'git fsck --no-reflogs --lost-found' lists what it may have held: rm {place} && "
            remedy += f"git update-ref {quoted(name)} ID"
        else:
            remedy = f"rm {place} && gitreg fetch"
        self._tell(name, "the ref holds no object id, and git passes it over", remedy)

    def _is_pending(self, name: str) -> bool:
        """Whether nobody else is known to have what a ref holds."""
        return name.startswith(names_of_refs.PENDING) or not self.registry.has_remote

    def _read(self, ref: RawRef) -> tuple[str, bytes] | None:
        """What the ref points at; None when that cannot be read, which is reported."""
        try:
            return self.registry.objects.read(ref.oid)
        except CutError:
            self._mark(ref.name)
        except MissingObjectError:
            remedy = self.findings.elsewhere
            if not self._is_pending(ref.name):
                remedy = f"git update-ref -d {quoted(ref.name)} && gitreg fetch"
            self._tell(ref.name, f"it names object {ref.oid}, which is not here", remedy)
        except RecordError as error:
            self._tell(ref.name, error.message, self.findings.mended(error))
        return None

    def _tag(self, ref: RawRef, others: list[str]) -> None:
        """Take in a ref that should hold a version's tag; somebody's own tag is added to `others`."""
        name = names_of_refs.parse_version(ref.name)
        if name:
            self.names.add(name.collection)
        if ref.name.startswith(names_of_refs.TAGS):
            self.tags[ref.name] = ref.oid
        found = self._read(ref)
        if found is None:
            return
        kind, data = found
        is_ours = kind == "tag" and f"\n{VERSION}:".encode() in data
        if name is None and (is_ours or ref.name.startswith(names_of_refs.DRAFTS)):
            self._unknown(ref)
        elif is_ours and name:
            before = len(self.versions)
            with self.findings.guarded(name, self._replace(ref)):
                target = Tag.parse(data).target
                version = versions.version_of(self.registry, Ref(ref.name, ref.oid, target, is_tag=True))
                if version and versions.is_own(self.registry, ref.oid):
                    self.versions.append(version)
                    if ref.name.startswith(names_of_refs.DRAFTS):
                        self._drafts.add(ref.oid)
                else:
                    raise RecordError("its record is not in the last paragraph of the tag's message")
            if len(self.versions) == before:
                self.told.update((name, name.collection))
        elif ref.name.startswith(names_of_refs.DRAFTS):
            self._tell(ref.name, f"it points at a {kind} that is no version's tag", self._replace(ref))
        elif name and kind == "commit" and self._logs(ref.oid, name.collection):
            self._tell(ref.name, "it is a lightweight tag, without the version's record", self._replace(ref))
        elif name:
            others.append(ref.name)

    def _replace(self, ref: RawRef) -> str:
        if self._is_pending(ref.name):
            return f"look at it with 'git cat-file -p {ref.oid}'; to give it up: git update-ref -d {quoted(ref.name)}"
        return f"git update-ref -d {quoted(ref.name)} && gitreg fetch"

    def _logs(self, oid: Oid, collection: CollectionName) -> bool:
        """Whether a commit logs an artifact of this collection, or could be what a registered model links to."""
        try:
            step = self.step(oid)
        except (RecordError, MissingObjectError, ToldError):
            self.steps.pop(oid)  # whoever needs it reports it
            return False
        return bool(step and step.collection and (step.collection == collection or collection.space))

    def _ref(self, ref: RawRef) -> None:
        """Take in the ref of a run, of an alias, or a collection's own."""
        pending = ref.name.startswith(names_of_refs.PENDING)
        below = ref.name.removeprefix(names_of_refs.PENDING if pending else self.registry.tracking)
        run_id, alias = names_of_refs.parse_run(ref.name), names_of_refs.parse_alias(ref.name)
        card = names_of_refs.parse_card(ref.name)
        if not pending:
            self.tracked[names_of_refs.PENDING + below] = ref.oid
        if below.startswith("doctor/"):
            return  # what a remote that deletes nothing has kept of 'gitreg doctor --remote'
        if below.startswith("drafts/"):
            self.findings.warning(
                ref.name,
                "the remote has a draft, which only a clone should have",
                f"git push --no-verify {self.registry.remote} :refs/gitreg/{quoted(below)} && gitreg fetch",
            )
            return
        if run_id is None and alias is None and card is None:
            self._unknown(ref)
            return
        found = self._read(ref)
        oid = ref.oid
        if found and found[0] == "tag" and alias:
            with self.findings.guarded(alias, self._replace(ref)):
                oid = Tag.parse(found[1]).target
                found = self.registry.objects.read(oid)
        if found is None:
            return
        if found[0] != "commit":
            self._tell(ref.name, f"it points at a {found[0]}, not at a commit", self._replace(ref))
            return
        refs = Refs()
        if run_id:
            refs = self.runs.setdefault(run_id, refs)
        elif alias:
            refs = self.aliases.setdefault(alias, refs)
        elif card:
            refs = self.cards.setdefault(card, refs)
        if pending:
            refs.pending = oid
        else:
            refs.tracking = oid

    def _unknown(self, ref: RawRef) -> None:
        problem = "gitreg does not know such a name, so nothing shows what lies there"
        remedy = f"give it a name of FORMAT.md 2: git update-ref NAME {ref.oid} && git update-ref -d {quoted(ref.name)}"
        if ref.name.startswith(self.registry.tracking):
            there = f"refs/gitreg/{ref.name.removeprefix(self.registry.tracking)}"
            remedy = f"give it a name of FORMAT.md 2 there: git push --no-verify {self.registry.remote} "
            remedy += f"{ref.oid}:NAME {quoted(f':{there}')}"
        self._tell(ref.name, problem, remedy)


def quoted(text: str) -> str:
    """Text as one word of a shell command: names in refs come from strangers."""
    return shlex.quote(text)
