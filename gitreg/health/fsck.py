"""Checks everything that FORMAT.md promises of a repository, and says what does not hold and what to do about it.

Only the order of the work is decided here. It writes nothing, needs no network unless it is told to ask the remote, and
whatever is broken stops nothing else from being checked.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gitreg.errors import NotFoundError, UsageError
from gitreg.git.checked import CheckedObjects
from gitreg.health.check_aliases import Aliases
from gitreg.health.check_bytes import Bytes
from gitreg.health.check_cards import Cards
from gitreg.health.check_remote import Remote
from gitreg.health.check_runs import Runs
from gitreg.health.check_versions import Versions
from gitreg.health.findings import Finding, Findings
from gitreg.health.survey import Survey, quoted
from gitreg.records.names import CollectionName, parse_collection
from gitreg.registry.repository import Registry


@dataclass(frozen=True, slots=True)
class Report:
    """What was checked, and what was found.

    Attributes:
        findings: the worst first, always in the same order.
        versions, runs, aliases: how many were checked.
        objects, bytes: how many DVC objects were hashed, and their bytes.
        has_cache: False where there are no bytes to check, as on a server.
    """

    findings: tuple[Finding, ...]
    versions: int
    runs: int
    aliases: int
    objects: int
    bytes: int
    has_cache: bool


def fsck(registry: Registry, collections: Sequence[str] = (), *, remote: bool = False) -> Report:
    """Check all of a repository, or some collections with their runs and aliases; `remote` asks remote and storage too.

    Raises: NotFoundError for a collection that nothing names, UsageError without the remote that is to be asked.
    """
    if remote and not registry.has_remote:
        raise UsageError(f"there is no remote '{registry.remote}' to check", hint="leave out --remote")
    mistrustful = copy.copy(registry)
    mistrustful.objects = CheckedObjects(registry.git)
    try:
        return _fsck(mistrustful, mistrustful.objects, collections, remote=remote)
    finally:
        mistrustful.close()


def _fsck(registry: Registry, objects: CheckedObjects, collections: Sequence[str], *, remote: bool) -> Report:
    findings = Findings(_elsewhere(registry))
    survey = Survey(registry, findings)
    survey.read_refs()
    survey.read_locks()
    if collections:
        survey.scope = frozenset(_meant(text, survey.names) for text in collections)
    with registry.progress.task("checking") as task:
        content = Bytes(registry, findings, task)
        content.open()
        versions = Versions(survey, content)
        versions.check()
        only = None if survey.scope is None else frozenset(versions.runs)
        runs = Runs(survey, content)
        runs.check(only)
        aliases = Aliases(survey)
        aliases.check()
        Cards(survey).check()
        content.tell()
    if remote:
        Remote(survey).check(only)
        content.check_storages()
    if objects.cut:
        _tell_cut(registry, findings, len(objects.cut))
    return Report(
        findings.sorted(),
        versions.count,
        runs.count,
        aliases.count,
        content.objects,
        content.size,
        has_cache=content.cache is not None,
    )


def _elsewhere(registry: Registry) -> str:
    """How a Git object that is not here comes back."""
    if registry.has_remote:
        return f"git fetch --refetch --tags {quoted(registry.remote)}"
    return (
        "get it from another clone: git fetch --refetch --tags PATH_OR_URL 'refs/gitreg/*:refs/gitreg-remotes/from/*'"
    )


def _meant(text: str, names: Iterable[CollectionName]) -> CollectionName:
    """The collection that somebody means. Raises: NotFoundError."""
    known = set(names)
    for name in parse_collection(text):
        if name in known:
            return name
    close = difflib.get_close_matches(text, sorted(map(str, known)), n=1)
    hint = f"did you mean '{close[0]}'?" if close else "'gitreg ls' lists them"
    raise NotFoundError("collection", text, hint=hint)


def _tell_cut(registry: Registry, findings: Findings, count: int) -> None:
    """Say once that a shallow or partial clone is what it is."""
    is_shallow = (registry.git.common_dir / "shallow").exists()
    kind, remedy = ("shallow", "git fetch --unshallow") if is_shallow else ("partial", "check in a full clone")
    noun = "object that it leaves" if count == 1 else "objects that it leaves"
    findings.note("this clone", f"it is {kind}: {count} {noun} out, and what lies behind, were not checked", remedy)
