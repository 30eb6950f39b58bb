"""One file of an artifact, as users look at it."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitreg.sdk import targets

if TYPE_CHECKING:
    from gitreg.sdk.readable import Readable


@dataclass(frozen=True, slots=True)
class ArtifactFile:
    """One file of an artifact.

    Attributes:
        path: inside the artifact.
        size: bytes.
        md5, sha256: lower case hex.
    """

    path: str
    size: int
    md5: str
    sha256: str
    _artifact: Readable

    @property
    def name(self) -> str:
        """The path inside the artifact (W&B's other word for it)."""
        return self.path

    @property
    def digest(self) -> str:
        """The md5 in base64, as in W&B."""
        return base64.b64encode(bytes.fromhex(self.md5)).decode()

    def download(self, root: str | os.PathLike[str] | None = None) -> str:
        """Write this file alone, checked, and return its path. Raises: ArtifactNotLoggedError, StorageError."""
        logged = self._artifact._need("download")
        return str(logged.download(None if root is None else targets.place(root), [self.path]) / self.path)
