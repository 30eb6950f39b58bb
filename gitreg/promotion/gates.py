"""What a policy says of a move: whether each gate lets it pass, with the numbers that it looked at.

Of several values the newest counts, also where an older one would pass. Two values are compared only where they were
measured alike: both by the runs that made the versions or both by runs that used them, and on the same data.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from gitreg.promotion.evidence import Evidence, Source
from gitreg.promotion.request import Finding, Measured, Metric, Verdict
from gitreg.records import dotted
from gitreg.records.policy import PATH, Data, Gate, Limit, Policy, Rule
from gitreg.records.records import Place
from gitreg.records.similar import closest
from gitreg.registry import measures
from gitreg.registry.measures import Direction
from gitreg.registry.versions import Version

# a run's name, a value: what a stranger chose may be as long as a record
_LONGEST = 80
_LISTED = 5


@dataclass(frozen=True, slots=True)
class _Pick:
    """The value of a metric that counts.

    Attributes:
        source: the run that says it, None where none does.
        value: a finite number, None where there is none.
        why_not: why there is none, '' where there is.
        passed_over: numbers that do not count.
    """

    source: Source | None
    value: float | None
    why_not: str
    passed_over: tuple[Measured, ...]

    @property
    def measured(self) -> Measured | None:
        return self.source.measured(self.value) if self.source and self.value is not None else None


def judge(
    evidence: Evidence, policy: Policy, rule: Rule, old: Version | Place | None, new: Version, *, named_before: bool
) -> tuple[Verdict, ...]:
    """What each gate of the rule says of letting an alias name `new` after `old`.

    A place stands for an old version that is not here. `named_before` says that the alias has named `new` before: going
    back to it is no regression.
    Raises: RecordError, MissingObjectError when a version itself cannot be read.
    """
    case = _Case(evidence, policy, old, new, named_before)
    found = [verdict for gate in rule.gates for verdict in case.of_gate(gate)]
    found += [_evaluated(evidence, new, data) for data in rule.evaluated_on]
    return (*found, *(_made_from(evidence, new, data) for data in rule.inputs))


def metrics(
    evidence: Evidence, policy: Policy, rule: Rule, old: Version | None, new: Version | None
) -> tuple[Metric, ...]:
    """What is measured of both, side by side: what gates ask for first, then what tells which is better.

    Raises: RecordError, MissingObjectError when a version itself cannot be read.
    """
    befores, nows = (evidence.counting(version) if version else () for version in (old, new))
    gates = {gate.metric: gate for gate in reversed(rule.gates)}
    gated = [gate.metric for gate in rule.gates]

    def metric(name: str) -> Metric:
        gate = gates.get(dotted.plain(name), Gate(name))
        before, now = _pair(
            evidence,
            gate,
            *(
                [source for source in sources if name in source.numbers and not _unfit(evidence, gate, source)]
                for sources in (befores, nows)
            ),
        )
        return Metric(
            name,
            before.measured(before.numbers[name]) if before else None,
            now.measured(now.numbers[name]) if now else None,
            _direction(policy, name, *(source for source in (before, now) if source)),
            not (before and now) or _alike(evidence, gate, before, now),
        )

    def rank(found: Metric) -> tuple[int, bool]:
        plain = dotted.plain(found.name)
        return gated.index(plain) if plain in gated else len(gated), found.direction is None

    names = sorted({name for source in (*nows, *befores) for name in source.numbers})
    return tuple(sorted(map(metric, names), key=rank))


def _pair(
    evidence: Evidence, gate: Gate, befores: Sequence[Source], nows: Sequence[Source]
) -> tuple[Source | None, Source | None]:
    """The newest of the new version, and the newest of the old one that can be compared with it, else its newest."""
    now = next(iter(nows), None)
    alike = (source for source in befores if now and _alike(evidence, gate, source, now))
    return next(alike, next(iter(befores), None)), now


@dataclass(frozen=True, slots=True)
class _Case:
    """A move that is judged."""

    evidence: Evidence
    policy: Policy
    old: Version | Place | None
    new: Version
    named_before: bool

    def of_gate(self, gate: Gate) -> Iterator[Verdict]:
        """What it asks for, each by itself."""
        pick = _pick(self.evidence, gate, self.new)
        if gate.require:
            yield self._required(replace(gate, tolerance=None), gate.require, pick)
        if gate.tolerance is not None:
            finding, words, before = self._held(gate, gate.tolerance, pick)
            yield _verdict(replace(gate, require=None), finding, words, pick, before)

    def _required(self, gate: Gate, limit: Limit, pick: _Pick) -> Verdict:
        if pick.source is None or pick.value is None:
            return _verdict(gate, "refused", pick.why_not, pick)
        words = f"{_number(pick.value, limit.value)} of {_run(pick.source)}"
        if limit.holds(pick.value):
            return _verdict(gate, "passed", words, pick)
        return _verdict(gate, "refused", f"{words} is not {limit}", pick)

    def _held(self, gate: Gate, tolerance: float, pick: _Pick) -> tuple[Finding, str, Measured | None]:
        """Whether the metric has not become worse than that, and what it was."""
        if self.named_before:
            return "waived", f"{self.new.name} was named before: this goes back to it", None
        if pick.source is None or pick.value is None:
            return "refused", pick.why_not, None
        if self.old is None:
            return "waived", "nothing was ever named that it could be compared with", None
        if isinstance(self.old, Place):
            return "refused", f"{self.old.version} is not published, so nothing can be compared with it", None
        before = _comparable(self.evidence, gate, self.old, self.new, pick.source)
        if isinstance(before, str):
            return "refused", before, None
        value = dotted.number(before.says(gate.metric))
        if value is None:
            told = f"{_run(before)} says {_told(before.says(gate.metric))} of {self.old.name}"
            return "refused", f"{told}, which is no number", None
        direction = _direction(self.policy, gate.metric, before, pick.source)
        if direction is None:
            words = f"which way '{gate.metric}' is better is not known: say it below 'metrics' in {PATH}"
            return "refused", words, before.measured(value)
        # as they are written: 0.95 - 0.94 is more than 0.01 in binary
        worse = Decimal(str(value)) - Decimal(str(pick.value))
        # whatever is a number is no worse than none
        worse = Decimal(0) if math.isnan(value) else worse if direction == "higher" else -worse
        difference = f", {abs(worse):.6g} {'worse' if worse > 0 else 'better'}" if worse else ""
        here, there = _number(pick.value, value), _number(value, pick.value)
        words = f"{here} of {_run(pick.source)}{difference}; {self.old.name} has {there} of {_run(before)}"
        return "passed" if worse <= Decimal(str(tolerance)) else "refused", words, before.measured(value)


def _pick(evidence: Evidence, gate: Gate, version: Version) -> _Pick:
    """The newest value that the gate is about. Raises: RecordError, MissingObjectError."""
    chosen: Source | None = None
    passed, reasons = [], []
    for source in evidence.sources(version):
        value = source.says(gate.metric)
        if value is None:
            continue
        why = source.why or _unfit(evidence, gate, source)
        if chosen is None and not why:
            chosen = source
            continue
        why = why or "is older"
        reasons.append(f"{_told(value)} of {_run(source)}, which {why}")
        number = dotted.number(value)
        passed += [source.measured(number, why)] if number is not None else []
    if chosen is None:
        return _Pick(None, None, _nothing(evidence, gate, version, reasons), tuple(passed))
    value = chosen.says(gate.metric)
    number = dotted.number(value)
    if number is None or not math.isfinite(number):
        what = "no number" if number is None else "no finite number"
        return _Pick(chosen, None, f"{_run(chosen)} says {_told(value)}, which is {what}", tuple(passed))
    return _Pick(chosen, number, "", tuple(passed))


def _unfit(evidence: Evidence, gate: Gate, source: Source) -> str:
    """Why a run that counts does not count for this gate, '' where it does."""
    if gate.on and not evidence.among(source.used, gate.on):
        return f"is not on {gate.on}"
    if gate.job_type and gate.job_type != source.job_type:
        return f"is of job type '{source.job_type}'" if source.job_type else "is of no job type"
    return ""


def _nothing(evidence: Evidence, gate: Gate, version: Version, reasons: Sequence[str]) -> str:
    """Why there is no value."""
    said = f"no published, finished run says '{gate.metric}' of {version.name}{gate.which}"
    if gate.on and not evidence.published(gate.on):
        return f"{said}: {gate.on} is not published"
    if reasons:
        return f"{said}: {_listed(reasons)}"
    names = {dotted.plain(name) for source in evidence.counting(version) for name in source.numbers}
    close = closest(gate.metric, names)
    return f"{said}; did you mean '{close}'?" if close else said


def _comparable(evidence: Evidence, gate: Gate, old: Version, new: Version, now: Source) -> Source | str:
    """The newest run that measured the old version as `now` did the new one, or why there is none."""
    reasons = []
    for source in evidence.sources(old):
        value = source.says(gate.metric)
        if value is None:
            continue
        why = source.why or _unfit(evidence, gate, source)
        if not why and _alike(evidence, gate, source, now):
            return source
        reasons.append(f"{_told(value)} of {_run(source)}, which {why or _how(source)}")
    words = f"{old.name} was not measured like {new.name}, by a run that {_how(now)}"
    return f"{words}: {_listed(reasons)}" if reasons else words


def _alike(evidence: Evidence, gate: Gate, one: Source, other: Source) -> bool:
    """Whether two runs measured in the same way, on the same data."""
    if one.own != other.own:
        return False
    if gate.on:
        return evidence.among(one.used, gate.on) == evidence.among(other.used, gate.on)
    return one.data == other.data


def _direction(policy: Policy, name: str, *sources: Source) -> Direction | None:
    """Which values are better. A team's word counts; what a run says only where the metric's name does not deny it."""
    told = [source.metrics for source in sources]
    base = measures.base(name, *told)
    agreed = measures.said(name, policy.metrics) or measures.said(base, policy.metrics)
    if not agreed:
        agreed = measures.said(name, *told)
        by_name = measures.direction(base)
        agreed |= {by_name} if by_name else set()
    return agreed.pop() if len(agreed) == 1 else None


def _evaluated(evidence: Evidence, new: Version, data: Data) -> Verdict:
    gate = f"evaluated on {data}"
    reasons = []
    for source in evidence.sources(new):
        if evidence.among(source.used, data):
            if not source.why:
                return Verdict(gate, "passed", _run(source))
            reasons.append(f"{_run(source)}, which {source.why}")
    words = f"no published, finished run used it with {new.name}"
    if not reasons and not evidence.published(data):
        reasons.append(f"{data} is not published")
    return Verdict(gate, "refused", f"{words}: {_listed(reasons)}" if reasons else words)


def _made_from(evidence: Evidence, new: Version, data: Data) -> Verdict:
    used = evidence.among(evidence.inputs(new), data)
    return Verdict(
        f"made from {data}",
        "passed" if used else "refused",
        f"the run that made {new.name} used it" if used else f"the run that made {new.name} had not used it",
    )


def _verdict(gate: Gate, finding: Finding, words: str, pick: _Pick, before: Measured | None = None) -> Verdict:
    return Verdict(str(gate), finding, words, gate.metric, pick.measured, before, pick.passed_over)


def _run(source: Source) -> str:
    return f"'{_short(source.name)}'" + (f" by {_short(source.who)}" if source.who else "")


def _how(source: Source) -> str:
    """What a run had to do with a version, and what else it used."""
    others = ", ".join(map(str, source.on))
    if source.own:
        return f"made it from {others}" if others else "made it from nothing that is recorded"
    return f"used it with {others}" if others else "used it with nothing else"


def _number(value: float, beside: float) -> str:
    """A number, as short as it may be without looking like the other one."""
    text = f"{value:.6g}"
    return text if value == beside or text != f"{beside:.6g}" else str(value)


def _listed(reasons: Sequence[str]) -> str:
    more = len(reasons) - _LISTED
    return "; ".join([*reasons[:_LISTED], *([f"and {more} more"] if more > 0 else [])])


def _told(value: object) -> str:
    number = dotted.number(value)
    return f"{number:.6g}" if number is not None else _short(repr(value))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
