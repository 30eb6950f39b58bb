"""The files that tables and media become in an artifact, and the names they are found by."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import gitreg
from gitreg import Artifact, Image, Table
from gitreg.errors import InvalidArtifactError, MissingExtraError, StorageError


class TestFiles:
    def test_small_columns_share_one_and_each_large_one_has_its_own(self) -> None:
        table = Table(columns=[])
        table.add_column("x/y .parquet", np.zeros((3, 2)))
        table.add_column("img", [Image(np.zeros((2, 2)))] * 3)
        table.add_column("n", [1, 2, 3])
        table.add_column("s", ["a", "b", "c"])
        table.add_column("long", ["x" * 500_000] * 3)
        draft = Artifact("t", "dataset")
        entry = draft.add(table, "folder/t")
        assert entry.path == "folder/t.table/table.json"
        assert entry.sha256 == draft.get_entry(entry.path).sha256
        paths = [file.path.removeprefix("folder/t.table/") for file in draft.files()]
        assert paths == ["0-x-y-parquet.parquet", "1-img.parquet", "4-long.parquet", "data.parquet", "table.json"]

    def test_of_a_draft_are_those_that_were_added(self) -> None:
        draft = Artifact("t", "dataset")
        draft.add(Table(["a"], [[1], [2]]), "t")
        found = draft.get("t")
        assert isinstance(found, Table)
        for place in draft._staging.files().values():
            place.unlink()
        with pytest.raises(StorageError, match="is gone since it was added"):
            found.get_column("a")

    def test_are_read_by_others_who_see_tensors(self) -> None:
        draft = Artifact("t", "dataset")
        table = Table(columns=[])
        table.add_column("x", np.arange(12, dtype=np.float32).reshape(2, 3, 2))
        draft.add(table, "t")
        found = pq.read_table(io.BytesIO(draft._staging.files()["t.table/0-x.parquet"].read_bytes()))
        assert found.column("x").type == pa.fixed_shape_tensor(pa.float32(), (3, 2))

    @pytest.mark.parametrize("name", ["t", "t.table.json", "./t", "t.table", "t.table/table.json"])
    def test_are_found_by_wandbs_names_too(self, name: str) -> None:
        draft = Artifact("t", "dataset")
        draft.add(Table(["a"], [[1]]), "t.table.json" if name == "t" else "t")
        found = draft.get(name)
        assert found.data == [[1]]
        assert draft.get("other") is None

    def test_the_same_name_needs_overwrite_when_the_content_is_another(self) -> None:
        draft = Artifact("t", "dataset")
        one, two = Table(["a", "b"], [[1, [1]]]), Table(["a"], [[np.zeros(3)]])
        first = draft.add(one, "t")
        assert draft.add(one, "t") == first
        with pytest.raises(InvalidArtifactError, match="'t' is in the artifact already, with other content"):
            draft.add(two, "t")
        assert [file.path for file in draft.files()] == ["t.table/data.parquet", "t.table/table.json"]
        draft.add(two, "t", overwrite=True)
        assert [file.path for file in draft.files()] == ["t.table/0-a.parquet", "t.table/table.json"]
        photo = Image(np.zeros((2, 2)), caption="a")
        assert draft.add(photo, "p").path == "p.png"
        assert draft.add(photo, "p.png").path == "p.png"
        with pytest.raises(ValueError, match="other content"):
            draft.add(Image(photo, caption="b"), "p")
        draft.add(Image(np.zeros((2, 2))), "p", overwrite=True)
        assert draft.get("p") == Image(np.zeros((2, 2)))

    def test_of_a_version_are_kept_and_replaced_in_a_draft_of_it(self, project: Path) -> None:
        with gitreg.init() as run:
            first = Artifact("t", "dataset")
            first.add(Table(["a"], [[1]]), "t")
            first.add(Image(np.eye(2), caption="a"), "p")
            run.log_artifact(first)
            draft = first.new_draft()
            assert draft.get("t").data == [[1]]
            assert draft.get("p").caption == "a"
            assert draft.add(Image(np.eye(2), caption="a"), "p").path == "p.png"
            with pytest.raises(ValueError, match="other content"):
                draft.add(Table(["b"], [["x"]]), "t")
            draft.add(Table(["b"], [["x"]]), "t", overwrite=True)
            run.log_artifact(draft)
        assert gitreg.Api().artifact("t:v1").get("t").data == [["x"]]
        assert gitreg.Api().artifact("t:v1").get("p").caption == "a"

    @pytest.mark.parametrize("thing", [5, "text", None, np.zeros(3), Path("x")])
    def test_other_things_are_not_added(self, thing: Any) -> None:
        with pytest.raises(TypeError, match="cannot be added"):
            Artifact("t", "dataset").add(thing, "x")

    @pytest.mark.parametrize("name", ["", "/x", "../x", "a/../b"])
    def test_names_stay_inside(self, name: str) -> None:
        with pytest.raises(ValueError, match="unsafe path"):
            Artifact("t", "dataset").add(Table(), name)

    def test_a_missing_library_is_named_and_nothing_is_added(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        draft = Artifact("t", "dataset")
        with pytest.raises(MissingExtraError, match="'pyarrow' is not installed"):
            draft.add(Table(["a"], [[1]]), "t")
        assert draft.files() == []


def test_a_file_that_was_added_as_such_is_found_by_its_end(tmp_path: Path) -> None:
    image = Image(np.eye(3))
    image.save(tmp_path / "pic.png")
    (tmp_path / "notes.txt").write_text("text")
    draft = Artifact("t", "dataset")
    draft.add_dir(tmp_path, "in")
    assert draft.get("in/pic") == draft.get("in/pic.png") == draft.get("in/pic.image-file.json") == image
    assert draft.get("in/notes.txt") is None
    assert draft.get("in") is None


BUILD = """
import datetime, sys
import numpy as np
import gitreg
order = [{"a": 1, "b": [2]}, {"b": [2], "a": 1}][int(sys.argv[1])]
table = gitreg.Table(columns=[])
table.add_column("x", np.arange(60_000, dtype=np.float32).reshape(300, 10, 20) % 7)
table.add_column("words", [f"w{n % 9}" for n in range(300)])
table.add_column("maps", [order] * 300)
table.add_computed_columns(lambda ndx, row: {"img": gitreg.Image(row["x"] / 6, caption=str(ndx), boxes=order)})
artifact = gitreg.Artifact("t", "dataset")
artifact.add(table, "t")
artifact.add(gitreg.Image(np.eye(9), caption="x", boxes=order), "photo")
print(artifact.digest)
"""


def test_the_same_content_has_the_same_digest_in_another_process() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", BUILD, order],
            capture_output=True,
            check=True,
            text=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for order, seed in (("0", "1"), ("0", "2"), ("1", "3"))
    }
    assert len(digests) == 1
    assert len(digests.pop().strip()) == 32
