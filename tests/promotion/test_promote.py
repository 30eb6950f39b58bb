"""`gitreg promote` and `gitreg rollback`: a request in the working tree, or on a branch of its own."""

from __future__ import annotations

import shlex

import badinput
import pytest
from badinput import Done

from desks import Desk, World
from helpers import fingerprint

FILE = ".gitreg/aliases/model/M.yaml"


def gitreg(desk: Desk, line: str, folder: str = "") -> Done:
    """What a line leaves."""
    return badinput.run("-C", str(desk.path / folder), *shlex.split(line))


def refused(desk: Desk, line: str, code: int = 4) -> str:
    """The error of a command that changes nothing."""
    before = fingerprint(desk.path)
    done = gitreg(desk, line)
    assert (done.code, done.out) == (code, ""), done.err
    assert fingerprint(desk.path) == before
    return done.err


@pytest.fixture
def asker(ada: Desk) -> Desk:
    """A clone with model/M:v0 to v3 published, v4 not, and production at v0, v2, then v1."""
    for content in ("zero", "one", "two", "three"):
        ada.link(ada.log("m", content), "model/M")
    for label in ("v0", "v2", "v1"):
        ada.promote("model/M:production", label)
    ada.publish()
    ada.link(ada.log("m", "four"), "model/M")
    return ada


def digits(desk: Desk, revision: str) -> str:
    return desk.git(f"rev-parse {revision}")[:12]


def line_of(desk: Desk, label: str, reason: str = "") -> str:
    """What a request for production says."""
    tip = digits(desk, "refs/gitreg-remotes/origin/aliases/model/M@production")
    commit = digits(desk, f"model/M@{label}^{{commit}}")
    return f"production: {{version: {label}, commit: {commit}, after: {tip}{reason}}}\n"


def unquoted(text: str) -> str:
    # digits that YAML could take for a number stand in quotes
    return text.replace('"', "")


def test_a_request_is_a_line_of_the_collections_file(asker: Desk) -> None:
    done = gitreg(asker, "promote model/M:production v3 --reason 'better on the March set'")
    assert (done.code, done.out) == (0, f"{FILE}\n")
    text = (asker.path / FILE).read_text()
    assert unquoted(text) == line_of(asker, "v3", ", reason: better on the March set")
    assert done.err.startswith("model/M:production: v1 -> v3, as of the last 'gitreg fetch'")
    assert asker.git("status --porcelain .gitreg") == "?? .gitreg/"
    assert asker.place("model/M:production") == "model/M:v1"


def test_what_it_says_to_do_next_works(asker: Desk, world: World) -> None:
    (asker.path / "sub").mkdir()
    done = gitreg(asker, 'promote model/M:production v3 --reason "it\'s better"', "sub")
    assert done.out == f"../{FILE}\n"
    steps = done.err.partition("next: ")[2].partition("      and open")[0]
    asker.sh(f"cd sub && {steps}")
    branch = "promote-model-M-production-to-v3"
    assert asker.git("branch --show-current") == branch
    assert asker.git("log -1 --format=%B").split("\n") == ["promote model/M:production to v3", "", "it's better", ""]
    assert asker.git("show --name-only --format= HEAD") == FILE
    assert world.on_server(f"git rev-parse {branch}").strip() == str(asker.oid("HEAD"))


def test_only_the_entry_changes_and_asking_again_changes_nothing(asker: Desk) -> None:
    file = asker.path / FILE
    file.parent.mkdir(parents=True)
    file.write_text("# ours\nstaging:   v1 # tried\nproduction: v0 # served\n")
    file.chmod(0o755)
    assert gitreg(asker, "promote model/M:production v3").code == 0
    made = file.read_text()
    assert unquoted(made) == f"# ours\nstaging:   v1 # tried\n{line_of(asker, 'v3')[:-1]} # served\n"
    assert file.stat().st_mode & 0o777 == 0o755
    again = gitreg(asker, "promote model/M:production v3")
    assert "said so already" in again.err
    assert file.read_text() == made


def test_requests_at_once_are_all_in_the_file(asker: Desk) -> None:
    names = [f"a{number}" for number in range(6)]
    asker.sh("".join(f"gitreg promote model/M:{name} v3 & " for name in names) + "wait")
    text = (asker.path / FILE).read_text()
    assert sorted(line.partition(":")[0] for line in text.splitlines()) == names


def test_a_branch_that_is_behind_is_told_so(asker: Desk) -> None:
    gitreg(asker, "promote model/M:production v3 --branch ask")
    asker.sh("git push --quiet origin ask:main && git fetch --quiet")
    done = gitreg(asker, "promote model/M:production v2")
    assert "warning: origin/main says something else there" in done.err
    asker.sh("rm -r .gitreg && git merge --quiet origin/main")
    assert "warning" not in gitreg(asker, "promote model/M:production v2").err


