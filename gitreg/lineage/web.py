"""Where a code host shows commits, worked out from the address of the remote; nothing is asked."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlsplit

from gitreg.records.objects import Oid

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


def commit_page(remote: str, commit: Oid) -> str:
    """The page of a commit, '' when the remote is no https address.

    The form is GitHub's, which GitLab, Gitea and Forgejo understand, or Bitbucket's. Credentials in the address are
    left out.
    """
    host, top = _top(remote)
    return f"{top}/{'commits' if host == 'bitbucket.org' else 'commit'}/{commit}" if top else ""


def compare_page(remote: str, old: Oid, new: Oid) -> str:
    """The page of what differs between two commits, '' when the remote is no https address."""
    host, top = _top(remote)
    words = f"branches/compare/{new}%0D{old}" if host == "bitbucket.org" else f"compare/{old}...{new}"
    return f"{top}/{words}" if top else ""


def _top(remote: str) -> tuple[str, str]:
    """The host, and the address of the repository there; '' for both where there is none."""
    try:
        address = urlsplit(remote)
        port = f":{address.port}" if address.port else ""
    except ValueError:
        return "", ""
    host, path = address.hostname or "", unquote(address.path).strip("/").removesuffix(".git")
    if address.scheme != "https" or not _HOST.fullmatch(host) or not path or ".." in path.split("/"):
        return "", ""
    return host, f"https://{host}{port}/{quote(path)}"
