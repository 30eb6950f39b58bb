"""Files that are difficult: unreadable, changing, vanishing, of odd kinds and names, very many, very large."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conftest import Shell
from desks import Desk
from gitreg.data.cache import Cache, store
from gitreg.data.materialise import materialise, verify
from gitreg.data.walk import walk_directory
from gitreg.errors import StorageError
from gitreg.sdk.artifact import Artifact
from helpers import fingerprint
from tally import FAULTS, INPUTS, Tally

NAMES = [
    "日本語 の ファイル.txt",
    unicodedata.normalize("NFC", "Zürich"),
    " leading and trailing ",
    "two\nlines",
    "tab\tand\rreturn",
    "'single' \"double\" `back`",
    "back\\slash",
    "-rf",
    "--output=x",
    "-n",
    "*",
    "$(touch pwned)",
    "a;b|c&d",
    "%s %n",
    "#hash",
    "~",
    "\x1b[31mred",
    "x" * 255,
    "日" * 85,
    "con.txt",
    "dvc.yaml",
    "m.dvc",
    ".dvcignore",
    ".gitignore",
    ".gitattributes",
]


@pytest.fixture
def desk(repo: Path, sh: Shell) -> Iterator[Desk]:
    found = Desk(repo, sh)
    yield found
    found.registry.close()


def gitreg(cwd: Path, *arguments: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    command = [*prefix, "gitreg", *arguments]
    return subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def refused(done: subprocess.CompletedProcess[str], *names: str) -> None:
    """One error, which names what it is about."""
    assert done.returncode == 1, done
    assert done.stdout == "", done
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert all(name in line for name in names), done


def clean(repo: Path) -> None:
    """Nothing is left of a version that was refused."""
    assert not [path for path in repo.rglob("*") if ".gitreg-" in path.name or path.suffix == ".lock"]
    done = subprocess.run(
        ["git", "for-each-ref", "refs/tags", "refs/gitreg"], cwd=repo, capture_output=True, check=True
    )
    assert done.stdout == b""


@pytest.fixture
def as_owner(need: Callable[[str], str]) -> tuple[str, ...]:
    """What runs a command as somebody to whom permissions mean something: root without its power over them."""
    if os.geteuid() != 0:
        return ()
    return (
        need("setpriv"),
        "--bounding-set=-dac_override,-dac_read_search",
        "--inh-caps=-dac_override,-dac_read_search",
    )


class TestWhatCannotBeRead:
    def test_a_file_or_folder_without_permission_is_named(
        self, repo: Path, as_owner: tuple[str, ...], tally: Tally
    ) -> None:
        folder = repo / "data"
        (folder / "sub").mkdir(parents=True)
        (folder / "good").write_text("good")
        (folder / "sub" / "secret").write_text("secret")
        for place in (folder / "sub" / "secret", folder / "sub"):
            mode = place.stat().st_mode
            place.chmod(0)
            before = subprocess.run(["ls", "-lR", "data"], cwd=repo, capture_output=True, check=True).stdout
            with tally.attempt(FAULTS, "a file or folder that may not be read"):
                done = gitreg(repo, "put", "data", "--name", "m", "--type", "t", prefix=as_owner)
                refused(done, str(place), "Permission denied")
                assert "hint: " in done.stderr
                clean(repo)
                assert subprocess.run(["ls", "-lR", "data"], cwd=repo, capture_output=True, check=True).stdout == before
            place.chmod(mode)
        assert gitreg(repo, "put", "data", "--name", "m", "--type", "t", prefix=as_owner).returncode == 0

    def test_a_folder_that_may_not_be_written_to_gets_nothing(
        self, repo: Path, as_owner: tuple[str, ...], tally: Tally
    ) -> None:
        (repo / "data").write_text("x" * 1000)
        assert gitreg(repo, "put", "data", "--name", "m", "--type", "t").returncode == 0
        target = repo / "closed"
        target.mkdir(mode=0o555)
        with tally.attempt(FAULTS, "get into a folder that may not be written to"):
            done = gitreg(repo, "get", "m:v0", "-o", "closed", prefix=as_owner)
            refused(done, "closed", "Permission denied")
            assert "hint: " in done.stderr
            assert list(target.iterdir()) == []

    def test_a_repository_that_can_only_be_read_is_read(
        self, repo: Path, tmp_path: Path, as_owner: tuple[str, ...], tally: Tally
    ) -> None:
        (repo / "data").write_text("rows")
        for arguments in (
            "put data --name m --type t",
            "put README --name n --type t --use m:v0",
            "alias set m:best v0",
        ):
            assert gitreg(repo, *arguments.split()).returncode == 0
        shutil.rmtree(repo / ".git" / "gitreg" / "index", ignore_errors=True)
        for file in (repo / ".git" / "gitreg").glob("index*"):
            file.unlink()
        subprocess.run(["chmod", "-R", "a-w", str(repo)], check=True)
        before = fingerprint(repo)
        try:
            for words in ("ls", "ls m", "show n:v0", "runs", "lineage n:v0 --format text", "status", "alias ls m"):
                with tally.attempt(FAULTS, "a repository that can only be read: a command that reads"):
                    done = gitreg(repo, *words.split(), prefix=as_owner)
                    assert done.returncode == 0, done
                    assert done.stdout, done
            with tally.attempt(FAULTS, "a repository that can only be read: get to somewhere else"):
                done = gitreg(repo, "get", "m:best", "-o", str(tmp_path / "out"), prefix=as_owner)
                assert (done.returncode, (tmp_path / "out" / "data").read_text()) == (0, "rows"), done
            for words in ("put README --name x --type t", "alias set m:best none", "run -- true", "get m", "init"):
                with tally.attempt(FAULTS, "a repository that can only be read: a command that writes"):
                    done = gitreg(repo, *words.split(), prefix=as_owner)
                    if words == "alias set m:best none":
                        done = gitreg(repo, "alias", "set", "m:other", "v0", prefix=as_owner)
                    if words == "init" and done.returncode == 0:
                        continue  # there is nothing left to set up
                    refused(done)
                    assert "hint: " in done.stderr, done
                    assert fingerprint(repo) == before
        finally:
            subprocess.run(["chmod", "-R", "u+w", str(repo)], check=True)
        assert gitreg(repo, "put", "README", "--name", "x", "--type", "t").returncode == 0


_WRITER = """\
import sys, os
path, how = sys.argv[1:]
size = os.path.getsize(path)
file = open(path, "r+b", buffering=0)
print("ready", flush=True)
count = 0
while True:
    count += 1
    if how == "append":
        file.seek(0, 2)
    elif how == "rewrite":
        file.seek(count * 4096 % size)
    elif how == "truncate":
        file.truncate(size - count % 2)
        file.seek(0)
    file.write(b"%08d" % (count % 10**8))
    if how == "append" and count > 100_000:
        file.truncate(size)
