"""Every codec against the program whose format it is, and every parser against bytes that are almost right.

`tests/records` has the examples and the properties of each codec by itself; here Git, DVC and coreutils are asked, each
by one process for many cases, and the parsers get mutated records: a value or a RecordError, nothing else.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gitreg.data.config import Storage, parse_version_config, version_config
from gitreg.data.urls import SAFE_OPTIONS, parse_storage_url, public_url, scheme_of
from gitreg.errors import Error, RecordError, UsageError
from gitreg.records import refs, trailers, yamlio
from gitreg.records.behind import By, How, Merged, Person
from gitreg.records.listing import FileEntry, Listing
from gitreg.records.names import (
    AliasName,
    CollectionName,
    Reference,
    VersionName,
    VersionNumber,
    check_alias,
    check_run_id,
)
from gitreg.records.objects import (
    EMPTY_TREE,
    Commit,
    Identity,
    Oid,
    Tag,
    TreeEntry,
    encode_tree,
    hash_object,
    parse_tree,
)
from gitreg.records.paths import check_path, check_paths
from gitreg.records.pointer import Pointer
from gitreg.records.records import ALIAS, RUN, AliasRecord, Place
from gitreg.records.trailers import Message
from tally import INPUTS, Tally

_FULL = 25
"""How many times more examples `make faults` tries."""


def many(count: int, *, full: bool) -> settings:
    """Settings for an inner test: a repository and its processes are made once for all examples."""
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
    return settings(
        max_examples=count * _FULL if full else count // 2, deadline=None, database=None, suppress_health_check=checks
    )


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
lines = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=60) | st.sampled_from(
    [
        "Gitreg-Run: ---\n  id: x",
        "a\n\nSigned-off-by: A <a@b>",
        "---",
        "-" * 24 + " >8 " + "-" * 24,
        "\r\n\r\n",
        "#",
        "\x1b",
    ]
)
oids = st.binary(min_size=20, max_size=20).filter(any).map(Oid)
hashes = st.binary(min_size=16, max_size=16).map(bytes.hex)
segments = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
documents = st.dictionaries(text, values, max_size=4)


class Git:
    """A bare repository that says what Git makes of objects, by one process a kind."""

    def __init__(self, path: Path) -> None:
        subprocess.run(["git", "init", "--quiet", "--bare", str(path)], check=True)
        self.path = path

    def run(self, *arguments: str, stdin: bytes = b"", ok: tuple[int, ...] = (0,)) -> bytes:
        done = subprocess.run(["git", *arguments], cwd=self.path, input=stdin, capture_output=True, check=False)
        assert done.returncode in ok, (arguments, done.stderr.decode("utf-8", "replace"))
        return done.stdout

    def write(self, kind: str, contents: list[bytes], *options: str) -> list[str]:
        """Write objects; their ids, as Git computes them, which checks their format by the way."""
        files = [self.path / f"content-{number}" for number in range(len(contents))]
        for file, data in zip(files, contents, strict=True):
            file.write_bytes(data)
        names = "".join(f"{file}\n" for file in files).encode()
        return (
            self.run("hash-object", "-w", "-t", kind, "--no-filters", *options, "--stdin-paths", stdin=names)
            .decode()
            .split()
        )

    def read(self, names: list[str]) -> list[bytes]:
        """What `cat-file --batch` says of them."""
        out = self.run("cat-file", "--batch", stdin="".join(f"{name}\n" for name in names).encode())
        found, at = [], 0
        for _ in names:
            end = out.index(b"\n", at)
            size = int(out[at:end].split()[2])
            found.append(out[end + 1 : end + 1 + size])
            at = end + size + 2
        return found


@pytest.fixture
def git(tmp_path: Path) -> Git:
    return Git(tmp_path / "oracle.git")


def collected(strategy: st.SearchStrategy[Any], count: int, *, full: bool) -> list[Any]:
    """Examples of a strategy, to be asked about all at once."""
    found: list[Any] = []

    @many(count, full=full)
    @given(strategy)
    def collect(value: Any) -> None:
        found.append(value)

    collect()
    return found


class Count:
    """Counts the examples of one property."""

    def __init__(self, tally: Tally, case: str) -> None:
        self._tally, self._case = tally, case

    def add(self, tried: int) -> None:
        self._tally.add(INPUTS, self._case, tried=tried, held=tried)


# names


def named(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    def attempt(given_text: str) -> Any:
        try:
            return parse(given_text)
        except Error:
            return None

    return attempt


def test_git_takes_every_ref_that_is_made_of_accepted_names(git: Git, tally: Tally, *, full: bool) -> None:
    """And parsing is the inverse of printing, for all of them."""
    parts = segments | st.text(max_size=8) | st.sampled_from(["a.lock", "@", "a@", "v0", "HEAD", "con", ".", "a..b"])
    words = st.tuples(parts, parts, st.sampled_from(["", "/"]), parts, st.integers(0, 10**9 - 1))
    made: dict[str, None] = {}
    examples = collected(words, 150, full=full)
    for space, name, slash, alias, number in examples:
        collection = named(CollectionName.parse)(f"{space}{slash}{name}" if slash else name)
        if collection:
            assert CollectionName.parse(str(collection)) == collection
            version = VersionName(collection, VersionNumber(number))
            assert refs.parse_version(refs.version_tag(version)) == version == refs.parse_version(refs.draft(version))
            assert Reference.parse(str(version)).selector == number
            made |= dict.fromkeys((refs.version_tag(version), refs.draft(version)))
            if named(check_alias)(alias):
                whole = AliasName(collection, alias)
                for base in (refs.PENDING, refs.tracking("origin"), refs.tracking("aliases")):
                    assert refs.parse_alias(refs.alias(whole, base)) == whole
                    made[refs.alias(whole, base)] = None
        if named(check_run_id)(name):
            run_id = check_run_id(name)
            assert refs.parse_run(refs.run(run_id)) == run_id
            made[refs.run(run_id)] = None
    commands = "".join(f"verify {ref}\0{'0' * 40}\0" for ref in made).encode()
    git.run("update-ref", "--stdin", "-z", stdin=commands)
    Count(tally, "names: Git takes each ref, and it parses back").add(len(examples))


# messages


def test_git_reads_the_records_that_we_write_whatever_else_the_message_says(
    git: Git, tally: Tally, *, full: bool
) -> None:
    import yaml

    examples = collected(st.tuples(lines, documents.filter(bool)), 60, full=full)
    texts, wanted = [], []
    for body, document in examples:
        try:
            texts.append(trailers.compose("subject", {RUN: document}, body))
        except RecordError:
            continue
        wanted.append(document)
    who = Identity("A <a@b> 1 +0000")
    git.write("tree", [b""])
    made = [Commit(EMPTY_TREE, (), who, who, message).encode() for message in texts]
    names = git.write("commit", made)
    assert names == [str(hash_object("commit", data)) for data in made]
    form = f"%x01%(trailers:key={RUN},valueonly)"
    shown = git.run(
        "log", "--no-walk=unsorted", f"--format={form}", "--stdin", stdin="".join(f"{n}\n" for n in names).encode()
    )
    theirs = shown.decode("utf-8", "surrogateescape").split("\x01")[1:]
    if len(set(names)) == len(names):
        for said, document, message in zip(theirs, wanted, texts, strict=True):
            assert yaml.safe_load(said) == document, message
            assert Message.parse(message).record(RUN) == document
    Count(tally, "trailers: git log reads what we write").add(len(wanted))


places = st.builds(lambda n, oid: (n, oid), st.integers(0, 99), oids)
hows: st.SearchStrategy[How] = st.sampled_from(["declared", "verified"])
persons = st.builds(Person, lines.filter(bool), hows, lines)
behind = st.builds(
    By,
    st.none() | persons,
    st.lists(persons, max_size=3).map(tuple),
    st.none() | st.builds(Merged, oids, lines, hows),
)


def test_reasons_and_people_of_a_promotion_come_back(tally: Tally, *, full: bool) -> None:
    count = 0

    @many(80, full=full)
    @given(lines, behind, places)
    def check(reason: str, by: By, place: tuple[int, Oid]) -> None:
        nonlocal count
        collection = CollectionName("model", "M")
        version = VersionName(collection, VersionNumber(place[0]))
        record = AliasRecord(AliasName(collection, "a"), "set", 1, Place(version, place[1]), None, reason, by)
        try:
            message = record.message()
        except RecordError:
            return
        document = Message.parse(message).record(ALIAS)
        assert document is not None
        assert AliasRecord.parse(document) == record
        count += 1

    check()
    Count(tally, "trailers: a promotion's reason and people come back").add(count)


# objects

names_in_trees = st.binary(min_size=1, max_size=12).filter(
    lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b"..") and b"git" not in name.lower()
)


def test_trees_are_those_of_git_mktree(git: Git, tally: Tally, *, full: bool) -> None:
    blob, empty = Oid.parse(git.write("blob", [b"x"])[0]), Oid.parse(git.write("tree", [b""])[0])
    trees = st.dictionaries(names_in_trees, st.booleans(), max_size=8)
    examples = collected(trees, 80, full=full)
    ours, asked = [], []
    for entries in examples:
        made = [TreeEntry(name, empty if is_tree else blob, is_tree) for name, is_tree in entries.items()]
        data = encode_tree(made)
        assert sorted(parse_tree(data), key=lambda entry: entry.name) == sorted(made, key=lambda entry: entry.name)
        ours.append(str(hash_object("tree", data)))
        asked.append(b"".join(
            b"%s %s\t%s\0" % (b"040000 tree" if item.is_tree else b"100644 blob", str(item.oid).encode(), item.name)
            for item in made
        ))  # fmt: skip
    # in one batch, an empty line ends a tree; with -z it is an empty entry
    theirs = git.run("mktree", "--batch", "-z", stdin=b"\0".join(asked) + b"\0").decode().split()
    assert theirs == ours
    git.run("fsck", "--strict", "--no-dangling")
    Count(tally, "trees: git mktree makes the same").add(len(examples))


people = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="<>\n\0"), min_size=1, max_size=12)
messages = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60)


@st.composite
def identities(draw: st.DrawFn) -> Identity:
    name = draw(people).strip() or "A"
    zone = draw(st.sampled_from(["+0000", "-0330", "+1400"]))
    return Identity(f"{name} <{draw(segments)}@x> {draw(st.integers(0, 4_000_000_000))} {zone}")


def test_commits_and_tags_are_those_of_git(git: Git, tally: Tally, *, full: bool) -> None:
    git.write("tree", [b""])
    root = hash_object(
        "commit", Commit(EMPTY_TREE, (), Identity("A <a@b> 1 +0000"), Identity("A <a@b> 1 +0000"), "x").encode()
    )
    git.write(
        "commit", [Commit(EMPTY_TREE, (), Identity("A <a@b> 1 +0000"), Identity("A <a@b> 1 +0000"), "x").encode()]
    )
    examples = collected(st.tuples(identities(), identities(), messages, segments), 80, full=full)
    commits = [Commit(EMPTY_TREE, (root,), author, committer, message) for author, committer, message, _ in examples]
    tags = [Tag(root, f"{name}@v0", tagger, message) for tagger, _, message, name in examples]
    for kind, made in (("commit", commits), ("tag", tags)):
        encoded = [item.encode() for item in made]
        # without --literally Git checks the format of what it is given
        names = git.write(kind, encoded)
        assert names == [str(hash_object(kind, data)) for data in encoded]
        assert git.read(names) == encoded
    assert [Commit.parse(item.encode()) for item in commits] == commits
    assert [Tag.parse(item.encode()).message for item in tags if b"-----BEGIN" not in item.encode()] == [
        item.message for item in tags if "-----BEGIN" not in item.message
    ]
    out = git.run("fsck", "--strict", "--no-dangling", "--no-reflogs", ok=(0,))
    assert b"error" not in out
    Count(tally, "commits and tags: git hash-object and fsck --strict take them").add(2 * len(examples))


# listings

# what a file system takes as a path
parts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=8)
odd = st.text("\\\n\r nr*- ab", min_size=1, max_size=6)
paths = st.lists(parts | odd, min_size=1, max_size=3).map("/".join)


def listed(path: str) -> FileEntry:
    data = path.encode()
    return FileEntry(path, len(data), hashlib.md5(data).hexdigest(), hashlib.sha256(data).hexdigest())


def portable(found: list[str]) -> list[str]:
    """Those of the paths that can stand in one artifact."""
    chosen: list[str] = []
    for path in found:
        try:
            check_paths([*chosen, path])
        except RecordError:
            continue
        chosen.append(path)
    return chosen


def test_sha256sum_checks_every_manifest(
    tmp_path: Path, tally: Tally, *, full: bool, need: Callable[[str], str]
) -> None:
    need("sha256sum")
    chosen = portable([path for path in collected(paths, 80, full=full) if len(path.encode()) < 200])
    for path in chosen:
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(path, encoding="utf-8", newline="")
    listing = Listing.of(map(listed, chosen))
    names = [entry.path for entry in listing]
    written = subprocess.run(["sha256sum", "--", *names], cwd=tmp_path, capture_output=True, check=True)
    assert written.stdout == listing.manifest
    command = ["sha256sum", "--check", "--strict", "--quiet"]
    assert (
        subprocess.run(command, cwd=tmp_path, input=listing.manifest, capture_output=True, check=False).returncode == 0
    )
    assert Listing.parse(listing.manifest, listing.files_text) == listing
    Count(tally, "listings: sha256sum writes and checks the same manifest").add(len(chosen))


def test_dvc_makes_the_same_directory_object_and_reads_ours(tally: Tally, *, full: bool) -> None:
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.meta import Meta
    from dvc_data.hashfile.tree import Tree

    count = 0

    @many(80, full=full)
    @given(st.lists(paths, max_size=6))
    def check(found: list[str]) -> None:
        nonlocal count
        listing = Listing.of(map(listed, portable(found)))
        tree = Tree()  # type: ignore[no-untyped-call]  # DVC's
        for entry in listing:
            tree.add(tuple(entry.path.split("/")), Meta(size=entry.size), HashInfo("md5", entry.md5))
        tree.digest()
        assert tree.as_bytes() == listing.directory_object
        assert tree.hash_info is not None
        assert tree.hash_info.value == listing.pointer_md5
        back = Tree.from_list(json.loads(listing.directory_object), hash_name="md5")
        assert {"/".join(key): info.value for key, (_, info) in back.iteritems()} == {
            entry.path: entry.md5 for entry in listing
        }
        count += 1

    check()
    Count(tally, "directory objects: DVC's own tree has the same bytes").add(count)


def test_dvc_reads_every_pointer_as_we_do(tally: Tally, *, full: bool) -> None:
    from dvc.schema import COMPILED_SINGLE_STAGE_SCHEMA
    from dvc.utils.serialize import dumps_yaml, parse_yaml

    count = 0

    @many(80, full=full)
    @given(
        segments.filter(lambda name: bool(named(check_path)(name))),
        hashes,
        st.integers(0, 2**62),
        st.none() | st.integers(0, 2**40),
    )
    def check(name: str, md5: str, size: int, files: int | None) -> None:
        nonlocal count
        pointer = Pointer(name, md5 if files is None else f"{md5}.dir", size, files)
        document = parse_yaml(pointer.encode().decode(), "x.dvc")
        found = COMPILED_SINGLE_STAGE_SCHEMA(document)["outs"][0]
        assert (found["path"], found["md5"], found["size"], found.get("nfiles")) == (name, pointer.md5, size, files)
        assert Pointer.parse(dumps_yaml(document).encode()) == pointer
        count += 1

    check()
    Count(tally, "pointers: DVC's loader and schema read them").add(count)


# configuration and addresses

hosts = st.from_regex(r"[a-z][a-z0-9.-]{0,10}[a-z0-9]", fullmatch=True)
tails = st.text("abc/.-_ #%@:?&=,;'\"日é\\$[]", max_size=12)


@st.composite
def addresses(draw: st.DrawFn) -> str:
    scheme = draw(st.sampled_from([kind for kind in SAFE_OPTIONS if kind not in ("", "file")] + ["S3", "HTTPS"]))
    user = draw(st.sampled_from(["", "", "me@", "KEY:secret@", "KEY:se/cret@"]))
    return f"{scheme}://{user}{draw(hosts)}{draw(st.sampled_from(['', ':22', ':x']))}/{draw(tails)}"


def test_an_accepted_address_is_public_and_nothing_of_a_secret_is_in_it(tally: Tally, *, full: bool) -> None:
    count = 0
    refusals: list[UsageError] = []

    @many(300, full=full)
    @given(addresses() | st.text(max_size=20))
    def check(address: str) -> None:
        nonlocal count
        count += 1
        try:
            found = parse_storage_url(address)
        except UsageError as error:
            refusals.append(error)
            return
        assert parse_storage_url(found) == found
        assert public_url(found) == found.rstrip("/") or not scheme_of(found)
        assert "cret@" not in found

    check()
    assert all(error.hint and "cret@" not in str(error) for error in refusals)
    Count(tally, "addresses: what is accepted holds no secret").add(count)


def test_dvc_reads_the_configuration_of_a_version_as_we_do(tmp_path: Path, tally: Tally, *, full: bool) -> None:
    from dvc.config import Config

    count = 0
    dvc_dir = tmp_path / ".dvc"
    dvc_dir.mkdir()

    @many(80, full=full)
    @given(addresses(), segments, st.text("abc-./:#'\" ", min_size=1, max_size=8))
    def check(address: str, name: str, value: str) -> None:
        nonlocal count
        try:
            url = parse_storage_url(address)
        except UsageError:
            return
        options = (("endpointurl", value.strip() or "x"),) if scheme_of(url) == "s3" else ()
        storage = Storage(name.lower(), public_url(url), options)
        try:
            data = version_config(storage)
            found = parse_version_config(data)
        except Error:
            # no INI file can hold it, which `gitreg init` says too
            return
        (dvc_dir / "config").write_bytes(data)
        config = Config(str(dvc_dir), local_dvc_dir=str(dvc_dir))
        assert config["core"]["remote"] == name.lower()
        theirs = config["remote"][name.lower()]
        assert found is not None
        assert (found.name, found.url, dict(found.options)) == (
            name.lower(), theirs["url"], {key: theirs[key] for key, _ in options},
        )  # fmt: skip
        assert parse_version_config(version_config(found)) == found
        count += 1

    check()
    assert count
    Count(tally, "configuration: DVC's Config reads what we write").add(count)


# YAML


def test_three_yaml_parsers_read_the_same(tally: Tally, *, full: bool) -> None:
    import yaml
    from ruamel.yaml import YAML

    count = 0

    @many(60, full=full)
    @given(documents)
    def check(document: dict[str, Any]) -> None:
        nonlocal count
        try:
            written = yamlio.dump(document)
        except RecordError:
            return
        assert yamlio.load(written) == yaml.safe_load(written) == YAML(typ="safe", pure=True).load(written) == document
        count += 1

    check()
    Count(tally, "YAML: PyYAML, ruamel and our reader read the same").add(count)
