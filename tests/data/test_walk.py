from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from gitreg.data.walk import walk_directory
from gitreg.errors import StorageError, UnsafePathError, UsageError


def test_all_files_are_found_in_order_hidden_ones_too(files: Path) -> None:
    (files / ".hidden").touch()
    (files / "a.b").touch()
    (files / "nothing" / "here").mkdir(parents=True)
    found = walk_directory(files)
    assert list(found) == [".hidden", "a", "a.b", "big.bin", "empty", "sub/deep/same", "sub/日本 語.txt"]
    assert found["sub/deep/same"] == files / "sub" / "deep" / "same"


def test_a_link_to_a_file_counts_as_the_file(files: Path) -> None:
    (files / "link").symlink_to("a")
    assert walk_directory(files)["link"].read_text() == "a\n"


def test_the_directory_itself_may_be_a_link(files: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(files)
    assert list(walk_directory(tmp_path / "link")) == list(walk_directory(files))


@pytest.mark.parametrize("target", ["sub", "..", "missing", "loop"])
def test_a_link_to_anything_else_is_refused(files: Path, target: str) -> None:
    (files / "loop").symlink_to(target)
    with pytest.raises(StorageError, match="loop"):
        walk_directory(files)


def test_a_pipe_and_a_socket_are_refused(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(files / "pipe")
    with pytest.raises(StorageError, match="pipe"):
        walk_directory(files)
    (files / "pipe").unlink()
    monkeypatch.chdir(files)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        with pytest.raises(StorageError, match="socket"):
            walk_directory(files)


def test_a_name_that_is_no_utf8_is_refused(files: Path) -> None:
    try:
        (files / os.fsdecode(b"\xff")).touch()
    except OSError:
        pytest.skip("this file system takes only UTF-8")
    with pytest.raises(UnsafePathError, match="Unicode"):
        walk_directory(files)


def test_a_git_repository_inside_is_refused(files: Path) -> None:
    (files / "sub" / ".git").mkdir()
    (files / "sub" / ".git" / "HEAD").touch()
    with pytest.raises(UnsafePathError, match=r"\.git"):
        walk_directory(files)


def test_no_directory_is_a_mistake_of_the_caller(files: Path) -> None:
    for path in (files / "a", files / "missing"):
        with pytest.raises(UsageError, match="no directory"):
            walk_directory(path)
