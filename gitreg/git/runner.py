"""The one door to git: every git process of gitreg starts here, with pinned options and environment.

Built on GitPython's command class, and on nothing above it: its ref reading fails on reftable and SHA-256, its ref
writing and index commits lose data under load.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from git.cmd import Git as GitCommand
from git.exc import GitCommandNotFound

from gitreg.errors import GitError, NotARepositoryError, UnsupportedRepositoryError

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
    """

    def __init__(self, git_dir: Path, common_dir: Path, worktree: Path | None, *, trace: Trace | None = None) -> None:
        self.git_dir = git_dir
        self.common_dir = common_dir
        self.worktree = worktree
        self._trace = trace
        self._command = GitCommand(str(worktree or git_dir))
        self._where = (f"--git-dir={git_dir}", *((f"--work-tree={worktree}",) if worktree else ()))

    @classmethod
    def discover(cls, directory: Path, *, trace: Trace | None = None) -> Git:
        """The repository that `directory` lies in.

        Raises: NotARepositoryError, UnsupportedRepositoryError.
        """
        git_dir, common_dir, bare, object_format = _ask(
            directory, "--git-dir", "--git-common-dir", "--is-bare-repository", "--show-object-format"
        )
        if object_format != "sha1":
            raise UnsupportedRepositoryError(
                f"the repository names objects by {object_format}, which DVC cannot open",
                hint="use a repository with SHA-1 object names, git's default",
            )
        worktree = None if bare == "true" else Path(_ask(directory, "--show-toplevel")[0])
        found = cls(Path(git_dir), Path(common_dir), worktree, trace=trace)
        if found.config("extensions.refStorage", "files") != "files":
            raise UnsupportedRepositoryError(
                "the repository stores refs as reftable, which DVC cannot open",
                hint="convert it: git refs migrate --ref-format=files",
            )
        return found

    @property
    def main_worktree(self) -> Path | None:
        """The root of the main worktree, whichever worktree this is; None when the repository is bare."""
        if self.common_dir == self.git_dir:
            return self.worktree
        return self.common_dir.parent if self.common_dir.name == ".git" else None

    def run(
        self,
        *arguments: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        ok: Sequence[int] = (0,),
        hooks: bool = False,
        pin: Sequence[str] = (),
    ) -> bytes:
        """Run a git command and return its standard output.

        `pin` holds more `-c` options. Raises: GitError when the status is not in `ok`.
        """
        result = self.attempt(*arguments, stdin=stdin, env=env, hooks=hooks, pin=pin)
        if result.status not in ok:
            raise GitError(arguments, result.status, result.stderr, hint=_hint(result.stderr))
        return result.stdout

    def text(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """`run`, decoded and without the last line break."""
        return self.run(*arguments, stdin=stdin, env=env).decode("utf-8", "surrogateescape").removesuffix("\n")

    def attempt(
        self,
        *arguments: str,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        hooks: bool = False,
        pin: Sequence[str] = (),
    ) -> Result:
        """Run a git command and return whatever came of it."""
        started = time.monotonic()
        process = self._start(arguments, env or {}, (*(() if hooks else _NO_HOOKS), *pin))
        stdout, stderr = process.communicate(stdin)
        if self._trace:
            self._trace(arguments, time.monotonic() - started)
        return Result(process.returncode, stdout, stderr.decode("utf-8", "replace"))

    def start(self, *arguments: str) -> Any:
        """A git process with pipes, for a conversation. The caller closes its standard input."""
        return self._start(arguments, {}, _NO_HOOKS)

    def _start(self, arguments: Sequence[str], env: Mapping[str, str], pin: Sequence[str]) -> Any:
        return _spawn(self._command, ["git", *_PINNED, *pin, *self._where, *arguments], {**_ENVIRONMENT, **env})

    def config(self, key: str, default: str = "") -> str:
        """A configuration value; `default` when it is not set."""
        result = self.attempt("config", "--get", key)
        return result.stdout.decode("utf-8", "replace").removesuffix("\n") if result.status == 0 else default

    def identity(self) -> str:
        """The committer and the time that git would record now: `Name <email> 1700000000 +0100`.

        Raises: GitError with git's words when no identity is configured.
        """
        result = self.attempt("var", "GIT_COMMITTER_IDENT")
        if result.status != 0:
            raise GitError(
                ("var", "GIT_COMMITTER_IDENT"),
                result.status,
                "no name and address configured",
                hint="git config --global user.name 'Your Name' && git config --global user.email you@example.org",
            )
        return result.stdout.decode("utf-8", "replace").removesuffix("\n")


def _spawn(command: GitCommand, argv: Sequence[str], env: Mapping[str, str]) -> Any:
    try:
        # GitPython takes a real file as stdin; as_process hands out the process itself, so pipes work.
        return command.execute(list(argv), istream=subprocess.PIPE, as_process=True, env=dict(env))
    except GitCommandNotFound as error:
        raise UnsupportedRepositoryError("git is not installed", hint="install git 2.31 or newer") from error


def _ask(directory: Path, *questions: str) -> list[str]:
    """`git rev-parse` before there is a `Git`. Raises: NotARepositoryError."""
    process = _spawn(GitCommand(str(directory)), ["git", "rev-parse", "--path-format=absolute", *questions], {})
    stdout, stderr = process.communicate()
    if process.returncode != 0:
        words = stderr.decode("utf-8", "replace").strip()
        if "dubious ownership" in words:
            raise NotARepositoryError(
                f"git does not trust '{directory}': it belongs to somebody else",
                hint=f"git config --global --add safe.directory {directory}",
            )
        raise NotARepositoryError(f"'{directory}' is not in a Git repository", hint="run 'git init' or change there")
    return list(stdout.decode("utf-8", "surrogateescape").splitlines())


def _hint(stderr: str) -> str | None:
    if ".lock': File exists" in stderr:
        return "another git process is at work, or one was killed and left the lock: see 'gitreg status'"
    if "Permission denied" in stderr or "Read-only file system" in stderr:
        return "the repository cannot be written by this user"
    if any(words in stderr for words in ("No space left on device", "Disk quota exceeded", "File too large")):
        return "make room there, then run the same command again"
    return None
