"""Where a code host shows a commit, worked out from the address of the remote; nothing is asked."""

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
    try:
        address = urlsplit(remote)
        port = f":{address.port}" if address.port else ""
    except ValueError:
        return ""
    host, path = address.hostname or "", unquote(address.path).strip("/").removesuffix(".git")
    if address.scheme != "https" or not _HOST.fullmatch(host) or not path or ".." in path.split("/"):
        return ""
    word = "commits" if host == "bitbucket.org" else "commit"
    return f"https://{host}{port}/{quote(path)}/{word}/{commit}"
