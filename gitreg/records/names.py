"""The one grammar of names: collections, versions, aliases, runs, and the references people write.

Everything that becomes part of a ref, a path or a git argument is parsed here first, into a frozen type that prints
back to what was parsed. Whether a name exists is not this module's business.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import NewType

from gitreg.errors import InvalidNameError
from gitreg.records.when import When

VersionNumber = NewType("VersionNumber", int)
RunId = NewType("RunId", str)

LATEST = "latest"
MAX_SEGMENT = 128
MAX_ALIAS = 64
MAX_RUN_ID = 64
MAX_NUMBER = 10**9 - 1

_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_VERSION = re.compile(r"v(0|[1-9][0-9]{0,8})\Z")
_VERSION_LIKE = re.compile(r"[vV][0-9]+\Z")
_OBJECT_ID = re.compile(r"(?:[0-9a-fA-F]{40}|[0-9a-fA-F]{64})\Z")
_RESERVED_FILES = frozenset({"dvc.yaml", "dvc.lock", "head"})
_RESERVED_ENDS = (".lock", ".dvc", ".sha256", ".files", ".references")
# What W&B allows in the names of entities and projects, which are labels here.
_LABEL = re.compile(r"(?!\.{1,2}\Z)[^-~\s/\\#?%:@][^/\\#?%:@]{0,127}\Z")
_DEVICES = frozenset({"con", "prn", "aux", "nul"} | {f"{d}{n}" for d in ("com", "lpt") for n in range(1, 10)})

_HINTS = {
    "collection": "such as mnist_model, or model/MNIST for a registered model",
    "version": "such as mnist_model@v3",
    "alias": "such as production",
    "run id": "such as 3kf9a1xq",
    "reference": "write NAME:v3 or NAME:ALIAS",
}


def _invalid(text: str, kind: str, why: str) -> InvalidNameError:
    return InvalidNameError(text, kind, why, hint=_HINTS[kind])


def _check_segment(text: str, kind: str, whole: str, limit: int = MAX_SEGMENT) -> str:
    """Return `text` when it is one segment of a name. Raises: InvalidNameError."""
    why = None
    if not text:
        why = "a part is empty"
    elif len(text) > limit:
        why = f"longer than {limit} characters"
    elif not _SEGMENT.match(text):
        why = "only letters, digits, '_', '-' and '.' are allowed, and the first must be no '-' or '.'"
    elif ".." in text:
        why = "it holds '..'"
    elif text.endswith("."):
        why = "it ends with '.'"
    elif text.lower().endswith(_RESERVED_ENDS):
        why = f"it ends with '.{text.rsplit('.', 1)[1]}'"
    elif text.lower() in _RESERVED_FILES:
        why = "it is reserved"
    elif text.split(".", 1)[0].lower() in _DEVICES:
        why = "it is a device name on Windows"
    elif _OBJECT_ID.match(text):
        why = "it looks like an object id"
    if why:
        raise _invalid(whole, kind, why)
    return text


@dataclass(frozen=True, slots=True, order=True)
class CollectionName:
    """`name` or `space/name`."""

    space: str
    name: str

    @classmethod
    def parse(cls, text: str) -> CollectionName:
        """Parse `name` or `space/name`. Raises: InvalidNameError."""
        parts = text.split("/")
        if len(parts) > 2:
            raise _invalid(text, "collection", "at most one '/' is allowed")
        for part in parts:
            _check_segment(part, "collection", text)
        return cls("", parts[0]) if len(parts) == 1 else cls(parts[0], parts[1])

    def __str__(self) -> str:
        return f"{self.space}/{self.name}" if self.space else self.name


# Thousands of tags have the same one.
_collection = functools.lru_cache(maxsize=4096)(CollectionName.parse)


@dataclass(frozen=True, slots=True, order=True)
class VersionName:
    """A collection and a number; prints as people write it, `name:v3`."""

    collection: CollectionName
    number: VersionNumber

    @classmethod
    def parse_tag(cls, text: str) -> VersionName:
        """Parse a tag's name, `name@v3`. Raises: InvalidNameError."""
        head, at, tail = text.rpartition("@")
        number = parse_number(tail)
        if not at or number is None:
            raise _invalid(text, "version", "expected COLLECTION@v<number>")
        return cls(_collection(head), number)

    @property
    def tag(self) -> str:
        """The tag's name, `name@v3`."""
        return f"{self.collection}@v{self.number}"

    @property
    def label(self) -> str:
        """`v3`."""
        return f"v{self.number}"

    def __str__(self) -> str:
        return f"{self.collection}:v{self.number}"


@dataclass(frozen=True, slots=True, order=True)
class AliasName:
    """A collection and an alias; prints as people write it, `name:production`."""

    collection: CollectionName
    alias: str

    @classmethod
    def parse_ref(cls, text: str) -> AliasName:
        """Parse the end of an alias ref, `name@production`. Raises: InvalidNameError."""
        head, at, tail = text.rpartition("@")
        if not at:
            raise _invalid(text, "alias", "expected COLLECTION@ALIAS")
        return cls(CollectionName.parse(head), check_alias(tail))

    @property
    def ref_name(self) -> str:
        """The end of the alias's ref, `name@production`."""
        return f"{self.collection}@{self.alias}"

    def __str__(self) -> str:
        return f"{self.collection}:{self.alias}"


