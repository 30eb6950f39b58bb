"""Pins: published versions that somebody's own tree names by `.dvc` files, so that stock `dvc pull` brings them there.

Of the user's it writes the pin, the `.gitignore` beside it and, where DVC does not know the storage, `.dvc/config`:
each of them whole, and none when one of them cannot be written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gitreg.data.config import Storage, parse_version_config
from gitreg.data.hashing import refusals
from gitreg.data.whole import write_all
from gitreg.errors import (
    Error,
    NotFoundError,
    RecordError,
    RefusedError,
    StorageError,
    reading,
)
from gitreg.records.names import LATEST, AliasName, Reference
from gitreg.records.pin import Pin
from gitreg.registry import aliases, resolve, trees, versions
from gitreg.registry.places import END, Place, check_free, dvc_files, ignoring, is_clean, place
from gitreg.registry.places import project as project_of
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Details, Version

# how many names of files an error shows
_NAMED = 8


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


def pin(registry: Registry, reference: str, path: Path, *, file: str | None = None) -> Written:
    """Write the pin of a published version for the output `path`: the folder of its files, or its one `file`.

    A pin that is there gets new values and stays as it is otherwise; `file` None keeps what it has.
    Raises: RefusedError for an unpublished version and for what is there and no pin, UsageError for a place where no
    pin can be, NotFoundError, StorageError.
    """
    version = resolve.version(registry, Reference.parse(reference))
    spot = place(registry, path)
    text = _read(spot)
    was = None if text is None else _parse(spot, text)
    if text is None:
        check_free(registry, spot)
    elif was is None:
        raise RefusedError(f"'{spot.name}{END}' is there and is no pin", hint="choose another path, or 'dvc remove' it")
    elif _is_changed(registry, was):
        raise _changed(spot, was)
    file = file if file is not None else was.file if was else ""
    return _write(registry, spot, reference, version, file=file, was=was)


def found(registry: Registry, paths: Sequence[Path] = ()) -> list[Found]:
    """The pins in the worktree, or those of these outputs, by name. Raises: NotFoundError, UsageError."""
    spots = [place(registry, path) for path in paths] or dvc_files(registry)
    pins = [compared(registry, spot) for spot in spots]
    for spot, item in zip(spots, pins, strict=True):
        if item is None and paths:
            raise NotFoundError("pin", spot.name, hint="gitreg pin lists them; to make one: gitreg pin REF PATH")
    return sorted((item for item in pins if item), key=lambda item: item.place.name)


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


def is_ahead(registry: Registry, pin: Pin) -> bool:
    """Whether the reference names the pin's version in this clone alone: an alias whose move is not published."""
    reference = Reference.parse(pin.reference)
    if not isinstance(reference.selector, str) or reference.selector == LATEST or reference.when:
        return False
    alias = aliases.get(registry, AliasName(pin.version.collection, reference.selector))
    return alias is not None and not alias.published


def update(registry: Registry, item: Found) -> Written:
    """Bring a pin to what its reference names now. Raises: what is wrong with it, StorageError."""
    if item.error or not item.pin or not item.now:
        raise item.error or NotFoundError("pin", item.place.name)
    return _write(registry, item.place, item.pin.reference, item.now, file=item.pin.file, was=item.pin)


def _write(registry: Registry, spot: Place, reference: str, version: Version, *, file: str, was: Pin | None) -> Written:
    details = versions.details(registry, version)
    content = _bytes(registry, details, file)
    if not version.published:
        raise _unpublished(registry, version)
    project = project_of(registry, spot)
    storage = parse_version_config(trees.config(registry, details.commit.tree)) or project.default_storage
    if storage is None:
        raise StorageError(f"'{version.name}' names no storage", hint="set the one it is on: gitreg init --storage URL")
    remote, config = project.name_of(storage, was.remote if was else "")
    pin = Pin(reference, version.name, version.commit, file, spot.output, *content, remote)
    old = _read(spot) if was else None
    text = pin.encode() if old is None else pin.written_into(old)
    contents = {
        project.worktree / ".dvc" / "config": config,
        spot.folder / ".gitignore": ignoring(registry, spot),
        spot.pointer: None if text == old else text.encode(),
    }
    changed = {path: content for path, content in contents.items() if content is not None}
    clean = was is not None and is_clean(registry, spot)
    with refusals(f"'{spot.folder}' cannot be made"):
        spot.folder.mkdir(parents=True, exist_ok=True)
    write_all(changed)
    return Written(spot, was, pin, tuple(reversed(changed)), storage if config is not None else None, clean)


def _bytes(registry: Registry, details: Details, file: str) -> tuple[str, int, int | None]:
    """md5, size and number of files of the output. Raises: NotFoundError when the version has no such file."""
    if not file:
        return details.artifact.pointer, details.artifact.size, details.artifact.files
    listing = versions.listing(registry, details)
    entry = next((entry for entry in listing if entry.path == file), None)
    if entry is None:
        names = [entry.path for entry in listing]
        hint = f"it has {', '.join(names[:_NAMED])}{', ...' if len(names) > _NAMED else ''}"
        raise NotFoundError("file", file, f"'{details.version.name}' has no file '{file}'", hint=hint)
    return entry.md5, entry.size, None


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
        pin = Pin.parse(text)
        if pin and pin.path != spot.output:
            raise RecordError(f"it has the output '{pin.path}', expected '{spot.output}'")
        return pin
