"""One repository of a mirror as a registry: reading only, and asking the address for more of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NoReturn

from gitreg.data.config import Project, Storage
from gitreg.errors import GitError, RefusedError
from gitreg.git.objects import Batch
from gitreg.git.refs import Change
from gitreg.git.runner import Git, Trace
from gitreg.progress import Progress
from gitreg.registry.mirror import Mirror
from gitreg.registry.repository import Registry

REMOTE = "elsewhere"
"""What the remote is called: no name that somebody's own configuration has settings for."""

# A collection of many would be in the background, where nobody waits for it and its locks.
_PINS = ("gc.autoDetach=false", "maintenance.autoDetach=false", "protocol.version=2")


class Mirrored(Registry):
    """A repository of which only reading is known here.

    Attributes:
        mirror: what was fetched of it.
        offline: whether nobody is asked for anything.
    """

    def __init__(
        self,
        mirror: Mirror,
        name: str,
        settings: Sequence[str],
        *,
        offline: bool,
        storage: Storage | None,
        trace: Trace | None,
        progress: Progress,
    ) -> None:
        settings = (*_PINS, *settings, f"remote.{REMOTE}.url={mirror.address.url}")
        place = mirror.repository(name)
        pins = [word for setting in settings for word in ("-c", setting)]
        super().__init__(Git(place, place, None, trace=trace, pins=pins), progress)
        self.use_remote(REMOTE)
        self.mirror = mirror
        self.offline = offline
        self._has_remote = True
        self._project = Project(mirror.folder, mirror.folder, mirror.folder / "cache")
        self.storages = () if offline else (storage,) if storage else None

    @property
    def place(self) -> str:
        """Its address."""
        return self.mirror.address.public

    def transact(self, batch: Batch, changes: Iterable[Change]) -> NoReturn:  # noqa: ARG002 - as a clone's
        """Refuse: nothing is changed without a clone. Raises: RefusedError."""
        raise RefusedError(f"'{self.place}' is read without a clone, so nothing of it can be changed", hint="clone it")

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """While the remote is asked for something. Raises: GitError."""
        try:
            yield
        except GitError as error:
            # of ssh's words git repeats none
            said = next((line.strip() for line in error.stderr.splitlines() if line.startswith("ssh: ")), "")
            error.hint = error.hint or f"{said}{'; ' if said else ''}check the address, and that you may read it"
            raise

    @contextlib.contextmanager
    def fetching(self) -> Iterator[None]:
        """While something is fetched. Raises: GitError, StorageError."""
        with self.mirror.alone(), self.asking():
            yield
        # its reader may know nothing of what has come
        self.objects.close()
