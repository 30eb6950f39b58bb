"""Tables and media inside artifacts: what they become, what comes back, and what a stranger may have put there."""

from __future__ import annotations

import datetime as dt
import io
import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gitreg
from conftest import Shell
from gitreg import Artifact, Image, Table
from gitreg.errors import (
    InvalidArtifactError,
    InvalidValueError,
    MissingBytesError,
    MissingExtraError,
    NewerSchemaError,
    RecordError,
    StorageError,
)
from gitreg.sdk.media import codec, parquet, store

RNG = np.random.default_rng(7)
UTC = dt.timezone.utc
NAIVE = dt.datetime.fromisoformat("2026-01-02T03:04:05")
LAST = dt.datetime.fromisoformat("9999-12-31T23:59:59.999999")


def back(values: Any, **options: Any) -> Any:
    """What a column is when it comes back: the array, or the list."""
    table = Table(["a"], [[value] for value in values], **options) if isinstance(values, list) else Table(columns=[])
    if not isinstance(values, list):
        table.add_column("a", values)
    draft = Artifact("t", "dataset")
    draft.add(table, "t")
    found = draft.get("t")
    assert len(found) == len(values)
    return found._columns["a"].values


class TestArrays:
    @pytest.mark.parametrize(
        "dtype",
        "bool int8 uint8 int16 uint16 int32 uint32 int64 uint64 float16 float32 float64 complex64 complex128"
        " datetime64[D] datetime64[h] datetime64[s] datetime64[ms] datetime64[us] datetime64[ns]"
        " timedelta64[ms]".split(),
    )
    @pytest.mark.parametrize("shape", [(6,), (6, 2), (3, 2, 1), (0,), (0, 3), (2, 0), (1, 1)])
    def test_keep_type_and_shape(self, dtype: str, shape: tuple[int, ...]) -> None:
        array = RNG.integers(0, 100, shape).astype(np.dtype(dtype))
        found = back(array)
        assert (found.dtype, found.shape) == (array.dtype, array.shape)
        assert (found == array).all()
        assert found.flags.writeable

    def test_keep_what_is_no_number(self) -> None:
        array = np.array([[np.nan, np.inf, -np.inf], [-0.0, 1, 2]], np.float32)
        assert back(array).tobytes() == array.tobytes()
        times = np.array(["2026-01-02", "NaT"], "datetime64[ns]")
        assert np.isnat(back(times)).tolist() == [False, True]
        assert np.isnat(back(times.reshape(1, 2))).tolist() == [[False, True]]

    def test_in_any_order_of_bytes_and_axes(self) -> None:
        big: Any = np.arange(12, dtype=">i4").reshape(3, 4)
        assert (back(big) == big).all()
        assert (back(big.T) == big.T).all()
        assert (back(big[:, ::2]) == big[:, ::2]).all()

    def test_of_several_shapes_keep_type_and_shape(self) -> None:
        for dtype in ("float32", "bool", "complex64", "datetime64[s]"):
            arrays: list[Any] = [np.ones(shape).astype(dtype) for shape in ((2, 3), (1,), (0, 4), (2, 2, 2))]
            found = back([arrays[0], None, *arrays[1:]])
            assert found.pop(1) is None
            for before, after in zip(arrays, found, strict=True):
                assert (after.dtype, after.shape) == (before.dtype, before.shape)
                assert (before == after).all()

    def test_of_several_types_are_kept_one_by_one(self) -> None:
        found = back([np.float32([1.5]), np.uint8([[2]])])
        assert [(item.dtype, item.tolist()) for item in found] == [(np.float32, [1.5]), (np.uint8, [[2]])]

    def test_alike_become_one_array(self) -> None:
        found = back([np.float32([1, 2]), np.float32([3, 4])])
        assert (found.dtype, found.tolist()) == (np.float32, [[1, 2], [3, 4]])
        assert back([np.uint8(1), np.uint8(2)]).dtype == np.uint8
        assert back([np.uint8(1), None]) == [1, None]

    @pytest.mark.parametrize("dtype", ["object", "U3", "S2"])
    def test_of_text_are_lists(self, dtype: str) -> None:
        array = np.array([["ab", "c"], ["d", "e"]], dtype)
        assert back(array) == array.tolist()
        assert back(array[0]) == array[0].tolist()

    def test_that_cannot_be_kept_are_refused_before_anything_is_added(self) -> None:
        draft = Artifact("t", "dataset")
        table = Table(columns=[])
        table.add_column("good", np.zeros((2, 2)))
        table.add_column("bad", np.zeros(2, np.longdouble))
        with pytest.raises(InvalidValueError, match="column 'bad' has elements of type"):
            draft.add(table, "t")
        assert draft.files() == []


