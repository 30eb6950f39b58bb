"""What a request asks for, and what is said of it: plain values, which `plan` makes and the forms show."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from gitreg.errors import SettingsError
from gitreg.promotion.wanted import Entry
from gitreg.records.names import AliasName, RunId, VersionName
from gitreg.records.objects import Oid
from gitreg.records.records import Place
from gitreg.registry.compare import Comparison
from gitreg.registry.measures import Direction

State = Literal["nothing", "pending", "refused", "broken"]
Finding = Literal["passed", "refused", "waived"]


@dataclass(frozen=True, slots=True)
class Measured:
    """A number of a published, finished run: the one that made a version, or one that used it.

    Attributes:
        value: what its summary says.
        run, name, job_type: the run's id, its name, and what kind of run it was.
        commit: the run's newest commit.
        who, at: the author of that commit, and when.
        on: what else the run used, such as the data that the version was evaluated on.
        own: True for the run that made the version.
        why: why it does not count, '' where it does.
    """

    value: float
    run: RunId
    name: str
    job_type: str
    commit: Oid
    who: str
    at: str
    on: tuple[VersionName, ...]
    own: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of the version that an alias names and of the one that it would name.

    Attributes:
        name: dotted, as in a run's summary.
        old, new: None where no run that counts says.
        direction: which way is better, None where nobody says.
        comparable: False when the two were measured on different data.
    """

    name: str
    old: Measured | None
    new: Measured | None
    direction: Direction | None
    comparable: bool

    @property
    def better(self) -> bool | None:
        """Whether the new one is; None where that cannot be said, or they are equal."""
        if not (self.old and self.new and self.comparable and self.direction) or self.old.value == self.new.value:
            return None
        if math.isnan(self.old.value) or math.isnan(self.new.value):
            return None
        return (self.new.value > self.old.value) == (self.direction == "higher")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate says.

    Attributes:
        gate: what the policy asks for, in words: 'accuracy >= 0.97', 'evaluated on eval_set'.
        finding: a gate is waived where it does not count, such as `no_regression` in a rollback.
        words: why, with the numbers.
        metric: which it is about, '' for a gate about inputs.
        seen: the value that counted.
        before: what it was compared with, of the version that the alias names.
        passed_over: values that do not count, or that a newer run replaced; the newest first.
    """

    gate: str
    finding: Finding
    words: str
    metric: str = ""
    seen: Measured | None = None
    before: Measured | None = None
    passed_over: tuple[Measured, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a move cannot be made whatever the gates say, and what to do. Both texts may hold a stranger's words."""

    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """An alias that shall name another version.

    Attributes:
        alias: which.
        old, new: what it names, and what it shall name; None for nothing. Both are None where `problems` say that
            the version is not there.
        tip: the alias's newest published promotion, None when it has none.
        path: the file that asks for it.
        entry: what that says; None when no file lists the alias any more.
        protected: whether only `apply` moves it.
        metrics: of both versions, what tells how good they are first.
        verdicts: what each gate says.
        problems: why it cannot be made.
        comparison: what else differs, None when there is nothing to compare with, or the records are not here.
    """

    alias: AliasName
    old: Place | None
    new: Place | None
    tip: Oid | None
    path: str
    entry: Entry | None
    protected: bool = False
    metrics: tuple[Metric, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    problems: tuple[Problem, ...] = ()
    comparison: Comparison | None = None

    @property
    def refused(self) -> bool:
        """Whether it must not be made."""
        return bool(self.problems) or any(verdict.finding == "refused" for verdict in self.verdicts)

    @property
    def asked(self) -> str:
        """The version that is asked for, `vN`, also where there is none of that number; '' for nothing."""
        if self.entry and self.entry.version:
            return self.entry.version.label
        return self.new.version.label if self.new else ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What would move.

    Attributes:
        base: the commit whose policy counts, and whose files were there before; None in a repository without any.
        head: the commit whose files say what is wanted, None for the working tree.
        moves: what the request asks for, by collection and alias.
        drift: what the base asks for already, and nobody has applied.
        broken: files that cannot be read.
        notes: what a reviewer should know, such as that the request changes the policy.
    """

    base: Oid | None
    head: Oid | None
    moves: tuple[Move, ...] = ()
    drift: tuple[Move, ...] = ()
    broken: tuple[SettingsError, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def state(self) -> State:
        """The worst that is to be said."""
        if self.broken:
            return "broken"
        if any(move.refused for move in self.moves):
            return "refused"
        return "pending" if self.moves else "nothing"
