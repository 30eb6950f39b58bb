"""What hooks gitreg into training frameworks, a module for each; none is loaded unless it is asked for by name."""

from __future__ import annotations

from typing import Any

_MODULES = ("huggingface", "keras", "lightning", "sklearn")


def __getattr__(name: str) -> Any:
    """Load a module when somebody writes `gitreg.integration.keras`."""
    if name not in _MODULES:
        raise AttributeError(f"module 'gitreg.integration' has no attribute '{name}'")
    from importlib import import_module

    return import_module(f"{__name__}.{name}")
