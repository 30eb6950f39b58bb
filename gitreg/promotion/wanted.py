"""The files that say which version an alias shall name: `.gitreg/aliases/<collection>.yaml`, one a collection.

```yaml
production: {version: v3, commit: 57d966b0c1d2, after: 9ab1c2d, reason: better on the March set}
staging: v4
canary: null  # names nothing
```

`commit` (of the version) and `after` (the newest promotion when the request was written) are optional: the first
digits of object ids. Pure: text in, entries out.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from gitreg.errors import InvalidNameError, RecordError, SettingsError
from gitreg.records import fields, yamlio
from gitreg.records.names import AliasName, CollectionName, VersionName, check_alias, parse_number

FOLDER = ".gitreg/aliases"
NEVER = "none"
"""`after` of an alias that had no promotion when the request was written."""

_KEYS = ("version", "commit", "after", "reason")
_OID = re.compile(r"[0-9a-f]{7,40}\Z")
LONGEST = 1000
"""Characters of a reason."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a file says of one alias.

    Attributes:
        alias: which.
        version: what it shall name; None for nothing.
        commit: how the version's commit begins, '' where it is not said.
        after: how the alias's tip began when this was written; NEVER, or '' where it is not said.
        reason: why.
        line: where it stands, from 1.
    """

    alias: AliasName
    version: VersionName | None
    commit: str = ""
    after: str = ""
    reason: str = ""
    line: int = 0


def path_of(collection: CollectionName) -> str:
    """The file of a collection, relative to the top of the repository."""
    return f"{FOLDER}/{collection}.yaml"


def collection_of(path: str) -> CollectionName:
    """The collection that a file below FOLDER is about. Raises: SettingsError."""
    inner = path.removeprefix(f"{FOLDER}/")
    if not inner.endswith(".yaml"):
        hint = "rename it to .yaml" if inner.endswith(".yml") else f"only <collection>.yaml belongs into {FOLDER}"
        raise SettingsError(path, 0, "this is no file of a collection's aliases", hint=hint)
    try:
        return CollectionName.parse(inner.removesuffix(".yaml"))
    except InvalidNameError as error:
        raise SettingsError(path, 0, error.message, hint=error.hint) from error


def parse(path: str, text: str) -> dict[AliasName, Entry]:
    """What a file says of each alias that it lists. Raises: SettingsError."""
    collection = collection_of(path)
    document = yamlio.load_lined(path, text)
    found: dict[AliasName, Entry] = {}
    folded: dict[str, str] = {}
    for key, value in document.items():
        with _at(path, document.lines[key]):
            entry = _entry(AliasName(collection, check_alias(key)), value, document.lines[key])
        twin = folded.setdefault(key.lower(), key)
        if twin != key:
            raise SettingsError(path, entry.line, f"'{key}' differs from '{twin}' only by case")
        found[entry.alias] = entry
    return found


def _entry(alias: AliasName, value: object, line: int) -> Entry:
    if value is None:
        return Entry(alias, None, line=line)
    if isinstance(value, str):
        return Entry(alias, _version(alias.collection, value), line=line)
    if not isinstance(value, yamlio.Lined):
        raise RecordError(f"'{alias.alias}' is {value!r}; expected v3, null, or {{version: v3, reason: ...}}")
    unknown = next((key for key in value if key not in _KEYS), None)
    if unknown is not None:
        raise RecordError(f"'{alias.alias}' has a field {unknown!r}; known are {', '.join(_KEYS)}")
    named = value.get("version")
    reason = fields.string(value, "reason", "")
    if len(reason) > LONGEST:
        raise RecordError(f"the reason of '{alias.alias}' is longer than {LONGEST} characters")
    return Entry(
        alias,
        None if named is None and "version" in value else _version(alias.collection, fields.string(value, "version")),
        _beginning(value, "commit"),
        _beginning(value, "after", NEVER),
        reason,
        line,
    )


def _version(collection: CollectionName, text: str) -> VersionName:
    number = parse_number(text)
    if number is None:
        raise RecordError(f"{text!r} is no version; only numbers such as v3 may stand here")
    return VersionName(collection, number)


def _beginning(document: fields.Document, key: str, *words: str) -> str:
    value = document.get(key, "")
    # 1234567 and 12345e7 are numbers to YAML
    if not isinstance(value, str) or (value and value not in words and not _OID.match(value)):
        raise RecordError(f"field '{key}' holds {value!r}, expected the first 7 to 40 digits of a commit, in quotes")
    return value


@contextlib.contextmanager
def _at(path: str, line: int) -> Iterator[None]:
    try:
        yield
    except (RecordError, InvalidNameError) as error:
        raise SettingsError(path, line, error.message, hint=error.hint) from error
