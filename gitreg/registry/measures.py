"""Which of a metric's values is the better one: what its run says, else its name, as far as that leaves no doubt.

A wrong arrow is worse than none. So, where the run says nothing, a name counts only when every word of it is known:
one that says what is measured, and others that say on what, or how it was put together. `val/loss` and `accuracy_top5`
are clear; nothing is said of `loss_scale`, `accuracy_drop`, `neg_log_loss` or `latency`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

from gitreg.records import dotted

Direction = Literal["higher", "lower"]
Said = TypeVar("Said")

_GOALS: Mapping[str, Direction] = {"minimize": "lower", "maximize": "higher"}
_LOWER = frozenset("loss error mse rmse mae mape nll perplexity wer cer logloss".split())
_HIGHER = frozenset("accuracy acc f1 auc auroc auprc precision recall iou miou bleu rouge ndcg r2".split())
_NEUTRAL = frozenset(
    "train training val valid validation test testing eval evaluation dev holdout held out heldout best final last "
    "mean avg average macro micro weighted balanced epoch batch step top score metrics metric class "
    "cross entropy squared absolute root word character rate categorical binary the of on at".split()
)
_WORD = re.compile(r"[A-Z]?[a-z]+[0-9]*|[A-Z]+(?![a-z])[0-9]*|[0-9]+|[^A-Za-z0-9/_.:@ -]+")


def directions(*told: Mapping[str, object]) -> Callable[[str], Direction | None]:
    """What is said of a metric by its name: by a run's `metrics`, FORMAT.md 4.6, else by the words of the name.

    Where several runs say something else, nothing is.
    """

    def find(name: str) -> Direction | None:
        goals = said(name, *told)
        if goals:
            return goals.pop() if len(goals) == 1 else None
        return direction(base(name, *told))

    return find


def said(name: str, *told: Mapping[str, object]) -> set[Direction]:
    """The directions that are said of a metric, FORMAT.md 4.6, by any of those who say something."""
    whole = base(name, *told)
    goals = (_mapping(definition(metrics, whole)).get("goal") for metrics in told)
    return {_GOALS[goal] for goal in goals if isinstance(goal, str) and goal in _GOALS}


def base(name: str, *told: Mapping[str, object]) -> str:
    """The metric itself: `loss` for `loss.min`, which is the lowest of `loss`, and as good as that."""
    whole = dotted.plain(name)
    start, _, kind = whole.rpartition(".")
    held = [_mapping(definition(metrics, start)).get("summary") for metrics in told]
    return start if any(isinstance(kinds, list) and kind in kinds for kinds in held) else whole


def definition(metrics: Mapping[str, Said], name: str) -> Said | None:
    """What is said of a metric of this name, FORMAT.md 4.6: by itself, else by the longest beginning."""
    starts = [key for key in metrics if key.endswith("*") and name.startswith(key[:-1])]
    return metrics.get(name if name in metrics else max(starts, key=len, default=""))


def _mapping(found: object) -> Mapping[str, object]:
    return found if isinstance(found, Mapping) else {}


def direction(name: str) -> Direction | None:
    """The better direction of the metric of this name, None where that is not beyond doubt."""
    words = [word.lower() for word in _WORD.findall(name)]
    found: set[Direction] = set()
    for word in words:
        stem = word if word in _LOWER | _HIGHER else word.rstrip("0123456789")
        if stem in _LOWER:
            found.add("lower")
        elif stem in _HIGHER:
            found.add("higher")
        elif stem and stem not in _NEUTRAL:
            return None
    return found.pop() if len(found) == 1 else None


def ranked(numbers: Mapping[str, float], *told: Mapping[str, object]) -> dict[str, float]:
    """The numbers, those first of which it is known which is better: they tell how good something is."""
    known = directions(*told)
    return dict(sorted(numbers.items(), key=lambda item: known(item[0]) is None))
