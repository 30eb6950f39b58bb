"""What W&B does with tables and images."""

# mypy: disable-error-code="func-returns-value"
# ruff: noqa: ARG005, FBT003
# A row's steps may return nothing, a row may need no scene, and what it gives may be True.

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import PIL.Image
from wandb_scene import Fact, Scene, raises, story

import gitreg


def table_of(*rows: list[Any], columns: list[str] | None = None) -> gitreg.Table:
    return gitreg.Table(columns=["a", "b"] if columns is None else columns, data=list(rows))  # type: ignore[arg-type]


def _arrays() -> gitreg.Table:
    table = gitreg.Table(columns=[], data=[])
    table.add_column("image", np.arange(8, dtype="uint8").reshape(2, 2, 2))
    table.add_column("label", np.array([1, 0], dtype="int16"))
    return table


def _computed() -> gitreg.Table:
    table = table_of([1, 2], [3, 4])
    table.add_computed_columns(lambda ndx, row: {"c": ndx * 10 + row["b"]})
    return table


def _kept(scene: Scene, item: Any, name: str = "x") -> Any:
    """What an artifact gives back of what was added to it and logged."""
    artifact = scene.draft()
    artifact.add(item, name)
    scene.run.log_artifact(artifact)
    return scene.api.artifact(scene.new).get(name)


def _digest(table: gitreg.Table) -> str:
    artifact = gitreg.Artifact("a", "b")
    artifact.add(table, "t")
    return artifact.digest


def _column(table: gitreg.Table, name: str) -> tuple[object, ...]:
    found = table.get_column(name, convert_to="numpy")
    return found.dtype.name, found.shape, found.ravel()[-1]


def _pixels(image: gitreg.Image) -> list[Any]:
    found: list[Any] = np.asarray(image.image).tolist()
    return found


DTYPES = "W&B reloads uint8 as int64 and float32 as float64"

TABLES = [
    Fact("has W&B's columns by default", lambda s: gitreg.Table().columns, ["Input", "Output", "Expected"]),
    Fact("rows are what was given", lambda s: table_of([1, "x"], [2, "y"]).data, [[1, "x"], [2, "y"]]),
    Fact("add_data adds a row", lambda s: story(t := table_of(), t.add_data(1, "x"), t.data), [[1, "x"]]),
    Fact("add_data of too few", lambda s: table_of().add_data(1), raises(ValueError)),
    Fact("a column that is not there", lambda s: table_of([1, 2]).get_column("c"), raises(AssertionError)),
    Fact("get_column is a list", lambda s: table_of([1, 2], [3, 4]).get_column("b"), [2, 4]),
    Fact("iterrows numbers the rows", lambda s: list(table_of([1, 2], [3, 4]).iterrows()), [(0, [1, 2]), (1, [3, 4])]),
    Fact("get_index", lambda s: [int(index) for index in table_of([1, 2], [3, 4]).get_index()], [0, 1]),
    Fact("add_computed_columns gets number and row", lambda s: _computed().get_column("c"), [2, 14]),
    Fact("an array of any rank is a column of row arrays", lambda s: _arrays().data[1][0].tolist(), [[4, 5], [6, 7]]),
    Fact("from a data frame", lambda s: gitreg.Table(dataframe=pd.DataFrame({"x": [1, 2]})).data, [[1], [2]]),
    Fact("get_dataframe", lambda s: table_of([1, 2]).get_dataframe().to_dict("list"), {"a": [1], "b": [2]}),
    Fact("comes back as it was", lambda s: _kept(s, table_of([1, "x"], [None, "y"])).data, [[1, "x"], [None, "y"]]),
    Fact("keeps uint8", lambda s: _column(_kept(s, _arrays()), "image"), ("uint8", (2, 2, 2), 7), differs=DTYPES),
    Fact("keeps int16", lambda s: _column(_kept(s, _arrays()), "label"), ("int16", (2,), 0), differs=DTYPES),
    Fact(
        "has no last row",
        lambda s: len(_kept(s, gitreg.Table(["n"], np.arange(200_001).reshape(-1, 1))).get_column("n")),
        200_001,
        differs="W&B cuts at 200,000 rows, with a line in the log",
    ),
    Fact("built twice it is the same", lambda s: _digest(_arrays()) == _digest(_arrays()), True),
    Fact("and not when a value differs", lambda s: _digest(table_of([1, 2])) == _digest(table_of([1, 3])), False),
    Fact("get of a name that is not there", lambda s: s.logged("a").get("b"), None),
]

_FLOATS = np.array([[0.0, 0.5], [1.0, 0.25]], dtype="float32")

IMAGES = [
    Fact(
        "of floats in [0, 1] has all shades",
        lambda s: _pixels(gitreg.Image(_FLOATS)),
        [[0, 128], [255, 64]],
        differs="in wandb 0.31.0 it comes out black; it used to scale by 255",
    ),
    Fact("of bytes has these", lambda s: _pixels(gitreg.Image(np.array([[0, 7]], "uint8"))), [[0, 7]]),
    Fact("of Pillow's", lambda s: _pixels(gitreg.Image(PIL.Image.new("L", (1, 1), 9))), [[9]]),
    Fact(
        "of a file",
        lambda s: story(
            PIL.Image.new("L", (1, 1), 9).save(s.folder / "i.png"), _pixels(gitreg.Image(str(s.folder / "i.png")))
        ),
        [[9]],
    ),
    Fact("comes back, with its caption", lambda s: _kept(s, gitreg.Image(_FLOATS, caption="four")).caption, "four"),
    Fact("and its pixels", lambda s: _pixels(_kept(s, gitreg.Image(_FLOATS))), [[0, 128], [255, 64]]),
    Fact(
        "is a cell of a table",
        lambda s: _pixels(_kept(s, table_of([1, gitreg.Image(_FLOATS)])).get_column("b")[0]),
        [[0, 128], [255, 64]],
    ),
]
