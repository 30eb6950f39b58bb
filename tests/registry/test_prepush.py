"""What the pre-push hook decides, by tables; and the rules of the registry against real refs."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import Shell
from gitreg.cli.parent import parent_arguments, push_arguments
from gitreg.errors import RefusedError, UsageError
from gitreg.git.runner import Git
from gitreg.records.objects import ZERO, Oid
from gitreg.registry.prepush import PushLine, acts_for, check, is_dry_run, is_push, is_quiet, left_to_git, parse_lines
from gitreg.registry.repository import Registry

ONE, TWO = Oid(b"\1" * 20), Oid(b"\2" * 20)


class TestTheHooksInput:
    def test_is_read_line_by_line(self) -> None:
        text = f"refs/heads/main {ONE} refs/heads/main {TWO}\n(delete) {ZERO} refs/tags/m@v0 {TWO}\n"
        assert parse_lines(text) == (
            PushLine("refs/heads/main", ONE, "refs/heads/main", TWO),
            PushLine("(delete)", ZERO, "refs/tags/m@v0", TWO),
        )

    def test_may_be_empty(self) -> None:
        assert parse_lines("") == parse_lines("\n") == ()

    def test_may_hold_spaces_in_what_the_user_wrote(self) -> None:
        [line] = parse_lines(f"HEAD@{{1 day ago}} {ONE} refs/heads/x {ZERO}\n")
        assert line == PushLine("HEAD@{1 day ago}", ONE, "refs/heads/x", ZERO)

    @pytest.mark.parametrize("text", ["x", "a b c", f"a {ONE} b x", f"a {str(ONE)[1:]} b {TWO}"])
    def test_is_refused_when_it_is_something_else(self, text: str) -> None:
        with pytest.raises(UsageError, match="not a line of a pre-push hook"):
            parse_lines(text)

    @given(st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1)))
    def test_comes_back_whatever_the_refs_are_called(self, names: list[str]) -> None:
        lines = [PushLine(name, ONE, f"refs/heads/{name.replace(' ', '_')}", TWO) for name in names]
        text = "".join(f"{x.local_ref} {x.local_oid} {x.remote_ref} {x.remote_oid}\n" for x in lines)
        assert parse_lines(text) == tuple(lines)

    def test_tells_what_git_itself_is_about_to_write(self) -> None:
        lines = (PushLine("x", ONE, "refs/tags/m@v0", ZERO), PushLine("(delete)", ZERO, "refs/heads/old", TWO))
        assert left_to_git(lines) == {"refs/tags/m@v0"}


DRY = """
git push -n
git push --dry-run
/usr/bin/git push origin main --dry-run
git push --dry
git push --dr origin
git push -fn
git push -nf origin
git push -qvnu origin main
git push --no-dry-run --dry-run
git push -o x -n
git push -ox -n
git push -o -n -n
git push --push-option=x -n
git push --repo x -n
git push --recurse-submodules check -n
git push --force-with-lease -n
git push --force-with-lease=main:x -n
git push --signed -n
git push --no-verify --no-thin -n
git -c a=b push -n
git -c push.default=push push -n
git -C push --git-dir=x --no-pager push -n
git --git-dir push --work-tree x push -n
git --namespace=x -p push -n
/usr/lib/git-core/git-push -n
git.exe push -n
"""
NOT_DRY = """
git push
git push origin main
git push -f
git push --no-dry-run
git push -n --no-dry-run
git push --dry-run --no-dry
git push -o -n
git push -fo -n
git push -on
git push -fon origin
git push --push-option -n
git push --push-o --dry-run
git push --receive-pack -n
git push --rece -n
git push --exec -n
git push --e -n
git push --repo --dry-run
git push --repo=-n
git push --push-option=-n
git push --recurse-submodules -n
git push -- -n
git push origin -- --dry-run
git push --end-of-options -n
git push --delete origin main
git push --d
git push origin n
git -c push.x=-n push
git -C -n push
git fetch -n
git -n
git
vim push -n
git stash push -n
sh -c git push -n
"""


@pytest.mark.parametrize("line", DRY.strip().splitlines())
def test_it_is_a_dry_run(line: str) -> None:
    assert is_dry_run(shlex.split(line))


@pytest.mark.parametrize("line", NOT_DRY.strip().splitlines())
def test_it_is_no_dry_run(line: str) -> None:
    assert not is_dry_run(shlex.split(line))


@pytest.mark.parametrize("options", ["-q", "--quiet", "--qui", "-fq", "-o x -q", "--no-quiet -q"])
def test_it_is_a_quiet_push(options: str) -> None:
    assert is_quiet(["git", "push", *options.split(), "origin", "main"])


@pytest.mark.parametrize("options", ["", "-v", "-o -q", "-oq", "--quiet --no-quiet", "--repo --quiet", "-- -q"])
def test_it_is_no_quiet_push(options: str) -> None:
    assert not is_quiet(["git", "push", *options.split(), "origin", "main"])
    assert not is_quiet(["git", "fetch", "-q"])


def test_a_process_without_arguments_is_no_push() -> None:
    assert not is_push([])
    assert not is_dry_run([])


@pytest.mark.parametrize(
    "options",
    [
        "-n",
        "--dry-run",
        "--dr",
        "-fn",
        "-o -n",
        "-on",
        "-no x",
        "--push-o -n",
        "--rece git-receive-pack -n",
        "-n --no-dr",
    ],
)
def test_git_itself_reads_the_options_in_the_same_way(repo: Path, sh: Shell, options: str) -> None:
    sh("git init --quiet --bare server.git && git -C server.git config receive.advertisePushOptions true")
    sh(f"git push --quiet {options} ../server.git main", cwd=repo)
    arrived = bool(sh("git -C server.git for-each-ref"))
    assert is_dry_run(["git", "push", *options.split(), "../server.git", "main"]) is not arrived


class TestAnotherProcess:
    def test_tells_its_arguments(self) -> None:
        script = "print(flush=True); input()"
        command = [sys.executable, "-c", script, "a b", ""]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout
            # not before the program has replaced the fork
            process.stdout.readline()
            arguments = parent_arguments(process.pid)
            process.communicate(b"\n")
        assert arguments == command

    def test_may_be_gone(self) -> None:
        with subprocess.Popen(["true"]) as process:
            process.wait()
        assert parent_arguments(process.pid) is None
        assert push_arguments(process.pid) is None

    def test_is_asked_through_ps_where_there_is_no_proc(
        self, monkeypatch: pytest.MonkeyPatch, need: Callable[[str], str]
    ) -> None:
        need("ps")

        def absent(path: Path, *_: object) -> bytes:
            raise FileNotFoundError(path)

        with subprocess.Popen(["cat", "-u"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write(b"\n")
            process.stdin.flush()
            process.stdout.readline()
            monkeypatch.setattr(Path, "read_bytes", absent)
            monkeypatch.setattr(Path, "read_text", absent)
            arguments = parent_arguments(process.pid)
            assert push_arguments(process.pid) is None
            process.communicate()
        assert arguments == ["cat", "-u"]


@pytest.fixture
def clone(repo: Path, sh: Shell) -> Path:
    sh("git init --quiet --bare server.git; git init --quiet --bare fork.git")
    sh(
        "git remote add origin ../server.git; git remote add fork ../fork.git; git remote add mirror ../server.git",
        cwd=repo,
    )
    sh(
        """
        for n in 0 1; do
            printf 'm:v%s\n\nGitreg-Version: ---\n  number: %s\n' $n $n | git tag --annotate -F - m@v$n
        done
        git update-ref refs/gitreg/drafts/m@v2 m@v1
        git tag --annotate -m 'a release of somebody' lib@v1; git tag lib@v2
        """,
        cwd=repo,
    )
    return repo


class TestTheRegistryRemote:
    @pytest.mark.parametrize(
        ("name", "url", "acts"),
        [
            ("origin", "../server.git", True),
            ("mirror", "../server.git", True),
            ("../server.git", "../server.git", True),
            ("fork", "../fork.git", False),
            ("../fork.git", "../fork.git", False),
        ],
    )
    def test_is_known_by_name_and_by_url(self, clone: Path, name: str, url: str, *, acts: bool) -> None:
        assert acts_for(Git.discover(clone), name, url, "origin") is acts

    def test_is_known_by_each_of_its_push_urls_as_git_rewrites_them(self, clone: Path, sh: Shell) -> None:
        sh("git remote set-url --add --push origin hub:a; git remote set-url --add --push origin hub:b", cwd=clone)
        sh("git config url.ssh://git@hub/.pushInsteadOf hub:; git config url.ssh://git@hub/.insteadOf hub:", cwd=clone)
        git = Git.discover(clone)
        assert acts_for(git, "x", "ssh://git@hub/b", "origin")
        assert not acts_for(git, "x", "../server.git", "origin")

    def test_may_not_exist(self, clone: Path) -> None:
        assert not acts_for(Git.discover(clone), "fork", "../fork.git", "registry")


def pushed(clone: Path, sh: Shell, line: str, *, ours: bool = True) -> None:
    """Check `git push LINE` by the lines that git gives to the hook; nothing reaches the remote."""
    hook = clone / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\ncat >../lines\nexit 1\n")
    hook.chmod(0o755)
    sh(f"! git push --quiet {line} 2>/dev/null", cwd=clone)
    lines = parse_lines((clone.parent / "lines").read_text())
    assert lines
    with Registry.opened(clone) as registry:
        check(registry, lines, ours=ours)


@pytest.mark.parametrize(
    "line", ["origin main", "origin m@v0", "--tags origin", "origin HEAD:refs/gitreg/runs/ab/abc", "origin main:x@v1"]
)
def test_a_push_within_the_rules_passes(clone: Path, sh: Shell, line: str) -> None:
    pushed(clone, sh, line)


@pytest.mark.parametrize(
    ("line", "words", "hint"),
    [
        ("origin :m@v0", "version 'm@v0' is published and is never deleted", "--no-verify"),
        ("--prune origin 'refs/tags/*' 'refs/heads/*'", "is published and is never deleted", "--no-verify"),
        ("--force origin m@v1:m@v0", "version 'm@v0' is published and never moves", "git tag -d m@v0"),
        ("origin main:refs/tags/m@v7", "cannot be made version 'm@v7'", "gitreg push"),
        ("origin m@v1:refs/tags/m@v2", "cannot be made version 'm@v2'", "gitreg push"),
        ("origin refs/gitreg/drafts/m@v2:refs/tags/m@v2", "is an unpublished version", "gitreg push"),
        ("origin 'refs/gitreg/*:refs/gitreg/*'", "'refs/gitreg/drafts/m@v2' is an unpublished version", "gitreg push"),
        ("origin m@v1:refs/gitreg/drafts/m@v2", "is an unpublished version", "gitreg push"),
        ("origin :refs/gitreg/aliases/m@p", "is a record of the registry and is never deleted", "alias rm"),
        ("--force origin main:refs/gitreg/aliases/m@p", "has moved on the remote", "git fetch"),
        ("origin 'refs/gitreg-remotes/*'", "is never pushed", "git push --all"),
        ("--mirror origin", "is never pushed", "git push --all && git push --tags"),
    ],
)
def test_a_push_against_the_rules_is_refused_with_the_way_to_do_it(
    clone: Path, sh: Shell, line: str, words: str, hint: str
) -> None:
    sh(
        """
        git push --quiet origin main m@v0
        git switch --quiet -c p; git commit --quiet --allow-empty -m p; git switch --quiet main
        git push --quiet origin p:refs/gitreg/aliases/m@p
        git update-ref refs/gitreg-remotes/origin/aliases/m@p p
        """,
        cwd=clone,
    )
    if "--prune" in line:
        sh("git tag -d m@v0", cwd=clone)
    with pytest.raises(RefusedError, match=words) as refused:
        pushed(clone, sh, line)
    assert refused.value.exit_code == 4
    assert hint in (refused.value.hint or "")


def test_a_record_that_moves_forward_passes(clone: Path, sh: Shell) -> None:
    sh("git push --quiet origin main:refs/gitreg/aliases/m@p; git commit --quiet --allow-empty -m more", cwd=clone)
    pushed(clone, sh, "origin main:refs/gitreg/aliases/m@p")


def test_a_thousand_versions_are_looked_up_in_a_few_processes(clone: Path, sh: Shell) -> None:
    sh("for n in $(seq 10 1100); do echo create refs/tags/m@v$n m@v0; done | git update-ref --stdin", cwd=clone)
    seen: list[str] = []
    oid = Oid.parse(sh("git rev-parse m@v0", cwd=clone).strip())
    names = [f"refs/tags/m@v{number}" for number in range(10, 1101)]
    with Registry.opened(clone, trace=lambda arguments, _: seen.append(arguments[0])) as registry:
        seen.clear()
        check(registry, [PushLine(name, oid, name, ZERO) for name in names], ours=True)
    assert seen.count("for-each-ref") <= 5


def test_a_fork_may_be_cleared_of_versions_but_never_gets_drafts(clone: Path, sh: Shell) -> None:
    sh("git push --quiet fork main m@v0 m@v1", cwd=clone)
    pushed(clone, sh, "fork :m@v0", ours=False)
    with pytest.raises(RefusedError, match="is an unpublished version"):
        pushed(clone, sh, "fork refs/gitreg/drafts/m@v2:refs/tags/m@v2", ours=False)


@pytest.mark.parametrize("line", ["origin lib@v1 lib@v2", "origin :lib@v1", "--force origin lib@v2:lib@v1"])
def test_tags_that_are_only_named_like_versions_are_their_owners_business(clone: Path, sh: Shell, line: str) -> None:
    sh("git push --quiet origin main", cwd=clone)
    if line != "origin lib@v1 lib@v2":
        sh("git push --quiet origin lib@v1", cwd=clone)
    pushed(clone, sh, line)
