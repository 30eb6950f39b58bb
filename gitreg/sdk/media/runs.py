"""Tables and media that a run logs as values: they become files of artifacts, and the history says which.

A table is logged at once, as the artifact `run-<id>-<key>`. Media are kept in this clone, and become the artifact
`run-<id>-media` when the run ends, so that a picture in each step costs no commit.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping
from operator import is_not
from types import ModuleType
from typing import TYPE_CHECKING, Any

from gitreg.registry import run_files
from gitreg.registry.live import LiveRun
from gitreg.sdk import targets
from gitreg.sdk.artifact import Artifact
from gitreg.sdk.media import store
from gitreg.sdk.media.base import Media, as_array, need
from gitreg.sdk.media.files import Histogram, Plotly
from gitreg.sdk.media.image import Image
from gitreg.sdk.media.table import Table
from gitreg.sdk.values import MAX_DEPTH, MAX_ELEMENTS, plain

if TYPE_CHECKING:
    from gitreg.sdk.run import Run

_PLAIN = frozenset({bool, int, float, str, type(None)})
# of numpy, pandas, torch, TensorFlow and JAX
_NUMERIC = re.compile(r"\b(?:u?int|b?float)\d+\b|\bbool")


def kept(run: Run, data: Mapping[str, Any], step: int) -> Mapping[str, Any]:
    """The data with a mapping in place of each table and medium, also of those in lists and mappings.

    It has `_type` (`table-file`, `image-file`, ...), `artifact` and `path`: where it is once it is logged, for
    `Artifact.get`; a medium's also `sha256`, `size`, `format` and `caption`. A histogram is its numbers, and what is
    kept of an array of more than `MAX_ELEMENTS` numbers. Figures of matplotlib and pictures of Pillow are images,
    figures of Plotly are such, and data frames are tables.

    Raises: StorageError, MissingExtraError, UsageError as `plain` for what is nested too deep.
    """
    return {key: value if type(value) in _PLAIN else _replaced(run, key, value, step, 1) for key, value in data.items()}


def _made(value: Any) -> Callable[[Any], Media | Table] | None:
    """What makes a table or medium of a value, None for anything else."""
    if isinstance(value, (Media, Table)):
        return lambda same: same
    library = (value.__name__ if isinstance(value, ModuleType) else type(value).__module__).partition(".")[0]
    if library == "matplotlib" and any(hasattr(value, name) for name in ("savefig", "get_figure")):
        return Image
    if library == "PIL" and hasattr(value, "getbbox"):
        return Image
    if library == "plotly" and hasattr(value, "to_json"):
        return Plotly
    if library == "pandas" and type(value).__name__ == "DataFrame":
        return lambda frame: Table(dataframe=frame)
    return _counted if _is_long(value) else None


def _is_long(value: Any) -> bool:
    """Whether it is an array of more numbers than are logged one by one."""
    shape = getattr(value, "shape", None)
    if not shape or not any(callable(getattr(value, name, None)) for name in ("tolist", "numpy")):
        return False
    return math.prod(shape) > MAX_ELEMENTS and bool(_NUMERIC.search(str(getattr(value, "dtype", ""))))


def _counted(value: Any) -> Histogram:
    """The histogram of the numbers that are finite."""
    numbers = as_array(value).astype("float64").ravel()
    return Histogram(numbers[need("numpy").isfinite(numbers)])


def _replaced(run: Run, key: str, value: Any, step: int, depth: int) -> Any:
    """The value, the same object when it holds no table or medium; `depth` is that of `plain`."""
    if depth >= MAX_DEPTH:
        return plain(value, depth)
    if isinstance(value, (list, tuple)):
        items = [item if type(item) in _PLAIN else _replaced(run, key, item, step, depth + 1) for item in value]
        return items if any(map(is_not, items, value)) else value
    if isinstance(value, dict):
        found = {
            name: item if type(item) in _PLAIN else _replaced(run, f"{key}.{name}", item, step, depth + 1)
            for name, item in value.items()
        }
        return found if any(map(is_not, found.values(), value.values())) else value
    make = _made(value)
    if make is None:
        return value
    made = make(value)
    if isinstance(made, Histogram):
        return {"_type": "histogram", "values": made.histogram, "bins": made.bins}
    return _table(run, key, made) if isinstance(made, Table) else _medium(run, key, made, step)


def _table(run: Run, key: str, table: Table) -> dict[str, Any]:
    artifact = Artifact(targets.default_name(run.id, key), "run_table")
    path = artifact.add(table, targets.usable(key)).path
    logged = run.log_artifact(artifact)
    shape = {"nrows": len(table), "ncols": len(table.columns)}
    return {"_type": "table-file", "artifact": logged.name, "path": path, "digest": logged.digest, **shape}


def _medium(run: Run, key: str, medium: Media, step: int) -> dict[str, Any]:
    sha256 = hashlib.sha256(medium.data).hexdigest()
    path, files = store.media_files(medium, f"media/{medium.kind}/{targets.usable(key)}_{step}_{sha256[:20]}")
    if isinstance(run._live, LiveRun):
        run_files.keep(run._live.registry, run._live.record.id, files)
    found = {"_type": f"{medium.kind}-file", "artifact": run_files.name(run._live.record.id), "path": path}
    told = {"sha256": sha256, "size": len(medium.data), "format": medium.format}
    return {**found, **told, **({} if medium.caption is None else {"caption": medium.caption})}
