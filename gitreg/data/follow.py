"""Bring the bytes of references to where a user wants them, each checked against what was recorded.

Where a reference leads was written by whoever made the version. So a file of this machine is copied only when it has
the recorded hash, and what a server has is taken only when it is what it had then.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from gitreg.data.config import Project, options_in
from gitreg.data.hashing import READ_FLAGS, Stored, hash_file, pump, refusals, storage_error
from gitreg.data.references import KINDS, Place
from gitreg.data.tree import Tree
from gitreg.data.urls import is_usable, local_path
from gitreg.errors import (
    ChangedReferenceError,
    Error,
    MissingReferenceError,
    StorageError,
    UncheckedReferenceError,
)
from gitreg.progress import SILENT, Progress, Task
from gitreg.records.references import Reference

_JOBS = 16
_LEAVE_OUT = "in Python, download(allow_missing_references=True) leaves it out"


def hosts(references: Iterable[Reference]) -> list[str]:
    """Whom fetching them would ask: `https://host`, `s3://bucket`; `this machine` for files."""
    found = {"this machine" if item.scheme == "file" else "/".join(item.uri.split("/")[:3]) for item in references}
    return sorted(found)


def unchecked(reference: Reference) -> UncheckedReferenceError | None:
    """Why it cannot be fetched and checked at all; None when it can."""
    if reference.scheme not in KINDS or not is_usable(reference.uri):
        hint = "fetch it yourself: gitreg knows no way there"
    elif not reference.is_checkable or (reference.scheme == "file" and not reference.sha256 and not reference.md5):
        hint = "fetch it yourself, or log it again with a checksum (add_reference), or the file itself (add_file)"
    else:
        return None
    return UncheckedReferenceError(reference.path, reference.uri, hint=f"{hint}; {_LEAVE_OUT}")


def follow(
    project: Project,
    references: Iterable[Reference],
    target: Path,
    progress: Progress = SILENT,
    *,
    allow_missing: bool = False,
) -> list[Error]:
    """Write what references name into the directory `target`; why some are not there, with `allow_missing`.

    A file that is there and has the recorded hash stays. Raises: ChangedReferenceError for other bytes than were
    logged, of which none is left; UncheckedReferenceError, before anything is asked, and MissingReferenceError unless
    `allow_missing`; StorageError.
    """
    wanted: list[Reference] = []
    left_out: list[Error] = []
    for reference in references:
        problem = unchecked(reference)
        if problem and not allow_missing:
            raise problem
        if problem:
            left_out.append(problem)
        else:
            wanted.append(reference)
    if not wanted:
        return left_out
    known = [item.size for item in wanted]
    size = None if None in known else sum(item or 0 for item in known)
    try:
        with (
            closing(Tree(target)) as tree,
            progress.task("fetching references", size=size, files=len(wanted)) as task,
            closing(_Fetcher(project, tree, task)) as fetcher,
        ):
            wanted = [item for item in wanted if not fetcher.is_right(item)]
            for start in range(0, len(wanted), _JOBS):
                left_out += fetcher.fetch(wanted[start : start + _JOBS])
                if left_out and not allow_missing:
                    raise left_out[0]
    except OSError as error:
        raise storage_error(f"files cannot be written to '{target}'", error) from error
    return left_out


class _Fetcher:
    """Fetches some at a time."""

    def __init__(self, project: Project, tree: Tree, task: Task) -> None:
        self._project = project
        self._tree = tree
        self._task = task
        self._places: dict[tuple[str, bool, str], Place] = {}

    def close(self) -> None:
        """Give back the connections."""
        for place in self._places.values():
            place.close()

    def is_right(self, reference: Reference) -> bool:
        """Whether the file is there already; an etag says nothing about a file."""
        descriptor = self._tree.open_existing(reference.path)
        if descriptor is None:
            return False
        try:
            size = os.fstat(descriptor).st_size
            if not (reference.sha256 or reference.md5) or reference.size not in (None, size):
                return False
            right = not _difference(reference, pump(descriptor, size))
        finally:
            os.close(descriptor)
        if right:
            self._task.advance(size)
            self._task.done("skipped", reference.path, size)
        return right

    def fetch(self, references: Sequence[Reference]) -> list[Error]:
        """Fetch them side by side; why some are not there."""
        absent: list[Error] = []
        left: list[str] = []
        try:
            places = [self._place(reference) for reference in references]
            with ThreadPoolExecutor(_JOBS) as pool:
                jobs = []
                for reference, place in zip(references, places, strict=True):
                    temporary, sink = self._tree.create(reference.path)
                    left.append(temporary)
                    jobs.append(pool.submit(self._bring, reference, temporary, sink, place))
            for reference, temporary, job in zip(references, tuple(left), jobs, strict=True):
                try:
                    size = job.result()
                except MissingReferenceError as error:
                    absent.append(error)
                    continue
                self._tree.move(temporary, reference.path)
                left.remove(temporary)
                self._task.done("downloaded", reference.path, size)
        finally:
            for temporary in left:
                self._tree.remove(temporary)
        return absent

    @cached_property
    def _config(self) -> dict[str, Any]:
        """DVC's configuration, read once for all references to servers."""
        return self._project.config()

    def _place(self, reference: Reference) -> Place | None:
        if reference.scheme == "file":
            return None
        # on one server, the user's secrets are for what is below his own remote's address and nothing else
        options = repr(options_in(self._config, reference.uri))
        key = "/".join(reference.uri.split("/")[:3]), bool(reference.version), options
        if key not in self._places:
            self._places[key] = Place(self._project, reference.uri, reference.version)
        return self._places[key]

    def _bring(self, reference: Reference, temporary: str, sink: int, place: Place | None) -> int:
        """Write the bytes into the temporary file and check them; how many there are."""
        try:
            if place is None:
                found = _copy(reference, sink, self._task)
            else:
                self._check_info(reference, place)
                found = self._get(reference, self._tree.root / temporary, sink, place)
                # the server may have put another in its place meanwhile
                self._check_info(reference, place)
        finally:
            os.close(sink)
        problem = _difference(reference, found)
        if problem:
            raise _changed(reference, problem)
        return found.size

    def _get(self, reference: Reference, path: Path, sink: int, place: Place) -> Stored:
        place.get(reference.uri, reference.version, path)
        with refusals(f"'{path}' cannot be read"):
            # what the plugin wrote must be the file that has been made for it
            if not os.path.samestat(os.fstat(sink), path.lstat()):
                raise StorageError(f"'{path}' was replaced while it was written")
            found = hash_file(path)
        self._task.advance(found.size)
        return found

    def _check_info(self, reference: Reference, place: Place) -> None:
        """See that the server still has what was logged. Raises: MissingReferenceError, ChangedReferenceError."""
        info = place.info(reference.uri, reference.version)
        if info is None:
            raise _missing(reference)
        etag, size = place.etag(info), info.get("size")
        if reference.etag and etag != reference.etag:
            raise _changed(reference, f"its etag is '{etag}' instead of '{reference.etag}'")
        if reference.size is not None and size not in (None, reference.size):
            raise _changed(reference, f"it has {size} bytes instead of {reference.size}")
        if reference.scheme == "https" and urlsplit(str(info.get("url", reference.uri))).scheme != "https":
            raise _changed(reference, "it is redirected to an address without encryption")


