"""DVC's project directory and configuration, read and written as DVC does but without importing it.

Importing DVC costs more than everything gitreg does with its configuration. The rules are those of DVC's `Config`:
system, global, repository and local files in that order, keys in lower case, relative paths taken from the file's
directory.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from gitreg.data.configfile import (
    Section,
    key_of,
    merge,
    normalised,
    parse,
    read,
    read_text,
    section,
    text_of,
)
from gitreg.data.hashing import refusals
from gitreg.data.urls import SAFE_OPTIONS, is_usable, local_path, parse_storage_url, public_url, scheme_of
from gitreg.data.whole import create, write
from gitreg.errors import RecordError, StorageError, UsageError

VERSION_GITIGNORE = b"/config.local\n/tmp\n/cache\n"
"""What `dvc init` writes into `.dvc/.gitignore`."""

_DVCIGNORE = b"""\
# Add patterns of files dvc should ignore, which could improve
# the performance. Learn more at
# https://dvc.org/doc/user-guide/dvcignore
"""
_MAX_VERSION_CONFIG = 1 << 16
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\Z")
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f]+\Z")


@dataclass(frozen=True, slots=True)
class Storage:
    """Where bytes are published: a DVC remote, without anything secret.

    Attributes:
        name: of the DVC remote.
        url: absolute, without credentials.
        options: DVC's options that are safe to publish (`endpointurl`, `region`, ...), sorted.
    """

    name: str
    url: str
    options: tuple[tuple[str, str], ...] = ()

    @property
    def path(self) -> Path | None:
        """The directory of a local storage, else None."""
        return local_path(self.url)

    def __str__(self) -> str:
        return f"{self.name} ({self.url})"


@dataclass(frozen=True, slots=True)
class Project:
    """The DVC project of a repository.

    Attributes:
        root: the main worktree, whose `.dvc` holds the cache.
        worktree: the current worktree; usually the same.
        own_cache: the cache where the main worktree has none, in a bare repository for example.
    """

    root: Path
    worktree: Path
    own_cache: Path | None = None

    def config(self) -> dict[str, Any]:
        """DVC's configuration, all levels merged, paths absolute; remotes by name under 'remote'.

        It holds the user's credentials. Raises: StorageError when a file cannot be read.
        """
        main = self.root / ".dvc"
        tracked = self.worktree / ".dvc" / "config"
        system, user = _config_directories()
        levels = [
            (system / "config", system),
            (user / "config", user),
            # Relative paths of the tracked file are taken from the main worktree: a linked one comes and goes.
            (tracked if tracked.is_file() else main / "config", main),
            (main / "config.local", main),
        ]
        if self.worktree != self.root:
            levels.append((self.worktree / ".dvc" / "config.local", self.worktree / ".dvc"))
        merged: Section = {"core": {}, "cache": {}, "remote": {}}
        for file, base in levels:
            merge(merged, read(file, base))
        return merged

    @property
    def cache_dir(self) -> Path:
        """DVC's cache: `cache.dir`, else the main worktree's. Raises: StorageError."""
        configured = self.config()["cache"].get("dir")
        return Path(configured) if configured else self.own_cache or self.root / ".dvc" / "cache"

    @property
    def cache_is_shared(self) -> bool:
        """Whether several users write the cache (`cache.shared = group`). Raises: StorageError."""
        return str(self.config()["cache"].get("shared", "")).lower() == "group"

    @property
    def default_storage(self) -> Storage | None:
        """DVC's default remote, or None when there is none.

        Raises: StorageError when the configuration cannot be read or names a remote that it does not have.
        """
        config = self.config()
        name = str(config["core"].get("remote", "")).lower()
        return _storage(config, name) if name else None

    @property
    def storages(self) -> list[Storage]:
        """All of the user's remotes that have an address, by name. Raises: StorageError."""
        config = self.config()
        return [_storage(config, name) for name in sorted(config["remote"]) if _find_remote(config, name)]

    def own_remote(self, storage: Storage) -> Section | None:
        """The user's remote that is this storage, with credentials: same address, by preference the same name.

        Raises: StorageError.
        """
        config = self.config()
        found = {name: _find_remote(config, name) for name in config["remote"]}
        same = {name: own for name, own in found.items() if own and public_url(own["url"]) == storage.url}
        return same.get(storage.name) or next(iter(same.values()), None)

    def options_for(self, address: str) -> Section:
        """What the user's remote in the same bucket, or above this address of a web server, says of how to get there.

        Credentials among it, and no `url`; empty without such a remote. Raises: StorageError.
        """
        return options_in(self.config(), address)

    def name_of(self, storage: Storage, prefer: str = "") -> tuple[str, bytes | None]:
        """The name that `.dvc/config`, which everybody has, gives to the storage; by preference this one.

        Where it knows no such remote: a free name, and the file's text with it. Nothing is written.
        Raises: UsageError for an address that no configuration should have, StorageError.
        """
        file = self.worktree / ".dvc" / "config"
        known, own = read(file, self.root / ".dvc").get("remote", {}), self.config()
        given = storage.name.lower()
        same = sorted((name for name in own["remote"] if _is(own, name, storage)), key=lambda name: name != given)
        # a name that means the storage in a private file has its credentials
        wanted = [name for name in (prefer, *same, given, "storage") if _NAME.match(name)]
        tracked = {"remote": known}
        there = next((name for name in (*wanted, *known) if _is(tracked, name, storage)), None)
        if there is not None:
            return there, None
        names = (*wanted, *(f"{wanted[0]}-{number}" for number in range(2, len(own["remote"]) + 3)))
        name = next(name for name in names if name not in known and (name in same or name not in own["remote"]))
        options = {"url": parse_storage_url(storage.url), **dict(storage.options)}
        return name, _with_remote(file, name, options)


