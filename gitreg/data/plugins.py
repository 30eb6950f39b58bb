"""DVC's file systems: how one is made, how long it may keep silent, and what its errors mean in gitreg's words."""

from __future__ import annotations

import re
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gitreg.data.ssh import channels
from gitreg.data.urls import scheme_of
from gitreg.errors import Error, StorageError, advice
from gitreg.progress import Task

_EXTRAS = {"https": "http", "webdavs": "webdav"}
_USER = re.compile(r"://[^/\s]*@")
# Seconds without a sign of life until a request has failed, as options of a DVC remote; the user's own count more.
_SILENCE: dict[str, dict[str, int]] = {
    "http": {"connect_timeout": 15, "read_timeout": 45},
    "https": {"connect_timeout": 15, "read_timeout": 45},
    "s3": {"connect_timeout": 15, "read_timeout": 20},
    "azure": {"connection_timeout": 15, "read_timeout": 45},
}
# How often a request is made before it has failed. s3fs repeats what botocore has repeated: 25 times by themselves.
_TRIES = 3
_NO_ANSWER = re.compile(r"timed out|\A\w*timeout(?:error)?\Z|\A(?:read|connect) timeout on", re.IGNORECASE)
_PASSING = re.compile(r"connect|closed|reset by peer|refused|not completed|\b50\d\b|internal|slow ?down", re.IGNORECASE)
_DENIED = re.compile(
    r"\b40[13]\b|forbidden|access ?denied|unauthori[sz]ed|permission denied|credentials", re.IGNORECASE
)


def connect(remote: dict[str, Any]) -> tuple[Any, str]:
    """The file system for a DVC remote's options, `url` among them, and the root in it; nothing is sent yet.

    Raises: whatever DVC and the plugin raise, see `plugin_errors`.
    """
    from dvc.fs import get_cloud_fs

    scheme = scheme_of(remote["url"])
    told = {**_SILENCE.get(scheme, {}), **remote}
    kind, options, root = get_cloud_fs({}, **told)
    fs = kind(**options)
    if scheme in ("http", "https"):
        fs.SESSION_RETRIES = _TRIES
        fs.get_client = _patient(fs.get_client)
    elif scheme == "s3":
        config = fs.fs_args.setdefault("config_kwargs", {})
        config["retries"] = {"max_attempts": _TRIES - 1}
        fs.fs_args["session"] = _session(fs.fs_args.get("profile"))
        config["connector_args"] = {"socket_factory": _sockets(float(told["read_timeout"]))}
    elif scheme == "ssh":
        # The plugin has half an hour to connect, and no end after that.
        seconds = int(told.get("timeout") or 0)
        fs.fs_args["connect_timeout"] = seconds or 30
        fs.fs_args["keepalive_interval"] = 15
        fs.fs_args["pool_type"] = channels(seconds or 45)
    made = fs.fs  # made here, because it is made at first use, and not by one thread only
    if scheme == "s3":
        made.retries = _TRIES
    return fs, root


def _session(profile: str | None) -> Any:
    """A session of the S3 plugin's, as s3fs makes it, in which uploads are sent without asking for leave first.

    aiohttp would wait without an end for a server that keeps silent about that.
    """
    from aiobotocore.session import AioSession

    def unasked(params: dict[str, Any], **_: Any) -> None:
        params["headers"].pop("Expect", None)

    session = AioSession(profile=profile)
    session.register("before-call.s3", unasked)
    return session


def _sockets(seconds: float) -> Callable[[tuple[Any, ...]], socket.socket]:
    """Makes sockets that give up a peer that takes nothing for so long, where the system can do that.

    aiohttp, below both plugins, waits for ever until an upload is taken.
    """

    def make(address: tuple[Any, ...]) -> socket.socket:
        made = socket.socket(*address[:3])
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
        return made

    return make


def _patient(get_client: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The HTTP plugin's maker of clients, with such sockets; the plugin itself has no option for them."""

    async def get(**options: Any) -> Any:
        client = await get_client(**options)
        client._client.connector._socket_factory = _sockets(float(options["read_timeout"]))  # noqa: SLF001
        return client

    return get


@contextmanager
def reporting(task: Task, path: Path) -> Iterator[Any]:
    """An fsspec callback for the transfer of one file; what the plugin did not report is reported at the end."""
    from dvc.fs import Callback

    class Reporting(Callback):  # type: ignore[misc] # DVC has no types
        def relative_update(self, inc: int = 1) -> None:
            super().relative_update(inc)
            task.advance(inc)

        def absolute_update(self, value: int) -> None:
            self.relative_update(value - self.value)

    callback = Reporting()
    yield callback
    # also less, when a part was sent again
    task.advance(path.stat().st_size - callback.value)


def is_absence(error: FileNotFoundError, scheme: str) -> bool:
    """Whether a file is not there; fsspec's http says so of everything that it could not find out."""
    cause = error.__cause__
    return scheme not in ("http", "https") or cause is None or getattr(cause, "status", 0) in (404, 410)


@contextmanager
def plugin_errors(what: str, scheme: str) -> Iterator[None]:
    """Turn what DVC and its plugins raise, each its own kind, into a StorageError."""
    try:
        yield
    except Error:
        raise
    except Exception as error:
        from dvc.fs import RemoteMissingDepsError

        if isinstance(error, (ImportError, RemoteMissingDepsError)):
            hint = f'pip install "dvc[{_EXTRAS.get(scheme, scheme)}]"'
            raise StorageError(f"{what}: DVC's plugin for {scheme}:// is not installed", hint=hint) from error
        words = (str(error).strip() or type(error).__name__).splitlines()[0]
        # Some name the address that was asked, with the password in it.
        words = _USER.sub("://", words)
        if isinstance(error, TimeoutError) or _NO_ANSWER.search(words):
            raise StorageError(f"{what}: it did not answer in time", hint=_more_time(scheme)) from error
        raise StorageError(f"{what}: {words}", hint=_hint(error, words)) from error


def _more_time(scheme: str) -> str:
    option = next((key for key in _SILENCE.get(scheme, {}) if key.startswith("read")), "timeout")
    return f"try again later; for a slow storage: dvc remote modify --local NAME {option} SECONDS"


def _hint(error: Exception, words: str) -> str | None:
    if _DENIED.search(words):
        return "give it what it wants, outside Git: dvc remote modify --local NAME KEY VALUE"
    here = advice(error) if isinstance(error, OSError) else None
    if here or not (isinstance(error, OSError) or _PASSING.search(words)):
        return here
    return "see whether it can be reached, then run the same command again"
