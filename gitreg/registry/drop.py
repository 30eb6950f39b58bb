"""Taking back what is not published: a version, with its run when that has made nothing else, or a whole run.

Nothing else may need it. All refs change in one transaction; objects stay until git and DVC collect them, so it can be
undone for a while.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gitreg.errors import (
    LostRaceError,
    MissingBytesError,
    NotARepositoryError,
    NotFoundError,
    RecordError,
    RefusedError,
    StorageError,
)
from gitreg.git.objects import Batch, MissingObjectError
from gitreg.git.refs import Change
from gitreg.records import refs as names_of_refs
from gitreg.records import yamlio
from gitreg.records.names import RunId, VersionName
from gitreg.records.objects import EMPTY_TREE, ZERO, Commit, Oid
from gitreg.records.records import RUN, Place, RunRecord, Use
from gitreg.records.trailers import Message
from gitreg.registry import contents, editing, index, keep, runs, versions
from gitreg.registry.journal import Journal
from gitreg.registry.needs import Need, Unpublished
from gitreg.registry.repository import Registry, retried
from gitreg.registry.runs import Run, RunCommit
from gitreg.registry.versions import Version

Needs = Callable[[Unpublished], list[Need]]


@dataclass(frozen=True, slots=True)
class Dropped:
    """What was taken back.

    Attributes:
        what: for people: `'m:v0'`, `run '3kf9a1xq'`.
        versions: those that are gone.
        renewed: later versions of the same run, whose commits are others now; their names have stayed.
        run: the run that the versions were of; None for a link, and for a run that has logged nothing.
        run_is_gone: True when nothing of the run is left here.
        changes: of refs; the other way round they undo it.
        released: how many objects are no longer protected.
    """

    what: str
    versions: tuple[Version, ...] = ()
    renewed: tuple[VersionName, ...] = ()
    run: RunRecord | None = None
    run_is_gone: bool = False
    changes: tuple[Change, ...] = ()
    released: int = 0


def drop_version(registry: Registry, version: Version) -> Dropped:
    """Take back a version that is not published.

    Its run goes with it when it has no other results; otherwise the run's commits behind it are written anew.
    Raises: RefusedError when it is published or something needs it, NotFoundError when it is not there any more.
    """
    _check_clone(registry)
    return retried(lambda: _drop_version(registry, version))


def drop_run(registry: Registry, run_id: RunId) -> Dropped:
    """Take back what is not published of a run, with its versions.

    Raises: RefusedError when all of it is published, it goes on, or something needs it; NotFoundError.
    """
    _check_clone(registry)
    return retried(lambda: _drop_run(registry, run_id))


def _drop_version(registry: Registry, version: Version) -> Dropped:
    found = _current(registry, version)
    here = Unpublished(registry)
    record = versions.record(registry, found)
    what = f"'{found.name}'"
    if record.link:
        dropped = Dropped(what, (found,), changes=(_removal(registry, found),))
        return _carry_out(registry, here, dropped, lambda now: now.of_link(found))
    _check_over(registry, record.run)
    run = here.runs.get(record.run)
    commits = here.commits_of(run) if run else ()
    at = next((at for at, commit in enumerate(commits) if commit.oid == found.commit), None)
    if run is None or at is None:
        # the run is published, or has lost its ref: there is nothing but the name to take back
        if run is None and not registry.has_remote:
            raise RefusedError(
                f"{what} was not made in this clone: its run '{record.run}' is not here",
                hint=f"to remove its tag from this clone alone: git tag -d {found.name.tag}",
            )
        dropped = Dropped(what, (found,), run=run.record if run else None, changes=(_removal(registry, found),))
        return _carry_out(registry, here, dropped, _needs_of({found.commit}, record.run))
    if len(commits) == len(run.commits) and not _has_more(run, found.commit):
        return _drop_all(registry, here, run, what)
    return _drop_one(registry, here, run, commits[at:], found)


def _drop_run(registry: Registry, run_id: RunId) -> Dropped:
    _check_over(registry, run_id)
    here = Unpublished(registry)
    run = here.runs.get(run_id)
    what = f"run '{run_id}'"
    if run and here.commits_of(run):
        return _drop_all(registry, here, run, what)
    ref = registry.refs.get(names_of_refs.run(run_id))
    if ref and run is None and runs.chain_of(registry, run_id) is None:
        # it has committed nothing, and its journal is lost
        gone = Dropped(what, run_is_gone=True, changes=(Change(ref.name, ref.oid, ZERO),))
        return _carry_out(registry, here, gone, lambda _: [])
    published = runs.get(registry, run_id)
    raise RefusedError(
        f"run '{published.record.id}' is published, and what is published stays",
        hint="its versions stay too; let aliases name others: gitreg alias set COLLECTION:ALIAS VERSION",
    )


def _drop_all(registry: Registry, here: Unpublished, run: Run, what: str) -> Dropped:
    """Take back all of a run that is not published."""
    commits = {commit.oid for commit in here.commits_of(run)}
    own = tuple(item for item in here.logged if item.commit in commits)
    changes = [_removal(registry, item) for item in own]
    changes.append(Change(names_of_refs.run(run.record.id), run.tip.oid, ZERO))
    gone = len(commits) == len(run.commits)
    dropped = Dropped(what, own, run=run.record, run_is_gone=gone, changes=tuple(changes))
    return _carry_out(registry, here, dropped, _needs_of(commits, run.record.id), run=run)


def _drop_one(
    registry: Registry, here: Unpublished, run: Run, commits: Sequence[RunCommit], version: Version
) -> Dropped:
    """Take one version out of a run. `commits` are the version's and those behind it, which are written anew."""
    first, *rest = commits
    for later in rest:
        if any(use.commit == first.oid for use in (*later.record.inputs, *later.record.reused)):
            raise RefusedError(
                f"'{version.name}' cannot be dropped: its own run '{run.record.name}' used it afterwards",
                hint=f"drop the run with all that it made: gitreg drop {run.record.id}",
            )
    batch = Batch()
    renewed = _without(registry, batch, first, rest)
    drafts = [item for item in here.logged if item.commit in renewed]
    # a renumbering that was killed leaves a version under two numbers
    gone = tuple(item for item in here.logged if item.commit == version.commit)
    changes = [_removal(registry, item) for item in gone]
    # drafts before the run: should a kill part them, dropping the version again makes the rest of the same objects
    for item in drafts:
        tag = replace(registry.objects.tag(item.tag), target=renewed[item.commit])
        changes.append(Change(_ref(registry, item), item.tag, batch.add("tag", tag.encode())))
    previous = registry.objects.commit(first.oid).parents[0]
    tip = renewed[rest[-1].oid] if rest else previous
    # nothing may be left of it, or only what is published
    kept = rest or previous in {commit.oid for commit in here.commits_of(run)}
    changes.append(Change(names_of_refs.run(run.record.id), run.tip.oid, tip if kept else ZERO))
    dropped = Dropped(
        f"'{version.name}'",
        gone,
        tuple(item.name for item in drafts),
        run.record,
        run_is_gone=not kept and previous == run.record.code.commit,
        changes=tuple(changes),
    )
    needs = _needs_of({*renewed, first.oid}, run.record.id)
    return _carry_out(registry, here, dropped, needs, batch=batch, renewed=renewed)


