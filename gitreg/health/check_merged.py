"""Whether what claims to have been merged was: the commit that a promotion names is one of the default branch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from gitreg.errors import Error
from gitreg.git.objects import MissingObjectError
from gitreg.git.refs import is_ancestor
from gitreg.health.survey import Survey
from gitreg.records.names import AliasName
from gitreg.records.objects import Oid
from gitreg.registry import mainline
from gitreg.registry.aliases import Move


class Merged:
    """Checks the promotions of aliases against the default branch, as far as this clone knows it."""

    def __init__(self, survey: Survey) -> None:
        self._survey = survey

    def check(self, name: AliasName, moves: Sequence[Move]) -> None:
        """Check the records of an alias, the newest first; the newest that is wrong is told."""
        for number, move in enumerate(moves):
            merged = move.record.by.merged
            if merged and self._line is not None and merged.commit not in self._line:
                self._tell(name, move, merged.commit, is_newest=number == 0)
                return

    @cached_property
    def _line(self) -> Mapping[Oid, int] | None:
        """The commits of the default branch; None where git does not know them."""
        registry = self._survey.registry
        try:
            tip = mainline.tip(registry)
            return mainline.line(registry, tip) if tip else None
        except Error as error:
            problem = f"what aliases say of merged commits is not checked: {error}"
            self._survey.findings.note("default branch", problem, error.hint or "git fetch")
            return None

    def _tell(self, name: AliasName, move: Move, commit: Oid, *, is_newest: bool) -> None:
        findings, registry = self._survey.findings, self._survey.registry
        problem = f"its record {move.record.seq} names commit {commit.short}, which is not on the default branch"
        remedy = f"look at it: git show {commit.short}"
        if not self._is_here(commit) or self._is_newer(commit):
            remedy = f"git fetch {registry.remote}, and check again"
            findings.warning(name, f"{problem} as this clone knows it", remedy)
        elif is_newest:
            findings.error(name, problem, f"{remedy}; to move the alias to what the branch says: gitreg apply")
        else:
            findings.warning(name, problem, remedy)

    def _is_here(self, commit: Oid) -> bool:
        try:
            self._survey.registry.objects.read(commit)
        except MissingObjectError:
            return False
        return True

    def _is_newer(self, commit: Oid) -> bool:
        """Whether the branch may have come to it since this clone asked."""
        tip = next(reversed(list(self._line or ())), None)
        return tip is not None and is_ancestor(self._survey.registry.git, tip, commit)
