"""Whether the default branch backs the moves of an alias: each names a merged commit whose files say so.

Pure: what the files say is asked for, and told in words. A move along the branch goes forward only, so that nobody
makes an alias name again what a later request has replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gitreg.promotion.wanted import Entry
from gitreg.records.objects import Oid
from gitreg.records.records import AliasRecord


@dataclass(frozen=True, slots=True)
class Branch:
    """The default branch.

    Attributes:
        name: as people say it, 'main'.
        line: its first-parent commits, each with its place in their order, the oldest first.
        says: what the file of a commit says of the alias; None where it does not list it. May raise SettingsError.
    """

    name: str
    line: Mapping[Oid, int]
    says: Callable[[Oid], Entry | None]


def objection(
    branch: Branch, before: Iterable[AliasRecord], fresh: Sequence[AliasRecord], *, protected: bool, adopted: bool
) -> str:
    """Why these moves must not be made; '' when they may.

    `before` are the published records, the newest first, `fresh` those that would follow, the oldest first. Where an
    alias is not protected, only what claims to be merged is looked at. `adopted` says that the first of `fresh` is a
    record of where the alias is already. Raises: SettingsError.
    """
    applied, newest = _last_applied(branch, before)
    for record in fresh[1:] if adopted else fresh:
        what = f"its move to {record.now.version.label if record.now else 'nothing'}"
        merged = record.by.merged
        if merged is None:
            if protected:
                return f"{what} names no request"
            applied = False
            continue
        at = branch.line.get(merged.commit)
        if at is None:
            return f"{what} names commit {merged.commit.short}, which is not on '{branch.name}'"
        wrong = _disagreement(record, branch.says(merged.commit), applied=applied)
        if wrong:
            return f"{what} is not what '{branch.name}' asks for at commit {merged.commit.short}: {wrong}"
        if newest is not None and at < newest:
            return f"{what} goes back: '{branch.name}' has moved it since commit {merged.commit.short}"
        applied, newest = True, at
    return ""


def _last_applied(branch: Branch, before: Iterable[AliasRecord]) -> tuple[bool, int | None]:
    """Whether the newest record was applied, and the place on the line of the last one that was."""
    for count, record in enumerate(before):
        merged = record.by.merged
        at = branch.line.get(merged.commit) if merged else None
        if at is not None:
            return count == 0, at
    return False, None


def _disagreement(record: AliasRecord, entry: Entry | None, *, applied: bool) -> str:
    """What the file says instead; '' when it says the same."""
    if entry is None:
        # what no file lists any more is removed, and what none has ever listed is left alone
        return "" if record.now is None and applied else "it does not list the alias"
    if entry.version is None:
        return "" if record.now is None else "it says null"
    if record.now is None or record.now.version != entry.version:
        return f"it says {entry.version.label}"
    return "" if str(record.now.commit).startswith(entry.commit) else f"it says commit {entry.commit}"
