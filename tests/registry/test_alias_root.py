"""Aliases that lie among the branches of the remote, where a host's rules hold. In a clone nothing is different."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from desks import Desk, World, alias_name
from gitreg.data.config import only_storage
from gitreg.errors import NotFoundError, RefusedError, SettingsError
from gitreg.git import hooks, server_hooks
from gitreg.git.address import Address
from gitreg.health import doctor
from gitreg.health.fsck import fsck
from gitreg.promotion.apply import apply
from gitreg.records.names import Reference
from gitreg.records.refs import ALIAS_BRANCHES, ALIAS_ROOT
from gitreg.records.settings import PATH, Settings, parse
from gitreg.registry import aliases, resolve
from gitreg.registry.elsewhere import Elsewhere
from gitreg.registry.relocate import relocate
from gitreg.registry.repository import Registry

BRANCH = f"{ALIAS_BRANCHES}m@production"
OLD = f"{ALIAS_ROOT}m@production"
TRACKED = "refs/gitreg-remotes/origin/aliases/m@production"


def choose(desk: Desk, root: str | None, *, push: bool = True) -> None:
    """A commit of the default branch that says where aliases lie; None takes the file away."""
    file = desk.path / PATH
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"aliases: {root}\n") if root else file.unlink()
    desk.sh("git add -A .gitreg && git commit --quiet -m 'where aliases lie'")
    if push:
        desk.sh("git push --quiet --no-verify origin HEAD:main")


def there(world: World) -> list[str]:
    """The refs of aliases on the server."""
    return world.on_server(f"git for-each-ref --format='%(refname)' {ALIAS_ROOT} {ALIAS_BRANCHES}").split()


def push(desk: Desk, line: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", "-c", f"git push {line}"]
    return subprocess.run(command, cwd=desk.path, capture_output=True, text=True, check=False)


@pytest.fixture
def team(ada: Desk) -> Desk:
    """m:v0, m:v1 and m:production are published; aliases are branches."""
    choose(ada, ALIAS_BRANCHES)
    ada.log("m", "zero")
    ada.log("m", "one")
    ada.promote("m:production", "v0")
    assert not ada.publish().refused
    return ada


class TestTheFile:
    def test_says_where_aliases_lie(self) -> None:
        assert parse("") == Settings() == Settings(ALIAS_ROOT)
        assert parse(f"schema: 1\naliases: {ALIAS_BRANCHES}  # rules hold there\n") == Settings(ALIAS_BRANCHES)

    @pytest.mark.parametrize(
        ("text", "words", "hint"),
        [
            ("alias: refs/x\n", "line 1: there is no setting 'alias'", "did you mean 'aliases'?"),
            ("schema: 1\naliases: refs/x/\n", "line 2: aliases cannot lie below 'refs/x/'", f"write {ALIAS_ROOT} or"),
            ("aliases: refs/heads/gitreg/aliases\n", "line 1: aliases cannot lie below", f"write {ALIAS_ROOT} or"),
            ("aliases: [1]\n", "line 1: aliases cannot lie below [1]", f"write {ALIAS_ROOT} or"),
            ("schema: 2\n", "line 1: the file has schema 2", ""),
            ("- aliases\n", "line 1: a mapping is expected here", ""),
        ],
    )
    def test_is_read_completely_or_refused(self, text: str, words: str, hint: str) -> None:
        with pytest.raises(SettingsError) as raised:
            parse(text)
        assert raised.value.message.startswith(f"'{PATH}', {words}")
        assert (raised.value.hint or "").startswith(hint)

    def test_that_cannot_be_read_stops_whoever_would_move_an_alias(self, ada: Desk) -> None:
        choose(ada, "refs/x/")
        ada.log("m", "zero")
        ada.promote("m:production", "v0")
        found = ada.publish()
        assert [str(name) for name in found.versions] == ["m:v0"]
        assert [(refusal.name, refusal.why) for refusal in found.refused] == [
            ("m:production", f"'{PATH}', line 1: aliases cannot lie below 'refs/x/'")
        ]


class TestWhatIsPublished:
    def test_is_a_branch_there_and_in_every_clone_what_it_always_was(self, team: Desk, world: World) -> None:
        bob = world.clone("bob")
        bob.fetch()
        assert there(world) == [BRANCH]
        assert team.oid(TRACKED) == bob.oid(TRACKED)
        assert bob.place("m:production") == "m:v0"
        bob.promote("m:production", "v1")
        assert not bob.publish().refused
        team.fetch()
        assert team.place("m:production") == "m:v1"
        assert team.moves("m:production") == ["production -> m@v1", "production -> m@v0"]
        assert team.refs("refs/gitreg/") == []

    def test_is_brought_by_gits_own_fetch_too_once_a_clone_knows(self, team: Desk, world: World) -> None:
        bob = world.clone("bob")
        bob.fetch()
        team.promote("m:production", "v1")
        team.publish()
        bob.sh("git fetch --quiet --prune")
        assert bob.place("m:production") == "m:v1"
        assert bob.git("config --get-all remote.origin.fetch").splitlines() == [
            "+refs/heads/*:refs/remotes/origin/*",
            "+refs/gitreg/runs/*:refs/gitreg-remotes/origin/runs/*",
            "+refs/gitreg/collections/*:refs/gitreg-remotes/origin/collections/*",
            f"+{ALIAS_BRANCHES}*:refs/gitreg-remotes/origin/aliases/*",
        ]

    def test_goes_when_it_is_deleted_there_and_not_before(self, team: Desk, world: World) -> None:
        team.fetch()
        assert team.place("m:production") == "m:v0"
        world.on_server(f"git update-ref -d {BRANCH}")
        team.fetch()
        assert team.refs(TRACKED) == []

    def test_by_two_at_once_is_lost_by_one_of_them(self, team: Desk, world: World) -> None:
        bob = world.clone("bob")
        bob.fetch()
        team.promote("m:production", "v1")
        bob.promote("m:production", "v1", "the same")
        bob.promote("m:production", "v0", "and back")
        team.publish()
        (refusal,) = bob.publish().refused
        assert refusal.lost_race
        assert world.on_server(f"git log -1 --format=%s {BRANCH}").strip() == "production -> m@v1"

    def test_does_not_make_an_alias_the_default_branch(self, team: Desk, world: World) -> None:
        bob = world.clone("bob", "--no-tags")
        bob.sh("git remote set-head origin --delete")
        bob.fetch()
        bob.sh("git remote set-head origin --delete; git fetch --quiet")
        assert bob.place("m:production") == "m:v0"
        bob.promote("m:production", "v1")
        assert not bob.publish().refused


class TestApply:
    def test_moves_the_branch(self, team: Desk, world: World) -> None:
        file = team.path / ".gitreg" / "aliases" / "m.yaml"
        file.parent.mkdir()
        file.write_text("production: v1\n")
        team.sh("git add .gitreg && git commit --quiet -m ask && git push --quiet origin HEAD:main")
        found = apply(team.reopen())
        assert list(found.moved) == [alias_name("m:production")]
        assert there(world) == [BRANCH]
        assert world.on_server(f"git log -1 --format=%s {BRANCH}").strip() == "production -> m@v1"
        assert apply(team.reopen()).moved == {}

    def test_on_the_server_itself_moves_its_own(self, team: Desk, world: World) -> None:
        file = team.path / ".gitreg" / "aliases" / "m.yaml"
        file.parent.mkdir()
        file.write_text("production: v1\n")
        team.sh("git add .gitreg && git commit --quiet -m ask && git push --quiet origin HEAD:main")
        with Registry.opened(world.server) as server:
            assert [str(alias.name) for alias in aliases.all_aliases(server)] == ["m:production"]
            assert list(apply(server).moved) == [alias_name("m:production")]
            assert fsck(server).findings == ()
        world.on_server(f"git update-ref {OLD} {BRANCH}")
        with Registry.opened(world.server) as server:
            (finding,) = fsck(server).findings
            assert (finding.subject, finding.severity) == (OLD, "warning")
        world.on_server(f"git update-ref -d {OLD}")
        assert there(world) == [BRANCH]
        team.fetch()
        assert team.place("m:production") == "m:v1"


class TestMoving:
    @pytest.fixture
    def old(self, ada: Desk) -> Desk:
        """Aliases lie where they do by default."""
        ada.log("m", "zero")
        ada.log("m", "one")
        ada.promote("m:production", "v0")
        ada.promote("m:staging", "v1")
        ada.publish()
        return ada

    def test_whoever_applies_moves_all_of_them_with_their_history(self, old: Desk, bob: Desk, world: World) -> None:
        tip = old.oid(TRACKED)
        choose(old, ALIAS_BRANCHES)
        assert apply(old.reopen(), dry_run=True).relocated == 0
        assert there(world) == [OLD, f"{ALIAS_ROOT}m@staging"]
        assert apply(old.reopen()).relocated == 2
        assert apply(old.reopen()).relocated == 0
        assert there(world) == [BRANCH, f"{ALIAS_BRANCHES}m@staging"]
        assert old.oid(TRACKED) == tip
        assert old.moves("m:staging") == ["staging -> m@v1"]
        bob.fetch()
        assert (bob.place("m:production"), bob.place("m:staging")) == ("m:v0", "m:v1")

    def test_and_back(self, team: Desk, bob: Desk, world: World) -> None:
        bob.fetch()
        tip = team.oid(TRACKED)
        choose(team, None)
        apply(team.reopen())
        assert there(world) == [OLD]
        bob.fetch()
        assert (bob.oid(TRACKED), team.oid(TRACKED)) == (tip, tip)
        assert bob.git("config --get-all remote.origin.fetch").splitlines()[1:] == [
            "+refs/gitreg/*:refs/gitreg-remotes/origin/*"
        ]

    def test_whoever_publishes_moves_them_too(self, old: Desk, bob: Desk, world: World) -> None:
        bob.fetch()
        bob.promote("m:production", "v1")
        choose(old, ALIAS_BRANCHES)
        assert not bob.publish().refused
        assert there(world) == [BRANCH, f"{ALIAS_BRANCHES}m@staging"]
        assert bob.moves("m:production") == ["production -> m@v1", "production -> m@v0"]

    def test_old_ones_that_the_host_keeps_do_not_count(self, team: Desk, bob: Desk, world: World) -> None:
        bob.fetch()
        world.on_server("git config receive.denyDeletes true")
        choose(team, None)
        apply(team.reopen())
        assert there(world) == [OLD, BRANCH]
        team.promote("m:production", "v1")
        assert not team.publish().refused
        bob.fetch()
        assert bob.place("m:production") == "m:v1"
        (finding,) = fsck(bob.reopen(), remote=True).findings
        assert finding.problem.startswith(f"it has an alias below '{ALIAS_BRANCHES}', such as '{BRANCH}'")
        assert any(BRANCH in found.words for found in doctor.tried_out(bob.registry))

    def test_what_somebody_puts_at_the_old_place_later_never_gets_to_the_new_one(
        self, team: Desk, bob: Desk, world: World
    ) -> None:
        bob.fetch()
        bob.promote("m:production", "v1")
        forged = bob.oid("refs/gitreg/aliases/m@production")
        for name in ("m@production", "m@other"):
            bob.sh(f"git push --quiet --no-verify origin {forged}:{ALIAS_ROOT}{name}")
        bob.sh("git update-ref -d refs/gitreg/aliases/m@production")
        apply(team.reopen())
        relocate(bob.reopen())
        bob.fetch()
        assert bob.place("m:production") == team.place("m:production") == "m:v0"
        assert BRANCH in there(world)
        assert f"{ALIAS_BRANCHES}m@other" not in there(world)

    def test_that_the_host_refuses_leaves_everything_as_it_is(self, old: Desk, world: World) -> None:
        choose(old, ALIAS_BRANCHES)
        world.hook("update", f'case $1 in {ALIAS_BRANCHES}*) echo "CI only"; exit 1 ;; esac')
        old.promote("m:production", "v1")
        (refusal,) = old.publish().refused
        assert refusal.why.startswith(
            f"aliases lie below '{ALIAS_BRANCHES}' now, and 'origin' lets none be moved there"
        )
        assert "CI only" in refusal.why
        assert there(world) == [OLD, f"{ALIAS_ROOT}m@staging"]
        assert old.moves("m:production")[0] == "production -> m@v1"
        with pytest.raises(RefusedError):
            apply(old.reopen())
        (world.server / "hooks" / "update").unlink()
        assert not old.publish().refused
        assert old.moves("m:production") == ["production -> m@v1", "production -> m@v0"]


class TestGitsOwnPush:
    @pytest.fixture
    def hooked(self, team: Desk) -> Desk:
        hooks.install(team.registry.git, command="")
        return team

    def test_publishes_as_ever(self, hooked: Desk, world: World) -> None:
        hooked.promote("m:production", "v1")
        done = push(hooked, "origin main")
        assert done.returncode == 0, done.stderr
        assert world.on_server(f"git log -1 --format=%s {BRANCH}").strip() == "production -> m@v1"

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            (f"origin :{BRANCH}", "is a record of the registry and is never deleted"),
            (f"--force origin HEAD:{BRANCH}", "has moved on the remote and only ever moves forward"),
            (f"origin {TRACKED}:{OLD}", f"'{OLD}' is no place for an alias: they lie below '{ALIAS_BRANCHES}'"),
            ("--mirror", "instead of --mirror"),
            ("--prune origin 'refs/heads/*:refs/heads/*'", "is a record of the registry and is never deleted"),
        ],
    )
    def test_neither_deletes_nor_rewrites_an_alias(self, hooked: Desk, world: World, line: str, words: str) -> None:
        before = world.on_server("git for-each-ref")
        done = push(hooked, line)
        assert done.returncode != 0
        assert words in done.stderr
        assert world.on_server("git for-each-ref") == before

    def test_of_all_branches_leaves_aliases_alone(self, hooked: Desk, world: World) -> None:
        hooked.sh("git branch --quiet topic")
        done = push(hooked, "--all origin")
        assert done.returncode == 0, done.stderr
        assert there(world) == [BRANCH]


class TestAGuardedServer:
    @pytest.fixture
    def guarded(self, world: World) -> World:
        server_hooks.install(world.server, command=str(shutil.which("gitreg")))
        return world

    def test_takes_moves_and_lets_nobody_take_them_back(self, guarded: World, team: Desk) -> None:
        team.promote("m:production", "v1")
        assert not team.publish().refused
        for line, words in (
            (f":{BRANCH}", "is a record of the registry and is never deleted"),
            (f"+{TRACKED}~1:{BRANCH}", "has moved on the server and only ever moves forward"),
            (f"HEAD:{ALIAS_BRANCHES}m@other", "which is no record of it"),
            (f"{TRACKED}:{OLD}", f"is no place for an alias: they lie below '{ALIAS_BRANCHES}'"),
        ):
            done = push(team, f"--no-verify origin {line}")
            assert words in done.stderr, done.stderr
        assert there(guarded) == [BRANCH]

    def test_lets_them_be_moved_and_nothing_be_lost(self, guarded: World, ada: Desk) -> None:
        ada.log("m", "zero")
        ada.promote("m:production", "v0")
        ada.publish()
        (ada.path / ".gitreg").mkdir()
        (ada.path / ".gitreg" / "policy.yaml").write_text("aliases: {production: {protected: true}}\n")
        choose(ada, ALIAS_BRANCHES)
        done = push(ada, f"--no-verify origin :{OLD}")
        assert f"holds what is not below '{ALIAS_BRANCHES}'" in done.stderr
        tip = ada.oid(TRACKED)
        apply(ada.reopen())
        assert there(guarded) == [BRANCH]
        assert ada.oid(TRACKED) == tip

    def test_whose_file_is_broken_takes_the_commit_that_mends_it(self, guarded: World, team: Desk) -> None:
        choose(team, "refs/x/")
        done = push(team, f"--no-verify origin {TRACKED}:{ALIAS_BRANCHES}m@other")
        assert f"'{PATH}', line 1" in done.stderr
        choose(team, ALIAS_BRANCHES)
        team.promote("m:production", "v1")
        assert not team.publish().refused


class TestWithoutAClone:
    def read(self, world: World, home: Path, reference: str, *, offline: bool = False) -> str:
        address = Address.parse(f"file://{world.server}", Path.cwd())
        storage = None if offline else only_storage(str(world.storage))
        with_it = Elsewhere(address, home=home, offline=offline, storage=storage)
        try:
            return str(resolve.version(with_it, Reference.parse(reference)).name)
        finally:
            with_it.close()

    def test_an_alias_is_found_among_the_branches(self, team: Desk, world: World, tmp_path: Path) -> None:
        assert self.read(world, tmp_path / "home", "m:production") == "m:v0"
        team.promote("m:production", "v1")
        team.publish()
        assert self.read(world, tmp_path / "home", "m:production", offline=True) == "m:v0"
        assert self.read(world, tmp_path / "home", "m:production") == "m:v1"

    def test_what_lies_elsewhere_does_not_count(self, team: Desk, world: World, tmp_path: Path) -> None:
        other = team.git(f"commit-tree -m x {team.oid('m@v1^{tree}')}")
        world.on_server("git config receive.fsckObjects false")
        team.sh(f"git push --quiet --no-verify origin {other}:{OLD} {other}:{ALIAS_ROOT}m@other")
        assert self.read(world, tmp_path / "home", "m:production") == "m:v0"
        with pytest.raises(NotFoundError):
            self.read(world, tmp_path / "home", "m:other")

    def test_it_is_found_where_it_has_gone(self, team: Desk, world: World, tmp_path: Path) -> None:
        assert self.read(world, tmp_path / "home", "m:production") == "m:v0"
        choose(team, None)
        apply(team.reopen())
        assert self.read(world, tmp_path / "home", "m:production") == "m:v0"

    def test_all_of_them_are_listed(self, team: Desk, world: World, tmp_path: Path) -> None:
        address = Address.parse(f"file://{world.server}", Path.cwd())
        found = Elsewhere(address, home=tmp_path / "home", storage=only_storage(str(world.storage)))
        try:
            assert [str(alias.name) for alias in aliases.all_aliases(found.whole)] == ["m:production"]
        finally:
            found.whole.close()
            found.close()


def test_a_clone_that_has_not_asked_yet_is_told_by_the_doctor(team: Desk, bob: Desk) -> None:
    bob.sh("git pull --quiet origin main; git fetch --quiet")
    said = [(found.level, found.words) for found in doctor.examine(bob.reopen()) if found.check == "remote"]
    words = f"{PATH} of the default branch says that aliases lie below '{ALIAS_BRANCHES}'"
    assert said[0] == ("warning", f"{words}, and those here are from '{ALIAS_ROOT}'")
    bob.fetch()
    said = [(found.level, found.words) for found in doctor.examine(bob.reopen()) if found.check == "remote"]
    assert [level for level, _ in said] == ["ok"]
