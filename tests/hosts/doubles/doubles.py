"""Doubles of the code hosts: real HTTP servers on loopback that answer as each host's documentation says.

Every shape names the page that it is from. What a page does not say is not answered: a request to anything else fails
the test with a 501.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

Json = Any
TOKEN = "a-token-9c1f"  # noqa: S105 - of these servers alone
BOT, ADA, BOB, GONE = 41898282, 7, 8, 0
"""Accounts; one of them is deleted."""
COMMIT, HEAD, EARLIER = "a" * 40, "b" * 40, "c" * 40
"""What was merged, and the newest and an older commit of the request."""


@dataclass
class Note:
    id: int
    author: int
    body: str


@dataclass
class Review:
    user: int
    state: str
    commit: str
    at: str = "2026-03-01T12:00:00Z"
    member: bool = True


@dataclass
class State:
    """What a host holds, and what it refuses.

    Attributes:
        me: whose the token is.
        notes: of request 12.
        reviews: of it, in the order in which they were made.
        commit: what it brought onto the branch, once it is merged.
        merged: whether it is.
        base: the branch that it was for; 'main' is the default one.
        also: another commit that it brought.
        stacked: whether request 13 was made on top of its branch, and merged later.
        readable, writable: what the token may.
        failing: statuses to answer with before anything else, one a request.
        garbled: what is answered to everything, as if it were an answer.
        elsewhere: where everything is said to be.
    """

    me: int = BOT
    notes: list[Note] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    commit: str = COMMIT
    merged: bool = True
    base: str = "main"
    also: str = ""
    stacked: bool = False
    readable: bool = True
    writable: bool = True
    failing: list[int] = field(default_factory=list)
    garbled: bytes | None = None
    elsewhere: str = ""

    def note(self, number: int) -> Note:
        return next(note for note in self.notes if note.id == number)

    def add(self, body: str, author: int | None = None) -> Note:
        made = Note(2_400_000_001 + len(self.notes), self.me if author is None else author, body)
        self.notes.append(made)
        return made


class RefusedError(Exception):
    def __init__(self, status: int, document: Json) -> None:
        super().__init__(status)
        self.status = status
        self.document = document


@dataclass
class Asked:
    """A request: what its address holds where the pattern has a group, its query, and its JSON."""

    match: re.Match[str]
    query: dict[str, str]
    body: Json


Shape = Callable[[Any, Asked], tuple[int, Json]]


def shape(page: str, method: str, path: str) -> Callable[[Shape], Shape]:
    """A request that the host's `page` describes."""

    def keep(function: Shape) -> Shape:
        function.told = (method, re.compile(path + r"\Z"), page)  # type: ignore[attr-defined]
        return function

    return keep


class Double(ThreadingHTTPServer):
    """A host. `asked` has method and path of all that was asked, in order, `heard` the tokens that came with it."""

    daemon_threads = True
    block_on_close = False
    top: ClassVar[str]
    per_page: ClassVar[int] = 30

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = State()
        self.asked: list[tuple[str, str]] = []
        self.heard: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def api(self) -> str:
        return self.url + self.top

    @property
    def written(self) -> list[str]:
        """The methods of what was asked but for reading."""
        return [method for method, path in self.asked if method != "GET" and not path.endswith("/graphql")]

    @classmethod
    def shapes(cls) -> list[Shape]:
        return [found for name in dir(cls) if hasattr(found := getattr(cls, name), "told")]

    def allow(self, headers: Json) -> None:
        """Raises: RefusedError for a request without the token."""
        raise NotImplementedError

    def paged(self, items: list[Json], query: dict[str, str], path: str) -> tuple[list[Json], dict[str, str]]:
        """The part of a list that was asked for, and the headers that lead to the next one."""
        size = min(int(query.get("per_page") or query.get("limit") or self.per_page), 100)
        page = int(query.get("page") or 1)
        headers = {}
        if len(items) > page * size:
            headers["Link"] = f'<{self.url}{path}?per_page={size}&page={page + 1}>; rel="next"'
        return items[(page - 1) * size : page * size], headers

    def answer(self, method: str, address: str, headers: Json, body: Json) -> tuple[int, Json, dict[str, str]]:
        parts = urlsplit(address)
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        self.asked.append((method, parts.path))
        if self.state.failing:
            return self.state.failing.pop(0), {"message": "Server Error"}, {}
        try:
            self.allow(headers)
            for found in self.shapes():
                wanted, path, _ = found.told  # type: ignore[attr-defined]
                match = path.match(parts.path)
                if match and wanted == method:
                    status, document = found(self, Asked(match, query, body))
                    if isinstance(document, list):
                        page, more = self.paged(document, query, parts.path)
                        return status, page, more
                    return status, document, {}
        except RefusedError as refused:
            return refused.status, refused.document, {}
        return 501, {"message": f"the double has no {method} {parts.path}"}, {}


class _Handler(BaseHTTPRequestHandler):
    server: Double

    def _do(self) -> None:
        self.server.heard.append(self.headers["Authorization"])
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(data) if data else None
        status, document, more = self.server.answer(self.command, self.path, self.headers, body)
        if self.server.state.elsewhere:
            status, document, more = 302, None, {"Location": self.server.state.elsewhere + self.path}
        content = b"" if document is None else json.dumps(document).encode()
        if self.server.state.garbled is not None:
            status, content = 200, self.server.state.garbled
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in more.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _do  # noqa: N815 - names of http.server's

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def served(kind: type[Double]) -> Iterator[Double]:
    """A host while it is needed."""
    with kind() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
