"""One file of DVC's configuration: the INI dialect of ConfigObj, which DVC uses too.

What the sections mean is `config`'s business.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from gitreg.errors import StorageError

Section = dict[str, Any]

_REMOTE_SECTION = re.compile(r'\s*remote\s*"(.*)"\s*\Z')
_FILE_OPTIONS = frozenset(
    {
        "url",
        "gdrive_user_credentials_file",
        "gdrive_service_account_json_file_path",
        "credentialpath",
        "configpath",
        "keyfile",
        "cert_path",
        "key_path",
    }
)


def read(file: Path, base: Path) -> Section:
    """The file's sections, remotes by name, paths absolute from `base`; empty without a file. Raises: StorageError."""
    text = read_text(file)
    if not text.strip():
        return {}
    config = normalised(_dict(parse(text, file, interpolation=True), file))
    for section, keys in (
        *((remote, _FILE_OPTIONS) for remote in config["remote"].values()),
        (config.get("cache", {}), {"dir"}),
    ):
        if isinstance(section, dict):
            section.update({key: _absolute(value, base) for key, value in section.items() if key in keys})
    return config


def read_text(file: Path) -> str:
    """The file's text, empty without a file. Raises: StorageError."""
    try:
        return file.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"DVC's configuration '{file}' cannot be read: {error}") from error


def parse(text: str, file: Path | None, *, interpolation: bool) -> Any:
    """A ConfigObj. Raises: StorageError."""
    from configobj import ConfigObj, ConfigObjError

    try:
        return ConfigObj([line.rstrip("\n") for line in StringIO(text, newline=None)], interpolation=interpolation)
    except ConfigObjError as error:
        raise StorageError(f"DVC's configuration{f' {str(file)!r}' if file else ''} is malformed: {error}") from error


def _dict(config: Any, file: Path) -> Section:
    from configobj import ConfigObjError

    try:
        return dict(config.dict())
    except ConfigObjError as error:
        raise StorageError(f"DVC's configuration '{file}' is malformed: {error}") from error


def normalised(config: Mapping[str, Any]) -> Section:
    """Keys in lower case, `remote "name"` sections under 'remote'."""
    result: Section = {"remote": {}}
    for key, value in _lower(config).items():
        match = _REMOTE_SECTION.match(key)
        if match and isinstance(value, dict):
            result["remote"][match[1]] = value
        elif key != "remote":
            result[key] = value
    return result


def _lower(config: Mapping[str, Any]) -> Section:
    return {key.lower(): _lower(value) if isinstance(value, dict) else value for key, value in config.items()}


def merge(into: Section, update: Section) -> None:
    """Lay `update` over `into`, section by section."""
    for key, value in update.items():
        if isinstance(into.get(key), dict) and isinstance(value, dict):
            merge(into[key], value)
        else:
            into[key] = value


def _absolute(value: object, base: Path) -> object:
    if not isinstance(value, str) or re.match(r"\w+://", value):
        return value
    # as DVC does it: a '~' of nobody stays as it is
    path = Path(os.path.expanduser(value))  # noqa: PTH111
    return value if path == Path(value) and path.is_absolute() else os.path.abspath(base / path)  # noqa: PTH100


def section(config: Any, name: str) -> Any:
    """The section of that name, made when it is not there."""
    key = key_of(config.sections, name)
    if key not in config:
        config[key] = {}
    return config[key]


def key_of(keys: Iterable[str], name: str) -> str:
    """The key as the file writes it, in whatever case."""
    return next((key for key in keys if " ".join(key.lower().split()) == name), name)


def text_of(config: Any) -> bytes:
    """What a ConfigObj writes. Raises: StorageError for a value with too many kinds of quotes."""
    from configobj import ConfigObjError

    try:
        lines = config.write()
    except ConfigObjError as error:
        raise StorageError(f"DVC's configuration cannot hold this: {error}") from error
    return "".join(f"{line}\n" for line in lines).encode()