class TestValues:
    @pytest.mark.parametrize(
        "values",
        [
            [],
            [None, None],
            [True, False, None],
            [1, -1, None, 2**63 - 1, -(2**63)],
            [1, 2**70, None],
            [0.5, None, -0.0, math.inf],
            ["a", "", None, "日本語", "\x00\n", "a" * 100_000],
            [b"a", b"", None, b"\xff\x00"],
            [NAIVE.replace(microsecond=678), None, dt.datetime.fromisoformat("0001-01-01"), LAST],
            [NAIVE.replace(tzinfo=UTC), None],
            [dt.date(2026, 1, 2), None, dt.date.min],
            [[1, "a", [None, {"x": 1.5}]], [], None],
            [[1, -(2**63)], [], None, [3]],
            [[0.5, math.inf], [], None, [-0.0]],
            [[1, 2**63], [0.5]],
            [[1, 0.5], [True], []],
            [{"_type": "x"}, {"a": b"1", "t": NAIVE, "d": dt.date(2026, 1, 2)}, {1: 2, None: [3]}],
        ],
        ids=lambda values: str(values)[:40],
    )
    def test_come_back_as_they_were(self, values: list[Any]) -> None:
        found = back(values)
        assert found == values
        assert [type(value) for value in found] == [type(value) for value in values]

    def test_of_several_kinds_come_back_as_they_were(self) -> None:
        image = Image(np.zeros((2, 2)), caption="in a list")
        values: list[Any] = [1, 1.5, "a", None, True, [image], NAIVE.replace(tzinfo=UTC), {"x": np.float32([1, 2])}]
        found = back(values, allow_mixed_types=True)
        assert found[-1].pop("x").tolist() == [1, 2]
        values[-1].pop("x")
        assert found == values
        assert [type(value) for value in found] == [type(value) for value in values]
        assert math.isnan(back([1, "a", math.nan], allow_mixed_types=True)[2])
        again = Table(["a"], [[value] for value in found], allow_mixed_types=True)
        again.add_data("more")

    def test_that_differ_a_little_become_alike(self) -> None:
        assert [type(value) for value in back([1, 2.5])] == [float, float]
        assert back([2**60 + 1, 2.5]) == [2**60 + 1, 2.5]
        zoned = NAIVE.replace(tzinfo=dt.timezone(dt.timedelta(hours=9)))
        assert back([zoned]) == [zoned]
        assert back([zoned, NAIVE]) == [zoned, NAIVE]
        assert back([dt.date(2026, 1, 2), NAIVE]) == [dt.date(2026, 1, 2), NAIVE]
        assert back(["\ud800"]) == ["�"]

    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False)
            | st.text()
            | st.binary()
            | st.dates(),
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.integers(), inner, max_size=4),
            max_leaves=8,
        )
    )
    def test_of_any_depth_come_back_as_they_were(self, value: Any) -> None:
        assert back([[value], value], allow_mixed_types=True) == [[value], value]

    def test_nested_too_deep_are_refused(self) -> None:
        deep: list[Any] = []
        for _ in range(50):
            deep = [deep]
        with pytest.raises(gitreg.UsageError, match="nested deeper"):
            back([deep])


class TestMedia:
    def test_in_a_column_come_back_as_they_were(self) -> None:
        pictures = [Image(RNG.random((4, 4))), None, Image(RNG.random((4, 4)), caption="b", boxes={"a": [1]})]
        assert back(pictures) == pictures
        mixed = [Image(np.zeros((2, 2))), Image(np.zeros((2, 2)), file_type="jpg")]
        assert back(mixed) == mixed
        sounds = [gitreg.Audio(RNG.random(10), sample_rate=100, caption="x"), None]
        assert back(sounds) == sounds

    def test_that_are_equal_are_stored_once(self) -> None:
        same = Image(RNG.integers(0, 255, (64, 64), np.uint8))
        draft = Artifact("t", "dataset")
        draft.add(Table(["a"], [[same] for _ in range(1000)]), "t")
        assert draft.size < 3 * len(same.data)
        found = draft.get("t")
        images = found.get_column("a")
        assert images == [same] * 1000
        assert images[0].data is images[999].data


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

    def test_are_read_by_others_who_see_tensors(self) -> None:
        draft = Artifact("t", "dataset")
        table = Table(columns=[])
        table.add_column("x", np.arange(12, dtype=np.float32).reshape(2, 3, 2))
        draft.add(table, "t")
        found = pq.read_table(io.BytesIO(draft._staging.files()["t.table/0-x.parquet"].read_bytes()))
        assert found.column("x").type == pa.fixed_shape_tensor(pa.float32(), (3, 2))

    def test_have_no_limit_of_rows(self) -> None:
        numbers = np.arange(300_000)
        assert (back(numbers) == numbers).all()
        assert back(numbers.tolist()) == numbers.tolist()
        assert back([str(number) for number in numbers]) == [str(number) for number in numbers]
        wide = RNG.random((5000, 500), np.float32)
        assert (back(wide) == wide).all()

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