"""


@pytest.mark.parametrize("how", ["append", "rewrite", "truncate"])
def test_a_file_that_somebody_writes_is_refused_until_they_stop(
    *, repo: Path, tally: Tally, how: str, full: bool
) -> None:
    path = repo / "big"
    path.write_bytes(b"x" * (32 << 20))
    for _ in range(5 if full else 1):
        with tally.attempt(FAULTS, "a file that another process writes while it is read"):
            writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(path), how], stdout=subprocess.PIPE)
            try:
                assert writer.stdout
                writer.stdout.readline()
                done = gitreg(repo, "put", "big", "--name", "m", "--type", "t")
                assert writer.poll() is None
            finally:
                writer.kill()
                writer.communicate()
            refused(done, str(path), "changed while it was read")
            assert "hint: " in done.stderr
            clean(repo)
    assert gitreg(repo, "put", "big", "--name", "m", "--type", "t").returncode == 0
    assert gitreg(repo, "get", "m", "-o", "out").returncode == 0
    assert (repo / "out" / "big").read_bytes() == path.read_bytes()


def replace_by(kind: str, path: Path) -> None:
    path.unlink()
    if kind == "nothing":
        return
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        targets = {"link to a folder": path.parent, "dangling link": Path("nowhere"), "link to a file": Path("a")}
        path.symlink_to(targets[kind])


@pytest.mark.parametrize("kind", ["nothing", "pipe", "folder", "link to a folder", "dangling link", "link to a file"])
def test_a_file_that_is_replaced_between_the_look_and_the_read(tmp_path: Path, tally: Tally, kind: str) -> None:
    cache = Cache(tmp_path / "cache", tmp_path / "keep")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").write_text("a")
    (folder / "b").write_text("b")
    found = walk_directory(folder)
    replace_by(kind, folder / "b")
    with tally.attempt(FAULTS, f"a file is replaced by {kind} between the look and the read"):
        if kind == "link to a file":
            assert verify(store(found, cache), materialise(store(found, cache), cache, tmp_path / "out")) == []
            assert (tmp_path / "out" / "b").read_text() == "a"
        else:
            with pytest.raises(StorageError, match=r"folder/b"):
                store(found, cache)
            assert not list(cache.directory.rglob(".gitreg-*"))


@pytest.mark.parametrize("hashed", [True, False], ids=["hashed before", "not hashed before"])
@pytest.mark.parametrize("how", ["other bytes", "as many bytes, the old time", "another file", "nothing"])
def test_a_file_of_an_artifact_that_changes_before_it_is_copied_is_noticed(
    *, desk: Desk, tmp_path: Path, tally: Tally, how: str, hashed: bool
) -> None:
    if how == "as many bytes, the old time" and not hashed:
        pytest.skip("nobody has read the old bytes")
    path = tmp_path / "weights"
    path.write_text("first")
    artifact = Artifact("m", "model")
    artifact.add_file(path)
    if hashed:
        assert artifact.digest
    run = desk.start()
    draft = artifact._draft()
    before = path.stat()
    if how == "other bytes":
        path.write_text("second")
    elif how == "as many bytes, the old time":
        path.write_text("FIRST")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif how == "another file":
        (tmp_path / "new").write_text("first")
        (tmp_path / "new").replace(path)
    else:
        path.unlink()
    with tally.attempt(FAULTS, f"a file of an artifact becomes {how} after it was checked and before it is copied"):
        with pytest.raises(StorageError, match="weights"):
            run.log_artifact(draft)
        assert desk.all() == []
    run.finish("failed")


def odd(kind: str, place: Path) -> None:
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            here = Path.cwd()
            os.chdir(place.parent)
            try:
                listener.bind(place.name)
            finally:
                os.chdir(here)
    elif kind == "device":
        place.symlink_to("/dev/null")
    elif kind == "endless device":
        place.symlink_to("/dev/zero")
    elif kind == "link to a folder":
        place.symlink_to(place.parent.parent)
    elif kind == "link to itself":
        place.symlink_to(place.name)
    else:
        place.symlink_to("nowhere")


KINDS = ["pipe", "socket", "device", "endless device", "link to a folder", "link to itself", "dangling link"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_refused_by_name(*, repo: Path, tally: Tally, kind: str, full: bool) -> None:
    (repo / "data" / "sub").mkdir(parents=True)
    (repo / "data" / "file").write_text("x")
    odd(kind, repo / "data" / "sub" / "odd")
    with tally.attempt(INPUTS, f"a folder with a {kind}"):
        refused(gitreg(repo, "put", "data", "--name", "m", "--type", "t"), "data/sub/odd")
        clean(repo)
    if full and kind != "link to a folder":
        with tally.attempt(INPUTS, f"a {kind} by itself"):
            done = gitreg(repo, "put", "data/sub/odd", "--name", "m", "--type", "t")
            assert done.returncode in (1, 2), done
            assert "data/sub/odd" in done.stderr
            clean(repo)


def round_trip(folder: Path, desk: Desk, sh: Shell, tmp_path: Path) -> None:
    """What is logged, sent and fetched is what was there, also to `diff`, `sha256sum` and stock `dvc`."""
    sh(f"gitreg put '{folder}' --name m --type t && gitreg get m -o {tmp_path}/out", desk.path)
    sh(f"diff --recursive --no-dereference '{folder}' {tmp_path}/out")
    sh(f"git show m@v0:artifacts/m.sha256 > {tmp_path}/sums", desk.path)
    sh("sha256sum --check --quiet ../sums", tmp_path / "out")


def test_names_that_are_difficult_come_back_as_they_were(
    *, desk: Desk, sh: Shell, tmp_path: Path, tally: Tally
) -> None:
    folder = tmp_path / "source"
    (folder / "sub").mkdir(parents=True)
    for name in NAMES:
        (folder / name).write_text(name)
        (folder / "sub" / name).write_text(f"below {name}")
    with tally.attempt(FAULTS, "file names with blanks, quotes, line breaks, dashes, Japanese, 255 bytes"):
        round_trip(folder, desk, sh, tmp_path)
        assert not list(tmp_path.rglob("pwned"))
        shown = gitreg(desk.path, "show", "m:latest")
        assert shown.returncode == 0
        assert "\x1b" not in shown.stdout
        files = json.loads(gitreg(desk.path, "show", "m:latest", "--json").stdout)
        assert "日本語 の ファイル.txt" in json.dumps(files, ensure_ascii=False)


def test_nothing_and_next_to_nothing_can_be_logged(*, desk: Desk, sh: Shell, tmp_path: Path, tally: Tally) -> None:
    folder = tmp_path / "source"
    (folder / "empty folder").mkdir(parents=True)
    with tally.attempt(FAULTS, "a folder without files"):
        sh(f"gitreg put {folder} --name none --type t && gitreg get none -o {tmp_path}/none", desk.path)
        assert list((tmp_path / "none").iterdir()) == []
    (folder / "empty").touch()
    with tally.attempt(FAULTS, "an empty file, and a folder without files"):
        sh(f"gitreg put {folder} --name one --type t && gitreg get one -o {tmp_path}/one", desk.path)
        assert [(path.name, path.stat().st_size) for path in (tmp_path / "one").iterdir()] == [("empty", 0)]


def test_very_many_files_in_one_artifact(*, desk: Desk, sh: Shell, tmp_path: Path, tally: Tally, full: bool) -> None:
    count = 10_000 if full else 300
    folder = tmp_path / "source"
    for number in range(count):
        place = folder / f"{number % 97:02}" / f"{number}.txt"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"file {number}\n")
    with tally.attempt(FAULTS, f"{count} files in one artifact"):
        round_trip(folder, desk, sh, tmp_path)


# What a process that is forked from a large one has held counts from the fork on, so a small one starts it.
_PEAK = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
print(used.ru_maxrss * 1024)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def peak(cwd: Path, *arguments: str) -> int:
    """Run gitreg; the most memory in bytes that it, or a process that it started, ever held."""
    command = [sys.executable, "-c", _PEAK, "gitreg", *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_a_very_large_file_takes_no_more_memory_than_a_small_one(
    *, repo: Path, sh: Shell, tmp_path: Path, tally: Tally, full: bool
) -> None:
    size = 5 * 10**9 if full else 256 << 20
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(size)
        file.seek(size // 2)
        file.write(b"in the middle")
    storage = tmp_path / "storage"
    sh(f"git init --quiet --bare {tmp_path}/server.git && git remote add origin {tmp_path}/server.git", repo)
    sh(f"gitreg init --storage {storage}", repo)
    words = f"a file of {size / 1e9:.2g} GB: memory stays below 200 MB"
    for arguments in (
        ("put", str(path), "--name", "m", "--type", "t"),
        ("push",),
        ("get", "m", "-o", str(tmp_path / "out")),
    ):
        with tally.attempt(FAULTS, words):
            assert peak(repo, *arguments) < 200_000_000
    sh(f"cmp {path} {tmp_path}/out/large && rm -rf {tmp_path}/out .dvc/cache .git/gitreg/keep", repo)
    with tally.attempt(FAULTS, words):
        assert peak(repo, "get", "m", "-o", str(tmp_path / "out")) < 200_000_000
    sh(f"cmp {path} {tmp_path}/out/large && rm -rf {tmp_path}/out {storage} .dvc/cache {path}", repo)


def test_repository_and_files_on_different_file_systems(repo: Path, sh: Shell, tmp_path: Path, tally: Tally) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system to write to")
    with tempfile.TemporaryDirectory(dir=memory) as other:
        far = Path(other)
        (far / "data").write_text("far away")
        with tally.attempt(FAULTS, "files, storage and target on another file system than the repository"):
            sh(f"git init --quiet --bare {tmp_path}/server.git && git remote add origin {tmp_path}/server.git", repo)
            sh(f"gitreg init --storage {far}/storage && gitreg put {far}/data --name m --type t && gitreg push", repo)
            sh(f"rm -rf .dvc/cache && gitreg get m -o {far}/out && cmp {far}/data {far}/out/data", repo)
        with tally.attempt(FAULTS, "the repository on another file system than files, cache and target"):
            (tmp_path / "near").write_text("near")
            sh(f"git clone --quiet file://{repo} clone && cd clone && gitreg init --storage {tmp_path}/store", far)
            sh(f"dvc cache dir --local {tmp_path}/cache && gitreg put {tmp_path}/near --name x --type t", far / "clone")
            sh(f"gitreg get x -o {tmp_path}/out && cmp {tmp_path}/near {tmp_path}/out/near", far / "clone")
