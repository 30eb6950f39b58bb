"""Tells whether what a file asks for can be done at all: the version is there, and the request is fresh."""

from __future__ import annotations

import shlex

from gitreg.promotion.published import Published
from gitreg.promotion.request import Problem
from gitreg.promotion.wanted import NEVER, Entry
from gitreg.records.names import AliasName, VersionName
from gitreg.records.objects import Oid
from gitreg.records.plain import visible
from gitreg.records.similar import closest
from gitreg.registry import versions
from gitreg.registry.versions import Version


def command(entry: Entry, version: VersionName | None) -> str:
    """The line that writes a request anew."""
    what = version.label if version else "--remove"
    # a reason may hold what a shell would obey, and what a terminal would
    why = f" --reason {shlex.quote(entry.reason)}" if entry.reason == visible(entry.reason) and entry.reason else ""
    return f"gitreg promote {entry.alias} {what}{why}"


def version(published: Published, entry: Entry, name: VersionName) -> tuple[Version | None, tuple[Problem, ...]]:
    """The version that is asked for, None when there is none, and what is wrong with it. Raises: RecordError."""
    found = published.version(name)
    if found is None:
        return None, (_missing(published, entry, name),)
    if not versions.is_own(published.registry, found.tag):
        hint = f"somebody's own tag has that name: git show {found.tag.short}"
        return None, (Problem(f"'{name.tag}' is no version of gitreg's", hint),)
    problems = []
    if not str(found.commit).startswith(entry.commit):
        problems.append(_another(published, entry, found))
    if published.is_deleted(found):
        problems.append(Problem(f"'{name}' is deleted", f"gitreg show {name} --deleted says why"))
    return found, tuple(problems)


def _missing(published: Published, entry: Entry, name: VersionName) -> Problem:
    registry, collection = published.registry, name.collection
    if collection not in published.collections:
        close = closest(str(collection), map(str, published.collections))
        return Problem(
            f"there is no collection '{collection}'", f"did you mean '{close}'?" if close else "gitreg ls lists them"
        )
    known = published.known(collection)
    if name in known.names:
        return Problem(f"'{name}' is not published", "gitreg push, where it is; another version may get the number")
    twin = known.of_commit(entry.commit)
    if twin:
        return Problem(
            f"'{name}' is not on '{registry.remote}'; commit {entry.commit} is {twin.label} there",
            command(entry, twin),
        )
    return Problem(f"there is no '{name}'", f"'{collection}' has {known.told}")


def _another(published: Published, entry: Entry, found: Version) -> Problem:
    twin = published.known(found.name.collection).of_commit(entry.commit)
    words = f"'{found.name}' is commit {found.commit.short}, and the request was written for {entry.commit}"
    words += f", which is {twin.label}" if twin else ""
    return Problem(words, command(entry, twin or found.name))


def stale(entry: Entry, tip: Oid | None) -> Problem | None:
    """Why the request does not fit the alias as it is now; None when it does."""
    after = entry.after
    if not after or (str(tip).startswith(after) if tip else after == NEVER):
        return None
    if tip is None:
        words = f"the request was written after {after}, and '{entry.alias}' has no history"
    elif after == NEVER:
        words = f"'{entry.alias}' has been moved since the request was written; it had no history then"
    else:
        words = f"'{entry.alias}' has been moved since the request was written: it is at {tip.short}, not at {after}"
    return Problem(words, f"look at 'gitreg alias log {entry.alias}', then: {command(entry, entry.version)}")


def twin(published: Published, alias: AliasName) -> Problem | None:
    """Why there cannot be an alias of this name: another differs from it by case only."""
    known = published.twin(alias)
    return Problem(f"'{alias}' differs from '{known}' only by case", f"use '{known.alias}'") if known else None