def parse_number(text: str) -> VersionNumber | None:
    """The number in `v<number>`, or None when it is not of that form."""
    match = _VERSION.match(text)
    return VersionNumber(int(match[1])) if match else None


def check_alias(text: str) -> str:
    """Return `text` when it can be the name of an alias. Raises: InvalidNameError."""
    if text.lower() == LATEST:
        raise InvalidNameError(
            text, "alias", "'latest' is always the newest version", hint="leave it out, or choose another alias"
        )
    if _VERSION_LIKE.match(text):
        hint = f"versions are written v{text[1:].lstrip('0') or '0'}"
        raise InvalidNameError(text, "alias", "it reads as a version number", hint=hint)
    return _check_segment(text, "alias", text, MAX_ALIAS)


def check_run_id(text: str) -> RunId:
    """Return `text` when it can be a run's id. Raises: InvalidNameError."""
    _check_segment(text, "run id", text, MAX_RUN_ID)
    if text[1:2] == ".":
        raise _invalid(text, "run id", "its second character is '.'")
    return RunId(text)


Selector = VersionNumber | str
"""A version's number, an alias, or 'latest'."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What people write to mean one version.

    Attributes:
        candidates: the collections it can mean, the likeliest first: `X/name` is the collection of that name if
            there is one, else `name` labelled with project X.
        selector: a version's number, an alias, or 'latest'.
        text: as it was written.
        when: the alias, or 'latest', as it was then; None for now.
    """

    candidates: tuple[CollectionName, ...]
    selector: Selector
    text: str
    when: When | None = None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Parse `name:v3`, `name:alias`, `name`, `space/name:...`, W&B's longer forms, and MLflow's `name@alias`.

        `@{DATE}` may follow all but a number: `name:alias@{2026-03-01}`. Raises: InvalidNameError, InvalidDateError.
        """
        head, date = split_date(text)
        path, colon, tail = head.partition(":")
        if not colon:
            path, at, tail = head.partition("@")
            colon = at
        if colon and not tail:
            raise _invalid(text, "reference", "nothing follows the name")
        selector: Selector = LATEST
        if tail and tail != LATEST:
            number = parse_number(tail)
            selector = check_alias(tail) if number is None else number
        if date and not isinstance(selector, str):
            why = f"'{tail}' never moves, so it is the same at any date"
            raise InvalidNameError(text, "reference", why, hint=f"leave the date out: {head}")
        return cls(_candidates(path, text), selector, text, When.parse(date[2:-1]) if date else None)

    def __str__(self) -> str:
        return self.text


def split_date(text: str) -> tuple[str, str]:
    """A reference without its date, and the date with its braces, `@{DATE}`, '' without one.

    Raises: InvalidNameError when the braces are not closed.
    """
    head, mark, date = text.partition("@{")
    if mark and not date.endswith("}"):
        raise _invalid(text, "reference", "what begins with '@{' must end with '}'")
    return head, mark + date


def parse_collection(text: str) -> tuple[CollectionName, ...]:
    """The collections that a path without a version can mean, the likeliest first. Raises: InvalidNameError."""
    return _candidates(text, text)


def _candidates(path: str, text: str) -> tuple[CollectionName, ...]:
    parts = path.split("/")
    if len(parts) > 3:
        raise _invalid(text, "reference", "at most ENTITY/PROJECT/NAME is allowed")
    if len(parts) == 1:
        return (CollectionName.parse(path),)
    if "" in parts:
        raise _invalid(text, "reference", "a part is empty")
    for label in parts[:-1]:
        if not _is_label(label):
            raise _invalid(text, "reference", "what stands before the last '/' is no registry, project or entity")
    project, name = parts[-2:]
    bare = CollectionName.parse(name)
    registry = _wandb_registry(project)
    if registry is not None:
        return (CollectionName.parse(f"{registry}/{name}"),)
    labelled = CollectionName.parse(f"{project}/{name}") if _is_segment(project) else None
    if len(parts) == 3 or labelled is None:
        return (bare,) if labelled is None else (bare, labelled)
    return (labelled, bare)


def _wandb_registry(project: str) -> str | None:
    """The registry that W&B's project name means: `model-registry` is 'model', `wandb-registry-X` is X, else None."""
    if project == "model-registry":
        return "model"
    return project.removeprefix("wandb-registry-") if project.startswith("wandb-registry-") else None


def _is_label(text: str) -> bool:
    """Whether W&B could call an entity or a project so."""
    return bool(_LABEL.match(text)) and text.isprintable()


def _is_segment(text: str) -> bool:
    try:
        _check_segment(text, "collection", text)
    except InvalidNameError:
        return False
    return True
