"""Runs that have no repository to be written into: they go into one of their own, which becomes a file, FORMAT.md 12.

`FILE.partial`, beside FILE, is an ordinary bare repository with a cache; everything that works on a `Registry` works on
it. When no run goes on in it any more, what is new there is written into FILE, a bundle. Should the process be killed,
`FILE.partial` holds what the runs had logged.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import threading
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path

from gitreg.data import whole
from gitreg.data.cache import Cache
from gitreg.data.config import Project, is_project
from gitreg.data.hashing import copy_file, refusals
from gitreg.data.locks import lock
from gitreg.errors import GitError, NotARepositoryError, StorageError
from gitreg.git import bundle
from gitreg.git.runner import Git
from gitreg.records import refs as names_of_refs
from gitreg.records.names import RunId
from gitreg.records.objects import Oid
from gitreg.registry import contents, keep, runs, versions
from gitreg.registry.journal import Journal
from gitreg.registry.recover import Recovered, recover
from gitreg.registry.repository import Registry

END = ".partial"
# What the clone had, and what the file has that was written last: lines of an object id and a ref.
_BASE, _WRITTEN = "base", "written"
Refs = Mapping[str, Oid]


def object_path(md5: str) -> str:
    """Where a DVC object lies in the tree of a bundle's bytes: as in a cache."""
    return f"files/md5/{md5[:2]}/{md5[2:]}"


class Parcel(Registry):
    """A repository for runs that travel: bare, with a cache of its own or another. What is in it is not published.

    Attributes:
        folder: the repository, with everything that belongs to it.
    """

    def __init__(
        self, folder: Path, worktree: Path | None = None, *, clone: Registry | None = None, cache: Cache | None = None
    ) -> None:
        super().__init__(Git(folder, folder, worktree))
        self.folder = folder
        self._has_remote = True
        root = (clone.git.main_worktree or clone.git.worktree) if clone else None
        self._project = Project(root or folder, root or folder, folder / "cache")
        self._cache = cache or _Borrowing(folder / "cache", root)


class _Borrowing(Cache):
    """A cache that copies what it lacks from that of a clone, into which nothing is written."""

    def __init__(self, directory: Path, clone: Path | None) -> None:
        super().__init__(directory)
        self._lender: Cache | None = None
        if clone and is_project(clone):
            # a configuration that cannot be read is reported to whoever needs it
            with contextlib.suppress(StorageError):
                self._lender = Cache(Project(clone, clone).cache_dir)

    def has(self, md5: str, size: int | None = None) -> bool:
        """Whether the object is here, or could be copied."""
        if super().has(md5, size):
            return True
        if self._lender is None or not self._lender.has(md5, size):
            return False
        # a damaged one is as good as none: a storage may have it
        with contextlib.suppress(StorageError), self.receive(md5) as place:
            copy_file(self._lender.path(md5), place)
        self.sync()
        return super().has(md5, size)


