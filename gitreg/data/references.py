"""What is known of files that are kept elsewhere: on this machine, on web servers, in buckets.

Asked through the file systems that DVC brings (fsspec), which are imported when a server or bucket is asked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from gitreg.data.config import Project
from gitreg.data.hashing import hash_file, refusals
from gitreg.data.plugins import connect, is_absence, plugin_errors
from gitreg.data.urls import local_path, parse_storage_url, public_url, scheme_of
from gitreg.data.walk import walk_directory
from gitreg.errors import InvalidArtifactError, UsageError
from gitreg.records.plain import visible
from gitreg.records.references import MAX_TEXT, MAX_URI, Reference

MAX_OBJECTS = 10_000_000
KINDS = frozenset({"file", "http", "https", "s3", "gs", "azure"})
"""The schemes whose addresses can be asked and fetched; others are only noted."""

_WEB = frozenset({"http", "https"})
_JOBS = 16
# What signed addresses and tokens look like in a query.
_SECRET = re.compile(
    r"[?&;](?:x-(?:amz|goog)-[^=&;]*|awsaccesskeyid|googleaccessid|sig(?:nature)?|policy|pass(?:word|wd)?|pwd|auth[^=&;]*"
    r"|[^=&;]*(?:token|key|secret|credential)[^=&;]*)=",
    re.IGNORECASE,
)


def parse_uri(text: str) -> str:
    """The address that a person means; a path of this machine becomes a `file://` address.

    Raises: InvalidArtifactError for what is none, or holds a password or a token, which would be committed.
    """
    if not text.strip() or visible(text) != text or len(text) > MAX_URI:
        raise InvalidArtifactError(
            f"{text[:100]!r} is no address of a reference", hint="such as s3://BUCKET/PATH, https://HOST/PATH or a path"
        )
    scheme = scheme_of(text)
    if scheme in ("", "file"):
        try:
            path = Path(parse_storage_url(text) if scheme else os.path.abspath(text))  # noqa: PTH100 - follows no link
        except UsageError as error:
            raise InvalidArtifactError(error.message, hint=error.hint) from error
        return path.as_uri()
    if scheme in _WEB:
        text = text.partition("#")[0]
    rest = text.partition("://")[2]
    if "@" in rest.split("/")[0] or _SECRET.search(text):
        raise InvalidArtifactError(
            f"'{public_url(text).partition('?')[0]}' was given with a user name, a password or a token",
            hint="it would be committed; keep it in a remote instead: dvc remote modify --local NAME KEY VALUE",
        )
    if not rest.strip("/"):
        raise InvalidArtifactError(f"'{text}' names no host or bucket", hint="such as s3://BUCKET/PATH")
    return text


def look(
    project: Project | None, uri: str, name: str | None = None, *, checksum: bool = True, max_objects: int | None = None
) -> list[Reference]:
    """A reference to a file, or to each file of a directory or prefix, with what tells its bytes from others.

    They get the path `name`, or `name/...`; without a name those they have there. Without `checksum` no server is
    asked, so that a prefix is one reference. Raises: InvalidArtifactError when there is nothing, or more than
    `max_objects`; StorageError, UnsafePathError.
    """
    most = MAX_OBJECTS if max_objects is None else max_objects
    uri = parse_uri(uri)
    scheme = scheme_of(uri)
    if scheme == "file":
        return _look_here(uri, name, checksum=checksum, most=most)
    if not name and scheme not in KINDS:
        raise InvalidArtifactError(
            f"a reference to '{uri}' needs a name: addresses of this kind cannot be asked", hint="pass name="
        )
    uri, version = _version(uri)
    if not checksum or scheme not in KINDS:
        return [Reference(name or _name(uri, scheme), uri, version=version)]
    with closing(Place(project, uri, version)) as place:
        return place.look(uri, name, version, most)


class Place:
    """A server or bucket, with what the user's own configuration says of it."""

    def __init__(self, project: Project | None, uri: str, version: str = "") -> None:
        remote: dict[str, Any] = {"url": uri, **(project.options_for(uri) if project else {})}
        if version:
            remote["version_aware"] = True
        self.scheme = scheme_of(uri)
        with plugin_errors(f"'{uri}' cannot be asked", self.scheme):
            self._fs, _ = connect(remote)

    def close(self) -> None:
        """End the connections to a web server, which its file system leaves to chance."""
        session = getattr(self._fs.fs, "_session", None)
        if self.scheme in _WEB and session is not None:
            from fsspec.asyn import sync

            sync(self._fs.fs.loop, session.close)
            self._fs.fs._session = None  # noqa: SLF001 - the next one makes another

    def path(self, uri: str, version: str = "") -> str:
        """An address as its file system takes it."""
        found: str = self._fs.fs._strip_protocol(uri)  # noqa: SLF001 - fsspec's own name for what it offers to all
        return f"{found}?versionId={version}" if version else found

    def info(self, uri: str, version: str = "") -> Mapping[str, Any] | None:
        """What is known of an object, now; None when there is none. Raises: StorageError."""
        with plugin_errors(f"'{uri}' cannot be asked", self.scheme):
            self._fs.fs.invalidate_cache()
            try:
                found: Mapping[str, Any] = self._fs.fs.info(self.path(uri, version))
            except FileNotFoundError as error:
                if is_absence(error, self.scheme):
                    return None
                raise error.__cause__ or error from None
        return found

    def get(self, uri: str, version: str, target: Path) -> None:
        """Write an object's bytes into a file. Raises: StorageError."""
        with plugin_errors(f"'{uri}' cannot be fetched", self.scheme):
            self._fs.fs.get_file(self.path(uri, version), str(target))

    def look(self, uri: str, name: str | None, version: str, most: int) -> list[Reference]:
        """See `look`."""
        info = self.info(uri, version)
        if info is None:
            raise InvalidArtifactError(f"there is nothing at '{uri}'", hint="check the address")
        if info["type"] == "file":
            return [self.reference(name or _name(uri, self.scheme), uri, info)]
        above = self.path(uri).rstrip("/")
        with plugin_errors(f"'{uri}' cannot be listed", self.scheme):
            found = self._fs.fs.find(above, detail=True)
        # an object whose name ends like a folder's stands for one
        inside = {path[len(above) + 1 :]: item for path, item in found.items() if item["type"] == "file"}
        inside = {path: item for path, item in inside.items() if path and not path.endswith("/")}
        _check_count(len(inside), most)
        base, prefix = uri.rstrip("/"), f"{name.rstrip('/')}/" if name else ""
        inside = self._with_versions(base, inside)
        if not inside:
            raise InvalidArtifactError(f"there is nothing at '{uri}'", hint="check the address")
        return [self.reference(prefix + path, f"{base}/{path}", item) for path, item in inside.items()]

    def _with_versions(self, base: str, inside: dict[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
        """S3 lists no versions; where the bucket keeps some, each object is asked for its own."""
        first = next(iter(inside), None)
        if self.scheme != "s3" or first is None or not self.version(self.info(f"{base}/{first}") or {}):
            return inside
        with ThreadPoolExecutor(_JOBS) as pool:
            asked = pool.map(lambda path: self.info(f"{base}/{path}"), inside)
            return {path: item or inside[path] for path, item in zip(inside, asked, strict=True)}

    def reference(self, path: str, uri: str, info: Mapping[str, Any]) -> Reference:
        """What an object is known by."""
        etag = self.etag(info)
        modified = "" if etag else _text(info.get("Last-Modified"))
        return Reference(path, uri, info.get("size"), etag=etag, version=self.version(info), modified=modified)

    def etag(self, info: Mapping[str, Any]) -> str:
        """What the server calls the bytes, without quotes."""
        return _text(info.get("ETag") or info.get("etag")).strip('"')

    def version(self, info: Mapping[str, Any]) -> str:
        """The version of an S3 object, where the bucket keeps several."""
        found = _text(info.get("VersionId")) if self.scheme == "s3" else ""
        return "" if found == "null" else found


def _look_here(uri: str, name: str | None, *, checksum: bool, most: int) -> list[Reference]:
    path = local_path(unquote(uri)) or Path()
    if path.is_dir():
        prefix = f"{name.rstrip('/')}/" if name else ""
        files = {prefix + inside: file for inside, file in walk_directory(path).items()}
        _check_count(len(files), most)
    elif path.is_file():
        files = {name or path.name: path}
    else:
        raise InvalidArtifactError(f"'{path}' is not a file or directory", hint="check the path")

    def reference(item: tuple[str, Path]) -> Reference:
        inside, file = item
        with refusals(f"'{file}' cannot be read"):
            if not checksum:
                return Reference(inside, file.as_uri(), file.stat().st_size)
            found = hash_file(file)
        return Reference(inside, file.as_uri(), found.size, found.md5, found.sha256)

    return _each(reference, list(files.items()))


def _each(work: Callable[[tuple[str, Path]], Reference], items: Sequence[tuple[str, Path]]) -> list[Reference]:
    with ThreadPoolExecutor(_JOBS) as pool:
        return list(pool.map(work, items))


def _check_count(count: int, most: int) -> None:
    """Raises: InvalidArtifactError."""
    if count > most:
        raise InvalidArtifactError(
            f"there are {count} objects, more than {most}", hint=f"pass max_objects={count} to take them all"
        )


def _version(uri: str) -> tuple[str, str]:
    """The address of an S3 object and, where it names one, its version."""
    bare, _, query = uri.partition("?versionId=")
    return (bare, query) if scheme_of(uri) == "s3" and query else (uri, "")


def _name(uri: str, scheme: str) -> str:
    """What a reference is called that nobody gave a name: the last part of its address."""
    path = uri.partition("://")[2]
    if scheme in _WEB:
        path = unquote(path.partition("?")[0])
    return PurePosixPath(path).name


def _text(value: object) -> str:
    """A server's word, where it is one that can be kept."""
    text = str(value or "")
    return text if visible(text) == text and len(text) <= MAX_TEXT else ""
