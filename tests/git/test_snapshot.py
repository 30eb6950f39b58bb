"""The code of a run, captured from real working trees. Stock git says what a snapshot holds."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from conftest import Shell
from gitreg.git.objects import Objects
from gitreg.git.runner import Git
from gitreg.git.snapshot import MAX_UNTRACKED, captured, is_source
from gitreg.records.objects import EMPTY_TREE
from gitreg.records.records import Code
from helpers import capture, fingerprint

SNAPSHOT = "snapshot of uncommitted changes on"


class Project:
    """A working tree in which `capture` is called, each time checked to leave everything as it was."""

    def __init__(self, path: Path, shell: Shell) -> None:
        self.path = path
        self._shell = shell

    def sh(self, script: str) -> str:
        return self._shell(script, cwd=self.path)

    def git(self, line: str) -> str:
        return self.sh(f"git {line}").removesuffix("\n")

    def capture(self, where: Path | None = None, *, snapshot: bool = True) -> Code:
        before, shared = fingerprint(self.path), self.shared_indexes()
        git = Git.discover(where or self.path)
        objects = Objects(git)
        try:
            return capture(git, objects, snapshot=snapshot)
        finally:
            objects.close()
            assert fingerprint(self.path) == before
            assert self.shared_indexes() == shared

    def shared_indexes(self) -> list[Path]:
        return sorted(self.path.glob(".git/**/sharedindex.*"))

    def changes(self, code: Code) -> list[str]:
        """What the snapshot adds to HEAD, in git's words."""
        assert code.snapshot
        assert code.error == ""
        assert self.git(f"log -1 --format=%P {code.commit}") == self.git("rev-parse HEAD")
        return self.git(f"diff --name-status --no-renames HEAD {code.commit}").splitlines()

    def show(self, code: Code, path: str) -> str:
        return self.sh(f"git cat-file blob {code.commit}:{shlex.quote(path)}")


@pytest.fixture
def project(repo: Path, sh: Shell) -> Project:
    found = Project(repo, sh)
    found.sh(
        """
        printf '/data/\\n*.log\\n' >.gitignore
        echo 'print(1)' >train.py; mkdir src; echo 'lr: 1' >src/params.yaml; echo 'x = 1' >src/model.py
        git add . && git commit --quiet -m 'code'
        """
    )
    return found


@pytest.fixture
def unborn(tmp_path: Path, sh: Shell) -> Project:
    sh("git init --quiet new")
    return Project(tmp_path / "new", sh)


def head_of(project: Project) -> str:
    return project.git("rev-parse HEAD")


def test_an_unmodified_tree_is_heads_commit(project: Project) -> None:
    assert project.capture() == Code(project.capture().commit, snapshot=False)
    assert str(project.capture().commit) == head_of(project)


def test_ignored_files_and_data_make_no_snapshot(project: Project) -> None:
    project.sh("mkdir data; echo x >data/a.py; echo x >run.log; echo 1,2 >table.csv; echo x >model.pt; echo x >.env")
    assert project.capture().snapshot is False


def test_a_snapshot_holds_edits_deletions_staged_files_and_untracked_sources(project: Project) -> None:
    project.sh(
        """
        echo 'print(2)' >train.py; rm src/params.yaml
        echo 'y = 1' >staged.py; git add staged.py; echo 'y = 2' >staged.py
        echo 'new' >train_new.py; echo '{}' >src/explore.ipynb; echo all: >Makefile; echo 1,2 >table.csv
        """
    )
    code = project.capture()
    assert project.changes(code) == [
        "A\tMakefile",
        "A\tsrc/explore.ipynb",
        "D\tsrc/params.yaml",
        "A\tstaged.py",
        "M\ttrain.py",
        "A\ttrain_new.py",
    ]
    assert project.show(code, "staged.py") == "y = 2\n"


