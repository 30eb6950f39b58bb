"""What the `pre-push` hook decides: whether to act, and which pushes break a rule of the registry.

The command line brings the hook's input and the arguments of the push.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitreg.errors import RecordError, RefusedError, UsageError
from gitreg.git.objects import MissingObjectError
from gitreg.git.refs import Refs, is_ancestor
from gitreg.git.runner import Git
from gitreg.git.transport import Transport
from gitreg.records import refs as names
from gitreg.records.objects import Oid
from gitreg.registry.repository import Registry
from gitreg.registry.versions import all_versions, is_own, own

_TRACKING = names.tracking("").removesuffix("/")
_INSTEAD = "instead of --mirror: git push --all && git push --tags"
_PAST = "to do it all the same, without gitreg's rules: git push --no-verify"

# git-push(1) and git(1); an option that takes a value takes the next argument unless it holds a '='.
_GIT_VALUES = {"-c", "-C", "--git-dir", "--work-tree", "--namespace", "--super-prefix", "--config-env", "--attr-source"}
_PUSH_VALUES = {"repo", "receive-pack", "exec", "push-option", "recurse-submodules"}
_FLAGS = (
    "verbose quiet all branches mirror delete tags dry-run porcelain force force-with-lease force-if-includes thin"
    " set-upstream progress prune verify follow-tags signed atomic ipv4 ipv6"
)
_PUSH_OPTIONS = _PUSH_VALUES | set(_FLAGS.split())


@dataclass(frozen=True, slots=True)
class PushLine:
    """One line of the hook's input: a ref that git is about to push. ZERO as `local_oid` deletes the remote's ref.

    `local_ref` is what the user wrote ('HEAD~1', '(delete)'), not always a ref.
    """

    local_ref: str
    local_oid: Oid
    remote_ref: str
    remote_oid: Oid

    @property
    def oids(self) -> tuple[Oid, ...]:
        """What the ref points at, here and there."""
        return tuple(oid for oid in (self.local_oid, self.remote_oid) if oid)

    @property
    def deletes(self) -> bool:
        """True when the ref is removed from the remote."""
        return not self.local_oid


def parse_lines(text: str) -> tuple[PushLine, ...]:
    """The hook's standard input. Source: githooks(5), `pre-push`. Raises: UsageError."""
    lines = []
    # not splitlines(): a ref may hold characters that Python takes for line breaks
    for line in text.split("\n"):
        if not line:
            continue
        # from the right: the first field may hold spaces ('HEAD@{1 day ago}')
        parts = line.rsplit(" ", 3)
        try:
            local_ref, local_oid, remote_ref, remote_oid = parts
            lines.append(PushLine(local_ref, Oid.parse(local_oid), remote_ref, Oid.parse(remote_oid)))
        except (ValueError, RecordError) as error:
            raise UsageError(f"not a line of a pre-push hook's input: {line!r}") from error
    return tuple(lines)


def left_to_git(lines: Sequence[PushLine]) -> frozenset[str]:
    """The remote's refs that git itself is about to write: a nested push that creates one makes git's own fail."""
    return frozenset(line.remote_ref for line in lines if not line.deletes)


def pushed_branches(lines: Sequence[PushLine]) -> tuple[Oid, ...]:
    """The commits that git is about to put on branches."""
    return tuple(line.local_oid for line in lines if not line.deletes and line.remote_ref.startswith("refs/heads/"))


def new_versions(registry: Registry, lines: Sequence[PushLine]) -> tuple[str, ...]:
    """The tags of versions that git itself is about to publish."""
    found = (line for line in versions_among(registry, lines) if not line.deletes and not line.remote_oid)
    return tuple(line.remote_ref.removeprefix(names.TAGS) for line in found)


def is_push(argv: Sequence[str]) -> bool:
    """Whether a process's arguments are those of `git push`."""
    return _push_arguments(argv) is not None


def is_dry_run(argv: Sequence[str]) -> bool:
    """Whether the arguments of a `git push` process ask for a dry run; git does not tell its hooks."""
    return _asks_for(argv, "dry-run", "n")


def is_quiet(argv: Sequence[str]) -> bool:
    """Whether the arguments of a `git push` process ask for no talk."""
    return _asks_for(argv, "quiet", "q")


def _asks_for(argv: Sequence[str], wanted: str, flag: str) -> bool:
    """Whether an option without a value is given: the last one of --option and --no-option counts."""
    arguments = _push_arguments(argv) or ()
    found = False
    rest = iter(arguments)
    for word in rest:
        if word in ("--", "--end-of-options"):
            break
        if word.startswith("--"):
            name, has_value, _ = word[2:].partition("=")
            option, on = _full_name(name)
            if option == wanted:
                found = on
            elif option in _PUSH_VALUES and on and not has_value:
                next(rest, None)
        elif word.startswith("-"):
            flags, takes_value, value = word[1:].partition("o")
            found = found or flag in flags
            if takes_value and not value:
                next(rest, None)
    return found


