"""Whether an artifact's bytes are what was logged: in this clone's cache, and on the storages that versions name.

Reads and hashes; nothing is restored, moved aside or fetched.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gitreg.data.cache import Cache
from gitreg.data.config import Storage
from gitreg.data.hashing import Stored, hash_file
from gitreg.data.storage import open_storage
from gitreg.errors import Error, MissingBytesError, NotARepositoryError, StorageError
from gitreg.health.findings import Findings
from gitreg.health.survey import quoted
from gitreg.progress import NOBODY, Task
from gitreg.registry.repository import Registry

# A longer command is for nobody to copy.
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Wanted:
    """One object that something needs.

    Attributes:
        md5: its name.
        size: in bytes.
        sha256: '' where nobody wrote it down.
        words: what it is, for people: `'model.bin'`.
    """

    md5: str
    size: int
    sha256: str
    words: str


@dataclass(frozen=True, slots=True)
class Owner:
    """What needs objects: a version, or a run for its history.

    Attributes:
        subject: its name.
        state: 'draft' when the bytes must be here, 'published' when they are elsewhere, 'alone' when nobody knows,
            because there is no registry remote.
        mend: the step that brings the bytes back.
        storage: where they are, or would be; None when the version names none.
    """

    subject: str
    state: Literal["draft", "published", "alone"]
    mend: str
    storage: Storage | None


@dataclass(slots=True)
class _Use:
    """The first one that needed an object, how many need it, and what is wrong with it here."""

    owner: Owner
    wanted: Wanted
    count: int = 1
    problem: str = ""
    remedy: str = ""


@dataclass(slots=True)
class Bytes:
    """Checks each object once, whoever needs it.

    Attributes:
        task: told of each that is hashed.
        objects, size: how many were hashed, and their bytes.
        cache: None where there is none, as on a server.
        default: this clone's storage, for versions that name none.
    """

    registry: Registry
    findings: Findings
    task: Task = NOBODY
    objects: int = 0
    size: int = 0
    cache: Cache | None = None
    default: Storage | None = None
    _uses: dict[str, _Use] = field(default_factory=dict)
    _published: dict[Storage, dict[str, _Use]] = field(default_factory=dict)
    _folders: dict[str, Wanted] = field(default_factory=dict)
    _absent: list[tuple[Owner, list[Wanted]]] = field(default_factory=list)

    def open(self) -> None:
        """Look for the cache."""
        try:
            self.cache = self.registry.cache
            self.default = self.registry.project.default_storage
        except NotARepositoryError as error:
            if self.registry.git.worktree is not None:
                self.findings.note("cache", f"{error}: no bytes were checked", error.hint or "gitreg init")
        except StorageError as error:
            self.findings.error("cache", f"{error}: no bytes were checked", error.hint or "mend .dvc/config")

    def text(self, owner: Owner, wanted: Wanted) -> bytes | None:
        """The content of a large manifest or listing, None when it is not here or not what was logged."""
        self.need(owner, [wanted])
        place = self._place(wanted.md5)
        return None if place is None or self._uses[wanted.md5].problem else place.read_bytes()

    def need(self, owner: Owner, objects: Iterable[Wanted]) -> None:
        """Check these objects here, as far as they are here, and remember them for the storage."""
        absent: list[Wanted] = []
        for wanted in objects:
            if wanted.md5.endswith(".dir"):
                self._folders[owner.subject] = wanted
            known = self._uses.get(wanted.md5)
            if known is None:
                self._uses[wanted.md5] = known = _Use(owner, wanted)
                self._check_here(known)
            else:
                known.count += known.owner != owner
                self._compare(known, owner, wanted)
            if owner.state == "published" and owner.storage:
                self._published.setdefault(owner.storage, {}).setdefault(wanted.md5, _Use(owner, wanted))
            elif self._place(wanted.md5) is None:
                absent.append(wanted)
        if absent and self.cache is not None:
            self._absent.append((owner, absent))

    def tell(self) -> None:
        """Report what is not here and should be, and what is damaged here, once, however many need it."""
        for owner, objects in self._absent:
            # what a draft has kept from a published version of its collection need not be here
            published = self._published.get(owner.storage, {}) if owner.storage else {}
            absent = [wanted for wanted in objects if wanted.md5 not in published]
            if absent and owner.state == "alone" and owner.storage:
                problem = f"{_several(absent)} not here, and without a registry remote nobody knows"
                self.findings.warning(owner.subject, f"{problem} whether it is published", owner.mend)
            elif absent and owner.state != "published":
                self.findings.error(owner.subject, f"{_several(absent)} not here, and nowhere else", owner.mend)
        for use in self._uses.values():
            if use.problem:
                others = f" ({use.count - 1} more need it)" if use.count > 1 else ""
                self.findings.error(use.owner.subject, f"{use.problem}{others}", use.remedy)

    def check_storages(self) -> None:
        """Read what is published where it lies, or on this clone's own storage where that cannot be asked."""
        for storage, uses in sorted(self._published.items(), key=lambda item: str(item[0])):
            failed = self._check_storage(storage, uses)
            if failed is None:
                continue
            subject, remedy = f"storage '{storage.url}'", failed.hint or "see that it can be reached: dvc remote list"
            default = self.default
            if default and default.url != storage.url and self._check_storage(default, uses) is None:
                self.findings.warning(subject, f"{failed}: '{default.url}' was checked instead", remedy)
            else:
                self.findings.error(subject, f"{failed}: its bytes were not checked", remedy)

    def _check_storage(self, storage: Storage, uses: dict[str, _Use]) -> Error | None:
        """Read objects on a storage; why it cannot be asked, None when it can."""
        try:
            found = open_storage(self.registry.project, storage).check(
                ((md5, use.wanted.size) for md5, use in uses.items()),
                self.registry.progress,
                {md5: use.wanted.words for md5, use in uses.items()},
            )
        except (StorageError, NotARepositoryError) as error:
            return error
        self._tell_storage(storage, uses, found)
        return None

    def _tell_storage(self, storage: Storage, uses: dict[str, _Use], found: dict[str, Stored | StorageError]) -> None:
        missing: dict[Owner, list[Wanted]] = {}
        unreadable: dict[tuple[Owner, str], list[Wanted]] = {}
        for md5, held in found.items():
            owner, wanted = uses[md5].owner, uses[md5].wanted
            if isinstance(held, MissingBytesError):
                missing.setdefault(owner, []).append(wanted)
            elif isinstance(held, StorageError):
                unreadable.setdefault((owner, held.hint or "try again"), []).append(wanted)
            else:
                self.objects, self.size = self.objects + 1, self.size + held.size
                problem = _difference(wanted, held)
                if problem:
                    problem = f"{wanted.words} is damaged on the storage '{storage.url}': {problem}"
                    self.findings.error(owner.subject, problem, self._upload(storage, owner, [wanted]))
        for owner, objects in missing.items():
            problem = f"{_several(objects)} not on the storage '{storage.url}'"
            self.findings.error(owner.subject, problem, self._upload(storage, owner, objects))
        for (owner, remedy), objects in unreadable.items():
            words = found[objects[0].md5]
            self.findings.error(owner.subject, f"{_several(objects)} not readable on the storage: {words}", remedy)

    def _upload(self, storage: Storage, owner: Owner, objects: list[Wanted]) -> str:
        """The step that puts objects on a storage again, from this cache or another."""
        places = [(self._place(wanted.md5), _below(wanted)) for wanted in objects]
        good = [place for place, _ in places if place]
        if len(good) < len(objects) or any(self._uses[wanted.md5].problem for wanted in objects):
            return f"run 'gitreg fsck --remote' in a clone whose cache has {'it' if len(objects) == 1 else 'them'}"
        if storage.path and len(objects) <= _AT_ONCE:
            folder = storage.path
            targets = [quoted(str(folder / below)) for _, below in places]
            parents = " ".join(sorted({quoted(str((folder / below).parent)) for _, below in places}))
            copies = (f"cp -f {quoted(str(place))} {target}" for place, target in zip(good, targets, strict=True))
            return " && ".join((f"mkdir -p {parents}", *copies))
        # where the directory object is, DVC takes the files for there
        above = self._folders.get(owner.subject)
        away = " and ".join(dict.fromkeys(_below(wanted) for wanted in (*objects[:1], *([above] if above else []))))
        return f"delete {away} on the storage, then dvc push --all-tags"

    def is_here(self, md5: str) -> bool:
        """Whether an object is here, whatever its bytes."""
        return self._place(md5) is not None

    def _place(self, md5: str) -> Path | None:
        """Where an object lies here; what the cache lost may still be kept."""
        return next((path for path in self._places(md5) if path.is_file()), None)

    def _places(self, md5: str) -> tuple[Path, ...]:
        if self.cache is None:
            return ()
        kept = (self.cache.keep / md5[:2] / md5[2:],) if self.cache.keep else ()
        return (self.cache.path(md5), *kept)

    def _check_here(self, use: _Use) -> None:
        place = self._place(use.wanted.md5)
        if place is None:
            return
        try:
            held = hash_file(place, self.task.advance)
        except OSError as error:
            use.problem = f"{use.wanted.words} cannot be read in the cache: {(error.strerror or str(error)).lower()}"
            use.remedy = f"chmod a+r {quoted(str(place))}"
            return
        self.task.done("checked", use.wanted.words, held.size)
        self.objects, self.size = self.objects + 1, self.size + held.size
        problem = _difference(use.wanted, held)
        if problem:
            use.problem = f"{use.wanted.words} is damaged in the cache: {problem}"
            damaged = [path for path in self._places(use.wanted.md5) if path.is_file() and path.samefile(place)]
            away = f"rm -f {' '.join(quoted(str(path)) for path in damaged)}"
            use.remedy = f"{away}, then {use.owner.mend}"

    def _compare(self, known: _Use, owner: Owner, wanted: Wanted) -> None:
        """Two files with one md5 must be the same: DVC keeps one object for both."""
        first = known.wanted
        if first.size == wanted.size and (first.sha256 == wanted.sha256 or "" in (first.sha256, wanted.sha256)):
            return
        self.findings.error(
            owner.subject,
            f"{wanted.words} and {first.words} of {known.owner.subject} have the same md5 and different contents",
            "DVC keeps only one of them; log one of them again in another form, such as an archive",
        )


def _difference(wanted: Wanted, held: Stored) -> str:
    """How bytes differ from what was logged, '' when they do not."""
    if held.size != wanted.size:
        return f"it has {held.size} bytes instead of {wanted.size}"
    md5 = wanted.md5.removesuffix(".dir")
    if held.md5 != md5:
        return f"its md5 is {held.md5} instead of {md5}"
    return f"its sha256 is {held.sha256} instead of {wanted.sha256}" if wanted.sha256 not in ("", held.sha256) else ""


def _below(wanted: Wanted) -> str:
    """Where an object lies in a cache or storage."""
    return f"files/md5/{wanted.md5[:2]}/{wanted.md5[2:]}"


def _several(objects: list[Wanted]) -> str:
    """`'a' is`, `'a' and 3 more objects are`."""
    first, more = objects[0].words, len(objects) - 1
    return f"{first} is" if not more else f"{first} and {more} more object{'s' * (more > 1)} are"
