"""What a team has agreed on: `.gitreg/policy.yaml`, on the default branch.

```yaml
schema: 1
metrics: {loss: minimize, "val/*": maximize}
aliases:
  production:                    # ALIAS, or COLLECTION:ALIAS for one collection's
    protected: true              # only `gitreg apply` moves it
    gates:
      accuracy: ">= 0.97"
      loss: no_regression
      latency_ms: {require: "<= 30", on: eval_set:v4, job_type: evaluate}
      f1: {no_regression: 0.01}  # the most that it may lose
    evaluated_on: [eval_set]
    inputs: [mnist_dataset]
```

Pure: text in, a `Policy` out, or an error that names the line.
"""

from __future__ import annotations

import contextlib
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from gitreg.errors import InvalidNameError, RecordError, SettingsError
from gitreg.records import dotted, fields, yamlio
from gitreg.records.names import AliasName, CollectionName, VersionNumber, check_alias, parse_number
from gitreg.records.similar import closest
from gitreg.records.yamlio import Lined

PATH = ".gitreg/policy.yaml"
NO_REGRESSION = "no_regression"

Goal = Literal["minimize", "maximize"]

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
}
_LIMIT = re.compile(r"(>=|<=|==|>|<)\s*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*\Z")
_UNQUOTED = re.compile(r"[:,\[{-]\s*[<>=]")
_LONGEST = 300
_EXAMPLES = "'>= 0.97', '< 0.1' or '== 0'"
_EITHER = f"'>= NUMBER', {NO_REGRESSION}, or a mapping with 'require' or '{NO_REGRESSION}'"


