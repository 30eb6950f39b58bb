"""What a run is called and labelled with: the same for one that goes on and one that is read."""

from __future__ import annotations

from abc import ABC, abstractmethod

from gitreg.records.records import RunRecord


class Labelled(ABC):
    """Something that has a run's record."""

    @property
    @abstractmethod
    def _now(self) -> RunRecord:
        """The record as it is now."""

    @property
    def id(self) -> str:
        """The run's id, unique in the repository."""
        return self._now.id

    @property
    def name(self) -> str:
        """A name people remember, such as `jumping-monkey-1`."""
        return self._now.name

    @property
    def entity(self) -> str:
        """The entity it is labelled with, '' without one."""
        return self._now.entity

    @property
    def project(self) -> str:
        """The project it is labelled with, '' without one."""
        return self._now.project

    @property
    def job_type(self) -> str:
        """Such as `train_model`."""
        return self._now.job_type

    @property
    def group(self) -> str:
        """The name of the runs it belongs with."""
        return self._now.group

    @property
    def notes(self) -> str:
        """What somebody wrote about it."""
        return self._now.notes

    @property
    def _path(self) -> list[str]:
        """Entity, project and id, without the empty ones."""
        return [part for part in (self.entity, self.project, self.id) if part]

    def __repr__(self) -> str:
        return f"<Run {self.name} ({self.id}, {self._now.state})>"
