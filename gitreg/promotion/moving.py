"""What becomes of an alias that shall name what a file says: the move, and whether it may be made.

Plan and apply both ask here, so that they cannot disagree. They differ in what makes a request stale.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gitreg.promotion import gates, requested, wanted
from gitreg.promotion.evidence import Evidence
from gitreg.promotion.published import Published
from gitreg.promotion.request import Move, Problem, Verdict
from gitreg.promotion.wanted import Entry
from gitreg.records.names import AliasName
from gitreg.records.policy import Policy
from gitreg.records.records import AliasRecord, Place
from gitreg.registry.aliases import Alias


class Mover:
    """Makes moves of what is wanted.

    Attributes:
        published: what there is.
        evidence: what runs say of versions.
    """

    def __init__(self, published: Published) -> None:
        self.published = published
        self.evidence = Evidence(published.registry)

    def move(
        self,
        name: AliasName,
        now: Alias | None,
        entry: Entry | None,
        *,
        policy: Policy,
        history: Iterable[AliasRecord],
        stale: Callable[[Entry], Problem | None] = lambda _: None,
    ) -> Move | None:
        """The move that makes an alias what is said of it, None where there is nothing to do.

        Args:
            name: which alias.
            now: it as it stands, None when nobody ever set it.
            entry: what is wanted, None where no file lists it.
            policy: what is asked of it. One that has no gates asks no run.
            history: the records that led to `now`, the newest first; read as far as they matter.
            stale: why the request does not fit the alias as it stands.

        Raises: RecordError, MissingObjectError.
        """
        old = now.place if now else None
        problems: tuple[Problem, ...] = ()
        new = None
        if entry is None or entry.version is None:
            if old is None or (entry is None and not is_managed(now)):
                return None
        else:
            if old and old.version == entry.version and str(old.commit).startswith(entry.commit):
                return None
            new, problems = requested.version(self.published, entry, entry.version)
            if old and new and old.commit == new.commit and not problems:
                return None
            twin = requested.twin(self.published, name)
            problems += (twin,) if twin else ()
        late = stale(entry) if entry else None
        rule = policy.rule(name)
        verdicts: tuple[Verdict, ...] = ()
        if new and (rule.gates or rule.evaluated_on or rule.inputs):
            last, named = _past(history, new.place, reviewed=rule.protected)
            # an alias that is taken away and set again has not become a new one
            last = old or last
            before = (self.published.of(last) or last) if last else None
            verdicts = gates.judge(self.evidence, policy, rule, before, new, named_before=named)
        return Move(
            name,
            old=old,
            new=new.place if new else None,
            tip=now.tip if now else None,
            path=wanted.path_of(name.collection),
            entry=entry,
            protected=rule.protected,
            verdicts=verdicts,
            problems=(*problems, *((late,) if late else ())),
        )


def is_managed(alias: Alias | None) -> bool:
    """Whether the alias is where `apply` has put it: when no file lists it any more, it is to name nothing."""
    return bool(alias and alias.record and alias.record.by.merged)


def _past(history: Iterable[AliasRecord], place: Place, *, reviewed: bool) -> tuple[Place | None, bool]:
    """What an alias named last, and whether it has ever named this.

    With `reviewed`, moves past the default branch do not count once that has moved it: nobody has agreed to them.
    """
    last, named = None, False
    for record in history:
        last = last or record.now
        if record.by.merged:
            named = named and not reviewed
        if record.now and record.now.commit == place.commit:
            if record.by.merged or not reviewed:
                return last, True
            named = True
    return last, named
