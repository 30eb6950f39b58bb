"""Asks for a move of an alias: the line of its file, written into the working tree or onto a branch of its own.

A request says what it was written for, the version's commit and the alias's newest promotion, so that nobody merges
something else than was looked at.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gitreg.data import locks, whole
from gitreg.data.hashing import refusals
from gitreg.errors import Error, NotFoundError, RefusedError, SettingsError, TooLargeError, UsageError
from gitreg.git.objects import Batch
from gitreg.git.refs import Change, RefMovedError, is_ancestor
from gitreg.promotion import requested, rewrite, source, wanted
from gitreg.promotion.published import Published
from gitreg.promotion.request import Problem
from gitreg.promotion.wanted import NEVER, Entry
from gitreg.records.names import AliasName
from gitreg.records.objects import ZERO, Commit
from gitreg.records.plain import visible
from gitreg.records.records import Place
from gitreg.registry import aliases, mainline
from gitreg.registry.repository import Registry
from gitreg.registry.versions import Version

# of an object id
_DIGITS = 12
# what a file system takes, with room for git's own `.lock`
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Request:
    """A move that is asked for.

    Attributes:
        entry: what the file is to say.
        now: what the alias names, as far as this clone knows what is published; None for nothing.
        subject: what it is called in a commit.
    """

    entry: Entry
    now: Place | None
    subject: str

    @property
    def path(self) -> str:
        """The file, relative to the top of the repository."""
        return wanted.path_of(self.entry.alias.collection)

    @property
    def is_done(self) -> bool:
        """Whether the alias names that version already."""
        now, then = self.now, self.entry.version
        return (now.version if now else None) == then and str(now.commit if now else "").startswith(self.entry.commit)

    @property
    def branch(self) -> str:
        """A name for a branch that makes the request."""
        return "-".join(self.subject.replace(":", "-").replace("/", "-").split())


def promotion(registry: Registry, alias: AliasName, version: Version | None, *, reason: str = "") -> Request:
    """Ask for an alias to name a published version, or nothing.

    Raises: RefusedError for a version that is not published or is deleted, NotFoundError when there is nothing to
    remove, Error in a clone that knows nothing of what is published.
    """
    published = Published(registry)
    subject = f"promote {alias} to {version.name.label}" if version else f"remove {alias}"
    return _request(published, alias, version, reason, subject)


def rollback(registry: Registry, alias: AliasName, to: Version | None = None, *, reason: str = "") -> Request:
    """Ask for an alias to name what it named before, or `to`, which it has named at some time.

    Raises: NotFoundError where there is no such version; as `promotion`.
    """
    published = Published(registry)
    version = _before(published, alias, to)
    now = _current(published, alias)
    why = reason or (f"roll back from {now.version.label}" if now else "")
    return _request(published, alias, version, why, f"roll {alias} back to {version.name.label}")


def _request(published: Published, alias: AliasName, version: Version | None, reason: str, subject: str) -> Request:
    if version and not version.published:
        hint = f"'git push' or 'gitreg push' publishes it, then ask again: gitreg promote {alias} {version.name.label}"
        raise RefusedError(f"'{version.name}' is not published", hint=hint)
    if len(reason) > wanted.LONGEST:
        raise TooLargeError(f"the reason is longer than {wanted.LONGEST} characters", hint="say it in fewer words")
    now = _current(published, alias)
    if version is None and now is None:
        raise aliases.not_found(published.registry, alias)
    tip = published.aliases.get(alias)
    entry = Entry(
        alias,
        version.name if version else None,
        str(version.commit)[:_DIGITS] if version else "",
        str(tip.target)[:_DIGITS] if tip else NEVER,
        reason,
    )
    problems: list[Problem | None] = [requested.twin(published, alias)] if version else []
    problems += requested.version(published, entry, version.name)[1] if version else ()
    for problem in filter(None, problems):
        raise RefusedError(problem.message, hint=problem.hint)
    return Request(entry, now, subject)


def _current(published: Published, alias: AliasName) -> Place | None:
    found = published.alias(alias)
    return found.place if found else None


def _before(published: Published, alias: AliasName, to: Version | None) -> Version:
    """The newest version in the published history that is not the one now, and can be asked for."""
    found = published.alias(alias)
    if found is None:
        raise aliases.not_found(published.registry, alias)
    places = [move.record.now for move in aliases.moves(published.registry, alias, found.tip)]
    for place in filter(None, places):
        if (to and place == to.place) or (not to and place.commit != (found.place and found.place.commit)):
            version = published.of(place)
            if version and (to or not published.is_deleted(version)):
                return version
    if to:
        hint = f"gitreg promote {alias} {to.name.label} asks for it all the same"
        raise NotFoundError("version", str(to.name), f"'{alias}' has never named {to.name.label}", hint=hint)
    hint = f"its history: gitreg alias log {alias}; to ask for any version: gitreg promote {alias} VERSION"
    raise NotFoundError("version", str(alias), f"'{alias}' has named no other version that is still there", hint=hint)


def into_worktree(registry: Registry, request: Request) -> tuple[Path, bool]:
    """Write it into the alias's file in the working tree; where that is, and whether it has changed.

    Raises: SettingsError for a file that cannot be read, RefusedError for one that git would not take.
    """
    place = source.top(registry)
    for part in request.path.split("/")[:-1]:
        place /= part
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            raise RefusedError(f"'{place}' is no folder", hint="put it aside, and run the same command again")
    file = place / request.path.rpartition("/")[2]
    ignored = registry.git.run("check-ignore", "-z", "--stdin", stdin=f"{request.path}\0".encode(), ok=(0, 1))
    if ignored:
        raise RefusedError(f"Git ignores '{request.path}'", hint=f"git check-ignore -v '{request.path}' says why")
    with _alone(registry):
        if os.path.lexists(file) and (file.is_symlink() or not file.is_file()):
            hint = "put it aside, and run the same command again"
            raise RefusedError(f"'{request.path}' is no regular file", hint=hint)
        text = source.text_of(request.path, source.content_of(file)) if file.exists() else ""
        made = _made(request, text)
        if made != text:
            with refusals(f"'{file.parent}' cannot be made"):
                file.parent.mkdir(parents=True, exist_ok=True)
            whole.write(file, made.encode())
    return file, made != text


@contextlib.contextmanager
def _alone(registry: Registry) -> Iterator[None]:
    """While no other request is written here: each would take back the other's line. Raises: StorageError."""
    with refusals(f"'{registry.private}' cannot be written"):
        registry.private.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(registry.private / "requests.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        locks.wait(descriptor)
        yield
    finally:
        os.close(descriptor)


def is_behind(registry: Registry, request: Request) -> bool:
    """Whether the default branch has changed the file since the current branch left it: the two would conflict."""
    try:
        there = mainline.tip(registry)
    except Error:
        return False
    here = registry.objects.at("HEAD")
    if there is None or here is None or is_ancestor(registry.git, there, here):
        return False
    try:
        return source.file_at(registry, there, request.path) != source.file_at(registry, here, request.path)
    except SettingsError:
        return True


def onto_branch(registry: Registry, request: Request, branch: str) -> bool:
    """Make a branch of one commit on top of the registry remote's default branch, False when that says so already.

    HEAD, the index and the working tree stay as they are. Raises: UsageError for what is no branch's name, RefusedError
    for one that is there, SettingsError for a file that cannot be read, Error when nothing is on the default branch.
    """
    check_branch(registry, branch)
    base = mainline.tip(registry)
    if base is None:
        raise Error("there is no commit yet to put the request on", hint="commit and push something first")
    tree = registry.objects.commit(base).tree
    data = source.file_at(registry, base, request.path)
    text = "" if data is None else source.text_of(request.path, data)
    made = _made(request, text)
    if made == text:
        return False
    batch = Batch()
    tree = batch.edit_tree(registry.objects, tree, {request.path: made.encode()})
    who = registry.now()
    message = "\n\n".join(part for part in (request.subject, request.entry.reason) if part) + "\n"
    tip = batch.add("commit", Commit(tree, (base,), who, who, message).encode())
    ref = f"refs/heads/{branch}"
    _check_room(registry, branch)
    try:
        registry.transact(batch, [Change(ref, ZERO, tip)])
    except RefMovedError as error:
        found = registry.objects.at(ref)
        there = registry.objects.commit(found) if found else None
        # the same command, which was interrupted after it had done its work
        if there is None or (there.tree, there.parents) != (tree, (base,)):
            hint = f"choose another name, or look at what it asks for: gitreg plan --head {shlex.quote(branch)}"
            raise RefusedError(f"there is a branch '{branch}' already", hint=hint) from error
    return True


def _check_room(registry: Registry, branch: str) -> None:
    """Raises: RefusedError where a branch is in the way, as 'a' is of 'a/b'."""
    parts = branch.split("/")
    above = ["refs/heads/" + "/".join(parts[:end]) for end in range(1, len(parts))]
    inside = f"refs/heads/{branch}/"
    for ref in registry.refs.find(*above, inside):
        if ref.name in above or ref.name.startswith(inside):
            there = visible(ref.name.removeprefix("refs/heads/"))
            raise RefusedError(f"a branch '{branch}' cannot be beside '{there}'", hint="choose another name")


def check_branch(registry: Registry, name: str) -> None:
    """Raises: UsageError when no branch can be called so, or nobody could type it."""
    # git takes '@' for HEAD, and what begins with refs/ for a whole name
    is_odd = name in ("", "@", "HEAD") or name.startswith(("-", "refs/")) or len(name) > _LONGEST
    is_odd = is_odd or visible(name) != name
    if is_odd or registry.git.attempt("check-ref-format", f"refs/heads/{name}").status != 0:
        raise UsageError(f"'{visible(name[:_LONGEST])}' cannot be a branch's name", hint="such as promote-v3")


def _made(request: Request, text: str) -> str:
    """The file with the request; as it is where the alias names that version already, and the file says so."""
    listed = wanted.parse(request.path, text).get(request.entry.alias)
    if request.is_done and listed and listed.version == request.entry.version:
        return text
    return rewrite.rewritten(request.path, text, request.entry)
