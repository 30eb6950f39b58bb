"""W&B's filters of runs, the part of MongoDB's query language that its users write.

A filter maps a key to a value or to operators: `$eq $ne $gt $gte $lt $lte $in $nin $exists $regex`; `$and`, `$or` and
`$nor` take lists of filters. A key is a property of `RunView` (also in W&B's spellings), or `config.NAME` and
`summary.NAME` (`summary_metrics.NAME`), with dots between nested names. A comparison with what is not there, or cannot
be compared, is false.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from gitreg.errors import UsageError

if TYPE_CHECKING:
    from gitreg.sdk.views import RunView

Filter = Mapping[str, Any]

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
_NOTHING = object()


def fits(run: RunView, filters: Filter) -> bool:
    """Whether a run fits all of the filters. Raises: UsageError for what is no filter."""
    if not isinstance(filters, Mapping):
        raise UsageError(f"a filter is a mapping, not {type(filters).__name__}", hint='such as {"state": "finished"}')
    return all(_fits(run, key, wanted) for key, wanted in filters.items())


def ordered(runs: Iterable[RunView], key: str, *, descending: bool) -> list[RunView]:
    """Runs by a key, then by id; numbers before text, and last those without it. Raises: UsageError."""
    found = [(_value(run, key), run) for run in sorted(runs, key=lambda run: run.id)]
    present = [item for item in found if isinstance(item[0], (int, float, str))]
    absent = [run for value, run in found if not isinstance(value, (int, float, str))]
    present.sort(key=lambda item: _rank(item[0]), reverse=descending)
    return [*(run for _, run in present), *absent]


def _rank(value: float | str) -> tuple[bool, float, str]:
    return (True, 0.0, value) if isinstance(value, str) else (False, float(value), "")


def _fits(run: RunView, key: str, wanted: Any) -> bool:
    if key in _OPERATORS_ON_LISTS:
        if not isinstance(wanted, (list, tuple)):
            raise UsageError(f"'{key}' takes a list of filters", hint=f'such as {{"{key}": [{{"state": "finished"}}]}}')
        found = (fits(run, part) for part in wanted)
        return all(found) if key == "$and" else any(found) == (key == "$or")
    value = _value(run, key)
    if isinstance(wanted, Mapping) and any(str(name).startswith("$") for name in wanted):
        return all(_compare(value, str(name), operand) for name, operand in wanted.items())
    return _equal(value, wanted)


def _value(run: RunView, key: str) -> Any:
    first, *rest = key.split(".")
    name = _SPELLINGS.get(first, first)
    if name not in _KEYS:
        raise UsageError(f"runs have no {key[:100]!r}", hint=f"one of {', '.join(sorted(_KEYS))}, such as config.lr")
    value: Any = getattr(run, name)
    for part in rest:
        # W&B's own spelling of a config value
        if part == "value" and name == "config" and not isinstance(value, Mapping):
            continue
        value = value.get(part, _NOTHING) if isinstance(value, Mapping) else _NOTHING
    return value


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
        "$exists": lambda: (value is not _NOTHING) == bool(operand),
        "$regex": lambda: isinstance(value, str) and re.search(operand, value) is not None,
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


def _equal(value: Any, wanted: Any) -> bool:
    """Equality; a list is also equal to each of its items, as in MongoDB."""
    return bool(value == wanted) or (isinstance(value, list) and wanted in value)
