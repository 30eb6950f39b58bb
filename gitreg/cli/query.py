"""What a list is asked for: conditions, an order, and columns, in words of its JSON document.

A key is a field of the document, with dots between nested names (`config.lr`, `summary.val.loss`); a bare name that is
no field is looked for in `summary`, in `config`, then in `metadata`. Conditions become W&B's filters, which
`gitreg.sdk.filters` evaluates: there is one evaluator.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any, TypeVar

import click

from gitreg.cli import console, context
from gitreg.cli.rows import ForeignError, Row
from gitreg.cli.tables import flat
from gitreg.errors import RecordError, UsageError
from gitreg.git.objects import MissingObjectError
from gitreg.records.names import parse_number
from gitreg.records.objects import Oid
from gitreg.records.similar import closest
from gitreg.records.when import Span, When, iso
from gitreg.registry.repository import Registry
from gitreg.sdk import filters
from gitreg.sdk.filters import NOTHING, Filter

Command = TypeVar("Command", bound=Callable[..., Any])
Result = TypeVar("Result")

_CONDITION = re.compile(r"\s*([^<>=!~]*[^<>=!~\s])\s*(<=|>=|==|!=|<|>|=|~)(.*)", re.DOTALL)
# a second condition in what the first compares with
_JOINED = re.compile(r"\s+(and|or)\s+(?=[^<>=!~(]+[<>=!~])|\s*(&&|\|\|)\s*(?=[^<>=!~(]+[<>=!~])", re.IGNORECASE)
_ORDERS = {"<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}
_TIMES = frozenset({"created", "started", "ended"})
_PARTS = ("summary", "config", "metadata")
_LABELS = frozenset({"version", "latest"})
# rows whose objects are read at once
_WINDOW = 200
# rows whose keys are looked at for what a slip may have meant
_LOOKED_AT = 100
_HINT = "quote it: --where 'config.lr<0.01'; operators are < <= > >= = != and ~ (a regular expression)"


@dataclass(frozen=True, slots=True)
class Query:
    """What a list is asked for.

    Attributes:
        conditions: all must hold.
        order: the key to sort by, '' for the newest first.
        descending: the largest first.
        columns: keys, none for the usual ones.
    """

    conditions: tuple[tuple[str, str, str], ...] = ()
    order: str = ""
    descending: bool = False
    columns: tuple[str, ...] = ()

    @property
    def keys(self) -> list[str]:
        """What the order and the conditions speak of."""
        return list(dict.fromkeys([*([self.order] if self.order else []), *(key for key, _, _ in self.conditions)]))


@dataclass(frozen=True, slots=True)
class Found:
    """The rows that are shown, and how many fit."""

    rows: list[Row]
    total: int


def options(function: Command) -> Command:
    """`--where`, `--sort` and `--columns`; the command gets them as `asked`."""

    @functools.wraps(function)
    def run(*arguments: Any, where: tuple[str, ...], sort: str, columns: str, **others: Any) -> Any:
        asked = Query(
            tuple(_condition(text) for text in where),
            _key(sort.removeprefix("-"), "--sort", "-val_loss") if sort else "",
            sort.startswith("-"),
            tuple(_key(key.strip(), "--columns", "version,config.lr") for key in columns.split(",")) if columns else (),
        )
        return function(*arguments, asked=asked, **others)

    for option in (
        click.option(
            "--columns",
            default="",
            type=context.TEXT,
            metavar="KEY,...",
            help="Show these, such as version,config.lr,accuracy.",
        ),
        click.option(
            "--sort", default="", type=context.TEXT, metavar="[-]KEY", help="Sort by this; - puts the largest first."
        ),
        click.option(
            "--where",
            multiple=True,
            type=context.TEXT,
            metavar="'KEY<VALUE'",
            help="Only what fits; also > <= >= = != and ~ for a regular expression. Given twice, both must fit.",
        ),
    ):
        run = option(run)
    return run  # type: ignore[return-value]  # click's decorators keep the function


def _key(text: str, option: str, example: str) -> str:
    if not text:
        raise UsageError(f"{option} names a field that is empty", hint=f"such as {option} {example}")
    return text


def _condition(text: str) -> tuple[str, str, str]:
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise UsageError(f"'{text}' is no condition", hint=_HINT)
    key, operator, operand = match[1], match[2], match[3].strip()
    joined = _JOINED.search(operand)
    if joined is not None:
        hint = "give --where twice where both must fit: --where 'lr>0.1' --where 'lr<0.4'"
        raise UsageError(f"'{text}' is more than one condition", hint=hint)
    if operator == "~":
        try:
            re.compile(operand)
        except re.error as error:
            raise UsageError(f"'{operand}' is no regular expression: {error}", hint=_HINT) from error
    elif not operand and operator in _ORDERS:
        raise UsageError(f"'{text}' compares with nothing", hint=_HINT)
    return key, operator, operand


def filter_of(condition: tuple[str, str, str], clock: Callable[[], int]) -> Filter:
    """A condition as a filter. Dates are read as in `NAME@{DATE}`, by this clock. Raises: InvalidDateError."""
    key, operator, operand = condition
    if operator == "~":
        return {key: {"$regex": operand}}
    if key in _TIMES:
        return _in_time(key, operator, When.parse(operand).span(clock()))
    value = _operand(key, operand)
    if operator in _ORDERS:
        return {key: {_ORDERS[operator]: value}}
    # an id or a name may look like a number
    same = [value] if isinstance(value, str) else [value, operand]
    return {key: {"$exists": True, "$nin": same} if operator == "!=" else {"$in": same}}


def _operand(key: str, text: str) -> Any:
    """What a text is compared as: JSON's value or text, a version's number."""
    number = parse_number(text) if key in _LABELS else None
    return (context.value(text) if text else "") if number is None else number


def _in_time(key: str, operator: str, span: Span) -> Filter:
    """A comparison with a date, which is all of its day. Times in records are UTC, so they compare as text."""
    first, last = iso(span.first), iso(span.last)
    if operator in _ORDERS:
        return {key: {_ORDERS[operator]: last if operator in (">", "<=") else first}}
    within = {key: {"$gte": first, "$lte": last}}
    return {"$nor": [within], key: {"$exists": True}} if operator == "!=" else within


def look(row: Mapping[str, Any], key: str) -> Any:
    """What a row has under a key, NOTHING when it has nothing there."""
    head, _, rest = key.partition(".")
    if head not in row:
        parts = (filters.dig(row[part], key) for part in _PARTS if part in row)
        return next((found for found in parts if found is not NOTHING), NOTHING)
    value = filters.dig(row[head], rest) if rest else row[head]
    return NOTHING if value is None or (value == "" and key in _TIMES) else value


def used(row: Mapping[str, Any]) -> list[str]:
    """The versions that a run used, each as `NAME:vN`."""
    return [f"{use['artifact']}:{use['version']}" for use in row["inputs"]]


def _compared(row: Row, key: str) -> Any:
    """The same, of a version's label its number, of the inputs their names."""
    value = look(row, key)
    if key == "inputs" and value is not NOTHING:
        return used(row)
    number = parse_number(value) if key in _LABELS and value is not NOTHING else None
    return value if number is None else number


