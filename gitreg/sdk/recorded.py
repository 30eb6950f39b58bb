"""What is read of a run that is recorded: mappings and lists that refuse to be changed, because nobody would keep it.

A copy (`dict(...)`, `list(...)`, `copy.deepcopy`) is a plain one, to do with as one likes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from gitreg.errors import UsageError

Key = TypeVar("Key")
Item = TypeVar("Item")
Plain = TypeVar("Plain")


@dataclass(frozen=True)
class User:
    """Who it was, as Git knows people."""

    name: str
    email: str


def refuse(run_id: str) -> NoReturn:
    """Raises: UsageError."""
    hint = f'go on with it and log what is new: init(id="{run_id}", resume="must")'
    raise UsageError(f"run '{run_id}' is recorded and never changes", hint=hint)


class _Refuses:
    """Every method that would change a mapping or a list."""

    _run_id: str

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        refuse(self._run_id)

    __setitem__ = __delitem__ = __ior__ = __iadd__ = __imul__ = _refuse
    pop = clear = _refuse


class RecordedDict(_Refuses, dict[Key, Item]):
    """A mapping that raises UsageError when somebody changes it."""

    popitem = setdefault = update = _Refuses._refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


class RecordedList(_Refuses, list[Item]):
    """A list that raises UsageError when somebody changes it."""

    append = extend = insert = remove = reverse = sort = _Refuses._refuse

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)


def recorded(value: Plain, run_id: str) -> Plain:
    """A copy of plain values that refuses to be changed, at any depth."""
    found: Any
    if isinstance(value, Mapping):
        found = RecordedDict({key: recorded(item, run_id) for key, item in value.items()})
    elif isinstance(value, (list, tuple)):
        found = RecordedList(recorded(item, run_id) for item in value)
    else:
        return value
    found._run_id = run_id
    return found  # type: ignore[no-any-return]  # each type with a subclass of its own
