"""Every parser against bytes that are almost right: a value or a RecordError, nothing else, in bounded time."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitreg.data.config import parse_version_config
from gitreg.errors import RecordError
from gitreg.records import trailers, yamlio
from gitreg.records.listing import FileEntry, Listing
from gitreg.records.objects import (
    EMPTY_TREE,
    Commit,
    Identity,
    Tag,
    TreeEntry,
    encode_tree,
    parse_tree,
)
from gitreg.records.paths import check_path
from gitreg.records.pointer import Pointer
from gitreg.records.records import RUN, AliasRecord, ArtifactRecord, RunRecord, VersionRecord
from gitreg.records.trailers import Message
from tally import INPUTS, Tally

_FULL = 25


def _listed(path: str) -> FileEntry:
    data = path.encode()
    return FileEntry(path, len(data), hashlib.md5(data).hexdigest(), hashlib.sha256(data).hexdigest())


_WHO = "A <a@b> 1 +0000"
_RUN = {
    "schema": 1, "id": "abc", "name": "x", "state": "finished", "code": {"commit": "1" * 40, "snapshot": False},
    "config": {"a": [1, {"b": None}]}, "summary": {"c": 1.5}, "tags": ["t"],
    "inputs": [{"artifact": "m", "version": "v0", "commit": "2" * 40, "digest": "a" * 32}],
}  # fmt: skip
_LISTING = Listing.of(map(_listed, ["a", "b\nc", "d/e", "f\\g", "日"]))
_MESSAGE = trailers.compose("subject", {RUN: _RUN}, "a body\n\nof two paragraphs")
_CONFIG = b"[core]\n    remote = s\n['remote \"s\"']\n    url = s3://bucket/x\n    endpointurl = http://x\n"


def _parse_records(data: bytes) -> object:
    document = yamlio.load(data.decode("utf-8", "surrogateescape"))
    for parse in (RunRecord.parse, ArtifactRecord.parse, VersionRecord.parse, AliasRecord.parse):
        with contextlib.suppress(RecordError):
            parse(document)
    return document


PARSERS: dict[str, tuple[bytes, Callable[[bytes], object]]] = {
    "YAML and the records in it": (yamlio.dump(_RUN).encode(), _parse_records),
    "messages": (_MESSAGE.encode(), lambda data: Message.parse(data.decode("utf-8", "replace")).record(RUN)),
    "commits": (
        Commit(EMPTY_TREE, (EMPTY_TREE,), Identity(_WHO), Identity(_WHO), _MESSAGE, b"encoding x\n").encode(),
        lambda data: Commit.parse(data).author.when,
    ),
    "tags": (Tag(EMPTY_TREE, "m@v0", Identity(_WHO), _MESSAGE).encode(), lambda data: Tag.parse(data).tagger.when),
    "trees": (encode_tree([TreeEntry(b"a", EMPTY_TREE), TreeEntry(b"b", EMPTY_TREE, is_tree=True)]), parse_tree),
    "manifests": (_LISTING.manifest, lambda data: Listing.parse(data, _LISTING.files_text)),
    "listings": (_LISTING.files_text, lambda data: Listing.parse(_LISTING.manifest, data)),
    "pointers": (Pointer("m", "0" * 32 + ".dir", 1, 2).encode(), Pointer.parse),
    "a version's configuration": (_CONFIG, parse_version_config),
    "paths": (b"a/b/.gitignore", lambda data: check_path(data.decode("utf-8", "surrogateescape"))),
}

_PIECES = [
    b"\0", b"\n", b"\r\n", b"  ", b": ", b"---", b"&a", b"*a", b"!!x", b"<<", b"[", b"{", b'"', b"'", b"\\", b"#", b"%",
    b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"9" * 40, b"-1", b"1e999", b".inf", b"../", b"/", b"~",
    b"Gitreg-Run: ---",
    b"-----BEGIN PGP SIGNATURE-----", b"tree ", b"parent ", b"\x1b[31m", "\u202e".encode(), b"remote = ", b"[[", b"]",
]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn, sound: bytes) -> bytes:
    """A sound record after a few cuts, copies, swaps and insertions."""
    data = bytearray(sound)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        piece = draw(st.sampled_from(_PIECES) | st.binary(max_size=4) | st.just(bytes(data[start:end]) * 3))
        data[start:end] = piece
    return bytes(data)


@pytest.mark.parametrize("what", PARSERS)
def test_almost_right_bytes_give_a_value_or_a_record_error(what: str, tally: Tally, *, full: bool) -> None:
    sound, parse = PARSERS[what]
    parse(sound)
    count = 0

    # a deadline: whatever the bytes are, the time is that of their length
    @settings(
        max_examples=200 * (_FULL if full else 1),
        deadline=timedelta(seconds=10),
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(mutated(sound) | st.binary(max_size=200))
    def check(data: bytes) -> None:
        nonlocal count
        count += 1
        with contextlib.suppress(RecordError):
            parse(data)

    check()
    tally.add(INPUTS, f"almost right bytes: {what}", tried=count, held=count)


GROWING: dict[str, tuple[Callable[[int], bytes], str]] = {
    "open brackets": (lambda n: b"a: " + b"[" * n, "YAML and the records in it"),
    "quotes that do not end": (lambda n: b'a: "' + b"\\" * n, "YAML and the records in it"),
    "spaces": (lambda n: b"a:" + b" " * n, "YAML and the records in it"),
    "keys": (lambda n: b"".join(b"k%d: 1\n" % at for at in range(n // 8)), "YAML and the records in it"),
    "empty lines": (lambda n: b"s\n" + b"\n" * n + b"x", "messages"),
    "lines of white space": (lambda n: b"s\n" + b" \t\n" * (n // 3) + b"x", "messages"),
    "white space that does not end": (lambda n: b"s\n\n" + b" " * n, "messages"),
    "trailers": (lambda n: b"s\n\n" + b"Gitreg-X: ---\n" * (n // 14), "messages"),
    "colons": (lambda n: b"s\n\nGitreg-" + b"a" * n + b" \t:" * 9, "messages"),
    "scissors that do not end": (lambda n: b"s\n\n" + b"-" * n, "messages"),
    "parents": (lambda n: b"tree x\n" + b"parent %s\n" % (b"1" * 40) * (n // 48) + b"\n", "commits"),
    "signatures": (lambda n: b"\n\n" + b"-----BEGIN PGP SIGNATURE-----\n" * (n // 30), "tags"),
    "backslashes": (lambda n: b"\\" + b"0" * 64 + b"  " + b"\\" * n + b"\n", "manifests"),
    "folders": (lambda n: b"0" * 64 + b"  " + b"a/" * (n // 2) + b"b\n", "manifests"),
    "sections": (lambda n: b"[" * n, "a version's configuration"),
    "values": (lambda n: b"a = " + b"'," * (n // 2), "a version's configuration"),
    "parts of a path": (lambda n: b"git~1 " * (n // 6), "paths"),
    "dots": (lambda n: b".git" + b"." * n + b"x", "paths"),
}


_PROGRAM = """
import resource

resource.setrlimit(resource.RLIMIT_CPU, (30, 30))
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
from gitreg.errors import RecordError
from test_parsers import GROWING, PARSERS

for what, (make, parser) in GROWING.items():
    try:
        PARSERS[parser][1](make(1 << 20))
    except RecordError:
        pass
    print(what, flush=True)
"""


def test_a_megabyte_of_the_worst_is_read_in_bounded_time(tally: Tally) -> None:
    """In a process of its own, which the system ends after 30 seconds of work for all of them, or at 2 GB."""
    tests = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (tests, tests / "faults")))}
    command = [sys.executable, "-c", _PROGRAM]
    done = subprocess.run(command, capture_output=True, check=False, env=environment, encoding="utf-8")
    read = done.stdout.splitlines()
    tally.add(INPUTS, "a megabyte of the worst: bounded time and memory", tried=len(GROWING), held=len(read))
    assert read == [*GROWING], done.stderr
    assert done.returncode == 0