def search(registry: Registry, rows: Sequence[Row], asked: Query, also: Sequence[Filter], limit: int | None) -> Found:
    """`find` in a repository."""
    return find(rows, asked, also, limit, clock=registry.clock, read_ahead=registry.objects.read_ahead)


def find(
    rows: Sequence[Row],
    asked: Query,
    also: Sequence[Filter],
    limit: int | None,
    *,
    clock: Callable[[], int],
    read_ahead: Callable[[Iterable[Oid]], None],
) -> Found:
    """The rows that fit what is asked and the filters of `also`, in its order, as many as are shown, read completely.

    What cannot be read is named and left out. Raises: InvalidDateError.
    """
    wanted = {"$and": [*also, *(filter_of(condition, clock) for condition in asked.conditions)]}
    fitting = list(rows)
    if wanted["$and"]:
        answers = tried(_ahead(read_ahead, rows), lambda row: filters.fits(partial(_compared, row), wanted))
        fitting = [row for row, fits in answers if fits]
    if not fitting:
        _say_incomparable(rows, asked)
    if asked.order:
        keyed = tried(_ahead(read_ahead, fitting), lambda row: _compared(row, asked.order))
        pairs = filters.ordered(keyed, lambda pair: pair[1], descending=asked.descending)
        fitting = [row for row, _ in pairs]
    shown = [row for row, _ in islice(tried(_ahead(read_ahead, fitting, limit), Row.load), limit)]
    # a slip in a key would fit nothing, without a word
    for key in dict.fromkeys([*asked.keys, *asked.columns]):
        _say_unknown(shown or rows, key)
    # what is not a version after all is only noticed where it would be shown
    return Found(shown, len(fitting) if len(shown) == limit else len(shown))