def test_a_snapshot_says_what_it_is_in_the_users_name_and_is_on_no_ref(project: Project) -> None:
    project.sh("echo 'print(2)' >train.py")
    code = project.capture()
    short = head_of(project)[:10]
    assert project.git(f"log -1 --format='%an <%ae> %cn %ct%n%B' {code.commit}").rstrip() == (
        f"Test User <test@example.org> Test User 1767323045\n{SNAPSHOT} {short}"
    )
    assert project.git(f"for-each-ref --contains {code.commit}") == ""
    assert project.git("fsck --strict --no-dangling") == ""


def test_the_same_tree_is_the_same_snapshot(project: Project) -> None:
    project.sh("echo 'print(2)' >train.py")
    assert project.capture() == project.capture()


def test_a_snapshot_is_not_taken_when_only_head_is_wanted(project: Project) -> None:
    project.sh("echo 'print(2)' >train.py")
    assert project.capture(snapshot=False) == Code(project.capture(snapshot=False).commit, snapshot=False)
    assert str(project.capture(snapshot=False).commit) == head_of(project)


def test_untracked_sources_are_captured_up_to_a_mebibyte(project: Project) -> None:
    (project.path / "small.json").write_bytes(b"x" * MAX_UNTRACKED)
    (project.path / "large.json").write_bytes(b"x" * (MAX_UNTRACKED + 1))
    assert project.changes(project.capture()) == ["A\tsmall.json"]


def test_a_tracked_file_is_captured_whatever_its_size_and_name(project: Project) -> None:
    project.sh("echo 1 >table.csv; git add .; git commit --quiet -m data")
    (project.path / "table.csv").write_bytes(b"x" * (MAX_UNTRACKED + 1))
    assert project.changes(project.capture()) == ["M\ttable.csv"]


@pytest.mark.parametrize("_", range(5))
def test_an_edit_of_the_same_size_in_the_same_second_is_seen(project: Project, _: int) -> None:
    project.sh("git commit --quiet --allow-empty -m now; echo 'print(2)' >train.py; git add train.py")
    (project.path / "train.py").write_text("print(3)\n")
    assert project.show(project.capture(), "train.py") == "print(3)\n"


def test_an_edit_that_keeps_size_and_times_is_seen_because_the_index_is_as_old(project: Project) -> None:
    # the same second, but long ago: neither the clock nor the speed of this machine decides
    script, index, then = project.path / "train.py", project.path / ".git" / "index", (10**9, 10**9)
    project.sh("git config core.trustctime false")
    os.utime(script, then)
    project.sh("git update-index --refresh")
    script.write_text("print(9)\n")
    os.utime(script, then)
    os.utime(index, then)
    assert project.show(project.capture(), "train.py") == "print(9)\n"


@pytest.mark.parametrize(
    "settings",
    [
        "core.safecrlf=true core.autocrlf=true",
        "core.autocrlf=true",
        "core.autocrlf=input",
        "core.fsmonitor=true",
        "core.splitIndex=true",
        "core.untrackedCache=true",
        "status.showUntrackedFiles=no status.relativePaths=true status.branch=false",
        "core.quotePath=false core.fileMode=false core.ignoreCase=true",
        "index.version=4 feature.manyFiles=true",
    ],
)
def test_a_setting_does_not_stand_in_the_way(project: Project, settings: str) -> None:
    for setting in settings.split():
        project.git(f"config {setting.replace('=', ' ')}")
    (project.path / "train.py").write_bytes(b"print(2)\r\nprint(3)\nprint(4)\r\n")
    (project.path / "train_new.py").write_bytes(b"x\r\ny\n")
    assert project.changes(project.capture()) == ["M\ttrain.py", "A\ttrain_new.py"]


def test_line_endings_alone_are_no_change(project: Project) -> None:
    project.sh("git config core.autocrlf true")
    (project.path / "train.py").write_bytes(b"print(1)\r\n")
    assert project.capture().snapshot is False


def test_a_change_that_was_staged_and_taken_back_is_no_change(project: Project) -> None:
    project.sh("cp train.py kept; echo 'print(2)' >train.py; git add train.py; mv kept train.py")
    assert project.capture().snapshot is False


def test_a_change_of_the_executable_bit_is_captured(project: Project) -> None:
    project.sh("chmod +x train.py")
    code = project.capture()
    assert project.changes(code) == ["M\ttrain.py"]
    assert project.git(f"ls-tree {code.commit} train.py").startswith("100755")


