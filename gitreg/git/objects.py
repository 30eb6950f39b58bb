"""Objects: read by one `cat-file --batch`, written by one `unpack-objects`, whatever their number."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gitreg.errors import GitError, RecordError
from gitreg.git.runner import Git
from gitreg.records.objects import (
    EMPTY_TREE,
    Commit,
    Oid,
    Tag,
    TreeEntry,
    encode_tree,
    hash_object,
    parse_tree,
)

_KINDS = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
# Settings that name a program, or allow one, for talking to a remote.
_PROGRAMS = (
    r"^(core\.(sshcommand|gitproxy|askpass|alternaterefscommand)|credential\..*|protocol\..*"
    r"|remote\..*\.(uploadpack|vcs))$"
)
# Records are capped at 1 MiB (FORMAT.md 3.4); what surrounds them is small.
MAX_OBJECT = 16 << 20
# Where git looks for a ref that is not there. Source: gitrevisions(7), the rules for <refname>.
_SHADOWS = tuple(f"refs/{place}{name}" for name in ("refs/", "HEAD") for place in ("", "tags/", "heads/", "remotes/"))
_COMPLAINTS = 1 << 16
_TRIES = 20
# Questions of 41 bytes that a pipe takes at once, however small it is: more could wait for each other for ever.
_AT_ONCE = 99
# Seconds, while a `git gc` is at work.
_PATIENCE = 5.0


class MissingObjectError(GitError):
    """An object that a ref or record names is not here: a shallow or partial clone, or damage."""

    def __init__(self, name: str, *, hint: str = "git fetch --unshallow, or gitreg fetch") -> None:
        words = f"object {name} is not in this clone"
        super().__init__(("cat-file",), 1, words, hint=hint)
        self.name = name


class Objects:
    """The object database. Safe for threads and forks; the reading process starts with the first read."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._reader: Any = None
        self._owner = 0
        # in a partial clone, from the first object on that is not here
        self._fetching = False
        self._partial: bool | None = None
        self._ahead: dict[Oid, tuple[str, bytes]] = {}
        self._has_shadows: bool | None = None

    def close(self) -> None:
        """End the reading process."""
        with self._alone():
            self._abandon()

    def _alone(self) -> threading.Lock:
        if self._process != os.getpid():
            # another thread may have held the lock when this process was forked, and will never let go of it here
            self._process, self._lock = os.getpid(), threading.Lock()
        return self._lock

    def read(self, oid: Oid) -> tuple[str, bytes]:
        """An object's kind and content. Raises: MissingObjectError, RecordError when it is too large."""
        with self._alone():
            if oid in self._ahead:
                return self._ahead.pop(oid)
            try:
                found = self._read(oid)
                # a `git gc` takes objects that a writer is about to write again
                patience = time.monotonic() + _PATIENCE
                while found is None and time.monotonic() < patience and self._may_come_back():
                    found = self._read(oid)
            except BaseException:
                # the rest of an answer that was not read to its end, as after Ctrl-C, would pass for the next one
                self._abandon()
                raise
        if found is None:
            raise MissingObjectError(str(oid))
        return found

    def read_ahead(self, oids: Iterable[Oid]) -> None:
        """Ask for many objects at once, so that reading each of them, once, waits for nothing.

        For windows of a long list: what is not read next is kept. What is not here is left for `read` to tell.
        """
        wanted = list(oids)
        with self._alone():
            self._ahead.clear()
            try:
                for start in range(0, len(wanted), _AT_ONCE):
                    self._ask_ahead(wanted[start : start + _AT_ONCE])
            except BaseException:
                self._abandon()
                raise

    def _ask_ahead(self, oids: Sequence[Oid]) -> None:
        try:
            self._start_reader()
            self._reader.stdin.write("".join(f"{oid}\n" for oid in oids).encode())
            self._reader.stdin.flush()
            for oid in oids:
                head = self._reader.stdout.readline().split()
                if len(head) != 2 and not self._keep_ahead(oid, head):
                    return
        except BrokenPipeError:
            self._reader = None
            return
        self._pass_over_complaints()

    def _keep_ahead(self, oid: Oid, head: Sequence[bytes]) -> bool:
        """Keep the object that follows `head`; False when it is too large for that, or the process has ended."""
        size = int(head[2]) if len(head) == 3 else -1
        data = self._reader.stdout.read(size + 1) if 0 <= size <= MAX_OBJECT else b""
        if len(data) <= size or size < 0:
            self._abandon()
            return False
        self._ahead[oid] = head[1].decode(), data[:size]
        return True

    def _read(self, oid: Oid) -> tuple[str, bytes] | None:
        head = self._question(oid) or self._question(oid)  # somebody may have killed the process
        if len(head) != 3 and not self._fetching and self._is_partial():
            self._check_programs(oid)
            self._abandon()
            self._fetching = True
            head = self._question(oid)
        if not head and self._fetching:
            # git asks the remote for what a partial clone has left there, and gives up when that does not answer
            raise MissingObjectError(str(oid), hint="this is a partial clone, and its remote cannot be reached")
        if not head:
            raise GitError(("cat-file",), 1, "the process that reads objects ended twice", hint="git fsck")
        if len(head) != 3:
            self._pass_over_complaints()
            return None
        kind, size = head[1].decode(), int(head[2])
        if size > MAX_OBJECT:
            raise RecordError(f"object {oid} has {size} bytes, more than a record may have")
        data = self._reader.stdout.read(size + 1)
        if len(data) <= size:
            raise GitError(("cat-file",), 1, "the process that reads objects ended in the middle of one")
        return kind, data[:size]

    def _abandon(self) -> None:
        """Kill the reading process; the next question starts another.

        It would not end with its input: a process that was forked from this one may hold that pipe too.
        """
        if self._reader is not None and self._owner == os.getpid():
            self._reader.proc.kill()
            self._reader.communicate()
        self._reader = None

    def _pass_over_complaints(self) -> None:
        """Empty the pipe into which git complains about damaged objects: when it is full, git waits for ever."""
        descriptor = self._reader.stderr.fileno()
        os.set_blocking(descriptor, False)
        with contextlib.suppress(BlockingIOError):
            while os.read(descriptor, _COMPLAINTS):
                pass

    def _start_reader(self) -> None:
        if self._reader is None or self._owner != os.getpid():
            # a forked process must not talk to its parent's reader
            self._reader = self._git.start("cat-file", "--batch", offline=not self._fetching)
            self._owner = os.getpid()

    def _question(self, oid: Oid | str) -> list[bytes]:
        """Ask for an object by id or ref; the words of the answer's first line, none when the process has ended."""
        self._start_reader()
        try:
            self._reader.stdin.write(f"{oid}\n".encode("utf-8", "surrogateescape"))
            self._reader.stdin.flush()
            head: list[bytes] = self._reader.stdout.readline().split()
        except BrokenPipeError:
            head = []
        if not head:
            self._reader = None
        return head

    def _may_come_back(self) -> bool:
        """Whether an object that is missing is none that a shallow or partial clone was told to leave out."""
        return self.gc_is_running and not (self._git.common_dir / "shallow").exists() and not self._is_partial()

    def _is_partial(self) -> bool:
        if self._partial is None:
            keys = r"^(extensions\.partialclone|remote\..*\.promisor)$"
            self._partial = self._git.attempt("config", "--get-regexp", keys).status == 0
        return self._partial

    def _check_programs(self, oid: Oid) -> None:
        """Reading runs no program that somebody else may have put into the repository's own configuration.

        Raises: MissingObjectError.
        """
        output = self._git.attempt("config", "-z", "--show-scope", "--name-only", "--get-regexp", _PROGRAMS).stdout
        words = output.decode("utf-8", "replace").split("\0")
        own = [key for scope, key in zip(words[::2], words[1::2], strict=False) if scope in ("local", "worktree")]
        if own:
            why = f"reading fetches nothing while the repository's own configuration has '{own[0]}'"
            raise MissingObjectError(str(oid), hint=f"{why}; to fetch everything: git fetch --refetch --no-filter")

    def at(self, ref: str) -> Oid | None:
        """What a ref of this full name points at, None when there is no such ref, or its object is not here.

        The next `read` of it asks no more. One line to the process that reads objects: where many single refs are asked
        for, `for-each-ref` lists too much.
        """
        with self._alone():
            try:
                head = self._question(ref) or self._question(ref)
                if len(head) != 3:
                    self._pass_over_complaints()
                    return None
                found = Oid.parse(head[0].decode())
                # one that is too large is nothing of ours
                return found if self._keep_ahead(found, head) and self._is_there(ref) else None
            except BaseException:
                self._abandon()
                raise

    def _is_there(self, ref: str) -> bool:
        """Whether it was this ref that git found: anybody may push a tag that is called `refs/remotes/origin/HEAD`."""
        if self._has_shadows is None:
            self._has_shadows = bool(self._git.run("for-each-ref", "--count=1", *_SHADOWS, offline=True))
        if not self._has_shadows or not ref.startswith(("refs/", "HEAD")):
            return True
        return self._git.attempt("show-ref", "--verify", "--quiet", "--", ref).status == 0

    def commit(self, oid: Oid) -> Commit:
        """A commit. Raises: MissingObjectError, RecordError."""
        return Commit.parse(self._content(oid, "commit"))

    def tag(self, oid: Oid) -> Tag:
        """An annotated tag. Raises: MissingObjectError, RecordError."""
        return Tag.parse(self._content(oid, "tag"))

    def tree(self, oid: Oid) -> dict[str, TreeEntry]:
        """A tree's entries by name. Raises: MissingObjectError, RecordError."""
        entries = parse_tree(self._content(oid, "tree"))
        return {entry.name.decode("utf-8", "surrogateescape"): entry for entry in entries}

    def entry_at(self, tree: Oid, path: str) -> tuple[str, TreeEntry] | None:
        """What lies at `path` in a tree, and its path; where no folder is in the way, that. None for nothing.

        Only the levels on the way are read: trees may hold each other a million times. Raises: MissingObjectError,
        RecordError.
        """
        found = None
        above = ""
        for part in path.split("/"):
            entry = self.tree(tree).get(part)
            if entry is None:
                return None
            above = f"{above}/{part}".removeprefix("/")
            found = above, entry
            if not entry.is_tree:
                break
            tree = entry.oid
        return found

    def blob_at(self, tree: Oid, path: str) -> bytes | None:
        """The content of the file at `path` in a tree, or None. Raises: MissingObjectError, RecordError."""
        there, leaf = self.entry_at(tree, path) or ("", None)
        return self._content(leaf.oid, "blob") if leaf and there == path and not leaf.is_tree else None

    def _content(self, oid: Oid, kind: str) -> bytes:
        found, data = self.read(oid)
        if found != kind:
            raise RecordError(f"object {oid} is a {found}, expected a {kind}")
        return data

    def write(self, objects: Iterable[tuple[str, bytes]]) -> None:
        """Write objects, synced to disk, as (kind, content). What is there already is left. Raises: GitError."""
        self._write(objects, "unpack-objects", "-q")

    def _write(self, objects: Iterable[tuple[str, bytes]], *command: str) -> None:
        pack = pack_of(list(objects))
        for _ in range(_TRIES):
            # a `git gc` removes temporary files, and folders that are empty at the moment
            if self._git.attempt(*command, stdin=pack).status == 0:
                return
            if not self.gc_is_running:
                break
        self._git.run(*command, stdin=pack)

    @property
    def gc_is_running(self) -> bool:
        """Whether a `git gc` is at work here."""
        return (self._git.common_dir / "gc.pid").exists()

    def keep(self, objects: Iterable[tuple[str, bytes]]) -> None:
        """Make sure that objects to which a ref has just been made are here, and stay. Raises: GitError.

        A `git gc --prune=now` that began before there was the ref takes them at any time until it ends, but it takes
        none from a pack that is new.
        """
        here = list(objects)
        if self.gc_is_running or not self.all_here(here):
            self._write(here, "index-pack", "--stdin")

    def all_here(self, objects: Iterable[tuple[str, bytes]]) -> bool:
        """Whether all of these objects can be read."""
        try:
            for kind, data in objects:
                self.read(hash_object(kind, data))
        except MissingObjectError:
            return False
        return True


