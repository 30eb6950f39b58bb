"""What a mistake gets to read: the exit code, one line that says what is wrong, and what to do next."""

from __future__ import annotations

from pathlib import Path

import pytest
from stories import attempt

from conftest import Shell

# mnist:v0, mnist:v1, digits:v0; model/Digits:v0 is mnist:v0 and is in production
STORY = """
git init --quiet --bare ../server.git && git remote add origin ../server.git
gitreg init --storage ../storage 2>/dev/null && git add . && git commit --quiet -m 'set up gitreg'
echo 'print(1)' >train.py && git add . && git commit --quiet -m train
echo data >../digits && gitreg put ../digits --name digits --type dataset 2>/dev/null
echo one >../model && gitreg put ../model --name mnist --type model 2>/dev/null
echo two >../model && gitreg put ../model --name mnist --type model 2>/dev/null
gitreg link mnist:v0 model/Digits --alias production
"""

HERE = "this repository has digits, mnist, model/Digits"

LETTERS = "only letters, digits, '_', '-' and '.' are allowed, and the first must be no '-' or '.'"

# (command, exit code, error, hint)
MISTAKES: list[tuple[str, int, str, str | None]] = [
    ("frob", 2, "no such command 'frob'", "gitreg --help"),
    ("rnus", 2, "no such command 'rnus'", "did you mean 'runs'?"),
    ("history model/Digits:production", 2, "no such command 'history'", "did you mean 'alias log'?"),
    ("tag model/Digits", 2, "no such command 'tag'", "did you mean 'edit'?"),
    ("show model/mnist", 6, "no collection and no run is called 'model/mnist'", None),
    ("-C nowhere ls", 2, "invalid value for '-C': Directory 'nowhere' does not exist", "gitreg --help"),
    # names
    ("ls nothing", 6, "collection 'nothing' not found", HERE),
    ("ls mnst", 6, "collection 'mnst' not found", "did you mean 'mnist'?"),
    ("ls mnist:v0", 2, "'mnist:v0' is one version, not a collection", "gitreg show mnist:v0"),
    ("show", 2, "missing argument 'NAME|REF|RUN'", "gitreg show --help"),
    ("completion", 2, "missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish", "gitreg completion --help"),
    ("show mnst", 6, "no collection and no run is called 'mnst'", "did you mean 'mnist'?"),
    ("show mnist:v9", 6, "artifact 'mnist:v9' not found", "'mnist' has v0, v1"),
    ("show mnist:best", 6, "alias 'best' not found in 'mnist'", None),
    ("show model/Digits:prodution", 6, "alias 'prodution' not found in 'model/Digits'", "did you mean 'production'?"),
    ("show mnist:", 2, "invalid reference name 'mnist:': nothing follows the name", "write NAME:v3 or NAME:ALIAS"),
    ("get nothing", 6, "artifact 'nothing' not found", HERE),
    ("lineage nothing", 6, "artifact 'nothing' not found", HERE),
    # putting
    ("put nothing --name a --type model", 2, "'nothing' does not exist", None),
    ("put train.py --name a", 2, "missing option '--type'", "gitreg put --help"),
    ("put train.py --name a --typ model", 2, "no such option '--typ'", "did you mean '--type'?"),
    (
        "put train.py --name a --type ''",
        2,
        "the type is empty",
        "write --type dataset, --type model, or a word of your own",
    ),
    (
        "put train.py --name 'a b' --type model",
        2,
        f"invalid collection name 'a b': {LETTERS}",
        None,
    ),
    (
        "put train.py --name mnist --type dataset",
        2,
        "'mnist' is of type 'model', not 'dataset'",
        "choose another name or type",
    ),
    ("put train.py --name Mnist --type model", 4, "'Mnist' differs from 'mnist' only by case", "use 'mnist'"),
    ("put train.py --name model/Digits --type model", 4, "'model/Digits' holds links", "log into another collection"),
    (
        "put train.py --name a --type model --alias latest",
        2,
        "invalid alias name 'latest': 'latest' is always the newest version",
        "leave it out, or choose another alias",
    ),
    (
        "put train.py --name a --type model --metadata x",
        2,
        "'x' is not of the form key=value",
        "write --metadata lr=0.1",
    ),
    ("put train.py --name a --type model --use nothing", 6, "artifact 'nothing' not found", HERE),
    # linking
    ("link mnist:v0 Digits", 2, "'Digits' names no registry", "write model/Digits"),
    ("link mnist:v9 model/X", 6, "artifact 'mnist:v9' not found", "'mnist' has v0, v1"),
    ("link mnist:v0 a/b/c", 2, "invalid collection name 'a/b/c': at most one '/' is allowed", None),
    # aliases
    (
        "alias set mnist v0",
        2,
        "'mnist' names no alias",
        "write COLLECTION:ALIAS, such as mnist_model:production",
    ),
    (
        "alias set mnist:latest v0",
        2,
        "'mnist:latest' names no alias",
        "it is always the newest version; choose another word",
    ),
    (
        "alias set mnist:v1 v0",
        2,
        "'mnist:v1' is a version, and versions never move",
        "gitreg show mnist:v1",
    ),
    ("alias set nothing:a v0", 6, "collection 'nothing' not found", HERE),
    ("alias set mnist:a v9", 6, "artifact 'mnist:v9' not found", "'mnist' has v0, v1"),
    (
        "alias set mnist:a model/Digits:v0",
        2,
        "'model/Digits:v0' is no version of 'mnist'",
        "its versions: gitreg ls mnist",
    ),
    (
        "alias set model/Digits:a mnist:v1",
        2,
        "'mnist:v1' is no version of 'model/Digits'",
        "link it first: gitreg link mnist:v1 model/Digits",
    ),
    ("alias set mnist:a", 2, "missing argument 'VERSION'", "gitreg alias set --help"),
    (
        "alias set mnist:a v0 --from v1",
        5,
        "alias 'mnist:a' names nothing now",
        "look at 'gitreg alias log mnist:a' and try again",
    ),
    (
        "alias rm model/Digits:staging",
        6,
        "alias 'staging' not found in 'model/Digits'",
        "'model/Digits' has production",
    ),
    (
        "alias log mnist:v1",
        2,
        "'mnist:v1' is a version, and versions never move",
        "gitreg show mnist:v1",
    ),
    ("alias log", 2, "name one alias or one collection, or --all", "gitreg alias log COLLECTION:ALIAS"),
    ("alias log mnist --all", 2, "name one alias or one collection, or --all", "gitreg alias log COLLECTION:ALIAS"),
    (
        "alias log 'model/Digits:production@{yesterday}'",
        2,
        "'model/Digits:production@{yesterday}' is a version of the past, not an alias",
        "gitreg alias log model/Digits:production --at 'yesterday'",
    ),
    ("alias log model/MNST:production", 6, "collection 'model/MNST' not found", "did you mean 'mnist'?"),
    ("alias log model/Digit:production", 6, "collection 'model/Digit' not found", "did you mean 'model/Digits'?"),
    ("alias log --all --limit 0", 2, "invalid value for '--limit': write a number from 1 on, or 'all'", None),
    ("alias log --all --json --format csv", 2, "--json and --format csv are two forms", "leave one out"),
    (
        "alias log --all --at 'last week'",
        2,
        "'last week' is no date",
        "write 2026-03-01, 2026-03-01T12:00+01:00 (without an offset: UTC), yesterday, or '3 days ago'",
    ),
    (
        "alias log model/Digits:production --at 2025-12-31",
        6,
        "'model/Digits:production' did not exist at '2025-12-31'",
        "it exists since 2026-01-02T03:04:05Z, when Test User set it to v0",
    ),
    # the past
    (
        "show 'model/Digits:production@{2025-12-31}'",
        6,
        "'model/Digits:production' did not exist at '2025-12-31'",
        "it exists since 2026-01-02T03:04:05Z, when Test User set it to v0",
    ),
    (
        "get 'mnist@{1 hour ago}'",
        6,
        "'mnist' had no version at '1 hour ago'",
        "its first one here, v0, is of 2026-01-02T03:04:05Z",
    ),
    (
        "lineage 'mnist@{2026-01-03}'",
        2,
        "'2026-01-03' is in the future",
        "leave the date out for what is there now",
    ),
    (
        "show 'mnist:v0@{now}'",
        2,
        "invalid reference name 'mnist:v0@{now}': 'v0' never moves, so it is the same at any date",
        "leave the date out: mnist:v0",
    ),
    # slips
    ("show mnits:v0", 6, "artifact 'mnits:v0' not found", "did you mean 'mnist:v0'?"),
    (
        "show model/digits:prodution",
        6,
        "artifact 'model/digits:prodution' not found",
        "did you mean 'model/Digits:production'?",
    ),
    ("show Digits", 6, "no collection and no run is called 'Digits'", "did you mean 'model/Digits'?"),
    ("get mnist:production", 6, "alias 'production' not found in 'mnist'", "did you mean 'model/Digits:production'?"),
    ("show mnist:1", 6, "alias '1' not found in 'mnist'", "did you mean 'mnist:v1'?"),
    ("show mnist:V1", 2, "invalid alias name 'V1': it reads as a version number", "versions are written v1"),
    # lineage
    ("lineage", 2, "name one version, or --all", "gitreg lineage NAME:ALIAS"),
    (
        "lineage mnist -o x.docx",
        2,
        "'x.docx' does not say which format",
        "end it with .svg, .png, ... or add --format text, svg, png, pdf, html, mermaid, md, dot or json",
    ),
    ("lineage mnist --theme dark", 2, "--theme means nothing for text", "it is for --format svg, png and pdf"),
    ("lineage mnist --scale 2 -o x.svg", 2, "--scale means nothing for svg", "it is for --format png and pdf"),
    ("lineage mnist -o x.png --scale 99", 2, "invalid value for '--scale': write a number from 0.1 to 20", None),
    (
        "lineage --highlight model/Digits:production",
        2,
        "'model/Digits:production' does not say where the alias goes",
        "--highlight model/Digits:production=v3",
    ),
    ("lineage --highlight mnist:best=v9", 6, "artifact 'mnist:v9' not found", "'mnist' has v0, v1"),
    ("lineage --highlight mnist:best=", 2, "invalid reference name 'mnist:': nothing follows the name", None),
    ("lineage mnist --html a -o b", 2, "--html says format and file in one", "leave out --format, --json and -o"),
    ("lineage mnist --up x", 2, "invalid value for '--up': write a number, or 'all'", "gitreg lineage --help"),
    ("lineage mnist -o nowhere/x.svg", 1, "'CWD/nowhere/x.svg': no such file or directory", None),
    # runs
    ("run", 2, "no command to run", "gitreg run -- python train.py"),
    ("run --jobtype x -- true", 2, "no such option '--jobtype'", "did you mean '--job-type'?"),
    ("run --config x -- true", 2, "'x' is not of the form key=value", "write --config lr=0.1"),
    # setting up
    ("init --remote nothing", 2, "there is no remote 'nothing'", "this repository has origin"),
    (
        "init --storage nope://x",
        2,
        "storage address 'nope://x' is of an unknown kind",
        "known are directories and file://, s3://, gs://, azure://, ssh://, http://, https://",
    ),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the repositories are that the tests of this module share."""
    return tmp_path_factory.mktemp("mistakes")


@pytest.fixture
def project(folder: Path, sh: Shell) -> Path:
    """The repository of the story, made once: a mistake changes nothing in it."""
    path = folder / "repo"
    if not path.exists():
        path.mkdir()
        sh(f"git init --quiet . && {STORY}", cwd=path)
    return path


@pytest.mark.parametrize(("command", "code", "error", "hint"), MISTAKES, ids=[line[0] for line in MISTAKES])
def test_a_mistake_is_named_with_the_way_out(
    project: Path, command: str, code: int, error: str, hint: str | None
) -> None:
    done = attempt(f"gitreg {command}", project)
    said = done.err.replace(str(project), "CWD")
    if hint is None and "\nhint: " in said:
        said = said.partition("hint: ")[0]
    assert said == f"error: {error}\n" + (f"hint: {hint}\n" if hint else "")
    assert (done.code, done.out) == (code, "")


def test_mistakes_leave_nothing_behind(project: Path) -> None:
    before = attempt("git for-each-ref; ls -A .git/gitreg/journal", project)
    for command, _, _, _ in MISTAKES:
        attempt(f"gitreg {command}", project)
    assert attempt("git for-each-ref; ls -A .git/gitreg/journal", project) == before
    assert attempt("git status --porcelain", project).out == ""


class TestSurroundings:
    def test_no_repository(self, tmp_path: Path) -> None:
        done = attempt("gitreg ls", tmp_path)
        assert (done.code, done.err) == (
            1,
            f"error: '{tmp_path}' is not in a Git repository\nhint: run 'git init' or change there\n",
        )

    def test_a_repository_that_is_not_set_up(self, tmp_path: Path) -> None:
        done = attempt("git init --quiet . && echo x >x && gitreg put x --name x --type model", tmp_path)
        assert (done.code, done.err) == (
            1,
            f"error: '{tmp_path}' is not set up for gitreg yet\nhint: run 'gitreg init' there, once\n",
        )

    def test_a_command_is_not_started_where_what_it_logs_has_no_place(self, tmp_path: Path) -> None:
        made = attempt("git init --quiet . && git commit --quiet --allow-empty -m start", tmp_path)
        done = attempt("gitreg run -- touch started", tmp_path)
        assert (made.code, done.code, done.err) == (
            0,
            1,
            f"error: '{tmp_path}' is not set up for gitreg yet\nhint: run 'gitreg init' there, once\n",
        )
        assert not (tmp_path / "started").exists()
        assert attempt("git for-each-ref refs/gitreg; ls .git/gitreg/journal", tmp_path).out == ""

    def test_without_a_remote_nothing_is_said_to_publish(self, repo: Path) -> None:
        attempt("gitreg init && gitreg run -- true", repo)
        shown = attempt("gitreg status", repo).out
        assert "none, so nothing can be published: git remote add origin URL && gitreg init\n" in shown
        assert "hook     'git push' will publish, once there is a remote\n" in shown
        assert "not published yet (there is no remote)\n  run " in shown

    def test_no_identity(self, repo: Path, sealed: Path) -> None:
        (sealed / ".gitconfig").write_text("[user]\n    useConfigOnly = true\n")
        done = attempt("gitreg put README --name x --type model", repo)
        assert done.code == 1
        assert done.err == (
            "error: git var failed: no name and address configured\n"
            "hint: git config --global user.name 'Your Name' && git config --global user.email you@example.org\n"
        )

    def test_no_remote_and_no_storage(self, repo: Path) -> None:
        done = attempt("gitreg push", repo)
        assert done.code == 2
        assert done.err == (
            "error: there is no remote 'origin'\n"
            "hint: git remote add origin URL, or name another: git config gitreg.remote NAME\n"
        )
        attempt("git init --quiet --bare ../server.git && git remote add origin ../server.git", repo)
        done = attempt("gitreg put README --name x --type model 2>/dev/null && gitreg push", repo)
        assert (done.code, done.err) == (
            2,
            "error: there is no storage to publish the bytes to\nhint: set one: gitreg init --storage URL_OR_PATH\n",
        )

    def test_a_remote_that_cannot_be_reached(self, repo: Path) -> None:
        attempt("git remote add origin ../nowhere.git", repo)
        done = attempt("gitreg fetch", repo)
        words = "'../nowhere.git' does not appear to be a git repository"
        assert (done.code, done.err) == (1, f"error: git fetch failed: {words}\n")

    def test_a_run_that_is_over(self, repo: Path) -> None:
        done = attempt("gitreg put README --name x --type model", repo, env={"GITREG_RUN_ID": "gone"})
        assert done.code == 6
        assert done.err == (
            "error: run 'gone', which GITREG_RUN_ID names, is not going on in this repository\n"
            "hint: unset GITREG_RUN_ID\n"
        )

    def test_damaged_bytes_are_not_handed_out(self, repo: Path) -> None:
        attempt("echo good >../m && gitreg put ../m --name m --type model", repo)
        attempt("for f in $(find .dvc/cache .git/gitreg/keep -type f); do chmod u+w $f; echo evil >$f; done", repo)
        done = attempt("gitreg get m -o ../got", repo)
        assert done.code == 1
        assert done.err.startswith("error: ")
        assert not (repo.parent / "got" / "m").exists()


HOSTILE = "\x1b]0;owned\x07\x1b[31mred\x9b2J\r\u202eevil\u200b"


HOSTILE_STORY = """
echo x >../m
gitreg run --name "$EVIL" --job-type "$EVIL" --config "$EVIL=$EVIL" -- \
    gitreg put ../m --name m --type model --description "$EVIL" --metadata "k=$EVIL" --metadata "$EVIL=v"
git -c user.name="$EVIL" commit --quiet --allow-empty -m x
GIT_COMMITTER_NAME="$EVIL" GIT_AUTHOR_NAME="$EVIL" gitreg alias set m:a v0 --reason "$EVIL"
echo y >"../m$EVIL" && gitreg put "../m$EVIL" --name files --type model --use m
"""


@pytest.fixture
def hostile(folder: Path, repo: Path) -> Path:
    """A repository in which everything that may hold any text holds the worst; made once."""
    path = folder / "hostile"
    if not path.exists():
        repo.rename(path)
        done = attempt(HOSTILE_STORY, path, env={"EVIL": HOSTILE})
        assert attempt("gitreg ls", path).out.count("\n") == 3, done.err
    return path


class TestHostileText:
    @pytest.mark.parametrize(
        "command",
        [
            "ls",
            "ls m",
            "show m",
            "show files",
            "show files --json",
            "runs",
            "runs --json",
            "status",
            "status --json",
            "alias ls",
            "alias log m:a",
            "alias log m:a --json",
            "lineage --all",
            "lineage --all --format dot",
            "lineage --all --format svg",
            "lineage --all --format html",
            "lineage --all --format json",
            "get files -o ../got",
            '"$EVIL"',
            'ls "$EVIL"',
            'show "m:$EVIL"',
            'show "$EVIL"',
            '"--$EVIL"',
            'put "$EVIL" --name a --type b',
            'put README --name "$EVIL" --type b',
            'run -- "$EVIL"',
            'alias set "m:$EVIL" v0',
            'lineage m -o "$EVIL"',
            'lineage m --format "$EVIL"',
            'init --remote "$EVIL"',
            'init --storage "$EVIL://x"',
            '-C "$EVIL" ls',
        ],
    )
    def test_never_reaches_the_terminal(self, hostile: Path, command: str) -> None:
        done = attempt(f"gitreg {command}", hostile, env={"EVIL": HOSTILE})
        assert done.code != 70, done.err
        for character in ("\x1b", "\x07", "\x9b", "\r", "\u202e", "\u200b"):
            assert character not in done.out, command
            assert character not in done.err, command


BROKEN = """\
import gitreg.registry.versions

def broken(*arguments):
    raise ZeroDivisionError("boom")

gitreg.registry.versions.all_versions = broken
"""


def test_a_bug_is_reported_with_a_file_that_has_the_traceback(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BROKEN)
    done = attempt("gitreg ls", repo, env={"PYTHONPATH": str(tmp_path)})
    assert done.code == 70
    first, second = done.err.splitlines()
    assert first == "error: this is a bug in gitreg: ZeroDivisionError: boom"
    report = Path(second.removeprefix("hint: please report it with "))
    assert "Traceback" in report.read_text()
    report.unlink()


@pytest.mark.parametrize(("name", "code"), [("TERM", 143), ("HUP", 129)])
def test_a_signal_ends_the_command_of_a_run_and_is_recorded(repo: Path, name: str, code: int) -> None:
    done = attempt(
        f"""
        gitreg run --name stopped -- sh -c 'echo $$ >../pid; touch ../ready; exec sleep 100' 2>/dev/null & run=$!
        while [ ! -e ../ready ]; do :; done
        kill -{name} $run; wait $run; echo "code $?"
        kill -0 "$(cat ../pid)" 2>/dev/null && echo alive
        gitreg runs
        """,
        repo,
    )
    first, *rest = done.out.splitlines()
    assert first == f"code {code}"
    assert "alive" not in rest
    assert "failed" in next(line for line in rest if line.startswith("stopped"))
