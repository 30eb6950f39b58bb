"""In which column each box of a graph stands, and in which order from top to bottom: no sizes, no coordinates.

The boxes are numbers, in an order where what something was made from comes before it. That order is also the one that
people expect from top to bottom (v9 before v10), and it is given up only where edges would cross.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

Edges = Sequence[tuple[int, int]]

_SWEEPS = 12
_MOST_LANES = 60_000


@dataclass(frozen=True, slots=True)
class Layers:
    """One connected part of a graph in columns.

    Attributes:
        columns: from left to right, each a list of items from top to bottom. Items below `boxes` are boxes, the others
            lanes: a place kept free in a column for the edges that pass through it.
        links: pairs of items in neighbouring columns that are joined, each once.
        chains: for each edge the items that it passes, from its source to its target. The edges of one source share
            their lanes. An edge that runs backwards, or that gets no lanes, has its two ends alone.
    """

    columns: list[list[int]]
    links: list[tuple[int, int]]
    chains: list[tuple[int, ...]]


def parts(count: int, edges: Edges) -> Iterator[list[int]]:
    """The connected parts of a graph of `count` boxes, each as the sorted numbers of its boxes."""
    home = list(range(count))

    def top(box: int) -> int:
        while home[box] != box:
            home[box] = home[home[box]]
            box = home[box]
        return box

    for one, other in edges:
        first, second = sorted((top(one), top(other)))
        home[second] = first
    found: dict[int, list[int]] = {}
    for box in range(count):
        found.setdefault(top(box), []).append(box)
    yield from found.values()


def layered(count: int, edges: Edges, kinds: Sequence[Hashable]) -> Layers:
    """Put one connected part into columns and order each column.

    Siblings of one kind, and the only results of such siblings, stay in the order in which they are given.
    """
    column = _columns(count, edges)
    columns: list[list[int]] = [[] for _ in range(max(column, default=-1) + 1)]
    lanes: dict[tuple[int, int], int] = {}
    links: dict[tuple[int, int], None] = {}
    chains = []
    room = sum(max(column[target] - column[source] - 1, 0) for source, target in set(edges)) <= _MOST_LANES
    for source, target in edges:
        between = range(column[source] + 1, column[target]) if room else ()
        chain = (source, *(lanes.setdefault((source, at), count + len(lanes)) for at in between), target)
        chains.append(chain)
        if column[target] > column[source] and (room or column[target] == column[source] + 1):
            links.update(dict.fromkeys(pairwise(chain)))
    for box in range(count):
        columns[column[box]].append(box)
    for (_, at), lane in lanes.items():
        columns[at].append(lane)
    return Layers(_ordered(columns, list(links), _families(kinds, edges)), list(links), chains)


def _columns(count: int, edges: Edges) -> list[int]:
    """As far left as the origins allow; what has more results than origins moves right, up to its first result."""
    before: list[list[int]] = [[] for _ in range(count)]
    after: list[list[int]] = [[] for _ in range(count)]
    for source, target in sorted(set(edges)):
        if source < target:  # the others close a cycle
            before[target].append(source)
            after[source].append(target)
    column = [0] * count
    for box in range(count):
        column[box] = max((column[source] + 1 for source in before[box]), default=0)
    for box in reversed(range(count)):
        if len(after[box]) > len(before[box]):
            column[box] = min(column[target] for target in after[box]) - 1
    lowest = min(column, default=0)
    return [number - lowest for number in column]


def _families(kinds: Sequence[Hashable], edges: Edges) -> list[int]:
    """Give boxes of one kind that were made from the same boxes the same number."""
    before: list[list[int]] = [[] for _ in kinds]
    for source, target in sorted(set(edges)):
        before[target].append(source)
    numbers: dict[Hashable, int] = {}
    keys = (
        (kind, *origins) if origins else -box for box, (kind, origins) in enumerate(zip(kinds, before, strict=True))
    )
    return [numbers.setdefault(key, len(numbers)) for key in keys]


class _Order:
    """The columns while they are sorted, and where each item stands in its own."""

    def __init__(self, columns: list[list[int]], links: list[tuple[int, int]], family: Sequence[int]) -> None:
        items = sum(map(len, columns))
        self.columns = columns
        self.family = family
        self.left: list[list[int]] = [[] for _ in range(items)]
        self.right: list[list[int]] = [[] for _ in range(items)]
        for here, there in links:
            self.left[there].append(here)
            self.right[here].append(there)
        self.place = [0] * items
        for column in columns:
            self._number(column)

    def follow(self) -> None:
        """Follow the edges from the first box on, so that what belongs together stands together."""
        rank: dict[int, int] = {}
        todo = [item for column in reversed(self.columns) for item in reversed(column)]
        while todo:
            item = todo.pop()
            if item not in rank:
                rank[item] = len(rank)
                todo += [other for way in (self.left, self.right) for other in reversed(way[item]) if other not in rank]
        for column in self.columns:
            self._arrange(column, sorted(column, key=rank.__getitem__))

    def sweep(self, forward: bool) -> None:  # noqa: FBT001 - the two directions
        """Move each item to the mean place of its neighbours on one side, column after column."""
        near = self.left if forward else self.right
        for column in self.columns if forward else reversed(self.columns):
            mean = {i: sum(self.place[n] for n in near[i]) / len(near[i]) for i in column if near[i]}
            moving = iter(sorted((i for i in column if near[i]), key=mean.__getitem__))
            self._arrange(column, [next(moving) if near[i] else i for i in column])

    def _arrange(self, column: list[int], wish: list[int]) -> None:
        """Order a column as wished, each family in its own order on the places that its members have."""
        members: dict[int, list[int]] = {}
        for item in sorted(wish, reverse=True):
            members.setdefault(self.family_of(item), []).append(item)
        column[:] = [members[self.family_of(item)].pop() for item in wish]
        self._number(column)

    def family_of(self, item: int) -> int:
        """A lane is of no family."""
        return self.family[item] if item < len(self.family) else item

    def untangle(self) -> None:
        """Swap neighbours that cross less, or as much and are in the expected order, the other way round."""
        for _ in range(_SWEEPS):
            if not sum([self._swaps(column) for column in self.columns]):
                return

    def _swaps(self, column: list[int]) -> int:
        done = 0
        for index in range(len(column) - 1):
            upper, lower = column[index : index + 2]
            if self.family_of(upper) == self.family_of(lower):
                continue
            now = self._between(upper, lower)
            then = self._between(lower, upper)
            if then < now or (then == now and lower < upper < len(self.family)):
                column[index : index + 2] = lower, upper
                self.place[upper], self.place[lower] = index + 1, index
                done += 1
        return done

    def _between(self, upper: int, lower: int) -> int:
        """How often the edges of two items of a column cross when one stands above the other."""
        count = 0
        for near in (self.left, self.right):
            above = sorted(self.place[item] for item in near[upper])
            count += sum(len(above) - bisect_left(above, self.place[item] + 1) for item in near[lower])
        return count

    def crossings(self) -> int:
        count = 0
        for column in self.columns:
            seen: list[int] = []
            for item in column:
                ends = sorted(self.place[other] for other in self.right[item])
                count += sum(len(seen) - bisect_left(seen, end + 1) for end in ends)
                for end in ends:
                    insort(seen, end)
        return count

    def saved(self) -> list[list[int]]:
        return [list(column) for column in self.columns]

    def restore(self, columns: list[list[int]]) -> None:
        for column, kept in zip(self.columns, columns, strict=True):
            column[:] = kept
            self._number(column)

    def _number(self, column: list[int]) -> None:
        for index, item in enumerate(column):
            self.place[item] = index


def _ordered(columns: list[list[int]], links: list[tuple[int, int]], family: Sequence[int]) -> list[list[int]]:
    """Order each column so that few edges cross; of equally good orders the first, which is nearest to the expected."""
    order = _Order(columns, links, family)
    order.follow()
    best, fewest = order.saved(), order.crossings()
    for turn in range(_SWEEPS):
        if not fewest:
            break
        order.sweep(forward=turn % 2 == 0)
        if (crossings := order.crossings()) < fewest:
            best, fewest = order.saved(), crossings
    order.restore(best)
    order.untangle()
    return order.columns
