"""The one door to git: every git process of gitreg starts here, with pinned options and environment.

But one: `names` lists refs for completion, which cannot wait for the import of GitPython.

Built on GitPython's command class, and on nothing above it: its ref reading fails on reftable and SHA-256, its ref
writing and index commits lose data under load.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from gitreg.errors import Error, GitError, NoRepositoryError, NotARepositoryError, UnsupportedRepositoryError

_MINIMUM = "2.31"
_UPGRADE = f"install git {_MINIMUM} or newer"

if TYPE_CHECKING:
    from git.cmd import Git as GitCommand

Trace = Callable[[Sequence[str], float], None]
"""Told each git command and the seconds it took."""

# What a repository's own configuration must not do to internal commands, and what a record needs of them.
_PINNED = (
    "--no-pager",
    # refs/replace/ would show another content under an object's id
    "--no-replace-objects",
    "-c",
    "core.fsmonitor=false",
    # a version that was acknowledged survives a power cut; git's default syncs neither commits, tags nor refs
    "-c",
    "core.fsync=all",
    # several writers at once is normal here; the defaults give up after 0.1 s and 1 s
    "-c",
    "core.filesRefLockTimeout=5000",
    "-c",
    "core.packedRefsTimeout=15000",
    "-c",
    "log.showSignature=false",
)
# Off for everything but the user's own push: a repository's hooks are not ours to run.
_NO_HOOKS = ("-c", "core.hooksPath=/dev/null")
_ENVIRONMENT = {
    # `git status` and friends would refresh the user's index
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_ADVICE": "0",
    # inherited from a caller's shell these change the meaning of paths
    "GIT_LITERAL_PATHSPECS": "0",
    "GIT_ICASE_PATHSPECS": "0",
}
# A partial clone's git asks the remote for any object that is not here. By which programs it does, the repository's
# own configuration may say, so commands that only read do not: by the first in a new git, by the second in an old one.
_OFFLINE = {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none"}
# a name and a password in an address
_CREDENTIALS = re.compile("//[^/@]*@")

# What git says when it does not say why.
_WRITE_FAILED = re.compile(r"(?:could ?n[o']t|failed to|unable to) (?:write|create|append)")
# What a pipe takes at once or not at all; `communicate` writes as much.
_ONE_WRITE = getattr(select, "PIPE_BUF", 512)


@dataclass(frozen=True, slots=True)
class Result:
    """What a git process left: its exit status and output."""

    status: int
    stdout: bytes
    stderr: str


class Git:
    """A repository's git, as a command.

    Attributes:
        git_dir: this worktree's git directory.
        common_dir: what all worktrees share.
        worktree: the working tree's root, None in a bare repository.
        trace: who is told of each command and its seconds.
    """

    def __init__(
        self,
        git_dir: Path,
        common_dir: Path,
        worktree: Path | None,
        *,
        trace: Trace | None = None,
        pins: Sequence[str] = (),
    ) -> None:
        """A repository whose place is known. `pins` holds `-c` options for every command."""
        self.git_dir = git_dir
        self.common_dir = common_dir
        self.worktree = worktree
        self.trace = trace
        self._command = _command(worktree or git_dir)
        self._where = (*pins, f"--git-dir={git_dir}", *((f"--work-tree={worktree}",) if worktree else ()))

    @classmethod
    def discover(cls, directory: Path, *, trace: Trace | None = None) -> Git:
        """The repository that `directory` lies in.

        Raises: NotARepositoryError, UnsupportedRepositoryError.
        """
        bare, object_format, git_dir, common_dir = _ask(
            directory, "--is-bare-repository", "--show-object-format", "--git-dir", "--git-common-dir"
        )
        if object_format != "sha1":
            raise UnsupportedRepositoryError(
                f"the repository names objects by {object_format}, which DVC cannot open",
                hint="use a repository with SHA-1 object names, git's default",
            )
        worktree = None if bare == "true" else Path(_ask(directory, "--show-toplevel")[0])
        found = cls(Path(git_dir), Path(common_dir), worktree, trace=trace)
        if found.config("extensions.refStorage", "files") != "files":
            raise _reftable()
        return found

    @cached_property
    def main_worktree(self) -> Path | None:
        """The root of the main worktree, whichever worktree this is.

        None when the repository is bare, and where a linked worktree cannot tell: git does not note whose a separate
        git directory is.
        """
        if self.common_dir == self.git_dir:
            return self.worktree
        found = self.attempt(f"--git-dir={self.common_dir}", "config", "-z", "--get-regexp", r"^core\.(bare|worktree)$")
        pairs = (item.partition("\n") for item in os.fsdecode(found.stdout).split("\0")[:-1])
        settings = {key: (value.lower() if equals else "true") for key, equals, value in pairs}
        if "core.worktree" in settings:
            # a submodule
            return Path(os.path.realpath(self.common_dir / settings["core.worktree"]))
        if settings.get("core.bare") in ("true", "yes", "on", "1"):
            return None
        return self.common_dir.parent if self.common_dir.name == ".git" else None

    def run(
        self,
        *arguments: str,
        stdin: bytes | IO[bytes] = b"",
        env: Mapping[str, str] | None = None,
        ok: Sequence[int] = (0,),
        hooks: bool = False,
        offline: bool = False,
        pin: Sequence[str] = (),
    ) -> bytes:
        """Run a git command and return its standard output.

        `stdin` may be an unbuffered file, which is read from where it stands. `pin` holds more `-c` options. `offline`
        keeps git from fetching what a partial clone lacks. Raises: GitError when the status is not in `ok`.
        """
        result = self.attempt(*arguments, stdin=stdin, env=env, hooks=hooks, offline=offline, pin=pin)
        if result.status not in ok:
            raise GitError(arguments, result.status, result.stderr, hint=_hint(result.stderr))
        return result.stdout

    def text(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """`run`, decoded and without the last line break."""
        return self.run(*arguments, stdin=stdin, env=env).decode("utf-8", "surrogateescape").removesuffix("\n")

    def attempt(
        self,
        *arguments: str,
        stdin: bytes | IO[bytes] = b"",
        env: Mapping[str, str] | None = None,
        hooks: bool = False,
        offline: bool = False,
        pin: Sequence[str] = (),
    ) -> Result:
        """Run a git command and return whatever came of it."""
        started = time.monotonic()
        env = {**(_OFFLINE if offline else {}), **(env or {})}
        with _input(stdin) as source:
            process = self._start(arguments, env, (*(() if hooks else _NO_HOOKS), *pin), source)
            stdout, stderr = process.communicate(stdin if process.stdin else None)
        if self.trace:
            self.trace(tuple(_CREDENTIALS.sub("//***@", word) for word in arguments), time.monotonic() - started)
        return Result(process.returncode, stdout, stderr.decode("utf-8", "replace"))

    def start(self, *arguments: str, offline: bool = False) -> Any:
        """A git process with pipes, for a conversation. The caller closes its standard input."""
        return self._start(arguments, _OFFLINE if offline else {}, _NO_HOOKS)

    def _start(
        self, arguments: Sequence[str], env: Mapping[str, str], pin: Sequence[str], source: Any = subprocess.PIPE
    ) -> Any:
        argv = ["git", *_PINNED, *pin, *self._where, *arguments]
        return _spawn(self._command, argv, {**_ENVIRONMENT, **env}, source)

    def config(self, key: str, default: str = "") -> str:
        """A configuration value; `default` when it is not set."""
        result = self.attempt("config", "--get", key)
        return result.stdout.decode("utf-8", "replace").removesuffix("\n") if result.status == 0 else default

    def identity(self, *, anonymous: bool = False) -> str:
        """The committer and the time that git would record now: `Name <email> 1700000000 +0100`.

        `anonymous` is for who wants the time alone, and may have no identity.
        Raises: GitError with git's words when no identity is configured, or a date that git does not take.
        """
        nobody = {"GIT_COMMITTER_NAME": "nobody", "GIT_COMMITTER_EMAIL": "nobody@localhost"}
        result = self.attempt("var", "GIT_COMMITTER_IDENT", env=nobody if anonymous else None)
        if result.status != 0 and "date format" in result.stderr:
            hint = "git takes dates from 1970 to 2099: see GIT_COMMITTER_DATE"
            raise GitError(("var", "GIT_COMMITTER_IDENT"), result.status, result.stderr, hint=hint)
        if result.status != 0:
            raise GitError(
                ("var", "GIT_COMMITTER_IDENT"),
                result.status,
                "no name and address configured",
                hint="git config --global user.name 'Your Name' && git config --global user.email you@example.org",
            )
        words = result.stdout.decode("utf-8", "replace").removesuffix("\n")
        # from 2100 on git gets the offset wrong, and refuses it afterwards
        return re.sub(r" (?![+-]\d{4}$)[+-]\d+$", " +0000", words)


@contextlib.contextmanager
def _input(data: bytes | IO[bytes]) -> Iterator[Any]:
    """What git reads its standard input from: a pipe for a little, a file for more.

    Should this process be killed while it fills a pipe, git would take what it got for the whole: a part of a
    transaction, or a refspec without its end.
    """
    if not isinstance(data, bytes):
        yield data
        return
    if len(data) <= _ONE_WRITE:
        yield subprocess.PIPE
        return
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        yield file


def _command(directory: Path) -> GitCommand:
    """GitPython's command, to be run in this directory. Raises: UnsupportedRepositoryError without git."""
    # here and not above: it takes as long as all of gitreg, and neither help nor completion needs it
    try:
        from git.cmd import Git as GitCommand
    except ImportError as error:
        # GitPython looks for git as soon as it is imported
        if "git executable" not in str(error):
            raise
        raise UnsupportedRepositoryError("git is not installed", hint=_UPGRADE) from error
    return GitCommand(str(directory))


