"""Write an artifact's files to where a user wants them, and check files that are there.

DVC's cache is not trusted: a byte reaches its place only when its file has the sha256 that was logged.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Container, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path

from gitreg.data.cache import Cache
from gitreg.data.hashing import READ_FLAGS, hash_file, pump, refusals, storage_error
from gitreg.data.tree import Tree
from gitreg.errors import IntegrityError, MissingBytesError, StorageError
from gitreg.progress import SILENT, Progress, Task
from gitreg.records.listing import FileEntry, Listing
from gitreg.records.references import Reference


def default_folder(directory: Path, version: str, *, make: bool = False) -> Path:
    """Where files go when nobody says where: `artifacts/<version>` below `directory`.

    With `make`, an `artifacts` that is not there yet is made, with a `.gitignore`: what is downloaded is no code of
    this project. One that was there already is the user's business.

    Raises: StorageError when a part of it is a symbolic link: the repository may hold one, and must not choose where.
    """
    place = directory
    for part in ("artifacts", *version.split("/")):
        place /= part
        if place.is_symlink():
            raise StorageError(
                f"'{place}' is a symbolic link, and may lead anywhere", hint="say into which folder the files go"
            )
    shared = directory / "artifacts"
    if make and (not shared.exists() or _is_unfinished(shared)):
        _make_shared(shared)
    return place


def _make_shared(folder: Path) -> None:
    with refusals(f"'{folder}' cannot be made"):
        # The sticky bit says that the rest is still to be done, also after a kill; where there is none, nothing does.
        with suppress(FileExistsError):  # another download was as quick
            folder.mkdir(0o777 | stat.S_ISVTX)
        with closing(Tree(folder)) as tree:
            tree.sweep(".gitignore", keep=())
            temporary, sink = tree.create(".gitignore")
            try:
                with os.fdopen(sink, "wb") as file:
                    file.write(b"*\n")
                    file.flush()
                    os.fsync(sink)
                tree.move(temporary, ".gitignore")
            except BaseException:
                with suppress(OSError):  # the first error counts
                    tree.remove(temporary)
                    folder.rmdir()
                raise
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) & ~stat.S_ISVTX)


def _is_unfinished(folder: Path) -> bool:
    with refusals(f"'{folder}' cannot be read"):
        return bool(folder.stat().st_mode & stat.S_ISVTX) and all(
            path.name == ".gitignore" or path.name.startswith(".gitreg-") for path in folder.iterdir()
        )


def materialise(
    listing: Listing,
    cache: Cache,
    target: Path,
    *,
    only: Container[str] | None = None,
    progress: Progress = SILENT,
) -> Path:
    """Write the files (those whose path is in `only`) into the directory `target`, and return it.

    Files that are right stay, wrong ones are replaced, others are left alone, but for what a killed process has left
    half-written beside them. Modes are 0644 less the umask.

    Raises: MissingBytesError before any file is written; IntegrityError for wrong bytes, whose object is then moved
        aside so that it can be fetched again; StorageError when something is in the way.
    """
    entries = [entry for entry in listing if only is None or entry.path in only]
    try:
        size = sum(entry.size for entry in entries)
        with closing(Tree(target)) as tree, progress.task("writing", size=size, files=len(entries)) as task:
            own = {entry.path for entry in listing}
            for path in {entry.path.rpartition("/")[0]: entry.path for entry in entries}.values():
                tree.sweep(path, keep=own)
            wanted = [entry for entry in entries if not _is_right(tree, entry, task)]
            missing = [entry for entry in wanted if not cache.has(entry.md5)]
            if missing:
                raise MissingBytesError(
                    f"the bytes of '{missing[0].path}'"
                    + (f" and {len(missing) - 1} other files" if len(missing) > 1 else "")
                    + " are not in the cache",
                    sorted({entry.md5 for entry in missing}),
                )
            for entry in wanted:
                _write(tree, entry, cache, task)
    except OSError as error:
        raise storage_error(f"files cannot be written to '{target}'", error) from error
    return target


def read_file(entry: FileEntry, cache: Cache) -> bytes:
    """The bytes of one file, which is in the cache.

    Raises: IntegrityError for wrong bytes, whose object is then moved aside so that it can be fetched again;
        StorageError.
    """
    with (
        refusals(f"'{entry.path}' cannot be read"),
        os.fdopen(os.open(cache.path(entry.md5), READ_FLAGS), "rb") as file,
    ):
        data = file.read(entry.size + 1)
    _check(entry, hashlib.sha256(data).hexdigest(), cache)
    return data


def verify(listing: Listing, target: Path) -> list[str]:
    """What is wrong with the files in `target`, a line for each, sorted by path; empty when nothing is.

    Raises: StorageError when something cannot be read.
    """
    problems: dict[str, str] = {}
    try:
        found = set(_walk(target))
        for entry in listing:
            if entry.path not in found:
                problems[entry.path] = "is missing"
            elif not _matches(target / entry.path, entry):
                problems[entry.path] = "has changed"
        for reference in listing.references:
            if reference.path in found and not _matches_reference(target / reference.path, reference):
                problems[reference.path] = "has changed"
    except OSError as error:
        raise storage_error(f"'{target}' cannot be verified", error) from error
    problems.update({path: "does not belong to it" for path in found if _is_strange(listing, path)})
    return [f"'{path}' {problem}" for path, problem in sorted(problems.items())]


def stranger(listing: Listing, target: Path) -> str:
    """A file in `target` that does not belong to it, or a folder that cannot be read; '' when there is none."""
    try:
        return next((found for found in _walk(target) if _is_strange(listing, found)), "")
    except OSError as error:
        return os.path.relpath(error.filename, target)


def strangers(listing: Listing, target: Path) -> list[str]:
    """The files in `target` that do not belong to it. Raises: StorageError when it cannot be read."""
    with refusals(f"'{target}' cannot be read"):
        return [found for found in _walk(target) if _is_strange(listing, found)]


def take_away(target: Path, known: Mapping[str, Container[str]]) -> list[str]:
    """Remove files whose sha256 is among those known for their path, and folders that are empty then.

    When some are others, those are the result, and nothing is removed. Raises: StorageError.
    """
    with refusals(f"'{target}' cannot be cleared"), closing(Tree(target)) as tree:
        others = [path for path, hashes in known.items() if _sha256(tree, path) not in hashes]
        for path in () if others else known:
            tree.remove(path)
            for folder in list(Path(path).parents)[:-1]:
                with suppress(OSError):  # it has other files
                    (target / folder).rmdir()
    return others


def _sha256(tree: Tree, path: str) -> str:
    """'' for what is no file."""
    descriptor = tree.open_existing(path)
    if descriptor is None:
        return ""
    try:
        return pump(descriptor, os.fstat(descriptor).st_size, want_md5=False).sha256
    finally:
        os.close(descriptor)


def _is_strange(listing: Listing, path: str) -> bool:
    return listing.get(path) is None and listing.reference(path) is None


def _is_right(tree: Tree, entry: FileEntry, task: Task) -> bool:
    descriptor = tree.open_existing(entry.path)
    if descriptor is None:
        return False
    try:
        size = os.fstat(descriptor).st_size
        if size != entry.size:
            return False
        if pump(descriptor, size, None, task.advance, want_md5=False).sha256 == entry.sha256:
            task.done("skipped", entry.path, size)
            return True
        # it is still to be written
        task.advance(-size)
        return False
    finally:
        os.close(descriptor)


def _write(tree: Tree, entry: FileEntry, cache: Cache, task: Task) -> None:
    source = os.open(cache.path(entry.md5), READ_FLAGS)
    try:
        temporary, sink = tree.create(entry.path)
        try:
            try:
                found = pump(source, entry.size, sink, task.advance, want_md5=False)
            finally:
                os.close(sink)
            _check(entry, found.sha256, cache)
            tree.move(temporary, entry.path)
            task.done("written", entry.path, entry.size)
        except BaseException:
            tree.remove(temporary)
            raise
    finally:
        os.close(source)


def _check(entry: FileEntry, sha256: str, cache: Cache) -> None:
    if sha256 != entry.sha256:
        aside = cache.quarantine(entry.md5)
        raise IntegrityError(
            entry.path, entry.sha256, sha256, hint=f"the damaged object is now '{aside}'; fetch it again"
        )


def _walk(target: Path) -> Iterator[str]:
    """The paths of files and links, those of a folder by name."""
    for directory, directories, files in os.walk(target, onerror=_raise):
        directories.sort()
        links = [name for name in directories if Path(directory, name).is_symlink()]
        yield from (Path(directory, name).relative_to(target).as_posix() for name in sorted((*files, *links)))


def _raise(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _matches_reference(path: Path, reference: Reference) -> bool:
    """Whether a file is what a reference leads to, as far as that was recorded."""
    found = hash_file(path)
    recorded = reference.size, reference.md5, reference.sha256
    return all(a in (None, "", b) for a, b in zip(recorded, (found.size, found.md5, found.sha256), strict=True))


def _matches(path: Path, entry: FileEntry) -> bool:
    return (
        path.is_file() and path.stat().st_size == entry.size and hash_file(path, want_md5=False).sha256 == entry.sha256
    )