def test_a_file_added_with_the_intent_to_add_is_captured_with_its_content(project: Project) -> None:
    project.sh("echo 'y = 1' >later.py; git add --intent-to-add later.py")
    code = project.capture()
    assert project.changes(code) == ["A\tlater.py"]
    assert project.show(code, "later.py") == "y = 1\n"


def test_merge_conflicts_are_captured_as_they_lie_in_the_working_tree(project: Project) -> None:
    project.sh(
        """
        git switch --quiet -c other; echo 'print(5)' >train.py; git rm --quiet src/model.py
        git commit --quiet -am other
        git switch --quiet main; echo 'print(6)' >train.py; echo 'x = 2' >src/model.py; git commit --quiet -am main
        ! git merge other >/dev/null
        """
    )
    code = project.capture()
    assert "<<<<<<<" in project.show(code, "train.py")
    assert project.changes(code) == ["M\ttrain.py"]
    project.sh("rm train.py")
    assert project.changes(project.capture()) == ["D\ttrain.py"]


def test_a_file_that_became_a_folder_and_a_folder_that_became_a_file_are_captured(project: Project) -> None:
    project.sh("rm train.py; mkdir train.py; echo a >train.py/a.py; rm -r src; echo s >src; mv src src.py; mkdir src")
    project.sh("rmdir src; echo 'x' >src; git add -N src")
    assert project.changes(project.capture()) == [
        "A\tsrc",
        "A\tsrc.py",
        "D\tsrc/model.py",
        "D\tsrc/params.yaml",
        "D\ttrain.py",
        "A\ttrain.py/a.py",
    ]


def test_a_folder_that_became_a_link_is_captured_without_following_it(project: Project) -> None:
    project.sh("mv src ../elsewhere; ln -s ../elsewhere src; ln -s ../elsewhere/model.py linked.py")
    code = project.capture()
    assert project.changes(code) == ["A\tlinked.py", "D\tsrc/model.py", "D\tsrc/params.yaml"]
    assert project.show(code, "linked.py") == "../elsewhere/model.py"


def test_names_with_spaces_line_breaks_and_bytes_outside_utf8_are_captured(project: Project) -> None:
    names = [b"a b.py", b"line\nbreak.py", b"tab\t.py", "日本.py".encode(), b"\xff.py", b"-n.py", b":(glob)x.py"]
    for name in names:
        (project.path / os.fsdecode(name)).write_text("x\n")
    code = project.capture()
    listed = os.fsencode(project.sh(f"git diff --name-only -z HEAD {code.commit} | od -An -v -tx1"))
    assert sorted(bytes.fromhex(listed.decode()).removesuffix(b"\0").split(b"\0")) == sorted(names)


def test_an_environment_that_nobody_ignored_and_secrets_stay_out(project: Project) -> None:
    project.sh(
        """
        mkdir -p env/lib/python3/site-packages web/node_modules __pycache__
        echo x >env/lib/python3/site-packages/a.py; echo x >web/node_modules/b.js; echo x >__pycache__/c.py
        echo x >client_secret.json; echo x >Credentials.YAML; echo x >passwords.txt
        echo 'ok' >rotate_credentials.py
        """
    )
    assert project.changes(project.capture()) == ["A\trotate_credentials.py"]


def test_submodules_count_with_their_commit_and_are_not_entered(project: Project, sh: Shell) -> None:
    sh("git init --quiet lib && cd lib && echo 1 >lib.py && git add . && git commit --quiet -m lib")
    project.sh("git submodule --quiet add ../lib lib && git commit --quiet -m 'use lib'")
    project.sh("echo 2 >lib/lib.py; echo 3 >lib/new.py")
    assert project.capture().snapshot is False
    project.sh("git -C lib commit --quiet -am two")
    code = project.capture()
    assert project.changes(code) == ["M\tlib"]
    assert project.git(f"rev-parse {code.commit}:lib") == project.git("-C lib rev-parse HEAD")