def _spawn(command: GitCommand, argv: Sequence[str], env: Mapping[str, str], source: Any = subprocess.PIPE) -> Any:
    from git.exc import GitCommandNotFound

    try:
        # GitPython takes a real file as stdin; as_process hands out the process itself, so pipes work.
        return command.execute(list(argv), istream=source, as_process=True, env=dict(env))
    except GitCommandNotFound as error:
        raise UnsupportedRepositoryError("git is not installed", hint=_UPGRADE) from error


def _output(directory: Path, *arguments: str) -> tuple[str, str]:
    """What a git command prints before there is a `Git`, its standard error only when it fails."""
    process = _spawn(_command(directory), ["git", *arguments], {})
    stdout, stderr = process.communicate()
    return os.fsdecode(stdout), stderr.decode("utf-8", "replace").strip() if process.returncode != 0 else ""


def _ask(directory: Path, *questions: str) -> list[str]:
    """`git rev-parse` before there is a `Git`. Raises: NotARepositoryError, UnsupportedRepositoryError."""
    form = "--path-format=absolute"
    answer, words = _output(directory, "rev-parse", form, *questions)
    if words:
        raise _unusable(directory, words)
    if answer.startswith(form):
        # what git does not know as an option it prints: this one came with 2.31
        version = _output(directory, "version")[0].strip()
        raise UnsupportedRepositoryError(f"this is {version}, which is too old", hint=_UPGRADE)
    # not splitlines(), and one by one where a path holds line breaks
    answers = answer.removesuffix("\n").split("\n")
    if len(answers) == len(questions):
        return answers
    return [answer.removesuffix("\n")] if len(questions) == 1 else [_ask(directory, item)[0] for item in questions]


