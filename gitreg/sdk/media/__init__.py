"""Tables, images and other media: what they hold, and how they become files of an artifact and come back.

Nothing here imports numpy, pyarrow or Pillow before it needs them; the extra `tables` brings them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gitreg.sdk.run import Run


# Without one of these loaded, nobody has made anything to look for.
_MAKERS = ("gitreg.sdk.media.base", "matplotlib", "numpy", "pandas", "PIL", "plotly")


def kept(run: Run, data: Mapping[str, Any], step: int) -> Mapping[str, Any]:
    """What a run logs, with a small mapping in place of each table and medium, see `gitreg.sdk.media.runs`."""
    if not any(map(sys.modules.__contains__, _MAKERS)):
        return data
    from gitreg.sdk.media import runs

    return runs.kept(run, data, step)