def _copy(reference: Reference, sink: int, task: Task) -> Stored:
    """Copy a file of this machine that has the recorded size. Raises: MissingReferenceError, StorageError."""
    path = local_path(unquote(reference.uri)) or Path()
    with refusals(f"'{path}' cannot be read"):
        try:
            # before it is opened, because opening a device may do something
            regular = stat.S_ISREG(path.stat().st_mode)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise _missing(reference) from error
        if not regular:
            raise _changed(reference, "it is no regular file")
        descriptor = os.open(path, READ_FLAGS)
        try:
            size = os.fstat(descriptor).st_size
            if reference.size is not None and size != reference.size:
                raise _changed(reference, f"it has {size} bytes instead of {reference.size}")
            return pump(descriptor, size, sink, task.advance)
        finally:
            os.close(descriptor)


def _difference(reference: Reference, found: Stored) -> str:
    """How bytes differ from what was logged, '' when they do not."""
    if reference.size not in (None, found.size):
        return f"it has {found.size} bytes instead of {reference.size}"
    if reference.sha256 not in ("", found.sha256):
        return f"its sha256 is {found.sha256} instead of {reference.sha256}"
    return f"its md5 is {found.md5} instead of {reference.md5}" if reference.md5 not in ("", found.md5) else ""


def _changed(reference: Reference, what: str) -> ChangedReferenceError:
    hint = "log a new version of what is there now, or bring back what was there"
    return ChangedReferenceError(reference.path, reference.uri, what, hint=hint)


def _missing(reference: Reference) -> MissingReferenceError:
    return MissingReferenceError(reference.path, reference.uri, hint=f"bring it back; {_LEAVE_OUT}")
