"""Who stands behind a move of an alias, in words: what the host or a signature told is marked, all else is declared."""

from __future__ import annotations

from collections.abc import Iterable

from gitreg.cli import human
from gitreg.records.behind import By, Evidence, How, Person

MARK = " (verified)"
TOLD = f"who asked for, approved and merged a move is what its commits say; with '{MARK.strip()}', what the host says"


def named(who: str, how: How) -> str:
    """Somebody's name without the address, marked where it is verified."""
    return who.partition(" <")[0] + (MARK if how == "verified" else "")


def asked(by: By) -> str:
    """Who asked for it."""
    return named(by.asked.who, by.asked.how) if by.asked else ""


def approved(by: By) -> str:
    """Who approved of it."""
    return _names(by.approved)


def _names(people: Iterable[Person]) -> str:
    return ", ".join(named(person.who, person.how) for person in people)


def words(by: By) -> str:
    """All of it, such as `asked by carl, approved by bob (verified), merged by ada as 89eaf533df`; '' for nothing."""
    found = [f"asked by {asked(by)}"] if by.asked else []
    found += [f"approved by {approved(by)}"] if by.approved else []
    if by.merged:
        who = f" by {named(by.merged.who, by.merged.how)}" if by.merged.who else ""
        found.append(f"merged{who} as {by.merged.commit.short}")
    return ", ".join(found)


def numbers(evidence: Iterable[Evidence]) -> str:
    """What let it pass: `accuracy 0.98 (accuracy >= 0.97)`; '' where there is nothing."""
    return ", ".join(f"{item.metric} {human.number(item.value)} ({item.gate})" for item in evidence)
