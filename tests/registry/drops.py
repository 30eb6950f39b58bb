"""What the tests of taking back share: runs to take back, the two ways it ends, and what is there before and after."""

from __future__ import annotations

import pytest

from desks import Desk
from gitreg.errors import RefusedError
from gitreg.records.names import RunId
from gitreg.registry import runs
from gitreg.registry.drop import Dropped, drop_run, drop_version
from gitreg.registry.live import LiveRun
from gitreg.registry.runs import Run


def dropped(desk: Desk, what: str) -> Dropped:
    registry = desk.reopen()
    return drop_version(registry, desk.version(what)) if ":" in what else drop_run(registry, RunId(what))


def refused(desk: Desk, what: str) -> tuple[str, str]:
    """The error's text and hint; nothing has changed."""
    before = desk.refs()
    with pytest.raises(RefusedError) as caught:
        dropped(desk, what)
    assert desk.refs() == before
    return caught.value.message, caught.value.hint or ""


def state(desk: Desk) -> str:
    """All refs of the registry, with what they point at."""
    return desk.git("for-each-ref refs/tags refs/gitreg refs/gitreg-remotes")


def kept(desk: Desk) -> set[str]:
    folder = desk.registry.private / "keep"
    return {path.parent.name + path.name for path in folder.glob("*/*")}


def ended(run: LiveRun) -> None:
    """Finish a run whose registry was reopened meanwhile."""
    run.finish("finished")
    run.registry.close()


def whole_run(desk: Desk, *names: str, summary: bool = False) -> LiveRun:
    """A run that uses nothing and logs these, finished."""
    run = desk.start()
    for number, name in enumerate(names):
        run.log_artifact(desk.draft(name, f"{name} {number}"))
    if summary:
        run.update_summary({"loss": 0.5})
    run.finish("finished")
    return run


def a_run(desk: Desk, run: LiveRun) -> Run:
    return runs.get(desk.registry, run.record.id)
