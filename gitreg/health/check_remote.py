"""Whether the registry remote still has what it had: it may gain refs and history, never lose any."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from gitreg.errors import GitError
from gitreg.health.findings import Findings
from gitreg.health.survey import Step, Survey, quoted
from gitreg.records import refs as names_of_refs
from gitreg.records.objects import Oid
from gitreg.registry.versions import Version


@dataclass(slots=True)
class Remote:
    """Checks the refs of the registry remote. Fetches what it must see into a place of its own, and keeps nothing."""

    survey: Survey

    @property
    def _findings(self) -> Findings:
        return self.survey.findings

    def check(self, runs: Container[str] | None = None) -> None:
        """Check tags, aliases, cards and runs; of the runs those in `runs`, or all."""
        registry = self.survey.registry
        remedy = f"see that it can be reached: git ls-remote {quoted(registry.remote)}"
        with self._findings.guarded(f"remote '{registry.remote}'", remedy):
            tags = registry.transport.tags(f"{names_of_refs.TAGS}*@v*")
            refs = registry.transport.refs(f"{names_of_refs.PENDING}*")
            behind = self._check_tags(tags) + self._check_refs(refs, runs)
            if behind:
                verb = "is" if behind == 1 else "are"
                problem = f"{behind} of its versions, runs, aliases and cards {verb} new, or further than is known here"
                self._findings.note(f"remote '{registry.remote}'", problem, "gitreg fetch, then check again")

    def _check_tags(self, there: dict[str, Oid]) -> int:
        """Check that no version moved or went; how many there are that are not here."""
        new = 0
        remote = self.survey.registry.remote
        for ref, oid in there.items():
            name = names_of_refs.parse_version(ref)
            if name is None or not self.survey.covers(name.collection):
                continue
            here = self.survey.tags.get(ref)
            new += here is None
            if here not in (None, oid):
                problem = f"it is object {oid.short} on '{remote}', and {_short(here)} here: a version never moves"
                remedy = f"if the one here is right: git push --no-verify --force {remote} {quoted(ref)}; "
                remedy += f"if not: git update-ref -d {quoted(ref)} && gitreg fetch"
                self._findings.error(name, problem, remedy)
        for version in self.survey.versions:
            ref = names_of_refs.version_tag(version.name)
            if version.published and ref not in there and self.survey.covers(version.name.collection):
                self._gone(version, ref)
        return new

    def _gone(self, version: Version, ref: str) -> None:
        """A version's tag is here and not there."""
        remote = self.survey.registry.remote
        step = self.survey.steps.get(version.commit)
        refs = self.survey.runs.get(step.run) if isinstance(step, Step) else None
        if refs and refs.pending:
            problem = f"it was made before there was '{remote}', and is not published"
            self._findings.note(version.name, problem, "gitreg push")
        else:
            problem = f"'{remote}' does not have it: somebody deleted it there"
            self._findings.error(version.name, problem, f"git push --no-verify {remote} {quoted(ref)}")

    def _check_refs(self, there: dict[str, Oid], runs: Container[str] | None) -> int:
        """Check that runs, aliases and cards only grew; how many there are of which more is there than here."""
        remote = self.survey.registry.remote
        moved: dict[str, tuple[Oid, Oid]] = {}
        for ref, oid in self.survey.tracked.items():
            if not self._is_meant(ref, runs):
                continue
            if ref not in there:
                remedy = f"git push --no-verify {remote} {quoted(f'{oid}:{ref}')}"
                self._findings.error(
                    _subject(ref), f"'{remote}' does not have it any more: somebody deleted it", remedy
                )
            elif there[ref] != oid:
                moved[ref] = oid, there[ref]
        for ref, grew in self._descends(moved).items():
            if not grew:
                old, new = moved.pop(ref)
                problem = (
                    f"'{remote}' has commit {new.short}, which does not contain {old.short}: history was taken away"
                )
                remedy = f"if nobody meant it: git push --no-verify --force {remote} {quoted(f'{old}:{ref}')}"
                self._findings.error(_subject(ref), problem, remedy)
        return len(moved) + sum(self._is_meant(ref, runs) for ref in there.keys() - self.survey.tracked.keys())

    def _descends(self, moved: dict[str, tuple[Oid, Oid]]) -> dict[str, bool]:
        """Which of the refs only grew; none when git cannot say."""
        try:
            return self.survey.registry.transport.descends(moved)
        except GitError as error:
            problem = f"whether {len(moved)} of its refs only grew cannot be told: {error.message.partition(': ')[2]}"
            remedy = "mend what else is found, then check again"
            self._findings.warning(f"remote '{self.survey.registry.remote}'", problem, remedy)
            moved.clear()
            return {}

    def _is_meant(self, ref: str, runs: Container[str] | None) -> bool:
        """Whether the ref of a run, an alias or a collection is to be checked."""
        alias, run_id = names_of_refs.parse_alias(ref), names_of_refs.parse_run(ref)
        collection = alias.collection if alias else names_of_refs.parse_card(ref)
        if collection:
            return self.survey.covers(collection)
        return run_id is not None and (runs is None or run_id in runs)


def _subject(ref: str) -> str:
    """What a ref is, for people."""
    alias, card = names_of_refs.parse_alias(ref), names_of_refs.parse_card(ref)
    return str(alias) if alias else f"card of {card}" if card else f"run {names_of_refs.parse_run(ref)}"


def _short(oid: Oid | None) -> str:
    return oid.short if oid else ""
