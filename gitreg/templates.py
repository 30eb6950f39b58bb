"""Finds the files that are copied or rendered for users: `templates/` of a checkout, `gitreg/_templates/` of a wheel.

It knows where they are, not what is in them.
"""

from __future__ import annotations

from pathlib import Path

from gitreg.errors import Error

_HERE = Path(__file__).resolve().parent


def find(name: str) -> Path:
    """Return the path of a file or directory of the templates.

    `name` is relative, with `/` between its parts ('demo', 'demo/train.py'); it comes from gitreg's own code.
    Raises: Error when this installation lacks it.
    """
    # The wheel's place comes first: beside an installed gitreg, `templates` would be somebody else's package.
    for root in (_HERE / "_templates", _HERE.parent / "templates"):
        if (root / name).exists():
            return root / name
    raise Error(
        f"template '{name}' is missing from this installation of gitreg",
        hint="install gitreg again: pip install --force-reinstall gitreg",
    )
