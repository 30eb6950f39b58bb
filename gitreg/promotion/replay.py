"""What is to be done so that every alias is what the default branch says: its requests, one after the other.

An alias has come as far as the newest of its records that names a commit of the branch. Each commit after that which
changed what is said of it is one move, judged by the policy that was there before. Where nothing was asked for since,
the alias is where the branch has put it, or it is put back. Nothing is written here, and no remote is talked to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from gitreg.errors import RecordError, SettingsError
from gitreg.git.objects import Batch
from gitreg.promotion import people, requested, source, wanted
from gitreg.promotion.merged import Merged
from gitreg.promotion.moving import Mover, is_managed
from gitreg.promotion.people import Told
from gitreg.promotion.published import Published
from gitreg.promotion.request import Move, Problem
from gitreg.promotion.said import Request, Said
from gitreg.promotion.wanted import NEVER, Entry
from gitreg.records.behind import By, Evidence
from gitreg.records.names import AliasName
from gitreg.records.objects import Oid
from gitreg.records.policy import Policy
from gitreg.records.records import AliasRecord
from gitreg.registry import aliases
from gitreg.registry import policy as policies
from gitreg.registry.aliases import Alias
from gitreg.registry.repository import Registry


@dataclass(frozen=True, slots=True)
class Step:
    """A move that the default branch asks for.

    Attributes:
        move: what, and what is said of it.
        commit: the commit that asks for it.
        promotion: the commit that makes it, None where it is not made.
        reason: why, in words.
    """

    move: Move
    commit: Oid
    promotion: Oid | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Replay:
    """What is to be done.

    Attributes:
        steps: the moves of each alias, in the branch's order.
        refused: the moves that an alias would need to be what the branch says, and that must not be made.
        earlier: moves that are there already, of the other aliases, for commits after the base.
        broken: files of the branch that cannot be read; their aliases stay as they are.
        batch: the objects of the moves.
    """

    steps: Mapping[AliasName, tuple[Step, ...]]
    earlier: Mapping[AliasName, tuple[Step, ...]]
    refused: tuple[Step, ...]
    broken: tuple[SettingsError, ...]
    batch: Batch


class _Chain:
    """An alias's history, with what is about to follow it.

    Attributes:
        name: whose.
        now: the alias as it would stand.
    """

    def __init__(self, registry: Registry, name: AliasName, now: Alias | None) -> None:
        self.name = name
        self.now = now
        self._fresh: list[tuple[Oid, AliasRecord]] = []
        self._known: list[tuple[Oid, AliasRecord]] = []
        self._rest = aliases.moves(registry, name, now.tip) if now else iter(())

    def __iter__(self) -> Iterator[tuple[Oid, AliasRecord]]:
        """The records with their commits, the newest first; read as far as they are asked for. Raises: RecordError."""
        yield from reversed(self._fresh)
        yield from self._known
        for step in self._rest:
            self._known.append((step.oid, step.record))
            yield self._known[-1]

    def records(self) -> Iterator[AliasRecord]:
        """The same without the commits."""
        return (record for _, record in self)

    def go_on(self, now: Alias) -> None:
        """Take one more move for made."""
        assert now.record
        self._fresh.append((now.tip, now.record))
        self.now = now


class Replayer:
    """Finds out what is to be done. What it has read once is kept, so it is for one moment.

    Attributes:
        mover: says of each move whether it may be made.
        said: what the branch said.
        head: up to which commit.
        base: the commit whose policy counts for those after it; None where each is judged by its first parent's.
    """

    def __init__(self, mover: Mover, said: Said, head: Oid, base: Oid | None, told: Told) -> None:
        self.mover = mover
        self.said = said
        self.head = head
        self.base = base
        self.registry = mover.published.registry
        self._told = told
        self._batch = Batch()
        self._policies: dict[Oid | None, Policy | SettingsError] = {}

    @property
    def published(self) -> Published:
        """What there is."""
        return self.mover.published

    def replay(self) -> Replay:
        """Raises: MissingObjectError, RecordError."""
        now = source.at(self.registry, self.head)
        unknown = Merged({}, now.broken).unknown
        steps: dict[AliasName, tuple[Step, ...]] = {}
        earlier: dict[AliasName, tuple[Step, ...]] = {}
        refused: list[Step] = []
        if unknown is not None:
            standing = dict(self._standing(now.entries))
            asked = [entry.version for entry in now.entries.values() if entry.version]
            known = [alias.place.version for alias in standing.values() if isinstance(alias, Alias) and alias.place]
            self.published.know([*asked, *known])
            for name, alias in standing.items():
                if name.collection not in unknown:
                    made, last = self._of(name, alias, now.entries.get(name))
                    steps |= {name: tuple(made)} if made else {}
                    refused += [last] if last else []
                    done = self._earlier(name, alias) if self.base and isinstance(alias, Alias) and not made else []
                    earlier |= {name: tuple(done)} if done else {}
        return Replay(steps, earlier, tuple(refused), now.broken, self._batch)

    def _standing(self, entries: Mapping[AliasName, Entry]) -> Iterator[tuple[AliasName, Alias | RecordError | None]]:
        """The aliases that the branch has to do with, as they stand, by collection and alias."""
        names = sorted({*entries, *self.published.aliases})
        tips = dict(self.published.reads(names))
        for name in names:
            alias: Alias | RecordError | None = None
            try:
                alias = self.published.alias(name) if name in tips else None
            except RecordError as error:
                alias = error
            if name in entries or (isinstance(alias, Alias) and is_managed(alias)):
                yield name, alias

    def _of(
        self, name: AliasName, now: Alias | RecordError | None, entry: Entry | None
    ) -> tuple[list[Step], Step | None]:
        """The moves of an alias, and the one that it would need and must not make."""
        try:
            if isinstance(now, RecordError):
                raise now
            return self._moves(_Chain(self.registry, name, now), entry)
        except RecordError as error:
            problem = Problem(str(error), error.hint or "")
            move = Move(name, None, None, None, wanted.path_of(name.collection), entry, problems=(problem,))
            return [], Step(move, self.head)

    def _moves(self, chain: _Chain, entry: Entry | None) -> tuple[list[Step], Step | None]:
        place, applied = self._applied(chain)
        if place > self.said.line[self.head]:
            # a later commit has been applied
            return [], None
        made: list[Step] = []
        last = None
        requests = self.said.since(chain.name, place)
        # a hand that moves the ref takes away what says how far the alias has come
        for request in requests[-1:] if chain.now and chain.now.by_hand else requests:
            last = self._step(chain, request)
            made += [last] if last and last.promotion else []
        is_back = applied and (entry.version if entry else None) == (applied.now.version if applied.now else None)
        if applied and not made and (is_back or last is None):
            # what was refused, was for what had been moved otherwise; and a record may claim what nobody asked for
            last = self._step(chain, self.said.at(self.head, entry), drift=bool(is_back))
            made += [last] if last and last.promotion else []
        return made, last if last and not last.promotion else None

    def _earlier(self, name: AliasName, now: Alias) -> list[Step]:
        """What has moved an alias, as it stands, for commits after the base; the oldest first."""
        line = self.said.line
        found: list[Step] = []
        for item in aliases.moves(self.registry, name, now.tip):
            merged = item.record.by.merged
            place = line.get(merged.commit) if merged else None
            if merged is None or place is None or not (self.base and line[self.base] < place <= line[self.head]):
                break
            move = Move(name, item.record.previous, item.record.now, None, wanted.path_of(name.collection), None)
            found.append(Step(move, merged.commit, item.oid, item.record.reason))
        return found[::-1]

    def _applied(self, chain: _Chain) -> tuple[int, AliasRecord | None]:
        """How far along the branch the alias has come, and the record that says so; -1 and None for not at all."""
        for record in chain.records():
            place = self.said.line.get(record.by.merged.commit) if record.by.merged else None
            if place is not None:
                return place, record
        return -1, None

    def _step(self, chain: _Chain, request: Request, *, drift: bool = False) -> Step | None:
        """One move, added to the chain when it may be made; None where there is nothing to do.

        What only goes back to where the branch has put it was judged then, and asked for what was there then.
        """
        policy = Policy() if drift else self._policy(self._judge(request))
        move = self.mover.move(
            chain.name,
            chain.now,
            request.entry,
            policy=Policy() if isinstance(policy, SettingsError) else policy,
            history=chain.records(),
            stale=lambda entry: None if drift else self._stale(chain, entry, request.commit),
        )
        if move and isinstance(policy, SettingsError):
            problem = Problem(f"the policy that counts cannot be read: {policy}", policy.hint or "")
            move = replace(move, problems=(*move.problems, problem))
        if move is None or move.refused:
            return Step(move, request.commit) if move else None
        return self._made(chain, move, request, drift=drift)

    def _judge(self, request: Request) -> Oid | None:
        """The commit whose policy counts: what a request brings to the policy does not count for it."""
        line = self.said.line
        return self.base if self.base and line[self.base] < line[request.commit] else request.parent

    def _policy(self, commit: Oid | None) -> Policy | SettingsError:
        if commit not in self._policies:
            try:
                self._policies[commit] = policies.at(self.registry, commit)
            except SettingsError as error:
                self._policies[commit] = error
        return self._policies[commit]

    def _stale(self, chain: _Chain, entry: Entry, commit: Oid) -> Problem | None:
        """Why a request does not fit its alias: it was not an earlier commit of the branch that moved that since."""
        now, after = chain.now, entry.after
        tip = now.tip if now else None
        if not after or (tip and str(tip).startswith(after)):
            return None
        seq = 1
        for oid, record in chain:
            merged = record.by.merged
            place = self.said.line.get(merged.commit) if merged else None
            if str(oid).startswith(after):
                return None
            if place is None or place >= self.said.line[commit]:
                return requested.stale(entry, tip)
            seq = record.seq
        has_all = seq == 1 and not (now and now.by_hand)
        return None if after == NEVER and has_all else requested.stale(entry, tip)

    def _made(self, chain: _Chain, move: Move, request: Request, *, drift: bool) -> Step:
        by, subject = people.behind(self.registry, request, move.path, self._told)
        reason = (move.entry.reason if move.entry else "") or subject
        if drift:
            by, reason = By(merged=by.merged), "it had been moved past the default branch"
        seen = [(verdict, verdict.seen) for verdict in move.verdicts if verdict.seen]
        evidence = tuple(Evidence(said.gate, said.metric, run.value, run.run, run.commit) for said, run in seen)
        now = aliases.after(
            self.registry, self._batch, chain.name, chain.now, move.new, reason=reason, by=by, evidence=evidence
        )
        chain.go_on(now)
        return Step(move, request.commit, now.tip, reason)
