"""Pins: published versions that somebody's own tree names by `.dvc` files, so that stock `dvc pull` brings them there.

Of the user's it writes the pin, the `.gitignore` beside it and, where DVC does not know the storage, `.dvc/config`:
each of them whole, and none when one of them cannot be written.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gitreg.data.config import Project, Storage, is_project, parse_version_config
from gitreg.data.configfile import write_all
from gitreg.data.hashing import refusals
from gitreg.errors import (
    Error,
    NotARepositoryError,
    NotFoundError,
    RecordError,
    RefusedError,
    StorageError,
    UsageError,
    reading,
)
from gitreg.records.names import Reference
from gitreg.records.pin import Pin
from gitreg.registry import resolve, trees, versions
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Details, Version

END = ".dvc"
# What would be a pattern in a .gitignore; a space counts at the end of a line.
_PATTERN = re.compile(r"([\\*?\[\]]| (?=\Z))")


@dataclass(frozen=True, slots=True)
class Place:
    """Where an output of the user's lies: `output` in `folder`, in the worktree `top`."""

    folder: Path
    output: str
    top: Path

    @property
    def path(self) -> Path:
        """The output itself."""
        return self.folder / self.output

    @property
    def pointer(self) -> Path:
        """Its `.dvc` file."""
        return self.folder / (self.output + END)

    @property
    def name(self) -> str:
        """The output's path in the worktree."""
        return self.path.relative_to(self.top).as_posix()


