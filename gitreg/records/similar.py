"""What somebody who wrote a name that is not there may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

# a longer one is no slip, and comparing it takes long
_LONGEST = 200
_LISTED = 8


def closest(wanted: str, known: Iterable[str]) -> str | None:
    """The likeliest of the known names: but for case the same, what it is the only beginning of, or alike."""
    names = list(known)
    if wanted in names:
        return wanted
    folded = {name.casefold(): name for name in names}
    word = wanted.casefold()
    if word in folded:
        return folded[word]
    if not word or len(word) > _LONGEST:
        return None
    longer = [name for name in folded if name.startswith(word)]
    found = longer if len(longer) == 1 else difflib.get_close_matches(word, folded, n=1)
    return folded[found[0]] if found else None


def listed(names: Sequence[str]) -> str:
    """`a, b, c`, and `...` where there are more than somebody reads."""
    return ", ".join([*names[:_LISTED], *(["..."] if len(names) > _LISTED else [])])
