"""What could stand where somebody has begun to write a name, from the names of refs alone: no object is parsed.

Everything offered is a name of the grammar, so whatever strangers call their refs, no shell sees more than letters,
digits and `_.-/:@`.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from pathlib import Path

from gitreg.errors import InvalidNameError
from gitreg.git.names import ref_names
from gitreg.records.names import LATEST, CollectionName, check_alias, check_run_id
from gitreg.records.refs import DRAFTS, PENDING, TAGS, TRACKING

MOST = 30
"""How many versions or runs are offered at once."""

# What is looked for goes into a pattern, where nothing of it may mean something.
_NAME = re.compile(r"[A-Za-z0-9_./-]*\Z")
_VERSION = re.compile(r"(.+)@v(0|[1-9][0-9]{0,8})\Z")


def collections(directory: Path, begun: str) -> list[str]:
    """The collections whose names begin so."""
    return sorted(_versions(directory, f"{begun}*", f"{begun}*/*"))


def references(directory: Path, begun: str) -> list[str]:
    """The collections whose names begin so, and when it is one, its versions; after a ':' or '@' only these."""
    match = re.match(r"([^:@]*)([:@]?)(.*)\Z", begun, re.DOTALL)
    assert match
    name, sign, selector = match.groups()
    found = _versions(directory, name) if sign else _versions(directory, f"{name}*", f"{name}*/*")
    if len(found) != 1:
        return sorted(found) if not sign else []
    ((name, numbers),) = found.items()
    offered = [f"{name}{sign or ':'}{item}" for item in _selectors(directory, name, numbers, selector)]
    return offered if sign else [name, *offered]


def selectors(directory: Path, collection: str, begun: str) -> list[str]:
    """The aliases and versions of a collection that begin so."""
    numbers = _versions(directory, collection).get(collection, set())
    return _selectors(directory, collection, numbers, begun)


def aliases(directory: Path, begun: str) -> list[str]:
    """The collections whose names begin so, and after a ':' the aliases of one."""
    name, colon, alias = begun.partition(":")
    if not colon:
        found = collections(directory, name)
        return [f"{found[0]}:{item}" for item in _aliases(directory, found[0])] if len(found) == 1 else found
    return [f"{name}:{item}" for item in _aliases(directory, name) if item.startswith(alias)]


def alias_names(directory: Path, begun: str) -> list[str]:
    """The aliases of any collection that begin so."""
    return [item for item in _aliases(directory, "*", "*/*") if item.startswith(begun)]


def registered(directory: Path, begun: str) -> list[str]:
    """The collections in a registry whose names begin so."""
    return [name for name in collections(directory, begun) if "/" in name]


def runs(directory: Path, begun: str) -> list[str]:
    """Some runs whose ids begin so; none before there is a beginning, ids being random."""
    if not begun or not _NAME.match(begun) or "/" in begun:
        return []
    shard = begun[:2] if len(begun) > 1 else f"{begun}*"
    names = ref_names(directory, *(f"{base}runs/{shard}/{begun}*" for base in (PENDING, f"{TRACKING}*/")))
    found = {name.rpartition("/")[2] for name in names}
    return [name for name in sorted(found) if _is_valid(check_run_id, name)][:MOST]


def _versions(directory: Path, *patterns: str) -> dict[str, set[int]]:
    """The collections that match, and the numbers of their versions."""
    found: dict[str, set[int]] = {}
    if all(_NAME.match(pattern.replace("*", "")) for pattern in patterns):
        for ref in ref_names(directory, *(f"{base}{pattern}@v*" for base in (TAGS, DRAFTS) for pattern in patterns)):
            match = _VERSION.match(ref.removeprefix(DRAFTS).removeprefix(TAGS))
            if match:
                found.setdefault(match[1], set()).add(int(match[2]))
    return {name: numbers for name, numbers in found.items() if _is_valid(CollectionName.parse, name)}


def _selectors(directory: Path, collection: str, numbers: Iterable[int], begun: str) -> list[str]:
    words = [*_aliases(directory, collection), LATEST]
    labels = (f"v{number}" for number in sorted(numbers, reverse=True))
    return [
        *(word for word in words if word.startswith(begun)),
        *[label for label in labels if label.startswith(begun)][:MOST],
    ]


def _aliases(directory: Path, *patterns: str) -> list[str]:
    """The aliases of the collections that match, each once."""
    if not all(_NAME.match(pattern.replace("*", "")) for pattern in patterns):
        return []
    bases = (PENDING, f"{TRACKING}*/")
    names = ref_names(directory, *(f"{base}aliases/{pattern}@*" for base in bases for pattern in patterns), living=True)
    return sorted(name for name in {name.rpartition("@")[2] for name in names} if _is_valid(check_alias, name))


def _is_valid(check: object, name: str) -> bool:
    assert callable(check)
    with contextlib.suppress(InvalidNameError):
        check(name)
        return True
    return False
