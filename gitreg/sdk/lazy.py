"""Lists that are made as far as somebody looks: of 10,000 versions, those that are shown are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, Generic, TypeVar, overload

Made = TypeVar("Made")


class Lazy(Sequence[Made], Generic[Made]):
    """A list whose items are found one after another and made when they are looked at; equal to a list of the same.

    How long it is, is known when all of them have been found.
    """

    def __init__(self, found: Iterable[Any], make: Callable[[Any], Made] = lambda item: item) -> None:
        self._rest = iter(found)
        self._make = make
        self._found: list[Any] = []
        self._made: dict[int, Made] = {}

    def _reach(self, count: int | None) -> int:
        """Find so many, or all; how many there are by now."""
        wanted = None if count is None else max(count - len(self._found), 0)
        self._found.extend(islice(self._rest, wanted))
        return len(self._found)

    def __len__(self) -> int:
        return self._reach(None)

    @overload
    def __getitem__(self, index: int) -> Made: ...
    @overload
    def __getitem__(self, index: slice) -> list[Made]: ...
    def __getitem__(self, index: int | slice) -> Made | list[Made]:
        if isinstance(index, slice):
            ends = (index.start or 0, -1 if index.stop is None else index.stop)
            known = self._reach(None if min(ends) < 0 or (index.step or 1) < 0 else index.stop)
            return [self[number] for number in range(*index.indices(known))]
        known = self._reach(None if index < 0 else index + 1)
        number = index + known if index < 0 else index
        if not 0 <= number < known:
            raise IndexError(f"there are {known}, and no number {index}")
        if number not in self._made:
            self._made[number] = self._make(self._found[number])
        return self._made[number]

    def __bool__(self) -> bool:
        return self._reach(1) > 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # like a list

    def __repr__(self) -> str:
        return repr(list(self))
