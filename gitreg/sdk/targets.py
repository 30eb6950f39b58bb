"""What a user's words mean here: a version to use, a registered model to link to, and names by default."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from gitreg.errors import (
    InvalidArtifactError,
    InvalidNameError,
    InvalidValueError,
    NotFoundError,
    UsageError,
    VersionDeletedError,
)
from gitreg.records.names import CollectionName, Reference, check_alias, parse_collection, split_date
from gitreg.registry import resolve, versions
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version

DEFAULT_REGISTRY = "model"
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_MAX_TYPE = 128


def text(value: object, what: str, hint: str) -> str:
    """Return `value` when it is text. Raises: InvalidValueError (a TypeError)."""
    if not isinstance(value, str):
        raise InvalidValueError(f"{what} is text, not {type(value).__name__}", hint=hint)
    return value


def alias_list(aliases: str | Sequence[str] | None) -> list[str]:
    """The aliases to set, each once; `latest` goes without saying.

    Raises: InvalidNameError.
    """
    given = _words(aliases)
    return [check_alias(alias) for alias in dict.fromkeys(given) if alias != "latest"]


def find(registry: Registry, name: str, aliases: str | Sequence[str] | None = None) -> Version:
    """The version that `name`, and `aliases` where the name has none, means; `latest` without either.

    A date in the name, `NAME@{DATE}`, is that of the aliases too. Raises: InvalidNameError, InvalidDateError,
    NotFoundError; UsageError when the aliases mean several versions.
    """
    given = _words(aliases)
    head, date = split_date(text(name, "the name of a version", "such as digits:v0 or digits:production"))
    path = re.split("[:@]", head)[0]
    names = [f"{path}:{alias}{date}" for alias in given]
    if path != head or not names:
        names.insert(0, name)
    found = [_resolved(registry, each) for each in names]
    if len({version.commit for version in found}) > 1:
        words = ", ".join(str(version.name) for version in found)
        raise UsageError(f"'{name}' with aliases {', '.join(given)} means several versions: {words}")
    return found[0]


def _words(aliases: object) -> list[str]:
    """Raises: InvalidValueError."""
    given = aliases if isinstance(aliases, Iterable) and not isinstance(aliases, str) else [aliases] if aliases else []
    return [text(alias, "an alias", "such as production") for alias in given]


def _resolved(registry: Registry, name: str) -> Version:
    """The version; where there is none, said in W&B's words, which its users look for."""
    try:
        return resolve.version(registry, Reference.parse(name))
    except VersionDeletedError:
        raise
    except NotFoundError as error:
        name = name if re.search("[:@]", name) else f"{name}:latest"
        words = f"artifact membership '{name}' not found in '{registry.place}'"
        hint = error.hint
        if registry.target and not versions.all_versions(registry):
            hint = "a run that has no repository can use what its process has logged before, into the same file"
        raise NotFoundError(error.kind, error.name, words, hint=hint) from None


def link_target(path: str) -> CollectionName:
    """The registered model that a target path means; a bare NAME is in the registry 'model'.

    Takes `registry/NAME`, and W&B's `wandb-registry-model/NAME` and `entity/model-registry/NAME`. Raises:
    InvalidNameError.
    """
    text(path, "the registered model", "such as model/NAME")
    if ":" in path or "@" in path:
        raise InvalidNameError(path, "registered model", "a link gets its own version number", hint="leave it out")
    candidates = parse_collection(path)
    named = next((name for name in candidates if name.space), None)
    if named is None and "/" in path:
        raise InvalidNameError(path, "registered model", "its registry is no name", hint="write model/NAME")
    return named or CollectionName(DEFAULT_REGISTRY, candidates[0].name)


def artifact_name(name: str) -> CollectionName:
    """The collection that a new artifact is a version of. Raises: InvalidNameError, InvalidValueError."""
    if "/" in text(name, "the name of an artifact", "such as digits"):
        hint = f"log it as '{name.rpartition('/')[2]}' and link it: run.link_artifact(artifact, '{name}')"
        raise InvalidNameError(name, "collection", "'/' is for registered models", hint=hint)
    return CollectionName.parse(name)


def default_name(run_id: str, basename: str) -> str:
    """What an artifact is called that was logged from a path, without a name: `run-<id>-<basename>`."""
    return usable(f"run-{run_id}-{basename}")


def usable(words: str) -> str:
    """A collection's name that comes as close to a text as can be."""
    name = _UNSAFE.sub("_", words).replace("..", "_")[:128]
    try:
        CollectionName.parse(name)
    except InvalidNameError:
        # an ending that is reserved
        name = f"{name[:127].rstrip('.')}_"
    return name


def place(path: str | os.PathLike[str]) -> Path:
    """A path of the file system that a caller gave. Raises: InvalidArtifactError for what can be none."""
    words = os.fspath(path)
    # Path("") is the current directory, which nobody means by a variable that is empty
    if not words or "\0" in words:
        raise InvalidArtifactError(f"{words!r} is no path", hint="name a file or a directory")
    try:
        os.fsencode(words)
        # the system says so when it is too long
        Path(words).exists()
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not valid Unicode"
        raise InvalidArtifactError(
            f"{words[:100]!r}... is no path: {why}", hint="name a file or a directory"
        ) from error
    return Path(words)


def check_type(name: str) -> str:
    """Return `name` when it can be the type of a new artifact. Raises: InvalidNameError, InvalidValueError."""
    why = None
    if not text(name, "the type of an artifact", "such as dataset or model"):
        why = "it is empty"
    elif len(name) > _MAX_TYPE:
        why = f"longer than {_MAX_TYPE} characters"
    elif "/" in name or ":" in name or not name.isprintable():
        why = "'/', ':' and control characters are not allowed"
    elif name == "job" or name.startswith("wandb-"):
        why = "it is reserved"
    if why:
        raise InvalidNameError(name, "type", why, hint="such as dataset or model")
    return name