def test_a_repository_within_the_repository_stays_out(project: Project) -> None:
    project.sh("git init --quiet inner.py; echo x >inner.py/a.py; echo y >new.py")
    assert project.changes(project.capture()) == ["A\tnew.py"]


@pytest.mark.parametrize("options", ["--no-cone", "--cone", "--cone --sparse-index"])
def test_what_a_sparse_checkout_leaves_out_is_not_deleted(project: Project, options: str) -> None:
    project.sh(
        f"mkdir docs; echo d >docs/d.md; git add .; git commit --quiet -m docs; git sparse-checkout set {options} src"
    )
    assert not (project.path / "docs").exists()
    assert project.capture().snapshot is False
    project.sh("echo 'x = 2' >src/model.py; echo new >src/new.py")
    assert project.changes(project.capture()) == ["M\tsrc/model.py", "A\tsrc/new.py"]


def test_a_split_index_stays_as_it_is(project: Project) -> None:
    project.sh("git update-index --split-index; echo 'print(2)' >train.py")
    assert project.shared_indexes()
    assert project.changes(project.capture()) == ["M\ttrain.py"]


def test_it_works_in_a_detached_head_a_linked_worktree_and_a_subdirectory(project: Project, sh: Shell) -> None:
    project.sh("git switch --quiet --detach; git worktree add --quiet ../linked; echo 'x = 3' >src/model.py")
    assert project.changes(project.capture(project.path / "src")) == ["M\tsrc/model.py"]
    linked = Project(project.path.parent / "linked", sh)
    assert linked.capture().snapshot is False
    linked.sh("echo 'print(7)' >train.py; echo new >src/new.py")
    assert linked.changes(linked.capture(linked.path / "src")) == ["A\tsrc/new.py", "M\ttrain.py"]


def test_stash_staged_and_unstaged_changes_stay_as_they_are(project: Project) -> None:
    project.sh("echo 'print(2)' >train.py; git stash --quiet; echo 'print(3)' >train.py; git add .; echo 4 >>train.py")
    assert project.show(project.capture(), "train.py") == "print(3)\n4\n"
    assert project.git("diff --name-only") == project.git("diff --cached --name-only") == "train.py"


def test_it_works_while_another_git_holds_the_index_lock(project: Project) -> None:
    project.sh("touch .git/index.lock; echo 'print(2)' >train.py")
    assert project.changes(project.capture()) == ["M\ttrain.py"]


class TestBeforeTheFirstCommit:
    def test_an_empty_working_tree_is_a_snapshot_of_the_empty_tree(self, unborn: Project) -> None:
        code = unborn.capture()
        assert code.snapshot
        assert unborn.git(f"log -1 --format='%P%T' {code.commit}") == str(EMPTY_TREE)
        assert (
            unborn.git(f"log -1 --format=%s {code.commit}") == "snapshot of uncommitted changes before the first commit"
        )
        assert unborn.git("fsck --strict --no-dangling 2>/dev/null") == ""

    def test_staged_and_untracked_sources_are_in_it(self, unborn: Project) -> None:
        unborn.sh("echo 1 >a.csv; git add a.csv; echo 2 >b.py; echo 3 >c.csv")
        code = unborn.capture()
        assert code.snapshot
        assert unborn.git(f"ls-tree -r --name-only {code.commit}").splitlines() == ["a.csv", "b.py"]

    def test_without_snapshots_the_code_is_an_empty_commit(self, unborn: Project) -> None:
        unborn.sh("echo 2 >b.py")
        code = unborn.capture(snapshot=False)
        assert code.snapshot
        assert unborn.git(f"ls-tree -r --name-only {code.commit}") == ""
        # git needs no object for it, other readers do
        assert str(EMPTY_TREE) in unborn.git("cat-file --batch-all-objects --batch-check")

    def test_a_snapshot_that_fails_leaves_an_empty_commit_and_the_reason(self, unborn: Project) -> None:
        unborn.sh("echo '*.py filter=broken' >.gitattributes; git config filter.broken.clean false")
        unborn.sh("git config filter.broken.required true; echo x >a.py")
        code = unborn.capture()
        assert code.snapshot
        assert "clean filter 'broken' failed" in code.error
        assert unborn.git(f"ls-tree -r --name-only {code.commit}") == ""

    def test_an_orphan_branch_is_before_its_first_commit_too(self, project: Project) -> None:
        project.sh("git switch --quiet --orphan fresh; echo x >only.py")
        code = project.capture()
        assert project.git(f"log -1 --format=%P {code.commit}") == ""
        assert project.git(f"ls-tree -r --name-only {code.commit}") == "only.py"

    def test_a_bare_repository_has_head_alone(self, tmp_path: Path, project: Project, sh: Shell) -> None:
        sh("git clone --quiet --bare repo bare.git")
        git = Git.discover(tmp_path / "bare.git")
        objects = Objects(git)
        assert str(capture(git, objects).commit) == head_of(project)
        objects.close()


