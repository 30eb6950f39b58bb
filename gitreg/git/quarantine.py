"""New objects that no `git gc --prune=now` takes while no ref leads to them.

Git looks for what it can take in its own folder of objects. They are made in a folder beside that, the quarantine
(gitformat-repository-layout(5) and `tmp-objdir.c` have the same), packed there with everything that they need and
HEAD does not hold, and brought in when they are whole.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from gitreg.errors import GitError
from gitreg.git.objects import Objects, pack_of
from gitreg.git.runner import Git
from gitreg.records.objects import Commit, Oid, hash_object

KEEP = b"gitreg\n"
"""The content of the `.keep` file beside a pack that no ref leads to yet."""

# As many objects as git unpacks after a fetch, and not large ones: each command that makes a pack adds one to search.
_FEW = 100
_SMALL = 1 << 20
_PINS = (
    # what lies in the quarantine is read once, from the same system's memory
    "-c",
    "core.fsync=none",
    "-c",
    "core.looseCompression=0",
)
_PACK_PINS = ("-c", "pack.packSizeLimit=0", "-c", "pack.window=0")


class Quarantine:
    """A folder for new objects of one commit.

    Attributes:
        folder: where to put other files of the same purpose.
        env: the environment in which git writes objects there, and finds all others.
        pin: `-c` options that go with it.
    """

    pin = _PINS

    def __init__(self, git: Git, objects: Objects, store: Path, folder: Path) -> None:
        self._git = git
        self._objects = objects
        self._store = store
        self._pack: Path | None = None
        self._wanted = ""
        self._held: Path | None = None
        self.folder = folder
        self.env: Mapping[str, str] = {"GIT_OBJECT_DIRECTORY": str(folder)}

    @classmethod
    @contextlib.contextmanager
    def opened(cls, git: Git, objects: Objects, *, also: Path | None = None) -> Iterator[Quarantine]:
        """A new one. At the end a ref leads to what was brought in, or, after an exception, git may take it.

        `also` is another store whose objects are there too. Raises: GitError.
        """
        store = Path(git.text("rev-parse", "--path-format=absolute", "--git-path", "objects"))
        try:
            folder = Path(tempfile.mkdtemp(prefix=".gitreg-", suffix=".tmp", dir=store))
        except OSError as error:
            words = f"unable to create a folder in '{store}': {error.strerror}"
            raise GitError(("write-tree",), 1, words, hint="is there room, and may this user write there?") from error
        found = cls(git, objects, store, folder)
        try:
            (folder / "info").mkdir()
            write_alternates(folder, store, *([also] if also else ()))
            yield found
            found._settle()
        finally:
            if found._held:
                found._held.unlink(missing_ok=True)
            # what cannot be removed is no reason to fail, and `gitreg doctor` finds it
            shutil.rmtree(folder, ignore_errors=True)

    def write(self, *objects: tuple[str, bytes]) -> None:
        """Write objects into it, as (kind, content). Raises: GitError."""
        self._git.run("unpack-objects", "-q", stdin=pack_of(objects), env=self.env, pin=self.pin)

    def bring_in(self, commit: Commit) -> Oid:
        """Write the commit, and bring it into the repository with all that its parents do not hold. Raises: GitError.

        What was there already without a ref, and so was not written again, comes along.
        """
        data = commit.encode()
        self.write(("commit", data))
        oid = hash_object("commit", data)
        self.bring([oid], commit.parents)
        return oid

    def bring(self, wanted: Iterable[Oid], without: Iterable[Oid]) -> None:
        """Bring in what `wanted` needs and `without`, which the repository has, does not hold. Raises: GitError."""
        self._wanted = "".join([*(f"{oid}\n" for oid in wanted), *(f"^{oid}\n" for oid in without)])
        command = ("pack-objects", "-q", "--revs", "--missing=allow-promisor", str(self.folder / "pack"))
        answer = self._git.run(*command, stdin=self._wanted.encode(), env=self.env, pin=_PACK_PINS)
        self._pack = self.folder / f"pack-{answer.decode().strip()}.pack"
        if self._is_small(self._pack) and not self._objects.gc_is_running:
            self._git.run("unpack-objects", "-q", stdin=self._pack.read_bytes())
        else:
            self.hold()

    @staticmethod
    def _is_small(pack: Path) -> bool:
        with pack.open("rb") as file:
            count = int.from_bytes(file.read(12)[8:], "big")
        return count <= _FEW and pack.stat().st_size <= _SMALL

    def hold(self) -> None:
        """Bring the objects in as a pack that git keeps, whatever leads to it, until the end. Raises: OSError."""
        if self._held is None:
            # not the name that git gives: two who do the same at the same time have a pack each
            name = f"pack-{secrets.token_hex(20)}"
            held = self._store / "pack" / f"{name}.keep"
            held.parent.mkdir(exist_ok=True)
            held.write_bytes(KEEP)
            self._held = held
            self._move(name)

    def _move(self, name: str) -> None:
        if self._pack is not None:
            # git reads a pack as soon as there is its index
            for suffix in (".pack", ".rev", ".idx"):
                with contextlib.suppress(FileNotFoundError):
                    self._pack.with_suffix(suffix).rename(self._store / "pack" / f"{name}{suffix}")

    def _settle(self) -> None:
        """Now that there is a ref, see to it that the objects are there as well.

        See `Objects.keep`: a `git gc` that began before there was the ref takes none from a new pack.
        """
        if self._held is None and self._pack is not None and (self._objects.gc_is_running or not self._is_whole()):
            self.hold()

    def _is_whole(self) -> bool:
        command = ("rev-list", "--objects", "--quiet", "--missing=allow-promisor", "--stdin")
        return self._git.attempt(*command, stdin=self._wanted.encode(), offline=True).status == 0


def write_alternates(store: Path, *others: Path) -> None:
    """Let a store of objects find those of others too, gitrepository-layout(5). Raises: OSError."""
    quoted = (os.fsencode(other).replace(b"\\", b"\\\\").replace(b'"', b'\\"') for other in others)
    (store / "info" / "alternates").write_bytes(b"".join(b'"%s"\n' % path for path in quoted))
