"""Addresses of repositories: which are taken, and what of them is shown and kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitreg.errors import UsageError
from gitreg.git.address import Address


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("https://bob:secret@h.org:8443/a.git/", "https://h.org:8443/a.git"),
        ("HTTPS://h.org/a", "https://h.org/a"),
        ("ssh://git:secret@h.org/a", "ssh://git@h.org/a"),
        ("git@h.org:a", "git@h.org:a"),
        ("[::1]:a", "[::1]:a"),
        ("file:///srv/a?b#c/", "file:///srv/a?b#c"),
    ],
)
def test_what_is_shown_and_kept_has_no_secret(text: str, public: str) -> None:
    assert Address.parse(text, Path.cwd()) == Address(text, public)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ext::sh -c true", "would have git start a program"),
        ("-u:x", "is no address"),
        ("ssh://-oProxyCommand=x/a", "names no host"),
        ("git@-oProxyCommand=x:a", "names no host"),
        ("ftp://h.org/a", "of an unknown kind"),
        ("https://bob@/a", "names no host"),
        ("https://h.org/a\x1b[2J", "is no address"),
        ("nowhere", "is neither a directory nor an address"),
        # git would put the rest of the path behind it: no server has such a repository, and errors would show the token
        ("https://h.org/a.git?private_token=secret", "'?' or '#'"),
        ("http://h.org/a.git#secret", "'?' or '#'"),
        ("https://h.org?repo=secret", "'?' or '#'"),
    ],
)
def test_what_git_would_take_for_something_else_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        Address.parse(text, Path.cwd())
    assert words in caught.value.message
    assert "secret" not in f"{caught.value.message} {caught.value.hint}"
    assert caught.value.hint
