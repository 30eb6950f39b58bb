from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gitreg.data.cache import Cache


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """A cache that keeps what is not published."""
    return Cache(tmp_path / "cache", tmp_path / "keep")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A directory with small files, an empty one, a big one, and names of several kinds."""
    root = tmp_path / "files"
    (root / "sub" / "deep").mkdir(parents=True)
    (root / "a").write_text("a\n")
    (root / "empty").touch()
    (root / "sub" / "日本 語.txt").write_text("日本\n")
    (root / "sub" / "deep" / "same").write_text("a\n")
    (root / "big.bin").write_bytes(bytes(range(256)) * 20_000)
    return root


@pytest.fixture
def tree() -> Callable[[Path], dict[str, bytes]]:
    """`tree(directory)`: the content of every file below it, temporary ones included."""

    def read(directory: Path) -> dict[str, bytes]:
        return {
            path.relative_to(directory).as_posix(): path.read_bytes()
            for path in sorted(directory.rglob("*"))
            if path.is_file()
        }

    return read
