"""`Settings`: the other way to tell `init` something, W&B's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitreg.errors import UsageError
from gitreg.sdk.talk import once

_ARGUMENTS = {
    **{name: name for name in ("entity", "project", "mode", "resume", "reinit", "allow_val_change", "save_code")},
    **{f"run_{name}": name for name in ("id", "name", "notes", "tags", "group", "job_type")},
    "root_dir": "dir",
}
_OWN = ("silent", "quiet", "ranks")


class Settings:
    """What `init(settings=...)` takes, as an object; a mapping does as well.

    `entity`, `project`, `mode`, `resume`, `reinit`, `allow_val_change`, `save_code`, `run_id`, `run_name`, `run_notes`,
    `run_tags`, `run_group`, `run_job_type` and `root_dir` are what `init` has arguments for, and those count more.
    `silent` and `quiet` say less, see `init`; `ranks="all"` lets each of several distributed processes record.
    Everything else that W&B's has means nothing here: it is said once, and kept.
    """

    def __init__(self, **values: Any) -> None:
        unused = [name for name in values if name not in (*_ARGUMENTS, *_OWN)]
        if unused:
            once(f"settings mean nothing here: {', '.join(sorted(unused))}")
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        """None for what was not set. Raises: AttributeError for what `init` takes no setting for."""
        if name in _ARGUMENTS or name in _OWN:
            return None
        raise AttributeError(f"there is no setting '{name}'")

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    @property
    def _arguments(self) -> dict[str, Any]:
        """Those that are arguments of `init`, under the argument's name."""
        return {
            argument: getattr(self, name) for name, argument in _ARGUMENTS.items() if getattr(self, name) is not None
        }


def settings(given: object) -> Settings:
    """The settings that a caller gave. Raises: UsageError."""
    if given is None or isinstance(given, Settings):
        return given or Settings()
    if isinstance(given, Mapping) and all(isinstance(name, str) for name in given):
        return Settings(**given)
    raise UsageError(f"settings are a mapping or gitreg.Settings, not {type(given).__name__}")
