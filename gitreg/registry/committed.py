"""Files that people commit for the registry to read, such as its policy: from a commit, never from the working tree."""

from __future__ import annotations

from gitreg.errors import SettingsError
from gitreg.git.objects import Objects
from gitreg.records.objects import Oid

_FILE_MODES = (b"100644", b"100755")


def text(objects: Objects, commit: Oid | None, path: str) -> str:
    """What a file holds, '' where there is none. Raises: SettingsError for one that is no text, MissingObjectError."""
    if commit is None:
        return ""
    there, leaf = objects.entry_at(objects.commit(commit).tree, path) or ("", None)
    if leaf is None:
        return ""
    if there != path:
        raise SettingsError(path, 0, f"'{there}' is no folder")
    # where a link leads is not for a request to say, and a policy that is passed over protects nothing
    if leaf.mode not in _FILE_MODES:
        raise SettingsError(path, 0, "this is no regular file")
    try:
        return objects.read(leaf.oid)[1].decode()
    except UnicodeDecodeError as error:
        raise SettingsError(path, 0, "not UTF-8") from error
