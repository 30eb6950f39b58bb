"""What a server lets nobody push: versions that move or say wrong things, records that do not go on from the last one.

The `pre-receive` hook asks before any ref has moved, while what is new lies in git's quarantine, which git's own
environment shows to every git process. Nothing here writes, and one process answers for all refs of a push.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gitreg.errors import NewerSchemaError, RecordError, RefusedError, TypeMismatchError, UsageError
from gitreg.git.objects import MissingObjectError, Objects
from gitreg.git.runner import Git
from gitreg.promotion.guard_records import Records
from gitreg.promotion.guard_versions import Versions
from gitreg.records import refs as names
from gitreg.records.objects import Oid
from gitreg.registry.repository import Registry

_OLDER = "the gitreg of this server is older: tell whoever runs it"
_CLONES_OWN = (names.TRACKING, names.DRAFTS, names.BUNDLED.rpartition("/")[0])
_TRIALS = names.trial("")


# A thousand versions are a few MiB. What is small in a pack may be large when it is read, again and again.
MAX_READ = 512 << 20


class BoundedObjects(Objects):
    """The object database for one push, which reads no more than a server can spare."""

    def __init__(self, git: Git, most: int = MAX_READ) -> None:
        super().__init__(git)
        self._left = most

    def read(self, oid: Oid) -> tuple[str, bytes]:
        """An object's kind and content. Raises: RefusedError when that would be too much, and as `Objects.read`."""
        kind, data = super().read(oid)
        self._left -= len(data)
        if self._left < 0:
            raise RefusedError("this push holds more records than the server reads at once", hint="push fewer refs")
        return kind, data


@dataclass(frozen=True, slots=True)
class Update:
    """A ref that somebody pushes. ZERO as `old` makes it, as `new` deletes it."""

    old: Oid
    new: Oid
    ref: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a ref must not change as it is pushed; both texts may hold a stranger's words."""

    ref: str
    words: str
    hint: str = ""


def parse_lines(text: str) -> tuple[Update, ...]:
    """The hook's standard input. Source: githooks(5), `pre-receive`. Raises: UsageError."""
    # not splitlines(): a ref may hold characters that Python takes for line breaks
    return tuple(map(_parse, filter(None, text.split("\n"))))


def _parse(line: str) -> Update:
    try:
        old, new, ref = line.split(" ", 2)
        return Update(Oid.parse(old), Oid.parse(new), ref)
    except (ValueError, RecordError) as error:
        raise UsageError(f"not a line of a pre-receive hook's input: {line!r}") from error


def refusals(registry: Registry, updates: Sequence[Update]) -> Iterator[Refusal]:
    """Why the push must not be taken, for each ref that must not change; nothing when it may. Raises: GitError."""
    # of two that would make a ref, git takes the first
    coming = {update.ref: update.new for update in reversed(updates) if update.new}
    versions = Versions(registry, coming)
    records = Records(registry, coming, versions)
    found = (_refusal(update, versions, records) for update in updates)
    return filter(None, found)


def _refusal(update: Update, versions: Versions, records: Records) -> Refusal | None:
    try:
        _check(update, versions, records)
    except RefusedError as error:
        return Refusal(update.ref, error.message, error.hint or "")
    except (RecordError, MissingObjectError, TypeMismatchError) as error:
        short = update.ref.removeprefix(names.TAGS).removeprefix(names.PENDING)
        hint = _OLDER if isinstance(error, NewerSchemaError) else ""
        return Refusal(update.ref, f"'{short}' cannot be taken: {error.message}", hint)
    return None


def _check(update: Update, versions: Versions, records: Records) -> None:
    """Raises: RefusedError, RecordError, MissingObjectError, TypeMismatchError."""
    ref = update.ref
    if ref.startswith(names.TAGS):
        versions.check(ref, update.old, update.new)
    elif ref.startswith(_CLONES_OWN):
        if update.new:
            hint = "publish with 'gitreg push'; instead of --mirror: git push --all && git push --tags"
            raise RefusedError(f"'{ref}' is a clone's own, and nothing for a server", hint=hint)
    elif ref.startswith(names.PENDING) and not ref.startswith(_TRIALS):
        records.check(ref, update.old, update.new)
