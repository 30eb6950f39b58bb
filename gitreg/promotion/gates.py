"""What a policy says of a move: whether each gate lets it pass, with the numbers that it looked at."""

from __future__ import annotations

from gitreg.promotion.evidence import Evidence
from gitreg.promotion.request import Metric, Verdict
from gitreg.records.policy import Policy, Rule
from gitreg.registry.versions import Version


def judge(
    evidence: Evidence, policy: Policy, rule: Rule, old: Version | None, new: Version, *, named_before: bool
) -> tuple[Verdict, ...]:
    """What each gate of the rule says of letting an alias name `new` in place of `old`.

    `named_before` says that the alias has named `new` before: going back to it is no regression.
    Raises: RecordError, MissingObjectError when a version itself cannot be read.
    """
    raise NotImplementedError


def metrics(
    evidence: Evidence, policy: Policy, rule: Rule, old: Version | None, new: Version | None
) -> tuple[Metric, ...]:
    """What is measured of both, side by side: what gates ask for first, then what tells which is better.

    Raises: RecordError, MissingObjectError when a version itself cannot be read.
    """
    raise NotImplementedError
