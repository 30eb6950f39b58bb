"""Git servers on loopback: git's own HTTP back end behind Python's server, and OpenSSH's daemon with throwaway keys."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest


@dataclass
class HttpServer:
    """A running server.

    Attributes:
        url: of the folder it serves, without credentials.
        password: what user `ada` must give; '' lets everybody in.
        fault: what to do to requests whose path ends with `at`: a status to answer, 'hang', 'before' (hang up at once),
            'middle' (hang up after half of the body has been given to git), or 'after' (hang up when git is done).
        at: such as 'git-receive-pack'.
        reached: set when the fault was.
        seen: the requests.
    """

    url: str
    password: str = ""
    fault: str = ""
    at: str = ""
    reached: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    seen: list[str] = field(default_factory=list)


@contextlib.contextmanager
def http_server(root: Path) -> Iterator[HttpServer]:
    """Serve the repositories in a folder over smart HTTP, pushes included."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(_body(self.headers, self.rfile))

        def log_message(self, *arguments: Any) -> None:
            pass

        def _answer(self, body: bytes) -> None:
            path, _, query = self.path.partition("?")
            server.seen.append(f"{self.command} {self.path}")
            fault = server.fault if server.at in self.path else ""
            if fault:
                server.reached.set()
            if fault == "hang":
                server.ended.wait()
            if fault in ("hang", "before"):
                self._hang_up()
            elif fault.isdigit():
                self._reply(int(fault), {}, b"no\n")
            elif not _lets_in(server.password, self.headers.get("Authorization", "")):
                self._reply(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"")
            else:
                self._backend(path, query, body, fault)

        def _backend(self, path: str, query: str, body: bytes, fault: str) -> None:
            environment = {
                **os.environ,
                "GIT_PROJECT_ROOT": str(root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REMOTE_USER": "ada",
                "REMOTE_ADDR": "127.0.0.1",
            }
            with subprocess.Popen(
                ["git", "http-backend"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            ) as git:
                if fault == "middle":
                    assert git.stdin
                    git.stdin.write(body[: len(body) // 2])
                    git.stdin.flush()
                    git.kill()
                    self._hang_up()
                    return
                output, _ = git.communicate(body)
            if fault == "after":
                self._hang_up()
                return
            head, _, content = output.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self._reply(int(headers.pop("Status", "200").split()[0]), headers, content)

        def _reply(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def _hang_up(self) -> None:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *arguments: Any) -> None:
            """A client that was interrupted is no error of the server's."""

    listener = Server(("127.0.0.1", 0), Handler)
    server = HttpServer(f"http://127.0.0.1:{listener.server_port}")
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        listener.shutdown()
        thread.join()
        listener.server_close()


def _body(headers: Any, stream: Any) -> bytes:
    if headers.get("Transfer-Encoding", "") != "chunked":
        data: bytes = stream.read(int(headers.get("Content-Length", 0)))
        return data
    parts = []
    while size := int(stream.readline(), 16):
        parts.append(stream.read(size))
        stream.readline()
    stream.readline()
    return b"".join(parts)


def _lets_in(password: str, header: str) -> bool:
    return not password or header == "Basic " + base64.b64encode(f"ada:{password}".encode()).decode()


@dataclass(frozen=True)
class SshServer:
    """A running sshd.

    Attributes:
        url: `ssh://user@127.0.0.1:port`.
        command: for GIT_SSH_COMMAND.
    """

    url: str
    command: str


@contextlib.contextmanager
def ssh_server(folder: Path) -> Iterator[SshServer]:
    """An sshd for this user with keys of its own. Skips the test where there is none; in CI that fails."""
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("'sshd' is not installed")
    folder.mkdir()
    if os.geteuid() == 0:
        # where sshd shuts itself in; a system that starts it makes this folder
        Path("/run/sshd").mkdir(exist_ok=True)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = " ".join(f"{name}={os.environ[name]}" for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"))
    config = folder / "config"
    config.write_text(
        f"ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\n"
        f"PidFile none\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nSetEnv {kept}\n"
        "AcceptEnv GIT_PROTOCOL\n"
    )
    key = " ".join((folder / "host.pub").read_text().split()[:2])
    (folder / "known").write_text(f"[127.0.0.1]:{port} {key}\n")
    # -D: not a daemon, so that it ends with the test
    with subprocess.Popen([program, "-D", "-e", "-f", config], stderr=subprocess.PIPE) as daemon:
        try:
            assert daemon.stderr
            said = b""
            while b"listening" not in said:
                line = daemon.stderr.readline()
                assert line, said
                said += line
            user = subprocess.run(["id", "-un"], check=True, capture_output=True, text=True).stdout.strip()
            options = f"-i {folder}/user -o UserKnownHostsFile={folder}/known -o IdentitiesOnly=yes -o BatchMode=yes"
            yield SshServer(f"ssh://{user}@127.0.0.1:{port}", f"ssh -F none {options}")
        finally:
            daemon.terminate()
