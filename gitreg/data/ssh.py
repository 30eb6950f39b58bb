"""How long an SSH storage may keep silent: neither DVC's plugin nor what is below it has an end for that.

A host may be alive, and answer what keeps the connection alive, while nobody there answers requests for files.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

_TURNS = 10


def channels(seconds: float) -> type[Any]:
    """The plugin's pool of SFTP channels, `pool_type`, which gives up a connection that is silent for so long.

    Everything that waits for it then gets a TimeoutError, and so does whoever uses it later. A sign of life for one is
    a sign for all: answers come one after the other.
    """
    from sshfs.pools import SFTPSoftChannelPool

    class Channels(SFTPSoftChannelPool):  # type: ignore[misc] # sshfs has no types
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self._signs = 0
            self._silent = False

        @asynccontextmanager
        async def get(self) -> AsyncIterator[Any]:
            watch = asyncio.create_task(self._watch())
            try:
                async with super().get() as channel:
                    yield _Channel(channel, self._sign)
                self._sign()
            except Exception as error:
                if self._silent:
                    raise TimeoutError from error
                self._sign()
                raise
            finally:
                watch.cancel()

        def _sign(self) -> None:
            self._signs += 1

        async def _watch(self) -> None:
            # by turns, not by the clock: this process may have been stopped, and what came meanwhile is not read yet
            seen, turns = self._signs, 0
            while turns < _TURNS:
                await asyncio.sleep(seconds / _TURNS)
                turns = turns + 1 if self._signs == seen else 0
                seen = self._signs
            # to cancel what waits would not do: it would ask the host to close its files, and wait for that
            self._silent = True
            self.client.abort()

    return Channels


class _Channel:
    """An SFTP client that tells of each part of a file that has come or gone."""

    def __init__(self, channel: Any, sign: Callable[[], None]) -> None:
        self._channel = channel
        self._sign = sign

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    async def get(self, *args: Any, progress_handler: Callable[..., None] | None = None, **options: Any) -> None:
        await self._channel.get(*args, progress_handler=self._telling(progress_handler), **options)

    async def put(self, *args: Any, progress_handler: Callable[..., None] | None = None, **options: Any) -> None:
        await self._channel.put(*args, progress_handler=self._telling(progress_handler), **options)

    def _telling(self, handler: Callable[..., None] | None) -> Callable[..., None]:
        def tell(*report: Any) -> None:
            self._sign()
            if handler is not None:
                handler(*report)

        return tell
