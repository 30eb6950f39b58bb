"""What the tests of evidence and gates share: runs that train and evaluate, and a server that has them all."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from desks import Desk, alias_name
from gitreg.git.runner import Git
from gitreg.promotion import gates
from gitreg.promotion.evidence import Evidence
from gitreg.promotion.request import Metric, Verdict
from gitreg.records.names import Reference, RunId
from gitreg.records.policy import parse
from gitreg.records.records import Code, RunRecord, State
from gitreg.registry import resolve
from gitreg.registry.live import LiveRun
from gitreg.registry.repository import Registry
from gitreg.registry.start import new_id
from gitreg.registry.versions import Version


class Lab:
    """A repository in which models are trained and evaluated; everything in it is published."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._seconds = 0

    def prepared(self, kept: Path, make: Callable[[], object]) -> Lab:
        """This lab as `make` leaves it: a copy of what it has left in `kept`, when it has been called before."""
        if kept.exists():
            shutil.rmtree(self.desk.path)
            shutil.copytree(kept, self.desk.path, symlinks=True)
            self.desk.reopen()
        else:
            make()
            shutil.copytree(self.desk.path, kept, symlinks=True)
        return self

    @contextlib.contextmanager
    def run(
        self,
        name: str,
        summary: Mapping[str, object],
        *,
        job_type: str = "",
        use: Sequence[str] = (),
        state: State = "finished",
        started: str = "",
        goals: Mapping[str, str] | None = None,
    ) -> Iterator[LiveRun]:
        """A run that used these, and goes on until the block ends. Each begins a second after the one before."""
        self._seconds += 1
        record = RunRecord(
            id=new_id(),
            name=name,
            code=Code(self.desk.oid("HEAD"), snapshot=False),
            job_type=job_type,
            started=started or f"2026-01-02T03:{self._seconds // 60:02}:{self._seconds % 60:02}Z",
        )
        run = LiveRun.start(self.desk.registry, record)
        for reference in use:
            run.use(self.desk.version(reference))
        for metric, goal in (goals or {}).items():
            run.define_metric(metric, {"summary": [goal]} if goal in ("min", "max") else {"goal": goal})
        run.update_summary(summary)
        yield run
        run.finish(state)

    def data(self, collection: str, content: str = "some data") -> Version:
        return self.desk.log(collection, content, type="dataset")

    def train(
        self, summary: Mapping[str, object], *use: str, name: str = "train", state: State = "finished"
    ) -> Version:
        """The next version of m."""
        with self.run(name, summary, job_type="train", use=use, state=state) as run:
            return run.log_artifact(self.desk.draft("m", name + str(self._seconds)))[0]

    def evaluate(self, summary: Mapping[str, object], *use: str, name: str = "evaluate", **options: str) -> RunId:
        """A run that used a version of m, and what it was evaluated on."""
        with self.run(name, summary, use=use, **{"job_type": "evaluate", **options}) as run:  # type: ignore[arg-type]
            return run.record.id

    @contextlib.contextmanager
    def server(self) -> Iterator[Registry]:
        """A bare repository that has everything, where everything is published."""
        self.desk.sh("test -d ../all.git || git init --quiet --bare ../all.git; git push --quiet --mirror ../all.git")
        registry = Registry(Git.discover(self.desk.path.parent / "all.git"))
        try:
            yield registry
        finally:
            registry.close()

    @contextlib.contextmanager
    def evidence(self) -> Iterator[Evidence]:
        with self.server() as registry:
            yield Evidence(registry)

    def judge(
        self, rule: str, new: str, old: str | None = None, *, named_before: bool = False, policy: str = ""
    ) -> tuple[Verdict, ...]:
        """What a rule in YAML says of letting m:production name `new` in place of `old`."""
        agreed = parse(f"aliases: {{production: {rule}}}\n{policy}")
        with self.evidence() as found:
            before, now = (_version(found.registry, word) if word else None for word in (old, new))
            assert now
            asked = agreed.rule(alias_name("m:production"))
            return gates.judge(found, agreed, asked, before, now, named_before=named_before)

    def metrics(self, old: str | None, new: str | None, rule: str = "{}", policy: str = "") -> tuple[Metric, ...]:
        agreed = parse(f"aliases: {{production: {rule}}}\n{policy}")
        with self.evidence() as found:
            before, now = (_version(found.registry, word) if word else None for word in (old, new))
            return gates.metrics(found, agreed, agreed.rule(alias_name("m:production")), before, now)


def _version(registry: Registry, reference: str) -> Version:
    return resolve.version(registry, Reference.parse(reference))
