"""What else W&B's runs can be told: code, files, alerts, models to watch."""

from __future__ import annotations

import glob as globbing
import inspect
import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from gitreg.errors import Error, InvalidArtifactError, UsageError
from gitreg.sdk import targets
from gitreg.sdk.artifact import Artifact
from gitreg.sdk.run_artifacts import ArtifactVerbs
from gitreg.sdk.talk import logger, once

_POLICIES = ("live", "now", "end")


class AlertLevel(Enum):
    """How grave an alert is."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


def is_code(path: str) -> bool:
    """Whether `log_code` takes a file by default: Python files, notebooks, requirements and Dockerfiles."""
    name = os.path.basename(path).lower()  # noqa: PTH119  # W&B's functions get text
    return name.endswith((".py", ".ipynb")) or name.startswith(("dockerfile", "requirements"))


def is_no_code(path: str) -> bool:
    """Whether `log_code` passes over a file by default: what is hidden, and what downloads have made."""
    parts = Path(path).parts
    return any(part.startswith(".") for part in parts) or parts[:1] in (("artifacts",), ("wandb",))


class OtherVerbs(ArtifactVerbs):
    """The part of `Run` that records files of no artifact's, and what is for people only."""

    _saved: dict[str, Path]
    _alerts: dict[str, float]

    def log_code(
        self,
        root: str | os.PathLike[str] | None = ".",
        name: str | None = None,
        include_fn: Callable[..., bool] = is_code,
        exclude_fn: Callable[..., bool] = is_no_code,
    ) -> Artifact | None:
        """Log the code below a directory as an artifact of type `code`; None when there is none.

        The commit of the code, with what was not committed, is recorded in any case, when the run starts. A file is
        taken when `include_fn` says so and `exclude_fn` does not; both get its path relative to `root`, and `root` when
        they take two. The name is `source-<project>` (without a project `source-<id>`). Raises: UsageError once the
        run is finished.
        """
        top = targets.place(root or ".")
        if not top.is_dir():
            raise InvalidArtifactError(f"'{top}' is not a directory", hint="check the path")
        artifact = Artifact(name or targets.usable(f"source-{self.project or self.id}"), "code")
        for folder, folders, files in os.walk(top):
            folders[:] = sorted(item for item in folders if not item.startswith("."))
            for file in sorted(files):
                inside = os.path.relpath(Path(folder) / file, top)
                if _says(include_fn, inside, top) and not _says(exclude_fn, inside, top):
                    artifact.add_file(Path(folder) / file, Path(inside).as_posix())
        with self._open("log_code"):
            return self.log_artifact(artifact) if artifact.file_count else None

    def save(
        self,
        glob_str: str | os.PathLike[str],
        base_path: str | os.PathLike[str] | None = None,
        policy: str = "live",
        glob: bool = True,
    ) -> list[str]:
        """Keep files with the run: an artifact `run-<id>-files` of type `files`, logged when the run ends.

        `glob_str` is a path, or a pattern as Python's `glob` has it; what fits is looked up now and read when the run
        ends, with `policy="now"` now. Names are relative to `base_path`, by default to the current directory; above
        that, the last directory stays. Returns the paths. Raises: UsageError.
        """
        if policy not in _POLICIES:
            raise UsageError(f"policy {policy!r} is not known", hint=f"one of {', '.join(_POLICIES)}")
        text = os.fspath(targets.place(glob_str))
        found = [Path(path).absolute() for path in (globbing.glob(text, recursive=True) if glob else [text])]  # noqa: PTH207  # a pattern may be absolute
        files = [path for path in sorted(found) if path.is_file()]
        with self._open("save"):
            if not files:
                logger.warning("no file is called '%s': nothing is saved", text)
            self._saved.update((_inside(path, base_path), path) for path in files)
            if policy == "now":
                self._log_saved()
        return [str(path) for path in files]

    def _log_saved(self) -> None:
        """Log what `save` was told of; what cannot be read is passed over. Raises: as `log_artifact`."""
        artifact = Artifact(targets.default_name(self.id, "files"), "files")
        for name, path in self._saved.items():
            try:
                artifact.add_file(path, name)
            except (Error, ValueError) as error:  # noqa: PERF203  # one keeps no other from being saved
                logger.warning("'%s' is not saved: %s", path, error)
        if artifact.file_count:
            self.log_artifact(artifact)

    def alert(
        self,
        title: str,
        text: str,
        level: str | AlertLevel | None = None,
        wait_duration: float | timedelta | None = None,
    ) -> None:
        """Tell whoever reads the program's log, through `logging`; nobody is sent anything, and nothing is recorded.

        Another alert with this title is passed over for `wait_duration` (seconds; default 60). Raises: UsageError.
        """
        word = str(level.value if isinstance(level, AlertLevel) else level or "INFO").upper()
        if word not in AlertLevel.__members__:
            raise UsageError(f"alert level {level!r} is not known", hint=f"one of {', '.join(AlertLevel.__members__)}")
        wait = wait_duration.total_seconds() if isinstance(wait_duration, timedelta) else wait_duration
        with self._open("alert"):
            now = time.monotonic()
            if now >= self._alerts.get(title, now):
                self._alerts[title] = now + (60.0 if wait is None else wait)
                logger.log(getattr(logging, word), "alert: %s: %s", title, text)

    def watch(  # noqa: PLR0917  # W&B's signature
        self,
        models: Any,
        criterion: Any = None,
        log: str | None = "gradients",
        log_freq: int = 1000,
        idx: int | None = None,
        log_graph: bool = False,
    ) -> None:
        """Do nothing, and say so once: gradients and parameters are not recorded. Log what you want to see of them.

        W&B's arguments are taken, so that its scripts run. Raises: UsageError once the run is finished.
        """
        del models, criterion, log, log_freq, idx, log_graph
        with self._open("watch"):
            once("watch records nothing: log the norms of gradients that you want to see, with run.log")

    def unwatch(self, models: Any = None) -> None:
        """Do nothing, see `watch`."""

    def mark_preempting(self) -> None:
        """Do nothing: no server starts the run again. `init(resume="allow", id=...)` goes on with it."""
        with self._open("mark_preempting"):
            pass

    def display(self, height: int = 420, hidden: bool = False) -> bool:  # noqa: ARG002  # W&B's arguments
        """Return False: there is no page to show."""
        return False

    def pin_config_keys(self, keys: Sequence[str] = ()) -> None:
        """Do nothing: there is no page with columns."""


def _says(function: Callable[..., bool], path: str, root: Path) -> bool:
    """What a caller's function says of a path; it may take the root, too."""
    takes: Iterable[inspect.Parameter] = inspect.signature(function).parameters.values()
    needed = [item for item in takes if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)]
    return bool(function(path, str(root)) if len(needed) > 1 else function(path))


def _inside(path: Path, base: str | os.PathLike[str] | None) -> str:
    """The name of a saved file."""
    top = targets.place(base).absolute() if base else Path().absolute()
    inside = os.path.relpath(path, top)
    return f"{path.parent.name}/{path.name}" if inside.startswith("..") else Path(inside).as_posix()
