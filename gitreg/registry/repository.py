"""An open repository: its git, its refs and objects, its bytes. Everything else in this package works on one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gitreg.data.cache import Cache
from gitreg.data.config import Project, Storage, is_project
from gitreg.errors import GitError, NotARepositoryError, UsageError
from gitreg.git.objects import Batch, Objects
from gitreg.git.refs import Change, RefMovedError, Refs
from gitreg.git.runner import Git, Trace
from gitreg.git.transport import Transport
from gitreg.progress import SILENT, Progress
from gitreg.records import refs as names_of_refs
from gitreg.records.names import VersionName
from gitreg.records.objects import Identity

if TYPE_CHECKING:
    from gitreg.registry.versions import Version

DEFAULT_REMOTE = "origin"
_PATIENCE = 10
# Every time it was somebody else who got something done; without an end would be a ref that nobody can write.
_RACES = 1000

T = TypeVar("T")


class Registry:
    """A Git repository as a model registry.

    Attributes:
        git, objects, refs: the repository.
        remote: the name of the registry remote, whether or not it exists.
        private: the folder for what is this clone's own business, `<git common dir>/gitreg`.
        progress: who is told of what takes its time.
        target: the file that its runs go into, see `registry.bundle`; None for a repository.
        storages: the only storages that are asked for bytes; None for those that versions and the user name.
        look_up: how a name is looked up where it must be fetched first, see `registry.elsewhere`.
    """

    target: Path | None = None
    storages: tuple[Storage, ...] | None = None
    look_up: Callable[..., Version] | None = None

    def __init__(self, git: Git, progress: Progress = SILENT) -> None:
        self.git = git
        self.progress = progress
        self.objects = Objects(git)
        self.refs = Refs(git)
        self.remote = git.config("gitreg.remote", DEFAULT_REMOTE)
        self.private = git.common_dir / "gitreg"
        self._has_remote: bool | None = None
        self._project: Project | None = None
        self._cache: Cache | None = None

    @classmethod
    @contextlib.contextmanager
    def opened(cls, directory: Path, *, trace: Trace | None = None, progress: Progress = SILENT) -> Iterator[Registry]:
        """The repository that `directory` lies in, closed at the end. Raises: NotARepositoryError."""
        registry = cls(Git.discover(directory, trace=trace), progress)
        try:
            yield registry
        finally:
            registry.close()

    def close(self) -> None:
        """End the processes that were kept for reading."""
        self.objects.close()

    @property
    def has_remote(self) -> bool:
        """True when there is a registry remote, so that versions start as drafts."""
        if self._has_remote is None:
            self._has_remote = bool(self.transport.push_urls())
        return self._has_remote

    @property
    def is_server(self) -> bool:
        """True in a bare repository without a registry remote: nothing is logged there, and everything is published."""
        return self.git.worktree is None and not self.has_remote

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return str(self.git.worktree or self.git.common_dir)

    @property
    def whole(self) -> Registry:
        """What knows all of the repository: itself, but see `registry.elsewhere`."""
        return self

    def use_remote(self, remote: str) -> None:
        """Take another remote for the registry."""
        self.remote = remote
        self._has_remote = None

    @property
    def transport(self) -> Transport:
        """The registry remote."""
        return Transport(self.git, self.remote)

    @property
    def tracking(self) -> str:
        """Where the remote's `refs/gitreg/` is mirrored."""
        return names_of_refs.tracking(self.remote)

    def bases(self) -> tuple[str, str]:
        """The ref namespaces to look in, pending first."""
        return (names_of_refs.PENDING, self.tracking)

    @property
    def project(self) -> Project:
        """The DVC project. Raises: NotARepositoryError when the repository is none yet, or is bare."""
        if self._project is None:
            worktree = self.git.worktree
            if worktree is None:
                raise NotARepositoryError(
                    "a bare repository keeps no artifacts",
                    hint="work in a clone of it (git clone PATH) or in a worktree (git worktree add PATH)",
                )
            main = self.git.main_worktree
            root = main or worktree
            if not is_project(worktree) and not is_project(root):
                raise NotARepositoryError(
                    f"'{worktree}' is not set up for gitreg yet", hint="run 'gitreg init' there, once"
                )
            # The bytes must outlast this worktree. Its repository does, and the main worktree when it is a project.
            own_cache = None if main and is_project(main) else self.private / "cache"
            self._project = Project(root, worktree, own_cache)
        return self._project

    @property
    def cache(self) -> Cache:
        """Where bytes are kept here. Raises: NotARepositoryError."""
        if self._cache is None:
            project = self.project
            self._cache = Cache(project.cache_dir, self.private / "keep", shared=project.cache_is_shared)
        return self._cache

    def transact(self, batch: Batch, changes: Iterable[Change]) -> None:
        """Write the objects, then make all the changes of refs or none.

        A `git gc --prune=now` beside a writer can take objects before their ref exists, and after: see `Objects.keep`.
        Raises: RefMovedError when a ref is not where it was expected, GitError.
        """
        wanted = list(changes)
        for _ in range(_PATIENCE):
            self.objects.write(batch.objects)
            try:
                self.refs.change(wanted)
            except GitError as error:
                if "nonexistent object" not in error.stderr:
                    raise
                continue
            self.objects.keep(batch.objects)
            return
        raise GitError(("update-ref",), 1, "objects vanish as soon as they are written", hint="is 'git gc' in a loop?")

    def check_same(self, other: Registry, name: VersionName) -> None:
        """Raises: UsageError when `other`, which has the version `name`, is another repository."""
        if self.git.common_dir != other.git.common_dir:
            hint = "download it, and log its files in this one"
            raise UsageError(f"'{name}' is in another repository, '{other.place}'", hint=hint)

    def settle(self) -> None:
        """Do what there is to do when a run has ended: nothing in a repository, see `registry.bundle`."""

    def now(self) -> Identity:
        """The committer and the time, as git would record them. Raises: GitError without an identity."""
        return Identity(self.git.identity())

    def clock(self) -> int:
        """The time as git would record it, in seconds since 1970. Needs no identity, as reading does not."""
        return Identity(self.git.identity(anonymous=True)).timestamp


def retried(work: Callable[[], T]) -> T:
    """Do `work`, which looks at refs and then changes them, again for as long as somebody else is faster.

    Raises: RefMovedError when that does not end, and what `work` raises.
    """
    for _ in range(_RACES - 1):
        with contextlib.suppress(RefMovedError):
            return work()
    return work()
