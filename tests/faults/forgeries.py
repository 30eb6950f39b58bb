"""What strangers write: every way to break a record, a tree or a chain, each as a function that forges it.

A forgery's name says what was done. `refused` says that `show` must not believe it; otherwise it is odd, and harmless.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from forge import GONE, WHO, Forge, Text, block

from gitreg.records.listing import FileEntry, Listing
from gitreg.records.objects import EMPTY_TREE, Oid
from gitreg.records.records import ARTIFACT, RUN, VERSION

Make = Callable[[Forge, str], object]


@dataclass(frozen=True)
class Forgery:
    """One way to break something.

    Attributes:
        family: what it belongs to, a row of the table.
        case: what was done.
        make: forges it under a name.
        refused: whether `show NAME` must fail.
    """

    family: str
    case: str
    make: Make
    refused: bool = True


EVIL = "\x1b]0;owned\x07\x1b[31m\u202e"
WRONG: list[Any] = [
    None, True, 1.5, -1, 0, "", "x y", EVIL, [], {}, [1], {"a": 1}, [{}], [{"artifact": "m"}], 10**40, "a" * 5_000,
    "../../x", "--output=x", "v1", "0" * 40, [[["x"]]], {"commit": "0" * 40},
]  # fmt: skip


def wrong_fields() -> Iterator[Forgery]:
    """Each field of each record of a version: left out, and of each wrong type and value."""
    fields = {
        RUN: "schema id name job_type group project entity notes tags state started ended code config summary inputs"
        " reused",
        ARTIFACT: "schema collection type description metadata digest size files pointer manifest",
        VERSION: "schema collection number type digest size files manifest run link",
    }
    words = {RUN: "run", ARTIFACT: "artifact", VERSION: "record"}
    for key, names in fields.items():
        for name in names.split():
            for value in (GONE, *WRONG):
                shown = "left out" if value is GONE else json.dumps(value)[:30]

                make = _changed(**{words[key]: {name: value}})
                yield Forgery(f"fields of {key} of a wrong type", f"{name}: {shown}", make, refused=False)


def _tag(family: str, case: str, change: Text, *, refused: bool = True) -> Forgery:
    return Forgery(family, case, lambda forge, name: forge.version(name, tag_message=change), refused)


def _commit(family: str, case: str, change: Text, *, refused: bool = True) -> Forgery:
    return Forgery(family, case, lambda forge, name: forge.version(name, commit_message=change), refused)


def _trailer_cases(key: str) -> list[tuple[str, Text, bool]]:
    forged = block(key, {"schema": 1})
    return [
        ("a second one behind it", lambda text: text + forged, True),
        ("a second one before it", lambda text: text.replace("\n\n", f"\n\n{forged}", 1), True),
        ("a second one in lower case", lambda text: text + forged.lower(), True),
        ("a second one with a space before its colon", lambda text: text + forged.replace(":", " :", 1), True),
        ("in the middle of the message", lambda text: text + "\nmore words\n", True),
        ("in the first paragraph", lambda text: text.partition("\n\n")[2], True),
        ("in lower case", lambda text: text.replace(key, key.lower()), True),
        ("without ---", lambda text: text.replace(f"{key}: ---", f"{key}:"), True),
        ("on one line", lambda _: f"x\n\n{key}: {{schema: 1}}\n", True),
        ("folded into one line by git", lambda text: text.replace("\n  ", " "), True),
        ("a blank line inside", lambda text: text.replace("\n  ", "\n\n  ", 3), True),
        ("a line of white space inside", lambda text: text.replace("\n  ", "\n \n  ", 3), True),
        ("not indented", lambda text: text.replace("\n  ", "\n"), True),
        ("CRLF", lambda text: text.replace("\n", "\r\n"), False),
        ("CR", lambda text: text.replace("\n", "\r"), True),
        ("NUL at the end", lambda text: text + "\0", True),
        ("NUL inside", lambda text: text.replace("schema", "sch\0ema", 1), True),
        ("NUL before it", lambda text: text.replace("\n\n", "\0\n\n", 1), True),
        ("a byte order mark", lambda text: text.replace(key, f"\ufeff{key}"), True),
        ("a byte order mark in the document", lambda text: text.replace("---\n  ", "---\n  \ufeff", 1), False),
        ("bytes that are no UTF-8", lambda text: text.replace("model", "m\udcff\udcfe", 1), False),
        ("no message at all", lambda _: "", True),
        ("only line breaks", lambda _: "\n\n\n\n", True),
        ("no subject", lambda text: f"\n\n{text.partition(chr(10) * 2)[2]}", True),
        ("a scissors line before it", lambda text: text.replace("\n\n", "\n\n" + "-" * 24 + " >8 " + "-" * 24, 1),
         False),
        ("other trailers around it", lambda text: f"{text}Signed-off-by: A <a@b>\n".replace("\n\n", "\n\nX: y\n"),
         False),
    ]  # fmt: skip


def _trailers() -> Iterator[Forgery]:
    family = "trailers that are forged, folded or misplaced"
    for where, key, on in ((_tag, VERSION, "tag: "), (_commit, RUN, "commit: ")):
        yield from (where(family, on + case, change, refused=refused) for case, change, refused in _trailer_cases(key))


def _yaml() -> Iterator[Forgery]:
    family = "YAML that does more than hold values"
    bomb = "\n".join(
        ["a: &a [x, x]", *(f"{b}: &{b} [*{a}, *{a}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True))]
    )
    texts = {
        "a bomb of aliases": bomb,
        "a merge": "<<: {schema: 1}",
        "an anchor": "a: &x 1",
        "an alias": "a: *x",
        "a tag that makes an object": f"a: !!python/object/apply:os.system ['touch {EVIL[:0]}pwned']",
        "a tag of its own": "a: !evil 1",
        "a binary tag": "a: !!binary aGk=",
        "a tag on a mapping": "a: !!map {}",
        "a directive": "%YAML 1.1\n---\na: 1",
        "a second document": "a: 1\n---\nschema: 1",
        "the end of a document": "a: 1\n...\nschema: 1",
        "a key twice": "schema: 1\nschema: 1",
        "a key that is no string": "1: 2",
        "a key that is a list": "? [a]\n: b",
        "a list": "- a",
        "a word": "a",
        "nothing": "",
        "a comment": "# schema: 1",
        "too deep": "a: " + "[" * 40 + "]" * 40,
        "far too deep": "a: " + "[" * 100_000,
        "deep mappings": "a: " + "{a: " * 100_000,
        "a scalar of a megabyte": "a: " + "x" * (1 << 20),
        "a number of a thousand million digits' beginning": "a: " + "9" * 100_000,
        "a float beyond all": "a: 1e999999999",
        "bad syntax": "a: [b",
        "a tab": "\ta: 1",
        "a control character": "a: \x07",
        "an escape that is no character": 'a: "\\ud800"',
        "a newer schema": "schema: 2",
        "a much newer schema": f"schema: {10**30}",
        "a schema that is a word": "schema: one",
        "an older schema": "schema: 0",
        "a negative schema": "schema: -1",
    }
    for case, text in texts.items():
        for key, word in ((RUN, "run"), (ARTIFACT, "artifact"), (VERSION, "record")):
            yield Forgery(family, f"{key}: {case}", _changed(**{word: text}))


def _changed(**change: Any) -> Make:
    return lambda forge, name: forge.version(name, **change)


def _entry(path: str) -> str:
    return path.replace("\\", "\\\\").replace("\n", "\\n") if "\n" in path or "\\" in path else path


def _listed(*paths: str) -> dict[str, bytes | None]:
    """Manifest and listing with these paths, whatever they are."""
    heads = [("\\" if "\n" in path or "\\" in path else "", _entry(path)) for path in paths]
    return {
        "artifacts/NAME.sha256": "".join(f"{mark}{'0' * 64}  {path}\n" for mark, path in heads).encode(
            "utf-8", "surrogateescape"
        ),
        "artifacts/NAME.files": "".join(f"{mark}{'f' * 32}  1  {path}\n" for mark, path in heads).encode(
            "utf-8", "surrogateescape"
        ),
    }


def _tree(family: str, case: str, files: dict[str, bytes | None], *, refused: bool = True) -> Forgery:
    return Forgery(family, case, lambda forge, name: forge.version(name, tree=files), refused)


def _trees() -> Iterator[Forgery]:
    family = "manifests and listings"
    for path in (
        "../evil", "/tmp/evil", "a/../../evil", ".git/config", ".GIT/hooks/pre-push", "git~1/config", "C:/evil",
        "-", "a//b", "./a", "a\0b", "", ".", "a/", "\udcff", ".g\u200cit/config",
    ):  # fmt: skip
        yield _tree(family, f"the path {path!r}", _listed(path))
    yield _tree(family, "a path twice", _listed("a", "a"))
    yield _tree(family, "paths that differ by case", _listed("A", "a"))
    yield _tree(family, "a file that is a folder too", _listed("a", "a/b"))
    yield _tree(family, "out of order", _listed("b", "a"))
    yield _tree(family, "other files than the listing", {"artifacts/NAME.files": b""})
    yield _tree(family, "no manifest", {"artifacts/NAME.sha256": None})
    yield _tree(family, "no listing", {"artifacts/NAME.files": None})
    yield _tree(family, "cut off", {"artifacts/NAME.sha256": b"0" * 64 + b"  a"})
    yield _tree(family, "CRLF", {"artifacts/NAME.sha256": b"0" * 64 + b"  a\r\n"})
    yield _tree(family, "no UTF-8", {"artifacts/NAME.sha256": b"\xff\xfe\n"})
    yield _tree(family, "words", {"artifacts/NAME.sha256": b"hello\n", "artifacts/NAME.files": b"hello\n"})
    yield _tree(family, "a size beyond all", {"artifacts/NAME.files": b"f" * 32 + b"  99999999999999999999  a\n"})
    yield _tree(family, "a million lines of rubbish", {"artifacts/NAME.sha256": b"x\n" * 1_000_000})
    yield _tree(family, "one line of a million characters", _listed("a" * 1_000_000))
    yield _tree(family, "a path of a thousand folders", _listed("a/" * 1_000 + "a"))
    family = "pointers"
    for case, text in {
        "no UTF-8": b"\xff\xfe",
        "empty": b"",
        "a tag that makes an object": b"outs: !!python/object/apply:os.system [touch pwned]",
        "an anchor": b"outs: &a []",
        "two outputs": b"outs: [{md5: a, path: b}, {md5: c, path: d}]",
        "another folder": b"wdir: ../..\nouts:\n- {md5: %s.dir, size: 1, nfiles: 1, path: x}" % (b"0" * 32),
        "a path outside": b"outs:\n- {md5: 00000000000000000000000000000000.dir, size: 1, nfiles: 1, path: ../../x}",
        "a hash that is a path": b"outs:\n- {md5: ../../../etc/passwd, size: 1, path: x}",
        "another version's bytes": b"outs:\n- {md5: 00000000000000000000000000000000.dir, size: 1, nfiles: 1, path: x}",
        "a megabyte": b"outs: " + b"x" * (1 << 20),
    }.items():
        yield _tree(family, case, {"artifacts/NAME.dvc": text})
    yield _tree(family, "no pointer", {"artifacts/NAME.dvc": None})
    for end in ("sha256", "files"):
        for case, text in {
            "a hash that is a path": b"outs:\n- {md5: ../../../../../../etc/passwd, size: 1, path: x}",
            "a size beyond all": b"outs:\n- {md5: %s, size: 1%s, path: x}" % (b"0" * 32, b"0" * 40),
            "bytes that are not here": b"outs:\n- {md5: %s, size: 4, hash: md5, path: x}" % (b"0" * 32),
        }.items():
            files = {f"artifacts/NAME.{end}": None, f"artifacts/NAME.{end}.dvc": text}
            # the list of files is not here, which show says, and shows the rest
            yield _tree(family, f"of a large .{end}: {case}", files, refused=case != "bytes that are not here")


def _objects() -> Iterator[Forgery]:
    family = "headers, tags and commits that disagree"
    yield Forgery(family, "the tag's header names another version", lambda f, n: f.version(n, header="good@v0"))
    yield Forgery(family, "the tag's header is no name", lambda f, n: f.version(n, header=EVIL))
    yield Forgery(
        family, "the record names another collection", lambda f, n: f.version(n, record={"collection": "good"})
    )
    yield Forgery(family, "the record names another number", lambda f, n: f.version(n, record={"number": 7}))
    yield Forgery(family, "the record names another run", lambda f, n: f.version(n, record={"run": "other"}))
    yield Forgery(family, "another digest", lambda f, n: f.version(n, record={"digest": "0" * 32}))
    yield Forgery(family, "another size", lambda f, n: f.version(n, record={"size": 1}))
    yield Forgery(family, "another type", lambda f, n: f.version(n, record={"type": "dataset"}))
    yield Forgery(family, "a good version's tag under another name", _stolen)
    yield Forgery(family, "a tag on a commit that logs nothing", _on_code)
    yield Forgery(family, "a tag on another collection's version", _on_other)
    link = {"artifact": "data", "version": "v0", "commit": "0" * 40}
    yield Forgery(family, "a link to another commit", lambda f, n: f.version(n, record={"link": link}))
    yield Forgery(family, "a commit of another run", lambda f, n: f.version(n, run={"id": f.run["id"]}))
    yield Forgery(family, "inputs that are no parents", lambda f, n: f.version(n, parents=f.commit.parents[:1]))
    yield Forgery(family, "parents that are no inputs", lambda f, n: f.version(n, run={"inputs": GONE}))
    yield Forgery(family, "no parents", lambda f, n: f.version(n, parents=()))
    yield Forgery(family, "ten thousand parents", _many_parents)
    family = "objects that Git itself calls broken"
    for case, change in {
        "no tree": lambda data: data.partition(b"\n")[2],
        "two trees": lambda data: data.partition(b"\n")[0] + b"\n" + data,
        "a tree that is not here": lambda data: b"tree " + b"1" * 40 + data[45:],
        "no author": lambda data: data.replace(b"author ", b"nobody "),
        "no committer": lambda data: data.replace(b"committer ", b"nobody "),
        "a parent that is no id": lambda data: data.replace(b"parent ", b"parent x", 1),
        "an author without end": lambda data: data.replace(b"author ", b"author " + b"A" * 100_000),
        "no blank line": lambda data: data.replace(b"\n\n", b"\n"),
        "headers nobody knows": lambda data: data.replace(b"\n\n", b"\nevil " + EVIL.encode() + b"\n\n", 1),
        "an encoding": lambda data: data.replace(b"\n\n", b"\nencoding utf-7\n\n", 1),
        "a date that no calendar has": lambda data: data.replace(b"> 17", b"> 99999999999999917"),
    }.items():
        harmless = (
            "a tree that is not here",
            "an author without end",
            "headers nobody knows",
            "an encoding",
            "a date that no calendar has",
        )
        yield Forgery(
            family,
            f"commit: {case}",
            _changed(data=change, tip=False),
            case not in harmless,
        )
    for case, change in {
        "no object": lambda data: data.partition(b"\n")[2],
        "of a tree": lambda data: data.replace(b"type commit", b"type tree"),
        "no type": lambda data: data.replace(b"type commit\n", b""),
        "no tagger": lambda data: data.replace(b"tagger", b"nobody"),
        "two names": lambda data: data.replace(b"tag ", b"tag x\ntag ", 1),
        "no blank line": lambda data: data.replace(b"\n\n", b"\n"),
        "a tagger of escapes": lambda data: data.replace(b"Somebody", EVIL.encode()),
        "a signature that is none": lambda data: data + b"-----BEGIN PGP SIGNATURE-----\nx\n",
    }.items():
        yield Forgery(
            family,
            f"tag: {case}",
            _changed(tag_data=change),
            case not in ("a tagger of escapes", "a signature that is none"),
        )


def _stolen(forge: Forge, name: str) -> None:
    forge.refs[f"refs/tags/{name}@v0"] = forge.oid("good@v0")


def _on_code(forge: Forge, name: str) -> None:
    forge.tagged(name, forge.oid("HEAD"), f"{name}:v0\n\n" + block(VERSION, {**forge.record, "collection": name}))


def _on_other(forge: Forge, name: str) -> None:
    forge.tagged(name, forge.oid("data@v0^{}"), f"{name}:v0\n\n" + block(VERSION, {**forge.record, "collection": name}))


def _many_parents(forge: Forge, name: str) -> None:
    parents = [Oid(number.to_bytes(20, "big")) for number in range(1, 10_001)]
    uses = [{"artifact": "data", "version": "v0", "commit": str(oid), "digest": "0" * 32} for oid in parents[1:]]
    forge.version(name, parents=tuple(parents), run={"inputs": uses}, tip=False)


def _configs() -> Iterator[Forgery]:
    """Where a version says its bytes are. They are nowhere, so `get` looks there."""
    lost = FileEntry("file", 5, "e" * 32, "e" * 64)
    listing = Listing.of([lost])
    for case, text in {
        "a remote helper": "url = ext::sh -c touch% pwned",
        "an option as a host": 'url = "ssh://-oProxyCommand=touch pwned/x"',
        "an option of ssh": "url = ssh://127.0.0.1:1/x\nproxycommand = touch pwned\nask_password = true",
        "a relative folder": "url = ../../secrets",
        "a command": "url = /nowhere\ncmd = touch pwned",
        "the user's own files": "url = file:///etc",
        "another remote": "url = remote://other/x",
        "interpolation": "url = /%(HOME)s/${HOME}",
        "escapes": f"url = /{EVIL}",
        "a control character": "url = /a\x07b",
        "an unknown kind": "url = gdrive://x/y",
        "no address": "x = y",
        "an address of a hundred kilobytes": "url = /" + "a" * 100_000,
        "an address longer than a path": "url = /" + "a" * 5_000,
        "a list": "url = /a, /b",
        "a port that is none": "url = http://127.0.0.1:99999/x",
        "a host that is none": "url = http://[::x/x",
        "NUL": "url = /a\0b",
    }.items():
        config = f"[core]\nremote = s\n['remote \"s\"']\n{text}\n".encode()

        def make(forge: Forge, name: str, config: bytes = config) -> None:
            about = {
                "digest": listing.digest, "size": 5, "files": 1, "pointer": listing.pointer_md5,
                "manifest": listing.manifest_sha256,
            }  # fmt: skip
            pointer = f"outs:\n- {{md5: {listing.pointer_md5}, size: 5, nfiles: 1, hash: md5, path: {name}}}\n".encode()
            tree = {
                "artifacts/NAME.sha256": listing.manifest, "artifacts/NAME.files": listing.files_text,
                "artifacts/NAME.dvc": pointer, ".dvc/config": config,
            }  # fmt: skip
            told = {key: value for key, value in about.items() if key != "pointer"}
            forge.version(name, tree=tree, artifact=about, record=told)

        yield Forgery("a version's own .dvc/config", case, make, refused=False)
    for case, data in {
        "no INI file": b"[core\nremote",
        "no UTF-8": b"\xff\xfe",
        "a section twice": b"[core]\n[core]\n",
        "nested sections": b"[" * 500 + b"a" + b"]" * 500,
        "sections instead of values": b"[core]\n[[remote]]\nx = 1\n",
    }.items():
        yield _tree("a version's own .dvc/config", case, {".dvc/config": data}, refused=False)


FORGERIES: tuple[Forgery, ...] = (
    *_trailers(), *_yaml(), *_trees(), *_objects(), *_configs(), *wrong_fields(),
)  # fmt: skip


@dataclass(frozen=True)
class Chain:
    """One way to break an alias's history; `make` forges the ref of `model/Good@<name>`."""

    case: str
    make: Make


