"""Objects and refs read as a check reads them: nothing is taken on trust, fetched, or left out because it is broken.

What is not here is told apart: cut off by a shallow or partial clone, gone, or damaged.
"""

from __future__ import annotations

import contextlib
import re
import shlex
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gitreg.errors import GitError, RecordError
from gitreg.git.objects import MissingObjectError, Objects
from gitreg.git.runner import Git
from gitreg.records.objects import Commit, Oid, hash_object

_REMEMBERED = 4096
_SMALL = 1 << 16
# git's words in the C locale, which GitPython runs it in
_BROKEN = re.compile(r"warning: ignoring (?:broken ref|ref with broken name) (.+)")

# object by object: `unpack-objects -r` reads nothing behind damage that made it lose its place in the pack
_SALVAGE = (
    "git init -q --bare {aside} && mv {pack}.* {aside}/objects/pack && git --git-dir={aside} cat-file"
    " --batch-all-objects --batch-check='%(objecttype) %(objectname)' | while read -r kind id; do"
    " git --git-dir={aside} cat-file $kind $id >{aside}/object &&"
    " git hash-object -w -t $kind --stdin <{aside}/object >{aside}/written; done || true"
)


class CutError(MissingObjectError):
    """An object that this shallow or partial clone was told to leave out."""


class DamagedObjectError(RecordError):
    """An object is here, and git cannot read it, or its bytes are not those of its name."""


class CheckedObjects(Objects):
    """The object database, mistrusted: contents are hashed, and a partial clone's remote is never asked."""

    def __init__(self, git: Git) -> None:
        super().__init__(git)
        self._last: OrderedDict[Oid, tuple[str, bytes]] = OrderedDict()
        self.cut: set[Oid] = set()
        """What was asked for and is left out of the clone."""

    def read(self, oid: Oid) -> tuple[str, bytes]:
        """An object's kind and content. Raises: CutError, MissingObjectError, DamagedObjectError, RecordError."""
        found = self._last.get(oid)
        if found is not None:
            self._last.move_to_end(oid)
            return found
        if self._all is not None and oid not in self._all:
            raise self._cut(oid)
        try:
            kind, data = super().read(oid)
        except MissingObjectError:
            if oid in self._beyond:
                raise self._cut(oid) from None
            if self._file(oid).exists():
                raise self._damaged(oid) from None
            raise
        except GitError as error:
            raise self._damaged(oid) from error
        if hash_object(kind, data) != oid:
            raise self._damaged(oid)
        if len(data) <= _SMALL:
            self._last[oid] = kind, data
            if len(self._last) > _REMEMBERED:
                self._last.popitem(last=False)
        return kind, data

    def _cut(self, oid: Oid) -> CutError:
        self.cut.add(oid)
        return CutError(str(oid))

    def _damaged(self, oid: Oid) -> DamagedObjectError:
        """The error, whose hint moves the file with the damage out of the way."""
        file = self._file(oid)
        if file.exists():
            return DamagedObjectError(f"object {oid} is damaged", hint=f"rm -f {shlex.quote(str(file))}")
        aside = self._git.common_dir / "damaged"
        for index in sorted((self._git.common_dir / "objects" / "pack").glob("*.idx")):
            if f" {oid} ".encode() in self._git.run("show-index", stdin=index.read_bytes()):
                hint = _SALVAGE.format(pack=shlex.quote(str(index.with_suffix(""))), aside=shlex.quote(str(aside)))
                return DamagedObjectError(f"object {oid} is damaged", hint=hint)
        return DamagedObjectError(f"object {oid} is damaged")

    def _file(self, oid: Oid) -> Path:
        """Where a loose object lies."""
        return self._git.common_dir / "objects" / str(oid)[:2] / str(oid)[2:]

    @cached_property
    def _all(self) -> frozenset[Oid] | None:
        """Every object of a partial clone; asking git for one that is not here would fetch it. None elsewhere."""
        if not self._is_partial():
            return None
        listed = self._git.run(
            "cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objectname)", "--buffer", offline=True
        )
        return frozenset(Oid(bytes.fromhex(line)) for line in listed.decode().split())

    @cached_property
    def _beyond(self) -> frozenset[Oid]:
        """The parents of the commits at which a shallow clone ends."""
        try:
            ends = (self._git.common_dir / "shallow").read_text("ascii").split()
        except FileNotFoundError:
            return frozenset()
        found: set[Oid] = set()
        for end in ends:
            # whoever needs one that cannot be read reports it
            with contextlib.suppress(RecordError, GitError):
                found.update(Commit.parse(super().read(Oid.parse(end))[1]).parents)
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class RawRef:
    """A ref and the object id it holds, whether that object is here or not."""

    name: str
    oid: Oid


def raw_refs(git: Git, *prefixes: str) -> tuple[list[RawRef], list[str], str]:
    """The refs below these prefixes by name, those that hold no object id, and git's words when it gave up, else ''.

    Reads no object, so that one that is missing hides nothing.
    """
    result = git.attempt("for-each-ref", "--format=%(refname)%00%(objectname)", *prefixes, offline=True)
    # not splitlines(): a ref may hold characters that Python takes for line breaks
    lines = result.stdout.decode("utf-8", "surrogateescape").split("\n")[:-1]
    pairs = (line.split("\0") for line in lines)
    broken = [match[1] for match in map(_BROKEN.match, result.stderr.split("\n")) if match]
    failed = GitError(("for-each-ref",), result.status, result.stderr).message if result.status else ""
    return [RawRef(name, Oid.parse(oid)) for name, oid in pairs], broken, failed