class TestFilters:
    def test_the_users_clean_filter_runs(self, project: Project) -> None:
        project.sh("git config filter.upper.clean 'tr a-z A-Z'; echo '*.md filter=upper' >.gitattributes")
        project.sh("echo words >notes.md")
        code = project.capture()
        assert project.changes(code) == ["A\t.gitattributes", "A\tnotes.md"]
        assert project.show(code, "notes.md") == "WORDS\n"

    def test_a_failing_filter_is_told_in_gits_words_and_fails_nothing(self, project: Project) -> None:
        project.sh(
            r"""
            git config filter.broken.required true; echo '*.md filter=broken' >.gitattributes; echo words >notes.md
            git config filter.broken.clean "printf 'no \033[31mred\033[0m\n' >&2; false"
            """
        )
        code = project.capture()
        assert str(code.commit) == head_of(project)
        assert code.snapshot is False
        assert code.error == "git update-index failed: notes.md: clean filter 'broken' failed"

    def test_a_reason_has_one_line_and_no_control_characters(self, project: Project) -> None:
        project.sh("git config filter.broken.required true; git config filter.broken.clean false")
        project.sh("echo '* filter=broken' >.git/info/attributes")
        (project.path / "red\x1b[31m\nname.py").write_text("x\n")
        code = project.capture()
        assert code.error
        assert code.error.isprintable()


def test_an_unreadable_index_fails_nothing(project: Project) -> None:
    project.sh("echo 'print(2)' >train.py; echo broken >.git/index")
    code = project.capture()
    assert str(code.commit) == head_of(project)
    assert (code.snapshot, code.error != "") == (False, True)