class Bundle(Parcel):
    """A file that is being written.

    Attributes:
        target: the file.
    """

    target: Path

    def __init__(self, folder: Path, worktree: Path | None = None, *, clone: Registry | None = None) -> None:
        super().__init__(folder, worktree, clone=clone)
        self.target = folder.with_name(folder.name.removesuffix(END))
        self._alone = threading.Lock()
        self._written: Refs = {}
        self._file: tuple[int, int, int] | None = None
        self._descriptor = -1

    @classmethod
    def create(cls, target: Path, source: Path, clone: Registry | None = None) -> Bundle | None:
        """Begin a file for runs of the code in `source`, or of a clone, which is only read.

        None when there is such a file, or somebody else is at it. Raises: StorageError, GitError.
        """
        folder = target.with_name(target.name + END)
        with refusals(f"bundle '{target}' cannot be written"):
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                folder.mkdir()
            except FileExistsError:
                return None
            # not before: whoever has just finished such a file takes the folder away
            if os.path.lexists(target):
                folder.rmdir()
                return None
        try:
            with refusals(f"bundle '{target}' cannot be written"):
                _prepare(folder, clone)
                found = cls(folder, clone.git.worktree if clone else source, clone=clone)
                found._hold(os.O_CREAT)
                os.write(found._descriptor, platform.node().encode())
            found._introduce()
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return found

    @classmethod
    def reopened(cls, folder: Path) -> Bundle | None:
        """What a killed process has left, to be finished; None while one is at it. Raises: NotARepositoryError."""
        if not folder.name.endswith(END) or not (folder / "gitreg" / "lock").is_file():
            raise NotARepositoryError(f"'{folder}' is no bundle that was being written", hint=f"name FILE or FILE{END}")
        found = cls(folder)
        if not found._hold():
            found.abandon()
            return None
        lines = _lines(found.private / _WRITTEN)
        target = folder.parent / Path(lines.pop("target", "")).name
        if target.is_file():
            found.target = target
            found._written = {name: Oid.parse(oid) for name, oid in lines.items()}
        return found

    @property
    def is_idle(self) -> bool:
        """Whether no run goes on in it."""
        return not Journal.all_in(self.private)

    def _hold(self, flags: int = 0) -> bool:
        """Keep others from taking it for dead; False when another process does. Raises: OSError."""
        self._descriptor = os.open(self.private / "lock", os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | flags, 0o666)
        return lock(self._descriptor, alone=True) and os.fstat(self._descriptor).st_nlink > 0

    def _introduce(self) -> None:
        """Where git knows no name and address: the user's on this machine, as git itself would have guessed."""
        try:
            self.git.identity()
        except GitError:
            name = _login()
            self.git.run("config", "user.name", name)
            self.git.run("config", "user.email", f"{name}@{platform.node() or 'localhost'}")

    def settle(self) -> None:
        """A run has ended: write the file, when no other goes on. Raises: StorageError, GitError."""
        with self._alone:
            if self.is_idle:
                self._write()

    def recover(self) -> Recovered:
        """Record the runs that were killed, and write the file. Raises: StorageError, GitError."""
        found = recover(self)
        self.settle()
        return found

    def leave(self) -> None:
        """Write what has come since, such as a link, and remove what the file was made from, unless a run goes on."""
        self.settle()
        self.close()
        if self.is_idle:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.abandon()

    def abandon(self) -> None:
        """Let others finish it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _write(self) -> None:
        base = _base(self.private)
        found = self.refs.find(names_of_refs.PENDING)
        refs = {ref.name: ref.oid for ref in found if base.get(ref.name) != ref.oid}
        if refs == self._written:
            return
        with refusals(f"bundle '{self.target}' cannot be written"):
            objects = {object_path(md5): self.cache.path(md5) for md5 in sorted(needed(self, refs))}
            if objects:
                bundle.add_files(self.git, names_of_refs.BUNDLED, objects)
            made = self.folder / "made"
            bytes_ref = [names_of_refs.BUNDLED] if objects else []
            bundle.write(self.git, made, [*refs, *bytes_ref], base.values())
            self._place(made, next((run_id for run_id in map(names_of_refs.parse_run, refs) if run_id), None))
        self._written = refs
        lines = [f"{self.target.name} target\n", *(f"{oid} {name}\n" for name, oid in refs.items())]
        whole.write(self.private / _WRITTEN, "".join(lines).encode("utf-8", "surrogateescape"))

    def _place(self, made: Path, run_id: RunId | None) -> None:
        """Give the file its name: over what this process has written there, and never over anything else."""
        if self._file and self._file == _identity(self.target):
            made.replace(self.target)
        else:
            for name in names(self.target, run_id):
                if _rename_new(made, name):
                    self.target = name
                    break
        self._file = _identity(self.target)
        whole.sync(self.target.parent)


def needed(registry: Registry, refs: Refs) -> Iterator[str]:
    """The DVC objects of the versions and runs that these refs hold. Raises: RecordError."""
    for version in versions.all_versions(registry):
        if names_of_refs.draft(version.name) in refs and versions.record(registry, version).link is None:
            yield from contents.needed(registry, versions.details(registry, version))
    for name, oid in refs.items():
        run = runs.chain(registry, oid) if names_of_refs.parse_run(name) else None
        yield from keep.history_of(registry, run) if run else ()


def was_begun_here(folder: Path) -> bool:
    """Whether a process of this machine has begun it: of another one nobody can see here whether it goes on."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return (folder / "gitreg" / "lock").read_text() == platform.node()
    return False


def names(target: Path, run_id: str | None) -> Iterator[Path]:
    """The name of a file, and what it is called where that is taken: `run.bundle`, `run-3kf9a1xq.bundle`, ..."""
    yield target
    base = f"{target.stem}-{run_id}" if run_id else target.stem
    if run_id:
        yield target.with_name(base + target.suffix)
    yield from (target.with_name(f"{base}-{number}{target.suffix}") for number in count(2))


def _prepare(folder: Path, clone: Registry | None) -> None:
    """Make the repository; it sees what the clone has, and begins at the clone's HEAD. Raises: GitError, OSError."""
    objects = clone.git.text("rev-parse", "--path-format=absolute", "--git-path", "objects") if clone else None
    bundle.make_repository(folder, alternate=Path(objects) if objects else None)
    private = folder / "gitreg"
    private.mkdir()
    (folder / "info" / "exclude").write_text(f"*{END}/\n")
    if clone is None:
        return
    git = Git(folder, folder, None)
    git.run("config", "include.path", str(clone.git.common_dir / "config"))
    head = clone.git.attempt("rev-parse", "--verify", "--quiet", "HEAD^{commit}").stdout
    listed = clone.git.run(
        "for-each-ref", "--format=%(objectname) %(refname)", "refs/tags", "refs/gitreg", "refs/gitreg-remotes"
    )
    (folder / "packed-refs").write_bytes(listed)
    (private / _BASE).write_bytes(listed + (b"%s HEAD\n" % head.strip() if head else b""))
    if head:
        (folder / "HEAD").write_bytes(head)
    for name in ("index", "shallow"):
        place = Path(clone.git.text("rev-parse", "--path-format=absolute", "--git-path", name))
        if place.exists():
            # copy2 keeps the time, by which git knows which files have changed since
            shutil.copy2(place, folder / name)


def _base(private: Path) -> Refs:
    """What the clone had when the file was begun."""
    return {name: Oid.parse(oid) for name, oid in _lines(private / _BASE).items()}


def _lines(place: Path) -> dict[str, str]:
    """Lines of a value, a space and a name; nothing when there is no such file."""
    try:
        lines = place.read_bytes().decode("utf-8", "surrogateescape").split("\n")[:-1]
    except FileNotFoundError:
        return {}
    return {name: value for value, _, name in (line.rpartition(" ") for line in lines)}


def _login() -> str:
    with contextlib.suppress(ImportError, KeyError):
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    return f"user-{os.getuid()}" if hasattr(os, "getuid") else "user"


def _identity(place: Path) -> tuple[int, int, int] | None:
    try:
        found = place.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _rename_new(source: Path, target: Path) -> bool:
    """Rename a file to a name that nothing has; False when something does. Raises: OSError."""
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    except OSError:
        # a file system without links
        if os.path.lexists(target):
            return False
        source.rename(target)
        return True
    source.unlink()
    return True
