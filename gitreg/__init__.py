"""gitreg: a model registry that lives inside Git.

Everything is loaded when it is first asked for (PEP 562), so that `import gitreg` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

    from gitreg import errors
    from gitreg.errors import (
        ArtifactFinalizedError,
        ArtifactNotLoggedError,
        CommError,
        ConfigError,
        Error,
        UsageError,
    )
    from gitreg.sdk import util
    from gitreg.sdk.api import Api
    from gitreg.sdk.artifact import Artifact
    from gitreg.sdk.media.files import Audio, Histogram, Html, Molecule, Object3D, Plotly, Video
    from gitreg.sdk.media.image import Image
    from gitreg.sdk.media.table import Table
    from gitreg.sdk.module import (
        alert,
        config,
        define_metric,
        link_artifact,
        link_model,
        log,
        log_artifact,
        log_code,
        log_model,
        mark_preempting,
        save,
        summary,
        unwatch,
        use_artifact,
        use_model,
        watch,
    )
    from gitreg.sdk.run import Run
    from gitreg.sdk.run_extras import AlertLevel
    from gitreg.sdk.session import finish, init, login, setup, teardown
    from gitreg.sdk.settings import Settings

    __version__: str
    integration: ModuleType
    run: Run | None

__all__ = [
    "AlertLevel",
    "Api",
    "Artifact",
    "ArtifactFinalizedError",
    "ArtifactNotLoggedError",
    "Audio",
    "CommError",
    "ConfigError",
    "Error",
    "Histogram",
    "Html",
    "Image",
    "Molecule",
    "Object3D",
    "Plotly",
    "Run",
    "Settings",
    "Table",
    "UsageError",
    "Video",
    "__version__",
    "alert",
    "config",
    "define_metric",
    "errors",
    "finish",
    "init",
    "integration",
    "link_artifact",
    "link_model",
    "log",
    "log_artifact",
    "log_code",
    "log_model",
    "login",
    "mark_preempting",
    "run",
    "save",
    "setup",
    "summary",
    "teardown",
    "unwatch",
    "use_artifact",
    "use_model",
    "util",
    "watch",
]

_HOMES = {
    "AlertLevel": "gitreg.sdk.run_extras",
    "Api": "gitreg.sdk.api",
    "Artifact": "gitreg.sdk.artifact",
    "Audio": "gitreg.sdk.media.files",
    "Histogram": "gitreg.sdk.media.files",
    "Html": "gitreg.sdk.media.files",
    "Image": "gitreg.sdk.media.image",
    "Molecule": "gitreg.sdk.media.files",
    "Object3D": "gitreg.sdk.media.files",
    "Plotly": "gitreg.sdk.media.files",
    "Run": "gitreg.sdk.run",
    "Settings": "gitreg.sdk.settings",
    "Table": "gitreg.sdk.media.table",
    "Video": "gitreg.sdk.media.files",
    "finish": "gitreg.sdk.session",
    "init": "gitreg.sdk.session",
    "login": "gitreg.sdk.session",
    "setup": "gitreg.sdk.session",
    "teardown": "gitreg.sdk.session",
}
_MODULES = {"errors": "gitreg.errors", "integration": "gitreg.integration", "util": "gitreg.sdk.util"}


def __getattr__(name: str) -> Any:
    """Load what is asked for. `run` is looked up each time, because it changes."""
    if name not in __all__:
        raise AttributeError(f"module 'gitreg' has no attribute '{name}'")
    from importlib import import_module, metadata

    if name == "run":
        return import_module("gitreg.sdk.session").active_run()
    if name == "__version__":
        value: Any = metadata.version("gitreg")
    elif name in _MODULES:
        value = import_module(_MODULES[name])
    elif name.endswith("Error"):
        value = getattr(import_module("gitreg.errors"), name)
    else:
        value = getattr(import_module(_HOMES.get(name, "gitreg.sdk.module")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