def chains() -> Iterator[Chain]:
    """Aliases that name nothing, other things, themselves, or run in circles."""

    def forged(case: str, change: dict[str, object] | str = "", **options: Any) -> Chain:
        def make(forge: Forge, name: str) -> None:
            version = forge.oid("model/Good@v0^{}")
            record: Any = (
                change if change and isinstance(change, str) else {**first(name, version), **dict(change or {})}
            )
            parents = options.get("parents", (root(forge, name), version))
            forge.move(f"model/Good@{name}", record, parents, change=options.get("text", str))

        return Chain(case, make)

    def first(name: str, version: Oid) -> dict[str, object]:
        return {
            "schema": 1, "collection": "model/Good", "alias": name, "action": "set", "seq": 1, "version": "v0",
            "commit": str(version),
        }  # fmt: skip

    def root(forge: Forge, name: str) -> Oid:
        who = "gitreg <gitreg@localhost> 0 +0000"
        text = f"tree {EMPTY_TREE}\nauthor {who}\ncommitter {who}\n\nalias model/Good@{name}\n"
        return forge.add("commit", text.encode())

    yield forged("another collection's record", {"collection": "data"})
    yield forged("another alias's record", {"alias": "other"})
    yield forged("another collection's version", parents=(Oid(b"\1" * 20), Oid(b"\2" * 20)))
    yield forged("a commit that is no parent", {"commit": "1" * 40})
    yield forged("no parents", parents=())
    yield forged("a removal that names a version", {"action": "delete"})
    yield forged("an action nobody knows", {"action": "steal"})
    yield forged("the second record without a first", {"seq": 2})
    yield forged("a sequence number of forty digits", {"seq": 10**40})
    yield forged("a negative sequence number", {"seq": -1})
    yield forged("a version of escapes", {"version": EVIL})
    yield forged("a reason that is a mapping", {"reason": {"a": EVIL}})
    yield forged("people of all types", {"by": {"asked": [1, {EVIL: None}], EVIL: EVIL}})
    yield forged("a previous version of nothing", {"previous": {"version": "v9", "commit": "0" * 40}})
    yield forged("a newer schema", {"schema": 2})
    yield forged("a bomb", "a: &a [x]\nb: [*a, *a]")
    yield forged("a tag that makes an object", "a: !!python/object/apply:os.system ['touch pwned']")
    yield forged("two records", text=lambda text: text + text.partition("\n\n")[2])
    yield forged("NUL", text=lambda text: text.replace("schema", "sch\0ema"))
    yield forged("a record in the middle", text=lambda text: text + "\nmore\n")

    def on_other(forge: Forge, name: str) -> None:
        version = forge.oid("data@v0^{}")
        forge.move(f"model/Good@{name}", first(name, version), (root(forge, name), version))

    def on_code(forge: Forge, name: str) -> None:
        forge.refs[f"refs/gitreg/aliases/model/Good@{name}"] = forge.oid("HEAD")

    def on_blob(forge: Forge, name: str) -> None:
        forge.refs[f"refs/gitreg/aliases/model/Good@{name}"] = forge.add("blob", EVIL.encode())

    def on_tag(forge: Forge, name: str) -> None:
        forge.refs[f"refs/gitreg/aliases/model/Good@{name}"] = forge.oid("model/Good@v0")

    def of_another_alias(forge: Forge, name: str) -> None:
        forge.refs[f"refs/gitreg/aliases/model/Good@{name}"] = forge.oid("refs/gitreg/aliases/model/Good@production")

    def broken(forge: Forge, name: str) -> None:
        version = forge.oid("model/Good@v0^{}")
        before = forge.add("commit", f"tree {EMPTY_TREE}\nauthor {WHO}\ncommitter {WHO}\n\nwords\n".encode())
        forge.move(f"model/Good@{name}", {**first(name, version), "seq": 2}, (before, version))

    def a_thousand(forge: Forge, name: str) -> None:
        version, tip = forge.oid("model/Good@v0^{}"), root(forge, name)
        place = {"version": "v0", "commit": str(version)}
        for number in range(1, 1_001):
            record = {**first(name, version), "seq": number, **({"previous": place} if number > 1 else {})}
            tip = forge.move(f"model/Good@{name}", record, (tip, version))

    yield Chain("a version of another collection", on_other)
    yield Chain("the code", on_code)
    yield Chain("a file", on_blob)
    yield Chain("a tag", on_tag)
    yield Chain("another alias's chain", of_another_alias)
    yield Chain("a chain with somebody's own commit in it", broken)
    yield Chain("a chain of a thousand moves", a_thousand)


CHAINS = tuple(chains())
