"""Versions, runs and aliases that somebody else has written: whatever Git takes, by Git's own plumbing.

A forgery starts from what gitreg wrote for `good:v0` and differs from it where it is told to. All objects are written
by one process a kind, so that hundreds of forgeries stand in one repository.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gitreg.records.objects import EMPTY_TREE, Commit, Oid, Tag, TreeEntry, encode_tree
from gitreg.records.records import ALIAS, ARTIFACT, RUN, VERSION
from gitreg.records.trailers import Message

WHO = "Somebody Else <else@example.org> 1767322805 +0000"
GONE = object()
"""As a field's value: the field is left out."""

Fields = Mapping[str, object]
Text = Callable[[str], str]

STORY = """
git init --quiet repo && cd repo && gitreg init --storage ../storage 2>/dev/null
echo code >train.py && git add . && git commit --quiet -m 'set up gitreg'
echo data >../data && gitreg put ../data --name data --type dataset 2>/dev/null
mkdir ../model && echo weights >../model/weights && echo words >../model/words
gitreg run --name maker --config lr=0.1 --use data:v0 -- gitreg put ../model --name good --type model \
    --metadata accuracy=0.9 2>/dev/null
gitreg link good:v0 model/Good && gitreg alias set model/Good:production v0 --reason first 2>/dev/null
"""


def block(key: str, record: Fields | str) -> str:
    """A trailer. A record that is a text stands as it is."""
    if isinstance(record, str):
        return f"{key}: ---\n" + "".join(f"  {line}\n" for line in record.split("\n"))
    lines = (f"  {name}: {json.dumps(value)}\n" for name, value in record.items() if value is not GONE)
    return f"{key}: ---\n{''.join(lines)}"


def message(subject: str, *blocks: str) -> str:
    return f"{subject}\n\n{''.join(blocks)}"


def same(text: str) -> str:
    return text