def _without(registry: Registry, batch: Batch, gone: RunCommit, rest: Sequence[RunCommit]) -> dict[Oid, Oid]:
    """The commits of `rest`, which follow `gone`, as they would be without it: old id -> new id.

    What `gone` used and logged again moves to the first of them, so that record and parents agree, FORMAT.md 4.2.
    """
    renewed: dict[Oid, Oid] = {}
    previous = registry.objects.commit(gone.oid).parents[0]
    inputs, reused = gone.record.inputs, gone.record.reused
    for old in rest:
        commit = registry.objects.commit(old.oid)
        message = Message.parse(commit.message)
        record = replace(
            old.record,
            inputs=_moved((*inputs, *old.record.inputs), renewed),
            reused=_moved((*reused, *old.record.reused), renewed),
        )
        # what a newer release wrote besides stays
        known = {*old.record.document(), "inputs", "reused"}
        more = {key: value for key, value in (message.record(RUN) or {}).items() if key not in known}
        text = replace(message, trailers={**message.trailers, RUN: yamlio.dump({**record.document(), **more})}).encode()
        fresh = Commit(commit.tree, record.parents(previous), commit.author, commit.committer, text)
        previous = renewed[old.oid] = batch.add("commit", fresh.encode())
        inputs = reused = ()
        runs.parse(fresh, previous)
    return renewed


def _moved(uses: Iterable[Use], renewed: Mapping[Oid, Oid]) -> tuple[Use, ...]:
    """Each version once, under the commit that it has now."""
    found = (replace(use, commit=renewed.get(use.commit, use.commit)) for use in uses)
    return tuple({use.commit: use for use in found}.values())


def _carry_out(
    registry: Registry,
    here: Unpublished,
    dropped: Dropped,
    needs: Needs,
    *,
    batch: Batch | None = None,
    run: Run | None = None,
    renewed: Mapping[Oid, Oid] | None = None,
) -> Dropped:
    """Change the refs, when nothing needs what goes, and let go of its bytes. Raises: RefusedError, RefMovedError."""
    _check_needs(here, dropped, needs(here))
    objects = _objects(registry, dropped.versions, run)
    batch = batch or Batch()
    edits = _edits(registry, batch, dropped, renewed or {})
    # first: an edit of a version that is gone could never be published
    dropped = replace(dropped, changes=(*edits, *dropped.changes))
    registry.transact(batch, dropped.changes)
    late = needs(Unpublished(registry))
    if late:
        registry.refs.change(Change(change.ref, change.new, change.old) for change in dropped.changes)
        raise LostRaceError(f"{dropped.what} is needed by {late[0].words}, which is new", hint="nothing was dropped")
    if dropped.run:
        index.forget(registry, dropped.run.id)
    released = 0
    # what stays protected although nobody needs it is found by 'gitreg doctor'
    with contextlib.suppress(StorageError, NotARepositoryError, OSError):
        released = keep.let_go(registry, objects)
    return replace(dropped, released=released)


