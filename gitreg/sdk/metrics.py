"""What `define_metric` says of metrics, and what that makes of a row and of the summary, FORMAT.md 4.6."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gitreg.errors import UsageError
from gitreg.records import dotted
from gitreg.registry.measures import definition
from gitreg.sdk.values import MAX_KEY

_GOALS = ("minimize", "maximize")
_KINDS = ("min", "max", "mean", "last", "first", "best", "copy", "none")
_FOLDS: Mapping[str, Callable[[Any, Any], Any]] = {
    "min": min,
    "max": max,
    "first": lambda known, _: known,
    "last": lambda _, new: new,
}


@dataclass(frozen=True, slots=True)
class Metric:
    """What is known of a metric, or of all whose names begin alike.

    Attributes:
        name: the metric's name, with a `*` at its end for all that begin so.
        step_metric: the metric that it is drawn over.
        step_sync: whether a row without the step metric gets its last value.
        hidden: whether it is in no picture by itself.
        summary: what the summary holds of it in place of the last value; empty for that.
        goal: `minimize`, `maximize`, or '' when nobody said which values are the better ones.
    """

    name: str
    step_metric: str | None = None
    step_sync: bool | None = None
    hidden: bool | None = None
    summary: tuple[str, ...] = ()
    goal: str = ""

    @classmethod
    def parse(cls, name: str, definition: object) -> Metric:
        """What a record says; what it says in a way that means nothing is not said."""
        told: Mapping[str, Any] = definition if isinstance(definition, Mapping) else {}
        step, kinds = told.get("step_metric"), told.get("summary")
        return cls(
            name,
            step if isinstance(step, str) else None,
            isinstance(step, str),
            told.get("hidden") is True,
            tuple(kind for kind in kinds if kind in _KINDS) if isinstance(kinds, list) else (),
            str(told.get("goal", "")) if told.get("goal") in _GOALS else "",
        )

    def document(self) -> dict[str, object]:
        """The mapping that is recorded."""
        told = {"goal": self.goal, "summary": list(self.summary), "step_metric": self.step_metric}
        return {key: value for key, value in {**told, "hidden": self.hidden}.items() if value}


def check(
    name: object, *, step_metric: object, step_sync: object, hidden: object, summary: object, goal: object
) -> Metric:
    """What the arguments of `define_metric` say. Raises: UsageError (W&B's Error)."""
    if isinstance(step_metric, Metric):
        step_metric = step_metric.name
    kinds: dict[str, tuple[object, type]] = {
        "name": (name, str),
        "step_metric": (step_metric, str),
        "summary": (summary, str),
        "goal": (goal, str),
    }
    kinds |= {"step_sync": (step_sync, bool), "hidden": (hidden, bool)}
    wrong = next((key for key, (value, kind) in kinds.items() if not isinstance(value, (kind, type(None)))), None)
    if wrong or not name or "*" in str(name)[:-1]:
        raise UsageError(
            f"define_metric: {wrong or 'name'} {kinds[wrong or 'name'][0]!r} makes no sense",
            hint="a metric's name, or the beginning of several with '*' at its end",
        )
    if max(len(str(name)), len(str(step_metric or ""))) > MAX_KEY:
        raise UsageError(f"a metric's name is longer than {MAX_KEY} characters", hint="choose a shorter one")
    words = [word.strip().lower() for word in str(summary or "").split(",") if word.strip()]
    for word, known in (*((word, _KINDS) for word in words), *([(goal, _GOALS)] if goal else [])):
        if word not in known:
            raise UsageError(f"define_metric: '{word}' is not known", hint=f"one of {', '.join(known)}")
    if "best" in words and not goal:
        raise UsageError("define_metric: which is the best is not said", hint="goal='minimize' or goal='maximize'")
    synced = bool(step_metric) if step_sync is None else bool(step_sync)
    # 'copy' is W&B's old word for the last value as it is
    found = tuple(dict.fromkeys(word for word in words if word != "copy"))
    return Metric(str(name), step_metric or None, synced, hidden, found, str(goal or ""))  # type: ignore[arg-type]  # checked above


class Metrics:
    """The definitions of a run, and what they need to know of the rows before."""

    def __init__(self, definitions: Mapping[str, object]) -> None:
        self._defined = {name: Metric.parse(name, told) for name, told in definitions.items()}
        self._found: dict[str, Metric | None] = {}
        self._steps: dict[str, Any] = {}
        self._folded: dict[str, dict[str, Any]] = {}
        self._totals: dict[str, tuple[float, int]] = {}
        self._look()

    def _look(self) -> None:
        self._found.clear()
        self._synced = {item.step_metric for item in self._defined.values() if item.step_metric and item.step_sync}
        self._folds = any(item.summary for item in self._defined.values())

    @property
    def needs_rows(self) -> bool:
        """Whether the rows of a run that goes on have to be told, see `row` and `summary`."""
        return bool(self._synced or self._folds)

    def define(self, new: Metric, *, overwrite: bool) -> Metric:
        """Add what is said of a metric to what is known of it, or put it in its place."""
        old = self._defined.get(new.name)
        if old and not overwrite:
            new = Metric(
                new.name,
                new.step_metric or old.step_metric,
                new.step_sync or (old.step_sync and not new.step_metric),
                old.hidden if new.hidden is None else new.hidden,
                tuple(dict.fromkeys((*old.summary, *new.summary))),
                new.goal or old.goal,
            )
        self._defined[new.name] = new
        self._look()
        return new

    def of(self, name: str) -> Metric | None:
        """What is known of a metric: of its own name, else of the longest beginning."""
        if name not in self._found:
            self._found[name] = definition(self._defined, name)
        return self._found[name]

    def row(self, values: dict[str, Any]) -> dict[str, Any]:
        """The values, and the last ones of step metrics that go with them."""
        if not self._synced:
            return values
        wanted = [item.step_metric for item in map(self.of, values) if item and item.step_sync and item.step_metric]
        self._steps.update((name, values[name]) for name in self._synced if name in values)
        return {**{name: self._steps[name] for name in wanted if name in self._steps}, **values}

    def summary(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the summary says once these values are logged."""
        return self._each(values, "") if self._folds else values

    def _each(self, values: Mapping[str, Any], before: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in values.items():
            name = f"{before}{key}"
            metric = self.of(name)
            if metric is not None and metric.summary:
                new = self._fold(metric, name, value)
            else:
                nested = isinstance(value, dict) and value and not dotted.is_medium(value)
                new = self._each(value, f"{name}.") if nested else value
                if new == {} != value:
                    continue
            if new is not None or value is None:
                found[key] = new
        return found

    def _fold(self, metric: Metric, name: str, value: Any) -> dict[str, Any] | None:
        """What the summary holds of a metric, None for nothing."""
        if "none" in metric.summary:
            return None
        known = self._folded.setdefault(name, {})
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and not math.isnan(value)
        for kind in metric.summary:
            if kind not in ("last", "first") and not is_number:
                continue
            if kind == "mean":
                total, count = self._totals.get(name, (0.0, 0))
                self._totals[name] = total + value, count + 1
                known[kind] = (total + value) / (count + 1)
            else:
                fold = _FOLDS[kind if kind != "best" else metric.goal[:3]]
                known[kind] = fold(known[kind], value) if kind in known else value
        return dict(known) or None

    def catch_up(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take note of the rows that a run has logged before."""
        for row in rows:
            self.row(dict(row))
            self.summary(row)
