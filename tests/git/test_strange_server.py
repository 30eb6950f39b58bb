"""A server that calls its refs what git allows nowhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from conftest import Shell
from gitreg.errors import Error
from gitreg.git.runner import Git
from gitreg.git.transport import Transport
from gitreg.records.objects import Oid
from gitreg.registry import mainline
from gitreg.registry.repository import Registry

ONE, TWO = "1" * 40, "2" * 40
TOLD = [
    f"{ONE} HEAD symref-target:refs/heads/main",
    f"{ONE} refs/tags/m@v0 peeled:{TWO}",
    f"{ONE} refs/tags/m@v1\tx",
    f"{ONE} refs/tags/m@v2\n\tx\ny",
    f"{ONE} refs/x\ty/HEAD",
]
"""https://git-scm.com/docs/protocol-v2#_ls_refs"""


class _Handler(BaseHTTPRequestHandler):
    told = TOLD

    def do_GET(self) -> None:
        self._answer("advertisement", ["# service=git-upload-pack\n", "", "version 2\n", "ls-refs=unborn\n", ""])

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer("result", [*(f"{line}\n" for line in self.told), ""])

    def _answer(self, kind: str, lines: list[str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"application/x-git-upload-pack-{kind}")
        self.end_headers()
        self.wfile.write("".join(f"{len(line) + 4:04x}{line}" if line else "0000" for line in lines).encode())

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def strange(repo: Path, sh: Shell) -> Iterator[Transport]:
    with HTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        sh(f"git remote add strange http://127.0.0.1:{server.server_port}/m.git", cwd=repo)
        yield Transport(Git.discover(repo), "strange")
        server.shutdown()
        thread.join()


def test_only_what_can_be_a_ref_is_listed(strange: Transport) -> None:
    one, two = Oid.parse(ONE), Oid.parse(TWO)
    assert strange.tags("refs/tags/*") == {"refs/tags/m@v0": one}
    assert strange.refs("refs/tags/*") == {"refs/tags/m@v0": one}
    assert strange.annotated_tags("refs/tags/*") == {"refs/tags/m@v0": (one, two)}
    assert strange.head() == ("refs/heads/main", one)


@pytest.mark.parametrize(
    "branch",
    ["refs/heads/main:refs/heads/mine", "+refs/heads/main:refs/heads/mine", "refs/heads/*", "^refs/heads/main"],
)
def test_a_default_branch_is_no_instruction_to_git(
    strange: Transport, repo: Path, sh: Shell, branch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = sh("git rev-parse HEAD", repo).strip()
    told = [f"{commit} HEAD symref-target:{branch}", f"{commit} refs/heads/main"]
    monkeypatch.setattr(_Handler, "told", told)
    before = sh("git for-each-ref", repo)
    with Registry.opened(repo) as registry:
        registry.use_remote("strange")
        with pytest.raises(Error, match="'strange' has no default branch"):
            mainline.fetched(registry)
    assert sh("git for-each-ref", repo) == before