def _edits(registry: Registry, batch: Batch, dropped: Dropped, renewed: Mapping[Oid, Oid]) -> list[Change]:
    """What becomes of edits of collections: tags and texts of what goes go with it."""
    gone = {version.place for version in dropped.versions}

    def place(version: Place) -> Place | None:
        return None if version in gone else replace(version, commit=renewed.get(version.commit, version.commit))

    return [Change(ref, old, new) for ref, (old, new) in editing.renamed(registry, batch, place).items()]


def _check_needs(here: Unpublished, dropped: Dropped, needs: Sequence[Need]) -> None:
    """Raises: RefusedError that names what needs the version, and what takes all of it back, in order."""
    if not needs:
        return
    words = f"{_listed([need.words for need in needs])} {'needs' if len(needs) == 1 else 'need'} it"
    if dropped.renewed:
        later = _listed([f"'{name}'" for name in dropped.renewed], "or")
        words += f", or {later} of the same run, which would become another commit"
    order = here.in_order(needs)
    live = next((need.run for need in order if need.run in here.live), None)
    hint = f"first: {' && '.join(need.command for need in order)}"
    if live:
        hint = f"first let run {live} finish, or record what a killed one has left: gitreg run recover"
    raise RefusedError(f"{dropped.what} cannot be dropped: {words}", hint=hint)


def _listed(words: Sequence[str], last: str = "and") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def _needs_of(commits: Collection[Oid], run: RunId) -> Needs:
    return lambda now: now.of_commits(commits, run=run)


def _current(registry: Registry, version: Version) -> Version:
    """The version as it is now, should its number have changed. Raises: RefusedError when it is published."""
    same = [item for item in versions.all_versions(registry, version.name.collection) if item.commit == version.commit]
    same.sort(key=lambda item: item.name != version.name)
    if not same:
        raise NotFoundError(
            "artifact", str(version.name), hint="somebody dropped or changed it; gitreg ls shows what is here"
        )
    published = next((item for item in same if item.published and item.name == same[0].name), None)
    if published is None:
        return same[0]
    words = f"'{published.name}' is published, and a published version never moves and never goes"
    collection = published.name.collection
    hint = f"let an alias name another version: gitreg alias set {collection}:ALIAS VERSION"
    run = versions.record(registry, published).run
    tracking, pending = (
        registry.refs.get(names_of_refs.run(run, base)) for base in (registry.tracking, names_of_refs.PENDING)
    )
    if pending and not tracking:
        # it was made before there was a registry remote
        words = f"'{published.name}' is a tag, and whether '{registry.remote}' has it is not known here yet"
        hint = "gitreg fetch finds out; then drop it again"
    raise RefusedError(words, hint=hint)


def _check_clone(registry: Registry) -> None:
    if registry.git.worktree is None:
        raise RefusedError(
            "a bare repository is a server's: what is here is published, and stays",
            hint="drop it in the clone that it was made in",
        )


def _check_over(registry: Registry, run_id: RunId) -> None:
    if Journal.of(registry.private, run_id).path.exists():
        raise RefusedError(
            f"run '{run_id}' is going on, or was killed and not recovered",
            hint="let it finish, or record what a killed one has left: gitreg run recover",
        )


def _has_more(run: Run, without: Oid) -> bool:
    """Whether a run has results besides the version of one commit: other versions, metrics, a history."""
    rest = [commit for commit in run.commits if commit.oid != without]
    return (
        bool(run.reused or run.record.summary)
        or any(commit.artifact for commit in rest)
        or any(commit.tree != EMPTY_TREE for commit in rest)
    )


def _ref(registry: Registry, version: Version) -> str:
    """Where the tag of an unpublished version lies. Without a registry remote, it may still be a draft of earlier."""
    draft = names_of_refs.draft(version.name)
    if registry.has_remote:
        return draft
    found = registry.refs.get(draft)
    return draft if found and found.oid == version.tag else names_of_refs.version_tag(version.name)


def _removal(registry: Registry, version: Version) -> Change:
    return Change(_ref(registry, version), version.tag, ZERO)


def _objects(registry: Registry, gone: Iterable[Version], run: Run | None) -> set[str]:
    """The objects of what goes, as far as they are known."""
    found: set[str] = set()
    for version in gone:
        # 'gitreg doctor --fix' finds what nobody needs, too
        with contextlib.suppress(RecordError, MissingObjectError, MissingBytesError):
            found.update(contents.needed(registry, versions.details(registry, version)))
    return found | set(keep.history_of(registry, run) if run else ())
