from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gitreg.errors import RecordError, UnsafePathError
from gitreg.records.pointer import Pointer

DIR = "ff9402bb8f81a48e76023060ac414aef.dir"

names = st.one_of(
    st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True),
    st.from_regex(r"[0-9_][0-9_.eExobn+-]{0,10}", fullmatch=True).filter(lambda name: "+" not in name),
    st.sampled_from(["no", "y", "true", "True", "null", "007", "0x1F", "1e5", "1_000", "2020-01-01", "0o17", "1.5"]),
    st.sampled_from(["x" * length for length in (71, 72, 73, 128, 135)]),
    st.sampled_from(["1" * length for length in (71, 72, 73, 128)]),
)
md5s = st.one_of(
    st.from_regex(r"[0-9a-f]{32}", fullmatch=True),
    st.from_regex(r"[0-9]{32}", fullmatch=True),
    st.from_regex(r"[0-9]{5}e[0-9]{26}", fullmatch=True),
    st.from_regex(r"0b[01]{30}", fullmatch=True),
)
safe = names.filter(lambda name: name not in {".", ".."} and name.lower() != "git~1")


@given(safe, md5s, st.integers(0, 2**60), st.none() | st.integers(0, 2**40))
@example("x" * 73, "1" * 32, 0, None)
def test_a_pointer_reads_back_and_is_written_as_dvc_writes_it(
    name: str, md5: str, size: int, nfiles: int | None
) -> None:
    from dvc.utils.serialize import dumps_yaml

    pointer = Pointer(name, md5 if nfiles is None else f"{md5}.dir", size, nfiles)
    assert Pointer.parse(pointer.encode()) == pointer
    out: dict[str, Any] = {"md5": pointer.md5, "size": size}
    if nfiles is not None:
        out["nfiles"] = nfiles
    assert pointer.encode().decode() == dumps_yaml({"outs": [{**out, "hash": "md5", "path": name}]})


def test_unknown_keys_are_ignored() -> None:
    text = f"# a comment\nouts:\n- {{md5: {DIR}, size: 1, nfiles: 2, isexec: true, path: d}}\nmeta: {{a: b}}\n"
    assert Pointer.parse(text.encode()) == Pointer("d", DIR, 1, 2)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "outs: []",
        "outs: {}",
        "- a",
        "outs: [a]",
        f"outs: [{{md5: {DIR}, size: 1, nfiles: 2, path: d}}, {{md5: {DIR}, size: 1, nfiles: 2, path: e}}]",
        f"outs: [{{md5: {DIR}, size: 1, nfiles: 2}}]",
        "outs: [{size: 1, nfiles: 2, path: d}]",
        f"outs: [{{md5: {DIR}, nfiles: 2, path: d}}]",
        f"outs: [{{md5: {DIR}, size: '1', nfiles: 2, path: d}}]",
        f"outs: [{{md5: {DIR}, size: true, nfiles: 2, path: d}}]",
        f"outs: [{{md5: {DIR}, size: -1, nfiles: 2, path: d}}]",
        f"outs: [{{md5: {DIR}, size: 1, path: d}}]",
        f"outs: [{{md5: {DIR[:-4]}, size: 1, nfiles: 2, path: d}}]",
        "outs: [{md5: ../../x, size: 1, path: d}]",
        f"outs: [{{md5: {DIR}, size: 1, nfiles: 2, path: d, hash: sha256}}]",
        f"outs: [{{md5: {DIR}, size: 1, nfiles: 2, path: d}}]\nwdir: ..",
        f"outs: [&a {{md5: {DIR}, size: 1, nfiles: 2, path: d}}]",
    ],
)
def test_a_file_that_is_no_pointer_is_refused(text: str) -> None:
    with pytest.raises(RecordError):
        Pointer.parse(text.encode())


@pytest.mark.parametrize("path", ["..", "a/b", "/etc/passwd", "-x", ".git", "a b", ""])
def test_an_output_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(UnsafePathError):
        Pointer(path, DIR, 1, 2)


def test_text_that_is_no_utf8_is_refused() -> None:
    with pytest.raises(RecordError, match="UTF-8"):
        Pointer.parse(b"outs: \xff")
