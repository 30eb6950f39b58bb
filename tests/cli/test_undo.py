"""Every command that writes says in a line or two what it did, and the line that it gives for undoing it does that."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import Shell


@pytest.fixture
def clone(tmp_path: Path, sh: Shell) -> Path:
    """A repository with a remote, and a folder beside it; no registry yet."""
    sh("""
    git init --quiet --bare server.git && git init --quiet clone && mkdir data && echo 1 >data/a && echo 22 >data/b
    cd clone && git remote add origin ../server.git && git commit --quiet --allow-empty -m start
    """)
    return tmp_path / "clone"


@pytest.fixture
def registry(clone: Path, sh: Shell) -> Path:
    """The same, set up."""
    sh("gitreg --quiet init --storage ../storage && git add . && git commit --quiet -m registry", clone)
    return clone


def told(clone: Path, *argv: str, code: int = 0) -> list[str]:
    """What a command says to people."""
    done = subprocess.run(argv, cwd=clone, capture_output=True, text=True, check=False)
    assert done.returncode == code, done
    return done.stderr.splitlines()


def undo(clone: Path, said: list[str], sh: Shell) -> str:
    """Type the line that undoes what a command did."""
    [line] = [line for line in said if line.startswith("undo with: ")]
    command = line.removeprefix("undo with: ")
    sh(command, clone)
    return command


def state(clone: Path, sh: Shell) -> tuple[str, str, list[str]]:
    """What a command of gitreg may have changed: refs, configuration, files that are not its own store."""
    files = [
        path.relative_to(clone).as_posix()
        for path in clone.rglob("*")
        if path.is_file()
        and not re.match(r"\.git/(?!hooks|config)|\.dvc/(cache|tmp)", path.relative_to(clone).as_posix())
    ]
    config = [path.read_text() for path in (clone / ".git" / "config", clone / ".dvc" / "config") if path.exists()]
    return sh("git for-each-ref", clone), "".join(config), sorted(files)


class TestInit:
    def test_names_what_it_made_and_takes_it_back(self, clone: Path, sh: Shell) -> None:
        before = state(clone, sh)
        said = told(clone, "gitreg", "init", "--storage", "../storage")
        assert said[0] == "created .dvc/.gitignore, .dvc/config, .dvcignore"
        assert said[1] == "created .git/hooks/pre-push: 'git push' publishes"
        assert "registry remote: origin; 'git fetch' brings its runs and aliases from now on" in said
        undo(clone, said, sh)
        assert state(clone, sh) == before

    def test_says_nothing_of_undoing_when_it_did_nothing(self, registry: Path) -> None:
        said = told(registry, "gitreg", "init")
        assert not [line for line in said if line.startswith(("created", "undo", "commit"))]

    def test_puts_a_hook_that_was_there_back(self, clone: Path, sh: Shell) -> None:
        hook = clone / ".git" / "hooks" / "pre-push"
        hook.write_text("#!/bin/sh\n")
        hook.chmod(0o755)
        undo(clone, told(clone, "gitreg", "init"), sh)
        assert hook.read_text() == "#!/bin/sh\n"

    def test_goes_back_to_the_storage_before(self, registry: Path, sh: Shell) -> None:
        before = (registry / ".dvc" / "config").read_text()
        said = told(registry, "gitreg", "init", "--storage", "s3://bucket/models")
        assert said[0] == "wrote the storage into .dvc/config"
        undo(registry, said, sh)
        assert (registry / ".dvc" / "config").read_text() == before

    def test_its_paths_are_those_of_where_it_was_run(self, clone: Path, sh: Shell) -> None:
        (clone / "deep").mkdir()
        before = state(clone, sh)
        undo(clone / "deep", told(clone / "deep", "gitreg", "init"), sh)
        assert state(clone, sh) == before


class TestPut:
    PUT = ("gitreg", "put", "../data", "--name", "data", "--type", "t")

    def test_says_what_it_logged_and_takes_it_back(self, registry: Path, sh: Shell) -> None:
        before = state(registry, sh)
        said = told(registry, *self.PUT)
        assert said == [
            "logged data:v0: 2 files, 5 bytes; 'git push' publishes it",
            "undo with: gitreg drop data:v0",
        ]
        undo(registry, said, sh)
        assert state(registry, sh) == before

    def test_the_same_again_makes_nothing_and_undoes_nothing(self, registry: Path) -> None:
        told(registry, *self.PUT)
        assert told(registry, *self.PUT) == ["the same content is data:v0 already; no new version was made"]
        said = told(registry, *self.PUT, "--alias", "good", "--alias", "good")
        assert said[1:] == ["data:good -> v0"]
        assert told(registry, *self.PUT, "--alias", "good") == said[:1]

    def test_what_was_given_for_the_same_again_is_said_not_to_be_recorded(self, registry: Path) -> None:
        told(registry, *self.PUT)
        said = told(registry, *self.PUT, "--metadata", "rows=9")
        kept = "warning: data:v0 keeps its metadata and description; what was given now is not recorded"
        assert said == ["the same content is data:v0 already; no new version was made", kept]

    def test_an_alias_that_it_set_is_said_and_dropping_says_what_comes_first(self, registry: Path, sh: Shell) -> None:
        before = state(registry, sh)
        said = told(registry, *self.PUT, "--alias", "good")
        assert said[1:] == ["data:good -> v0", "undo with: gitreg drop data:v0"]
        hint = told(registry, "gitreg", "drop", "data:v0", code=4)[-1]
        sh(hint.removeprefix("hint: first: "), registry)
        undo(registry, said, sh)
        assert state(registry, sh) == before

    def test_without_a_remote_or_a_hook_it_says_where_the_version_stays(self, registry: Path, sh: Shell) -> None:
        (registry / ".git" / "hooks" / "pre-push").unlink()
        assert told(registry, *self.PUT)[0].endswith("; 'gitreg push' publishes it")
        sh("gitreg drop data:v0 && git remote remove origin", registry)
        assert told(registry, *self.PUT)[0].endswith("; without a remote 'origin' it stays here")


def test_link_says_what_it_linked_and_takes_it_back(registry: Path, sh: Shell) -> None:
    told(registry, *TestPut.PUT)
    before = state(registry, sh)
    said = told(registry, "gitreg", "link", "data:v0", "dataset/Data")
    assert said == [
        "linked data:v0 as dataset/Data:v0; 'git push' publishes it",
        "undo with: gitreg drop dataset/Data:v0",
    ]
    assert told(registry, "gitreg", "link", "data:v0", "dataset/Data") == ["data:v0 is dataset/Data:v0 already"]
    undo(registry, said, sh)
    assert state(registry, sh) == before


class TestRun:
    def test_says_what_it_logged_and_takes_it_back(self, registry: Path, sh: Shell) -> None:
        before = state(registry, sh)
        code = sh("git rev-parse --short=10 HEAD", registry).strip()
        said = told(registry, "gitreg", "run", "--name", "one", "--", *TestPut.PUT)
        run_id = said[0].partition("(")[2].partition(")")[0]
        assert said == [
            f"run one ({run_id}), code {code}",
            "logged data:v0: 2 files, 5 bytes; 'git push' publishes it",
            "run one finished, logged data:v0; 'git push' publishes it",
            f"undo with: gitreg drop {run_id}",
        ]
        undo(registry, said, sh)
        assert state(registry, sh) == before

    def test_that_fails_says_how_and_takes_it_back(self, registry: Path, sh: Shell) -> None:
        before = state(registry, sh)
        (registry / "train.py").write_text("1\n")
        said = told(registry, "gitreg", "run", "--name", "one", "--", "sh", "-c", "exit 9", code=9)
        assert said[0].endswith(" with uncommitted changes")
        assert said[1] == "run one failed (exit code 9), logged no version; 'git push' publishes it"
        undo(registry, said, sh)
        (registry / "train.py").unlink()
        assert state(registry, sh) == before

    def test_of_a_command_that_is_not_there_is_an_error_also_with_quiet(self, registry: Path) -> None:
        said = told(registry, "gitreg", "-q", "run", "--", "no-such-command", code=127)
        assert said == ["error: command 'no-such-command' not found"]


class TestEdit:
    """A collection, and a version of it, with a description and tags."""

    @pytest.fixture
    def said(self, registry: Path, sh: Shell) -> Path:
        sh("gitreg put ../data --name d --type dataset --description 'as it was logged' 2>/dev/null", registry)
        sh("gitreg edit d --description 'it is' --tag 'a b' 2>/dev/null", registry)
        return registry

    @pytest.mark.parametrize("what", ["d", "d:v0"])
    def test_names_what_it_changed_and_takes_it_back(self, said: Path, sh: Shell, what: str) -> None:
        def now() -> str:
            return sh(f"gitreg show {what}", said)

        before = now()
        if what == "d":
            sh("printf '# A\\n' | gitreg edit d --card - 2>/dev/null && printf '# B\\n' >../card", said)
            before = now()
            told_now = told(said, "gitreg", "edit", "d", "--description", "x", "--untag", "a b", "--card", "../card")
            assert told_now[0].startswith("d: changed description, tags, card; ")
        else:
            told_now = told(said, "gitreg", "edit", "d:v0", "--description", "it's", "--tag", "t", "--tag", "u v")
            assert told_now[0].startswith("d:v0: changed description, tags; ")
        assert now() != before
        undo(said, told_now, sh)
        assert now() == before
        if what == "d":
            assert sh("gitreg show d --card", said) == "# A\n"

    def test_a_deletion_is_taken_back_with_its_alias(self, said: Path, sh: Shell) -> None:
        sh("gitreg alias set d:best v0 2>/dev/null", said)
        before = sh("gitreg ls d --json", said)
        lines = told(said, "gitreg", "delete", "d:v0", "--delete-aliases")
        assert lines[:2] == ["d:best names nothing now", "deleted d:v0, no version is left; 'git push' publishes it"]
        assert '"versions": []' in sh("gitreg ls d --json", said)
        assert undo(said, lines, sh) == "gitreg undelete d:v0 && gitreg alias set d:best v0"
        assert sh("gitreg ls d --json", said) == before

    def test_a_tag_that_is_not_there_cannot_be_taken_away(self, said: Path) -> None:
        assert told(said, "gitreg", "edit", "d", "--untag", "b", code=6) == [
            "error: 'd' has no tag 'b'",
            "hint: it has 'a b'",
        ]
        more = [word for letter in "cdefgh" for word in ("--tag", letter)]
        told(said, "gitreg", "edit", "d", *more)
        assert told(said, "gitreg", "edit", "d", "--untag", "b", code=6)[1:] == [
            "hint: it has 'a b', 'c', 'd', 'e', 'f' and 2 more"
        ]
        assert told(said, "gitreg", "edit", "d", "--tag", "a b") == ["d says that already"]

    def test_a_link_is_taken_out_and_put_back_and_nothing_else_is_unlinked(self, said: Path, sh: Shell) -> None:
        sh("gitreg link d:v0 model/D 2>/dev/null", said)
        undo(said, told(said, "gitreg", "unlink", "model/D:v0"), sh)
        assert "v0" in sh("gitreg ls model/D", said)
        assert told(said, "gitreg", "unlink", "d:v0", code=2)[0] == "error: 'd:v0' is no link"


class TestPush:
    def test_says_what_is_public_now_and_where_and_that_it_stays(self, registry: Path, tmp_path: Path) -> None:
        told(registry, *TestPut.PUT, "--alias", "good")
        assert told(registry, "gitreg", "push")[:4] == [
            f"uploaded 3 objects, 127 bytes, to {tmp_path / 'storage'}",
            "published data:v0",
            "published data:good -> v0",
            "published 1 version, 1 run, 1 alias to 'origin'; versions stay for good",
        ]
        assert told(registry, "gitreg", "push") == ["nothing to publish"]
        assert told(registry, "gitreg", "drop", "data:v0", code=4)[0].startswith("error: 'data:v0' is published")

    @pytest.mark.parametrize("verbose", [False, True])
    def test_of_very_many_names_some_and_all_with_verbose(self, registry: Path, *, verbose: bool) -> None:
        script = "import gitreg\nwith gitreg.init() as run:\n"
        script += "    for number in range(25): run.log_artifact('../data/a', name=f'm{number}', type='t')"
        subprocess.run([sys.executable, "-c", script], cwd=registry, check=True)
        said = told(registry, "gitreg", "push", *(["--verbose"] if verbose else []))
        assert len([line for line in said if line.startswith("published m")]) == (25 if verbose else 20)
        assert ("... and 5 more; --verbose names all" in said) is not verbose


def test_get_says_what_it_got(registry: Path) -> None:
    told(registry, *TestPut.PUT)
    assert told(registry, "gitreg", "get", "data") == ["got data:v0 (unpublished): 2 files, 5 bytes, checked"]


def test_get_says_that_a_folder_holds_more_than_the_version(registry: Path, sh: Shell) -> None:
    told(registry, *TestPut.PUT)
    sh("mv ../data/a ../data/c", registry)
    told(registry, *TestPut.PUT)
    assert len(told(registry, "gitreg", "get", "data:v0", "-o", "in/use")) == 1
    note = told(registry, "gitreg", "get", "data:v1", "-o", "in/use")[1]
    assert note == "note: the folder has other files too, such as 'a'; they do not belong to data:v1"
    assert sorted(path.name for path in (registry / "in" / "use").iterdir()) == ["a", "b", "c"]


def test_fetch_says_what_is_new_here(registry: Path, tmp_path: Path, sh: Shell) -> None:
    sh("git push --quiet origin HEAD:main && git clone --quiet ../server.git ../other", registry)
    told(registry, *TestPut.PUT)
    other = tmp_path / "other"
    assert told(other, "gitreg", "fetch") == ["'origin' has 0 versions, none new here"]
    told(registry, "gitreg", "push")
    assert told(other, "gitreg", "fetch") == ["'origin' has 1 version, 1 new here", "  data:v0"]
    told(registry, "gitreg", "alias", "set", "data:good", "v0")
    told(registry, "gitreg", "push")
    assert told(other, "gitreg", "fetch") == ["'origin' has 1 version, none new here", "  data:good -> v0"]
