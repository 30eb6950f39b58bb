"""`git push` publishes through the hook: whatever form the push has, nothing is lost and nothing slips out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from stories import LOG, START, World, copy

LOGGED = START + LOG
PUBLISHED = f"{LOGGED}\ngit push --quiet"

ALL = [
    "refs/gitreg/aliases/model/Digits@production",
    "refs/tags/digits@v0",
    "refs/tags/mnist@v0",
    "refs/tags/mnist@v1",
    "refs/tags/model/Digits@v0",
    "refs/tags/model/Digits@v1",
    "3 runs",
]
NOTHING = ["0 runs"]
COMMIT = "echo '# more' >>train.py && git commit --quiet -am more"


@pytest.fixture
def logged(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A clone with everything logged and nothing published."""
    return copy(LOGGED, tmp_path_factory, tmp_path / "world")


@pytest.fixture
def published(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A clone with everything published."""
    return copy(PUBLISHED, tmp_path_factory, tmp_path / "world")


def own_storage(world: World) -> None:
    """Give the world a storage that no other test has: it names another folder, in versions that come."""
    world("mkdir ../own && gitreg init --storage ../own 2>/dev/null && git commit --quiet -am 'another storage'")


class TestEveryFormOfAPushPublishes:
    @pytest.mark.parametrize(
        ("command", "where"),
        [
            ("git push", "work"),
            ("git push --quiet origin main", "work"),
            ("git push ../server.git main", "work"),
            ("git push --all", "work"),
            ("git push --atomic origin HEAD:refs/heads/topic", "work"),
            ("mkdir deep && cd deep && git push", "work"),
            ("git -C work push", ""),
            ("cd data && git --git-dir=../work/.git --work-tree=../work push", "."),
            ("GIT_DIR=../work/.git GIT_WORK_TREE=../work git push", "server.git"),
            ("git config alias.p push && git p", "work"),
            ("git config push.followTags true && git push", "work"),
            ("git worktree add --quiet -b b ../linked && cd ../linked && git push --set-upstream origin b", "work"),
        ],
    )
    def test_with_a_new_commit(self, logged: World, command: str, where: str) -> None:
        logged(COMMIT)
        done = logged.attempt(command, where)
        assert done.code == 0, done.err
        assert logged.published() == ALL
        assert logged.pending() == []
        assert ("published mnist:v1" in done.err) == ("push --quiet" not in command)
        assert "on no branch" not in done.err

    def test_with_nothing_else_to_push(self, logged: World) -> None:
        done = logged.attempt("git push")
        assert (done.code, logged.published()) == (0, ALL)
        assert "Everything up-to-date" in done.err

    def test_the_first_push_of_a_branch(self, logged: World) -> None:
        logged(f"git checkout --quiet -b topic && {COMMIT} && gitreg run -- true 2>/dev/null")
        done = logged.attempt("git push --set-upstream origin topic")
        assert (done.code, logged.published()[-1]) == (0, "4 runs")
        assert "note:" not in done.err, "the code of the run is on the branch that this push creates"

    def test_that_creates_the_version_tag_itself(self, tmp_path: Path) -> None:
        world = World(tmp_path)
        world(
            """
            git init --quiet --bare server.git && git init --quiet work && cd work
            gitreg init --storage ../storage 2>/dev/null
            git add . && git commit --quiet -m start
            echo weights >../model.bin && gitreg put ../model.bin --name m --type model 2>/dev/null
            git tag  # without a remote a version is a tag at once
            git remote add origin ../server.git
            gitreg init 2>/dev/null
            """,
            "",
        )
        done = world.attempt("git push origin main m@v0")
        assert done.code == 0, done.err
        assert world.published() == ["refs/tags/m@v0", "1 runs"]
        assert world.pending() == []
        assert world.verify("m:v0", "server.git", "../storage").code == 0
        world("cd .. && dvc get --quiet server.git artifacts/m --rev m@v0")

    def test_after_gitreg_push_there_is_nothing_left(self, logged: World) -> None:
        logged("gitreg push 2>/dev/null")
        assert logged.published() == ALL
        assert "published" not in logged.attempt("git push").err


class TestNothingSlipsOut:
    @pytest.mark.parametrize(
        "command",
        [
            "git push --dry-run",
            "git push -n origin main",
            "git push -qn origin main",
            "git push --dry-run --tags",
            "git push fork main",
            "git push fork main --tags",
            "git push --all ../fork.git",
            "git push --no-verify origin main",
            "git push --no-verify --tags origin",
            "git push --no-verify --follow-tags origin main",
            "git -c gitreg.publish=manual push",
        ],
    )
    def test_by_a_push_that_is_not_meant_to_publish(self, logged: World, command: str) -> None:
        logged("git init --quiet --bare ../fork.git && git remote add fork ../fork.git")
        logged(COMMIT)
        before = logged.pending()
        done = logged.attempt(command)
        assert done.code == 0, done.err
        assert logged.published() == NOTHING
        assert logged("git for-each-ref refs/tags refs/gitreg refs/gitreg-remotes", "fork.git") == ""
        assert logged.pending() == before

    def test_by_a_mirror(self, logged: World) -> None:
        before = logged.pending()
        done = logged.attempt("git push --mirror origin")
        assert done.code == 1
        assert "hint: " in done.err
        assert logged.published() == NOTHING
        assert logged.pending() == before

    def test_a_mirror_deletes_nothing_either(self, published: World) -> None:
        published("git fetch --quiet")
        done = published.attempt("git push --mirror origin")
        assert done.code == 1
        assert published.published() == ALL

    def test_drafts_have_no_name_to_push(self, logged: World) -> None:
        assert logged.attempt("git push origin mnist@v0").code != 0
        assert logged.attempt("git push origin refs/gitreg/drafts/mnist@v0").code == 1
        assert logged.attempt("git push origin refs/gitreg/drafts/mnist@v0:refs/tags/mnist@v0").code == 1
        assert logged.published() == NOTHING

    @pytest.mark.parametrize("mode", ["manual", "warn"])
    def test_a_version_without_its_bytes(self, tmp_path: Path, mode: str) -> None:
        world = World(tmp_path)
        world(
            """
            git init --quiet --bare server.git && git init --quiet work && cd work
            gitreg init --storage ../storage 2>/dev/null && git add . && git commit --quiet -m start
            echo weights >../model.bin && gitreg put ../model.bin --name m --type model 2>/dev/null
            git remote add origin ../server.git && gitreg init 2>/dev/null
            rmdir ../storage && touch ../storage
            """,
            "",
        )
        world(f"git config gitreg.publish {mode}")
        done = world.attempt("git push --tags origin main")
        assert done.code == 1
        assert "error: " in done.err
        assert world.published() == NOTHING


class TestVersionsNeverMove:
    @pytest.mark.parametrize(
        "refspec",
        [":refs/tags/mnist@v0", "--delete mnist@v0", "+mnist@v1:refs/tags/mnist@v0", "--force main:refs/tags/mnist@v0"],
    )
    def test_a_push_that_would_take_one_away_is_refused(self, published: World, refspec: str) -> None:
        before = published("git rev-parse mnist@v0", "server.git")
        done = published.attempt(f"git push origin {refspec}")
        assert done.code == 1
        assert "error: version 'mnist@v0' is published and never" in done.err.replace("is never", "never")
        assert published("git rev-parse mnist@v0", "server.git") == before

    @pytest.mark.parametrize("refspec", ["--delete REF", "+main:REF"])
    def test_nor_an_alias(self, published: World, refspec: str) -> None:
        ref = "refs/gitreg/aliases/model/Digits@production"
        before = published(f"git rev-parse {ref}", "server.git")
        assert published.attempt(f"git push origin {refspec.replace('REF', ref)}").code == 1
        assert published(f"git rev-parse {ref}", "server.git") == before

    def test_pushing_all_tags_again_is_fine(self, published: World) -> None:
        assert published.attempt("git push --tags").code == 0
        assert published.attempt("git push origin mnist@v0").code == 0
        assert published.published() == ALL


class TestNothingIsLost:
    @pytest.mark.parametrize(
        "command",
        [
            "git pull --quiet --tags",
            "git fetch --quiet --prune --prune-tags",
            "git fetch --quiet --tags --force --prune origin",
            "git -c fetch.prune=true -c fetch.pruneTags=true pull --quiet",
            "git remote update --prune",
            "git gc --quiet --prune=now",
            "git stash list && git reflog expire --expire=now --all && git gc --quiet --prune=now",
            "dvc gc --workspace --force",
            "dvc gc --all-tags --all-branches --all-commits --force",
            "git clean -xfdq -e .venv",
        ],
    )
    def test_of_what_is_not_published(self, logged: World, command: str) -> None:
        before = logged.pending()
        logged(command)
        assert logged.pending() == before
        logged("git push --quiet")
        assert logged.published() == ALL
        for version in ("digits:v0", "mnist:v0", "model/Digits:production"):
            done = logged.verify(version, directory="../storage")
            assert (done.code, done.out.splitlines()[-1]) == (0, "ok")

    @pytest.mark.parametrize("command", ["dvc gc --workspace --force", "git clean -xfdq"])
    def test_of_bytes_that_no_storage_has(self, logged: World, command: str) -> None:
        own_storage(logged)
        logged("echo 'only here' >../only.bin && gitreg put ../only.bin --name only --type model 2>/dev/null")
        logged(command)
        assert logged("cat $(gitreg get only:v0 -o ../got)/only.bin") == "only here\n"
        logged("git push --quiet")
        assert logged.verify("only:v0", "server.git", "../own").code == 0

    def test_when_the_worktree_that_logged_it_is_removed(self, logged: World) -> None:
        own_storage(logged)
        logged(
            """
            git worktree add --quiet -b topic ../linked && cd ../linked
            echo 'logged in a worktree' >../only.bin
            gitreg put ../only.bin --name only --type model 2>/dev/null
            cd ../work && git worktree remove ../linked
            git push --quiet
            """
        )
        assert logged.verify("only:v0", "server.git", "../own").code == 0
        assert "refs/tags/only@v0" in logged.published()

    def test_when_the_branch_that_the_run_started_on_is_squashed_away(self, logged: World) -> None:
        logged(
            f"""
            git checkout --quiet -b topic && {COMMIT}
            gitreg put ../model.bin --name squashed --type model 2>/dev/null
            git checkout --quiet main && git merge --quiet --squash topic >/dev/null && git commit --quiet -m squashed
            git branch --quiet -D topic && git reflog expire --expire=now --all && git gc --quiet --prune=now
            git push --quiet
            """
        )
        code = logged.json("show squashed:v0")["code"]["commit"]
        assert logged(f"git show {code}:train.py", "server.git").endswith("# more\n")

    def test_pulling_all_tags_works_before_and_after_publishing(self, logged: World) -> None:
        logged("git pull --quiet --tags")
        logged("git push --quiet")
        logged("git pull --quiet --tags")
        logged("git fetch --quiet --prune --prune-tags --tags")
        assert logged("git tag | wc -l").strip() == "5"


class TestWhenItCannotPublish:
    @pytest.fixture
    def broken(self, logged: World) -> World:
        own_storage(logged)
        logged("echo more >../model.bin && gitreg put ../model.bin --name other --type model 2>/dev/null")
        logged("rmdir ../own; echo 'a file' >../own")
        logged(COMMIT)
        return logged

    def test_the_push_fails_and_names_the_way_around(self, broken: World) -> None:
        before = broken("git rev-parse main", "server.git")
        done = broken.attempt("git push")
        assert done.code == 1
        assert "error: " in done.err
        assert "hint: push without publishing: git push --no-verify" in done.err
        assert broken("git rev-parse main", "server.git") == before
        assert broken.published() == NOTHING
        broken("git push --quiet --no-verify")
        assert broken("git rev-parse main", "server.git") == broken("git rev-parse main")

    def test_and_the_next_one_does_all_of_it(self, broken: World) -> None:
        pending = broken.pending()
        assert broken.attempt("git push").code == 1
        assert broken.pending() == pending
        broken("rm ../own && mkdir ../own")
        broken("git push --quiet")
        assert broken.pending() == []
        assert "refs/tags/other@v0" in broken.published()

    def test_warn_lets_the_push_go_on(self, broken: World) -> None:
        done = broken.attempt("git -c gitreg.publish=warn push")
        assert done.code == 0
        assert "error: " in done.err
        assert broken.published() == NOTHING
        assert broken("git rev-parse main", "server.git") == broken("git rev-parse main")

    def test_a_server_that_refuses_a_version_keeps_it_pending(self, logged: World) -> None:
        hook = logged.server / "hooks" / "update"
        hook.write_text('#!/bin/sh\ncase $1 in refs/tags/mnist@v1) echo "no v1 today" >&2; exit 1 ;; esac\n')
        hook.chmod(0o755)
        done = logged.attempt("git push")
        assert done.code == 1
        assert "the remote refused 'mnist@v1': [remote rejected] (hook declined): no v1 today" in done.err
        assert "3 changes could not be published and stay pending" in done.err
        # what depends on it stays behind too: the link to it, and the alias of that
        kept_back = ("refs/tags/mnist@v1", "refs/tags/model/Digits@v1", "refs/gitreg/aliases/model/Digits@production")
        assert logged.published() == [*(ref for ref in ALL[:-1] if ref not in kept_back), "2 runs"]
        assert "refs/gitreg/drafts/mnist@v1" in logged.pending()
        assert "refs/gitreg/drafts/model/Digits@v1" in logged.pending()
        hook.unlink()
        logged("git push --quiet")
        assert (logged.published(), logged.pending()) == (ALL, [])


class TestWhatItSays:
    def test_uncommitted_code_is_named(self, logged: World) -> None:
        logged("echo '# not committed' >>train.py && gitreg run --name curious-run -- true 2>/dev/null")
        shown = logged.attempt("gitreg status").out
        done = logged.attempt("git push")
        for text in (shown, done.err):
            assert "note: uncommitted changes go with run 'curious-run', to be seen by: git show " in text

    def test_code_that_is_on_no_branch_there_is_named(self, logged: World) -> None:
        logged(
            f"git checkout --quiet -b topic && {COMMIT} && gitreg run --name lonely-run -- true 2>/dev/null "
            "&& git checkout --quiet main"
        )
        done = logged.attempt("git push origin main")
        assert " goes with run 'lonely-run' and is on no branch of the remote" in done.err


class TestWithNothingPending:
    def test_no_python_is_started(self, published: World) -> None:
        published(COMMIT)
        published(
            """
            mkdir ../bin
            for name in gitreg python python3; do
                printf '#!/bin/sh\\necho started >>"%s"\\n' "$PWD/../started" >../bin/$name; chmod +x ../bin/$name
            done
            PATH="$PWD/../bin:$PATH" git push --quiet
            """
        )
        assert not (published.folder / "started").exists()
        assert published("git rev-parse main", "server.git") == published("git rev-parse main")


class TestBesideOtherHooks:
    @pytest.mark.parametrize("first", ["lfs", "gitreg"])
    def test_lfs_uploads_its_files_and_gitreg_publishes(
        self, tmp_path: Path, first: str, need: Callable[[str], str]
    ) -> None:
        need("git-lfs")
        world = World(tmp_path)
        setup = ["git lfs install --local >/dev/null 2>&1 || true", "gitreg init --storage ../storage 2>/dev/null"]
        world(
            f"""
            git init --quiet --bare server.git && git init --quiet work && cd work
            git remote add origin ../server.git
            {setup[first == "gitreg"]}
            {setup[first == "lfs"]}
            git lfs track '*.bin' >/dev/null && echo 'in lfs' >big.bin
            git add . && git commit --quiet -m 'with LFS'
            echo weights >../model.bin && gitreg put ../model.bin --name m --type model 2>/dev/null
            git push --quiet --set-upstream origin main
            """,
            "",
        )
        assert world.published() == ["refs/tags/m@v0", "1 runs"]
        assert len([path for path in (world.server / "lfs").rglob("*") if path.is_file()]) == 1
        assert world.verify("m:v0", "server.git", "../storage").code == 0

    def test_lfs_files_that_only_a_snapshot_has_are_uploaded_too(
        self, tmp_path: Path, need: Callable[[str], str]
    ) -> None:
        need("git-lfs")
        world = World(tmp_path)
        world(
            """
            git init --quiet --bare server.git && git init --quiet work && cd work
            git remote add origin ../server.git
            gitreg init --storage ../storage 2>/dev/null
            git lfs install --local --skip-repo >/dev/null 2>&1 && git lfs track '*.dat' >/dev/null
            echo one >big.dat && git add . && git commit --quiet -m 'with LFS'
            git push --quiet --set-upstream origin main
            echo 'uncommitted' >big.dat
            gitreg run -- true 2>/dev/null
            git push --quiet
            """,
            "",
        )
        assert len([path for path in (world.server / "lfs").rglob("*") if path.is_file()]) == 2

    def test_a_hook_that_was_there_runs_first_and_may_refuse(self, logged: World) -> None:
        logged(
            """
            rm .git/hooks/pre-push
            printf '#!/bin/sh\\ncat >../seen\\n[ ! -e ../refuse ]\\n' >.git/hooks/pre-push
            chmod +x .git/hooks/pre-push
            gitreg init 2>/dev/null
            touch ../refuse
            """
        )
        logged(COMMIT)
        assert logged.attempt("git push").code == 1
        assert logged.published() == NOTHING
        logged("rm ../refuse && git push --quiet")
        assert logged.published() == ALL
        assert "refs/heads/main" in (logged.folder / "seen").read_text()

    def test_pre_commit(self, logged: World) -> None:
        if shutil.which("pre-commit") is None:  # in CI too: the hooks' own tests play its part
            pytest.skip("'pre-commit' is not installed")
        logged(
            """
            cat >.pre-commit-config.yaml <<'END'
repos: [{repo: local, hooks: [{id: x, name: x, language: system, always_run: true, pass_filenames: false,
  stages: [pre-push], entry: touch ../checked}]}]
END
            git add . && git commit --quiet -m 'pre-commit'
            pre-commit install --hook-type pre-push
            git push --quiet
            """
        )
        assert (logged.folder / "checked").exists()
        assert logged.published() == ALL

    def test_a_team_s_own_folder_is_left_alone_and_status_says_so(self, logged: World) -> None:
        logged("mkdir hooks && git config core.hooksPath hooks")
        assert "does not publish" in logged("gitreg status")
        told = logged.attempt("gitreg init").err
        assert "add this to" in told
        assert list((logged.work / "hooks").iterdir()) == []
        logged("git push --quiet")
        assert logged.published() == NOTHING
        logged("gitreg push 2>/dev/null")
        assert logged.published() == ALL
