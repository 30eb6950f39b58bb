"""Everything that `gitreg doctor` should notice, and how a clone comes to it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from desks import Desk, alias_name
from gitreg.registry import aliases

OLD = 7200


def aged(path: Path, content: bytes = b"", seconds: float = OLD) -> Path:
    """A file that nobody has touched for a while."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))
    return path


@dataclass(frozen=True)
class Ailment:
    """One thing that can be wrong.

    Attributes:
        name: for the table, in words.
        check, level, words: what doctor says about it; `words` is a part of it.
        cause: makes it so.
        mends: whether --fix mends it.
        stops: a command that fails because of it, and works when it has been mended.
    """

    name: str
    check: str
    level: str
    words: str
    cause: Callable[[Desk], object]
    mends: bool = False
    stops: str = ""


def lock(name: str) -> Callable[[Desk], object]:
    return lambda desk: aged(desk.path / ".git" / name)


def file(name: str, content: bytes = b"half") -> Callable[[Desk], object]:
    return lambda desk: aged(desk.path / name, content)


def shell(script: str) -> Callable[[Desk], object]:
    return lambda desk: desk.sh(script)


def hook_folder(desk: Desk) -> None:
    aged(desk.path / ".git/hooks/.gitreg-abc123_x.tmp/pre-push")


def half_captured(desk: Desk) -> None:
    path = desk.path / ".git/objects/.gitreg-abc123_x.tmp"
    aged(path / "ab" / "cdef", b"half")
    os.utime(path, (0, 0))


def in_the_storage(desk: Desk) -> None:
    storage = desk.registry.project.default_storage
    assert storage
    assert storage.path
    aged(storage.path / "files/md5/.gitreg-abc123_x.tmp", b"half")


def an_orphan(desk: Desk) -> None:
    """As a publishing leaves it that was killed between the upload and the release."""
    stored = desk.registry.cache.add_bytes(b"published long ago")
    assert (desk.registry.private / "keep" / stored.md5[:2] / stored.md5[2:]).exists()


def the_last_of_its_kind(desk: Desk) -> None:
    stored = desk.registry.cache.add_bytes(b"nowhere else")
    desk.registry.cache.path(stored.md5).unlink()


def damaged_index(change: Callable[[bytes], bytes]) -> Callable[[Desk], object]:
    def damage(desk: Desk) -> None:
        desk.sh("gitreg runs >../runs.txt")
        path = desk.path / ".git/gitreg/index-3.sqlite"
        path.write_bytes(change(path.read_bytes()))

    return damage


def a_link_waits(desk: Desk) -> None:
    desk.link(desk.version("m:v0"), "model/M")
    desk.git("tag model HEAD")


def a_draft_waits(desk: Desk) -> None:
    desk.log("m", "second")
    desk.git("tag m@v1/rc1 HEAD")


def a_move_by_hand(desk: Desk) -> None:
    desk.promote("m:best", "v0")
    aliases.reset(desk.registry, alias_name("m:best"))
    desk.git("update-ref refs/gitreg/aliases/m@best m@v0^{commit}")


LOG = "gitreg put README --name n --type model"

