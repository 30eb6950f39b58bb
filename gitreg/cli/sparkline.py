"""A series of numbers as one short line: `▁▂▄▆█`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

_BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII = "_.-=#"
_NOT_FINITE = {True: "×", False: "x"}


def sparkline(values: Sequence[float], *, width: int = 16, blocks: bool = True) -> str:
    """The values from left to right, the lowest and the highest of them at both ends of the scale.

    More of them than `width` are drawn as means of neighbours. NaN and infinities are a cross; a group that has one
    too. `blocks` says whether the output can show more than ASCII.
    """
    groups = [_mean(group) for group in _groups(values, width)]
    finite = [value for value in groups if math.isfinite(value)]
    levels = _BLOCKS if blocks else _ASCII
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    return "".join(
        levels[_level(value, low, high, len(levels))] if math.isfinite(value) else _NOT_FINITE[blocks]
        for value in groups
    )


def _groups(values: Sequence[float], width: int) -> list[Sequence[float]]:
    count = min(width, len(values))
    ends = [len(values) * number // count for number in range(count + 1)] if count else []
    return [values[start:end] for start, end in pairwise(ends)]


def _mean(group: Sequence[float]) -> float:
    # divided first: the sum of large numbers may be infinite
    return sum(value / len(group) for value in group)


def _level(value: float, low: float, high: float, count: int) -> int:
    # halved first: so may be the difference
    span = high / 2 - low / 2
    share = (value / 2 - low / 2) / span if span else 0.5
    return min(int(share * count), count - 1)
