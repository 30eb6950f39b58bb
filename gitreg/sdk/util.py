"""W&B's helpers that scripts call: `gitreg.util`."""

from __future__ import annotations

import secrets
import string


def generate_id(length: int = 8) -> str:
    """Random lower case letters and digits, such as may be a run's id."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(length))
