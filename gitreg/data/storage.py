"""Send objects to DVC remotes and fetch them back. DVC is imported, by `plugins`, only when it must be.

Nothing is trusted: bytes are checked against their name before they are sent and before they enter the cache, and what
was sent is looked for afterwards. A local directory needs no DVC at all, which makes it ten times as quick to open.
"""

from __future__ import annotations

import hashlib
import secrets
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from gitreg.data.cache import Cache
from gitreg.data.config import Project, Storage
from gitreg.data.hashing import Stored, copy_file, hash_file, refusals, storage_error
from gitreg.data.plugins import connect, is_absence, plugin_errors, reporting
from gitreg.data.urls import SAFE_OPTIONS, local_path, scheme_of
from gitreg.errors import DamagedObjectError, MissingBytesError, StorageError
from gitreg.progress import NOBODY, SILENT, Progress, Task

Object = tuple[str, int | None]
"""An object's name (md5, `.dir` behind it for a directory object) and its size in bytes, when it is known."""

_T = TypeVar("_T")
_R = TypeVar("_R")
# Stores that show a half-sent file under its name; the others make a file visible when it is complete.
_NOT_ATOMIC = frozenset({"local", "ssh", "sftp", "hdfs", "webhdfs"})
# From this many objects under one prefix on, one listing is cheaper than a question for each.
_LIST_FROM = 4


