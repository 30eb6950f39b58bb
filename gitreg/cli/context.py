"""What commands share: the repository they work on, and reading what the user wrote."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from gitreg.cli import console, progress
from gitreg.data.config import only_storage
from gitreg.data.urls import parse_storage_url
from gitreg.errors import Error, RecordError, UsageError
from gitreg.git import hooks
from gitreg.git.address import Address
from gitreg.git.objects import MissingObjectError
from gitreg.git.runner import Trace
from gitreg.records import yamlio
from gitreg.records.names import Reference, RunId, check_run_id
from gitreg.registry import resolve, versions
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version

Command = TypeVar("Command", bound=Callable[..., Any])
Found = TypeVar("Found")

# what Linux, macOS and Windows have in common, in bytes
_LONGEST_PART, _LONGEST_PATH = 255, 4095

RUN_VARIABLE = "GITREG_RUN_ID"
BUNDLE = "GITREG_BUNDLE"


class Text(click.types.StringParamType):
    """Words of the user's own, such as a reason; what is no UTF-8 could not be recorded."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The words. Raises: BadParameter."""
        try:
            str(value).encode()
        except UnicodeEncodeError:
            self.fail(f"{value!r} is not UTF-8", param, ctx)
        return super().convert(value, param, ctx)


TEXT = Text()


