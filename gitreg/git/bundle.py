"""Bundles, git-bundle(1): refs and objects of a repository in one file, written, read and taken apart.

A file of an artifact is a blob in one. It may be larger than memory, so it passes through in pieces, and is not
compressed: weights and pictures would not become smaller.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gitreg.errors import GitError, RecordError
from gitreg.git.quarantine import write_alternates
from gitreg.git.runner import Git
from gitreg.records.objects import GITREG_IDENTITY, Oid

_SIGNATURE = b"# v2 git bundle\n"
_MAX_HEADER = 16 << 20
_LONGEST = 4096
_CHUNK = 1 << 20
# Blobs pass through in pieces, and packs are not mapped into memory as a whole.
_LIMITS = ("core.bigFileThreshold=1m", "core.packedGitWindowSize=16m", "core.packedGitLimit=64m")
_STREAMED = tuple(word for limit in _LIMITS for word in ("-c", limit))
# What is derived from the cache, and read once, need not outlast a power cut.
_BYTES_PINS = (*_STREAMED, "-c", "core.compression=0", "-c", "core.fsync=none", "-c", "fastimport.unpackLimit=1")
_BUNDLE_PINS = (*_STREAMED, "-c", "pack.window=0", "-c", "pack.packSizeLimit=0")
# Whatever the user's environment or configuration says of new repositories.
_INIT_ENV = {"GIT_DEFAULT_HASH": "sha1", "GIT_DEFAULT_REF_FORMAT": "files"}


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before a bundle's pack.

    Attributes:
        needs: commits that whoever takes the bundle must have.
        refs: what it brings, by full name.
        offset: where the pack begins, in bytes.
    """

    needs: tuple[Oid, ...]
    refs: Mapping[str, Oid]
    offset: int


@dataclass(frozen=True, slots=True)
class File:
    """A file of a tree: its path as git has it, its blob, and its bytes."""

    path: str
    oid: Oid
    size: int


def make_repository(folder: Path, *, alternate: Path | None = None) -> None:
    """Make an empty directory a bare repository, which reads the objects of another store too. Raises: GitError."""
    git = Git(folder, folder, None)
    git.run("init", "--quiet", "--bare", "--template=", env=_INIT_ENV)
    (folder / "info").mkdir(exist_ok=True)
    if alternate:
        write_alternates(folder / "objects", alternate)


def add_files(git: Git, ref: str, files: Mapping[str, Path]) -> None:
    """Make `ref` a commit without parents whose tree is these files. Raises: GitError, OSError."""
    arguments = (*_BYTES_PINS, "fast-import", "--quiet", "--done", "--force", "--date-format=raw")
    process = git.start(*arguments, offline=True)
    try:
        who = GITREG_IDENTITY.text.encode()
        process.stdin.write(b"commit %s\ncommitter %s\ndata 6\nbytes\n\n" % (ref.encode(), who))
        for path, place in sorted(files.items()):
            with place.open("rb", buffering=0) as source:
                size = os.fstat(source.fileno()).st_size
                process.stdin.write(b"M 100644 inline %s\ndata %d\n" % (path.encode(), size))
                _copy(source, process.stdin, size)
                process.stdin.write(b"\n")
        process.stdin.write(b"done\n")
        stdout, stderr = process.communicate()
    except BrokenPipeError:
        stdout, stderr = process.communicate()
    except BaseException:
        # without its last line it writes no ref
        process.proc.kill()
        process.communicate()
        raise
    del stdout
    if process.returncode != 0:
        raise GitError(("fast-import",), process.returncode, stderr.decode("utf-8", "replace"))


def write(git: Git, place: Path, refs: Iterable[str], without: Iterable[Oid] = ()) -> None:
    """Write these refs into a bundle, with all that they need and that the commits of `without` do not hold.

    The file is on disk then, under that name at once. Raises: GitError, OSError.
    """
    wanted = "".join([*(f"{ref}\n" for ref in refs), *(f"^{oid}\n" for oid in without)])
    command = ("bundle", "create", "--quiet", "--version=2", str(place), "--stdin")
    git.run(*command, stdin=wanted.encode(), offline=True, pin=_BUNDLE_PINS)
    with place.open("rb") as file:
        os.fsync(file.fileno())