def options_in(config: Section, address: str) -> Section:
    """`Project.options_for` in a configuration that was read before."""
    found = (own for name in sorted(config["remote"]) if (own := _find_remote(config, name)))
    best = max((own for own in found if _holds(own["url"], address)), key=lambda own: len(own["url"]), default={})
    return {key: value for key, value in best.items() if key != "url"}


def is_project(root: Path) -> bool:
    """Whether `root` is the root of a DVC project."""
    return (root / ".dvc").is_dir()


def init_project(root: Path) -> list[Path]:
    """Make `root` a DVC project as `dvc init` does; what is there already stays. The files it wrote.

    Raises: StorageError.
    """
    with refusals(f"no DVC project can be made in '{root}'"):
        (root / ".dvc").mkdir(exist_ok=True)
    files = ((".dvc/.gitignore", VERSION_GITIGNORE), (".dvc/config", b""), (".dvcignore", _DVCIGNORE))
    return [root / name for name, content in files if create(root / name, content)]


def set_storage(root: Path, url: str, name: str = "storage") -> Storage:
    """Write the remote `name` into `.dvc/config` and make it the default; everything else in the file stays.

    Raises: UsageError for a bad address or name, StorageError.
    """
    address = parse_storage_url(url)
    if not _NAME.match(name):
        raise UsageError(f"invalid name {name!r} of a storage", hint="use letters, digits, '_', '.' and '-'")
    name = name.lower()
    file = root / ".dvc" / "config"
    write(file, _with_remote(file, name, {"url": address}, default=True))
    return Storage(name, public_url(address))


def _with_remote(file: Path, name: str, options: Mapping[str, str], *, default: bool = False) -> bytes:
    """The configuration's text with these options of a remote, the rest as it was. Raises: UsageError, StorageError."""
    config = parse(read_text(file), file, interpolation=False)
    if not config.indent_type:
        config.indent_type = "    "
    if default:
        section(config, "core")[key_of(section(config, "core"), "remote")] = name
    remote = section(config, f'remote "{name}"')
    for key, value in options.items():
        remote[key_of(remote, key)] = value
    text = text_of(config)
    # ConfigObj drops some white space, and values with every kind of quotes.
    kept = normalised(parse(text.decode(), file, interpolation=False).dict())["remote"][name]
    for key, value in options.items():
        if kept[key] != value:
            raise UsageError(f"DVC's configuration cannot hold the storage {key} {value!r}")
    return text


def only_storage(url: str) -> Storage:
    """The storage of an address that a person wrote. Raises: UsageError."""
    return Storage("storage", public_url(parse_storage_url(url)))


def version_config(storage: Storage | None) -> bytes:
    """The `.dvc/config` of a version's tree: the storage as the default remote; empty without one."""
    if storage is None:
        return b""
    from configobj import ConfigObj

    name = storage.name.lower() if _NAME.match(storage.name) else "storage"
    allowed = SAFE_OPTIONS.get(scheme_of(storage.url), frozenset())
    options = {key: value for key, value in sorted(storage.options) if key in allowed}
    config = ConfigObj(interpolation=False, indent_type="    ")
    config["core"] = {"remote": name}
    config[f'remote "{name}"'] = {"url": public_url(storage.url), **options}
    return text_of(config)


