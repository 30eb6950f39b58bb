"""Other repositories: listing, fetching and pushing refs. Uses the user's own credentials, proxies and hooks' rules."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitreg.errors import GitError, UsageError
from gitreg.git.refs import has_moved
from gitreg.git.runner import Git
from gitreg.records.objects import ZERO, Oid

_PATIENCE = 10
# what `git ls-remote` says of a ref, and the ref
_LISTED = re.compile(r"([0-9a-f]{40}|ref: [^\t]+)\t([^\t]+)")
# what git check-ref-format allows: anything else in a refspec is an instruction
_BRANCH = re.compile(r"ref: (refs/heads/[^\x00-\x20\x7f~^:?*\[\\]+)")
# A user's configuration that would publish more than asked, or make the push fail.
_PUSH_PINS = ("-c", "push.followTags=false", "-c", "push.recurseSubmodules=no", "-c", "push.gpgSign=false")


@dataclass(frozen=True, slots=True)
class Push:
    """One ref to push: `oid` becomes `ref` on the remote; ZERO deletes it."""

    oid: Oid
    ref: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one ref: `ok`, and the remote's words when it is not."""

    ref: str
    ok: bool
    words: str


class Transport:
    """One remote of a repository."""

    def __init__(self, git: Git, remote: str) -> None:
        if remote.startswith("-") or not remote:
            raise UsageError(f"'{remote}' is not the name of a remote")
        self._git = git
        self.remote = remote

    def push_urls(self) -> tuple[str, ...]:
        """Where pushes go, with the user's URL rewriting. Empty when the remote does not exist."""
        result = self._git.attempt("remote", "get-url", "--push", "--all", self.remote)
        # not splitlines(): an address may hold characters that Python takes for line breaks
        return tuple(result.stdout.decode("utf-8", "surrogateescape").split("\n")[:-1]) if result.status == 0 else ()

    def tags(self, pattern: str) -> dict[str, Oid]:
        """The remote's tags that match `refs/tags/...`, by full name, not peeled. Raises: GitError."""
        # --tags lets the server filter; a pattern alone is applied here, to everything that the remote has
        return {name: Oid.parse(oid) for name, oid in self._listed(["--tags", "--refs"], pattern)}

    def annotated_tags(self, pattern: str) -> dict[str, tuple[Oid, Oid]]:
        """The remote's annotated tags that match, by full name: each, and what it leads to. Raises: GitError."""
        found = {name: Oid.parse(oid) for name, oid in self._listed(["--tags"], pattern, f"{pattern}^{{}}")}
        return {name: (oid, found[f"{name}^{{}}"]) for name, oid in found.items() if f"{name}^{{}}" in found}

    def refs(self, pattern: str) -> dict[str, Oid]:
        """The remote's refs that match, by full name, not peeled. Raises: GitError."""
        return {name: Oid.parse(oid) for name, oid in self._listed(["--refs"], pattern)}

    def head(self) -> tuple[str, Oid] | None:
        """The remote's default branch in full, and its newest commit; None when it has none. Raises: GitError."""
        found = [value for name, value in self._listed(["--symref"], "HEAD") if name == "HEAD"]
        branch = next(filter(None, map(_BRANCH.fullmatch, found)), None)
        commit = next((value for value in found if not value.startswith("ref: ")), "")
        return (branch[1], Oid.parse(commit)) if branch and commit else None

    def _listed(self, options: Sequence[str], *patterns: str) -> Iterator[tuple[str, str]]:
        """The name of each ref that `git ls-remote` shows, and what it says of it. Raises: GitError."""
        output = self._git.run("ls-remote", *options, "--quiet", "--", self.remote, *patterns)
        # without --refs git shows whatever a server calls them, tabs and line breaks included; not splitlines(): a
        # name may hold characters that Python takes for line breaks
        lines = map(_LISTED.fullmatch, output.decode("utf-8", "surrogateescape").split("\n"))
        return ((line[2], line[1]) for line in lines if line)

    def descends(self, tips: Mapping[str, tuple[Oid, Oid]]) -> dict[str, bool]:
        """Whether the remote's refs contain what they once held: ref -> (that commit, the ref's tip there).

        Keeps nothing of what it has to fetch. Raises: GitError.
        """
        if not tips:
            return {}
        with tempfile.TemporaryDirectory(prefix="gitreg-") as folder:
            # what is fetched goes into a store of its own, which knows this repository's
            (Path(folder) / "info").mkdir()
            (Path(folder) / "info" / "alternates").write_bytes(os.fsencode(self._git.common_dir / "objects") + b"\n")
            env = {"GIT_OBJECT_DIRECTORY": folder}
            stdin = "".join(f"{ref}\n" for ref in tips).encode()
            options = ("--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--quiet", "--refmap=")
            self._git.run("fetch", *options, "--no-auto-maintenance", "--stdin", self.remote, stdin=stdin, env=env)
            return {
                ref: self._git.attempt("merge-base", "--is-ancestor", str(old), str(new), env=env).status == 0
                for ref, (old, new) in tips.items()
            }

    def fetch(self, refspecs: Sequence[str], *, prune: bool = False, depth: int = 0) -> None:
        """Fetch these refspecs and nothing that the user's configuration adds. Raises: GitError.

        With `depth` only so many commits of each history.
        """
        if not refspecs:
            return
        options = ["--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--quiet", "--refmap="]
        if prune:
            options.append("--prune")
        if depth:
            options.append(f"--depth={depth}")
        stdin = "".join(f"{refspec}\n" for refspec in refspecs).encode()
        command = ("fetch", *options, "--stdin", self.remote)
        for _ in range(_PATIENCE):
            result = self._git.attempt(*command, stdin=stdin)
            if result.status == 0:
                return
            # somebody else may fetch or push here too; what that has brought is not fetched again
            if not has_moved(result.stderr):
                break
        self._git.run(*command, stdin=stdin)

    def push(self, pushes: Iterable[Push], *, atomic: bool) -> list[Outcome]:
        """Push without force: a ref that does not move forward is refused and reported, not raised.

        Raises: GitError when the remote could not be talked to, or has no atomic pushes although asked to.
        """
        refspecs = [f"{'' if push.oid == ZERO else push.oid}:{push.ref}" for push in pushes]
        outcomes: list[Outcome] = []
        for chunk in [refspecs] if atomic else _chunks(refspecs, 500):
            outcomes += self._push(chunk, atomic=atomic)
        return outcomes

    def _push(self, refspecs: Sequence[str], *, atomic: bool) -> list[Outcome]:
        options = ["--porcelain", "--no-verify", "--no-follow-tags", *(["--atomic"] if atomic else [])]
        # a clone made by 'git clone --mirror' would push everything, and take no refspecs with it
        pins = (*_PUSH_PINS, "-c", f"remote.{self.remote}.mirror=false")
        result = self._git.attempt("push", *options, self.remote, *refspecs, hooks=True, pin=pins)
        said = [
            line[7:].strip() for line in result.stderr.splitlines() if line.startswith("remote:") and line[7:].strip()
        ]
        outcomes: dict[str, Outcome] = {}
        for line in result.stdout.decode("utf-8", "replace").split("\n"):
            flag, tab, rest = line.partition("\t")
            if tab and len(flag) == 1 and "\t" in rest:
                names, _, summary = rest.partition("\t")
                ref = names.partition(":")[2]
                # a server's hooks explain themselves on standard error, without saying which ref they mean
                why = f"{summary}: {' '.join(said[:5])}" if flag == "!" and said and "declined" in summary else summary
                # its git does say, when it cannot change one
                lock = next((line for line in said if f"cannot lock ref '{ref}'" in line), "")
                why = f"{summary}: {lock.removeprefix('error: ')}" if flag == "!" and lock else why
                # a remote may have several push URLs: the ref is there when all of them have it
                if flag == "!" or ref not in outcomes:
                    outcomes[ref] = Outcome(ref, flag != "!", why)
        if result.status != 0 and all(outcome.ok for outcome in outcomes.values()):
            raise GitError(("push", self.remote), result.status, result.stderr)
        return list(outcomes.values())


def _chunks(items: Sequence[str], size: int) -> list[Sequence[str]]:
    # an argument list is limited to 128 KiB on some systems
    return [items[start : start + size] for start in range(0, len(items), size)]
