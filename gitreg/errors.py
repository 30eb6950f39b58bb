"""Every error gitreg raises on purpose: one class a condition, with its data as attributes.

The library raises, the command line prints. An error's text says what is wrong and which thing it is about;
`hint` says what to do next. Both are plain text that may hold hostile names: whoever prints them escapes them.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator, Sequence

_LONGEST = 200


def _short(text: str) -> str:
    """A name for a message: quoted, and cut when nobody would read to its end."""
    return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")


_FULL = frozenset({errno.ENOSPC, errno.EFBIG, *([errno.EDQUOT] if hasattr(errno, "EDQUOT") else [])})
_NOWHERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def advice(error: OSError) -> str | None:
    """The hint for something that the system refused, None where there is nothing to say."""
    if error.errno in _FULL:
        return "make room there, then run the same command again"
    if error.errno in _FORBIDDEN:
        return "run it as a user who may, or change the permissions there"
    if error.errno in _NOWHERE:
        return "check the path"
    return None


class Error(Exception):
    """Base of all errors of gitreg (W&B's `Error`).

    Attributes:
        message: lower case, subjects in single quotes, no full stop.
        hint: what to do next, or None.
        exit_code: what the command line ends with.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def hint(self) -> str | None:
        """What to do next."""
        return self._hint

    @hint.setter
    def hint(self, text: str | None) -> None:
        self._hint = text
        # Python shows it under a traceback, from 3.11 on
        self.__notes__ = [f"hint: {text}"] if text else []


class UsageError(Error):
    """The caller asked for something that makes no sense here."""

    exit_code = 2


class InvalidNameError(UsageError, ValueError):
    """A name is outside the grammar.

    Attributes:
        name: the offending text.
        kind: what it was meant to name ('collection', 'alias', ...).
    """

    def __init__(self, name: str, kind: str, why: str, *, hint: str | None = None) -> None:
        super().__init__(f"invalid {kind} name {_short(name)}: {why}", hint=hint)
        self.name = name
        self.kind = kind


class InvalidDateError(UsageError, ValueError):
    """A date is outside the grammar, or in the future.

    Attributes:
        text: as it was written.
    """

    def __init__(self, text: str, why: str, *, hint: str | None = None) -> None:
        super().__init__(f"{_short(text)} {why}", hint=hint)
        self.text = text


class TypeMismatchError(UsageError, ValueError):
    """A version is of another type than the caller says.

    Attributes:
        name: the collection or version.
        known: its type.
        given: what the caller said.
    """

    def __init__(self, name: str, known: str, given: str, *, hint: str | None = None) -> None:
        super().__init__(
            f"'{name}' is of type '{known}', not {_short(given)}", hint=hint or f"leave the type out, or say '{known}'"
        )
        self.name = name
        self.known = known
        self.given = given


class InvalidArtifactError(UsageError, ValueError):
    """Something that an artifact cannot be made of: a missing file, a name that is taken, a reserved type."""


class TooLargeError(UsageError, ValueError):
    """Values would take more room than a record has."""


class NotAModelError(UsageError, ValueError, AssertionError):
    """A verb for models was given something else (W&B's assertions)."""


class ConfigError(Error):
    """A run's config value would be changed without `allow_val_change`."""


class CommError(Error):
    """Something could not be read from where it is kept (W&B's name)."""


class NotFoundError(CommError):
    """A run, collection, version or alias that does not exist.

    Attributes:
        kind: 'artifact', 'alias', 'run', ...
        name: what was asked for.
    """

    exit_code = 6

    def __init__(self, kind: str, name: str, message: str | None = None, *, hint: str | None = None) -> None:
        super().__init__(message or f"{kind} {_short(name)} not found", hint=hint)
        self.kind = kind
        self.name = name


class VersionDeletedError(NotFoundError):
    """A version that somebody has deleted.

    Attributes:
        when: RFC 3339 in UTC.
        by: `Name <email>`.
        reason: may be empty.
    """

    def __init__(self, name: str, *, when: str, by: str, reason: str, hint: str | None = None) -> None:
        why = f": {reason}" if reason else ""
        who = by.partition(" <")[0]
        super().__init__("artifact", name, f"'{name}' was deleted on {when[:10]} by {who}{why}", hint=hint)
        self.when = when
        self.by = by
        self.reason = reason


class NotARepositoryError(Error):
    """There is no Git repository, or no DVC project in it, where one is needed."""


class NoRepositoryError(NotARepositoryError):
    """There is no Git repository around a directory at all."""


class UnsupportedRepositoryError(Error):
    """The repository uses something gitreg or DVC cannot read (SHA-256 object names, reftable, an old git)."""


class RecordError(Error):
    """A commit, tag, trailer, pointer or manifest does not hold what the format says."""

    def tell(self, what: str, hint: str) -> None:
        """Say which thing it is about, where that is not said yet, and what to do."""
        if what not in self.message:
            self.message = f"{what}: {self.message}"
            self.args = (self.message,)
        self.hint = self.hint or hint


class SettingsError(RecordError):
    """A file that people write, such as `.gitreg/policy.yaml`, does not hold what it should.

    Attributes:
        path: which, relative to the top of the repository.
        line: where in it, from 1; 0 where it is about the whole file.
    """

    def __init__(self, path: str, line: int, message: str, *, hint: str | None = None) -> None:
        # it quotes what is wrong, which may be a megabyte
        said = message if len(message) <= 5 * _LONGEST else f"{message[: 5 * _LONGEST]}..."
        super().__init__(f"'{path}'{f', line {line}' if line else ''}: {said}", hint=hint)
        self.path = path
        self.line = line


@contextlib.contextmanager
def reading(what: str, name: str) -> Iterator[None]:
    """While `what` is read, whose object or ref is `name`: a RecordError says so. Raises: RecordError."""
    try:
        yield
    except RecordError as error:
        error.tell(what, f"it is damaged, or gitreg did not write it; to look at it: git show {name}")
        raise


class NewerSchemaError(RecordError):
    """A record was written by a newer gitreg.

    Attributes:
        found: the schema number in the record.
        supported: the newest this release reads.
    """

    def __init__(self, what: str, found: int, supported: int) -> None:
        super().__init__(
            f"{what} has schema {found}, this gitreg reads up to {supported}",
            hint="upgrade gitreg: pip install -U gitreg",
        )
        self.found = found
        self.supported = supported


class GitError(Error):
    """A git command failed.

    Attributes:
        argv: the command without gitreg's pinned options.
        status: its exit status.
        stderr: git's own words.
    """

    def __init__(self, argv: Sequence[str], status: int, stderr: str, *, hint: str | None = None) -> None:
        lines = [line.strip() for line in stderr.splitlines() if line.strip()]
        # what follows git's own "fatal:" is advice, and so is what follows a lock that is in the way
        lock = next((line for line in lines if ".lock': File exists" in line), None)
        fatal = next((line for line in lines if line.startswith("fatal: ")), None)
        words = lock or fatal or (lines[-1] if lines else f"exit status {status}")
        words = words.removeprefix("fatal: ").removeprefix("error: ")
        super().__init__(f"git {argv[0]} failed: {words}", hint=hint)
        self.argv = tuple(argv)
        self.status = status
        self.stderr = stderr


class LostRaceError(Error):
    """Somebody else was faster; trying again is safe."""

    exit_code = 5


class RefusedError(Error):
    """A rule of the registry forbids it (a version never moves, an alias is protected)."""

    exit_code = 4


class ProtectedAliasError(RefusedError):
    """An alias moves only when a request for it is merged.

    Attributes:
        alias: which, `COLLECTION:ALIAS`.
    """

    def __init__(self, alias: str, *, hint: str) -> None:
        super().__init__(f"'{alias}' is protected: it moves when a request for that is merged", hint=hint)
        self.alias = alias


class BundleError(RefusedError):
    """A bundle holds something that is not what it must be; nothing of it was taken.

    Attributes:
        findings: a line for each thing, the worst first.
    """

    def __init__(self, message: str, findings: Sequence[str] = (), *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint or "nothing of it was taken; ask whoever wrote it")
        self.findings = tuple(findings)


class PublishError(Error):
    """Some of what was pending could not be published.

    Attributes:
        refused: one line for each ref that was refused, with the reason.
    """

    def __init__(self, message: str, refused: Sequence[str] = (), *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.refused = tuple(refused)


class StorageError(Error):
    """Bytes could not be stored or fetched."""


class MissingBytesError(StorageError):
    """Objects are neither in the cache nor on any storage.

    Attributes:
        md5s: their DVC hashes.
    """

    def __init__(self, message: str, md5s: Sequence[str], *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.md5s = tuple(md5s)


class DamagedObjectError(StorageError):
    """Objects do not have the bytes that their names promise.

    Attributes:
        md5s: their DVC hashes.
    """

    def __init__(self, message: str, md5s: Sequence[str], *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.md5s = tuple(md5s)


class IntegrityError(StorageError):
    """Bytes do not have the hash that the record promises.

    Attributes:
        path: the artifact's file, relative to its root.
        expected, actual: sha256 in hex.
    """

    def __init__(self, path: str, expected: str, actual: str, *, hint: str | None = None) -> None:
        super().__init__(f"'{path}' does not have the bytes that were logged", hint=hint)
        self.path = path
        self.expected = expected
        self.actual = actual


class DifferencesError(StorageError, ValueError):
    """Files are not what was logged.

    Attributes:
        differences: a line for each file, sorted by path.
    """

    exit_code = 3

    def __init__(self, message: str, differences: Sequence[str], *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.differences = tuple(differences)


class UnsafePathError(RecordError, ValueError):
    """A path inside an artifact could leave the artifact's directory or is not portable.

    Attributes:
        path: the offending path.
    """

    def __init__(self, path: str, why: str) -> None:
        super().__init__(
            f"unsafe path {_short(path)}: {why}", hint="paths inside an artifact are relative, such as data/train.csv"
        )
        self.path = path


class ArtifactNotLoggedError(Error, AttributeError):
    """A property of a logged artifact was read from a draft."""

    exit_code = 2


class ArtifactFinalizedError(Error, AttributeError):
    """A logged artifact never changes."""

    exit_code = 2


class InvalidTableError(UsageError, ValueError, AssertionError):
    """A table cannot have, or does not have, what was asked for (W&B's assertions)."""


class InvalidValueError(UsageError, ValueError, TypeError):
    """A value is not of the type that its place in a table, or a picture or another medium, wants."""


class MissingExtraError(Error, ImportError):
    """A library that an extra of gitreg brings is not installed.

    Attributes:
        library: what could not be imported.
        extra: the extra that brings it.
    """

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(f"'{library}' is not installed", hint=f"pip install 'gitreg[{extra}]'")
        self.library = library
        self.extra = extra


class MissingConverterError(Error):
    """librsvg's `rsvg-convert` is needed to make a PNG or PDF of a picture and is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "'rsvg-convert' is not installed",
            hint="apt install librsvg2-bin, or brew install librsvg; --format svg works without it",
        )


class ConverterError(Error):
    """librsvg's `rsvg-convert` failed.

    Attributes:
        status: its exit status.
        stderr: its own words.
    """

    def __init__(self, status: int, stderr: str) -> None:
        last = next((line for line in reversed(stderr.strip().splitlines()) if line.strip()), f"exit status {status}")
        super().__init__(f"rsvg-convert failed: {last}", hint="--format svg works without it")
        self.status = status
        self.stderr = stderr


class PictureSizeError(Error):
    """A picture has more pixels than a PNG can have.

    Attributes:
        width: px, at scale 1.
        height: the same.
        most: the largest scale that fits.
    """

    exit_code = 2

    def __init__(self, width: int, height: int, most: float) -> None:
        super().__init__(
            f"the picture is too large for a PNG: {width} x {height} px at --scale 1",
            hint=f"--scale {most:g} fits; or --format svg or pdf, or fewer nodes with --up and --down",
        )
        self.width = width
        self.height = height
        self.most = most


class UncheckedReferenceError(StorageError):
    """A reference has nothing by which its bytes could be checked, so that nobody gets them from gitreg.

    Attributes:
        path: in the artifact.
        uri: where it is.
    """

    def __init__(self, path: str, uri: str, *, hint: str | None = None) -> None:
        super().__init__(f"'{path}' is not fetched: nothing was recorded by which '{uri}' could be checked", hint=hint)
        self.path = path
        self.uri = uri


class MissingReferenceError(StorageError):
    """What a reference names is not there any more.

    Attributes:
        path: in the artifact.
        uri: where it was.
    """

    def __init__(self, path: str, uri: str, *, hint: str | None = None) -> None:
        super().__init__(f"'{path}' cannot be fetched: there is nothing at '{uri}'", hint=hint)
        self.path = path
        self.uri = uri


class ChangedReferenceError(StorageError, ValueError):
    """What a reference names is not what was logged.

    Attributes:
        path: in the artifact.
        uri: where it is.
    """

    def __init__(self, path: str, uri: str, what: str, *, hint: str | None = None) -> None:
        super().__init__(f"'{path}' is not fetched: '{uri}' is not what was logged: {what}", hint=hint)
        self.path = path
        self.uri = uri
