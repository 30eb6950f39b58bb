"""Storages that hang, refuse, break off or lie: one error that says which, nothing half-written, the next try works.

Real servers on loopback, and DVC's own plugins in front of them.
"""

from __future__ import annotations

import gc
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import BUCKET, SECRET, Fault, Server, empty, http_server, running, s3_server

from conftest import Shell
from desks import Desk, World
from gitreg.errors import Error, StorageError
from gitreg.registry import contents
from helpers import agrees
from tally import FAULTS, Tally

# The plugins leave their connections to the garbage collector; `collected` makes it find them here.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

FILES = {"a": b"one " * 1000, "sub/b": b"two " * 1000, "c": b"3"}
_NO_SERVER = "http://127.0.0.1:9"
DOWN = {
    "never answers": "hang",
    "hangs up at once": "close",
    "stops in the middle": "stall",
    "breaks off in the middle": "cut",
    "answers 500": "500",
    "answers 403": "403",
    "has lost everything (404)": "404",
    "sends too few bytes, with 200": "short",
    "sends too many bytes, with 200": "long",
    "sends wrong bytes, with 200": "wrong",
    "redirects to where nobody is": _NO_SERVER,
}
UP = {
    "never answers": "hang",
    "hangs up at once": "close",
    "breaks off in the middle": "cut",
    "answers 500": "500",
    "answers 403": "403",
    "acknowledges and keeps nothing": "drop",
    "acknowledges and keeps half": "half",
    "redirects to where nobody is": _NO_SERVER,
}


# Of these the bounded form tries some: the S3 plugin tries for long, with growing pauses.
_SHORT = {
    "DOWN http": {"hang", "stall", "cut", "500", "404", "wrong", "short"},
    "DOWN s3": {"cut", "403", "wrong"},
    "UP http": {"hang", "cut", "drop", "half"},
    "UP s3": {"403", "half"},
}


def chosen(which: str, server: Server, *, full: bool) -> dict[str, str]:
    """The faults to try."""
    faults = {"DOWN": DOWN, "UP": UP}[which]
    some = _SHORT[f"{which} {'s3' if is_s3(server) else 'http'}"]
    return {words: fault for words, fault in faults.items() if full or fault in some}


@pytest.fixture
def long(server: Server, *, full: bool) -> None:
    """With S3 this takes long."""
    if is_s3(server) and not full:
        pytest.skip("only in the full form")


def is_s3(server: Server) -> bool:
    return (server.root / BUCKET).exists()


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    yield
    gc.collect()


