"""Addresses of repositories, as people write them for `git clone`: which are taken, and how one looks without secrets.

For an address of the form `NAME::...` git starts a program, so none of these is taken, and none that hides an option.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from gitreg.errors import UsageError
from gitreg.records.plain import visible

_SCHEMES = ("https", "http", "ssh", "git", "file")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)\Z", re.DOTALL)
_HELPER = re.compile(r"[A-Za-z0-9][A-Za-z0-9+.-]*::")
# git's short form of ssh, HOST:PATH: a colon before the first slash
_SHORT = re.compile(r"([^/:]+|\[[^]/]*\]|[^/:]*@\[[^]/]*\]):")
_LONGEST = 2000
_KNOWN = "write it as for 'git clone': https://HOST/PATH, HOST:PATH, or a directory"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a repository is.

    Attributes:
        url: for git; it may hold a password.
        public: the same without user name and password of a web server: to be shown, and kept.
    """

    url: str
    public: str

    @classmethod
    def parse(cls, text: str, base: Path) -> Address:
        """An address that a person wrote; a directory is taken from `base`. Raises: UsageError."""
        if not text.strip() or text.startswith("-") or visible(text) != text or len(text) > _LONGEST:
            shown = repr(text if len(text) < 100 else f"{text[:100]}...")
            raise UsageError(f"{shown} is no address of a repository", hint=_KNOWN)
        if _HELPER.match(text):
            raise UsageError(f"'{text}' would have git start a program", hint=_KNOWN)
        match = _SCHEME.match(text)
        if match:
            return _remote(text, match[1].lower(), match[2])
        short = _SHORT.match(text)
        if short:
            return cls(_safe(text, short[1]), text)
        path = os.path.abspath(base / text)  # noqa: PTH100 - resolve() would follow links
        if not os.path.exists(path):  # noqa: PTH110 - Path's raises for what can be no path
            raise UsageError(f"'{text}' is neither a directory nor an address", hint=_KNOWN)
        return cls(path, path)


def _remote(text: str, scheme: str, rest: str) -> Address:
    if scheme not in _SCHEMES:
        kinds = ", ".join(f"{kind}://" for kind in _SCHEMES)
        raise UsageError(f"'{scheme}://...' is of an unknown kind", hint=f"known are {kinds} and directories")
    host, slash, path = rest.partition("/")
    if scheme == "file":
        return Address(text, text.rstrip("/"))
    user, at, name = host.rpartition("@")
    if not name:
        raise UsageError(f"'{scheme}://...' names no host", hint=_KNOWN)
    _safe(f"{scheme}://...", host)
    _safe(f"{scheme}://...", name)
    if scheme in ("http", "https"):
        if "?" in rest or "#" in rest:
            hint = f"write a token before the host, {scheme}://NAME:TOKEN@HOST/PATH"
            raise UsageError(f"the address '{scheme}://...' has a '?' or '#'", hint=hint)
        return Address(text, f"{scheme}://{name}{slash}{path}".rstrip("/"))
    return Address(text, f"{scheme}://{user.partition(':')[0]}{at}{name}{slash}{path}".rstrip("/"))


def _safe(text: str, host: str) -> str:
    """The text, whose host is no option to ssh. Raises: UsageError."""
    if host.startswith("-") or host.rpartition("@")[2].startswith("-"):
        raise UsageError(f"'{text}' names no host", hint=_KNOWN)
    return text
