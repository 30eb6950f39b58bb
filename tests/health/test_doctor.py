"""Doctor looks without touching, mends only what is nobody's, and tries out where things will be published.

Which ailments it finds is in tests/faults/test_doctor_mends.py.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from ailments import aged

from conftest import Shell
from desks import Desk, World
from gitreg.errors import GitError
from gitreg.git import hooks, locks
from gitreg.git.locks import OldFile
from gitreg.git.refs import Change
from gitreg.health import doctor
from gitreg.health.diagnosis import Diagnosis
from gitreg.lineage.build import lineage_of, whole
from gitreg.records.objects import ZERO
from gitreg.registry import index, keep, versions
from gitreg.registry.live import LiveRun


@pytest.fixture
def well(ada: Desk) -> Desk:
    """A clone with a version that is published and one that is not, and nothing to complain about."""
    hooks.install(ada.registry.git)
    ada.log("m", "first")
    ada.publish()
    ada.log("n", "second", use=[ada.version("m:v0")])
    return ada


def run(line: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", line], cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=False
    )


def examined(desk: Desk) -> list[Diagnosis]:
    return list(doctor.examine(desk.reopen()))


def complaints(found: list[Diagnosis]) -> list[tuple[str, str]]:
    return [(item.level, item.check) for item in found if item.level != "ok"]


def everything(root: Path) -> dict[str, object]:
    return {str(path): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in root.rglob("*")}


class TestLooking:
    def test_changes_nothing_and_needs_no_network(self, well: Desk) -> None:
        aged(well.path / ".git/refs/gitreg/drafts/x@v0.lock")
        aged(well.path / ".dvc/cache/files/md5/.gitreg-abcdefgh.tmp")
        (well.path / ".git/gitreg/index-3.sqlite").unlink(missing_ok=True)
        before = everything(well.path)
        done = run("gitreg doctor", well.path, GIT_ALLOW_PROTOCOL="none")
        assert everything(well.path) == before
        assert (done.returncode, done.stderr) == (1, "1 problem, 1 warning\n'gitreg doctor --fix' mends 2 of them\n")

    def test_says_of_a_young_temporary_file_that_it_may_be_in_use(self, well: Desk) -> None:
        def said() -> list[str]:
            return [item.words for item in examined(well) if item.check == "leftovers"]

        assert said() == ["no temporary files"]
        place = well.path / ".dvc/cache/files/md5/.gitreg-abcdefgh.tmp"
        place.write_bytes(b"half")
        words = f"1 temporary file, such as '{place}', less than an hour old: a command may be writing there"
        assert said() == [words]

    def test_one_line_for_each_check_and_another_for_what_to_do(self, well: Desk) -> None:
        well.git("config --unset-all remote.origin.fetch gitreg")
        done = run("gitreg doctor", well.path)
        assert done.returncode == 0
        lines = done.stdout.splitlines()
        at = lines.index("warning  remote: 'git fetch' does not bring the runs and aliases of 'origin'")
        assert lines[at + 1] == "         -> gitreg init"
        assert {line.split(" ")[0] for line in lines if not line.startswith(" ")} <= {"ok", "warning"}

    def test_edits_that_wait_are_among_what_is_pending(self, well: Desk) -> None:
        well.publish()
        assert ("pending", "nothing waits to be published") in {(item.check, item.words) for item in examined(well)}
        assert run("gitreg edit m --tag good --description 'the one'", well.path).returncode == 0
        assert ("pending", "1 edit not published yet: gitreg push") in {
            (item.check, item.words) for item in examined(well)
        }

    @pytest.mark.parametrize("folder", ["aliases", "collections"])
    def test_a_ref_in_the_place_of_a_folder_of_refs_is_a_problem(self, well: Desk, folder: str) -> None:
        well.git(f"update-ref refs/gitreg/{folder} HEAD")
        assert f"ref 'refs/gitreg/{folder}' takes the place of a folder of refs" in {
            item.words for item in examined(well) if item.level == "problem"
        }

    def test_the_same_as_one_document(self, well: Desk) -> None:
        aged(well.path / ".git/packed-refs.lock")
        done = run("gitreg doctor --json", well.path)
        document = json.loads(done.stdout)
        assert (done.returncode, document["schema"]) == (1, "gitreg/doctor/1")
        (found,) = [item for item in document["checks"] if item["level"] == "problem"]
        assert (found["check"], found["can_be_fixed"]) == ("locks", True)
        assert found["todo"] == "gitreg doctor --fix"
        done = run("gitreg doctor --json --fix", well.path)
        fixed = [item for item in json.loads(done.stdout)["checks"] if item["level"] == "fixed"]
        assert (done.returncode, [item["check"] for item in fixed]) == (0, ["locks"])

    def test_where_there_is_no_repository_that_is_all_it_says(self, tmp_path: Path) -> None:
        done = run("gitreg doctor --fix --remote", tmp_path)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"error: '{tmp_path}' is not in a Git repository\nhint: ")

    def test_a_server_is_looked_over_as_far_as_it_goes(self, well: Desk, world: World) -> None:
        aged(world.server / "refs/gitreg/runs/ab/abc.lock")
        done = run("gitreg doctor", world.server)
        assert (done.returncode, done.stderr.splitlines()[0]) == (1, "1 problem")
        assert "ok       remote: a server: what is here is published\n" in done.stdout
        assert run("gitreg doctor --fix", world.server).returncode == 0
        assert run("gitreg doctor", world.server).stderr == "all is well\n"

    def test_a_linked_worktree_is_looked_over_too(self, well: Desk) -> None:
        well.git("worktree add --quiet ../wt")
        aged(well.path / ".git/worktrees/wt/index.lock")
        aged(well.path / ".git/packed-refs.lock")
        done = run("gitreg doctor --fix", well.path.parent / "wt")
        assert done.returncode == 0
        assert "fixed    locks: 'packed-refs.lock'" in done.stdout
        assert "warning  locks: 'index.lock' is 2 hours old" in done.stdout
        assert (well.path / ".git/worktrees/wt/index.lock").exists()

    def test_what_a_stranger_named_never_reaches_the_terminal(self, well: Desk) -> None:
        aged(well.path / ".git/refs/gitreg/drafts/\x1b[31mred\u202e@v0.lock")
        done = run("gitreg doctor", well.path)
        assert "\\x1b[31mred\\u202e@v0.lock" in done.stdout
        assert "\x1b" not in done.stdout + done.stderr
        assert run("gitreg doctor --fix", well.path).returncode == 0

    def test_a_repository_that_cannot_be_written_can_be_looked_at(
        self, well: Desk, world: World, sh: Shell, need: Callable[[str], str]
    ) -> None:
        drop = "-dac_override,-dac_read_search"
        as_owner = f"{need('setpriv')} --bounding-set={drop} --inh-caps={drop}" if os.geteuid() == 0 else ""
        aged(well.path / ".git/packed-refs.lock")
        sh(f"chmod -R a-w {well.path}/.git {world.storage}")
        done = run(f"{as_owner} gitreg doctor --fix", well.path)
        sh(f"chmod -R u+w {well.path}/.git {world.storage}")
        assert f"warning  repository: this user cannot write in '{well.path}/.git'" in done.stdout
        assert "warning  storage: this user cannot write to storage" in done.stdout
        assert "whoever made it was killed, and nobody can write what it locks; mending it failed" in done.stdout
        assert done.returncode == 1


class TestMending:
    def test_a_lock_that_is_young_is_somebodys(self, well: Desk) -> None:
        lock = aged(well.path / ".git/refs/gitreg/drafts/x@v0.lock", seconds=locks.LOCK_AGE - 30)
        ahead = aged(well.path / ".git/packed-refs.lock", seconds=-3600)
        assert complaints(examined(well)) == []
        assert run("gitreg doctor --fix", well.path).returncode == 0
        assert lock.exists()
        assert ahead.exists()

    def test_a_lock_that_is_another_by_now_is_left_alone(self, well: Desk) -> None:
        path = aged(well.path / ".git/refs/gitreg/drafts/x@v0.lock")
        found = next(item for item in examined(well) if item.check == "locks")
        path.unlink()
        aged(path, b"of somebody else", seconds=1)
        assert doctor.mended(found).words == "'x@v0.lock', which was 2 hours old, is gone already"
        assert path.exists()
        other = OldFile.find(path, 0)
        assert other
        os.utime(path)
        assert not other.remove()
        path.unlink()
        assert not other.remove()

    def test_locks_of_other_refs_are_their_owners(self, well: Desk) -> None:
        theirs = [aged(well.path / ".git" / name) for name in ("refs/heads/main.lock", "refs/tags/release.lock")]
        (well.path / ".git/refs/gitreg/folder.lock").mkdir()
        (well.path / ".git/refs/gitreg/link.lock").symlink_to("/etc/passwd")
        assert complaints(examined(well)) == []
        assert run("gitreg doctor --fix", well.path).returncode == 0
        assert all(path.exists() for path in theirs)

    def test_the_lock_of_a_branch_that_was_only_being_made_is_removed(self, well: Desk) -> None:
        path = aged(well.path / ".git/refs/heads/promote-v3.lock")
        assert run("gitreg doctor --fix", well.path).returncode == 0
        assert not path.exists()
        well.git("branch promote-v3")

    def test_the_error_of_a_lock_names_the_command_that_removes_it(self, well: Desk) -> None:
        aged(well.path / ".git/refs/gitreg/drafts/x@v0.lock")
        with pytest.raises(GitError) as caught:
            well.registry.refs.change([Change("refs/gitreg/drafts/x@v0", ZERO, well.oid("HEAD"))])
        assert (caught.value.hint or "").endswith("gitreg doctor --fix")
        assert run("gitreg doctor --fix", well.path).returncode == 0
        well.registry.refs.change([Change("refs/gitreg/drafts/x@v0", ZERO, well.oid("HEAD"))])

    def test_a_temporary_file_that_is_young_is_being_written(self, well: Desk) -> None:
        young = aged(well.path / ".dvc/cache/files/md5/.gitreg-abcdefgh.tmp", seconds=3000)
        hook = aged(well.path / ".git/hooks/.gitreg-abcdefgh.tmp/pre-push", seconds=3000)
        strange = aged(well.path / ".dvc/cache/files/md5/.gitreg-what is this.tmp")
        assert run("gitreg doctor --fix", well.path).returncode == 0
        assert young.exists()
        assert hook.exists()
        assert strange.exists()

    def test_a_folder_that_somebody_uses_stays(self, well: Desk) -> None:
        aged(well.path / ".git/hooks/.gitreg-abcdefgh.tmp/pre-push")
        new = aged(well.path / ".git/hooks/.gitreg-abcdefgh.tmp/other", seconds=1)
        assert run("gitreg doctor --fix", well.path).returncode == 0
        assert [path.name for path in new.parent.iterdir()] == ["other"]

    def test_bytes_that_something_pending_needs_stay_protected(self, well: Desk) -> None:
        mine = {path.name for path in (well.registry.private / "keep").glob("*/*")}
        well.registry.cache.add_bytes(b"nobody's")
        assert run("gitreg doctor --fix", well.path).returncode == 0
        assert {path.name for path in (well.registry.private / "keep").glob("*/*")} == mine
        assert well.publish().refused == []

    def test_nothing_is_released_while_a_run_goes_on(self, well: Desk) -> None:
        stored = well.registry.cache.add_bytes(b"just being logged")
        live = well.start()
        assert complaints(examined(well)) == []
        assert keep.let_go(well.registry) == 0
        assert (well.registry.private / "keep" / stored.md5[:2] / stored.md5[2:]).exists()
        live = LiveRun.attach(well.registry, live.record.id)
        live.finish("finished")
        assert keep.let_go(well.registry) == 1
        assert well.registry.cache.has(stored.md5)

    def test_a_hook_of_somebody_elses_is_kept_and_called(self, well: Desk) -> None:
        hook = well.path / ".git/hooks/pre-push"
        hook.write_text("#!/bin/sh\ntouch ../called\n")
        assert run("gitreg doctor --fix", well.path).returncode == 0
        well.sh("git commit --quiet --allow-empty -m x && git push --quiet origin HEAD")
        assert (well.path.parent / "called").exists()
        assert complaints(examined(well)) == []

    def test_what_cannot_be_mended_says_why_and_stays(self, well: Desk) -> None:
        well.git("config --unset-all remote.origin.fetch gitreg")
        aged(well.path / ".git/config.lock")
        done = run("gitreg doctor --fix", well.path)
        assert "does not bring the runs and aliases of 'origin'; mending it failed: git config failed" in done.stdout
        assert "warning  locks: 'config.lock' is 2 hours old" in done.stdout

    def test_a_run_that_was_killed_is_recorded(self, well: Desk) -> None:
        run("gitreg run --name gone -- sh -c 'gitreg put README --name k --type model; kill -9 $PPID'", well.path)
        assert ("warning", "runs") in complaints(examined(well))
        done = run("gitreg doctor --fix", well.path)
        assert "fixed    runs: recorded as crashed: 'gone'" in done.stdout
        well.reopen()
        assert str(well.version("k").name) == "k:v0"
        assert "crashed" in next(line for line in run("gitreg runs", well.path).stdout.splitlines() if "gone" in line)


DAMAGES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "empty": lambda _data, _rng: b"",
    "no database": lambda _data, _rng: b"no database" * 1000,
    "cut": lambda data, rng: data[: rng.randrange(100, len(data))],
    "a page of zeros": lambda data, rng: _page(data, rng, bytes(4096)),
    "a page of noise": lambda data, rng: _page(data, rng, rng.randbytes(4096)),
    "the pages in another order": lambda data, _rng: b"".join(
        [data[:4096], *reversed([data[at : at + 4096] for at in range(4096, len(data), 4096)])]
    ),
}


def _page(data: bytes, rng: random.Random, page: bytes) -> bytes:
    at = 4096 * rng.randrange(len(data) // 4096)
    return data[:at] + page + data[at + 4096 :]


def read(desk: Desk) -> object:
    """What the index says, and what is drawn from it."""
    registry = desk.reopen()
    with index.updated(registry) as known:
        users = [known.used_by(version.commit) for version in versions.all_versions(registry)]
        return users, known.tips(), lineage_of(registry, desk.version("m:v0")), whole(registry)


class TestADamagedIndex:
    def test_breaks_nothing_that_is_read(self, well: Desk) -> None:
        expected = read(well)
        file = well.path / ".git/gitreg/index-3.sqlite"
        good = file.read_bytes()
        rng = random.Random(0)
        for name, damage in DAMAGES.items():
            for _ in range(5):
                file.write_bytes(damage(good, rng))
                assert read(well) == expected, name

    @pytest.mark.parametrize("line", ["show m:v0", "lineage m:v0"])
    def test_is_not_even_mentioned_by_what_reads(self, well: Desk, line: str) -> None:
        expected = run(f"gitreg {line}", well.path).stdout
        file = well.path / ".git/gitreg/index-3.sqlite"
        file.write_bytes(file.read_bytes()[:4096] + bytes(8192))
        done = run(f"gitreg {line}", well.path)
        assert (done.returncode, done.stderr, done.stdout) == (0, "", expected)

    def test_is_made_anew_where_it_was_met(self, well: Desk) -> None:
        used = well.version("m:v0").commit
        expected = index.used_by(well.registry, used)
        assert len(expected) == 1
        file = well.path / ".git/gitreg/index-3.sqlite"
        good = file.read_bytes()
        for at in range(4096, len(good), 4096):
            file.write_bytes(good[:at] + b"\xff" * 4096 + good[at + 4096 :])
            assert index.used_by(well.reopen(), used) == expected, at
            with index.updated(well.registry) as known:
                assert len(known.tips()) == 2, at
            assert index.damage(well.registry) == "", at


class TestTryingOut:
    def test_leaves_nothing_on_the_remote_and_the_storage(self, well: Desk, world: World) -> None:
        refs, files = world.on_server("git for-each-ref"), sorted(world.storage.rglob("*"))
        mine = well.git("for-each-ref")
        done = run("gitreg doctor --remote", well.path)
        assert done.returncode == 0, done.stdout
        lines = done.stdout.splitlines()[-2:]
        assert lines[0] == "ok       remote: 'origin' takes what is pushed: a throwaway ref was made and deleted there"
        assert lines[1].endswith("a throwaway object was written, read back and removed")
        assert world.on_server("git for-each-ref") == refs
        assert [path for path in sorted(world.storage.rglob("*")) if path.is_file()] == [
            path for path in files if path.is_file()
        ]
        assert well.git("for-each-ref") == mine

    def test_a_server_that_takes_nothing_is_a_problem(self, well: Desk, world: World) -> None:
        world.hook("pre-receive", "echo 'models are frozen this week' >&2; exit 1")
        done = run("gitreg doctor --remote", well.path)
        assert done.returncode == 1
        assert "problem  remote: 'origin' refuses what is pushed there" in done.stdout
        assert "models are frozen this week" in done.stdout

    def test_a_server_that_deletes_nothing_is_good_enough(self, well: Desk, world: World) -> None:
        world.on_server("git config receive.denyDeletes true")
        world.hook("update", 'case $3 in 0000*) echo "no deletions" >&2; exit 1;; esac')
        done = run("gitreg doctor --remote", well.path)
        assert done.returncode == 0
        assert "warning  remote: 'origin' takes what is pushed, and refuses deletions" in done.stdout
        (left,) = [ref for ref in world.published() if ref.startswith("refs/gitreg/doctor/")]
        assert left in done.stdout

    def test_what_a_refused_deletion_leaves_disturbs_nobody(self, well: Desk, world: World, bob: Desk) -> None:
        world.hook("update", "case $3 in 0000*) exit 1;; esac")
        run("gitreg doctor --remote", well.path)
        bob.fetch()
        assert [str(version) for version in bob.publish().versions] == []
        assert bob.all() == ["m:v0"]
        assert well.publish().refused == []
        assert run("gitreg doctor", well.path).returncode == 0
        fsck = run("gitreg fsck", bob.path)
        assert (fsck.returncode, fsck.stdout) == (0, "")

    def test_a_server_that_is_not_there_is_a_problem(self, well: Desk, world: World) -> None:
        world.server.rename(world.server.with_name("moved"))
        assert run("gitreg doctor", well.path).returncode == 0
        done = run("gitreg doctor --remote", well.path)
        assert done.returncode == 1
        assert "problem  remote: git push failed: " in done.stdout
        world.server.with_name("moved").rename(world.server)

    def test_a_storage_that_takes_nothing_is_a_problem(self, well: Desk, world: World) -> None:
        for path in sorted(world.storage.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        (world.storage / "files").write_text("in the way")
        done = run("gitreg doctor --remote", well.path)
        assert done.returncode == 1
        assert "problem  storage: object '" in done.stdout

    def test_without_a_remote_or_a_storage_there_is_nothing_to_try(self, desk: Desk) -> None:
        done = run("gitreg doctor --remote", desk.path)
        assert done.returncode == 0
        assert "warning  remote: there is no remote 'origin' to try" in done.stdout
        assert "warning  storage: there is none to try" in done.stdout
