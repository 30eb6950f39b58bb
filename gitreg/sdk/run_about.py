"""What a run says of itself, and its labels, which may change."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gitreg.errors import UsageError
from gitreg.records.records import RunRecord
from gitreg.records.when import moment
from gitreg.sdk.run_artifacts import ArtifactVerbs
from gitreg.sdk.settings import Settings
from gitreg.sdk.starting import Started, label, notes, run_tags


class About(ArtifactVerbs):
    """The part of `Run` that tells how it was started."""

    _started: Started
    _mode: str
    _first: int

    @property
    def _now(self) -> RunRecord:
        return self._live.record

    def _relabel(self, **labels: object) -> None:
        with self._open(f"changing its {', '.join(labels)}"):
            self._live.set_labels(labels)

    @property
    def name(self) -> str:
        """A name people remember, such as `jumping-monkey-1`. May be set."""
        return self._now.name

    @name.setter
    def name(self, text: str) -> None:
        name = label(text)
        if not name:
            raise UsageError("a run has a name", hint="set text that is not empty")
        self._relabel(name=name)

    @property
    def notes(self) -> str:
        """What somebody wrote about it. May be set."""
        return self._now.notes

    @notes.setter
    def notes(self, text: str) -> None:
        self._relabel(notes=notes(text))

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags. May be set."""
        return self._live.record.tags

    @tags.setter
    def tags(self, tags: Sequence[str]) -> None:
        self._relabel(tags=list(run_tags(tags)))

    @property
    def path(self) -> str:
        """`entity/project/id`, without the empty ones."""
        return "/".join(self._path)

    @property
    def url(self) -> None:
        """None: there is no server with a page for it."""

    @property
    def project_url(self) -> None:
        """None, as `url`."""

    @property
    def sweep_id(self) -> None:
        """None: there are no sweeps."""

    @property
    def sweep_url(self) -> None:
        """None: there are no sweeps."""

    @property
    def dir(self) -> str:
        """The directory from which the repository was found."""
        return str(self._directory)

    @property
    def starting_step(self) -> int:
        """The number of the step that it began with here: 0, or where a resumed run goes on."""
        return self._first

    @property
    def start_time(self) -> float:
        """When it started, in seconds since 1970; NaN where its record tells no time."""
        read = moment(self._now.started)
        return read.timestamp() if read else math.nan

    @property
    def resumed(self) -> bool:
        """Whether it is a run that had ended before."""
        return self._started.resumed

    @property
    def offline(self) -> bool:
        """True: nothing here needs a server."""
        return True

    @property
    def disabled(self) -> bool:
        """Whether it was started with `mode="disabled"`, so that it records nothing."""
        return self._mode == "disabled"

    @property
    def settings(self) -> Settings:
        """How it was started, in W&B's words. Changing it changes nothing."""
        run = self._now
        return Settings(
            entity=run.entity,
            project=run.project,
            mode=self._mode,
            root_dir=self.dir,
            run_id=run.id,
            run_name=run.name,
            run_notes=run.notes,
            run_tags=run.tags,
            run_group=run.group,
            run_job_type=run.job_type,
        )