@dataclass(frozen=True, slots=True)
class Limit:
    """What a number must be, such as `>= 0.97`.

    Attributes:
        operator: `>=`, `>`, `<=`, `<` or `==`.
        value: never NaN or infinite.
        text: the value as it was written.
    """

    operator: str
    value: float
    text: str

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Raises: RecordError."""
        match = _LIMIT.match(text.strip())
        if not match or not math.isfinite(float(match[2])):
            raise RecordError(f"{text!r} is no threshold", hint=f"such as {_EXAMPLES}")
        return cls(match[1], float(match[2]), match[2])

    def holds(self, number: float) -> bool:
        """Whether the number is as it must be; NaN never is."""
        return _OPERATORS[self.operator](number, self.value)

    def __str__(self) -> str:
        return f"{self.operator} {self.text}"


@dataclass(frozen=True, slots=True)
class Data:
    """What a run must have used: any version of a collection, or the one of this number."""

    collection: CollectionName
    number: VersionNumber | None = None

    @classmethod
    def parse(cls, text: str) -> Data:
        """`eval_set` or `eval_set:v4`. Raises: RecordError, InvalidNameError."""
        name, colon, label = text.partition(":")
        number = parse_number(label)
        if colon and number is None:
            raise RecordError(
                f"'{text}' is neither a collection nor a version of one",
                hint=f"aliases move: write '{name}:v4', or '{name}' for any version of it",
            )
        return cls(CollectionName.parse(name), number)

    def __str__(self) -> str:
        return str(self.collection) if self.number is None else f"{self.collection}:v{self.number}"


@dataclass(frozen=True, slots=True)
class Gate:
    """What a metric must be.

    Attributes:
        metric: its name.
        require: what its value must be; None where any value will do.
        tolerance: how much worse than before it may be, 0 or more; None where that is not looked at.
        on: what a run must have used to count; None where that does not matter.
        job_type: what kind of run counts; '' for any.
        line: where it stands, from 1.
    """

    metric: str
    require: Limit | None = None
    tolerance: float | None = None
    on: Data | None = None
    job_type: str = ""
    line: int = field(default=0, compare=False)

    def __str__(self) -> str:
        asked = [f"{self.metric} {self.require}"] if self.require else []
        if self.tolerance is not None:
            asked.append(f"no regression of {self.metric}" + (f" beyond {self.tolerance:g}" if self.tolerance else ""))
        return f"{' and '.join(asked)}{self.which}"

    @property
    def which(self) -> str:
        """Which runs count, in words; '' for all."""
        return (f" on {self.on}" if self.on else "") + (f" in '{self.job_type}' runs" if self.job_type else "")


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds for an alias.

    Attributes:
        protected: whether only `apply` moves it.
        gates: what the metrics of the version must be.
        evaluated_on: each must have been used by a run that says something of the version.
        inputs: each must have been used by the run that made the version.
    """

    protected: bool = False
    gates: tuple[Gate, ...] = ()
    evaluated_on: tuple[Data, ...] = ()
    inputs: tuple[Data, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """A team's policy; without any, nothing is protected and everything passes.

    Attributes:
        metrics: which way metrics are better, as in FORMAT.md 4.6: `{"loss": {"goal": "minimize"}}`.
        said: for each key below `aliases`, the fields of a `Rule` that stand there.
    """

    metrics: Mapping[str, Mapping[str, Goal]] = field(default_factory=dict)
    said: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def rule(self, alias: AliasName) -> Rule:
        """What holds for an alias. What COLLECTION:ALIAS does not say, ALIAS does."""
        return Rule(**{**self.said.get(alias.alias, {}), **self.said.get(str(alias), {})})

    @property
    def protects(self) -> bool:
        """Whether it protects any alias."""
        return any(rule.get("protected") for rule in self.said.values())


def parse(text: str, path: str = PATH) -> Policy:
    """Read a policy. Raises: SettingsError."""
    document = _loaded(path, text)
    reader = _Reader(path)
    reader.check_keys(document, ("schema", "metrics", "aliases"), "a policy")
    if "schema" in document:
        with reader.at(document, "schema"):
            fields.check_schema(document, "the policy")
    metrics = reader.mapping(document, "metrics")
    rules = reader.mapping(document, "aliases")
    return Policy(
        {name: {"goal": reader.goal(metrics, name)} for name in metrics},
        {key: reader.rule(rules, key) for key in rules},
    )


def _loaded(path: str, text: str) -> Lined:
    try:
        return yamlio.load_lined(path, text)
    except SettingsError as error:
        line = text.splitlines()[error.line - 1 : error.line] if error.line else []
        # an unquoted '>' begins a text of several lines
        if line and not error.hint and _UNQUOTED.search(line[0]):
            error.hint = "put thresholds in quotes: '>= 0.97'"
        raise


class _Reader:
    """Reads the parts of a file, and says where what is wrong stands."""

    def __init__(self, path: str) -> None:
        self.path = path

    @contextlib.contextmanager
    def at(self, document: Lined, key: str) -> Iterator[None]:
        """While the value of this key is read. Raises: SettingsError."""
        try:
            yield
        except SettingsError:
            raise
        except (RecordError, InvalidNameError) as error:
            raise self.error(document.lines[key], error.message, error.hint) from error

    def error(self, line: int, message: str, hint: str | None = None) -> SettingsError:
        return SettingsError(self.path, line, _short(message), hint=_short(hint or "") or None)

    def check_keys(self, document: Lined, known: Sequence[str], what: str) -> None:
        for key in document:
            if key not in known:
                close = closest(key, known)
                hint = f"did you mean '{close}'?" if close else f"known are {', '.join(known)}"
                raise self.error(document.lines[key], f"{what} has no key '{key}'", hint)

    def mapping(self, document: Lined, key: str) -> Lined:
        """The mapping of a key, empty where there is none."""
        value = document.get(key)
        if value is None:
            return Lined(document.line)
        if not isinstance(value, Lined):
            raise self.error(document.lines[key], f"'{key}' must be a mapping, not {value!r}")
        return value

    def goal(self, metrics: Lined, name: str) -> Goal:
        with self.at(metrics, name):
            if "*" in name[:-1] or not name:
                raise RecordError(f"'{name}' is no name of metrics", hint="'*' may stand at the end only")
            value = metrics[name]
            if value not in get_args(Goal):
                raise RecordError(f"'{name}' must be minimize or maximize, not {value!r}")
            goal: Goal = value  # type: ignore[assignment]  # it is one of the two
            return goal

    def rule(self, rules: Lined, key: str) -> dict[str, object]:
        """The fields of a rule that stand there."""
        with self.at(rules, key):
            collection, colon, alias = key.rpartition(":")
            if colon:
                CollectionName.parse(collection)
            elif "/" in key:
                raise RecordError(f"'{key}' is a collection", hint=f"name its alias, such as {key}:production")
            check_alias(alias)
        document = self.mapping(rules, key)
        self.check_keys(document, ("protected", "gates", "evaluated_on", "inputs"), "an alias's rule")
        found: dict[str, object] = {}
        if "protected" in document:
            with self.at(document, "protected"):
                found["protected"] = fields.boolean(document, "protected")
        if "gates" in document:
            gates = self.mapping(document, "gates")
            found["gates"] = tuple(gate for metric in gates for gate in self.gates(gates, metric))
        for name in ("evaluated_on", "inputs"):
            if name in document:
                with self.at(document, name):
                    found[name] = tuple(map(Data.parse, fields.strings(document, name)))
        return found

    def gates(self, gates: Lined, metric: str) -> Iterator[Gate]:
        """What is asked of a metric: one thing, or each of a list."""
        asked = gates[metric]
        for item in asked if isinstance(asked, list) else [asked]:
            with self.at(gates, metric):
                if not metric or metric.endswith("*"):
                    raise RecordError(f"'{metric}' is no metric", hint="a gate is about one metric, by its whole name")
                yield self.detailed(item, metric) if isinstance(item, Lined) else _in_a_word(item, metric, gates.lines)
        if asked == []:
            # somebody thought that it asks for something
            raise self.error(gates.lines[metric], f"nothing is asked of '{metric}'")

    def detailed(self, document: Lined, metric: str) -> Gate:
        self.check_keys(document, ("require", NO_REGRESSION, "on", "job_type"), "a gate")
        if "require" not in document and NO_REGRESSION not in document:
            raise self.error(document.line, f"nothing is asked of '{metric}'", f"say 'require' or '{NO_REGRESSION}'")
        require, tolerance, on, job_type = None, None, None, ""
        if "require" in document:
            with self.at(document, "require"):
                require = _limit(document["require"], "require")
        if NO_REGRESSION in document:
            with self.at(document, NO_REGRESSION):
                tolerance = _tolerance(document[NO_REGRESSION])
        if "on" in document:
            with self.at(document, "on"):
                on = Data.parse(fields.string(document, "on"))
        if "job_type" in document:
            with self.at(document, "job_type"):
                job_type = fields.string(document, "job_type")
        return Gate(metric, require, tolerance, on, job_type, document.line)


def _in_a_word(value: object, metric: str, lines: Mapping[str, int]) -> Gate:
    if value == NO_REGRESSION:
        return Gate(metric, tolerance=0.0, line=lines[metric])
    if isinstance(value, str) and (close := closest(value, [NO_REGRESSION])):
        raise RecordError(f"{value!r} is no gate", hint=f"did you mean '{close}'?")
    return Gate(metric, require=_limit(value, metric), line=lines[metric])


def _limit(value: object, name: str) -> Limit:
    if isinstance(value, str):
        return Limit.parse(value)
    if dotted.number(value) is not None:
        hint = f"write '>= {value}' or '<= {value}'"
        raise RecordError(f"'{name}' is {value!r}, and which way is not said", hint=hint)
    raise RecordError(f"'{name}' is {value!r}; expected {_EXAMPLES if name == 'require' else _EITHER}")


def _short(text: str) -> str:
    """A value that is told may be as long as the file."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."


def _tolerance(value: object) -> float:
    if value is True:
        return 0.0
    number = dotted.number(value)
    if number is not None and 0 <= number < math.inf:
        return float(number)
    raise RecordError(
        f"field '{NO_REGRESSION}' holds {value!r}, expected true, or how much worse the value may be, such as 0.01"
    )