def parse_version_config(text: bytes) -> Storage | None:
    """Read the `.dvc/config` of a version's tree: address and safe options, nothing else. None when it names none.

    It is data from strangers. Raises: RecordError.
    """
    if len(text) > _MAX_VERSION_CONFIG:
        raise RecordError("a version's DVC configuration is too large")
    try:
        config = normalised(parse(text.decode(), None, interpolation=False).dict())
        name = _string(_mapping(config.get("core", {})).get("remote", "")).lower()
        if not name:
            return None
        remote = _mapping(config["remote"].get(name, {}))
        url = _string(remote.get("url", ""))
        allowed = SAFE_OPTIONS.get(scheme_of(url), frozenset())
        options = tuple(sorted((key, _string(value)) for key, value in remote.items() if key in allowed))
    except (UnicodeDecodeError, StorageError) as error:
        raise RecordError(f"a version's DVC configuration cannot be read: {error}") from error
    if (
        not _NAME.match(name)
        or not _PRINTABLE.match(url)
        or not is_usable(url)
        or not all(_PRINTABLE.match(value) for _, value in options)
    ):
        raise RecordError("a version's DVC configuration names no usable storage")
    path = local_path(url)
    # A Windows path is read on other systems too, where it is simply not there.
    if path is not None and not (path.is_absolute() or re.match(r"[A-Za-z]:[\\/]|\\\\", url)):
        raise RecordError(f"a version's storage {url!r} is not absolute")
    return Storage(name, public_url(url), options)


def _storage(config: Section, name: str) -> Storage:
    remote = _remote(config, name)
    url = public_url(remote["url"])
    allowed = SAFE_OPTIONS.get(scheme_of(url), frozenset())
    options = {key: str(remote[key]) for key in allowed if key in remote}
    if "endpointurl" in options:
        options["endpointurl"] = public_url(options["endpointurl"])
    return Storage(name, url, tuple(sorted(options.items())))


def _remote(config: Section, name: str) -> Section:
    """The remote's options. Raises: StorageError."""
    remote = _find_remote(config, name)
    if remote is None:
        raise StorageError(
            f"DVC's configuration has no usable remote '{name}'",
            hint="see 'dvc remote list', or add one with 'dvc remote add'",
        )
    return remote


def _is(config: Section, name: str, storage: Storage) -> bool:
    """Whether the configuration has this remote, and it is the storage."""
    remote = _find_remote(config, name)
    return remote is not None and public_url(remote["url"]) == storage.url


def _holds(url: str, address: str) -> bool:
    """Whether a remote's options are for an address too: a web server's only below it, as its secrets are."""
    url, scheme = public_url(url), scheme_of(url)
    if not scheme or scheme != scheme_of(address):
        return False
    web = scheme in ("http", "https")
    if web and ".." in unquote(address).split("/"):
        return False
    above = url if web else "/".join(url.split("/")[:3])
    return f"{address}/".startswith(f"{above}/")


def _find_remote(config: Section, name: str, above: tuple[str, ...] = ()) -> Section | None:
    """The remote's options, `remote://OTHER/path` resolved as DVC does; None when it has no address."""
    remote = config["remote"].get(name)
    if not isinstance(remote, dict) or not isinstance(remote.get("url"), str) or name in above:
        return None
    match = re.match(r"remote://([^/]*)(.*)\Z", remote["url"], re.DOTALL)
    if not match:
        return dict(remote)
    base = _find_remote(config, match[1].lower(), (*above, name))
    return {**base, **remote, "url": "/".join((base["url"], match[2].lstrip("/")))} if base else None


def _config_directories() -> tuple[Path, Path]:
    """Where DVC looks for its system and global configuration."""
    import platformdirs

    return (
        Path(os.environ.get("DVC_SYSTEM_CONFIG_DIR") or platformdirs.site_config_dir("dvc", "iterative")),
        Path(os.environ.get("DVC_GLOBAL_CONFIG_DIR") or platformdirs.user_config_dir("dvc", "iterative")),
    )


def _mapping(value: object) -> Section:
    if not isinstance(value, dict):
        raise StorageError("a section is missing")
    return value


def _string(value: object) -> str:
    if not isinstance(value, str):
        raise StorageError(f"{value!r} is no text")
    return value
