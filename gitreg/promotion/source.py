"""Where the files that say what aliases shall name are read from: a commit's tree, or somebody's working tree.

Both are strangers' as far as a plan is concerned: no link is followed, and there is an end to everything. A file that
cannot be read is no error here but part of what was found, so that all of them can be shown.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gitreg.data.hashing import READ_FLAGS, refusals
from gitreg.errors import NotARepositoryError, RecordError, RefusedError, SettingsError
from gitreg.promotion import wanted
from gitreg.promotion.wanted import FOLDER, Entry
from gitreg.records.names import AliasName, CollectionName
from gitreg.records.objects import Oid, TreeEntry, hash_object
from gitreg.records.yamlio import MAX_BYTES
from gitreg.registry.repository import Registry

MAX_FILES = 10_000
"""How many files and folders there may be below FOLDER."""
MAX_TOTAL = 4 << 20
"""How many bytes they may have together."""

_FILES = frozenset({0o100644, 0o100755})
_READ = READ_FLAGS | getattr(os, "O_NOFOLLOW", 0)
# `a.yaml` and `space/a.yaml`; what lies deeper is no collection's
_DEEPEST = 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the files say.

    Attributes:
        entries: each alias that a file lists.
        broken: the files that cannot be read, each with the first thing that is wrong with it.
        files: the content of every file that was read, as a blob's id, by its path.
    """

    entries: Mapping[AliasName, Entry]
    broken: tuple[SettingsError, ...]
    files: Mapping[str, Oid]


@dataclass(frozen=True, slots=True)
class _Found:
    """Something below FOLDER: its path, git's mode for it, and how to get at its bytes."""

    path: str
    mode: int
    read: Callable[[], bytes]


def at(registry: Registry, commit: Oid) -> Wanted:
    """What the tree of a commit says. Raises: MissingObjectError, RecordError for what is no commit or tree."""
    try:
        folder = _entry(registry, commit, FOLDER)
        if folder and not folder.is_tree:
            raise _no_file(FOLDER, _mode(folder), wants="a folder")
    except SettingsError as error:
        return Wanted({}, (error,), {})
    return _collected(_in_tree(registry, folder.oid, FOLDER)) if folder else Wanted({}, (), {})


def file_at(registry: Registry, commit: Oid, path: str) -> bytes | None:
    """The content of one file in a commit's tree, None when there is none.

    Raises: SettingsError for what is no regular file in a folder, or far too large; as `at`.
    """
    entry = _entry(registry, commit, path)
    if entry is None:
        return None
    if _mode(entry) not in _FILES:
        raise _no_file(path, _mode(entry))
    try:
        return _blob(registry, entry.oid)
    except RecordError as error:
        raise SettingsError(path, 0, error.message, hint=error.hint) from error


def _entry(registry: Registry, commit: Oid, path: str) -> TreeEntry | None:
    """What lies in a commit, None for nothing. Raises: SettingsError where something is in the way."""
    there, entry = registry.objects.entry_at(registry.objects.commit(commit).tree, path) or (path, None)
    if entry and there != path:
        raise _no_file(there, _mode(entry), wants="a folder")
    return entry


def of_collection(registry: Registry, commit: Oid, collection: CollectionName) -> Mapping[AliasName, Entry]:
    """What a commit's file of one collection says; nothing where there is none. Raises: as `file_at`."""
    path = wanted.path_of(collection)
    data = file_at(registry, commit, path)
    return {} if data is None else wanted.parse(path, text_of(path, data))


def in_worktree(registry: Registry) -> Wanted:
    """What the working tree says, committed or not.

    Raises: as `top`, StorageError for what the system refuses.
    """
    folder = top(registry)
    above = ""
    for part in FOLDER.split("/"):
        above, folder = f"{above}/{part}".removeprefix("/"), folder / part
        try:
            mode = folder.lstat().st_mode
        except FileNotFoundError:
            return Wanted({}, (), {})
        if not stat.S_ISDIR(mode):
            return Wanted({}, (_no_file(above, mode, wants="a folder"),), {})
    return _collected(_in_folder(folder, FOLDER))


def top(registry: Registry) -> Path:
    """The root of the working tree.

    Raises: NotARepositoryError in a bare repository, RefusedError where a sparse checkout leaves these files out, which
        must not be taken for gone.
    """
    git = registry.git
    if git.worktree is None:
        raise NotARepositoryError("a bare repository has no working tree", hint="work in a clone: git clone PATH")
    if git.config("core.sparseCheckout") == "true":
        above = FOLDER.partition("/")[0]
        left = [line for line in git.run("ls-files", "-t", "-z", "--", f":/{above}").split(b"\0") if line[:1] == b"S"]
        if left:
            hint = (
                f"git sparse-checkout add {above}; without it, see 'gitreg promote --branch' and 'gitreg plan --head'"
            )
            raise RefusedError(f"the sparse checkout leaves files of '{above}' out of the working tree", hint=hint)
    return git.worktree


