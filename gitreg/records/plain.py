"""Text from strangers made fit to be looked at: on a terminal, in a picture, in a message."""

from __future__ import annotations

import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_MARKS = frozenset({"Mn", "Me"})
_MARKS_IN_A_ROW = 3


def visible(text: str) -> str:
    r"""Write what cannot be seen as an escape: control, direction and zero-width characters, and piled-up accents.

    A right-to-left override becomes the six characters `\u202e`. Ordinary text of any script stays as it is.
    """
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category in _MARKS else 0
        if category in _HIDDEN or marks > _MARKS_IN_A_ROW:
            code = ord(character)
            shown.append(f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
        else:
            shown.append(character)
    return "".join(shown)