def _ahead(read_ahead: Callable[[Iterable[Oid]], None], rows: Sequence[Row], limit: int | None = None) -> Iterator[Row]:
    """The rows, with what they read first read for many at once. Where git has to be asked, the way there is long."""
    window = min(limit or _WINDOW, _WINDOW)
    for start in range(0, len(rows), window):
        some = rows[start : start + window]
        read_ahead(oid for row in some if not row.is_loaded for oid in row.objects)
        yield from some


def tried(rows: Iterable[Row], work: Callable[[Row], Result]) -> Iterator[tuple[Row, Result]]:
    """Each row with what comes of it; what cannot be read is named and left out."""
    for row in rows:
        yield from _tried(row, work)


def _tried(row: Row, work: Callable[[Row], Result]) -> list[tuple[Row, Result]]:
    try:
        return [(row, work(row))]
    except ForeignError:
        return []
    except (RecordError, MissingObjectError) as error:
        context.left_out(row.what, error)
        return []


def named(asked: Query, heads: Mapping[str, str], rows: Sequence[Row]) -> Query:
    """The same with fields for what was written as a table's heading or in another case.

    `heads` maps headings to fields. What a row has under the very word is meant by it.
    """
    fields = {field.lower(): field for row in rows[:1] for field in row}
    known = {head.lower(): field for head, field in heads.items()} | fields

    def field(key: str) -> str:
        found = known.get(key.lower(), key)
        return key if found == key or any(_has(row, key) for row in rows[:_LOOKED_AT]) else found

    return replace(
        asked,
        conditions=tuple((field(key), operator, operand) for key, operator, operand in asked.conditions),
        order=field(asked.order),
        columns=tuple(map(field, asked.columns)),
    )


def _say_unknown(rows: Sequence[Row], key: str) -> None:
    if not rows or key in rows[0] or any(_has(row, key) for row in rows):
        return
    known = {name for row in rows[:_LOOKED_AT] for name in _names(row)}
    close = closest(key, sorted(known))
    console.say(f"note: none of them has '{key}'" + (f"; did you mean '{close}'?" if close else ""))


def _say_incomparable(rows: Sequence[Row], asked: Query) -> None:
    """Name the conditions that no row can fit: a text is neither less nor more than a number."""
    for key, operator, operand in asked.conditions:
        if operator not in _ORDERS or key in _TIMES:
            continue
        number = isinstance(_operand(key, operand), (int, float))
        held = [_compared(row, key) for row in rows[:_LOOKED_AT] if _has(row, key)]
        if held and all(isinstance(value, str if number else (int, float)) for value in held):
            holds = ("text", "a number") if number else ("numbers", "none")
            console.say(f"note: '{key}' holds {holds[0]}, and '{operand}' is {holds[1]}")


def _has(row: Row, key: str) -> bool:
    try:
        return look(row, key) is not NOTHING
    except (RecordError, MissingObjectError):
        # it has been named already
        return False


def _names(row: Row) -> Iterator[str]:
    """All keys that would find something in a row."""
    yield from row
    for part in _PARTS:
        names = list(flat(row[part])) if _has(row, part) else []
        yield from (*names, *(f"{part}.{name}" for name in names))
