"""Whether what is said of collections is as FORMAT.md 11 wants it: chains of edits, and files that can be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gitreg.errors import InvalidNameError, RecordError, TooLargeError
from gitreg.health.findings import Findings
from gitreg.health.survey import Survey, quoted
from gitreg.records import cards as codec
from gitreg.records import refs as names_of_refs
from gitreg.records.names import CollectionName
from gitreg.records.objects import EMPTY_TREE, Oid, hash_object
from gitreg.records.records import Place
from gitreg.records.trailers import Message
from gitreg.registry import cards
from gitreg.registry.cards import Edit


@dataclass(slots=True)
class Cards:
    """Checks the collections' own refs of a survey."""

    survey: Survey
    _places: set[Place] = field(default_factory=set)

    @property
    def _findings(self) -> Findings:
        return self.survey.findings

    def check(self) -> None:
        """Check each chain, and what the newest state says."""
        self._places = {version.place for version in self.survey.versions}
        for name, refs in sorted(self.survey.cards.items()):
            if not self.survey.covers(name):
                continue
            chains = {}
            for base, tip in refs.each(self.survey.registry):
                chains[base] = self._check(name, names_of_refs.card(name, base), tip)
            pending, tracking = (chains.get(base) for base in self.survey.registry.bases())
            if pending and tracking and tracking[0] not in pending and pending[0] not in tracking:
                remedy = f"gitreg push, or give up the edits here: gitreg edit {name} --theirs"
                self._findings.warning(_subject(name), "others have edited it since it was edited here", remedy)

    def _check(self, name: CollectionName, ref: str, tip: Oid) -> list[Oid] | None:
        """Check the chain that a ref leads to: its commits, the newest first; None where it cannot be read."""
        found: list[Edit] = []
        objects = self.survey.registry.objects
        with self._findings.guarded(_subject(name), self._remedy(name, ref)):
            found += cards.edits(self.survey.registry, name, tip)
            if not found:
                if tip != hash_object("commit", cards.root(name).encode()):
                    problem = f"somebody moved its ref by hand, to commit {tip.short}, which is no edit of it"
                    self._findings.error(_subject(name), problem, self._remedy(name, ref))
                return None
            # the root, or where the chain ended early: this says whether that is a shallow clone's doing
            objects.commit(objects.commit(found[-1].oid).parents[0])
            for edit in found:
                self._check_edit(name, ref, edit)
            self._check_state(name, ref, found[0].oid)
            return [edit.oid for edit in found]
        return None

    def _remedy(self, name: CollectionName, ref: str) -> str:
        """What to do: edits that are not published can be given up."""
        look = f"look at it: git log --first-parent {quoted(ref)}"
        mine = ref.startswith(names_of_refs.PENDING) and self.survey.registry.has_remote
        return f"{look}; to give up what is not published: gitreg edit {name} --theirs" if mine else look

    def _check_edit(self, name: CollectionName, ref: str, edit: Edit) -> None:
        """An edit changes what it says, and nothing else."""
        registry = self.survey.registry
        with self._findings.guarded(_subject(name), self._remedy(name, ref)):
            problem = cards.disagreement(registry, name, edit)
            if problem:
                self._findings.error(_subject(name), problem, self._remedy(name, ref))
            commit = registry.objects.commit(edit.oid)
            if Message.parse(commit.message).subject != edit.record.subject:
                problem = f"the first line of its edit {edit.record.seq} does not say '{edit.record.subject}'"
                self._findings.warning(_subject(name), problem, self._remedy(name, ref))

    def _check_state(self, name: CollectionName, ref: str, tip: Oid) -> None:
        """Every file of the newest state can be read, and is of a version that there is."""
        registry = self.survey.registry
        state = cards.at(registry, name, tip)
        for path, data in cards.changes(registry, EMPTY_TREE, state.tree).items():
            about = codec.parse_path(path, name)
            with self._findings.guarded(_subject(name), self._remedy(name, ref)):
                if about and about[0] == codec.DELETED:
                    codec.Deletion.parse(data or b"")
                elif about or path == codec.ABOUT:
                    _check_tags(codec.Notes.parse(data).tags)
                elif path == codec.CARD:
                    codec.decode_card(data)
                else:
                    problem = f"it holds '{path}', which is no file of the format"
                    self._findings.warning(_subject(name), problem, self._remedy(name, ref))
            if about and about[1] not in self._places and about[1].version not in self.survey.told:
                place = about[1]
                problem = f"it speaks of {place.version.label}, commit {place.commit.short}, which has no tag here"
                remedy = f"gitreg fetch; {self._remedy(name, ref)}"
                self._findings.warning(_subject(name), problem, remedy)


def _check_tags(tags: Sequence[str]) -> None:
    """Raises: RecordError."""
    try:
        codec.check_tags(tags)
    except (InvalidNameError, TooLargeError) as error:
        raise RecordError(error.message) from error


def _subject(name: CollectionName) -> str:
    return f"card of {name}"
