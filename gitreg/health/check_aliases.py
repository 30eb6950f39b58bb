"""Whether aliases are what FORMAT.md 7 says: chains of promotion commits from the root on, each on a version."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

from gitreg.errors import RecordError
from gitreg.git.objects import MissingObjectError
from gitreg.health.check_merged import Merged
from gitreg.health.findings import Findings
from gitreg.health.survey import Survey, quoted
from gitreg.records import refs as names_of_refs
from gitreg.records.names import AliasName, CollectionName
from gitreg.records.objects import EMPTY_TREE, Oid, hash_object
from gitreg.records.records import Place
from gitreg.records.trailers import Message
from gitreg.registry import aliases, cards
from gitreg.registry.aliases import Move
from gitreg.registry.versions import Version


@dataclass(slots=True)
class Aliases:
    """Checks the aliases of a survey.

    Attributes:
        count: how many were checked.
    """

    survey: Survey
    count: int = 0
    _versions: dict[CollectionName, list[Version]] = field(default_factory=dict)
    _merged: Merged = field(init=False)

    def __post_init__(self) -> None:
        self._merged = Merged(self.survey)

    @property
    def _findings(self) -> Findings:
        return self.survey.findings

    def check(self) -> None:
        """Check each alias, then that no two differ only by case."""
        for version in self.survey.versions:
            self._versions.setdefault(version.name.collection, []).append(version)
        by_case: dict[tuple[CollectionName, str], AliasName] = {}
        for name, refs in sorted(self.survey.aliases.items()):
            if not self.survey.covers(name.collection):
                continue
            self.count += 1
            twin = by_case.setdefault((name.collection, name.alias.lower()), name)
            if twin != name:
                problem = f"it differs from '{twin}' only by case: some file systems take them for one"
                self._findings.error(name, problem, f"gitreg alias rm {name}, and use '{twin}'")
            chains = {}
            for base, tip in refs.each(self.survey.registry):
                ref = names_of_refs.alias(name, base)
                chains[base] = self._check(name, ref, tip)
            self._compare(name, chains)

    def _check(self, name: AliasName, ref: str, tip: Oid) -> list[Oid] | None:
        """Check the chain that a ref leads to: its commits, the newest first; None without a record."""
        found: list[Move] = []
        remedy = f"look at it: git log --first-parent {quoted(ref)}{self._give_up(name, ref)}"
        with self._findings.guarded(name, remedy):
            found += aliases.moves(self.survey.registry, name, tip)
            if not found:
                self._check_bare(name, ref, tip)
                return None
            # the root, or where the chain ended early: this says whether that is a shallow clone's doing
            objects = self.survey.registry.objects
            objects.commit(objects.commit(found[-1].oid).parents[0])
            self._check_moves(name, ref, found)
            self._merged.check(name, found)
            if found[0].record.now:
                self._check_place(name, ref, found[0].record.now)
                self._check_living(name, found[0].record.now)
            return [move.oid for move in found]
        return None

    def _check_bare(self, name: AliasName, ref: str, tip: Oid) -> None:
        """An alias without a record: nothing was ever promoted, or somebody moved the ref by hand."""
        if tip == hash_object("commit", aliases.root(name).encode()):
            return
        version = next((item for item in self._versions.get(name.collection, []) if item.commit == tip), None)
        if version:
            problem = f"somebody moved its ref by hand, to {version.name.label}: there is no record of it"
            self._findings.warning(name, problem, f"gitreg alias set {name} {version.name.label} --reason WHY")
        else:
            problem = f"somebody moved its ref by hand, to commit {tip.short}, which is no version of the collection"
            remedy = f"git update-ref -d {quoted(ref)} {tip}"
            if not ref.startswith(names_of_refs.PENDING):
                there = quoted(f"refs/gitreg/aliases/{name.ref_name}")
                remedy = "gitreg fetch; if it is so on the remote too, put back the last record that some clone has: "
                remedy += f"git push --no-verify --force {self.survey.registry.remote} COMMIT:{there}"
            self._findings.error(name, problem, remedy)

    def _give_up(self, name: AliasName, ref: str) -> str:
        """The end of a remedy: moves that are not published can be taken back."""
        is_pending = ref.startswith(names_of_refs.PENDING) and not self.survey.registry.is_server
        return f"; to give up what is not published: gitreg alias reset {name}" if is_pending else ""

    def _check_moves(self, name: AliasName, ref: str, moves: list[Move]) -> None:
        """A promotion commit has its version's tree, and says in its first line what it does."""
        objects = self.survey.registry.objects
        trees, lines = [], []
        for move in moves:
            with self._findings.guarded(name, f"look at it: git show {move.oid}"):
                commit = objects.commit(move.oid)
                if Message.parse(commit.message).subject != move.record.subject:
                    lines.append(move)
                if commit.tree != (objects.commit(move.record.now.commit).tree if move.record.now else EMPTY_TREE):
                    trees.append(move)
        if trees:
            problem = f"the tree of {_records(trees)} is not its version's: a deployment would check out another"
            self._findings.error(name, problem, f"look at it: git show {trees[0].oid}{self._give_up(name, ref)}")
        if lines:
            problem = f"the first line of {_records(lines)} does not say '{lines[0].record.subject}'"
            self._findings.warning(name, problem, f"look at it: git show {lines[0].oid}{self._give_up(name, ref)}")

    def _check_place(self, name: AliasName, ref: str, place: Place) -> None:
        """The version that an alias names has a tag."""
        known = self._versions.get(name.collection, [])
        there = [version for version in known if version.commit == place.commit]
        label = place.version.label
        if not there and place.version not in self.survey.told:
            twin = next((version for version in known if version.name == place.version), None)
            problem = f"it names {label}, commit {place.commit.short}, which has no tag here"
            if twin:
                problem = f"it names {label} as commit {place.commit.short}, and {label} is commit {twin.commit.short}"
            remedy = f"move it to a version that there is: gitreg alias set {name} VERSION"
            if not ref.startswith(names_of_refs.PENDING) and not twin:
                remedy = f"gitreg fetch; if the version was deleted, {remedy}"
            self._findings.error(name, problem, remedy)
        elif there and all(version.name != place.version for version in there):
            problem = f"its record says {label}, and the version of that commit is {there[0].name.label}"
            self._findings.warning(name, problem, f"gitreg alias set {name} {there[0].name.label} --reason WHY")

    def _check_living(self, name: AliasName, place: Place) -> None:
        """The version that an alias names is not deleted."""
        stone = None
        # check_cards says what is wrong with it, once
        with contextlib.suppress(RecordError, MissingObjectError):
            stone = cards.state(self.survey.registry, name.collection).deletion(place)
        if stone:
            problem = f"it names {place.version.label}, which was deleted by {stone.by.partition(' <')[0]}"
            remedy = f"gitreg undelete {place.version}, or move it: gitreg alias set {name} VERSION"
            self._findings.warning(name, problem, remedy)

    def _compare(self, name: AliasName, chains: dict[str, list[Oid] | None]) -> None:
        """What is pending follows what is published, or is published already."""
        pending, tracking = (chains.get(base) for base in self.survey.registry.bases())
        if pending and tracking and tracking[0] not in pending and pending[0] not in tracking:
            problem = "others have moved it since it was moved here"
            self._findings.warning(name, problem, f"gitreg push, or give up the move here: gitreg alias reset {name}")


def _records(moves: list[Move]) -> str:
    """`its record 3`, `its record 3 and 4 more`."""
    more = f" and {len(moves) - 1} more" if len(moves) > 1 else ""
    return f"its record {moves[0].record.seq}{more}"
