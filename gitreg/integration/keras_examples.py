"""What a Keras model makes of the examples that it is validated with, as a table."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from operator import itemgetter
from typing import Any

import keras
import numpy as np

from gitreg.sdk.media.base import as_array
from gitreg.sdk.media.table import Table
from gitreg.sdk.talk import once

_BATCH = 32
_MAX_BYTES = 64 * 2**20


class Examples:
    """The validation data of a training, and what a model makes of them."""

    def __init__(self, given: Any, steps: int | None) -> None:
        self._given = given
        self._steps = steps
        self._adapter: Any = None

    def remember(self, model: Any) -> None:
        """Keep hold of the validation data of `fit`, which Keras drops before training ends."""
        # no public way leads to them
        iterator: Any = getattr(model, "_eval_epoch_iterator", None)
        adapter: Any = getattr(iterator, "data_adapter", None)
        # a generator's batches are gone once they are read
        if self._given is None and adapter is not None and type(adapter).__name__ != "GeneratorDataAdapter":
            self._adapter = adapter
            self._steps = self._steps or iterator.steps_per_epoch or adapter.num_batches

    def table(self, model: Any, labels: Sequence[str] | None) -> Table | None:
        """The first examples with what the model makes of them; None when there are none, or they cannot be read."""
        parts: dict[str, list[Any]] = {}
        size = 0
        with closing(self._batches()) as batches:
            for batch in islice(batches, self._steps):
                x, y, _ = keras.utils.unpack_x_y_sample_weight(batch)
                for part, value in (("input", x), ("target", y), ("output", model.predict_on_batch(x))):
                    for name, array in _columns(part, value):
                        parts.setdefault(name, []).append(array)
                        size += array.nbytes
                if size > _MAX_BYTES:
                    rows = sum(map(len, next(iter(parts.values()))))
                    once(f"validation_predictions: the first {rows} examples take {size} bytes; more are not logged")
                    break
        whole = {name: np.concatenate(arrays) for name, arrays in parts.items()}
        if not whole:
            return None
        table = Table(columns=[])
        for name, values in {**whole, **_classes(whole.get("target"), whole.get("output"), labels)}.items():
            table.add_column(name, values)
        return table

    def _batches(self) -> Generator[Any, None, None]:
        """The batches, as Keras or the user gives them."""
        if isinstance(self._given, (tuple, list)):
            data = keras.tree.map_structure(as_array, tuple(item for item in self._given if item is not None))
            for start in range(0, len(keras.tree.flatten(data)[0]), _BATCH):
                yield keras.tree.map_structure(itemgetter(slice(start, start + _BATCH)), data)
        elif self._given is not None:
            yield from self._given
        elif self._adapter is not None:
            self._adapter.on_epoch_begin()
            try:
                yield from self._adapter.get_numpy_iterator()
            finally:
                self._adapter.on_epoch_end()


def _columns(name: str, part: Any) -> Iterator[tuple[str, Any]]:
    """The arrays of inputs, targets or outputs; where there are several, each has its own name, too: `input:left`."""
    if isinstance(part, Mapping):
        for key, item in part.items():
            yield from _columns(f"{name}:{key}", item)
    elif isinstance(part, (list, tuple)):
        for at, item in enumerate(part):
            yield from _columns(f"{name}:{at}", item)
    elif part is not None:
        yield name, as_array(part)


def _classes(target: Any, output: Any, labels: Sequence[str] | None) -> dict[str, Any]:
    """What a classifier's target and output say, as numbers or as labels; nothing for what is no classifier.

    Each row of its output holds a probability for each class (or, with two labels, one for the second of them).
    """
    if output is None or output.ndim != 2:
        return {}
    if output.shape[1] > 1 and (labels or np.allclose(output.sum(axis=1, dtype="float64"), 1, atol=1e-2)):
        found = {"output_class": output.argmax(axis=1)}
    elif output.shape[1] == 1 and labels:
        found = {"output_class": (output[:, 0] > 0.5).astype("int64")}
    else:
        return {}
    if target is not None:
        one_hot = target.ndim == 2 and target.shape[1] > 1
        found["target_class"] = (target.argmax(axis=1) if one_hot else target.reshape(-1)).astype("int64")
    return {name: [str(labels[at]) for at in classes] if labels else classes for name, classes in found.items()}
