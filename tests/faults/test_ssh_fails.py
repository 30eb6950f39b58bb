"""A storage by SSH that breaks off or says nothing: an error, and nothing half-sent passes for complete."""

from __future__ import annotations

import gc
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import Ssh, ssh_server

from gitreg.data.cache import Cache
from gitreg.data.config import Storage
from gitreg.data.storage import DvcStorage, Object
from gitreg.errors import StorageError
from tally import FAULTS, Tally

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Ssh]:
    with ssh_server(tmp_path) as found:
        yield found
    gc.collect()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def objects(cache: Cache) -> list[Object]:
    return [(cache.add_bytes(f"{number}".encode() * 70_000).md5, None) for number in range(3)]


def connected(server: Ssh, root: Path, timeout: int = 60) -> DvcStorage:
    url = f"ssh://me@127.0.0.1:{server.port}{root}"
    return DvcStorage.connect(Storage("s", url), {"url": url, "keyfile": str(server.keyfile), "timeout": timeout})


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_what_fails_half_way_is_complete_after_the_next_try(
    *, server: Ssh, tmp_path: Path, cache: Cache, objects: list[Object], tally: Tally
) -> None:
    root, elsewhere = tmp_path / "root", Cache(tmp_path / "elsewhere")
    root.mkdir()
    with tally.attempt(FAULTS, "SSH storage, upload: the connection breaks, then once more"):
        server.fault = "cut"
        with pytest.raises(StorageError) as caught:
            connected(server, root).upload(cache, objects)
        assert caught.value.hint
        assert not set(names(root)) & set(names(cache.directory))
        server.fault = ""
        assert len(connected(server, root).upload(cache, objects)) == 3
    with tally.attempt(FAULTS, "SSH storage, download: the connection breaks, then once more"):
        server.fault = "cut"
        with pytest.raises(StorageError) as caught:
            connected(server, root).download(elsewhere, objects)
        assert caught.value.hint
        assert names(elsewhere.directory) == []
        server.fault = ""
        connected(server, root).download(elsewhere, objects)
        assert names(elsewhere.directory) == names(cache.directory)


def test_a_host_that_accepts_and_says_nothing_is_given_up(
    server: Ssh, tmp_path: Path, objects: list[Object], tally: Tally
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server.port = silent.getsockname()[1]
        with tally.attempt(FAULTS, "SSH storage: the host accepts the connection and says nothing"):
            with pytest.raises(StorageError, match="in time") as caught:
                connected(server, tmp_path, timeout=1).missing(objects)
            assert caught.value.hint


def test_a_host_that_lives_and_answers_no_more_is_given_up(
    *, server: Ssh, tmp_path: Path, cache: Cache, tally: Tally
) -> None:
    root, elsewhere = tmp_path / "root", Cache(tmp_path / "elsewhere")
    root.mkdir()
    large: list[Object] = [(cache.add_bytes(f"{number}".encode() * 2_000_000).md5, None) for number in range(3)]
    with tally.attempt(FAULTS, "SSH storage, upload: the host keeps silent in the middle of a file, then once more"):
        server.fault = "stall"
        with pytest.raises(StorageError, match=r"cannot be sent .* in time") as caught:
            connected(server, root, timeout=1).upload(cache, large)
        assert caught.value.hint
        assert not set(names(root)) & set(names(cache.directory))
        server.fault = ""
        assert len(connected(server, root).upload(cache, large)) == 3
    with tally.attempt(FAULTS, "SSH storage, download: the host keeps silent in the middle of a file, then once more"):
        server.fault = "stall"
        with pytest.raises(StorageError, match=r"cannot be fetched .* in time") as caught:
            connected(server, root, timeout=1).download(elsewhere, large)
        assert caught.value.hint
        assert names(elsewhere.directory) == []
        server.fault = ""
        connected(server, root).download(elsewhere, large)
        assert names(elsewhere.directory) == names(cache.directory)


@pytest.mark.parametrize("count", [1, 5], ids=["by asking", "by listing"])
def test_a_host_that_lives_and_answers_no_question_is_given_up(
    *, server: Ssh, tmp_path: Path, tally: Tally, count: int
) -> None:
    asked: list[Object] = [(f"{number:032x}", None) for number in range(count)]
    storage = connected(server, tmp_path, timeout=1)
    assert storage.missing(asked) == asked
    server.fault = "hang"
    with tally.attempt(FAULTS, "SSH storage: the host lives and answers no question"):
        for _ in range(2):
            with pytest.raises(StorageError, match="in time") as caught:
                storage.missing(asked)
            assert caught.value.hint
