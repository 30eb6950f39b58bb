"""What is different in a notebook: cells end, and the process stays."""

from __future__ import annotations

import sys
import weakref
from typing import Any

from gitreg.registry.repository import Registry

_known: weakref.WeakSet[Registry] = weakref.WeakSet()
_shells: weakref.WeakSet[Any] = weakref.WeakSet()


def shell() -> Any:
    """The kernel's shell, None elsewhere, also at IPython's own prompt."""
    ipython = sys.modules.get("IPython")
    found = ipython.get_ipython() if ipython else None
    return found if type(found).__name__ == "ZMQInteractiveShell" else None


def rest_after_cells(registry: Registry) -> None:
    """Let a repository's reading process end with each cell; nothing outside a notebook.

    ipykernel ends all child processes before it ends itself, and waits for those that nobody asks about, until
    jupyter_client loses patience and kills it: the run would not be finished.
    """
    found = shell()
    if found is None:
        return
    _known.add(registry)
    if found not in _shells:
        _shells.add(found)
        found.events.register("post_run_cell", _rest)


def _rest(*_: object) -> None:
    for registry in list(_known):
        registry.close()
