"""Which of a metric's values is the better one, as far as its name says so beyond doubt.

A wrong arrow is worse than none. So a name counts only when every word of it is known here: one that says what is
measured, and others that say on what, or how it was put together. `val/loss` and `accuracy_top5` are clear; nothing is
said of `loss_scale`, `accuracy_drop`, `neg_log_loss` or `latency`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

Direction = Literal["higher", "lower"]

_LOWER = frozenset("loss error mse rmse mae mape nll perplexity wer cer logloss".split())
_HIGHER = frozenset("accuracy acc f1 auc auroc auprc precision recall iou miou bleu rouge ndcg r2".split())
_NEUTRAL = frozenset(
    "train training val valid validation test testing eval evaluation dev holdout held out heldout best final last "
    "mean avg average macro micro weighted balanced epoch batch step top score metrics metric class "
    "cross entropy squared absolute root word character rate categorical binary the of on at".split()
)
_WORD = re.compile(r"[A-Z]?[a-z]+[0-9]*|[A-Z]+(?![a-z])[0-9]*|[0-9]+|[^A-Za-z0-9/_.:@ -]+")


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


def ranked(numbers: Mapping[str, float]) -> dict[str, float]:
    """The numbers, those first of which it is known which is better: they tell how good something is."""
    return dict(sorted(numbers.items(), key=lambda item: direction(item[0]) is None))