def _unusable(directory: Path, words: str) -> Error:
    """Why git does not work here, from what it says about it."""
    _, advice, path = words.partition("git config --global --add safe.directory ")
    if advice:
        return NotARepositoryError(f"git does not trust '{directory}': it belongs to somebody else", hint=advice + path)
    # warnings stand before it, a list of extensions behind it
    why = " ".join(words[max(words.find("fatal: "), 0) :].removeprefix("fatal: ").split())
    if "refstorage" in why:
        return _reftable()
    if "git repo version" in why or "repository extension" in why:
        return UnsupportedRepositoryError(f"this git cannot read the repository: {why}", hint="install a newer git")
    if "must be run in a work tree" in why:
        return NotARepositoryError(f"'{directory}' is in a Git directory", hint="change to the working tree")
    if why.startswith("not a git repository (or any"):
        return NoRepositoryError(f"'{directory}' is not in a Git repository", hint="run 'git init' or change there")
    return NotARepositoryError(f"'{directory}' is in no usable Git repository: {why}", hint="see 'git status' there")


def _reftable() -> UnsupportedRepositoryError:
    return UnsupportedRepositoryError(
        "the repository stores refs as reftable, which DVC cannot open",
        hint="convert it: git refs migrate --ref-format=files",
    )


def _hint(stderr: str) -> str | None:
    if ".lock': File exists" in stderr:
        return "another git process is at work, or one was killed and left the lock: gitreg doctor --fix"
    if re.search(r"transport '.*' not allowed", stderr):
        return "git takes no such address; give the remote one with https, ssh or a path: git remote set-url"
    if "Permission denied (" in stderr or "Authentication failed for" in stderr or "could not read User" in stderr:
        return "the server does not let you in: check the key, or the name and password"
    if any(words in stderr for words in ("Permission denied", "Read-only file system", "insufficient permission")):
        return "the repository cannot be written by this user"
    if any(words in stderr for words in ("No space left on device", "Disk quota exceeded", "File too large")):
        return "make room there, then run the same command again"
    if _WRITE_FAILED.search(stderr):
        return "is there room on that disk, and may this user write there?"
    return None
