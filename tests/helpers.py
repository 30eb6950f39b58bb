"""What the tests of several parts share and pytest does not offer as a fixture."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gitreg.git.objects import Objects
from gitreg.git.runner import Git
from gitreg.git.snapshot import captured
from gitreg.progress import Did, Progress, Task
from gitreg.records.names import Reference, RunId
from gitreg.records.records import Code, RunRecord
from gitreg.registry import resolve, runs, versions
from gitreg.registry.repository import Registry

# DVC's own working files; they are ignored, and logging is what fills them
_OURS = (Path(".dvc/cache"), Path(".dvc/tmp"))


def fingerprint(repo: Path) -> dict[str, str]:
    """Everything of the user's in a working tree and its repository; compare two with `==`.

    HEAD, the index (bytes and mtime), all refs but `refs/gitreg*`, the stash with its history, and every file below
    `repo` (bytes, mode, mtime; links as links) except DVC's cache and temporary files. Reads with nothing that could
    refresh the index.
    """
    git_dir = Path(_git(repo, "rev-parse", "--path-format=absolute", "--git-dir"))
    common_dir = Path(_git(repo, "rev-parse", "--path-format=absolute", "--git-common-dir"))
    found = {"HEAD": (git_dir / "HEAD").read_text(), "index": _file(git_dir / "index")}
    for line in _git(repo, "for-each-ref", "--format=%(refname) %(objectname) %(symref)").splitlines():
        name, _, value = line.partition(" ")
        if not name.startswith("refs/gitreg"):
            found[name] = value
    found["stash history"] = _file(common_dir / "logs" / "refs" / "stash")
    for folder, folders, files in os.walk(repo):
        here = Path(folder).relative_to(repo)
        folders[:] = [name for name in folders if name != ".git" and here / name not in _OURS]
        links = [name for name in folders if (repo / here / name).is_symlink()]
        found |= {f"file {here / name}": _file(repo / here / name) for name in (*files, *links) if name != ".git"}
        if not files and not folders:
            found[f"folder {here}"] = "empty"
    return found


def _file(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink()}"
    if not path.exists():
        return "absent"
    info = path.stat()
    return f"{hashlib.sha256(path.read_bytes()).hexdigest()} mode {info.st_mode:o} mtime {info.st_mtime_ns}"


def _git(repo: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=repo, check=True, capture_output=True)
    return os.fsdecode(done.stdout).removesuffix("\n")


VERIFY = Path(__file__).parent / "reader" / "verify.sh"


def agrees(repo: Path, reference: str, directory: Path | None = None) -> None:
    """Assert that `verify.sh`, which shares no line with gitreg, says of a version what gitreg says.

    `directory` is a cache or storage, whose bytes are checked then.
    """
    command = ["sh", str(VERIFY), str(repo), reference, *([str(directory)] if directory else [])]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0, (lines, done.stderr.decode())
    theirs = {line for line in lines if line.split(" ")[0] not in ("ancestor", "cut", "file", "alias", "ok")}
    with Registry.opened(repo) as registry:
        version = resolve.version(registry, Reference.parse(reference))
        found = versions.details(registry, version)
        tip = runs.tip(registry, found.run.id) or version.commit
        last, upto = runs.chain(registry, tip), runs.chain(registry, version.commit)
        assert last
        assert upto
        ours = {
            f"version {version.name}",
            f"tag {version.tag}",
            f"commit {version.commit}",
            f"type {found.artifact.type}",
            f"digest {found.artifact.digest}",
            f"run {found.run.id} {found.run.name} {last.record.state}",
            f"code {found.run.code.commit}",
            *(f"input {use.version} {use.commit}" for use in upto.inputs),
            *([f"link {found.record.link.version}"] if found.record.link else []),
        }
        files = [entry.sha256 for entry in versions.listing(registry, found)]
    assert theirs == ours
    sums = [line.split(" ")[1].removeprefix("\\") for line in lines if line.startswith("file ")]
    assert sums == files


def recorded(project: Path, run_id: str) -> RunRecord:
    """What is recorded of a run now."""
    with Registry.opened(project) as registry:
        return runs.get(registry, RunId(run_id)).record


def texts(folder: str | Path) -> dict[str, str]:
    """The text of each file below a folder, by its path in it."""
    return {str(path.relative_to(folder)): path.read_text() for path in Path(folder).rglob("*") if path.is_file()}


def steps(text: str) -> list[dict[str, Any]]:
    """The steps that a `run/history.json` holds, read without gitreg."""
    columns = json.loads(text or "{}")
    rows: list[dict[str, Any]] = [{} for _ in columns.get("_step", ())]
    for key, column in columns.items():
        is_dense = isinstance(column, list)
        at, values = (range(len(rows)), column) if is_dense else (column["at"], column["values"])
        for row, value in zip(at, values, strict=True):
            if value is not None or not is_dense:
                rows[row][key] = value
    return rows


def capture(git: Git, objects: Objects, *, snapshot: bool = True) -> Code:
    """The code as it is now, as a run begins with it, and no ref for it."""
    with captured(git, objects, snapshot=snapshot) as found:
        return found.code


class Heard(Progress, Task):
    """Listens to a library's work, one task at a time.

    Attributes:
        tasks: label, bytes and files of each, as they were announced.
        counts: the bytes of each report.
        files: what was done with which file of how many bytes.
    """

    def __init__(self) -> None:
        self.tasks: list[tuple[str, int | None, int | None]] = []
        self.counts: list[int] = []
        self.files: list[tuple[Did, str, int | None]] = []

    @contextlib.contextmanager
    def task(self, label: str, *, size: int | None = None, files: int | None = None) -> Iterator[Task]:
        self.tasks.append((label, size, files))
        yield self

    def advance(self, count: int) -> None:
        self.counts.append(count)

    def done(self, what: Did, name: str, size: int | None) -> None:
        self.files.append((what, name, size))