def test_an_alias_that_is_new_is_asked_for_after_nothing(asker: Desk) -> None:
    done = gitreg(asker, "promote model/M:prodution v3")
    assert 'after: "none"' in (asker.path / FILE).read_text()
    assert "'prodution' is new; 'model/M' has production" in done.err


def test_an_alias_can_be_asked_away(asker: Desk) -> None:
    assert gitreg(asker, "promote model/M:production --remove").code == 0
    assert (asker.path / FILE).read_text().startswith("production: {version: null, after: ")
    assert "alias 'prodution' not found" in refused(asker, "promote model/M:prodution --remove", 6)


def test_what_the_alias_names_already_is_not_asked_for_twice(asker: Desk) -> None:
    gitreg(asker, "promote model/M:production v1")
    before = fingerprint(asker.path)
    done = gitreg(asker, "promote model/M:production v1 --reason again")
    assert "names v1 already" in done.err
    assert "nothing to do" in done.err
    assert fingerprint(asker.path) == before


def test_a_branch_holds_the_request_and_nothing_else_is_touched(asker: Desk) -> None:
    asker.sh("git checkout --quiet -b work && echo mine >mine && git add mine && echo more >>README")
    asker.sh("ln -s README link && printf '#!/bin/sh\\n' >run.sh && chmod +x run.sh && git add link run.sh")
    asker.sh("git commit --quiet -m tools -- link run.sh && git push --quiet origin work:main && git fetch --quiet")
    before = fingerprint(asker.path)
    done = gitreg(asker, "promote model/M:production v3 --reason why --branch ask/v3")
    assert (done.code, done.out) == (0, "ask/v3\n")
    after = fingerprint(asker.path)
    assert {name for name in after if after[name] != before.get(name)} == {"refs/heads/ask/v3"}
    assert asker.git("log --format=%s%n%b origin/main..ask/v3") == "promote model/M:production to v3\nwhy\n"
    # modes and all
    assert asker.git("diff --raw --abbrev=1 origin/main ask/v3").split()[:2] == [":000000", "100644"]
    assert asker.git("diff --name-only origin/main ask/v3") == FILE
    assert unquoted(asker.git(f"show ask/v3:{FILE}")) == line_of(asker, "v3", ", reason: why")[:-1]
    asker.git("fsck --strict")
    assert "there is a branch 'ask/v3' already" in refused(asker, "promote model/M:production v2 --branch ask/v3")


def test_a_branch_is_not_made_for_what_the_default_branch_says(asker: Desk) -> None:
    gitreg(asker, "promote model/M:production v3 --branch ask")
    asker.sh("git push --quiet origin ask:main && git fetch --quiet")
    done = gitreg(asker, "promote model/M:production v3 --branch again")
    assert (done.code, done.out) == (0, "")
    assert "origin/main asks for that already" in done.err
    back = gitreg(asker, "promote model/M:production v1 --branch back")
    assert "model/M:production names v1 already, and branch back says so now" in back.err
    assert "merging it moves" not in back.err
    asker.git("branch -D back")
    assert asker.refs("refs/heads") == ["refs/heads/ask", "refs/heads/main"]


REFUSED = [
    ("promote model/M:production v4", 4, "'model/M:v4' is not published"),
    ("promote model/M:production v9", 6, "'model/M:v9' not found"),
    ("promote model/M:production m:v3", 2, "'m:v3' is no version of 'model/M'"),
    ("promote model/N:production v3", 6, "collection 'model/N' not found"),
    ("promote model/M:v3 v3", 2, "versions never move"),
    ("promote model/M:Production v3", 4, "differs from 'model/M:production' only by case"),
    ("promote model/M:production", 2, "name a version, or say --remove"),
    ("promote model/M:production v3 --remove", 2, "a version and --remove are two requests"),
    ("promote model/M:production v3 --branch 'a b'", 2, "cannot be a branch's name"),
    ("promote model/M:production v3 --branch -x", 2, "cannot be a branch's name"),
    ("promote model/M:production v3 --branch @", 2, "cannot be a branch's name"),
    ("promote model/M:production v3 --branch refs/heads/x", 2, "cannot be a branch's name"),
    ("promote model/M:production v3 --branch main/ask", 4, "a branch 'main/ask' cannot be beside 'main'"),
    ("promote model/M:production v3 --branch some", 4, "a branch 'some' cannot be beside 'some/one'"),
    (f"promote model/M:production v3 --reason {'x' * 1001}", 2, "the reason is longer than 1000 characters"),
    ("rollback model/M:production --to v3", 6, "'model/M:production' has never named v3"),
    ("rollback model/M:production --to v4", 6, "'model/M:production' has never named v4"),
    ("rollback model/M:nothing", 6, "alias 'nothing' not found"),
]


