"""Who stands behind a promotion, and the numbers that let it pass: `by` and `evidence` of FORMAT.md 7.4.

What anybody may write into a commit counts as declared. Reading is lenient: what has another form than it should says
nothing, since an alias must stay readable whatever a record tells of people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gitreg.errors import RecordError
from gitreg.records import fields
from gitreg.records.fields import Document
from gitreg.records.objects import Oid

How = Literal["declared", "verified"]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who asked for a move, or approved of it.

    Attributes:
        who: a name, `Name <email>`, or the name of an account.
        how: 'verified' when whoever wrote the record had it from the host, or from a signature.
        at: when, RFC 3339 in UTC; '' when nobody said.
    """

    who: str
    how: How = "declared"
    at: str = ""

    @classmethod
    def read(cls, value: object) -> Person | None:
        """What a record says of somebody; a text alone is a name."""
        if isinstance(value, str):
            return cls(value) if value else None
        if not isinstance(value, Mapping) or not _text(value, "who"):
            return None
        return cls(_text(value, "who"), _how(value), _text(value, "at"))

    def document(self) -> dict[str, object]:
        """The mapping that is written."""
        return {"who": self.who, "how": self.how, **fields.present(at=self.at)}


@dataclass(frozen=True, slots=True)
class Merged:
    """The commit of the default branch that asks for a move.

    Attributes:
        commit: which.
        who: put it there; '' when nobody said.
        how: as for `Person`.
    """

    commit: Oid
    who: str = ""
    how: How = "declared"

    @classmethod
    def read(cls, value: object) -> Merged | None:
        """What a record says; None where it names no commit."""
        told = value if isinstance(value, Mapping) else {"commit": value}
        try:
            return cls(Oid.parse(_text(told, "commit")), _text(told, "who"), _how(told))
        except RecordError:
            return None

    def document(self) -> dict[str, object]:
        """The mapping that is written."""
        return {**fields.present(who=self.who), "commit": str(self.commit), "how": self.how}


@dataclass(frozen=True, slots=True)
class By:
    """Who stands behind a promotion besides its committer. Empty for a move that somebody made directly."""

    asked: Person | None = None
    approved: tuple[Person, ...] = ()
    merged: Merged | None = None

    @classmethod
    def read(cls, document: Document) -> By:
        """What a record's `by` says."""
        value = document.get("approved")
        approved = (Person.read(item) for item in (value if isinstance(value, list) else [value]))
        return cls(
            Person.read(document.get("asked")),
            tuple(person for person in approved if person),
            Merged.read(document.get("merged")),
        )

    def document(self) -> dict[str, object]:
        """The mapping that is written; {} when there is nothing to say."""
        return fields.present(
            asked=self.asked and self.asked.document(),
            approved=[person.document() for person in self.approved],
            merged=self.merged and self.merged.document(),
        )


NOBODY = By()


@dataclass(frozen=True, slots=True)
class Evidence:
    """A number that a gate saw when it let a move pass.

    Attributes:
        gate: what was asked for, in words.
        metric: dotted, as in a run's summary.
        value: what the run's summary said.
        run: the run's id.
        commit: the run's newest commit then.
    """

    gate: str
    metric: str
    value: float
    run: str
    commit: Oid

    @classmethod
    def parse(cls, document: Document) -> Evidence:
        """Raises: RecordError."""
        told = {key: fields.string(document, key) for key in ("gate", "metric", "run", "commit")}
        return cls(
            told["gate"], told["metric"], fields.number(document, "value"), told["run"], Oid.parse(told["commit"])
        )

    def document(self) -> dict[str, object]:
        """The mapping that is written."""
        return {
            "metric": self.metric,
            "value": self.value,
            "run": self.run,
            "commit": str(self.commit),
            "gate": self.gate,
        }


def _text(document: Mapping[str, object], key: str) -> str:
    value = document.get(key)
    return value if isinstance(value, str) else ""


def _how(document: Mapping[str, object]) -> How:
    return "verified" if document.get("how") == "verified" else "declared"