@dataclass(frozen=True, slots=True)
class Found:
    """A pin as it stands, compared with what is known here of the registry.

    Attributes:
        place: where it is.
        pin: what it says; None when that cannot be read.
        now: the version that its reference names now; None when that cannot be said.
        state: 'current'; 'behind'; 'changed' when what it points at is not the version's; 'unpublished' when what its
            reference names now is; 'broken' when something of this cannot be said.
        error: what is wrong when it is neither current nor behind.
    """

    place: Place
    pin: Pin | None
    now: Version | None
    state: str
    error: Error | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What pinning did.

    Attributes:
        place: where.
        was, pin: the pin before, if any, and after.
        files: what was written, in the order in which one would read it; empty when all of it was so already.
        storage: the storage that DVC's configuration had not named before.
        clean: whether git had the old pin as it was.
    """

    place: Place
    was: Pin | None
    pin: Pin
    files: tuple[Path, ...]
    storage: Storage | None
    clean: bool


def place(registry: Registry, path: Path) -> Place:
    """The place of an output, links in the path followed.

    Raises: UsageError where no pin can be, NotARepositoryError in a bare repository.
    """
    top = _top(registry)
    if path.name.endswith(END) and path.name != END:
        path = path.with_name(path.name.removesuffix(END))
    with refusals(f"'{path}' cannot be looked at"):
        # of the last part no link is followed: it would be replaced
        folder = Path(os.path.normpath(path)).parent.resolve()
    found = Place(folder, Path(os.path.normpath(path)).name, top)
    if not found.output or not folder.is_relative_to(top):
        raise UsageError(f"'{path}' is outside the repository '{top}'", hint="a pin belongs to the tree that ships it")
    if {".git", ".dvc"} & {part.lower() for part in found.path.relative_to(top).parts}:
        raise UsageError(f"'{found.name}' is in a folder of Git's or DVC's own", hint="choose another folder")
    for parent in (found.path, *_below(top, found.path)):
        if os.path.lexists(parent / ".git"):
            inner = parent.relative_to(top)
            raise UsageError(f"'{inner}' is another repository", hint=f"pin it there: gitreg -C {inner} pin REF PATH")
    return found


def _below(top: Path, path: Path) -> list[Path]:
    """The folders between the worktree and what lies in it, the innermost first."""
    return [parent for parent in path.parents if parent != top and parent.is_relative_to(top)]


def _top(registry: Registry) -> Path:
    if registry.git.worktree is None:
        raise NotARepositoryError("a bare repository has no files to pin", hint="run it in a clone: git clone PATH")
    return registry.git.worktree.resolve()


def pin(registry: Registry, reference: str, path: Path, *, file: str | None = None) -> Written:
    """Write the pin of a published version for the output `path`: the folder of its files, or its one `file`.

    A pin that is there gets new values and stays as it is otherwise; `file` None keeps what it has.
    Raises: RefusedError for an unpublished version and for what is there and no pin, UsageError for a place where no
    pin can be, NotFoundError, StorageError.
    """
    version = resolve.version(registry, Reference.parse(reference))
    if not version.published:
        raise _unpublished(registry, version)
    spot = place(registry, path)
    text = _read(spot)
    was = None if text is None else _parse(spot, text)
    if text is None:
        _check_free(registry, spot)
    elif was is None:
        raise RefusedError(f"'{spot.name}{END}' is there and is no pin", hint="choose another path, or 'dvc remove' it")
    elif _is_changed(registry, was):
        raise _changed(spot, was)
    file = file if file is not None else was.file if was else ""
    return _write(registry, spot, reference, version, file=file, was=was)


def found(registry: Registry, paths: Sequence[Path] = ()) -> list[Found]:
    """The pins in the worktree, or those of these outputs, by name. Raises: NotFoundError, UsageError."""
    spots = [place(registry, path) for path in paths] or [
        Place(path.parent, path.name.removesuffix(END), _top(registry)) for path in _dvc_files(registry)
    ]
    pins = [compared(registry, spot) for spot in spots]
    for spot, item in zip(spots, pins, strict=True):
        if item is None and paths:
            raise NotFoundError("pin", spot.name, hint="gitreg pin lists them; to make one: gitreg pin REF PATH")
    return sorted((item for item in pins if item), key=lambda item: item.place.name)


def _dvc_files(registry: Registry) -> list[Path]:
    """The `.dvc` files in the worktree that git does not ignore."""
    listed = registry.git.run("ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", f"*{END}")
    return [_top(registry) / name for name in sorted(set(os.fsdecode(listed).split("\0")[:-1]))]


def compared(registry: Registry, spot: Place) -> Found | None:
    """The pin of an output as it stands; None when there is none."""
    pin: Pin | None = None
    now: Version | None = None
    try:
        text = _read(spot)
        pin = None if text is None else _parse(spot, text)
        if pin is None:
            return None
        now = resolve.version(registry, Reference.parse(pin.reference))
        if _is_changed(registry, pin):
            return Found(spot, pin, now, "changed", _changed(spot, pin))
    except Error as error:
        return Found(spot, pin, now, "broken", error)
    if not now.published:
        return Found(spot, pin, now, "unpublished", _unpublished(registry, now))
    is_current = (pin.version, pin.commit) == (now.name, now.commit)
    return Found(spot, pin, now, "current" if is_current else "behind")


def update(registry: Registry, item: Found) -> Written:
    """Bring a pin to what its reference names now. Raises: what is wrong with it, StorageError."""
    if item.error or not item.pin or not item.now:
        raise item.error or NotFoundError("pin", item.place.name)
    return _write(registry, item.place, item.pin.reference, item.now, file=item.pin.file, was=item.pin)


def _write(registry: Registry, spot: Place, reference: str, version: Version, *, file: str, was: Pin | None) -> Written:
    details = versions.details(registry, version)
    project = _project(registry, spot)
    storage = parse_version_config(trees.config(registry, details.commit.tree)) or project.default_storage
    if storage is None:
        raise StorageError(f"'{version.name}' names no storage", hint="set the one it is on: gitreg init --storage URL")
    remote, config = project.name_of(storage, was.remote if was else "")
    pin = Pin(reference, version.name, version.commit, file, spot.output, *_bytes(registry, details, file), remote)
    old = _read(spot) if was else None
    text = pin.encode() if old is None else pin.written_into(old)
    ignored = _ignored(registry, spot)
    contents = {
        project.worktree / ".dvc" / "config": config,
        spot.folder / ".gitignore": None if ignored else _gitignore(spot),
        spot.pointer: None if text == old else text.encode(),
    }
    changed = {path: content for path, content in contents.items() if content is not None}
    clean = was is not None and not registry.git.run(
        "ls-files", "-z", "--modified", "--others", "--", f":(top,literal){spot.name}{END}"
    )
    with refusals(f"'{spot.folder}' cannot be made"):
        spot.folder.mkdir(parents=True, exist_ok=True)
    write_all(changed)
    return Written(spot, was, pin, tuple(reversed(changed)), storage if config is not None else None, clean)


def _project(registry: Registry, spot: Place) -> Project:
    """The DVC project that DVC takes the output for: the nearest one above it. Raises: NotARepositoryError."""
    root = next((parent for parent in (spot.folder, *spot.folder.parents) if is_project(parent)), spot.top)
    return Project(root, root) if root != spot.top and root.is_relative_to(spot.top) else registry.project


def _bytes(registry: Registry, details: Details, file: str) -> tuple[str, int, int | None]:
    """md5, size and number of files of the output. Raises: NotFoundError when the version has no such file."""
    if not file:
        return details.artifact.pointer, details.artifact.size, details.artifact.files
    names = []
    for entry in versions.listing(registry, details):
        if entry.path == file:
            return entry.md5, entry.size, None
        names.append(entry.path)
    close = difflib.get_close_matches(file, names, n=1) or names[:1]
    hint = f"it has '{close[0]}'" if close else "it has no files"
    raise NotFoundError("file", file, f"'{details.version.name}' has no file '{file}'", hint=hint)


def _unpublished(registry: Registry, version: Version) -> RefusedError:
    publish = "'git push' or 'gitreg push' publishes it"
    hint = publish if registry.has_remote else f"add the registry's remote: git remote add {registry.remote} URL"
    return RefusedError(f"'{version.name}' is not published, so nobody else could pull it", hint=hint)


def _is_changed(registry: Registry, pin: Pin) -> bool:
    """Whether a pin points at other bytes than its version's; False when its version is not here."""
    known = versions.all_versions(registry, pin.version.collection)
    version = next((item for item in known if item.commit == pin.commit), None)
    if version is None:
        return False
    return (pin.md5, pin.size, pin.nfiles) != _bytes(registry, versions.details(registry, version), pin.file)


