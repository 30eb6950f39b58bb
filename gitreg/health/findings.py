"""What a check finds: how bad it is, what it is about, what is wrong, and what to do next."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

from gitreg.errors import Error, GitError, NewerSchemaError, RecordError, StorageError
from gitreg.git.checked import CutError, DamagedObjectError
from gitreg.git.objects import MissingObjectError

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""The worst first."""

_LONGEST = 500


class ToldError(Error):
    """Something cannot be read, and has been reported already."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be. Its texts may hold hostile names: whoever prints them escapes them.

    Attributes:
        severity: 'error' when something promised does not hold; 'warning' when something should be done, but nothing
            is wrong with what is kept; 'note' for what is worth knowing.
        subject: a version, run, alias, ref or file.
        problem: what is wrong with it.
        remedy: the command or step to take.
    """

    severity: Severity
    subject: str
    problem: str
    remedy: str

    @property
    def order(self) -> tuple[object, ...]:
        """Errors first, then by subject, numbers by their value."""
        parts = re.split(r"([0-9]{1,18})", self.subject)
        natural = tuple((part, 0) if at % 2 == 0 else ("", int(part)) for at, part in enumerate(parts))
        return SEVERITIES.index(self.severity), natural, self.subject, self.problem, self.remedy


@dataclass(slots=True)
class Findings:
    """Collects what a check finds; what cannot be read is a finding too, and never the end of the check.

    Attributes:
        elsewhere: how a Git object that is not here comes back.
    """

    elsewhere: str
    found: set[Finding] = field(default_factory=set)
    _objects: set[str] = field(default_factory=set)

    def error(self, subject: object, problem: str, remedy: str) -> None:
        """Something promised does not hold."""
        self._add("error", subject, problem, remedy)

    def warning(self, subject: object, problem: str, remedy: str) -> None:
        """Something should be done."""
        self._add("warning", subject, problem, remedy)

    def note(self, subject: object, problem: str, remedy: str) -> None:
        """Something is worth knowing."""
        self._add("note", subject, problem, remedy)

    def _add(self, severity: Severity, subject: object, problem: str, remedy: str) -> None:
        # what a record holds may be of any length; a name has said already whose it is
        words = problem.removeprefix(f"'{subject}': ")
        cut = words if len(words) <= _LONGEST else f"{words[:_LONGEST]}..."
        self.found.add(Finding(severity, str(subject), cut, remedy))

    @contextlib.contextmanager
    def guarded(self, subject: object, remedy: str, what: str = "") -> Iterator[None]:
        """Turn what cannot be read inside the block into a finding; `remedy` is for a record that is wrong itself.

        An object that is gone is reported once, with what needed it first; `what` says what it is.
        """
        try:
            yield
        except (CutError, ToldError):
            pass  # what is cut is counted where objects are read, and told once
        except NewerSchemaError as error:
            self.warning(subject, f"{error}, so it was not checked", error.hint or remedy)
        except (MissingObjectError, DamagedObjectError) as error:
            if error.message not in self._objects:
                self._objects.add(error.message)
                self.error(subject, what + _words(error), self.mended(error))
        except (RecordError, StorageError, GitError) as error:
            self.error(subject, _words(error), remedy)

    def mended(self, error: Error) -> str:
        """The remedy for an object that cannot be read: a damaged file would stay in the way of a good one."""
        is_damaged = isinstance(error, DamagedObjectError) and error.hint
        return f"{error.hint}; {self.elsewhere}" if is_damaged else self.elsewhere

    def sorted(self) -> tuple[Finding, ...]:
        """All of them, the worst first; always in the same order."""
        return tuple(sorted(self.found, key=lambda finding: finding.order))


def _words(error: Error) -> str:
    """What is wrong, without the git command that said so."""
    words = error.message.partition(" failed: ")[2] if isinstance(error, GitError) else error.message
    return (words or error.message).replace("is not in this clone", "is not here")