def _push_arguments(argv: Sequence[str]) -> tuple[str, ...] | None:
    """What follows `push`, or None when this is not a `git push`."""
    if not argv:
        return None
    program = argv[0].rpartition("/")[2].removesuffix(".exe")
    if program == "git-push":
        return tuple(argv[1:])
    if program != "git":
        return None
    rest = iter(argv[1:])
    for word in rest:
        if word in _GIT_VALUES:
            next(rest, None)
        elif not word.startswith("-"):
            return tuple(rest) if word == "push" else None
    return None


def _full_name(name: str) -> tuple[str, bool]:
    """An option by an abbreviation of its name, and False when it is negated. git has refused ambiguous ones."""
    for text, on in ((name, True), (name.removeprefix("no-"), False)):
        found = {option for option in _PUSH_OPTIONS if option.startswith(text)}
        if text in _PUSH_OPTIONS or len(found) == 1:
            return (text if text in _PUSH_OPTIONS else found.pop()), on
    return name, True


def acts_for(git: Git, remote_name: str, url: str, registry_remote: str) -> bool:
    """Whether a push to `remote_name` at `url` goes to the registry: by name, or to one of its push URLs."""
    return remote_name == registry_remote or url in Transport(git, registry_remote).push_urls()


def check(registry: Registry, lines: Sequence[PushLine], *, ours: bool) -> None:
    """Refuse a push that would delete, move or publish what only the registry may.

    `ours` says that it goes to the registry remote; elsewhere only what is this clone's own business is held back.
    Raises: RefusedError.
    """
    for line in lines:
        _check_private(line)
    if not ours:
        return
    found = versions_among(registry, lines)
    for line in lines:
        if line in found:
            _check_version(line)
        elif line.remote_ref.startswith(names.PENDING):
            _check_record(registry.git, line)
    _check_new_versions(registry.refs, [line for line in found if not line.remote_oid])


def versions_among(registry: Registry, lines: Sequence[PushLine]) -> list[PushLine]:
    """The lines that make, move or delete a version of a collection, or something in its place.

    Tags that are only named like one, `pkg@v1` where there is no collection 'pkg', are their owner's business.
    """
    named = [(line, names.parse_version(line.remote_ref)) for line in lines if line.remote_ref.startswith(names.TAGS)]
    wanted = {name.collection for _, name in named if name}
    known = {collection for collection in wanted if any(own(registry, all_versions(registry, collection)))}
    return [
        line
        for line, name in named
        if name and (name.collection in known or any(_is_version(registry, oid) for oid in line.oids))
    ]


def _is_version(registry: Registry, oid: Oid) -> bool:
    """Whether an object is a version's tag; one that is not here may be."""
    try:
        return is_own(registry, oid)
    except MissingObjectError:
        return True


def _check_private(line: PushLine) -> None:
    """Raises: RefusedError for refs that belong to this clone alone."""
    ref = line.remote_ref
    if ref.startswith(_TRACKING) and not line.deletes:
        raise RefusedError(f"'{ref}' is what this clone knows of a remote and is never pushed", hint=_INSTEAD)
    draft = next((name for name in (line.local_ref, ref) if name.startswith(names.DRAFTS)), None)
    if draft and not line.deletes:
        raise RefusedError(f"'{draft}' is an unpublished version", hint=f"to publish it: gitreg push; {_INSTEAD}")


def _check_version(line: PushLine) -> None:
    tag = line.remote_ref.removeprefix(names.TAGS)
    if line.deletes:
        raise RefusedError(f"version '{tag}' is published and is never deleted", hint=_PAST)
    if line.remote_oid and line.remote_oid != line.local_oid:
        raise RefusedError(
            f"version '{tag}' is published and never moves",
            hint=f"to have the published one: git tag -d {tag}, then git fetch",
        )


def _check_new_versions(refs: Refs, lines: Sequence[PushLine]) -> None:
    """A version is published as the tag of its name: only of such a tag it is known that its bytes are uploaded."""
    wanted = [line.remote_ref for line in lines]
    # many arguments at once may be too long for the system
    here = {
        ref.name: ref.oid for start in range(0, len(wanted), 500) for ref in refs.find(*wanted[start : start + 500])
    }
    for line in lines:
        if here.get(line.remote_ref) != line.local_oid:
            tag = line.remote_ref.removeprefix(names.TAGS)
            raise RefusedError(f"'{line.local_ref}' cannot be made version '{tag}'", hint="to publish: gitreg push")


def _check_record(git: Git, line: PushLine) -> None:
    ref = line.remote_ref
    if line.deletes:
        raise RefusedError(
            f"'{ref}' is a record of the registry and is never deleted",
            hint=f"an alias is taken away by: gitreg alias rm; {_INSTEAD}",
        )
    if line.remote_oid and not is_ancestor(git, line.remote_oid, line.local_oid):
        raise RefusedError(
            f"'{ref}' has moved on the remote and only ever moves forward",
            hint="git fetch, then gitreg push, which puts this clone's changes on top",
        )
