"""A run's config and summary: mappings that write each change through to the run.

They hold nothing themselves: they read from and write to what they were made with.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, MutableMapping, ValuesView
from pathlib import Path
from typing import Any

from gitreg.errors import ConfigError, Error, RecordError, UsageError
from gitreg.records import yamlio
from gitreg.sdk.targets import place
from gitreg.sdk.values import plain

Read = Callable[[], Mapping[str, Any]]
Write = Callable[[Mapping[str, Any]], None]
_STRINGS = frozenset((str,))


class _Values:
    """Access by key and by attribute. A missing key is a KeyError by `[]` and an AttributeError by attribute."""

    _read: Read

    def __getitem__(self, key: str) -> Any:
        return copy.deepcopy(self._read()[key])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(f"there is no {type(self).__name__.lower()} value '{name}'") from error

    def __contains__(self, key: object) -> bool:
        return key in self._read()

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._read()))

    def __len__(self) -> int:
        return len(self._read())

    def __repr__(self) -> str:
        return repr(self.as_dict())

    def get(self, key: str, default: Any = None) -> Any:
        """The value, `default` when there is none."""
        try:
            return self[key]
        except KeyError:
            return default

    def keys(self) -> KeysView[str]:
        """The keys as they are now."""
        return self.as_dict().keys()

    def values(self) -> ValuesView[Any]:
        """The values as they are now."""
        return self.as_dict().values()

    def items(self) -> ItemsView[str, Any]:
        """Keys and values as they are now."""
        return self.as_dict().items()

    def as_dict(self) -> dict[str, Any]:
        """A copy as plain values."""
        return copy.deepcopy(dict(self._read()))


class Config(_Values):
    """What a run was asked to do: settings that do not change.

    Values become plain ones (see `gitreg.sdk.values.plain`), so `config["lr"]` is what the record will say. What is
    read is a copy: to change a nested value, set the whole one. On the command line: `gitreg run --config KEY=VALUE`.
    """

    def __init__(self, read: Read, write: Write, *, allow_val_change: bool = False) -> None:
        self.__dict__.update(_read=read, _write=write, _allow=allow_val_change)

    def __setitem__(self, key: str, value: object) -> None:
        self.update({key: value})

    def __setattr__(self, name: str, value: object) -> None:
        self.update({name: value})

    def update(self, values: object, allow_val_change: bool | None = None) -> None:
        """Set several values from a mapping, an `argparse.Namespace` or the path of a YAML file.

        Raises: ConfigError when a value would change, unless `allow_val_change` here or in `init`; UsageError once the
            run is finished. Nothing is set then.
        """
        new = config_values(values)
        known = self._read()
        allowed = self.__dict__["_allow"] if allow_val_change is None else allow_val_change
        for key, value in new.items():
            if not allowed and key in known and not same(known[key], value):
                raise ConfigError(
                    f"config '{key}' is {known[key]!r} and would become {value!r}",
                    hint="pass allow_val_change=True to init or config.update",
                )
        self.__dict__["_write"](new)

    def setdefaults(self, values: object) -> None:
        """Set only what is not set yet."""
        known = self._read()
        self.__dict__["_write"]({key: value for key, value in config_values(values).items() if key not in known})


class Summary(_Values):
    """What came out of a run: the last value of everything that was logged, and what was set here.

    A nested mapping that is read from here writes through too: `run.summary["accuracy"]["test"] = 0.9`.
    """

    def __init__(self, read: Read, write: Write) -> None:
        self.__dict__.update(_read=read, _write=write)

    def __getitem__(self, key: str) -> Any:
        value = self._read()[key]
        return _Nested(self, (key,)) if isinstance(value, Mapping) else copy.deepcopy(value)

    def __setitem__(self, key: str, value: object) -> None:
        self.update({key: value})

    def __setattr__(self, name: str, value: object) -> None:
        self.update({name: value})

    def update(self, values: Mapping[str, object]) -> None:
        """Set several values. Raises: TypeError for keys that are no strings, UsageError once the run is finished."""
        check_keys(values, "a summary")
        self.__dict__["_write"](plain(values))


class _Nested(MutableMapping[str, Any]):
    """A mapping inside the summary, by the keys that lead to it."""

    def __init__(self, summary: Summary, keys: tuple[str, ...]) -> None:
        self._summary = summary
        self._keys = keys

    def _value(self) -> dict[str, Any]:
        value: Any = self._summary.as_dict()
        for key in self._keys:
            value = value[key]
        return dict(value)

    def _replace(self, value: dict[str, Any]) -> None:
        top, *rest = self._keys
        tree = self._summary.as_dict()[top]
        if not rest:
            tree = value
        else:
            inner = tree
            for key in rest[:-1]:
                inner = inner[key]
            inner[rest[-1]] = value
        self._summary.update({top: tree})

    def __getitem__(self, key: str) -> Any:
        value = self._value()[key]
        return _Nested(self._summary, (*self._keys, key)) if isinstance(value, dict) else value

    def __setitem__(self, key: str, value: object) -> None:
        self._replace({**self._value(), key: value})

    def __delitem__(self, key: str) -> None:
        value = self._value()
        del value[key]
        self._replace(value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._value())

    def __len__(self) -> int:
        return len(self._value())

    def __repr__(self) -> str:
        return repr(self._value())


def check_keys(values: object, what: str) -> None:
    """Raises: TypeError when `values` is no mapping whose keys are strings."""
    if type(values) is dict and _STRINGS.issuperset(map(type, values)):
        return
    if not isinstance(values, Mapping):
        raise TypeError(f"{what} takes a mapping, not {type(values).__name__}")
    wrong = next((key for key in values if not isinstance(key, str)), None)
    if wrong is not None or None in values:
        raise TypeError(f"the keys of {what} are strings, not {wrong!r}")


def config_values(values: object) -> dict[str, Any]:
    """Config values from what `init` and `Config.update` take, as plain values; None is nothing.

    A YAML file holds a value for each key, or W&B's `{desc: ..., value: ...}`. Raises: TypeError, UsageError.
    """
    if values is None:
        return {}
    if isinstance(values, (str, Path)):
        return _from_file(place(values))
    if isinstance(values, argparse.Namespace):
        values = vars(values)
    elif isinstance(values, Config):
        values = values.as_dict()
    check_keys(values, "config")
    found: dict[str, Any] = plain(values)
    return found


def _from_file(path: Path) -> dict[str, Any]:
    try:
        values = yamlio.load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, RecordError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(
            f"config file '{path}' cannot be read: {why}", hint="name a YAML file, or give a mapping"
        ) from error
    return {
        key: value["value"]
        if isinstance(value, dict) and "value" in value and value.keys() <= {"value", "desc"}
        else value
        for key, value in values.items()
        if key not in ("wandb_version", "_wandb")
    }


def same(left: object, right: object) -> bool:
    """Equality by which NaN is NaN."""
    return left == right or (left != left and right != right)  # noqa: PLR0124  # only NaN differs from itself


class Active:
    """`gitreg.config` and `gitreg.summary`: whatever the active run has under that name."""

    def __init__(self, find: Callable[[], Config | Summary]) -> None:
        self.__dict__["_find"] = find

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.__dict__["_find"](), name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.__dict__["_find"](), name, value)

    def __getitem__(self, key: str) -> Any:
        return self.__dict__["_find"]()[key]

    def __setitem__(self, key: str, value: object) -> None:
        self.__dict__["_find"]()[key] = value

    def __contains__(self, key: object) -> bool:
        return key in self.__dict__["_find"]()

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__["_find"]())

    def __len__(self) -> int:
        return len(self.__dict__["_find"]())

    def __repr__(self) -> str:
        try:
            return repr(self.__dict__["_find"]())
        except Error:
            return "<no run is active>"
