"""What happens on a Git host, and what became of the workflows that were run for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """What has happened on the host.

    Attributes:
        name: as in `on`.
        sha, ref: the commit and the full ref that a workflow is run for.
        before: the commit of the branch before a push.
        base, head: branches of a pull request.
        number: of a pull request.
        fork: whether the request comes from somebody who may not write here.
        inputs: of `workflow_dispatch`.
        actor: who made it happen.
    """

    name: str
    sha: str
    ref: str
    before: str = ""
    base: str = ""
    head: str = ""
    number: int = 0
    fork: bool = False
    inputs: Mapping[str, str] = field(default_factory=dict)
    actor: str = "ada"


@dataclass(slots=True)
class Job:
    """What became of a job; there is one for each value of its matrix.

    Attributes:
        result: success, failure or skipped.
        log: all that its steps have printed.
        summary: what they have written for people.
        outputs: what other jobs see of it.
    """

    name: str
    result: str = "success"
    log: str = ""
    summary: str = ""
    outputs: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Run:
    """What became of a workflow."""

    workflow: str
    event: Event
    jobs: dict[str, list[Job]] = field(default_factory=dict)
    artifacts: dict[str, Path] = field(default_factory=dict)

    @property
    def result(self) -> str:
        """The worst of its jobs'."""
        return "failure" if any(self.of(name) == "failure" for name in self.jobs) else "success"

    def of(self, name: str) -> str:
        """The result of a job, which is the worst of its parts'."""
        results = {job.result for job in self.jobs[name]}
        return next((result for result in ("failure", "success") if result in results), "skipped")

    def job(self, name: str) -> Job:
        """The one job of this name."""
        (found,) = self.jobs[name]
        return found

    @property
    def log(self) -> str:
        """All that was printed."""
        return "".join(f"== {name}: {job.result}\n{job.log}" for name in self.jobs for job in self.jobs[name])