@dataclass
class Forge:
    """The workshop of one repository."""

    repo: Path
    objects: dict[str, list[bytes]] = field(default_factory=dict)
    refs: dict[str, Oid] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tag = Tag.parse(self.read("tag", "good@v0"))
        self.commit = Commit.parse(self.read("commit", "good@v0^{commit}"))
        self.record = Message.parse(self.tag.message).record(VERSION) or {}
        trailers = Message.parse(self.commit.message)
        self.run, self.artifact = trailers.record(RUN) or {}, trailers.record(ARTIFACT) or {}
        self.files = {
            path: self.read("blob", f"good@v0:{path}")
            for path in self._git("ls-tree", "-r", "--name-only", "good@v0").decode().split()
        }

    def _git(self, *arguments: str, stdin: bytes = b"") -> bytes:
        done = subprocess.run(["git", *arguments], cwd=self.repo, input=stdin, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def read(self, kind: str, name: str) -> bytes:
        return self._git("cat-file", kind, name)

    def oid(self, revision: str) -> Oid:
        return Oid.parse(self._git("rev-parse", "--verify", revision).decode().strip())

    def add(self, kind: str, data: bytes) -> Oid:
        """Remember an object; its id."""
        self.objects.setdefault(kind, []).append(data)
        return Oid(hashlib.sha1(f"{kind} {len(data)}\0".encode() + data).digest())

    def tree(self, files: Mapping[str, bytes | None]) -> Oid:
        """A tree of files, by path; None leaves one out."""
        below: dict[str, dict[str, bytes | None]] = {}
        entries = []
        for path, data in files.items():
            head, slash, rest = path.partition("/")
            if slash:
                below.setdefault(head, {})[rest] = data
            elif data is not None:
                entries.append(TreeEntry(head.encode(), self.add("blob", data)))
        entries += [TreeEntry(name.encode(), self.tree(inner), is_tree=True) for name, inner in below.items()]
        return self.add("tree", encode_tree(entries))

    def version(
        self,
        name: str,
        *,
        record: Fields | str | None = None,
        artifact: Fields | str | None = None,
        run: Fields | str | None = None,
        tree: Mapping[str, bytes | None] | None = None,
        parents: tuple[Oid, ...] | None = None,
        commit_message: Text = same,
        tag_message: Text = same,
        header: str = "",
        data: Callable[[bytes], bytes] = bytes,
        tag_data: Callable[[bytes], bytes] = bytes,
        tip: bool = True,
    ) -> Oid:
        """A version `name:v0` of a run of its own, `run-<name>`, and the run's ref; the id of its commit.

        `record`, `artifact`, `run` replace fields (a text the whole record), `tree` files (`NAME` stands for the name),
        the callables what the message or object holds.
        """
        files: dict[str, bytes | None] = {
            path.replace("good", name): self._renamed(text, name) for path, text in self.files.items()
        }
        files |= {path.replace("NAME", name): text for path, text in (tree or {}).items()}
        of_run = run if isinstance(run, str) else {**self.run, "id": f"run-{name}", **(run or {})}
        of_artifact = artifact if isinstance(artifact, str) else {
            **self.artifact, "collection": name, **self._sums(files, name), **(artifact or {})
        }  # fmt: skip
        text = commit_message(message(f"log {name}", block(RUN, of_run), block(ARTIFACT, of_artifact)))
        commit = Commit(
            self.tree(files), self.commit.parents if parents is None else parents, self.commit.author,
            self.commit.committer, "",
        )  # fmt: skip
        made = self.add("commit", data(commit.encode() + text.encode("utf-8", "surrogateescape")))
        if tip:
            run_id = f"run-{name}"
            self.refs[f"refs/gitreg/runs/ru/{run_id}"] = made
        told = of_artifact if isinstance(of_artifact, dict) else {**self.artifact, **self._sums(files, name)}
        of_tag = record if isinstance(record, str) else {
            **self.record, "collection": name, "run": f"run-{name}", "manifest": told.get("manifest"), **(record or {})
        }  # fmt: skip
        self.tagged(name, made, tag_message(message(f"{name}:v0", block(VERSION, of_tag))), header, tag_data)
        return made

    def tagged(
        self, name: str, commit: Oid, text: str, header: str = "", tag_data: Callable[[bytes], bytes] = bytes
    ) -> Oid:
        """The tag `name@v0` of a commit, with this message."""
        head = f"object {commit}\ntype commit\ntag {header or f'{name}@v0'}\ntagger {WHO}\n\n"
        made = self.add("tag", tag_data((head + text).encode("utf-8", "surrogateescape")))
        self.refs[f"refs/tags/{name}@v0"] = made
        return made

    def move(
        self,
        alias: str,
        record: Fields | str,
        parents: tuple[Oid, ...],
        tree: Oid = EMPTY_TREE,
        change: Text = same,
    ) -> Oid:
        """A promotion commit, which becomes the alias's tip."""
        head = "".join(f"parent {parent}\n" for parent in parents)
        text = change(message(f"{alias} moved", block(ALIAS, record)))
        data = f"tree {tree}\n{head}author {WHO}\ncommitter {WHO}\n\n{text}"
        made = self.add("commit", data.encode("utf-8", "surrogateescape"))
        self.refs[f"refs/gitreg/aliases/{alias}"] = made
        return made

    def write(self) -> None:
        """Write all objects, then all refs."""
        folder = self.repo / ".git" / "forged"
        folder.mkdir(exist_ok=True)
        self.add("tree", b"")
        for kind, contents in self.objects.items():
            paths = []
            for number, data in enumerate(contents):
                paths.append(folder / f"{kind}-{number}")
                paths[-1].write_bytes(data)
            lines = "".join(f"{path}\n" for path in paths).encode()
            options = ("-w", "--literally", "--no-filters", "--stdin-paths")
            self._git("hash-object", "-t", kind, *options, stdin=lines)
            for path in paths:
                path.unlink()
        folder.rmdir()
        asked = "".join(f"{oid}^{{}}\n" for oid in self.refs.values()).encode()
        answers = self._git("cat-file", "--batch-check", stdin=asked).splitlines()
        commands = (
            f"create {ref}\0{oid}\0"
            for (ref, oid), answer in zip(self.refs.items(), answers, strict=True)
            # git makes no ref to what it cannot parse, nor fetches it
            if not answer.endswith(b" missing")
        )
        self._git("update-ref", "--stdin", "-z", stdin="".join(commands).encode())
        self.objects, self.refs = {}, {}

    @staticmethod
    def _renamed(text: bytes, name: str) -> bytes:
        return text.replace(b"path: good", f"path: {name}".encode()).replace(b"/good\n", f"/{name}\n".encode())

    @staticmethod
    def _sums(files: Mapping[str, bytes | None], name: str) -> dict[str, object]:
        """What the record says of the manifest, so that a forged one is believed."""
        return {"manifest": hashlib.sha256(files[f"artifacts/{name}.sha256"] or b"").hexdigest()}