def _collected(found: Iterable[_Found | None]) -> Wanted:
    entries: dict[AliasName, Entry] = {}
    broken: list[SettingsError] = []
    files: dict[str, Oid] = {}
    folded: dict[str, str] = {}
    total = 0
    for count, item in enumerate(found):
        if count >= MAX_FILES:
            broken.append(SettingsError(FOLDER, 0, f"it holds more than {MAX_FILES:,} files"))
            break
        if item is None:
            continue
        try:
            _check(item, folded)
            data = item.read()
            # of one that is too large anyway, as much as is looked at
            total += min(len(data), MAX_BYTES)
            if total > MAX_TOTAL:
                broken.append(SettingsError(FOLDER, 0, f"its files have more than {MAX_TOTAL >> 20} MiB together"))
                break
            text = text_of(item.path, data)
            files[item.path] = hash_object("blob", data)
            entries |= wanted.parse(item.path, text)
        except SettingsError as error:
            broken.append(error)
        except RecordError as error:
            # an object that is too large to be read at all
            broken.append(SettingsError(item.path, 0, error.message, hint=error.hint))
    return Wanted(entries, tuple(broken), files)


def text_of(path: str, data: bytes) -> str:
    """The text of a file. Raises: SettingsError."""
    if len(data) > MAX_BYTES:
        raise SettingsError(path, 0, f"larger than {MAX_BYTES} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsError(path, line, "it is not UTF-8") from error


def _check(item: _Found, folded: dict[str, str]) -> None:
    """Raises: SettingsError for what is no regular file of a collection, or has another's name but for case."""
    if item.mode not in _FILES:
        raise _no_file(item.path, item.mode)
    wanted.collection_of(item.path)
    twin = folded.setdefault(item.path.lower(), item.path)
    if twin != item.path:
        raise SettingsError(item.path, 0, f"its name differs from '{twin}' only by case")


def _no_file(path: str, mode: int, *, wants: str = "a regular file") -> SettingsError:
    kinds = {
        stat.S_IFLNK: "a link",
        stat.S_IFDIR: "a folder",
        0o160000: "a submodule",
        stat.S_IFREG: "a file of an unusual mode",
    }
    kind = kinds.get(stat.S_IFMT(mode), "no regular file")
    return SettingsError(path, 0, f"it is {kind}, where {wants} is expected", hint="only such files are read")


def _mode(entry: TreeEntry) -> int:
    try:
        return int(entry.mode, 8)
    except ValueError:
        return 0


def _in_tree(registry: Registry, tree: Oid, folder: str, depth: int = 0) -> Iterator[_Found | None]:
    """What lies there; None for what is passed over, which counts too: one folder is quickly listed a million times."""
    for name, entry in registry.objects.tree(tree).items():
        path = f"{folder}/{name}"
        if _is_passed_over(name):
            yield None
        elif entry.is_tree and depth < _DEEPEST and not name.endswith(".yaml"):
            yield None
            yield from _in_tree(registry, entry.oid, path, depth + 1)
        else:
            # git never makes such a name, and another may have the same path
            mode = 0 if "/" in name else _mode(entry)
            yield _Found(path, mode, partial(_blob, registry, entry.oid))


def _blob(registry: Registry, oid: Oid) -> bytes:
    return registry.objects.read(oid)[1]


def _in_folder(place: Path, folder: str, depth: int = 0) -> Iterator[_Found | None]:
    with refusals(f"'{place}' cannot be read"):
        inside = sorted(place.iterdir())
    for inner in inside:
        name, path = inner.name, f"{folder}/{inner.name}"
        with refusals(f"'{inner}' cannot be read"):
            mode = inner.lstat().st_mode
        if _is_passed_over(name):
            yield None
        elif stat.S_ISDIR(mode) and depth < _DEEPEST and not name.endswith(".yaml"):
            yield None
            yield from _in_folder(inner, path, depth + 1)
        else:
            kept = 0o100644 if stat.S_ISREG(mode) else stat.S_IFMT(mode)
            yield _Found(path, kept, partial(content_of, inner))


def _is_passed_over(name: str) -> bool:
    """Whether it is what git, an editor or a writer of these files keeps there: no collection's name begins so."""
    return name.startswith(".")


def content_of(file: Path) -> bytes:
    """A file's content, or enough of it to see that it is too large; no link is followed. Raises: StorageError."""
    with refusals(f"'{file}' cannot be read"), os.fdopen(os.open(file, _READ), "rb") as source:
        return source.read(MAX_BYTES + 1)
