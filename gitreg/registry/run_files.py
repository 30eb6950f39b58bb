"""Files that a live run has logged beside its values: kept in this clone, and one artifact of the run when it ends."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Mapping
from pathlib import Path

from gitreg.data.hashing import refusals
from gitreg.data.whole import write_all
from gitreg.records.names import CollectionName, RunId
from gitreg.registry.draft import Draft
from gitreg.registry.repository import Registry

TYPE = "run_media"
"""The type of these artifacts."""
_TEMPORARY = ".gitreg-"


def name(run_id: RunId) -> str:
    """The name of the artifact."""
    return f"run-{run_id}-media"


def keep(registry: Registry, run_id: RunId, files: Mapping[str, bytes]) -> None:
    """Keep files, by their path in the artifact, on the disk: all of them or none. Raises: StorageError."""
    places = {_folder(registry, run_id) / path: data for path, data in files.items()}
    with refusals(f"'{next(iter(files))}' of run '{run_id}' cannot be kept"):
        for place in places:
            place.parent.mkdir(parents=True, exist_ok=True)
        write_all(places, mode=0o600)


def draft(registry: Registry, run_id: RunId) -> Draft | None:
    """The artifact of what was kept, on top of what the run has logged so before; None when that is nothing."""
    folder = _folder(registry, run_id)
    files = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(_TEMPORARY)
    }
    return Draft(CollectionName.parse(name(run_id)), TYPE, files, incremental=True) if files else None


def drop(registry: Registry, run_id: RunId) -> None:
    """Forget the files, which are in an artifact now. Raises: StorageError."""
    with refusals(f"the files of run '{run_id}' cannot be removed"), contextlib.suppress(FileNotFoundError):
        shutil.rmtree(_folder(registry, run_id))


def _folder(registry: Registry, run_id: RunId) -> Path:
    return registry.private / "media" / run_id
