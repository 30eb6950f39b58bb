"""A Git server as a host runs one: nginx before `git http-backend`, which lets in whoever has a job's token.

Everything lies in one folder, and ends with the test: nothing of the machine's own nginx is read or started.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

READER, COMMENTER, WRITER = "token-that-reads", "token-that-comments", "token-that-writes"
USERS = ("x-access-token", "gitlab-ci-token", "gitreg")
"""Whom tokens are shown as; hosts look at the token alone."""

_CONFIG = """\
daemon off;
pid {folder}/nginx.pid;
error_log stderr error;
{user}
events {{}}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/body;
  fastcgi_temp_path {folder}/fastcgi;
  proxy_temp_path {folder}/proxy;
  scgi_temp_path {folder}/scgi;
  uwsgi_temp_path {folder}/uwsgi;
  client_max_body_size 0;
  map_hash_bucket_size 256;
  map $http_authorization $who {{
    default "";
{who}
  }}
  map "$uri?$args" $pushes {{
    default 0;
    ~git-receive-pack 1;
  }}
  map "$pushes $who" $answer {{
    default 0;
    "~^[01] $" 401;
    "1 reader" 403;
  }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      add_header WWW-Authenticate 'Basic realm="git"' always;
      if ($answer = 401) {{ return 401; }}
      if ($answer = 403) {{ return 403; }}
      fastcgi_pass unix:{cgi};
      fastcgi_param SCRIPT_FILENAME {backend};
      fastcgi_param GIT_PROJECT_ROOT {root};
      fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param GIT_PROTOCOL $http_git_protocol;
      fastcgi_param PATH_INFO $uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param REMOTE_USER $who;
      fastcgi_param REMOTE_ADDR $remote_addr;
    }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class GitServer:
    """A running server.

    Attributes:
        url: of the folder with the repositories, without credentials.
        log: a line for each request.
    """

    url: str
    log: Path

    def address(self, repository: str, token: str = WRITER) -> str:
        """The URL of a repository for a person's own clone."""
        return f"{self.url.replace('://', f'://x-access-token:{token}@')}/{repository}"


def basic(token: str, user: str = USERS[0]) -> str:
    """The header by which a job shows its token, as hosts take it."""
    return "Basic " + base64.b64encode(f"{user}:{token}".encode()).decode()


@contextlib.contextmanager
def git_server(root: Path, folder: Path, need: Callable[[str], str]) -> Iterator[GitServer]:
    """Serve the repositories in `root`; `folder` is for the server's own files and is made."""
    search = f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"
    nginx, fcgiwrap = (shutil.which(name, path=search) or need(name) for name in ("nginx", "fcgiwrap"))
    git = subprocess.run(["git", "--exec-path"], check=True, capture_output=True, text=True).stdout.strip()
    folder.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "nginx.conf"
    with contextlib.ExitStack() as ended:
        # a socket's path is short, and a test's folder may not be
        cgi = f"{ended.enter_context(tempfile.TemporaryDirectory())}/cgi"
        listener = ended.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(cgi)
        listener.listen()
        config.write_text(
            _CONFIG.format(
                folder=folder,
                user="user root;" if os.geteuid() == 0 else "",
                who="\n".join(
                    f'    "{basic(token, user)}" {"writer" if token == WRITER else "reader"};'
                    for user in USERS
                    for token in (READER, COMMENTER, WRITER)
                ),
                port=port,
                cgi=cgi,
                backend=f"{git}/git-http-backend",
                root=root,
            )
        )
        # fcgiwrap takes the socket that is its standard input
        _started(ended, [fcgiwrap, "-c", "1"], listener.fileno())
        daemon = _started(ended, [nginx, "-c", str(config), "-p", str(folder), "-e", "stderr"], subprocess.DEVNULL)
        _wait_for(port, daemon)
        yield GitServer(f"http://127.0.0.1:{port}", folder / "access.log")


def _started(ended: contextlib.ExitStack, command: list[str], stdin: int) -> subprocess.Popen[bytes]:
    """A process that ends with the stack, and those that it starts with it."""
    # where a test is killed nobody else would end it
    setpriv = shutil.which("setpriv")
    guard = [setpriv, "--pdeathsig", "TERM"] if setpriv else []
    process = ended.enter_context(subprocess.Popen([*guard, *command], stdin=stdin, start_new_session=True))

    def end() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)

    ended.callback(end)
    return process


def _wait_for(port: int, daemon: subprocess.Popen[bytes]) -> None:
    """Until it answers. Raises: AssertionError when it ends instead."""
    while True:
        assert daemon.poll() is None, "nginx has ended; what it said is above"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
