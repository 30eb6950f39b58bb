"""What a user's words mean here: a version to use, a registered model to link to, and names by default."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from gitreg.errors import InvalidArtifactError, InvalidNameError, NotFoundError, UsageError, VersionDeletedError
from gitreg.records.names import CollectionName, Reference, check_alias, parse_collection, split_date
from gitreg.registry import resolve, versions
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version

DEFAULT_REGISTRY = "model"
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_MAX_TYPE = 128


def alias_list(aliases: str | Sequence[str] | None) -> list[str]:
    """The aliases to set, each once; `latest` goes without saying.

    Raises: InvalidNameError.
    """
    given = [aliases] if isinstance(aliases, str) else list(aliases or ())
    return [check_alias(alias) for alias in dict.fromkeys(given) if alias != "latest"]


def find(registry: Registry, name: str, aliases: str | Sequence[str] | None = None) -> Version:
    """The version that `name`, and `aliases` where the name has none, means; `latest` without either.

    A date in the name, `NAME@{DATE}`, is that of the aliases too. Raises: InvalidNameError, InvalidDateError,
    NotFoundError; UsageError when the aliases mean several versions.
    """
    given = [aliases] if isinstance(aliases, str) else list(aliases or ())
    head, date = split_date(name)
    path = re.split("[:@]", head)[0]
    texts = [f"{path}:{alias}{date}" for alias in given]
    if path != head or not texts:
        texts.insert(0, name)
    found = [_resolved(registry, text) for text in texts]
    if len({version.commit for version in found}) > 1:
        words = ", ".join(str(version.name) for version in found)
        raise UsageError(f"'{name}' with aliases {', '.join(given)} means several versions: {words}")
    return found[0]


def _resolved(registry: Registry, text: str) -> Version:
    """The version; where there is none, said in W&B's words, which its users look for."""
    try:
        return resolve.version(registry, Reference.parse(text))
    except VersionDeletedError:
        raise
    except NotFoundError as error:
        name = text if re.search("[:@]", text) else f"{text}:latest"
        place = registry.git.worktree or registry.git.common_dir
        words = f"artifact membership '{name}' not found in '{place}'"
        hint = error.hint
        if registry.target and not versions.all_versions(registry):
            hint = "a run that has no repository can use what its process has logged before, into the same file"
        raise NotFoundError(error.kind, error.name, words, hint=hint) from None


def link_target(text: str) -> CollectionName:
    """The registered model that a target path means; a bare NAME is in the registry 'model'.

    Takes `registry/NAME`, and W&B's `wandb-registry-model/NAME` and `entity/model-registry/NAME`. Raises:
    InvalidNameError.
    """
    if ":" in text or "@" in text:
        raise InvalidNameError(text, "registered model", "a link gets its own version number", hint="leave it out")
    candidates = parse_collection(text)
    named = next((name for name in candidates if name.space), None)
    if named is None and "/" in text:
        raise InvalidNameError(text, "registered model", "its registry is no name", hint="write model/NAME")
    return named or CollectionName(DEFAULT_REGISTRY, candidates[0].name)


def artifact_name(text: str) -> CollectionName:
    """The collection that a new artifact is a version of. Raises: InvalidNameError."""
    if "/" in text:
        hint = f"log it as '{text.rpartition('/')[2]}' and link it: run.link_artifact(artifact, '{text}')"
        raise InvalidNameError(text, "collection", "'/' is for registered models", hint=hint)
    return CollectionName.parse(text)


def default_name(run_id: str, basename: str) -> str:
    """What an artifact is called that was logged from a path, without a name: `run-<id>-<basename>`."""
    return usable(f"run-{run_id}-{basename}")


def usable(text: str) -> str:
    """A collection's name that comes as close to a text as can be."""
    name = _UNSAFE.sub("_", text).replace("..", "_")[:128]
    try:
        CollectionName.parse(name)
    except InvalidNameError:
        # an ending that is reserved
        name = f"{name[:127].rstrip('.')}_"
    return name


def place(path: str | os.PathLike[str]) -> Path:
    """A path of the file system that a caller gave. Raises: InvalidArtifactError for what can be none."""
    text = os.fspath(path)
    # Path("") is the current directory, which nobody means by a variable that is empty
    if not text or "\0" in text:
        raise InvalidArtifactError(f"{text!r} is no path", hint="name a file or a directory")
    try:
        os.fsencode(text)
        # the system says so when it is too long
        Path(text).exists()
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not valid Unicode"
        raise InvalidArtifactError(f"{text[:100]!r}... is no path: {why}", hint="name a file or a directory") from error
    return Path(text)


def check_type(text: str) -> str:
    """Return `text` when it can be the type of a new artifact. Raises: InvalidNameError."""
    why = None
    if not text:
        why = "it is empty"
    elif len(text) > _MAX_TYPE:
        why = f"longer than {_MAX_TYPE} characters"
    elif "/" in text or ":" in text or not text.isprintable():
        why = "'/', ':' and control characters are not allowed"
    elif text == "job" or text.startswith("wandb-"):
        why = "it is reserved"
    if why:
        raise InvalidNameError(text, "type", why, hint="such as dataset or model")
    return text
