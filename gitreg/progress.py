"""What the library tells while it works: how many bytes have passed, and which file is done. Here nobody listens."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

Did = Literal["stored", "uploaded", "downloaded", "written", "checked", "skipped"]
"""What was done with a file; 'skipped' when it was there already."""


class Task:
    """A piece of work that goes on. Several threads may call its methods at once."""

    def advance(self, count: int) -> None:
        """So many more bytes have passed; fewer when `count` is negative."""

    def done(self, what: Did, name: str, size: int | None) -> None:
        """A file or object is done: what people call it, and its bytes. The name may come from a stranger."""


NOBODY = Task()


class Progress:
    """Makes tasks. Whoever wants to listen hands a subclass to `Registry`."""

    def task(
        self,
        label: str,  # noqa: ARG002 - nobody listens
        *,
        size: int | None = None,  # noqa: ARG002
        files: int | None = None,  # noqa: ARG002
    ) -> AbstractContextManager[Task]:
        """Work goes on until the block ends: `label` says which ('uploading'); its bytes and files, None if unknown."""
        return nullcontext(NOBODY)


SILENT = Progress()