def read_header(place: Path) -> Header:
    """What a file says that it holds. Raises: RecordError when it is no bundle, OSError."""
    needs: list[Oid] = []
    refs: dict[str, Oid] = {}
    with place.open("rb") as file, contextlib.suppress(RecordError):
        begins = file.readline(len(_SIGNATURE)) == _SIGNATURE
        while begins and (line := file.readline(_LONGEST)).endswith(b"\n") and file.tell() < _MAX_HEADER:
            if line == b"\n":
                return Header(tuple(needs), refs, file.tell())
            oid, _, name = line[:-1].decode("utf-8", "replace").partition(" ")
            if oid.startswith("-"):
                needs.append(Oid.parse(oid[1:]))
            else:
                refs[name] = Oid.parse(oid)
    raise RecordError(f"'{place}' is no bundle, or a damaged one", hint="name a file that a run was written into")


def unpack(git: Git, place: Path, header: Header) -> None:
    """Write a bundle's objects into a repository, each checked as `git fsck` does. Raises: GitError, OSError."""
    with place.open("rb", buffering=0) as file:
        file.seek(header.offset)
        # in a quarantine: what is kept is written again
        pin = (*_STREAMED, "-c", "core.fsync=none", "-c", "fsck.badTimezone=ignore")
        git.run("index-pack", "--stdin", "--fix-thin", "--strict", stdin=file, offline=True, pin=pin)


def files(git: Git, ref: str, most: int) -> Iterator[File]:
    """The files of a ref's tree. Raises: RecordError for anything else in it, or more than `most` entries; GitError.

    A tree may hold another one many times, and that another one: a small file can name more than any disk holds.
    """
    arguments = ("ls-tree", "-r", "-t", "-z", "--long", "--full-tree", "--end-of-options", ref)
    process = git.start(*arguments, offline=True)
    try:
        rest = b""
        while chunk := process.stdout.read(_CHUNK):
            *lines, rest = (rest + chunk).split(b"\0")
            most -= len(lines)
            if most < 0:
                raise RecordError(f"'{ref}' holds more than an honest one can")
            for line in lines:
                found = re.fullmatch(rb"100644 blob ([0-9a-f]{40}) +([0-9]+)\t(.+)", line, re.DOTALL)
                if found:
                    yield File(os.fsdecode(found[3]), Oid.parse(found[1].decode()), int(found[2]))
                elif not line.startswith(b"040000 tree "):
                    raise RecordError(f"'{ref}' holds more than files of mode 100644")
        _, stderr = process.communicate()
        if process.returncode != 0:
            raise GitError(("ls-tree",), process.returncode, stderr.decode("utf-8", "replace"))
    finally:
        process.proc.kill()
        process.communicate()


@contextlib.contextmanager
def reader(git: Git) -> Iterator[Callable[[File, Path], None]]:
    """A function that copies a file's content, of any size, to a place. Raises: GitError."""
    process = git.start(*_STREAMED, "cat-file", "--batch", offline=True)

    def copy(file: File, place: Path) -> None:
        process.stdin.write(f"{file.oid}\n".encode())
        process.stdin.flush()
        head = process.stdout.readline().split()
        if head != [str(file.oid).encode(), b"blob", str(file.size).encode()]:
            raise GitError(("cat-file",), 1, f"object {file.oid} cannot be read")
        with place.open("wb", buffering=0) as target:
            _copy(process.stdout, target, file.size)
        process.stdout.read(1)

    try:
        yield copy
    finally:
        process.proc.kill()
        process.communicate()


def _copy(source: IO[bytes], target: IO[bytes], size: int) -> None:
    """Copy exactly `size` bytes. Raises: GitError when there are fewer."""
    left = size
    while left:
        chunk = source.read(min(left, _CHUNK))
        if not chunk:
            raise GitError(("cat-file",), 1, "a file ended before its end")
        view = memoryview(chunk)
        while view:
            view = view[target.write(view) or 0 :]
        left -= len(chunk)
