"""Addresses of storages: which kinds there are, and how one looks without its secrets."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote

from gitreg.errors import UsageError
from gitreg.records.plain import visible

# What a version's own configuration may say besides the address, by scheme: nothing secret, nothing that names a file
# or a command. No `endpointurl` for gs: Google's client sends the user's token to whatever host it names, and a token
# is the whole secret (S3 sends signatures, which are of no use to another host).
SAFE_OPTIONS: dict[str, frozenset[str]] = {
    "": frozenset(),
    "file": frozenset(),
    "s3": frozenset({"endpointurl", "region", "allow_anonymous_login"}),
    "gs": frozenset({"projectname", "allow_anonymous_login"}),
    "azure": frozenset({"account_name", "allow_anonymous_login"}),
    "ssh": frozenset({"port", "user"}),
    "http": frozenset(),
    "https": frozenset(),
}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
# git's short form for a host, `user@host:path`, and its remote helpers, `ext::...`; no drive of Windows.
_HOST = re.compile(r"[^/:\\]{2,}:")
# A host or bucket, and for hosts a port. A leading '-' would be an option to whatever program is started with it.
_NETLOC = re.compile(r"(?:\w[\w.-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?\Z")
_KNOWN = "give a directory, or s3://BUCKET/PATH"
_LONGEST = 2000


def scheme_of(url: str) -> str:
    """`s3`, `ssh`, ...; empty for a local path."""
    match = _SCHEME.match(url)
    return match[1].lower() if match else ""


def local_path(url: str) -> Path | None:
    """The directory that a local address means, or None for a remote one."""
    scheme = scheme_of(url)
    if scheme == "file":
        return Path(url[len("file://") :])
    return None if scheme else Path(url)


def public_url(url: str) -> str:
    """The address without passwords, tokens and, except for ssh, user names; without a slash at its end."""
    scheme = scheme_of(url)
    if scheme in ("", "file"):
        return url.rstrip("/") or "/"
    host, path = _split(url)
    user, _, host = host.rpartition("@")
    if scheme == "ssh" and user:
        host = f"{user.partition(':')[0]}@{host}"
    if scheme in ("http", "https"):
        # Signed addresses carry their token in the query.
        path = re.split(r"[?#]", path, maxsplit=1)[0]
    return f"{url[: len(scheme)]}://{host}{path}".rstrip("/")


def _split(url: str) -> tuple[str, str]:
    """Everything between `//` and the next slash, and the rest. Unlike `urlsplit` it takes any text."""
    match = re.match(r"[^:]*://([^/?#]*)(.*)\Z", url, re.DOTALL)
    return (match[1], match[2]) if match else ("", url)


def parse_storage_url(text: str) -> str:
    """The absolute address that a person means; a relative or `~` path is taken from here, as `dvc remote add` does.

    Raises: UsageError for what is no storage, or holds a password (it would be committed).
    """
    if not text.strip() or text.startswith("-") or visible(text) != text or len(text) > _LONGEST:
        raise UsageError(f"{_short(text)} is no storage address", hint=_KNOWN)
    if "%(" in text:
        raise UsageError(
            f"storage address {text!r} holds '%(', which DVC's configuration cannot keep", hint="choose another name"
        )
    scheme = scheme_of(text)
    if scheme == "":
        if _HOST.match(text):
            raise UsageError(f"{text!r} is no storage address", hint="write ssh://HOST/PATH, or ./ before a directory")
        # unlike Path's, this one leaves a '~' of nobody as it is
        path = os.path.expanduser(text)  # noqa: PTH111
        if path.startswith("~"):
            raise UsageError(f"{text!r} names no user's home", hint="write ./ before a directory whose name starts so")
        return str(Path(os.path.abspath(path)))  # noqa: PTH100 - resolve() would follow links
    if scheme not in SAFE_OPTIONS:
        kinds = ", ".join(f"{kind}://" for kind in SAFE_OPTIONS if kind)
        raise UsageError(f"storage address {text!r} is of an unknown kind", hint=f"known are directories and {kinds}")
    return _file_path(text) if scheme == "file" else _checked(text, scheme)


def is_usable(url: str) -> bool:
    """Whether an address that a stranger wrote may be tried: no host in it is an option, nothing in it is hidden."""
    user, _, host = _split(url)[0].rpartition("@")
    return visible(url) == url and len(url) <= _LONGEST and not user.startswith("-") and not host.startswith("-")


def _file_path(text: str) -> str:
    """The path of a `file://` address. Raises: UsageError when it means none of this machine."""
    host, path = _split(text)
    path = unquote(path, errors="surrogateescape")
    if host not in ("", "localhost") or not Path(path).is_absolute() or visible(path) != path:
        raise UsageError(f"{text!r} names no directory of this machine", hint="write file:///absolute/path")
    return path


def _checked(text: str, scheme: str) -> str:
    """The address of a host or bucket as it is. Raises: UsageError."""
    user, _, host = _split(text)[0].rpartition("@")
    if not host:
        raise UsageError(f"storage address {text!r} names no host or bucket", hint=_KNOWN)
    public = public_url(text)
    sound = _NETLOC.match(host) and not user.startswith("-")
    if public != text.rstrip("/") or (not sound and "@" in text):
        # the first slash of a secret ends what is taken for the host, so what stands before an '@' may be one
        raise _secret(f"{scheme}://..." if "@" in public else public)
    if not sound:
        raise UsageError(f"storage address {text!r} names no host or bucket", hint=_KNOWN)
    return text


def _secret(shown: str) -> UsageError:
    return UsageError(
        f"storage address '{shown}' holds a user name, a password or a token, and would be committed",
        hint="leave it out, and keep it outside Git: dvc remote modify --local NAME KEY VALUE",
    )


def _short(text: str) -> str:
    return repr(text if len(text) < 100 else f"{text[:100]}...")
