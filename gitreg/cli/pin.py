"""`gitreg pin`: published versions in the user's own tree, for stock `dvc pull`."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from gitreg.cli import console, context, human, tables
from gitreg.cli.tables import Column
from gitreg.errors import Error, UsageError
from gitreg.registry import pins
from gitreg.registry.pins import Found, Written
from gitreg.registry.places import END
from gitreg.registry.repository import Registry

_FINDINGS = 3
_COLORS = {"current": None, "behind": "yellow"} | dict.fromkeys(("changed", "unpublished", "broken"), "red")


@click.command(
    "pin",
    epilog=context.examples(
        "gitreg pin model/MNIST:production models/mnist",
        "gitreg pin model/MNIST:production models/mnist.pt --file model.pt",
        "gitreg pin --update",
        "gitreg pin --check",
    ),
)
@click.argument("words", metavar="[REF PATH | PATH...]", nargs=-1)
@click.option(
    "--file", metavar="NAME", type=context.TEXT, help="Pin this one file of the version; PATH is the file then."
)
@click.option("--update", is_flag=True, help="Bring all pins, or those of PATH..., to what they name now.")
@click.option("--check", is_flag=True, help="Exit 3 when a pin is not what it names now; for CI.")
@context.json_option
def pin(words: tuple[str, ...], file: str | None, *, update: bool, check: bool, as_json: bool) -> int:
    """Pin the published version REF at PATH: write PATH.dvc, so that 'dvc pull' brings its files there.

    The pin is a file like those of 'dvc add': commit it, and your repository says which version it ships. PATH is a
    folder with the version's files, as 'gitreg get' writes it. Written are PATH.dvc, a line in .gitignore, and the
    storage in .dvc/config where DVC does not know it; nothing is staged or committed.

    Without REF and PATH the pins are listed. REF is compared as far as it is known here: 'gitreg fetch' asks the
    registry. 'dvc pull' checks the md5 of each file; 'gitreg get REF -o PATH' checks the sha256 that was logged.
    """
    if sum((update, check)) > 1 or (file is not None and (update or check)):
        raise UsageError("--update, --check and --file do not go together", hint="gitreg pin --help")
    if len(words) != 2 and words and not update and not check:
        raise UsageError("a pin needs a version and a path", hint="gitreg pin model/MNIST:production models/mnist")
    if file == "" or (file is not None and not words):
        raise UsageError("--file needs a name, a version and a path", hint="gitreg pin REF PATH --file NAME")
    with context.opened() as registry:
        if words and not update and not check:
            done = pins.pin(registry, words[0], _path(words[1]), file=file)
            _say(registry, done)
            if as_json:
                _document([pins.compared(registry, done.place)])
            else:
                console.out(_shown(done.place.pointer))
            return 0
        found = pins.found(registry, [_path(word) for word in words])
        if update:
            return _update(registry, found, as_json=as_json)
    if as_json:
        _document(found)
    else:
        _table(found)
    behind = sum(item.state == "behind" for item in found)
    if behind:
        console.say(f"{behind} of {human.plural(len(found), 'pin')} behind; to bring them on: gitreg pin --update")
    return _FINDINGS if check and any(item.state != "current" for item in found) else 0


def _path(word: str) -> Path:
    return context.path(context.Place().convert(word, None, None))


def _update(registry: Registry, found: Sequence[Found], *, as_json: bool) -> int:
    """Update what can be; the first thing that cannot ends the command, after the others."""
    errors: list[Error] = []
    for item in found:
        if item.state == "current":
            continue
        try:
            done = pins.update(registry, item)
        except Error as error:
            errors.append(error)
        else:
            _say(registry, done)
            if not as_json:
                console.out(_shown(done.place.pointer))
    if as_json:
        _document([pins.compared(registry, item.place) for item in found])
    if not found:
        console.say("there are no pins; 'gitreg pin REF PATH' makes one")
    elif all(item.state == "current" for item in found):
        console.say(f"{human.plural(len(found), 'pin')}, nothing to do")
    for other in errors[1:]:
        console.fail(other)
    if errors:
        raise errors[0]
    return 0


def _say(registry: Registry, done: Written) -> None:
    """What has changed, how to undo it, and what comes next."""
    was, now, name = done.was, done.pin, _shown(done.place.path)
    pointer = _quoted(done.place.pointer)
    if not done.files:
        console.say(f"{name} is {now.version} already; nothing to do")
        return
    content = f"{human.plural(1 if now.nfiles is None else now.nfiles, 'file')}, {human.size(now.size)}"
    if was is None:
        console.say(f"{name}: {now.version} ({content})")
        if done.place.path.exists():
            console.warn(
                f"'{name}' is there already; Git ignores it now, and 'dvc pull' replaces nothing of yours unasked"
            )
    else:
        console.say(f"{name}: {was.version} -> {_label(done)} ({content}; it was {human.size(was.size)})")
        if was.reference != now.reference:
            console.say(f"it names {now.reference} now, and no longer {was.reference}")
        undo = f"git restore {pointer}" if done.clean else f"gitreg pin {was.version} {_quoted(done.place.path)}"
        console.say(f"undo with: {undo}")
    if pins.is_ahead(registry, now):
        console.warn(f"{now.reference} names {now.version.label} in this clone alone; publish that first: gitreg push")
    if done.storage:
        where = f"'{now.remote}' ({done.storage.url}) to {_shown(done.files[-1])}"
        console.say(f"added DVC's remote {where}; check that others can reach it")
    console.say(f"next: git add {' '.join(_quoted(file) for file in done.files)}")
    console.say(f"      dvc pull {pointer}")


def _label(done: Written) -> str:
    """The version after the arrow: its number alone where the collection is the same."""
    assert done.was
    same = done.was.version.collection == done.pin.version.collection
    return done.pin.version.label if same else str(done.pin.version)


def _table(found: Sequence[Found]) -> None:
    if not found:
        console.say("no pins; 'gitreg pin REF PATH' makes one")
        return
    rows = [_row(item) for item in found]
    tables.table(
        (
            Column("PATH", lambda row: str(row["path"])),
            Column("PINNED", lambda row: str(row["reference"] or "")),
            Column("IS", lambda row: str(row["version"] or "")),
            Column("NAMES NOW", lambda row: "" if row["now"] == row["version"] else str(row["now"] or ""), rank=1),
            Column("STATE", lambda row: str(row["state"]), style=lambda row: {"fg": _COLORS.get(row["state"])}),
        ),
        rows,
    )
    for item in found:
        if item.error:
            told = f"{item.place.name}{END}" in str(item.error)
            console.warn(str(item.error) if told else f"'{_shown(item.place.pointer)}': {item.error}")
            if item.error.hint:
                console.say(f"hint: {item.error.hint}")


def _row(item: Found) -> dict[str, object]:
    pin = item.pin
    return {
        "path": _shown(item.place.path),
        "pointer": _shown(item.place.pointer),
        "state": item.state,
        "reference": pin.reference if pin else None,
        "version": str(pin.version) if pin else None,
        "commit": str(pin.commit) if pin else None,
        "file": pin.file or None if pin else None,
        "now": str(item.now.name) if item.now else None,
        "problem": str(item.error) if item.error else None,
    }


def _document(found: Sequence[Found | None]) -> None:
    console.document("pin", {"pins": [_row(item) for item in found if item]})


def _shown(path: Path) -> str:
    """A path as one writes it from where the command is run."""
    return os.path.relpath(path, Path(os.path.realpath(context.directory())))


def _quoted(path: Path) -> str:
    return shlex.quote(_shown(path))
