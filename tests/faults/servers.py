"""File servers on loopback that can be told to fail: plain HTTP, and as much of S3 as a DVC remote needs.

A `Fault` says which requests go wrong and how. The bytes that a client may take for an answer are always written by the
same code, so that a fault differs from the sound answer in nothing but what it says.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

BUCKET = "bucket"
SECRET = "hush-hush-9c1f"  # noqa: S105 - of these servers alone


@dataclass(slots=True)
class Fault:
    """What goes wrong.

    Attributes:
        kind: 'hang' (never answer), 'close' (no answer), 'stall' and 'cut' (half of the body, then nothing or the
            end), 'short', 'long' and 'wrong' (other bytes, as if they were right), 'drop' (an upload that is
            acknowledged and not kept), 'half' and 'spoil' (one that is kept in part, or changed), 'pause' (all is well,
            and half of the body or the answer to an upload waits for the server's `gate`), a status, or an address to
            redirect to.
        methods: which requests, `GET|HEAD`.
        part: what their path holds.
        times: how often; -1 is for ever.
    """

    kind: str
    methods: str = "GET"
    part: str = ""
    times: int = -1


class Server(ThreadingHTTPServer):
    """A server of the files below `root`; they lie there under their paths in the address.

    Attributes:
        faults: what goes wrong; the first that fits counts.
        requests: method and path of all that was asked.
        ended, stalled: set when no answer waits any longer, and when one has stopped in the middle.
        gate: set when what pauses goes on; `waiting` is how many have come there.
        secret: what every request must have in the header X-Token, when it is not empty.
        versions: the objects of a bucket's versions, by the name of the version.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, root: Path, kind: type[_Handler]) -> None:
        super().__init__(("127.0.0.1", 0), kind)
        root.mkdir(exist_ok=True)
        self.root = root
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        self.secret = ""
        self.versions: dict[str, bytes] = {}
        self.ended = threading.Event()
        self.stalled = threading.Event()
        self.gate = threading.Event()
        self.waiting = threading.Semaphore(0)
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def fault(self, method: str, path: str) -> Fault | None:
        with self.lock:
            self.requests.append((method, path))
            for fault in self.faults:
                if fault.times and re.fullmatch(fault.methods, method) and fault.part in path:
                    fault.times -= 1
                    return fault
        return None

    def pause(self) -> None:
        """Wait for the gate."""
        self.waiting.release()
        self.gate.wait()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has gone is no news."""


@contextlib.contextmanager
def running(server: Server) -> Iterator[Server]:
    """Serve until the block ends; who still waits then gets no answer."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        server.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()


def http_server(root: Path) -> Server:
    """Files by GET and HEAD, uploads by POST and PUT: what DVC's http remote needs."""
    return Server(root, _Handler)


def s3_server(root: Path) -> Server:
    """One bucket, `BUCKET`: objects, their listing, uploads in one piece."""
    (root / BUCKET).mkdir(parents=True, exist_ok=True)
    return Server(root, _S3Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server
    missing: ClassVar[bytes] = b"there is nothing here\n"

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        if not self._failed():
            self.answer()

    do_HEAD = do_DELETE = do_GET  # noqa: N815 - as the base class looks them up

    def do_PUT(self) -> None:
        if not self._failed():
            self._take("")

    do_POST = do_PUT  # noqa: N815

    def _failed(self) -> bool:
        """Whether there is nothing left to answer."""
        fault = self.server.fault(self.command, self.path)
        self.fault = fault.kind if fault else ""
        if self.server.secret and self.headers.get("X-Token") != self.server.secret:
            self._status(401)
        elif self.fault == "hang":
            self.server.ended.wait()
            self.close_connection = True
        elif self.fault == "close":
            self.close_connection = True
        elif self.fault.isdigit():
            self._status(int(self.fault))
        elif "://" in self.fault:
            self._read()
            self._head(302, {"Location": self.fault + self.path, "Content-Length": "0"})
        elif self.command in ("PUT", "POST") and self.fault:
            if self.fault == "pause":
                self.server.pause()
            if self.fault == "cut":
                self.rfile.read(int(self.headers.get("Content-Length", "2")) // 2)
                self.close_connection = True
            else:
                self._take(self.fault)
        else:
            return False
        return True

    def _status(self, status: int) -> None:
        self._read()
        self._body(self.missing, status)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def answer(self) -> None:
        place = self.place()
        if place.is_file():
            self._body(place.read_bytes())
        else:
            self._body(self.missing, 404)

    def place(self) -> Path:
        return self.server.root / unquote(urlsplit(self.path).path).lstrip("/")

    def _body(self, data: bytes, status: int = 200, kind: str = "application/octet-stream") -> None:
        told = len(data)
        if status == 200:
            if self.fault == "short":
                data, told = data[: told // 2], told // 2
            elif self.fault == "long":
                data, told = data + b"more", told + 4
            elif self.fault == "wrong":
                data = bytes(byte ^ 1 for byte in data)
            elif self.fault in ("cut", "stall"):
                data = data[: told // 2]
        etag = hashlib.md5(data).hexdigest()
        headers = {"Content-Length": str(told), "Content-Type": kind, "ETag": f'"{etag}"'}
        self._head(status, {**headers, "Last-Modified": "Fri, 02 Jan 2026 03:04:05 GMT"})
        if self.command != "HEAD":
            half = len(data) // 2 if self.fault == "pause" else 0
            if half:
                self.wfile.write(data[:half])
                self.wfile.flush()
                self.server.pause()
            self.wfile.write(data[half:])
            self.wfile.flush()
        if self.fault == "stall":
            self.server.stalled.set()
            self.server.ended.wait()
        if self.fault in ("cut", "stall"):
            self.close_connection = True

    def _read(self) -> bytes:
        """The request's body."""
        if self.headers.get("Transfer-Encoding") == "chunked":
            return self._chunks()
        data = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if "aws-chunked" not in self.headers.get("Content-Encoding", ""):
            return data
        found = b""
        while data:
            head, _, data = data.partition(b"\r\n")
            size = int(head.partition(b";")[0], 16)
            if size == 0:
                break
            found, data = found + data[:size], data[size + 2 :]
        return found

    def _chunks(self) -> bytes:
        found = b""
        while size := int(self.rfile.readline(), 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def _take(self, fault: str) -> None:
        """An upload. It is kept whole or not at all, unless the fault says otherwise."""
        data = self._read()
        if fault == "half":
            data = data[: len(data) // 2]
        elif fault == "spoil":
            data = bytes(byte ^ 1 for byte in data)
        if fault != "drop":
            place = self.place()
            place.parent.mkdir(parents=True, exist_ok=True)
            temporary = place.with_name(f"{place.name}.{threading.get_ident()}")
            temporary.write_bytes(data)
            temporary.replace(place)
        self._head(200, {"Content-Length": "0", "ETag": f'"{hashlib.md5(data).hexdigest()}"'})


class _S3Handler(_Handler):
    version = ""
    missing = b'<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>nothing here</Message></Error>'

    def _head(self, status: int, headers: dict[str, str]) -> None:
        super()._head(status, {**headers, **({"x-amz-version-id": self.version} if self.version else {})})
        self.version = ""

    def _status(self, status: int) -> None:
        self._read()
        code = {403: "AccessDenied", 404: "NoSuchKey", 500: "InternalError", 503: "SlowDown"}[status]
        text = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>{code} on purpose</Message></Error>'
        self._body(text.encode(), status, "application/xml")

    def answer(self) -> None:
        query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
        if self.command == "DELETE":
            self.place().unlink(missing_ok=True)
            self._head(204, {"Content-Length": "0"})
        elif "list-type" in query:
            self._list(query.get("prefix", [""])[0], query.get("delimiter", [""])[0])
        elif urlsplit(self.path).path.strip("/") == BUCKET:
            self._body(b"")
        elif "versionId" in query:
            self.version = query["versionId"][0]
            self._body(self.server.versions[self.version])
        else:
            super().answer()

    def _list(self, prefix: str, delimiter: str) -> None:
        root = self.server.root / BUCKET
        keys = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
        contents, folders = [], []
        for key in keys:
            if not key.startswith(prefix):
                continue
            rest, cut, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
            if cut:
                folders.append(prefix + rest + cut)
            else:
                contents.append(key)
        rows = "".join(
            f"<Contents><Key>{escape(quote(key))}</Key><Size>{(root / key).stat().st_size}</Size>"
            f"<ETag>&quot;{hashlib.md5((root / key).read_bytes()).hexdigest()}&quot;</ETag>"
            "<LastModified>2026-01-02T03:04:05.000Z</LastModified><StorageClass>STANDARD</StorageClass></Contents>"
            for key in contents
        ) + "".join(
            f"<CommonPrefixes><Prefix>{escape(quote(name))}</Prefix></CommonPrefixes>"
            for name in dict.fromkeys(folders)
        )
        text = (
            f'<?xml version="1.0"?><ListBucketResult><Name>{BUCKET}</Name><Prefix>{escape(prefix)}</Prefix>'
            f"<KeyCount>{len(contents)}</KeyCount><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType>"
            f"<IsTruncated>false</IsTruncated>{rows}</ListBucketResult>"
        )
        self._body(text.encode(), kind="application/xml")


def empty(folder: Path) -> None:
    """Take everything out of a folder."""
    shutil.rmtree(folder)
    folder.mkdir()


@dataclass(slots=True)
class Ssh:
    """A server of SFTP.

    Attributes:
        port, keyfile: how to get in, as anybody.
        fault: 'cut' (the connection breaks at the first byte of a file), 'stall' (the first part of a file is read or
            written, and no other is), 'hang' (no question about files is answered) or nothing.
    """

    port: int
    keyfile: Path
    fault: str = ""


@contextlib.contextmanager
def ssh_server(folder: Path) -> Iterator[Ssh]:
    """Serve the machine's files by SFTP, with a key of its own in `folder`."""
    import asyncssh

    found = Ssh(0, folder / "key")
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(str(found.keyfile))
    key.write_public_key(f"{found.keyfile}.pub")

    class Sftp(asyncssh.SFTPServer):
        async def _fail(self, offset: int) -> None:
            if found.fault == "cut":
                self.connection.abort()
            if found.fault == "cut" or (found.fault == "stall" and offset > 0):
                await asyncio.Event().wait()

        async def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
            if found.fault == "hang":
                await asyncio.Event().wait()
            return asyncssh.SFTPAttrs.from_local(await asyncio.to_thread(os.stat, path))

        async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
            if found.fault == "hang":
                await asyncio.Event().wait()
            async for entry in super().scandir(path):
                yield entry

        async def read(self, file_obj: object, offset: int, size: int) -> bytes:
            await self._fail(offset)
            return await asyncio.to_thread(super().read, file_obj, offset, size)  # type: ignore[arg-type]

        async def write(self, file_obj: object, offset: int, data: bytes) -> int:
            await self._fail(offset)
            return await asyncio.to_thread(super().write, file_obj, offset, data)  # type: ignore[arg-type]

    async def serve() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
            authorized_client_keys=f"{found.keyfile}.pub",
            sftp_factory=Sftp,
        )

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listener = asyncio.run_coroutine_threadsafe(serve(), loop).result()
    found.port = listener.get_port()
    try:
        yield found
    finally:
        loop.call_soon_threadsafe(listener.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