@pytest.fixture
def clones(tmp_path: Path, sh: Shell) -> tuple[Path, Path]:
    sh(
        """
git init --quiet --bare server.git
mkdir storage
git clone --quiet server.git a 2>/dev/null
cd a
gitreg init --storage ../storage
git add .
git commit --quiet -m start
git push --quiet origin HEAD
cd ..
git clone --quiet server.git b
cd b
gitreg init
"""
    )
    return tmp_path / "a", tmp_path / "b"


def published(clones: tuple[Path, Path], sh: Shell) -> Artifact:
    """A data set as the other clone finds it, whose cache has none of its bytes."""
    table = Table(columns=[])
    table.add_column("x_train", np.arange(5000, dtype=np.float32).reshape(50, 10, 10))
    table.add_column("y_train", np.arange(50).astype(np.uint8))
    table.add_computed_columns(lambda _, row: {"img": Image(row["x_train"])})
    artifact = Artifact("digits", "dataset")
    artifact.add(table, "train_table")
    artifact.add(Image(np.eye(4), caption="unity"), "photo")
    with gitreg.init(dir=clones[0]) as run:
        run.log_artifact(artifact)
    sh("gitreg push", cwd=clones[0])
    sh("gitreg fetch", cwd=clones[1])
    return gitreg.Api(clones[1]).artifact("digits:v0")


def cached(clone: Path, artifact: Artifact) -> list[str]:
    """The files of an artifact that are in a clone's cache, by path."""
    cache = clone / ".dvc" / "cache" / "files" / "md5"
    return [file.path for file in artifact.files() if (cache / file.md5[:2] / file.md5[2:]).exists()]


def storage_place(clones: tuple[Path, Path], entry: Any) -> Path:
    return clones[0].parent.joinpath("storage", "files", "md5", entry.md5[:2], entry.md5[2:])


class TestFromAStorage:
    def test_only_what_is_asked_for_is_fetched(
        self, clones: tuple[Path, Path], sh: Shell, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        artifact = published(clones, sh)
        monkeypatch.chdir(clones[1])
        assert cached(clones[1], artifact) == []
        table = artifact.get("train_table")
        assert (len(table), table.columns) == (50, ["x_train", "y_train", "img"])
        assert cached(clones[1], artifact) == ["train_table.table/table.json"]
        assert table.get_column("y_train", convert_to="numpy").tolist() == list(range(50))
        assert cached(clones[1], artifact) == ["train_table.table/data.parquet", "train_table.table/table.json"]
        photo = artifact.get("photo")
        assert photo
        assert photo.caption == "unity"
        assert "photo.png" in cached(clones[1], artifact)
        assert table.get_column("x_train", convert_to="numpy")[49, 9, 9] == 4999
        assert "train_table.table/2-img.parquet" not in cached(clones[1], artifact)
        assert [path.name for path in clones[1].iterdir() if path.name == "artifacts"] == []

    def test_damaged_bytes_of_the_cache_are_fetched_again(self, clones: tuple[Path, Path], sh: Shell) -> None:
        artifact = published(clones, sh)
        artifact.get("photo")
        entry = artifact.get_entry("photo.png")
        place = clones[1] / ".dvc" / "cache" / "files" / "md5" / entry.md5[:2] / entry.md5[2:]
        place.chmod(0o644)
        place.write_bytes(bytes(entry.size or 0))
        photo = artifact.get("photo")
        assert photo
        assert photo.data[:4] == b"\x89PNG"
        assert place.with_name(f"{place.name}.corrupt").exists()

    def test_damaged_bytes_are_not_handed_out(self, clones: tuple[Path, Path], sh: Shell) -> None:
        artifact = published(clones, sh)
        table = artifact.get("train_table")
        place = storage_place(clones, artifact.get_entry("train_table.table/data.parquet"))
        place.chmod(0o644)
        place.write_bytes(bytes(place.stat().st_size))
        with pytest.raises(StorageError, match="damaged"):
            table.get_column("y_train")
        place.unlink()
        with pytest.raises(MissingBytesError, match=r"data\.parquet"):
            table.get_column("y_train")


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


def test_a_file_that_was_added_as_such_is_found_by_its_end(tmp_path: Path) -> None:
    image = Image(np.eye(3))
    image.save(tmp_path / "pic.png")
    (tmp_path / "notes.txt").write_text("text")
    draft = Artifact("t", "dataset")
    draft.add_dir(tmp_path, "in")
    assert draft.get("in/pic") == draft.get("in/pic.png") == draft.get("in/pic.image-file.json") == image
    assert draft.get("in/notes.txt") is None
    assert draft.get("in") is None
