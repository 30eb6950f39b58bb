"""One file of an artifact, or a reference in it, as users look at it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitreg.errors import InvalidArtifactError
from gitreg.records.listing import FileEntry
from gitreg.records.references import Reference

if TYPE_CHECKING:
    from gitreg.sdk.readable import Readable


@dataclass(frozen=True, slots=True)
class ArtifactFile:
    """One file of an artifact, or a reference in it.

    Attributes:
        path: inside the artifact.
    """

    path: str
    _artifact: Readable = field(repr=False)
    _entry: FileEntry | Reference | None = field(default=None, repr=False)

    @property
    def _known(self) -> FileEntry | Reference:
        """What is known of it; of a file that was only just added, after reading it."""
        return self._entry or self._artifact._find(self.path)

    @property
    def name(self) -> str:
        """The path inside the artifact (W&B's other word for it)."""
        return self.path

    @property
    def size(self) -> int | None:
        """Bytes; None for a reference to something that does not say."""
        return self._known.size

    @property
    def md5(self) -> str:
        """In lower case hex; empty for a reference without one."""
        return self._known.md5

    @property
    def sha256(self) -> str:
        """In lower case hex; empty for a reference without one."""
        return self._known.sha256

    @property
    def digest(self) -> str:
        """The md5 in base64, as in W&B; of a reference the etag, or the address without either."""
        return self._known.digest

    @property
    def ref(self) -> str | None:
        """Where a reference leads; None for a file."""
        known = self._known
        return known.uri if isinstance(known, Reference) else None

    @property
    def extra(self) -> Mapping[str, str]:
        """What else is known of a reference: `etag` and `versionID`."""
        known = self._known
        if not isinstance(known, Reference):
            return {}
        return {key: text for key, text in (("etag", known.etag), ("versionID", known.version)) if text}

    @property
    def local_path(self) -> str | None:
        """Where the file of a draft lies; None for everything else."""
        path = self._artifact._staging.path_of(self.path)
        return None if path is None else str(path)

    def parent_artifact(self) -> Readable:
        """The artifact that it is in."""
        return self._artifact

    def ref_target(self) -> str:
        """Where a reference leads. Raises: ValueError for a file."""
        if self.ref is None:
            raise InvalidArtifactError(f"'{self.path}' is a file and no reference", hint="use download")
        return self.ref

    def download(self, root: str | os.PathLike[str] | None = None, skip_cache: bool | None = None) -> str:  # noqa: ARG002  # W&B's argument: every file is checked and copied anyway
        """Write this file alone, checked, and return its path; a reference is fetched from where it leads.

        Raises: as `Artifact.download`.
        """
        return os.path.join(self._artifact._download(root, {self.path}), self.path)  # noqa: PTH118


@dataclass(frozen=True, slots=True)
class ArtifactManifest:
    """The files and references of an artifact.

    Attributes:
        entries: by path.
    """

    entries: Mapping[str, ArtifactFile]
    _artifact: Readable = field(repr=False)

    def digest(self) -> str:
        """As `Artifact.digest`."""
        return self._artifact.digest

    def size(self) -> int:
        """As `Artifact.size`."""
        return self._artifact.size

    def get_entry_by_path(self, path: str) -> ArtifactFile | None:
        """The entry of that path, or None."""
        return self.entries.get(path)

    def get_entries_in_directory(self, directory: str) -> list[ArtifactFile]:
        """The entries below a directory."""
        return [entry for path, entry in self.entries.items() if path.startswith(f"{directory.rstrip('/')}/")]