class Place(click.Path):
    """A path that the user wrote. What is empty comes from a variable that is not set, and means no directory."""

    name = "path"

    def __init__(self, *, file_okay: bool = True, dir_okay: bool = True) -> None:
        super().__init__(file_okay=file_okay, dir_okay=dir_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path. Raises: BadParameter."""
        text = os.fsdecode(value)
        if not text or "\0" in text:
            self.fail(f"{text!r} is no path", param, ctx)
        if max(len(os.fsencode(part)) for part in text.split("/")) > _LONGEST_PART or len(text) > _LONGEST_PATH:
            self.fail(f"{text[:100] + '...'!r} is longer than a path can be", param, ctx)
        return super().convert(value, param, ctx)


def directory() -> Path:
    """The directory that the command is run in, `-C` included."""
    found = click.get_current_context().obj["directory"]
    assert isinstance(found, Path)
    return found


def path(text: str | os.PathLike[str]) -> Path:
    """A path that the user wrote, taken from the command's directory."""
    return directory() / text


def storage_address(storage: str | None) -> str | None:
    """A path is taken from where the command is run; a URL stays. Raises: UsageError for what is no storage."""
    if storage is None or "://" in storage or storage.startswith("~"):
        return storage
    # as it was written: made absolute, anything is a path
    parse_storage_url(storage)
    return str(path(storage).resolve())


@contextlib.contextmanager
def opened() -> Iterator[Registry]:
    """The repository around the command's directory. Raises: NotARepositoryError."""
    joined = _bundle() if os.environ.get(BUNDLE) and attached_run() else None
    if joined:
        with _listened_to(joined):
            yield joined
        return
    with Registry.opened(directory(), trace=_tracer(), progress=progress.listener()) as registry:
        yield registry


@contextlib.contextmanager
def elsewhere(repo: str, storage: str | None, *, offline: bool) -> Iterator[Registry]:
    """A repository that there is no clone of here. Raises: UsageError, StorageError, GitError, NotFoundError."""
    from gitreg.registry.elsewhere import Elsewhere

    where = storage_address(storage)
    found = Elsewhere(
        Address.parse(repo, directory()),
        offline=offline,
        storage=None if where is None else only_storage(where),
        trace=_tracer(),
        progress=progress.listener(),
    )
    with contextlib.closing(found):
        yield found


def _bundle() -> Registry | None:
    """The file that the run around this command goes into, None when it goes into the repository."""
    from gitreg.sdk import bundling

    return bundling.joined(directory(), check_run_id(attached_run()))


@contextlib.contextmanager
def opened_for_run(run_id: RunId) -> Iterator[Registry]:
    """The repository, or the file that GITREG_BUNDLE has a new run go into. Raises: NotARepositoryError."""
    if not os.environ.get(BUNDLE):
        with opened() as registry:
            yield registry
        return
    from gitreg.sdk import bundling

    found = bundling.opened(directory(), "online", run_id)
    assert found
    with _listened_to(found[0]):
        yield found[0]


@contextlib.contextmanager
def _listened_to(bundle: Registry) -> Iterator[None]:
    """Show what is done in a file, and end its reading process at the end."""
    bundle.git.trace, bundle.progress = _tracer(), progress.listener()
    with contextlib.closing(bundle):
        yield


def _tracer() -> Trace | None:
    """Who is told of each git command, None without --trace."""
    return _trace if console.settings.trace else None


def _trace(arguments: Sequence[str], seconds: float) -> None:
    shown = " ".join(argument if len(argument) < 80 else f"{argument[:77]}..." for argument in arguments)
    console.say(f"{seconds * 1000:8.1f} ms  git {shown}")


def version(registry: Registry, text: str) -> Version:
    """The version that the user's reference means. Raises: InvalidNameError, NotFoundError."""
    return resolve.version(registry, Reference.parse(text))


def tell_unfetched(registry: Registry) -> None:
    """Say so in a clone that has the tags, and nothing else of the registry remote."""
    if not registry.has_remote or registry.refs.any_below(registry.tracking):
        return
    if any(found.published for found in versions.all_versions(registry)):
        console.say("aliases, and what was deleted or edited, are not known here; 'gitreg fetch' brings them")


def numbered(registry: Registry, text: str, *, deleted: bool = False) -> Version:
    """A version by its number: what an alias names may change before the command is typed again.

    With `deleted` also one that is deleted. Raises: InvalidNameError, NotFoundError, UsageError.
    """
    reference = Reference.parse(text)
    if isinstance(reference.selector, str):
        raise UsageError(f"'{text}' names no version by its number", hint="write NAME:v3; 'gitreg ls NAME' lists them")
    return resolve.version(registry, reference, deleted=deleted)


def published_by(registry: Registry) -> str:
    """How what was just made gets to others, for people."""
    if registry.target:
        return f"in a clone: gitreg run import {shlex.quote(str(registry.target))}"
    if not registry.has_remote:
        return f"without a remote '{registry.remote}' it stays here"
    return f"'{'git' if hooks.state(registry.git).publishes else 'gitreg'} push' publishes it"


def attached_run() -> str:
    """The id of the run that this command runs in, '' outside `gitreg run`."""
    return os.environ.get(RUN_VARIABLE, "")


def pairs(options: Sequence[str], name: str) -> dict[str, object]:
    """`k=v` options as a mapping; each value is read as YAML, so that `lr=0.1` is a number. Raises: UsageError."""
    found: dict[str, object] = {}
    for option in options:
        key, equals, text = option.partition("=")
        if not equals or not key:
            raise UsageError(f"'{option}' is not of the form key=value", hint=f"write {name} lr=0.1")
        found[key] = value(text)
    try:
        yamlio.dump(found)
    except RecordError as error:
        raise UsageError(f"what {name} says cannot be recorded: {error}", hint=f"write {name} lr=0.1") from error
    return found


def value(text: str) -> object:
    """A value read as YAML; what is not one YAML value, such as `a: b` or `#ff0000`, is the text itself."""
    if text.startswith("#") or " #" in text or "\n" in text:
        return text
    try:
        return yamlio.load(f"value: {text}")["value"]
    except RecordError:
        return text


def examples(*lines: str) -> str:
    """The end of a command's help: lines to copy, which click must not wrap."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def json_option(function: Command) -> Command:
    """`--json`, for commands that read."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(function)


def readable(what: str, read: Callable[[], Found]) -> Found | None:
    """What `read` gives. One record that cannot be read must not hide the others: it is named, and left out."""
    try:
        return read()
    except (RecordError, MissingObjectError) as error:
        left_out(what, error)
        return None


def left_out(what: str, error: Error) -> None:
    """Say that a record which cannot be read is left out."""
    console.warn(f"{what} is left out: {str(error).removeprefix(f'{what}: ')}")