def _changed(spot: Place, pin: Pin) -> RefusedError:
    pointer = f"{spot.name}{END}"
    return RefusedError(
        f"'{pointer}' was changed: it does not point at the bytes of '{pin.version}'",
        hint=f"to have the pin back: git restore {pointer}; to keep the change, remove 'gitreg' from its 'meta'",
    )


def _check_free(registry: Registry, spot: Place) -> None:
    """Raises: RefusedError where git or DVC has something at the output's place, or the place cannot be DVC's."""
    if spot.path.is_symlink():
        raise RefusedError(f"'{spot.name}' is a link, and 'dvc pull' would replace it", hint="choose another path")
    if registry.git.run("ls-files", "-z", "--", f":(top,literal){spot.name}"):
        raise RefusedError(f"'{spot.name}' is tracked by Git", hint=f"git rm -r --cached '{spot.name}', then again")
    for parent in _below(spot.top, spot.path):
        if os.path.lexists(f"{parent}{END}"):
            inside = parent.relative_to(spot.top)
            raise RefusedError(f"'{inside}' is DVC's, and so is what is in it", hint="choose a path outside of it")


def _read(spot: Place) -> str | None:
    """The text of the output's `.dvc` file, None when there is none. Raises: RecordError, StorageError."""
    if spot.pointer.is_symlink():
        raise RefusedError(f"'{spot.name}{END}' is a link", hint="choose another path")
    with refusals(f"'{spot.pointer}' cannot be read"):
        try:
            return spot.pointer.read_bytes().decode()
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise RecordError(f"'{spot.name}{END}' is not UTF-8") from error


def _parse(spot: Place, text: str) -> Pin | None:
    with reading(f"'{spot.name}{END}'", f"HEAD:{spot.name}{END}"):
        return Pin.parse(text)


def _ignored(registry: Registry, spot: Place) -> bool:
    """Whether git ignores the output. Raises: RefusedError when it ignores the pin too."""
    # a rule for folders applies to what is written as one
    names = (spot.name, f"{spot.name}/", f"{spot.name}{END}")
    asked = "".join(f"{name}\0" for name in names).encode("utf-8", "surrogateescape")
    told = registry.git.run("check-ignore", "-z", "--stdin", stdin=asked, ok=(0, 1))
    ignored = os.fsdecode(told).split("\0")[:-1]
    if names[-1] in ignored:
        raise RefusedError(f"Git ignores '{names[-1]}'", hint=f"git check-ignore -v '{names[-1]}' says why")
    return bool(ignored)


def _gitignore(spot: Place) -> bytes:
    """The `.gitignore` beside the output with a line for it, as `dvc add` writes it."""
    file = spot.folder / ".gitignore"
    if file.is_symlink():
        raise RefusedError(f"'{file.relative_to(spot.top)}' is a link, which Git does not read", hint="make it a file")
    with refusals(f"'{file}' cannot be read"):
        content = file.read_bytes() if file.exists() else b""
    line = _PATTERN.sub(r"\\\1", f"/{spot.output}") + "\n"
    return content + (b"\n" if content[-1:] not in (b"", b"\n") else b"") + os.fsencode(line)