def test_what_cannot_be_asked_for_is_refused_before_anything_is_written(asker: Desk) -> None:
    asker.git("branch some/one")
    for line, code, said in REFUSED:
        error = refused(asker, line, code)
        assert said in error
        assert "hint: " in error


def test_a_deleted_version_is_not_asked_for(asker: Desk) -> None:
    asker.sh("gitreg delete model/M:v3 --reason broken && gitreg push")
    assert "'model/M:v3' was deleted" in refused(asker, "promote model/M:production v3", 6)


def test_a_file_that_git_would_not_take_is_not_written(asker: Desk) -> None:
    asker.sh("echo .gitreg >.gitignore")
    assert f"Git ignores '{FILE}'" in refused(asker, "promote model/M:production v3")
    asker.sh("rm .gitignore && mkdir -p .gitreg/aliases ../outside && ln -s ../../../outside .gitreg/aliases/model")
    assert "is no folder" in refused(asker, "promote model/M:production v3")
    asker.sh(f"rm .gitreg/aliases/model && mkdir .gitreg/aliases/model && ln -s /etc/hostname {FILE}")
    assert "is no regular file" in refused(asker, "promote model/M:production v3")
    asker.sh(f"rm {FILE} && echo 'a: v1\n\ta: v2' >{FILE}")
    assert f"'{FILE}', line 2: bad YAML" in refused(asker, "promote model/M:production v3", 1)
    asker.sh(f"printf '<<<<<<< HEAD\na: v1\n=======\na: v2\n>>>>>>> main\n' >{FILE}")
    assert f"'{FILE}', line 1: git left a conflict here" in refused(asker, "promote model/M:production v3", 1)


def test_a_clone_that_knows_nothing_of_the_remote_says_so(asker: Desk) -> None:
    asker.sh("git for-each-ref --format='delete %(refname)' refs/gitreg-remotes | git update-ref --stdin")
    assert "hint: gitreg fetch" in refused(asker, "promote model/M:production v3", 1)
    asker.git("remote rename origin elsewhere")
    assert "there is no remote 'origin'" in refused(asker, "promote model/M:production v3", 1)


class TestRollback:
    def said(self, desk: Desk, line: str) -> tuple[str, str]:
        done = gitreg(desk, line)
        assert done.code == 0, done.err
        return done.err.partition(", as of")[0], unquoted((desk.path / FILE).read_text())

    def test_goes_back_to_what_the_alias_named_before(self, asker: Desk) -> None:
        said, text = self.said(asker, "rollback model/M:production")
        assert said == "model/M:production: v1 -> v2"
        assert text == line_of(asker, "v2", ", reason: roll back from v1")

    def test_goes_back_to_any_version_that_it_has_named(self, asker: Desk) -> None:
        said, text = self.said(asker, "rollback model/M:production --to v0 --reason 'fails on scans'")
        assert said == "model/M:production: v1 -> v0"
        assert text == line_of(asker, "v0", ", reason: fails on scans")

    def test_passes_over_what_was_deleted(self, asker: Desk) -> None:
        asker.sh("gitreg delete model/M:v2 --reason broken && gitreg push")
        assert self.said(asker, "rollback model/M:production")[0] == "model/M:production: v1 -> v0"
        assert "v2' was deleted" in refused(asker, "rollback model/M:production --to v2", 6)

    def test_brings_back_what_was_removed(self, asker: Desk) -> None:
        asker.sh("gitreg alias rm model/M:production && gitreg push")
        assert self.said(asker, "rollback model/M:production")[0] == "model/M:production: nothing -> v1"

    def test_knows_no_moves_that_are_not_published(self, asker: Desk) -> None:
        asker.sh("gitreg alias set model/M:production v3")
        assert self.said(asker, "rollback model/M:production")[0] == "model/M:production: v1 -> v2"

    def test_has_nowhere_to_go_from_the_first_version(self, asker: Desk) -> None:
        asker.sh("gitreg alias set model/M:new v0 && gitreg push")
        error = refused(asker, "rollback model/M:new", 6)
        assert "'model/M:new' has named no other version that is still there" in error

    def test_makes_a_branch_too(self, asker: Desk) -> None:
        done = gitreg(asker, "rollback model/M:production --branch back")
        assert done.out == "back\n"
        assert asker.git("log -1 --format=%s back") == "roll model/M:production back to v2"
