"""How wide a text will be.

Widths are those of Arial (and of Helvetica, Liberation Sans, Arimo, which share its metrics) in thousandths of an em.
The SVG tells its viewer each width as well, so a viewer with another font squeezes a text and does not overflow a box.
"""

from __future__ import annotations

import unicodedata

_REGULAR = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 "
    "584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944 "
    "667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 "
    "278 556 500 722 500 500 500 334 260 334 584"
)
_BOLD = (
    "278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 333 333 "
    "584 584 584 611 975 722 722 722 722 667 611 778 722 278 556 722 611 833 722 778 667 778 722 667 611 722 667 944 "
    "667 667 611 333 278 333 584 556 333 556 611 556 611 556 333 611 611 278 278 556 278 889 611 611 611 611 389 556 "
    "333 611 556 778 556 556 500 389 280 389 584"
)
_WIDTHS = {bold: tuple(map(int, table.split())) for bold, table in ((False, _REGULAR), (True, _BOLD))}
_WIDE, _UPPER, _OTHER = 1000, 850, 640
ELLIPSIS = "\u2026"


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Width of one line in px, at a font size in px."""
    return sum(_advance(character, _WIDTHS[bold]) for character in text) * size / 1000


def fit(text: str, width: float, size: float, *, bold: bool = False) -> str:
    """Cut the middle out of `text` until it is at most `width` px wide; both ends (the version number) stay."""
    if text_width(text, size, bold=bold) <= width:
        return text
    # Names reach 128 characters by the grammar, but a label is data from strangers: never measure megabytes.
    head, tail = text[:400], text[-400:]
    keep = len(head) + len(tail)
    while keep > 0:
        keep -= 1
        cut = head[: (keep * 3 + 4) // 5] + ELLIPSIS + (tail[-(keep * 2 // 5) :] if keep * 2 // 5 else "")
        if text_width(cut, size, bold=bold) <= width:
            return cut
    return ELLIPSIS


def _advance(character: str, table: tuple[int, ...]) -> int:
    code = ord(character)
    if 32 <= code < 127:
        return table[code - 32]
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    if unicodedata.east_asian_width(character) in "WF" or character == ELLIPSIS:
        return _WIDE
    base = unicodedata.normalize("NFD", character)[0]
    if base != character and 32 <= ord(base) < 127:
        return table[ord(base) - 32]
    return _UPPER if character.isupper() or unicodedata.category(character)[0] == "S" else _OTHER
