"""What people and programs write for a commit, and where two lines of history part."""

from __future__ import annotations

import os
import re

from gitreg.errors import NotFoundError, UsageError
from gitreg.git.runner import Git
from gitreg.records.objects import Oid
from gitreg.records.plain import visible

_LONGEST = 1000
_REF = re.compile(r"refs/(?:[^~^:@]|@(?!\{))*")
_ID = re.compile(r"[0-9a-fA-F]{40}(?:[~^:@]|\Z)")
_AMBIGUOUS = "is ambiguous"


def commit(git: Git, text: str) -> Oid:
    """The commit that a revision such as `origin/main`, `HEAD~2` or an id means. Reads only what is here.

    Raises: UsageError for what is no text for git, or the name of a branch and of a tag, NotFoundError.
    """
    # a commit's id may come from a variable that is not set, a branch's name from a stranger
    if not text.strip() or len(text) > _LONGEST or "\0" in text or not _is_encodable(text):
        raise UsageError(f"'{visible(text[:100])}' is no revision", hint="write a branch, a tag or a commit's id")
    asked = ("rev-parse", "--verify", "--end-of-options", f"{text}^{{commit}}")
    found = git.attempt(*asked, offline=True, pin=("-c", "core.warnAmbiguousRefs=true"))
    words = found.stdout.decode("ascii", "replace").strip()
    ref, is_id = _REF.match(text), _ID.match(text)
    # git takes a tag for a branch of the same name, and anybody may push tags; an id, and a whole name, for what it is
    if words and _AMBIGUOUS in found.stderr and not ref and not is_id:
        hint = f"write the whole name, such as refs/remotes/{visible(text)}"
        raise UsageError(f"'{visible(text)}' is the name of several refs", hint=hint)
    if not words or (ref and git.attempt("show-ref", "--verify", "--quiet", "--", ref[0]).status != 0):
        hint = "'git fetch' brings what others have; in a shallow clone: git fetch --unshallow"
        raise NotFoundError("revision", text, f"there is no commit '{visible(text)}' here", hint=hint)
    return Oid.parse(words)


def _is_encodable(text: str) -> bool:
    """Whether it can be an argument of a process; what came as one can."""
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return False
    return True


def merge_base(git: Git, one: Oid, other: Oid) -> Oid | None:
    """Where two commits' histories part; None where they have nothing in common, or too little of them is here."""
    words = git.attempt("merge-base", str(one), str(other), offline=True).stdout.decode("ascii", "replace").split()
    return Oid.parse(words[0]) if words else None
