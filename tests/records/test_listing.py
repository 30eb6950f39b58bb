from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitreg.errors import RecordError, UnsafePathError
from gitreg.records.listing import FileEntry, Listing
from gitreg.records.paths import check_paths


def entry(path: str, content: bytes = b"hello") -> FileEntry:
    return FileEntry(path, len(content), hashlib.md5(content).hexdigest(), hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize(
    ("paths", "digest"),
    [
        (["file1.txt"], "a00c2239f036fb656c1dcbf9a32d89b4"),
        (["great-file.txt"], "585b9ada17797e37c9cbab391e69b8c5"),
        (["subdir/file1.txt"], "a757208d042e8627b2970d72a71bed5b"),
        ([], "64e7c61456b10382e2f3b571ac24b659"),
    ],
)
def test_the_digest_is_the_one_that_wandb_computes(paths: list[str], digest: str) -> None:
    assert Listing.of(entry(path) for path in paths).digest == digest


def test_the_directory_object_is_dvcs() -> None:
    listing = Listing.of([entry("sub/日本", b"b\n"), entry("a", b"a\n"), entry("😀", b"c\n")])
    assert json.loads(listing.directory_object) == [
        {"md5": "60b725f10c9c85c70d97880dfe8191b3", "relpath": "a"},
        {"md5": "3b5d5c3712955042212316173ccf37be", "relpath": "sub/日本"},
        {"md5": "2cd6ee2c70b0bde53fbe6cac3c8b8bb1", "relpath": "😀"},
    ]
    assert b'{"md5": "3b5d5c3712955042212316173ccf37be", "relpath": "sub/\\u65e5\\u672c"}' in listing.directory_object
    assert listing.pointer_md5 == hashlib.md5(listing.directory_object).hexdigest() + ".dir"


def test_entries_are_sorted_by_the_bytes_of_their_paths_and_found_by_them() -> None:
    paths = ["b", "a/b", "a-b", "Z", "é", "😀", "\ufffd"]
    listing = Listing.of(map(entry, paths))
    assert [item.path for item in listing] == sorted(paths, key=str.encode)
    assert listing.get("a/b") == entry("a/b")
    assert listing.get("a/") is None
    assert listing.get("~") is None
    assert (len(listing), listing.size) == (7, 35)


def test_two_files_of_one_md5_and_different_content_are_refused_because_dvc_keeps_one() -> None:
    other = FileEntry("b", 5, entry("a").md5, "0" * 64)
    with pytest.raises(RecordError, match="same md5"):
        Listing.of([entry("a"), other])


@pytest.mark.parametrize(
    "bad",
    [
        FileEntry("a", -1, "0" * 32, "0" * 64),
        FileEntry("a", 1, "0" * 31, "0" * 64),
        FileEntry("a", 1, "A" * 32, "0" * 64),
        FileEntry("a", 1, "0" * 32, "0" * 64 + "\n"),
        FileEntry("../a", 1, "0" * 32, "0" * 64),
    ],
)
def test_a_bad_entry_is_refused(bad: FileEntry) -> None:
    with pytest.raises(RecordError):
        Listing.of([bad])


def test_entries_out_of_order_or_twice_are_refused() -> None:
    with pytest.raises(RecordError, match="order"):
        Listing((entry("b"), entry("a")))
    with pytest.raises(UnsafePathError, match="twice"):
        Listing((entry("a"), entry("a")))


MANIFEST = entry("a").sha256.encode() + b"  a\n"
FILES = entry("a").md5.encode() + b"  5  a\n"


@pytest.mark.parametrize(
    ("manifest", "files"),
    [
        (MANIFEST, b""),
        (b"", FILES),
        (MANIFEST[:-1], FILES),
        (MANIFEST, FILES[:-1]),
        (MANIFEST + b"\n", FILES),
        (MANIFEST.replace(b"  a", b" *a"), FILES),
        (MANIFEST, FILES.replace(b"  5  ", b"  05  ")),
        (MANIFEST, FILES.replace(b"  5  ", b"  -5  ")),
        (MANIFEST, FILES.replace(b"  5  ", "  ٥  ".encode())),
        (MANIFEST * 2, FILES * 2),
        (MANIFEST.upper(), FILES),
        (b"\\" + MANIFEST, FILES),
        (MANIFEST.replace(b"  a", b"  a\\b"), FILES.replace(b"  a", b"  a\\b")),
        (MANIFEST.replace(b"  a", b"  a\r"), FILES.replace(b"  a", b"  a\r")),
        (b"\\" + MANIFEST.replace(b"  a", b"  a\\x"), b"\\" + FILES.replace(b"  a", b"  a\\x")),
        (b"\\" + MANIFEST.replace(b"  a", b"  a\\"), b"\\" + FILES.replace(b"  a", b"  a\\")),
        (MANIFEST.replace(b"  a", b"  ../a"), FILES.replace(b"  a", b"  ../a")),
        (MANIFEST.replace(b"  a", b"  \xff"), FILES.replace(b"  a", b"  \xff")),
        (MANIFEST.replace(b"  a", b"  b"), FILES),
    ],
)
def test_a_text_that_gitreg_would_not_write_is_refused(manifest: bytes, files: bytes) -> None:
    with pytest.raises(RecordError):
        Listing.parse(manifest, files)


part = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1, max_size=6)
path_texts = st.one_of(st.lists(part, min_size=1, max_size=3).map("/".join), st.text("\\\n\r nrab", min_size=1))


@st.composite
def listings(draw: st.DrawFn) -> Listing:
    chosen: list[str] = []
    for path in draw(st.lists(path_texts, max_size=8)):
        try:
            check_paths([*chosen, path])
        except UnsafePathError:
            continue
        chosen.append(path)
    return Listing.of(entry(path, path.encode()) for path in chosen)


@given(listings())
def test_both_texts_together_give_the_listing_back(listing: Listing) -> None:
    assert Listing.parse(listing.manifest, listing.files_text) == listing


# Names that a file system takes, and not '-', which sha256sum reads as its standard input.
FILE_NAMES = ["plain", "with space", "back\\slash", "line\nbreak", "carriage\rreturn", "\\n", "日本 語", "*star", "a/b"]


def test_sha256sum_writes_and_checks_the_same_manifest(tmp_path: Path) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("'sha256sum' is not installed")
    for name in FILE_NAMES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    listing = Listing.of(entry(name, name.encode()) for name in FILE_NAMES)
    names = [item.path for item in listing]
    written = subprocess.run(["sha256sum", "--", *names], cwd=tmp_path, capture_output=True, check=True)
    assert written.stdout == listing.manifest
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet"], cwd=tmp_path, input=listing.manifest, check=False
    )
    assert checked.returncode == 0
