"""Hash bytes while they pass: one loop for storing, checking and copying, flat in memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from gitreg.errors import StorageError, advice

Advance = Callable[[int], None]
"""Called with the bytes done since the last call, as `Task.advance` is."""

_SMALL = 1 << 16
_CHUNK = 1 << 20
_BIG = 4 * _CHUNK


@dataclass(frozen=True, slots=True)
class Stored:
    """Bytes by their hashes.

    Attributes:
        md5, sha256: lower case hex; md5 without `.dir`, and empty when it was not asked for.
        size: bytes.
    """

    md5: str
    sha256: str
    size: int


def pump(
    source: int, size: int, sink: int | None = None, advance: Advance | None = None, *, want_md5: bool = True
) -> Stored:
    """Read the file descriptor `source` to its end, hash it, and write it to `sink` on the way.

    `size` is what is expected, in bytes; it only decides how the work is done. Raises: OSError.
    """
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    done = 0
    with ExitStack() as stack:
        helper = None
        buffers = [memoryview(bytearray(max(_SMALL, min(_CHUNK, size + 1))))]
        if want_md5 and size >= _BIG:
            # Both hashes release the GIL. md5 is the slower one, so it never waits for a read or a write: while it
            # works on one buffer, the other is filled.
            helper = stack.enter_context(ThreadPoolExecutor(1))
            buffers.append(memoryview(bytearray(_CHUNK)))
        hashed: Future[None] | None = None
        for buffer in cycle(buffers):
            count = os.readv(source, [buffer]) if hasattr(os, "readv") else _read_into(source, buffer)
            if hashed is not None:
                hashed.result()
            if count == 0:
                break
            chunk = buffer[:count]
            if helper is not None:
                hashed = helper.submit(md5.update, chunk)
            elif want_md5:
                md5.update(chunk)
            sha256.update(chunk)
            if sink is not None:
                _write_all(sink, chunk)
            done += count
            if advance is not None:
                advance(count)
    return Stored(md5.hexdigest() if want_md5 else "", sha256.hexdigest(), done)


def hash_file(path: str | os.PathLike[str], advance: Advance | None = None, *, want_md5: bool = True) -> Stored:
    """Hash a file where it lies. Raises: OSError."""
    descriptor = os.open(path, READ_FLAGS)
    try:
        return pump(descriptor, os.fstat(descriptor).st_size, None, advance, want_md5=want_md5)
    finally:
        os.close(descriptor)


def copy_file(source: Path, target: Path, advance: Advance | None = None) -> None:
    """Copy bytes into an existing file, without a hash. Raises: OSError."""
    with source.open("rb", buffering=0) as reader, target.open("wb", buffering=0) as writer:
        buffer = memoryview(bytearray(_CHUNK))
        while count := reader.readinto(buffer):
            _write_all(writer.fileno(), buffer[:count])
            if advance is not None:
                advance(count)


# Without O_NONBLOCK, opening a named pipe waits for a writer.
READ_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)


def storage_error(what: str, error: OSError) -> StorageError:
    """The error for an operation that the system refused."""
    where = f" ('{os.fsdecode(error.filename)}')" if isinstance(error.filename, (str, bytes)) else ""
    return StorageError(f"{what}: {error.strerror or error}{where}", hint=advice(error))


def _read_into(source: int, buffer: memoryview) -> int:
    data = os.read(source, len(buffer))
    buffer[: len(data)] = data
    return len(data)


def _write_all(sink: int, chunk: memoryview) -> None:
    while chunk:
        chunk = chunk[os.write(sink, chunk) :]


@contextmanager
def refusals(what: str) -> Iterator[None]:
    """Turn what the system refuses into a StorageError that starts with `what`."""
    try:
        yield
    except OSError as error:
        raise storage_error(what, error) from error
