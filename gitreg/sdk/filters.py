"""Conditions on runs and versions: W&B's filters, the part of MongoDB's query language that its users write.

A filter maps a key to a value or to operators: `$eq $ne $gt $gte $lt $lte $in $nin $exists $regex`; `$and`, `$or` and
`$nor` take lists of filters. What a key means is the caller's business: a function from keys to values, which gives
`NOTHING` for what is not there. A comparison with what is not there, or cannot be compared, is false. The SDK's keys
are those of `of_run`; the command line's are in `gitreg.cli.query`.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from gitreg.errors import UsageError

if TYPE_CHECKING:
    from gitreg.sdk.views import RunView

Filter = Mapping[str, Any]
Look = Callable[[str], Any]
"""The value of a key, `NOTHING` when there is none."""
Item = TypeVar("Item")

NOTHING = object()
_SPELLINGS = {
    "display_name": "name",
    "displayName": "name",
    "jobType": "job_type",
    "createdAt": "created_at",
    "summary_metrics": "summary",
    "summaryMetrics": "summary",
}
_KEYS = frozenset("id name state config summary job_type group entity project tags notes created_at commit".split())
_OPERATORS_ON_LISTS = ("$and", "$or", "$nor")


def fits(look: Look, filters: Filter) -> bool:
    """Whether what `look` looks at fits all of the filters. Raises: UsageError for what is no filter."""
    if not isinstance(filters, Mapping):
        raise UsageError(f"a filter is a mapping, not {type(filters).__name__}", hint='such as {"state": "finished"}')
    return all(_fits(look, key, wanted) for key, wanted in filters.items())


def ordered(items: Iterable[Item], value: Callable[[Item], Any], *, descending: bool) -> list[Item]:
    """Items by a value: numbers before text, and last those without it. Equal ones stay in the order they have."""
    found = [(value(item), item) for item in items]
    present = [pair for pair in found if _has_order(pair[0])]
    absent = [item for value, item in found if not _has_order(value)]
    present.sort(key=lambda pair: _rank(pair[0]), reverse=descending)
    return [*(item for _, item in present), *absent]


def _has_order(value: object) -> bool:
    return isinstance(value, (int, float, str)) and value == value  # noqa: PLR0124 - NaN is neither more nor less


def _rank(value: float | str) -> tuple[bool, float, str]:
    return (True, 0.0, value) if isinstance(value, str) else (False, value, "")


def dig(value: Any, path: str) -> Any:
    """What a dotted path leads to: `a.b` is the key `a.b`, or `b` in what `a` holds; in a list, what its items hold.

    A key may be quoted, as `records.dotted` writes one that holds a dot.
    """
    found: Any
    if isinstance(value, list):
        found = [item for item in (dig(item, path) for item in value) if item is not NOTHING]
        return found or NOTHING
    if not isinstance(value, Mapping):
        return NOTHING
    if path in value:
        return value[path]
    if path.startswith('"'):
        with contextlib.suppress(ValueError):
            key, end = json.JSONDecoder().raw_decode(path)
            inner = value.get(key, NOTHING)
            return inner if end == len(path) else dig(inner, path[end + 1 :])
    head, dot, rest = path.partition(".")
    while dot:
        found = dig(value[head], rest) if head in value else NOTHING
        if found is not NOTHING:
            return found
        more, dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    return NOTHING


def of_run(run: RunView) -> Look:
    """W&B's keys: a property of `RunView`, also in W&B's spellings, `config.NAME`, `summary.NAME`.

    The function raises UsageError for a key that no run has.
    """

    def look(key: str) -> Any:
        first, _, rest = key.partition(".")
        name = _SPELLINGS.get(first, first)
        if name not in _KEYS:
            hint = f"one of {', '.join(sorted(_KEYS))}, such as config.lr"
            raise UsageError(f"runs have no {key[:100]!r}", hint=hint)
        value = getattr(run, name)
        if not rest:
            return value
        found = dig(value, rest)
        # W&B's own spelling of a config value
        plain = ".".join(part for part in rest.split(".") if part != "value")
        return dig(value, plain) if found is NOTHING and name == "config" else found

    return look


def _fits(look: Look, key: str, wanted: Any) -> bool:
    if key in _OPERATORS_ON_LISTS:
        if not isinstance(wanted, (list, tuple)):
            raise UsageError(f"'{key}' takes a list of filters", hint=f'such as {{"{key}": [{{"state": "finished"}}]}}')
        found = (fits(look, part) for part in wanted)
        return all(found) if key == "$and" else any(found) == (key == "$or")
    value = look(key)
    if isinstance(wanted, Mapping) and any(str(name).startswith("$") for name in wanted):
        return all(_compare(value, str(name), operand) for name, operand in wanted.items())
    return _equal(value, wanted)


def _compare(value: Any, name: str, operand: Any) -> bool:
    operators: dict[str, Callable[[], bool]] = {
        "$eq": lambda: _equal(value, operand),
        "$ne": lambda: not _equal(value, operand),
        "$gt": lambda: bool(value > operand),
        "$gte": lambda: bool(value >= operand),
        "$lt": lambda: bool(value < operand),
        "$lte": lambda: bool(value <= operand),
        "$in": lambda: any(_equal(value, item) for item in operand),
        "$nin": lambda: not any(_equal(value, item) for item in operand),
        "$exists": lambda: (value is not NOTHING) == bool(operand),
        "$regex": lambda: any(isinstance(text, str) and re.search(operand, text) for text in _each(value)),
    }
    if name not in operators:
        raise UsageError(f"filter operator '{name}' does not exist", hint=f"one of {', '.join(operators)}")
    try:
        return operators[name]()
    except re.error as error:
        raise UsageError(f"{operand!r} is no regular expression: {error}", hint="see Python's re") from error
    except TypeError:
        # a number and a text: neither is larger
        return False


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _equal(value: Any, wanted: Any) -> bool:
    """Equality; a list is also equal to each of its items, as in MongoDB."""
    return bool(value == wanted) or (isinstance(value, list) and wanted in value)
