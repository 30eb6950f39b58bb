"""What the environment says about a run: the one place of the library that reads `GITREG_*` variables.

An argument of `init` always counts more than the environment.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

# Which of several processes this one is, as each launcher says it; the first that is set counts. PMIX_RANK is of
# https://pmix.github.io, PMI_RANK of MPICH and Intel MPI, MV2_COMM_WORLD_RANK of MVAPICH, JSM_NAMESPACE_RANK of IBM's
# jsrun. https://slurm.schedmd.com/srun.html has SLURM_PROCID; each task of a job array (SLURM_ARRAY_TASK_ID) is a job
# of its own and has 0 there.
_RANKS = (
    *("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "MV2_COMM_WORLD_RANK", "JSM_NAMESPACE_RANK", "SLURM_PROCID"),
)
_TRUE = ("1", "true", "yes", "on")


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables as they were when this was made; an empty variable counts as unset.

    Attributes:
        run_id: GITREG_RUN_ID, set by `gitreg run`: the run to attach to; or the id of the run that starts.
        directory: GITREG_DIR, where to look for the repository.
        bundle: GITREG_BUNDLE, the file that the run goes into instead of a repository.
        tags: GITREG_TAGS, separated by commas.
        mode, project, entity, name, notes, group, job_type, resume: GITREG_MODE, ..., GITREG_RUN_GROUP, ...
        silent: GITREG_SILENT, whether to say nothing.
        log_model: GITREG_LOG_MODEL, what the callback of transformers logs.
        ranks: GITREG_RANKS, `first` or `all`: which of several distributed processes record.
    """

    run_id: str | None = None
    directory: str | None = None
    bundle: str | None = None
    mode: str | None = None
    project: str | None = None
    entity: str | None = None
    name: str | None = None
    notes: str | None = None
    tags: tuple[str, ...] = ()
    group: str | None = None
    job_type: str | None = None
    resume: str | None = None
    silent: bool = False
    ranks: str | None = None
    log_model: str | None = None

    @classmethod
    def read(cls) -> Environment:
        """The environment as it is now."""

        def get(name: str) -> str | None:
            return os.environ.get(f"GITREG_{name}") or None

        return cls(
            run_id=get("RUN_ID"),
            directory=get("DIR"),
            bundle=get("BUNDLE"),
            mode=get("MODE"),
            project=get("PROJECT"),
            entity=get("ENTITY"),
            name=get("NAME"),
            notes=get("NOTES"),
            tags=tuple(tag.strip() for tag in (get("TAGS") or "").split(",") if tag.strip()),
            group=get("RUN_GROUP"),
            job_type=get("JOB_TYPE"),
            resume=get("RESUME"),
            silent=(get("SILENT") or "").lower() in _TRUE,
            ranks=get("RANKS"),
            log_model=get("LOG_MODEL"),
        )


def rank() -> tuple[str, int] | None:
    """Which of several distributed processes this one is: the variable that says so, and the number.

    None when no launcher says so. A number that only counts within a machine is given as one that is not 0 on all
    machines but the first.
    """
    if _number("WORLD_SIZE") is not None:
        # torchrun, accelerate and DeepSpeed, https://pytorch.org/docs/stable/elastic/run.html#environment-variables;
        # `RANK` alone may be anything, such as LoRA's
        number = _number("RANK")
        if number is not None:
            return "RANK", number
        # Lightning starts the others of a machine itself, and has no RANK then:
        # https://lightning.ai/docs/pytorch/stable/clouds/cluster_intermediate_1.html
        for name in ("LOCAL_RANK", "NODE_RANK"):
            number = _number(name)
            if number:
                return name, number
    return next(((name, number) for name in _RANKS if (number := _number(name)) is not None), None)


def _number(name: str) -> int | None:
    text = os.environ.get(name, "").strip()
    return int(text) if text.isascii() and text.isdigit() else None
