"""Measure what it takes to get one model out of a repository with many: `gitreg get --repo`, beside `dvc get URL`.

Git and storage are served over HTTP on loopback, and every byte that passes either way is counted, headers included.
Each line begins with a home that is empty, but for those that say `again`. Seconds say little: a network costs more for
each byte and each round trip.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gitreg.git.runner import Git
from gitreg.records.names import AliasName, CollectionName
from gitreg.records.objects import Oid
from gitreg.records.records import Code, RunRecord
from gitreg.registry import aliases
from gitreg.registry.draft import Draft
from gitreg.registry.live import LiveRun
from gitreg.registry.publish import publish
from gitreg.registry.repository import Registry
from gitreg.registry.start import new_id

sys.path.append(str(Path(__file__).parents[1] / "faults"))
from git_servers import http_server as git_server
from servers import http_server as file_server
from servers import running

_CHUNK = 1 << 16
NAME = "m"


@dataclass
class Counter:
    """A port before another one.

    Attributes:
        port: where to ask.
        sent, received: bytes from the client, and to it.
        connections: how often it was asked.
    """

    port: int
    sent: int = 0
    received: int = 0
    connections: int = 0


@contextlib.contextmanager
def counted(port: int) -> Iterator[Counter]:
    """A port that passes everything on to another one of this machine, and counts."""
    listener = socket.create_server(("127.0.0.1", 0))
    counter = Counter(listener.getsockname()[1])
    threads: list[threading.Thread] = []

    def count_sent(size: int) -> None:
        counter.sent += size

    def count_received(size: int) -> None:
        counter.received += size

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            counter.connections += 1
            server = socket.create_connection(("127.0.0.1", port))
            for one, other, count in ((client, server, count_sent), (server, client, count_received)):
                threads.append(threading.Thread(target=_pump, args=(one, other, count), daemon=True))
                threads[-1].start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield counter
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _pump(source: socket.socket, target: socket.socket, count: Callable[[int], None]) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            count(len(data))
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def fill(work: Path, versions: int, size: int) -> None:
    """Log and publish so many versions, one a run, each of so many bytes; `production` names the one in the middle."""
    registry = Registry(Git.discover(work))
    head = Oid.parse(registry.git.text("rev-parse", "HEAD"))
    noise = random.Random(0)
    weights = work / "model.bin"
    for number in range(versions):
        weights.write_bytes(noise.randbytes(size))
        record = RunRecord(new_id(), f"run-{number}", Code(head, snapshot=False), started="2026-01-02T03:04:05Z")
        run = LiveRun.start(registry, record)
        version, _ = run.log_artifact(Draft(CollectionName.parse(NAME), "model", {"model.bin": weights}))
        run.finish("finished")
        if number == versions // 2:
            aliases.move(registry, AliasName(CollectionName.parse(NAME), "production"), version)
        if number % 100 == 99:
            print(f"{number + 1} of {versions} versions", file=sys.stderr)
    publish(registry)
    registry.close()


def measure(folder: Path, versions: int, size: int) -> list[tuple[str, float, Counter, Counter]]:
    """A line for each way: seconds, and what passed to and from git and the storage."""
    home, place = folder / "home", folder / "place"
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "XDG_", "DVC_", "GITREG_"))}
    os.environ.clear()
    os.environ.update({**kept, "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1", "DVC_NO_ANALYTICS": "1"})
    os.environ.update({"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org", "LC_ALL": "C.UTF-8"})
    os.environ.update({"GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org"})
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    home.mkdir()
    found = []
    with (
        running(file_server(folder / "files")) as files,
        git_server(folder) as git,
        counted(int(git.url.rpartition(":")[2])) as before_git,
        counted(files.server_port) as before_files,
    ):
        url = f"http://127.0.0.1:{before_git.port}/server.git"
        _sh(folder, "git init --quiet --bare server.git && git init --quiet --initial-branch=main work")
        # a project of a usual size: this one
        code = Path(aliases.__file__).parents[1]
        shutil.copytree(code, folder / "work" / "code", ignore=shutil.ignore_patterns("__pycache__"))
        _sh(folder / "work", "git add . && git commit --quiet -m code")
        _sh(folder / "work", "git remote add origin ../server.git && git push --quiet origin main")
        _sh(folder / "work", f"gitreg init --storage http://127.0.0.1:{before_files.port}/storage 2>/dev/null")
        fill(folder / "work", versions, size)
        _sh(folder / "server.git", "git config uploadpack.allowFilter true && git gc --quiet")
        tag = f"{NAME}@v{versions // 2}"
        for words, command in (
            ("`gitreg get m:vN --repo URL`", f"gitreg get {NAME}:v{versions // 2} --repo {url}"),
            ("... again", f"gitreg get {NAME}:v{versions // 2} --repo {url}"),
            ("`gitreg get m:production --repo URL`", f"gitreg get {NAME}:production --repo {url}"),
            ("... again", f"gitreg get {NAME}:production --repo {url}"),
            ("`gitreg get m --repo URL`: the newest", f"gitreg get {NAME} --repo {url}"),
            ("`git clone --depth=1 --branch m@vN` and `dvc pull`",
             f"git clone --quiet --depth=1 --branch {tag} {url} c 2>/dev/null && cd c && dvc pull --quiet"),
            ("`dvc get URL artifacts/m --rev m@vN`", f"dvc get --quiet {url} artifacts/{NAME} --rev {tag}"),
        ):  # fmt: skip
            if not words.startswith("..."):
                shutil.rmtree(home)
                home.mkdir()
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            for counter in (before_git, before_files):
                counter.sent = counter.received = counter.connections = 0
            started = time.perf_counter()
            _sh(place, command)
            seconds = time.perf_counter() - started
            (model,) = (path for path in place.rglob("model.bin") if path.is_file() and ".dvc" not in path.parts)
            assert model.stat().st_size == size
            found.append((words, seconds, Counter(**vars(before_git)), Counter(**vars(before_files))))
    return found


def _sh(folder: Path, script: str) -> None:
    done = subprocess.run(
        ["sh", "-euc", script], cwd=folder, check=False, stdin=subprocess.DEVNULL, capture_output=True
    )
    assert done.returncode == 0, (script, done.stderr.decode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--versions", type=int, default=1000)
    parser.add_argument("--size", type=int, default=100_000, help="bytes of a model")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gitreg-bench-") as folder:
        lines = measure(Path(folder), options.versions, options.size)
    print(f"{options.versions} versions of {options.size} bytes each; bytes over the network, both ways\n")
    print("| | git | storage | together | seconds |\n|---|--:|--:|--:|--:|")
    for words, seconds, git, files in lines:
        bytes_ = [git.sent + git.received, files.sent + files.received]
        print(f"| {words} | {bytes_[0]:,} | {bytes_[1]:,} | {sum(bytes_):,} | {seconds:.1f} |")


if __name__ == "__main__":
    main()