def test_without_an_identity_the_code_is_heads_commit_and_the_reason(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.sh("git config --global --unset user.email; echo 'print(2)' >train.py")
    code = project.capture()
    assert (str(code.commit), code.snapshot) == (head_of(project), False)
    assert "no name and address configured" in code.error


def test_no_hook_runs(project: Project) -> None:
    project.sh("printf '#!/bin/sh\\ntouch ran\\n' >.git/hooks/post-index-change; chmod +x .git/hooks/post-index-change")
    project.sh("rm -f ran; echo 'print(2)' >train.py")
    project.changes(project.capture())
    assert not (project.path / "ran").exists()


def test_a_partial_clone_fetches_nothing_for_it(project: Project, sh: Shell) -> None:
    project.sh("git config uploadpack.allowFilter true")
    sh('git clone --quiet --filter=blob:none --no-checkout "file://$PWD/repo" partial')
    partial = Project(project.path.parent / "partial", sh)
    partial.sh(
        "git sparse-checkout set --cone src; git checkout --quiet; mv ../repo ../gone; echo 'x = 2' >src/model.py"
    )
    assert partial.changes(partial.capture()) == ["M\tsrc/model.py"]


CODE = """
    train.py a/b.IPYNB run.sh c.yaml c.yml pyproject.toml p.json setup.cfg t.ini requirements-dev.txt README.md a.r
    a.jl a.cpp a.c a.h a.rs a.go a.js a.ts q.sql Makefile Dockerfile Dockerfile.gpu dvc.lock data.dvc Snakefile
    .gitattributes tokenizer_config.json CMakeLists.txt
"""
NOT_CODE = """
    a.csv a.tsv a.parquet a.npy a.pkl a.pt a.onnx a.png a.zip a.log model .env id_rsa py a.jsonl a.py/data
    notes.txt node_modules/a.js v/site-packages/x.py .ipynb_checkpoints/a.ipynb secrets.yaml
"""


@pytest.mark.parametrize("path", CODE.split())
def test_it_is_code(path: str) -> None:
    assert is_source(path)


@pytest.mark.parametrize("path", NOT_CODE.split())
def test_it_is_not_code(path: str) -> None:
    assert not is_source(path)


def test_an_unmodified_tree_costs_one_process(project: Project) -> None:
    seen: list[str] = []
    git = Git.discover(project.path, trace=lambda arguments, _: seen.append(arguments[0]))
    seen.clear()
    objects = Objects(git)
    capture(git, objects)
    objects.close()
    assert seen == ["status"]


class TestGarbageCollection:
    """What `git gc --prune=now` takes between a snapshot and its ref is there afterwards."""

    @pytest.mark.parametrize("count", [2, 150], ids=["a few loose objects", "a pack"])
    def test_before_there_is_a_ref(self, project: Project, count: int) -> None:
        for number in range(count):
            (project.path / f"{number}.py").write_text(f"{number}\n")
        # there already, without a ref
        project.sh("git hash-object -w 0.py 1.py")
        git = Git.discover(project.path)
        objects = Objects(git)
        with captured(git, objects) as found:
            project.sh("git gc --quiet --prune=now")
            lost = git.attempt("cat-file", "-e", str(found.code.commit)).status != 0
            assert lost is (count == 2)
            found.hold()
            project.sh(f"git gc --quiet --prune=now; git update-ref refs/x {found.code.commit}")
        objects.close()
        self.is_whole(project)

    def test_when_it_took_some_and_then_there_is_a_ref(self, project: Project) -> None:
        project.sh("echo 'print(2)' >train.py")
        git = Git.discover(project.path)
        objects = Objects(git)
        with captured(git, objects) as found:
            commit = found.code.commit
            project.sh(f"x=$(git rev-parse {commit}:train.py); rm -f .git/objects/$(echo $x | cut -c 1-2)/*")
            assert git.attempt("cat-file", "-e", f"{commit}:train.py").status != 0
            project.sh(f"git update-ref refs/x {commit}")
        objects.close()
        self.is_whole(project)

    def test_nothing_is_left_when_the_block_fails(self, project: Project) -> None:
        project.sh("echo 'print(2)' >train.py")
        git = Git.discover(project.path)
        objects = Objects(git)
        block = captured(git, objects)
        found = block.__enter__()
        found.hold()
        error = ValueError("the run has not started")
        assert not block.__exit__(ValueError, error, None)
        objects.close()
        project.sh("git gc --quiet --prune=now")
        assert git.attempt("cat-file", "-e", str(found.code.commit)).status != 0
        assert self.left(project) == []

    def is_whole(self, project: Project) -> None:
        assert self.left(project) == []
        project.sh("git gc --quiet --prune=now; git rev-list --objects refs/x; git fsck --strict")

    def left(self, project: Project) -> list[Path]:
        paths = (project.path / ".git/objects").rglob("*")
        return [path for path in paths if path.suffix in (".tmp", ".keep")]


@pytest.mark.parametrize("name", ["a:b", '"q" \\x', "line\nbreak", '"'], ids=["colon", "quotes", "line break", "quote"])
@pytest.mark.parametrize("options", ["--shared", "--depth=1 --no-local", "--filter=tree:0 --no-local"])
def test_it_works_in_a_clone_of_any_kind_and_name(project: Project, sh: Shell, options: str, name: str) -> None:
    project.sh("git config uploadpack.allowFilter true; echo more >>src/model.py; git commit --quiet -am more")
    sh(f"git clone --quiet {options} repo {shlex.quote(name)}")
    clone = Project(project.path.parent / name, sh)
    clone.sh("echo 'x = 2' >src/model.py; echo new >new.py")
    assert clone.changes(clone.capture()) == ["A\tnew.py", "M\tsrc/model.py"]
