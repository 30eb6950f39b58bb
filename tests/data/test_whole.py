"""Small files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitreg.data.whole import create, write_all
from gitreg.errors import StorageError


def told(folder: Path) -> list[tuple[str, str]]:
    return sorted((path.name, path.read_text()) for path in folder.iterdir())


def test_files_are_replaced_together_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(StorageError, match=r"'.*/missing/b' cannot be written"):
        write_all({tmp_path / "a": b"new", tmp_path / "missing" / "b": b"new"})
    assert told(tmp_path) == [("a", "old")]


def test_no_file_gets_its_name_before_the_bytes_of_all_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("old")
    seen = []

    def fsync(descriptor: int) -> None:
        names = {path.name for path in tmp_path.iterdir() if not path.name.startswith(".gitreg-")}
        seen.append((os.fstat(descriptor).st_size, names, (tmp_path / "a").read_text()))

    monkeypatch.setattr(os, "fsync", fsync)
    write_all({tmp_path / "a": b"new", tmp_path / "b": b"longer"})
    assert seen == [(3, {"a"}, "old"), (6, {"a"}, "old")]
    assert told(tmp_path) == [("a", "new"), ("b", "longer")]


@pytest.mark.parametrize(("mode", "modes"), [(None, [0o600, 0o644]), (0o640, [0o640, 0o640])])
def test_a_file_keeps_its_mode_unless_another_is_asked_for(tmp_path: Path, mode: int | None, modes: list[int]) -> None:
    (tmp_path / "a").touch(0o600)
    write_all({tmp_path / "a": b"", tmp_path / "b": b""}, mode)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in "ab"] == modes


def test_a_file_that_is_there_is_not_created(tmp_path: Path) -> None:
    assert create(tmp_path / "a", b"first")
    assert not create(tmp_path / "a", b"second")
    assert told(tmp_path) == [("a", "first")]
