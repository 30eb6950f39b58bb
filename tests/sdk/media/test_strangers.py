"""Tables and media that a stranger may have put into an artifact."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gitreg import Artifact, Table
from gitreg.errors import NewerSchemaError, RecordError
from gitreg.sdk.media import codec, parquet, store


def hostile(change: Callable[[dict[str, bytes]], None]) -> Artifact:
    """A table that a stranger has changed: `change` gets its files."""
    table = Table(columns=[])
    table.add_column("x", np.arange(4, dtype=np.float32).reshape(2, 2))
    table.add_column("s", ["a", "b"])
    good = Artifact("t", "dataset")
    good.add(table, "t")
    files = {path: place.read_bytes() for path, place in good._staging.files().items()}
    change(files)
    bad = Artifact("t", "dataset")
    for path, data in files.items():
        with bad.new_file(path, "wb") as file:
            file.write(data)
    return bad


def read_all(artifact: Artifact) -> None:
    table = artifact.get("t")
    for name in table.columns:
        table.get_column(name)


def edited(**changes: Any) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        document = json.loads(files["t.table/table.json"])
        for path, value in changes.items():
            at, _, key = path.partition("_")
            (document if at == "top" else document["columns"][int(at[1:])])[key] = value
        files["t.table/table.json"] = json.dumps(document).encode()

    return change


def parquet_of(columns: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


class TestStrangersTables:
    @pytest.mark.parametrize(
        "change",
        [
            edited(top_rows=3),
            edited(top_rows=-1),
            edited(top_rows=True),
            edited(top_rows=10**30),
            edited(top_columns={}),
            edited(top_columns=[]),
            edited(top_columns=[5]),
            edited(top_schema=None),
            edited(c0_dtype="object"),
            edited(c0_dtype="float64"),
            edited(c0_dtype="V4"),
            edited(c0_shape=[3]),
            edited(c0_shape=[-2]),
            edited(c0_shape=[]),
            edited(c0_shape="2"),
            edited(c0_shape=[2**39, 2**39]),
            edited(c0_file="../../../etc/passwd"),
            edited(c0_file="/etc/passwd"),
            edited(c0_file="data.parquet"),
            edited(c0_file="missing.parquet"),
            edited(c0_field=7),
            edited(c0_field=-1),
            edited(c0_kind="pickle"),
            edited(c0_kind="media", c0_media="os"),
            edited(c0_kind="media", c0_media="image"),
            edited(c0_kind="arrays"),
            edited(c0_parts=["shape"], c0_kind="arrays"),
            edited(c1_kind="integer"),
            edited(c1_kind="json"),
            edited(c1_kind="time"),
            edited(c1_kind="list"),
            edited(c1_name="x"),
            edited(c1_file="0-x.parquet"),
            edited(c1_name=["x"]),
            lambda files: files.update({"t.table/table.json": b"[" * 100_000}),
            lambda files: files.update({"t.table/table.json": b"\xff"}),
            lambda files: files.update({"t.table/table.json": b"[]"}),
            lambda files: files.update({"t.table/table.json": b" " * (store.MAX_SIDECAR + 1)}),
            lambda files: files.update({"t.table/0-x.parquet": b"PAR1"}),
            lambda files: files.update({"t.table/0-x.parquet": b""}),
            lambda files: files.update({"t.table/0-x.parquet": files["t.table/0-x.parquet"][:-20]}),
            lambda files: files.update({"t.table/0-x.parquet": bytes(200)}),
            lambda files: files.update({"t.table/0-x.parquet": parquet_of({"x": [[1.0, 2.0], [3.0]]})}),
            lambda files: files.update({"t.table/0-x.parquet": parquet_of({"x": [[1.0, None], [3.0, 4.0]]})}),
            lambda files: files.update({"t.table/0-x.parquet": parquet_of({"x": [None, [3.0, 4.0]]})}),
            lambda files: files.update({"t.table/0-x.parquet": parquet_of({"x": ["a", "b"]})}),
        ],
    )
    def test_are_refused_with_words(self, change: Callable[[dict[str, bytes]], None]) -> None:
        with pytest.raises(RecordError, match="table"):
            read_all(hostile(change))

    def test_that_nobody_changed_are_read(self) -> None:
        read_all(hostile(lambda _: None))

    def test_of_a_newer_format_say_so(self) -> None:
        with pytest.raises(NewerSchemaError, match="has schema 2"):
            read_all(hostile(edited(top_schema=2)))

    def test_do_not_wake_the_extension_types_of_other_libraries(self) -> None:
        woken = []

        class Trap(pa.ExtensionType):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__(pa.list_(pa.float32(), 2), "test.trap")

            def __arrow_ext_serialize__(self) -> bytes:
                return b""

            @classmethod
            def __arrow_ext_deserialize__(cls, storage_type: Any, serialized: bytes) -> Trap:
                woken.append(serialized)
                return cls()

        pa.register_extension_type(Trap())
        try:
            storage = pa.FixedSizeListArray.from_arrays(pa.array([1, 2, 3, 4], pa.float32()), 2)
            trapped = parquet_of({"x": pa.ExtensionArray.from_storage(Trap(), storage)})
            pq.read_table(io.BytesIO(trapped))
            assert woken
            woken.clear()
            read_all(hostile(lambda files: files.update({"t.table/0-x.parquet": trapped})))
            assert woken == []
        finally:
            pa.unregister_extension_type("test.trap")

    def test_that_would_fill_the_memory_are_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rows = 1 << 24
        data = parquet_of({"a": pa.nulls(rows)})
        with pytest.raises(RecordError, match=f"has {rows} rows, not 5"):
            parquet.read(data, 5)
        assert sum(len(array) for (array,) in parquet.read(data, rows)) == rows
        monkeypatch.setattr(parquet, "_FREE", 1 << 20)
        monkeypatch.setattr(parquet, "_MAX_RATIO", 1000)
        with pytest.raises(RecordError, match=f"wants {8 * rows} in memory"):
            parquet.read(data, rows)

    @pytest.mark.parametrize(
        "array",
        [
            pa.ListArray.from_arrays([0, 4000], pa.DictionaryArray.from_arrays(pa.array([0] * 4000), [b"0" * 100_000])),
            pa.StructArray.from_arrays([pa.array(["x"])], ["x"]),
            pa.array([[[1]]]),
            pa.array([b"0000"], pa.binary(4)),
            pa.array([1], pa.decimal128(38)),
        ],
    )
    def test_have_fields_of_our_types_only(self, array: pa.Array) -> None:
        file = io.BytesIO()
        pq.write_table(pa.table({"a": array}), file, store_schema=False, compression="zstd")
        assert len(file.getvalue()) < 2000
        with pytest.raises(RecordError, match="has a field of type"):
            parquet.read(file.getvalue(), 1)

    def test_have_fields_of_different_names(self) -> None:
        file = io.BytesIO()
        pq.write_table(pa.table([["x"], ["y"]], names=["a", "a"]), file)
        with pytest.raises(RecordError, match="twice"):
            parquet.read(file.getvalue(), 1)

    def test_have_lists_where_arrays_are_spoken_of(self) -> None:
        shape = pa.array([[1], [1]])
        with pytest.raises(RecordError, match="arrays are stored as int64"):
            codec.decode({"kind": "arrays", "dtype": "int64"}, {"": pa.array([1, 2]), "shape": shape}, 2)

    def test_a_text_that_is_repeated_is_one_object(self) -> None:
        file = io.BytesIO()
        parquet.write(file, {"a": pa.array(["x" * 100_000] * 1000, "large_string")}, repeats=False)
        assert len(file.getvalue()) < 100_000
        found = parquet.read(file.getvalue(), 1000)
        assert sum(len(array) for (array,) in found) == 1000
        assert {len(array.dictionary) for (array,) in found} == {1}

    @pytest.mark.parametrize(
        ("dtype", "shape"),
        [("f8", ()), ("i1", ()), ("f8", (4096,)), ("i1", (28, 28)), ("f4", (7,)), ("i1", (2000, 2000))],
    )
    def test_of_our_own_are_never_taken_for_a_bomb(self, dtype: str, shape: tuple[int, ...]) -> None:
        count = (1 << 22) // int(np.prod(shape))
        encoded = codec.encode("a", np.zeros((count, *shape), dtype))
        file = io.BytesIO()
        parquet.write(file, encoded.arrays, repeats=False)
        assert 8 * count * np.prod(shape) < len(file.getvalue()) * parquet._MAX_RATIO / 1.9


class TestStrangersMedia:
    def draft(self, sidecar: bytes) -> Artifact:
        artifact = Artifact("t", "dataset")
        for path, data in (("p.png", b"x"), ("p.png.media.json", sidecar)):
            with artifact.new_file(path, "wb") as file:
                file.write(data)
        return artifact

    @pytest.mark.parametrize(
        "document",
        [
            {"schema": 1, "kind": "os", "format": "png"},
            {"schema": 1},
            {"schema": 1, "kind": "image", "format": "png", "caption": 5},
            {"schema": 1, "kind": "image", "format": "png", "details": [1]},
            {"kind": "image"},
            [],
        ],
    )
    def test_are_refused_with_words(self, document: Any) -> None:
        with pytest.raises(RecordError, match=r"p\.png\.media\.json"):
            self.draft(json.dumps(document).encode()).get("p")

    @pytest.mark.parametrize("end", ["x/../../../hooks/post-commit", "", "png\n", "png.", "/etc/passwd", "PNG"])
    def test_have_a_format_that_is_no_path(self, end: str) -> None:
        with pytest.raises(RecordError, match="a medium's format is"):
            self.draft(json.dumps({"schema": 1, "kind": "image", "format": end}).encode()).get("p")
        cell = json.dumps({"_type": "media", "kind": "image", "format": end, "data": ""})
        with pytest.raises(RecordError, match="a medium's format is"):
            codec.decode({"kind": "json"}, {"": pa.array([cell])}, 1)
        with pytest.raises(RecordError, match="a medium's format is"):
            codec.decode({"kind": "media", "media": "image", "format": end}, {"": pa.array([b"x"])}, 1)

    def test_of_a_newer_format_say_so(self) -> None:
        with pytest.raises(NewerSchemaError, match="has schema 9"):
            self.draft(b'{"schema": 9}').get("p")