class Batch:
    """Objects that belong together, collected and then written by one process."""

    def __init__(self) -> None:
        self.objects: list[tuple[str, bytes]] = []

    def add(self, kind: str, data: bytes) -> Oid:
        """Add an object and return its id."""
        self.objects.append((kind, data))
        return hash_object(kind, data)

    def add_tree(self, files: dict[str, bytes]) -> Oid:
        """Add the tree of these files, `/` between the parts of their paths, and all below it."""
        entries = []
        folders: dict[str, dict[str, bytes]] = {}
        for path, data in files.items():
            head, slash, rest = path.partition("/")
            if slash:
                folders.setdefault(head, {})[rest] = data
            else:
                entries.append(TreeEntry(path.encode(), self.add("blob", data)))
        entries += [TreeEntry(name.encode(), self.add_tree(inner), is_tree=True) for name, inner in folders.items()]
        return self.add("tree", encode_tree(entries))

    def edit_tree(self, objects: Objects, tree: Oid | None, files: Mapping[str, bytes | None]) -> Oid:
        """Add a tree with these files (None: without that one) and all else that `tree` has; empty folders go.

        Raises: MissingObjectError, RecordError.
        """
        entries = objects.tree(tree) if tree and tree != EMPTY_TREE else {}
        below: dict[str, dict[str, bytes | None]] = {}
        for path, data in files.items():
            head, slash, rest = path.partition("/")
            if slash:
                below.setdefault(head, {})[rest] = data
            elif data is None:
                entries.pop(head, None)
            else:
                entries[head] = TreeEntry(head.encode(), self.add("blob", data))
        for head, inner in below.items():
            known = entries.pop(head, None)
            fresh = self.edit_tree(objects, known.oid if known and known.is_tree else None, inner)
            if fresh != EMPTY_TREE:
                entries[head] = TreeEntry(head.encode(), fresh, is_tree=True)
        return self.add("tree", encode_tree(entries.values()))


def pack_of(objects: Sequence[tuple[str, bytes]]) -> bytes:
    """A packfile of whole objects. Source: git's `Documentation/gitformat-pack.txt`."""
    unique = list(dict.fromkeys(objects))
    parts = [b"PACK", (2).to_bytes(4, "big"), len(unique).to_bytes(4, "big")]
    for kind, data in unique:
        size = len(data)
        byte, size = (_KINDS[kind] << 4) | (size & 15), size >> 4
        header = bytearray()
        while size:
            header.append(byte | 0x80)
            byte, size = size & 0x7F, size >> 7
        header.append(byte)
        parts += [bytes(header), zlib.compress(data)]
    pack = b"".join(parts)
    return pack + hashlib.sha1(pack, usedforsecurity=False).digest()
