from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitreg.errors import UnsafePathError
from gitreg.records.paths import check_path, check_paths


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "model.keras",
        "sub/dir/file.txt",
        "...",
        ".hidden",
        "a..b/c.",
        "with space/ and more ",
        "日本/語.txt",
        "back\\slash",
        "line\nbreak",
        ".gitignore",
        "my.git/x",
        "digit",
        "a/b:c",
        "x²",
    ],
)
def test_an_ordinary_path_comes_back_as_it_is(path: str) -> None:
    assert check_path(path) == path


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "empty"),
        ("/etc/passwd", "absolute"),
        ("//server/share", "absolute"),
        ("a//b", "a part is empty"),
        ("a/", "a part is empty"),
        ("./a", "'.'"),
        ("a/./b", "'.'"),
        ("..", "'..'"),
        ("a/../../b", "'..'"),
        ("a/..", "'..'"),
        ("nul\0byte", "NUL"),
        ("C:", "drive"),
        ("c:/windows", "drive"),
        ("z:relative", "drive"),
        (".git", "'.git'"),
        (".GIT/config", "'.git'"),
        ("a/.Git/hooks/pre-push", "'.git'"),
        (".git./config", "'.git'"),
        (".git /config", "'.git'"),
        (".git::$INDEX_ALLOCATION/config", "'.git'"),
        ("GIT~1/config", "'.git'"),
        (".g\u200cit/config", "'.git'"),
        ("\ud800", "Unicode"),
    ],
)
def test_an_unsafe_path_is_refused_with_the_reason(path: str, why: str) -> None:
    with pytest.raises(UnsafePathError, match=why) as caught:
        check_path(path)
    assert caught.value.path == path


@pytest.mark.parametrize(
    "paths",
    [
        ["a", "a"],
        ["Model.h5", "model.h5"],
        ["straße", "STRASSE"],
        ["caf\u00e9", "cafe\u0301"],
        ["CAF\u00c9", "cafe\u0301"],
        ["a", "a/b"],
        ["x/y/z", "x/y", "q"],
        ["A", "a/b"],
    ],
)
def test_paths_that_cannot_stand_in_one_directory_everywhere_are_refused(paths: list[str]) -> None:
    for order in (paths, paths[::-1]):
        with pytest.raises(UnsafePathError):
            check_paths(order)


def test_paths_that_share_directories_or_beginnings_are_fine() -> None:
    check_paths(["a/b", "a/c", "ab", "a.b", "A2/b", "a-/b", "x2", "x²"])
    check_paths([])


@given(st.text())
def test_what_passes_has_only_real_parts_and_can_be_encoded(path: str) -> None:
    try:
        check_path(path)
    except UnsafePathError:
        return
    assert all(part not in {"", ".", ".."} for part in path.split("/"))
    assert "\0" not in path
    path.encode()