@pytest.fixture(params=["http", "s3"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    make = {"http": http_server, "s3": s3_server}[request.param]
    with running(make(tmp_path / "served")) as found:
        yield found


def configure(server: Server, clone: Path, name: str = "storage") -> None:
    """Name the server as a DVC remote, with a short patience and what it wants to know in the untracked file."""
    head, kept = f"['remote \"{name}\"']\n", "    read_timeout = 1\n    connect_timeout = 1\n"
    if is_s3(server):
        head += f"    url = s3://{BUCKET}/x\n    endpointurl = {server.url}\n    region = us-east-1\n"
        kept += f"    access_key_id = me\n    secret_access_key = {SECRET}\n"
    else:
        server.secret = SECRET
        head += f"    url = {server.url}/x\n"
        kept += f"    auth = custom\n    custom_auth_header = X-Token\n    password = {SECRET}\n"
    (clone / ".dvc" / "config").write_text(f"[core]\n    remote = {name}\n{head}")
    (clone / ".dvc" / "config.local").write_text(f"['remote \"{name}\"']\n{kept}")


@pytest.fixture
def world(server: Server, repo: Path, tmp_path: Path, sh: Shell) -> Iterator[World]:
    configure(server, repo)
    found = World(tmp_path, sh)
    sh(
        "git init --quiet --bare ../server.git && git commit --quiet -am storage &&"
        " git push --quiet ../server.git main",
        repo,
    )
    yield found
    found.close()


@pytest.fixture
def ada(world: World, server: Server) -> Desk:
    found = world.clone("ada")
    configure(server, found.path)
    return found


@pytest.fixture
def bob(world: World, server: Server) -> Desk:
    found = world.clone("bob")
    configure(server, found.path)
    return found


def bytes_of(desk: Desk) -> list[str]:
    """What a clone has of bytes, temporary files included."""
    return [path.name for path in (desk.path / ".dvc" / "cache").rglob("*") if path.is_file()]


def get(desk: Desk, reference: str = "m:v0") -> dict[str, bytes]:
    target = desk.path / ".git" / "got"
    shutil.rmtree(target, ignore_errors=True)
    contents.write_out(desk.reopen(), desk.details(reference), target)
    return {path.relative_to(target).as_posix(): path.read_bytes() for path in target.rglob("*") if path.is_file()}


def forget(desk: Desk) -> None:
    shutil.rmtree(desk.path / ".dvc" / "cache", ignore_errors=True)


def told(error: Error) -> str:
    """All that a person is told."""
    return f"{error}\n{error.hint}"


def test_a_download_that_fails_writes_nothing_and_can_be_repeated(
    *, server: Server, ada: Desk, bob: Desk, tally: Tally, full: bool
) -> None:
    kind = "S3" if is_s3(server) else "HTTP"
    ada.log("m", FILES)
    ada.publish()
    bob.fetch()
    for words, fault in chosen("DOWN", server, full=full).items():
        server.faults = [Fault(fault)]
        server.requests.clear()
        with tally.attempt(FAULTS, f"{kind} storage, download: it {words}"):
            with pytest.raises(StorageError) as caught:
                get(bob)
            assert "of 'm:v0'" in str(caught.value)
            assert caught.value.hint
            assert SECRET not in told(caught.value)
            assert bytes_of(bob) == []
            assert not list((bob.path / ".git").glob("got/**/*"))
            # three files, each asked for so often and no more
            assert len(server.requests) <= 3 * 2 * 9
            server.faults = []
            assert get(bob) == FILES
        forget(bob)


def test_an_upload_that_fails_publishes_nothing_and_can_be_repeated(
    *, server: Server, world: World, ada: Desk, bob: Desk, tally: Tally, full: bool
) -> None:
    kind = "S3" if is_s3(server) else "HTTP"
    for number, (words, fault) in enumerate(chosen("UP", server, full=full).items()):
        name = f"m{number}"
        ada.log(name, {**FILES, "which": name.encode()})
        before = world.published()
        server.faults = [Fault(fault, "PUT|POST")]
        with tally.attempt(FAULTS, f"{kind} storage, upload: it {words}"):
            with pytest.raises(StorageError) as caught:
                ada.publish()
            assert caught.value.hint
            assert SECRET not in told(caught.value)
            assert world.published() == before
            assert f"{name}:v0 (unpublished)" in ada.all()
            server.faults = []
            assert [str(version) for version in ada.publish().versions] == [f"{name}:v0"]
            bob.fetch()
            assert get(bob, f"{name}:v0")["which"] == name.encode()
        forget(bob)
        empty(server.root)
        (server.root / BUCKET).mkdir()


@pytest.mark.usefixtures("long")
def test_a_storage_that_cannot_be_asked_is_not_taken_for_an_empty_one(
    *, server: Server, world: World, ada: Desk, tally: Tally, full: bool
) -> None:
    ada.log("m", FILES)
    for fault in ("500", "403", "close") if full else ("403",):
        server.faults = [Fault(fault, "GET|HEAD")]
        server.requests.clear()
        with tally.attempt(FAULTS, "a storage that cannot be asked what it has"):
            with pytest.raises(StorageError, match=r"cannot be (asked|listed)"):
                ada.publish()
            assert not [method for method, _ in server.requests if method in ("PUT", "POST")]
    server.faults = []
    ada.publish()
    assert "refs/tags/m@v0" in world.published()


@pytest.mark.usefixtures("long")
def test_an_upload_that_nobody_takes_is_given_up(*, server: Server, world: World, ada: Desk, tally: Tally) -> None:
    # more than the buffers between the two hold
    ada.log("m", {"big": b"x" * (32 << 20)})
    server.faults = [Fault("hang", "PUT|POST")]
    with tally.attempt(FAULTS, "a storage that takes no byte of an upload"):
        with pytest.raises(StorageError) as caught:
            ada.publish()
        assert caught.value.hint
        assert world.published() == []
        server.faults = []
        ada.publish()
        agrees(ada.path, "m:v0")


def test_another_storage_serves_while_one_fails(
    *, server: Server, ada: Desk, bob: Desk, tmp_path: Path, tally: Tally, full: bool
) -> None:
    ada.log("m", FILES)
    ada.publish()
    bob.fetch()
    spare = tmp_path / "spare"
    shutil.copytree(ada.path / ".dvc" / "cache", spare)
    with (bob.path / ".dvc" / "config.local").open("a") as config:
        config.write(f"['remote \"a-spare\"']\n    url = {spare}\n")
    for fault in ("500", "wrong", "404", "cut", "stall") if full else ("wrong", "404"):
        server.faults = [Fault(fault)]
        with tally.attempt(FAULTS, "one storage fails, another remote has the bytes"):
            assert get(bob) == FILES
        forget(bob)
    server.faults = [Fault("wrong", part=name[2:]) for name in bytes_of(ada)[:1]]
    (spare / "files" / "md5").rename(tmp_path / "gone")
    with tally.attempt(FAULTS, "one object of a storage is damaged, the others are fetched"):
        with pytest.raises(StorageError, match="damaged"):
            get(bob)
        server.faults = []
        server.requests.clear()
        assert get(bob) == FILES


@pytest.mark.usefixtures("long")
def test_a_download_that_is_killed_is_completed_by_the_next(
    *, server: Server, ada: Desk, bob: Desk, tally: Tally, full: bool
) -> None:
    ada.log("m", {**FILES, "big": bytes(range(256)) * 16384})
    ada.publish()
    bob.fetch()
    for part in ("/x/",) * (10 if full else 1):
        with tally.attempt(FAULTS, "kill -9 in the middle of a download, then once more"):
            server.faults = [Fault("stall", part=part)]
            server.stalled.clear()
            process = subprocess.Popen(["gitreg", "get", "m:v0", "-o", "got"], cwd=bob.path, stderr=subprocess.PIPE)
            assert server.stalled.wait(60)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            assert process.returncode == -signal.SIGKILL
            assert all(name.startswith(".gitreg-") and name.endswith(".tmp") for name in bytes_of(bob))
            assert not [path for path in (bob.path / "got").rglob("*") if path.is_file()]
            server.faults = []
            subprocess.run(["gitreg", "get", "m:v0", "-o", "got"], cwd=bob.path, check=True, capture_output=True)
            assert (bob.path / "got" / "big").read_bytes() == bytes(range(256)) * 16384
        shutil.rmtree(bob.path / "got")
        forget(bob)


@pytest.mark.usefixtures("long")
def test_a_password_in_an_address_is_in_no_error(*, server: Server, ada: Desk, tally: Tally, full: bool) -> None:
    local = ada.path / ".dvc" / "config.local"
    with_password = server.url.replace("://", f"://me:{SECRET}@")
    key = "endpointurl" if is_s3(server) else "url"
    text = f"['remote \"storage\"']\n    read_timeout = 1\n    {key} = {with_password}{'/x' if key == 'url' else ''}\n"
    local.write_text(text)
    ada.log("m", FILES)
    for fault in ("500", "403", "close", "cut", "hang") if full else ("403",):
        server.faults = [Fault(fault, "GET|HEAD|PUT|POST")]
        with tally.attempt(FAULTS, "a storage with a password in its address fails: the error does not hold it"):
            with pytest.raises(StorageError) as caught:
                ada.publish()
            assert SECRET not in told(caught.value)


@pytest.mark.usefixtures("long")
def test_bytes_that_a_storage_changes_as_it_keeps_them_are_never_handed_out(
    *, server: Server, ada: Desk, bob: Desk, tally: Tally
) -> None:
    # Nobody can see that from what the storage says: the number of bytes is right.
    ada.log("m", FILES)
    server.faults = [Fault("spoil", "PUT|POST")]
    ada.publish()
    server.faults = []
    bob.fetch()
    with tally.attempt(FAULTS, "a storage keeps wrong bytes of the right number: no reader gets them"):
        with pytest.raises(StorageError, match="damaged"):
            get(bob)
        assert bytes_of(bob) == []
    with tally.attempt(FAULTS, "a storage keeps wrong bytes of the right number: fsck --remote finds them"):
        done = subprocess.run(["gitreg", "fsck", "--remote"], cwd=ada.path, capture_output=True, text=True, check=False)
        assert done.returncode == 3, done
        assert "damaged" in done.stdout + done.stderr, done
