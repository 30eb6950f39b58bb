"""Tables and media of a version whose bytes are on a storage: only what is read is fetched, and it is checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gitreg
from conftest import Shell
from gitreg import Artifact, Image, Table
from gitreg.errors import MissingBytesError, StorageError


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
