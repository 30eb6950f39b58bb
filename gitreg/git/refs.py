"""Refs: read by `for-each-ref`, changed by `update-ref --stdin` with the value they are expected to have."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from gitreg.errors import GitError, LostRaceError
from gitreg.git.runner import Git
from gitreg.records.objects import ZERO, Oid
from gitreg.records.refs import TRACKING

_FIELDS = "--format=%(refname)%00%(objectname)%00%(*objectname)%00%(objecttype)"
# Above this many loose refs a look-up by prefix takes milliseconds more for each thousand.
_LOOSE_LIMIT = 1000
# git's words when a ref is elsewhere, there already, or gone. GitPython runs git in the C locale.
_MOVED = ("but expected", "reference already exists", "unable to resolve reference")
# Seconds.
_PATIENCE = 0.5


@dataclass(frozen=True, slots=True)
class Ref:
    """A ref as it stands.

    Attributes:
        name: in full.
        oid: what it points at, a tag object for annotated tags.
        target: the commit behind it.
        is_tag: True when it points at a tag object.
    """

    name: str
    oid: Oid
    target: Oid
    is_tag: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a transaction: `ref` goes from `old` to `new`; ZERO means that it does not exist."""

    ref: str
    old: Oid
    new: Oid


class RefMovedError(LostRaceError):
    """A ref was not where the writer expected it, so nothing was changed.

    Attributes:
        words: git's own, naming the ref.
    """

    def __init__(self, words: str) -> None:
        super().__init__(f"somebody else was faster: {words}", hint="run the command again")
        self.words = words


class Refs:
    """The repository's refs."""

    def __init__(self, git: Git) -> None:
        self._git = git

    def find(self, *patterns: str) -> list[Ref]:
        """The refs that match any of the patterns, by name; patterns are made by `records.refs`.

        What is published at this moment is found where it was pending, where it is then, or in both places.
        """
        # git reads refs/gitreg-remotes/ first, and would then look for what has just moved there where it no longer is
        last = [pattern for pattern in patterns if pattern.startswith(TRACKING)]
        first = [pattern for pattern in patterns if not pattern.startswith(TRACKING)]
        found = [ref for some in (first, last) if some for ref in self._list(*some)]
        return sorted(found, key=lambda ref: ref.name) if first and last else found

    def _list(self, *arguments: str) -> list[Ref]:
        output = self._for_each(_FIELDS, *arguments)
        found = []
        # not splitlines(): a ref may hold characters that Python takes for line breaks
        for line in output.decode("utf-8", "surrogateescape").split("\n")[:-1]:
            name, oid, peeled, kind = line.split("\0")
            found.append(Ref(name, Oid.parse(oid), Oid.parse(peeled or oid), kind == "tag"))
        return found

    def _for_each(self, *arguments: str) -> bytes:
        gc_is_running = (self._git.common_dir / "gc.pid").exists()
        patience = time.monotonic() + (10 * _PATIENCE if gc_is_running else _PATIENCE)
        while True:
            result = self._git.attempt("for-each-ref", *arguments, offline=True)
            if result.status == 0:
                return result.stdout
            # a `git gc` took the objects of a ref that was just made; its writer is about to write them again
            if "missing object" not in result.stderr or time.monotonic() > patience:
                break
        return self._git.run("for-each-ref", *arguments, offline=True)

    def any_below(self, namespace: str) -> bool:
        """Whether there is any ref in it."""
        return bool(self._for_each("--count=1", "--format=%(refname)", namespace))

    def pointing_at(self, commit: Oid, *patterns: str) -> list[Ref]:
        """The refs that match and lead to this commit, as tags or directly, by name."""
        return self._list(f"--points-at={commit}", *patterns)

    def since(self, mark: str, *namespaces: str) -> tuple[str, list[Ref]]:
        """The refs of these namespaces that may have changed since `mark` was given out, and a new mark; '' is ever.

        git replaces its file of packed refs whole. While it is the same file, only loose refs can be new: they are few
        (see `pack_if_many`), and listing all of 100,000 refs takes a second.
        """
        try:
            found = (self._git.common_dir / "packed-refs").stat()
            now = f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}"
        except FileNotFoundError:
            now = "none"
        if mark != now:
            return now, self.find(*namespaces)
        root = self._git.common_dir
        files = (path for name in namespaces for path in _files(root / name))
        names = [path.relative_to(root).as_posix() for path in files if path.suffix != ".lock"]
        return now, self.find(*names)

    def get(self, name: str) -> Ref | None:
        """The ref of exactly this name."""
        return next((ref for ref in self.find(name) if ref.name == name), None)

    def change(self, changes: Iterable[Change]) -> None:
        """Make all the changes or none.

        Raises: RefMovedError when a ref is not where it was expected, GitError.
        """
        lines = []
        for change in changes:
            if change.old == change.new:
                lines.append(f"verify {change.ref}\0{change.old}\0")
            elif not change.new:
                lines.append(f"delete {change.ref}\0{change.old}\0")
            elif not change.old:
                lines.append(f"create {change.ref}\0{change.new}\0")
            else:
                lines.append(f"update {change.ref}\0{change.new}\0{change.old}\0")
        if not lines:
            return
        try:
            self._git.run("update-ref", "--stdin", "-z", stdin="".join(lines).encode())
        except GitError as error:
            words = str(error)
            if has_moved(words):
                raise RefMovedError(words.rpartition("failed: ")[2]) from error
            raise

    def create(self, name: str, oid: Oid) -> None:
        """Create a ref that must not exist. Raises: RefMovedError, GitError."""
        self.change([Change(name, ZERO, oid)])

    def pack_if_many(self) -> bool:
        """Pack the refs when many are loose; plumbing never does. Returns whether it did."""
        root = self._git.common_dir / "refs"
        bases = ("gitreg", "gitreg-remotes", "tags")
        loose = (path for base in bases for path in _files(root / base))
        many = next(islice(loose, _LOOSE_LIMIT, None), None) is not None
        if many:
            self._git.run("pack-refs", "--all")
        return many


def _files(folder: Path) -> Iterator[Path]:
    """All files below. Folders that git removes meanwhile, because they are empty, are passed over; `rglob` raises."""
    return (Path(place) / name for place, _, names in os.walk(folder) for name in names)


def has_moved(words: str) -> bool:
    """Whether git says that a ref is not where it was expected."""
    return any(sign in words for sign in _MOVED)


def is_ancestor(git: Git, ancestor: Oid, descendant: Oid) -> bool:
    """True when `descendant` contains `ancestor`, as far as that is known here: what is missing contains nothing."""
    return git.attempt("merge-base", "--is-ancestor", str(ancestor), str(descendant), offline=True).status == 0