class OpenStorage(ABC):
    """A storage that can be asked, filled and read.

    Attributes:
        storage: which one it is.
    """

    jobs = 8

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def missing(self, objects: Iterable[Object]) -> list[Object]:
        """Those that the storage lacks, or has with another size. Raises: StorageError.

        Other bytes of the same number pass here; readers and `check` find them.
        """
        return self._missing(list(dict.fromkeys(objects)))

    def upload(
        self,
        cache: Cache,
        objects: Iterable[Object],
        progress: Progress = SILENT,
        called: Mapping[str, str] = MappingProxyType({}),
    ) -> list[Object]:
        """Send what the storage lacks, directory objects last, and see that it is there; what was sent.

        `called` says what people call the objects. Raises: MissingBytesError for objects that are nowhere;
            DamagedObjectError for those that are damaged here, after the other files were sent; StorageError.
        """
        wanted = list(dict.fromkeys(objects))
        absent = self.missing(wanted)
        nowhere = sorted(md5 for md5, size in absent if not cache.has(md5, size))
        if nowhere:
            raise MissingBytesError(f"{_count(nowhere)} neither in the cache nor on storage '{self.storage}'", nowhere)
        damaged: list[DamagedObjectError] = []
        lacking = set(absent)

        def send(item: Object) -> Object | None:
            md5 = item[0]
            try:
                size = self._send(md5, cache.path(md5), task)
            except DamagedObjectError as error:
                damaged.append(error)
                return None
            task.done("uploaded", called.get(md5, md5), size)
            return md5, size

        sent: list[Object] = []
        with progress.task("uploading", size=_total(absent), files=len(wanted)) as task:
            for md5, size in (item for item in wanted if item not in lacking):
                task.done("skipped", called.get(md5, md5), size)
            # A reader that finds a directory object may count on what it names.
            for last in (False, True):
                done = self._each(send, [item for item in absent if item[0].endswith(".dir") is last])
                sent += (item for item in done if item)
                self._finish()
                if damaged:
                    raise _together(damaged)
            lost = self.missing(sent)
        if lost:
            raise StorageError(f"{_count([md5 for md5, _ in lost])} not on storage '{self.storage}' after the upload")
        return sent

    def download(
        self,
        cache: Cache,
        objects: Iterable[Object],
        progress: Progress = SILENT,
        called: Mapping[str, str] = MappingProxyType({}),
    ) -> list[Object]:
        """Fetch what the cache lacks; what was fetched.

        `called` says what people call the objects. Raises: DamagedObjectError when other bytes arrive than the object's
            name says and MissingBytesError for objects that are not on the storage, after the others were fetched;
            StorageError.
        """
        absent = [item for item in dict.fromkeys(objects) if not cache.has(*item)]
        damaged: list[DamagedObjectError] = []
        nowhere: list[str] = []

        def fetch(item: Object) -> None:
            md5 = item[0]
            try:
                with cache.receive(md5) as temporary:
                    self._fetch(md5, temporary, task)
            except MissingBytesError:
                nowhere.append(md5)
            except DamagedObjectError as error:
                damaged.append(error)
            else:
                task.done("downloaded", called.get(md5, md5), item[1])

        with progress.task("downloading", size=_total(absent), files=len(absent)) as task:
            self._each(fetch, absent)
            cache.sync()
        if damaged:
            raise _together(damaged, f" on storage '{self.storage}'")
        nowhere.sort()
        if nowhere:
            raise MissingBytesError(f"{_count(nowhere)} not on storage '{self.storage}'", nowhere)
        return absent

    def probe(self) -> str:
        """Write a throwaway object as an upload does, look for it, read it back and remove it.

        Returns why it could not be removed, '' when it is gone again. Raises: StorageError.
        """
        data = b"gitreg doctor\n" + secrets.token_bytes(16)
        md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
        self.missing([(md5, None)])
        with tempfile.TemporaryDirectory(prefix="gitreg-") as folder:
            sent, fetched = Path(folder, "sent"), Path(folder, "fetched")
            sent.write_bytes(data)
            self._send(md5, sent, NOBODY)
            self._finish()
            try:
                lost = bool(self.missing([(md5, len(data))]))
                if not lost:
                    self._fetch(md5, fetched, NOBODY)
                lost = lost or fetched.read_bytes() != data
            finally:
                try:
                    self._remove(md5)
                    left = ""
                except StorageError as error:
                    left = str(error)
        if lost:
            raise StorageError(f"storage '{self.storage}' does not give back what was written to it")
        return left

    def check(
        self,
        objects: Iterable[Object],
        progress: Progress = SILENT,
        called: Mapping[str, str] = MappingProxyType({}),
    ) -> dict[str, Stored | StorageError]:
        """Read objects and hash them: what each one holds, or why it cannot be read; nothing is kept.

        `called` says what people call them. Raises: StorageError when the storage cannot be asked at all.
        """
        # whatever their size: a wrong one is to be seen as such
        sizes = dict(objects)
        wanted: list[Object] = [(md5, None) for md5 in sizes]
        absent = set(self.missing(wanted))

        def read(item: Object) -> Stored | StorageError:
            try:
                if item in absent:
                    raise MissingBytesError(f"object '{item[0]}' not on storage '{self.storage}'", [item[0]])
                stored = self._hash(item[0], task)
            except StorageError as error:
                return error
            task.done("checked", called.get(item[0], item[0]), stored.size)
            return stored

        with progress.task("checking the storage", size=_total(sizes.items()), files=len(sizes)) as task:
            return dict(zip(sizes, self._each(read, wanted), strict=True))

    def _hash(self, md5: str, task: Task) -> Stored:
        """Hash one object. Raises: MissingBytesError when it is not there, StorageError."""
        with tempfile.TemporaryDirectory(prefix="gitreg-") as folder, refusals(f"object '{md5}' cannot be read"):
            copy = Path(folder, md5)
            copy.touch()
            self._fetch(md5, copy, task)
            return hash_file(copy)

    def _each(self, work: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
        if len(items) < 2:
            return [work(item) for item in items]
        with ThreadPoolExecutor(self.jobs) as pool:
            try:
                return list(pool.map(work, items))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise

    @abstractmethod
    def _missing(self, objects: list[Object]) -> list[Object]: ...

    @abstractmethod
    def _send(self, md5: str, source: Path, task: Task) -> int:
        """Check and send one object; its size."""

    @abstractmethod
    def _finish(self) -> None:
        """Make sure that what was sent stays."""

    @abstractmethod
    def _fetch(self, md5: str, target: Path, task: Task) -> None:
        """Write one object to a file. Raises: MissingBytesError when it is not there, StorageError."""

    @abstractmethod
    def _remove(self, md5: str) -> None:
        """Remove one object, which is there. Raises: StorageError."""


class LocalStorage(OpenStorage):
    """A directory of this machine, a shared drive included: laid out as a cache is, so one serves as the other."""

    def __init__(self, storage: Storage, directory: Path, *, shared: bool = False) -> None:
        super().__init__(storage)
        self._objects = Cache(directory, shared=shared)

    def _missing(self, objects: list[Object]) -> list[Object]:
        self._check()
        return [item for item in objects if not self._objects.has(*item)]

    def _check(self) -> None:
        # a share that is not mounted must not be filled in on the machine's own disk
        if not self._objects.directory.is_dir():
            raise StorageError(
                f"the folder of storage '{self.storage}' is not there",
                hint="mount it, make it, or name another: gitreg init --storage URL_OR_PATH",
            )

    def _send(self, md5: str, source: Path, task: Task) -> int:
        with self._objects.receive(md5) as temporary:
            copy_file(source, temporary, task.advance)
            return temporary.stat().st_size

    def _fetch(self, md5: str, target: Path, task: Task) -> None:
        self._check()
        if not self._objects.has(md5):
            raise MissingBytesError(f"object '{md5}' not on storage '{self.storage}'", [md5])
        copy_file(self._objects.path(md5), target, task.advance)

    def _hash(self, md5: str, task: Task) -> Stored:
        with refusals(f"object '{md5}' cannot be read"):
            return hash_file(self._objects.path(md5), task.advance)

    def _remove(self, md5: str) -> None:
        with refusals(f"object '{md5}' cannot be removed"):
            self._objects.path(md5).unlink()

    def _finish(self) -> None:
        self._objects.sync()


class DvcStorage(OpenStorage):
    """A storage behind one of DVC's file systems: S3, SSH, HTTP, Google Cloud, Azure and what else has a plugin."""

    def __init__(self, storage: Storage, fs: Any, root: str) -> None:
        super().__init__(storage)
        self._fs = fs
        self._root = fs.join(root, "files", "md5")
        self.jobs = min(fs.jobs, 64)

    @classmethod
    def connect(cls, storage: Storage, remote: dict[str, Any]) -> DvcStorage:
        """Make the file system for a remote's options, `url` among them; nothing is sent yet. Raises: StorageError."""
        with plugin_errors(f"storage '{storage}' cannot be used", scheme_of(remote["url"])):
            fs, root = connect(remote)
            return cls(storage, fs, root)

    def _missing(self, objects: list[Object]) -> list[Object]:
        with plugin_errors(f"storage '{self.storage}' cannot be asked", self._fs.protocol):
            self._fs.fs.invalidate_cache()
        by_prefix: dict[str, list[Object]] = {}
        for item in objects:
            by_prefix.setdefault(item[0][:2], []).append(item)
        listed = [prefix for prefix, items in by_prefix.items() if self._fs.CAN_TRAVERSE and len(items) >= _LIST_FROM]
        asked = [md5 for prefix in by_prefix.keys() - set(listed) for md5, _ in by_prefix[prefix]]
        sizes: dict[str, int | None] = {}
        for found in (*self._each(self._list, listed), *self._each(self._ask, asked)):
            sizes.update(found)
        return [
            (md5, size)
            for md5, size in objects
            if md5 not in sizes or not (size is None or sizes[md5] is None or sizes[md5] == size)
        ]

    def _list(self, prefix: str) -> dict[str, int | None]:
        with plugin_errors(f"storage '{self.storage}' cannot be listed", self._fs.protocol):
            try:
                entries = list(self._fs.ls(self._fs.join(self._root, prefix), detail=True))
            except FileNotFoundError:
                return {}
        return {prefix + self._fs.name(entry["name"]): entry["size"] for entry in entries if entry["type"] == "file"}

    def _ask(self, md5: str) -> dict[str, int | None]:
        with plugin_errors(f"storage '{self.storage}' cannot be asked", self._fs.protocol):
            try:
                entry = self._fs.info(self._place(md5))
            except FileNotFoundError as error:
                if is_absence(error, self._fs.protocol):
                    return {}
                raise error.__cause__ or error from None
        return {md5: entry["size"]} if entry["type"] == "file" else {}

    def _send(self, md5: str, source: Path, task: Task) -> int:
        try:
            stored = hash_file(source)
        except OSError as error:
            raise storage_error(f"object '{md5}' cannot be read", error) from error
        if stored.md5 != md5.removesuffix(".dir"):
            raise DamagedObjectError(f"object '{md5}' is damaged: the md5 of its bytes is {stored.md5}", [md5])
        place = self._place(md5)
        with plugin_errors(f"object '{md5}' cannot be sent to storage '{self.storage}'", self._fs.protocol):
            self._fs.makedirs(self._fs.parent(place))
            if self._fs.protocol not in _NOT_ATOMIC:
                self._put(source, place, task)
            else:
                temporary = self._place(f"{md5[:2]}.gitreg-{secrets.token_hex(8)}.tmp")
                try:
                    self._put(source, temporary, task)
                    # SFTP's rename replaces nothing; what is there has the wrong size.
                    if self._fs.exists(place):
                        self._fs.remove(place)
                    self._fs.move(temporary, place)
                except BaseException:
                    with suppress(Exception):  # the first error counts
                        self._fs.remove(temporary)
                    raise
        return stored.size

    def _put(self, source: Path, place: str, task: Task) -> None:
        with reporting(task, source) as callback:
            self._fs.put_file(str(source), place, callback=callback)

    def _fetch(self, md5: str, target: Path, task: Task) -> None:
        with plugin_errors(f"object '{md5}' cannot be fetched from storage '{self.storage}'", self._fs.protocol):
            try:
                with reporting(task, target) as callback:
                    self._fs.get_file(self._place(md5), str(target), callback=callback)
            except FileNotFoundError:
                raise MissingBytesError(f"object '{md5}' not on storage '{self.storage}'", [md5]) from None

    def _remove(self, md5: str) -> None:
        with plugin_errors(f"object '{md5}' cannot be removed from storage '{self.storage}'", self._fs.protocol):
            self._fs.remove(self._place(md5))

    def _finish(self) -> None:
        """Nothing: a plugin returns when the store has the bytes."""

    def _place(self, md5: str) -> str:
        return str(self._fs.join(self._root, md5[:2], md5[2:]))


def open_storage(project: Project, storage: Storage) -> OpenStorage:
    """Open a storage, with the user's credentials when it is one of the user's own remotes.

    `storage` may come from a version's tree, hence from strangers. Raises: StorageError.
    """
    own = project.own_remote(storage)
    remote = own or {"url": storage.url, **dict(storage.options)}
    if any(str(remote.get(key, "")).lower() == "true" for key in ("worktree", "version_aware")):
        raise StorageError(
            f"storage '{storage}' is cloud-versioned ('worktree' or 'version_aware')",
            hint="add another DVC remote without that option and make it the default",
        )
    path = local_path(remote["url"])
    if path is not None:
        return LocalStorage(storage, path, shared=str(remote.get("shared", "")).lower() == "group")
    if own is None and scheme_of(storage.url) not in SAFE_OPTIONS:
        raise StorageError(
            f"storage '{storage}' is of a kind that is used only from your own configuration",
            hint=f"dvc remote add {storage.name} URL",
        )
    return DvcStorage.connect(storage, remote)


def _total(objects: Iterable[Object]) -> int | None:
    """The bytes of all objects, None when one is of a size that only the storage knows."""
    sizes = [size for _, size in objects]
    return None if None in sizes else sum(size or 0 for size in sizes)


def _count(md5s: Sequence[str]) -> str:
    return f"object '{md5s[0]}' is" if len(md5s) == 1 else f"{len(md5s)} objects, '{md5s[0]}' the first, are"


def _together(damaged: Sequence[DamagedObjectError], where: str = "") -> DamagedObjectError:
    first = min(damaged, key=lambda error: error.md5s)
    more = f", and {len(damaged) - 1} more" if len(damaged) > 1 else ""
    return DamagedObjectError(f"{first}{more}{where}", sorted(md5 for error in damaged for md5 in error.md5s))
