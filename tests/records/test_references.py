from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitreg.errors import RecordError, UnsafePathError
from gitreg.records import references
from gitreg.records.listing import FileEntry, Listing
from gitreg.records.references import Reference, Summed

MD5, SHA256 = "5d41402abc4b2a76b9719d911017c592", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
TEXT = st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=20)


def entry(path: str) -> FileEntry:
    return FileEntry(path, 5, MD5, SHA256)


@pytest.mark.parametrize(
    ("reference", "digest"),
    [
        (Reference("a", "https://host/x", etag="abc"), "abc"),
        (Reference("a", "https://host/x"), "https://host/x"),
        (Reference("a", "gs://b/x", md5=MD5, etag="abc"), "abc"),
        (Reference("a", "file:///x", 5, MD5, SHA256), "XUFAKrxLKna5cZ2REBfFkg=="),
        (Reference("a", "FILE:///x", 5), b64encode(hashlib.md5(b"FILE:///x").digest()).decode()),
    ],
)
def test_wandbs_digest_has_the_etag_else_the_md5_else_the_address(reference: Reference, digest: str) -> None:
    assert reference.digest == digest
    text = f"wandb-artifact-manifest-v1\na:{digest}\nb:XUFAKrxLKna5cZ2REBfFkg==\n"
    listing = Listing.of([entry("b")], [reference])
    assert listing.digest == hashlib.md5(text.encode()).hexdigest()
    assert (len(listing), listing.size, listing.reference("a"), listing.get("a")) == (1, 5, reference, None)


@given(
    st.lists(
        st.builds(
            Reference,
            st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
            TEXT.map("s3://b/x{}".format),
            st.none() | st.integers(0, 1 << 60),
            st.sampled_from(["", MD5]),
            st.sampled_from(["", SHA256]),
            *(TEXT,) * 3,
        ),
        max_size=4,
    )
)
def test_what_is_written_is_read_back(found: list[Reference]) -> None:
    text = references.encode(found)
    assert references.parse(text) == tuple(found)
    assert [json.loads(line)["path"] for line in text.split(b"\n")[:-1]] == [item.path for item in found]
    summed = Summed.of(found)
    assert summed == (
        Summed(hashlib.sha256(text).hexdigest(), len(found), sum(item.size or 0 for item in found)) if found else None
    )


@pytest.mark.parametrize(
    "line",
    [
        '{"path": "a", "uri": "s3://b/x"}',
        '{"path":"a", "uri": "s3://b/x"}\n',
        '{"uri": "s3://b/x", "path": "a"}\n',
        '{"path": "a", "uri": "s3://b/x", "uri": "s3://b/x"}\n',
        '{"path": "a", "uri": "s3://b/x", "more": 1}\n',
        '{"path": "a"}\n',
        '{"path": "a", "uri": "no address"}\n',
        '{"path": "a", "uri": "s3://b/\\u001b[31m"}\n',
        '{"path": "a", "uri": "s3://b/\u202e"}\n',
        '{"path": "a", "uri": "s3://b/x", "size": -1}\n',
        '{"path": "a", "uri": "s3://b/x", "size": true}\n',
        '{"path": "a", "uri": "s3://b/x", "size": 1.0}\n',
        '{"path": "a", "uri": "s3://b/x", "md5": "5D41402ABC4B2A76B9719D911017C592"}\n',
        '{"path": "a", "uri": "s3://b/x", "sha256": "1"}\n',
        '{"path": "a", "uri": "s3://b/x", "etag": ["a"]}\n',
        '{"path": 1, "uri": "s3://b/x"}\n',
        '["a"]\n',
        "null\n",
        "[" * 100_000 + "\n",
        '{"path": "\\ud800", "uri": "s3://b/x"}\n',
        f'{{"path": "a", "uri": "s3://b/{"x" * 4000}"}}\n',
        f'{{"path": "a", "uri": "s3://b/x", "etag": "{"x" * 1001}"}}\n',
        "\n",
    ],
)
def test_anything_else_is_refused(line: str) -> None:
    with pytest.raises(RecordError):
        references.parse(line.encode())
    with pytest.raises(RecordError):
        references.parse(b"\xff\n")


def test_a_path_that_is_no_text_is_named_like_any_other_text_that_is_none() -> None:
    for name in ("path", "uri", "md5", "sha256", "etag", "version", "modified"):
        values: dict[str, Any] = {"path": "a", "uri": "s3://b/x", name: 1}
        with pytest.raises(RecordError, match=f"has a bad '{name}'"):
            Reference(**values)


@pytest.mark.parametrize("paths", ["a a", "b a", "../x", "file", "file/x", "FILE", ".git/x"])
def test_paths_are_those_of_one_artifact(paths: str) -> None:
    found = tuple(Reference(path, "s3://b/x") for path in paths.split())
    with pytest.raises((RecordError, UnsafePathError)):
        Listing((entry("file"),), found)