AILMENTS = (
    Ailment(
        "the lock of a draft that a killed process left",
        *("locks", "problem", "'refs/gitreg/drafts/n@v0.lock' is 2 hours old"),
        lock("refs/gitreg/drafts/n@v0.lock"),
        mends=True,
        stops=LOG,
    ),
    Ailment(
        "the lock of an alias",
        *("locks", "problem", "'refs/gitreg/aliases/m@best.lock' is 2 hours old"),
        lock("refs/gitreg/aliases/m@best.lock"),
        mends=True,
        stops="gitreg alias set m:best v0",
    ),
    Ailment(
        "the lock of a tracking ref",
        *("locks", "problem", "nobody can write what it locks"),
        lock("refs/gitreg-remotes/origin/aliases/m@best.lock"),
        mends=True,
    ),
    Ailment(
        "the lock of a version's tag",
        *("locks", "problem", "'refs/tags/n@v0.lock' is"),
        lock("refs/tags/n@v0.lock"),
        mends=True,
    ),
    Ailment(
        "the lock of the packed refs",
        *("locks", "problem", "'packed-refs.lock' is"),
        lock("packed-refs.lock"),
        mends=True,
        stops="git pack-refs --all",
    ),
    Ailment(
        "the half-written packed refs",
        *("locks", "problem", "'packed-refs.new' is"),
        lock("packed-refs.new"),
        mends=True,
        stops="git pack-refs --all",
    ),
    Ailment("the user's index locked", "locks", "warning", "'index.lock' is 2 hours old", lock("index.lock")),
    Ailment("the user's HEAD locked", "locks", "warning", "'HEAD.lock' is", lock("HEAD.lock")),
    Ailment("git's configuration locked", "locks", "warning", "'config.lock' is", lock("config.lock")),
    Ailment(
        "a half-written object in the cache",
        *("leftovers", "warning", "1 temporary file of commands that were killed"),
        file(".dvc/cache/files/md5/.gitreg-abc123_x.tmp"),
        mends=True,
    ),
    Ailment(
        "a half-written object in a folder storage",
        "leftovers",
        "warning",
        "1 temporary file",
        in_the_storage,
        mends=True,
    ),
    Ailment(
        "a half-made link among the protected objects",
        *("leftovers", "warning", "1 temporary file"),
        file(".git/gitreg/keep/ab/.gitreg-0123456789abcdef.tmp"),
        mends=True,
    ),
    Ailment("half-captured code", "leftovers", "warning", "1 temporary file", half_captured, mends=True),
    Ailment(
        "a pack that is kept for a run that never started",
        *("leftovers", "warning", "1 temporary file"),
        file(".git/objects/pack/pack-0123456789012345678901234567890123456789.keep", b"gitreg\n"),
        mends=True,
    ),
    Ailment(
        "a half-written DVC configuration",
        *("leftovers", "warning", "1 temporary file"),
        file(".dvc/.gitreg-abc123_x.tmp"),
        mends=True,
    ),
    Ailment("a half-installed hook", "leftovers", "warning", "1 temporary file", hook_folder, mends=True),
    Ailment(
        "a damaged object that was moved aside",
        *("leftovers", "warning", "1 damaged object moved aside"),
        file(".dvc/cache/files/md5/ab/cdef.corrupt"),
    ),
    Ailment("bytes protected for nothing", "keep", "warning", "1 object protected for", an_orphan, mends=True),
    Ailment(
        "protected bytes that the cache has lost",
        *("keep", "warning", "1 object of nothing pending, and only in"),
        the_last_of_its_kind,
    ),
    Ailment(
        "no pre-push hook",
        *("hook", "warning", "there is no pre-push hook"),
        shell("rm .git/hooks/pre-push"),
        mends=True,
    ),
    Ailment(
        "a pre-push hook that is not executable",
        *("hook", "warning", "not executable"),
        shell("chmod -x .git/hooks/pre-push"),
        mends=True,
    ),
    Ailment(
        "somebody else's pre-push hook",
        *("hook", "warning", "another pre-push hook is in its place"),
        shell("printf '#!/bin/sh\\nexit 0\\n' >.git/hooks/pre-push"),
        mends=True,
    ),
    Ailment(
        "hooks in a tracked folder",
        *("hook", "warning", "is not this repository's own folder"),
        shell("mkdir githooks && git config core.hooksPath githooks"),
    ),
    Ailment(
        "an unknown word in gitreg.publish",
        *("hook", "warning", "gitreg.publish is 'never'"),
        shell("git config gitreg.publish never"),
    ),
    Ailment(
        "a fetch refspec that is missing",
        *("remote", "warning", "'git fetch' does not bring the runs and aliases of 'origin'"),
        shell("git config --unset-all remote.origin.fetch gitreg"),
        mends=True,
    ),
    Ailment(
        "a fetch refspec that overwrites what is not published",
        *("remote", "problem", "would overwrite what is not published"),
        shell("git config --add remote.origin.fetch '+refs/gitreg/*:refs/gitreg/*'"),
    ),
    Ailment(
        "a registry remote that does not exist",
        *("remote", "problem", "gitreg.remote names 'nothing'"),
        shell("git config gitreg.remote nothing"),
    ),
    Ailment(
        "no remote",
        *("remote", "warning", "there is no remote 'origin'"),
        shell("git remote remove origin"),
    ),
    Ailment(
        "a storage that is not mounted",
        *("storage", "problem", "is not there"),
        shell("sed -i 's,url = .*,url = /no/such/folder,' .dvc/config"),
    ),
    Ailment(
        "no storage, and something to publish",
        *("storage", "problem", "so nothing can be published"),
        lambda desk: (desk.sh("printf '' >.dvc/config"), desk.log("m", "second")),
    ),
    Ailment(
        "a DVC configuration that cannot be read",
        *("project", "problem", "is malformed"),
        shell("printf '[core\\nremote' >.dvc/config"),
    ),
    Ailment(
        "a DVC configuration that is not in Git",
        *("project", "warning", "is not in Git"),
        shell("git rm --quiet --cached .dvc/config"),
    ),
    Ailment("no DVC project", "project", "problem", "is no DVC project", shell("git rm -rq .dvc && rm -rf .dvc")),
    Ailment(
        "nobody's name",
        *("identity", "problem", "no name and address"),
        shell("git config --unset user.name; printf '[user]\\n useConfigOnly = true\\n' >\"$HOME/.gitconfig\""),
    ),
    Ailment(
        "a run that was killed",
        *("runs", "warning", "1 run killed and not recorded"),
        shell("gitreg run --name gone -- sh -c 'kill -9 $PPID' || true"),
        mends=True,
    ),
    Ailment(
        "an index that is no database",
        *("index", "warning", "it cannot be used: file is not a database"),
        damaged_index(lambda _: b"no database\n" * 100),
        mends=True,
    ),
    Ailment(
        "an index that is cut off",
        *("index", "warning", "it cannot be used"),
        damaged_index(lambda data: data[: len(data) // 2 + 100]),
        mends=True,
    ),
    Ailment(
        "an index with empty pages",
        *("index", "warning", "it cannot be used"),
        damaged_index(lambda data: data[:4096] + bytes(len(data) - 4096)),
        mends=True,
    ),
    Ailment(
        "a tag that is called like a registry",
        *("refs", "warning", "tag 'model' is in the way of all versions of 'model/...'"),
        shell("git tag model HEAD"),
    ),
    Ailment(
        "a tag that is called like the registry of a pending link",
        *("refs", "problem", "tag 'model' is in the way"),
        a_link_waits,
    ),
    Ailment("tags below a pending version's", "refs", "problem", "tags below 'm@v1/' are in the way", a_draft_waits),
    Ailment(
        "a ref in the place of a folder of refs",
        *("refs", "problem", "ref 'refs/gitreg/drafts' takes the place"),
        shell("rmdir .git/refs/gitreg/drafts || true; git update-ref refs/gitreg/drafts HEAD"),
    ),
    Ailment(
        "an alias that was moved by hand",
        *("pending", "warning", "moved by hand"),
        a_move_by_hand,
    ),
    Ailment(
        "a shallow clone",
        *("repository", "warning", "it is shallow"),
        shell("git rev-parse HEAD >.git/shallow"),
    ),
    Ailment(
        "a partial clone",
        *("repository", "warning", "it is a partial clone"),
        shell("git config remote.origin.promisor true"),
    ),
)
