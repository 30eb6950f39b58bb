"""What `gitreg doctor` finds and mends, and what `gitreg drop` refuses, counted."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ailments import AILMENTS, Ailment

from conftest import Shell
from desks import Desk, World
from gitreg.errors import RefusedError
from gitreg.git import hooks
from gitreg.health import doctor
from gitreg.health.diagnosis import Diagnosis
from gitreg.records.names import RunId
from gitreg.registry.drop import drop_run, drop_version
from gitreg.registry.versions import record
from tally import FAULTS, Tally


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the repositories lie that the clones of this module are copies of."""
    return tmp_path_factory.mktemp("template")


@pytest.fixture
def desk(template: Path, tmp_path: Path, repo: Path, sh: Shell) -> Iterator[Desk]:
    """A healthy clone with one published version."""
    if not (template / "ada").exists():
        world = World(template, sh)
        config = f"""[core]\n    remote = storage\n['remote "storage"']\n    url = {world.storage}\n"""
        (repo / ".dvc" / "config").write_text(config)
        sh("touch .dvcignore && git add . && git commit --quiet -m storage", repo)
        sh(f"git clone --quiet --bare {repo} {world.server}")
        ada = world.clone("ada")
        ada.log("m", "first")
        ada.publish()
        hooks.install(ada.registry.git)
        world.close()
    shutil.copytree(template / "ada", tmp_path / "ada", symlinks=True)
    desk = Desk(tmp_path / "ada", sh, "ada")
    yield desk
    desk.registry.close()


def examined(desk: Desk, *, fix: bool = False) -> list[Diagnosis]:
    found = list(doctor.examine(desk.reopen()))
    return [doctor.mended(item) for item in found] if fix else found


def worst(found: list[Diagnosis]) -> list[Diagnosis]:
    return [item for item in found if item.level != "ok"]


def test_a_healthy_clone_has_nothing_to_mend(desk: Desk) -> None:
    assert worst(examined(desk)) == []


@pytest.mark.parametrize("ailment", AILMENTS, ids=lambda ailment: ailment.name)
def test_doctor_finds_it_and_mends_what_is_safe(desk: Desk, ailment: Ailment, tally: Tally) -> None:
    case = f"doctor {'mends' if ailment.mends else 'names the way out of'}: {ailment.name}"
    with tally.attempt(FAULTS, case):
        ailment.cause(desk)
        if ailment.stops:
            assert status(desk, ailment.stops) != 0
        before = tree(desk.path)
        found = next(
            item for item in worst(examined(desk)) if item.check == ailment.check and ailment.words in item.words
        )
        assert (found.level, found.mend is not None) == (ailment.level, ailment.mends), found
        assert found.todo or ailment.name == "a partial clone", found
        # looking changes nothing
        assert tree(desk.path) == before
        after = examined(desk, fix=True)
        assert any(item.level == "fixed" and item.check == ailment.check for item in after) == ailment.mends, after
        left = worst(examined(desk))
        assert any(ailment.words in item.words for item in left) != ailment.mends, left
        if ailment.mends:
            assert left == []
            desk.log("m", "works again")
            assert desk.publish().refused == []
        if ailment.stops:
            assert status(desk, ailment.stops) == 0


def status(desk: Desk, line: str) -> int:
    return subprocess.run(["sh", "-c", line], cwd=desk.path, capture_output=True, check=False).returncode


def tree(root: Path) -> dict[str, object]:
    """Every file below a clone with its size and time; the derived index and its folder may come and go."""
    return {
        path.relative_to(root).as_posix(): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file() and "index-3.sqlite" not in path.name
    }


def _published(desk: Desk) -> str:
    return "m:v0"


def _published_run(desk: Desk) -> str:
    return record(desk.registry, desk.version("m:v0")).run


def _linked(desk: Desk) -> str:
    desk.link(desk.log("n", "x"), "model/N")
    return "n:v0"


def _aliased(desk: Desk) -> str:
    desk.log("n", "x")
    desk.promote("n:best", "v0")
    return "n:v0"


def _used(desk: Desk) -> str:
    desk.log("o", "y", use=[desk.log("n", "x")])
    return "n:v0"


def _reused(desk: Desk) -> str:
    desk.log("n", "x")
    desk.log("n", "x")
    return "n:v0"


def _live(desk: Desk) -> str:
    run = desk.start()
    run.log_artifact(desk.draft("n", "x"))
    run.detach()
    return "n:v0"


def _used_by_a_live_run(desk: Desk) -> str:
    version = desk.log("n", "x")
    run = desk.start()
    run.use(version)
    run.detach()
    return "n:v0"


def _before_a_linked_one(desk: Desk) -> str:
    run = desk.start()
    run.log_artifact(desk.draft("n", "x"))
    later, _ = run.log_artifact(desk.draft("o", "y"))
    run.finish("finished")
    desk.link(later, "model/O")
    return "n:v0"


def _used_by_its_own_run(desk: Desk) -> str:
    run = desk.start()
    version, _ = run.log_artifact(desk.draft("n", "x"))
    run.use(version)
    run.log_artifact(desk.draft("o", "y"))
    run.finish("finished")
    return "n:v0"


REFUSED: dict[str, Callable[[Desk], str]] = {
    "a published version": _published,
    "a published run": _published_run,
    "a version that a link needs": _linked,
    "a version that an alias needs": _aliased,
    "a version that a run used": _used,
    "a version that a run logged again": _reused,
    "a version of a run that goes on": _live,
    "a version that a run uses that goes on": _used_by_a_live_run,
    "a version before one that a link needs": _before_a_linked_one,
    "a version that its own run made another of": _used_by_its_own_run,
}


@pytest.mark.parametrize("name", REFUSED)
def test_drop_refuses_what_would_break_something_else(desk: Desk, name: str, tally: Tally) -> None:
    with tally.attempt(FAULTS, f"drop refuses: {name}"):
        what = REFUSED[name](desk)
        before = desk.git("for-each-ref")
        registry = desk.reopen()
        with pytest.raises(RefusedError) as caught:
            drop_version(registry, desk.version(what)) if ":" in what else drop_run(registry, RunId(what))
        assert caught.value.hint
        assert desk.git("for-each-ref") == before


def test_a_drop_and_a_link_at_the_same_time(desk: Desk, tally: Tally, *, full: bool) -> None:
    for number in range(50 if full else 3):
        with tally.attempt(FAULTS, "drop beside a link or an alias of the same version"):
            desk.log("n", f"{number}")
            version = str(desk.version("n").name)
            other = ["link", version, f"model/N{number}"] if number % 2 else ["alias", "set", "n:best", version]
            lines = [["gitreg", *other], ["gitreg", "drop", version]]
            started = [
                subprocess.Popen(line, cwd=desk.path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                for line in (lines if number % 4 < 2 else lines[::-1])
            ]
            for process in started:
                process.wait()
            here = f"{version} (unpublished)" in desk.all()
            named = desk.git("for-each-ref refs/gitreg/aliases refs/gitreg/drafts/model") != ""
            assert here == named
            if here:
                status(desk, "gitreg alias reset n:best")
                status(desk, f"gitreg drop model/N{number}:v0")
                assert status(desk, f"gitreg drop {version}") == 0
            assert desk.git("for-each-ref refs/gitreg/") == ""
