"""What the environment says about a run: the one place of the library that reads `GITREG_*` variables.

An argument of `init` always counts more than the environment.
"""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables as they were when this was made; an empty variable counts as unset.

    Attributes:
        run_id: GITREG_RUN_ID, set by `gitreg run`: the run to attach to.
        directory: GITREG_DIR, where to look for the repository.
        tags: GITREG_TAGS, separated by commas.
        mode, project, entity, name, notes, group, job_type: GITREG_MODE, ..., GITREG_RUN_GROUP, GITREG_JOB_TYPE.
    """

    run_id: str | None = None
    directory: str | None = None
    mode: str | None = None
    project: str | None = None
    entity: str | None = None
    name: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] = ()
    group: str | None = None
    job_type: str | None = None

    @classmethod
    def read(cls) -> Environment:
        """The environment as it is now."""

        def get(name: str) -> str | None:
            return os.environ.get(f"GITREG_{name}") or None

        return cls(
            run_id=get("RUN_ID"),
            directory=get("DIR"),
            mode=get("MODE"),
            project=get("PROJECT"),
            entity=get("ENTITY"),
            name=get("NAME"),
            notes=get("NOTES"),
            tags=tuple(tag.strip() for tag in (get("TAGS") or "").split(",") if tag.strip()),
            group=get("RUN_GROUP"),
            job_type=get("JOB_TYPE"),
        )
