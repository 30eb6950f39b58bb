"""`gitreg drop` after anything: what is left is whole, and a run that lost a version is one that never logged it."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Shell
from desks import Desk, World
from gitreg.errors import RefusedError
from gitreg.records.objects import Oid
from gitreg.registry import index, runs, versions
from gitreg.registry.drop import drop_run, drop_version
from helpers import agrees
from tally import FAULTS, Tally

# read before the tests are sealed off from the environment
_SEED = int(os.environ.get("GITREG_SEED") or time.time_ns() % 1_000_000)


@pytest.fixture
def desk(repo: Path, tmp_path: Path, sh: Shell) -> Iterator[Desk]:
    """A clone with a server and a storage."""
    world = World(tmp_path, sh)
    config = f"""[core]\n    remote = storage\n['remote "storage"']\n    url = {world.storage}\n"""
    (repo / ".dvc" / "config").write_text(config)
    sh("git commit --quiet -am storage && git clone --quiet --bare . ../server.git", repo)
    yield world.clone("ada")
    world.close()


def made(desk: Desk, rng: random.Random) -> None:
    """A run that uses some versions and logs some, some of them again."""
    run = desk.start(f"run-{rng.randrange(1000)}")
    known = [item for item in versions.all_versions(desk.registry) if not item.name.collection.space]
    for _ in range(rng.randrange(1, 5)):
        if known and rng.random() < 0.5:
            run.use(rng.choice(known))
        version, _new = run.log_artifact(desk.draft(rng.choice("abc"), str(rng.randrange(5))))
        if rng.random() < 0.2:
            known.append(version)
    if rng.random() < 0.5:
        run.update_summary({"loss": rng.random()})
    run.finish("finished")
    run.registry.close()


def checked(desk: Desk) -> None:
    """Everything that is here is whole."""
    registry = desk.reopen()
    for version in versions.all_versions(registry):
        versions.listing(registry, versions.details(registry, version))
    used: dict[Oid, set[str]] = {}
    for run_id, (tip, _) in runs.tips(registry).items():
        run = runs.chain(registry, tip)
        assert run
        assert run.record.id == run_id
        assert run.complete
        for use in run.inputs:
            used.setdefault(use.commit, set()).add(run_id)
    here = {item.commit for item in versions.all_versions(registry)}
    assert set(used) <= here
    with index.updated(registry) as known:
        assert {commit: set(known.used_by(commit)) for commit in here} == {
            commit: used.get(commit, set()) for commit in here
        }
    assert desk.sh("gitreg fsck 2>/dev/null") == ""


def drop_any(desk: Desk, rng: random.Random) -> bool | None:
    """Drop one of the pending versions and runs: whether it was allowed; None when there is none."""
    registry = desk.reopen()
    pending = [item for item in versions.all_versions(registry) if not item.published]
    ids = [run_id for run_id, (_, published) in runs.tips(registry).items() if not published]
    if not pending:
        return None
    try:
        if rng.random() < 0.7:
            drop_version(registry, rng.choice(pending))
        elif ids:
            drop_run(registry, rng.choice(ids))
    except RefusedError:
        return False
    return True


def test_whatever_is_dropped_the_rest_is_whole(desk: Desk, tally: Tally, *, full: bool) -> None:
    print(f"GITREG_SEED={_SEED}")  # noqa: T201 - pytest shows it when the test fails
    rng = random.Random(_SEED)
    dropped = refused = 0
    for _round in range(60 if full else 2):
        with tally.attempt(FAULTS, "random runs, links, aliases, drops and pushes"):
            for _ in range(3):
                made(desk, rng)
            if rng.random() < 0.5:
                desk.link(
                    desk.version(rng.choice([str(v.name) for v in versions.all_versions(desk.registry)])), "model/M"
                )
            if rng.random() < 0.3:
                name = rng.choice([v.name for v in versions.all_versions(desk.registry)])
                desk.promote(f"{name.collection}:best", name.label)
            if rng.random() < 0.25:
                assert desk.publish().refused == []
            before = set(desk.all())
            for _ in range(6):
                outcome = drop_any(desk, rng)
                dropped += outcome is True
                refused += outcome is False
                checked(desk)
            assert set(desk.all()) <= before
    for version in versions.all_versions(desk.registry):
        agrees(desk.path, str(version.name), desk.registry.cache.directory)
    assert desk.publish().refused == []
    assert desk.sh("gitreg fsck --remote 2>/dev/null") == ""
    # a few rounds may meet only what is needed
    assert dropped if full else dropped + refused
    assert refused or not full
