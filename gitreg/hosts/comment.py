"""Keeps one comment on a request up to date: found by its first line and its author, written again in place."""

from __future__ import annotations

from typing import Literal

from gitreg.hosts.host import Comment, Host

Kept = Literal["created", "updated", "unchanged", "silent"]


def keep(host: Host, request: int, text: str, *, marker: str, silent: bool) -> tuple[Kept, str]:
    """Make `text` the one comment on a request that begins with `marker`; returns what was done, and its page.

    Nothing is written where it says so already, and with `silent` where there is none yet. A comment of somebody
    else's is left alone, whatever it begins with; of several of our own all but the first are deleted.

    Raises: HostError.
    """
    ours = [item for item in host.comments(request) if item.text.startswith(marker)]
    for other in ours[1:]:
        host.delete(request, other)
    if not ours:
        return ("silent", "") if silent else ("created", host.create(request, text).page)
    if _says(ours[0], text):
        return "unchanged", ours[0].page
    host.update(request, ours[0], text)
    return "updated", ours[0].page


def _says(comment: Comment, text: str) -> bool:
    """Whether a comment holds this text; hosts write line ends in their own way."""
    return comment.text.replace("\r\n", "\n").strip() == text.strip()
